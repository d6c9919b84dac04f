"""A real Chromium, driven by Playwright, and a real JupyterLab on the cluster of this process.

``make test-browser`` installs Playwright (``tests/browser.lock``) and runs these; ``make test``
does not. Without Playwright or Chromium each test is skipped with the reason. Screenshots, and the
page of a test that failed, are in ``build/browser``.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chromium import BROWSERS

from browser.notebook_page import DARK, HEIGHT, LIGHT, WIDTHS, Lab, Notebook
from daemonset_course.own_copy import work_folder
from open_server import serving

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "browser"
FLAGS = (
    "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def missing() -> str:
    """Return what these tests need and this machine lacks; empty if nothing."""
    if find_spec("playwright") is None:
        return "no Playwright: make test-browser"
    if not any(map(shutil.which, BROWSERS)):
        return "no Chromium: apt-get install chromium"
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Skip before a cluster is started."""
    if lacking := missing():
        pytest.skip(lacking)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The browser; each test gets a window without memory of the others."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may be missing

    program = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[*FLAGS],
            env=os.environ | {"HOME": str(tmp_path_factory.mktemp("chromium"))},
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory, live_cluster: Any) -> Iterator[Any]:
    """What the server of `course open` says of itself; it serves the learner's copy."""
    assert live_cluster
    with serving(
        tmp_path_factory.mktemp("jupyterlab"), "--LabApp.expose_app_in_browser=True"
    ) as server:
        yield server


@pytest.fixture
def lab(chromium: Any, jupyterlab: Any, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A page of JupyterLab; when the test ends no kernel is left, and no error was written."""
    context = chromium.new_context(viewport={"width": 1280, "height": HEIGHT})
    opened = Lab(context.new_page(), jupyterlab["url"], jupyterlab["token"])
    failed = request.session.testsfailed
    yield opened
    unexpected = opened.unexpected
    if request.session.testsfailed > failed or unexpected:
        opened.shot(SHOTS / "failed" / f"{request.node.name}.png")
    if not opened.page.is_closed() and opened.page.url != "about:blank":
        opened.theme(LIGHT)  # JupyterLab keeps it for the next test
    context.close()
    _end_everything(jupyterlab)
    assert unexpected == []


@pytest.fixture
def notebook() -> Callable[..., str]:
    """Writes a notebook of cells into the learner's copy; returns its path there.

    A cell is its source, or a pair: its source, and the question whose result it shows.
    """

    def write(name: str, *cells: str | tuple[str, str]) -> str:
        path = work_folder() / "notebooks" / f"{name}.ipynb"
        made = [_cell(one, f"c{i}") for i, one in enumerate(cells)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
        return f"notebooks/{path.name}"

    return write


@pytest.fixture
def look(lab: Lab) -> Callable[..., None]:
    """Asserts that a notebook is laid out well at each width, light and dark; takes screenshots."""

    def look(opened: Notebook, number: int, name: str) -> None:
        for theme in (LIGHT, DARK):
            lab.theme(theme)
            for width in WIDTHS:
                lab.size(width)
                assert lab.sideways() == [], (theme, width)
                if theme == LIGHT:
                    assert opened.too_wide() == [], width
                    assert opened.small_words(12) == [], width
                if width in (800, 1280):
                    opened.show(number)
                    lab.shot(SHOTS / f"{name}-{theme.split()[-1].lower()}-{width}.png")
            assert lab.axe(".jp-OutputArea-output") == [], theme
        lab.theme(LIGHT)
        lab.size(1280)

    return look


def _cell(made: str | tuple[str, str], name: str) -> Any:
    code, question = (made, "") if isinstance(made, str) else made
    marks = {"course": {"shows": [question]}} if question else {}
    return nbformat.v4.new_code_cell(code, id=name, metadata=marks)


def _end_everything(server: Any) -> None:
    """End the kernels and terminals that a test began."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(f"{server['url']}api/{path}", method=method)
        request.add_header("Authorization", f"token {server['token']}")
        with direct.open(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    for one in ask("sessions"):
        ask(f"sessions/{one['id']}", "DELETE")
    for one in ask("terminals"):
        ask(f"terminals/{one['name']}", "DELETE")
