from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fleet import Fleet

from daemonset_course.capabilities import CAPABILITIES, check
from daemonset_course.errors import BadInput
from daemonset_course.recording import Recording
from daemonset_course.recording import steps as module
from daemonset_course.recording.steps import load, path_of, save, step


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cluster that has everything, until a test takes it away."""
    found = SimpleNamespace(
        backend=SimpleNamespace(capabilities=frozenset(CAPABILITIES)),
        state=SimpleNamespace(backend="kind", kubernetes="v1.36.3"),
    )
    monkeypatch.setattr(module, "current", lambda: found)
    monkeypatch.setenv("COURSE_RECORDINGS", str(tmp_path / "recordings"))
    monkeypatch.delenv("COURSE_RECORD", raising=False)
    return found


def without(cluster: Any) -> None:
    cluster.backend.capabilities = frozenset()
    cluster.state.backend = "embedded"


@pytest.mark.usefixtures("cluster")
def test_a_step_runs_where_it_can(tmp_path: Path) -> None:
    @step("00-x", needs="logs")
    def greeting() -> str:
        """What it says"""
        return "hello\n"

    assert greeting.live
    assert greeting.source == "cluster"
    assert greeting.result == "hello\n"
    assert repr(greeting) == "What it says (live on kind, Kubernetes v1.36.3)\nhello"
    assert not (tmp_path / "recordings").exists()


def test_elsewhere_its_recording_is_shown_with_a_label(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_RECORD", "1")
    ran = []

    def greeting() -> dict[str, Any]:
        """What it says"""
        ran.append(1)
        return {"words": ["a", "b"], "count": 2}

    first = step("00-x", needs=["logs", "exec"])(greeting)
    without(cluster)
    second = step("00-x", needs=["logs", "exec"])(greeting)

    assert ran == [1]
    assert not second.live
    assert second.source == "recording"
    assert second.result == first.result == {"words": ["a", "b"], "count": 2}
    assert "RECORDED on kind, Kubernetes v1.36.3, 20" in second.label
    assert second.label.endswith("this cluster has no logs and exec)")


def test_one_missing_capability_is_enough_to_run_nothing(cluster: Any) -> None:
    cluster.backend.capabilities = frozenset({"logs"})

    with pytest.raises(BadInput, match="no recording") as error:
        step("00-x", needs=["logs", "exec"])(lambda: pytest.fail("it ran"))
    assert error.value.next_step == "On a kind cluster: course record, with this lesson's number."


@pytest.mark.usefixtures("cluster")
def test_the_picture_of_a_recorded_step_is_the_one_drawn_live() -> None:
    log = list(Fleet(4, max_unavailable=1).run(1).apply().run(20).log())
    live = Recording(log)

    @step("00-x", needs="probes")
    def rollout() -> dict[str, Any]:
        return {"rollout": live, "seconds": 1.5}

    save(rollout, path_of("00-x"))
    _, result = load(path_of("00-x"))

    assert result["seconds"] == 1.5
    assert result["rollout"].history.records == live.history.records
    assert result["rollout"].caption == live.caption
    assert result["rollout"].plot().svg() == live.plot().svg()


@pytest.mark.usefixtures("cluster")
def test_an_error_in_a_live_step_passes_through_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COURSE_RECORD", "1")

    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        step("00-x", needs="pull")(fails)
    assert not path_of("00-x").exists()


@pytest.mark.usefixtures("cluster")
def test_what_ran_for_real_is_noted_for_the_test_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_STEPS", str(tmp_path / "steps"))
    step("00-x", needs="logs")(lambda: "")

    assert (tmp_path / "steps").read_text() == "00-x (logs)\n"


@pytest.mark.parametrize("text", ["", "{}\n", "no json\n", '{"record":"step","format":9}\n'])
@pytest.mark.usefixtures("cluster")
def test_a_broken_recording_is_told(text: str) -> None:
    path_of("00-x").parent.mkdir(parents=True)
    path_of("00-x").write_text(text)

    with pytest.raises(BadInput, match="cannot be read"):
        load(path_of("00-x"))


def test_an_unknown_capability_names_those_there_are() -> None:
    assert check(["logs", "pull"]) == ("logs", "pull")
    with pytest.raises(BadInput, match="telepathy") as error:
        check(["telepathy"])
    assert "hostpath" in error.value.next_step
