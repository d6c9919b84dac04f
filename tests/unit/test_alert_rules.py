"""The recorded histories, and the verdicts on rules with and without promtool."""

from __future__ import annotations

import pytest

from daemonset_course.analysis.alert_histories import FIRST_TRIES, HISTORIES, MIXIN, rule_file
from daemonset_course.errors import BadInput, NotFound, ProgramMissing
from daemonset_course.prediction import Prediction
from daemonset_course.verbs import alert_rules, promtool
from daemonset_course.verbs.alert_rules import (
    alert_histories,
    alert_series,
    judge_rules,
    metrics_of,
    recorded_verdict,
)

HERE = promtool.has_promtool()


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without promtool."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("COURSE_BINARIES", raising=False)


def test_the_seven_histories_were_seen_without_a_gap():
    found = alert_histories()

    assert [*found] == [*HISTORIES]
    for history in found.values():
        assert not history.gaps
        assert history.header.pace == 0.25
        assert len(history.workers()) == 6


def test_the_gap_is_one_that_the_numbers_of_the_daemonset_do_not_show():
    text = metrics_of("gap", "desired_number", "number_ready", "kube_node_role")
    last = {line.split("{")[0]: line.rpartition(" ")[2].split("x")[0] for line in text.splitlines()}

    assert last["kube_daemonset_status_desired_number_scheduled"] == "5"
    assert last["kube_daemonset_status_number_ready"] == "5"
    assert len(alert_histories()["gap"].workers()) == 6
    with pytest.raises(NotFound, match="no history 'hole'"):
        metrics_of("hole")


@pytest.mark.usefixtures("nowhere")
def test_without_promtool_a_recorded_verdict_is_shown_and_says_so():
    expected = Prediction("alerts-x", answer=["stuck"])
    found = judge_rules(MIXIN, predicted=expected)

    assert found.source == "recorded"
    assert found.predicted == ("stuck",)
    assert (found.missed, found.false_alarms) == (("gap",), ())
    assert judge_rules(FIRST_TRIES).false_alarms == ("healthy", "slow")


@pytest.mark.usefixtures("nowhere")
def test_without_promtool_other_rules_are_not_judged_and_the_error_says_how_to_get_it():
    with pytest.raises(ProgramMissing, match="promtool is not on this machine") as caught:
        judge_rules({"Mine": ("1m", "vector(1)")})

    assert "binaries --promtool" in caught.value.next_step


def test_a_recorded_refusal_has_the_words_of_promtool():
    with pytest.raises(BadInput, match="promtool does not accept the rules") as caught:
        recorded_verdict(
            rule_file({"AgentRolloutStalled": ("15m", "kube_daemonset_status_number_ready <")})
        )

    assert "parse error" in caught.value.seen


@pytest.mark.skipif(not HERE, reason="no promtool: course binaries --promtool")
def test_promtool_gives_the_verdict_that_is_recorded():
    rules = rule_file(FIRST_TRIES)
    found = promtool.run_promtool(rules, alert_series())

    assert found.first == alert_rules.recorded_verdict(rules).first


@pytest.mark.skipif(not HERE, reason="no promtool: course binaries --promtool")
def test_an_expression_that_promtool_does_not_accept_is_named():
    with pytest.raises(BadInput, match="does not accept") as caught:
        promtool.run_promtool(rule_file({"A": ("1m", "up <")}), alert_series())

    assert "parse error" in caught.value.seen
