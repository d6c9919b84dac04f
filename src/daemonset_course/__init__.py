"""Learn Kubernetes DaemonSets by doing: the names that most lessons use.

The names are kubectl's verbs where kubectl has one. ``apply``, ``label`` and the like act on the
course's own cluster and on nothing else.

Names for single lessons are in ``daemonset_course.lessons``. Notebooks import from these two
modules only; ``docs/names.md`` lists both.

If IPython runs, the import also loads the magics ``%kubectl`` and ``%%kubectl``:

    %kubectl get pods -o wide
    pods = %kubectl get pods -o name
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from daemonset_course.arguments import checked, export
from daemonset_course.cluster import current, reset
from daemonset_course.errors import CommandFailed, CourseError, NotFinished, Rejected
from daemonset_course.prediction import predict
from daemonset_course.proved import proved
from daemonset_course.recording import compare, record, step
from daemonset_course.verbs.apply import apply, rejected
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import (
    add_node,
    break_node,
    cordon,
    drain,
    label,
    recover_node,
    remove_node,
    taint,
)
from daemonset_course.verbs.rollout import wait_rollout
from daemonset_course.verbs.settled import wait_settled
from daemonset_course.verbs.why import why

if TYPE_CHECKING:
    from daemonset_course.figures.show import show

__all__ = [
    "CommandFailed",
    "CourseError",
    "NotFinished",
    "Rejected",
    "add_node",
    "apply",
    "break_node",
    "compare",
    "cordon",
    "current",
    "drain",
    "kubectl",
    "label",
    "predict",
    "proved",
    "record",
    "recover_node",
    "rejected",
    "remove_node",
    "reset",
    "show",
    "step",
    "taint",
    "wait_rollout",
    "wait_settled",
    "why",
]
export(globals(), [name for name in __all__ if name != "show"])


def __getattr__(name: str) -> Any:
    """Import ``show`` at its first use: matplotlib takes longer than all other imports."""
    if name != "show":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from daemonset_course.figures.show import show  # noqa: PLC0415 - matplotlib, 300 ms

    globals()["show"] = checked(show)
    return globals()["show"]


def load_ipython_extension(shell: Any) -> None:
    """Load the magics, the form of errors and the widget of predictions into a shell.

    ``%load_ext daemonset_course`` also calls this.
    """
    from daemonset_course import (  # noqa: PLC0415 - loads IPython, 50 ms
        cell_errors,
        held_back,
        magics,
        prediction_widget,
    )

    magics.load(shell)
    cell_errors.load(shell)
    prediction_widget.load(shell)
    held_back.load(shell)


# Do not import IPython here: it takes time, and a program without it has no IPython shell.
_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
if _shell is not None:
    load_ipython_extension(_shell)
