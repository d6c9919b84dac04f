"""What lessons judge: whose answer it is, and that titles tell only what was asserted before."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from claims import asserts
from daemonset_course.recording.plain_python import plain_python
from notebook_source import Cell, Source, read_sources
from rests_on import CLUSTER, judged

ROOT = Path(__file__).parents[2]
SOURCES, _ = read_sources(ROOT, None)
LESSONS = [pytest.param(source, id=source.name) for source in SOURCES]

STEP = '@step("01-x", needs="logs")\ndef run():\n    return kubectl("logs x")'
IMPORT = "from daemonset_course import kubectl, predict, record\nimport json"


def lesson(*cells: str) -> Source:
    made = [Cell("code", n, ((n, text),), {}) for n, text in enumerate(cells)]
    return Source("content/lessons/x.py", "lessons", "01-x", tuple(made))


def grounds(*cells: str) -> list[set[str]]:
    return [set(one.grounds) for one in judged(lesson(IMPORT, STEP, *cells))]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["assert run.result == 3"], {"01-x"}),
        (["n = len(run.result)", "assert n == 3"], {"01-x"}),
        (["n = run.result", "n = 3", "assert n == 3"], set()),
        (["a, *b = run.result, 3", "assert b"], {"01-x"}),
        (["found = {}\nfound['a'] = run.result", "assert found"], {"01-x"}),
        (["found = []", "found.append(run.result)", "assert found"], {"01-x"}),
        (["n = 1", "n += run.result", "assert n"], {"01-x"}),
        (["for each in run.result:\n    assert each.ready"], {"01-x"}),
        (["for each in (1, 2):\n    assert each == run.result"], {"01-x"}),
        (["with open(run.result) as file:\n    assert file"], {"01-x"}),
        (["def size():\n    return len(run.result)", "assert size() == 3"], {"01-x"}),
        (["def size(run):\n    return len(run)", "assert size(3) == 3"], set()),
        (["def size():\n    run = 3\n    return run", "assert size() == 3"], set()),
        (["assert all(run for run in (1, 2))"], set()),
        (["assert all(each.ready for each in run.result)"], {"01-x"}),
        (["assert (n := run.result)", "assert n == 3"], {"01-x"}),
        (["assert max((1, 2), key=lambda run: run) == 2"], set()),
        (["if run.result:\n    ok = True", "assert ok"], {"01-x"}),
        (
            ["try:\n    kubectl('x')\n    ok = True\nexcept E:\n    ok = False", "assert ok"],
            {CLUSTER},
        ),
        (["text = open('../recordings/scale.json').read()", "assert text"], {"scale"}),
        (["assert kubectl('get pods') == run.result"], {"01-x", CLUSTER}),
        (["assert json.dumps(3) == '3'"], set()),
        (["q.compare(run.result, within=0)"], {"01-x"}),
        (["q.compare(4, within=run.result)"], set()),
        (["x = %kubectl get pods -o jsonpath='{.a}'", "assert x"], {CLUSTER}),
        (["x = %kubectl get {run.result}", "assert x"], {"01-x", CLUSTER}),
        (["%kubectl get pods\nassert run.result"], {"01-x"}),
        (["if q.compare(kubectl('x')):\n    print(1)"], {CLUSTER}),
    ],
)
def test_what_an_assertion_or_a_comparison_rests_on(cells: list[str], expected: set[str]) -> None:
    assert grounds(*cells)[-1] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from daemonset_course.lessons import nodes_with\nassert nodes_with('x')", {CLUSTER}),
        ("from daemonset_course import reset\nassert reset().workers", {CLUSTER}),
        ("from daemonset_course.lessons import label_map\nassert label_map", set()),
        ("from daemonset_course import CommandFailed\nassert CommandFailed", set()),
        ("from pathlib import Path\nassert Path('x')", set()),
    ],
)
def test_only_a_name_that_asks_the_cluster_is_a_fact_of_it(code: str, expected: set[str]) -> None:
    assert grounds(code)[-1] == expected


def test_what_a_function_asserts_is_not_run_at_once() -> None:
    assert grounds("def check():\n    assert run.result") == []


def test_a_cell_that_is_no_python_is_passed_over() -> None:
    assert grounds("assert (", "assert run.result") == [{"01-x"}]


def source_problems(source: Source) -> Iterator[str]:
    """Comparisons that do not say, or say wrongly, whose answer is judged."""
    for one in judged(source):
        if not isinstance(one.node, ast.Call):
            continue
        named = {key.arg: ast.unparse(key.value) for key in one.node.keywords}.get("source", "")
        place = f"{source.path}:{one.cell.start}: {ast.unparse(one.node)}"
        if one.recorded and not (named.endswith(".source") or named in ("'recording'", "'rule'")):
            yield f"{place} judges what a recorded step gave: source=<the step>.source"
        if not one.grounds and named != "'rule'":
            yield f"{place} judges what no cluster gave: source='rule'"


def title_problems(source: Source) -> Iterator[str]:
    """Drawings whose title tells a finding before their cell has asserted anything."""
    for cell in source.cells:
        tree = ast.parse(plain_python(cell.text)) if cell.kind == "code" else ast.Module([], [])
        for number, statement in enumerate(tree.body):
            before = "\n".join(map(ast.unparse, tree.body[:number]))
            if fixed_titles(statement) and not asserts(Cell("code", 0, ((0, before),), {})):
                yield f"{source.path}:{cell.start}: nothing is asserted before {statement.lineno}"


def fixed_titles(statement: ast.stmt) -> list[ast.expr]:
    """The titles in a statement that are not worked out where they stand."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    titles = [key.value for call in calls for key in call.keywords if key.arg == "title"]
    return [title for title in titles if not isinstance(title, ast.JoinedStr)]


def count_problems(source: Source) -> Iterator[str]:
    """Questions for a number, to be met exactly, that do not say of what."""
    code = "\n".join(plain_python(cell.text) for cell in source.cells if cell.kind == "code")
    unit: dict[str, bool] = {}
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="predict")) as asked
            ):
                unit[name] = any(key.arg == "unit" for key in asked.keywords)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="compare")):
                exact = any(key.arg == "within" for key in node.keywords)
                if exact and not unit.get(name, True):
                    yield f"{source.path}: {name} asks for a number of nothing"


@pytest.mark.parametrize("source", LESSONS)
@pytest.mark.parametrize("problems", [source_problems, title_problems, count_problems])
def test_a_lesson_says_whose_answer_it_judges_and_what_it_has_asserted(problems, source) -> None:
    assert list(problems(source)) == []


@pytest.mark.parametrize(
    ("problems", "cells"),
    [
        (source_problems, ["q.compare(run.result)"]),
        (source_problems, ["q.compare(run.result, source='cluster')"]),
        (source_problems, ["q.compare(26 / 7)"]),
        (title_problems, ["run.plot(title='It works')"]),
        (title_problems, ["told = 'It works'", "plot(run, title=told)"]),
        (title_problems, ["run.plot(title='It works')\nassert run.result"]),
        (count_problems, ["q = predict('01-q', 'How many?')", "q.compare(kubectl('x'), within=0)"]),
    ],
)
def test_a_lesson_that_does_not_is_told(problems, cells: list[str]) -> None:
    assert len(list(problems(lesson(IMPORT, STEP, *cells)))) == 1


@pytest.mark.parametrize(
    ("problems", "cells"),
    [
        (source_problems, ["q.compare(run.result, source=run.source)"]),
        (source_problems, ["q.compare(kubectl('x'))"]),
        (source_problems, ["q.compare(26 / 7, source='rule')"]),
        (title_problems, ["assert run.result\nrun.plot(title='It works')"]),
        (title_problems, ["run.plot(title=f'{run.result} of 3')", "run.plot()"]),
        (
            count_problems,
            ["q = predict('01-q', 'How many?', unit='Pods')", "q.compare(1, within=0)"],
        ),
    ],
)
def test_a_lesson_that_does_passes(problems, cells: list[str]) -> None:
    assert list(problems(lesson(IMPORT, STEP, *cells))) == []
