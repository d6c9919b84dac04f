"""Describe a timeline: caption and headline of the picture, also used as its alt text. Pure."""

from __future__ import annotations

from daemonset_course.analysis.explain import Explanation, explain_timeline
from daemonset_course.history.observed import interruptions
from daemonset_course.history.outages import Down, cure
from daemonset_course.history.rollouts import Rollout, rollouts
from daemonset_course.history.spans import Template
from daemonset_course.history.summary import short_summary, summary
from daemonset_course.history.text import listed, nodes, seconds
from daemonset_course.history.timeline import Timeline


def caption(timeline: Timeline) -> str:
    """Return what happened: one sentence for each outage, rollout and gap.

    Why a rollout did not end is written once, at the last of several in a row with the same reason.
    Without a rollout: which Pods and nodes were created or deleted, and which nodes had no Pod.

    Example: "12 nodes rolled in 18.2 s, at most 1 unavailable (budget 1), order worker3, worker7,
    worker, worker2, worker11, worker4, …"
    """
    found = rollouts(timeline)
    whys = [_why(timeline, *pair) for pair in zip(found, timeline.templates, strict=True)]
    last = [a if [a] != whys[i + 1 : i + 2] else "" for i, a in enumerate(whys)]
    texts = [_rollout(timeline, *pair) for pair in zip(found, last, strict=True)]
    sentences = [f"Then {text}" if i else text for i, text in enumerate(texts)]
    sentences = sentences or [summary(timeline) + _held(timeline)]
    ended = (text if text.endswith(("…", ".")) else f"{text}." for text in sentences)
    return " ".join([*_outages(timeline), *ended, *interruptions(timeline.gaps)])


def headline(timeline: Timeline) -> str:
    """Return the finding in a few words: the beginning of the caption of the last rollout."""
    down = [str(Down(one.component, one.why)) for one in timeline.outages if one.end is None]
    found = rollouts(timeline)
    if not found:
        return ", ".join([*down, short_summary(timeline)])
    rollout = found[-1]
    return ", ".join([*down, _result(timeline, rollout), *_unavailable(rollout)])


def _rollout(timeline: Timeline, rollout: Rollout, why: str) -> str:
    parts = [_result(timeline, rollout), *_unavailable(rollout), *_surge(rollout)]
    if rollout.over_budget:
        parts.append(f"above the budget for up to {seconds(rollout.over_budget)}")
    if rollout.end is not None and rollout.order:
        word = "order " if rollout.watched else "order as seen "
        parts.append(word + listed([timeline.lane(node) for node in rollout.order]))
    return ", ".join(parts) + why


def _why(timeline: Timeline, rollout: Rollout, template: Template) -> str:
    """Return why a rollout did not end, or the nodes that a complete one left without a Pod."""
    found = explain_timeline(timeline, template).where(
        lambda cause: cause.kind not in ("component", "unknown", "no DaemonSet")
    )
    if rollout.end is not None:
        found = found.where(lambda cause: cause.kind == "not wanted")
    elif rollout.stop < timeline.end:
        found = found.where(lambda cause: not cause.ends_by_itself)
    return _reasons(timeline, found)


def _held(timeline: Timeline) -> str:
    """Return why Pods are missing in a recording in which no template changed."""
    found = explain_timeline(timeline)
    return _reasons(timeline, found.where(lambda one: one.kind in ("budget", "refused")))


def _reasons(timeline: Timeline, found: Explanation) -> str:
    text = found.sentence(timeline.lane)
    return f"; {text}" if text else ""


def _result(timeline: Timeline, rollout: Rollout) -> str:
    if rollout.duration is not None:
        verb = "started" if rollout.created else "rolled"
        which, rolled = nodes(rollout.nodes), len(rollout.order)
        if rollout.nodes is not None and rolled < rollout.nodes:
            which = f"{rolled} of {which}"  # the other nodes had this template already
        within = "in" if rollout.exact else "within"
        return f"{which} {verb} {within} {seconds(rollout.duration)}{_besides(rollout)}"
    verb = "started" if rollout.created else "updated"
    if rollout.updated is None:
        return f"unknown how many nodes were {verb} {_stop(timeline, rollout)}"
    return f"{rollout.updated} of {nodes(rollout.nodes)} {verb} {_stop(timeline, rollout)}"


def _besides(rollout: Rollout) -> str:
    """Return the time that the length leaves out; empty if none."""
    if not rollout.suspended or not rollout.exact:
        return ""
    return f" besides {seconds(rollout.suspended)} in which the recorder was suspended"


def _stop(timeline: Timeline, rollout: Rollout) -> str:
    if any(later.t == rollout.stop > rollout.start for later in timeline.templates):
        return "when the next template came"
    if rollout.stop < timeline.end:
        return "when the DaemonSet was deleted"
    return "when the recording ended"


def _unavailable(rollout: Rollout) -> list[str]:
    if rollout.created:
        return []
    if rollout.max_unavailable is None:
        return ["unavailable nodes unknown"]
    bound = "no budget: OnDelete" if rollout.budget is None else f"budget {rollout.budget}"
    if None not in (rollout.budget, rollout.last_budget) and rollout.budget != rollout.last_budget:
        bound += f", later {rollout.last_budget}"
    return [f"at most {rollout.max_unavailable} unavailable{_seen(rollout)} ({bound})"]


def _surge(rollout: Rollout) -> list[str]:
    if not rollout.surge_budget and not rollout.max_surge:
        return []
    extra = "unknown" if rollout.max_surge is None else str(rollout.max_surge)
    return [f"at most {extra} extra{_seen(rollout)} (surge budget {rollout.surge_budget or 0})"]


def _seen(rollout: Rollout) -> str:
    """Return the limitation of a maximum: empty if no watch was interrupted."""
    return "" if rollout.watched else " while watched"


def _outages(timeline: Timeline) -> list[str]:
    """Return when components of the control plane did not run, and how to restart them."""
    sentences = [f"{one}." for one in timeline.outages]
    down = [one for one in timeline.outages if one.end is None]
    return sentences + ([f"The cure: {cure(down, timeline.header.cluster)}."] if down else [])
