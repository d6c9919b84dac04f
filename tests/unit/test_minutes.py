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
        (10, "*About 2 minutes: half a minute that the cluster takes"),
        (60, "*About 3 minutes: 1 minute that the cluster takes"),
        (290, "*About 7 minutes: 5 minutes that the cluster takes"),
    ],
)
def test_the_line_adds_up_cluster_reading_and_predictions(seconds: float, says: str) -> None:
    text = minutes.minutes_line(lesson("word " * minutes.WORDS, "x = predict(...)"), seconds)

    assert text.startswith(says)
    assert text.endswith("and 1 predictions.*")


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
