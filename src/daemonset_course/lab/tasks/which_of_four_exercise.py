"""The exercise of the lesson on four that say no: who said it, who wrote it, and the repair."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from daemonset_course.lab.agent_manifest import IMAGE, agent_manifest
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.quantities import millicores
from daemonset_course.lab.tasks.how_scheduling_works_exercise import (
    API_SERVER,
    CONTROLLER,
    KUBELET,
    SCHEDULER,
    component_of,
    responsible,
)
from daemonset_course.lab.tasks.place_by_label import kubectl
from daemonset_course.lab.tasks.when_a_pod_fails_exercise import unchanged
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed

AUDIT, BACKUP, CACHE, DNS, SHOP = "audit", "backup", "cache", "dns", "shop"
NODE = "worker2"
TAINT = "dedicated=batch:NoSchedule"
NEEDS, ASKS, LEFT = 100, 300, 200  # millicores: cache needs, cache requests, shop leaves free
NONE = "none"
_TOLERATES = "tolerations:\n- {key: dedicated, operator: Exists, effect: NoSchedule}\n"
_WROTE = (
    "An event names the component that wrote it. The API server writes no events: it answers the "
    "component that asks it for a Pod. Sources: kubernetes.io, Event v1; CreatePods, "
    "pkg/controller/controller_utils.go."
)


class Case(NamedTuple):
    """One agent: who says no, who wrote the event, and the fields that a repair changes."""

    component: str
    writers: tuple[str, ...]
    fields: tuple[str, ...]


CASES = {
    AUDIT: Case(CONTROLLER, (NONE, "nobody", "no-event", "no-one"), ("tolerations",)),
    BACKUP: Case(API_SERVER, ("daemonset-controller", CONTROLLER), ("priorityClassName",)),
    CACHE: Case(SCHEDULER, ("default-scheduler", SCHEDULER, "kube-scheduler"),
                (f"{CACHE}.resources",)),
    # kwok plays the kubelets of the embedded cluster.
    DNS: Case(KUBELET, (KUBELET, "kwok-controller", "kwok"), (f"{DNS}.image",)),
}  # fmt: skip


def agent(name: str, *, tolerates: bool = True, priority: str = "", cpu: int = 0,
          image: str = IMAGE) -> str:  # fmt: skip
    """Return the manifest of one of the four as YAML; ``cpu`` in millicores."""
    return agent_manifest(
        name,
        pod=(_TOLERATES if tolerates else "")
        + (f"priorityClassName: {priority}\n" if priority else ""),
        container=f"resources: {{requests: {{cpu: {cpu}m}}}}\n" if cpu else "",
        image=image,
    )


def _writer(name: str, who: Criterion) -> Criterion:
    """The ConfigMap has the component that wrote the event, or that there is none."""
    key = f"{name}-from"

    def judge(evidence: Evidence) -> Finding:
        given = evidence.answer(key)
        where = f"kubectl create configmap answer --from-literal={key}=…"
        if given is None:
            return missed(f"There is no answer for {key}.", where=where)
        plain = re.sub(r"[\s_]+", "-", given.partition(",")[0].strip().lower())
        if plain in CASES[name].writers:
            return MET
        return missed(
            f"{key}: {_not_from(name, plain)}", rule=_WROTE,
            where=f"kubectl describe daemonset {name}, and kubectl describe pod -l app={name}: the "
            "column From. Events stay for an hour.",
        )  # fmt: skip

    return Criterion(f"who wrote it for {name}", judge, (who,))


def _not_from(name: str, said: str) -> str:
    """Return what speaks against a writer."""
    if component_of(said) == API_SERVER:
        return "the API server writes no events."
    if name == AUDIT:
        return f"there is no warning about {AUDIT} or a Pod of it, from {said or 'anybody'}."
    if said in CASES[AUDIT].writers:
        return f"there is an event of the kind Warning about {name} or a Pod of it."
    return f"no event that explains it is from {said or 'nobody'}."


def _container(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = (one for one in spec.get("containers") or () if one.get("name") == name)
    return next(found, {})


def _enough(spec: Mapping[str, Any]) -> str:
    resources = _container(spec, CACHE).get("resources") or {}
    # A container with a limit only requests its limit.
    own = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.get("cpu", "0")
    if millicores(str(own)) >= NEEDS:
        return ""
    return f"{CACHE} requests {own} of CPU, and it needs {NEEDS}m."


def _image(spec: Mapping[str, Any]) -> str:
    image = _container(spec, DNS).get("image")
    return "" if image == IMAGE else f"{DNS} has the image {image}, and it needs {IMAGE}."


def _priority(spec: Mapping[str, Any]) -> str:
    name = spec.get("priorityClassName")
    return f"{BACKUP} has the priority class {name}, and it needs none." if name else ""


def _field(name: str, what: str, test: Callable[[Mapping[str, Any]], str]) -> Criterion:
    where = f"kubectl get daemonset {name} -o yaml."
    return kept.field(name, what, test, where=where, requires=(_SAME[name],))


def _done(*requires: Criterion) -> Criterion:
    """All answers are right, and all agents run; the sentence of the verdict."""

    def judge(evidence: Evidence) -> Finding:
        return met(
            "You named who said no to each of the four, and who wrote it; all of them run again.",
            (f"{name}: {evidence.answer(name)}, {evidence.answer(f'{name}-from')}"
             for name in CASES),
        )  # fmt: skip

    return Criterion("all four run again", judge, requires)


_SAME = {name: kept.same_object(name) for name in CASES}
_WHO = tuple(responsible(name, case.component, NODE) for name, case in CASES.items())
_WRITERS = tuple(_writer(name, who) for name, who in zip(CASES, _WHO, strict=True))
_FIELDS = (
    _field(BACKUP, f"{BACKUP} has no priority class", _priority),
    _field(CACHE, f"{CACHE} requests the CPU that it needs", _enough),
    _field(DNS, f"{DNS} has its image", _image),
)
_COVERED = tuple(
    covered.covers(name, is_worker, "every worker", requires=(_SAME[name], *fields))
    for name, fields in {AUDIT: (), BACKUP: _FIELDS[:1], CACHE: _FIELDS[1:2],
                         DNS: _FIELDS[2:]}.items()
)  # fmt: skip


def _answers(**given: str) -> str:
    literals = " ".join(f"--from-literal={k.replace('_', '-')}={v}" for k, v in given.items())
    return kubectl(f"create configmap answer {literals}")


LAB = Lab(
    name="which-of-four-said-no",
    title="Which of four said no?",
    workers=(Worker(),) * 3,
    daemonset=AUDIT,
    tasks=(
        Task(
            title="Four agents are missing on worker2: say who says no, who wrote it, and repair",
            start="---\n".join((
                f"action: fill node\nnode: ${NODE}\ndaemonset: {SHOP}\nleft: {LEFT}\n",
                kubectl(f"taint node ${NODE} {TAINT}"),
                agent(AUDIT, tolerates=False),
                agent(BACKUP, priority="important"),
                agent(CACHE, cpu=ASKS),
                agent(DNS, image="registry.invalid/dns:2"),
                f"action: wait pods\ndaemonset: {CACHE}\ncount: 3\nready: 2\n",
                f"action: wait status\ndaemonset: {AUDIT}\ndesired: 2\nready: 2\n",
                f"action: wait status\ndaemonset: {BACKUP}\ndesired: 3\n",
                f"action: wait stuck\ndaemonset: {DNS}\nreason: ImagePull\n",
            )),
            there="The DaemonSets audit, backup, cache and dns should run on every worker. Four "
            "teams changed something, and now none of them has a ready Pod on worker2. For each "
            "say who says no (controller, api-server, scheduler or kubelet), and who wrote the "
            "event that says so, or none: in the ConfigMap answer, under audit and audit-from, "
            "and so on. Then repair the four in place. cache needs 100m of CPU, dns the image "
            "busybox:1.36, backup no priority. shop and the nodes stay as they are.",
            criteria=(
                *_SAME.values(),
                kept.nodes_kept(),
                kept.nodes_as_given(),
                kept.not_bare(),
                kept.others_untouched(SHOP),
                *_WHO,
                *_WRITERS,
                *(
                    one
                    for name, case in CASES.items()
                    for one in unchanged(name, _SAME[name], *case.fields)
                ),
                *_FIELDS,
                *_COVERED,
                _done(*_WRITERS, *_COVERED),
            ),
            hints=(
                "Ask in this order for worker2: does the controller want a Pod there (DESIRED)? Is "
                "there a Pod (CURRENT)? Has it a node (kubectl get pods -o wide)? Is it ready? "
                "Answer before you repair.",
                "If there is no Pod, the words are in kubectl describe daemonset, or nowhere. If "
                "there is one, they are in kubectl describe pod. The column From names who wrote "
                "them: read it also where you know who refused.",
                "kubectl create configmap answer --from-literal=audit=… "
                "--from-literal=audit-from=… …\n"
                "kubectl set resources daemonset cache --requests=cpu=…\n"
                "kubectl set image daemonset dns dns=…\n"
                "kubectl patch daemonset backup -p '{\"spec\": {\"template\": {\"spec\": "
                "{\"priorityClassName\": null}}}}'\n"
                "tolerations:\n- {key: …, operator: Exists, effect: …}",
            ),
            solution=_answers(
                audit=CONTROLLER, audit_from=NONE,
                backup=API_SERVER, backup_from="daemonset-controller",
                cache=SCHEDULER, cache_from="default-scheduler",
                dns=KUBELET, dns_from=KUBELET,
            )
            + "---\n"
            + "---\n".join((agent(AUDIT), agent(BACKUP), agent(CACHE, cpu=NEEDS), agent(DNS))),
        ),
    ),
    debrief="",
)  # fmt: skip
