"""Find for each node the cause that keeps a rollout from completion there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from daemonset_course.history import podstate
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.log import Object
from daemonset_course.history.numbering import number_at
from daemonset_course.history.spans import SKEW, Scene, Segment, Template
from daemonset_course.history.text import natural_key
from daemonset_course.history.timeline import Timeline
from daemonset_course.placement.decision import Decision, decide
from daemonset_course.placement.tolerations import pod_tolerations

Kind = Literal[
    "component", "unknown", "no DaemonSet", "unobserved", "budget", "refused", "missing",
    "scheduler", "kubelet", "silent kubelet", "terminating", "minReadySeconds", "old template",
    "OnDelete", "not wanted", "node gone",
]  # fmt: skip

# A kubelet's reasons that do not end by themselves: the template has to change.
PERMANENT = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
}
SILENT = "the kubelet is silent until the node comes back"


@dataclass(frozen=True)
class Cause:
    """One reason why a rollout is not complete.

    Attributes:
        kind: the kind of cause.
        node: the node; empty if it is about the DaemonSet or the whole cluster.
        reason: a short text, equal for all nodes with the same cause.
        ends_by_itself: whether it can end without a change by the user.
        message: the full text, if it is longer than the reason.
        blocks: whether it keeps the rollout from completion. A node that should not run the
            DaemonSet does not, but its Pod may use the budget.
        users: if the kind is ``budget``, the causes of the nodes that use the budget.
    """

    kind: Kind
    node: str
    reason: str
    ends_by_itself: bool
    message: str = ""
    blocks: bool = True
    users: tuple[Cause, ...] = ()


class Nodes:
    """The nodes of a DaemonSet at one time, each with its cause."""

    def __init__(self, timeline: Timeline, template: Template | None) -> None:
        """Read the state at the end of ``template``; None: at the end of the timeline."""
        self._timeline = timeline
        self.scene: Scene = template.scene if template else timeline.scene
        self.template = template or (timeline.templates[-1] if timeline.templates else None)
        self.daemonset: Object = self.scene.daemonset or {}
        self._spec: Object = self.daemonset.get("spec") or {}
        self._strategy = str((self._spec.get("updateStrategy") or {}).get("type", ""))

    def causes(self) -> Iterator[Cause]:
        """Yield the cause of each node that has one, in natural order."""
        template = self._spec.get("template") or {}
        spec, tolerations = template.get("spec") or {}, pod_tolerations(template)
        behind = (self.scene.nodes.keys() | self.scene.pods.keys()) - self._done
        for name in sorted(behind, key=natural_key):
            node, here = self.scene.nodes.get(name), self.scene.pods.get(name, [])
            if node is None:
                found = _of_gone_node(name)
            elif name in self.scene.wanted:
                found = self._wanted(name, here)
            else:
                found = self._other(name, here, decide(node, spec, tolerations))
            if found:
                yield found

    def is_unavailable(self, name: str) -> bool:
        """Whether the node counts as one without an available Pod."""
        here = self.scene.pods.get(name, [])
        counts = bool(here) or name in self.scene.wanted
        return counts and not any(map(self._available, here))

    def has_two_pods(self, name: str) -> bool:
        """Whether a new Pod is on the node beside an old one (maxSurge)."""
        return len(self.scene.pods.get(name, [])) > 1

    # One node

    def _wanted(self, name: str, here: list[Object]) -> Cause | None:
        if not here:
            return Cause("missing", name, "no Pod yet", True)
        leaving = [*filter(podstate.is_terminating, here)]
        new = [pod for pod in here if pod not in leaving and self._is_new(pod)]
        if new:
            cause = self._unready(name, new[0])
            if cause or len(here) == 1:
                return cause
            if not leaving:
                return Cause("old template", name, "an old Pod is still beside the new one", True)
        if leaving and (new or len(leaving) == len(here)):
            return self._leaving(name, leaving[0])
        if self._strategy == "OnDelete":
            words = "still runs the old template: with OnDelete nobody replaces the Pod, delete it"
            return Cause("OnDelete", name, words, False)
        words, held = "still runs the old template", self._unready(name, here[0])
        return Cause("old template", name, words + (f", {held.reason}" if held else ""), True)

    def _other(self, name: str, here: list[Object], decision: Decision) -> Cause | None:
        """Return the cause of a node that should not run the DaemonSet."""
        if not here:
            if decision.rule != "taint" or not decision.keep or not self._had_pod(name):
                return None
            words = f"{decision.detail}: its Pod was deleted and does not come back"
            return Cause("not wanted", name, words, False, blocks=False)
        leaving = [*filter(podstate.is_terminating, here)]
        cause = self._leaving(name, leaving[0]) if leaving else self._unready(name, here[0])
        if cause:
            return Cause(
                cause.kind, name, cause.reason, cause.ends_by_itself, cause.message, blocks=False
            )
        if not decision.keep or all(map(self._is_new, here)):
            return None
        words = f"{decision.detail}: its Pod stays until it is replaced"
        return Cause("not wanted", name, words, False, blocks=False)

    def _leaving(self, name: str, pod: Object) -> Cause:
        silent = self._silent(name)
        end = f", {SILENT}" if silent else ""
        whole = f"its Pod has been terminating for {self._age(pod):.0f} s{end}"
        return Cause("terminating", name, f"its Pod is terminating{end}", not silent, whole)

    def _unready(self, name: str, pod: Object) -> Cause | None:
        """Return why a Pod is not available; None if it is available."""
        phase, reason = podstate.phase_of(pod)
        if phase == "ready":
            return self._not_yet_available(name, pod)
        status = pod.get("status") or {}
        if status.get("phase") in {"Failed", "Succeeded"}:
            return Cause("kubelet", name, reason, True, str(status.get("message", "")))
        if podstate.is_bound(pod):
            if self._silent(name):
                return Cause("silent kubelet", name, f"its Pod is not ready, {SILENT}", False)
            return Cause("kubelet", name, *kubelet_words(pod))
        scheduled = podstate.condition(pod, "PodScheduled")
        if scheduled.get("status") == "False":
            reason = str(scheduled.get("reason") or "Unschedulable")
            whole = f"{reason}: {scheduled.get('message', '')}"
            return Cause("scheduler", name, reason, False, whole)
        scheduler = str((pod.get("spec") or {}).get("schedulerName") or "default-scheduler")
        standard = scheduler == "default-scheduler"
        words = "its Pod waits for the scheduler" + ("" if standard else f" {scheduler}")
        return Cause("scheduler", name, words, standard)

    def _not_yet_available(self, name: str, pod: Object) -> Cause | None:
        if not self._min_ready or (age := self._age(pod)) >= self._min_ready:
            return None
        most = "at least " if self._came_in_gap(pod) else ""
        words = f"ready for {most}{age:.0f} s of the {self._min_ready} s of minReadySeconds"
        return Cause("minReadySeconds", name, words, True)

    # Facts from the log

    @cached_property
    def _min_ready(self) -> int:
        """``minReadySeconds``; 0 if the status counts every Pod as available."""
        status = self.daemonset.get("status") or {}
        numbers = status_of(self.daemonset)
        seen = int(status.get("observedGeneration") or 0)
        current = seen >= int(self.daemonset["metadata"].get("generation") or 0)
        if current and numbers.desired == numbers.updated == numbers.available:
            return 0
        return int(self._spec.get("minReadySeconds") or 0)

    @cached_property
    def _newest(self) -> str | None:
        """The template's ``controller-revision-hash``; None if unknown."""
        if self._timeline.templates:
            return self.template.revision if self.template else ""
        top = {
            name: number_at(line, self._timeline.end) or 0
            for name, line in self._timeline.numbers.items()
        }
        return max(top, key=lambda name: top[name]) if top else self._timeline.newest or None

    @property
    def _done(self) -> frozenset[str]:
        """The nodes that need no look: done by the same template as the newest one here.

        A timeline takes orphans of the same template generation for new ones, as the controller
        does; ControllerRevisions tell them apart.
        """
        counted = self._timeline.newest if self.template is None else self.template.revision
        return self.scene.done if counted and counted == self._newest else frozenset()

    def _is_new(self, pod: Object) -> bool:
        if self._newest is not None:
            return podstate.revision_of(pod) == self._newest != ""
        # The revision is unknown, as after the deletion of a DaemonSet of the same name.
        notes = self.daemonset["metadata"].get("annotations") or {}
        number = notes.get("deprecated.daemonset.template.generation")
        made = podstate.template_generation(pod)
        return not number or not made or number == made

    def _available(self, pod: Object) -> bool:
        ready = podstate.phase_of(pod)[0] == "ready"
        return ready and (not self._min_ready or self._age(pod) >= self._min_ready)

    def _silent(self, name: str) -> bool:
        node = self.scene.nodes.get(name) or {}
        return bool(podstate.condition(node, "Ready").get("status") == "Unknown")

    def _had_pod(self, name: str) -> bool:
        """Whether the node had a Pod when the template changed, or later."""
        since = self.template.t - SKEW if self.template else self._timeline.start
        return any(one.end >= since for one in self._timeline.by_node.get(name, ()))

    def _last(self, pod: Object) -> Segment | None:
        """Return the Pod's current segment in the timeline."""
        uid, here = pod["metadata"]["uid"], self._timeline.by_node.get(podstate.node_of(pod), ())
        own = (one for one in here if one.pod == uid and one.start <= self.scene.t)
        return max(own, key=lambda one: one.start, default=None)

    def _age(self, pod: Object) -> float:
        """Return for how many seconds the Pod has been in its phase, at least."""
        last = self._last(pod)
        start = last.start if last else self.scene.t
        before = 0.0
        if start <= self._timeline.start:
            before = podstate.phase_age(pod, self._timeline.header.date)
        return max(0.0, self.scene.t - start + before)

    def _came_in_gap(self, pod: Object) -> bool:
        """Whether the Pod's phase may have begun within a gap."""
        last = self._last(pod)
        gaps = (gap for gap in self._timeline.gaps if gap.resource == "pods")
        return last is not None and any(gap.end == last.start for gap in gaps)


def kubelet_words(pod: Object) -> tuple[str, bool, str]:
    """Return why a Pod is not ready, by the kubelet: (reason, ends by itself, full text).

    The texts name all containers that failed, or else the first one that is not ready.
    """
    found = podstate.unready(pod)
    held = [one for one in found if not one.is_starting] or found[:1]
    words = [
        (one.container, one.reason or f"{one.state}, not ready", one.message)
        for one in held
        if one.container or one.reason
    ]
    if not words:
        status = pod.get("status") or {}
        return f"{str(status.get('phase', 'Pending')).lower()}, not ready", True, ""
    short, whole = (
        "; ".join(": ".join(filter(None, parts[:most])) for parts in words) for most in (2, 3)
    )
    return short, not any(one.reason in PERMANENT for one in held), whole


def _of_gone_node(name: str) -> Cause | None:
    if not name:
        return None
    words = "its Node object is gone; the garbage collector deletes its Pod after about a minute"
    return Cause("node gone", name, words, True, blocks=False)
