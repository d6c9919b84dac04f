"""What simulated kubelets play of a Pod, and which fields of a manifest they do not. Pure.

The table is ``data/simulation.toml``; ``docs/simulation.md`` shows it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple


class Row(NamedTuple):
    """One field of a Pod's spec.

    Attributes:
        field: as ``kubectl explain pod.spec`` names it, with ``[]`` for each element of a list;
            ``containers[]`` stands for ``initContainers[]`` too.
        played: what the simulation makes of it; empty: nothing.
        left: what only a real kubelet does; empty: nothing.
        told: whether a manifest with the field is told so: ``other`` means other than ``values``.
        values: the values that are played.
    """

    field: str
    played: str
    left: str
    told: Literal["always", "other", "never"]
    values: tuple[Any, ...] = ()


_PARTS = {"containers", "initContainers", "volumes"}  # a spec with one of these is that of Pods


@cache
def table() -> tuple[Row, ...]:
    """Return the rows, in the order of the page."""
    text = resources.files("daemonset_course").joinpath("data", "simulation.toml").read_text()
    return tuple(
        Row(**row | {"values": tuple(row.get("values", ()))}) for row in tomllib.loads(text)["row"]
    )


def not_played(manifest: Any) -> tuple[str, ...]:
    """Return the fields of an object, or of a patch of one, that a simulated kubelet ignores.

    Empty for an object without Pods. The order is that of the table.
    """
    specs = [*_pod_specs(manifest)]
    return tuple(
        row.field
        for row in table()
        if row.told != "never"
        and any(value not in row.values for spec in specs for value in _at(spec, row.field))
    )


def sentence(fields: Sequence[str]) -> str:
    """Return one line that names the fields."""
    names = ", ".join(field.replace("[]", "") for field in fields)
    return f"Simulated kubelets do not play: {names}. See docs/simulation.md."


def _pod_specs(manifest: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(manifest, Mapping):
        return
    for item in _list(manifest.get("items")):
        yield from _pod_specs(item)
    for path in ("spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec"):
        for spec in _at(manifest, path):
            if isinstance(spec, Mapping) and spec.keys() & _PARTS:
                yield spec


def _at(value: Any, path: str) -> Iterator[Any]:
    """Yield the values at a path such as ``containers[].image``; none where it is not there."""
    first, _, rest = path.partition(".")
    name = first.removesuffix("[]")
    if not isinstance(value, Mapping):
        return
    names = ("initContainers", "containers") if first == "containers[]" else (name,)
    for found in (value[each] for each in names if value.get(each) is not None):
        for one in _list(found) if first.endswith("[]") else (found,):
            if rest:
                yield from _at(one, rest)
            else:
                yield one


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
