"""The page that compares simulated kubelets with real ones is that of its recordings."""

from __future__ import annotations

import pytest

import kubelet_table
from kubelet_cases import CASES
from kubelet_table import Seen, differences


def seen(*shown: str, phase: str = "Running", conditions: str = "Initialized") -> Seen:
    return Seen([*shown], ["Pending", phase], [conditions], 0)


def test_the_page_is_that_of_the_recordings() -> None:
    found = kubelet_table.recordings()

    assert kubelet_table.PAGE.read_text() == kubelet_table.page(found), "tools/kubelet_table.py"
    for one in found.values():
        assert [*one["pods"]] == [*CASES], "make kubelet-table"


@pytest.mark.parametrize("name", CASES)
def test_a_simulated_pod_comes_to_its_last_state(name: str) -> None:
    shown = kubelet_table.recordings()["embedded"]["pods"][name]["shown"]

    assert any(last in shown for last in CASES[name].last)


def test_what_differs_is_named() -> None:
    here = seen("0/1 Running", "1/1 Running")
    there = seen("0/1 Error", "0/1 Running", "1/1 Running")

    assert differences(here, here) == []
    assert differences(here, there) == ["real only: `0/1 Error`"]
    assert differences(there, here) == ["simulated only: `0/1 Error`"]
    assert any("the end" in text for text in differences(here, seen("0/1 Running")))
    assert any("phase" in text for text in differences(here, here._replace(phases=["Failed"])))
    other = here._replace(conditions=["Initialized", "Ready"])
    assert differences(here, other) == ["other conditions are True"]
