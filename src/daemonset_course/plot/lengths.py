"""Draws how long rollouts of one fleet took against their budget, beside the model."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from daemonset_course.plot.look import DARK, LIGHT, PALETTE, Look, course_style
from daemonset_course.plot.picture import Picture
from daemonset_course.timeline.budgets import waves

_TICKS = (1, 2, 5, 10, 25, 50, 100, 200, 500, 1000)


def plot_lengths(
    measured: Mapping[int, float], *, nodes: int, restart: float, qps: float, dark: bool = False
) -> Picture:
    """Length of a rollout against its budget, both on logarithmic axes, with two model lines.

    Args:
        measured: budget (nodes) -> seconds.
        nodes: how many nodes were rolled.
        restart: seconds that one node is without an available pod.
        qps: requests a second that the controller may send.
        dark: for a dark page.
    """
    look = DARK if dark else LIGHT
    floor = 2 * nodes / qps
    fastest = min(measured, key=lambda k: measured[k])
    small, large = min(measured), max(measured)
    title = (
        f"{nodes} nodes: with {large / small:.3g} times the budget the rollout is "
        f"{measured[small] / measured[large]:.1f} times as quick"
    )
    text = (
        f"Measured: {', '.join(f'{k} at a time {t:.1f} s' for k, t in sorted(measured.items()))}. "
        f"Shortest with {fastest}. Model: ceil({nodes}/k) rounds of {restart:.1f} s. "
        f"Limit: 2 x {nodes} requests at {qps:.0f} a second = {floor:.0f} s."
    )
    with course_style():
        figure = Figure(figsize=(9.4, 4.6), facecolor=look.ground)
        axes = figure.add_axes((0.09, 0.24, 0.6, 0.62), facecolor=look.ground)
        _draw_model(axes, nodes, restart, floor, look)
        axes.plot(
            list(measured), list(measured.values()), "o", ms=8, color=PALETTE[0],
            markeredgecolor=look.ink, label="measured",
        )  # fmt: skip
        _scale(axes, nodes, look)
        axes.legend(
            loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, labelcolor=look.ink
        )
        figure.text(0.02, 0.93, title, weight="bold", color=look.ink, size=11)
        figure.text(0.02, 0.03, text, color=look.ink, size=8.5, wrap=True)
    return Picture(figure, text, title, vector=True)


def _draw_model(axes: Axes, nodes: int, restart: float, floor: float, look: Look) -> None:
    """The two lower bounds: rounds of restarts, and the controller's requests."""
    budgets = range(1, nodes + 1)
    lengths = [waves(nodes, k) * restart for k in budgets]
    axes.plot(budgets, lengths, color=look.ink, lw=1.4, ls="--", label="rounds of k nodes")
    axes.axhline(floor, color=look.muted, lw=1.6, ls=":", label="the controller's request limit")


def _scale(axes: Axes, nodes: int, look: Look) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks([k for k in _TICKS if k <= nodes])
    axes.set_xlabel("budget k: nodes that may be unavailable", color=look.ink)
    axes.set_ylabel("length of the rollout (s)", color=look.ink)
    axes.tick_params(which="both", color=look.muted, labelcolor=look.ink)
    for spine in axes.spines.values():
        spine.set_color(look.muted)
