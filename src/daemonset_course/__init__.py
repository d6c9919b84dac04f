"""Learn Kubernetes DaemonSets by doing: the names that notebooks use.

The words are kubectl's where kubectl has one. ``apply``, ``label`` and the like act on the
course's own cluster and on nothing else.

Where IPython runs, the import also loads the magics ``%kubectl`` and ``%%kubectl``:

    %kubectl get pods -o wide
    pods = %kubectl get pods -o name
"""

import sys
from typing import Any

from daemonset_course.prediction import predict
from daemonset_course.recording.recorder import compare, record
from daemonset_course.verbs.apply import apply, rejected
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import (
    add_node,
    break_node,
    cordon,
    drain,
    label,
    recover_node,
    taint,
)
from daemonset_course.verbs.rollout import wait_rollout
from daemonset_course.verbs.why import why

__all__ = [
    "add_node",
    "apply",
    "break_node",
    "compare",
    "cordon",
    "drain",
    "kubectl",
    "label",
    "predict",
    "record",
    "recover_node",
    "rejected",
    "taint",
    "wait_rollout",
    "why",
]


def load_ipython_extension(shell: Any) -> None:
    """Load the magics; ``%load_ext daemonset_course`` calls this, too."""
    from daemonset_course.magics import load  # noqa: PLC0415 - loads IPython, 50 ms

    load(shell)


# A program that has not imported IPython runs in no shell of it; to import it would take time.
_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
if _shell is not None:
    load_ipython_extension(_shell)
