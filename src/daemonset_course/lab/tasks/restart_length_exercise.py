"""The exercise on the length of a restart: half the time of a rollout, with the same budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemonset_course.history.log import Object
from daemonset_course.history.rollouts import Rollout, rollouts
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, sets_release
from daemonset_course.lab.criteria import kept, rolled
from daemonset_course.lab.evidence import (
    JUDGED,
    ROLLED,
    DaemonSetEvidence,
    Evidence,
    differences,
    pod_spec,
)
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

AGENT, BEFORE = "agent", "before"
WORKERS = 4
STOP, START, SOAK = 6, 6, 2  # seconds: preStop, initialDelaySeconds, minReadySeconds
WATCHED = 1  # seconds that a new Pod must be watched, at least
BUDGET = 2
UPDATE = f"type: RollingUpdate\nrollingUpdate: {{maxUnavailable: {BUDGET}}}"


def manifest(name: str = AGENT, *, stop: int = STOP, start: int = START, soak: int = SOAK) -> str:
    """Return a manifest as YAML, with the seconds of its stop, its start and its trial."""
    pause = f"lifecycle:\n  preStop:\n    sleep: {{seconds: {stop}}}\n" if stop else ""
    made = agent_manifest(
        name, update=UPDATE, container=sets_release("1") + pause + ready_after(start)
    )
    return made.replace("  selector:", f"  minReadySeconds: {soak}\n  selector:", 1)


def _available(name: str) -> str:
    return f"action: wait status\ndaemonset: {name}\ndesired: {WORKERS}\navailable: {WORKERS}\n"


def _marked(name: str, value: str) -> str:
    patch = f'{{"spec":{{"template":{{"metadata":{{"annotations":{{"{ROLLED}":{value}}}}}}}}}}}'
    return f"action: kubectl\ncommand: >-\n  patch daemonset {name} --type merge -p '{patch}'\n"


# Nobody waits for the slow one to be rolled back; the next check does, by ``_settled``.
BOTH = Probe(
    "agent and before are rolled out at the same time",
    "---\n".join(_marked(name, '"yes"') for name in (AGENT, BEFORE)),
    "---\n".join((
        *(_marked(name, "null") for name in (AGENT, BEFORE)),
        f"action: wait rollout\ndaemonset: {AGENT}\n",
    )),
)  # fmt: skip


def _probed(evidence: Evidence, name: str) -> tuple[Rollout | None, float]:
    """Return the rollout of the probe, and how long it took or has taken until now, in seconds."""
    since = evidence.probe(BOTH.name)
    assert since is not None
    own = evidence.daemonset(name)
    until = own.timeline.end if since.judged is None else since.judged
    begun = [one for one in rollouts(own.timeline) if since.start <= one.start <= until]
    if not begun:
        return None, 0.0
    first = begun[0]
    return first, until - first.start if first.duration is None else first.duration


def _half(evidence: Evidence) -> Finding:
    mine, seconds = _probed(evidence, AGENT)
    other, limit = _probed(evidence, BEFORE)
    if mine is None or other is None:
        return pending("The checker begins to roll out both.")
    if mine.duration is not None and 2 * seconds <= limit:
        more = "" if other.duration is not None else " or more"
        return met(f"{AGENT}: {seconds:.1f} s; {BEFORE}: {limit:.1f} s{more}, at the same time.")
    if other.duration is None:
        return pending("The checker rolls out both, and measures.")
    so_far = "" if mine.duration is not None else " so far"
    return missed(
        f"The rollout of {AGENT} took {seconds:.1f} s{so_far}, that of {BEFORE} {limit:.1f} s: "
        f"{seconds / limit:.0%} of the time; half is asked.",
        _parts(evidence.daemonset(AGENT)),
        "One restart after the other: the old Pod stops (preStop, then SIGTERM), the new one "
        "starts, its probe succeeds, and minReadySeconds go by. Source: rollingUpdate, "
        "pkg/controller/daemon/update.go.",
        f"kubectl get daemonset {AGENT} -o yaml: which field makes a restart wait?",
    )


def _parts(own: DaemonSetEvidence) -> list[str]:
    """Return the seconds that the template makes each restart wait."""
    one = _container(pod_spec(own.after))
    sleep = ((one.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
    probe = one.get("readinessProbe") or {}
    return [
        f"the old Pod waits before it stops: preStop, {sleep.get('seconds', 0)} s",
        f"the first probe of the new one: after {probe.get('initialDelaySeconds', 0)} s",
        f"then it must stay ready for {_soak(own.after)} s",
    ]


def _container(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = list(spec.get("containers") or ())
    return next((one for one in found if one["name"] == AGENT), {})


def _soak(daemonset: Object | None) -> int:
    return int(((daemonset or {}).get("spec") or {}).get("minReadySeconds") or 0)


def _watched(evidence: Evidence) -> Finding:
    found = _soak(evidence.daemonset(AGENT).after)
    if found >= WATCHED:
        return MET
    return missed(
        f"minReadySeconds is {found}: the next node follows as soon as a new Pod is ready. A new "
        f"Pod must have been ready for {WATCHED} s.",
        rule="A Pod that is ready for a moment and then fails has cost one node if the controller "
        "waited, and more if it did not.",
        where="kubectl explain daemonset.spec.minReadySeconds",
    )


def _probe_kept(spec: Mapping[str, Any]) -> str:
    probe = _container(spec).get("readinessProbe") or {}
    if not probe:
        return "The container has no readinessProbe any more: a Pod counts as ready as it starts."
    if (probe.get("exec") or {}).get("command") != ["true"]:
        return "The readinessProbe asks something else now: its command must stay."
    return ""


def _yardstick(evidence: Evidence) -> Finding:
    own = evidence.daemonset(BEFORE)
    found = sorted({
        path
        for change in evidence.history.edits("daemonsets", own.is_it)
        for path in differences(_judged_part(own.before), _judged_part(change.object))
    })  # fmt: skip
    if own.after is not None and not own.recreated and not found:
        return MET
    return missed(
        f"{BEFORE} is what {AGENT} is measured against, and it was "
        + (f"changed: {', '.join(found[:4])}." if found else "deleted."),
        where=f"kubectl get daemonset {BEFORE} -o yaml.",
        final=True,
    )


def _settled(evidence: Evidence) -> Finding:
    """Return whether no rollout of ``before`` would disturb the measurement."""
    found = evidence.daemonset(BEFORE).why
    if evidence.probe(BOTH.name) is not None or found.done:
        return MET
    return pending(
        f"A rollout of {BEFORE} is still under way; the check waits for it, and then measures.",
        found.lines(evidence.lane),
        f"kubectl rollout status daemonset {BEFORE}.",
    )


def _judged_part(daemonset: Object) -> Mapping[str, Any]:
    """Return the spec without the metadata of its template: a mark there only restarts the Pods."""
    spec = dict(daemonset.get("spec") or {})
    return {**spec, "template": (spec.get("template") or {}).get("spec")}


_GUARDS = kept.guards(AGENT)
_SAME = _GUARDS[:1]
_YARDSTICK = Criterion(f"{BEFORE} is as at the start", _yardstick, weight=0,
                       watched=("daemonsets",))  # fmt: skip
_SETTLED = Criterion(f"no rollout of {BEFORE} is under way", _settled, (_YARDSTICK,), weight=0)
_ONLY = kept.only_changed(AGENT, f"{AGENT}.lifecycle", f"{AGENT}.readinessProbe", requires=_SAME)
_SPEC = kept.spec_kept(AGENT, "minReadySeconds", requires=_SAME)
_PROBE = kept.field(
    AGENT,
    "the readinessProbe still asks the agent",
    _probe_kept,
    rule="Without a probe the controller goes on when the process has started, whatever it does. "
    "kubernetes.io: Configure Liveness, Readiness and Startup Probes.",
    where=f"kubectl get daemonset {AGENT} -o yaml, readinessProbe.",
    requires=_SAME,
    weight=0,
)
_SOAK = Criterion(f"a new Pod is watched for {WATCHED} s", _watched, _SAME, weight=0)
_READY = (*_SAME, _YARDSTICK, _ONLY, _SPEC, _PROBE, _SOAK)
_STUCK = rolled.not_stuck(AGENT, requires=_READY)
_FINISHED = rolled.finished(AGENT, limit=BUDGET, requires=(*_READY, _STUCK))

LAB = Lab(
    name="restart-length",
    title="Half the time, the same budget",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Halve the time of a rollout",
            start="---\n".join((manifest(), manifest(BEFORE), *map(_available, (AGENT, BEFORE)))),
            there=f"{AGENT} runs on {WORKERS} workers, with maxUnavailable 2. {BEFORE} is a copy "
            "of it as it is now.",
            criteria=(
                *_GUARDS,
                _YARDSTICK,
                _ONLY,
                _SPEC,
                _PROBE,
                _SOAK,
                _STUCK,
                _FINISHED,
                _SETTLED,
                Criterion(
                    f"a rollout of {AGENT} takes at most half the time of {BEFORE}",
                    _half,
                    (*_READY, _FINISHED, _SETTLED),
                    2,
                    JUDGED,
                    BOTH.name,
                ),
            ),
            probes=(BOTH,),
            hints=(
                "Where do the seconds of one restart go? kubectl get pods -w while you restart it: "
                "kubectl rollout restart daemonset agent. Then read the manifest.",
                "Three fields make a restart wait: before the old Pod gets SIGTERM, before the "
                "first probe of the new Pod, and after the new Pod is ready. Which of these waits "
                "does this agent need?",
                "spec:\n  minReadySeconds: …\n  template:\n    spec:\n      containers:\n"
                "      - name: agent\n        lifecycle: …\n"
                "        readinessProbe: {initialDelaySeconds: …}",
            ),
            solution=manifest(stop=0, start=0, soak=WATCHED),
        ),
    ),
    debrief="",
)
