"""Describe when the resources of a finding were watched: time axis, gaps, sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from daemonset_course.history.log import SUSPENDED, Gap
from daemonset_course.history.spans import Span, Steps, union, with_unknown


@dataclass(frozen=True)
class Observed:
    """The time in which the resources of a finding were watched.

    Attributes:
        start: when the first lists had arrived.
        end: when the recording ended.
        gaps: the interruptions of the watches of these resources.
        at_end: whether their state at the end is known.
    """

    start: float
    end: float
    gaps: tuple[Gap, ...] = ()
    at_end: bool = True

    @property
    def span(self) -> Span:
        """(start, end) of a time axis; never empty."""
        return 0.0, max(self.end, 0.1)

    @property
    def unknown(self) -> tuple[Span, ...]:
        """The stretches in which one of the resources was not watched, merged."""
        return tuple(union((gap.start, gap.end) for gap in self.gaps))

    def covers(self, start: float, end: float) -> bool:
        """Whether no watch was interrupted from ``start`` to ``end``."""
        return not any(a < end and b > start for a, b in self.unknown)

    def with_unknown(self, line: Steps) -> Steps:
        """Return the number over time, unknown while one of the resources was not watched."""
        last = (line.times[-1], math.inf) if line.times and not self.at_end else (0.0, 0.0)
        return with_unknown(line, [*self.unknown, last])

    def caption(self, *sentences: str) -> str:
        """Return a caption: the sentences, then one sentence for each gap."""
        return " ".join([*filter(None, sentences), *interruptions(self.gaps)])


def interruptions(gaps: Iterable[Gap]) -> list[str]:
    """Return one sentence for each gap; one for all watches while the recorder did not run."""
    sentences = (f"{_blind(gap)} from {gap.start:.1f} s to {gap.end:.1f} s." for gap in gaps)
    return list(dict.fromkeys(sentences))


def _blind(gap: Gap) -> str:
    if gap.reason == SUSPENDED:
        return "The recorder was suspended, and saw nothing,"
    return f"The watch of {gap.resource} saw nothing"
