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
    """Different ports of 127.0.0.1 that nobody listens on now, chosen at random.

    Raises:
        OSError: there are not so many.
    """
    found: list[int] = []
    last: OSError | None = None
    with ExitStack() as stack:
        for port in random.SystemRandom().sample(CHOICE, k=len(CHOICE)):
            probe = stack.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                last = error
                probe.close()
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise OSError(
        errno.EADDRNOTAVAIL, f"of 127.0.0.1's ports {CHOICE} {len(found)} are free: {last}"
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
                next_step="Leave --port out: a free port is chosen by itself.",
            ) from None
