"""Read the Leases that kubelets renew; remove nodes so that kwok keeps renewing the others.

A defect of kwok 0.8.0: it removes a deleted node from its queue of renewals only if the node waits
there. If the node was deleted during a renewal and is created again within the next interval, the
queue has it twice. When the first of the two is due, it blocks the queue, and no Lease is renewed
any more: every node becomes unreachable. Source: ``ReleaseHold`` and ``syncWorker`` in
``pkg/kwok/controllers/node_lease_controller.go``, ``Push`` in ``pkg/utils/heap/heap.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.simulated_nodes import is_managed, is_simulated
from daemonset_course.cluster.waiting import until

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
INTERVAL = 0.25  # of a Lease's duration: how often kwok and a kubelet renew it
SETTLED = 0.2  # seconds after a renewal: the node waits in kwok's queue again
LEAD = 0.5  # seconds before the next renewal within which a deletion may reach kwok during it


def renewed_at(lease: Object) -> datetime:
    """Return when a Lease was renewed for the last time."""
    return datetime.fromisoformat(lease["spec"]["renewTime"])


def is_being_renewed(lease: Object | None, now: datetime) -> bool:
    """Whether a renewal may be under way at ``now``, or before a deletion has reached kwok.

    Also while there is no Lease: the garbage collector deleted that of an earlier node of this
    name, and kwok creates another at the next renewal. False if a renewal is more than an interval
    late: nobody renews the Lease.
    """
    if lease is None:
        return True
    age = (now - renewed_at(lease)).total_seconds()
    interval: float = INTERVAL * lease["spec"]["leaseDurationSeconds"]
    return age < SETTLED or interval - LEAD < age < 2 * interval


def is_expired(lease: Object, now: datetime) -> bool:
    """Whether a Lease was not renewed for its whole duration."""
    duration: float = lease["spec"]["leaseDurationSeconds"]
    return (now - renewed_at(lease)).total_seconds() > duration


def remove_simulated(api: Api, names: Iterable[str]) -> None:
    """Delete simulated nodes, each between two renewals of its Lease."""
    left = set(names)
    dead = {n["metadata"]["name"] for n in api.items("/api/v1/nodes") if not is_managed(n)}

    def delete(nodes: Iterable[str]) -> None:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda name: api.delete(f"/api/v1/nodes/{name}"), nodes))

    def delete_idle() -> bool:
        leases, now = _by_node(api), datetime.now(UTC)
        busy = {n for n in left - dead if is_being_renewed(leases.get(n), now)}
        delete(left - busy)
        left.intersection_update(busy)
        return not left

    durations = (lease["spec"]["leaseDurationSeconds"] for lease in _by_node(api).values())
    until(delete_idle, timeout=max(durations, default=0), pause=0.1)
    delete(left)


def renewals_stopped(api: Api) -> bool:
    """Whether kwok runs a node whose Lease has expired all the same."""
    leases, now = _by_node(api), datetime.now(UTC)
    return any(
        is_expired(leases[node["metadata"]["name"]], now)
        for node in api.items("/api/v1/nodes")
        if is_simulated(node) and is_managed(node) and node["metadata"]["name"] in leases
    )


def _by_node(api: Api) -> Mapping[str, Object]:
    return {lease["metadata"]["name"]: lease for lease in api.items(LEASES)}
