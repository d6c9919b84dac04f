"""A full disk: what was there stays whole, and the command works once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonset_course import cluster, predict
from daemonset_course.errors import CourseError
from daemonset_course.history import log
from daemonset_course.lab import results
from live.scenes import PACE
from unit.verdicts import verdict_of

HEADER = log.Header("agent")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk of its own that holds the state folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    monkeypatch.setenv("COURSE_HOME", str(folder))
    monkeypatch.setenv("COURSE_BACKEND", "embedded")
    yield folder
    cluster.down("own")
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    block = folder / "block"
    with block.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return block


def test_full_disk_and_saving(disk: Path) -> None:
    predict("x-one", answer=3, question="?")
    results.keep("06-roll-within-budget", 1, verdict_of("passed", "well"), [])
    log.save([HEADER], disk / "log.jsonl")
    before = {p.name: p.read_bytes() for p in disk.glob("*.json*")}
    block = fill(disk)
    long = [HEADER, *(log.Mark(i, "x" * 200) for i in range(300))]

    assert "No space left on device" in predict("x-two", answer="long " * 199, question="?").note
    for write in (
        lambda: log.save(long, disk / "log.jsonl"),
        lambda: results.keep("06-roll-within-budget", 2, verdict_of("wrong", "no" * 9999), []),
    ):
        with pytest.raises(CourseError, match="cannot be written") as error:
            write()
        assert error.value.seen == "No space left on device"
        assert "Free some space" in error.value.next_step
    assert {p.name: p.read_bytes() for p in disk.glob("*.json*")} == before
    assert sorted(p.name for p in disk.glob(".*")) == []

    block.unlink()
    log.save(long, disk / "log.jsonl")
    assert len(log.load(disk / "log.jsonl")) == 301


def test_full_disk_and_up(disk: Path) -> None:
    block = fill(disk)
    with pytest.raises(CourseError) as error:
        cluster.up("own", pace=PACE)
    assert "space" in f"{error.value.seen} {error.value.next_step}"

    block.unlink()
    subprocess.run(["mount", "-o", "remount,size=900m", str(disk)], check=True)
    assert len(cluster.up("own", pace=PACE).nodes()) == 4
