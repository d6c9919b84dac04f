"""Work out the catalogue of the course from ``content/course.toml`` and the lessons.

The table gives order, titles and prerequisites; the sources give names, predictions, exercises and,
with ``content/minutes.toml``, minutes.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import minutes
from daemonset_course import symptom
from daemonset_course.catalogue import Catalogue, from_data
from notebook_source import Source, read_sources
from path_sections import chosen

ROOT = Path(__file__).resolve().parents[1]
FILE = Path("content") / "course.toml"
DATA = Path("src") / "daemonset_course" / "data" / "catalogue.json"

_QUESTION = re.compile(r"\b(predict|symptom)\(\s*[\"']([^\"']+)[\"']")
_EXERCISE = re.compile(r"\bexercise\(\s*[\"']([^\"']+)[\"']")
_TITLE = {"lessons": "# {title}", "labs": "# Lab {number}: {title}"}
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
    by_name, numbers = {(one.group, one.name): one for one in sources}, numbered(table)
    parts = [
        {
            "title": part["title"],
            "says": part["says"],
            "notebooks": [
                _notebook(group, row, by_name[group, row["name"]], numbers[row["name"]], taken)
                for group, row in in_order(part)
            ],
        }
        for part in table["part"]
    ]
    everything = [one for part in parts for one in part["notebooks"]]
    paths = [_path(path, everything, by_name, taken) for path in table["path"]]
    return {"parts": parts, "paths": paths}


def _path(
    path: Mapping[str, Any], everything: Sequence[Mapping[str, Any]],
    sources: Mapping[tuple[str, str], Source], taken: Mapping[str, float],
) -> dict[str, Any]:  # fmt: skip
    def has(one: Mapping[str, Any]) -> bool:
        names = path.get(one["group"], ())
        return names == _EVERYTHING or one["name"] in names

    notebooks, sections = [*filter(has, everything)], path.get("sections", {})
    minutes_of = {one["name"]: one["minutes"] for one in notebooks}
    minutes_of |= {
        name: _minutes_of_sections(sources["lessons", name], only, taken)
        for name, only in sections.items()
    }
    found = {key: path[key] for key in ("name", "title", "says")}
    found |= {"minutes": sum(minutes_of.values()), "notebooks": [one["name"] for one in notebooks]}
    return found | ({"sections": sections} if sections else {})


def _minutes_of_sections(
    source: Source, sections: Sequence[str], taken: Mapping[str, float]
) -> int:
    """Return the minutes of some sections; of the cluster's time the share of their cells."""
    places = chosen([(cell.kind, cell.text) for cell in source.cells], sections)
    seconds = taken.get(source.name, 0) * len(places) / len(source.cells)
    return minutes.whole_minutes([source.cells[place] for place in places], seconds)


def in_order(part: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the lessons of a part, each followed by the labs whose last lesson it is."""
    order = [lesson["name"] for lesson in part["lesson"]]
    for lesson in part["lesson"]:
        yield "lessons", lesson
        for lab in part.get("lab", ()):
            if last(order, lab["after"]) == lesson["name"]:
                yield "labs", lab


def last(order: Sequence[str], names: Iterable[str]) -> str:
    """Return which of the names comes last in an order; empty if it has none of them."""
    return max((one for one in names if one in order), key=order.index, default="")


def numbered(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the number of each lesson and lab by its name: a lesson's is its place, from 00."""
    lessons = [lesson["name"] for part in table["part"] for lesson in part["lesson"]]
    labs = [lab["name"] for part in table["part"] for lab in part.get("lab", ())]
    return {name: f"{place:02}" for place, name in enumerate(lessons)} | {n: n[:2] for n in labs}


def stems(table: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the stem of each notebook's file by group and number: ``("lessons", "06")``."""
    found = {}
    for name, number in numbered(table).items():
        is_lab = name.startswith(f"{number}-")
        found["labs" if is_lab else "lessons", number] = name if is_lab else f"{number}-{name}"
    return found


def unlisted(root: Path, sources: Iterable[Source]) -> list[str]:
    """Return the sources that the table does not have."""
    numbers = numbered(read(root))
    return [f"{one.path}: {FILE} does not have it" for one in sources if one.name not in numbers]


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
    listed = [(group, row["name"]) for group, row in rows]
    found = [
        f"{FILE}: {one.path} is not there once"
        for one in sources
        if listed.count((one.group, one.name)) != 1
    ]
    by_name, numbers = {(one.group, one.name): one for one in sources}, numbered(table)
    for group, row in rows:
        source = by_name.get((group, row["name"]))
        wanted = _TITLE[group].format(number=numbers[row["name"]], title=row["title"])
        if source is None:
            found.append(f"{FILE}: {group} {row['name']} has no source")
        elif (heading := source.cells[0].text.partition("\n")[0]).lower() != wanted.lower():
            found.append(f"{source.path}: its heading is {heading!r}, not {wanted!r}")
    return found


def _notebook(
    group: str, row: Mapping[str, Any], source: Source, number: str, taken: Mapping[str, float]
) -> dict[str, Any]:
    code = "\n".join(cell.text for cell in source.cells if cell.kind == "code")
    measured = minutes.whole_minutes(source.cells, taken.get(source.name, 0))
    found = {
        "group": group,
        "name": source.name,
        "number": number,
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
