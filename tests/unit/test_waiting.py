"""Asking again until a condition is true, for what no watch announces."""

from __future__ import annotations

import itertools
import time

from daemonset_course.cluster.waiting import until


def test_the_first_true_value_is_returned_after_pauses() -> None:
    answers = iter(["", "", "refused", "never asked"])
    began = time.monotonic()

    assert until(lambda: next(answers), timeout=30, pause=0.02) == "refused"
    assert time.monotonic() - began >= 0.04
    assert next(answers) == "never asked"


def test_what_is_true_already_is_not_waited_for() -> None:
    assert until(lambda: "yes", timeout=0, pause=3600) == "yes"


def test_after_the_timeout_the_last_value_is_returned_and_no_pause_outlasts_it() -> None:
    asked = itertools.count()
    began = time.monotonic()

    assert until(lambda: "" if next(asked) >= 0 else "x", timeout=0.1, pause=3600) == ""
    assert 0.1 <= time.monotonic() - began < 30
    assert next(asked) == 2, "at once, and when the time is over"
