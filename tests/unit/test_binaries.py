from __future__ import annotations

import hashlib
import re
import struct
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from daemonset_course.binaries import build
from daemonset_course.binaries import search as binaries
from daemonset_course.binaries.download import File
from daemonset_course.binaries.machine import header_problem, this_platform
from daemonset_course.binaries.pinned import matches, pins, resolve, versions
from daemonset_course.binaries.search import PROGRAMS, ensure
from daemonset_course.cluster.kind.kind_config import node_image
from daemonset_course.errors import BadInput, CourseError

LINUX = "linux/amd64"
OWN = resolve()
OTHER = next(version for version in versions() if version != OWN)


def minor(version, away=0):
    """The minor of a version, or of one that many minors away: ``1.36``."""
    major, number = version.removeprefix("v").split(".")[:2]
    return f"{major}.{int(number) + away}"


def near(away, patch):
    """A version that many minors away from the course's own: ``v1.35.9``."""
    return f"v{minor(OWN, away)}.{patch}"


SAYS = {
    "etcd": "etcd Version: 3.6.99\nGit SHA: x",
    "kubectl": f"Client Version: {near(0, 1)}\nKustomize Version: v5.8.1",
    "kwok": "kwok version v0.8.0 go1.26.8 (linux/amd64)",
    "kwokctl": "kwokctl version v0.8.0 go1.26.8 (linux/amd64)",
    "kind": "kind v0.33.0 go1.26.8 linux/amd64",
    "promtool": "promtool, version 3.13.4 (branch: HEAD, revision: 5f0f8a1)",
}


class RecordingReport:
    def __init__(self):
        self.texts = []

    def start(self, *step):
        self.texts.append(step[0])

    def advance(self, *_):
        pass

    def done(self, text):
        self.texts.append(text)


def script(says):
    return f"#!/bin/sh\ncat <<END\n{says}\nEND\n"


def put(folder, *programs, **says):
    folder.mkdir(exist_ok=True)
    for name in programs:
        says.setdefault(name, SAYS.get(name, f"Kubernetes {near(0, 0)}"))
    for name, output in says.items():
        path = folder / name
        path.write_text(script(output))
        path.chmod(0o755)


def elf(machine, size=64):
    return (b"\x7fELF\x02\x01" + b"\0" * 12 + struct.pack("<H", machine)).ljust(size, b"\0")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No program, no Go, no network: each test adds what it needs."""
    # /bin/sh and cat for the fakes only, never a Kubernetes program of this machine.
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "cat", "sleep"):
        (tools / tool).symlink_to(Path("/bin", tool))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{tools}")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_BINARIES", raising=False)
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr(binaries, "this_platform", lambda: LINUX)


def serve_without_downloads(monkeypatch):
    """Pins as in the table, without checksums: the download source has nothing to give."""
    bare = {name: binaries.Pin(name, pin.version, None) for name, pin in pins(LINUX).items()}
    monkeypatch.setattr(binaries, "pins", lambda *_: bare)


def run(**options):
    return ensure(report=options.pop("report", RecordingReport()), **options)


def sources(found):
    return {name: binary.source for name, binary in found.items()}


def test_a_named_folder_serves_everything_first(tmp_path, monkeypatch):
    put(tmp_path / "mine", *PROGRAMS)
    put(tmp_path / "path", *PROGRAMS)
    found = run(directory=tmp_path / "mine")
    assert set(sources(found).values()) == {"directory"}
    assert found["etcd"].version == "v3.6.99"
    assert found["kubectl"].path == tmp_path / "mine" / "kubectl"
    assert not (tmp_path / "cache").exists()
    monkeypatch.setenv("COURSE_BINARIES", str(tmp_path / "mine"))
    assert run() == found


def test_each_program_comes_from_the_first_source_that_has_it(tmp_path):
    put(tmp_path / "mine", "etcd")
    put(tmp_path / "path", "etcd", "kubectl")
    (tmp_path / "cache").mkdir()
    rest = [name for name in PROGRAMS if name not in ("etcd", "kubectl")]
    fill_cache(tmp_path, *rest)
    found = run(directory=tmp_path / "mine")
    expected = {"etcd": "directory", "kubectl": "PATH"} | dict.fromkeys(rest, "cache")
    assert sources(found) == expected
    assert tuple(found) == PROGRAMS


def fill_cache(tmp_path, *programs, text=None):
    folder = tmp_path / "cache" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs:
        path = folder / f"{name}-{pins(LINUX)[name].version}-linux-amd64"
        path.write_text(script(SAYS.get(name, f"Kubernetes {OWN}")) if text is None else text)
        path.chmod(0o755)


@pytest.mark.parametrize(
    ("program", "says", "why"),
    [
        (
            "kube-apiserver",
            f"Kubernetes {near(-1, 9)}",
            f"it is {near(-1, 9)}; needed is the minor of {OWN}",
        ),
        ("kubectl", f"Client Version: {near(-2, 1)}", f"at most one minor away from {OWN}"),
        ("kubectl", f"Client Version: {near(-4, 4)}-dispatcher", "starts some other kubectl"),
        ("kubectl", f"Client Version: {near(0, 4)}-dispatcher", "starts some other kubectl"),
        ("kubectl", f"Client Version: {OWN.replace('v1.', 'v2.')}", "at most one minor away"),
        ("etcd", "etcd Version: 3.5.13", "the minor of v3.6.10"),
        ("kwok", "kwok version v0.8.1 go1.26.8", "needed is exactly v0.8.0"),
        ("kwokctl", "hello", "prints no version"),
    ],
)
def test_a_wrong_version_is_an_error_in_a_named_folder(tmp_path, program, says, why):
    put(tmp_path / "mine", *PROGRAMS, **{program: says})
    with pytest.raises(BadInput, match=f"{program} cannot serve") as caught:
        run(directory=tmp_path / "mine")
    assert why in caught.value.seen


@pytest.mark.parametrize("says", [near(-1, 0), near(1, 2), near(0, "0-rc.1"), near(0, "5+k3s1")])
def test_kubectl_may_be_one_minor_away(tmp_path, says):
    put(tmp_path / "mine", *PROGRAMS, kubectl=f"Client Version: {says}")
    assert run(directory=tmp_path / "mine")["kubectl"].version == says


def test_on_path_what_does_not_fit_is_passed_over(tmp_path, monkeypatch):
    put(tmp_path / "path", *PROGRAMS, kubectl="Client Version: v1.32.4-dispatcher")
    put(tmp_path / "later", "kubectl")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:{tmp_path / 'later'}:{tmp_path / 'tools'}")
    assert run()["kubectl"].path == tmp_path / "later" / "kubectl"


def test_a_program_of_another_machine(tmp_path, monkeypatch):
    serve_without_downloads(monkeypatch)
    put(tmp_path / "mine", *PROGRAMS)
    (tmp_path / "mine" / "etcd").write_bytes(elf(183))
    with pytest.raises(BadInput) as caught:
        run(directory=tmp_path / "mine")
    assert "a program for linux/arm64, this one is linux/amd64" in caught.value.seen
    monkeypatch.setenv("PATH", f"{tmp_path / 'mine'}:{tmp_path / 'tools'}")
    with pytest.raises(CourseError, match="No source has etcd for") as caught:
        run()
    assert "mine/etcd: it is a program for linux/arm64" in caught.value.seen


@pytest.mark.parametrize(
    ("head", "here", "why"),
    [
        (elf(62), LINUX, ""),
        (elf(62), "linux/arm64", "linux/amd64"),
        (elf(62), "darwin/amd64", "linux/amd64"),
        (elf(243), LINUX, "another kind"),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01".ljust(64, b"\0"), "darwin/arm64", ""),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01".ljust(64, b"\0"), "darwin/arm64", "darwin/amd64"),
        (b"MZ" + b"\0" * 64, LINUX, "another kind"),
        (b"#!/bin/sh\n", LINUX, ""),
        (b"", LINUX, "not a program"),
        (elf(62)[:18], LINUX, "another kind"),
        (b"<html>404", LINUX, "not a program"),
    ],
)
def test_the_header_tells_the_machine(tmp_path, head, here, why):
    (tmp_path / "program").write_bytes(head)
    reason = header_problem(tmp_path / "program", here)
    assert why in reason
    assert bool(reason) == bool(why)


def test_a_program_that_hangs_or_may_not_run_is_passed_over(tmp_path, monkeypatch):
    serve_without_downloads(monkeypatch)
    put(tmp_path / "path", *PROGRAMS)
    (tmp_path / "path" / "etcd").chmod(0o644)
    (tmp_path / "path" / "kwok").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(CourseError, match="No source has etcd, kwok for") as caught:
        run()
    assert "Permission denied" in caught.value.seen
    assert "exit status 3" in caught.value.seen


def test_a_named_folder_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="is not there"):
        run(directory=tmp_path / "none")


def test_nothing_anywhere_names_all_four_sources_and_why():
    with pytest.raises(CourseError) as caught:
        run()
    seen = caught.value.seen
    assert "directory: etcd, kube-apiserver, " in seen
    assert "none is named (COURSE_BINARIES)" in seen
    assert "PATH: " in seen
    assert "cache: " in seen
    assert "cannot be reached" in seen
    assert "http://127.0.0.1:9 gave no answer" in seen
    assert "build: " in seen
    assert "there is no Go on PATH" in seen
    assert all(name in caught.value.failed for name in PROGRAMS)


def test_a_file_without_a_checksum_is_never_asked_for(monkeypatch):
    monkeypatch.setattr(binaries, "this_platform", lambda: "darwin/amd64")
    with pytest.raises(CourseError) as caught:
        run()
    assert "no pinned checksum of v3.6.10 on darwin/amd64" in caught.value.seen


def test_another_kubernetes_is_served_from_a_folder_only(tmp_path):
    another = f"v{minor(OTHER)}.70"
    put(
        tmp_path / "mine",
        *PROGRAMS,
        **dict.fromkeys(
            ("kube-apiserver", "kube-controller-manager", "kube-scheduler"), f"Kubernetes {another}"
        ),
    )
    found = run(kubernetes=another, directory=tmp_path / "mine")
    assert found["kube-apiserver"].version == another
    (tmp_path / "mine" / "kube-apiserver").unlink()
    with pytest.raises(CourseError) as caught:
        run(kubernetes=another, directory=tmp_path / "mine")
    assert f"no pinned checksum of {another}" in caught.value.seen
    assert f"another version than {another}" in caught.value.seen


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        (None, OWN),
        (minor(OWN), OWN),
        (minor(OTHER), OTHER),
        (f"v{minor(OTHER)}", OTHER),
        (f" {minor(versions()[-1])}\n", versions()[-1]),
        (OTHER.removeprefix("v"), OTHER),
        (f"v{minor(OTHER)}.70", f"v{minor(OTHER)}.70"),
    ],
)
def test_a_minor_means_its_pinned_patch(asked, version):
    assert resolve(asked) == version
    assert pins(LINUX, asked)["kube-apiserver"].version == version


@pytest.mark.parametrize(
    "asked", [minor(versions()[-1], -1), f"v{minor(versions()[0], 1)}.0", "2.35", "1.3"]
)
def test_another_minor_is_refused_with_the_list_of_minors(asked):
    with pytest.raises(BadInput, match="does not run on Kubernetes") as caught:
        run(kubernetes=asked)
    assert caught.value.seen == f"there are {', '.join(map(minor, versions()))}"


@pytest.mark.parametrize("asked", ["latest", "", "1", "1.35.", "1.35.1-rc.1", "1.35.1.2", "vv1.35"])
def test_a_text_that_is_no_version_is_refused_with_an_example(asked):
    with pytest.raises(BadInput, match="not a Kubernetes version") as caught:
        resolve(asked)
    assert "v1.35.1" in caught.value.next_step


@pytest.mark.parametrize(
    ("asked", "version", "same"),
    [
        ("1.35", "v1.35.8", True),
        ("v1.35.8", "v1.35.8", True),
        ("1.35.1", "v1.35.8", False),
        ("1.3", "v1.35.8", False),
        ("1.34", "v1.35.8", False),
    ],
)
def test_a_minor_asks_for_any_patch_of_it(asked, version, same):
    assert matches(asked, version) is same


def test_an_older_kubernetes_has_release_files_of_its_own():
    old, own = pins(LINUX, minor(OTHER)), pins(LINUX)
    address = f"https://dl.k8s.io/release/{OTHER}/bin/linux/amd64/kubectl"
    assert old["kubectl"].file.url() == address
    assert old["kubectl"].file.checksum != own["kubectl"].file.checksum
    assert old["etcd"] == own["etcd"]
    assert pins(LINUX, f"{minor(OTHER)}.70")["kubectl"].file is None


def test_each_kubernetes_has_its_place_in_the_cache(tmp_path, monkeypatch):
    serve_without_downloads(monkeypatch)
    fill_cache(tmp_path, *PROGRAMS)
    monkeypatch.setattr(binaries, "pins", pins)
    assert set(sources(run()).values()) == {"cache"}
    with pytest.raises(CourseError, match="No source has kube-apiserver, "):
        run(kubernetes=minor(OTHER))


def test_every_kubernetes_has_a_node_image_of_its_minor(monkeypatch):
    monkeypatch.delenv("COURSE_IMAGE", raising=False)
    for version in versions():
        assert re.fullmatch(
            rf"kindest/node:v{minor(version)}\.\d+@sha256:[0-9a-f]{{64}}", node_image(version)
        )


def test_only_the_programs_asked_for_are_looked_for(tmp_path):
    put(tmp_path / "path", "kind", "kubectl")
    found = run(programs=("kind", "kubectl"))
    assert sources(found) == {"kind": "PATH", "kubectl": "PATH"}
    assert found["kind"].version == "v0.33.0"
    (tmp_path / "path" / "kubectl").unlink()
    with pytest.raises(CourseError, match="No source has kubectl for"):
        run(programs=("kind", "kubectl"))


def test_the_embedded_cluster_needs_no_kind():
    assert not {"kind", "promtool"} & set(PROGRAMS)
    assert {*PROGRAMS, "kind", "promtool"} == set(pins(LINUX))


@pytest.mark.parametrize(
    ("says", "fits"),
    [
        ("kind v0.32.0 go1.25.1 linux/amd64", True),
        ("kind v0.34.0 go1.26.8 linux/amd64", True),
        ("kind v0.31.0 go1.25.1 linux/amd64", False),
    ],
)
def test_kind_may_be_one_minor_older_or_newer_at_will(tmp_path, says, fits):
    put(tmp_path / "path", kind=says)
    try:
        found = run(programs=("kind",))["kind"].source
    except CourseError as error:
        found = error.seen
        assert "needed is at least the minor before v0.33.0" in found
    assert (found == "PATH") is fits


class Served(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror of the release files of every program, pinned as the table pins the true ones."""
    root, made = tmp_path / "mirror", {}
    root.mkdir()
    for name, pin in pins(LINUX).items():
        data = script(SAYS.get(name, f"Kubernetes {OWN}")).encode()
        (root / name).write_bytes(data)
        checksum = f"sha256:{hashlib.sha256(data).hexdigest()}"
        made[name] = binaries.Pin(name, pin.version, File("http://127.0.0.1:9", name, checksum))
    monkeypatch.setattr(binaries, "pins", lambda *_: made)
    handler = type("Handler", (Served,), {})
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: handler(*args, directory=str(root))
    ) as server:
        server.asked, server.root, server.pins = [], root, made
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("COURSE_MIRROR", f"http://127.0.0.1:{server.server_port}/")
        yield server
        server.shutdown()
        thread.join()


def test_downloads_fill_the_cache_once(tmp_path, mirror):
    assert set(sources(run()).values()) == {"download"}
    assert len(mirror.asked) == len(PROGRAMS)
    assert set(sources(run()).values()) == {"cache"}
    assert len(mirror.asked) == len(PROGRAMS)
    assert (tmp_path / "cache" / "bin").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "cache" / "bin" / "kwok-v0.8.0-linux-amd64").exists()


@pytest.mark.parametrize("damage", ["", "<html>"])
@pytest.mark.usefixtures("mirror")
def test_a_damaged_cache_entry_is_fetched_again(tmp_path, damage):
    run()
    fill_cache(tmp_path, "etcd", text=damage)
    found = run()
    assert found["etcd"].source == "download"
    assert sources(run())["etcd"] == "cache"


@pytest.mark.usefixtures("mirror")
def test_a_cache_entry_that_is_not_executable_is_fetched_again():
    run()["etcd"].path.chmod(0o644)
    assert run()["etcd"].source == "download"


def test_what_the_mirror_lacks_or_changed_is_built(mirror, monkeypatch):
    (mirror.root / "etcd").unlink()
    (mirror.root / "kwok").write_text("tampered")
    built, report = [], RecordingReport()

    def fake(program, version, target, **_):
        built.append((program, version))
        put(target.parent, **{target.name: SAYS[program]})

    monkeypatch.setattr(build, "obstacle", lambda *_: "")
    monkeypatch.setattr(build, "build", fake)
    found = run(report=report)
    assert built == [("etcd", "v3.6.10"), ("kwok", "v0.8.0")]
    assert found["etcd"].source == found["kwok"].source == "build"
    assert any("is not the file that the course expects" in text for text in report.texts)
    assert set(sources(run()).values()) == {"cache"}
    assert len(built) == 2, "never twice for the same versions"


def test_a_built_program_that_does_not_run_is_not_kept(tmp_path, mirror, monkeypatch):
    (mirror.root / "etcd").unlink()
    monkeypatch.setattr(build, "obstacle", lambda *_: "")
    monkeypatch.setattr(build, "build", lambda _p, _v, target, **_: target.write_bytes(elf(183)))
    with pytest.raises(CourseError) as caught:
        run()
    assert "linux/arm64" in caught.value.seen
    assert not (tmp_path / "cache" / "bin" / "etcd-v3.6.10-linux-amd64").exists()


def test_two_runs_at_once_fetch_once(mirror):
    found, threads = [], []
    for _ in range(2):
        threads.append(threading.Thread(target=lambda: found.append(sources(run()))))
        threads[-1].start()
    for thread in threads:
        thread.join(30)
    assert sorted(next(iter(set(each.values()))) for each in found) == ["cache", "download"]
    assert len(mirror.asked) == len(PROGRAMS)


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CourseError, match="cannot be used") as caught:
        run()
    assert "COURSE_CACHE" in caught.value.next_step


@pytest.mark.parametrize("kubernetes", versions())
def test_the_table_and_the_toolchain_pin_the_same_versions(kubernetes):
    for name, pin in pins(LINUX, kubernetes).items():
        module = build.module_folder(name, pin.version) / "go.mod"
        text, package = module.read_text(), build.PACKAGES[name][1]
        wanted = build.module_version(name, pin.version)
        assert build._requires(text, package, wanted), name
    staging = re.findall(
        r"^replace k8s.io/\S+ => k8s.io/\S+ (\S+)$", text_of_kubernetes(kubernetes), re.M
    )
    assert len(staging) > 25
    assert set(staging) == {kubernetes.replace("v1.", "v0.", 1)}


def text_of_kubernetes(version):
    return (build.module_folder("kube-apiserver", version) / "go.mod").read_text()


@pytest.mark.parametrize("kubernetes", versions())
def test_every_checksum_is_whole_and_every_linux_file_has_one(kubernetes):
    seen = []
    for here in ("linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"):
        for name, pin in pins(here, kubernetes).items():
            assert pin.file or here.startswith("darwin"), (here, name)
            if pin.file:
                assert re.fullmatch(r"sha256:[0-9a-f]{64}", pin.file.checksum)
                assert "{" not in pin.file.path + pin.file.member
                seen.append(pin.file.checksum)
    assert len(seen) == len(set(seen)), "one checksum for two files"


def test_the_addresses_are_those_of_the_release_files():
    file = pins("linux/arm64")["etcd"].file
    assert file.url() == (
        "https://github.com/etcd-io/etcd/releases/download/v3.6.10/etcd-v3.6.10-linux-arm64.tar.gz"
    )
    assert file.member == "etcd-v3.6.10-linux-arm64/etcd"
    assert pins("darwin/arm64")["kubectl"].file.url("http://mirror") == (
        f"http://mirror/{OWN}/bin/darwin/arm64/kubectl"
    )


def test_an_unknown_machine_is_an_error(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(CourseError, match="does not run on this machine"):
        this_platform()


def test_promtool_is_a_release_of_prometheus_and_a_module_of_another_number(tmp_path):
    put(tmp_path / "path", "promtool")
    assert sources(run(programs=("promtool",))) == {"promtool": "PATH"}
    file = pins(LINUX)["promtool"].file
    assert file is not None
    assert file.path == (
        "prometheus/prometheus/releases/download/v3.13.4/prometheus-3.13.4.linux-amd64.tar.gz"
    )
    assert file.member == "prometheus-3.13.4.linux-amd64/promtool"
    assert build.module_version("promtool", "v3.13.4") == "v0.313.4"
    assert build.module_version("etcd", "v3.6.10") == "v3.6.10"
