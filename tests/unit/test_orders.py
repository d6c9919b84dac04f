from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import orders

LESSONS = [Path(f"{number:02}-lesson.ipynb") for number in range(17)]


@pytest.mark.parametrize("run", orders.RUNS)
def test_every_run_has_every_lesson(run: str) -> None:
    assert set(orders.order(run, LESSONS, seed=1)) == set(LESSONS)


def test_a_path_has_its_lessons_and_solutions_in_the_order_of_the_course() -> None:
    half = [
        path.relative_to(orders.ROOT).as_posix()
        for path in orders.order("path-half-day", LESSONS, 1)
    ]

    assert half[0] == "notebooks/00-start-here.ipynb"
    assert "solutions/06-roll-within-budget.ipynb" in half
    (rolling,) = (one for one in half if one.endswith("-rolling-update.ipynb"))
    assert half.index(rolling) < half.index("solutions/06-roll-within-budget.ipynb")
    for run in orders.PATHS:
        with orders.shortened(run):
            assert all((orders.ROOT / one).is_file() for one in orders.order(run, LESSONS, 1))
    assert not [*orders.ROOT.glob(".path-*")]


def test_a_shortened_lesson_has_its_beginning_and_the_named_sections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = replace(orders.PATHS["path-workshop"], sections={"one-pod-per-node": ("The claim",)})
    monkeypatch.setitem(orders.PATHS, "path-workshop", path)
    with orders.shortened("path-workshop"):
        (file,) = (orders.ROOT / ".path-workshop").glob("*.ipynb")
        cells = json.loads(file.read_text())["cells"]

    firsts = [cell["source"][0].strip() for cell in cells if cell["cell_type"] == "markdown"]
    assert file == orders.order("path-workshop", LESSONS, 1)[1]
    assert [one for one in firsts if one.startswith("## ")] == ["## The claim"]


def test_twice_is_twice_in_a_row() -> None:
    made = orders.order("twice", LESSONS, seed=1)

    assert made[::2] == made[1::2] == LESSONS


def test_shuffled_orders_differ_and_come_back_with_their_seed() -> None:
    runs = [run for run in orders.RUNS if run.startswith("shuffled")]
    made = [orders.order(run, LESSONS, seed=1) for run in runs]

    assert len({tuple(one) for one in [LESSONS, *made]}) == 4
    assert made == [orders.order(run, LESSONS, seed=1) for run in runs]
    assert made != [orders.order(run, LESSONS, seed=2) for run in runs]


def test_only_fresh_and_dirty_begin_each_lesson_anew() -> None:
    assert [orders.start(run) for run in orders.RUNS] == ["fresh", "dirty", "", "", "", ""]


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (0, "=== 3 passed in 2.00s ===\n", "fresh passed 12 s 3 passed in 2.00s"),
        (
            1,
            "=== 1 failed, 2 passed in 2.00s ===\n",
            "fresh FAILED (1) 12 s 1 failed, 2 passed in 2.00s",
        ),
        (2, "no such file\n", "fresh FAILED (2) 12 s no summary"),
    ],
)
def test_a_run_is_one_line(tmp_path: Path, status: int, text: str, expected: str) -> None:
    output = tmp_path / "fresh.txt"
    output.write_text(text)

    line = orders.line(orders.Result("fresh", status, output, 12.3))
    assert " ".join(line.split()) == expected


def test_a_failed_run_fails_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def carry_out(run: str, lessons: list[Path], folder: Path, seed: int) -> orders.Result:
        assert lessons
        output = folder / f"{run}.txt"
        output.write_text(f"{run} {seed} said this\n")
        return orders.Result(run, int(run == "dirty"), output, 1.0)

    monkeypatch.setattr(orders, "carry_out", carry_out)

    assert orders.main(["--folder", str(tmp_path), "--runs", "fresh", "twice"]) == 0
    assert orders.main(["--folder", str(tmp_path), "--seed", "7"]) == 1
    assert "--- dirty\ndirty 7 said this" in capsys.readouterr().out
