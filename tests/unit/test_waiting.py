"""Asking again until a condition is true, for what no watch announces."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from fake_server import FakeServer

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.waiting import until, wait_for


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


def test_a_condition_that_asks_for_more_than_the_watched_objects_is_looked_at_again(
    tmp_path: Path,
) -> None:
    """No event comes, and what makes it true is elsewhere, such as a node that is ready again."""
    answers = iter([False, True])
    with FakeServer() as server:
        found = wait_for(
            Api(server.kubeconfig(tmp_path)),
            "/api/v1/pods",
            lambda _: next(answers),
            what="a node",
            explain=lambda _: "not ready",
            timeout=20,
        )

    assert found == {}
