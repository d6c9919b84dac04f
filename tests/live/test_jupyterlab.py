"""`course open` in the home of a learner whose files and variables open every door."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import websocket

from daemonset_course.cluster import Cluster
from daemonset_course.jupyter import START
from live.scenes import eventually
from open_server import serving

OPEN: dict[str, dict[str, Any]] = {
    "ServerApp": {
        "ip": "0.0.0.0",
        "token": "",
        "password": "",
        "allow_origin": "*",
        "allow_remote_access": True,
        "allow_unauthenticated_access": True,
        "disable_check_xsrf": True,
        "terminals_enabled": False,
    },
    "IdentityProvider": {"token": ""},
    "PasswordIdentityProvider": {"hashed_password": "", "password_required": False},
}
NAMES = ("jupyter_config", "jupyter_server_config", "jupyter_lab_config", "jupyter_notebook_config")
RESETS = "PATH=/usr/bin:/bin\nexport PATH\nKUBECONFIG=/work/config\nexport KUBECONFIG\n"


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def open_configuration(folder: Path) -> str:
    """Every file that Jupyter reads in a folder of configuration, each of them opening the door."""
    lines = [f"c.{kind}.{key} = {value!r}" for kind in OPEN for key, value in OPEN[kind].items()]
    for name in NAMES:
        put(folder / f"{name}.py", "\n".join(lines))
        put(folder / f"{name}.json", json.dumps(OPEN))
        put(folder / f"{name}.d" / "open.json", json.dumps(OPEN))
    return str(folder)


def hostile(home: Path) -> dict[str, str]:
    """The variables of that learner, and the files in the home."""
    for name in (".bash_profile", ".profile", ".bashrc"):
        put(home / name, RESETS)
    put(home / "python" / "jupyterlab.py", "raise SystemExit('the wrong JupyterLab')\n")
    open_configuration(home / ".jupyter")
    open_configuration(home / ".local" / "etc" / "jupyter")
    (home / "empty").mkdir()
    return {
        "HOME": str(home),
        "SHELL": "/bin/bash",
        "JUPYTER_CONFIG_DIR": open_configuration(home / "named"),
        "JUPYTER_CONFIG_PATH": open_configuration(home / "path"),
        "JUPYTER_TOKEN": "known",
        "JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "true",
        "JUPYTERLAB_DIR": str(home / "empty"),
        "PYTHONPATH": str(home / "python"),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "https_proxy": "127.0.0.1:9",
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What the server of `course open` tells of itself; it has no terminal of its own."""
    folder = tmp_path_factory.mktemp("jupyterlab")
    with serving(folder, environment=hostile(folder / "home")) as found:
        yield found


def status(url: str, token: str = "", method: str = "GET") -> tuple[int, str]:
    """The status of an answer and where it ends, after redirects."""
    request = urllib.request.Request(url, method=method)
    if token:
        request.add_header("Authorization", f"token {token}")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=30) as answer:
            return answer.status, answer.url
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.url


def test_it_listens_on_loopback_alone(server: Any) -> None:
    def listening() -> set[str]:
        connections = psutil.Process(server["pid"]).net_connections("inet")
        return {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}

    # /proc/net/tcp is no snapshot: on a machine with many connections it can leave one out.
    assert eventually(listening) == {"127.0.0.1"}


def test_nothing_is_shown_without_the_token(server: Any) -> None:
    url = server["url"]

    assert status(f"{url}api/contents")[0] == 403
    assert status(f"{url}api/terminals", method="POST")[0] == 403
    assert "/login" in status(f"{url}lab")[1]
    assert status(f"{url}api/contents", "known")[0] == 403


def test_the_token_opens_jupyterlab(server: Any) -> None:
    assert len(server["token"]) > 30
    assert status(f"{server['url']}lab", server["token"]) == (200, f"{server['url']}lab")


def test_it_shows_the_learners_copy_and_no_solutions(server: Any) -> None:
    def names(folder: str) -> set[str]:
        request = urllib.request.Request(f"{server['url']}api/contents/{folder}")
        request.add_header("Authorization", f"token {server['token']}")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=30) as answer:
            return {one["path"] for one in json.load(answer)["content"]}

    pages = {START, "playground.ipynb", "glossary.md", "pictures.md", "source.md"}
    assert names("") == {"labs", "manifests", "notebooks", "pictures", *pages}


def test_it_asks_nothing_about_news(server: Any) -> None:
    request = urllib.request.Request(f"{server['url']}lab")
    request.add_header("Authorization", f"token {server['token']}")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=30) as answer:
        page = answer.read().decode()

    assert re.search(r'"news":\s*{"disabled":\s*true}', page)


def test_a_terminal_finds_the_course_and_its_cluster(server: Any, live_cluster: Cluster) -> None:
    url, header = server["url"], [f"Authorization: token {server['token']}"]
    request = urllib.request.Request(f"{url}api/terminals", method="POST")
    request.add_header("Authorization", f"token {server['token']}")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=30) as answer:
        name = json.load(answer)["name"]
    address = f"ws{url.removeprefix('http')}terminals/websocket/{name}"
    terminal = websocket.create_connection(
        address, header=header, timeout=30, http_no_proxy=["127.0.0.1"]
    )
    asks = 'echo "<<$(which course)|$(which kubectl)|$KUBECONFIG|$KUBERC>>"\r'
    terminal.send(json.dumps(["stdin", asks]))
    output = ""
    while not (found := re.search(r"<<(/[^<>$]*)>>", output)):
        kind, *text = json.loads(terminal.recv())
        output += "".join(text) if kind == "stdout" else ""
    terminal.close()

    assert found[1].split("|") == [
        str(Path(sys.executable).parent / "course"),
        str(live_cluster.backend.programs / "kubectl"),
        str(live_cluster.backend.kubeconfig),
        "off",
    ]


def test_nothing_is_written_into_the_learner_s_own_folders(server: Any) -> None:
    home = Path(psutil.Process(server["pid"]).environ()["HOME"])

    assert not (home / ".local" / "share").exists()
    assert not (home / ".ipython").exists()
    assert {path.suffix for path in (home / ".jupyter").iterdir()} == {".py", ".json", ".d"}
