"""The course's own clusters: up, down, reset, and the API server behind them."""

from daemonset_course.cluster.lifecycle import Cluster, current, down, names, up
from daemonset_course.cluster.reset import reset

__all__ = ["Cluster", "current", "down", "names", "reset", "up"]
