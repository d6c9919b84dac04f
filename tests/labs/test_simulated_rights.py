"""The rights and policies of the simulated cluster, and what a check reads of them."""

from __future__ import annotations

from typing import Any

import proof
import pytest
from simulated_actions import play
from simulated_cel import CelError, UnknownCel, evaluate
from simulated_cluster import SimulatedCluster
from simulated_rights import SimulatedRequests, refused

from daemonset_course.history.index import History
from daemonset_course.lab.agent_tries import LABEL, Who, rights
from daemonset_course.lab.evidence import Evidence, probe_mark
from daemonset_course.lab.tasks import nodes_join as lab
from daemonset_course.lab.verdict import Finding

AGENT = Who(account="agent")
USER = {"username": "ann", "extra": {"a/node": ["n1"]}}


def started() -> SimulatedCluster:
    cluster = SimulatedCluster([{}, {}])
    play(cluster, lab.ACCOUNT)
    play(cluster, lab.role(lab.NARROW))
    cluster.begin()
    return cluster.run(1)


def evidence(cluster: SimulatedCluster) -> Evidence:
    history = History(cluster.log())
    history.advance(cluster._t)
    return Evidence(history)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('user.username == "ann" && !(user.username != "ann")', True),
        ('user.username.startsWith("a") || user.nothing == 1', True),
        ('user.extra["a/node"][0]', "n1"),
        ('user.extra[?"b/node"][0].orValue("none")', "none"),
        ('user.extra[?"a/node"][0].orValue("none")', "n1"),
        ('has(user.username) && !has(user.groups) && "a/node" in user.extra', True),
        ('user.username in ["ann", "bob"]', True),
        ('"!= && " + user.username', "!= && ann"),
        ("user.extra == user.extra", True),
    ],
)
def test_an_expression_has_the_value_that_the_api_server_computes(
    expression: str, value: Any
) -> None:
    assert evaluate(expression, {"user": USER}) == value


def test_a_missing_key_is_an_error_and_an_unknown_word_is_not_guessed() -> None:
    with pytest.raises(CelError):
        evaluate('user.extra["b/node"][0] == "n1"', {"user": USER})
    with pytest.raises(UnknownCel):
        evaluate('user.username == "ann" ? true : false', {"user": USER})


def test_a_patch_needs_a_rule_that_names_the_node_or_none() -> None:
    cluster = started()
    asked = SimulatedRequests(cluster)
    assert asked.patch_node(AGENT, "course-worker", LABEL, dry_run=True) == ""

    play(cluster, lab.role(lab.NAMED))
    assert asked.patch_node(AGENT, "course-worker", LABEL, dry_run=True) == ""
    assert "forbidden" in asked.patch_node(
        AGENT, "course-control-plane", LABEL, dry_run=True
    )  # fmt: skip


def test_only_a_binding_that_denies_makes_a_policy_refuse() -> None:
    cluster = started()
    node = cluster.get("nodes", "course-worker")
    user = {"username": lab.USER, "groups": [], "extra": {}}
    play(cluster, lab.OWN_NODE)
    assert refused(cluster, user, node, node) == ""
    play(cluster, lab.policy_binding("Warn"))
    assert refused(cluster, user, node, node) == ""
    play(cluster, lab.policy_binding("Deny"))
    assert "a token of no node may not change this node" in refused(cluster, user, node, node)
    assert refused(cluster, {**user, "username": "admin"}, node, node) == ""


def test_the_role_of_a_binding_cannot_be_changed() -> None:
    cluster = started()
    play(cluster, lab.ACCOUNT.replace("  name: agent\nsubjects", "  name: other\nsubjects"))

    assert "cannot change roleRef" in cluster.refusals[0]


def test_a_change_of_rights_counts_as_one_and_ends_what_a_probe_has_shown() -> None:
    cluster = started()
    cluster.note(probe_mark("tried"))
    cluster.note(probe_mark("tried", " (judged)"))
    cluster.note(probe_mark("tried", " (undone)"))
    cluster.run(1)
    assert not evidence(cluster).touched
    assert evidence(cluster).probe("tried") is not None

    play(cluster, lab.role(lab.WIDE))
    assert evidence(cluster).touched
    assert evidence(cluster).probe("tried") is None


def test_rights_are_named_by_verb_and_resource() -> None:
    rules = [
        {"apiGroups": ["", "apps"], "resources": ["nodes"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"], "resourceNames": ["a"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["x"], "verbs": ["create"]},
    ]

    assert [*rights(rules)] == ["get nodes", "get nodes.apps", "patch pods (a)"]


def joined(steps: str, name: str) -> Finding:
    """Return what a criterion of task 3 finds when three nodes join after these steps."""
    task = lab.LAB.tasks[2]
    cluster = proof.started(lab.LAB, 3)
    play(cluster, steps)
    cluster.note(probe_mark(lab.THREE.name))
    play(cluster, lab.THREE.act)
    cluster.run(5)
    (criterion,) = (one for one in task.criteria if one.name == name)
    return criterion.judge(evidence(cluster))


ORDER = "shop starts on a new node after agent is ready there"
OTHERS = "no agent removes the taint of another node"
TOLERANT = lab.APPLICATION.replace(
    "    spec:\n      containers", f"    spec:\n      {lab.TOLERATION}\n      containers"
)


def test_an_application_that_does_not_wait_is_seen_in_the_history() -> None:
    found = joined("---\n".join([lab.role(lab.NARROW), TOLERANT]), ORDER)

    assert found.answer == "missed"
    assert found.says.startswith("shop was let on worker5, worker6 and worker7 before agent")
    assert found.table[0][1:] == (
        "agent ready (s)", "taint gone (s)", "shop created (s)", "shop ready (s)",
    )  # fmt: skip


def test_a_taint_that_the_agent_of_another_node_removes_is_seen() -> None:
    assert joined(lab.role(lab.NARROW), OTHERS).observed == (
        "worker5: its agent removed the taint of worker6",
        "worker5: its agent removed the taint of worker7",
    )
    solution = lab.LAB.tasks[2].solution
    assert joined(solution, OTHERS).answer == joined(solution, ORDER).answer == "met"
