"""Lab 11, nodes join: the agent before the applications, and rights for its own node only."""

from __future__ import annotations

from textwrap import dedent

from daemonset_course.history.log import Object
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after
from daemonset_course.lab.criteria import covered, kept, own_node
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.criteria.unseen_fleets import Fleets, nothing_to_drop, right_on_unseen
from daemonset_course.lab.evidence import labelled
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.verdict import Criterion
from daemonset_course.placement.tolerations import blocking_taints

AGENT = "agent"
SHOP = "shop"
WORKERS = 4
KEY = "agent.example.com/not-ready"
STARTUP = f"{KEY}:NoSchedule"
USER = f"system:serviceaccount:default:{AGENT}"
POLICY = "own-node"
FLEETS = Fleets(
    labels={"disk": ("ssd", "hdd", None)},
    taints=(STARTUP, "gpu=true:NoSchedule", "maintenance:NoExecute"),
)
TOLERATION = f"tolerations: [{{key: {KEY}, operator: Exists, effect: NoSchedule}}]"


def manifest(more: str = "") -> str:
    """Return the agent's manifest as YAML; ``more`` are further lines of its Pod spec."""
    account = f"serviceAccountName: {AGENT}\n"
    return agent_manifest(AGENT, pod=account + more, container=ready_after(1))


APPLICATION = agent_manifest(SHOP)


def role(rules: str) -> str:
    """Return the agent's ClusterRole as YAML, with these rules."""
    return dedent(f"""\
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          name: {AGENT}
        rules: {rules}
        """)


def policy_binding(action: str = "Deny") -> str:
    """Return the binding of the policy as YAML."""
    return dedent(f"""\
        apiVersion: admissionregistration.k8s.io/v1
        kind: ValidatingAdmissionPolicyBinding
        metadata:
          name: {POLICY}
        spec:
          policyName: {POLICY}
          validationActions: [{action}]
        """)


ACCOUNT = dedent(f"""\
    apiVersion: v1
    kind: ServiceAccount
    metadata:
      name: {AGENT}
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: {AGENT}
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: {AGENT}
    subjects:
    - kind: ServiceAccount
      name: {AGENT}
      namespace: default
    """)
NARROW = '[{apiGroups: [""], resources: [nodes], verbs: [get, patch]}]'
WIDE = '[{apiGroups: [""], resources: [nodes, pods], verbs: ["*"]}]'
NAMED = (
    '[{apiGroups: [""], resources: [nodes], verbs: [get, patch], '
    "resourceNames: [$worker, $worker2, $worker3, $worker4]}]"
)
OWN_NODE = dedent(f"""\
    apiVersion: admissionregistration.k8s.io/v1
    kind: ValidatingAdmissionPolicy
    metadata:
      name: {POLICY}
    spec:
      failurePolicy: Fail
      matchConstraints:
        resourceRules:
        - apiGroups: [""]
          apiVersions: [v1]
          resources: [nodes]
          operations: [UPDATE]
      matchConditions:
      - name: is-the-agent
        expression: request.userInfo.username == "{USER}"
      variables:
      - name: home
        expression: >-
          request.userInfo.extra[?"authentication.kubernetes.io/node-name"][0].orValue("no node")
      validations:
      - expression: variables.home == object.metadata.name
        messageExpression: '"a token of " + variables.home + " may not change this node"'
    """)


def _steps(*steps: str) -> str:
    return "---\n".join(steps)


def _running(agent: str, *more: str) -> str:
    waits = (f"action: wait rollout\ndaemonset: {name}\n" for name in (AGENT, SHOP))
    return _steps(ACCOUNT, *more, agent, APPLICATION, *waits)


IS_NEW = labelled("probe=joins")
_REMOVED = (
    "action: remove node\nlabels: {probe: joins}\n---\n"
    "action: kubectl\ncommand: delete configmap tried --ignore-not-found\n"
)


def _joins(name: str, count: int) -> Probe:
    return Probe(
        name,
        f"action: add node\nlabels: {{probe: joins}}\ntaints: ['{STARTUP}']\ncount: {count}\n"
        f"---\naction: free nodes\ndaemonset: {AGENT}\nkey: {KEY}\nlabels: {{probe: joins}}\n",
        _REMOVED,
    )


ONE = _joins(f"a node with {STARTUP} joins", 1)
THREE = _joins(f"three nodes with {STARTUP} join at once", 3)
RIGHTS = Probe(
    "the token of one worker's agent is tried",
    f"action: try rights\ndaemonset: {AGENT}\n",
    "action: kubectl\ncommand: delete configmap tried --ignore-not-found\n",
)

GUARDS = (*kept.guards(AGENT), kept.others_untouched(SHOP))
SAME = GUARDS[0]
COVERED = covered.covers(AGENT, is_worker, "every worker", requires=(SAME,))


def _joined(probe: Probe, count: int, requires: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
    """Return what is asked when nodes join: who removes the taint, and in which order."""
    first = own_node.frees_own(KEY, IS_NEW, probe.name, count, requires=requires)
    return first, own_node.starts_after(SHOP, AGENT, KEY, IS_NEW, probe.name, requires=requires)


def only_startup_taint(node: Object) -> bool:
    """Whether the startup taint is the only taint of a node that keeps Pods off."""
    taints = blocking_taints(node)
    return all((t["key"], t["effect"]) == (KEY, "NoSchedule") for t in taints)


_FIRST = Task(
    title="The agent before the applications",
    start=_running(manifest(), role(NARROW)),
    there=f"agent and {SHOP}, which stands for all applications, run on {WORKERS} workers. New "
    f"nodes come with the taint {STARTUP}. On the one that came last night neither agent nor "
    f"{SHOP} ever ran, and it was removed.",
    criteria=(
        *GUARDS,
        COVERED,
        right_on_unseen(AGENT, only_startup_taint, "nodes with no taint but the startup taint",
                        FLEETS, requires=(COVERED,)),
        nothing_to_drop(AGENT, FLEETS, requires=(COVERED,)),
        kept.only_changed(AGENT, "tolerations", requires=(SAME,)),
        *_joined(ONE, 1, (COVERED,)),
    ),
    hints=(
        "Who is to run on a node with the taint, and who not? kubectl get daemonsets, and "
        "kubectl get daemonset agent -o yaml: tolerations.",
        "The taint holds back every Pod that does not tolerate it, the agent's too. Then nobody "
        "removes it. A toleration lets in whom you choose; it should match this taint, and no "
        "other.",
        "tolerations:\n- key: agent.example.com/…\n  operator: Exists\n  effect: …",
    ),
    probes=(ONE,),
    solution=manifest(TOLERATION),
)  # fmt: skip

_NEEDED = ("get nodes", "patch nodes")
_OTHERS = own_node.others_may(RIGHTS.name, requires=(COVERED,))
_ELSEWHERE = own_node.refused_elsewhere(RIGHTS.name, requires=(COVERED,))
_WITHOUT = own_node.refused_without_pod(RIGHTS.name, requires=(COVERED,))
_SPARE = own_node.no_more_rights(
    RIGHTS.name, lambda right: right.partition(" (")[0] in _NEEDED, requires=(COVERED,)
)
_ANY = own_node.any_name(RIGHTS.name, "patch nodes", requires=(COVERED,))
_TRIED = (_OTHERS, _ELSEWHERE, _WITHOUT, _SPARE, _ANY)
_ACCOUNT_FIELDS = ("serviceAccountName", "serviceAccount")

_OWN = Task(
    title="Its own node only",
    start=_running(manifest(TOLERATION), role(WIDE)),
    there=f"agent tolerates the startup taint. Its ServiceAccount has the ClusterRole {AGENT}: "
    "with the token of one node's agent one may change and delete every node and every Pod. The "
    "agent gets its own Node, and removes the taint by a patch. More it does not need.",
    criteria=(
        *GUARDS,
        COVERED,
        kept.only_changed(AGENT, *_ACCOUNT_FIELDS, requires=(SAME,)),
        *_TRIED,
        *_joined(ONE, 1, _TRIED),
    ),
    hints=(
        "What may the agent do now? kubectl auth can-i --list "
        f"--as={USER}. What does it need, to read its Node and to remove a taint?",
        "RBAC cannot say: the node of this Pod, and all agents share one ServiceAccount. But the "
        "token of a Pod names its node, and a ValidatingAdmissionPolicy can compare that with "
        "object.metadata.name. It needs a binding. The lesson on an agent's rights has one.",
        "spec:\n  matchConstraints: …\n  matchConditions:\n  - name: is-the-agent\n"
        "    expression: request.userInfo.username == …\n  validations:\n"
        '  - expression: request.userInfo.extra[?"…"][0].orValue("no node") == …',
    ),
    probes=(RIGHTS, ONE),
    solution=_steps(role(NARROW), OWN_NODE, policy_binding()),
)

_ALONE = own_node.none_freed_by_another(IS_NEW, THREE.name, requires=_TRIED)
_AT_ONCE = Task(
    title="Three nodes at once",
    start=_running(manifest(TOLERATION), role(NAMED), OWN_NODE, policy_binding("Warn")),
    there=f"agent tolerates the startup taint. Its ClusterRole names the {WORKERS} workers, and "
    f"the policy {POLICY} compares the node of a token with the node that is changed. Yesterday "
    f"three nodes joined at once. They kept the taint, {SHOP} never ran there, and they were "
    "removed.",
    criteria=(
        *GUARDS,
        COVERED,
        kept.only_changed(AGENT, *_ACCOUNT_FIELDS, requires=(SAME,)),
        *_TRIED,
        *_joined(THREE, 3, _TRIED),
        _ALONE,
    ),
    hints=(
        "Which nodes may the agent patch? kubectl get clusterrole agent -o yaml. And what does "
        "the policy's binding do with a request that fails?",
        "resourceNames allow names that somebody has written down, and no node that joins "
        "tomorrow. RBAC says which kind, and the policy which one: it must refuse, not only warn.",
        "kubectl patch validatingadmissionpolicybinding own-node --type merge \\\n"
        '  -p \'{"spec": {"validationActions": ["…"]}}\'',
    ),
    probes=(RIGHTS, THREE),
    solution=_steps(role(NARROW), policy_binding()),
)

DEBRIEF = f"""\
**Cause.** A new node takes Pods as soon as its kubelet reports Ready, in any order: the agent is
one Pod among others. A startup taint, set by the kubelet or the autoscaler when the node registers,
holds back all Pods that do not tolerate it. Then the agent must tolerate it, be ready, and remove
it. Each of the three can be missing: without the toleration nobody removes the taint; without
readiness it goes too early; without the right it stays.

**Model.** Taint {STARTUP}: agent created, agent ready, taint removed, applications created. This is
no order between DaemonSets, and Kubernetes has none: the taint is the only thing that holds them.
Who may remove a taint may set and remove each one. RBAC can allow patch of all nodes, or of names;
a node that joins has a name that nobody wrote down. The token of a Pod names its node
(authentication.kubernetes.io/node-name), and a ValidatingAdmissionPolicy with a binding that denies
limits writes to that node. It does not limit reads, and not other writes to its own node. Two
agents that write whole lists of taints can undo each other's change; a JSON patch with `test`, or
resourceVersion, prevents that. Sources: `NodeShouldRunDaemonPod`
(pkg/controller/daemon/daemon_controller.go), `NodeNameKey`
(staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go); the kubelets' own limit of
this kind is the NodeRestriction admission plugin (plugin/pkg/admission/noderestriction).

**In production.** aws/amazon-vpc-cni-k8s issue 330: Pods came before the network's DaemonSet was
ready, and got no address; a startup taint was the workaround. kubernetes-sigs/aws-ebs-csi-driver
pull request 1581 is an agent that removes its own startup taint. In cilium/cilium issue 29405 the
taint is removed too early. In kumahq/kuma issue 18741 a controller sets the taint after the node
has joined, and Pods are faster: a startup taint must be there when the node registers.

**Interview question.** Someone takes the token of one node's agent. Which objects may they change
with it, and how would you find out without reading a single manifest? What changes with a policy,
and what does it not change?
"""

LAB = Lab(
    name="11-nodes-join",
    title="Nodes join",
    workers=(Worker(),) * WORKERS,
    daemonset=AGENT,
    tasks=(_FIRST, _OWN, _AT_ONCE),
    debrief=DEBRIEF,
    rights=True,
)
