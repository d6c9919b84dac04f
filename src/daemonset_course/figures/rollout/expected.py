"""Turn a learner's prediction into what a picture of a rollout can draw. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from daemonset_course.answers import show
from daemonset_course.errors import BadInput
from daemonset_course.history.daemonset_status import COLUMNS
from daemonset_course.prediction import Prediction

Predicted = Prediction | Mapping[str, Prediction] | None
Kind = Literal["length", "count", "order", "nodes"]

PANELS = ("unavailable", "extra Pods")
_SECONDS = {"ms": 0.001, "s": 1, "seconds": 1, "min": 60, "minutes": 60, "h": 3600, "hours": 3600}


@dataclass(frozen=True, slots=True)
class Expected:
    """A prediction that can be drawn.

    Attributes:
        kind: ``length``: from the last new template on; ``count``: of nodes or Pods; ``order``: of
            nodes; ``nodes``: those that have an available Pod at the end.
        words: the answer as the learner would say it: 12 s, 1 node.
        value: of a length, in seconds; of a count.
        about: what is counted: one of ``PANELS`` or ``COLUMNS``; else empty.
        names: of nodes, with or without the cluster's part.
    """

    kind: Kind
    words: str
    value: float = 0.0
    about: str = ""
    names: tuple[str, ...] = ()


def expected(predicted: Predicted) -> tuple[Expected, ...]:
    """Return what can be drawn of predictions; nothing of one that is missing or is a text.

    Args:
        predicted: a prediction of the rollout's length or of a list of nodes; or predictions by
            what they are about: ``length``, ``order``, ``nodes``, ``unavailable`` (nodes without
            an available Pod at one time), ``extra Pods``, or a column of ``kubectl get daemonset``
            such as ``READY``.

    Raises:
        BadInput: a prediction is about something else.
    """
    if predicted is None:
        return ()
    if not isinstance(predicted, Mapping):
        about = "length" if predicted.unit in _SECONDS else "nodes"
        predicted = {about: predicted}
    return tuple(one for about, each in predicted.items() for one in _drawable(about, each))


def _drawable(about: str, prediction: Prediction) -> Iterator[Expected]:
    known = ("length", "order", "nodes", *PANELS, *COLUMNS)
    if about not in known:
        raise BadInput(
            "The picture cannot draw a prediction of this.",
            seen=about,
            next_step=f"Name one of {', '.join(known)}.",
        )
    answer, unit = prediction.answer, prediction.unit
    words = "" if answer is None else show(answer, unit)
    match answer:
        case list() if about == "order":
            yield Expected("order", words, names=tuple(answer))
        case list() if about == "nodes":
            yield Expected("nodes", words, names=tuple(answer))
        case bool():
            return  # Python takes it for a number
        case int() | float() if answer >= 0 and about == "length" and unit in _SECONDS:
            yield Expected("length", words, answer * _SECONDS[unit])
        case int() | float() if answer >= 0 and about in (*PANELS, *COLUMNS):
            yield Expected("count", words, answer, about)
