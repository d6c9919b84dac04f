"""Read the environment variables of the course; no other module reads them.

    HOME.read()  # a Path, or None where the variable is unset or empty

``docs/variables.md`` lists them; ``tools/variables_page.py`` writes that page. ``environment.py``
makes the environment of the programs that the course starts.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from daemonset_course.errors import BadInput

T = TypeVar("T")


@dataclass(frozen=True)
class Variable(Generic[T]):
    """One environment variable.

    Attributes:
        parse: converts the text to the value; raises a ValueError that says what the text must be.
        default: the value where the variable is unset or empty.
        otherwise: the default in words, for the page, where the value is not enough.
    """

    name: str
    meaning: str
    parse: Callable[[str], T]
    default: T
    otherwise: str = ""

    def read(self) -> T:
        """Return the value, or the default where the variable is unset or empty.

        Raises:
            BadInput: the text is not such a value.
        """
        text = os.environ.get(self.name, "")
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError as error:
            raise BadInput(
                f"The environment variable {self.name} must be {error}.",
                seen=repr(text),
                next_step=f"Correct or unset {self.name}.",
            ) from error


def _switch(text: str) -> bool:
    values = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in values:
        raise ValueError("1 or 0")
    return values[text.lower()]


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError("a number above 0")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("a whole number")
    return int(text)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return parse


_Path = Variable[Path | None]
_Text = Variable[str | None]

# fmt: off
# For learners and teachers.
HOME = _Path(
    "COURSE_HOME", "the folder of clusters, predictions and lab results; without spaces",
    Path, None, "`daemonset-course` in `$XDG_STATE_HOME`, else in `~/.local/state`",
)
WORK = _Path(
    "COURSE_WORK", "the folder of your own copy of lessons, labs and manifests",
    Path, None, "`work` in the repository",
)
CACHE = _Path(
    "COURSE_CACHE", "the folder of programs and other files that can be fetched or built again",
    Path, None, "`daemonset-course` in `$XDG_CACHE_HOME`, else in `~/.cache`",
)
CLUSTER = Variable(
    "COURSE_CLUSTER", "the cluster of commands without `--name`, and of cells", str, "course"
)
BACKEND = _Text(
    "COURSE_BACKEND", "`kind` or `embedded`, as the option `--backend`",
    str, None, "kind where a container engine has or can pull the node image, else embedded",
)
IMAGE = _Text(
    "COURSE_IMAGE", "the node image of kind, as the option `--image`",
    str, None, "the pinned image of the Kubernetes minor",
)
CONFIG = _Path(
    "COURSE_CONFIG", "the file that describes the nodes, as kind reads it",
    Path, None, "`kind-config.yaml` of the repository",
)
BINARIES = _Path(
    "COURSE_BINARIES", "a folder that has some or all programs of the cluster already",
    Path, None, "none: PATH, the cache, a download, a build with Go",
)
MIRROR = Variable(
    "COURSE_MIRROR", "the URL of a copy of the downloads, with the official servers' paths",
    str, "", "the official servers",
)
DEBUG = Variable(
    "COURSE_DEBUG", "1: an error shows its causes and their tracebacks, as the option `--debug`",
    _switch, False,
)
HOLD_BACK = Variable(
    "COURSE_HOLD_BACK", "0: a cell shows a result before you have committed a prediction of it",
    _switch, True,
)

# For work on the course.
RECORD = Variable(
    "COURSE_RECORD", "1: a step that runs on real containers writes its recording", _switch, False
)
RECORDINGS = _Path(
    "COURSE_RECORDINGS", "the folder of recorded steps", Path, None, "`recordings/`"
)
STEPS = _Path(
    "COURSE_STEPS", "a file to which each step that runs on real containers adds its name",
    Path, None, "none",
)
FACTS = _Path(
    "COURSE_FACTS", "a file to which each comparison with a prediction adds the fact",
    Path, None, "none",
)
AUDIT_POLICY = _Text(
    "COURSE_AUDIT_POLICY", "the audit policy of the embedded API server, for the bench",
    str, None, "no audit log",
)
KIND_LOGS = _Text(
    "COURSE_KIND_LOGS", "the folder for the logs of kind's nodes, after a failure",
    str, None, "logs are not kept",
)

# For the tests.
TEST_BACKEND = Variable(
    "COURSE_TEST_BACKEND", "the backend of the tests' clusters",
    _one_of("embedded", "kind"), "embedded",
)
TEST_PACE = Variable[float | None](
    "COURSE_TEST_PACE", "the pace of the tests' clusters",
    _factor, None, "1 on kind, 0.25 on embedded",
)
TEST_START = Variable(
    "COURSE_TEST_START", "what each lesson starts from: `fresh` or `dirty`",
    _one_of("fresh", "dirty"), "", "what the notebook before left",
)
KUBERNETES = _Text(
    "COURSE_KUBERNETES", "the Kubernetes of the tests' clusters, such as 1.35",
    str, None, "the course's own",
)
ATTEMPTS = Variable(
    "COURSE_ATTEMPTS", "`all`: the live test of a lab plays every attempt",
    _one_of("all"), "", "one for each way in which the controller matters",
)
FAULTS = Variable(
    "FAULTS", "how often each random fault is tried; `make faults` sets 50", _whole, 3
)
FAULTS_SEED = Variable("FAULTS_SEED", "the seed of faults, dirt and orders", _whole, 20261124)

# Set by the course for the shells of JupyterLab's terminals, which read them (data/terminal).
TERMINAL = ("COURSE_TERMINAL", "COURSE_OWN_ENV", "COURSE_OWN_ZDOTDIR", "COURSE_ZDOTDIR")

GROUPS: dict[str, tuple[Variable[Any], ...]] = {
    "For learners and teachers": (
        HOME, WORK, CACHE, CLUSTER, BACKEND, IMAGE, CONFIG, BINARIES, MIRROR, DEBUG,
        HOLD_BACK,
    ),
    "For work on the course": (RECORD, RECORDINGS, STEPS, FACTS, AUDIT_POLICY, KIND_LOGS),
    "For the tests": (
        TEST_BACKEND, TEST_PACE, TEST_START, KUBERNETES, ATTEMPTS, FAULTS, FAULTS_SEED,
    ),
}
# fmt: on
