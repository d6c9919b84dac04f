"""Simulated nodes: what a real node has besides labels and taints, and unique to each."""

from __future__ import annotations

import ipaddress
from itertools import islice
from typing import Any

from daemonset_course.cluster.simulated_nodes import create_nodes, free_indexes, internal_ip
from daemonset_course.cluster.topology import NodeSpec, simulated

LABELS = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}


class Server:
    """Keeps the nodes of a cluster."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []

    def items(self, _path: str) -> list[dict[str, Any]]:
        return self.nodes

    def request(self, _method: str, _path: str, body: dict[str, Any]) -> None:
        self.nodes.append(body)


def create(server: Server, *names: str) -> None:
    create_nodes(server, [simulated(NodeSpec(name, LABELS)) for name in names], "v1.37.1")  # type: ignore[arg-type]


def addresses(server: Server) -> dict[str, str]:
    return {
        node["metadata"]["name"]: address["address"]
        for node in server.nodes
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    }


def test_each_node_has_an_address_a_pod_network_and_ids_of_its_own() -> None:
    server = Server()
    create(server, *(f"n{i}" for i in range(600)))

    assert len({ipaddress.IPv4Address(one) for one in addresses(server).values()}) == 600
    assert len({node["spec"]["podCIDR"] for node in server.nodes}) == 600
    for key in ("machineID", "systemUUID", "bootID"):
        assert len({node["status"]["nodeInfo"][key] for node in server.nodes}) == 600


def test_a_node_gets_no_address_that_another_has_and_one_that_is_free_again() -> None:
    server = Server()
    create(server, "a", "b", "c")
    del server.nodes[0]
    create(server, "d", "e")

    assert addresses(server) == {
        name: internal_ip(index) for name, index in {"b": 1, "c": 2, "d": 0, "e": 3}.items()
    }


def test_a_real_node_s_address_is_taken() -> None:
    real = {"status": {"addresses": [{"type": "InternalIP", "address": internal_ip(1)}]}}

    assert list(islice(free_indexes([real, {"status": {}}]), 3)) == [0, 2, 3]
