"""Create, remove, reset and find the course's own clusters."""

from daemonset_course.cluster.lifecycle import Cluster, current, down, names, up
from daemonset_course.cluster.reset import reset

__all__ = ["Cluster", "current", "down", "names", "reset", "up"]
