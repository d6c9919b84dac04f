"""A probe that a check did not wait long enough for is no verdict: the next check does it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fleet import history
from verdicts import verdict_of

from daemonset_course.lab import session
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import Probe
from daemonset_course.lab.session import LabSession, open_lab
from daemonset_course.lab.verdict import Criterion, Verdict, judge, met

PENDING = verdict_of("not yet")
NEXT = Criterion("the second probe", lambda _: met(), probe="adds")
SECOND_IS_DUE = judge(Evidence(history()), (Criterion("the first", lambda _: met()), NEXT))
WAITS_FOR_BOTH = Verdict(PENDING.findings + SECOND_IS_DUE.findings)


@pytest.mark.parametrize(
    ("verdict", "counts"),
    [
        (PENDING, False),
        (WAITS_FOR_BOTH, False),
        (replace(SECOND_IS_DUE, untouched=False), True),
        (verdict_of("wrong"), True),
        (verdict_of("passed"), True),
    ],
    ids=["not yet", "not yet, nor the next probe", "the next probe is due", "wrong", "passed"],
)
def test_only_a_judged_probe_counts(
    verdict: Verdict, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[str] = []
    recording: Any = SimpleNamespace(mark=marks.append)
    monkeypatch.setattr(session.lab_log, "folder_of", lambda _: tmp_path)
    monkeypatch.setattr(session, "current", lambda: SimpleNamespace(name="own"))
    monkeypatch.setattr(session, "play", lambda steps: steps)
    monkeypatch.setattr(LabSession, "_patience", lambda _: 0.0)
    monkeypatch.setattr(LabSession, "_settled", lambda *_: verdict)
    lab = open_lab("07-no-gap-update")
    probe = Probe("rolls", act="", undo="")
    lab._with_probe(lab.lab.task(2), probe, recording)

    log = [{"record": "mark", "t": float(t), "text": text} for t, text in enumerate(marks, 1)]
    assert (Evidence(history(*log)).probe("rolls") is not None) == counts
