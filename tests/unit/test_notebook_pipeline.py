from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

import notebooks

LESSON = """\
# %% [markdown]
# # A lesson

# %% tags=["hide"]
fleet = 3
fleet


# %%
fleet
"""
LAB = """\
# %% [markdown] tags=["exercise"]
# Your turn.

# %% [markdown] tags=["solution"]
# How it is done.

# %%
kept = 1
# SOLUTION BEGIN
agent = {"tolerations": [kept]}
# SOLUTION END
# STUB: agent = ...

# %% tags=["solution"]
print("only in the solution")

# %% tags=["exercise"]
print("only in the exercise")

# %%
if kept:
    # SOLUTION BEGIN
    kept = 2
    # SOLUTION END
    # STUB: pass
"""


TITLE = "# %% [markdown]\n# # First\n\n"
TABLE = """
[[part]]
title = "All"

[[part.lesson]]
name = "first"
says = "the first"
objectives = ["do this", "do that"]

[[part.lab]]
name = "01-cover"
after = ["first"]

[[part.lesson]]
name = "second"
says = "the second one"
after = ["first"]

[[part.lesson]]
name = "tag"
says = "tags"
"""


class Course:
    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        path = self.root / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *arguments: str) -> int:
        return notebooks.main(arguments, root=self.root)

    def cells(self, name: str) -> list[Any]:
        return nbformat.read(self.root / name, as_version=4).cells

    def sources(self, name: str) -> list[str]:
        return [cell.source for cell in self.cells(name)]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    course = Course(tmp_path)
    course.write("course.toml", TABLE)
    course.write("lessons/first.py", LESSON)
    course.write("labs/01-cover.py", LAB)
    return course


@pytest.fixture
def built(course: Course) -> Course:
    assert course.run("build") == 0
    return course


def test_a_lesson_becomes_one_notebook(built: Course) -> None:
    first, *cells, last = built.sources("notebooks/00-first.ipynb")

    assert first.startswith(
        "# 00 A lesson\n\nAfter this lesson you can\n\n- do this,\n- do that.\n"
    )
    assert first.endswith("\n\nYou know Pods and Deployments; that is enough.")
    assert cells == ["fleet = 3\nfleet", "fleet"]
    assert last == (
        "You can do [lab 01](../labs/01-cover.ipynb) now.\n\n"
        "Next: [lesson 01](01-second.ipynb): the second one."
    )
    assert not (built.root / "labs/01-first.ipynb").exists()


def test_an_exercise_has_stubs_and_no_solution(built: Course) -> None:
    assert built.sources("labs/01-cover.ipynb") == [
        "Your turn.",
        "kept = 1\nagent = ...",
        'print("only in the exercise")',
        "if kept:\n    pass",
    ]


def test_a_solution_has_neither_stubs_nor_markers(built: Course) -> None:
    assert built.sources("solutions/01-cover.ipynb") == [
        "How it is done.",
        'kept = 1\nagent = {"tolerations": [kept]}',
        'print("only in the solution")',
        "if kept:\n    kept = 2",
    ]


def test_notebooks_hold_no_outputs_and_little_metadata(built: Course) -> None:
    text = (built.root / "labs/01-cover.ipynb").read_text()
    notebook = json.loads(text)

    assert text.endswith("}\n")
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert {json.dumps(cell["metadata"]) for cell in notebook["cells"]} == {"{}"}
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in notebook["cells"])


def test_other_tags_are_kept(built: Course) -> None:
    assert built.cells("notebooks/00-first.ipynb")[1].metadata == {"tags": ["hide"]}


def test_the_source_of_a_cell_that_ends_in_proved_is_folded(course: Course) -> None:
    cells = ["x = 1\nassert x == 1\nproved('one')", "proved('one')\nx = 2", "x = proved('one')"]
    course.write("lessons/first.py", TITLE + "".join(f"# %%\n{cell}\n\n" for cell in cells))
    course.run("build")

    folded = [cell.metadata for cell in course.cells("notebooks/00-first.ipynb")]
    assert folded[1:-1] == [{"jupyter": {"source_hidden": True}}, {}, {}]


def test_the_cells_that_show_the_result_of_a_prediction_are_marked(course: Course) -> None:
    cells = ['x = predict("01-x")\nx', "run()", "x.compare(1)\nproved('it')", "x.compare(2)", "1"]
    course.write("lessons/first.py", TITLE + "".join(f"# %%\n{cell}\n\n" for cell in cells))
    assert course.run("build") == 0

    marks = [cell.metadata for cell in course.cells("notebooks/00-first.ipynb")]
    waits = {"course": {"shows": ["01-x"]}}
    folded = {"jupyter": {"source_hidden": True}}
    assert marks[1:-1] == [{}, waits, waits | folded, waits, {}]


def test_a_new_cell_leaves_the_ids_of_the_others(built: Course) -> None:
    before = [cell.id for cell in built.cells("notebooks/00-first.ipynb")]
    built.write("lessons/first.py", LESSON + "\n# %%\nnew = 1\n")
    built.run("build")
    after = [cell.id for cell in built.cells("notebooks/00-first.ipynb")]

    assert len(set(after)) == 5
    assert [one for one in after if one in before] == before


def test_equal_cells_have_different_ids(course: Course) -> None:
    course.write("lessons/first.py", TITLE + "# %%\nx = 1\n\n# %%\nx = 1\n")
    course.run("build")

    assert len({cell.id for cell in course.cells("notebooks/00-first.ipynb")}) == 4


def test_building_again_writes_nothing(built: Course, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert built.run("build") == 0
    assert built.run("check") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda lab: lab.unlink(), "labs/01-cover.ipynb: missing, though content/labs/01-cover.py"),
        (lambda lab: lab.write_text("{}"), "labs/01-cover.ipynb: differs from content/labs/01"),
        (lambda lab: lab.with_name("09-x.ipynb").touch(), "labs/09-x.ipynb: has no source"),
        (lambda lab: lab.write_bytes(lab.read_bytes()[:-1]), "labs/01-cover.ipynb: differs"),
    ],
    ids=["missing", "different", "extra", "one byte less"],
)
def test_check_names_the_file_and_the_cure(
    built: Course, capsys: pytest.CaptureFixture[str], harm: Any, says: str
) -> None:
    harm(built.root / "labs/01-cover.ipynb")

    assert built.run("check") == 1
    problem = capsys.readouterr().err
    assert problem.startswith(says)
    assert "Next: " in problem


def test_check_writes_nothing(course: Course) -> None:
    assert course.run("check") == 1
    assert [path.name for path in course.root.iterdir()] == ["content"]


def test_a_notebook_that_was_run_is_not_overwritten(
    built: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    path = built.root / "labs/01-cover.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source, notebook.cells[1].execution_count = "agent = 'my work'", 1
    nbformat.write(notebook, path)

    assert built.run("build") == 1
    assert "labs/01-cover.ipynb: somebody ran it" in capsys.readouterr().err
    assert "my work" in path.read_text()
    assert built.run("build", "--overwrite") == 0
    assert "my work" not in path.read_text()


def test_only_builds_by_number_or_name(course: Course) -> None:
    course.write("lessons/second.py", LESSON)

    assert course.run("build", "--only", "01") == 0
    assert not (course.root / "notebooks/01-second.ipynb").exists()
    assert course.run("build", "--only", "second") == 0
    assert (course.root / "notebooks/01-second.ipynb").exists()
    assert course.run("check", "--only", "03") == 1


LONG = "\n".join(f"x{n} = {n}" for n in range(13))
BAD_CELLS = [
    ("# %%\n# SOLUTION BEGIN\nx = 1\n", 2, "without a SOLUTION END"),
    ("# %%\nx = 1\n# SOLUTION END\n", 3, "without a SOLUTION BEGIN"),
    ("# %%\n# SOLUTION BEGIN\n# SOLUTION BEGIN\n# SOLUTION END\n", 3, "inside the one of line 2"),
    ("# %%\nx = 1\n#solution begin\n", 3, "write '# SOLUTION BEGIN'"),
    ("# %%\nx = 1\n# STUB agent = 1\n", 3, "write '# SOLUTION BEGIN'"),
    ("# %%\n# SOLUTION BEGIN\nx = 1\n# SOLUTION END\n", 1, "nothing is left of this cell"),
    ("# %%\nif x:\n    # SOLUTION BEGIN\n    y = 1\n    # SOLUTION END\n", 2, "not Python"),
    ('# %% tags=["solution", "exercise"]\nx = 1\n', 1, "exclude each other"),
    ('# %% tags=["nbval-skip"]\nx = 1\n', 1, "hides failures"),
    ('# %% tags=["raises-exception"]\nx = 1\n', 1, "hides failures"),
    ("# %%\n# NBVAL_SKIP\nx = 1\n", 2, "hides failures"),
    ("# %%\nx = 1\n# !kubectl get nodes\n", 3, "passes unnoticed"),
    ("# %%\n\n# nodes = !kubectl get nodes\n", 3, "passes unnoticed"),
    ("# %%\n# %%bash\n# kubectl get nodes\n", 2, "passes unnoticed"),
    ("# %%\nimport time\n\ntime.sleep(1)\n", 4, "no sleep"),
    ("# %%\nfrom time import sleep\n", 2, "no sleep"),
    (f"# %%\nx = 1\n\n# %%\n{LONG}\n", 4, "13 lines of code"),
    ("# %%\nx = 1\nfrom a import (\n    b,\n    c,\n)\n", 3, "4 lines of imports"),
    ("# %%\nx = 1\n# %kubectl get \\\n#   pods | wc\n", 3, "| needs a shell"),
    ("# %%\n# %%kubectl apply -f - <<EOF\n# a: 1\n", 2, "<< needs a shell"),
    ("# %%\nx = 1\n# %%kubectl apply -f -\n# a: 1\n", 3, "not Python"),
    ('# %%\n\nx = predict("01-x")\nx.compare(1)\n', 4, "ends in x"),
    ('# %%\nx = predict("01-x")\nx\n', 2, "compared in no cell"),
    ("# %% [raw]\nx\n", 1, "a raw cell"),
    ("# ---\n# jupyter:\n#   kernelspec: {name: x}\n# ---\n# %%\nx = 1\n", 1, "cannot read it"),
    ("x = 1\n\n# %%\ny = 1\n", 1, "start every cell so"),
]


@pytest.mark.parametrize(("text", "line", "says"), BAD_CELLS, ids=[bad[2] for bad in BAD_CELLS])
def test_a_bad_cell_is_named_by_file_and_line(
    course: Course, capsys: pytest.CaptureFixture[str], text: str, line: int, says: str
) -> None:
    course.write("labs/01-cover.py", text)

    assert course.run("build") == 1
    problem = capsys.readouterr().err
    assert problem.startswith(f"content/labs/01-cover.py:{line}: ")
    assert says in problem
    assert not (course.root / "labs").exists()


@pytest.mark.parametrize("marker", ["# SOLUTION BEGIN\n# SOLUTION END", "# STUB: x = 1"])
def test_a_lesson_has_no_solution(
    course: Course, capsys: pytest.CaptureFixture[str], marker: str
) -> None:
    course.write("lessons/first.py", f"# %%\nx = 1\n{marker}\n")
    course.write("lessons/tag.py", '# %% tags=["solution"]\nx = 1\n')

    assert course.run("check") == 1
    problems = capsys.readouterr().err
    assert "content/lessons/first.py:3: a marker belongs in a code cell of a lab" in problems
    assert "content/lessons/tag.py:1: tag 'solution' has a meaning in labs only" in problems


def test_what_ipython_allows_is_allowed(course: Course) -> None:
    code = "x = await fleet()\ny = (\n    x\n    % 2\n    != 1\n)\nx != 1"
    course.write("lessons/first.py", f"{TITLE}# %%\n# %matplotlib inline\n{code}\n")

    assert course.run("build") == 0
    assert course.sources("notebooks/00-first.ipynb")[1:-1] == [f"%matplotlib inline\n{code}"]


def test_a_magic_is_a_comment_of_the_source(course: Course) -> None:
    lines = (
        "%kubectl get pods \\\n    -l app={app} \\\n    -o wide\nnames = %kubectl get pods\nx = 1"
    )
    sent = "%%kubectl apply -f -\nkind: X\n\n# a comment\nspec:\n  ls: 1\nls: [a]\ncat:\n%x: 1"
    text = "\n\n".join("# %%\n" + "\n".join(f"# {line}".strip() for line in cell.split("\n"))
                      for cell in (lines, sent))  # fmt: skip
    course.write("lessons/first.py", TITLE + text.replace("# x = 1", "x = 1") + "\n")

    assert course.run("build") == 0
    assert course.sources("notebooks/00-first.ipynb")[1:-1] == [lines, sent]


def test_a_source_that_the_catalogue_lacks_is_named(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.write("lessons/third.py", LESSON)

    assert course.run("build") == 1
    assert (
        "content/lessons/third.py: content/course.toml does not have it" in capsys.readouterr().err
    )


def test_a_file_name_has_small_letters(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    course.write("lessons/First.py", LESSON)

    assert course.run("check") == 1
    assert "content/lessons/First.py:1: rename the file" in capsys.readouterr().err
