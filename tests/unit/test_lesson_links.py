"""Links between notebooks: each mention of a lesson or lab leads there, and no link is broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import course_catalogue
from lesson_links import linked

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
        ("see lesson [taints].", "notebooks", "see [lesson 06](06-taints.ipynb)."),
        ("(lesson [one])", "labs", "([lesson 01](../notebooks/01-one.ipynb))"),
        (
            "lessons [one] and [taints]",
            "",
            "lessons [01](notebooks/01-one.ipynb) and [06](notebooks/06-taints.ipynb)",
        ),
        ("`[one]`, [one](x.md)", "notebooks", "`[one]`, [one](x.md)"),
        ("# After lesson 06\n\nx", "notebooks", "# After lesson 06\n\nx"),
        ("`lesson 06` and [lesson 06](x.md)", "notebooks", "`lesson 06` and [lesson 06](x.md)"),
        ("```\nlesson 06\n```", "notebooks", "```\nlesson 06\n```"),
        ("lesson 061, 06 lessons", "notebooks", "lesson 061, 06 lessons"),
    ],
)
def test_a_mention_becomes_a_link(text: str, folder: str, link: str) -> None:
    assert linked(text, folder, NAMES) == link


def test_a_name_of_no_lesson_is_no_link() -> None:
    with pytest.raises(KeyError, match="tains"):
        linked("see lesson [tains]", "notebooks", NAMES)


def test_every_number_of_the_course_is_known() -> None:
    stems = course_catalogue.stems(course_catalogue.read())

    assert {stem[3:] for (group, _), stem in stems.items() if group == "lessons"} == {
        path.stem for path in (ROOT / "content" / "lessons").glob("*.py")
    }
    assert len(stems) == len([*(ROOT / "content").glob("l*s/*.py")])


def test_no_source_names_a_lesson_by_its_number() -> None:
    found = [
        f"{path.name}: {line}"
        for path in (ROOT / "content").glob("*s/*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\b[Ll]essons? \d\d\b|notebooks/\d\d-", line)
    ]

    assert found == []


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
