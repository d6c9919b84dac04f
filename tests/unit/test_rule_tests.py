"""promtool's test file, what it prints, and the verdict that is drawn."""

from __future__ import annotations

import json

import pytest

from daemonset_course.analysis.alert_histories import FIRST_TRIES, HISTORIES, MIXIN, rule_file
from daemonset_course.analysis.rule_tests import (
    RuleVerdicts,
    alerts_of,
    digest,
    promtool_tests,
    read_output,
    read_stored,
)
from daemonset_course.errors import BadInput

SERIES = {"healthy": {'up{job="a"}': (1.0, 1.0, None)}}
# promtool v3.13.4
PRINTED = """
  FAILED:
    name: healthy,
    alertname: Slow, time: 20m,
        exp:[],
        got:[
            0:
              Labels:{alertname="Slow", job="a"}
              Annotations:{}
            ]
    name: dead node,
    alertname: Slow, time: 1h1m,
        exp:[],
        got:[ ]
    name: healthy,
    alertname: Slow, time: 17m30s,
        exp:[],
"""


def test_the_test_file_expects_each_alert_to_be_quiet_in_every_minute():
    made = json.loads(promtool_tests(["A", "B"], SERIES))

    assert made["rule_files"] == ["rules.yml"]
    (one,) = made["tests"]
    assert (one["name"], one["interval"]) == ("healthy", "30s")
    assert one["input_series"] == [{"series": 'up{job="a"}', "values": "1x1 stale"}]
    assert len(one["alert_rule_test"]) == 2 * 61
    assert {"eval_time": "60m", "alertname": "B", "exp_alerts": []} in one["alert_rule_test"]


def test_what_promtool_reports_as_failed_is_an_alert_that_fires():
    found = read_output(PRINTED, ["Slow", "Never"])

    assert found.first == {("healthy", "Slow"): 17.5, ("dead node", "Slow"): 61.0}
    assert found.fired("Slow") == ("healthy", "dead node")
    assert found.fired("Never") == ()
    assert read_output("  SUCCESS\n", ["Slow"]).first == {}


def test_a_failure_that_is_no_alert_is_the_words_of_promtool():
    with pytest.raises(BadInput, match="does not accept") as caught:
        read_output("  FAILED:\nparse error: unexpected <", ["A"])
    assert "unexpected <" in caught.value.seen


def test_the_words_and_the_table_follow_from_the_same_data():
    found = read_output(PRINTED, ["Slow"]).with_prediction(["healthy", "gap"])
    table = found.figure()

    assert found.false_alarms == ("healthy",)
    assert "stuck" in found.missed
    assert "dead node" not in found.missed
    assert found.headline == "1 of 5 faults seen, 1 false alarm"
    assert "healthy: Slow at 17.5 min" in found.caption
    assert "Judged now by promtool" in found.caption
    assert table.cells["healthy", "Slow"].style == "false alarm"
    assert table.cells["dead node", "Slow"].text == "61 min"
    assert table.cells["slow", "Slow"].style == "quiet"
    assert table.cells["gap", "Slow"].style == "quiet on a fault"
    assert table.cells["gap", "you expect"].text == "alert"
    assert table.cells["stuck", "you expect"].text == "quiet"
    assert {line.name for line in table.rows} == {*HISTORIES}


def test_a_recorded_verdict_says_that_it_is_one():
    found = read_stored(json.loads(json.dumps(read_output(PRINTED, ["Slow"]).stored())))

    assert found == RuleVerdicts(("Slow",), read_output(PRINTED, ["Slow"]).first, "recorded")
    assert "recorded verdict" in found.caption.lower()
    assert found.figure().notes == ("recorded verdict of promtool",)


@pytest.mark.parametrize(
    "text", ["", "groups:\n- rules", "a: [", "- 1", "groups: []\n", "kube_node_info == 0"]
)
def test_a_text_that_is_no_rule_file_is_refused(text):
    with pytest.raises(BadInput, match="no rule file of Prometheus"):
        alerts_of(text)


def test_the_rule_file_has_the_rules():
    text = rule_file(MIXIN)

    assert alerts_of(text) == tuple(MIXIN)
    assert "    for: 15m" in text
    assert alerts_of(rule_file(FIRST_TRIES)) == tuple(FIRST_TRIES)


def test_a_verdict_belongs_to_its_rules_and_to_its_series():
    one = digest("a", SERIES)

    assert digest("a\n", SERIES) == one
    assert digest("b", SERIES) != one
    assert digest("a", {"healthy": {'up{job="a"}': (1.0,)}}) != one
