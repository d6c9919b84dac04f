"""Labs: tasks with a prepared cluster, and checks of what the cluster did."""

from daemonset_course.lab.session import LabSession, open_lab

__all__ = ["LabSession", "open_lab"]
