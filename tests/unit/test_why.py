"""The matrix of nodes and rules: its data, its words and its figure."""

from __future__ import annotations

import random
import time
from io import BytesIO
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_placement import affinity, expressions, fields, make_node, template, wants

from daemonset_course.errors import BadInput
from daemonset_course.figures.show import show
from daemonset_course.placement import Mark, Matrix, matrix, plain_text, should_run
from daemonset_course.placement.matrix import SIGNS

CONTROL_PLANE = "node-role.kubernetes.io/control-plane:NoSchedule"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable:NoSchedule"
DARK_AND_LIGHT = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def agent(pods: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    pods = pods or template(**spec)
    return {"kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": {"template": pods}}


def marks(found: Matrix, node: str) -> dict[str, str]:
    [row] = [row for row in found.rows if row.node == node]
    labels = [f"{column.field} {column.label}" for column in found.columns]
    return {
        label: cell.mark
        for label, cell in zip(labels, row.cells, strict=True)
        if cell.mark != "not used"
    }


def sentence_of(found: Matrix, node: str) -> str:
    [row] = [row for row in found.rows if row.node == node]
    return plain_text.sentence(found, row)


def test_the_columns_are_the_controllers_rules_in_its_order() -> None:
    pods = affinity(expressions(wants("gpu", "Exists")), expressions(wants("cores", "Gt", "8")))
    pods["spec"] |= {"nodeName": "n1", "nodeSelector": {"disk": "ssd", "zone": "a"}}
    found = matrix([make_node(taints=["gpu=true:NoSchedule"])], agent(pods))

    assert [(column.field, column.label) for column in found.columns] == [
        ("nodeName", "n1"),
        ("nodeSelector", "disk=ssd"),
        ("nodeSelector", "zone=a"),
        ("nodeAffinity", "term 1"),
        ("nodeAffinity", "term 2"),
        ("taint", "gpu=true:NoSchedule"),
    ]
    assert found.columns[4].rule == "term 2: cores Gt [8]"


def test_a_field_that_is_not_set_says_so_in_one_column() -> None:
    found = matrix([make_node()], agent())

    assert [column.field for column in found.columns] == [
        "nodeName", "nodeSelector", "nodeAffinity", "taint"
    ]  # fmt: skip
    assert {cell.mark for cell in found.rows[0].cells} == {"not used"}


def test_every_rule_is_judged_not_only_the_one_that_decides() -> None:
    pods = affinity(fields(wants("metadata.name", "In", "n2")))
    pods["spec"] |= {"nodeSelector": {"disk": "ssd", "zone": "a"}, "nodeName": "n3"}
    node = make_node("n1", ["gpu=true:NoSchedule", "now=yes:NoExecute"], disk="ssd")
    found = matrix([node], agent(pods))

    assert marks(found, "n1") == {
        "nodeName n3": "removes",
        "nodeSelector disk=ssd": "ok",
        "nodeSelector zone=a": "removes",
        "nodeAffinity term 1": "removes",
        "taint now=yes:NoExecute": "removes",
        "taint gpu=true:NoSchedule": "keeps off",
    }
    assert sentence_of(found, "n1") == (
        "n1: no Pod is created: nodeName: the template names n3, this is n1. "
        "A Pod that is already there is deleted. Also against it: "
        "nodeSelector: label zone=a is missing (the node has no zone); "
        "nodeAffinity: metadata.name In [n2] (the node has metadata.name=n1); "
        "taint now=yes:NoExecute is not tolerated; taint gpu=true:NoSchedule is not tolerated."
    )


def test_a_term_beside_which_another_one_matches_keeps_nothing_off() -> None:
    pods = affinity(expressions(wants("gpu", "Exists")), expressions(wants("disk", "In", "ssd")))
    found = matrix([make_node("n1", disk="ssd"), make_node("n2", disk="hdd")], agent(pods))

    assert list(marks(found, "n1").values()) == ["no match", "ok"]
    assert list(marks(found, "n2").values()) == ["removes", "removes"]
    assert sentence_of(found, "n2") == (
        "n2: no Pod is created: nodeAffinity: no term of the required node affinity matches: "
        "gpu Exists (the node has no gpu); or disk In [ssd] (the node has disk=hdd). "
        "A Pod that is already there is deleted."
    )


@pytest.mark.parametrize(
    ("taint", "mark", "sentence"),
    [
        (
            "gpu=true:NoSchedule",
            "keeps off",
            "n1: no Pod is created: taint gpu=true:NoSchedule is not tolerated. "
            "A Pod that is already there stays until it is replaced.",
        ),
        (
            "now:NoExecute",
            "removes",
            "n1: no Pod is created: taint now:NoExecute is not tolerated. "
            "A Pod that is already there is evicted.",
        ),
        (
            "soft=yes:PreferNoSchedule",
            "ok",
            "n1: a Pod is created: taint soft=yes:PreferNoSchedule keeps no DaemonSet Pod off. "
            "A Pod that is already there stays.",
        ),
        (
            UNSCHEDULABLE,
            "ok",
            f"n1: a Pod is created: taint {UNSCHEDULABLE} is tolerated by the controller's own "
            "toleration (node.kubernetes.io/unschedulable Exists, NoSchedule). "
            "A Pod that is already there stays.",
        ),
        (
            "team=a:NoSchedule",
            "ok",
            "n1: a Pod is created: taint team=a:NoSchedule is tolerated by the template's "
            "toleration (team=a, any effect). A Pod that is already there stays.",
        ),
        (
            "shaky:NoExecute",
            "for a time",
            "n1: a Pod is created: taint shaky:NoExecute is tolerated by the template's toleration "
            "(shaky Exists, any effect), for 5 s. "
            "After 5 s it is evicted, and a new one is created.",
        ),
    ],
)
def test_what_a_taint_does_to_a_new_pod_and_to_one_already_there(
    taint: str, mark: str, sentence: str
) -> None:
    tolerations = [
        {"key": "team", "value": "a"},
        {"key": "shaky", "operator": "Exists", "tolerationSeconds": 5},
    ]
    found = matrix([make_node("n1", [taint])], agent(tolerations=tolerations))

    assert marks(found, "n1") == {f"taint {taint}": mark}
    assert sentence_of(found, "n1") == sentence


def test_seconds_count_for_no_execute_only_and_the_shortest_wins() -> None:
    tolerations = [
        {"key": "a", "operator": "Exists", "tolerationSeconds": 30},
        {"key": "b", "operator": "Exists", "tolerationSeconds": 5},
        {"operator": "Exists"},
    ]
    nodes = [
        make_node("both", ["a:NoExecute", "b:NoExecute"]),
        make_node("schedule", ["a:NoSchedule"]),
        make_node("third", ["c:NoExecute"]),
    ]

    found = matrix(nodes, agent(tolerations=tolerations))
    assert [row.seconds for row in found.rows] == [5, None, None]
    assert [row.existing_pod for row in found.rows] == ["stays 5 s", "stays", "stays"]


def test_more_rules_than_fit_become_one_column() -> None:
    many = {f"k{i}": "v" for i in range(9)}
    pods = affinity(*(expressions(wants(f"t{i}", "Exists")) for i in range(9)))
    pods["spec"]["nodeSelector"] = many
    nodes = [make_node(f"n{i}", [f"team=t{i}:NoSchedule"], **many, t8="x") for i in range(20)]
    nodes.append(make_node("last", [f"team=t{i}:NoExecute" for i in range(20, 23)], **many))
    found = matrix(nodes, agent(pods))

    assert [column.label for column in found.columns[1:3]] == ["9 labels", "9 terms"]
    assert len(found.columns) == 3 + 6
    assert found.columns[-1].label == "18 more taints"
    assert marks(found, "n19")["taint 18 more taints"] == "keeps off"
    assert marks(found, "n19")["nodeAffinity 9 terms"] == "ok"
    assert marks(found, "last")["nodeAffinity 9 terms"] == "removes"


_REQUIREMENTS = st.builds(
    lambda key, operator, values: wants(key, operator, *values),
    st.sampled_from(["disk", "cores"]),
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
    st.lists(st.sampled_from(["ssd", "4", "8"]), max_size=2),
)
_TERMS = st.builds(lambda some: expressions(*some), st.lists(_REQUIREMENTS, max_size=2))
_TAINT_TEXTS = [f"{key}:{effect}" for key in ("a=x", "b", "c=y") for effect in (
    "NoSchedule", "NoExecute", "PreferNoSchedule"
)]  # fmt: skip
_TOLERATIONS = st.fixed_dictionaries(
    {"operator": st.just("Exists")},
    optional={
        "key": st.sampled_from(["a", "b"]),
        "effect": st.sampled_from(["NoSchedule", "NoExecute"]),
        "tolerationSeconds": st.sampled_from([0, 5]),
    },
)
_NODES = st.builds(
    lambda name, taints, labels: make_node(name, taints, **labels),
    st.sampled_from(["n1", "n2"]),
    st.lists(st.sampled_from(_TAINT_TEXTS), max_size=9, unique=True),
    st.dictionaries(st.sampled_from(["disk", "cores"]), st.sampled_from(["ssd", "4", "9"])),
)


@given(
    nodes=st.lists(_NODES, min_size=1, max_size=4),
    terms=st.none() | st.lists(_TERMS, max_size=6),
    labels=st.dictionaries(st.sampled_from("abcde"), st.just("x"), max_size=5),
    tolerations=st.lists(_TOLERATIONS, max_size=3),
    name=st.sampled_from(["", "n1"]),
)
def test_the_cells_always_add_up_to_the_decision(
    nodes: list[Any], terms: Any, labels: Any, tolerations: Any, name: str
) -> None:
    pods = template() if terms is None else affinity(*terms)
    pods["spec"] |= {"tolerations": tolerations, "nodeSelector": labels, "nodeName": name}
    found = matrix(nodes, agent(pods))

    for node, row in zip(nodes, found.rows, strict=True):
        seen = {cell.mark for cell in row.cells}
        decision = should_run(node, pods)
        assert row.decision == decision
        assert decision.run == (not seen & {"keeps off", "removes"})
        assert decision.keep == ("removes" not in seen)
        deciding = found.deciding(row)
        assert (deciding.field if deciding else "runs") == decision.rule
        assert plain_text.sentence(found, row)
    assert max(map(len, plain_text.table(found).splitlines())) <= plain_text.WIDTH


def zoo() -> list[dict[str, Any]]:
    return [
        make_node("course-control-plane", [CONTROL_PLANE], zone="a", disk="ssd"),
        make_node("course-worker", zone="a", disk="ssd"),
        make_node("course-worker2", ["gpu=true:NoSchedule"], zone="a", disk="ssd"),
        make_node("course-worker3", [UNSCHEDULABLE], zone="b", disk="ssd"),
        make_node("course-worker4", ["now:NoExecute"], zone="b", disk="ssd"),
        make_node("course-worker5", zone="c", disk="hdd"),
        make_node("course-worker6", ["shaky:NoExecute"], zone="c", disk="ssd"),
    ]


def zoo_matrix() -> Matrix:
    terms = (wants("zone", "In", "a", "b"),), (wants("zone", "In", "c"), wants("disk", "In", "ssd"))
    pods = affinity(*(expressions(*term) for term in terms))
    shaky = {"key": "shaky", "operator": "Exists", "tolerationSeconds": 5}
    pods["spec"] |= {"nodeSelector": {"disk": "ssd"}, "tolerations": [shaky]}
    return matrix(zoo(), agent(pods))


def fleet(count: int) -> list[dict[str, Any]]:
    dice = random.Random(1)
    taints: list[list[str]] = [[], [], ["gpu=true:NoSchedule"], ["now:NoExecute"], [UNSCHEDULABLE]]
    taints += [[f"team=t{i}:NoSchedule"] for i in range(5)]
    return [
        make_node(
            f"fleet-worker{i}",
            dice.choice(taints),
            zone=dice.choice("abc"),
            disk=dice.choice(["ssd", "hdd"]),
            cores=dice.choice(["4", "16"]),
        )
        for i in range(count)
    ]


def three_terms() -> dict[str, Any]:
    pods = affinity(
        expressions(wants("zone", "In", "a", "b"), wants("gpu", "DoesNotExist")),
        expressions(wants("gpu", "Exists")),
        expressions(wants("cores", "Gt", "8")),
    )
    pods["spec"]["nodeSelector"] = {"disk": "ssd"}
    return agent(pods)


TABLE = """\
DaemonSet agent: 3 of 7 nodes get a Pod: taint node-role.kubernetes.io/control-plane:NoSchedule
keeps 1 off, taint gpu=true:NoSchedule 1, taint now:NoExecute 1, other rules 1. Where none is
created, a Pod that is already there stays on 2 of these 4 nodes and goes on the others.

   rule          (in the controller's order)
 1 nodeName      not set
 2 nodeSelector  disk=ssd
 3 nodeAffinity  term 1: zone In [a, b]
 4 nodeAffinity  term 2: zone In [c] and disk In [ssd]
 5 taint         now:NoExecute (1 node)
 6 taint         gpu=true:NoSchedule (1 node)
 7 taint         node-role.kubernetes.io/control-plane:NoSchedule (1 node)
 8 taint         shaky:NoExecute (1 node)
 9 taint         node.kubernetes.io/unschedulable:NoSchedule (1 node)

node                   1   2   3   4   5   6   7   8   9   new Pod  Pod there
course-control-plane   -  ok  ok  or   -   - off   -   -   no       stays
course-worker          -  ok  ok  or   -   -   -   -   -   yes      stays
course-worker2         -  ok  ok  or   - off   -   -   -   no       stays
course-worker3         -  ok  ok  or   -   -   -   -  ok   yes      stays
course-worker4         -  ok  ok  or out   -   -   -   -   no       is evicted
course-worker5         - out out out   -   -   -   -   -   no       is deleted
course-worker6         -  ok  or  ok   -   -   - tmp   -   yes      stays 5 s

ok  allows the Pod
off no new Pod; one already there stays until it is replaced
out no new Pod; one already there goes
tmp tolerated for some seconds, then evicted and created anew
or  does not match, but another term does
-   not set, or not on this node
"""


def test_the_table_in_full() -> None:
    assert plain_text.table(zoo_matrix()) + "\n" == TABLE


def test_the_headline_of_all_of_one_and_of_none() -> None:
    nodes = [make_node("n1", zone="a"), make_node("n2", zone="b")]

    def headline(**wanted: str) -> str:
        return matrix(nodes, agent(nodeSelector=wanted)).headline

    assert headline() == "All 2 nodes get a Pod"
    assert headline(zone="a") == "1 of 2 nodes gets a Pod: nodeSelector zone=a keeps 1 off"
    assert headline(zone="c") == "None of 2 nodes gets a Pod: nodeSelector zone=c keeps 2 off"
    assert matrix([], agent()).headline == "There is no node"
    assert plain_text.table(matrix([], agent())).startswith("DaemonSet agent: There is no node.")


def test_more_than_forty_nodes_are_grouped_by_equal_answers_and_none_is_lost() -> None:
    small, large = matrix(fleet(40), three_terms()), matrix(fleet(300), three_terms())

    assert [line.count for line in small.lines()] == [1] * 40
    lines = large.lines()
    assert sum(line.count for line in lines) == 300
    assert len(lines) < 150
    first = lines[0]
    alike = [
        row
        for row in large.rows
        if [c.mark for c in row.cells] == [c.mark for c in first.row.cells]
        and row.decision.run == first.row.decision.run
    ]
    assert first.count == len(alike) == max(line.count for line in lines)
    assert f"{first.count} like {first.row.node}" in plain_text.table(large)
    shown = [line for line in plain_text.table(large).splitlines() if " like " in line]
    assert len(shown) == min(len(lines), 40)


def test_a_thousand_nodes_take_a_tenth_of_a_second() -> None:
    nodes, wanted = fleet(1000), three_terms()

    def once() -> float:
        begin = time.process_time()
        plain_text.table(matrix(nodes, wanted))
        return time.process_time() - begin

    assert min(once() for _ in range(5)) < 0.1  # 0.03 s measured; a crowded machine is slower


@pytest.mark.parametrize("wrong", [template(), {"kind": "Pod", "spec": {}}, {}])
def test_what_is_no_daemonset_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput, match="whole DaemonSet"):
        matrix([], wrong)


def test_the_figure_has_a_cell_for_each_node_and_rule_and_for_the_new_pod() -> None:
    found = zoo_matrix()
    figure = found.figure()

    def row(node: str) -> str:
        return "".join(figure.cells[node, column.name].text for column in figure.columns[:-1])

    assert [one.name for one in figure.rows] == [one.node for one in found.rows]
    assert row("course-worker4") == "·✓✓○✗····"
    assert row("course-worker6") == "·✓○✓···◔·"
    assert figure.cells["course-worker2", "taint gpu=true:NoSchedule"].style == "no new Pod"
    assert figure.cells["course-worker5", "nodeSelector disk=ssd"].style == (
        "no new Pod, one there goes"
    )
    new = [figure.cells[one.name, "new Pod"].text for one in figure.rows]
    assert new == ["no", "yes", "no", "yes", "no", "no", "yes"]
    assert figure.sides[0].texts == (
        "stays", "stays", "stays", "stays", "is evicted", "is deleted", "stays 5 s",
    )  # fmt: skip
    assert {node: words for node, words in figure.remarks.items() if words} == {
        "course-worker5": "has disk=hdd"
    }


def test_heads_are_short_and_the_notes_have_what_they_leave_out() -> None:
    figure = zoo_matrix().figure()

    assert [column.written for column in figure.columns[:5]] == [
        "nodeName: not set", "nodeSelector disk=ssd", "affinity term 1", "affinity term 2",
        "taint now:NoExecute",
    ]  # fmt: skip
    assert max(len(column.written) for column in figure.columns) == 34
    assert figure.notes == (
        "term 1: zone In [a, b]",
        "term 2: zone In [c] and disk In [ssd]",
        f"taint {CONTROL_PLANE} (1 node)",
        f"taint {UNSCHEDULABLE} (1 node)",
    )
    assert [column.group for column in figure.columns] == [
        "nodeName", "nodeSelector", *["nodeAffinity"] * 2, *["taint"] * 5, "new Pod",
    ]  # fmt: skip


def test_the_legend_explains_the_marks_that_are_used() -> None:
    legend = matrix(zoo(), agent()).figure().legend or {}

    assert [(style.sign, word) for word, style in legend.items()] == [
        ("✓", "allows the Pod"),
        ("✗", "no new Pod"),
        ("✗", "no new Pod, one there goes"),
        ("·", "not set, not there"),
    ]


def test_the_figure_of_many_nodes_groups_them_and_says_what_it_leaves_out() -> None:
    found = matrix(fleet(300), three_terms())
    figure = found.figure()
    lines = found.lines()

    assert len(figure.rows) == 40
    assert figure.rows[0].written == f"{lines[0].count} like {lines[0].row.node}"
    assert figure.notes[0] == (
        f"and {sum(line.count for line in lines[40:])} nodes with {len(lines) - 40} other answers"
    )
    assert figure.notes[-1] == "'117 like n': 117 nodes with the same answers as node n"


@DARK_AND_LIGHT
@pytest.mark.parametrize("count", [1, 7, 300])
def test_nothing_is_drawn_over_the_edge(count: int, dark: bool) -> None:
    found = matrix(fleet(count), three_terms()) if count != 7 else zoo_matrix()
    picture = show(found, dark=dark)

    image = Image.open(BytesIO(picture.png())).convert("RGB")
    ground = image.getpixel((0, 0))
    wide, high = image.size
    border = [(x, y) for x in range(wide) for y in (0, high - 1)]
    border += [(x, y) for y in range(high) for x in (0, wide - 1)]
    assert {image.getpixel(at) for at in border} == {ground}


def test_every_two_marks_differ_without_colour() -> None:
    signs = [(sign, style.fade, style.width) for sign, _, style in SIGNS.values()]

    assert set(SIGNS) == set(get_args(Mark))
    assert len(set(signs)) == len(signs)
    (keeps, removes) = (SIGNS[mark][2] for mark in ("keeps off", "removes"))
    assert abs(keeps.fade - removes.fade) > 0.5
