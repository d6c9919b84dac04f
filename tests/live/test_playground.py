"""The playground on a real control plane: what its runs record, and what the server refuses."""

from __future__ import annotations

import pytest

from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import BadInput
from daemonset_course.playground import trials
from daemonset_course.playground.settings import Settings
from daemonset_course.playground.trials import Trials


@pytest.fixture(scope="module")
def runs() -> Trials:
    return Trials()


def test_a_run_is_recorded_and_a_second_one_with_a_larger_budget_is_shorter(runs: Trials) -> None:
    runs.roll(Settings(nodes=4, max_unavailable="1", start=4, lowest="3"))
    one = runs.wait()
    runs.roll(Settings(nodes=4, max_unavailable="50%", start=4, lowest="2"))
    two = runs.wait()

    assert (one.ended, one.lowest, two.ended, two.lowest) == ("done", 3, "done", 2)
    assert one.length is not None
    assert two.length is not None
    assert two.length < one.length
    assert two.previous is one
    assert "Changed: maxUnavailable: 50%, before 1." in repr(two)
    assert len(current().workers()) == 4


def test_with_a_surge_no_node_is_without_an_available_pod(runs: Trials) -> None:
    runs.roll(Settings(nodes=3, max_unavailable="0", max_surge="1", start=2))

    assert runs.wait().lowest == 3


@pytest.mark.parametrize(
    ("unavailable", "surge", "field", "rule"),
    [
        ("0", "0", "max_unavailable", "cannot be 0 when maxSurge is 0"),
        ("1", "1", "max_surge", "may not be set when maxUnavailable is non-zero"),
        ("ten", "0", "max_unavailable", "a valid percent string must be"),
        ("0", "101%", "max_surge", "must not be greater than 100%"),
        ("-1", "0", "max_unavailable", "must be greater than or equal to 0"),
    ],
)
def test_the_server_names_the_field_and_the_rule(
    runs: Trials, unavailable: str, surge: str, field: str, rule: str
) -> None:
    before = len(runs.trials)
    runs.roll(Settings(max_unavailable=unavailable, max_surge=surge))
    with pytest.raises(BadInput, match="not begun"):
        runs.wait()

    assert rule in runs.problems[field]
    assert len(runs.trials) == before


def test_a_bad_image_on_a_pool_uses_the_budget_up(
    runs: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trials.STILL, "RollingUpdate", 4.0)
    runs.roll(Settings(nodes=6, pool="disk=hdd", bad_image=True, start=0, stop=0))
    found = runs.wait()

    assert (found.ended, found.length, found.lowest) == ("still", None, 3)
    assert "the budget of 1 unavailable node is used up" in repr(found)


def test_a_faulty_node_stays_without_its_new_pod(
    runs: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trials.STILL, "RollingUpdate", 6.0)
    runs.roll(Settings(nodes=3, max_unavailable="2", faulty_node=True, start=0, stop=0))
    found = runs.wait()

    assert (found.ended, found.lowest) == ("still", 1)
    broken = current().workers()[-1]
    assert found.rollout is not None
    assert found.rollout.updated == 2
    assert broken in repr(found) or "worker3" in repr(found)


def test_reset_brings_the_nodes_back(runs: Trials) -> None:
    runs.reset()
    with pytest.raises(BadInput, match="no run yet"):
        runs.wait()

    assert len(current().workers()) == 3
