"""Which nodes DaemonSets cover, and which tolerations objects carry."""

from __future__ import annotations

from typing import Any

import pytest
from fleet import change, control_plane, daemonset, gap, history, listed, node, pod

from daemonset_course.analysis.coverage import coverage, tolerations_by_object
from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Cell
from daemonset_course.history.index import History

Record = dict[str, Any]
GPU = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
PAIR = ["agent", "other"]


def covered(*more: Record) -> History:
    return history(
        *listed("nodes", control_plane(), node("n10"), node("n2", taints=[GPU])),
        *listed("daemonsets", *(daemonset(name=name) for name in PAIR)),
        change(1, "pods", pod("a", "n10", phase="pending"), "ADDED"),
        change(2, "pods", pod("a", "n10")),
        change(2, "pods", pod("gone", "n2"), "ADDED"),
        change(3, "pods", pod("gone", "n2"), "DELETED"),
        change(3, "pods", pod("b", "n2", phase="unbound", owner="other"), "ADDED"),
        *more,
    )


def test_coverage_is_that_of_the_end_and_of_each_daemonset_by_itself() -> None:
    found = coverage(covered(), PAIR)

    assert found.nodes == ("control-plane", "n2", "n10")
    assert (found.covered("agent"), found.covered("other")) == (1, 0)
    assert found.headline == "Nodes covered, of 3: agent 1, other 0"
    assert found.caption == (
        "agent leaves out control-plane, n2; "
        "other leaves out control-plane, n10, and on 1 its Pod is not ready."
    )


def test_coverage_leaves_out_a_removed_node() -> None:
    found = coverage(covered(change(4, "nodes", node("n10"), "DELETED")), ["agent"])

    assert found.nodes == ("control-plane", "n2")


def test_coverage_of_a_daemonset_that_is_not_shown_is_refused() -> None:
    with pytest.raises(BadInput, match="does not show") as error:
        coverage(covered(), ["agent", "nobody"])

    assert error.value.seen == "nobody"


def test_the_table_has_nodes_with_their_taints_by_daemonsets_and_sums() -> None:
    figure = coverage(covered(), PAIR).figure()

    assert [(row.name, row.detail) for row in figure.rows] == [
        ("control-plane", "…/control-plane:NoSchedule"), ("n2", "gpu=true:NoSchedule"),
        ("n10", ""),
    ]  # fmt: skip
    labelled = coverage(covered(), PAIR, label="kubernetes.io/hostname").figure()
    assert [row.detail for row in labelled.rows][1:] == ["n2, gpu=true:NoSchedule", "n10"]
    assert figure.totals == ("covered", ("1 of 3", "0 of 3"))
    assert figure.cells["n10", "agent"] == Cell("ready Pod", "✓")
    assert figure.cells["n2", "agent"] == Cell("no Pod")
    assert figure.cells["n2", "other"] == Cell("Pod, not ready", "…")


@pytest.mark.parametrize("resource", ["nodes", "pods", "daemonsets"])
def test_coverage_is_known_after_a_gap_and_unknown_in_one_up_to_the_end(resource: str) -> None:
    middle = coverage(covered(gap(4, 5, resource)), PAIR)
    open_ = coverage(covered(gap(4, 10, resource)), PAIR)
    told = f"The watch of {resource} saw nothing from 4.0 s to"

    assert middle.covered("agent") == 1
    assert middle.caption.endswith(f"{told} 5.0 s.")
    assert open_.headline == "Nobody saw which nodes were covered at the end"
    assert open_.caption == f"{told} 10.0 s."
    assert set(open_.figure().cells.values()) == {Cell("not seen", "?")}
    assert open_.figure().totals is None


def tolerant(uid: str, app: str, *tolerations: Record) -> Record:
    made = pod(uid, "n1", app=app)
    made["spec"]["tolerations"] = list(tolerations)
    return made


def carrying(*more: Record) -> History:
    for_ever = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
    cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    return history(
        *listed("nodes", node("n1")),
        *listed("daemonsets", daemonset()),
        change(1, "pods", tolerant("a", "agent", cordon, for_ever), "ADDED"),
        change(1, "pods", tolerant("w", "web", for_ever | {"tolerationSeconds": 300}), "ADDED"),
        *more,
    )


WHERE = {
    "template": ("daemonsets", "agent"),
    "its Pod": ("pods", "agent"),
    "Deployment": ("pods", "web"),
}


def test_tolerations_are_counted_for_each_object_and_common_ones_come_first() -> None:
    found = tolerations_by_object(carrying(), WHERE)

    assert found.tolerations[0] == ("node.kubernetes.io/not-ready", "NoExecute")
    assert found.headline == "Tolerations carried: template 0, its Pod 2, Deployment 1"
    assert found.caption == "3 tolerations in all; 1 of them ends after 300 s, the others never do."


def test_the_table_says_for_how_long_each_taint_is_tolerated() -> None:
    figure = tolerations_by_object(carrying(), WHERE).figure()
    row = "node.kubernetes.io/not-ready NoExecute"

    assert [figure.cells[row, column] for column in WHERE] == [
        Cell("not tolerated"), Cell("tolerated for ever", "✓"),
        Cell("tolerated for a time", "300 s"),
    ]  # fmt: skip
    assert [(line.written, line.detail) for line in figure.rows] == [
        ("…/not-ready", "NoExecute"),
        ("…/unschedulable", "NoSchedule"),
    ]
    assert figure.totals == ("in all", ("0", "2", "1"))


def test_an_object_that_is_not_shown_is_refused() -> None:
    with pytest.raises(BadInput, match="shows no pods 'nobody'"):
        tolerations_by_object(carrying(), {"x": ("pods", "nobody")})


def test_tolerations_that_nobody_saw_at_the_end_are_told() -> None:
    found = tolerations_by_object(carrying(gap(4, 10)), WHERE)

    assert found.caption.endswith("The watch of pods saw nothing from 4.0 s to 10.0 s.")
