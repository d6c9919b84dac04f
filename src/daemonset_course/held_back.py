"""Hold back the result of a question until the learner has committed a prediction.

A built notebook marks the cells that show the result of a question (``tools/notebooks.py``), in the
metadata of the cell: ``{"course": {"shows": ["08-length"]}}``. JupyterLab sends the metadata of a
cell with its code. If the question was asked in this kernel and is still open, the cell raises
``NotPredicted`` instead of running, so *Run All* stops there.

Other programs that run notebooks send no metadata: for them no cell waits. A learner's own cells
have no mark.
"""

from __future__ import annotations

from typing import Any

from daemonset_course import variables
from daemonset_course.errors import CourseError, NotPredicted
from daemonset_course.prediction import open_predictions
from daemonset_course.prediction_widget import COMMIT, SHOW


class HoldBack:
    """The transformation of a cell's source, for one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of the cell, or a line that refuses to run it."""
        marked = shows(self._shell.get_parent())
        if not open_predictions(marked) or not _holds():
            return lines
        return [f"__import__({__name__!r}, fromlist=['refuse']).refuse({marked!r})\n"]


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


def refuse(question_ids: list[str]) -> None:
    """Refuse to run a cell that shows the results of these questions.

    Raises:
        NotPredicted: one of them is open.
    """
    for prediction in open_predictions(question_ids):
        raise NotPredicted(
            f"Commit your prediction first: {prediction.question or prediction.question_id}",
            next_step=f"Type it above and press {COMMIT}, or press {SHOW}. Run this cell again.",
        )


def _holds() -> bool:
    try:
        return variables.HOLD_BACK.read()
    except CourseError:  # an invalid value must not break every cell
        return True
