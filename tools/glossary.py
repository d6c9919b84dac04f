"""Write the glossary, and link its terms where a notebook uses them first.

The terms are in ``content/glossary.toml``: ``term``, ``also`` (other forms in the text), ``lesson``
(the name of the lesson that treats it), ``says`` (its meaning, in Markdown), and ``link = false``
for a term that is not linked, because its readers know it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lesson_links import KEPT

ROOT = Path(__file__).resolve().parents[1]
FILE = Path("content") / "glossary.toml"
PAGE = "glossary.md"

_TOP = """# Glossary

What the words of the course mean, as kubernetes.io uses them. Behind each stands the lesson that
treats it. [Start notebook](START.ipynb)
"""
# Italics would be cut by a link within them; a table's cells and a quoted claim stay as they are.
_LEFT_ALONE = re.compile(rf"{KEPT.pattern}|^\|.*?$|^>.*?$|<[^>\n]*>", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Term:
    """A term of the glossary; for the fields see the module."""

    term: str
    says: str
    lesson: str
    also: tuple[str, ...] = ()
    link: bool = True

    @property
    def anchor(self) -> str:
        """Where it stands on the page, as GitHub writes it: ``rolling-update``."""
        return re.sub(r"[^\w -]", "", self.term.lower()).replace(" ", "-")

    @property
    def pattern(self) -> str:
        """A regular expression for its forms in a text."""
        forms = sorted((self.term, *self.also), key=len, reverse=True)
        return rf"(?<![\w.`/-])(?:{'|'.join(map(re.escape, forms))})s?(?![\w`/-])"


@cache
def terms(root: Path = ROOT) -> tuple[Term, ...]:
    """Return the terms in alphabetical order."""
    rows = tomllib.loads((root / FILE).read_text(encoding="utf-8"))["term"]
    found = (Term(**{**row, "also": tuple(row.get("also", ()))}) for row in rows)
    return tuple(sorted(found, key=lambda one: one.term.lower()))


def page(found: Iterable[Term], lessons: Mapping[str, tuple[str, str]]) -> str:
    """Return the text of the page; ``lessons`` has number and path of each lesson by its name."""
    return "\n".join([_TOP, *(_entry(one, lessons) for one in found)])


def _entry(one: Term, lessons: Mapping[str, tuple[str, str]]) -> str:
    # JupyterLab's own anchor of a heading keeps capitals, GitHub's does not.
    shown = one.term.replace(" ", "-")
    own = f'<a id="{one.anchor}"></a>\n\n' if one.anchor != shown else ""
    link = "[Lesson {}]({})".format(*lessons[one.lesson])
    return f"{own}## {one.term}\n\n{one.says.strip()} {link}\n"


def link_terms(cells: Iterable[Any], folder: str, found: Iterable[Term] | None = None) -> None:
    """Make the first use of each term in a notebook's prose a link to the glossary, in place.

    Headings, code, tables, quotations and links stay as they are.

    Args:
        cells: the notebook's cells.
        folder: the notebook's folder; empty: the folder of the glossary.
        found: the terms, by default those of the glossary.
    """
    longest_first = sorted(terms() if found is None else found, key=lambda one: -len(one.term))
    left = {one.term for one in longest_first if one.link}
    up = "../" if folder else ""
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = _linked(cell.source, up, longest_first, left)


def _linked(text: str, up: str, longest_first: Iterable[Term], left: set[str]) -> str:
    """Link the terms that are left, and remove from them what was linked."""
    taken = [match.span() for match in _LEFT_ALONE.finditer(text)]
    links: list[tuple[int, int, str]] = []
    for one in longest_first:
        for match in re.finditer(one.pattern, text):
            start, end = match.span()
            if any(a < end and start < b for a, b in taken):
                continue
            taken.append((start, end))  # a shorter term means something else within this one
            if one.term in left:
                left.remove(one.term)
                links.append((start, end, f"[{match[0]}]({up}{PAGE}#{one.anchor})"))
    for start, end, link in sorted(links, reverse=True):
        text = text[:start] + link + text[end:]
    return text
