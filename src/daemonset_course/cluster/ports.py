"""Find free ports of this machine, and refuse a port in use before anything is started."""

from __future__ import annotations

import errno
import random
import socket
from contextlib import ExitStack

from daemonset_course.errors import BadInput

# Below the ports of outgoing connections (Linux from 32768, macOS from 49152): such a connection
# could take the port of a component that ended, and `up` could not start it again. Also below the
# NodePorts (from 30000).
CHOICE = range(20000, 30000)


def free_ports(count: int) -> list[int]:
    """Return consecutive free ports of 127.0.0.1, chosen at random.

    Consecutive, so that two clusters created at once hardly ever choose the same port.

    Raises:
        OSError: there are not so many consecutive free ports.
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
    """Check that a program can listen on a port.

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
                next_step="Leave --api-port out: the course then chooses a free port.",
            ) from error
