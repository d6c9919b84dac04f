"""A small API server that lists what it is given and plays scripted watches, with their faults.

with FakeServer() as server:
    server.script([line("ADDED", item), GONE])   # the first watch; further ones are silent
    Api(server.kubeconfig(tmp_path))
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

Object = dict[str, Any]
END = "end"  # the server ends the watch in good order
DROP = "drop"  # the connection breaks off in the middle of a chunk
GONE: Object = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Gone"}}


def pod(name: str, version: int, **status: Any) -> Object:
    meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {}, "status": status}


def line(kind: str, item: Object) -> Object:
    return {"type": kind, "object": item}


def bookmark(version: int) -> Object:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


class FakeServer:
    """Lists ``objects``; each watch plays the next script, then stays open in silence."""

    def __init__(self) -> None:
        self.objects: list[Object] = []
        self.version = 10
        self.mute = False  # takes requests and gives no answer at all
        self.status = 200
        self.body: bytes | None = None  # what a list answers instead of the objects
        self.lists = 0
        self.held = 0  # requests that were kept without an answer
        self.watched: list[str] = []  # the version each watch began from
        self._scripts: deque[list[Any]] = deque()
        self._over = threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def script(self, *watches: list[Any]) -> None:
        """What the next watches send: lines (or bytes), END, DROP, or a function to call."""
        self._scripts.extend(watches)

    def kubeconfig(self, folder: Path) -> Path:
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": url}}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_script(self) -> list[Any]:
        return self._scripts.popleft() if self._scripts else []

    def silence(self) -> None:
        self._over.wait()

    def hold(self) -> None:
        """Keep a request without an answer while mute, then drop it."""
        self.held += 1
        while self.mute and not self._over.wait(0.01):
            pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeServer

    def do_GET(self) -> None:
        if self.fake.mute:
            self.close_connection = True
            self.fake.hold()
        elif "watch=true" in self.path:
            self._watch()
        else:
            self._list()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._list()

    do_PATCH = do_DELETE = do_POST  # noqa: N815 - names of http.server

    def _list(self) -> None:
        self.fake.lists += 1
        meta = {"resourceVersion": str(self.fake.version)}
        body = json.dumps({"metadata": meta, "items": self.fake.objects}).encode()
        body = body if self.fake.body is None else self.fake.body
        self.send_response(self.fake.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self) -> None:
        self.fake.watched.append(self.path.partition("resourceVersion=")[2].partition("&")[0])
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for step in self.fake.next_script():
            if step == END:
                self.wfile.write(b"0\r\n\r\n")
                return
            if step == DROP:
                self.wfile.write(b"ff\r\n{")
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if callable(step):
                step()
            else:
                raw = step if isinstance(step, bytes) else json.dumps(step).encode()
                self._chunks(raw + b"\n")
        self.fake.silence()

    def _chunks(self, data: bytes) -> None:
        """A line in two chunks: a chunk is not a line."""
        for part in (data[:7], data[7:]):
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.flush()

    def log_message(self, *words: object) -> None:
        """No log."""
