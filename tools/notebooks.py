"""Build the notebooks from their sources, or check that they are up to date.

    python tools/notebooks.py build [--only NAME] [--overwrite]
    python tools/notebooks.py check [--only NAME]

    content/lessons/title.py  ->  notebooks/NN-title.ipynb
    content/labs/NN-title.py  ->  labs/NN-title.ipynb and solutions/NN-title.ipynb

A lesson's number is its place in ``content/course.toml``. For the format of a source see
``notebook_source``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

import course_catalogue
import minutes
import prediction_cells
from glossary import link_terms
from lesson_frame import Frame, framed, frames
from lesson_links import Stems, linked
from notebook_source import (
    FOLDERS,
    Cell,
    Source,
    codes,
    find_problems,
    proves,
    read_sources,
    variant,
)

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook_text(
    source: Source, folder: str, seconds: float | None = None,
    stems: Stems | None = None, frame: Frame | None = None,
) -> str:  # fmt: skip
    """Return the notebook of a source as JSON text: without outputs, the same bytes each time.

    With the measured ``seconds`` of a lesson, a line under its title gives its duration. Lessons
    and labs in ``stems`` that the prose mentions become links. A lesson has a ``frame``.
    """
    variants = [cell for original in source.cells for cell in variant(original, folder)]
    if frame is not None:
        line = "" if seconds is None else minutes.minutes_line(source, seconds)
        variants = framed(variants, frame, line)
    seen: Counter[tuple[str, str]] = Counter()
    cells = [_notebook_cell(cell, source.name, seen) for cell in variants]
    for cell, questions in zip(cells, prediction_cells.shows(codes(variants)), strict=True):
        if questions:  # the kernel holds the cell back until they are answered (held_back.py)
            cell.metadata["course"] = {"shows": questions}
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, folder, stems or {})
    link_terms(cells if stems else [], folder)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=NOTEBOOK_METADATA)
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook, indent=1)).rstrip("\n") + "\n"


def _notebook_cell(cell: Cell, name: str, seen: Counter[tuple[str, str]]) -> Any:
    """Make a cell whose id depends on its text, so that other ids stay when a cell changes."""
    key = (cell.kind, cell.text)
    digest = hashlib.sha256("\0".join((name, *key, str(seen[key]))).encode()).hexdigest()
    seen[key] += 1
    make: Any = getattr(nbformat.v4, f"new_{cell.kind}_cell")
    metadata = {name: value for name, value in cell.metadata.items() if value != []}
    if proves(cell):
        metadata["jupyter"] = {"source_hidden": True}
    return make(cell.text, id=digest[:12], metadata=metadata)


def _was_run(path: Path) -> bool:
    """Whether a notebook on disk has outputs or execution counts: somebody's work."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception:  # not a notebook any more: nothing to protect
        return False
    return any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def build(root: Path, wanted: dict[str, tuple[str, str]], *, overwrite: bool) -> list[str]:
    """Write the notebooks that differ; return those not written, with the reason."""
    refused = []
    for name, (text, _) in wanted.items():
        path = root / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if path.exists() and not overwrite and _was_run(path):
            refused.append(f"{name}: somebody ran it and would lose work. Next: add --overwrite")
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {name}")
    return refused


def check(root: Path, wanted: dict[str, tuple[str, str]], *, everything: bool) -> list[str]:
    """Return each missing, different or extra notebook with the command that fixes it."""
    problems = []
    for name, (text, source) in wanted.items():
        path = root / name
        if not path.exists():
            problems.append(f"{name}: missing, though {source} exists. Next: make notebooks")
        elif path.read_text(encoding="utf-8") != text:
            again = " BUILDARGS=--overwrite (it was run)" if _was_run(path) else ""
            problems.append(f"{name}: differs from {source}. Next: make notebooks{again}")
    folders = {folder for pair in FOLDERS.values() for folder in pair} if everything else set()
    found = (path for folder in sorted(folders) for path in sorted((root / folder).glob("*.ipynb")))
    extra = (path.relative_to(root).as_posix() for path in found)
    return problems + [f"{n}: has no source. Next: rm {n}" for n in extra if n not in wanted]


def _texts(root: Path, sources: Sequence[Source]) -> dict[str, tuple[str, str]]:
    """Return by its path the text of each notebook, and its source."""
    taken, table = minutes.read(root), course_catalogue.read(root)
    numbers = course_catalogue.numbered(table)
    stems, around = course_catalogue.stems(table), frames(table, numbers)
    return {
        f"{folder}/{stems[source.group, numbers[source.name]]}.ipynb": (
            notebook_text(source, folder, taken.get(source.name), stems, around.get(source.name)),
            source.path,
        )
        for source in sources
        for folder in FOLDERS[source.group]
    }


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Return exit status 0, or 1 after printing each problem."""
    parser = argparse.ArgumentParser(prog="tools/notebooks.py", description=(__doc__ or "")[:78])
    parser.add_argument("action", choices=("build", "check"))
    parser.add_argument("--only", metavar="NAME", help="a source's name, or a lab's number")
    parser.add_argument("--overwrite", action="store_true", help="replace notebooks that were run")
    options = parser.parse_args(arguments)
    sources, unread = read_sources(root, options.only)
    problems = [str(p) for p in unread + [p for s in sources for p in find_problems(s)]]
    problems += course_catalogue.unlisted(root, sources)
    if options.only and not sources and not unread:
        problems = [f"No source under content/ is named {options.only!r}. Next: ls content/*"]
    if not problems:
        wanted = _texts(root, sources)
        if options.action == "build":
            problems = build(root, wanted, overwrite=options.overwrite)
        else:
            problems = check(root, wanted, everything=not options.only)
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
