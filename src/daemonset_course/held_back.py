"""Hold back the result of a question until the learner has committed a prediction.

A built notebook marks the cells that show the result of a question (``tools/notebooks.py``), in the
metadata of the cell: ``{"course": {"shows": ["pods"]}}``. JupyterLab sends the metadata of a
cell with its code. If the question was asked in this kernel and is still open, the cell raises
``NotPredicted`` instead of running, so *Run All* stops there.

Other programs that run notebooks send no metadata: for them no cell waits. A learner's own cells
have no mark.
"""

from __future__ import annotations

from typing import Any

from daemonset_course import variables
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import CourseError, NotPredicted
from daemonset_course.prediction import Prediction, open_predictions
from daemonset_course.prediction_widget import COMMIT, SHOW

ON_ITS_WAY = 0.5  # seconds from the key that commits to the key that runs the next cell


class HoldBack:
    """The transformation of a cell's source, for one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of the cell, or a line that refuses to run it."""
        marked = shows(self._shell.get_parent())
        waiting = _still_open(marked) if open_predictions(marked) and _holds() else []
        if not waiting:
            return lines
        question = waiting[0].question or waiting[0].question_id
        return [f"__import__({__name__!r}, fromlist=['refuse']).refuse({question!r})\n"]


def load(shell: Any) -> None:
    """Let a Jupyter kernel hold back results, once; other shells get no marks."""
    if not hasattr(shell, "get_parent"):  # the request that it executes
        return
    if not any(isinstance(each, HoldBack) for each in shell.input_transformers_post):
        shell.input_transformers_post.append(HoldBack(shell))


def shows(request: Any) -> list[str]:
    """Return the questions whose result a cell shows, by the request to execute it."""
    found = request
    for key in ("metadata", "course", "shows"):
        found = found.get(key) if isinstance(found, dict) else None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def refuse(question: str) -> None:
    """Refuse to run a cell that shows the result of this question.

    Raises:
        NotPredicted: always.
    """
    raise NotPredicted(
        f"Commit your prediction first: {question}",
        next_step=f"Type it above and press {COMMIT}, or press {SHOW}. Run this cell again.",
    )


def _still_open(question_ids: list[str]) -> list[Prediction]:
    """Return the open questions a moment later: another thread may just store an answer."""
    until(lambda: not open_predictions(question_ids), timeout=ON_ITS_WAY, pause=0.02)
    return open_predictions(question_ids)


def _holds() -> bool:
    try:
        return variables.HOLD_BACK.read()
    except CourseError:  # an invalid value must not break every cell
        return True
