from __future__ import annotations

import pytest

from daemonset_course.errors import BadInput
from daemonset_course.placement import (
    automatic_tolerations,
    pod_tolerations,
    should_run,
    tolerates,
)
from daemonset_course.placement.tolerations import blocking_taints


def make_node(name="n1", taints=(), **labels):
    spec = {"taints": [parse_taint(each) for each in taints]} if taints else {}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def parse_taint(text):
    pair, effect = text.rsplit(":", 1)
    key, _, value = pair.partition("=")
    return {"key": key, "effect": effect} | ({"value": value} if value else {})


def template(**spec):
    return {"metadata": {"labels": {"app": "agent"}}, "spec": spec}


def affinity(*terms):
    required = {"nodeSelectorTerms": list(terms)}
    return template(
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    )


def wants(key, operator, *values):
    requirement = {"key": key, "operator": operator}
    return requirement | ({"values": list(values)} if values else {})


def expressions(*requirements):
    return {"matchExpressions": list(requirements)}


def fields(*requirements):
    return {"matchFields": list(requirements)}


def verdict(node, pods):
    decision = should_run(node, pods)
    return decision.run, decision.keep, decision.rule


RUNS = (True, True, "runs")


def test_a_plain_template_runs_on_a_plain_node():
    assert verdict(make_node(), template()) == RUNS


def test_missing_and_null_sections_count_as_empty():
    bare = {"metadata": {"name": "n1", "labels": None}, "spec": {"taints": None}}
    empty = {"spec": {"nodeSelector": None, "affinity": None, "tolerations": None}}

    assert verdict(bare, empty) == RUNS
    assert verdict({}, {}) == RUNS


def test_a_node_name_in_the_template_allows_that_node_only():
    pods = template(nodeName="n2")

    assert verdict(make_node("n2"), pods) == RUNS
    assert verdict(make_node("n1"), pods) == (False, False, "nodeName")
    assert should_run(make_node("n1"), pods).detail == "the template names n2, this is n1"


def test_a_node_name_does_not_overrule_a_taint():
    node = make_node("n2", ["dedicated=db:NoSchedule"])

    assert verdict(node, template(nodeName="n2")) == (False, True, "taint")


def test_every_label_of_the_node_selector_must_be_there():
    pods = template(nodeSelector={"disk": "ssd", "zone": "a"})

    assert verdict(make_node(disk="ssd", zone="a", more="x"), pods) == RUNS
    assert verdict(make_node(disk="ssd"), pods) == (False, False, "nodeSelector")
    detail = should_run(make_node(disk="hdd"), pods).detail
    assert detail == (
        "label disk=ssd is missing (the node has disk=hdd); "
        "label zone=a is missing (the node has no zone)"
    )


def test_an_empty_label_value_is_not_a_missing_label():
    pods = template(nodeSelector={"control-plane": ""})
    labelled = {"metadata": {"name": "n1", "labels": {"control-plane": ""}}}

    assert verdict(labelled, pods) == RUNS
    detail = should_run(make_node(), pods).detail
    assert detail == 'label control-plane="" is missing (the node has no control-plane)'


@pytest.mark.parametrize(
    ("requirement", "disk", "matches"),
    [
        (wants("disk", "In", "ssd", "nvme"), "nvme", True),
        (wants("disk", "In", "ssd", "nvme"), "hdd", False),
        (wants("disk", "In", "ssd"), None, False),
        (wants("disk", "In", ""), "", True),
        (wants("disk", "In", ""), None, False),
        (wants("disk", "NotIn", "ssd"), "hdd", True),
        (wants("disk", "NotIn", "ssd", "hdd"), "hdd", False),
        (wants("disk", "NotIn", "ssd"), None, True),
        (wants("disk", "Exists"), "", True),
        (wants("disk", "Exists"), None, False),
        (wants("disk", "DoesNotExist"), None, True),
        (wants("disk", "DoesNotExist"), "", False),
        (wants("disk", "Gt", "100"), "101", True),
        (wants("disk", "Gt", "100"), "100", False),
        (wants("disk", "Lt", "100"), "99", True),
        (wants("disk", "Lt", "100"), "100", False),
        (wants("disk", "Gt", "9"), "10", True),  # numbers, not text
        (wants("disk", "Gt", "1"), None, False),
        (wants("disk", "Lt", "1"), None, False),
        (wants("disk", "Lt", "5"), "1.5", False),
        (wants("disk", "Gt", "5"), "1_0", False),
        (wants("disk", "Gt", "5"), "99999999999999999999", False),  # above 64 bits
    ],
)
def test_each_operator_of_match_expressions(requirement, disk, matches):
    node = make_node() if disk is None else make_node(disk=disk)

    expected = RUNS if matches else (False, False, "nodeAffinity")
    assert verdict(node, affinity(expressions(requirement))) == expected


@pytest.mark.parametrize(
    "requirement",
    [
        wants("disk", "In"),
        wants("disk", "NotIn"),
        wants("disk", "Exists", "ssd"),
        wants("gpu", "DoesNotExist", "yes"),
        wants("disk", "Gt", "0", "1"),
        wants("disk", "Gt"),
        wants("disk", "Gt", "many"),
        wants("disk", "Gt", "-1"),  # no label value starts with '-'
        wants("gpu", "NotIn", "not a label value"),
        wants("disk", "Near", "1"),
    ],
)
def test_a_requirement_that_cannot_be_read_spoils_its_term_only(requirement):
    spoilt, node = expressions(requirement), make_node(disk="5")

    alone = should_run(node, affinity(spoilt))
    assert not alone.run
    assert "so the term matches no node" in alone.detail
    good = expressions(wants("disk", "Exists"))
    assert verdict(node, affinity(spoilt, good)) == RUNS
    together = expressions(requirement, wants("disk", "Exists"))
    assert not should_run(node, affinity(together)).run


@pytest.mark.parametrize(
    ("requirement", "matches"),
    [
        (wants("metadata.name", "In", "n1"), True),
        (wants("metadata.name", "In", "n2"), False),
        (wants("metadata.name", "NotIn", "n2"), True),
        (wants("metadata.name", "NotIn", "n1"), False),
        (wants("metadata.name", "In", "n1", "n2"), False),  # one value only
        (wants("metadata.name", "NotIn", "n2", "n3"), False),
        (wants("metadata.name", "Exists"), False),
        (wants("metadata.uid", "In", "n1"), False),
    ],
)
def test_match_fields_compares_the_node_name(requirement, matches):
    assert should_run(make_node("n1"), affinity(fields(requirement))).run is matches


def test_terms_are_ored():
    pods = affinity(expressions(wants("disk", "In", "ssd")), expressions(wants("gpu", "Exists")))

    assert verdict(make_node(gpu="a"), pods) == RUNS
    assert verdict(make_node(disk="ssd"), pods) == RUNS
    assert should_run(make_node(disk="hdd"), pods).detail == (
        "no term of the required node affinity matches: "
        "disk In [ssd] (the node has disk=hdd); or gpu Exists (the node has no gpu)"
    )


def test_requirements_within_a_term_are_anded():
    term = expressions(wants("disk", "Exists"), wants("zone", "In", "a")) | fields(
        wants("metadata.name", "In", "n1")
    )

    assert verdict(make_node("n1", disk="x", zone="a"), affinity(term)) == RUNS
    assert not should_run(make_node("n1", disk="x", zone="b"), affinity(term)).run
    assert not should_run(make_node("n1", zone="a"), affinity(term)).run
    other = should_run(make_node("n2", disk="x", zone="a"), affinity(term))
    assert not other.run
    assert "metadata.name In [n1] (the node has metadata.name=n2)" in other.detail


def test_an_empty_term_or_no_term_matches_no_node():
    for pods in (affinity(), affinity({}), affinity({"matchExpressions": [], "matchFields": []})):
        assert verdict(make_node(), pods) == (False, False, "nodeAffinity")

    assert verdict(make_node(disk="a"), affinity({}, expressions(wants("disk", "Exists")))) == RUNS


def test_preferred_affinity_keeps_no_node_off():
    preferred = [{"weight": 1, "preference": expressions(wants("disk", "In", "ssd"))}]
    pods = template(
        affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    )

    assert verdict(make_node(), pods) == RUNS


def test_node_selector_and_affinity_must_both_match():
    pods = affinity(expressions(wants("disk", "Exists")))
    pods["spec"]["nodeSelector"] = {"zone": "a"}

    assert verdict(make_node(disk="x", zone="a"), pods) == RUNS
    assert verdict(make_node(disk="x"), pods) == (False, False, "nodeSelector")
    assert verdict(make_node(zone="a"), pods) == (False, False, "nodeAffinity")


def test_labels_decide_before_taints_so_the_pod_may_not_stay():
    node = make_node(taints=["dedicated=db:NoSchedule"])

    assert verdict(node, template(nodeSelector={"disk": "ssd"})) == (False, False, "nodeSelector")


@pytest.mark.parametrize(
    ("taints", "expected", "detail"),
    [
        (
            ["dedicated=db:NoSchedule"],
            (False, True, "taint"),
            "taint dedicated=db:NoSchedule is not tolerated",
        ),
        (
            ["dedicated=db:NoExecute"],
            (False, False, "taint"),
            "taint dedicated=db:NoExecute is not tolerated",
        ),
        (
            ["a:NoSchedule", "b:NoExecute"],
            (False, False, "taint"),
            "taints a:NoSchedule and b:NoExecute are not tolerated",
        ),
        (["a:PreferNoSchedule"], RUNS, "no rule keeps the Pod off this node"),
        (
            ["node.kubernetes.io/unschedulable:NoSchedule", "a=b:NoSchedule"],
            (False, True, "taint"),
            "taint a=b:NoSchedule is not tolerated",
        ),
    ],
)
def test_untolerated_taints(taints, expected, detail):
    decision = should_run(make_node(taints=taints), template())

    assert (decision.run, decision.keep, decision.rule) == expected
    assert decision.detail == detail


def test_a_tolerated_no_execute_taint_leaves_the_pod_of_a_no_schedule_node():
    node = make_node(taints=["a:NoSchedule", "b:NoExecute"])
    pods = template(tolerations=[{"key": "b", "operator": "Exists"}])

    assert verdict(node, pods) == (False, True, "taint")


@pytest.mark.parametrize(
    ("toleration", "taint", "accepted"),
    [
        ({"operator": "Exists"}, "any=x:NoExecute", True),
        ({"operator": "Exists", "effect": "NoSchedule"}, "any=x:NoExecute", False),
        ({"key": "a", "operator": "Exists"}, "a=x:NoExecute", True),
        ({"key": "a", "operator": "Exists"}, "b=x:NoExecute", False),
        ({"key": "a", "value": "x"}, "a=x:NoSchedule", True),
        ({"key": "a", "value": "x", "operator": "Equal"}, "a=y:NoSchedule", False),
        ({"key": "a"}, "a:NoSchedule", True),
        ({"key": "a"}, "a=x:NoSchedule", False),
        ({"key": "a", "value": "x", "effect": ""}, "a=x:NoExecute", True),
        ({"key": "a", "value": "x", "effect": "NoSchedule"}, "a=x:NoExecute", False),
        ({"key": "a", "value": "5", "operator": "Lt"}, "a=3:NoSchedule", False),
        ({"key": "a", "value": "5", "operator": "Gt"}, "a=9:NoSchedule", False),
        ({"key": "a", "operator": "Exists", "tolerationSeconds": 5}, "a:NoExecute", True),
    ],
)
def test_how_one_toleration_meets_one_taint(toleration, taint, accepted):
    assert tolerates(toleration, parse_taint(taint)) is accepted
    pods = template(tolerations=[toleration])
    assert should_run(make_node(taints=[taint]), pods).run is accepted


def test_there_are_six_automatic_tolerations_and_a_seventh_with_host_network():
    six = automatic_tolerations(template())
    seven = automatic_tolerations(template(hostNetwork=True))

    assert [(t["key"].removeprefix("node.kubernetes.io/"), t["effect"]) for t in seven] == [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
        ("network-unavailable", "NoSchedule"),
    ]
    assert six == seven[:6]
    assert {t["operator"] for t in seven} == {"Exists"}


@pytest.mark.parametrize(
    ("taint", "expected"),
    [
        ("unschedulable:NoSchedule", RUNS),  # cordon
        ("disk-pressure:NoSchedule", RUNS),
        ("memory-pressure:NoSchedule", RUNS),
        ("pid-pressure:NoSchedule", RUNS),
        ("not-ready:NoExecute", RUNS),
        ("unreachable:NoExecute", RUNS),
        ("not-ready:NoSchedule", (False, True, "taint")),
        ("unreachable:NoSchedule", (False, True, "taint")),
        ("network-unavailable:NoSchedule", (False, True, "taint")),
        ("out-of-service:NoExecute", (False, False, "taint")),
    ],
)
def test_what_the_automatic_tolerations_cover(taint, expected):
    assert verdict(make_node(taints=[f"node.kubernetes.io/{taint}"]), template()) == expected


def test_host_network_covers_a_node_without_a_network():
    node = make_node(taints=["node.kubernetes.io/network-unavailable:NoSchedule"])

    assert verdict(node, template(hostNetwork=True)) == RUNS


def test_a_tolerated_taint_is_named_where_the_pod_runs():
    node = make_node(taints=["node.kubernetes.io/unschedulable:NoSchedule"])

    detail = should_run(node, template()).detail
    assert detail == "taint node.kubernetes.io/unschedulable:NoSchedule is tolerated"


def test_the_toleration_seconds_of_an_automatic_toleration_are_lost_in_the_pod():
    own = {
        "key": "node.kubernetes.io/not-ready",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 30,
    }
    other = {"key": "dedicated", "operator": "Exists"}
    pods = template(tolerations=[own, other])

    carried = pod_tolerations(pods)
    assert len(carried) == 7
    assert carried[0] == {k: own[k] for k in ("key", "operator", "effect")}
    assert carried[1] == other
    assert own["tolerationSeconds"] == 30  # the template is not touched


def test_a_whole_daemonset_is_refused_with_the_cure():
    daemonset = {"kind": "DaemonSet", "spec": {"template": template()}}

    with pytest.raises(BadInput, match="pod template") as refused:
        should_run(make_node(), daemonset)

    assert 'daemonset["spec"]["template"]' in str(refused.value)


def test_values_left_as_numbers_in_yaml_compare_as_text():
    pods = affinity(expressions(wants("cores", "Gt", 4)))

    assert verdict(make_node(cores="8"), pods) == RUNS


def test_the_measured_zoo_of_eight_nodes():
    """E15 in facts/live.md: coverage of 3, 4, 7 and 8 nodes."""
    zoo = [
        make_node("control-plane", ["node-role.kubernetes.io/control-plane:NoSchedule"]),
        make_node("plain"),
        make_node("cordoned", ["node.kubernetes.io/unschedulable:NoSchedule"]),
        make_node("preferred", ["soft=yes:PreferNoSchedule"]),
        make_node("gpu", ["gpu=true:NoSchedule"]),
        make_node("infra", ["dedicated=infra:NoSchedule"]),
        make_node("starting", ["node.kubernetes.io/not-ready:NoSchedule"]),
        make_node("quarantined", ["quarantine=yes:NoExecute"]),
    ]

    def covered(*tolerations):
        return sum(should_run(node, template(tolerations=list(tolerations))).run for node in zoo)

    control_plane = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert covered() == 3
    assert covered(control_plane) == 4
    assert covered({"operator": "Exists", "effect": "NoSchedule"}) == 7
    assert covered({"operator": "Exists"}) == 8


def test_a_taint_that_the_controller_ignores_does_not_block() -> None:
    effects = ("PreferNoSchedule", "NoSchedule", "NoExecute")
    node = {"spec": {"taints": [{"key": "a", "effect": effect} for effect in effects]}}

    assert [one["effect"] for one in blocking_taints(node)] == ["NoSchedule", "NoExecute"]
    assert blocking_taints({"spec": {}}) == []
