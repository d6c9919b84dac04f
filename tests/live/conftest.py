"""Every live test runs with a home folder in which nothing may be touched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.lab import lab_log
from live.scenes import PACE

FOREIGN = """\
apiVersion: v1
kind: Config
current-context: work
clusters: [{name: work, cluster: {server: "https://10.9.8.7:6443"}}]
users: [{name: work, user: {token: "not-ours"}}]
contexts: [{name: work, context: {cluster: work, user: work}}]
"""


def fingerprint(home: Path) -> dict[str, str]:
    """Every file below a folder, with its content's digest."""
    files = (path for path in home.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A learner's home with a kubeconfig of other people's cluster: left byte for byte as it is."""
    folder = tmp_path_factory.mktemp("home")
    config = folder / ".kube" / "config"
    config.parent.mkdir()
    config.write_text(FOREIGN)
    before = fingerprint(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.setenv("KUBECONFIG", str(config))
        # matplotlib keeps a list of fonts; it is not ours to judge
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        yield folder
    assert fingerprint(folder) == before


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[cluster.Cluster]:
    """A cluster of the test's own, to be broken; every verb acts on it."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CLUSTER", "own")
    yield cluster.up("own", pace=PACE)
    cluster.down("own")


@pytest.fixture
def ended() -> Iterator[None]:
    """No task runs after the test."""
    yield
    lab_log.end(cluster.current().name)
