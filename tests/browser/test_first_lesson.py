"""The first lesson by keys alone; a rollout: drawn, stopped, after a restart, used by keys."""

from __future__ import annotations

import re
from typing import Any

import pytest

from browser.conftest import SHOTS
from browser.notebook_page import DARK, LIGHT, Lab, Notebook

FIRST_LESSON = "notebooks/00-start-here.ipynb"
ANSWERS = {"pods": "4", "start-current": "3", "check-delete": "3"}


def test_it_opens_clean_and_nothing_lies_over_it(lab: Lab) -> None:
    opened = lab.open(FIRST_LESSON)

    assert not opened.dirty
    assert lab.page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    assert lab.page.locator(".jp-mod-dirty").count() == 0
    assert lab.sideways() == []


def test_keys_alone_go_from_its_top_to_its_end(lab: Lab, look: Any) -> None:
    opened = lab.open(FIRST_LESSON)
    keyboard, sources = lab.page.keyboard, opened.sources
    asked: list[str] = []
    opened.select(0)
    while (number := opened.active) < len(sources) - 1:
        opened.run_active(within=120)
        assert opened.errors() == []
        question = re.search(r'predict\(\s*"([^"]+)"', sources[number])
        if not question or question[1] in asked:
            continue
        asked.append(question[1])
        opened.output(number).get_by_role("button", name="Commit").wait_for()
        opened.tab_to(number, "Your prediction", back=True)
        keyboard.type(ANSWERS[question[1]])
        keyboard.press("Shift+Enter")
        opened.wait_focused(number, "Commit")  # in a field JupyterLab hears no Shift+Enter
        opened.output(number).get_by_text("You predict").wait_for()
    assert sorted(asked) == sorted(ANSWERS)
    assert "As predicted" in opened.text(opened.find("have_one.compare"))
    look(opened, opened.find("= predict("), "first-lesson")
    opened.select(opened.find("rollout.plot()"))
    opened.show(opened.find("rollout.plot()"))
    lab.shot(SHOTS / "first-lesson-rollout.png")


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
    '    apply("../manifests/start-here/hello.yaml")\n'
    '    wait_rollout("hello")\n'
    "rollout.plot()",
    'kubectl("set image daemonset/hello hello=registry.invalid/hello:2")',
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
        lanes = svg.locator("text").all_text_contents()
        assert [one for one in lanes if one.endswith(("worker", "worker2", "worker3"))]
        assert "3 nodes" in svg.locator("title").first.text_content()
        assert opened.errors() == []


def test_stop_ends_a_waiting_cell_in_two_lines_and_a_restart_says_what_to_run(
    rolled: Any,
) -> None:
    opened, _ = rolled
    opened.run(2)
    opened.run(3, wait=False)
    opened.wait_busy()
    opened.interrupt()
    lines = opened.output(3).locator("[data-mime-type*=stderr], .jp-OutputArea-output").last
    words = [line for line in lines.inner_text().splitlines() if line.strip()]

    assert words[0].startswith("Interrupted in line 1: wait_rollout")
    assert words[1].startswith("What was begun in the cluster goes on there.")
    assert len(words) == 2
    assert "Traceback" not in opened.text(3)

    opened.restart()
    opened.run(4)
    assert "Run > Run All Above Selected Cell" in opened.text(4)

    opened.run_above(1)
    opened.run(1, within=120)
    opened.run(4)
    assert [one for one in opened.errors() if not one.startswith("cell 3:")] == []


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


@pytest.mark.parametrize("width", [700, 1280])
def test_the_mouse_names_the_pod_under_it_and_a_replay_hides_what_comes_later(
    rolled: Any, lab: Lab, width: int
) -> None:
    opened, number = rolled
    picture = opened.output(number).locator(".dst").last
    lane = "e => (D => [D.w[3], D.c[0].y + 1.5 * D.c[0].h])(JSON.parse(e.dataset.d))"
    high, middle = picture.evaluate(lane)  # of the second lane: that of a worker
    lab.size(width)
    lab.command("application:toggle-left-area")  # else half of a narrow window is the list of files
    for theme in (LIGHT, DARK):
        lab.theme(theme)
        named = f"{theme.split()[-1].lower()}-{width}.png"
        svg = picture.locator(".dst-w svg").last
        opened.show(number)
        box = svg.bounding_box()
        assert box
        place = {"x": 0.9 * box["width"], "y": middle / high * box["height"]}
        svg.hover(position=place)
        assert re.search(r"worker: hello-\w+, (revision|template) 1, ready, ",
                         picture.locator(".dst-r").inner_text())  # fmt: skip
        lab.shot(SHOTS / f"hover-{named}")

        picture.locator("input[type=range]").press("Home")
        picture.locator(".dst-c button").click()
        lab.page.wait_for_function(
            "e => e.t > 0.3 * JSON.parse(e.dataset.d).s[1]"
            " && e.querySelector('.v').getBoundingClientRect().width > 50",
            arg=picture.element_handle(),
        )
        lab.shot(SHOTS / f"replay-{named}")
    lab.command("application:toggle-left-area")
