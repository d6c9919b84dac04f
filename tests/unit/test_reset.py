from __future__ import annotations

from pathlib import Path

import pytest

from daemonset_course.cluster import fingerprint
from daemonset_course.cluster.reset import Fleet
from daemonset_course.cluster.simulated_nodes import healthy_condition
from daemonset_course.cluster.state import MADE_BY_KIND, State, backend_of_damaged
from daemonset_course.cluster.topology import NodeSpec, simulated
from daemonset_course.places import cluster_dir


def report(*changes: str) -> list[str]:
    return str(Fleet((), (), changes)).splitlines()[1:]


def test_the_report_names_every_change_and_folds_those_of_nodes_in_a_row() -> None:
    removed = [f"c-worker{i}: node removed" for i in range(4, 101)]

    assert report("Pod/bare in default removed", *removed, "c-worker2: uncordoned") == [
        "  Pod/bare in default removed",
        "  c-worker4 … c-worker100: node removed",
        "  c-worker2: uncordoned",
    ]


def test_nodes_that_are_not_in_a_row_or_changed_otherwise_keep_their_lines() -> None:
    changes = ["a-worker4: node added", "a-worker6: node added", "a-worker7: uncordoned"]

    assert report(*changes) == [f"  {line}" for line in changes]
    objects = ["ConfigMap/a1 in default removed", "ConfigMap/a2 in default removed"]
    assert report(*objects) == [f"  {line}" for line in objects]


REAL = NodeSpec("n1", {}, ())


@pytest.mark.parametrize(
    ("spec", "conditions", "expected"),
    [
        (REAL, {"Ready": "True", "DiskPressure": "True"}, []),
        (simulated(REAL), {"Ready": "True", "DiskPressure": "True"}, ["DiskPressure"]),
        (simulated(REAL), {"Ready": "True", "PIDPressure": "False"}, []),
        (REAL, {"Ready": "True", "NetworkUnavailable": "False"}, []),
        (
            REAL,
            {"NetworkUnavailable": "True", "Melting": "True"},
            ["Melting", "NetworkUnavailable"],
        ),
    ],
)
def test_a_condition_that_no_kubelet_writes_is_found_while_it_holds(
    spec: NodeSpec, conditions: dict[str, str], expected: list[str]
) -> None:
    given = [{"type": kind, "status": status} for kind, status in conditions.items()]

    assert fingerprint.added_conditions({"status": {"conditions": given}}, spec) == expected


def test_a_condition_is_put_right_as_it_was_when_the_node_joined() -> None:
    gone = {"type": "NetworkUnavailable", "$patch": "delete"}

    assert healthy_condition("NetworkUnavailable", simulated=False) == gone
    assert healthy_condition("NetworkUnavailable", simulated=True)["reason"] == "RouteCreated"
    assert healthy_condition("DiskPressure", simulated=True)["status"] == "False"
    assert healthy_condition("Melting", simulated=True)["$patch"] == "delete"


@pytest.mark.parametrize(("made", "backend"), [([], "embedded"), ([MADE_BY_KIND], "kind")])
def test_a_folder_that_lost_its_state_still_tells_its_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[str], backend: str
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    cluster_dir("c").mkdir(parents=True)
    for name in ("cluster.json", *made):
        (cluster_dir("c") / name).write_text("{")

    assert State.load("c") is None
    assert backend_of_damaged("c").backend == backend
