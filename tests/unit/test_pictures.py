"""The pictures of ideas: their words fit, no box lies on another, and the lessons link each."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

import course_pages
import pictures
from pictures import LETTER, WIDTH, Box, Picture, Words

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "pictures.md").read_text(encoding="utf-8")
EACH = pytest.mark.parametrize("picture", pictures.PICTURES, ids=lambda one: one.name)


def boxes(picture: Picture) -> list[Box]:
    return [part for part in picture.parts if isinstance(part, Box)]


@EACH
def test_the_words_of_a_box_fit_into_it(picture: Picture) -> None:
    found = [
        line
        for box in boxes(picture)
        for line in box.words
        if len(line) * LETTER > box.width - 4 or len(box.words) * pictures.LINE > box.height
    ]

    assert found == []


@EACH
def test_words_and_boxes_stay_on_the_paper(picture: Picture) -> None:
    for box in boxes(picture):
        assert box.x >= 0 <= box.y
        assert box.right <= WIDTH
        assert box.bottom <= picture.height
    for words in (part for part in picture.parts if isinstance(part, Words)):
        longest = max(map(len, words.lines)) * LETTER
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor]
        assert words.x - share * longest >= 0
        assert words.x + (1 - share) * longest <= WIDTH + 4


@EACH
def test_no_box_lies_on_another(picture: Picture) -> None:
    on = [
        (one.words, other.words)
        for one, other in combinations(boxes(picture), 2)
        if one.x < other.right and other.x < one.right
        and one.y < other.bottom and other.y < one.bottom
    ]  # fmt: skip

    assert on == []


@EACH
def test_a_picture_is_an_svg_with_its_words_as_its_title(picture: Picture) -> None:
    root = ElementTree.fromstring(picture.svg())

    assert root.findtext("{http://www.w3.org/2000/svg}title") == picture.alt
    assert f"![{picture.alt}]({picture.path})" in PAGE
    drawn = [line for box in boxes(picture) for line in box.words]
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(drawn) <= set(texts)


def test_each_picture_of_the_page_is_linked_by_a_lesson() -> None:
    titles = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    lessons = "".join(path.read_text() for path in (ROOT / "content" / "lessons").glob("*.py"))

    assert len(titles) == 6
    unlinked = [t for t in titles if f"pictures.md#{course_pages.anchor(t)}" not in lessons]
    assert unlinked == []
    assert {one.name for one in pictures.PICTURES} <= set(map(course_pages.anchor, titles))
