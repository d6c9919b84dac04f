from __future__ import annotations

from types import SimpleNamespace

import pytest

from daemonset_course.cluster import topology
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput
from daemonset_course.history.podstate import CONTROL_PLANE
from daemonset_course.history.text import natural_key

CONFIG = """
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
  - role: worker
    labels: {disk: ssd}
  - role: worker
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "kind-config.yaml"
    path.write_text(CONFIG)
    return path


def test_the_repositorys_own_file_has_a_control_plane_and_three_workers():
    names = [spec.name for spec in topology.read("course")]

    assert names == ["course-control-plane", "course-worker", "course-worker2", "course-worker3"]


def test_nodes_are_named_as_kind_names_them_and_carry_the_files_labels(config):
    plane, first, second = topology.read("a", path=config)

    assert plane.is_control_plane
    assert plane.taints == ((CONTROL_PLANE, "", "NoSchedule"),)
    assert (first.name, first.labels["disk"]) == ("a-worker", "ssd")
    assert second.name == second.labels["kubernetes.io/hostname"] == "a-worker2"
    assert "disk" not in second.labels


def test_further_workers_repeat_the_labels_in_turn(config):
    disks = [spec.labels.get("disk") for spec in topology.read("a", workers=5, path=config)]

    assert disks == [None, "ssd", None, "ssd", None, "ssd"]


def test_the_environment_names_another_file(config, monkeypatch):
    monkeypatch.setenv("COURSE_CONFIG", str(config))

    assert len(topology.read("a")) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: [", "not valid YAML"),
        ("kind: Pod", "not a kind configuration"),
        ("kind: Cluster", "at least one worker"),
    ],
)
def test_a_file_that_cannot_serve_is_refused(config, text, says):
    config.write_text(text)

    with pytest.raises(BadInput, match=says):
        topology.read("a", path=config)


def test_a_missing_file_and_no_workers_are_refused(config, tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        topology.read("a", path=tmp_path / "none.yaml")
    with pytest.raises(BadInput, match="at least one worker"):
        topology.read("a", workers=0, path=config)


def test_names_sort_as_people_count():
    names = ["c-worker10", "c-worker2", "c-control-plane", "c-worker"]

    assert sorted(names, key=natural_key) == [
        "c-control-plane",
        "c-worker",
        "c-worker2",
        "c-worker10",
    ]


def test_the_control_plane_comes_first_whatever_its_name():
    def node(name, **labels):
        return {"metadata": {"name": name, "labels": labels} if labels else {"name": name}}

    nodes = [
        node("a-worker10"),
        node("a-worker2", disk="ssd"),
        node("z-master", **{CONTROL_PLANE: ""}),
        node("control-plane-worker", disk="hdd"),
    ]
    cluster = Cluster(None, SimpleNamespace(items=lambda _path: nodes), None)
    assert cluster.nodes() == ["z-master", "a-worker2", "a-worker10", "control-plane-worker"]
