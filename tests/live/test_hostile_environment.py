"""The course in the environment of a learner who has proxies and preferences for other work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemonset_course.cluster import Cluster
from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.errors import CommandFailed
from daemonset_course.verbs.kubectl import kubectl
from live.scenes import PACE

ASKS_BEFORE_IT_DELETES = """\
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
defaults:
- command: delete
  options:
  - {name: interactive, default: "true"}
- command: get
  options:
  - {name: output, default: json}
"""
PROXIES = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
}
PROXY_LISTS = ("NO_PROXY", "no_proxy")
STEERING = {"ETCD_LISTEN_CLIENT_URLS": "x", "KUBE_FEATURE_X": "y", "KWOK_KUBE_VERSION": "v1.0.0"}


@pytest.fixture
def preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with a kuberc, and the variables by which a learner steers kubectl."""
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "kuberc").write_text(ASKS_BEFORE_IT_DELETES)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERC", str(tmp_path / ".kube" / "kuberc"))
    monkeypatch.setenv("KUBECTL_KUBERC", "true")
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", "false")


@pytest.mark.usefixtures("preferences", "live_cluster")
def test_kubectl_does_what_it_is_told_whatever_the_learner_prefers() -> None:
    kubectl("create configmap kept --from-literal=a=b")
    assert kubectl("get configmap kept").startswith("NAME")
    changed = kubectl("get configmap kept -o yaml").replace("a: b", "a: c")
    with pytest.raises(CommandFailed, match=r"-  a: b\n\+  a: c"):  # a difference is exit status 1
        kubectl("diff -f -", stdin=changed)
    kubectl("delete configmap kept")

    assert kubectl("get configmap kept --ignore-not-found") == ""


@pytest.mark.usefixtures("preferences")
def test_programs_beside_the_verbs_read_no_preferences_either(live_cluster: Cluster) -> None:
    assert "process_cpu_seconds" in live_cluster.backend.metrics("kube-scheduler")

    shown = subprocess.run(
        ["kubectl", "get", "nodes"],
        env=os.environ | live_cluster.environment(),  # as in a kernel or a terminal
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.startswith("NAME")


def test_a_cluster_starts_lives_and_ends_behind_proxies_of_any_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    for name, value in (PROXIES | STEERING).items():
        monkeypatch.setenv(name, value)
    for name in PROXY_LISTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_CLUSTER", "own")
    try:
        running = cluster.up("own", pace=PACE)
        running.backend.stop_component("kube-scheduler")
        again = subprocess.run(
            [sys.executable, "-m", "daemonset_course.cli", "up"], capture_output=True, text=True
        )

        assert again.returncode == 0, again.stderr
        assert "kube-scheduler" in again.stderr + again.stdout
        assert kubectl("get nodes -o name").split() == [f"node/{n}" for n in running.nodes()]
    finally:
        cluster.down("own")
