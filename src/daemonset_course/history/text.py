"""Numbers and names as they are told to people, in every headline and caption. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def seconds(value: float) -> str:
    """Seconds: 0.25 s, 18.2 s."""
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def within(lengths: Iterable[float]) -> str:
    """The longest of some lengths, but no less than a hundredth: within 0.30 s."""
    return f"within {seconds(max([0.01, *lengths]))}"


def number(value: float) -> str:
    """A number with at most two decimals, or two significant digits below 0.1: 3, 1.22, 0.013."""
    decimals = 2 if abs(value) >= 0.1 or not value else 1 - math.floor(math.log10(abs(value)))
    written = f"{value:.{decimals}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def nodes(count: int | None) -> str:
    """A number of nodes: 1 node, 12 nodes."""
    return "an unknown number of nodes" if count is None else counted(count, "node")


def counted(count: int, noun: str) -> str:
    """A number and a noun: 1 Pod, 3 Pods."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short_name(node: str, cluster: str) -> str:
    """A node's name without the cluster's prefix; "no node" for an empty name."""
    return node.removeprefix(f"{cluster}-") or "no node"


def listed(words: Sequence[str], most: int = 6) -> str:
    """Words in a row; after ``most`` of them "…"."""
    return ", ".join([*words[:most], "…"] if len(words) > most else words)


def joined(words: Sequence[str]) -> str:
    """Words with "and" before the last: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


@lru_cache(maxsize=8192)  # the nodes of a large cluster, sorted at every update
def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key that puts worker2 before worker10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
