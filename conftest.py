"""One cluster for each test process; notebooks that stop at their first failure.

The cluster is an embedded one; with ``COURSE_TEST_BACKEND=kind`` (``make test-kind``) a real one.

Tests under ``tests/live`` and ``tests/browser``, and every notebook cell, are ``live``: before the
first of them a process brings up its own cluster, in a state folder of its own, and removes both at
the end. Tests under ``tests/unit`` never start one.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import around_lessons
from daemonset_course import variables
from daemonset_course.environment import for_python
from daemonset_course.places import cache_home

pytest_plugins = ["what_ran"]

BACKEND = variables.TEST_BACKEND.read()
KUBERNETES = variables.KUBERNETES.read()  # None: the course's own version
# The same assertions hold at every pace; this one is fast. Real kubelets have no pace, so next
# to them the simulated ones must not be faster.
PACE = variables.TEST_PACE.read() or (1.0 if BACKEND == "kind" else 0.25)
HERE = Path(__file__).parent

_broken: dict[Path, str] = {}  # notebook -> its first cell that failed
_lessons: dict[str, Any] = {"begun": None}  # the collector of the running lesson


class LiveCluster:
    """The cluster of this test process: started at first use, removed by ``close``."""

    def __init__(self, worker: str, home: Path) -> None:
        self.name = f"test-{worker}"
        self.home = home
        self.value: Any = None
        self._tried = False

    def export(self) -> None:
        """Point this process and its notebook kernels at the test cluster, not the learner's."""
        # Before a test changes HOME: the programs are downloaded once, not once per test.
        os.environ["COURSE_CACHE"] = str(cache_home())
        os.environ["COURSE_HOME"] = str(self.home)
        os.environ["COURSE_WORK"] = str(self.home / "work")
        os.environ["COURSE_CLUSTER"] = self.name
        if BACKEND == "kind":  # real steps only; those of unit tests are not real
            os.environ["COURSE_STEPS"] = str(self.home.parent / "steps")
        os.environ["COURSE_BACKEND"] = BACKEND  # whatever engine this machine has
        # Neither helps nor harms a test: the learner's profile of IPython, kubeconfig, proxies ...
        adopted = for_python()
        os.environ.clear()
        os.environ.update(adopted)

    def up(self) -> None:
        """Start the cluster once; after a failure every live test fails at once."""
        if self._tried and self.value is None:
            pytest.fail(f"cluster {self.name} did not start: see the first error", pytrace=False)
        if not self._tried:
            self._tried = True
            self.value = _cluster_module().up(
                self.name, backend=BACKEND, pace=PACE, kubernetes=KUBERNETES
            )

    def end_task(self) -> None:
        """End a lab's task that failed half way: its recorder would refuse later resets."""
        if self.value is not None:
            importlib.import_module("daemonset_course.lab.lab_log").end(self.name)

    def anew(self) -> None:
        """Replace the cluster by a new one."""
        self.close()
        self._tried = False
        self.up()

    def keep_logs(self, folder: str) -> None:
        """Export the nodes' logs into a folder."""
        self.value.backend.export_logs(folder)

    def close(self) -> None:
        """Remove the cluster if this process tried to start one."""
        if self._tried:
            _cluster_module().down(self.name)


def _cluster_module() -> Any:
    """Import on first use: unit tests need no client and no cluster code."""
    return importlib.import_module("daemonset_course.cluster")


ROOT_KEY = pytest.StashKey[Path]()
CLUSTER_KEY = pytest.StashKey[LiveCluster]()


def pytest_configure(config: pytest.Config) -> None:
    """Give this process a state folder; the controller creates the parent folder."""
    worker = getattr(config, "workerinput", None)
    if not worker:  # a CI job that is stopped cleans up as after Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    root = Path(worker["course_root"] if worker else tempfile.mkdtemp(prefix="course-test-"))
    name = worker["workerid"] if worker else "main"
    config.stash[ROOT_KEY] = root
    config.stash[CLUSTER_KEY] = LiveCluster(name, root / name)
    config.stash[CLUSTER_KEY].export()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the state folders are."""
    node.workerinput["course_root"] = str(node.config.stash[ROOT_KEY])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a cluster, before ``-m`` selects."""
    for item in items:
        in_browser = item.path.is_relative_to(HERE / "tests" / "browser")
        under_live = item.path.is_relative_to(HERE / "tests" / "live")
        if _is_cell(item) or under_live or in_browser:
            item.add_marker("live")
        if in_browser:
            item.add_marker("browser")


@pytest.hookimpl(tryfirst=True)  # before the notebook's kernel starts: it inherits the environment
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the rest of a broken notebook; start the cluster if the test needs it."""
    if item.path in _broken:
        pytest.skip(f"{_broken[item.path]} failed earlier in this notebook")
    wanted = item.get_closest_marker("only")
    if wanted and wanted.args[0] != BACKEND:
        pytest.skip(f"{wanted.args[0]} only: {wanted.args[1]}")
    if _is_cell(item) and (older := _too_old(item.path)):
        pytest.skip(older)
    if item.get_closest_marker("live"):
        if item.path.is_relative_to(HERE / "tests" / "unit"):
            pytest.fail("a unit test starts no cluster: move it to tests/live", pytrace=False)
        cluster = item.config.stash[CLUSTER_KEY]
        cluster.up()
        item.user_properties.append(("backend", BACKEND))
        if around_lessons.is_lesson(item) and item.parent is not _lessons["begun"]:
            _lessons["begun"] = item.parent
            around_lessons.begin(item, cluster)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After a file, end its task; after a lesson, check that the nodes are as they were."""
    last = nextitem is None or nextitem.path != item.path
    if last and item.get_closest_marker("live"):
        item.config.stash[CLUSTER_KEY].end_task()
    if last and around_lessons.is_lesson(item) and item.path not in _broken:
        item.user_properties.append(("waited", around_lessons.waited()))
        around_lessons.end(item.path, item.config.stash[CLUSTER_KEY])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember the first cell of a notebook that failed."""
    report: Any = yield
    if _is_cell(item) and report.failed and report.when != "teardown":
        _broken.setdefault(item.path, item.name)
    return report


@pytest.fixture(scope="session")
def live_cluster(request: pytest.FixtureRequest) -> Any:
    """The running cluster of this process, for tests marked ``live``."""
    cluster = request.config.stash[CLUSTER_KEY]
    if cluster.value is None:
        pytest.fail("mark this test with pytest.mark.live or move it to tests/live", pytrace=False)
    return cluster.value


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove this process's cluster; on kind, keep its logs first if something failed."""
    cluster = session.config.stash[CLUSTER_KEY]
    logs = variables.KIND_LOGS.read()
    # A failed `up` leaves no cluster: see `Kind.create`.
    if logs and BACKEND == "kind" and session.testsfailed and cluster.value:
        _without_raising(lambda: cluster.keep_logs(logs))
    _without_raising(cluster.close)


def pytest_unconfigure(config: pytest.Config) -> None:
    """In the controller, remove the clusters of crashed workers and all state folders."""
    if hasattr(config, "workerinput"):
        return
    root = config.stash[ROOT_KEY]
    for left in sorted(path for path in root.glob("*/clusters/*") if path.is_dir()):
        os.environ["COURSE_HOME"] = str(left.parents[1])
        _without_raising(lambda name=left.name: _cluster_module().down(name))
    shutil.rmtree(root, ignore_errors=True)


def _without_raising(action: Any) -> None:
    """Print an error of the cleanup; it must not hide the results of the tests."""
    try:
        action()
    except Exception as error:
        print(f"\ncleaning up after the tests failed: {error}", file=sys.stderr)


def _too_old(notebook: Path) -> str:
    """Why the notebook of a lab cannot run on this Kubernetes; empty if it can."""
    if KUBERNETES is None:  # the course's own version has everything
        return ""
    from daemonset_course.lab.lab import LABS, find  # noqa: PLC0415 - 250 ms

    if notebook.stem not in LABS or find(notebook.stem).runs_on(KUBERNETES):
        return ""
    return f"{notebook.stem} needs Kubernetes {find(notebook.stem).kubernetes}"


def _is_cell(item: pytest.Item) -> bool:
    return item.path.suffix == ".ipynb"
