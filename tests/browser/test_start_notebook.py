"""The start notebook: the progress of the learner, and the way into the first lesson."""

from __future__ import annotations

from typing import Any

from browser.notebook_page import SHOWN, Lab

START = "START.ipynb"
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
