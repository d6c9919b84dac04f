"""Would the DaemonSet controller run a pod on this node, and which rule decides.

The rules are those of Kubernetes v1.36: ``NodeShouldRunDaemonPod`` in
``pkg/controller/daemon/daemon_controller.go``. Resources (CPU, memory, ports) are not among them:
the controller creates the pod, and the scheduler may leave it Pending.

``should_run`` answers for one node; ``matrix`` says for many nodes what every rule says.
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
