"""The course in the environment of a learner who has proxies and preferences for other work."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager

from daemonset_course.cluster import Cluster
from daemonset_course.cluster import lifecycle as cluster
from daemonset_course.cluster.processes import processes_of
from daemonset_course.environment import for_python
from daemonset_course.errors import CommandFailed
from daemonset_course.jupyter import load_in_kernels
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
STEERING = {
    "ETCD_LISTEN_CLIENT_URLS": "x",
    "KUBE_FEATURE_X": "y",
    "KWOK_KUBE_VERSION": "v1.0.0",
    "KUBECONFIG": "/foreign",
    "GOMEMLIMIT": "1MiB",
    "GODEBUG": "madeup=1,http2debug=2",
    "SSLKEYLOGFILE": "/nope/keys",
    "SSL_CERT_FILE": "/nope",
    "REQUESTS_CA_BUNDLE": "/nope",
    "DOCKER_HOST": "tcp://127.0.0.1:9",
    "KIND_EXPERIMENTAL_PROVIDER": "nothing",
    "GOFLAGS": "-mod=vendor",
    "GOPROXY": "off",
    "GIT_DIR": "/nope",
    "PYTHONHOME": "/nope",
    "PYTHONSTARTUP": "/nope",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    "MPLBACKEND": "nothing",
    "MPLCONFIGDIR": "/proc/nope",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "JUPYTER_PATH": "/nope",
    "IPYTHONDIR": "/nope",
    "LC_ALL": "tr_TR",
    "TZ": "Nowhere/Nothing",
    "TMPDIR": "/nope",
    "COLUMNS": "x",
}
COURSE = str(Path(sysconfig.get_path("scripts"), "course"))
FAILS = "#!/bin/sh\necho 'not the real one' >&2\nexit 3\n"
SHADOW = "raise SystemExit('a file of the learner was imported')\n"


def odd_home(folder: Path) -> dict[str, str]:
    """A home and a PATH full of traps, and the variables that point at them."""
    home, first, unreadable = (folder / name for name in ("home", "first", "unreadable"))
    for made in (home / ".kube", home / ".ipython/profile_default/startup", first, unreadable):
        made.mkdir(parents=True)
    (home / ".kube" / "kuberc").write_text(ASKS_BEFORE_IT_DELETES)
    (home / ".ipython/profile_default/startup/00.py").write_text(SHADOW)
    for name in ("kubectl", "docker", "podman", "kind", "go", "etcd"):
        (first / name).write_text(FAILS)
        (first / name).chmod(0o755)
    for name in ("yaml", "random", "typer", "jupyterlab"):
        (home / f"{name}.py").write_text(SHADOW)
    os.chown(unreadable, 65534, -1) if os.geteuid() == 0 else unreadable.chmod(0)
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join(["", ".", str(unreadable), str(first), os.environ["PATH"]]),
        "PYTHONPATH": str(home),
    }


def contents(folder: Path) -> dict[str, str]:
    """The digest of every file of a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def without_rights(command: Sequence[str]) -> list[str]:
    """The command as a user to whom file modes apply: root passes every one of them."""
    if os.geteuid():
        return list(command)
    if not shutil.which("setpriv"):
        pytest.skip("as root without setpriv no folder is unreadable")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]


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


KERNEL = """\
import random, sys, yaml
from daemonset_course import apply, kubectl, record, show, wait_rollout
apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}})
print(kubectl("get nodes -o name"))
"""
OPEN_TO_ALL = stat.S_IWOTH


def run_kernel(running: Cluster, folder: Path) -> str:
    """What a cell prints in a kernel of `course open`, in a notebook of this folder."""
    environment = for_python(running.environment())
    load_in_kernels(Path(environment["IPYTHONDIR"]))
    manager = KernelManager()
    manager.start_kernel(env=environment, cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    texts: list[str] = []

    def keep(message: dict[str, Any]) -> None:
        content = message["content"]
        texts.append(content.get("text") or "\n".join(content.get("traceback") or []))

    try:
        client.wait_for_ready(60)
        client.execute_interactive(KERNEL, timeout=60, output_hook=keep)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(texts)


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Any]:
    """Run `course` as that learner types it, in the home; its cluster is removed at the end."""
    odd = odd_home(tmp_path) | PROXIES | STEERING | {"NO_PROXY": "*.,,["}
    own = {"COURSE_HOME": str(tmp_path / "state"), "COURSE_CLUSTER": "own"}
    environment = {name: value for name, value in os.environ.items() if name not in PROXY_LISTS}

    def run(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [
                "sh",
                "-c",
                'umask 000; ulimit -n 1024; exec "$@"',
                "sh",
                *without_rights([COURSE]),
                *words,
            ],
            env=environment | own | odd,
            cwd=odd["HOME"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert "Traceback" not in done.stderr + done.stdout
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    run.home, run.state = Path(odd["HOME"]), Path(own["COURSE_HOME"])  # type: ignore[attr-defined]
    run.environment = environment | own | odd  # type: ignore[attr-defined]
    try:
        yield run
    finally:
        run("down")


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
        again = subprocess.run([COURSE, "up"], capture_output=True, text=True)

        assert again.returncode == 0, again.stderr
        assert "kube-scheduler" in again.stderr + again.stdout
        assert kubectl("get nodes -o name").split() == [f"node/{n}" for n in running.nodes()]
    finally:
        cluster.down("own")


def test_a_cluster_starts_lives_and_ends_whatever_the_learner_s_environment_is(
    course: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(course.home)
    course("up", "--backend", "embedded", "--pace", str(PACE))
    assert "nodes       4" in course("status")
    report = course("doctor")
    assert all(name in report for name in ("limits", "not the real one"))
    for name, value in course.environment.items():
        monkeypatch.setenv(name, value)
    running = cluster.current("own")
    running.backend.stop_component("kube-scheduler")
    assert "kube-scheduler" in course("up")

    assert kubectl("get nodes -o name").split() == [f"node/{n}" for n in running.nodes()]
    assert run_kernel(running, course.home).split() == [f"node/{n}" for n in running.nodes()]
    listening = {
        address.laddr.ip
        for process in processes_of(running.backend.directory)
        for address in process.net_connections("inet")
        if address.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    files = [path for path in course.state.rglob("*") if not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & OPEN_TO_ALL] == []
    assert "removed" in course("down")
    assert contents(course.home) == before


@pytest.mark.parametrize(
    ("locked", "variable", "named"),
    [
        ("home", "COURSE_HOME", ".local"),  # a home folder that is mounted read-only
        ("state/clusters/own.lock", "COURSE_HOME", "own.lock"),  # left by another user
        ("cache", "COURSE_CACHE", "cache"),
    ],
)
def test_what_the_learner_may_not_write_is_named_with_the_cure(
    tmp_path: Path, locked: str, variable: str, named: str
) -> None:
    (tmp_path / "state" / "clusters").mkdir(parents=True)
    for name in ("home", "cache"):
        (tmp_path / name).mkdir()
    path = tmp_path / locked
    path.touch()
    path.chmod(0o444 if path.is_file() else 0o555)
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
    own = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    if locked != "home":
        own |= {"COURSE_HOME": str(tmp_path / "state"), "COURSE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [*without_rights([COURSE]), "up", "--name", "own", "--backend", "embedded"],
        env=own,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("FileFailed ")
    assert named in done.stderr.splitlines()[0]
    assert f"Next: Set {variable} to a folder that you may write to" in done.stderr
