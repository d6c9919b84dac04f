"""What of a learner's environment reaches the programs that the course starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer

from daemonset_course.binaries import machine
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.kind import kind_program
from daemonset_course.cluster.kind.engine import Engine
from daemonset_course.environment import LOOPBACK, for_containers, for_programs, for_python

NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
PROXY_VARIABLES = [*NAMES, *map(str.lower, NAMES)]
# Nothing listens at the first two; the others cannot even be used.
PROXIES = ["http://127.0.0.1:9", "127.0.0.1:9", "socks5://127.0.0.1:9", "http://[", "foo"]


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*PROXY_VARIABLES, "NO_PROXY", "no_proxy"]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("variable", PROXY_VARIABLES)
def test_the_api_server_is_asked_without_a_proxy(
    variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, proxy)
    with FakeServer() as server:
        api = Api(server.kubeconfig(tmp_path))

        assert api.get("/api/v1/pods")["items"] == []
        assert api.stream("/api/v1/pods", query={"watch": "true"}).status == 200


@pytest.mark.parametrize("variable", PROXY_VARIABLES)
@pytest.mark.parametrize("bypass", [{}, {"NO_PROXY": "a.example"}, {"no_proxy": "a.example"}])
def test_a_program_keeps_the_proxies_and_passes_them_for_this_machine(
    variable: str, bypass: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {variable: "proxy.example:3128", **bypass}.items():
        monkeypatch.setenv(name, value)
    made = for_programs()

    assert made[variable] == "proxy.example:3128"
    for name in ("NO_PROXY", "no_proxy"):
        assert made[name].split(",") == [*bypass.values(), *LOOPBACK]


def test_both_lists_of_hosts_are_kept_and_no_host_stands_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", "a.example, localhost")
    monkeypatch.setenv("no_proxy", "b.example")

    assert for_programs()["NO_PROXY"] == "a.example,localhost,b.example,127.0.0.1,::1"


def test_a_star_stays_alone_and_without_a_proxy_nothing_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not {"NO_PROXY", "no_proxy"} & set(for_programs())

    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("no_proxy", "*")

    assert for_programs()["NO_PROXY"] == for_programs()["no_proxy"] == "*"


@pytest.mark.parametrize(
    "variable",
    [
        "KUBECTL_EXTERNAL_DIFF",
        "KUBECTL_COMMAND_HEADERS",
        "KUBECTL_KUBERC",
        "KUBE_FEATURE_WatchListClient",
        "KUBERNETES_SERVICE_HOST",
        "KUBECONFIG",
        "KWOK_CONFIG",
        "ETCD_LISTEN_CLIENT_URLS",
    ],
)
def test_a_variable_that_steers_a_program_does_not_reach_it(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")

    assert variable not in for_programs()
    assert variable not in for_python()


def test_kubectl_reads_no_preferences_and_opens_the_learner_s_editor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBERC", "/home/me/kuberc")
    monkeypatch.setenv("KUBE_EDITOR", "nano")

    for made in (for_programs(), for_python(), for_containers()):
        assert (made["KUBERC"], made["KUBE_EDITOR"]) == ("off", "nano")


@pytest.mark.parametrize(
    "variable",
    [
        "JUPYTERLAB_DIR",
        "JUPYTER_TOKEN",
        "JUPYTER_CONFIG_PATH",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PIP_USER",
        "PIP_TARGET",
        "MPLBACKEND",
        "MATPLOTLIBRC",
    ],
)
def test_a_variable_that_steers_python_does_not_reach_a_kernel(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")

    assert variable not in for_python()


def test_jupyter_s_files_are_the_course_s_own_and_downloads_keep_their_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example")
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "/elsewhere")
        assert Path(for_python()[name]).is_relative_to(tmp_path)

    assert (
        for_python({"A": "b"}).items()
        >= {"PIP_INDEX_URL": "https://mirror.example", "A": "b"}.items()
    )


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:3128", "localhost:3128", "http://[::1]:1", "127.0.1.1:2"]
)
def test_nodes_get_no_proxy_that_listens_on_this_machine_s_loopback(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")

    assert "HTTP_PROXY" not in for_containers()
    assert for_containers()["https_proxy"] == "http://proxy.example:3128"
    assert for_programs()["HTTP_PROXY"] == proxy


def shown(program: Path) -> dict[str, str]:
    """The environment that a program was started with, as it wrote it beside itself."""
    lines = program.with_suffix(".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A learner's environment, and a program of a name that notes what reaches it."""
    for name in ("KUBECTL_EXTERNAL_DIFF", "KUBECTL_KUBERC", "KUBERC"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    def program(name: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nenv >{path}.env\necho v1.36.3\n")
        path.chmod(0o755)
        return path

    return program


def test_kind_is_started_so(hostile: Any) -> None:
    path = hostile("kind")
    kind_program.run(path.parent, Engine("podman", "5", 2, False), "mine", "create", "cluster")
    seen = shown(path)

    assert seen["KIND_EXPERIMENTAL_PROVIDER"] == "podman"
    assert seen["KUBERC"] == "off"
    assert "127.0.0.1" in seen["NO_PROXY"]
    assert not {"KUBECTL_EXTERNAL_DIFF", "KUBECTL_KUBERC"} & set(seen)


def test_a_kubectl_that_is_asked_for_its_version_is_started_so(hostile: Any) -> None:
    path = hostile("kubectl")

    assert machine.examine(path, "kubectl", "v1.36.3", machine.this_platform()) == "v1.36.3"
    assert (shown(path)["KUBERC"], shown(path)["KUBECONFIG"]) == ("off", os.devnull)
    assert "KUBECTL_EXTERNAL_DIFF" not in shown(path)
