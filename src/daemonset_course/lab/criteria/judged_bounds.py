"""Give a finding the limit that it judged, so that the picture of the task can draw it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from daemonset_course.figures.rollout.bounds import Bound, Violation
from daemonset_course.history.spans import Span
from daemonset_course.lab.evidence import DaemonSetEvidence
from daemonset_course.lab.verdict import Finding

WHOLE = "the check judges this time"


def bounded(finding: Finding, own: DaemonSetEvidence, words: str, *, about: str = "", most: int = 0,
            span: Span | None = None, span_words: str = WHOLE,
            violations: Iterable[Violation] = ()) -> Finding:  # fmt: skip
    """Return the finding with the limit on a DaemonSet that it judged; see ``Bound``.

    ``span`` is the whole history, from the task's start until now, if it is left out.
    """
    whole = own.timeline.start, own.timeline.end
    return replace(
        finding,
        bound=Bound(
            (own.namespace, own.name), whole if span is None else span, span_words, words,
            about, most, tuple(sorted(violations, key=lambda one: (one.start, one.node))),
        ),
    )  # fmt: skip
