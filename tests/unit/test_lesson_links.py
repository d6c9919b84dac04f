"""Links between notebooks: each mention of a lesson or lab leads there, and no link is broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lesson_links import linked, notebooks_by_number

ROOT = Path(__file__).parents[2]
NAMES = {("lessons", "01"): "01-one", ("lessons", "06"): "06-taints", ("labs", "06"): "06-roll"}


@pytest.mark.parametrize(
    ("text", "folder", "link"),
    [
        ("see lesson 06.", "notebooks", "see [lesson 06](06-taints.ipynb)."),
        ("Lesson 06 says", "labs", "[Lesson 06](../notebooks/06-taints.ipynb) says"),
        ("Next: lab 06, then", "notebooks", "Next: [lab 06](../labs/06-roll.ipynb), then"),
        ("lab 06", "solutions", "[lab 06](../labs/06-roll.ipynb)"),
        (
            "lessons 01, 02 and 06",
            "notebooks",
            "lessons [01](01-one.ipynb), 02 and [06](06-taints.ipynb)",
        ),
        ("lessons 01 to 06", "notebooks", "lessons [01](01-one.ipynb) to [06](06-taints.ipynb)"),
        ("lesson 09, where", "notebooks", "lesson 09, where"),
        ("# After lesson 06\n\nx", "notebooks", "# After lesson 06\n\nx"),
        ("`lesson 06` and [lesson 06](x.md)", "notebooks", "`lesson 06` and [lesson 06](x.md)"),
        ("```\nlesson 06\n```", "notebooks", "```\nlesson 06\n```"),
        ("lesson 061, 06 lessons", "notebooks", "lesson 061, 06 lessons"),
    ],
)
def test_a_mention_becomes_a_link(text: str, folder: str, link: str) -> None:
    assert linked(text, folder, NAMES) == link


def test_every_number_of_the_course_is_known() -> None:
    names = notebooks_by_number(ROOT)

    assert names["lessons", "06"].startswith("06-taints")
    assert len(names) == len([*(ROOT / "content").glob("l*s/*.py")])


@pytest.mark.parametrize("folder", ["notebooks", "labs", "solutions"])
def test_no_link_of_a_notebook_is_broken(folder: str) -> None:
    found = 0
    for path in sorted((ROOT / folder).glob("*.ipynb")):
        cells = json.loads(path.read_text())["cells"]
        prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        for target in re.findall(r"\]\(([^):#]+\.ipynb)\)", prose):
            assert (path.parent / target).resolve().is_file(), f"{path.name}: {target}"
            found += 1

    assert found
