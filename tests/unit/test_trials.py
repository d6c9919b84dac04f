"""Attempts to deploy a DaemonSet, how far each got, and their picture."""

from __future__ import annotations

import pytest
from matplotlib.text import Text

from daemonset_course.plot.picture import Picture
from daemonset_course.plot.trials import plot_trials
from daemonset_course.timeline.trials import Trial, those, trials_caption, trials_headline

FOUND = {
    "no namespace": Trial('namespaces "monitoring" not found', stored=False),
    "baseline": Trial("violates PodSecurity " + "because of this and that " * 20),
    "privileged": Trial("", pods=3, wanted=4),
}


def texts(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.figure.findobj(Text)]


def test_an_attempt_is_refused_or_stored_or_gets_pods() -> None:
    assert [trial.reached for trial in FOUND.values()] == ["refused", "stored", "Pods"]
    assert those(FOUND, "stored") == ["baseline"]


def test_headline_and_caption_tell_how_far_each_got() -> None:
    assert trials_headline(FOUND) == "3 attempts: 1 refused, 1 stored without a Pod, 1 with Pods"
    assert trials_caption(FOUND) == (
        "Refused: no namespace. Stored without a Pod: baseline. "
        "With Pods: privileged (3 of 4 nodes)."
    )
    assert trials_caption({"a": FOUND["privileged"]}) == "With Pods: a (3 of 4 nodes)."


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_marks_the_station_where_each_was_stopped(dark: bool) -> None:
    shown = texts(plot_trials(FOUND, dark=dark))

    assert shown.count("✗") == 2 + 1, "one a stopped attempt, one in the legend"
    assert shown.count("✓") == 3 + 1
    assert "3 of 4 nodes have a ready Pod" in shown
    assert {"1 no namespace", "2 baseline", "3 privileged"} <= set(shown)


def test_long_words_are_cut_and_everything_stays_on_the_paper() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = plot_trials(FOUND, title="A title").figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [t.get_window_extent(renderer) for ax in figure.axes for t in ax.texts]

    assert any(text.get_text().endswith(" …") for ax in figure.axes for text in ax.texts)
    assert all(figure.bbox.x0 <= b.x0 and b.x1 <= figure.bbox.x1 for b in boxes)
