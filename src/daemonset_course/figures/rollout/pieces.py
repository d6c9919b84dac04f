"""Cut the segments of a lane where Pods begin or stop to share it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from daemonset_course.history.spans import Segment


@dataclass(frozen=True)
class Piece:
    """A part of a segment drawn in row ``row`` of ``rows`` within its lane."""

    segment: Segment
    start: float
    end: float
    row: int
    rows: int


def pieces(segments: Sequence[Segment]) -> Iterator[Piece]:
    """Yield a lane's segments, cut where Pods begin or stop to share it; the older one on top."""
    births: dict[str, float] = {}
    for segment in segments:
        births[segment.pod] = min(segment.start, births.get(segment.pod, segment.start))
    edges = sorted({t for s in segments for t in (s.start, s.end)})
    open_: dict[str, Piece] = {}
    for start, end in pairwise(edges):
        alive = [s for s in segments if s.start <= start and s.end >= end]
        alive.sort(key=lambda s: (births[s.pod], s.pod))
        now = {s.pod: Piece(s, start, end, i, len(alive)) for i, s in enumerate(alive)}
        for pod, piece in now.items():
            last = open_.get(pod)
            if last and (last.segment, last.row, last.rows) == (
                piece.segment, piece.row, piece.rows,
            ):  # fmt: skip
                now[pod] = Piece(last.segment, last.start, end, last.row, last.rows)
            elif last:
                yield last
        yield from (piece for pod, piece in open_.items() if pod not in now)
        open_ = now
    yield from open_.values()
    yield from _momentary(segments, births)


def _momentary(segments: Sequence[Segment], births: Mapping[str, float]) -> Iterator[Piece]:
    """Yield the segments of no length, in a row beside the other Pods of their moment."""
    for one in (s for s in segments if s.start == s.end):
        beside = {s.pod for s in segments if s.start <= one.start <= s.end} | {one.pod}
        rows = sorted(beside, key=lambda pod: (births[pod], pod))
        yield Piece(one, one.start, one.end, rows.index(one.pod), len(rows))
