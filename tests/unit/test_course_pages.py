"""The pages that the catalogue gives: up to date, complete, and no relative link is broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import claims
import course_catalogue
import course_pages
import source_page
from daemonset_course import own_copy
from daemonset_course.catalogue import catalogue

ROOT = Path(__file__).parents[2]
PAGES = ("START.ipynb", "glossary.md", "pictures.md", "source.md")
COURSE = course_catalogue.catalogue()
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|srcset|href)=\"([^\"]+)\"")
ANCHOR = re.compile(r"<a id=\"([^\"]+)\">|^#+ (.+)$", re.M)


def prose(path: Path) -> str:
    text = path.read_text()
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def relative_links(path: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", prose(path), flags=re.S)
    found = ["".join(groups) for groups in LINK.findall(text)]
    # GitHub's pages of the repository, such as a badge, stand two folders above its files.
    return [one for one in found if not re.match(r"[a-z]+:|\.\./\.\./actions/", one)]


def anchors(path: Path) -> set[str]:
    """The anchors that JupyterLab and GitHub both know."""
    own = {a or b for a, b in ANCHOR.findall(prose(path))}
    return own | {one.lower().replace(" ", "-") for one in own}


def broken(root: Path, paths: list[Path]) -> list[str]:
    """The relative links that lead nowhere, or out of the folder."""
    found = []
    for path in paths:
        for link in relative_links(path):
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            there = target.exists() and target.is_relative_to(root.resolve())
            if not there or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                found.append(f"{path.relative_to(root)}: {link}")
    return found


def test_the_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert course_pages.main(["check"]) == 0, capsys.readouterr().err
    assert catalogue() == COURSE


def test_a_page_that_differs_is_named_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(course_pages, "pages", lambda root: {"glossary.md": f"new in {root.name}"})
    monkeypatch.setattr(course_catalogue, "problems", lambda _: [])

    assert course_pages.main(["check"], tmp_path) == 1
    assert "glossary.md: differs" in capsys.readouterr().err
    assert course_pages.main([], tmp_path) == 0
    assert (tmp_path / "glossary.md").read_text() == f"new in {tmp_path.name}"
    assert course_pages.main(["check"], tmp_path) == 0


def test_what_stands_between_markers_is_written_anew() -> None:
    text = "a\n<!-- one: x -->\nold\n<!-- end of one -->\nb\n<!-- two: y -->\n<!-- end of two -->\n"
    new = course_pages.with_blocks(text, {"one": "1\n", "two": "2\n"})

    assert new == text.replace("old", "1").replace("y -->\n", "y -->\n2\n")
    assert course_pages.with_blocks(new, {"one": "1\n", "two": "2\n"}) == new


def test_a_heading_with_another_title_and_a_missing_lesson_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = course_catalogue.read()
    table["part"][0]["lesson"][0]["title"] = "Begin"
    removed = table["part"][0]["lesson"].pop()
    monkeypatch.setattr(course_catalogue, "read", lambda _: table)
    found = course_catalogue.problems()

    assert len(found) == 2
    assert any(f"lessons/{removed['name']}" in one and "not there once" in one for one in found)
    assert any("'# Begin'" in one for one in found)


def test_what_comes_first_is_earlier_in_the_course() -> None:
    done: set[str] = set()
    for one in COURSE.notebooks():
        assert set(one.after) <= done, one.label
        if one.group == "lessons":
            done.add(one.name)


def test_each_lesson_has_measured_minutes_and_each_path_ends_in_its_time() -> None:
    assert all(one.minutes > 5 for one in COURSE.notebooks())
    lengths = {path.title: path.minutes for path in COURSE.paths}
    assert lengths["A workshop of 90 minutes"] <= 90
    assert lengths["Half a day"] <= 240
    assert lengths["CKA in two hours"] <= 120
    assert lengths["The full course"] == COURSE.minutes()


def test_the_start_notebook_and_the_readme_link_each_lesson_and_lab() -> None:
    for page in ("START.ipynb", "README.md"):
        links = relative_links(ROOT / page)
        assert [one.path for one in COURSE.notebooks() if one.path not in links] == []


def test_no_relative_link_of_the_repository_is_broken() -> None:
    folders = [path for name in ("notebooks", "labs", "solutions") for path in
               sorted((ROOT / name).glob("*.ipynb"))]  # fmt: skip
    paths = [*folders, *(ROOT / name for name in (*PAGES, "README.md"))]

    assert broken(ROOT, paths) == []
    assert sum(len(relative_links(path)) for path in paths) > 200


def test_no_relative_link_of_the_learners_copy_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    own_copy.update()
    notebooks = [path for name in ("notebooks", "labs") for path in (tmp_path / name).iterdir()]

    assert broken(tmp_path, [*notebooks, *(tmp_path / name for name in PAGES)]) == []


def test_each_lesson_links_words_to_the_glossary_once() -> None:
    for one in COURSE.notebooks("lessons"):
        links = [link for link in relative_links(ROOT / one.path) if "glossary.md#" in link]
        assert links, one.path
        assert len(links) == len(set(links)), one.path


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Here\n")
    page = tmp_path / "a.md"
    page.write_text("[x](b.md#here) [y](c.md) [z](b.md#there) [w](../up.md) `[v](d.md)`")

    assert broken(tmp_path, [page]) == ["a.md: c.md", "a.md: b.md#there", "a.md: ../up.md"]


# The page of the source document


def test_each_claim_stands_once_in_its_section_with_verdict_and_lesson() -> None:
    page = re.sub(r"```.*?```", "", (ROOT / "source.md").read_text(), flags=re.S)
    rows = [line for line in page.splitlines() if line[:2] == "| "]
    ledger = claims.read_claims(ROOT / claims.LEDGER)
    bodies = [row for row in rows if not row.startswith("| claim ")]

    assert len(bodies) == len(ledger)
    for row, claim in zip(bodies, ledger, strict=True):
        assert row.startswith(f"| {source_page._cell(claim['says'])} |")
        assert claim["verdict"] in row
        assert f"-{claim['lesson']}.ipynb)" in row
        assert source_page._cell(claim.get("correction", "")) in row


def test_the_page_has_the_whole_text() -> None:
    text = (ROOT / "content" / "source-document.txt").read_text()
    titles = [section["title"] for section in course_catalogue.read()["section"]]
    parts = source_page.parts_of(text, titles)

    assert [*parts] == titles
    lines = [line for title in titles for line in (title, *parts[title].splitlines())]
    assert "\n".join(lines).split() == text.split()
    with pytest.raises(ValueError, match="not in the order"):
        source_page.parts_of(text, titles[::-1])


def test_marks_in_a_claim_are_escaped() -> None:
    assert source_page._cell("a|b *c* <d> _e_") == r"a\|b \*c\* \<d\> \_e\_"
