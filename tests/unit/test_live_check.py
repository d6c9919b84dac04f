"""A check of a lab that waits shows the task's recording; one that need not wait shows nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_live import half_way

from cell_outputs import FakeOutput, show_in_fakes
from daemonset_course.lab import lab_log, session
from daemonset_course.lab.lab_log import LabRecording
from daemonset_course.lab.lab_recorder import CLOCK, LOG
from daemonset_course.lab.session import open_lab
from daemonset_course.lab.verdict import cannot_check
from daemonset_course.progress import shown_live
from daemonset_course.recording import live_output


class Running(LabRecording):
    """A recording whose recorder seems to run."""

    @property
    def running(self) -> bool:
        return True

    def catch_up(self, *_: Any, **__: Any) -> None:
        pass


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[FakeOutput]:
    monkeypatch.setattr(session, "in_notebook", lambda: True)
    return show_in_fakes(monkeypatch, PAUSE=0.01)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A lab whose task is recorded in a folder; its next verdicts are in ``outcomes``."""
    log = half_way()[:-1]
    for i, record in enumerate(log[1:]):
        meta = record["object"]["metadata"]
        meta |= {"uid": meta.get("uid", meta["name"]), "resourceVersion": str(i)}
    (tmp_path / LOG).write_text("".join(json.dumps(record) + "\n" for record in log))
    (tmp_path / CLOCK).write_text(repr(time.monotonic() - 9))
    found: Any = open_lab("06-roll-within-budget")
    found.outcomes = []
    monkeypatch.setattr(lab_log, "is_running", lambda _: True)
    monkeypatch.setattr(session, "current", lambda: SimpleNamespace(name="x", api=None, pace=0.0))
    monkeypatch.setattr(session, "components_down", lambda _: [])
    monkeypatch.setattr(session, "needed_probe", lambda _: "")
    monkeypatch.setattr(session, "judge", lambda *_: found.outcomes.pop(0))
    monkeypatch.setattr(type(found), "_patience", lambda _: 30.0)

    def check(_: int, patience: float) -> Any:
        return found._settled(SimpleNamespace(criteria=()), Running(tmp_path), patience)

    monkeypatch.setattr(found, "_check", check)
    return found


NOT_YET: Any = SimpleNamespace(outcome="not yet")


def test_a_check_that_waits_shows_the_log_and_its_last_picture_stays(
    lab: Any, outputs: list[FakeOutput]
) -> None:
    done = cannot_check("done")
    lab.outcomes += [NOT_YET, NOT_YET, done]

    assert lab.check(1) is done
    [output] = outputs
    assert "DESIRED 4" in output.frames[0]
    assert "<script" in output.html
    assert shown_live == set()


def test_one_that_is_interrupted_leaves_its_last_picture(
    lab: Any, outputs: list[FakeOutput], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> bool:
        raise KeyboardInterrupt

    lab.outcomes += [NOT_YET]
    monkeypatch.setattr(Running, "wait_for_more", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.check(1)

    assert "<script" in outputs[0].html
    assert live_output._open_views == {}


def test_one_that_has_its_verdict_at_once_shows_nothing(
    lab: Any, outputs: list[FakeOutput]
) -> None:
    lab.outcomes += [cannot_check("done")]
    lab.check(1)

    assert outputs == []


def test_outside_a_notebook_nothing_is_shown(
    lab: Any, outputs: list[FakeOutput], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "in_notebook", lambda: False)
    lab.outcomes += [NOT_YET, cannot_check("done")]
    lab.check(1)

    assert outputs == []
