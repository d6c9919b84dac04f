"""The committed recordings: each belongs to a step as it is now, and contains nothing private."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.recording.sources import StepSource, notebook_steps
from daemonset_course.recording.steps import load, to_text

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "recordings").glob("*.jsonl"))


def steps() -> dict[str, StepSource]:
    """The recorded steps of all notebooks as learners get them, by name."""
    found = {}
    for folder in ("notebooks", "labs", "solutions"):
        for path in sorted((ROOT / folder).rglob("*.ipynb")):
            for name, source in notebook_steps(path).items():
                assert found.get(name, source) == source, f"{path.name} has another step {name}"
                found[name] = source
    return found


def test_each_step_has_its_recording_and_each_recording_its_step() -> None:
    assert [path.stem for path in RECORDINGS] == sorted(steps())


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_of_the_step_as_it_is_now(path: Path) -> None:
    header, result = load(path)
    source = steps()[path.stem]

    assert header["source"] == source.hash, "record it again: course record"
    assert header["needs"] == list(source.needs)
    assert set(source.needs) <= set(CAPABILITIES)
    assert header["backend"] == "kind"
    assert re.fullmatch(r"v1\.\d+\.\d+", header["kubernetes"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", header["date"])
    assert to_text(result).strip()


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_tells_nothing_private_and_is_small(path: Path) -> None:
    text = path.read_text()
    private = r"/home/|/root/|/tmp/|/Users/|BEGIN [A-Z ]*(KEY|CERT)|[Tt]oken[\"']?: |kubeconfig"

    assert not re.search(private, text)
    assert len(text) < 2_000_000
