# %% [markdown]
# # Taints and tolerations

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset
from daemonset_course import show, taint, wait_rollout, wait_settled, why
from daemonset_course.lessons import coverage, nodes_with, pod_names, set_network_unavailable

# %%
fleet = reset(workers=6)
plane, one, two, three, four, five, six = fleet.nodes
set_network_unavailable(six, status=False)  # an earlier run may have left it without
fleet

# %% [markdown]
# ## The claim
#
# > DaemonSet Pods respect taints: a tainted node repels Pods without a matching toleration. The
# > controller adds six tolerations by itself, so that agents keep running while a node is not ready,
# > unreachable, short of disk, memory or process ids, or cordoned. To run on control-plane nodes,
# > add a toleration for `node-role.kubernetes.io/control-plane`.
#
# A taint is a mark on a node: `key=value:effect`. The effect concerns Pods that do not tolerate it:
#
# | effect | a new Pod | a Pod that runs there |
# |---|---|---|
# | `NoSchedule` | does not get this node | stays |
# | `NoExecute` | does not get this node | is evicted |
# | `PreferNoSchedule` | gets this node last | stays |
#
# A toleration in the Pod template matches a taint by these parts:
#
# | part | matches | if you leave it out |
# |---|---|---|
# | `key` | the same key | every key, with `operator: Exists` |
# | `operator` | `Equal`: the same value; `Exists`: any value | `Equal` |
# | `value` | the same value | a taint without a value |
# | `effect` | the same effect | every effect |
#
# ## A node is left out
#
# You saw in lesson [start-here] that an agent without a toleration leaves out the control plane.
# `plain` is such an agent. The Pod of the Deployment `pinned` may run on control-plane nodes only, and
# does not tolerate their taint.

# %%
complains = predict(
    "complains",
    "Neither the DaemonSet plain nor the Deployment pinned tolerates the taint of the control plane. "
    "Which of the two reports a problem, in an event or in a Pod's status?",
    choices=("plain", "pinned", "both", "neither"),
)
complains

# %%
for name in ("plain", "pinned"):
    apply(f"../manifests/taints-and-tolerations/{name}.yaml")
status = wait_rollout("plain")
wait_settled("app=pinned", pods=1)
pending = pod_names("pinned")[0]
# %kubectl get daemonset plain
# %kubectl get pods -l app=pinned
# %kubectl events --for daemonset/plain
# %kubectl events --for pod/{pending}

# %%
uid = kubectl("get daemonset plain -o jsonpath={.metadata.uid}")
warnings = kubectl(f"get events --field-selector type=Warning,involvedObject.uid={uid} -o name")
complains.compare("both" if warnings else "pinned")

# %% tags=["claim-C32", "claim-C42", "claim-C79"]
assert "untolerated taint(s)" in kubectl("events --types=Warning")
assert warnings == ""
assert nodes_with("plain") == set(fleet.workers)
assert (status.desired, status.ready, status.unavailable, status.misscheduled) == (6, 6, 0, 0)
proved("plain has six of seven nodes, DESIRED equals READY, and no event warns about it")

# %% [markdown]
# The Deployment's Pod is Pending, and its event names the taint. The DaemonSet's Pod is never created.
# DESIRED counts eligible nodes only, so it equals READY. An alert on these two does not see the gap: do
# not rely on it alone. Compare the list of nodes with the list of Pods.
#
# ## The toleration for control planes
#
# `control-plane` is the same agent with the toleration of the claim.

# %%
from pathlib import Path

print(Path("../manifests/taints-and-tolerations/control-plane.yaml").read_text())
apply("../manifests/taints-and-tolerations/control-plane.yaml")
wait_rollout("control-plane")

# %% tags=["claim-C06", "claim-C42", "claim-C43", "claim-C79"]
column = "-o custom-columns=KEY:.spec.taints[*].key --no-headers"
assert kubectl(f"get node {plane} {column}").strip().endswith("control-plane")
assert nodes_with("control-plane") == set(fleet.nodes)
assert wait_rollout("control-plane").desired == len(fleet.nodes)
proved("control-plane runs on all seven nodes, and the control plane has its taint")

# %% [markdown]
# ## A zoo of taints
#
# Five workers become special: a GPU node, one for databases, one to be used last, one that is
# cordoned, and one without a network.

# %%
kubectl("delete daemonsets plain control-plane --cascade=foreground --ignore-not-found")
set_network_unavailable(six, status=True)
# %kubectl taint node --overwrite {two} gpu=true:NoSchedule
# %kubectl taint node --overwrite {three} dedicated=db:NoExecute
# %kubectl taint node --overwrite {four} last=resort:PreferNoSchedule
# %kubectl cordon {five}
# %kubectl get nodes -o custom-columns='NODE:.metadata.name,TAINTS:.spec.taints[*].key,EFFECTS:.spec.taints[*].effect'

# %%
zoo_nodes = predict(
    "zoo-nodes",
    "The seven nodes have the taints listed above. The template of control-plane tolerates one of "
    "them, node-role.kubernetes.io/control-plane. On which nodes will control-plane run?",
    nodes=fleet.nodes,
)
zoo_nodes

# %% [markdown]
# The cell also applies `plain`, `short`, and three more agents; `short` is explained below. `no-schedule` tolerates every taint with the effect `NoSchedule`.
# `host-network` tolerates nothing and uses its node's network. `everything` has `operator: Exists`.

# %%
agents = ["plain", "control-plane", "host-network", "no-schedule", "everything"]
with record("control-plane", live=True, predicted=zoo_nodes) as zoo:
    for name in ("plain", "short", "control-plane", "others"):
        apply(f"../manifests/taints-and-tolerations/{name}.yaml")
    for name in agents:
        wait_rollout(name)
covered = {name: nodes_with(name) for name in agents}
zoo_nodes.compare(covered["control-plane"])

# %%
show(coverage(zoo.history, agents))

# %% tags=["claim-C40", "claim-C43"]
assert covered["plain"] == {one, four, five}
assert covered["control-plane"] == {plane, one, four, five}
proved("control-plane has one node more than plain, and both have the cordoned node")

# %%
assert covered["no-schedule"] == set(fleet.nodes) - {three}
assert covered["everything"] == set(fleet.nodes)
proved("no-schedule misses the one node with NoExecute, and everything misses none")

# %% [markdown]
# An agent that must be on every node needs `operator: Exists` alone. Network plugins come with it; log
# collectors often do not (lesson [agents-in-the-wild]). Other agents name the taints that they tolerate.
# `PreferNoSchedule` keeps no DaemonSet off.
#
# ## The automatic tolerations
#
# `plain` tolerates nothing, and yet it covers the cordoned node. `host-network` covers the node without
# a network. The template of `short`, applied with them, tolerates `not-ready` for 30 seconds:
# `tolerationSeconds` is the time that a Pod stays in spite of a `NoExecute` taint.

# %%
added = predict(
    "added",
    "The template of host-network has hostNetwork: true and no toleration. The claim says that the "
    "controller adds six. How many tolerations does a Pod of host-network have?",
    unit="tolerations",
)
added

# %%
from daemonset_course.lessons import tolerations_by_object

objects = {
    "plain": ("pods", "plain"),
    "host-network": ("pods", "host-network"),
    "short's template": ("daemonsets", "short"),
    "short": ("pods", "short"),
}
carried = tolerations_by_object(zoo.history, objects)
show(carried)

# %%
added.compare(carried.count("host-network"), within=0)

# %% tags=["claim-C34"]
assert kubectl("get daemonset plain -o jsonpath={.spec.template.spec.tolerations}") == ""
assert (carried.count("plain"), carried.count("short")) == (6, 6)
ends = {who: seconds for (_, who), seconds in carried.seconds.items() if seconds}
assert ends == {"short's template": 30}
proved("Pods of plain and of short have six tolerations, and none of them has an end")

# %% tags=["claim-C41"]
by_object = {who: {what for what, owner in carried.seconds if owner == who} for who in objects}
more = by_object["host-network"] - by_object["plain"]
assert more == {("node.kubernetes.io/network-unavailable", "NoSchedule")}
assert six in covered["host-network"] - covered["plain"]
proved("network-unavailable is the one toleration that host-network has and plain has not")

# %% [markdown]
# The controller writes these tolerations into the Pods, not into the template. If the
# template sets `tolerationSeconds` for such a taint, the controller removes it in the Pod. What the automatic
# tolerations leave out:
#
# - A node that fails has two taints. Pods tolerate `NoExecute` and stay. They do not tolerate `NoSchedule`:
#   the node gets no new Pod (lesson [when-nodes-fail]).
# - Controller and scheduler accept a node under pressure. Its kubelet may still reject or evict the Pod
#   (lesson [priority-and-eviction]).
# - `network-unavailable` is tolerated with `hostNetwork` only.
#
# ## A taint that comes later
#
# All taints but that of the control plane go away, and `plain` starts on all six workers.

# %%
set_network_unavailable(six, status=False)
reset(workers=6)
apply("../manifests/taints-and-tolerations/plain.yaml")
wait_rollout("plain")

# %%
wanted = predict(
    "late-desired",
    "plain runs on six workers. Three of them get a taint that it does not tolerate, each with "
    "another effect: PreferNoSchedule, NoSchedule, NoExecute. What will DESIRED be?",
    unit="nodes",
)
wanted

# %% [markdown]
# The next cell also annotates the DaemonSet. Without that, the status stays as it is for a while: a new
# `NoSchedule` taint alone does not make the controller look at the DaemonSet.

# %%
with record("plain", live=True, predicted={"DESIRED": wanted}):
    taint(one, "late=yes:PreferNoSchedule")
    taint(two, "late=yes:NoSchedule")
    taint(three, "late=yes:NoExecute")
    kubectl(f"wait --for=delete pod -l app=plain --field-selector spec.nodeName={three}")
    kubectl("annotate daemonset plain look=again --overwrite")
    kubectl("wait --for=jsonpath={.status.numberMisscheduled}=1 daemonset/plain --timeout=30s")
    status = wait_rollout("plain")
wanted.compare(status.desired, within=0)

# %% tags=["claim-C32"]
assert nodes_with("plain") == set(fleet.workers) - {three}
assert (status.desired, status.ready, status.misscheduled) == (4, 4, 1)
proved("only NoExecute ended a Pod; four nodes are desired, and one Pod is misscheduled")

# %% [markdown]
# Five Pods run, and DESIRED is 4. The node with `NoSchedule` is not eligible any more, but its Pod
# stays: it is *misscheduled*. The next rollout deletes this Pod (lesson [stuck-rollouts]).
#
# ## Why
#
# For each node the controller asks `NodeShouldRunDaemonPod`
# ([`pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
# name, selector, affinity, then taints. If a taint with `NoSchedule` or `NoExecute` is not tolerated,
# the controller creates no Pod. If its effect is `NoExecute`, a Pod that runs there is deleted too
# ([Should the node run the Pod](../pictures.md#should-the-node-run-the-pod)). The
# automatic tolerations are listed in
# `AddOrUpdateDaemonPodTolerations`
# ([`daemonset_util.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
#
# ## The mistake people make
#
# A GPU agent is meant for the node with `gpu=true:NoSchedule`. Its author writes key and effect.

# %%
on_gpu = predict(
    "gpu",
    "A node has the taint gpu=true:NoSchedule. A DaemonSet has one toleration, with key: gpu and "
    "effect: NoSchedule and nothing else. Will this node get its Pod?",
    choices=("yes", "no"),
)
on_gpu

# %%
taint(six, "gpu=true:NoSchedule")
apply("../manifests/taints-and-tolerations/gpu.yaml")
# %kubectl rollout status daemonset/gpu --timeout=60s
on_gpu.compare("yes" if six in nodes_with("gpu") else "no")

# %%
why(six, "gpu")

# %%
assert six not in nodes_with("gpu")
status = wait_rollout("gpu")
assert status.desired == status.ready
proved("the GPU node has no Pod of gpu, and DESIRED equals READY")

# %% [markdown]
# Without an operator the value must be equal, and this toleration has none. Add `operator: Exists` or
# `value: "true"`. The agent runs on nodes without a GPU as well: a toleration permits a Pod on a node, it
# does not direct it there. To choose nodes, add a `nodeSelector`.
#
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each, and read what the output says about your
# choice.

# %%
from daemonset_course.lessons import symptom

symptom("evicted-by-noexecute")

# %%
symptom("cordoned-node-gets-one")

# %% [markdown]
# ## Your turn
#
# Five workers, three of them with a taint. Change the DaemonSet `agent` so that it runs on every
# worker except the one in quarantine, with the fewest tolerations that do it. The nodes stay as they
# are.
#
# The check also tries your template on 200 fleets that you have not seen. Some of their nodes have a
# taint with a key that you see here, and with another value, another effect, or both: `agent` must not run
# there.

# %%
from daemonset_course.lessons import exercise

turn = exercise("taints")
turn.start()

# %%
# %kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints

# %% [markdown]
# Write the part of the DaemonSet that is to change, from `spec:` on, between the
# quotes, or use `kubectl` in a terminal. `turn.hint()` gives one of three hints, `turn.solution()` a
# solution after you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A missing toleration is not reported: no Pod, no event, and DESIRED equals READY.
# - Six tolerations are added, seven with `hostNetwork`. Two of them keep an agent on a node that fails,
#   and bring no new one there.
# - A later `NoSchedule`: the Pod stays, misscheduled. A later `NoExecute`: it is evicted.
# - A toleration permits; it does not attract.
# - Taint by taint, and at the next rollout: [What a taint does](../pictures.md#what-a-taint-does).
