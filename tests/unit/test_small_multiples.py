"""Rollouts on one time axis with their model: the data, the drawing in HTML, the one for files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import HEADER, Fleet, change, daemonset, gap, node, pod, present, timeline_of

from daemonset_course.analysis.rollout_progress import (
    Multiples,
    Progress,
    model,
    recorded_rollouts,
    rollout_progress,
)
from daemonset_course.analysis.scale import Rate
from daemonset_course.errors import BadInput
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.small_multiples import small_multiples
from daemonset_course.history.spans import Steps

RATE = Rate(20, 30)


def rolled(share: int, *, workers: int = 20, length: float = 90) -> Progress:
    fleet = Fleet(workers, max_unavailable=f"{share}%").run(1).apply().run(length)
    return rollout_progress(timeline_of(fleet.log()), share=share, restart=1.5, rate=RATE)


def given(length: float | None, expected: float, *points: tuple[float, int | None]) -> Progress:
    made = model(100, 1, restart=expected / 100, rate=RATE)
    times, values = zip(*points, strict=True) if points else ((), ())
    return Progress(100, length, made, Steps(times, values))


def svg_of(picture: Picture) -> ElementTree.Element:
    assert picture.html is not None
    (found,) = re.findall(r"<svg viewBox=.0 0 740.*?</svg>", picture.html(), re.S)
    return ElementTree.fromstring(found)


# The data


def test_the_model_is_the_longer_of_rounds_and_requests() -> None:
    by_rounds = model(100, 10, restart=2.0, rate=RATE)
    by_requests = model(1000, 10, restart=2.0, rate=RATE)

    assert (by_rounds.seconds, by_rounds.words) == (20.0, "10 rounds of 2.0 s")
    assert by_requests.seconds == RATE.takes(2000) == 98.5
    assert by_requests.words == "2000 requests"
    assert model(10, 100, restart=2.0, rate=RATE).words == "1 round of 2.0 s"
    assert model(100, 1, restart=1.0, rate=RATE).seconds == 100.0
    assert model(3, 1, restart=1.0, rate=RATE).seconds == 3.0, "a share is rounded up to a node"


def test_progress_begins_at_the_template_with_no_node_and_ends_with_all() -> None:
    found = rolled(10)
    values = [share for *_, share in found.shares()]

    assert found.length is not None
    assert (found.nodes, found.updated.times[0]) == (20, 0.0)
    assert found.updated.times[-1] == pytest.approx(found.length)
    assert (values[0], found.updated.values[-1]) == (0.0, 20)
    assert found.model.words == "10 rounds of 1.5 s"


def test_a_rollout_that_is_not_done_says_so() -> None:
    found = rolled(5, length=6)

    assert found.length is None
    assert found.measured == "not done when the recording ended"
    assert found.measured_end == pytest.approx(6)
    assert 0 < (found.updated.values[-1] or 0) < 20


def test_while_the_watch_was_interrupted_the_progress_is_unknown() -> None:
    names = ["n1", "n2", "n3"]
    records = [
        *present("nodes", *map(node, names)), *present("daemonsets", daemonset()),
        *present("pods", *(pod(n, n, "r1") for n in names)),
        change(1, "daemonsets", daemonset(2, image="a:2")),
        change(2, "pods", pod("n1", "n1", "r1"), "DELETED"),
        change(3, "pods", pod("m1", "n1", "r2", generation=2), "ADDED"), gap(5, 6),
    ]  # fmt: skip
    timeline = timeline_of([HEADER, *records, {"record": "end", "t": 9.0}])
    found = rollout_progress(timeline, share=33, restart=1.0, rate=RATE)
    unknown = [(a, b) for a, b, share in found.shares() if share is None]

    assert unknown == [(4.0, 5.0)]


def test_a_recording_without_a_rollout_is_refused() -> None:
    with pytest.raises(BadInput, match="does not show a rollout"):
        rollout_progress(timeline_of(Fleet(3).run(2).log()), share=10, restart=1.0, rate=RATE)


def test_a_file_with_progress_gives_one_panel_a_budget() -> None:
    one = {"seconds": 4.0, "updated": [[0.0, 0], [2.0, 50], [4.0, 100]]}
    file = {"budgets": {"nodes": 100, "restart": 2.0, "rollouts": {"5": one, "50": one}}, "runs": 0}
    found = recorded_rollouts(file, restart=9.0, rate=RATE)

    assert list(found) == ["5\u00a0%", "50\u00a0%"]
    five = found["5\u00a0%"]
    assert (five.length, five.model.seconds) == (4.0, 40.0)
    assert five.updated == Steps((0.0, 2.0, 4.0), (0, 50, 100))


def test_a_file_without_progress_gives_the_lengths_and_invents_nothing() -> None:
    file = {"runs": [{"nodes": 200, "rollouts": {"10": 23.7, "50": 20.6}}]}
    found = recorded_rollouts(file, restart=1.0, rate=RATE)

    assert list(found) == ["200 nodes, 10\u00a0%", "200 nodes, 50\u00a0%"]
    assert [one.length for one in found.values()] == [23.7, 20.6]
    assert all(one.updated == Steps() for one in found.values())
    assert all("only the length is recorded" in one.measured for one in found.values())


def test_the_title_says_how_far_they_differ_and_what_limits_which() -> None:
    few = model(100, 100, restart=1.0, rate=RATE)
    all_at_once = Progress(100, 9.0, few)
    found = Multiples({"1 %": given(170.0, 180.0), "100 %": all_at_once})

    assert found.headline == (
        "From 170.0 s with 1 % to 9.0 s with 100 %; "
        "by the model, requests and not rounds limit 100 %"
    )
    assert "1 %: 170.0 s (model 180.0 s); 100 %: 9.0 s (model 8.5 s)" in found.caption
    assert Multiples({"a": given(None, 5.0)}).headline.startswith("No rollout was done")


# The drawing in HTML


def shown(**rollouts: Progress) -> Picture:
    return small_multiples(rollouts)


def test_it_says_what_it_is() -> None:
    picture = shown(one=rolled(10), two=rolled(50))
    svg = svg_of(picture)
    ids = {child.tag: child.get("id") for child in svg if child.tag in ("title", "desc")}

    assert svg.get("role") == "img"
    assert [svg.findtext("title"), svg.findtext("desc")] == [picture.title, picture.caption]
    assert (svg.get("aria-labelledby"), svg.get("aria-describedby")) == (ids["title"], ids["desc"])


def test_all_panels_share_one_time_axis_and_one_scale() -> None:
    svg = svg_of(shown(slow=given(100.0, 50.0, (0, 0), (100, 100)),
                       quick=given(10.0, 50.0, (0, 0), (5, 50), (10, 100))))  # fmt: skip
    lines = [path.get("d", "") for path in svg.iter("path") if path.get("stroke") == "#0072B2"]
    ghosts = [path.get("d", "") for path in svg.iter("path") if path.get("stroke-dasharray")]
    right = [float(d.rpartition("H")[2].partition("V")[0]) for d in lines]
    heights = [min(float(y) for y in re.findall(r"V([\d.]+)", d)) for d in lines]
    floors = [float(d.split("V")[0].split(" ")[1]) for d in lines]

    assert (right[0] - 146) / (right[1] - 146) == pytest.approx(10, abs=0.05)
    assert {round(floor - top) for floor, top in zip(floors, heights, strict=True)} == {54}
    assert len({d.split(" ")[0] for d in ghosts}) == 1, "both models take 50 s"


def test_text_is_text_and_the_model_has_words() -> None:
    svg = svg_of(shown(one=rolled(10)))
    words = [text.text for text in svg.iter("text")]

    assert "one" in words
    assert any(word and word.startswith("measured: ") for word in words)
    assert "model: 10 rounds of 1.5 s, 15.0 s" in words
    assert "seconds since the new template" in words


@pytest.mark.parametrize(
    ("measured", "expected"), [(30.0, 240.0), (240.0, 30.0), (3.0, 10.0), (239.0, 240.0)]
)
def test_the_words_of_a_panel_stay_within_it(measured: float, expected: float) -> None:
    rollout = given(None, expected, (0, 0), (measured, 10))
    svg = svg_of(shown(one=rollout, longest=given(240.0, 240.0)))
    begins = ("measured", "not done", "model")
    words = [text for text in svg.iter("text") if (text.text or "").startswith(begins)][:2]

    assert len(words) == 2
    for text in words:
        x, wide = float(text.get("x", "nan")), 7.4 * len(text.text or "")
        left = x - wide if "e" in (text.get("class") or "").split() else x
        assert left >= 146, text.text
        assert left + wide <= 726, text.text


def test_a_length_without_progress_has_no_area_and_no_scale() -> None:
    svg = svg_of(shown(one=given(20.0, 30.0)))

    assert [path for path in svg.iter("path") if path.get("fill-opacity") == ".5"] == []
    assert "100 %" not in [text.text for text in svg.iter("text")]
    assert [path for path in svg.iter("path") if path.get("stroke-width") == "3"]


def test_unknown_time_is_a_gap_in_the_area() -> None:
    svg = svg_of(shown(one=given(None, 5.0, (0, 0), (2, 50), (3, None), (4, 60), (6, 60))))

    areas = [path for path in svg.iter("path") if path.get("fill-opacity") == ".5"]
    assert len(areas) == 2


def test_words_with_markup_in_them_stay_words() -> None:
    picture = small_multiples({"<b>&": given(20.0, 30.0)}, title="</figure>")
    assert picture.html is not None
    html = picture.html()

    assert html.count("</figure>") == 1
    assert "&lt;b&gt;&amp;" in html
    assert svg_of(picture).findtext("title") == "</figure>"


def test_the_same_data_give_the_same_bytes_and_nothing_is_loaded() -> None:
    one, two = (shown(one=rolled(10)) for _ in range(2))
    assert one.html is not None
    assert two.html is not None

    assert one.html() == two.html()
    for word in ("http", "src=", "href", "@import", "<script"):
        assert word not in one.html()
    assert len(one.html()) < 15_000


# The drawing for files


def test_a_file_shows_the_same(tmp_path: Path) -> None:
    picture = shown(slow=given(100.0, 50.0, (0, 0), (100, 100)), length=given(20.0, 50.0))
    axes = picture.figure.axes[1:]
    texts: list[list[str]] = [[text.get_text() for text in ax.texts] for ax in axes]

    assert [ax.get_xlim() for ax in axes] == [(0, pytest.approx(102.0))] * 2
    assert [found[0] for found in texts] == ["slow", "length"]
    assert texts[0][1:] == ["measured: 100.0 s", "model: 100 rounds of 0.5 s, 50.0 s"]
    assert [list(ax.lines[-1].get_xdata()) for ax in axes] == [[50.0, 50.0]] * 2
    assert [len(ax.collections) for ax in axes] == [1, 0]
    for ending in ("svg", "png"):
        assert picture.save(tmp_path / f"multiples.{ending}").stat().st_size > 1000


def test_without_rollouts_it_says_what_to_give() -> None:
    rollouts: dict[str, Any] = {}
    with pytest.raises(BadInput, match="at least one rollout"):
        small_multiples(rollouts)
