"""The exercise of the lesson on stuck rollouts: free three of them, each by one change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from daemonset_course.lab.agent_manifest import IMAGE, agent_manifest, running, sets_release
from daemonset_course.lab.criteria import kept, moments, rolled
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.quantities import millicores
from daemonset_course.lab.verdict import Criterion, Finding

LOGS, METRICS, NET, SHOP = "logs", "metrics", "net", "shop"
WORKERS = 6
FULL = 3  # the worker that shop fills
DEAD = 6  # the worker whose kubelet is silent
BAD = "registry.invalid/logs:2"
SMALL, LARGE, NEEDS = 100, 600, 200  # millicores that metrics requests at first, now; and needs
LEFT = 200  # millicores that shop leaves free beside the first release of metrics


def manifest(name: str, *, release: str = "1", image: str = IMAGE, cpu: int = 0,
             budget: int = 2) -> str:  # fmt: skip
    """Return the manifest of one of the three as YAML; ``cpu`` in millicores."""
    more = f"resources: {{requests: {{cpu: {cpu}m}}}}\n" if cpu else ""
    return agent_manifest(
        name,
        update=f"type: RollingUpdate\nrollingUpdate: {{maxUnavailable: {budget}}}",
        image=image,
        container=more + sets_release(release),
    )


def _status(name: str, **numbers: int) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in numbers.items())
    return f"action: wait status\ndaemonset: {name}\n{lines}"


START = "---\n".join((
    manifest(LOGS),
    manifest(METRICS, cpu=SMALL),
    running(manifest(NET, budget=1), NET),
    *(_status(one, desired=WORKERS, available=WORKERS) for one in (LOGS, METRICS)),
    f"action: fill node\nnode: $worker{FULL}\ndaemonset: {SHOP}\nleft: {LEFT}\n",
    manifest(LOGS, release="2", image=BAD),
    manifest(METRICS, release="2", cpu=LARGE),
    f"action: wait stuck\ndaemonset: {LOGS}\nreason: ImagePullBackOff\n",
    _status(LOGS, available=WORKERS - 2),
    _status(METRICS, updated=WORKERS, available=WORKERS - 1),
    f"action: break node\nnode: $worker{DEAD}\n",
    _status(NET, ready=WORKERS - 1),
    manifest(NET, release="2", budget=1),
    _status(NET, updated=0),
))  # fmt: skip


def of(name: str, criterion: Criterion) -> Criterion:
    """Return the criterion with its DaemonSet before its name and before what it says."""

    def judge(evidence: Evidence) -> Finding:
        found = criterion.judge(evidence)
        says = found.says if name in found.says or not found.says else f"{name}: {found.says}"
        lines = found.observed
        if found.answer == "met":  # its first line has the numbers, the others name the dead node
            lines = tuple(f"{name}: {line}" for line in lines[:1])
        return replace(found, says=says, observed=lines)

    return replace(criterion, name=f"{name}: {criterion.name}", judge=judge)


def _freed(name: str, *own: Criterion, changed: tuple[str, ...] = (),
           spec: tuple[str, ...] = ()) -> tuple[Criterion, ...]:  # fmt: skip
    """Return what is asked of one of the three; ``own`` are its own questions, in the middle.

    ``changed`` and ``spec`` are the fields of its Pod spec and of its spec that may differ.
    """
    same = of(name, kept.same_object(name))
    own = tuple(of(name, one) for one in own)
    before = (same, *own)
    stuck = of(name, rolled.not_stuck(name, requires=before))
    return (
        same,
        of(name, kept.only_changed(name, *changed, requires=(same,))),
        of(name, kept.spec_kept(name, *spec, requires=(same,))),
        *own,
        stuck,
        of(name, rolled.finished(name, requires=(*before, stuck))),
    )


def _own_image(spec: Mapping[str, Any]) -> str:
    found = [str(one["image"]) for one in spec.get("containers") or ()]
    other = [one for one in found if one.partition(":")[0] != IMAGE.partition(":")[0]]
    name = IMAGE.partition(":")[0]
    return f"{LOGS} has another image than {name}: {', '.join(other)}." if other else ""


def _enough(spec: Mapping[str, Any]) -> str:
    containers: list[dict[str, Any]] = list(spec.get("containers") or ())
    resources = next((c for c in containers if c["name"] == METRICS), {}).get("resources") or {}
    # A container with a limit only requests its limit.
    own = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.get("cpu", "0")
    return (
        f"{METRICS} requests {own} of CPU, and RELEASE 2 needs {NEEDS}m."
        if millicores(str(own)) < NEEDS
        else ""
    )


_LOGS = _freed(
    LOGS,
    kept.field(
        LOGS,
        "its image can be pulled",
        _own_image,
        rule="The kubelet pulls the image that the Pod names, and tries again for as long as the "
        "Pod exists. No other template takes its place by itself.",
        where=f"kubectl get pods -l app={LOGS}, and kubectl rollout history daemonset {LOGS} "
        "--revision=1: the image that did run.",
    ),
    changed=(f"{LOGS}.image", f"{LOGS}.env"),
)
_METRICS = _freed(
    METRICS,
    rolled.template_sets(METRICS, METRICS, "RELEASE", "2"),
    kept.field(
        METRICS,
        "it requests the CPU that it needs",
        _enough,
        rule="What a Pod does not request, the scheduler gives away, and under load the kernel "
        "shares CPU by requests. kubernetes.io: Resource Management for Pods and Containers.",
        where=f"kubectl get daemonset {METRICS} -o yaml, resources.",
    ),
    changed=(f"{METRICS}.resources",),
)
_NET = _freed(
    NET,
    rolled.template_sets(NET, NET, "RELEASE", "2"),
    rolled.down_at_most(NET, 2),
    spec=("updateStrategy",),
)

LAB = Lab(
    name="stuck-rollouts",
    title="Three that stand still",
    workers=(Worker(),) * WORKERS,
    daemonset=LOGS,
    tasks=(
        Task(
            title="Free three rollouts, each with one change",
            start=START,
            there=f"{LOGS}, {METRICS} and {NET} were released an hour ago, and none of the three "
            f"rollouts moves. worker{DEAD} is dead: its kubelet is silent. {SHOP} runs on "
            f"worker{FULL}.",
            criteria=(
                kept.nodes_kept(),
                kept.nodes_as_given(),
                kept.not_bare(),
                kept.still_dead(),
                kept.others_untouched(SHOP),
                moments.pods_kept(SHOP, lambda _: True, f"worker{FULL}"),
                *_LOGS,
                *_METRICS,
                *_NET,
            ),
            hints=(
                "Look at each of the three alone. kubectl get daemonsets has the numbers, kubectl "
                "get pods -o wide the Pods that are not ready, kubectl describe pod their events.",
                "Each has another cause. In one, a kubelet cannot start the new Pod. In one, the "
                "scheduler finds no room for it. In one, a node without an available Pod uses up "
                "the budget before the rollout deletes anything that works.",
                f"kubectl set image daemonset/{LOGS} …\n"
                f"kubectl set resources daemonset/{METRICS} --requests=cpu=…\n"
                f"kubectl patch daemonset {NET} -p "
                '\'{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": …}}}}\'',
            ),
            solution="---\n".join((
                manifest(LOGS, release="2"),
                manifest(METRICS, release="2", cpu=NEEDS),
                manifest(NET, release="2", budget=2),
            )),
        ),
    ),
    debrief="",
)  # fmt: skip
