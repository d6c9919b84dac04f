from __future__ import annotations

from pathlib import Path

import pytest

import minutes
from notebook_source import Cell, Source, read_sources

ROOT = Path(__file__).parents[2]


def lesson(prose: str, code: str = "") -> Source:
    texts = [("markdown", prose), ("code", code)]
    cells = [Cell(kind, 1, ((1, text),), {}) for kind, text in texts]
    return Source("content/lessons/first.py", "lessons", "first", tuple(cells))


def test_every_lesson_has_measured_minutes_and_nothing_else_has() -> None:
    sources, _ = read_sources(ROOT, None)
    measured = minutes.read(ROOT)

    assert set(measured) == {one.name for one in sources if one.group == "lessons"}
    assert min(measured.values()) > 1


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (3, "the cluster takes 10 seconds more (measured).*"),
        (64, "the cluster takes 60 seconds more (measured).*"),
        (290, "the cluster takes 290 seconds more (measured).*"),
    ],
)
def test_the_line_names_the_learners_minutes_and_apart_the_clusters(
    seconds: float, says: str
) -> None:
    text = minutes.minutes_line(lesson("word " * 140, "x = predict(...)"), seconds)

    assert text.startswith("*About 3 minutes for reading and 1 question; ")
    assert text.endswith(says)


def test_each_thing_counts_at_its_own_rate() -> None:
    lines = "a = 1\n\nb = 2\nr.plot()\nshow(x)\nexercise('taints').start()"
    asked = minutes.effort(lesson("see [the page](https://example.org/a b)", lines).cells)

    assert asked == minutes.Effort(words=3, lines=5, cells=2, questions=0, pictures=2, exercises=1)
    assert asked.minutes == pytest.approx(3 / 140 + 5 * 4 / 60 + 0.2 + 1.5 + 8)


def test_the_minute_of_a_question_is_also_for_reading_it() -> None:
    for code in ('x = predict(\n    "name",\n    "How many?",\n)\nx', 'symptom("name")'):
        asked = minutes.effort(lesson("", code).cells)

        assert (asked.lines, asked.questions) == (0, 1)
        assert asked.minutes == pytest.approx(1.2)


def test_a_cell_that_only_proves_is_not_read() -> None:
    proof = lesson("", 'assert x == 1\nproved("x is 1")')

    assert minutes.effort(proof.cells).lines == 0


def test_the_total_adds_the_clusters_time() -> None:
    assert minutes.whole_minutes(lesson("word " * 140).cells, 60) == 3


REPORT = """<testsuites><testsuite>
<testcase classname="notebooks.01-first.ipynb" name="Cell 0" time="1.5" />
<testcase classname="notebooks.01-first.ipynb" name="Cell 1" time="2.5" />
<testcase classname="notebooks.02-second.ipynb" name="Cell 0" time="4.0">{}</testcase>
</testsuite></testsuites>"""


def test_the_cells_of_a_notebook_are_summed_up() -> None:
    assert minutes.seconds_of(REPORT.format("")) == {"first": 4.0, "second": 4.0}


@pytest.mark.parametrize("outcome", ["failure", "error"])
def test_a_failed_lesson_is_not_measured(outcome: str) -> None:
    with pytest.raises(ValueError, match="02-second"):
        minutes.seconds_of(REPORT.format(f"<{outcome}/>"))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert minutes.read(tmp_path) == {}
    (tmp_path / "content").mkdir()
    (tmp_path / minutes.FILE).write_text(minutes.written({"02-b": 9.7, "01-a": 4}, "2 CPUs", "d"))

    assert minutes.read(tmp_path) == {"01-a": 4, "02-b": 10}
