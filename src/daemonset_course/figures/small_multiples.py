"""Small multiples: rollouts below each other, on one time axis and one scale, with a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from daemonset_course.analysis.rollout_progress import Multiples, Progress
from daemonset_course.errors import BadInput
from daemonset_course.figures.multiples_svg import multiples_html
from daemonset_course.figures.picture import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def small_multiples(
    rollouts: Mapping[str, Progress], *, title: str | None = None, dark: bool = False
) -> Picture:
    """Return a picture of rollouts, one below the other, each with the length by its model.

    Args:
        rollouts: by title, such as ``10 %``, from the top.
        title: the finding; made from the rollouts when left out.
        dark: files are for a dark page; in a notebook the picture follows the theme.

    Raises:
        BadInput: there are no rollouts.
    """
    if not rollouts:
        raise BadInput(
            "Small multiples need at least one rollout.",
            seen="none",
            next_step='Give a title and a rollout: small_multiples({"10 %": rollout_progress(…)}).',
        )
    multiples = Multiples(rollouts)
    head = multiples.headline if title is None else title

    def figure() -> Figure:
        from daemonset_course.figures.multiples_panels import (  # noqa: PLC0415 - 570 ms
            draw_multiples,
        )

        return draw_multiples(multiples, title=head, dark=dark)

    return Picture(
        figure, multiples.caption, head, html=lambda: multiples_html(multiples, title=head)
    )
