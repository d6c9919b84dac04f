"""Labs: prepared states, and checks that judge what the cluster did."""

from daemonset_course.lab.session import LabSession, open_lab

__all__ = ["LabSession", "open_lab"]
