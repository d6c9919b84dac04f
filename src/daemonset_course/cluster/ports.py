"""Ports of this machine: free ones, and a taken one refused before anything is started."""

from __future__ import annotations

import errno
import random
import socket
from contextlib import ExitStack

from daemonset_course.errors import BadInput

# None that Linux (from 32768 on) or macOS (from 49152 on) gives to an outgoing connection: such a
# connection could take the port of a component that died, and `up` could not start it again. And no
# NodePort (from 30000 on).
CHOICE = range(20000, 30000)


def free_ports(count: int) -> list[int]:
    """A row of ports of 127.0.0.1 that nobody listens on now, chosen at random.

    A row, since two clusters made at once then hardly ever choose the same port.

    Raises:
        OSError: there is no such row.
    """
    last: OSError | None = None
    starts = range(CHOICE.start, CHOICE.stop - count + 1, count)
    for first in random.SystemRandom().sample(starts, k=len(starts)):
        row = list(range(first, first + count))
        try:
            with ExitStack() as stack:
                for port in row:
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError as error:
            last = error
        else:
            return row
    raise OSError(
        errno.EADDRNOTAVAIL, f"no {count} in a row of the ports {CHOICE} are free: {last}"
    )


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
                next_step="Leave --api-port out: a free port is chosen by itself.",
            ) from error
