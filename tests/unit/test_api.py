"""What the thin API client says when nobody answers as an API server does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer

from daemonset_course.cluster.api import Api
from daemonset_course.errors import NotRunning


@pytest.fixture
def hangs_up(tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of a server that takes a connection and ends it before TLS is agreed."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.recv(1024)
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{server.getsockname()[1]}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    yield path
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(timeout=5)


def test_a_server_that_breaks_tls_off_does_not_answer(hangs_up: Path) -> None:
    with pytest.raises(NotRunning, match="did not answer") as error:
        Api(hangs_up).get("/version")

    assert "GET /version" in error.value.seen
    assert "course up" in error.value.next_step


@pytest.mark.parametrize("body", [b"<html>", b"{", b"", b"\xff\xfe"])
def test_an_answer_that_is_not_json_is_no_answer(tmp_path: Path, body: bytes) -> None:
    with FakeServer() as server:
        server.body = body

        with pytest.raises(NotRunning, match="not JSON") as error:
            Api(server.kubeconfig(tmp_path)).items("/api/v1/nodes")

    assert "GET /api/v1/nodes" in error.value.seen
