"""axe-core finds nothing serious in our pictures: in the gallery, and in an exported notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from axe import serious
from chromium import Page, browser
from fleet import Fleet

import gallery
from daemonset_course.environment import for_python
from gallery_pictures import PICTURES, ROOT

CELLS = (
    "from pathlib import Path\n"
    "from daemonset_course import show\n"
    "from daemonset_course.recording.recorder import Recording\n"
    "from daemonset_course.lessons import coverage\n"
    "rollout = Recording.load(Path('log.jsonl'))\n"
    "rollout.plot()",
    "show(coverage(rollout.history, ['agent']))",
    "min((now for _, now in rollout.timeline.status), key=lambda now: now.available)",
    "from daemonset_course.recording.steps import Step, load\n"
    f"Step(*load(Path({str(ROOT)!r}) / 'recordings' / 'hands.jsonl'), live=False)",
    "from daemonset_course.verbs.why import explain\n"
    "explain(rollout.history.objects('nodes'), rollout.history.objects('daemonsets')[0])",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        opened.call("Network.setBlockedURLs", urls=["http://*", "https://*"])
        yield opened


@pytest.mark.parametrize("theme", gallery.THEMES)
def test_nothing_serious_in_the_gallery(page: Page, tmp_path: Path, theme: str) -> None:
    pictures = {name: make() for name, make in PICTURES.items()}
    (tmp_path / "page.html").write_text(gallery.page(pictures, [theme]), encoding="utf-8")
    page.size(1200, 900)
    page.open(tmp_path / "page.html")

    assert serious(page) == []


def test_axe_would_find_a_picture_without_words(page: Page, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<!doctype html><html lang=en><title>x</title><img src='data:,'>"
        "<p style='color:color-mix(in srgb,#000 20%,#fff)'>hardly to be seen"
    )
    page.open(tmp_path / "page.html")

    assert {rule for _, rule, *_ in serious(page)} == {"image-alt", "color-contrast"}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that needs no cluster, with its outputs."""
    folder = tmp_path_factory.mktemp("notebook")
    log = Fleet(3).run(1).apply().run(12).log()
    (folder / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in log))
    cells = [nbformat.v4.new_code_cell(code, id=f"c{i}") for i, code in enumerate(CELLS)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebook.ipynb")
    return _converted(folder / "notebook.ipynb", "--to", "notebook", "--execute", "--inplace")


def _converted(notebook: Path, *options: str) -> Path:
    command = [sys.executable, "-m", "nbconvert", *options, notebook.name]
    done = subprocess.run(
        command, cwd=notebook.parent, capture_output=True, text=True, timeout=250, check=False,
        env=for_python(),  # it writes into no home
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return notebook


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_in_an_executed_notebook_s_export(
    page: Page, executed: Path, theme: str
) -> None:
    _converted(executed, "--to", "html", "--theme", theme)
    page.size(1200, 900)
    page.open(executed.with_suffix(".html"))
    ours = page.ask("document.querySelectorAll('.jp-OutputArea-output figure').length")

    words, row = page.ask(
        "(e => [getComputedStyle(e).textAlign, getComputedStyle(e.parentNode).backgroundColor])"
        "(document.querySelector('.dtt tbody tr:nth-child(odd) .r'))"
    )

    assert ours == len(CELLS)
    assert (words, row) == ("left", "rgba(0, 0, 0, 0)"), "the page's own rules for tables lose"
    assert [one for one in serious(page) if _is_ours(page, one[2])] == []


def _is_ours(page: Page, selector: str) -> bool:
    """Whether the element is in the output of a cell; the rest of the page is nbconvert's."""
    element = f"document.querySelector({json.dumps(selector)})"
    return bool(page.ask(f"!!{element}.closest('.jp-OutputArea-output')"))
