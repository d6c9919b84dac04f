"""Save and load the state of a cluster (``cluster.json`` in its folder)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from daemonset_course.files import unreadable, write_whole
from daemonset_course.places import cluster_dir

MADE_BY_KIND = "created-by-the-course"  # a file in the folder: its containers are the course's


@dataclass(frozen=True)
class State:
    """The saved state of a cluster (``cluster.json``)."""

    name: str
    id: str
    backend: str
    kubernetes: str
    pace: float
    image: str = ""  # the node image, on kind
    complete: bool = False
    baseline: tuple[str, ...] = ()  # cluster-scoped objects right after `up`

    def save(self) -> None:
        """Write the whole state, or leave the file unchanged."""
        path = cluster_dir(self.name) / "cluster.json"
        write_whole(path, json.dumps(asdict(self), indent=1))

    @staticmethod
    def load(name: str) -> State | None:
        """Return the saved state, or None where the file is missing or damaged.

        Raises:
            FileFailed: the file may be there, and this user may not read it.
        """
        path = cluster_dir(name) / "cluster.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return State(**{**found, "baseline": tuple(found["baseline"])})
        except PermissionError as error:
            raise unreadable(path, error) from error
        except (OSError, ValueError, TypeError, KeyError):
            return None


def backend_of_damaged(name: str) -> State:
    """Infer the backend of a cluster folder whose ``cluster.json`` is missing or damaged."""
    kind = (cluster_dir(name) / MADE_BY_KIND).exists()
    return State(name, "", "kind" if kind else "embedded", "", 1.0)
