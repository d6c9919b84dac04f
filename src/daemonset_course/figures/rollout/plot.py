"""The picture of a timeline, or of two: HTML for notebooks, SVG and PNG for files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.bounds import Bound
from daemonset_course.figures.rollout.chart import ChartSet, one_chart, two_charts
from daemonset_course.figures.rollout.drawn_in import Beside
from daemonset_course.figures.rollout.expected import Predicted
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.history.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(
    timeline: Timeline,
    *,
    title: str | None = None,
    caption: str | None = None,
    counts: bool | None = None,
    fold: bool = True,
    keep: Collection[str] = (),
    predicted: Predicted = None,
    bounds: Sequence[Bound] = (),
    dark: bool = False,
) -> Picture:
    """Return the picture of a timeline; its title states the finding unless one is given.

    Args:
        timeline: what happened.
        title: the finding; made from the timeline when left out.
        caption: the sentence below; made from the timeline when left out.
        counts: draw the panel of counts; left out, it is drawn where a count changes or a
            template is rolled out.
        fold: draw one row for all nodes on which the same nothing happens; False: a lane for each.
        keep: names of nodes that have their lanes in any case.
        predicted: what the learner predicted, to be drawn in; see ``expected``.
        bounds: the limits that a check judges, to be drawn in.
        dark: files are for a dark page; in a notebook the picture follows the theme.
    """
    charts = one_chart(
        timeline, title=title, caption=caption, counts=counts, fold=fold, keep=keep,
        predicted=predicted, bounds=bounds,
    )  # fmt: skip
    return _picture(charts, dark=dark)


def compare(
    a: Timeline,
    b: Timeline,
    *,
    labels: tuple[str, str] = ("a", "b"),
    beside: tuple[Beside, Beside] = (Beside(), Beside()),
    dark: bool = False,
) -> Picture:
    """Return a picture of two timelines; 0 on its time axis is the last new template of each.

    ``beside`` is what is drawn into each of them.
    """
    return _picture(two_charts(a, b, labels, beside), dark=dark)


def _picture(charts: ChartSet, *, dark: bool) -> Picture:
    def figure() -> Figure:
        from daemonset_course.figures.rollout.draw import draw  # noqa: PLC0415 - 570 ms

        return draw(charts, dark=dark)

    return Picture(
        figure, charts.caption, charts.one_line, html=lambda: inline(charts),
        described=charts.drawn_in_words,
    )  # fmt: skip
