"""Learn Kubernetes DaemonSets by doing: the names that notebooks use.

The words are kubectl's where kubectl has one. ``apply``, ``label`` and the like act on the
course's own cluster and on nothing else.
"""

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
