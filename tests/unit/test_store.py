"""The locked JSON store, and the two files that stand on it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from verdicts import verdict_of

from daemonset_course import store as module
from daemonset_course.errors import CourseError
from daemonset_course.lab import results
from daemonset_course.lab.session import open_lab
from daemonset_course.prediction import predict
from daemonset_course.store import JsonStore

LAB = "06-roll-within-budget"
DATE = "2026-11-29T12:11:04Z"
GOOD = '{"format": 1, "words": {"a": 1}}'


def numbers(stored: Any) -> tuple[dict[str, int], bool]:
    found = {key: value for key, value in stored.items() if isinstance(value, int)}
    return found, found == stored


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JsonStore[int]:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.2)
    return JsonStore(tmp_path / "state" / "words.json", 1, "words", "words", numbers)


def put(store: JsonStore[int], content: bytes | str) -> None:
    store.path.parent.mkdir(exist_ok=True)
    store.path.write_bytes(content if isinstance(content, bytes) else content.encode())


def add(store: JsonStore[int], key: str, value: int = 2) -> str:
    return store.change(lambda words: words.update({key: value}))


def others(store: JsonStore[int]) -> dict[str, str]:
    """What lies beside the store, by name; the lock aside."""
    found = {each.name: each.read_text() for each in store.path.parent.iterdir()}
    return {k: v for k, v in found.items() if k not in (store.path.name, "words.json.lock")}


def test_what_is_kept_is_read_again_by_this_user_alone(store: JsonStore[int]) -> None:
    assert store.read() == ({}, "")
    assert not store.path.parent.exists()

    assert add(store, "a", 1) == add(store, "b") == ""

    assert store.read() == ({"a": 1, "b": 2}, "")
    assert json.loads(store.path.read_text()) == {"format": 1, "words": {"a": 1, "b": 2}}
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert others(store) == {}


def test_a_change_of_nothing_writes_nothing(store: JsonStore[int]) -> None:
    add(store, "a")
    before = store.path.stat().st_ino

    assert add(store, "a") == ""
    assert store.path.stat().st_ino == before


@pytest.mark.parametrize(
    ("content", "left", "message"),
    [
        ("", {}, "Earlier words could not be read"),
        ("{", {}, "Earlier words could not be read"),
        (b"\xff\xfe\x00", {}, "Earlier words could not be read"),
        ("[]", {}, "Earlier words could not be read"),
        ("null", {}, "Earlier words could not be read"),
        ('"text"', {}, "Earlier words could not be read"),
        ("[" * 100_000, {}, "Earlier words could not be read"),
        ('{"words": {}}', {}, "Earlier words could not be read"),
        ('{"format": "1", "words": {}}', {}, "Earlier words could not be read"),
        ('{"format": 0, "words": {}}', {}, "Earlier words could not be read"),
        ('{"format": 1}', {}, "Earlier words could not be read"),
        ('{"format": 1, "words": [1]}', {}, "Earlier words could not be read"),
        ('{"format": 1, "words": {"a": "1"}}', {}, "Earlier words could not be read"),
        ('{"format": 1, "words": {"a": 1, "b": []}}', {"a": 1}, "Some earlier words could not be"),
        (GOOD.replace("1,", "2,"), {}, "Earlier words were written by a newer version of the"),
    ],
)
@pytest.mark.parametrize("way", ["read", "change"])
def test_a_file_that_cannot_be_used_is_set_aside_and_that_is_said(
    store: JsonStore[int], content: bytes | str, left: dict[str, int], message: str, way: str
) -> None:
    put(store, content)
    source = store.path.read_bytes()

    found, note = store.read() if way == "read" else ({**left}, add(store, "new"))

    aside = store.path.with_name("words.json.bad")
    assert found == left
    assert note.startswith(message)
    assert note.endswith(f"; they are in {aside}.")
    assert aside.read_bytes() == source
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert store.read() == (left | ({"new": 2} if way == "change" else {}), "")


def test_a_file_set_aside_is_never_overwritten(store: JsonStore[int]) -> None:
    (store.path.parent / "words.json.bad-2").mkdir(parents=True)
    notes = []
    for content in ("first", "second", "third"):
        put(store, content)
        notes.append(store.read()[1])
    (store.path.parent / "words.json.bad-2").rmdir()

    ends = ["bad", "bad-3", "bad-4"]
    assert [note.rpartition("json.")[2] for note in notes] == [f"{end}." for end in ends]
    assert others(store) == {
        f"words.json.{end}": content
        for end, content in zip(ends, ("first", "second", "third"), strict=True)
    }


@pytest.mark.parametrize("content", [GOOD, "damaged"])
def test_a_failed_write_leaves_the_file_as_it_was(
    store: JsonStore[int], monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    put(store, content)
    calls = []

    def full_disk(_: int) -> None:
        calls.append(1)
        if content == GOOD or len(calls) == 2:  # first the copy of the damaged file, then the new
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", full_disk)
        with pytest.raises(CourseError) as refused:
            add(store, "b")

    assert refused.value.seen == "No space left on device"
    assert store.path.read_text() == content
    assert others(store) == {}
    assert bool(store.read()[1]) is (content != GOOD), "the learner is told the next time"


def refusals(store: JsonStore[int]) -> list[str]:
    """What reading and changing the store raise."""
    seen = []
    for use in (store.read, lambda: add(store, "b")):
        with pytest.raises(CourseError) as refused:
            use()
        seen.append(str(refused.value))
    return seen


def test_a_folder_in_the_file_s_place_is_left_alone(store: JsonStore[int]) -> None:
    store.path.mkdir(parents=True)
    (store.path / "mine").write_text("x")

    assert all("Is a directory" in message for message in refusals(store))
    assert (store.path / "mine").read_text() == "x"


def test_a_file_in_the_folder_s_place_is_left_alone(store: JsonStore[int]) -> None:
    store.path.parent.write_text("mine")

    for message in refusals(store):
        assert message.startswith(str(store.path.parent))
        assert "cannot be" in message
    assert store.path.parent.read_text() == "mine"


def test_a_folder_in_the_lock_s_place_is_a_plain_error(store: JsonStore[int]) -> None:
    put(store, GOOD)
    store.path.with_name("words.json.lock").mkdir()

    with pytest.raises(CourseError):
        add(store, "b")
    assert store.read() == ({"a": 1}, "")


@pytest.fixture
def read_only(store: JsonStore[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which nothing can be made; root is not held up by a folder's mode."""
    opened = os.open

    def refuse(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & os.O_CREAT and Path(os.fspath(path)).parent == store.path.parent:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", refuse)


@pytest.mark.parametrize(("content", "left"), [(GOOD, {"a": 1}), ("damaged", {})])
@pytest.mark.usefixtures("read_only")
def test_in_a_folder_that_is_read_only_reading_works(
    store: JsonStore[int], content: str, left: dict[str, int]
) -> None:
    put(store, content)

    found, note = store.read()

    still = f"; they are still in {store.path}, which cannot be set aside: Permission denied."
    assert found == left
    assert note == ("" if content == GOOD else f"Earlier words could not be read{still}")
    with pytest.raises(CourseError, match="cannot be written"):
        add(store, "b")
    assert store.path.read_text() == content


def test_a_lock_that_another_holds_is_said(store: JsonStore[int]) -> None:
    put(store, GOOD)
    with FileLock(f"{store.path}.lock"), pytest.raises(CourseError, match="in use by another"):
        add(store, "b")
    assert store.read() == ({"a": 1}, "")


WRITER = """
import sys
from pathlib import Path
from daemonset_course.store import JsonStore
store = JsonStore(Path(sys.argv[1]), 1, "words", "words", lambda stored: (stored, True))
for number in range(25):
    store.change(lambda words: words.update({f"{sys.argv[2]}-{number}": number}))
"""


@pytest.mark.parametrize("damaged", [False, True])
def test_writers_side_by_side_lose_nothing(store: JsonStore[int], damaged: bool) -> None:
    if damaged:
        put(store, "damaged")
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(store.path), name])
        for name in ("x", "y", "z")
    ]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    wanted = {f"{name}-{number}": number for name in "xyz" for number in range(25)}
    assert store.read() == (wanted, "")
    assert others(store) == ({"words.json.bad": "damaged"} if damaged else {})


# The labs' file; that of the predictions is in test_predict.py


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    return tmp_path / "labs.json"


def use_lab(way: str) -> str:
    lab = open_lab(LAB)
    if way == "check":
        return repr(lab._store_verdict(1, verdict_of("wrong", "so it is")))
    return str(
        {"hint": lab.hint, "solution": lab.solution}[way](1)
        if way != "progress"
        else lab.progress()
    )


@pytest.mark.parametrize("way", ["check", "hint", "solution", "progress"])
@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"format": 2, "labs": {}}', '{"format": 1, "labs": {"06": 5}}']
)
def test_the_lab_says_that_results_were_set_aside(labs: Path, way: str, content: str) -> None:
    labs.write_text(content)

    message = use_lab(way)

    aside = labs.with_name("labs.json.bad")
    why = "were written by a newer version of the course" if "2" in content else "could not be read"
    assert f"Earlier lab results {why}; they are in {aside}." in message
    assert aside.read_text() == content
    assert "Earlier lab results" not in use_lab(way)


GOOD_ENTRY = {
    "last": {"outcome": "passed", "says": "all", "date": DATE},
    "passed": {"date": DATE, "says": "all", "manifest": {"kind": "DaemonSet"}},
    "hints": 2,
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("last", "passed"),
        ("last", {"outcome": 5}),
        ("last", {"outcome": "wrong", "date": None}),
        ("passed", True),
        ("passed", {"date": 2026}),
        ("passed", {"date": DATE, "manifest": "text"}),
        ("hints", "2"),
        ("hints", -1),
        ("hints", True),
        ("hints", None),
    ],
)
def test_a_part_of_a_wrong_type_does_not_lose_the_others(
    labs: Path, key: str, value: object
) -> None:
    content = json.dumps({"format": 1, "labs": {LAB: {"1": GOOD_ENTRY | {key: value}}}})
    labs.write_text(content)

    for way in ("progress", "solution", "hint", "check", "progress"):
        use_lab(way)

    assert labs.with_name("labs.json.bad").read_text() == content
    assert not labs.with_name("labs.json.bad-2").exists()
    entry = json.loads(labs.read_text())["labs"][LAB]["1"]
    assert entry["last"]["outcome"] == "wrong"
    if key != "passed":
        assert entry["passed"] == GOOD_ENTRY["passed"]
    assert entry["hints"] == (1 if key == "hints" else 3)


def test_what_an_entry_has_beside_is_kept(labs: Path) -> None:
    entry = GOOD_ENTRY | {"later": [1]}
    labs.write_text(json.dumps({"format": 1, "labs": {LAB: {"1": entry}, "other": {}}}))

    assert results.next_hint(LAB, 1, 3) == (3, "")
    assert results.load(LAB) == ({1: entry | {"hints": 3}}, "")


@pytest.mark.parametrize("manifest", [None, {}, {"spec": []}, {"spec": {"template": 5}}])
def test_a_solution_comes_also_where_the_own_manifest_is_lost(labs: Path, manifest: object) -> None:
    passed = {"date": DATE, "says": "all", "manifest": manifest}
    labs.write_text(json.dumps({"format": 1, "labs": {LAB: {"1": {"passed": passed}}}}))

    message = use_lab("solution")

    assert message.startswith("Your own manifest was not kept. A solution:")
    assert "maxUnavailable" in message


@pytest.mark.parametrize(
    "use",
    [
        lambda: results.keep(LAB, 1, verdict_of("wrong", "so it is"), []),
        lambda: results.next_hint(LAB, 1, 3),
        lambda: results.load(LAB),
    ],
    ids=["keep", "next_hint", "load"],
)
def test_only_errors_of_the_course_leave_the_results(labs: Path, use: Callable[[], object]) -> None:
    labs.mkdir()

    with pytest.raises(CourseError):
        use()


def test_predictions_and_labs_say_the_same_of_a_newer_file(labs: Path) -> None:
    newer = {"format": 2}
    for name in ("labs.json", "predictions.json"):
        labs.with_name(name).write_text(json.dumps(newer))

    written = "were written by a newer version of the course; they are in"
    assert f"(Earlier answers {written}" in predict("q", answer=1).note
    assert f"Earlier lab results {written}" in results.load(LAB)[1]
