"""What is drawn into the picture of a timeline: predictions, and the bounds of a check."""

from __future__ import annotations

import re
import time
from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import Fleet, timeline_of
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from daemonset_course.errors import BadInput
from daemonset_course.figures.rollout.bounds import Bound, Violation
from daemonset_course.figures.rollout.chart import Chart, ChartSet, one_chart, two_charts
from daemonset_course.figures.rollout.draw import draw
from daemonset_course.figures.rollout.drawn_in import Beside, DrawnIn
from daemonset_course.figures.rollout.expected import COLUMNS, expected
from daemonset_course.figures.rollout.inline import inline
from daemonset_course.figures.rollout.letters import MOST_MARKS
from daemonset_course.figures.rollout.live_view import view
from daemonset_course.figures.rollout.plot import compare, plot
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.timeline import Timeline
from daemonset_course.prediction import Prediction
from daemonset_course.recording.recorder import Recording, record

WHOSE = ("lesson-08", "agent")


def guess(answer: Any, unit: str = "") -> Prediction:
    return Prediction("q", answer, unit=unit)


def rolled(workers: int = 5, budget: int | str = 2) -> Timeline:
    return timeline_of(Fleet(workers, max_unavailable=budget).run(1).apply().run(12).log())


def surged() -> Timeline:
    return timeline_of(Fleet(3, max_unavailable=0, max_surge=1).run(1).apply().run(9).log())


def chart(timeline: Timeline, **options: Any) -> Chart:
    (found,) = one_chart(timeline, **options).charts
    return found


def drawn(timeline: Timeline, **options: Any) -> DrawnIn:
    return chart(timeline, **options).drawn_in


def svg_of(charts: ChartSet) -> ElementTree.Element:
    (found,) = re.findall(r"<svg viewBox=.0 0 740.*?</svg>", inline(charts), re.S)
    return ElementTree.fromstring(found)


def words_in_svg(charts: ChartSet) -> list[str]:
    return [text.text or "" for text in svg_of(charts).iter("text")]


def words_in_file(charts: ChartSet) -> list[str]:
    return [text.get_text() for text in draw(charts).findobj(Text)]


def both(charts: ChartSet) -> tuple[list[str], list[str]]:
    return words_in_svg(charts), words_in_file(charts)


# What can be drawn of a prediction


@pytest.mark.parametrize(
    "predicted",
    [
        None, guess(None, "s"), guess(None), guess("soon"), guess("Background"), guess(True),
        guess(7), {"READY": guess("none")}, {"unavailable": guess(True)},
        {"READY": guess(None, "nodes")}, {"order": guess("worker")}, {"length": guess(7, "nodes")},
        {"unavailable": guess(-1)},
    ],
)  # fmt: skip
def test_a_prediction_that_is_missing_or_no_value_changes_no_byte(predicted: Any) -> None:
    timeline = rolled(3)

    assert expected(predicted) == ()
    assert inline(one_chart(timeline, predicted=predicted)) == inline(one_chart(timeline))


def test_a_prediction_about_something_else_is_refused_with_what_can_be_drawn() -> None:
    for refused in (expected, lambda predicted: record("agent", predicted=predicted)):
        with pytest.raises(BadInput, match="UP-TO-DATE"):
            refused({"speed": guess(3)})


@pytest.mark.parametrize(
    ("answer", "unit", "seconds"),
    [(12, "s", 12), (1.5, "min", 90), (800, "ms", 0.8), (1, "h", 3600)],
)
def test_a_length_is_in_seconds_and_its_words_are_the_learners(
    answer: float, unit: str, seconds: float
) -> None:
    (found,) = expected(guess(answer, unit))

    assert (found.kind, found.value, found.words) == ("length", seconds, f"{answer} {unit}")


# Lengths


def test_a_length_is_a_moment_after_the_last_new_template() -> None:
    timeline = rolled()
    (moment,) = drawn(timeline, predicted=guess(5, "s")).moments

    assert (moment.words, moment.beyond) == ("you: 5 s", False)
    assert moment.t == rollouts(timeline)[-1].start + 5


def test_the_axis_grows_for_a_moment_a_little_beyond_it_and_else_an_arrow_says_so() -> None:
    timeline = rolled()
    near, far = (one_chart(timeline, predicted=guess(t, "s")) for t in (14, 90))
    (at,), (beyond,) = (each.charts[0].drawn_in.moments for each in (near, far))

    assert near.span[1] > at.t > timeline.end
    assert not at.beyond
    assert far.span[1] == timeline.end == beyond.t
    assert beyond.beyond
    for words in both(far):
        assert "you: 90 s →" in words


def test_the_ghost_line_stands_at_its_moment_in_both_drawings() -> None:
    charts = one_chart(rolled(), predicted=guess(5, "s"))
    (dashed,) = [
        path for path in svg_of(charts).iter("path") if path.get("stroke-dasharray") == "9 5"
    ]
    x = float(re.findall(r"M([\d.]+) ", dashed.get("d") or "")[0])
    scale = (740 - 146 - 14) / charts.span[1]
    lines = [
        line.get_xdata()[0]
        for ax in draw(charts).axes
        for line in ax.lines
        if line.get_linewidth() == 1.5
    ]

    assert x == pytest.approx(146 + 6 * scale, abs=0.1)
    assert lines == [6.0] * 4  # lanes, status, panel, and the row of words
    for words in both(charts):
        assert "you: 5 s" in words


def test_compared_timelines_have_a_prediction_each_and_its_zero_is_their_own() -> None:
    late = timeline_of(Fleet(3).run(4).apply().run(6).log())
    beside = (Beside(), Beside(guess(3, "s")))
    charts = two_charts(rolled(), late, ("one", "two"), beside)
    first, second = (each.drawn_in for each in charts.charts)

    assert first.moments == ()
    assert [one.t for one in second.moments] == [3.0]
    assert charts.drawn_in_words == "two: You predicted 3 s."
    for words in both(charts):
        assert words.count("you: 3 s") == 1


# Counts


def test_a_count_is_a_level_on_its_panel_which_has_room_for_it() -> None:
    found = chart(rolled(), predicted={"unavailable": guess(4, "nodes")})
    (level,) = found.drawn_in.levels

    assert found.panel is not None
    assert (found.panel.top, found.panel.surge_top) == (4, 1)
    assert (level.about, level.value, level.words) == ("unavailable", 4, "you: 4")
    assert (level.start, level.end) == (rollouts(rolled())[-1].start, rollouts(rolled())[-1].end)


def test_extra_pods_have_a_strip_for_the_level_even_if_there_were_none() -> None:
    for timeline in (surged(), rolled(3)):
        charts = one_chart(timeline, predicted={"extra Pods": guess(2, "Pods")})
        panel = charts.charts[0].panel

        assert panel is not None
        assert panel.surge_top == 2
        for words in both(charts):
            assert {"you: 2", "extra Pods"} <= set(words)


def test_columns_of_the_status_are_a_row_of_the_learners_under_that_of_the_cluster() -> None:
    charts = one_chart(rolled(), predicted={"READY": guess(4, "nodes"), "DESIRED": guess(5)})
    html = inline(charts)
    row = html.partition("</table>")[0].rpartition("<tr>")[2]
    name, *cells = re.split("<t[hd][^>]*>", row)[1:]
    filled = {c: cell for c, cell in zip(COLUMNS, cells, strict=True) if cell}

    assert name == "<b>you</b>"
    assert filled == {"DESIRED": "<b>5</b>", "READY": "<b>4</b>"}
    assert "<th scope=row>the cluster<td>" in html
    assert "you: READY 4, DESIRED 5" in words_in_file(charts)
    assert charts.charts[0].drawn_in.levels == ()


# Orders and sets of nodes


def test_an_order_is_an_ordinal_at_each_name_and_a_sign_where_it_differs() -> None:
    timeline = rolled()
    order = [timeline.lane(node) for node in rollouts(timeline)[-1].order]
    mine = [order[1], order[0], *order[2:]]
    charts = one_chart(timeline, predicted={"order": guess(mine)})
    names = {lane.name: lane.predicted for lane in charts.charts[0].lanes}

    assert [names[name] for name in order] == [
        "you 2nd ≠", "you 1st ≠", "you 3rd", "you 4th", "you 5th",
    ]  # fmt: skip
    assert names["control-plane"] == ""
    assert f"{order[0]} you 2nd ≠" in words_in_svg(charts)
    assert "you 2nd ≠" in words_in_file(charts)


def test_a_set_of_nodes_is_a_mark_at_each_name_and_a_sign_where_it_differs() -> None:
    timeline = rolled(3)
    mine = guess(["control-plane", "COURSE-WORKER", "nobody"])
    charts = one_chart(timeline, predicted=mine)
    names = {lane.name: lane.predicted for lane in charts.charts[0].lanes}

    assert names == {
        "control-plane": "you ✓ ≠", "worker": "you ✓", "worker2": "you - ≠", "worker3": "you - ≠",
    }  # fmt: skip
    assert charts.drawn_in_words == "You predicted control-plane, COURSE-WORKER, nobody."


def test_a_set_that_is_right_differs_nowhere() -> None:
    found = drawn(rolled(3), predicted=guess(["worker3", "worker", "worker2"]))

    assert set(found.names.values()) == {"you ✓"}


# In words


def test_the_description_says_it_and_the_caption_does_not_repeat_it() -> None:
    timeline = rolled()
    picture = plot(timeline, predicted=guess(5, "s"), caption="So.")
    svg = svg_of(one_chart(timeline, predicted=guess(5, "s"), caption="So."))
    (desc,) = svg.iter("desc")
    caption, described = str(svg.get("aria-describedby")).split()

    assert (desc.text, desc.get("id")) == ("You predicted 5 s.", described)
    assert picture.caption == "So."
    assert picture.alt.endswith("So. You predicted 5 s.")
    assert "<desc>So. You predicted 5 s.</desc>" in picture.svg()
    assert f'<figcaption id="{caption}">So.</figcaption>' in (picture.html or str)()


def test_a_recording_draws_its_prediction_in_unless_plot_gets_another() -> None:
    run = Recording(Fleet(3).run(1).apply().run(8).log())
    run.predicted = guess(5, "s")
    other = guess(6, "s")

    assert "you: 5 s" in (run.plot().html or str)()
    assert "you: 6 s" in (run.plot(predicted=other).html or str)()
    assert "you:" not in (run.plot(predicted=None).html or str)()
    assert compare(rolled(), rolled()).described == ""


def test_the_live_view_draws_it_in_while_the_rollout_runs() -> None:
    timeline = timeline_of(Fleet(3).run(1).apply().run(0.5).log())

    assert "you: 5 s →" in view(timeline, guess(5, "s"))


# The bounds of a check


def bound(timeline: Timeline, *violations: Violation, **options: Any) -> Bound:
    given = {"span": (timeline.start, timeline.end), "about": "unavailable", "most": 1} | options
    words = "at most 1 node without an available Pod"
    return Bound(WHOSE, given.pop("span"), "judged", words, violations=violations, **given)


def test_a_bound_is_a_level_a_stretch_of_the_axis_and_a_letter_at_its_violation() -> None:
    timeline = rolled()
    over = Violation(1.0, 5.0, "more than 1 node")
    charts = one_chart(timeline, bounds=[bound(timeline, over)])
    (found,) = charts.charts
    (letter,) = [one for one in found.letters if one.kind == "violation"]

    assert [(one.value, one.kind) for one in found.drawn_in.levels] == [(1, "bound")]
    assert [(one.start, one.end) for one in found.drawn_in.windows] == [
        (timeline.start, timeline.end)
    ]
    assert letter.words == "1.0 s  ✘ more than 1 node"
    assert letter.places[0][:2] == (-1, 1.0)
    assert charts.drawn_in_words == "The check allows at most 1 node without an available Pod."
    for words in both(charts):
        assert {"judged", "the check: at most 1"} <= set(words)
    assert f"<b>{letter.letter}</b> {letter.words}" in inline(charts)


def test_the_time_above_a_bound_is_shaded_within_the_violation_only() -> None:
    timeline = rolled()
    panel = chart(timeline, bounds=[bound(timeline, Violation(2.0, 3.0, "over"))]).panel

    assert panel is not None
    assert {(low, high) for _, _, low, high in panel.above} == {(1, 2)}
    assert (panel.above[0][0], panel.above[-1][1]) == (2.0, 3.0)


def test_a_violation_on_a_node_is_framed_on_its_lane_in_both_drawings() -> None:
    timeline = rolled()
    on = Violation(1.0, 3.0, "without a Pod", "course-worker2")
    charts = one_chart(timeline, bounds=[bound(timeline, on, about="")])
    (frame,) = [box for box in svg_of(charts).iter("rect") if box.get("rx") == "4"]
    (letter,) = [one for one in charts.charts[0].letters if one.kind == "violation"]
    patches = (box for ax in draw(charts).axes for box in ax.patches)
    framed = [box for box in patches if box.get_linewidth() == 2.0]
    scale = (740 - 146 - 14) / charts.span[1]

    assert letter.places[0][0] == 2  # control-plane, worker, worker2
    assert float(frame.get("width") or 0) == pytest.approx(2 * scale, abs=0.1)
    assert [round(box.get_y() + 0.46) for box in framed if isinstance(box, Rectangle)] == [2]


def test_a_window_that_ends_after_the_axis_is_open() -> None:
    timeline = rolled()
    (whole,) = drawn(timeline, bounds=[bound(timeline)]).windows
    (late,) = drawn(timeline, bounds=[bound(timeline, span=(1.0, timeline.end + 9))]).windows

    assert (whole.end, whole.beyond) == (timeline.end, False)
    assert (late.start, late.end, late.beyond) == (1.0, timeline.end, True)


def test_of_two_bounds_on_one_count_the_lower_one_is_a_level_and_equal_times_are_one() -> None:
    timeline = rolled()
    found = drawn(timeline, bounds=[bound(timeline, most=3), bound(timeline, most=2)])

    assert [one.value for one in found.levels] == [2]
    assert len(found.windows) == 1


def test_a_bound_of_another_daemonset_is_not_drawn() -> None:
    timeline = rolled()
    other = Bound(("lesson-08", "shop"), (0, 9), "judged", "nothing", "unavailable", 1,
                  (Violation(1, 2, "over"),))  # fmt: skip

    assert inline(one_chart(timeline, bounds=[other])) == inline(one_chart(timeline))


def test_a_violation_has_a_letter_among_more_marks_than_have_room() -> None:
    fleet = Fleet(2)
    for i in range(MOST_MARKS + 3):
        fleet.run(1).note(f"note {i}")
    timeline = timeline_of(fleet.run(1).log())
    over = Violation(timeline.end - 0.5, timeline.end, "over")
    found = chart(timeline, bounds=[bound(timeline, over, about="")])

    assert len(found.letters) == MOST_MARKS
    assert (found.letters[-1].kind, found.more_marks) == ("violation", 4)


def test_bounds_of_a_compared_timeline_are_on_its_clock() -> None:
    timeline = timeline_of(Fleet(3).run(4).apply().run(6).log())
    beside = Beside(bounds=[bound(timeline, Violation(5.0, 6.0, "over"))])
    charts = two_charts(timeline, rolled(), ("a", "b"), (beside, Beside()))
    (letter,) = [one for one in charts.charts[0].letters if one.kind == "violation"]

    assert letter.places[0][1] == pytest.approx(1.0)
    assert charts.charts[1].drawn_in.levels == ()


# Size and time


@pytest.mark.parametrize(
    ("workers", "budget", "most", "seconds"),
    [(11, 1, 15, 0.05), (99, "10%", 120, 0.15), (999, "10%", 500, 1.0)],
)
def test_with_a_prediction_it_stays_small_and_quick(
    workers: int, budget: int | str, most: float, seconds: float
) -> None:
    timeline = timeline_of(Fleet(workers, max_unavailable=budget).run(1).apply().run(40).log())
    mine = {"length": guess(12, "s"), "unavailable": guess(3, "nodes"), "READY": guess(7, "nodes")}
    scene = one_chart(timeline, predicted=mine)
    runs = []
    for _ in range(3):
        began = time.process_time()
        html = inline(scene)
        runs.append(time.process_time() - began)

    assert "you: 12 s" in html
    assert len(html.encode()) <= most * 1000
    assert min(runs) < 3 * seconds  # a busy computer
