"""What only the kind backend does: real nodes that break, leave, come back, and lose containers."""

from __future__ import annotations

import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonset_course import cluster
from daemonset_course.cluster import reset
from daemonset_course.cluster.kind.engine import Engine, needed_engine
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import NotOurs, NotRunning
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.conditions import pressure, without_network
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import add_node, break_node, recover_node, remove_node
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

READY = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
pytestmark = pytest.mark.only("kind", "it is about containers")


@pytest.fixture
def fresh(live_cluster: Cluster) -> Iterator[Cluster]:
    reset(live_cluster.name)
    yield live_cluster
    reset(live_cluster.name)


@pytest.fixture
def engine() -> Engine:
    return needed_engine()


def test_nothing_listens_beyond_this_machine_and_files_are_private(
    fresh: Cluster, engine: Engine
) -> None:
    ports = [engine.run("port", node) for node in engine.nodes(fresh.name)]
    addresses = {
        line.rpartition(" ")[2].rpartition(":")[0] for p in ports for line in p.split("\n")
    }

    assert addresses - {""} == {"127.0.0.1"}
    assert fresh.api.server.startswith("https://127.0.0.1:")
    assert stat.S_IMODE(fresh.backend.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(fresh.backend.directory.stat().st_mode) == 0o700


def test_an_image_that_the_engine_has_is_given_to_the_nodes(
    fresh: Cluster, engine: Engine, tmp_path: Path
) -> None:
    root = tmp_path / "root.tar"
    with tarfile.open(root, "w") as archive:
        archive.add(__file__, "file")
    engine.run("import", str(root), "example.test/of-the-engine:1")
    try:
        fresh.backend.load("example.test/of-the-engine:1")  # type: ignore[attr-defined]

        for node in fresh.workers():
            listed = engine.run("exec", node, "crictl", "images", "example.test/of-the-engine")
            assert "of-the-engine" in listed, node
    finally:
        engine.run("rmi", "example.test/of-the-engine:1")


def test_programs_that_are_gone_with_the_cache_are_brought_again(fresh: Cluster) -> None:
    programs = fresh.backend.programs
    for begin in (reset, cluster.up):
        for program in programs.iterdir():
            program.unlink()

        begin(fresh.name)
        assert {"kind", "kubectl"} <= {one.name for one in programs.iterdir() if one.exists()}


@pytest.mark.parametrize("how", ["unreachable", "not ready"])
def test_a_real_node_breaks_and_comes_back(fresh: Cluster, how: str) -> None:
    node = fresh.workers()[0]
    apply(daemonset("agent"))
    wait_rollout("agent")

    text = break_node(node, how)  # type: ignore[arg-type]
    assert ("Ready=Unknown" if how == "unreachable" else "Ready=False") in text
    recover_node(node)
    assert wait_rollout("agent").ready == 3


def test_a_removed_real_node_joins_again_before_a_simulated_one(
    fresh: Cluster, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    node = fresh.workers()[-1]
    remove_node(node)
    assert engine.nodes(fresh.name)[node] == "paused"

    assert add_node() == [node]
    assert capsys.readouterr().out == ""
    (simulated,) = add_node(gpu="yes")
    assert capsys.readouterr().out == f"kind cannot add a machine: {simulated} is simulated\n"
    taints = fresh.api.get(f"/api/v1/nodes/{simulated}")["spec"]["taints"]
    assert {taint["effect"] for taint in taints} == {"PreferNoSchedule"}
    assert kubectl(f"get node {simulated} -o jsonpath={{.status.nodeInfo.osImage}}") == (
        "simulated by kwok"
    )
    assert reset(fresh.name).changes == (f"{simulated}: node removed",)


def test_the_cluster_s_own_agents_stay_off_simulated_nodes(fresh: Cluster) -> None:
    fleet = reset(fresh.name, workers=20)
    apply(daemonset("agent"))

    assert wait_rollout("agent", timeout=60).ready == len(fleet.workers) == 20
    wanted = "{.items[*].status.desiredNumberScheduled}"
    assert kubectl(f"-n kube-system get daemonsets -o jsonpath={wanted}") == "4 4"


def test_stopped_and_paused_containers_are_started_again(fresh: Cluster, engine: Engine) -> None:
    one, two = fresh.workers()[:2]
    engine.run("pause", one)
    engine.run("stop", "-t", "1", two)
    assert fresh.backend.dead_components() == [f"{one} (paused)", f"{two} (exited)"]

    cluster.up(fresh.name)
    assert fresh.backend.dead_components() == []
    reset(fresh.name)
    apply(daemonset("agent"))
    assert wait_rollout("agent", timeout=60).ready == 3


def test_what_an_interrupted_step_left_in_a_node_is_put_back(fresh: Cluster) -> None:
    one, two = fresh.workers()[:2]
    with without_network(one), pressure({two: "disk"}):  # each is mended while its block still runs
        changes = reset(fresh.name).changes

        assert f"network plugin on {one}: put right" in changes
        assert f"kubelet configuration on {two}: put right" in changes
        assert "True" in kubectl(f"get node {one} -o", READY)
    assert fresh.backend.heal() == []


def test_an_engine_that_is_gone_is_named_with_the_cure(
    fresh: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("docker", "podman"):
        (tmp_path / name).write_text("#!/bin/sh\necho Cannot connect to the daemon >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(NotRunning, match="No container engine answers") as error:
        cluster.up(fresh.name)
    assert "Cannot connect to the daemon" in error.value.seen
    assert "Start Docker" in error.value.next_step
    with pytest.raises(NotRunning):
        cluster.down(fresh.name)
    assert fresh.backend.kubeconfig.exists(), "nothing of a cluster that may still be there is lost"


def test_a_lost_container_makes_a_new_cluster_and_a_foreign_one_is_left_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    first = cluster.up("lost", backend="kind")
    try:
        engine.run("rm", "-f", "lost-worker2")
        second = cluster.up("lost")
        assert second.state.id != first.state.id
        assert sorted(engine.nodes("lost").values()) == ["running"] * 4

        monkeypatch.setenv("COURSE_HOME", str(tmp_path / "other"))
        with pytest.raises(NotOurs, match="exists already"):
            cluster.up("lost", backend="kind")
        cluster.down("lost")
        assert len(engine.nodes("lost")) == 4
        monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
        # The folder that knows of the containers knows no more, and has lost its programs.
        (second.backend.directory / "cluster.json").write_text("{")
        (second.backend.programs / "kind").unlink()
    finally:
        cluster.down("lost")
    assert engine.nodes("lost") == {}
    assert not list((tmp_path / "home" / "clusters").glob("*"))
    assert (
        "lost"
        not in subprocess.run(["kind", "get", "clusters"], capture_output=True).stdout.decode()
    )
