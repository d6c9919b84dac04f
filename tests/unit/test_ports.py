"""Which ports the components of a cluster get."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from daemonset_course.cluster import ports

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_they_differ_and_can_be_listened_on() -> None:
    found = ports.free_ports(6)
    assert len(set(found)) == 6
    for port in found:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


@pytest.mark.skipif(not RANGE.exists(), reason="only Linux tells which ports are for connections")
def test_no_outgoing_connection_can_take_one() -> None:
    first = int(RANGE.read_text().split()[0])
    if first < 32768:
        pytest.skip(f"this machine is set to give connections ports from {first} on")
    assert max(ports.CHOICE) < first


def test_a_taken_one_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    port, free = ports.free_ports(2)
    monkeypatch.setattr(ports, "CHOICE", range(port, free + 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        assert ports.free_ports(1) == [free]
        with pytest.raises(OSError, match=r"no 2 in a row .*in use"):
            ports.free_ports(2)
