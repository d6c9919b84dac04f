"""The drawing of a timeline in HTML: complete without its script, small, quick, reproducible."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import Fleet, change, daemonset, history, listed, node, pod, timeline_of

from daemonset_course.figures.colours import PALETTE, ink_on, luminance, rgb
from daemonset_course.figures.rollout.chart import ChartSet, one_chart, two_charts
from daemonset_course.figures.rollout.drawn_in import Level
from daemonset_course.figures.rollout.expected import PANELS
from daemonset_course.figures.rollout.inline import inline, script
from daemonset_course.history.daemonset_status import COLUMNS

KIB = 1000  # bytes
VOID = {"input", "path", "th", "td", "tr", "tbody", "thead", "li"}


def rollout(workers: int, budget: int | str = 1) -> ChartSet:
    fleet = Fleet(workers, max_unavailable=budget).run(1).apply().run(40)
    return one_chart(timeline_of(fleet.log()))


@cache
def drawn(workers: int, budget: int | str = 1) -> str:
    return inline(rollout(workers, budget))


def svg_of(html: str) -> ElementTree.Element:
    (found,) = re.findall(r"<svg viewBox=.0 0 740.*?</svg>", html, re.S)
    return ElementTree.fromstring(found)


def data_of(html: str) -> Any:
    (found,) = re.findall(r"data-d='(.*?)'", html, re.S)
    data = json.loads(unescape(found))
    for lane in (lane for chart in data["c"] for lane in chart["l"]):
        whole: list[Any] = []
        for bar in lane[1]:  # one that follows another of its Pod at once is short
            pod_and_number = [] if isinstance(bar[0], str) else whole[-1][:2]
            start = [] if isinstance(bar[0], str) else [whole[-1][4]]
            phase, *rest = bar if start else [None, *bar]
            whole.append([*pod_and_number, phase, *start, *rest] if start else bar)
        lane[1] = whole
    return data


def texts(html: str) -> list[str]:
    return [text.text or "" for text in svg_of(html).iter("text")]


def mended() -> ChartSet:
    """A picture with everything in it: gap, outage, failure, cordon, a wait, extra Pods."""
    fleet = Fleet(3, max_unavailable=0, max_surge=1, min_ready=1).run(1).apply().run(4)
    fleet.cordon("course-worker").kubelet_silent("course-worker2").interrupt_watch(1).run(2)
    records = fleet.log()
    failed = pod("bad", "course-worker3", "rev9", phase="failed", reason="Evicted")
    away = {"record": "component", "t": 5.0, "component": "kube-scheduler", "state": "stopped"}
    return one_chart(timeline_of([*records[:-1], away, change(7, "pods", failed, "ADDED"),
                                  {"record": "end", "t": 12.0}]))  # fmt: skip


# What it is without its script


class Checker(HTMLParser):
    """Fails when a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("scene", [rollout(3), mended(), rollout(45, 5)])
def test_it_is_well_formed_and_says_what_it_is(scene: ChartSet) -> None:
    html = inline(scene)
    checker = Checker()
    checker.feed(html)
    svg = svg_of(html)

    assert checker.open == []
    assert svg.get("role") == "img"
    title = svg.find("title")
    assert title is not None
    assert title.text == scene.one_line
    assert svg.get("aria-labelledby") == title.get("id")
    described = svg.get("aria-describedby")
    ((place, words),) = re.findall('<figcaption id="(.*?)">(.*?)</figcaption>', html)
    assert place == described
    assert scene.caption.endswith(words[1:])


def test_the_caption_does_not_repeat_the_title() -> None:
    def below(title: str, caption: str) -> str:
        timeline = timeline_of(Fleet(2).run(1).log())
        html = inline(one_chart(timeline, title=title, caption=caption))
        (found,) = re.findall("<figcaption.*?>(.*?)</figcaption>", html)
        return str(found)

    assert below("2 nodes rolled", "2 nodes rolled; the budget is used up.") == (
        "The budget is used up."
    )
    assert below("2 nodes rolled", "2 nodes rolled, order worker, worker2.") == (
        "Order worker, worker2."
    )
    assert below("2 nodes rolled", "2 nodes rolled") == ""
    for caption in ("2 nodes rolled back.", "In 2 s: 2 nodes rolled."):
        assert below("2 nodes rolled", caption) == caption


def test_lanes_revisions_budget_letters_and_axis_are_text() -> None:
    found = texts(drawn(3))

    assert [word for word in found if "work" in word] == ["worker", "worker2", "worker3"]
    assert {"1", "2", "budget 1", "A", "no Pod", "seconds since the recording began"} <= set(found)
    assert "<b>A</b> 1.0 s  template changed" in drawn(3)
    assert [word for word, _ in rollout(3).key if f" {word}</li>" not in drawn(3)] == []


def budget_words(**drawn: Any) -> tuple[float, float]:
    """Return where "budget 10" stands: x and y, with more on its panel."""
    charts = rollout(100, 10)
    (chart,) = charts.charts
    panel = replace(chart.panel, **drawn)
    html = inline(replace(charts, charts=(replace(chart, panel=panel),)))
    (words,) = [text for text in svg_of(html).iter("text") if text.text == "budget 10"]
    return float(words.attrib["x"]), float(words.attrib["y"])


def test_the_words_of_a_budget_are_beside_what_is_above_it_and_below_a_limit_near_it() -> None:
    start = next(a for a, _, value in rollout(100, 10).charts[0].panel.budget.stretches() if value)
    x, y = budget_words(above=())

    assert budget_words(above=((start, start + 5, 10, 12),))[0] > x + 50
    limit = Level(PANELS[0], 12, start, start + 9, "the check: at most 12", "bound")
    assert budget_words(above=(), levels=(limit,))[1] > y + 10
    far = replace(limit, value=30)
    assert budget_words(above=(), levels=(far,))[0] == x


def test_all_that_can_happen_is_drawn_and_explained() -> None:
    html = inline(mended())
    found = texts(html)

    assert {"\u2717 Evicted", "extra Pods", "surge budget 1"} <= set(found)
    assert " kube-scheduler stopped</li>" in html
    for words in ("Pod failed", "Pod unknown", "Pod ready, not yet available", "node NotReady",
                  "node tainted or cordoned"):  # fmt: skip
        assert f" {words}</li>" in html


def test_an_outage_has_words_in_the_lanes_only_beside_another_one() -> None:
    log = Fleet(3).run(1).log()

    def drawn(*components: str) -> list[str]:
        away = [
            {"record": "component", "t": 1.1 + 0.1 * i, "component": name, "state": "stopped"}
            for i, name in enumerate(components)
        ]
        html = inline(one_chart(timeline_of([*log[:-1], *away, {"record": "end", "t": 2.0}])))
        assert all(f" {name} stopped</li>" in html for name in components)
        return [words for words in texts(html) if words.endswith(" stopped")]

    assert drawn("kube-scheduler") == [], "the key names it"
    assert drawn("etcd", "kube-scheduler") == ["etcd stopped", "kube-scheduler stopped"]


def test_shapes_differ_without_colour() -> None:
    fills = [fill for fill in re.findall(r"<path (fill=.*?) d=", drawn(3)) if "opacity" not in fill]

    kinds = {re.sub(r"#\w+|t\w+| stroke.*", "", fill) for fill in fills}
    assert len(kinds) == 3, "full, hollow, hatched; a terminating Pod is thin and full"
    lines = re.findall(r'stroke="#0072B2" stroke-width="([\d.]+)"', drawn(3))
    heights = {*re.findall(r"h[\d.]+v([\d.]+)H", drawn(3)), *lines}
    assert len(heights) == 3


def test_every_pattern_that_is_used_is_defined_once() -> None:
    html = inline(mended())
    used, defined = re.findall(r"url\(#(.*?)\)", html), re.findall(r'pattern id="(.*?)"', html)

    assert set(used) == set(defined)
    assert len(defined) == len(set(defined)) > 4


def test_the_status_at_the_end_is_a_table_with_kubectl_s_columns() -> None:
    heads = re.findall(r"<th scope=col>([A-Z-]+)", drawn(3))

    assert tuple(heads) == COLUMNS
    assert re.findall(r"<td>(\d+)", drawn(3)) == ["3", "0", "3", "3", "3", "0", "0"]
    assert "status at the end" in drawn(3)


def test_names_and_words_with_markup_in_them_stay_words() -> None:
    log = history(
        *listed("nodes", node("a'b")),
        *listed("daemonsets", daemonset()),
        change(1, "pods", pod("p", "a'b", phase="pending", reason="<i>&"), "ADDED"),
        {"record": "mark", "t": 2.0, "text": "<script>alert('x')</script>"},
    )
    html = inline(one_chart(log.timeline(), title="<b> & 'c'", caption="</figure>"), scripted=False)

    assert "<script" not in html
    assert "<i>" not in html
    assert html.count("</figure>") == 1
    assert "&lt;b&gt; &amp; &#x27;c&#x27;" in html
    assert data_of(html)["c"][0]["l"][0][0] == "a'b"
    assert data_of(html)["c"][0]["l"][0][1][0][5] == "<i>&"


def test_an_untrusted_notebook_says_why_there_is_no_picture() -> None:
    """JupyterLab then drops script, style and the tags of the SVG, and keeps its texts."""
    html = re.sub(r"<(script|style)>.*?</\1>", "", drawn(3), flags=re.S)

    assert re.search(r"<div class=dst-o>The picture is not shown, .*?Trust Notebook", html)
    assert re.search(r"<div class=dst-w tabindex=0 style=font-size:0><svg", html)
    assert re.search(r"<div class=dst-c style=display:none>", html)
    assert ".dst-o{display:none}" in drawn(3)


# What the script reads


def test_the_script_s_data_are_the_stretches_of_each_pod() -> None:
    data = data_of(drawn(3))
    (chart,) = rollout(3).charts
    given = [
        (lane[0], data["p"] + bar[0], str(bar[1]), data["f"][bar[2]], bar[3], bar[4])
        for lane in data["c"][0]["l"] for bar in lane[1]
    ]  # fmt: skip
    bars = [
        (lane.name, bar.pod, bar.number, bar.phase, round(bar.start, 2), round(bar.end, 2))
        for lane in chart.lanes for bar in lane.bars
    ]  # fmt: skip

    assert data["p"] == "agent-"
    assert sorted(given) == sorted(bars)
    assert [row[1:] for row in data["c"][0]["t"]] == [list(status) for _, status in chart.status]


def test_a_page_needs_one_script_and_the_picture_asks_for_nothing() -> None:
    html = drawn(3)

    assert html.endswith(script())
    assert inline(rollout(3), scripted=False) + script() == html
    for word in ("http", "src=", "href", "import(", "@import", "eval", "@font-face", "fetch"):
        assert word not in html


# Colours


def test_numbers_on_bars_can_be_read() -> None:
    for colour in PALETTE:
        ground, ink = luminance(rgb(colour)), luminance(rgb(ink_on(rgb(colour))))
        low, high = sorted((ground, ink))
        assert (high + 0.05) / (low + 0.05) >= 4.5


# Size, time, sameness


@pytest.mark.parametrize(
    ("workers", "budget", "most", "seconds"),
    [(11, 1, 15, 0.05), (99, "10%", 120, 0.15), (999, "10%", 500, 1.0)],
)
def test_it_is_small_and_quick(
    workers: int, budget: int | str, most: float, seconds: float
) -> None:
    scene = rollout(workers, budget)
    runs = []
    for _ in range(3):
        began = time.process_time()
        html = inline(scene)
        runs.append(time.process_time() - began)

    assert len(html.encode()) <= most * KIB
    assert min(runs) < 3 * seconds  # a busy computer


def test_ten_times_as_many_nodes_take_ten_times_as_long() -> None:
    sizes = [len(drawn(workers, "10%")) for workers in (99, 999)]

    assert sizes[1] < 10 * sizes[0]


def test_the_same_log_gives_the_same_bytes_and_another_one_other_ids() -> None:
    assert inline(rollout(3)) == drawn(3)
    ids = [set(re.findall(r'id="(t\w{8})', drawn(n))) for n in (3, 4)]
    assert [len(each) for each in ids] == [1, 1]
    assert ids[0] != ids[1]


def test_compared_charts_stand_below_each_other_with_a_row_of_the_status_each() -> None:
    one = timeline_of(Fleet(3).run(1).apply().run(9).log())
    two = timeline_of(Fleet(2).run(2).apply().run(4).log())
    html = inline(two_charts(one, two, ("first <1>", "second")))
    found = texts(html)

    assert [word for word in found if word.startswith(("first", "second"))][:2] == [
        "first <1>", "second",
    ]  # fmt: skip
    assert "recording ended" in found
    assert re.findall(r"<tr data-i=(\d)><th scope=row>(.*?)<", html) == [
        ("0", "first &lt;1&gt;"), ("1", "second"),
    ]  # fmt: skip
    tops = [chart["y"] for chart in data_of(html)["c"]]
    assert tops[0] + 4 * 24 < tops[1]


@pytest.mark.parametrize(
    ("end", "lines"),
    [(10, ["recording ended"]), (17, ["recording", "ended"]), (19, ["recording ended"])],
)
def test_where_the_shorter_recording_ended_is_written_beside_its_lanes_if_there_is_room(
    end: int, lines: list[str]
) -> None:
    one, two = (timeline_of(Fleet(3).run(1).apply().run(n).log()) for n in (20, end))
    every = list(svg_of(inline(two_charts(one, two, ("one", "two")))).iter("text"))
    found = [text for text in every if text.text in ("recording ended", "recording", "ended")]
    lanes = [text for text in every if text.text == "worker3"]
    below = float(found[-1].get("y", "nan")) - float(lanes[-1].get("y", "nan"))

    assert [text.text for text in found] == lines
    assert (below > 12) == (end == 19)


def test_letters_on_a_bar_hide_none_of_its_words() -> None:
    failed = pod("a", "n1", phase="failed", reason="Evicted")
    log = history(
        *listed("nodes", node("n1")), *listed("daemonsets", daemonset()),
        *listed("pods", failed),
        change(0.5, "nodes", node("n1", ready="False")), change(1.5, "nodes", node("n1")),
        end=20,
    )  # fmt: skip
    svg = svg_of(inline(one_chart(log.timeline(), fold=False)))
    (word,) = (text for text in svg.iter("text") if "Evicted" in (text.text or ""))
    circles = [float(one.get("cx", "nan")) for one in svg.iter("circle")]

    assert len(circles) == 2
    assert float(word.get("x", "nan")) > max(circles) + 8.5
