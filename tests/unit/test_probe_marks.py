"""A probe that a check did not wait long enough for is no verdict: the next check does it again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fleet import history

from daemonset_course.lab import session
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import Probe
from daemonset_course.lab.session import LabSession, open_lab


@pytest.mark.parametrize(("outcome", "counts"), [("not yet", False), ("wrong", True)])
def test_only_a_judged_probe_counts(
    outcome: str, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[str] = []
    recording: Any = SimpleNamespace(mark=marks.append)
    monkeypatch.setattr(session.lab_log, "folder_of", lambda _: tmp_path)
    monkeypatch.setattr(session, "current", lambda: SimpleNamespace(name="own"))
    monkeypatch.setattr(session, "play", lambda steps: steps)
    monkeypatch.setattr(LabSession, "_patience", lambda _: 0.0)
    monkeypatch.setattr(LabSession, "_settled", lambda *_: SimpleNamespace(outcome=outcome))
    lab = open_lab("07-no-gap-update")
    probe = Probe("rolls", act="", undo="")
    lab._with_probe(lab.lab.task(2), probe, recording)

    log = [{"record": "mark", "t": float(t), "text": text} for t, text in enumerate(marks, 1)]
    assert (Evidence(history(*log)).probe("rolls") is not None) == counts
