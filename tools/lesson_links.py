"""Turn ``lesson [rolling-update]`` and ``labs 06 and 07`` in a notebook's prose into links.

A source names a lesson in brackets; the notebook shows its number, which is its place in the
course. The links are relative, as JupyterLab and a site of the same folders follow them. Headings,
code, and links that are there already stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from notebook_source import FOLDERS

_GROUP = {"lesson": "lessons", "lab": "labs"}
_MENTION = re.compile(r"\b([Ll]esson|[Ll]ab)s? \d\d(?:(?:, (?:and )?| and | to )\d\d)*\b")
_NUMBER = re.compile(r"\d\d")
_NAME = re.compile(r"\[([a-z][a-z0-9-]+)\](?![(\[])")
# What is left alone: fenced code, headings, code spans, links and images.
KEPT = re.compile(r"```.*?```|^#.*?$|`[^`\n]*`|!?\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE)

Stems = Mapping[tuple[str, str], str]


def linked(text: str, folder: str, stems: Stems) -> str:
    """Return a Markdown cell's text with links, for a notebook in ``folder``; empty: at the top.

    Args:
        text: the cell's text.
        folder: the notebook's folder.
        stems: the stem of each notebook's file, by group and number: ``("labs", "06")``.

    Raises:
        KeyError: a name in brackets is no lesson's.
    """
    numbers = {stem[3:]: number for (group, number), stem in stems.items() if group == "lessons"}
    parts, at = [], 0
    for kept in KEPT.finditer(text):
        parts += [_with_links(text[at : kept.start()], folder, stems, numbers), kept[0]]
        at = kept.end()
    return "".join([*parts, _with_links(text[at:], folder, stems, numbers)])


def _with_links(text: str, folder: str, stems: Stems, numbers: Mapping[str, str]) -> str:
    def link(mention: re.Match[str]) -> str:
        group = _GROUP[mention[1].lower()]
        target = FOLDERS[group][0]

        def one(number: re.Match[str]) -> str:
            stem = stems.get((group, number[0]))
            here = "" if target == folder else f"../{target}/" if folder else f"{target}/"
            return f"[{number[0]}]({here}{stem}.ipynb)" if stem else number[0]

        found = _NUMBER.sub(one, mention[0])
        single = re.fullmatch(r"(\w+) \[(\d\d)\](\([^)]*\))", found)
        return f"[{single[1]} {single[2]}]{single[3]}" if single else found

    text = _NAME.sub(lambda name: numbers[name[1]], text)
    return _MENTION.sub(link, text)
