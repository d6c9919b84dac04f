"""Work out the catalogue of the course from ``content/course.toml`` and the lessons.

The table gives order, titles and prerequisites; the sources give names, predictions, exercises and,
with ``content/minutes.toml``, minutes.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import minutes
from daemonset_course import symptom
from daemonset_course.catalogue import FOLDERS, Catalogue, from_data
from notebook_source import Source, read_sources

ROOT = Path(__file__).resolve().parents[1]
FILE = Path("content") / "course.toml"
DATA = Path("src") / "daemonset_course" / "data" / "catalogue.json"

_QUESTION = re.compile(r"\b(predict|symptom)\(\s*[\"']([^\"']+)[\"']")
_EXERCISE = re.compile(r"\bexercise\(\s*[\"']([^\"']+)[\"']")
_TITLE = {"lessons": "# {number} {title}", "labs": "# Lab {number}: {title}"}
_EVERYTHING = ["*"]


def read(root: Path = ROOT) -> dict[str, Any]:
    """Return the content of ``content/course.toml``."""
    return tomllib.loads((root / FILE).read_text(encoding="utf-8"))


def data(root: Path = ROOT) -> dict[str, Any]:
    """Return the content of ``catalogue.json``.

    Raises:
        KeyError: the table names a lesson or lab that has no source.
    """
    table, (sources, _), taken = read(root), read_sources(root, None), minutes.read(root)
    by_number = {(one.group, one.name[:2]): one for one in sources}
    parts = [
        {
            "title": part["title"],
            "says": part["says"],
            "notebooks": [
                _notebook(group, row, by_number[group, row["number"]], taken)
                for group, row in in_order(part)
            ],
        }
        for part in table["part"]
    ]
    everything = [one for part in parts for one in part["notebooks"]]
    paths = [
        {
            "title": path["title"],
            "says": path["says"],
            "notebooks": [
                f"{FOLDERS[one['group']]}/{one['name']}.ipynb"
                for one in everything
                if path.get(one["group"]) == _EVERYTHING
                or one["name"][:2] in path.get(one["group"], ())
            ],
        }
        for path in table["path"]
    ]
    return {"parts": parts, "paths": paths}


def in_order(part: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the lessons of a part, each followed by the labs whose last lesson it is."""
    labs = {lab["number"]: max(lab["after"]) for lab in part.get("lab", ())}
    for lesson in part["lesson"]:
        yield "lessons", lesson
        for lab in part.get("lab", ()):
            if labs[lab["number"]] == lesson["number"]:
                yield "labs", lab


def catalogue(root: Path = ROOT) -> Catalogue:
    """Return the catalogue as the table and the lessons have it now."""
    return from_data(data(root))


def text(root: Path = ROOT) -> str:
    """Return the text of ``catalogue.json``: a line for each lesson and lab."""
    found = data(root)
    for part in found["parts"]:
        part["notebooks"] = [json.dumps(one, ensure_ascii=False) for one in part["notebooks"]]
    written = json.dumps(found, indent=1, ensure_ascii=False)
    whole = re.compile(r'^( *)("\{.*\}")(,?)$', re.M)
    return whole.sub(lambda line: line[1] + json.loads(line[2]) + line[3], written) + "\n"


def problems(root: Path = ROOT) -> list[str]:
    """Return what the table and the sources say differently."""
    table, (sources, _) = read(root), read_sources(root, None)
    rows = [(group, row) for part in table["part"] for group, row in in_order(part)]
    listed = [(group, row["number"]) for group, row in rows]
    found = [
        f"{FILE}: {one.path} is not there once"
        for one in sources
        if listed.count((one.group, one.name[:2])) != 1
    ]
    by_number = {(one.group, one.name[:2]): one for one in sources}
    for group, row in rows:
        source = by_number.get((group, row["number"]))
        wanted = _TITLE[group].format_map(row)
        if source is None:
            found.append(f"{FILE}: {group} {row['number']} has no source")
        elif (heading := source.cells[0].text.partition("\n")[0]).lower() != wanted.lower():
            found.append(f"{source.path}: its heading is {heading!r}, not {wanted!r}")
    return found


def _notebook(
    group: str, row: Mapping[str, Any], source: Source, taken: Mapping[str, float]
) -> dict[str, Any]:
    code = "\n".join(cell.text for cell in source.cells if cell.kind == "code")
    measured = minutes.whole_minutes(source, taken.get(source.name, 0))
    found = {
        "group": group,
        "name": source.name,
        "title": row["title"],
        "minutes": measured if group == "lessons" else row["minutes"],
        "after": row.get("after", []),
    }
    if group == "lessons":
        asked = _QUESTION.findall(code)
        before = {"predict": "", "symptom": symptom.BEGINNING}
        found["questions"] = list(dict.fromkeys(before[kind] + name for kind, name in asked))
        found["exercises"] = list(dict.fromkeys(_EXERCISE.findall(code)))
    return {key: value for key, value in found.items() if value != []}
