"""Tables as HTML: what a screen reader hears, what marks a cell besides its colour, the themes."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from fleet import HEADER, control_plane, daemonset, node

from daemonset_course.figures.colours import PALETTE, luminance, rgb
from daemonset_course.figures.shapes import Cell, Line, Side, Style, Table
from daemonset_course.figures.show import show
from daemonset_course.figures.table_html import paint, tables_html
from daemonset_course.history.daemonset_status import COLUMNS, Status
from daemonset_course.placement import Matrix
from daemonset_course.recording.recorder import Recording
from daemonset_course.recording.steps import Step
from daemonset_course.verbs.why import Why, explain

TABLE = Table(
    (Line("worker", "zone a"), Line("worker2", text="2 like <worker2>")),
    (Line("gpu", group="taints"), Line("disk", group="labels"), Line("ssd", group="labels")),
    {
        ("worker", "gpu"): Cell("runs", "✓"), ("worker2", "disk"): Cell("does not", "no & never"),
        ("worker2", "ssd"): Cell("empty"),
    },
    {"runs": Style("accent"), "does not": Style("alarm", 0.6, "//"), "empty": Style("background"),
     "unused": Style("surge")},
    totals=("all", ("1", "1", "0")),
    sides=(Side("Pod there", ("stays", "goes")),),
    remarks={"worker": "a remark"},
    remark_title="reason",
    notes=("a note",),
)  # fmt: skip


class Cells(HTMLParser):
    """The cells of the tables, row by row: (tag, attributes, text); and the rest of the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, dict[str, Any], str]]] = []
        self.around: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append((tag, dict(attrs), ""))
        if tag not in ("b", "span"):
            self._within = tag

    def handle_endtag(self, tag: str) -> None:
        if tag in ("table", "style", "figcaption", "ul"):
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in ("th", "td"):
            tag, attrs, text = self.rows[-1][-1]
            self.rows[-1][-1] = (tag, attrs, text + data)
        elif self._within != "style":
            self.around.append(data)

    def texts(self) -> list[list[str]]:
        return [[text for *_, text in row] for row in self.rows]


def written(table: Table = TABLE, title: str = "The finding", **more: str) -> Cells:
    return Cells(tables_html([table], title=title, **more))


# The shape


def test_each_cell_has_its_heads() -> None:
    found = written()
    groups, heads, first, second, total = found.rows

    assert found.texts() == [
        ["", "", "taints", "labels"],
        ["", "", "gpu", "disk", "ssd", "Pod there", "reason"],
        ["worker", "zone a", "✓ runs", "", "", "stays", "a remark"],
        ["2 like <worker2>", "", "", "no & never", " empty", "goes", ""],
        ["all", "", "1", "1", "0"],
    ]
    assert [attrs.get("scope") for _, attrs, _ in groups] == [None, None, "colgroup", "colgroup"]
    assert groups[3][1]["colspan"] == "2"
    assert {attrs["scope"] for tag, attrs, _ in heads if tag == "th"} == {"col"}
    assert [row[0][1]["scope"] for row in (first, second, total)] == ["row"] * 3
    assert all(text for row in found.rows for tag, _, text in row if tag == "th"), "no empty head"


def test_a_sign_or_an_empty_cell_has_its_word_for_those_who_see_no_colour() -> None:
    html = tables_html([TABLE], title="x")

    assert "<b>✓</b><span class=w> runs</span>" in html
    assert "<b></b><span class=w> empty</span>" in html
    assert "<b>no &amp; never</b><td" in html, "a word says it itself"


def test_it_scrolls_within_itself_and_can_be_reached_by_keys() -> None:
    (box,) = [attrs for tag, attrs in written().tags if attrs.get("class") == "s"]

    assert box["tabindex"] == "0"
    assert (box["role"], box["aria-label"]) == ("group", "The finding")
    assert re.search(r"\.dtt \.s\{overflow-x:auto", tables_html([TABLE], title="x"))
    assert "caption" in [tag for tag, _ in written().tags]


def test_title_origin_key_notes_and_caption_stand_around_it() -> None:
    around = written(title="One\ntwo", note="RECORDED", caption="In full.").around

    assert [text.strip() for text in around if text.strip()] == [
        "One", "two", "RECORDED", "One; two", "runs", "does not", "empty", "a note", "In full.",
    ]  # fmt: skip


def test_what_says_nothing_is_left_out() -> None:
    said = replace(
        TABLE, cells={("worker", "gpu"): Cell("runs", "runs")}, notes=(), totals=None, sides=(),
        remarks={},
    )  # fmt: skip
    html = tables_html([said], title="The finding", caption="The finding.")

    assert "figcaption>" not in html.split("</style>")[1]
    assert "<ul" not in html, "each cell says its own word"
    assert "<tfoot>" not in html


def test_the_key_of_its_own_takes_the_place_of_the_styles() -> None:
    around = written(replace(TABLE, legend={"explained": Style("muted", sign="✓")})).around

    assert {"✓", " explained"} <= set(around)
    assert not {" runs", " does not"} & set(around)


def test_rows_of_a_group_have_its_name_above_them() -> None:
    rows = (Line("a: x", group="a", text="x"), Line("a: y", group="a", text="y"), Line("b"))
    found = written(Table(rows, (), {}, {}, remarks={"b": "3"}, row_title="what"))

    assert found.texts() == [["what", ""], ["a"], ["x", ""], ["y", ""], ["b", "3"]]
    assert found.rows[1][0][1] == {"scope": "rowgroup", "colspan": "2", "class": "g"}


def test_long_names_stand_upright_and_their_groups_are_left_out() -> None:
    found = written(replace(TABLE, slanted=True))

    assert found.texts()[0][2] == "gpu"
    assert [attrs.get("class") for *_, attrs, _ in found.rows[0][2:5]] == ["u"] * 3


def test_a_title_of_the_columns_stands_above_all_of_them() -> None:
    found = written(replace(TABLE, column_title="maxSurge", row_title="maxUnavailable"))

    assert found.texts()[0] == ["", "", "maxSurge"]
    assert found.rows[0][2][1]["colspan"] == "3"
    assert found.texts()[1][0] == "maxUnavailable"


# Colours


@pytest.mark.parametrize("ground", ["#FFFFFF", "#111111"])
def test_words_can_be_read_on_every_filling(ground: str) -> None:
    names = ["accent", "alarm", "surge", *(f"series {i}" for i in range(len(PALETTE)))]
    page_ink = "#000000" if ground == "#FFFFFF" else "#FFFFFF"
    for name in names:
        for fade in (0, 0.6, 0.75, 0.8, 1):
            css = dict(part.split(":", 1) for part in paint(Style(name, fade)).split(";"))
            ink = page_ink if css["color"] == "var(--f)" else css["color"]
            full = rgb(re.sub(r".*(#\w{6}).*", r"\1", css["border-color"]))
            fill = tuple(a + (b - a) * fade for a, b in zip(full, rgb(ground), strict=True))
            low, high = sorted((luminance(fill), luminance(rgb(ink))))  # type: ignore[arg-type]

            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, fade)


def test_each_picture_keeps_its_own_styles_among_others() -> None:
    one, other = (
        tables_html([replace(TABLE, styles=TABLE.styles | {"runs": Style(name)})], title="x")
        for name in ("accent", "surge")
    )
    places = [re.search(r'class="dtt (dtt-\w+)"', html) for html in (one, other)]

    assert places[0]
    assert places[1]
    assert places[0][1] != places[1][1]
    assert f".dtt.{places[0][1]} td.c0{{" in one
    assert tables_html([TABLE], title="x") == tables_html([TABLE], title="x")


# What a notebook shows


class Found:
    headline, caption = "The finding", "In full."

    def __init__(self, table: Table) -> None:
        self._table = table

    def figure(self) -> Table:
        return self._table


def test_a_notebook_gets_a_table_as_html_and_one_with_links_as_a_drawing() -> None:
    linked = replace(TABLE, links=((("worker", "gpu"), ("worker2", "disk"), "accent"),))
    data, _ = show(Found(TABLE))._repr_mimebundle_()
    drawn, _ = show(Found(linked))._repr_mimebundle_()

    assert data == {
        "text/plain": "In full.",
        "text/html": tables_html([TABLE], title="The finding", caption="In full."),
    }
    assert "<img alt=" in drawn["text/html"]


def test_a_dark_table_is_drawn_because_html_has_the_page_s_theme() -> None:
    assert "<img alt=" in show(Found(TABLE), dark=True)._repr_mimebundle_()[0]["text/html"]


# Status


def test_a_status_is_a_table_with_kubectl_s_columns() -> None:
    found = Cells(Status(3, 3, 3, 3, 3, 0, 0)._repr_html_())

    assert found.texts() == [list(COLUMNS), ["3", "3", "3", "3", "3", "0", "0"]]
    assert found.around[0] == "Status: 3 of 3 nodes that should run a Pod have an available one"
    assert not any(sign in "".join(found.around) for sign in "▼▲")


def test_numbers_that_differ_are_marked_by_a_sign_and_in_words() -> None:
    found = Status(4, 4, 3, 5, 3, 1, 2)

    assert Cells(found._repr_html_()).texts()[1] == ["4", "4", "▼ 3", "▲ 5", "▼ 3", "▲ 1", "▲ 2"]
    assert found.caption == (
        "READY and AVAILABLE: 1 fewer than DESIRED. UP-TO-DATE: 1 more than DESIRED. "
        "UNAVAILABLE: 1 instead of 0. MISSCHEDULED: 2 instead of 0."
    )
    assert found.caption in found._repr_html_()
    assert repr(found).startswith("desired 4, current 4, ready 3")


def test_a_status_of_no_node_says_so() -> None:
    assert Status(0, 0, 0, 0, 0, 0, 0).headline == "Status: no node should run a Pod"
    assert Status(1, 1, 1, 1, 0, 1, 0).headline == (
        "Status: 0 of 1 node that should run a Pod has an available one"
    )


# Steps


def stepped(result: Any, *, live: bool = False) -> Step:
    header = {
        "label": "Two (or more) things", "backend": "kind", "kubernetes": "v1.37.1",
        "needs": ["logs"], "date": "2026-11-29T12:00:00Z",
    }  # fmt: skip
    return Step(header, result, live)


def test_a_step_is_a_table_of_two_columns_with_its_origin() -> None:
    made = stepped({"ready": {"agent": ["4", 4], "web": []}, "own": True, "log": "a\nb\n"})
    found = Cells(made._repr_html_())

    assert found.texts() == [
        ["what", "output"], ["ready"], ["agent", "4, 4"], ["web", "none"], ["own", "yes"],
        ["log", "a\nb"],
    ]  # fmt: skip
    assert found.around[:2] == [
        "Two (or more) things",
        "RECORDED on kind, Kubernetes v1.37.1, 2026-11-29: this cluster has no logs",
    ]
    assert repr(made).startswith("Two (or more) things (RECORDED on kind, Kubernetes v1.37.1, ")


def test_a_step_that_ran_here_says_so() -> None:
    assert "live on kind, Kubernetes v1.37.1" in stepped("x", live=True)._repr_html_()


@pytest.mark.parametrize(
    ("result", "output"),
    [("hello\n", "hello"), ("", "(no output)"), (None, "none"), (False, "no"), (1.5, "1.5")],
)
def test_a_result_that_is_no_dict_is_one_row(result: Any, output: str) -> None:
    assert Cells(stepped(result)._repr_html_()).texts() == [["what", "output"], ["result", output]]


def test_a_recording_in_a_step_is_its_sentence() -> None:
    log = Recording([HEADER, {"record": "end", "t": 3.0}])
    (row,) = Cells(stepped({"log": log})._repr_html_()).texts()[1:]

    assert row == ["log", repr(log)]


# Why


def answers(*nodes: dict[str, Any]) -> Why:
    agent = daemonset()
    agent["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    return explain(list(nodes), agent)


def test_why_shows_each_node_with_its_answer_and_the_reason() -> None:
    found = answers(control_plane("plane"), node("n1", disk="ssd"), node("n2", disk="hdd"))
    html = Cells(found._repr_html_())
    head, *rows = html.texts()

    assert (head[0], head[-3:]) == ("node", ["new Pod", "Pod there", "reason"])
    assert [(row[0], *row[-3:]) for row in rows] == [
        ("n1", "yes", "stays", "no rule keeps the Pod off this node"),
        ("n2", "no", "is deleted",
         "nodeSelector: label disk=ssd is missing (the node has disk=hdd)"),
        ("plane", "no", "is deleted",
         "nodeSelector: label disk=ssd is missing (the node has no disk)"),
    ]  # fmt: skip
    assert html.around[0] == found.matrix.headline
    assert repr(found).startswith("DaemonSet agent: 1 of 3 nodes gets a Pod")


def test_nodes_with_equal_answers_share_a_row_when_there_are_many() -> None:
    some = [node(f"n{i}", disk="hdd" if i % 4 else "ssd") for i in range(48)]
    _, *rows = Cells(answers(*some)._repr_html_()).texts()

    assert [(row[0], row[-1]) for row in rows] == [
        ("36 like n1", "nodeSelector disk=ssd does not match"),
        ("12 like n0", "no rule keeps the Pod off this node"),
    ]


def test_a_refusal_of_the_api_server_stands_above_the_table() -> None:
    found = replace(answers(node("n1", disk="ssd")), refused="quota <exceeded>")

    assert "<div>But quota &lt;exceeded&gt;</div>" in found._repr_html_()


def test_the_drawing_of_the_matrix_is_as_before() -> None:
    found: Matrix = answers(node("n1", disk="hdd")).matrix

    assert found.figure().remarks == {"n1": "has disk=hdd"}
    assert found.figure().remark_title == ""
