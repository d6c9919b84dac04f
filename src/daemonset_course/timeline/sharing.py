"""Which Pods of several applications were on each node, and in which phase. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from daemonset_course.timeline import podstate
from daemonset_course.timeline.beginning import begun
from daemonset_course.timeline.spans import Phase, Segment, union
from daemonset_course.timeline.timeline import build

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Sharing:
    """The lives of the Pods of some applications, by the value of their label ``app``.

    Attributes:
        apps: in the order in which they were asked for.
        nodes: lanes: workers, control plane first if a Pod was there; an empty name, last, stands
            for Pods that are meant for no node yet.
        lives: by app, the segments of each Pod; those of one Pod are contiguous.
        header: the log's first line.
        end: when the recording ended, in seconds.
        start: when all first lists had arrived.
    """

    apps: tuple[str, ...]
    nodes: tuple[str, ...]
    lives: Mapping[str, tuple[tuple[Segment, ...], ...]]
    header: Mapping[str, Any]
    end: float
    start: float = 0.0

    def held(self, app: str, t: float | None = None) -> Counter[tuple[str, Phase]]:
        """How many Pods of ``app`` each node had in each phase at ``t`` (left out: at the end)."""
        moment = self.end if t is None else t
        pods = (at for life in self.lives[app] for at in life if _holds(at, moment, self.end))
        return Counter((at.node, at.phase) for at in pods)

    def count(self, app: str, phase: Phase, t: float | None = None) -> int:
        """How many Pods of ``app`` were in that phase at ``t`` (left out: at the end)."""
        return sum(n for (_, found), n in self.held(app, t).items() if found == phase)


def sharing(log: Sequence[Record], apps: Sequence[str]) -> Sharing:
    """The Pods of ``apps`` in a recording; while the watch of Pods was blind they are unknown."""
    end = float(log[-1].get("t", 0.0))
    start = begun(log)
    reader = _Reader(tuple(apps), start)
    for record in log:
        if record["record"] == "change" and record["resource"] == "pods":
            reader.read(record)
    gaps = [r for r in log if r["record"] == "gap" and r["resource"] == "pods"]
    blind = union((float(gap["start"]), float(gap["end"])) for gap in gaps)
    lives = {app: [_hidden(life, blind) for life in reader.finish(app, end)] for app in apps}
    used = {segment.node for each in lives.values() for life in each for segment in life}
    lanes = [n for n in build(log).nodes if n and (n in used or "control-plane" not in n)]
    lanes += [""] if "" in used else []
    found = {app: tuple(tuple(life) for life in each) for app, each in lives.items()}
    return Sharing(tuple(apps), tuple(lanes), found, log[0], end, start)


def sharing_caption(found: Sharing) -> str:
    """How many Pods of each application were ready, and how many not, at the end."""
    return " ".join(f"{app}: {_told(found, app)}." for app in found.apps)


def sharing_headline(found: Sharing) -> str:
    """The finding in a few words."""
    last = found.apps[-1]
    told = [f"{app} runs on {_nodes(found, app)}" for app in found.apps[:-1]]
    return f"At the end {', '.join(told)}, {last} on {_nodes(found, last)} of {_lanes(found)} nodes"


def _told(found: Sharing, app: str) -> str:
    before = min((life[0].start for life in found.lives[app]), default=0.0)
    first = found.count(app, "ready", before)
    now = Counter[Phase]()
    for (_, phase), number in found.held(app).items():
        now[phase] += number
    words = [f"{n} {phase}" for phase, n in sorted(now.items(), key=lambda item: -item[1])]
    reasons = sorted({r for r in (_reason(life, found.end) for life in found.lives[app]) if r})
    ending = f" ({', '.join(reasons)})" if reasons else ""
    began = f"{first} ready at first, " if first else ""
    return f"{began}{', '.join(words) or 'no Pod'} at the end{ending}"


def _reason(life: Sequence[Segment], end: float) -> str:
    return life[-1].reason if life[-1].end >= end else ""


def _nodes(found: Sharing, app: str) -> int:
    return len({node for node, phase in found.held(app) if phase == "ready" and node})


def _lanes(found: Sharing) -> int:
    return len([node for node in found.nodes if node])


def _holds(segment: Segment, t: float, end: float) -> bool:
    return segment.start <= t < segment.end or (t == end == segment.end)


@dataclass
class _Reader:
    """Turns the changes of Pods into segments."""

    apps: tuple[str, ...]
    begun: float
    open: dict[str, Segment] = field(default_factory=dict)
    lives: dict[str, dict[str, list[Segment]]] = field(default_factory=lambda: defaultdict(dict))

    def read(self, record: Record) -> None:
        pod, t = record["object"], float(record["t"])
        app = str((pod["metadata"].get("labels") or {}).get("app", ""))
        if app not in self.apps:
            return
        uid = str(pod["metadata"]["uid"])
        life = self.lives[app].setdefault(uid, [])
        self._close(uid, life, t)
        if record["type"] == "DELETED":
            return
        phase, reason = podstate.phase_of(pod)
        name, node = str(pod["metadata"]["name"]), podstate.node_of(pod)
        # What the first list shows was there before the recording began.
        start = 0.0 if t <= self.begun and not life else t
        self.open[uid] = Segment(uid, name, node, "", phase, start, start, reason)

    def finish(self, app: str, end: float) -> list[list[Segment]]:
        for uid, life in self.lives[app].items():
            if uid in self.open and self.open[uid].start >= end:
                life.append(self.open.pop(uid))  # it began just then
            self._close(uid, life, end)
        lives = [life for life in self.lives[app].values() if life]
        return sorted(lives, key=lambda life: (life[0].start, life[0].node, life[0].name))

    def _close(self, uid: str, life: list[Segment], t: float) -> None:
        was = self.open.pop(uid, None)
        if was is None or t <= was.start:
            return
        done = replace(was, end=t)
        last = life[-1] if life else None
        if last and (last.phase, last.node, last.reason) == (done.phase, done.node, done.reason):
            life[-1] = replace(last, end=t)
        else:
            life.append(done)


def _hidden(life: Iterable[Segment], blind: Sequence[tuple[float, float]]) -> list[Segment]:
    """The same life, unknown while the watch was blind."""
    out: list[Segment] = []
    for segment in life:
        start = segment.start
        for low, high in blind:
            a, b = max(start, low), min(segment.end, high)
            if a >= b:
                continue
            if a > start:
                out.append(replace(segment, start=start, end=a))
            out.append(replace(segment, start=a, end=b, phase="unknown", reason=""))
            start = b
        if start < segment.end or segment.start == segment.end:
            out.append(replace(segment, start=start))
    return out
