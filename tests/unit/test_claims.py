from __future__ import annotations

from pathlib import Path

import pytest

import claims
from notebook_source import Cell, Source, read_sources

ROOT = Path(__file__).parents[2]
LEDGER = claims.read_claims(ROOT / claims.LEDGER)
SOURCES, UNREAD = read_sources(ROOT, None)

Row = dict[str, str]


def row(one: str, verdict: str = "true", lesson: str = "01", **more: str) -> Row:
    words = {"says": "s", "asserts": "a", "correction": "c", "source": "https://x.example/y"}
    return {"id": one, "verdict": verdict, "lesson": lesson} | words | more


def full() -> list[Row]:
    return [row(one) for one in claims.IDS]


def lesson(*cells: tuple[str, str], name: str = "01-first", group: str = "lessons") -> Source:
    made = [
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
    ({"corection": "c"}, "unknown field corection"),
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
    assert claims.lesson_problems([row("C05")], [SHOWN]) == []


@pytest.mark.parametrize("verdict", ["true", "partly", "dated", "wrong"])
def test_a_decided_claim_without_a_cell_is_told(verdict: str) -> None:
    untagged = lesson(("hide", "assert pods == 3"))

    assert claims.lesson_problems([row("C05", verdict)], [untagged]) == [
        "C05: no cell of lesson 01 shows it"
    ]


def test_a_cell_in_another_lesson_shows_nothing() -> None:
    problems = claims.lesson_problems([row("C05", lesson="02")], [SHOWN])

    assert problems == [
        "content/lessons/01-first.py:1: the ledger does not give 'claim-C05' to this file",
        "C05: no cell of lesson 02 shows it",
    ]


@pytest.mark.parametrize("tag", ["claim-C06", "claim-c05", "claim-C5", "claim", "claims-C05"])
def test_a_tag_that_the_ledger_does_not_give_is_told(tag: str) -> None:
    second = ("claim-C05", "assert pods == 3")
    (problem,) = claims.lesson_problems([row("C05")], [lesson((tag, "assert pods"), second)])

    assert (
        problem == f"content/lessons/01-first.py:1: the ledger does not give {tag!r} to this file"
    )


def test_a_lab_shows_no_claim() -> None:
    lab = lesson(("claim-C05", "assert pods == 3"), group="labs")
    (problem,) = claims.lesson_problems([row("C05")], [SHOWN, lab])

    assert problem.startswith("content/labs/01-first.py:1: the ledger does not give")


ASSERTING = [
    "assert pods == 3",
    "for pod in pods:\n    assert pod.ready",
    "with rejected('must not'):\n    apply(bad)",
    "with record('a') as run, rejected('must not'):\n    apply(bad)",
    "assert (await pods()) == 3",
]
NOT_ASSERTING = [
    "pods == 3",
    "# assert pods == 3",
    "'assert pods == 3'",
    "assert True",
    "assert 3 == 3, pods",
    "def check():\n    assert pods == 3",
    "async def check():\n    assert pods == 3",
    "class Check:\n    assert pods == 3",
    "def check():\n    with rejected('must not'):\n        apply(bad)",
    "with record('a') as rejected:\n    apply(bad)",
    "rejected('must not')",
    "assert pods ==",
]


@pytest.mark.parametrize("text", ASSERTING)
def test_a_cell_that_asserts_is_known(text: str) -> None:
    assert claims.lesson_problems([row("C05")], [lesson(("claim-C05", text))]) == []


@pytest.mark.parametrize("text", NOT_ASSERTING)
def test_a_tagged_cell_that_asserts_nothing_is_told(text: str) -> None:
    both = lesson(("claim-C05", "assert pods == 3"), ("claim-C05", text))

    assert claims.lesson_problems([row("C05")], [both]) == [
        "content/lessons/01-first.py:2: the cell of C05 asserts nothing"
    ]


def test_a_text_cell_asserts_nothing() -> None:
    (code,) = SHOWN.cells
    text = Cell("markdown", code.start, code.lines, code.metadata)

    assert not claims.asserts(text)


def test_the_tool_prints_the_table_and_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "content" / "lessons").mkdir(parents=True)
    ledger = tmp_path / claims.LEDGER
    fields = "\n".join(f'{key} = "{value}"' for key, value in row("C05", "dated").items())
    ledger.write_text(f"[[claim]]\n{fields}\n")

    assert claims.main(tmp_path) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[2].split() == ["01", "1", "1"]
    assert "C01: missing in the ledger" in printed.err
    assert "C05: no cell of lesson 01 shows it" in printed.err
