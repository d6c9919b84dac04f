"""Play stored attempts on a simulated cluster: manifests, and actions in the words of a learner.

A text of YAML documents: one with ``kind`` is applied, one with ``action`` is in the table
``ACTIONS``.
In every string ``$worker3`` is the full name of that node, ``$controlplane`` the control plane's.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from string import Template
from typing import Any

import yaml
from simulated_cluster import Info, SimulatedCluster, resource_of, taint_of
from simulated_controllers import MANAGER
from simulated_objects import (
    Object,
    Refused,
    json_patch,
    merge_patch,
    quantity,
    strategic,
)
from simulated_rights import SimulatedRequests

from daemonset_course.history import podstate
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.lab.actions import filler, slow_nodes_policy
from daemonset_course.lab.agent_tries import free_nodes, try_rights
from daemonset_course.lab.criteria import judged_rules
from daemonset_course.verbs.alert_rules import recorded_verdict

STEP = 0.1  # seconds that a step takes, at least
PATIENCE = 60.0  # seconds
_FLAGS = frozenset({  # options without a value
    "--all", "--overwrite", "--force", "--ignore-daemonsets", "--delete-emptydir-data", "--now",
    "--ignore-not-found", "--server-side", "--force-conflicts", "--disable-eviction", "--list",
})  # fmt: skip
_SHORT = {
    "-n": "--namespace", "-p": "--patch", "-l": "--selector", "-f": "--filename",
    "-c": "--containers", "--container": "--containers", "-A": "--all-namespaces", "-o": "--output",
}  # fmt: skip
_RESOURCES = {
    "ds": "daemonsets", "po": "pods", "no": "nodes", "ns": "namespaces", "cm": "configmaps",
    "deploy": "deployments", "cj": "cronjobs",
    "priorityclass": "priorityclasses", "pc": "priorityclasses", "sa": "serviceaccounts",
    "mutatingadmissionpolicy": "mutatingadmissionpolicies",
    "validatingadmissionpolicy": "validatingadmissionpolicies",
}  # fmt: skip
_KNOWN_OPTIONS = frozenset({
    "namespace", "patch", "selector", "filename", "containers", "output", "type", "cascade",
    "to-revision", "from-literal", "requests", "limits", "field-selector", "grace-period", "wait",
    "timeout", "subresource", "field-manager", "watch", "pod-selector", "revision", "record",
    "all-namespaces", "replicas", "validate", "for", "image", "schedule", "command",
    *(flag[2:] for flag in _FLAGS),
})  # fmt: skip


def play(cluster: SimulatedCluster, text: str) -> SimulatedCluster:
    """Play the steps of a text; a refused step is noted in ``cluster.refusals``.

    Raises:
        AssertionError: an action or a word of kubectl is not known here.
    """
    for step in yaml.safe_load_all(Template(text).safe_substitute(node_words(cluster))):
        if step is None:
            continue
        try:
            _step(cluster, step)
        except Refused as error:
            cluster.refusals.append(str(error))
        cluster.run(STEP)
    return cluster


def node_words(cluster: SimulatedCluster) -> dict[str, str]:
    """Return the names of nodes for which ``$worker3`` and ``$controlplane`` stand."""
    names = [*cluster.worker_names, *cluster.node_names()]
    found = {name.removeprefix("course-"): name for name in names}
    return {word.replace("-", ""): name for word, name in found.items()}


def _step(cluster: SimulatedCluster, step: Any) -> None:
    if isinstance(step, Mapping) and "action" in step:
        words = {key: value for key, value in step.items() if key != "action"}
        act = ACTIONS.get(step["action"])
        if act is None:
            raise AssertionError(f"no action is called {step['action']!r}: {', '.join(ACTIONS)}")
        act(cluster, **words)
        return
    for item in _items(step):
        cluster.apply(item)


def _items(step: Any) -> list[Object]:
    if isinstance(step, Mapping) and step.get("kind") == "List":
        return list(step["items"])
    return [step]


# Actions


def _wait_rollout(cluster: SimulatedCluster, daemonset: str, namespace: str = "default") -> None:
    cluster.run_until(lambda: rolled_out(cluster, daemonset, namespace), PATIENCE)


def rolled_out(cluster: SimulatedCluster, daemonset: str, namespace: str = "default") -> bool:
    """Whether ``kubectl rollout status`` would say that the rollout is complete."""
    found = cluster.find("daemonsets", daemonset, namespace)
    if found is None:
        raise Refused(f'daemonsets.apps "{daemonset}" not found')
    status, desired = found["status"], found["status"].get("desiredNumberScheduled", 0)
    return bool(
        status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        and status.get("updatedNumberScheduled", 0) >= desired
        and status.get("numberAvailable", 0) >= desired
    )


def _wait_stuck(
    cluster: SimulatedCluster, daemonset: str, reason: str, namespace: str = "default"
) -> None:
    def reasons() -> list[str]:
        pods = cluster.pods_of(daemonset, namespace)
        return [podstate.phase_of(info.pod)[1] for info in pods]

    if not cluster.run_until(lambda: any(reason in one for one in reasons()), PATIENCE):
        if (
            MANAGER not in cluster.running
            or cluster.find("daemonsets", daemonset, namespace) is None
        ):
            raise Refused(f"nothing makes Pods of {daemonset}")  # a cheat, and no mistake in a text
        seen = sorted({one for one in reasons() if one}) or "none"
        raise AssertionError(f"no Pod of {daemonset} got the reason {reason}; seen: {seen}")


def _delete_pods(
    cluster: SimulatedCluster, daemonset: str, count: int | None = None, node: str = "",
    nodes: Sequence[str] = (), namespace: str = "default", reason: str = "", wait: bool = False,
) -> None:  # fmt: skip
    pods = [info for info in cluster.pods_of(daemonset, namespace) if not info.terminating]
    pods = [info for info in pods if not reason or reason in podstate.phase_of(info.pod)[1]]
    wanted = {*nodes, *([node] if node else [])}
    pods = [info for info in pods if not wanted or info.node in wanted]
    for info in pods[:count]:
        cluster.delete_pod(info)
    if wait:
        keys = {info.key for info in pods[:count]}
        cluster.run_until(lambda: not keys & cluster.objects["pods"].keys(), PATIENCE)


def _wait_status(
    cluster: SimulatedCluster, daemonset: str, namespace: str = "default", **wanted: int
) -> None:
    def reached() -> bool:
        found = cluster.find("daemonsets", daemonset, namespace)
        numbers = status_of(found)._asdict() if found else {}
        return all(numbers.get(key) == value for key, value in wanted.items())

    if not cluster.run_until(reached, PATIENCE):
        raise AssertionError(f"{daemonset} never had {wanted}")


def _wait_pods(
    cluster: SimulatedCluster, daemonset: str, count: int, ready: int | None = None,
    namespace: str = "default",
) -> None:  # fmt: skip
    def reached() -> bool:
        pods = [info.pod for info in cluster.pods_of(daemonset, namespace)]
        good = [pod for pod in pods if podstate.phase_of(pod)[0] == "ready"]
        return len(pods) == count and len(good) == (count if ready is None else ready)

    if not cluster.run_until(reached, PATIENCE):
        raise AssertionError(f"{daemonset} never had {count} Pods, {ready} of them ready")


def _slow_nodes(cluster: SimulatedCluster, name: str, label: str, seconds: int) -> None:
    key, _, value = label.partition("=")
    named = [
        node for node in cluster.node_names()
        if cluster.get("nodes", node)["metadata"]["labels"].get(key) == value
    ]  # fmt: skip
    for one in slow_nodes_policy(name, named, seconds):
        cluster.apply(dict(one))


def _remove_node(
    cluster: SimulatedCluster, node: str = "", labels: Mapping[str, str] | None = None,
    if_there: bool = False,
) -> None:  # fmt: skip
    if labels is None:
        if cluster.find("nodes", node) or not if_there:
            cluster.remove_node(node)
        return
    for name in cluster.node_names():
        have = cluster.get("nodes", name)["metadata"]["labels"]
        if labels.items() <= have.items():
            cluster.remove_node(name)
            for info in list(cluster.on_node[name].values()):
                cluster.remove("pods", info.key)


def _fill_node(
    cluster: SimulatedCluster, node: str, daemonset: str, left: int, priority: str = ""
) -> None:
    there = cluster.on_node[node].values()
    whole = quantity(cluster.get("nodes", node)["status"]["allocatable"]["cpu"]) or 0
    free = whole - sum(info.requests.get("cpu", 0) for info in there)
    cluster.apply(filler(daemonset, node, round(1000 * free) - left, priority))
    _wait_rollout(cluster, daemonset)


def _network(cluster: SimulatedCluster, node: str, status: bool = True) -> None:
    cluster.network_unavailable(node, status)


def _break_node(
    cluster: SimulatedCluster, node: str = "", how: str = "unreachable",
    nodes: Sequence[str] = (),
) -> None:  # fmt: skip
    for name in nodes or [node]:
        cluster.break_node(name, how)
    cluster.run(0.5)


def _recover_node(cluster: SimulatedCluster, node: str) -> None:
    cluster.recover_node(node)
    cluster.run_until(lambda: all(_settled(info) for info in cluster.on_node[node].values()), 5.0)


def _settled(info: Info) -> bool:
    return info.ready_at is not None or info.terminating


def _add_node(
    cluster: SimulatedCluster, labels: Mapping[str, str] | None = None,
    taints: Iterable[str] = (), name: str = "", count: int = 1,
) -> None:  # fmt: skip
    made = [cluster.add_node(labels, taints, name) for _ in range(count)]
    cluster.run_until(
        lambda: all(podstate.is_ready(cluster.get("nodes", one)) for one in made), 5.0
    )


# kubectl


def _kubectl(cluster: SimulatedCluster, command: str, stdin: str = "") -> None:
    plain, options = _parsed(shlex.split(command))
    if not plain:
        raise AssertionError(f"not known here: kubectl {command}")
    for option in options:
        if option not in _KNOWN_OPTIONS:
            raise AssertionError(f"not known here: the option --{option} of kubectl {command}")
    verb, *words = plain
    act = _VERBS.get(verb)
    if act is None:
        raise AssertionError(f"not known here: kubectl {verb} ({command})")
    act(_Command(cluster, command, words, options, stdin))


def _parsed(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the words, and the values of each option."""
    plain: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        if word == "--":
            options["command"] = [*rest]
            break
        if len(word) < 2 or not word.startswith("-"):
            plain.append(word)
            continue
        if not word.startswith("--") and word[:2] in _SHORT and len(word) > 2:
            word = f"{_SHORT[word[:2]]}={word[2:].removeprefix('=')}"
        name, equals, value = word.partition("=")
        name = _SHORT.get(name, name)
        if not equals:
            value = "true" if name in _FLAGS or name in _BOOLEAN else next(rest, "")
        options.setdefault(name.removeprefix("--"), []).append(value)
    return plain, options


_BOOLEAN = frozenset({"--all-namespaces", "--watch", "--record", "--wait"})


class _Command:
    """One call of kubectl."""

    def __init__(
        self, cluster: SimulatedCluster, text: str, words: list[str],
        options: dict[str, list[str]], stdin: str,
    ) -> None:  # fmt: skip
        self.cluster, self.text, self.words, self.options = cluster, text, words, options
        self.stdin = stdin

    def option(self, name: str, default: str = "") -> str:
        return self.options.get(name, [default])[-1]

    @property
    def namespace(self) -> str:
        return self.option("namespace", "default")

    def unknown(self) -> AssertionError:
        return AssertionError(f"not known here: kubectl {self.text}")

    def manifests(self) -> list[Object]:
        if self.option("filename") not in ("-", "/dev/stdin"):
            raise self.unknown()
        try:
            documents = [one for one in yaml.safe_load_all(self.stdin) if one is not None]
        except yaml.YAMLError as error:
            raise Refused(f"error: error parsing STDIN: {error}") from error
        return [item for one in documents for item in _items(one)]

    def target(self) -> tuple[str, list[str], list[str]]:
        """Return the resource, the names, and the words after them that change something."""
        if not self.words:
            raise self.unknown()
        first, *rest = self.words
        if "/" in first:
            pairs = [word for word in self.words if _is_pair(word)]
            resource = resource_word(first.partition("/")[0])
            return resource, [w.partition("/")[2] for w in pairs], self.words[len(pairs) :]
        names = []
        while rest and not _is_change(rest[0]):
            names.append(rest.pop(0))
        return resource_word(first), names, rest

    def objects(self) -> tuple[str, list[Object], list[str]]:
        """Return the resource, the objects that are meant, and the words after them."""
        resource, names, rest = self.target()
        home = self.namespace
        if not names and not self.options.keys() & {"all", "selector", "field-selector"}:
            raise Refused("error: resource(s) were provided, but no name was specified")
        if names:
            if self.option("ignore-not-found"):
                names = [n for n in names if self.cluster.find(resource, n, home)]
            return resource, [self.cluster.get(resource, n, home) for n in names], rest
        found = list(self.cluster.iterate(resource, home))
        if text := self.option("selector"):
            found = [one for one in found if _selected(text, one)]
        if text := self.option("field-selector"):
            found = [one for one in found if _field_selected(text, one)]
        return resource, found, rest

    def daemonset(self) -> tuple[Object, list[str]]:
        """Return the one DaemonSet that is meant, and the words after it."""
        resource, found, rest = self.objects()
        if resource != "daemonsets" or len(found) != 1:
            raise self.unknown()
        return found[0], rest


def resource_word(word: str) -> str:
    """Return the resource that kubectl means by a word: ``ds`` gives ``daemonsets``."""
    word = word.lower().partition(".")[0]
    return _RESOURCES.get(word) or (word if word.endswith("s") else resource_of(word))


def _is_pair(word: str) -> bool:
    kind, slash, name = word.partition("/")
    return bool(slash and kind and name and "=" not in word and kind.isalpha())


def _is_change(word: str) -> bool:
    return "=" in word or word.endswith("-") or ":" in word


def _selected(text: str, item: Object) -> bool:
    labels = item["metadata"].get("labels") or {}
    for part in text.split(","):
        if "!=" in part:
            key, _, value = part.partition("!=")
            if labels.get(key) == value:
                return False
        elif "=" in part:
            key, _, value = part.partition("=")
            if labels.get(key) != value.lstrip("="):
                return False
        elif (part.lstrip("!") in labels) == part.startswith("!"):
            return False
    return True


def _field_selected(text: str, item: Object) -> bool:
    for part in text.split(","):
        path, _, value = part.partition("=")
        found: Any = item
        for word in path.rstrip("!").split("."):
            found = (found or {}).get(word)
        if ((found or "") == value.lstrip("=")) == path.endswith("!"):
            return False
    return True


def _apply(call: _Command) -> None:
    for item in call.manifests():
        call.cluster.apply(item, call.option("namespace"))


def _replace(call: _Command) -> None:
    for item in call.manifests():
        if call.option("force"):
            meta = item["metadata"]
            resource = resource_of(item["kind"])
            home = meta.get("namespace") or call.namespace
            _delete_objects(call, resource, [call.cluster.get(resource, meta["name"], home)])
            call.cluster.create(item, call.option("namespace"))
        else:
            call.cluster.replace(item, call.option("namespace"))


def _create(call: _Command) -> None:
    match call.words:
        case []:
            for item in call.manifests():
                call.cluster.create(item, call.option("namespace"))
        case ["configmap" | "cm", name]:
            pairs = (text.split("=", 1) for text in call.options.get("from-literal", ()))
            data = dict(pairs)
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
            call.cluster.create({**made, "data": data}, call.namespace)
        case ["deployment" | "deploy" | "job" | "cronjob" | "cj" as kind, name]:
            call.cluster.create(_workload(call, kind, name), call.namespace)
        case ["namespace" | "ns", name]:
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            call.cluster.create(made)
        case ["serviceaccount" | "sa", name]:
            made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            call.cluster.create(made, call.namespace)
        case _:
            raise call.unknown()


def _workload(call: _Command, kind: str, name: str) -> Object:
    """Return what ``kubectl create deployment``, ``job`` or ``cronjob`` makes."""
    image = call.option("image")
    word = image.rpartition("/")[2].partition(":")[0]  # a Deployment's container is named so
    container: Object = {"name": word if kind.startswith("d") else name, "image": image}
    if command := call.options.get("command"):
        container["command"] = command
    if kind.startswith("d"):
        labels = {"app": name}
        spec: Object = {
            "replicas": int(call.option("replicas", "1")), "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }  # fmt: skip
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                "spec": spec}  # fmt: skip
    policy = "Never" if kind == "job" else "OnFailure"
    spec = {"template": {"spec": {"containers": [container], "restartPolicy": policy}}}
    if kind == "job":
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}
    spec = {"schedule": call.option("schedule"), "jobTemplate": {"spec": spec}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def _delete(call: _Command) -> None:
    if "filename" in call.options:
        for item in call.manifests():
            resource = resource_of(item["kind"])
            home = item["metadata"].get("namespace") or call.namespace
            _delete_objects(
                call, resource, [call.cluster.get(resource, item["metadata"]["name"], home)]
            )
        return
    resource, found, rest = call.objects()
    if rest:
        raise call.unknown()
    _delete_objects(call, resource, found)


def _delete_objects(call: _Command, resource: str, found: Sequence[Object]) -> None:
    cluster = call.cluster
    force = bool(call.option("force")) and call.option("grace-period") == "0"
    cascade = {"false": "orphan", "true": "background"}.get(
        call.option("cascade"), call.option("cascade")
    )
    if cascade not in ("", "background", "orphan", "foreground"):
        raise call.unknown()
    for item in found:
        meta = item["metadata"]
        home = meta.get("namespace", "")
        if (resource, meta["name"]) == ("nodes", meta["name"]):
            cluster.remove_node(meta["name"])
        else:
            cluster.delete(
                resource, meta["name"], home, cascade=cascade or "background", force=force
            )
    uids = {item["metadata"]["uid"] for item in found}
    if call.option("wait", "true") != "false":
        cluster.run_until(
            lambda: (
                not any(
                    one["metadata"]["uid"] in uids for one in cluster.objects[resource].values()
                )
            ),
            PATIENCE,
        )


def _label(call: _Command) -> None:
    _change_map(call, "labels")


def _annotate(call: _Command) -> None:
    _change_map(call, "annotations")


def _change_map(call: _Command, field: str) -> None:
    _, found, changes = call.objects()
    if not changes:
        raise Refused("error: at least one change is required")
    overwrite = bool(call.option("overwrite"))

    def change(item: Object) -> Object:
        held = _changed_map(item["metadata"].get(field) or {}, changes, overwrite=overwrite)
        return {**item, "metadata": {**item["metadata"], field: held}}

    _replace_each(call.cluster, found, change)


def _changed_map(given: Object, changes: Iterable[str], *, overwrite: bool) -> Object:
    held = dict(given)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            held.pop(key.removesuffix("-"), None)
        elif held.get(key, value) != value and not overwrite:
            raise Refused(f"error: '{key}' already has a value, and --overwrite is false")
        else:
            held[key] = value
    return held


def _replace_each(
    cluster: SimulatedCluster, found: Iterable[Object], change: Callable[[Object], Object]
) -> None:
    """Change several objects; as kubectl, go on after an error, and fail at the end."""
    errors = []
    for item in found:
        try:
            cluster.replace(change(item))
        except Refused as error:
            errors.append(str(error))
    if errors:
        raise Refused("; ".join(errors))


def _taint(call: _Command) -> None:
    resource, found, changes = call.objects()
    if resource != "nodes" or not changes:
        raise call.unknown()
    overwrite = bool(call.option("overwrite"))

    def change(item: Object) -> Object:
        taints = list(item["spec"].get("taints") or ())
        for text in changes:
            taints = _tainted(taints, text, overwrite=overwrite)
        spec = {k: v for k, v in item["spec"].items() if k != "taints"}
        return {**item, "spec": spec | ({"taints": taints} if taints else {})}

    _replace_each(call.cluster, found, change)


def _tainted(taints: list[Object], change: str, *, overwrite: bool) -> list[Object]:
    if change.endswith("-"):
        body, _, effect = change[:-1].partition(":")
        key = body.partition("=")[0]
        kept = [t for t in taints if t["key"] != key or (effect and t["effect"] != effect)]
        if len(kept) == len(taints):
            raise Refused(f'error: taint "{change[:-1]}" not found')
        return kept
    new = taint_of(change)
    same = [t for t in taints if (t["key"], t["effect"]) == (new["key"], new["effect"])]
    if same and not overwrite:
        raise Refused(
            f"error: node already has {new['key']} taint(s) with same "
            "effect(s), and --overwrite is false"
        )
    return [*(t for t in taints if t not in same), new]


def _cordon(call: _Command) -> None:
    _set_unschedulable(call.cluster, call.words, True)


def _uncordon(call: _Command) -> None:
    _set_unschedulable(call.cluster, call.words, False)


def _set_unschedulable(cluster: SimulatedCluster, names: Sequence[str], on: bool) -> None:
    for name in names:
        node = cluster.get("nodes", name.removeprefix("node/"))
        spec = {k: v for k, v in node["spec"].items() if k != "unschedulable"}
        cluster.replace({**node, "spec": spec | ({"unschedulable": True} if on else {})})


def _drain(call: _Command) -> None:
    cluster = call.cluster
    _set_unschedulable(cluster, call.words, True)
    for name in call.words:
        pods = list(cluster.on_node[name].values())
        owners = {info.key: info.pod["metadata"].get("ownerReferences") or () for info in pods}
        daemons = [i for i in pods if any(o["kind"] == "DaemonSet" for o in owners[i.key])]
        bare = [i for i in pods if not owners[i.key]]
        if daemons and not call.option("ignore-daemonsets"):
            raise Refused(
                "error: cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
            )
        if bare and not call.option("force"):
            raise Refused("error: cannot delete Pods that declare no controller (use --force)")
        evicted = [info for info in pods if info not in daemons]
        for info in evicted:
            cluster.delete_pod(info)
        cluster.run_until(lambda gone=evicted: not any(i.key in cluster.infos for i in gone), 50.0)


def _set(call: _Command) -> None:
    what, *call.words = call.words or [""]
    found, changes = call.daemonset()
    template = found["spec"]["template"]
    spec = dict(template["spec"])
    wanted = call.option("containers")
    changed = 0
    groups = ("containers",) if what != "image" else ("containers", "initContainers")
    for group in groups:
        if group not in spec:
            continue
        containers = []
        for one in spec[group]:
            new = one
            if what == "image":
                new = _with_image(one, changes)
            elif not wanted or one["name"] in wanted.split(",") or wanted == "*":
                if what == "env":
                    new = {**one, "env": _variables(one.get("env") or (), changes)}
                elif what == "resources":
                    new = {**one, "resources": _resources(call, one.get("resources") or {})}
                else:
                    raise AssertionError(f"not known here: kubectl set {what}")
            changed += new is not one
            containers.append(new)
        spec[group] = containers
    if not changed:
        raise Refused("error: unable to find container named in the command")
    _write_template(call.cluster, found, {**template, "spec": spec})


def _with_image(one: Object, changes: Iterable[str]) -> Object:
    for change in changes:
        name, _, image = change.partition("=")
        if name in (one["name"], "*"):
            one = {**one, "image": image}
    return one


def _variables(env: Iterable[Object], changes: Iterable[str]) -> list[Object]:
    held = {one["name"]: one for one in env}
    for change in changes:
        name, equals, value = change.partition("=")
        if equals:
            held[name] = {"name": name, "value": value}
        else:
            held.pop(name.removesuffix("-"), None)
    return list(held.values())


def _resources(call: _Command, held: Object) -> Object:
    held = dict(held)
    for kind in ("requests", "limits"):
        for pair in filter(None, call.option(kind).split(",")):
            name, _, amount = pair.partition("=")
            amounts = dict(held.get(kind) or {})
            if amount == "0":
                amounts.pop(name, None)
            else:
                amounts[name] = amount
            held[kind] = amounts
    return held


def _write_template(cluster: SimulatedCluster, found: Object, template: Object) -> None:
    cluster.replace({**found, "spec": {**found["spec"], "template": template}})


def _patch(call: _Command) -> None:
    resource, found, rest = call.objects()
    kind = call.option("type", "strategic")
    merge: Mapping[str, Callable[[Any, Any], Any]] = {
        "strategic": strategic, "merge": merge_patch, "json": json_patch,
    }  # fmt: skip
    if rest or kind not in merge or "patch" not in call.options:
        raise call.unknown()
    try:
        patch = yaml.safe_load(call.option("patch"))
        json.dumps(patch)
    except (yaml.YAMLError, TypeError) as error:
        raise Refused(f"error: unable to parse the patch: {error}") from error
    for item in found:
        new = merge[kind](item, patch)
        meta = item["metadata"]
        if call.option("subresource") == "status":
            call.cluster.write_status(
                resource, meta["name"], meta.get("namespace", ""), new["status"]
            )
        elif call.option("subresource"):
            raise call.unknown()
        else:
            call.cluster.replace(new)


def _rollout(call: _Command) -> None:
    what, *call.words = call.words or [""]
    found, rest = call.daemonset()
    meta = found["metadata"]
    if rest:
        raise call.unknown()
    match what:
        case "status":
            if found["spec"]["updateStrategy"]["type"] == "OnDelete":
                raise Refused(
                    "error: rollout status is only available for RollingUpdate strategy type"
                )
            _wait_rollout(call.cluster, meta["name"], meta["namespace"])
        case "history":
            return
        case "restart":
            template = found["spec"]["template"]
            inner = template["metadata"]
            stamp = {"kubectl.kubernetes.io/restartedAt": call.cluster.stamp()}
            notes = {**(inner.get("annotations") or {}), **stamp}
            new = {**template, "metadata": {**inner, "annotations": notes}}
            _write_template(call.cluster, found, new)
        case "undo":
            _undo(call, found)
        case _:
            raise call.unknown()


def _undo(call: _Command, found: Object) -> None:
    revisions = call.cluster.daemonsets.revisions(found)
    wanted = int(call.option("to-revision", "0"))
    if wanted:
        chosen = [one for one in revisions if one["revision"] == wanted]
        if not chosen:
            raise Refused(f"error: unable to find specified revision {wanted} in history")
    else:
        chosen = revisions[-2:-1]
        if not chosen:
            raise Refused(
                f'error: no rollout history found for daemonset "{found["metadata"]["name"]}"'
            )
    _write_template(call.cluster, found, chosen[0]["data"]["spec"]["template"])


def _scale(_: _Command) -> None:
    raise Refused(
        "Error from server (NotFound): the server could not find the requested "
        'resource (a DaemonSet has no "scale")'
    )


def _wait(call: _Command) -> None:
    """Wait as ``kubectl wait`` does: for a field, a condition, or a deletion."""
    text = call.option("for")
    try:
        resource, found, rest = call.objects()
    except Refused:
        if text == "delete":
            return
        raise
    if not found and text != "delete":
        raise Refused("error: no matching resources found")
    timeout = float(call.option("timeout", "30s").removesuffix("s"))
    kind, _, wanted = text.partition("=")
    if rest or kind not in ("jsonpath", "condition", "delete"):
        raise call.unknown()
    keys = [(one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in found]

    def reached() -> bool:
        return all(_has(call.cluster.objects[resource].get(key), kind, wanted) for key in keys)

    if not call.cluster.run_until(reached, timeout):
        raise Refused(f"error: timed out waiting for the condition on {resource}")


def _has(item: Object | None, kind: str, wanted: str) -> bool:
    if item is None or kind == "delete":
        return item is None and kind == "delete"
    if kind == "condition":
        return podstate.condition(item, wanted.partition("=")[0]).get("status") == "True"
    path, _, value = wanted.partition("=")
    held: Any = item
    default = "0" if value.isdigit() else ""  # a count that is 0 is left out of a status
    for word in path.strip("{}'").strip(".").split("."):
        held = (held or {}).get(word)
    return str(default if held is None else held) == value


def _read(_: _Command) -> None:
    """Reading changes nothing."""


_VERBS: dict[str, Callable[[_Command], None]] = {
    "apply": _apply, "create": _create, "delete": _delete, "replace": _replace,
    "annotate": _annotate, "label": _label, "taint": _taint, "cordon": _cordon,
    "uncordon": _uncordon, "drain": _drain, "set": _set, "patch": _patch, "rollout": _rollout,
    "scale": _scale, "wait": _wait, "get": _read, "describe": _read,
}  # fmt: skip


def _judge_rules(cluster: SimulatedCluster) -> None:
    def read() -> str | None:
        found = cluster.find("configmaps", judged_rules.CONFIGMAP, "default")
        return (found.get("data") or {}).get(judged_rules.KEY) if found else None

    def store(data: Mapping[str, str]) -> None:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": judged_rules.JUDGED}}
        cluster.apply({**made, "data": dict(data)})
        cluster.run(STEP)

    judged_rules.judge_into(read, recorded_verdict, store)


ACTIONS: dict[str, Callable[..., Any]] = {
    "kubectl": _kubectl,
    "wait rollout": _wait_rollout,
    "wait status": _wait_status,
    "wait stuck": _wait_stuck,
    "wait pods": _wait_pods,
    "wait settled": lambda cluster: cluster.settle(),
    "run": lambda cluster, seconds: cluster.run(seconds),
    "delete pods": _delete_pods,
    "break node": _break_node,
    "recover node": _recover_node,
    "remove node": _remove_node,
    "add node": _add_node,
    "fill node": _fill_node,
    "slow nodes": _slow_nodes,
    "try rights": lambda cluster, daemonset: try_rights(SimulatedRequests(cluster), daemonset),
    "free nodes": lambda cluster, daemonset, key, labels: free_nodes(
        SimulatedRequests(cluster), daemonset, key, labels
    ),
    "judge rules": _judge_rules,
    "network unavailable": _network,
    "stop component": lambda cluster, component: cluster.stop_component(component),
    "start component": lambda cluster, component: cluster.start_component(component),
}
