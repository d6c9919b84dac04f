"""Let widgets answer while a cell runs, in kernels with subshells (ipykernel 7 and later).

JupyterLab sends what one does to a widget to a subshell, a thread of its own. ipykernel 7.4 hands
it on to the shell in which the widget was changed last: mostly to the one in which the cell runs,
where it waits for the end of the cell.
"""

from __future__ import annotations

from typing import Any


def answer_while_a_cell_runs(*widgets: Any) -> None:
    """Handle the messages to these widgets where JupyterLab sends them.

    Call it for all widgets that belong together, or a button reads an old value of a field. A
    kernel without subshells, and code outside a kernel, are left as they are.
    """
    for widget in widgets:
        if hasattr(widget.comm, "_reply_subshell_for"):  # private: no setting of ipykernel exists
            widget.comm._reply_subshell_for = _where_it_was_sent


def _where_it_was_sent(data: Any, sent_to: str | None) -> str | None:  # noqa: ARG001 - ipykernel's signature
    return sent_to
