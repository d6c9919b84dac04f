"""Every shape of the gallery as the output of a cell: at each width, light and dark."""

from __future__ import annotations

from typing import Any

import pytest

from browser.conftest import ROOT, SHOTS
from browser.notebook_page import DARK, LIGHT, WIDTHS, Lab
from gallery_pictures import PICTURES


@pytest.fixture
def shown(lab: Lab, notebook: Any) -> Any:
    """A notebook with a cell for each picture, run."""
    first = (
        f"import sys; sys.path[:0] = {[str(ROOT / 'tools')]!r}\n"
        "from IPython.display import HTML\n"
        "from daemonset_course.figures.rollout.inline import script\n"
        "from gallery_pictures import PICTURES\n"
        "def shown(name):\n"
        "    made = PICTURES[name]()\n"
        "    return HTML(made.html + script()) if made.html else made.picture(False)"
    )
    path = notebook("browser-gallery", first, *(f"shown({name!r})" for name in PICTURES))
    opened = lab.open(path)
    opened.run_all(within=120)
    assert opened.errors() == []
    return opened


def test_each_fits_its_cell_and_can_be_read(lab: Lab, shown: Any) -> None:
    for width in WIDTHS:
        lab.size(width)
        assert lab.sideways() == [], width
        assert shown.too_wide() == [], width
        assert shown.small_words(12) == [], width


def test_axe_finds_nothing_serious(lab: Lab, shown: Any) -> None:
    for name in (LIGHT, DARK):
        lab.theme(name)
        for number in shown.code_cells:
            shown.cell(number)
        assert lab.axe(".jp-OutputArea-output") == []
        for width in (800, 1280):
            lab.size(width)
            for number in shown.code_cells[1:]:
                output = shown.cell(number).locator(".jp-OutputArea-output").first
                named = f"{number:02}-{name.split()[-1].lower()}-{width}.png"
                output.screenshot(path=SHOTS / "pictures" / named)


def test_an_output_that_does_not_fit_would_be_found(lab: Lab, notebook: Any) -> None:
    wide = "from IPython.display import HTML\nHTML('<div style=\"width:3000px\">wide</div>')"
    small = (
        'HTML(\'<div class=dst-w><svg viewBox="0 0 9 9" width=9><text style="font-size:9px">a\')'
    )
    opened = lab.open(notebook("browser-wide", wide, small))
    opened.run_all()

    assert any("3000 px in" in one for one in opened.too_wide())
    assert opened.small_words(12) == ["cell 1: 9.0 px"]
