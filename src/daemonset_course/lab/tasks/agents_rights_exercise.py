"""The exercise of the lesson on an agent's rights: a stolen token may change its own node only."""

from __future__ import annotations

from daemonset_course.lab.criteria import covered, kept, own_node
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.tasks.nodes_join import (
    ACCOUNT,
    AGENT,
    NARROW,
    OWN_NODE,
    POLICY,
    USER,
    manifest,
    policy_binding,
    role,
)

# What a colleague left: a token that names no node passes, and nobody is refused.
_HOLE = OWN_NODE.replace('.orValue("no node")', ".orValue(object.metadata.name)")
_WIDE = '[{apiGroups: [""], resources: [nodes, secrets], verbs: ["*"]}]'
TRIED = Probe(
    "the token of one worker's agent is tried",
    f"action: try rights\ndaemonset: {AGENT}\n",
    "action: kubectl\ncommand: delete configmap tried --ignore-not-found\n",
)
_GUARDS = kept.guards(AGENT)
_COVERED = covered.covers(AGENT, is_worker, "every worker", requires=_GUARDS[:1], weight=0)
_NEEDED = ("get nodes", "patch nodes")
_AFTER = (_COVERED,)

LAB = Lab(
    name="agents-rights",
    title="A stolen token",
    workers=(Worker(),) * 3,
    daemonset=AGENT,
    rights=True,
    tasks=(
        Task(
            title="Reduce what a stolen token may do",
            start="---\n".join((
                ACCOUNT, role(_WIDE), _HOLE, policy_binding("Audit"), manifest(),
                f"action: wait rollout\ndaemonset: {AGENT}\n",
            )),
            there=f"{AGENT} runs on three workers, and sets a label on its own Node: it gets the "
            f"Node and patches it. Its rights are those of the ClusterRole {AGENT}. A colleague "
            f"has begun a ValidatingAdmissionPolicy, {POLICY}, with a binding. The token of the "
            "agent on worker was stolen.",
            criteria=(
                *_GUARDS,
                _COVERED,
                # With another ServiceAccount the stolen token would keep what it may.
                kept.only_changed(AGENT, requires=_GUARDS[:1]),
                own_node.no_more_rights(
                    TRIED.name, lambda right: right.partition(" (")[0] in _NEEDED,
                    requires=_AFTER,
                ),
                own_node.any_name(TRIED.name, "patch nodes", requires=_AFTER),
                own_node.others_may(TRIED.name, requires=_AFTER),
                own_node.may_own(TRIED.name, requires=_AFTER),
                own_node.refused_elsewhere(TRIED.name, requires=_AFTER, weight=1),
                own_node.refused_without_pod(TRIED.name, requires=_AFTER),
            ),
            hints=(
                f"What may the token do? kubectl auth can-i --list --as={USER}. What does the "
                f"policy do with a request? kubectl get validatingadmissionpolicies,"
                "validatingadmissionpolicybindings -o yaml.",
                "Three places. The role allows more than get and patch of nodes. The binding "
                "writes down what it should refuse. And the policy lets a token pass that names "
                "no node: what does orValue put there?",
                "kubectl edit clusterrole agent                            # rules\n"
                "kubectl edit validatingadmissionpolicy own-node           # orValue(…)\n"
                "kubectl edit validatingadmissionpolicybinding own-node    # validationActions",
            ),
            probes=(TRIED,),
            solution="---\n".join((role(NARROW), OWN_NODE, policy_binding())),
        ),
    ),
    debrief="",
)  # fmt: skip
