"""The playground: choose a fleet and a budget, predict, roll, compare with the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daemonset_course.playground.panel import Panel


def playground(**chosen: Any) -> Panel:
    """Return a panel on which to choose a fleet and a budget, predict, roll and compare.

    A kernel has one panel: a new one closes the one before it. Nothing is done to the cluster
    until *Roll* is pressed, or ``roll`` is called.

    Args:
        chosen: values of fields, such as ``nodes=12`` or ``max_surge="10%"``; see ``Settings``.

    Raises:
        BadInput: there is no such field.
    """
    from daemonset_course.playground.panel import open_panel  # noqa: PLC0415 - widgets, 110 ms

    return open_panel(chosen)
