"""An exercise names its own calls, a lab those of its tasks."""

from __future__ import annotations

import pytest

from daemonset_course.errors import BadInput
from daemonset_course.lab.exercise import exercise
from daemonset_course.lab.session import LabSession, open_lab


def test_the_advice_is_what_the_learner_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabSession, "started", lambda _: None)
    for subject, start in (
        (exercise("taints"), "start()"),
        (open_lab("07-no-gap-update"), "lab.start(1)"),
    ):
        with pytest.raises(BadInput, match="No task") as error:
            _ = subject.recording
        assert error.value.next_step == start
