"""The exercise of the lesson on watching: five rollouts, and which of them is not what it seems."""

from __future__ import annotations

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import is_control_plane
from daemonset_course.lab.agent_manifest import agent_manifest, sets_release
from daemonset_course.lab.criteria import covered, kept, moments, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.stuck_rollouts_exercise import of
from daemonset_course.lab.verdict import Criterion

LOGS, METRICS, NET, SECURITY, STORAGE = "logs", "metrics", "net", "security", "storage"
RIGHT = (LOGS, STORAGE)  # agents that run as they should
WORKERS = 4
TAINT = "dedicated=db:NoSchedule"  # of the last worker
LOCAL = (1, 2)  # workers for which storage is
OLD, NEW = "1", "2"
TOLERATION = "tolerations: [{key: dedicated, operator: Equal, value: db, effect: NoSchedule}]"


def manifest(name: str, *, release: str = NEW, tolerates: bool = True) -> str:
    """Return the manifest of one of the five as YAML."""
    more = [TOLERATION] if tolerates else []
    more += ["nodeSelector: {volumes: local}"] if name == STORAGE else []
    rolling = "type: RollingUpdate\nrollingUpdate: {maxUnavailable: 2}"
    return agent_manifest(
        name,
        update="type: OnDelete" if name == SECURITY else rolling,
        pod="\n".join(more),
        container=sets_release(release),
    )


def _status(name: str, **numbers: int) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in numbers.items())
    return f"action: wait status\ndaemonset: {name}\n{lines}"


def _rolled(name: str) -> str:
    """Wait for a rollout: numbers alone may still be those of the template before."""
    return f"action: wait rollout\ndaemonset: {name}\n"


def _done(name: str, nodes: int) -> str:
    return _status(name, desired=nodes, updated=nodes, available=nodes)


START = "---\n".join((
    *(manifest(name, release=OLD) for name in (LOGS, NET, SECURITY, STORAGE)),
    manifest(METRICS, release=OLD, tolerates=False),
    *(_done(name, WORKERS) for name in (LOGS, NET, SECURITY)),
    _done(METRICS, WORKERS - 1),
    _done(STORAGE, len(LOCAL)),
    *(manifest(name) for name in (LOGS, NET, SECURITY, STORAGE)),
    manifest(METRICS, tolerates=False),
    *(_rolled(name) for name in (LOGS, NET, METRICS, STORAGE)),
    _status(SECURITY, updated=0),
    f"action: kubectl\ncommand: rollout undo daemonset/{NET}\n",
    _rolled(NET),
))  # fmt: skip


def _repaired(name: str, *changed: str, spec: tuple[str, ...] = ()) -> tuple[Criterion, ...]:
    """Return what is asked of one of the three that are to be repaired.

    ``changed`` and ``spec`` are the fields of its Pod spec and of its spec that may differ.
    """
    same = of(name, kept.same_object(name))
    release = of(name, rolled.template_sets(name, name, "RELEASE", NEW))
    stuck = of(name, rolled.not_stuck(name, requires=(same, release)))
    covers = covered.covers(name, is_worker, "every worker", requires=(same, release, stuck))
    return (
        same,
        of(name, kept.only_changed(name, *changed, requires=(same,))),
        of(name, kept.spec_kept(name, *spec, requires=(same,))),
        release,
        covered.stays_off(name, is_control_plane, "the control plane", requires=(same,)),
        stuck,
        covers,
        of(name, rolled.finished(name, requires=(same, release, stuck, covers))),
    )


def _any(_: Object) -> bool:
    return True


LAB = Lab(
    name="watching",
    title="What the status does not say",
    workers=tuple(
        Worker(
            labels={"volumes": "local"} if n in LOCAL else {},
            taints=(TAINT,) if n == WORKERS else (),
        )
        for n in range(1, WORKERS + 1)
    ),
    daemonset=METRICS,
    tasks=(
        Task(
            title="Find the rollouts that are not what they seem, and repair exactly those",
            start=START,
            there=f"{LOGS}, {METRICS}, {NET}, {SECURITY} and {STORAGE} were released this morning. "
            f"RELEASE {NEW} should run on every worker; {STORAGE} is only for workers with "
            "volumes=local. No rollout waits for anything.",
            criteria=(
                kept.nodes_kept(),
                kept.nodes_as_given(),
                kept.not_bare(),
                kept.others_untouched(*RIGHT),
                *(of(name, moments.pods_kept(name, _any, "its nodes")) for name in RIGHT),
                *_repaired(METRICS, "tolerations"),
                *_repaired(NET, f"{NET}.env"),
                *_repaired(SECURITY, spec=("updateStrategy",)),
            ),
            hints=(
                "Compare for each agent: kubectl get nodes, kubectl get daemonset, and kubectl get "
                "pods -o wide -L controller-revision-hash. RELEASE is in kubectl describe "
                "daemonset.",
                "Success counts the nodes that the DaemonSet wants, and the template that it has. "
                "One agent does not want a worker that it should want. One has the template of "
                "another release. One has the right template, and nobody replaces its Pods.",
                "tolerations:\n- {key: …, operator: …, value: …, effect: …}\n"
                "kubectl set env daemonset/… RELEASE=…\n"
                "kubectl delete pods -l app=…",
            ),
            solution="---\n".join((
                manifest(METRICS),
                manifest(NET),
                f"action: kubectl\ncommand: delete pods -l app={SECURITY}\n",
            )),
        ),
    ),
    debrief="",
)  # fmt: skip
