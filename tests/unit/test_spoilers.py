"""No answer stands in sight of its question: the rules on small lessons, then on the course."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import facts
from notebook_source import Source, read_sources
from spoilers import spoilers

ROOT = Path(__file__).parents[2]
ASK = 'x = predict("01-x", "How many Pods?", unit="Pods")\nx'
COMPARE = "pods = kubectl('get pods')\nx.compare(pods, within=0)"

# A spoiler that is none, as "NN-question: the literal", and the reason.
ALLOWED: dict[str, str] = {}


def lesson(tmp_path: Path, *cells: str) -> Source:
    """A lesson with these cells; one that begins with # is a text."""
    texts = [f"# %% [markdown]\n{one}\n" if one[0] == "#" else f"# %%\n{one}\n" for one in cells]
    path = tmp_path / "content" / "lessons" / "first.py"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(texts))
    ((source,), problems) = read_sources(tmp_path, None)
    assert problems == []
    return source


def found(tmp_path: Path, *cells: str, **known: Any) -> list[tuple[int, str]]:
    """The spoilers of a lesson with these cells, by line."""
    known = {name.replace("_", "-"): fact for name, fact in known.items()}
    return [(one.line, one.says) for one in spoilers(lesson(tmp_path, *cells), known)]


def test_a_good_lesson_has_none(tmp_path: Path) -> None:
    proof = "assert pods == 3\nproved('three')"
    cells = [
        "# Text",
        ASK,
        f"run()\nlog.plot(title=f'{{n}} Pods')\n{COMPARE}",
        proof,
        "# Three: 3.",
    ]

    assert found(tmp_path, *cells, **{"01_x": 3}) == []


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("assert other == 3", "asserts in sight"),
        ("if pods:\n    assert other == 3", "asserts in sight"),
        ("log.plot(title='Three Pods are left')", "a fixed title"),
        ("show(finding, title='Three')", "a fixed title"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 3, 4])
def test_what_gives_any_answer_away_is_found_around_the_question(
    tmp_path: Path, cell: str, says: str, place: int
) -> None:
    cells = ["a = 1", "b = 2", ASK, "run()", COMPARE]
    cells[place] = f"{cells[place]}\n{cell}"

    ((line, text),) = found(tmp_path, *cells)
    assert says in text
    lines = (tmp_path / "content/lessons/first.py").read_text().splitlines()
    assert lines[line - 1] == cell.splitlines()[-1]


@pytest.mark.parametrize(
    ("comparison", "says"),
    [
        ("x.compare(pods == 3)", ["compares the result with 3: compute it."]),
        ("x.compare((a, b) == (2, 3))", ["compares the result with [2, 3]: compute it."]),
        ("x.compare(a > 0 and b == 3)", ["compares the result with 3: compute it."]),
    ],
)
def test_a_comparison_with_a_literal_is_found(
    tmp_path: Path, comparison: str, says: list[str]
) -> None:
    assert [text for _, text in found(tmp_path, ASK, "run()", comparison)] == says


@pytest.mark.parametrize(
    "cells",
    [
        ["assert a == 3", "b = 2", "c = 3", ASK, COMPARE],
        [ASK, COMPARE, "assert pods == 3"],
        ["assert a == 3\nproved('it')", ASK, "assert b\nproved('b')", COMPARE],
        [ASK, "log.plot(title=f'{n} Pods')", COMPARE],
        [ASK, "print(kubectl('get pods', title))", COMPARE],
        [ASK, "x.compare('both' if len(gone) == 2 else gone)"],
        [ASK, "x.compare(pods == wanted)"],
        [ASK.replace("How many Pods?", "Are three ready?"), "x.compare(ready == 3)"],
    ],
)
def test_what_is_out_of_sight_or_computed_gives_nothing_away(
    tmp_path: Path, cells: list[str]
) -> None:
    assert found(tmp_path, *cells) == []


@pytest.mark.parametrize(
    ("fact", "cell"),
    [
        (3, "# There are 3 Pods left."),
        (3, "if pods != 3:\n    print('?')"),
        (3, "run()  # leaves 3"),
        (3, 'print("3 Pods")'),
        (3, "%kubectl scale deployment web --replicas 3"),
        ("Pending", "# They stay Pending."),
        ("Pending", "print('Pending')"),
        (["n1", "n2"], "nodes = {'n2', 'n1'}"),
        (["n1", "n2"], "# That is n1, n2."),
    ],
)
@pytest.mark.parametrize("place", [0, 2])
def test_a_known_answer_is_found_as_a_whole_token(
    tmp_path: Path, fact: Any, cell: str, place: int
) -> None:
    cells = ["a = 1", ASK, COMPARE]
    cells.insert(place, "# " + cell if cell[0] == "%" else cell)

    ((_, says),) = found(tmp_path, *cells, **{"01_x": fact})
    assert says == f"names the answer, {fact!r}."


@pytest.mark.parametrize(
    ("fact", "cell"),
    [
        (3, "# There are 13 Pods, 3.5 s, 30 %, version 1.3, lesson-3."),
        (3, "# ## 3. The third part"),
        (3, "# 3. The third rule; see lesson 3 and rule 3."),
        (3, "reset(workers=3)"),
        (3, "first = names[3]"),
        ("Pending", "# PendingPods"),
        (["n1", "n2"], "nodes = ['n1']"),
    ],
)
def test_a_part_of_another_word_is_no_answer(tmp_path: Path, fact: Any, cell: str) -> None:
    assert found(tmp_path, ASK, cell, COMPARE, **{"01_x": fact}) == []


CHOOSE = 'x = predict("01-x", choices=("Pending", "Running"))\nx'
NAMES = 'x = predict("01-x", "Which?", nodes=NAMES)\nx'


@pytest.mark.parametrize(
    ("ask", "fact", "cell", "number"),
    [
        (CHOOSE, "Pending", "print('Pending' if ready else 'Running')", 0),
        (CHOOSE, "Pending", "print('Pending')", 0),  # the question names it
        (CHOOSE.replace('("Pending", "Running")', "STATES"), "Pending", "print('Pending')", 1),
        (NAMES, ["n1", "n2"], "print('n1')\nprint('n1, n2')", 0),
        (NAMES, ["n1"], "fail('n1')", 0),
        (NAMES, ["n1", "n2"], "gone = ['n1', 'n2']", 1),
    ],
)
def test_an_option_of_the_question_alone_is_no_answer(
    tmp_path: Path, ask: str, fact: Any, cell: str, number: int
) -> None:
    assert len(found(tmp_path, ask, cell, COMPARE, **{"01_x": fact})) == number


@pytest.mark.parametrize("question", ["Of 3 Pods, how many?", "Of three Pods, how many?"])
def test_what_the_question_says_itself_is_no_spoiler(tmp_path: Path, question: str) -> None:
    ask = ASK.replace("How many Pods?", question)

    assert found(tmp_path, ask, "# The 3 Pods.", COMPARE, **{"01_x": 3}) == []


@pytest.mark.parametrize(
    "assertion",
    [
        "assert pods == 3",
        "assert 3 == pods",
        "assert (a, pods) == (2, 3)",
        "assert b and pods == 3",
    ],
)
def test_an_assertion_about_the_compared_value_says_the_answer(
    tmp_path: Path, assertion: str
) -> None:
    proof = f"{assertion}\nproved('it')"

    assert found(tmp_path, ASK, "# There are 3.", COMPARE, proof) == [(6, "names the answer, 3.")]


def test_the_course_gives_no_answer_away() -> None:
    sources, _ = read_sources(ROOT, None)
    known = facts.read(ROOT)
    all_found = [
        one
        for source in sources
        for one in spoilers(source, known)
        if f"{one.question_id}: {one.says}" not in ALLOWED
    ]

    assert "\n".join(map(str, all_found)) == ""
