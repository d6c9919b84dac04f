"""Provide the clusters' programs: from a folder, PATH, the cache, a download or a build."""

from daemonset_course.binaries.pinned import matches, pins, resolve, versions
from daemonset_course.binaries.search import PROGRAMS, Binary, ensure, link

__all__ = ["PROGRAMS", "Binary", "ensure", "link", "matches", "pins", "resolve", "versions"]
