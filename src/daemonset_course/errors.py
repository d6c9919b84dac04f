"""The one family of errors that a learner meets.

    CourseError
    ├── NotRunning      the cluster is not there or does not answer
    ├── NotOurs         the cluster is not one that this course made
    ├── Rejected        the API server refused an object, with its reasons
    ├── NotFinished     a condition did not come true before its deadline
    ├── CommandFailed   a program that we ran returned an error
    └── BadInput        what was typed cannot be used

Every message has the same three parts: what failed, the evidence, what to do next.
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass


class CourseError(Exception):
    """What failed, the evidence seen, and what to do next."""

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
        """The lines that IPython prints instead of a traceback; all of it with COURSE_DEBUG."""
        if _debugging():
            return "".join(traceback.format_exception(self)).splitlines()
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", [])]


class NotRunning(CourseError):
    """The cluster is not there, or does not answer."""


class NotOurs(CourseError):
    """The cluster behind a kubeconfig is not one that this course made."""


class NotFinished(CourseError):
    """A condition did not come true before its deadline."""


class CommandFailed(CourseError):
    """A program that we ran returned an error."""


class BadInput(CourseError):
    """What was typed cannot be used; nothing was changed."""


@dataclass(frozen=True)
class Reason:
    """One reason of a rejection: the field and the API server's words for it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Rejected(CourseError):
    """The API server refused an object; ``reasons`` holds a field and a message each."""

    def __init__(self, what: str, reasons: list[Reason], *, next_step: str = "") -> None:
        self.reasons = reasons
        super().__init__(
            f"The API server rejected {what}.",
            seen="; ".join(map(str, reasons)),
            next_step=next_step or "Change the field named above and apply again.",
        )


def _debugging() -> bool:
    from daemonset_course import variables  # that module imports this one

    with suppress(CourseError):  # a value that cannot be read must not hide the error at hand
        return variables.DEBUG.read()
    return False


def in_one_line(error: BaseException) -> str:
    """Return the type and the message of any error, cut where it is long."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}".rstrip(": ")
