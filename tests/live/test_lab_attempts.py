"""Attempts at the tasks of labs: a file of its own, so another worker plays the others."""

from __future__ import annotations

import pytest
from proof import Attempt

from live.played_attempts import earns_its_own_verdict, played


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize("attempt", list(played(exercises=False)), ids=str)
def test_an_attempt_earns_its_own_verdict(attempt: Attempt) -> None:
    earns_its_own_verdict(attempt)
