from __future__ import annotations

import pytest
from fleet import daemonset, node, pod

from daemonset_course.verbs.rollout import finished, lagging, pod_reason, status_of, uncounted

OWNER = daemonset() | {"metadata": daemonset()["metadata"] | {"uid": "ds", "namespace": "default"}}


def owned(*arguments, **options):
    made = pod(*arguments, **options)
    made["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agent", "uid": "ds"}]
    return made


def status(**numbers):
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": 2} | numbers}


@pytest.mark.parametrize(
    ("numbers", "done"),
    [
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}, True),
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberAvailable": 3}, False),
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}, False),
        ({"observedGeneration": 1}, False),
        ({}, True),  # no node should run it
    ],
)
def test_a_rollout_is_finished_when_the_latest_template_is_available_everywhere(numbers, done):
    assert finished(status(**numbers)) is done


def test_the_status_is_told_in_kubectls_order():
    told = status_of({"status": {"desiredNumberScheduled": 7, "numberMisscheduled": 1}})

    assert repr(told).startswith("desired 7, current 0, ready 0")
    assert told.misscheduled == 1


def test_each_lagging_node_is_named_with_its_reason():
    nodes = [node(name) for name in ("n1", "n2", "n3", "n4", "n10")]
    pods = [
        owned("a", "n1", "new"),
        owned("b", "n2", "old"),
        owned("c", "n3", "old", phase="terminating"),
        owned("d", "n4", "new", phase="pending", reason="ImagePullBackOff"),
        pod("stranger", "n10", "new", owned=False),
    ]

    lines = lagging(OWNER, nodes, pods, "new")

    assert [line.partition(":")[0] for line in lines] == ["n2", "n3", "n4", "n10"]
    assert "still runs the old template" in lines[0]
    assert "is terminating" in lines[1]
    assert "ImagePullBackOff" in lines[2]
    assert "no pod yet" in lines[3]


def test_pods_are_judged_by_the_status_alone_while_the_daemonset_owns_no_revision():
    pods = [owned("a", "n1", "a-namesakes"), owned("b", "n2", "a-namesakes", phase="pending")]

    lines = lagging(OWNER, [node("n1"), node("n2")], pods, "")

    assert [line.partition(":")[0] for line in lines] == ["n2"]
    assert "old template" not in lines[0]


def test_a_node_that_should_not_run_it_does_not_hold_the_rollout_up():
    dead = node("n1", taints=[{"key": "dead", "effect": "NoSchedule"}])
    pods = [owned("a", "n1", "old", phase="terminating")]

    assert lagging(OWNER, [dead], pods, "new") == []
    assert lagging(OWNER, [dead], pods, "new", wanted_only=False) != []


@pytest.mark.parametrize(("desired", "missing"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_a_status_that_is_behind_the_nodes_is_noticed(desired, missing):
    dead = node("n3", taints=[{"key": "dead", "effect": "NoSchedule"}])
    behind = OWNER | {"status": {"desiredNumberScheduled": desired}}

    assert uncounted(behind, [node("n1"), node("n2"), dead]) == missing


def test_a_pod_that_no_node_takes_is_explained_in_the_schedulers_words():
    unscheduled = {
        "status": {
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/4 nodes are available",
                }
            ]
        }
    }

    assert pod_reason(unscheduled) == "pending, Unschedulable: 0/4 nodes are available"
