"""Decide whether the DaemonSet controller creates a Pod on a node, and by which rule.

The rules are from Kubernetes v1.37: ``NodeShouldRunDaemonPod`` in
``pkg/controller/daemon/daemon_controller.go``. In 1.35 and 1.36 they are the same. They do not
include resources (CPU, memory, ports): the controller creates the Pod, and the scheduler may leave
it Pending.

``should_run`` decides for one node; ``matrix`` evaluates every rule for many nodes.
"""

from daemonset_course.placement.decision import Decision, Rule, should_run
from daemonset_course.placement.matrix import Cell, Column, Mark, Matrix, Row, matrix
from daemonset_course.placement.tolerations import (
    automatic_tolerations,
    pod_tolerations,
    tolerates,
)

__all__ = [
    "Cell",
    "Column",
    "Decision",
    "Mark",
    "Matrix",
    "Row",
    "Rule",
    "automatic_tolerations",
    "matrix",
    "pod_tolerations",
    "should_run",
    "tolerates",
]
