from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import claims
from notebook_source import Cell, Source, read_sources

ROOT = Path(__file__).parents[2]
LEDGER = claims.read_claims(ROOT / claims.LEDGER)
SOURCES, UNREAD = read_sources(ROOT, None)

Row = dict[str, Any]
HEADING = "Many nodes join"


def row(one: str, verdict: str = "true", lesson: str = "first", **more: Any) -> Row:
    words = {"says": "s", "asserts": "a", "correction": "c", "source": "https://x.example/y"}
    return {"id": one, "verdict": verdict, "lesson": lesson} | words | more


def text(words: str) -> Cell:
    return Cell("markdown", 0, tuple(enumerate(words.splitlines(), 1)), {})


def full() -> list[Row]:
    return [row(one) for one in claims.IDS]


def shown(one: str = "C05", verdict: str = "true", cells: int = 1, **more: Any) -> Row:
    return row(one, verdict, cells=[HEADING] * cells, **more)


def lesson(*cells: tuple[str, str], name: str = "first", group: str = "lessons") -> Source:
    made = [text(f"# 01 First\n\n## {HEADING}\n\nSome # words.")]
    made += [
        Cell("code", start, tuple(enumerate(text.splitlines(), start + 1)), {"tags": [tag]})
        for start, (tag, text) in enumerate(cells, 1)
    ]
    return Source(f"content/{group}/{name}.py", group, name, tuple(made))


def test_the_ledger_is_whole() -> None:
    assert claims.ledger_problems(LEDGER) == []


def test_every_claim_is_shown_by_its_lesson_and_no_lesson_shows_another() -> None:
    assert UNREAD == []
    assert claims.lesson_problems(LEDGER, SOURCES) == []


def test_the_table_counts_every_claim_once() -> None:
    last = claims.table(LEDGER).splitlines()[-1].split()

    assert sum(map(int, last[1:-1])) == int(last[-1]) == 101


def test_there_are_101_claims() -> None:
    assert len(claims.IDS) == len(set(claims.IDS)) == 101
    assert (claims.IDS[0], claims.IDS[98], claims.IDS[-1]) == ("C01", "C99", "C101")


def test_a_full_ledger_has_no_problem() -> None:
    assert claims.ledger_problems(full()) == []


def swapped() -> list[Row]:
    rows = full()
    rows[98], rows[99] = rows[99], rows[98]
    return rows


WRONG_LEDGERS = {
    "missing": (full()[1:], "C01: missing"),
    "the last missing": (full()[:-1], "C101: missing"),
    "double": ([row("C01"), *full()], "C01: 2 times"),
    "unknown": ([*full(), row("C102")], "C102: there is no such claim"),
    "no id": ([*full(), row("")], "(no id): there is no such claim"),
    "unsorted": (swapped(), "not sorted"),
    "too many undecided": (
        [row(one, "undecided" if n < 16 else "true") for n, one in enumerate(claims.IDS)],
        "16 claims are undecided",
    ),
}


@pytest.mark.parametrize("name", WRONG_LEDGERS)
def test_a_wrong_ledger_is_told(name: str) -> None:
    rows, says = WRONG_LEDGERS[name]

    assert any(says in line for line in claims.ledger_problems(rows))


def test_fifteen_may_be_undecided() -> None:
    rows = [row(one, "undecided" if n < 15 else "true") for n, one in enumerate(claims.IDS)]

    assert claims.ledger_problems(rows) == []


WRONG_ROWS = [
    ({"says": ""}, "no says"),
    ({"says": " "}, "no says"),
    ({"lesson": ""}, "no lesson"),
    ({"asserts": ""}, "no asserts"),
    ({"verdict": ""}, "no verdict"),
    ({"verdict": "right"}, "verdict 'right' is none of true"),
    ({"verdict": "partly", "correction": ""}, "no correction"),
    ({"verdict": "dated", "correction": ""}, "no correction"),
    ({"verdict": "wrong", "correction": ""}, "no correction"),
    ({"verdict": "undecided", "source": ""}, "undecided without"),
    ({"verdict": "undecided", "source": "a book"}, "undecided without"),
    ({"remark": "r"}, "unknown field remark"),
    ({"recorded": False}, "recorded is true or left out, not False"),
    ({"recorded": "yes"}, "recorded is true or left out, not 'yes'"),
]


@pytest.mark.parametrize(("change", "says"), WRONG_ROWS, ids=lambda value: str(value))
def test_a_wrong_row_is_told_with_its_id(change: Row, says: str) -> None:
    rows = full()
    rows[4] |= change

    (problem,) = claims.ledger_problems(rows)
    assert problem.startswith(f"C05: {says}")


def test_a_missing_field_is_told() -> None:
    rows = full()
    for field in claims.FIELDS[1:]:
        del rows[4][field]

    assert {line.rpartition(" ")[2] for line in claims.ledger_problems(rows)} == {
        *claims.FIELDS[1:]
    }


def test_a_true_claim_needs_no_correction_and_an_undecided_one_no_cell() -> None:
    rows = full()
    del rows[4]["correction"], rows[4]["source"]
    rows[5] = row("C06", "undecided", asserts="")

    assert claims.ledger_problems(rows) == []
    assert claims.lesson_problems(rows[5:6], []) == []


SHOWN = lesson(("claim-C05", "assert pods == 3"))


def test_a_claim_with_an_asserting_cell_in_its_lesson_is_shown() -> None:
    assert claims.lesson_problems([shown()], [SHOWN]) == []


@pytest.mark.parametrize("verdict", ["true", "partly", "dated", "wrong"])
def test_a_decided_claim_without_a_cell_is_told(verdict: str) -> None:
    untagged = lesson(("hide", "assert pods == 3"))

    assert claims.lesson_problems([row("C05", verdict)], [untagged]) == [
        "C05: no cell of lesson first shows it"
    ]


def test_a_cell_in_another_lesson_shows_nothing() -> None:
    problems = claims.lesson_problems([row("C05", lesson="second")], [SHOWN])

    assert problems == [
        "content/lessons/first.py:1: the ledger does not give 'claim-C05' to this file",
        "C05: no cell of lesson second shows it",
    ]


@pytest.mark.parametrize("tag", ["claim-C06", "claim-c05", "claim-C5", "claim", "claims-C05"])
def test_a_tag_that_the_ledger_does_not_give_is_told(tag: str) -> None:
    second = ("claim-C05", "assert pods == 3")
    (problem,) = claims.lesson_problems([shown()], [lesson((tag, "assert pods"), second)])

    assert problem == f"content/lessons/first.py:1: the ledger does not give {tag!r} to this file"


def test_a_lab_shows_no_claim() -> None:
    lab = lesson(("claim-C05", "assert pods == 3"), group="labs")
    (problem,) = claims.lesson_problems([shown()], [SHOWN, lab])

    assert problem.startswith("content/labs/first.py:1: the ledger does not give")


TWO = lesson(("claim-C05", "assert pods == 3"), ("claim-C05", "assert nodes == 3"))


def test_one_cell_of_two_that_is_gone_is_told() -> None:
    assert claims.lesson_problems([shown(cells=2)], [TWO]) == []

    (problem,) = claims.lesson_problems([shown(cells=2)], [SHOWN])
    named = f"['{HEADING}', '{HEADING}']"
    assert problem.startswith(f"C05: the ledger names cells {named}, lesson first")


@pytest.mark.parametrize("named", [[], [HEADING], ["Another", HEADING], [HEADING] * 3])
def test_cells_that_the_ledger_does_not_name_are_told(named: list[str]) -> None:
    (problem,) = claims.lesson_problems([row("C05", cells=named)], [TWO])

    assert problem.startswith("C05: the ledger names cells ")


def test_the_tool_writes_the_cells_and_nothing_else() -> None:
    rows = [
        '[[claim]]\nid = "C05"\nlesson = "first"\n{}asserts = "a"\n\n',
        '[[claim]]\nid = "C06"\nlesson = "first"\n{}asserts = "a"\n',
    ]
    old = "# words\n\n" + rows[0].format("") + rows[1].format('cells = ["Gone"]\n')
    written = claims.with_cells(old, [TWO])

    named = f'cells = ["{HEADING}", "{HEADING}"]\n'
    assert written == "# words\n\n" + rows[0].format(named) + rows[1].format("")
    assert claims.with_cells(written, [TWO]) == written


ASSERTING = [
    "assert pods == 3",
    "for pod in pods:\n    assert pod.ready",
    "with rejected('must not'):\n    apply(bad)",
    "with record('a') as run, rejected('must not'):\n    apply(bad)",
    "assert (await pods()) == 3",
    "assert pods == wanted or nodes == wanted",
    "wanted = 3\nassert pods == wanted",
    "wanted = 3\nwanted += 1\nassert wanted == 4",
    "pods = count()\nassert pods == 3",
    "assert not Path('x').exists()",
    "pods = %kubectl get pods -o name\nassert pods.count('pod/') == 3",
]
NOT_ASSERTING = [
    "pods == 3",
    "# assert pods == 3",
    "'assert pods == 3'",
    "assert True",
    "assert 3 == 3, pods",
    "assert len('abc') == max(1, 3)",
    "assert pods == pods",
    "assert pods == 3 or True",
    "assert (pods == 3, 'three')",
    "wanted = 3\nassert wanted == 3",
    "def check():\n    assert pods == 3",
    "async def check():\n    assert pods == 3",
    "class Check:\n    assert pods == 3",
    "def check():\n    with rejected('must not'):\n        apply(bad)",
    "with record('a') as rejected:\n    apply(bad)",
    "rejected('must not')",
    "assert pods ==",
]


@pytest.mark.parametrize("code", ASSERTING)
def test_a_cell_that_asserts_is_known(code: str) -> None:
    assert claims.lesson_problems([shown()], [lesson(("claim-C05", code))]) == []


@pytest.mark.parametrize("code", NOT_ASSERTING)
def test_a_tagged_cell_that_asserts_nothing_is_told(code: str) -> None:
    both = lesson(("claim-C05", "assert pods == 3"), ("claim-C05", code))

    assert claims.lesson_problems([shown(cells=2)], [both]) == [
        "content/lessons/first.py:2: the cell of C05 asserts nothing"
    ]


STEP = '@step("01-x", needs="logs")\ndef run():\n    return kubectl("logs x")'
RECORDED = lesson(("hide", STEP), ("hide", "n = len(run.result)"), ("claim-C05", "assert n == 3"))


def test_a_claim_that_only_a_recording_shows_says_so() -> None:
    assert claims.lesson_problems([shown(recorded=True)], [RECORDED]) == []
    assert claims.lesson_problems([shown()], [RECORDED]) == [
        "C05: not recorded = true, but an assertion of its cells rests on a recorded step"
    ]


def test_a_claim_that_no_recording_shows_does_not_say_so() -> None:
    step_beside = lesson(("hide", STEP), ("claim-C05", "run\nassert pods == 3"))

    assert claims.lesson_problems([shown()], [step_beside]) == []
    for source in (SHOWN, step_beside):
        assert claims.lesson_problems([shown(recorded=True)], [source]) == [
            "C05: recorded, but no assertion of its cells rests on a recorded step"
        ]


def test_one_recorded_assertion_of_several_is_enough() -> None:
    both = lesson(
        ("hide", STEP), ("claim-C05", "assert pods == 3"), ("claim-C05", "assert run.result == 3")
    )

    assert claims.lesson_problems([shown(cells=2, recorded=True)], [both]) == []
    assert len(claims.lesson_problems([shown(cells=2)], [both])) == 1


def test_a_text_cell_asserts_nothing() -> None:
    code = SHOWN.cells[-1]

    assert claims.asserts(code)
    assert not claims.asserts(Cell("markdown", code.start, code.lines, code.metadata))


def test_the_tool_prints_the_table_and_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "content" / "lessons").mkdir(parents=True)
    ledger = tmp_path / claims.LEDGER
    fields = "\n".join(f'{key} = "{value}"' for key, value in row("C05", "dated").items())
    ledger.write_text(f"[[claim]]\n{fields}\n")

    assert claims.main(tmp_path) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[2].split() == ["first", "1", "1"]
    assert "C01: missing in the ledger" in printed.err
    assert "C05: no cell of lesson first shows it" in printed.err


def test_the_tool_notes_the_cells_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "content" / "lessons").mkdir(parents=True)
    ledger, source = tmp_path / claims.LEDGER, tmp_path / "content" / "lessons" / "first.py"
    ledger.write_text('[[claim]]\nid = "C05"\nlesson = "first"\n')
    source.write_text(f'# %% [markdown]\n# ## {HEADING}\n\n# %% tags=["claim-C05"]\nassert pods\n')

    claims.main(tmp_path)
    assert "cells" not in ledger.read_text()
    claims.main(tmp_path, ["--write"])
    assert claims.read_claims(ledger)[0]["cells"] == [HEADING]
