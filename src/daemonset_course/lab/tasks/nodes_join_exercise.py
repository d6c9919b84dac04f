"""The exercise of the lesson on nodes that join: an agent that frees its own node of a taint."""

from __future__ import annotations

from dataclasses import replace

from daemonset_course.lab.criteria import covered, kept, own_node
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import nothing_to_drop, right_on_unseen
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.nodes_join import (
    ACCOUNT,
    AGENT,
    APPLICATION,
    FLEETS,
    IS_NEW,
    KEY,
    NARROW,
    ONE,
    OWN_NODE,
    POLICY,
    RIGHTS,
    SHOP,
    STARTUP,
    TOLERATION,
    USER,
    manifest,
    only_startup_taint,
    policy_binding,
    role,
)

_READS = '[{apiGroups: [""], resources: [nodes], verbs: [get]}]'
_FLEETS = replace(FLEETS, control_plane=True)
_GUARDS = (*kept.guards(AGENT), kept.others_untouched(SHOP))
_SAME = _GUARDS[:1]
_COVERED = covered.covers(AGENT, is_worker, "every worker", requires=_SAME, weight=0)
_AFTER = (_COVERED,)
_NEEDED = ("get nodes", "patch nodes")
_TRIED = (
    own_node.others_may(RIGHTS.name, requires=_AFTER),
    own_node.refused_elsewhere(RIGHTS.name, requires=_AFTER, weight=1),
    own_node.refused_without_pod(RIGHTS.name, requires=_AFTER),
    own_node.no_more_rights(
        RIGHTS.name, lambda right: right.partition(" (")[0] in _NEEDED, requires=_AFTER
    ),
    own_node.any_name(RIGHTS.name, "patch nodes", requires=_AFTER),
)

LAB = Lab(
    name="nodes-join",
    title="A node that stays empty",
    workers=(Worker(),) * 3,
    daemonset=AGENT,
    rights=True,
    tasks=(
        Task(
            title="Start on new nodes, and free them",
            start="---\n".join((
                ACCOUNT, role(_READS), OWN_NODE, policy_binding(), manifest(), APPLICATION,
                *(f"action: wait rollout\ndaemonset: {name}\n" for name in (AGENT, SHOP)),
            )),
            there=f"{AGENT} and {SHOP} run on three workers. New nodes come with the taint "
            f"{STARTUP}; {AGENT} is to remove it from its own node. Its rights are those of the "
            f"ClusterRole {AGENT}, and the policy {POLICY} limits them to its own node. The node "
            f"that came last night had neither {AGENT} nor {SHOP}, and was removed.",
            criteria=(
                *_GUARDS,
                _COVERED,
                kept.only_changed(AGENT, "tolerations", requires=_SAME),
                right_on_unseen(AGENT, only_startup_taint,
                                "nodes with no taint but the startup taint", _FLEETS,
                                requires=_AFTER),
                nothing_to_drop(AGENT, _FLEETS, requires=_AFTER),
                *_TRIED,
                own_node.frees_own(KEY, IS_NEW, ONE.name, 1, requires=_TRIED),
                own_node.starts_after(SHOP, AGENT, KEY, IS_NEW, ONE.name, requires=_TRIED),
            ),
            hints=(
                "Two things are missing. Which taints does agent tolerate? And which verbs does "
                f"its ClusterRole have? kubectl auth can-i --list --as={USER}.",
                "A Pod with a NoSchedule taint before it needs a toleration of this key and "
                "effect. To remove a taint is to patch the Node. The policy limits which one, so "
                "the role needs no names.",
                "spec:\n  template:\n    spec:\n      tolerations:\n"
                "      - {key: …, operator: Exists, effect: …}\n---\n"
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
                f"metadata: {{name: {AGENT}}}\n"
                'rules:\n- {apiGroups: [""], resources: [nodes], verbs: [get, …]}',
            ),
            probes=(RIGHTS, ONE),
            solution="---\n".join((manifest(TOLERATION), role(NARROW))),
        ),
    ),
    debrief="",
)  # fmt: skip
