"""Show at a recording's end which nodes DaemonSets cover, and the tolerations of objects. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from daemonset_course.errors import BadInput
from daemonset_course.figures.shapes import Cell, Line, Style, Table, lines
from daemonset_course.history import podstate
from daemonset_course.history.index import History, named, of_app
from daemonset_course.history.log import Object
from daemonset_course.history.observed import Observed
from daemonset_course.history.text import short_name
from daemonset_course.placement.selectors import labels_of
from daemonset_course.placement.tolerations import seconds_tolerated, taint_name, taints_of

Cover = Literal["ready", "not ready", "none", "unknown"]
_EVICTING = {"effect": "NoExecute"}  # tolerationSeconds count for this effect alone
_FULL, _HOLLOW = Style("accent"), Style("accent", 1.0, width=1.2)
_EMPTY = Style("background", edge="faint")
_COVERS = {
    "ready": (Cell("ready Pod", "✓"), _FULL),
    "not ready": (Cell("Pod, not ready", "…"), _HOLLOW),
    "none": (Cell("no Pod"), _EMPTY),
    "unknown": (Cell("not seen", "?"), Style("muted", 0.75, "xxxx")),
}


@dataclass(frozen=True)
class Coverage:
    """The nodes at the end of a recording, and the Pods of some DaemonSets on them.

    Attributes:
        nodes: short names, the control plane first.
        taints: of each node, as kubectl writes them.
        daemonsets: their names, in the order given.
        cells: (node, DaemonSet) -> whether the node has a ready Pod, another Pod, or none.
        observed: when nodes and Pods were watched.
        labels: the value of the label that was asked for, of each node; empty if none was.
    """

    nodes: tuple[str, ...]
    taints: tuple[tuple[str, ...], ...]
    daemonsets: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cover]
    observed: Observed
    labels: tuple[str, ...] = ()

    def covered(self, daemonset: str) -> int:
        """Return the number of nodes with a ready Pod of this DaemonSet."""
        return sum(self.cells[node, daemonset] == "ready" for node in self.nodes)

    @property
    def headline(self) -> str:
        """How many nodes each DaemonSet covers."""
        if not self.observed.at_end:
            return "Nobody saw which nodes were covered at the end"
        counts = ", ".join(f"{name} {self.covered(name)}" for name in self.daemonsets)
        return f"Nodes covered, of {len(self.nodes)}: {counts}"

    @property
    def caption(self) -> str:
        """The nodes without a Pod of each DaemonSet, and how many Pods are not ready."""
        if not self.observed.at_end:
            return self.observed.caption()
        sentences = []
        for name in self.daemonsets:
            cells = {node: self.cells[node, name] for node in self.nodes}
            out = [node for node, cover in cells.items() if cover == "none"]
            late = sum(cover == "not ready" for cover in cells.values())
            words = f"{name} leaves out {', '.join(out) or 'none'}"
            sentences.append(f"{words}, and on {late} its Pod is not ready" if late else words)
        return self.observed.caption(f"{'; '.join(sentences)}.")

    def figure(self) -> Table:
        """Return a table: nodes with their label and taints by DaemonSets, with the totals."""
        labels = self.labels or ("",) * len(self.nodes)
        rows = [
            Line(node, ", ".join(filter(None, [label, *map(_short, taints)])))
            for node, taints, label in zip(self.nodes, self.taints, labels, strict=True)
        ]
        sums = [f"{self.covered(name)} of {len(self.nodes)}" for name in self.daemonsets]
        totals = ("covered", tuple(sums)) if self.observed.at_end else None
        cells = {place: _COVERS[cover][0] for place, cover in self.cells.items()}
        styles = {cell.style: style for cell, style in _COVERS.values()}
        return Table(tuple(rows), lines(self.daemonsets), cells, styles, totals)


@dataclass(frozen=True)
class TolerationsByObject:
    """The tolerations of some objects.

    Attributes:
        objects: their titles, in the order given.
        tolerations: key and effect of each, the most frequent ones first.
        seconds: (toleration, object) -> ``tolerationSeconds``, None: no limit; no entry: the object
            does not have the toleration.
        observed: when the objects were watched.
    """

    objects: tuple[str, ...]
    tolerations: tuple[tuple[str, str], ...]
    seconds: Mapping[tuple[tuple[str, str], str], int | None]
    observed: Observed

    def count(self, title: str) -> int:
        """Return the number of tolerations of this object."""
        return sum(owner == title for _, owner in self.seconds)

    @property
    def headline(self) -> str:
        """The number of tolerations of each object."""
        return "Tolerations carried: " + ", ".join(f"{t} {self.count(t)}" for t in self.objects)

    @property
    def caption(self) -> str:
        """How many tolerations end, and after what time."""
        limits = [limit for limit in self.seconds.values() if limit is not None]
        after = f" after {', '.join(map(str, sorted(set(limits))))} s" if limits else ""
        ends = f"{len(limits)} of them {'ends' if len(limits) == 1 else 'end'}{after}"
        text = f"{len(self.seconds)} tolerations in all; {ends}"
        return self.observed.caption(f"{text}, the others never do.")

    def figure(self) -> Table:
        """Return a table: tolerations by objects, with the totals."""
        cells = {
            (_row(one), title): Cell("tolerated for ever", "✓")
            if limit is None
            else Cell("tolerated for a time", f"{limit} s")
            for (one, title), limit in self.seconds.items()
        }
        empty = {(_row(one), title): Cell("not tolerated") for one in self.tolerations
                 for title in self.objects}  # fmt: skip
        styles = {
            "tolerated for ever": _FULL, "tolerated for a time": _HOLLOW, "not tolerated": _EMPTY,
        }  # fmt: skip
        rows = tuple(Line(_row(one), one[1], text=_short(one[0])) for one in self.tolerations)
        sums = tuple(str(self.count(title)) for title in self.objects)
        return Table(rows, lines(self.objects), empty | cells, styles, ("in all", sums))


def coverage(history: History, daemonsets: Sequence[str], *, label: str = "") -> Coverage:
    """Return the coverage at the end of a recording.

    ``label``: the key of a label whose value stands beside each node's name.

    Raises:
        BadInput: the recording shows none of these DaemonSets.
    """
    missing = [name for name in daemonsets if history.find("daemonsets", name) is None]
    if missing or not daemonsets:
        raise BadInput(
            "The recording does not show these DaemonSets.", seen=", ".join(missing) or "none asked"
        )
    there = {str(item["metadata"]["name"]): item for item in history.objects("nodes")}
    order = [name for name in history.timeline().nodes if name in there]
    short = {name: short_name(name, history.header.cluster) for name in order}
    observed = history.observed("nodes", "pods", "daemonsets")
    pods = history.objects("pods")
    cells = {
        (short[node], name): _cover(pods, node, name) if observed.at_end else "unknown"
        for node in order
        for name in daemonsets
    }
    taints = tuple(tuple(map(taint_name, taints_of(there[node]))) for node in order)
    values = tuple(str(labels_of(there[node]).get(label, "")) for node in order)
    return Coverage(tuple(short.values()), taints, tuple(daemonsets), cells, observed, values)


def tolerations_by_object(
    history: History, objects: Mapping[str, tuple[str, str]]
) -> TolerationsByObject:
    """Return the tolerations of some objects at the end of a recording.

    ``objects`` maps a title to an object: ``("daemonsets", name)`` for a DaemonSet's template, or
    ``("pods", app)`` for the first Pod with that label ``app``.

    Raises:
        BadInput: the recording does not show one of them.
    """
    seconds: dict[tuple[tuple[str, str], str], int | None] = {}
    for title, (resource, name) in objects.items():
        for one in _tolerations(history, resource, name):
            key = (str(one.get("key") or "any key"), str(one.get("effect") or "any effect"))
            seconds[key, title] = seconds_tolerated(one, _EVICTING)
    ranked = tuple(key for key, _ in Counter(key for key, _ in seconds).most_common())
    observed = history.observed(*(resource for resource, _ in objects.values()))
    return TolerationsByObject(tuple(objects), ranked, seconds, observed)


def _cover(pods: Sequence[Object], node: str, daemonset: str) -> Cover:
    phases = {
        podstate.phase_of(pod)[0]
        for pod in pods
        if podstate.is_owned(pod, daemonset) and podstate.node_of(pod) == node
    }
    return "none" if not phases else "ready" if "ready" in phases else "not ready"


def _tolerations(history: History, resource: str, name: str) -> Sequence[Object]:
    test = of_app(name) if resource == "pods" else named(name)
    found = next(filter(test, history.objects(resource)), None)
    if found is None:
        raise BadInput(f"The recording shows no {resource} {name!r}.")
    spec = found["spec"] if resource == "pods" else found["spec"]["template"]["spec"]
    return list(spec.get("tolerations") or ())


def _row(toleration: tuple[str, str]) -> str:
    """Return the name of its row: key and effect, because one key may have several effects."""
    return " ".join(toleration)


def _short(taint: str) -> str:
    """Return the taint without the long prefixes of Kubernetes' own taints."""
    return re.sub(r"^node(-role)?\.kubernetes\.io/", "…/", taint)
