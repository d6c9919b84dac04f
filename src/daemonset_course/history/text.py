"""Format numbers and names for headlines and captions. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def seconds(value: float) -> str:
    """Return seconds with their unit: 0.25 s, 18.2 s."""
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def within(lengths: Iterable[float]) -> str:
    """Return the longest of some durations, at least 0.01 s: within 0.30 s."""
    return f"within {seconds(max([0.01, *lengths]))}"


def number(value: float) -> str:
    """Return at most two decimals, or two significant digits below 0.1: 3, 1.22, 0.013."""
    decimals = 2 if abs(value) >= 0.1 or not value else 1 - math.floor(math.log10(abs(value)))
    written = f"{value:.{decimals}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def nodes(count: int | None) -> str:
    """Return a number of nodes: 1 node, 12 nodes."""
    return "an unknown number of nodes" if count is None else counted(count, "node")


def counted(count: int, noun: str) -> str:
    """Return a number and a noun: 1 Pod, 3 Pods."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short_name(node: str, cluster: str) -> str:
    """Return a node's name without the cluster's prefix; "no node" for an empty name."""
    return node.removeprefix(f"{cluster}-") or "no node"


def listed(words: Sequence[str], most: int = 6) -> str:
    """Return words with commas; after ``most`` of them "…"."""
    return ", ".join([*words[:most], "…"] if len(words) > most else words)


def joined(words: Sequence[str]) -> str:
    """Return words with "and" before the last: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


@lru_cache(maxsize=8192)  # the nodes of a large cluster, sorted at every update
def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key that puts worker2 before worker10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
