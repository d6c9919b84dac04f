"""A monitoring agent: what its variants report, and what shells in its place may do."""

from __future__ import annotations

from daemonset_course.analysis.monitoring import rights, scrapes
from daemonset_course.figures.shapes import Cell
from daemonset_course.verbs.exporter import renamed

NET, DISK = "node_network_info{device}", "node_disk_info{model}"
SEEN = scrapes(
    {
        "as given": {NET: ["eth0", "lo", "veth1"], DISK: []},
        "plain": {NET: ["eth0", "lo", "veth1"], DISK: []},
        "pod": {NET: ["eth0", "lo"], DISK: ["x"]},
    }
)
SETTINGS = scrapes({"as given": {NET: ["a"]}, "no x": {NET: ["a"]}, "no y": {NET: ["b"]}})
CAN = rights(
    {
        "root": {"write in /etc": False, "write in /run": True},
        "nobody": {"write in /etc": False, "write in /run": False},
    }
)


def test_variants_differ_from_the_first_one_or_do_not() -> None:
    assert (SEEN.differing("plain"), SEEN.differing("pod")) == ([], [NET, DISK])
    assert SEEN.headline == "Of 2 rows, other than as given: plain 0, pod 2"
    assert SEEN.caption == (
        "Numbers count the values of a label. "
        f"Against as given: plain: no difference; pod: {NET} 1 fewer, {DISK} 1 more."
    )


def test_a_setting_decides_if_its_variant_has_other_values() -> None:
    assert SETTINGS.deciding("x", "y") == "y"
    assert SETTINGS.deciding("x") == "none"
    assert (
        scrapes({"a": {NET: []}, "no x": {NET: ["b"]}, "no y": {NET: ["c"]}}).deciding("x", "y")
        == "both"
    )


def test_an_attempt_that_is_a_text_succeeds_by_its_words() -> None:
    tried = rights({"root": {"/run": "succeeds", "/etc": "Read-only file system", "socket": ""}})

    assert tried.granted("root") == ["/run"]


def test_a_cell_counts_values_and_says_whether_they_are_those_of_the_first_column() -> None:
    figure = SEEN.figure()

    assert list(figure.cells.values()) == [
        Cell("as in the first column", "3"), Cell("as in the first column", "3"),
        Cell("other values", "2 other"), Cell("no value", "none"), Cell("no value", "none"),
        Cell("other values", "1 other"),
    ]  # fmt: skip
    assert figure.used == set(figure.styles)


def test_rights_are_told_by_agent() -> None:
    figure = CAN.figure()

    assert CAN.granted("root") == ["write in /run"]
    assert CAN.headline == "Of 2 attempts succeed: root 1; nobody 0"
    assert CAN.caption == "root: write in /run; nobody: nothing."
    assert [place for place, cell in figure.cells.items() if cell.text == "succeeds"] == [
        ("write in /run", "root")
    ]


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
