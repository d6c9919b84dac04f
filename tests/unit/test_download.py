from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemonset_course.binaries.archive import unpack
from daemonset_course.binaries.download import PAUSES, File, NoAnswerError, fetch, install
from daemonset_course.errors import CourseError

BODY = bytes(range(256)) * 400


class RecordingReport:
    """A report that keeps its messages."""

    def __init__(self):
        self.texts, self.units = [], 0

    def start(self, text, total=None, unit=""):
        self.texts.append((text, total, unit))

    def advance(self, n=1):
        self.units += n

    def done(self, text):
        self.texts.append(text)


class Served(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        status, body = server.files.get(self.path, (404, b"")), b""
        status, body = status
        wanted = self.headers.get("Range")
        start = 0
        if status == 200 and wanted and server.ranges:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(body):
                status = 416
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start:] if status != 416 else b""
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: server.cuts.pop(0)] if server.cuts else rest)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as made:
        made.files, made.asked, made.cuts, made.ranges = {"/f": (200, BODY)}, [], [], True
        made.url = f"http://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def get(server, target, checksum=None, waits=None, report=None):
    waits = [] if waits is None else waits
    checksum = checksum or sha256(BODY)
    fetch(
        f"{server.url}/f", checksum, target, report=report or RecordingReport(), pause=waits.append
    )


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_right_checksum_gives_the_file_and_tells_the_bytes(server, tmp_path):
    report = RecordingReport()
    get(server, tmp_path / "f", report=report)
    assert (tmp_path / "f").read_bytes() == BODY
    assert leftovers(tmp_path) == ["f"]
    assert report.units == len(BODY)
    assert ("Downloading f", len(BODY), "MB") in report.texts


def test_sha512_is_understood(server, tmp_path):
    get(server, tmp_path / "f", f"sha512:{hashlib.sha512(BODY).hexdigest()}")
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_wrong_checksum_names_both_and_leaves_nothing(server, tmp_path):
    with pytest.raises(CourseError) as caught:
        get(server, tmp_path / "f", sha256(b"other"))
    assert sha256(b"other") in str(caught.value)
    assert sha256(BODY) in str(caught.value)
    assert leftovers(tmp_path) == []
    assert len(server.asked) == 1, "a whole file with the wrong checksum is not asked for again"


def test_404_is_an_error_at_once(server, tmp_path):
    waits = []
    server.files.clear()
    with pytest.raises(CourseError, match="is not there") as caught:
        get(server, tmp_path / "f", waits=waits)
    assert "404" in caught.value.seen
    assert waits == []


def test_a_cut_off_download_continues_where_it_stopped(server, tmp_path):
    waits = []
    server.cuts = [5000]
    get(server, tmp_path / "f", waits=waits)
    assert (tmp_path / "f").read_bytes() == BODY
    assert [wanted for _, wanted in server.asked] == [None, "bytes=5000-"]
    assert waits == [PAUSES[0]]


def test_a_server_without_ranges_is_asked_from_the_start(server, tmp_path):
    server.cuts, server.ranges = [5000], False
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_three_cuts_give_up_and_the_next_run_continues(server, tmp_path):
    waits = []
    server.cuts = [100, 100, 100]
    with pytest.raises(CourseError, match="cut off 3 times") as caught:
        get(server, tmp_path / "f", waits=waits)
    assert "300 bytes are kept" in caught.value.seen
    assert waits == list(PAUSES)
    assert leftovers(tmp_path) == ["f.part"]
    get(server, tmp_path / "f")
    assert server.asked[-1][1] == "bytes=300-"
    assert leftovers(tmp_path) == ["f"]


@pytest.mark.parametrize("old", [b"of another version", BODY + b"too long"])
def test_a_part_of_another_file_is_fetched_again(server, tmp_path, old):
    (tmp_path / "f.part").write_bytes(old)
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_part_that_is_complete_is_not_asked_for(server, tmp_path):
    (tmp_path / "f.part").write_bytes(BODY)
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert server.asked == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    waits = []
    server.files["/f"] = (503, b"")
    with pytest.raises(CourseError) as caught:
        get(server, tmp_path / "f", waits=waits)
    assert "503" in caught.value.seen
    assert waits == list(PAUSES)


def test_no_network_is_an_error_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    waits = []
    with pytest.raises(NoAnswerError, match="cannot be reached") as caught:
        fetch(
            f"http://127.0.0.1:{port}/f",
            sha256(b""[:0] + b"x"),
            tmp_path / "f",
            report=RecordingReport(),
            pause=waits.append,
        )
    assert "COURSE_MIRROR" in caught.value.next_step
    assert waits == []


def test_a_mirror_that_is_no_address_is_an_error(tmp_path):
    with pytest.raises(CourseError, match="cannot be reached"):
        fetch("classroom/f", sha256(BODY), tmp_path / "f", report=RecordingReport())


def test_a_full_or_missing_disk_is_an_error(server, tmp_path):
    with pytest.raises(CourseError, match="could not be written") as caught:
        get(server, tmp_path / "gone" / "f")
    assert "COURSE_CACHE" in caught.value.next_step


def test_an_interruption_keeps_the_part(server, tmp_path):
    class Interrupted(RecordingReport):
        def advance(self, n=1):
            super().advance(n)
            if self.units:
                raise KeyboardInterrupt

    report = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path / "f", report=report)
    assert leftovers(tmp_path) == ["f.part"]
    assert report.texts[-1].endswith("stopped")
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if data == b"->":
                entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0
            made.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zipped(*entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in entries:
            made.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_program_is_installed_out_of_an_archive(server, tmp_path, pack):
    data = pack(("etcd-v3/README", b"text"), ("etcd-v3/etcd", b"program"))
    server.files["/v3/etcd.pack"] = (200, data)
    file = File("http://unused", "v3/etcd.pack", sha256(data), "etcd-v3/etcd")
    install(file, tmp_path / "etcd-v3-linux", mirror=f"{server.url}/", report=RecordingReport())
    assert (tmp_path / "etcd-v3-linux").read_bytes() == b"program"
    assert (tmp_path / "etcd-v3-linux").stat().st_mode & 0o777 == 0o755
    assert leftovers(tmp_path) == ["etcd-v3-linux"]


def test_a_plain_program_is_installed(server, tmp_path):
    install(File(server.url, "f", sha256(BODY)), tmp_path / "kubectl", report=RecordingReport())
    assert (tmp_path / "kubectl").read_bytes() == BODY
    assert (tmp_path / "kubectl").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(tar(("../evil", b"x"), ("p", b"x")), "outside", id="above"),
        pytest.param(tar(("/etc/evil", b"x"), ("p", b"x")), "outside", id="absolute"),
        pytest.param(zipped(("a\\..\\..\\evil", b"x"), ("p", b"x")), "outside", id="backslashes"),
        pytest.param(tar(("p", b"->")), "not a file", id="link"),
        pytest.param(tar(("q", b"x")), "no p in it", id="tar without p"),
        pytest.param(zipped(("q", b"x")), "no p in it", id="zip without p"),
        pytest.param(tar(("p", b"x" * 9000))[:60], ".", id="cut"),
        pytest.param(b"no archive at all", ".", id="no archive"),
    ],
)
def test_a_bad_archive_is_refused_and_writes_nothing(tmp_path, data, why):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "archive").write_bytes(data)
    with pytest.raises(CourseError, match="cannot be unpacked") as caught:
        unpack(inner / "archive", "p", inner / "p")
    assert why in caught.value.seen or why == "."
    assert leftovers(tmp_path) == ["inner"]
    assert not (inner / "p").exists() or not (inner / "p").read_bytes()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "127.0.0.1:9", "socks5://h:1", "foo://h"])
def test_a_mirror_on_this_machine_is_asked_without_a_proxy(
    server, tmp_path, monkeypatch, variable, proxy
):
    monkeypatch.setenv(variable, proxy)
    get(server, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_any_other_server_is_asked_through_the_learner_s_proxy(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    url = "http://release.invalid/f"
    server.files[url] = (200, BODY)
    fetch(url, sha256(BODY), tmp_path / "f", report=RecordingReport())
    assert server.asked == [(url, None)]


@pytest.mark.parametrize("proxy", ["socks5://h:1", "foo://h", "http://h:port"])
def test_a_proxy_that_cannot_be_used_is_named(tmp_path, monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(NoAnswerError, match="proxy") as caught:
        fetch("http://release.invalid/f", sha256(BODY), tmp_path / "f", report=RecordingReport())
    assert "ALL_PROXY" in caught.value.next_step
