"""A monitoring agent: attempts to deploy it, what its variants tell, what they may do."""

from __future__ import annotations

from daemonset_course.analysis.monitoring import Trial, rights, scrapes, trials
from daemonset_course.figures.shapes import Cell
from daemonset_course.verbs.exporter import renamed

ATTEMPTS = trials(
    {
        "no namespace": Trial('namespaces "monitoring" not found', stored=False),
        "baseline": Trial("violates PodSecurity"),
        "privileged": Trial("", pods=3, wanted=4),
    }
)
NET, DISK = "node_network_info{device}", "node_disk_info{model}"
SEEN = scrapes(
    {
        "as given": {NET: ["eth0", "lo", "veth1"], DISK: []},
        "plain": {NET: ["eth0", "lo", "veth1"], DISK: []},
        "pod": {NET: ["eth0", "lo"], DISK: ["x"]},
    }
)
CAN = rights(
    {
        "root": {"write in /etc": False, "write in /run": True},
        "nobody": {"write in /etc": False, "write in /run": False},
    }
)


def test_an_attempt_is_refused_or_stored_or_gets_pods() -> None:
    assert [trial.reached for trial in ATTEMPTS.found.values()] == ["refused", "stored", "Pods"]


def test_headline_and_caption_tell_how_far_each_attempt_got() -> None:
    assert ATTEMPTS.headline == "3 attempts: 1 refused, 1 stored without a Pod, 1 with Pods"
    assert ATTEMPTS.caption == (
        "Refused: no namespace. Stored without a Pod: baseline. "
        "With Pods: privileged (3 of 4 nodes)."
    )
    assert trials({"a": ATTEMPTS.found["privileged"]}).caption == "With Pods: a (3 of 4 nodes)."


def test_the_figure_marks_the_station_where_each_attempt_was_stopped() -> None:
    figure = ATTEMPTS.figure()
    marks = {place: cell.text for place, cell in figure.cells.items()}

    assert marks == {
        ("no namespace", "sent"): "✓", ("no namespace", "stored"): "✗",
        ("baseline", "sent"): "✓", ("baseline", "stored"): "✓", ("baseline", "Pods"): "✗",
        ("privileged", "sent"): "✓", ("privileged", "stored"): "✓", ("privileged", "Pods"): "✓",
    }  # fmt: skip
    assert [row.written for row in figure.rows] == ["1 no namespace", "2 baseline", "3 privileged"]
    assert [(a[0], a[1], b[1]) for a, b, _ in figure.links] == [
        ("no namespace", "sent", "stored"),
        ("baseline", "sent", "stored"), ("baseline", "stored", "Pods"),
        ("privileged", "sent", "stored"), ("privileged", "stored", "Pods"),
    ]  # fmt: skip
    assert list(figure.remarks.values()) == [
        'namespaces "monitoring" not found', "violates PodSecurity",
        "3 of 4 nodes have a ready Pod",
    ]  # fmt: skip


def test_variants_differ_from_the_first_one_or_do_not() -> None:
    assert (SEEN.differing("plain"), SEEN.differing("pod")) == ([], [NET, DISK])
    assert SEEN.headline == "Of 2 rows, other than as given: plain 0, pod 2"
    assert SEEN.caption == (
        "Numbers count the values of a label. "
        f"Against as given: plain: no difference; pod: {NET} 1 fewer, {DISK} 1 more."
    )


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
