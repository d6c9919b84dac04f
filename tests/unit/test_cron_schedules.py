"""A schedule that means each night at 2:00 is known in any form."""

from __future__ import annotations

import pytest

from daemonset_course.lab.tasks.daemonset_or_deployment_exercise import at_two


@pytest.mark.parametrize(
    "schedule",
    ["0 2 * * *", "00 02 * * *", "0 2 * * SUN-SAT", "0 2 1-31 * *", "0 2 * 1-12 *", "0 2 ? * ?",
     "0 2 * * 0,1,2,3,4,5,6", "0 2 * * 1-7", "0 2 */1 jan-dec *"],
)  # fmt: skip
def test_each_night_at_two(schedule: str) -> None:
    assert at_two(schedule)


@pytest.mark.parametrize(
    "schedule",
    ["2 0 * * *", "0 2 * * 1-5", "* 2 * * *", "*/30 2 * * *", "0 2,14 * * *", "0 2 */2 * *",
     "0 2 * 1-11 *", "0 2 * *", "@daily", "", "0 2 * * mon-x"],
)  # fmt: skip
def test_any_other_time(schedule: str) -> None:
    assert not at_two(schedule)
