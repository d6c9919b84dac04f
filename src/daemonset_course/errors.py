"""The errors that a learner sees, with one base class.

    CourseError
    ├── BadInput            the input cannot be used; nothing was changed
    │   └── NotFound        it names a node, DaemonSet, lesson, ... that does not exist
    ├── NotRunning          the cluster is not there or does not answer
    │   └── NoEngine        kind needs Docker or podman, and neither answers
    ├── NotOurs             the cluster is not one that this course made
    ├── NotPredicted        a cell shows a result of which no prediction was committed
    ├── InUse               a lab task runs on the cluster, and would be destroyed
    ├── Rejected            the API server refused an object, with its reasons
    ├── NotRejected         the API server did not refuse what it was expected to refuse
    ├── ApiError            the API server answered with any other error status
    ├── NotFinished         a condition did not come true before its deadline
    ├── CommandFailed       a program that we ran returned an error
    ├── ProgramMissing      no source has a program that the cluster needs
    ├── DownloadFailed      a file could not be fetched, or is not the one that was expected
    │   └── NoAnswerError   its server cannot be reached at all
    ├── FileFailed          a file of the course cannot be read, written or locked
    └── RecorderFailed      the recorder itself failed; the recording has a gap

Every message has three parts: what failed, the evidence, the next step. A cause is stored as
``__cause__``; learners see it with ``course --debug`` or COURSE_DEBUG=1.
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass


class CourseError(Exception):
    """An error with three parts: what failed, the evidence, and the next step."""

    def __init__(self, failed: str, *, seen: str = "", next_step: str = "") -> None:
        self.failed = failed
        self.seen = seen
        self.next_step = next_step
        super().__init__(failed)

    def __str__(self) -> str:
        lines = [self.failed]
        if self.seen:
            lines.append(f"  Seen: {self.seen}")
        if self.next_step:
            lines.append(f"  Next: {self.next_step}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints: the message alone, or the traceback with COURSE_DEBUG."""
        if _debugging():
            return "".join(traceback.format_exception(self)).splitlines()
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", [])]


class NotRunning(CourseError):
    """The cluster is not there, or does not answer."""


class NoEngine(NotRunning):
    """The kind backend needs Docker or podman, and neither answers."""


class NotOurs(CourseError):
    """The cluster behind a kubeconfig is not one that this course made."""


class NotPredicted(CourseError):
    """A cell shows a result of which no prediction was committed yet; it was not run."""


class InUse(CourseError):
    """A lab task runs on the cluster; what was asked for would destroy it, and was not done."""


class NotFinished(CourseError):
    """A condition did not come true before its deadline."""


class CommandFailed(CourseError):
    """A program that we ran returned an error."""


class ProgramMissing(CourseError):
    """No source has a program that the cluster needs: neither PATH nor cache, network nor Go."""


class DownloadFailed(CourseError):
    """A file could not be downloaded, or has the wrong content; no part of it is left."""


class NoAnswerError(DownloadFailed):
    """The server of a download cannot be reached at all."""


class FileFailed(CourseError):
    """A file of the course cannot be read, written or locked; it is unchanged."""


class RecorderFailed(CourseError):
    """The recorder itself failed; the recording is complete except for its gaps."""


class BadInput(CourseError):
    """The input cannot be used; nothing was changed."""


class NotFound(BadInput):
    """The input names a node, DaemonSet, lesson, ... that does not exist."""


@dataclass(frozen=True)
class Reason:
    """One reason of a rejection: the field and the API server's message."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Rejected(CourseError):
    """The API server refused an object; each of ``reasons`` has a field and a message."""

    def __init__(self, what: str, reasons: list[Reason], *, next_step: str = "") -> None:
        self.reasons = reasons
        super().__init__(
            f"The API server rejected {what}.",
            seen="; ".join(map(str, reasons)),
            next_step=next_step or "Change the field named above and apply again.",
        )


class NotRejected(CourseError, AssertionError):
    """The API server did not refuse an object as expected, or gave another reason."""


class ApiError(CourseError):
    """The API server answered with an error; ``status`` is its HTTP status."""

    def __init__(self, failed: str, status: int, *, seen: str = "", next_step: str = "") -> None:
        self.status = status
        super().__init__(failed, seen=seen, next_step=next_step)


def _debugging() -> bool:
    from daemonset_course import variables  # noqa: PLC0415 - imports this module

    with suppress(CourseError):  # an invalid value must not hide the error itself
        return variables.DEBUG.read()
    return False


def in_one_line(error: BaseException) -> str:
    """Return the type and message of any error; a long message is cut."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}".rstrip(": ")


def shown(value: object) -> str:
    """Return a short text of any value; also of one whose own ``repr`` fails."""
    try:
        text = repr(value)
    except Exception:  # the learner's class, not ours
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."
