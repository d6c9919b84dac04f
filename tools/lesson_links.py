"""Turn ``lesson 06`` and ``labs 06 and 07`` in a notebook's prose into links to the notebooks.

The links are relative, as JupyterLab and a site of the same folders follow them. Headings, code,
and links that are there already stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from notebook_source import FOLDERS

_GROUP = {"lesson": "lessons", "lab": "labs"}
_MENTION = re.compile(r"\b([Ll]esson|[Ll]ab)s? \d\d(?:(?:, (?:and )?| and | to )\d\d)*\b")
_NUMBER = re.compile(r"\d\d")
# What is left alone: fenced code, headings, code spans, links and images.
KEPT = re.compile(r"```.*?```|^#.*?$|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)


def notebooks_by_number(root: Path) -> dict[tuple[str, str], str]:
    """Return the name of each lesson and lab by group and number: ``("labs", "06")``."""
    return {
        (group, path.stem[:2]): path.stem
        for group in _GROUP.values()
        for path in (root / "content" / group).glob("*.py")
    }


def linked(text: str, folder: str, notebooks: Mapping[tuple[str, str], str]) -> str:
    """Return a Markdown cell's text with links, for a notebook in ``folder``; empty: at the top.

    A number of no notebook stays as it is, so that a first lesson can announce a later one.
    """
    parts, at = [], 0
    for kept in KEPT.finditer(text):
        parts += [_with_links(text[at : kept.start()], folder, notebooks), kept[0]]
        at = kept.end()
    return "".join([*parts, _with_links(text[at:], folder, notebooks)])


def _with_links(text: str, folder: str, notebooks: Mapping[tuple[str, str], str]) -> str:
    def link(mention: re.Match[str]) -> str:
        group = _GROUP[mention[1].lower()]
        target = FOLDERS[group][0]

        def one(number: re.Match[str]) -> str:
            name = notebooks.get((group, number[0]))
            here = "" if target == folder else f"../{target}/" if folder else f"{target}/"
            return f"[{number[0]}]({here}{name}.ipynb)" if name else number[0]

        found = _NUMBER.sub(one, mention[0])
        single = re.fullmatch(r"(\w+) \[(\d\d)\](\([^)]*\))", found)
        return f"[{single[1]} {single[2]}]{single[3]}" if single else found

    return _MENTION.sub(link, text)
