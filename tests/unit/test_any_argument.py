"""Whatever a public function is given, nothing but an error of the course comes out of it.

``FUZZ_SECONDS=600`` tries each value, and random manifests for as long as that.
"""

from __future__ import annotations

import inspect
import math
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest
from test_odd_input import REFUSALS, Answer, fake  # noqa: F401 - a fixture

import daemonset_course as course
from daemonset_course import lessons
from daemonset_course.arguments import checked
from daemonset_course.command_line import split
from daemonset_course.errors import BadInput, CourseError
from daemonset_course.history.index import History
from daemonset_course.history.log import Header
from daemonset_course.lab.learner_yaml import pieces
from daemonset_course.lab.typed import check_size, check_strings, quotes_missing
from daemonset_course.manifest_text import decoded, objects
from daemonset_course.verbs import command_words
from manifest_corpus import CASES

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
SEED = random.randrange(10**9) if SECONDS else 21
# They end processes, examine this machine, or open a widget and threads of their own.
LEFT_OUT = {"reset", "examine", "playground", "watch"}


class Hostile:
    """A value whose every text fails."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 10**400, 0.5, -0.5, 1e300, math.nan, math.inf, -math.inf,
    1j, "", " ", "agent", "..", "a/b", "a b", "\0", "\n", "\ud800", "🐳", "-", "--all", "a=b:c",
    "'", "{", "[", "*", "~", "~nobody/x", "5", "50%", "x" * 5000, b"agent", [], [1], ["a"],
    [None], (),
    {}, {"a": 1}, {1: "a"}, {"a": None}, {"a": []}, {"a": {}}, {"kind": "List", "items": 5},
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, set(), {"a"}, range(3),
    Path("missing.yaml"), Path("/"), Path("\0"), object, len, Hostile(), [Hostile()],
    {"a": Hostile()}, ..., NotImplemented,
]  # fmt: skip


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in (course, lessons):
        for name in module.__all__:
            found = getattr(module, name)
            if name not in LEFT_OUT and not (
                inspect.isclass(found) and issubclass(found, Exception)
            ):
                yield name, found


FUNCTIONS = dict(functions())
EXAMPLES: dict[str, Any] = {
    "int": 1, "float": 0.0, "bool": False, "str": "agent", "Sequence": ["agent"],
    "Iterable": ["agent"], "Collection": ["agent"], "Mapping": {}, "Callable": print,
}  # fmt: skip


def example(parameter: inspect.Parameter) -> Any:
    """A value that the annotation allows, as far as one is easily made."""
    text = str(parameter.annotation)
    if parameter.name == "timeout":
        return 0.01
    if "Literal" in text:
        return text.split("'")[1]
    if text == "History":
        return History(
            [Header("a", "default", "c", "kind", "v1.37.1", 1.0, "2026-01-01T00:00:00Z")]
        )
    return next((value for start, value in EXAMPLES.items() if text.startswith(start)), "agent")


def call(function: Callable[..., Any], arguments: list[Any], named: dict[str, Any]) -> None:
    try:
        result = function(*arguments, **named)
        if isinstance(result, AbstractContextManager):
            with suppress(CourseError), result:
                pass
        if not isinstance(result, dict):  # a dict shows the values that it was given
            repr(result)
    except CourseError as error:
        str(error)
    except SystemExit as error:
        raise AssertionError from error


def attempts(function: Callable[..., Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Each argument in turn as each value, and the other ones as they should be."""
    parameters = [*inspect.signature(function).parameters.values()]
    for odd in parameters:
        for value in VALUES:
            arguments: list[Any] = []
            named: dict[str, Any] = {}
            for one in parameters:
                given = value if one is odd else example(one)
                if one.kind is one.VAR_POSITIONAL:
                    arguments.append(given)
                elif one.kind is one.VAR_KEYWORD:
                    named["key"] = given
                elif one.kind is one.KEYWORD_ONLY:
                    named[one.name] = given
                else:
                    arguments.append(given)
            yield arguments, named


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_value_of_any_argument(
    name: str,
    fake: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    answers: list[Answer] = [REFUSALS[0], REFUSALS[6]]
    tried = [*attempts(FUNCTIONS[name])]
    chosen = tried if SECONDS else random.Random(f"{SEED}{name}").sample(tried, min(30, len(tried)))
    for number, (arguments, named) in enumerate(chosen):
        answer = answers[number % len(answers)]
        fake.status, fake.body = answer.status, answer.body
        call(FUNCTIONS[name], arguments, named)


def test_a_mistake_of_the_course_stays_a_traceback() -> None:
    def mistaken(name: str) -> str:
        return name.no_such_method()  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(AttributeError):
        checked(mistaken)("a")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: course.wait_rollout("a", timeout="5"), "timeout must be a number"),
        (lambda: course.wait_rollout("a", timeout=math.nan), "timeout must be a finite number"),
        (lambda: course.wait_rollout("a", timeout=-1), "timeout must be a number of seconds from"),
        (lambda: course.taint("a", ["b"]), "taints[0] must be a string"),
        (lambda: course.kubectl("get pods -n 'x"), "cannot be split into words"),
        (lambda: course.break_node("a", how="dead"), "how must be 'unreachable' or 'not ready'"),
        (lambda: course.cordon(), "missing a required argument: 'node'"),
        (lambda: course.apply(5), "source must be a string or a Path"),
        (lambda: lessons.Rate("a", 1), "qps must be a number"),
    ],
)
def test_a_slip_is_told_with_the_shape_of_the_call(wrong: Callable[[], Any], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        wrong()
    assert says in str(refused.value)


BYTES = b"\x00\t\n\r :-{}[],#&*!|>'\"%@`\\?\xff\xc3\x85\xef\xbb\xbf0aZ~.="
WORDS = [
    "get", "pods", "-n", "--timeout", "--timeout=5m", "-f", "-", "--", "'", '"', "{", "}", "$x",
    "{x", "{x!}", "{x.y}", "\\", "#", "|", ">", "`", "-it", "exec", "-w", "\0", "🐳", "=",
    "--timeout=x",     "--timeout=1e999s", "{[}", "{{", "%", "\ud800",
]  # fmt: skip


def mutated(data: bytes, choose: random.Random) -> bytes:
    """Bytes with a few of them removed, changed, repeated or moved."""
    found = bytearray(data[:4000])
    for _ in range(choose.randint(1, 6)):
        at, size = choose.randrange(len(found) + 1), choose.randint(1, 12)
        part = found[at : at + size]
        match choose.randrange(5):
            case 0:
                del found[at : at + size]
            case 1:
                found[at:at] = part
            case 2:
                found[at : at + 1] = bytes([choose.choice(BYTES)])
            case 3:
                found[at:at] = choose.choice(CASES).content[:200]
            case _:
                lines = found.split(b"\n")
                choose.shuffle(lines)
                found = bytearray(b"\n".join(lines))
    return bytes(found)


def read_all(data: bytes, choose: random.Random) -> None:
    text = decoded(data)
    line = " ".join(choose.choices(WORDS, k=choose.randint(0, 6)))
    readers: list[Callable[[], object]] = [
        lambda: objects(text, "the text"),
        lambda: pieces(text, "agent"),
        lambda: check_size(text),
        lambda: check_strings(text),
        lambda: quotes_missing(text),
        lambda: course.apply(text, dry_run=True),
        lambda: command_words.patience(split(line, {"x": Hostile()})),
        lambda: command_words.check(split(line, {"x": line})),
        lambda: course.kubectl(line, line, stdin=text) if "\0" in line else None,
    ]
    for reader in readers:
        with suppress(CourseError):
            reader()


@pytest.mark.usefixtures("fake")
def test_any_text_of_a_manifest_or_a_command() -> None:
    print(f"seed {SEED}")
    choose = random.Random(SEED)
    end = time.monotonic() + SECONDS
    count = 0
    while count < 300 or time.monotonic() < end:
        read_all(mutated(choose.choice(CASES).content, choose), choose)
        count += 1
