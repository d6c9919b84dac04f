"""What exporters say, read from their text and compared with each other, and the pictures."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from daemonset_course.plot.look import ALARM
from daemonset_course.plot.rights import plot_rights
from daemonset_course.plot.scrapes import plot_scrapes
from daemonset_course.timeline.rights import rights, rights_caption, rights_headline
from daemonset_course.timeline.scrapes import (
    families,
    gauge,
    labels,
    scrapes,
    scrapes_caption,
    scrapes_headline,
)
from daemonset_course.verbs.exporter import renamed

TEXT = """\
# HELP node_disk_info Info of /sys/block/<block_device>.
# TYPE node_disk_info gauge
node_disk_info{device="vda",model="",serial=""} 1
# TYPE node_network_info gauge
node_network_info{device="eth0",operstate="up"} 1
node_network_info{device="lo",operstate="a \\"quoted\\", word"} 1
# TYPE node_load1 gauge
node_load1 0.25
# TYPE node_scrape_collector_success gauge
node_scrape_collector_success{collector="cpu"} 1
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 2.097152e+07
"""
NET, DISK = "node_network_info{device}", "node_disk_info{model}"
SEEN = {
    "as given": {NET: ["eth0", "lo", "veth1"], DISK: []},
    "plain": {NET: ["eth0", "lo", "veth1"], DISK: []},
    "pod": {NET: ["eth0", "lo"], DISK: ["x"]},
}
CAN = {
    "root": {"write in /etc": False, "write in /run": True},
    "nobody": {"write in /etc": False, "write in /run": False},
}


def test_labels_are_read_from_the_series_and_empty_ones_left_out() -> None:
    found = labels(TEXT, {"node_network_info": "operstate", "node_disk_info": "model"})

    assert found == {
        "node_network_info{operstate}": ['a \\"quoted\\", word', "up"],
        DISK: [],
    }
    assert labels(TEXT, {"node_load1": "device"}) == {"node_load1{device}": []}


def test_a_series_without_labels_has_a_value_and_a_missing_one_is_nothing() -> None:
    assert gauge(TEXT, "process_resident_memory_bytes") == 20 * 2**20
    assert gauge(TEXT, "node_load") == 0


def test_families_are_those_of_the_node() -> None:
    assert families(TEXT) == {"node_disk_info", "node_network_info", "node_load1"}


def test_variants_differ_from_the_first_one_or_do_not() -> None:
    found = scrapes(SEEN)

    assert found.differing("plain") == []
    assert found.differing("pod") == [NET, DISK]
    assert [found.kind(NET, name) for name in found.variants] == ["same", "same", "other"]
    assert [found.kind(DISK, name) for name in found.variants] == ["none", "none", "other"]
    assert scrapes_headline(found) == "Of 2 rows, other than as given: plain 0, pod 2"
    assert scrapes_caption(found) == (
        "Numbers count the values of a label. "
        f"Against as given: plain: no difference; pod: {NET} 1 fewer, {DISK} 1 more."
    )


def test_a_renamed_daemonset_is_a_copy_that_selects_its_own_pods() -> None:
    container = {"name": "c", "args": ["a"]}
    template = {"metadata": {"labels": {"app": "old"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "old"}}, "template": template}
    old = {"kind": "DaemonSet", "metadata": {"name": "old", "namespace": "x"}, "spec": spec}
    new = renamed(old, "new", {"args": []}, hostPID=True)

    assert new["metadata"] == {"name": "new"}
    assert new["spec"]["selector"]["matchLabels"] == {"app": "new"}
    assert new["spec"]["template"] == {
        "metadata": {"labels": {"app": "new"}},
        "spec": {"containers": [{"name": "c", "args": []}], "hostPID": True},
    }
    assert container["args"] == ["a"]


def test_rights_are_told_by_agent() -> None:
    found = rights(CAN)

    assert found.granted("root") == ["write in /run"]
    assert rights_headline(found) == "Of 2 attempts succeed: root 1, nobody 0"
    assert rights_caption(found) == "root: write in /run; nobody: nothing."


@pytest.mark.parametrize("dark", [False, True])
def test_a_table_has_a_box_and_a_word_for_each_cell(dark: bool) -> None:
    (*_, told), (*_, able) = (
        plot_scrapes(SEEN, dark=dark).figure.axes,
        plot_rights(CAN, dark=dark).figure.axes,
    )

    assert [text.get_text() for text in told.texts] == [
        "as given", "plain", "pod", "3", "3", "2 other", "none", "none", "1 other",
    ]  # fmt: skip
    assert sorted(text.get_text() for text in able.texts) == [
        "nobody", "refused", "refused", "refused", "root", "succeeds",
    ]  # fmt: skip
    full = [to_hex(r.get_facecolor()) for r in able.patches if isinstance(r, Rectangle)]
    assert full.count(ALARM.lower()) == 1


def test_text_stays_on_the_paper_and_does_not_cover_other_text() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for picture in (plot_scrapes(SEEN, title="t"), plot_rights(CAN)):
        figure = picture.figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = [text.get_window_extent(renderer) for text in figure.texts]
        boxes += [text.get_window_extent(renderer) for ax in figure.axes for text in ax.texts]

        assert all(figure.bbox.x0 <= b.x0 and b.x1 <= figure.bbox.x1 for b in boxes)
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
