"""Explain from the history why a rollout is not complete. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from daemonset_course.analysis.causes import Cause, Kind, Nodes
from daemonset_course.history.budgets import budgets
from daemonset_course.history.daemonset_status import status_of
from daemonset_course.history.index import History
from daemonset_course.history.outages import Down, cure
from daemonset_course.history.rollouts import creation_error
from daemonset_course.history.spans import Template
from daemonset_course.history.text import counted, joined
from daemonset_course.history.timeline import Timeline

_WATCHED = ("controllerrevisions", "daemonsets", "nodes", "pods")
_NAMED = 3  # a line names up to so many nodes; of more it names two
_WAITING = {"old template", "missing"}  # kinds that another cause explains

Name = Callable[[str], str]  # shortens the name of a node


@dataclass(frozen=True)
class Explanation:
    """Why a rollout is not complete.

    Attributes:
        causes: causes of the whole rollout first, then one for each node that has a cause.
        spent: the nodes without an available Pod: each of them uses one unit of the budget.
        stuck_budget: the budget, if it is used up and stays so without a change; else None.
    """

    causes: tuple[Cause, ...]
    unavailable: tuple[str, ...] = ()
    stuck_budget: int | None = None

    @property
    def done(self) -> bool:
        """Whether the rollout is complete: no cause blocks it."""
        return not any(cause.blocks for cause in self.causes)

    @property
    def permanent(self) -> tuple[Cause, ...]:
        """The causes that block the rollout and do not end by themselves."""
        return tuple(one for one in self.causes if one.blocks and not one.ends_by_itself)

    def of(self, *kinds: Kind) -> tuple[Cause, ...]:
        """Return the causes of these kinds."""
        return tuple(cause for cause in self.causes if cause.kind in kinds)

    def where(self, test: Callable[[Cause], bool]) -> Explanation:
        """Return the explanation with only the causes that pass ``test``."""
        return replace(self, causes=tuple(filter(test, self.causes)))

    def blocked_only_by(self, kind: Kind) -> bool:
        """Whether the rollout is not complete and every cause that blocks it is of one kind."""
        return not self.done and all(one.kind == kind for one in self.causes if one.blocks)

    def lines(self, name: Name = str) -> tuple[str, ...]:
        """Return one line for each reason, with its nodes; ``name`` shortens their names."""
        return tuple(_lines(self.causes, name, whole=True))

    def sentence(self, name: Name = str) -> str:
        """Return one sentence, without messages and without nodes that wait for others."""
        stuck = self.of("budget", "component", "unknown", "OnDelete", "refused")
        causes = [one for one in self.causes if not (stuck and one.kind in _WAITING)]
        users = [user for one in causes for user in one.users]
        causes = [one for one in causes if one not in users]
        return "; ".join(_lines(causes, name, whole=False))


def explain(history: History, daemonset: str = "", namespace: str = "") -> Explanation:
    """Return why a DaemonSet's newest template is not on every node (default: the recorded one).

    If a watch was interrupted at the end of the log, this is the only cause.
    """
    return explain_timeline(history.timeline(daemonset, namespace))


def so_far(timeline: Timeline) -> str:
    """Return how many nodes have an available Pod of the newest template, and what others lack."""
    found = explain_timeline(timeline)
    behind = {cause.node for cause in found.causes if cause.blocks}
    wanted = timeline.scene.wanted
    why = found.sentence(timeline.lane)
    numbers = f"{len(wanted - behind)} of {len(wanted)} nodes have an available new Pod"
    return f"{numbers}; {why}" if why else numbers


def explain_timeline(timeline: Timeline, template: Template | None = None) -> Explanation:
    """Return the same from a timeline, at its end or at the end of ``template``."""
    if template is not None and template.end >= timeline.end:
        template = None
    at = timeline.end if template is None else template.end
    first = [*_components(timeline, at), *_unseen(timeline, at)]
    if any(cause.kind == "unknown" for cause in first):
        return Explanation(tuple(first))
    nodes = Nodes(timeline, template)
    if nodes.scene.daemonset is None:
        return Explanation((*first, _no_daemonset(timeline)))
    first += _unobserved(nodes)
    return _explained(timeline, nodes, first)


def _explained(timeline: Timeline, nodes: Nodes, first: list[Cause]) -> Explanation:
    found = list(nodes.causes())
    start = nodes.template.t if nodes.template else timeline.start
    missing = tuple(one.node for one in found if one.kind == "missing")
    message = creation_error(timeline, start, nodes.scene.t, missing)
    if message and missing:
        found = [_refused(message, one) if one.kind == "missing" else one for one in found]
        found.sort(key=lambda one: one.kind != "refused")
    elif message and any(one.kind == "old template" for one in found):
        first = [*first, _refused(message)]
    elif "events" in _interrupted(timeline, nodes.scene.t):
        words = "no Pod yet; unknown why: the watch of events was interrupted"
        found = [replace(one, reason=words) if one.kind == "missing" else one for one in found]
    unavailable = tuple(one.node for one in found if nodes.is_unavailable(one.node))
    down = any(cause.kind == "component" for cause in first)
    budget, limit = _budget(nodes, found, unavailable, down=down)
    if limit is not None or any(one.kind == "refused" and not one.node for one in first):
        held = {one.node for one in found if one.kind == "old template"} - set(unavailable)
        found = [replace(one, ends_by_itself=False) if one.node in held else one for one in found]
    return Explanation((*first, *budget, *found), unavailable, limit)


def _components(timeline: Timeline, at: float) -> Iterator[Cause]:
    down = [o for o in timeline.outages if o.start <= at and (o.end is None or o.end > at)]
    remedy = cure(down, timeline.header.cluster)
    for one in down:
        words = str(Down(one.component, one.why))
        yield Cause("component", "", words, False, f"{words}. The cure: {remedy}")


def _interrupted(timeline: Timeline, at: float) -> set[str]:
    """Return the resources whose watch was interrupted at that time."""
    interrupted = {gap.resource for gap in timeline.gaps if gap.start <= at < gap.end}
    return interrupted | (set(timeline.unseen) if at >= timeline.end else set())


def _unseen(timeline: Timeline, at: float) -> Iterator[Cause]:
    if found := sorted(_interrupted(timeline, at).intersection(_WATCHED)):
        words = f"unknown: the watch of {joined(found)} was interrupted"
        yield Cause("unknown", "", words, True)


def _no_daemonset(timeline: Timeline) -> Cause:
    name, namespace = timeline.header.daemonset, timeline.header.namespace
    if timeline.status or timeline.templates or timeline.segments:
        return Cause("no DaemonSet", "", f"the DaemonSet {name} was deleted", False)
    words = f"no DaemonSet {name} was seen in namespace {namespace}"
    return Cause("no DaemonSet", "", words, False)


def _unobserved(nodes: Nodes) -> Iterator[Cause]:
    seen = (nodes.daemonset.get("status") or {}).get("observedGeneration")
    if seen is not None and int(seen) < int(nodes.daemonset["metadata"]["generation"]):
        yield Cause("unobserved", "", "the controller has not seen the newest template yet", True)


def _budget(
    nodes: Nodes, found: list[Cause], unavailable: tuple[str, ...], *, down: bool
) -> tuple[list[Cause], int | None]:
    """Return the cause of a budget that is used up, and the budget if it stays so.

    Source: ``rollingUpdate``, ``pkg/controller/daemon/update.go``: a node counts as unavailable
    for any cause, also if it should not run the DaemonSet or was deleted.
    """
    old = [one for one in found if one.kind == "old template" and one.node not in unavailable]
    desired = status_of(nodes.daemonset).desired or len(nodes.scene.wanted)
    limit, surge = budgets(nodes.daemonset, desired)
    if limit is None or not old:
        return [], None
    noun, users = "unavailable node", [one for one in found if one.node in unavailable]
    if surge:
        limit, noun = surge, "extra Pod"
        users = [one for one in found if nodes.has_two_pods(one.node)]
    if not users or len(users) < limit:
        return [], None
    lasting = [one for one in users if not one.ends_by_itself]
    stuck = len(lasting) >= limit
    until = "does not end by itself" if stuck else "ends by itself"
    words = f"the budget of {counted(limit, noun)} is used up"
    words += "" if down else f", and this {until}"  # it depends on the component that is down
    return [Cause("budget", "", words, not stuck, users=tuple(users))], limit if stuck else None


def _refused(message: str, missing: Cause | None = None) -> Cause:
    if missing is None:
        return Cause("refused", "", f"no new Pod could be created: {message}", False)
    return Cause("refused", missing.node, message, False)


def _lines(causes: Iterable[Cause], name: Name, *, whole: bool) -> Iterator[str]:
    groups: dict[tuple[Kind, str], list[Cause]] = {}
    for one in causes:
        words = one.message if whole and one.message else one.reason
        groups.setdefault((one.kind, words), []).append(one)
    for (kind, words), group in groups.items():
        who = named([name(one.node) for one in group if one.node])
        users = joined([*_users(group[0].users, name)])
        if kind == "refused" and who:
            yield f"no Pod could be created on {who}: {words}"
        else:
            yield f"{who}: {words}".removeprefix(": ") + (f": {users}" if users else "")


def _users(users: Iterable[Cause], name: Name) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for one in users:
        groups.setdefault(one.reason, []).append(name(one.node))
    for reason, nodes in groups.items():
        yield f"{named(nodes)} ({reason})"


def named(nodes: Sequence[str]) -> str:
    """Return names of nodes in short: "worker, worker2 and 8 others"."""
    if len(nodes) <= _NAMED:
        return ", ".join(nodes)
    return f"{', '.join(nodes[:2])} and {len(nodes) - 2} others"
