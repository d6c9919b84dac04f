"""When a simulated node is deleted, so that kwok forgets it; and that stopped renewals are seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemonset_course.cluster import leases
from daemonset_course.cluster.simulated_nodes import OS_IMAGE
from daemonset_course.history.podstate import MANAGED

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lease(name: str, age: float, *, duration: int = 8) -> dict[str, Any]:
    renewed = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    spec = {"renewTime": renewed, "leaseDurationSeconds": duration}
    return {"metadata": {"name": name}, "spec": spec}


def node(name: str, *, broken: bool = False, simulated: bool = True) -> dict[str, Any]:
    labels = {} if broken else {MANAGED: "simulated"}
    info = {"osImage": OS_IMAGE if simulated else "Debian"}
    return {"metadata": {"name": name, "labels": labels}, "status": {"nodeInfo": info}}


class Server:
    """The nodes and Leases of a cluster; ``renew`` is called before each list of Leases."""

    def __init__(self, nodes: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
        self.nodes, self.found = nodes, {one["metadata"]["name"]: one for one in found}
        self.deleted: list[str] = []
        self.lists = 0

    def renew(self) -> None:
        """Renew nothing."""

    def items(self, path: str) -> list[dict[str, Any]]:
        if path != leases.LEASES:
            return self.nodes
        self.lists += 1
        self.renew()
        return list(self.found.values())

    def delete(self, path: str) -> None:
        self.deleted.append(path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("age", "answer"),
    [(0.1, True), (0.3, False), (1.4, False), (1.6, True), (2.5, True), (4.1, False), (9, False)],
)
def test_a_renewal_may_be_under_way_from_shortly_before_until_shortly_after(
    age: float, *, answer: bool
) -> None:
    one = {"spec": {"renewTime": NOW.isoformat(), "leaseDurationSeconds": 8}}

    assert leases.is_being_renewed(one, NOW + timedelta(seconds=age)) is answer


def test_kwok_creates_a_lease_that_is_missing() -> None:
    assert leases.is_being_renewed(None, NOW)


@pytest.mark.parametrize("annotations", [{}, {MANAGED: "not-ready"}])
def test_a_node_is_deleted_once_its_lease_was_renewed(annotations: dict[str, str]) -> None:
    due = node("due")
    due["metadata"]["annotations"] = annotations
    server = Server([node("idle"), due], [lease("idle", 1.0), lease("due", 1.8)])

    def renew() -> None:
        if server.lists == 4:
            assert server.deleted == ["idle"]
            server.found["due"] = lease("due", 0.25)

    server.renew = renew  # type: ignore[method-assign]
    leases.remove_simulated(server, ["idle", "due"])  # type: ignore[arg-type]

    assert server.deleted == ["idle", "due"]


def test_nothing_is_awaited_of_a_broken_node_or_of_a_kwok_that_does_not_run() -> None:
    server = Server([node("broken", broken=True), node("late")], [lease("late", 5.0)])

    leases.remove_simulated(server, ["broken", "late"])  # type: ignore[arg-type]

    assert sorted(server.deleted) == ["broken", "late"]


def test_a_node_whose_lease_never_comes_is_deleted_all_the_same() -> None:
    server = Server([node("new")], [lease("other", 0.5, duration=1)])

    leases.remove_simulated(server, ["new"])  # type: ignore[arg-type]

    assert server.deleted == ["new"]


def test_renewals_have_stopped_if_the_lease_of_a_node_that_kwok_runs_has_expired() -> None:
    def stopped(one: dict[str, Any], age: float) -> bool:
        return leases.renewals_stopped(Server([one], [lease("a", age)]))  # type: ignore[arg-type]

    assert stopped(node("a"), 8.5)
    assert not stopped(node("a"), 7.5)
    assert not stopped(node("a", broken=True), 8.5)
    assert not stopped(node("a", simulated=False), 8.5)
