"""A timeline in words: the caption under the picture, its alt text, and a value to compare."""

from __future__ import annotations

from collections.abc import Sequence

from daemonset_course.timeline.creation import sentence
from daemonset_course.timeline.facts import Rollout, refused, rollouts
from daemonset_course.timeline.outages import Down, cure
from daemonset_course.timeline.seen import seen, seen_headline
from daemonset_course.timeline.timeline import Timeline
from daemonset_course.timeline.words import lane_name, nodes, seconds

__all__ = ["caption", "headline", "lane_name", "nodes", "seconds"]

_NAMED = 6  # nodes named in an order before "…"


def caption(timeline: Timeline) -> str:
    """What happened, one sentence for each outage, rollout and gap; each number is from the facts.

    Without a rollout: which Pods and nodes came and went, and which nodes lacked their Pod.

    Example: "12 nodes rolled in 18.2 s, at most 1 unavailable (budget 1), order worker3, worker7,
    worker, worker2, worker11, worker4, …"
    """
    told = [_rollout(timeline, rollout) for rollout in rollouts(timeline)]
    sentences = [f"Then {text}" if i else text for i, text in enumerate(told)]
    sentences = sentences or [seen(timeline) + _refused(timeline)]
    return " ".join(_ended(text) for text in [*outages(timeline), *sentences, *_gaps(timeline)])


def headline(timeline: Timeline) -> str:
    """The finding in a few words: the caption of the last rollout up to its first comma."""
    down = [str(Down(one.component, one.why)) for one in timeline.outages if one.end is None]
    found = rollouts(timeline)
    if not found:
        return ", ".join([*down, seen_headline(timeline)])
    rollout = found[-1]
    return ", ".join([*down, _result(timeline, rollout), *_unavailable(rollout)])


def _rollout(timeline: Timeline, rollout: Rollout) -> str:
    parts = [_result(timeline, rollout), *_unavailable(rollout), *_surge(rollout)]
    if rollout.over_budget:
        parts.append(f"above the budget for up to {seconds(rollout.over_budget)}")
    if rollout.end is None:
        held = _waiting(timeline, rollout) + _not_created(
            timeline, rollout.missing, rollout.refused
        )
        return ", ".join(parts) + held
    if rollout.order:
        parts.append("order " + _listed([lane_name(timeline, node) for node in rollout.order]))
    return ", ".join(parts)


def _result(timeline: Timeline, rollout: Rollout) -> str:
    if rollout.duration is not None:
        verb = "started" if rollout.created else "rolled"
        which, rolled = nodes(rollout.nodes), len(rollout.order)
        if rollout.nodes is not None and rolled < rollout.nodes:
            which = f"{rolled} of {which}"  # the others ran this template already
        return f"{which} {verb} in {seconds(rollout.duration)}"
    if rollout.updated is None:
        return f"unknown how many nodes were updated {_stop(timeline, rollout)}"
    return f"{rollout.updated} of {nodes(rollout.nodes)} updated {_stop(timeline, rollout)}"


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
    return [f"at most {rollout.max_unavailable} unavailable ({bound})"]


def _surge(rollout: Rollout) -> list[str]:
    if not rollout.surge_budget and not rollout.max_surge:
        return []
    extra = "unknown" if rollout.max_surge is None else str(rollout.max_surge)
    return [f"at most {extra} extra (surge budget {rollout.surge_budget or 0})"]


def _waiting(timeline: Timeline, rollout: Rollout) -> str:
    held = [f"{lane_name(timeline, node)} ({reason})" for node, reason in rollout.waiting]
    return f"; waiting: {_listed(held)}" if held else ""


def outages(timeline: Timeline) -> list[str]:
    """When a component of the control plane did not run; the cure where it still does not."""
    told = [str(one) for one in timeline.outages]
    down = [one for one in timeline.outages if one.end is None]
    name = str(timeline.header.get("cluster", ""))
    return [*told, *([f"The cure: {cure(down, name)}"] if down else [])]


def _not_created(timeline: Timeline, missing: Sequence[str], message: str) -> str:
    told = sentence([lane_name(timeline, node) for node in missing], message)
    return f"; {told}" if told else ""


def _refused(timeline: Timeline) -> str:
    message = refused(timeline, timeline.start, timeline.end, timeline.missing)
    return _not_created(timeline, timeline.missing, message)


def _gaps(timeline: Timeline) -> list[str]:
    return [
        f"The watch of {gap.resource} saw nothing from {gap.start:.1f} s to {gap.end:.1f} s"
        for gap in timeline.gaps
    ]


def _ended(text: str) -> str:
    return text if text.endswith(("…", ".")) else f"{text}."


def _listed(words: list[str]) -> str:
    return ", ".join([*words[:_NAMED], "…"] if len(words) > _NAMED else words)
