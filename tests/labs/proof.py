"""Play a task on a simulated cluster: its start, what a learner does, the check with its probes.

An attempt is a YAML file in ``content/labs/NAME/attempts``. Its first document is the header: what
it is about, its task, the outcome that is expected, and words of the verdict.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from simulated_actions import play
from simulated_cluster import SimulatedCluster

from daemonset_course.history.index import History
from daemonset_course.lab.evidence import ENDED, JUDGED_NOW, Evidence, probe_mark
from daemonset_course.lab.lab import EXERCISES, LABS, Lab, Task, find
from daemonset_course.lab.verdict import Verdict, judge, needed_probe

CONTENT = Path(__file__).parents[2] / "content"
PATIENCE = 60.0  # seconds that a check waits
SETTLING = 2.0  # seconds at a time


@dataclass(frozen=True)
class Attempt:
    """A stored attempt: its header and its steps."""

    lab: str
    path: Path
    task: int
    expect: str
    says: str
    steps: str
    live_only: str = ""
    simulated_only: str = ""

    def __str__(self) -> str:
        return f"{short(self.lab)}-{self.path.stem}"


def labs() -> list[Lab]:
    """Return all labs, and the exercises."""
    return [find(name) for name in (*LABS, *EXERCISES)]


def tasks() -> list[tuple[Lab, int]]:
    """Return each task of each lab."""
    return [(lab, number) for lab in labs() for number in range(1, len(lab.tasks) + 1)]


def task_id(value: Any) -> str:
    """Return the name of a task or a lab in a test's id."""
    return short(value.name) if isinstance(value, Lab) else str(value)


def short(name: str) -> str:
    """Return the number of a lab; the name of an exercise."""
    return name[:2] if name in LABS else name


def folder(name: str) -> Path:
    """Return the folder of a lab's or exercise's attempts."""
    return CONTENT / ("labs" if name in LABS else "exercises") / name


@cache
def attempts() -> list[Attempt]:
    """Return the stored attempts of all labs and exercises."""
    return [
        _attempt(name, path)
        for name in (*LABS, *EXERCISES)
        for path in sorted((folder(name) / "attempts").glob("*.yaml"))
    ]


def _attempt(lab: str, path: Path) -> Attempt:
    first, _, steps = path.read_text().partition("\n---\n")
    head = yaml.safe_load(first)
    return Attempt(lab, path, int(head["task"]), head["expect"], str(head["says"]), steps,
                   head.get("live_only", ""), head.get("simulated_only", ""))  # fmt: skip


@cache
def _started(lab: str, number: int) -> SimulatedCluster:
    return _made(lab, number)


def _made(lab: str, number: int) -> SimulatedCluster:
    found = find(lab)
    world = SimulatedCluster([asdict(worker) for worker in found.workers])
    play(world, found.tasks[number - 1].start)
    assert not world.refusals, world.refusals
    world.run(3)
    return world


def started(lab: Lab, number: int) -> SimulatedCluster:
    """Return a cluster in the starting state of a task, with the recorder begun."""
    kept = _started(lab.name, number)
    # What a cluster plans acts on that cluster: only one without plans can be copied.
    world = _made(lab.name, number) if kept.has_plans else copy.deepcopy(kept)
    world.begin(lab.daemonset_of(number), lab.namespace)
    return world


def judged(world: SimulatedCluster, task: Task) -> Verdict:
    """Return the verdict now, without waiting and without probes."""
    history = History(world.log())
    history.advance(world._t)
    return judge(Evidence(history), task.criteria)


def checked(world: SimulatedCluster, task: Task) -> Verdict:
    """Return the verdict of a check: it waits while waiting helps, and does the probes."""
    verdict = _settled(world, task)
    tried: set[str] = set()
    while (name := needed_probe(verdict)) and name not in tried:
        tried.add(name)
        probe = task.probe(name)
        world.note(probe_mark(name))
        play(world, probe.act)
        verdict = _settled(world, task)
        world.note(probe_mark(name, JUDGED_NOW))
        play(world, probe.undo)
        world.note(probe_mark(name, ENDED))
        world.run(0.5)
    return verdict


def _settled(world: SimulatedCluster, task: Task) -> Verdict:
    until = world.now + PATIENCE
    while True:
        verdict = judged(world, task)
        if verdict.outcome != "not yet" or needed_probe(verdict) or world.now >= until:
            return verdict
        world.run(SETTLING)


def attempted(lab: Lab, number: int, steps: str) -> Verdict:
    """Return the verdict after these steps, from the start of the task."""
    world = started(lab, number)
    play(world, steps)
    return checked(world.run(1), lab.tasks[number - 1])


# Mutants of the solution

Mutation = Callable[[dict[str, Any]], bool]  # changes a DaemonSet; False if it does not apply


def mutants(solution: str) -> Iterator[tuple[str, str]]:
    """Yield a name and the steps for each mutant of a solution's objects and answers."""
    steps = [step for step in yaml.safe_load_all(solution) if step]
    for place, step in enumerate(steps):
        for name, command in _answers(step.get("command", "")):
            changed = [*steps[:place], {**step, "command": command}, *steps[place + 1 :]]
            yield f"answer: {name}", yaml.safe_dump_all(changed, sort_keys=False)
        kind = step.get("kind", "")
        which = f"{_SHORT_KINDS.get(kind, '')}{(step.get('metadata') or {}).get('name')}"
        for name, mutate in MUTATIONS_OF.get(kind, {}).items():
            mutant = copy.deepcopy(step)
            if mutate(mutant) and mutant != step:
                changed = [*steps[:place], mutant, *steps[place + 1 :]]
                yield f"{which}: {name}", yaml.safe_dump_all(changed, sort_keys=False)


def _answers(command: str) -> Iterator[tuple[str, str]]:
    """Yield mutants of ``kubectl create configmap answer --from-literal=key=value``."""
    if not command.startswith("create configmap "):
        return
    yield "another ConfigMap", command.replace("configmap answer", "configmap answers", 1)
    literals = [word for word in command.split() if word.startswith("--from-literal=")]
    for literal in literals:
        key, _, value = literal.removeprefix("--from-literal=").partition("=")
        rest = [word for word in command.split() if word != literal]
        yield f"no {key}", " ".join(rest)
        number = value.isdigit()
        for other in (str(int(value) + 1), str(int(value) - 1)) if number else (f"{value}x", ""):
            yield f"{key} is {other or 'empty'}", " ".join([*rest, f"--from-literal={key}={other}"])


def _spec(item: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = item["spec"]["template"]["spec"]
    return spec


def _container(item: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = _spec(item)["containers"][0]
    return container


def _set(where: Callable[[dict[str, Any]], dict[str, Any]], key: str, value: Any, *,
         there: bool = False) -> Mutation:  # fmt: skip
    """Set a field; with ``there`` only one that exists."""

    def mutate(item: dict[str, Any]) -> bool:
        target = where(item)
        if there and key not in target:
            return False
        target[key] = value
        return True

    return mutate


def _drop(where: Callable[[dict[str, Any]], dict[str, Any]], key: str) -> Mutation:
    return lambda item: where(item).pop(key, None) is not None


def _tolerations(change: Callable[[dict[str, Any]], Any]) -> Mutation:
    """Change the first toleration."""

    def mutate(item: dict[str, Any]) -> bool:
        found = _spec(item).get("tolerations") or []
        if not found:
            return False
        change(found[0])
        return True

    return mutate


def _without(index: int) -> Mutation:
    def mutate(item: dict[str, Any]) -> bool:
        found = _spec(item).get("tolerations") or []
        if len(found) <= index:
            return False
        del found[index]
        return True

    return mutate


def _terms(item: dict[str, Any]) -> list[dict[str, Any]]:
    affinity = (_spec(item).get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return list(required.get("nodeSelectorTerms") or ())


def _expression(change: Callable[[dict[str, Any]], Any], index: int = 0) -> Mutation:
    """Change an expression of the first term of the node affinity."""

    def mutate(item: dict[str, Any]) -> bool:
        found = [e for term in _terms(item) for e in term.get("matchExpressions") or ()]
        if len(found) <= index:
            return False
        change(found[index])
        return True

    return mutate


def _preferred_only(item: dict[str, Any]) -> bool:
    terms = _terms(item)
    if not terms:
        return False
    preferred = [{"weight": 1, "preference": term} for term in terms]
    _spec(item)["affinity"] = {
        "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
    }
    return True


def _fewer_terms(item: dict[str, Any]) -> bool:
    terms = _terms(item)
    if len(terms) < 2:
        return False
    affinity = _spec(item)["affinity"]["nodeAffinity"]
    affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] = terms[:1]
    return True


def _split_term(item: dict[str, Any]) -> bool:
    """Put each expression in a term of its own: AND becomes OR."""
    expressions = [e for term in _terms(item) for e in term.get("matchExpressions") or ()]
    if len(expressions) < 2 or len(_terms(item)) > 1:
        return False
    affinity = _spec(item)["affinity"]["nodeAffinity"]
    affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] = [
        {"matchExpressions": [one]} for one in expressions
    ]
    return True


def _selector(item: dict[str, Any]) -> bool:
    item["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    return True


def _labels(item: dict[str, Any]) -> bool:
    item["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    item["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    return True


def _first_value(change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def changed(expression: dict[str, Any]) -> None:
        values = expression.get("values")
        if values:
            expression["values"] = [change(values[0]), *values[1:]]

    return changed


def _update(item: dict[str, Any]) -> dict[str, Any]:
    strategy: dict[str, Any] = item["spec"].setdefault("updateStrategy", {})
    return strategy


def _rolling(**fields: Any) -> Mutation:
    def mutate(item: dict[str, Any]) -> bool:
        item["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": fields}
        return True

    return mutate


_OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


def _negated(expression: dict[str, Any]) -> None:
    expression["operator"] = _OPPOSITE.get(expression["operator"], "Exists")


def _every_key(toleration: dict[str, Any]) -> None:
    toleration.clear()
    toleration["operator"] = "Exists"


def _other_label(item: dict[str, Any]) -> bool:
    found = _spec(item).get("nodeSelector") or {}
    found.update(dict.fromkeys(found, "other"))
    return bool(found)


MUTATIONS: Mapping[str, Mutation] = {
    "selector": _selector,
    "selector and labels": _labels,
    "name": lambda item: bool(item["metadata"].update(name=item["metadata"]["name"] + "x") or True),
    "namespace": lambda item: bool(item["metadata"].update(namespace="kube-system") or True),
    "toleration removed": _without(0),
    "second toleration removed": _without(1),
    "toleration's key": _tolerations(lambda one: one.update(key="other")),
    "toleration's effect": _tolerations(
        lambda one: one.update(
            effect="NoExecute" if one.get("effect") == "NoSchedule" else "NoSchedule"
        )
    ),
    "toleration's value": _tolerations(lambda one: one.update(operator="Equal", value="other")),
    "toleration of every key": _tolerations(_every_key),
    "toleration's seconds": _tolerations(
        lambda one: one.update(tolerationSeconds=5, effect="NoExecute")
    ),
    "tolerates everything": _set(_spec, "tolerations", [{"operator": "Exists"}]),
    "expression's operator": _expression(_negated),
    "expression's key": _expression(lambda one: one.update(key="other")),
    "expression's value": _expression(_first_value(lambda value: f"{value}x")),
    "second expression's value": _expression(_first_value(lambda value: f"{value}x"), 1),
    "second expression's operator": _expression(_negated, 1),
    "preferred instead of required": _preferred_only,
    "one term less": _fewer_terms,
    "a term for each expression": _split_term,
    "no affinity": _drop(_spec, "affinity"),
    "no nodeSelector": _drop(_spec, "nodeSelector"),
    "nodeSelector's value": _other_label,
    "nodeSelector no node has": _set(_spec, "nodeSelector", {"no-node": "has-it"}),
    "nodeName": _set(_spec, "nodeName", "course-worker"),
    "hostNetwork": lambda item: bool(
        _spec(item).update(hostNetwork=not _spec(item).get("hostNetwork", False)) or True
    ),
    "image that no registry has": _set(_container, "image", "registry.invalid/agent:2"),
    "probe that never succeeds": _set(
        _container, "readinessProbe", {"exec": {"command": ["false"]}}
    ),
    "no probe": _drop(_container, "readinessProbe"),
    "command that ends": _set(_container, "command", ["false"]),
    "too many resources": _set(_container, "resources", {"requests": {"cpu": "1000"}}),
    "no env": _drop(_container, "env"),
    "no ports": _drop(_container, "ports"),
    "OnDelete": lambda item: bool(item["spec"].update(updateStrategy={"type": "OnDelete"}) or True),
    "one at a time": _rolling(maxUnavailable=1),
    "all at once": _rolling(maxUnavailable="100%"),
    "surge": _rolling(maxSurge=1, maxUnavailable=0),
    "a long minReadySeconds": lambda item: bool(item["spec"].update(minReadySeconds=3600) or True),
}  # fmt: skip


def _rule(**fields: Any) -> Mutation:
    """Change the first rule of a role."""
    return lambda item: bool(item["rules"][0].update(fields) or True)


def _verb(*verbs: str) -> Mutation:
    return lambda item: bool(item["rules"][0]["verbs"].extend(verbs) or True)


def _second_rule(*resources: str) -> Mutation:
    made = {"apiGroups": [""], "resources": [*resources], "verbs": ["get"]}
    return lambda item: bool(item["rules"].append(made) or True)


def _named(item: dict[str, Any]) -> bool:
    item["metadata"]["name"] += "x"
    return True


def _constraint(**fields: Any) -> Mutation:
    """Change what requests a policy is about."""
    return lambda item: bool(
        item["spec"]["matchConstraints"]["resourceRules"][0].update(fields) or True
    )


def _condition(expression: str) -> Mutation:
    return lambda item: bool(
        item["spec"]["matchConditions"][0].update(expression=expression) or True
    )


def _validation(more: str, *, instead: bool = False) -> Mutation:
    """Change the expression of the first validation: replace it, or add to it."""

    def mutate(item: dict[str, Any]) -> bool:
        one = item["spec"]["validations"][0]
        one["expression"] = more if instead else f"{one['expression']} {more}"
        return True

    return mutate


def _home(expression: str) -> Mutation:
    return lambda item: bool(item["spec"]["variables"][0].update(expression=expression) or True)


_HOME = 'request.userInfo.extra[?"authentication.kubernetes.io/node-name"][0]'
ROLE_MUTATIONS: Mapping[str, Mutation] = {
    "name": _named,
    "no rules": lambda item: bool(item.update(rules=[]) or True),
    "no patch": _rule(verbs=["get"]),
    "every verb": _rule(verbs=["*"]),
    "delete too": _verb("delete"),
    "create too": _verb("create"),
    "every resource": _rule(resources=["*"]),
    "the status too": _rule(resources=["nodes", "nodes/status"]),
    "Pods too": _rule(resources=["nodes", "pods"]),
    "another group": _rule(apiGroups=["apps"]),
    "one name": _rule(resourceNames=["course-worker"]),
    "Secrets too": _second_rule("secrets"),
    "list too": _verb("list", "watch"),
    "update too": _verb("update"),
}
POLICY_MUTATIONS: Mapping[str, Mutation] = {
    "name": _named,
    "judges everyone": lambda item: item["spec"].pop("matchConditions", None) is not None,
    "judges every ServiceAccount": _condition(
        'request.userInfo.username.startsWith("system:serviceaccount:")'
    ),
    "judges another user": _condition('request.userInfo.username == "agent"'),
    "judges tokens with a node only": _condition(
        '"authentication.kubernetes.io/node-name" in request.userInfo.extra'
    ),
    "only when nodes are created": _constraint(operations=["CREATE"]),
    "only when nodes are deleted": _constraint(operations=["DELETE"]),
    "every operation": _constraint(operations=["*"]),
    "only the status": _constraint(resources=["nodes/status"]),
    "Pods": _constraint(resources=["pods"]),
    "another group": _constraint(apiGroups=["apps"]),
    "another version": _constraint(apiVersions=["v1beta1"]),
    "one node": _constraint(resourceNames=["course-worker2"]),
    "always true": _validation("true", instead=True),
    "always false": _validation("false", instead=True),
    "the opposite": _validation("variables.home != object.metadata.name", instead=True),
    "one name": _validation('object.metadata.name == "course-worker"', instead=True),
    "labels are free": _validation("|| object.spec == oldObject.spec"),
    "taints are free": _validation("|| object.metadata.labels == oldObject.metadata.labels"),
    "no Pod, no limit": _home(f"{_HOME}.orValue(object.metadata.name)"),
    "another key": _home('request.userInfo.extra[?"node-name"][0].orValue("no node")'),
    "a key that may be missing": _home(_HOME.replace("[?", "[")),
    "failures are ignored": lambda item: bool(item["spec"].update(failurePolicy="Ignore") or True),
}
BINDING_MUTATIONS: Mapping[str, Mutation] = {
    "Audit": lambda item: bool(item["spec"].update(validationActions=["Audit"]) or True),
    "Warn": lambda item: bool(item["spec"].update(validationActions=["Warn"]) or True),
    "Deny and Warn": lambda item: bool(
        item["spec"].update(validationActions=["Deny", "Warn"]) or True
    ),
    "Deny and Audit": lambda item: bool(
        item["spec"].update(validationActions=["Deny", "Audit"]) or True
    ),
    "no action": lambda item: bool(item["spec"].update(validationActions=[]) or True),
    "another policy": lambda item: bool(item["spec"].update(policyName="other") or True),
    "Pods only": lambda item: bool(item["spec"].update(matchResources={"resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}
    ]}) or True),
    "one node only": lambda item: bool(item["spec"].update(matchResources={"resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["nodes"],
         "resourceNames": ["course-worker3"]}
    ]}) or True),
    "name": _named,
}  # fmt: skip
DEPLOYMENT_MUTATIONS: Mapping[str, Mutation] = {
    "name": _named,
    "one replica less": lambda item: bool(
        item["spec"].update(replicas=item["spec"]["replicas"] - 1) or True
    ),
    "one replica more": lambda item: bool(
        item["spec"].update(replicas=item["spec"]["replicas"] + 1) or True
    ),
    "no replicas": lambda item: item["spec"].pop("replicas", None) is not None,
    "no init containers": _drop(_spec, "initContainers"),
    "init container that is to end": lambda item: (
        _spec(item)["initContainers"][0].pop("restartPolicy", None) is not None
    ),
    "image that no registry has": _set(_container, "image", "registry.invalid/app:2"),
    "command that ends": _set(_container, "command", ["false"]),
    "too many resources": _set(_container, "resources", {"requests": {"cpu": "1000"}}),
}


def _rules(change: Callable[[list[dict[str, Any]]], Any]) -> Mutation:
    """Change the alerts of the rule file in a ConfigMap."""

    def mutate(item: dict[str, Any]) -> bool:
        if "rules.yml" not in (item.get("data") or {}):
            return False
        made = yaml.safe_load(item["data"]["rules.yml"])
        change(made["groups"][0]["rules"])
        item["data"]["rules.yml"] = yaml.safe_dump(made, sort_keys=False)
        return True

    return mutate


def _reversed(rules: list[dict[str, Any]]) -> None:
    for rule in rules:
        rule["expr"] = rule["expr"].replace("<", ">")


CONFIGMAP_MUTATIONS: Mapping[str, Mutation] = {
    "without the first alert": _rules(lambda rules: rules.pop(0)),
    "without the last alert": _rules(lambda rules: rules.pop()),
    "the comparisons turned round": _rules(_reversed),
    "for an hour longer": _rules(lambda rules: [r.update({"for": "75m"}) for r in rules]),
}
MUTATIONS_OF: Mapping[str, Mapping[str, Mutation]] = {
    "ConfigMap": CONFIGMAP_MUTATIONS, "DaemonSet": MUTATIONS, "Deployment": DEPLOYMENT_MUTATIONS,
    "ClusterRole": ROLE_MUTATIONS,
    "ValidatingAdmissionPolicy": POLICY_MUTATIONS,
    "ValidatingAdmissionPolicyBinding": BINDING_MUTATIONS,
}  # fmt: skip
_SHORT_KINDS = {
    "ClusterRole": "role ", "ValidatingAdmissionPolicy": "policy ",
    "ValidatingAdmissionPolicyBinding": "binding ",
}  # fmt: skip


# Cheats

SOLVED = "$solution"


def cheats(lab: Lab, number: int) -> Iterator[tuple[str, str]]:
    """Yield a name and the steps for each cheat that can be tried on a task."""
    task = lab.tasks[number - 1]
    steps = [step for step in yaml.safe_load_all(task.solution) if step]
    sets = [step for step in steps if step.get("kind") == "DaemonSet"]
    naive = [_naive(step) for step in sets]
    workers = range(1, len(lab.workers) + 1)
    names = [f"$worker{n if n > 1 else ''}" for n in workers]
    pod = sets[0] if sets else _plain_daemonset(lab)
    there = [step["metadata"]["name"] for step in sets] or [lab.daemonset_of(number)]
    yield "bare Pods", _dump(*(_bare(pod, name, f"bare-{i}") for i, name in enumerate(names)))
    yield "static Pods", _dump(*(_static(pod, name, f"static-{i}") for i, name in enumerate(names)))
    yield "a status written by hand", _dump(_kubectl(
        f"patch daemonset {there[0]} -n {lab.namespace} --subresource=status --type merge -p "
        f"'{{\"status\": {{\"numberReady\": {len(names)}, \"numberAvailable\": {len(names)}, "
        f"\"desiredNumberScheduled\": {len(names)}, \"updatedNumberScheduled\": {len(names)}}}}}'"
    ))  # fmt: skip
    yield "a second DaemonSet beside the solution", _dump(*steps, _renamed(pod, "beside"))
    yield (
        "recreated, then the solution",
        _dump(
            _kubectl(f"delete daemonset {' '.join(there)} -n {lab.namespace} --ignore-not-found"),
            *steps,
        ),
    )
    yield (
        "every node but the first removed, then the solution",
        _dump(*({"action": "remove node", "node": name} for name in names[1:]), *steps),
    )
    yield (
        "no controller-manager, then the solution",
        _dump({"action": "stop component", "component": "kube-controller-manager"}, *steps),
    )
    taints = {t for worker in lab.workers for t in worker.taints}
    labels = {k for worker in lab.workers for k in worker.labels}
    if naive:
        untaint = [
            _kubectl(f"taint node {name} {t.partition('=')[0].partition(':')[0]}-")
            for name, worker in zip(names, lab.workers, strict=True)
            for t in worker.taints
        ]
        if taints:
            yield "the taints taken off", _dump(*untaint, *naive)
            yield "everything tolerated", _dump(*(_tolerating(step) for step in naive))
        for key in sorted(labels):
            values = sorted({w.labels[key] for w in lab.workers if key in w.labels})
            relabel = [
                _kubectl(f"label node {name} {key}={values[0]} --overwrite") for name in names
            ]
            yield f"every node labelled {key}", _dump(*relabel, *steps)
        yield "a node edited: cordoned", _dump(_kubectl(f"cordon {names[-1]}"), *naive)


def _kubectl(command: str) -> dict[str, Any]:
    return {"action": "kubectl", "command": command}


def _dump(*steps: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump_all(steps, sort_keys=False))


def _naive(step: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(step)
    for key in ("tolerations", "affinity", "nodeSelector"):
        _spec(made).pop(key, None)
    return made


def _tolerating(step: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(step)
    _spec(made)["tolerations"] = [{"operator": "Exists"}]
    return made


def _renamed(step: dict[str, Any], name: str) -> dict[str, Any]:
    made = copy.deepcopy(step)
    made["metadata"] = {**made["metadata"], "name": name}
    made["spec"]["selector"] = {"matchLabels": {"app": name}}
    made["spec"]["template"]["metadata"] = {"labels": {"app": name}}
    return made


def _plain_daemonset(lab: Lab) -> dict[str, Any]:
    container = {"name": lab.daemonset, "image": "busybox:1.36", "command": ["sleep", "infinity"]}
    return {
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": lab.daemonset},
        "spec": {
            "selector": {"matchLabels": {"app": lab.daemonset}},
            "template": {"metadata": {"labels": {"app": lab.daemonset}},
                         "spec": {"containers": [container]}},
        },
    }  # fmt: skip


def _bare(daemonset: dict[str, Any], node: str, name: str) -> dict[str, Any]:
    template = daemonset["spec"]["template"]
    labels = template["metadata"].get("labels", {})
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {**labels, "bare": "yes"}},
        "spec": {"nodeName": node, "tolerations": [{"operator": "Exists"}],
                 "containers": _spec(daemonset)["containers"]},
    }  # fmt: skip


def _static(daemonset: dict[str, Any], node: str, name: str) -> dict[str, Any]:
    made = _bare(daemonset, node, name)
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "static"}
    made["metadata"]["labels"] = {"tier": "static"}
    return made


def passes_expected(lab: Lab) -> Mapping[int, Mapping[str, str]]:
    """Return by task the mutants and cheats that are right answers, each with its reason."""
    path = folder(lab.name) / "equivalent.yaml"
    found: dict[int, dict[str, str]] = {}
    for numbers, names in (yaml.safe_load(path.read_text()) if path.exists() else {}).items():
        for number in map(int, str(numbers).split()):
            found.setdefault(number, {}).update(names)
    return found


def sequence(steps: Sequence[str]) -> str:
    """Return several texts of steps as one."""
    return "\n---\n".join(steps)
