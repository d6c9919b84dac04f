"""The programs of the embedded cluster, from a folder, the cache, a download or a build."""

from daemonset_course.binaries.search import PROGRAMS, Binary, ensure, pins

__all__ = ["PROGRAMS", "Binary", "ensure", "pins"]
