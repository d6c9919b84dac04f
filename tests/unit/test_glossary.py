"""The glossary: each term is used by its lesson, and linked once where a notebook uses it first."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from glossary import Term, link_terms, page, terms
from notebook_source import read_sources

ROOT = Path(__file__).parents[2]
LESSONS = {one.name: one for one in read_sources(ROOT, None)[0] if one.group == "lessons"}
TAINT = Term("taint", "It keeps Pods away.", "taints")
TOLERATION = Term("toleration", "It lets a Pod in.", "06", also=("tolerates",))
CORDON = Term("cordon", "It marks a node.", "06", link=False)
FOUND = (TAINT, TOLERATION, CORDON)


def linked(*texts: str, folder: str = "notebooks") -> list[str]:
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    link_terms(cells, folder, FOUND)
    return [cell.source for cell in cells]


def test_the_first_use_alone_becomes_a_link() -> None:
    first, second = linked("Two taints, one taint.", "A taint and a toleration.")

    assert first == "Two [taints](../glossary.md#taint), one taint."
    assert second == "A taint and a [toleration](../glossary.md#toleration)."
    assert linked("A taint", folder="") == ["A [taint](glossary.md#taint)"]


def test_a_shorter_term_is_not_found_within_a_longer_one() -> None:
    cells = [nbformat.v4.new_markdown_cell("A taint effect. The taint effect, the taint.")]
    link_terms(cells, "", (TAINT, Term("taint effect", "What it does.", "06")))

    first, last = "[taint effect](glossary.md#taint-effect)", "[taint](glossary.md#taint)"
    assert cells[0].source == f"A {first}. The taint effect, the {last}."


def test_another_form_leads_to_the_term() -> None:
    assert linked("It tolerates this.") == ["It [tolerates](../glossary.md#toleration) this."]


@pytest.mark.parametrize(
    "text",
    [
        "# The taint",
        "`taint` and ```\ntaint\n```",
        "[a taint](x.md), ![taint](y.png)",
        "| taint |\n|---|\n| taint |",
        "> A taint keeps Pods away.",
        "<b title='taint'>x</b>",
        "taint-manager, node.taint, https://example.org/taint/x, tainted",
        "a cordon",
    ],
)
def test_other_uses_stay_as_they_are(text: str) -> None:
    assert linked(text) == [text]


def test_code_cells_stay_as_they_are() -> None:
    cell = nbformat.v4.new_code_cell("# a taint")
    link_terms([cell], "notebooks", FOUND)

    assert cell.source == "# a taint"


def test_an_anchor_is_there_for_jupyterlab_and_for_github() -> None:
    pod = Term("Pod Security", "x", "agent")
    text = page([TAINT, pod], {"taints": ("06", "six.ipynb"), "agent": ("07", "seven.ipynb")})

    assert "## taint\n\nIt keeps Pods away. [Lesson 06](six.ipynb)" in text
    assert '<a id="pod-security"></a>\n\n## Pod Security\n' in text
    assert '<a id="taint">' not in text


def test_there_are_about_sixty_terms_each_once() -> None:
    names = [one.term.lower() for one in terms()]

    assert len(names) > 55
    assert len({one.anchor for one in terms()}) == len(names)
    assert names == sorted(set(names))


@pytest.mark.parametrize("one", terms(), ids=lambda one: one.term)
def test_a_term_is_used_by_its_lesson_and_said_in_one_or_two_sentences(one: Term) -> None:
    text = "\n".join(cell.text for cell in LESSONS[one.lesson].cells)
    forms = "|".join(map(re.escape, (one.term, *one.also)))

    assert re.search(rf"(?i)\b(?:{forms})", text)
    assert 1 <= len(re.findall(r"[.!?](?:\s|$)", one.says)) <= 3
