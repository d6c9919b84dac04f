"""Write the pages that the catalogue gives, or check that they are up to date.

python tools/course_pages.py            # write
python tools/course_pages.py check

content/course.toml and the lessons  ->  src/daemonset_course/data/catalogue.json
content/pages/*.py                   ->  START.ipynb, playground.ipynb
content/pages/pictures.md            ->  pictures.md
tools/pictures.py                    ->  pictures/*.svg
content/glossary.toml                ->  glossary.md
content/claims.toml                  ->  source.md
                                         README.md, between its markers
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import claims
import course_catalogue
import glossary
import notebooks
import pictures
import source_page
from daemonset_course.catalogue import Catalogue, LearningPath, Notebook, duration
from daemonset_course.errors import BadInput
from lesson_links import linked
from notebook_source import Cell, Problem, find_problems, read_source

ROOT = Path(__file__).resolve().parents[1]
PICTURES = "pictures.md"
NOTEBOOKS = {"START.ipynb": "start.py", "playground.ipynb": "playground.py"}
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"(<!-- (\w+): .*? -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return the text of each page by its path in the repository."""
    course = course_catalogue.catalogue(root)
    lessons = {one.name: (one.number, one.path) for one in course.notebooks("lessons")}
    document = (root / "content" / "source-document.txt").read_text(encoding="utf-8")
    rows = claims.read_claims(root / claims.LEDGER)
    sections = course_catalogue.read(root)["section"]
    readme = (root / "README.md").read_text(encoding="utf-8")
    return {
        course_catalogue.DATA.as_posix(): course_catalogue.text(root),
        **{name: page_notebook(root, course, source) for name, source in NOTEBOOKS.items()},
        PICTURES: pictures_page(root),
        **{one.path: one.svg() for one in pictures.PICTURES},
        glossary.PAGE: glossary.page(glossary.terms(root), lessons),
        source_page.PAGE: source_page.page(rows, sections, document, course),
        "README.md": with_blocks(
            readme, {"length": f"{length(course)}\n", "lessons": readme_table(course)}
        ),
    }


# The start notebook


def length(course: Catalogue) -> str:
    """Return how many lessons and labs there are, and how long they take, in one sentence."""
    lessons, labs = (len([*course.notebooks(group)]) for group in ("lessons", "labs"))
    of_lessons, of_labs = (duration(course.minutes(group)) for group in ("lessons", "labs"))
    return f"{lessons} lessons take about {of_lessons}, {labs} labs about {of_labs}."


def page_notebook(root: Path, course: Catalogue, source: str) -> str:
    """Return a notebook as JSON text; names in braces in its text stand for generated prose.

    Raises:
        BadInput: the source has a problem.
    """
    beside = course_catalogue.read(root)["page"]
    values = {
        "parts": "\n".join(_parts(course)),
        "paths": "\n".join(_paths(course)),
        "pages": "\n".join(map("- [{title}]({path}): {says}".format_map, beside)),
        "length": length(course),
    }
    read = read_source(root / "content" / "pages" / source, root, "pages")
    problems = [read] if isinstance(read, Problem) else list(find_problems(read))
    if isinstance(read, Problem) or problems:
        raise BadInput(*map(str, problems[:1]))
    cells = tuple(_filled(cell, values) for cell in read.cells)
    table = course_catalogue.read(root)
    return notebooks.notebook_text(
        replace(read, cells=cells), "", stems=course_catalogue.stems(table)
    )


def _filled(cell: Cell, values: Mapping[str, str]) -> Cell:
    if cell.kind == "code":
        return cell
    text = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], cell.text)
    return replace(cell, lines=tuple(enumerate(text.split("\n"), cell.start)))


def _parts(course: Catalogue) -> Iterator[str]:
    for number, part in enumerate(course.parts, 1):
        yield f"### Part {number}: {part.title}\n\n{part.says}\n"
        yield "| | minutes | first do lesson |\n|---|---|---|"
        for one in part.notebooks:
            name = f"[{one.label.capitalize()}: {one.title}]({one.path})"
            yield f"| {name} | {one.minutes} | {_numbers(course, one.after)} |"
        yield ""


def _paths(course: Catalogue) -> Iterator[str]:
    for path in course.paths:
        whole = len(path.notebooks) == len([*course.notebooks()])
        lessons, labs = (
            ", ".join(_step(path, one) for one in path.notebooks if one.group == group)
            for group in ("lessons", "labs")
        )
        steps = "all lessons and labs" if whole else f"lessons {lessons}"
        steps += f"; labs {labs}" if labs and not whole else ""
        yield f"- **{path.title}** (about {duration(path.minutes)}): {path.says} Do {steps}."


def _step(path: LearningPath, one: Notebook) -> str:
    """Return the link to a notebook of a path, with the sections that are done if not all are."""
    only = ", ".join(f'"{heading}"' for heading in path.sections.get(one.name, ()))
    return f"[{one.number}]({one.path})" + (f" (only {only})" if only else "")


def _numbers(course: Catalogue, names: Sequence[str]) -> str:
    """Return the numbers of lessons in words: ``01, 06 to 10``."""
    runs: list[list[str]] = []
    for number in (one.number for one in course.notebooks("lessons") if one.name in names):
        if runs and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(r) for r in runs)


# The pictures


def pictures_page(root: Path) -> str:
    """Return the page of pictures; each name in braces in its source stands for a picture."""
    text = (root / "content" / "pages" / PICTURES).read_text(encoding="utf-8")
    for one in pictures.PICTURES:
        text = text.replace(f"{{{one.name}}}", f"![{one.alt}]({one.path})")
    # JupyterLab's own anchor of a heading keeps capitals, GitHub's does not.
    text = _HEADING.sub(lambda title: f'<a id="{anchor(title[1])}"></a>\n\n{title[0]}', text)
    return linked(text, "", course_catalogue.stems(course_catalogue.read(root)))


def anchor(title: str) -> str:
    """Return the anchor of a heading, as GitHub writes it."""
    return title.lower().replace(" ", "-")


# The README


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """Return a text with what stands between its markers written anew.

    Raises:
        KeyError: a marker has another name.
    """
    return _BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]}{found[3]}", text)


def readme_table(course: Catalogue) -> str:
    """Return the lessons by part, each with minutes and the labs after it."""
    lines = ["| lesson | minutes | labs after it |\n|---|---|---|"]
    for part in course.parts:
        lines.append(f"| **{part.title}** | | |")
        for lesson in (one for one in part.notebooks if one.group == "lessons"):
            behind = ", ".join(f"{_named(lab)} ({lab.minutes})" for lab in _labs(course, lesson))
            lines.append(f"| {_named(lesson)} | {lesson.minutes} | {behind} |")
    return "\n".join(lines) + "\n"


def _labs(course: Catalogue, lesson: Notebook) -> Iterator[Notebook]:
    order = [one.name for one in course.notebooks("lessons")]
    labs = course.notebooks("labs")
    return (one for one in labs if course_catalogue.last(order, one.after) == lesson.name)


def _named(one: Notebook) -> str:
    return f"[{one.number} {one.title}]({one.path})"


def main(arguments: Sequence[str] = (), root: Path = ROOT) -> int:
    """Write the pages, or name those that differ; exit status 1 after a problem."""
    problems = course_catalogue.problems(root)
    wanted = {} if problems else pages(root)
    for name, text in wanted.items():
        path = root / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if "check" in arguments:
            problems.append(f"{name}: differs from content/. Next: make notebooks")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
