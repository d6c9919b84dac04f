"""The exercise of a lesson: a prepared cluster, one task, a check, hints and a solution."""

from __future__ import annotations

from daemonset_course.lab.lab import find_exercise
from daemonset_course.lab.lab_log import LabRecording
from daemonset_course.lab.session import LabSession, Words
from daemonset_course.lab.verdict import Verdict


class Exercise:
    """One exercise; a ``LabSession`` with one task."""

    def __init__(self, name: str) -> None:
        """Open the exercise; the cluster is not changed until ``start``.

        Raises:
            NotFound: there is no such exercise.
        """
        self._session = LabSession(find_exercise(name))

    def start(self) -> Words:
        """Bring the cluster into the starting state, and record from then on."""
        return self._session.start(1)

    def apply(self, text: str) -> Words:
        """Apply a manifest, or patch the DaemonSet with a fragment; return what was done."""
        return self._session.apply(text)

    def check(self, *, watch: bool = False) -> Verdict:
        """Judge what the cluster did since ``start``; store and return the verdict."""
        return self._session.check(1, watch=watch)

    def hint(self) -> Words:
        """Return the next of three hints."""
        return self._session.hint(1)

    def solution(self) -> Words:
        """Compare what you applied with a solution; available after passing."""
        return self._session.solution(1)

    @property
    def recording(self) -> LabRecording:
        """The recording since ``start``, for ``plot``."""
        return self._session.recording


def exercise(name: str) -> Exercise:
    """Return the exercise of that name: ``exercise("taints").start()``.

    Raises:
        BadInput: there is no such exercise.
    """
    return Exercise(name)
