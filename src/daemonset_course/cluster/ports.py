"""Ports of this machine: free ones, and a taken one refused before anything is started."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from daemonset_course.errors import BadInput


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody listens on now, as the system hands them out."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def refuse_taken(port: int | None) -> None:
    """Nothing, when the port asked for can be listened on.

    Raises:
        BadInput: it cannot.
    """
    if not port:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadInput(
                f"Port {port} on 127.0.0.1 cannot be used.",
                seen=str(error),
                next_step="Leave --port out: a free port is chosen by itself.",
            ) from None
