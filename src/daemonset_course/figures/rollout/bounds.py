"""The limit that a check judges in a history: how much, how long, where it was exceeded. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemonset_course.history.spans import Span


@dataclass(frozen=True, slots=True)
class Violation:
    """A stretch in which a limit did not hold; ``node`` is empty if it is that of no single one."""

    start: float
    end: float
    words: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on one DaemonSet, as a picture can draw it; times in seconds since the start.

    Attributes:
        daemonset: its namespace and name.
        span: (from, until) of the time in which the limit holds.
        span_words: what that time is.
        words: the limit: at most 2 nodes without an available Pod.
        about: which count it limits, one of ``expected.PANELS``; empty: none of them.
        most: the largest count that is allowed, if ``about`` is not empty.
        violations: by time.
    """

    daemonset: tuple[str, str]
    span: Span
    span_words: str
    words: str
    about: str = ""
    most: int = 0
    violations: tuple[Violation, ...] = ()

    def shifted(self, zero: float) -> Bound:
        """Return the bound on a clock that is 0 at ``zero``."""
        return replace(
            self,
            span=(self.span[0] - zero, self.span[1] - zero),
            violations=tuple(
                replace(one, start=one.start - zero, end=one.end - zero) for one in self.violations
            ),
        )
