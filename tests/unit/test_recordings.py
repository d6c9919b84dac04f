"""The committed recordings: each belongs to a step as it is now, and tells nothing private."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.recording.sources import step_hashes
from daemonset_course.recording.steps import load, shown

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "recordings").glob("*.jsonl"))


def lesson_code() -> Iterator[tuple[Path, str]]:
    """Each notebook's code as its learners get it, with the notebook's path."""
    for folder in ("notebooks", "labs", "solutions"):
        for path in sorted((ROOT / folder).rglob("*.ipynb")):
            cells = json.loads(path.read_text())["cells"]
            yield path, "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


def steps() -> dict[str, tuple[str, list[str]]]:
    """By name: the hash of each step's sources in the notebooks, and what it needs."""
    found = {}
    for path, code in lesson_code():
        for name, source in step_hashes(code, path.parent).items():
            assert name.startswith(path.stem[:2]), f"{name} is not of {path.name}"
            needs = ast.literal_eval(re.search(rf'step\("{name}", needs=(.+)\)\n', code)[1])
            found[name] = (source, [needs] if isinstance(needs, str) else list(needs))
    return found


def test_each_step_has_its_recording_and_each_recording_its_step() -> None:
    assert [path.stem for path in RECORDINGS] == sorted(steps())


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_of_the_step_as_it_is_now(path: Path) -> None:
    header, result = load(path)
    source, needs = steps()[path.stem]

    assert header["source"] == source, f"record it again: course record {path.stem[:2]}"
    assert header["needs"] == needs
    assert set(needs) <= set(CAPABILITIES)
    assert header["backend"] == "kind"
    assert re.fullmatch(r"v1\.\d+\.\d+", header["kubernetes"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", header["date"])
    assert shown(result).strip()


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_tells_nothing_private_and_is_small(path: Path) -> None:
    text = path.read_text()
    private = r"/home/|/root/|/tmp/|/Users/|BEGIN [A-Z ]*(KEY|CERT)|[Tt]oken[\"']?: |kubeconfig"

    assert not re.search(private, text)
    assert len(text) < 2_000_000
