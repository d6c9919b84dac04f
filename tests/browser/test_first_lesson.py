"""The first lesson, by keys alone, then looked at: widths, themes, axe-core."""

from __future__ import annotations

from typing import Any

import pytest

from browser.conftest import SHOTS
from browser.notebook_page import DARK, LIGHT, WIDTHS, Lab, Notebook

FIRST_LESSON = "notebooks/00-start-here.ipynb"


def test_it_opens_clean_and_nothing_lies_over_it(lab: Lab) -> None:
    opened = lab.open(FIRST_LESSON)

    assert not opened.dirty
    assert lab.page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    assert lab.page.locator(".jp-mod-dirty").count() == 0
    assert lab.sideways() == []


def test_shift_enter_alone_goes_from_its_top_to_its_end(lab: Lab) -> None:
    opened = lab.open(FIRST_LESSON)
    opened.run_down(within=120)

    assert opened.errors() == []
    assert opened.output(opened.find("rollout.plot()")).locator(".dst-w svg").count() == 1

    # What a learner with a narrow window, a dark theme or a screen reader gets of it.
    pictures = opened.cell(opened.find("rollout.plot()"))
    for name in (LIGHT, DARK):
        lab.theme(name)
        for width in WIDTHS:
            lab.size(width)
            assert lab.sideways() == [], width
            if name == LIGHT:
                assert opened.too_wide() == [], width
            if width in (800, 1280):
                opened.cell(opened.find("rollout.plot()"))
                pictures.locator(".dst").scroll_into_view_if_needed()
                lab.shot(SHOTS / f"first-lesson-{name.split()[-1].lower()}-{width}.png")
        assert lab.axe(".jp-OutputArea-output") == []


@pytest.fixture
def rolled(lab: Lab, notebook: Any) -> tuple[Notebook, int]:
    """A notebook with a rollout on three workers, and the cell with its picture."""
    opened = lab.open(notebook("browser-rollout", *ROLLOUT))
    opened.run(0)
    opened.run(1, within=120)
    return opened, 1


ROLLOUT = (
    "from daemonset_course import apply, kubectl, record, reset, wait_rollout\nreset(workers=3)",
    'kubectl("delete daemonset hello --cascade=foreground --ignore-not-found")\n'
    'with record("hello", live=True) as rollout:\n'
    '    apply("../manifests/lesson-00/hello.yaml")\n'
    '    wait_rollout("hello")\n'
    "rollout.plot()",
    'kubectl("set image daemonset/hello hello=registry.invalid/hello:2")\n'
    'wait_rollout("hello", timeout=200)',
    "rollout.rollouts",
)


def test_a_rollout_is_drawn_while_it_runs_and_again_when_the_cell_runs_again(
    lab: Lab, notebook: Any
) -> None:
    opened = lab.open(notebook("browser-live", *ROLLOUT))
    opened.run(0)
    for _ in range(2):
        opened.run(1, wait=False)
        opened.output(1).locator(".dst-w svg[role=img]").first.wait_for()
        opened.wait_ran(1, within=120)

        svg = opened.output(1).locator(".dst-w svg[role=img]").last
        lanes = svg.locator("text").all_inner_texts()
        assert [one for one in lanes if one.endswith(("worker", "worker2", "worker3"))]
        assert "3 nodes" in svg.locator("title").first.text_content()
        assert opened.errors() == []


def test_stop_ends_a_waiting_cell_in_two_lines(rolled: Any) -> None:
    opened, _ = rolled
    opened.run(2, wait=False)
    opened.wait_busy()
    opened.interrupt()
    lines = opened.output(2).locator("[data-mime-type*=stderr], .jp-OutputArea-output").last
    words = [line for line in lines.inner_text().splitlines() if line.strip()]

    assert words[0].startswith("Interrupted in line 2: wait_rollout")
    assert words[1].startswith("What was begun in the cluster goes on there.")
    assert len(words) == 2
    assert "Traceback" not in opened.text(2)


def test_after_a_restart_a_missing_name_says_what_to_run(rolled: Any) -> None:
    opened, _ = rolled
    opened.restart()
    opened.run(3)
    assert "Run > Run All Above Selected Cell" in opened.text(3)

    opened.run_above(1)
    opened.run(1, within=120)
    opened.run(3)
    assert opened.errors() == []


def test_the_picture_is_used_by_keys_and_follows_the_theme(rolled: Any, lab: Lab) -> None:
    opened, number = rolled
    picture = opened.output(number).locator(".dst").last
    ground = (
        "e => [getComputedStyle(e).backgroundColor,"
        " getComputedStyle(e.querySelector('.dst-w text')).fill]"
    )
    light = picture.evaluate(ground)
    lab.theme(DARK)
    assert picture.evaluate(ground) != light
    lab.theme(LIGHT)
    assert picture.evaluate(ground) == light

    stops = []
    picture.locator(".dst-w").first.focus()
    for _ in range(3):
        stops.append(lab.page.evaluate("(e => e.className || e.type)(document.activeElement)"))
        lab.page.keyboard.press("Tab")
    assert stops == ["dst-w", "button", "range"]

    picture.locator("input[type=range]").focus()
    before = picture.locator(".dst-r").inner_text()
    for key in ("Home", "ArrowDown", "PageDown"):
        lab.page.keyboard.press(key)
    after = picture.locator(".dst-r").inner_text()
    assert after != before
    assert "worker" in after
