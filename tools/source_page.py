"""Write ``source.md``: the claims of the source document, with verdict, correction and lesson."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from daemonset_course.catalogue import Catalogue

PAGE = "source.md"
SIGNS = {"true": "✔ true", "partly": "◐ partly", "dated": "⧗ dated", "wrong": "✘ wrong"}
SIGNS |= {"undecided": "? undecided"}

_TOP = """# The source document

The course teaches a text about DaemonSets, and lets a cluster decide each of its {all} claims:
{counts}. The page follows the text; the lesson in the last column shows the claim.
[Start notebook](START.ipynb)

- **partly**: true with a limit, or in part. **dated**: it was true in an older Kubernetes.
- **undecided**: no cluster can decide it; the link leads to a source that can.
"""

Claim = Mapping[str, Any]
Section = Mapping[str, str]


def page(claims: Sequence[Claim], sections: Sequence[Section], text: str, course: Catalogue) -> str:
    """Return the text of the page.

    Raises:
        ValueError: a section's title is no line of the text, or its first claim is unknown.
    """
    numbers = Counter(claim["verdict"] for claim in claims)
    counts = ", ".join(f"{numbers[one]} {one}" for one in SIGNS)
    lessons = {one.name: one for one in course.notebooks("lessons")}
    parts = [_TOP.format(all=len(claims), counts=counts)]
    originals = parts_of(text, [section["title"] for section in sections])
    ids = [claim["id"] for claim in claims]
    starts = [*(ids.index(section["first"]) for section in sections), len(ids)]
    for section, (first, last) in zip(sections, pairwise(starts), strict=True):
        rows = [_row(claim, lessons) for claim in claims[first:last]]
        head = f"## {section['title']}\n\n| claim | verdict | lesson |\n|---|---|---|\n"
        parts.append(head + "".join(rows) + "\n" + _original(originals[section["title"]]))
    return "\n".join(parts)


def parts_of(text: str, titles: Sequence[str]) -> dict[str, str]:
    """Return the text under each title, which is a line of the text."""
    lines = text.splitlines()
    starts = [lines.index(title) for title in titles]
    if starts != sorted(starts):
        raise ValueError("the sections are not in the order of the text")
    return {
        title: "\n".join(lines[first + 1 : last]).strip()
        for title, (first, last) in zip(titles, pairwise([*starts, len(lines)]), strict=True)
    }


def _row(claim: Claim, lessons: Mapping[str, Any]) -> str:
    lesson = lessons[claim["lesson"]]
    verdict = SIGNS[claim["verdict"]]
    if claim["verdict"] == "undecided":
        verdict = f"[{verdict}]({claim['source']})"
    if claim.get("correction"):
        verdict += f"<br>{_cell(claim['correction'])}"
    return f"| {_cell(claim['says'])} | {verdict} | [{lesson.number}]({lesson.path}) |\n"


def _cell(text: str) -> str:
    """Escape what Markdown would take for marks in a cell of a table."""
    return re.sub(r"([\\|*_<>\[\]])", r"\\\1", " ".join(text.split()))


def _original(text: str) -> str:
    """Return the text of a section, folded, as it was given."""
    return "\n".join(_folded(text))


def _folded(text: str) -> Iterator[str]:
    yield from ("<details>", "<summary>The text of this section</summary>", "", "```text")
    yield from text.replace("```", "'''").splitlines()
    yield from ("```", "", "</details>", "")
