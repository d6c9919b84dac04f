"""Call an agent from a Pod on one node, by each way that an application has."""

from __future__ import annotations

from collections.abc import Collection

from daemonset_course.verbs.shells import shell

CALLS = 10
_ASK = "wget -qO- -T 3 http://{} 2>/dev/null"
# The agent writes what it gets at the socket with its node's name, the fourth word of the line.
_SEND = (
    r'id=$$.$n; logger $id; for try in $(seq 50); do grep " $id\$" /run/near/messages && break; '
    "usleep 20000; done | cut -d' ' -f4"
)
# Sources: kubernetes.io, Expose Pod Information to Containers (status.hostIP); Service Internal
# Traffic Policy; Volumes, hostPath.
WAYS = {
    "hostIP": _ASK.format("$HOST_IP:9102"),
    "Service, Local": _ASK.format("local"),
    "Service": _ASK.format("cluster"),
    "socket": _SEND,
}


def call_agents(caller: str, node: str) -> dict[str, str]:
    """Return by way whose agents answered ten calls from the first Pod of a DaemonSet.

    The ways are the node's address (``HOST_IP``) with a port of the node, the Services ``local``
    and ``cluster``, and a socket in ``/run/near`` of the node. The answers are ``its node's``,
    ``another node's``, ``both`` and ``nobody``.

    Args:
        caller: the DaemonSet that calls.
        node: the node of that Pod.

    Raises:
        CommandFailed: there is no such Pod.
    """
    numbers = " ".join(map(str, range(CALLS)))
    answers = {
        way: shell(f"daemonset/{caller}", f"for n in {numbers}; do {command}; done | sort -u")
        for way, command in WAYS.items()
    }
    return {way: whose(text.split(), node) for way, text in answers.items()}


def whose(answers: Collection[str], node: str) -> str:
    """Return whose agents answered, given the names of their nodes."""
    if not answers:
        return "nobody"
    if node not in answers:
        return "another node's"
    return "its node's" if len(set(answers)) == 1 else "both"
