"""The longest time without an answer, from what probers wrote while something changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonset_course.errors import BadInput
from daemonset_course.verbs import silence
from daemonset_course.verbs.kubectl import Output


@pytest.mark.parametrize(
    ("answers", "longest"),
    [
        ([1.0, 2.0, 2.5, 5.5, 6.0, 9.0], 3.0),  # what is before the start or after the end is left
        ([5.0], 3.0),
        ([], 4.0),
        ([2.0, 6.0], 4.0),
    ],
)
def test_the_longest_gap_is_between_answers_of_the_time_asked(
    answers: list[float], longest: float
) -> None:
    assert silence.longest_gap(answers, 2.0, 6.0) == longest


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order; each prober answers at 10 before the change, and at 20 after."""
    said: list[str] = []
    logs = {"prober-a": "9.9\n10.1\n13.1\n19.9", "prober-b": "12\n12.5\n18.5\n21"}

    def shell(pod: str, command: str) -> str:
        assert "http://$MY_ECHO_SERVICE_HOST " in command
        said.append(pod)
        return "20" if "change" in said else "10"

    monkeypatch.setattr(silence, "pod_names", lambda app: [p for p in logs if p.startswith(app)])
    monkeypatch.setattr(silence, "shell", shell)
    monkeypatch.setattr(silence, "kubectl", lambda command: Output(logs[command.split()[-1]]))
    return said


def test_the_longest_silence_of_all_nodes_counts(done: list[str]) -> None:
    change: Callable[[], object] = lambda: done.append("change")  # noqa: E731

    assert silence.longest_silence("prober", "my-echo", change) == pytest.approx(6.8)
    assert done == ["prober-a", "prober-b", "change", "prober-a", "prober-b"]


def test_without_a_prober_nothing_is_changed(done: list[str]) -> None:
    with pytest.raises(BadInput, match="app=nothing"):
        silence.longest_silence("nothing", "my-echo", lambda: done.append("change"))
    assert done == []


RELEASE = {"name": "RELEASE"}
WAYS = """
surge, no probe:
  rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  container: {readinessProbe: null}
classic:
  rollingUpdate: {maxUnavailable: 1, maxSurge: 0}
  container: {lifecycle: {}}
"""


def test_each_way_gets_its_fields_and_then_a_rollout_that_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[object] = []

    def patched(command: str, patch: str) -> Output:
        assert command == "patch daemonset echo --patch"
        spec = json.loads(patch)["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        done.append((spec["updateStrategy"]["rollingUpdate"], container))
        return Output("")

    def measured(prober: str, service: str, change: Callable[[], object]) -> float:
        done.append((prober, service))
        change()
        return 1.26

    monkeypatch.setattr(silence, "kubectl", patched)
    monkeypatch.setattr(silence, "wait_rollout", done.append)
    monkeypatch.setattr(silence, "longest_silence", measured)
    (tmp_path / "ways.yaml").write_text(WAYS)

    found = silence.measure_silences("prober", "echo", tmp_path / "ways.yaml")

    assert found == {"surge, no probe": 1.3, "classic": 1.3}
    quick = {"maxUnavailable": "100%", "maxSurge": 0}
    assert done == [
        (quick, {"name": "echo", "readinessProbe": None}),
        "echo",
        ("prober", "echo"),
        ({"maxUnavailable": 0, "maxSurge": 1}, {"name": "echo", "env": [RELEASE | {"value": "1"}]}),
        "echo",
        (quick, {"name": "echo", "lifecycle": {}}),
        "echo",
        ("prober", "echo"),
        ({"maxUnavailable": 1, "maxSurge": 0}, {"name": "echo", "env": [RELEASE | {"value": "2"}]}),
        "echo",
    ]
