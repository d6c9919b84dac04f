from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemonset_course.cluster import Cluster
from daemonset_course.history.podstate import MANAGED
from daemonset_course.verbs.nodes import label


def course(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daemonset_course.cli", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_status_and_doctor_tell_scripts_that_all_is_well(live_cluster: Cluster) -> None:
    status, doctor = course("status", "--json"), course("doctor", "--json")

    assert json.loads(status.stdout)["name"] == live_cluster.name
    assert doctor.returncode == 0, doctor.stdout
    assert "bad" not in {check["level"] for check in json.loads(doctor.stdout)["checks"]}


@pytest.mark.only("embedded", "each node is simulated there")
def test_a_node_that_has_lost_its_label_is_named_until_reset(live_cluster: Cluster) -> None:
    worker = live_cluster.workers()[0]
    label(worker, **{MANAGED: None})
    status = course("status", "--json")

    assert (status.returncode, json.loads(status.stdout)["lost"]) == (1, [worker])
    assert f"{worker}: label {MANAGED} put back" in course("reset").stdout
    assert json.loads(course("status", "--json").stdout)["lost"] == []


def test_a_cluster_that_is_not_up_is_told_with_its_cure() -> None:
    result = course("status", "--name", "nobody")

    assert result.returncode == 1
    assert "The cluster 'nobody' is not up." in result.stderr
    assert "course up" in result.stderr
    assert "Traceback" not in result.stderr


def test_up_again_changes_nothing_and_down_of_nothing_is_no_error(live_cluster: Cluster) -> None:
    again, nothing = course("up"), course("down", "--name", "nobody")

    assert again.returncode == nothing.returncode == 0
    assert str(live_cluster.backend.kubeconfig) in again.stdout
    assert "there was none" in nothing.stdout


def test_jupyterlab_s_terminals_find_course_and_the_cluster_s_own_kubectl(
    live_cluster: Cluster,
) -> None:
    path = live_cluster.environment()["PATH"]
    kubectl = shutil.which("kubectl", path=path)

    assert Path(str(shutil.which("course", path=path))).parent == Path(sys.executable).parent
    assert Path(str(kubectl)).parent == live_cluster.backend.programs


def test_a_wrong_name_is_refused_without_a_traceback() -> None:
    result = course("up", "--name", "No_Good")

    assert result.returncode == 1
    assert "cannot be the name of a cluster" in result.stderr
    assert "Traceback" not in result.stderr
