"""A history as kube-state-metrics would export it, scrape by scrape."""

from __future__ import annotations

import pytest
from fleet import change, control_plane, daemonset, gap, history, node, pod, present

from daemonset_course.analysis.exported_series import exported, written

AGENT = 'job="kube-state-metrics", namespace="default", daemonset="agent"'
TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


def found(*records, minutes=1.0, **options):
    return exported(history(*records), stretch=10, every=10, minutes=minutes, **options)


def here(*more):
    return [
        *present("nodes", control_plane(), node("course-worker")),
        *present("daemonsets", daemonset(desiredNumberScheduled=2, numberReady=1)),
        *present("pods", pod("1", "course-worker")),
        *more,
    ]


def test_the_numbers_of_the_status_are_series_with_the_names_of_kube_state_metrics():
    series = found(
        *here(change(2.5, "daemonsets", daemonset(2, desiredNumberScheduled=2, numberReady=2)))
    )

    assert series[f"kube_daemonset_status_desired_number_scheduled{{{AGENT}}}"] == (2.0,) * 7
    ready = series[f"kube_daemonset_status_number_ready{{{AGENT}}}"]
    assert ready == (1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0)  # 2.5 recorded seconds: the fourth scrape
    assert series[f"kube_daemonset_metadata_generation{{{AGENT}}}"][2:4] == (1.0, 2.0)
    assert series[f"kube_daemonset_status_number_misscheduled{{{AGENT}}}"][0] == 0.0


def test_after_the_end_of_the_recording_nothing_changes_any_more():
    series = found(*here(), minutes=5)  # the recording has 10 s: 100 s on the stretched axis

    assert series[f"kube_daemonset_status_number_ready{{{AGENT}}}"] == (1.0,) * 31


def test_a_node_has_its_role_its_taints_and_one_condition_that_is_true():
    series = found(
        *here(change(1, "nodes", node("course-worker", taints=[TAINT], ready="Unknown")))
    )
    job = 'job="kube-state-metrics"'

    assert f'kube_node_role{{{job}, node="course-control-plane", role="control-plane"}}' in series
    taint = f'kube_node_spec_taint{{{job}, node="course-worker", key="dedicated", value="db", '
    assert series[f'{taint}effect="NoSchedule"}}'] == (None, *(1.0,) * 6)
    state = f'kube_node_status_condition{{{job}, node="course-worker", condition="Ready", status='
    values = {word: series[f'{state}"{word}"}}'][1] for word in ("true", "false", "unknown")}
    assert values == {"true": 0.0, "false": 0.0, "unknown": 1.0}


def test_a_pod_that_is_gone_has_no_series_any_more():
    series = found(*here(change(3, "pods", pod("1", "course-worker"), "DELETED")))
    infos = [values for name, values in series.items() if name.startswith("kube_pod_info")]

    assert infos == [(1.0, 1.0, 1.0, None, None, None, None)]
    assert written(infos[0]) == "1x2 stale _x3"


def test_while_a_watch_was_interrupted_there_is_no_sample():
    series = found(*here(gap(2, 4, "daemonsets")))

    assert series[f"kube_daemonset_status_number_ready{{{AGENT}}}"][3] is None


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((3.0,), "3"),
        ((3.0, 3.0, 2.0), "3x1 2"),
        ((None, None, 1.0), "_x2 1"),
        ((None, 1.0), "_ 1"),
        ((1.0, None), "1 stale"),
        ((1.0, None, 2.0, 2.5), "1 stale 2 2.5"),
    ],
)
def test_values_are_written_as_promtool_reads_them(values, text):
    assert written(values) == text
