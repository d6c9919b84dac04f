"""Report the status of a cluster, beginning with the components that do not run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from daemonset_course.cluster.components import asker, reset_cure
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.simulated_nodes import unmanaged, unmanaged_words
from daemonset_course.cluster.state import State
from daemonset_course.history.outages import Down, Why, cure
from daemonset_course.places import cluster_dir, cluster_name


@dataclass(frozen=True)
class Status:
    """The status of a cluster that is up.

    Attributes:
        down: component to why it does not run: ended, stopped (on purpose) or suspended.
        lost: the simulated nodes without the label by which kwok runs their kubelets.
        cure: how to start them again; empty when all run.
        nodes: the number of nodes; None (not requested) while a component does not run.
    """

    down: dict[str, Why]
    lost: list[str]
    cure: str
    name: str
    backend: str
    kubernetes: str
    pace: float
    nodes: int | None
    kubeconfig: str

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of a key and its value, for a terminal."""
        for component, why in self.down.items():
            yield "NOT RUNNING", str(Down(component, why))
        if self.lost:
            yield "NOT RUNNING", unmanaged_words(self.lost)
        if self.cure:
            yield "->", self.cure
        for key in ("name", "backend", "kubernetes", "pace", "nodes", "kubeconfig"):
            value = getattr(self, key)
            yield key, "not asked for" if value is None else str(value)


def status_of(name: str | None = None) -> Status:
    """Return the status of a cluster.

    Raises:
        NotRunning: it is not up; or its API server does not answer, though every component runs.
    """
    name = cluster_name(name)
    down = asker(name)()
    state = (State.load(name) if down else None) or current(name).state
    nodes = [] if down else current(name).api.items("/api/v1/nodes")
    lost = unmanaged(nodes)
    return Status(
        down=dict(down),
        lost=lost,
        cure=cure(down, name) if down else reset_cure(name) if lost else "",
        name=name,
        backend=state.backend,
        kubernetes=state.kubernetes,
        pace=state.pace,
        nodes=None if down else len(nodes),
        kubeconfig=str(cluster_dir(name) / "kubeconfig"),
    )
