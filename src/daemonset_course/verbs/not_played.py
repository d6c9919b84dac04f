"""Tell which fields of an applied manifest the cluster's simulated kubelets do not play."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.progress import progress
from daemonset_course.simulation import not_played, sentence

_told: set[tuple[str, str]] = set()  # (cluster, field): each is told once in a process


def tell(cluster: Cluster, objects: Iterable[Any]) -> None:
    """Print one line with the fields of these objects that are not played, and not told yet.

    Nothing is printed on a cluster with real kubelets.
    """
    if "probes" in cluster.backend.capabilities:
        return
    found = dict.fromkeys(field for item in objects for field in not_played(item))
    new = [field for field in found if (cluster.name, field) not in _told]
    if new:
        _told.update((cluster.name, field) for field in new)
        progress().done(sentence(new))


def tell_of_text(cluster: Cluster, texts: Iterable[str]) -> None:
    """Do the same for texts that kubectl has applied; what is no YAML is passed over."""
    objects: list[Any] = []
    for text in texts:
        try:
            objects += yaml.safe_load_all(text)
        except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # kubectl reads more than PyYAML does
    tell(cluster, objects)
