"""The start notebook: the progress of the learner, and the way into the first lesson."""

from __future__ import annotations

from typing import Any

from browser.conftest import SHOTS
from browser.notebook_page import SHOWN, Lab
from daemonset_course.catalogue import catalogue

START = "START.ipynb"
COMPLETE = """
from dataclasses import replace
from daemonset_course.course_progress import Progress, progress
def complete(one):
    count = len(one.notebook.questions)
    return replace(one, run=True, answered=count, judged=count, right=count, passed=one.tasks)
Progress(tuple((part, tuple(map(complete, rows))) for part, rows in progress().parts))
"""
FIRST_LESSON = "notebooks/00-start-here.ipynb"


def test_it_says_how_far_one_is_and_its_links_open_the_first_lesson(lab: Lab, look: Any) -> None:
    opened = lab.open(START)
    assert not opened.dirty
    progress = opened.run_text("progress()")

    assert opened.errors() == []
    assert "lessons complete" in opened.text(progress)
    look(opened, progress, "start")

    # Which one is next depends on what the tests before have done.
    opened.output(progress).get_by_role("link").first.click()
    lab.page.wait_for_function("/^(notebooks|labs)\\//.test(course.panel()?.context?.path)")

    lab.command("docmanager:open", path=START)
    lab.until("isOpen", START)
    lab.page.locator(f"{SHOWN} .jp-MarkdownOutput a", has_text="lesson 00").first.click()
    lab.until("isOpen", FIRST_LESSON)


def test_the_numbers_are_seen_without_scrolling_beside_the_list_of_files(
    lab: Lab, notebook: Any
) -> None:
    opened = lab.open(notebook("browser-progress", "from daemonset_course.lessons import progress\n"
                               "progress()", COMPLETE))  # fmt: skip
    for number in (0, 1):
        opened.run(number)
    assert opened.errors() == []
    lessons = len([*catalogue().notebooks("lessons")])
    assert f"{lessons} of {lessons} lessons complete" in opened.text(1)
    for width in (800, 1280):
        lab.size(width)
        lab.show_files()
        for number in (0, 1):
            opened.show(number)
            lab.shot(SHOTS / f"progress-{number}-files-{width}.png")
            assert lab.ask("scrolled", number) == [], width
