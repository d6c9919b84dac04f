"""A lesson runs in JupyterLab while the tests of its checkout run: neither disturbs the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.state import State
from daemonset_course.own_copy import PAGES
from daemonset_course.places import state_home
from live.scenes import eventually
from open_server import serving

pytestmark = pytest.mark.only("embedded", "it starts a second cluster")

ROOT = Path(__file__).parents[2]
LESSON = "notebooks/00-start-here.ipynb"
TESTS = ("tests/unit/test_own_copy.py", "tests/live/test_namesake.py", LESSON)


def git(checkout: Path, *words: str) -> str:
    name = ("-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "core.hooksPath=/dev/null")
    command = ["git", "-C", str(checkout), *name, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of the repository as it is now, with an environment that uses its sources."""
    folder = tmp_path / "checkout"
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the course")

    environment = folder / ".venv"
    venv.create(environment, symlinks=True)
    packages = environment / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    paths = (folder / "src", sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    (packages / "course.pth").write_text("\n".join(map(str, dict.fromkeys(paths))))
    for name in ("etc", "share"):  # JupyterLab's own files
        if (Path(sys.prefix) / name).exists():
            (environment / name).symlink_to(Path(sys.prefix) / name)
    return folder


class Learner:
    """A learner with a lesson open: runs its cells, and saves the notebook as JupyterLab does."""

    def __init__(self, server: dict[str, Any]) -> None:
        self._server = server
        kernel = self._ask("api/sessions", "POST", path=LESSON, type="notebook", name="",
                           kernel={"name": "python3"})["kernel"]  # fmt: skip
        files = state_home() / "jupyter" / "data" / "runtime"
        found = eventually(lambda: list(files.glob(f"kernel-{kernel['id']}.json")))
        self._client = BlockingKernelClient(connection_file=str(found[0]))
        self._client.load_connection_file()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        content = self._ask(f"api/contents/{LESSON}")["content"]
        self.notebook = nbformat.from_dict(content)
        self._runs = 0

    def _ask(self, path: str, method: str = "GET", /, **content: Any) -> Any:
        request = urllib.request.Request(f"{self._server['url']}{path}", method=method)
        request.add_header("Authorization", f"token {self._server['token']}")
        request.data = json.dumps(content).encode() if content else None
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=60) as answer:
            return json.load(answer)

    def run(self, code: str) -> str:
        """Run code in the lesson's kernel; return what it printed."""
        said: list[str] = []
        reply = self._client.execute_interactive(
            code, timeout=120, output_hook=lambda m: said.append(m["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", f"{code}\n{reply['content']}"
        return "".join(said).strip()

    def run_next(self) -> None:
        """Run the next code cell, after the last one the first, and save the notebook."""
        cells = [one for one in self.notebook.cells if one.cell_type == "code"]
        cell = cells[self._runs % len(cells)]
        self._runs += 1
        if "raises-exception" not in cell.metadata.get("tags", ()):
            self.run(cell.source)
        cell.execution_count = self._runs
        cell.outputs = [nbformat.v4.new_output("stream", text="what the cell printed\n")]
        self._ask(f"api/contents/{LESSON}", "PUT", type="notebook", content=self.notebook)

    def close(self) -> None:
        self._client.stop_channels()


@pytest.fixture
def learner(checkout: Path, tmp_path: Path, live_cluster: Cluster) -> Iterator[Learner]:
    """The learner of that checkout, on the cluster of this process."""
    assert live_cluster
    python = str(checkout / ".venv" / "bin" / "python")
    # As without the variables, which this process may have for itself.
    own = {"HOME": str(tmp_path), "COURSE_WORK": "", "PYTHONPATH": ""}
    with serving(tmp_path, environment=own, python=python) as server:
        found = Learner(server)
        yield found
        found.close()


@pytest.mark.timeout(900)
def test_the_tests_of_a_checkout_pass_while_a_lesson_runs_and_leave_its_cluster_alone(
    checkout: Path, learner: Learner, live_cluster: Cluster, tmp_path: Path
) -> None:
    used = "import daemonset_course, sys; print(daemonset_course.__file__)"
    assert learner.run(used).startswith(f"{checkout}/src/")
    assert {one.name for one in (checkout / "work").iterdir()} > {*PAGES, "notebooks", "labs"}
    assert git(checkout, "status", "--porcelain") == ""
    for _ in range(6):  # the cluster has the lesson's DaemonSet
        learner.run_next()
    server = live_cluster.backend.process("kube-apiserver")
    assert git(checkout, "status", "--porcelain") == ""

    # The tests begin in the learner's terminal: with the variables that name this very cluster.
    python, output = checkout / ".venv" / "bin" / "python", tmp_path / "tests"
    own = {"HOME": str(tmp_path), "PYTHONPATH": "", "COURSE_TEST_BACKEND": "embedded"}
    with output.open("w") as file:
        tests = subprocess.Popen(
            [python, "tools/run_notebooks.py", "-n", "0", "-p", "no:cacheprovider", *TESTS],
            cwd=checkout, env=os.environ | own, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        ran = 0
        while tests.poll() is None:
            learner.run_next()
            ran += 1
            assert git(checkout, "status", "--porcelain") == ""
    finally:
        tests.terminate()  # its clusters end with it
        tests.wait(60)

    printed = output.read_text()
    assert tests.returncode == 0, printed
    assert " passed" in printed
    assert "skipped" not in printed.splitlines()[-1], printed
    assert ran > 5, "cells ran meanwhile"
    assert git(checkout, "status", "--porcelain") == ""
    state = State.load(live_cluster.name)
    assert state is not None
    assert state.id == live_cluster.state.id
    assert live_cluster.backend.process("kube-apiserver").pid == server.pid
    learner.run("from daemonset_course import reset; reset(workers=3)")
    saved = json.loads((checkout / "work" / LESSON).read_text())
    assert sum(bool(cell.get("execution_count")) for cell in saved["cells"]) > 5
