"""The exercise of the first lesson: break an image, read the columns of the status, repair it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from daemonset_course.history import podstate
from daemonset_course.history.daemonset_status import COLUMNS, status_of
from daemonset_course.history.log import Object
from daemonset_course.history.text import counted, joined
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import DaemonSetEvidence, Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.place_by_label import kubectl
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

AGENT, KEY = "agent", "moved"
PRINTED = COLUMNS[:5]  # those that kubectl get prints
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
_COUNTS = {
    "DESIRED": "DESIRED counts the nodes that should run a Pod, and no image changes which do",
    "CURRENT": "CURRENT counts the nodes that have a Pod, and one without its image is a Pod",
    "READY": "READY counts the nodes with a ready Pod",
    "UP-TO-DATE": "UP-TO-DATE counts the nodes with a Pod of the newest template, ready or not",
    "AVAILABLE": "AVAILABLE counts the nodes with a Pod that is ready, for minReadySeconds if set",
}
_SOURCE = "Source: updateDaemonSetStatus, pkg/controller/daemon/daemon_controller.go."
_LOOK = f"kubectl get daemonset {AGENT}, with the good image and with the broken one."


def _broken(own: DaemonSetEvidence) -> Object | None:
    """Return the DaemonSet as it last was with images that a Pod of it did not get; else None."""
    failed = {
        _images(change.object["spec"])
        for change in own.cluster.history.changes("pods")
        if podstate.is_owned(change.object, own.name)
        and podstate.phase_of(change.object)[1] in _NO_IMAGE
    } - {_images(pod_spec(own.before))}
    sets = [c.object for c in own.cluster.history.changes("daemonsets", own.is_it) if not c.gone]
    return next((one for one in reversed(sets) if _images(pod_spec(one)) in failed), None)


def _images(spec: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(one.get("image", "")) for one in podstate.containers_of(spec))


def moved(own: DaemonSetEvidence) -> Mapping[str, tuple[int, int]]:
    """Return the columns that differ, each with its numbers at the start and with the broken image.

    The second number is the last one before another image. Empty: no image was broken.
    """
    broken = _broken(own)
    if broken is None:
        return {}
    pairs = zip(status_of(own.before), status_of(broken), strict=True)
    found = dict(zip(COLUMNS, pairs, strict=True))
    return {column: found[column] for column in PRINTED if found[column][0] != found[column][1]}


def _breaks() -> Criterion:
    """A Pod of the DaemonSet did not get its image."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(AGENT)
        if _broken(own) is not None:
            return MET
        workers = {name: evidence.nodes[name] for name in evidence.workers}
        images = joined(_images(pod_spec(own.after)))
        changed = pod_spec(own.after) != pod_spec(own.before)
        if changed and covered.on(own, workers).answer == "pending":
            return pending(f"A Pod with the image {images} starts.", where="kubectl get pods.")
        return missed(
            f"No Pod of {AGENT} has failed so far to get the image that the template names.",
            (f"{images}: the Pods with this image got it",) if changed else (),
            "A kubelet cannot pull an image from a host that does not exist. A name that ends in "
            ".invalid never exists (RFC 2606). Simulated kubelets have every other image.",
            f"STATUS in kubectl get pods, after kubectl set image daemonset/{AGENT} {AGENT}=…",
        )

    return Criterion(f"a Pod of {AGENT} did not get its image", judge, (_SAME,),
                     watched=("daemonsets", "pods"))  # fmt: skip


def _answers() -> Criterion:
    """The ConfigMap names the columns that moved, and no other."""

    def judge(evidence: Evidence) -> Finding:
        given = evidence.answer(KEY)
        if given is None:
            return missed(
                f"There is no answer for {KEY}.",
                where=f"kubectl create configmap answer --from-literal={KEY}=COLUMN,COLUMN…",
            )
        named = set(re.split(r"[\s,;]+", given.upper())) - {"", "AND"}
        if unknown := sorted(named - {*PRINTED}):
            return missed(
                f"{joined(unknown)}: kubectl get daemonset prints no such column of numbers.",
                where=_LOOK,
            )
        return _compared(named, moved(evidence.daemonset(AGENT)))

    return Criterion("the answer names the columns that moved", judge, (_BREAKS,), 2,
                     watched=("daemonsets", "pods"))  # fmt: skip


def _compared(named: set[str], right: Mapping[str, tuple[int, int]]) -> Finding:
    if still := [column for column in PRINTED if column in named and column not in right]:
        return missed(
            f"{joined(still)} did not move: the number was the same with the broken image.",
            rule=f"{_COUNTS[still[0]]}. {_SOURCE}",
            where=_LOOK,
        )
    if len(named) < len(right):
        return missed(
            f"Your answer names {counted(len(named), 'column')}, and {len(right)} moved.",
            rule="One fault can move several columns, and a rollout that has begun moves its own. "
            + _SOURCE,
            where=_LOOK,
        )
    return met(
        "You read the columns that moved.",
        (f"{c}: {before} at the start, {now} with the broken image. {_COUNTS[c]}."
         for c, (before, now) in right.items()),
    )  # fmt: skip


_GUARDS = kept.guards(AGENT)
_SAME = _GUARDS[0]
_BREAKS = _breaks()
_COVERED = covered.covers(AGENT, is_worker, "every worker", requires=(_SAME,))

LAB = Lab(
    name="start",
    title="Break it, read it, repair it",
    workers=(Worker(),) * 3,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Break the image, read what moved, repair it",
            start=running(agent_manifest(AGENT), AGENT),
            there=f"{AGENT} runs on the three workers.",
            criteria=(
                *_GUARDS,
                _BREAKS,
                _answers(),
                _COVERED,
                kept.only_changed(AGENT, requires=(_SAME, _COVERED)),
                kept.spec_kept(AGENT, requires=(_SAME, _COVERED)),
            ),
            hints=(
                f"Write down the numbers of kubectl get daemonset {AGENT} before you begin. Look "
                "again when kubectl get pods shows ErrImagePull or ImagePullBackOff.",
                "Each column counts nodes. Ask of the node with the broken Pod, column by column: "
                "does it still count? And does any node count that did not before?",
                f"kubectl set image daemonset/{AGENT} {AGENT}=registry.invalid/…\n"
                f"kubectl create configmap answer --from-literal={KEY}=…,…\n"
                f"kubectl rollout … daemonset/{AGENT}",
            ),
            solution=kubectl(f"set image daemonset/{AGENT} {AGENT}=registry.invalid/{AGENT}:2")
            + f"---\naction: wait stuck\ndaemonset: {AGENT}\nreason: ImagePull\n---\n"
            + kubectl(
                f"get daemonset {AGENT}",
                f"create configmap answer --from-literal={KEY}=READY,UP-TO-DATE,AVAILABLE",
                f"rollout undo daemonset {AGENT}",
            ),
        ),
    ),
    debrief="",
)  # fmt: skip
