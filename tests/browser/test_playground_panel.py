"""The playground: fields, Roll, the picture, Reset, while the kernel works at something else."""

from __future__ import annotations

from typing import Any

from browser.conftest import SHOTS
from browser.notebook_page import WIDTHS, Lab

OPENED = (
    "from daemonset_course.lessons import playground\n"
    "play = playground(nodes=3, start=0, stop=0)\nplay"
)
WAITS = "import time\nwhile not play.trials.trials: time.sleep(0.05)\nprint('rolled')"


def test_every_label_is_read_as_a_whole_beside_the_list_of_files(lab: Lab, notebook: Any) -> None:
    opened = lab.open(notebook("browser-labels", OPENED))
    opened.run(0)
    for width in WIDTHS:
        lab.size(width)
        lab.show_files()
        assert lab.ask("cutLabels", 0) == [], width
        assert opened.too_wide() == [], width
        if width == 800:
            opened.show(0)
            lab.shot(SHOTS / "playground-files-800.png")
    lab.size(1280)


def test_roll_answers_while_a_cell_runs_and_draws_then_reset_forgets_it(
    lab: Lab, notebook: Any, look: Any
) -> None:
    opened = lab.open(notebook("browser-play", OPENED, WAITS))
    opened.run(0)
    opened.fill(0, "0", "maxUnavailable")
    opened.press(0, "Roll")
    refusals = opened.output(0).get_by_role("alert").filter(has_text="✘")
    refusals.first.wait_for()
    opened.fill(0, "1", "maxUnavailable")
    opened.fill(0, "2", "Fewest nodes with an available Pod")

    opened.run(1, wait=False)
    opened.wait_busy()
    opened.press(0, "Roll")
    opened.wait_ran(1, within=120)
    assert "rolled" in opened.text(1)
    picture = opened.output(0).locator(".dst-w svg[role=img]")
    opened.output(0).get_by_text("Done.").first.wait_for()
    picture.first.wait_for()
    assert refusals.count() == 0
    assert opened.errors() == []
    look(opened, 0, "playground")

    opened.press(0, "Reset")
    opened.output(0).get_by_text("The cluster is as it was after its start.").wait_for()
    assert picture.count() == 0
    opened.output(0).get_by_role("button", name="Roll").click(trial=True)  # it can be pressed
