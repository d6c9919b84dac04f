"""What the folder of a cluster remembers about it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from daemonset_course.files import write_whole
from daemonset_course.places import cluster_dir

MADE_BY_KIND = "created-by-the-course"  # a file in a cluster's folder: its containers are ours


@dataclass(frozen=True)
class State:
    """What the folder of a cluster remembers about it (``cluster.json``)."""

    name: str
    id: str
    backend: str
    kubernetes: str
    pace: float
    image: str = ""  # the node image, on kind
    complete: bool = False
    baseline: tuple[str, ...] = ()  # cluster-scoped objects right after `up`

    def save(self) -> None:
        """Write the state, all of it or nothing."""
        path = cluster_dir(self.name) / "cluster.json"
        write_whole(path, json.dumps(asdict(self), indent=1))

    @staticmethod
    def load(name: str) -> State | None:
        """The saved state; None when there is none or it is damaged."""
        try:
            found = json.loads((cluster_dir(name) / "cluster.json").read_text())
            return State(**{**found, "baseline": tuple(found["baseline"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def backend_of_damaged(name: str) -> State:
    """What a folder without a readable ``cluster.json`` still tells: which backend made it."""
    kind = (cluster_dir(name) / MADE_BY_KIND).exists()
    return State(name, "", "kind" if kind else "embedded", "", 1.0)
