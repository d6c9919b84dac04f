from __future__ import annotations

import io
import os
import platform
import re
import stat
import time

import pytest

from daemonset_course.binaries import build as module
from daemonset_course.binaries.build import build, obstacle
from daemonset_course.binaries.pinned import pins, versions
from daemonset_course.errors import CommandFailed
from daemonset_course.progress import Bars, Lines, progress, step

KWOK = "v0.8.0"
GO = """#!/bin/sh
echo "$PWD|$CGO_ENABLED|$GOWORK|$GOFLAGS|$GOOS|$*" >> "{folder}/calls"
case "$1" in
env) echo {version}; echo {toolchain};;
list)
  echo "go: downloading example.com/a v1.0.0"
  echo "pkg true stale dependency: errors"
  echo "pkg true build ID mismatch"
  echo "pkg true not installed but available in build cache"
  echo "pkg false ";;
build)
  echo example.com/a
  echo "go: a remark"
  {middle}
  echo example.com/b
  while [ "$1" != -o ]; do shift; done
  echo program > "$2";;
esac
"""


class RecordingReport:
    def __init__(self):
        self.steps, self.units = [], 0

    def start(self, text, total=None, unit=""):
        self.steps.append((text, total, unit))

    def advance(self, n=1):
        self.units += n

    def done(self, text):
        self.steps.append(text)


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Install a fake Go and a toolchain folder; called again, it replaces the fake."""
    folder = tmp_path / "go"
    folder.mkdir()
    (tmp_path / "toolchain" / "kwok").mkdir(parents=True)
    (tmp_path / "toolchain" / "kwok" / "go.mod").write_text(
        f"module x\n\ngo 1.26.8\n\nrequire (\n\tsigs.k8s.io/kwok {KWOK} // indirect\n)\n"
    )
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def make(middle="", version="go1.26.8", toolchain="auto"):
        script = GO.format(folder=folder, middle=middle, version=version, toolchain=toolchain)
        (folder / "go").write_text(script)
        (folder / "go").chmod(0o755)
        return folder / "calls"

    make.folder, make.toolchain = folder, tmp_path / "toolchain"
    make()
    return make


def run(go, target, report=None):
    build("kwok", KWOK, target, report=report or RecordingReport(), toolchain=go.toolchain)


def test_a_build_leaves_an_executable_program_and_says_how_far_it_was(go, tmp_path):
    report = RecordingReport()
    run(go, tmp_path / "kwok", report)
    assert (tmp_path / "kwok").read_text() == "program\n"
    assert (tmp_path / "kwok").stat().st_mode & stat.S_IXUSR
    assert (f"Building kwok {KWOK}", 2, "packages") in report.steps
    assert report.units == 1 + 2, "one module downloaded, two packages compiled"
    assert report.steps[-1] == (
        f"Built kwok {KWOK}: 2 of 4 packages compiled, 2 came from Go's cache"
    )


def test_the_flags_are_those_that_share_gos_cache(go, tmp_path, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOOS", "windows")
    run(go, tmp_path / "kwok")
    listed, built = (tmp_path / "go" / "calls").read_text().splitlines()
    assert f"|0|off|-buildvcs=false|{platform.system().lower()}|" in built
    assert f"build -C {go.toolchain}/kwok -trimpath -ldflags -s -w -v -o" in built
    assert "-trimpath -ldflags -s -w -f" in listed


def test_kubernetes_programs_get_their_version_by_the_linker():
    stamp = module._stamp("kubernetes", "v1.36.3")
    assert stamp == (
        " -X k8s.io/component-base/version.gitVersion=v1.36.3"
        " -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3"
    )


def test_a_build_that_dies_leaves_nothing_and_shows_what_go_said(go, tmp_path):
    go(middle='echo "a.go:3: no such thing"; shift $(($# - 3)); echo half > "$2"; exit 1')
    with pytest.raises(CommandFailed) as caught:
        run(go, tmp_path / "kwok")
    assert "a.go:3: no such thing" in caught.value.seen
    assert not list(tmp_path.glob("kwok*"))
    go()
    run(go, tmp_path / "kwok")
    assert (tmp_path / "kwok").exists()


def test_an_interrupted_build_leaves_no_process_and_no_file(go, tmp_path):
    go(middle=f'echo $$ > "{tmp_path}/pid"; sleep 60 & echo $! >> "{tmp_path}/pid"; wait')

    class Interrupted(RecordingReport):
        def advance(self, n=1):
            super().advance(n)
            if self.units == 2:
                while len((tmp_path / "pid").read_text().split()) < 2:
                    pass
                raise KeyboardInterrupt

    (tmp_path / "pid").touch()
    with pytest.raises(KeyboardInterrupt):
        run(go, tmp_path / "kwok", Interrupted())
    for pid in (tmp_path / "pid").read_text().split():
        deadline = time.monotonic() + 5
        while not ended(int(pid)):
            assert time.monotonic() < deadline, f"process {pid} still runs"
    assert not list(tmp_path.glob("kwok*"))


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize(
    ("version", "toolchain", "why"),
    [
        ("go1.26.8", "local", ""),
        ("go1.27", "local", ""),
        ("go1.25.0", "auto", ""),
        ("go1.25.0", "local", "Go 1.25.0 is older than 1.26.8, and GOTOOLCHAIN=local"),
        ("go1.20.1", "auto", "Go 1.20.1 is too old"),
    ],
)
def test_go_must_be_new_enough_or_free_to_fetch_a_newer_one(go, version, toolchain, why):
    go(version=version, toolchain=toolchain)
    reason = obstacle("kwok", KWOK, go.toolchain)
    assert reason.startswith(why)
    assert bool(reason) == bool(why)


def test_other_obstacles_are_named(go, monkeypatch):
    assert "is not there" in obstacle("etcd", "v3.6.10", go.toolchain)
    assert "another version than v0.7.0" in obstacle("kwok", "v0.7.0", go.toolchain)
    monkeypatch.setenv("PATH", "/nowhere")
    assert obstacle("kwok", KWOK, go.toolchain) == "there is no Go on PATH"


def test_an_older_kubernetes_is_built_from_its_own_module(tmp_path):
    (tmp_path / "kubernetes-1.35").mkdir()
    folder = module.module_folder
    assert folder("kubectl", "v1.35.1", tmp_path) == tmp_path / "kubernetes-1.35"
    assert folder("kubectl", "v1.36.3", tmp_path) == tmp_path / "kubernetes"
    assert folder("etcd", "v3.6.10", tmp_path) == tmp_path / "etcd"


def test_lines_are_one_a_tenth():
    out = io.StringIO()
    report = Lines(out)
    with step(report, "Building x", 2000, "packages"):
        for _ in range(2000):
            report.advance()
        report.done("Built x")
    lines = out.getvalue().splitlines()
    assert lines[0] == "Building x"
    assert lines[4] == "Building x: 40 % (800 of 2,000 packages)"
    assert lines[-1] == "Built x"
    assert len(lines) == 12


def test_bars_show_how_far_and_leave_the_last_text():
    out = io.StringIO()
    report = Bars(out)
    report.start("Building x", 2000, "packages")
    report.advance(812)
    assert report._so_far() == "812 of 2,000 packages"
    report.done("Built x")
    assert report._bar is None
    assert out.getvalue().endswith("Built x\n")


def test_without_a_terminal_the_report_is_lines(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(progress()) is Lines


def test_a_step_that_fails_is_closed_in_the_report():
    report = RecordingReport()
    with pytest.raises(ValueError, match="why"), step(report, "Building x"):
        raise ValueError("why")
    assert report.steps[-1] == "Building x: stopped"


@pytest.mark.parametrize("kubernetes", versions())
def test_the_toolchain_folder_has_every_program(kubernetes):
    for program, pin in pins("linux/amd64", kubernetes).items():
        text = (module.module_folder(program, pin.version) / "go.mod").read_text()
        package = module.PACKAGES[program][1]
        assert re.search(rf"^(tool )?\s*{re.escape(package)}$", text, re.MULTILINE), program
