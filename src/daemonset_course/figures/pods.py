"""The styles of a Pod's phases, in every figure. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from daemonset_course.figures.shapes import Bar, Style
from daemonset_course.history.spans import Phase, Segment

Shown = Phase | Literal["not yet available"]  # what a bar shows: a ready Pod may have to wait

# The phases in the order of a legend. Thin bars are Pods that do not serve yet, or no longer.
PHASES: Mapping[Shown, Style] = {
    "pending": Style("", 1.0, height=0.32, width=1.0),
    "not ready": Style("", 0.72, hatch="/////", width=0.7),
    "not yet available": Style("", 0.5, hatch="..", width=0.5),
    "ready": Style("", width=0.5),
    "terminating": Style("", height=0.24, width=0.5),
    "failed": Style("", 1.0, hatch="\\\\\\\\", height=0.5, width=1.0, sign="✗"),
    "unknown": Style("muted", 0.75, hatch="xxxx", width=0.0),
}


def pod_style(phase: Shown, colour: str) -> Style:
    """Return the style of a Pod in that phase; the colour stands for a revision or application."""
    style = PHASES[phase]
    return style if style.colour else replace(style, colour=colour)


def pod_styles(colour: str = "accent") -> dict[str, Style]:
    """Return a style for each phase, by the word for it."""
    return {f"Pod {phase}": pod_style(phase, colour) for phase in PHASES}


def cell_style(phase: Shown, colour: str) -> Style:
    """Return the style of a phase where a row is too low for patterns: its lightness differs."""
    if phase == "unknown":
        return Style("muted", 0.35, "....", width=0.4)
    fade = _FADES.get(phase, 0.0)
    # A terminating Pod is darker than one that serves, on a dark page lighter.
    shade = 0.6 if phase == "terminating" else 0.0
    return Style(colour, fade, edge="muted", width=0.4, shade=shade)


_FADES: Mapping[Shown, float] = {
    "pending": 0.82, "not ready": 0.55, "not yet available": 0.3, "failed": 0.92,
}  # fmt: skip


# The order of painting in low rows: if two Pods share a node, the one that serves is seen.
PAINTED: tuple[Shown, ...] = (
    "terminating", "failed", "pending", "not ready", "not yet available", "ready", "unknown",
)  # fmt: skip


def pod_bars(life: Iterable[Segment], zero: float = 0.0) -> tuple[Bar, ...]:
    """Return the segments of Pods as bars, each with its reason. The axis begins at ``zero``."""
    return tuple(
        Bar(one.start - zero, one.end - zero, f"Pod {one.phase}", one.reason) for one in life
    )
