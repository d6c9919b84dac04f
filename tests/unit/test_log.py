from __future__ import annotations

from dataclasses import replace

import pytest
from fleet import HEADER

from daemonset_course.errors import BadInput
from daemonset_course.history import log

RECORDS = [log.parse(HEADER), log.Mark(1.5, "é"), log.End(2.0)]


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path):
    log.save(RECORDS, tmp_path / "a.jsonl")

    assert log.load(tmp_path / "a.jsonl") == RECORDS
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_last_line_that_is_cut_off_is_left_out(tmp_path):
    path = tmp_path / "a.jsonl"
    log.save(RECORDS, path)
    path.write_text(path.read_text()[:-10])

    assert log.load(path) == RECORDS[:-1]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    log.save(RECORDS, path)
    path.write_text(path.read_text().replace('{"record":"mark"', "{"))

    with pytest.raises(BadInput, match="Line 2"):
        log.load(path)


@pytest.mark.parametrize("records", [[], [log.Mark(0, "a")], [replace(RECORDS[0], format=9)]])
def test_what_is_no_recording_of_this_format_is_refused(tmp_path, records):
    log.save(records, tmp_path / "a.jsonl")

    with pytest.raises(BadInput):
        log.load(tmp_path / "a.jsonl")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        log.load(tmp_path / "none.jsonl")


def test_slimming_drops_bookkeeping_and_leaves_the_original():
    item = {"metadata": {"name": "a", "managedFields": [1], "annotations": {"keep": "1"}}}

    assert log.without_bookkeeping(item) == {
        "metadata": {"name": "a", "annotations": {"keep": "1"}}
    }
    assert "managedFields" in item["metadata"]
