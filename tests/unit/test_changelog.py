"""The changelog's format numbers, versions and names are those of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from daemonset_course.binaries.pinned import versions

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "daemonset_course"
PAGE = (ROOT / "CHANGELOG.md").read_text()


def formats() -> dict[str, int]:
    """Each format number of the package, by module."""
    return {
        path.relative_to(PACKAGE).as_posix(): node.value.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, int)
        and ast.unparse(node.targets[0]).endswith("FORMAT")
    }


def test_the_format_numbers_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| .*\(`([\w/.]+)`\) \| (\d+) \|", PAGE, re.M)

    assert {module: int(number) for module, number in rows} == formats()
    assert len(rows) == len(formats())


def test_the_form_is_that_of_keep_a_changelog() -> None:
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    named = re.findall(r"^## (.+)$", PAGE, re.M)

    assert named[:2] == ["File formats", "[Unreleased]"]
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", name) for name in named[2:])
    assert set(re.findall(r"^### (.+)$", PAGE, re.M)) <= allowed


def test_the_kubernetes_minors_are_those_that_can_be_chosen() -> None:
    added = PAGE.partition("### Added")[2].partition("###")[0]
    minors = sorted(version.removeprefix("v").rpartition(".")[0] for version in versions())

    assert f"- Kubernetes {', '.join(minors[:-1])} and {minors[-1]}, with" in added


def test_the_lessons_and_labs_are_those_that_are_there() -> None:
    lessons = sorted(path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb"))
    labs = sorted(path.name[:2] for path in (ROOT / "content" / "labs").glob("*.py"))

    assert f"- Lessons {lessons[0]} to {lessons[-1]}:" in PAGE
    assert re.findall(r"^- Lab (\d\d),", PAGE, re.M) == labs
