# %% [markdown]
# # Nodes join

# %%
from pathlib import Path

from daemonset_course import add_node, kubectl, predict, proved, record, reset, show, wait_rollout
from daemonset_course import wait_settled

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > A node that is Ready has its agents. And an agent with the highest priority class starts before
# > the applications.
#
# This agent needs three seconds until it is ready, as one that loads a driver or sets up a network.

# %%
print(Path("../manifests/nodes-join/agent.yaml").read_text())

# %% [markdown]
# `shop` is an application. Its three Pods wait for nodes of the pool `new`, one for each node (an
# anti-affinity). An *autoscaler*, which adds nodes for Pods that are Pending, would
# now add three.

# %%
# %kubectl apply -f ../manifests/nodes-join/agent.yaml -f ../manifests/nodes-join/shop.yaml
wait_rollout("agent")
waiting = wait_settled("app=shop", pods=3)
waiting

# %%
assert len(waiting.refused) == 3
proved("the scheduler has found no node for the three Pods of shop")

# %% [markdown]
# ## Predict

# %%
race = predict(
    "race",
    "Three nodes join. A Pod of shop waits for each of them. The agent has the priority class "
    "system-node-critical and needs three seconds until it is ready. On how many of the three nodes "
    "will shop be ready before the agent?",
    unit="nodes",
)
race

# %% [markdown]
# ## Run

# %%
with record("agent", live=True) as join:
    joined = add_node(count=3, pool="new")
    wait_settled("app=agent", pods=6)
    # %kubectl rollout status deployment shop --timeout=60s

# %%
from daemonset_course.lessons import new_nodes

free = new_nodes(join.history, joined, "agent", "shop", predicted=race)
show(free)

# %% [markdown]
# One lane for each node: its `NoSchedule` taints, then the Pods of the agent and of `shop`. The bar at
# the bottom of a lane is the time in which `shop` ran without an agent.

# %%
race.compare(len(free.early), within=0)

# %%
priority = "jsonpath={.items[0].spec.priority}"
assert len(free.early) == len(joined) == 3
assert all(node.ready < node.agent_ready for node in free.found)
assert kubectl("get pods -l app=agent -o", priority) == "2000001000"
assert kubectl("get pods -l app=shop -o", priority) == "0"
proved("on each of the three nodes, Ready came first, then shop, then the agent of high priority")

# %% [markdown]
# ## Why
#
# *Ready* says that the kubelet works, and nothing about agents, but for the network plugin: without it
# no kubelet reports Ready (lesson [agents-in-the-wild]). A new node has the taint
# `node.kubernetes.io/not-ready`. When its kubelet reports Ready, the node controller removes the taint
# ([`RemoveTaintOffNode` in `pkg/controller/controller_utils.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/controller_utils.go)).
# Two components wait for this change, and neither waits for the other one:
#
# - the scheduler tries the Pods that are Pending;
# - the DaemonSet controller creates its Pod for the node
#   ([`syncNodeUpdate` in `daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
#
# ## The mistake people make
#
# People give the agent a high priority. The priority orders the Pods that the scheduler has, and it lets
# the agent preempt others where room is missing. No Pod waits until a Pod of higher priority is ready, and
# a Pod that does not exist yet has no priority. A toleration of `node.kubernetes.io/not-ready:NoSchedule`
# lets the agent start earlier; `shop` still does not wait for it.
#
# ## A startup taint
#
# A *startup taint* is a taint that a node has from its registration on. The kubelet can set it
# ([`registerWithTaints`](https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/)), or the
# node template of an autoscaler. Pods that do not tolerate it wait. The agent tolerates it. When the agent
# is ready, it removes the taint from its own node:
#
# ```sh
# kubectl taint node "$NODE_NAME" agent.example.com/not-ready:NoSchedule-
# ```
#
# `NODE_NAME` is the field `spec.nodeName`.

# %%
print(Path("../manifests/nodes-join/guarded.yaml").read_text())

# %% [markdown]
# For that the agent needs the right to patch nodes. All agents share one ServiceAccount, so RBAC cannot
# limit the right to the agent's own node. A ValidatingAdmissionPolicy can (lesson [agents-rights]). `rights.yaml` has both:

# %%
print(Path("../manifests/nodes-join/rights.yaml").read_text())

# %% [markdown]
# Three more Pods of `shop` wait.

# %%
guarded = predict(
    "race-guarded",
    "Three nodes join with a startup taint. The agent tolerates it, shop does not. When the agent of "
    "a node is ready, it removes the taint from that node. On how many of the three nodes will shop "
    "be ready before the agent?",
    unit="nodes",
)
guarded

# %%
reach = predict(
    "own-taint",
    "Three nodes join with a startup taint. The agent of the first node is ready. Its ClusterRole "
    "allows patch of all nodes, and the policy own-node is in force. The agent tries to remove the "
    "taint from all three nodes. From how many is the taint removed?",
    unit="nodes",
)
reach

# %% [markdown]
# Apply both. The cell then patches another node with the agent's token, until the policy is in force and
# refuses that.

# %%
from daemonset_course.lessons import pod_names, wait_refused

# %kubectl apply -f ../manifests/nodes-join/rights.yaml -f ../manifests/nodes-join/guarded.yaml
wait_rollout("agent")
(pod,) = pod_names("agent", node=fleet.workers[0])
token = kubectl(f"create token agent --bound-object-kind Pod --bound-object-name {pod}").strip()
print(wait_refused(token, fleet.workers[1]))

# %% [markdown]
# The containers on these nodes are simulated and run no command. `untaint_as_agent` does the agent's part:
# it waits until the agent's Pod is ready, and patches nodes with the token of this Pod. So the API server
# decides, by the rights that you see.

# %%
from daemonset_course.lessons import untaint_as_agent

key = "agent.example.com/not-ready"
# %kubectl scale deployment shop --replicas=6
with record("agent", live=True) as careful:
    late = add_node(count=3, taints=[f"{key}:NoSchedule"], pool="new")
    tries = untaint_as_agent("agent", key, late[0], late)
    for node in late[1:]:
        untaint_as_agent("agent", key, node, [node])
    # %kubectl rollout status deployment shop --timeout=60s

# %%
safe = new_nodes(careful.history, late, "agent", "shop", predicted=guarded)
show(safe)

# %%
guarded.compare(len(safe.early), within=0)

# %%
for node, refusal in tries.items():
    print(f"{node}: {refusal or 'taint removed'}")
reach.compare(list(tries.values()).count(""), within=0)

# %%
assert safe.early == []
assert all(node.agent_ready < node.app_bound < node.app_ready for node in safe.found)
assert [node for node in tries if not tries[node]] == late[:1]
proved("each agent was ready before shop had a Pod there, and removed the taint of its own node")

# %% [markdown]
# On each node the order is: agent ready, taint removed, Pod of `shop` bound.
#
# ### The container itself
#
# `real.yaml` does the agent's part in its own container, with the token that the kubelet gives it.
# busybox cannot send a patch, so the container mounts `kubectl` from the node.

# %%
print(Path("../manifests/nodes-join/real.yaml").read_text().partition("containers:")[2])

# %%
again = predict(
    "untaint-again",
    "The agent has removed the startup taint of its node. Later its container is started again, and "
    "runs the same kubectl taint once more. Which words does the answer have?",
    choices=("untainted", "not found", "denied request"),
)
again

# %% [markdown]
# Two workers get the startup taint, and one of them this agent. Where no container runs, the
# **recording** made on kind is shown.

# %%
from daemonset_course import step
from daemonset_course.lessons import shell

home, other = fleet.workers[:2]
SAID = "until cat /tmp/said 2>/dev/null; do sleep 1; done"


# %%
@step("own-taint", needs=("exec", "hostpath"))
def own_taint():
    """What kubectl taint answers in the agent's own container"""
    kubectl(f"taint nodes --overwrite {home} {other} {key}:NoSchedule")
    kubectl(f"label node {home} agent=real --overwrite")
    kubectl("replace --force --cascade=foreground -f ../manifests/nodes-join/real.yaml")
    wait_rollout("real")
    said = [shell("ds/real", SAID)]
    said += [shell("ds/real", f"kubectl taint node {n} {key}:NoSchedule-") for n in (home, other)]
    texts = (text.replace(other, "another node").replace(home, "its node") for text in said)
    return dict(zip(("its node", "its node, once more", "another node"), texts, strict=True))


# %%
own_taint

# %%
answer = own_taint.result["its node, once more"]
again.compare(next(word for word in again.choices if word in answer), source=own_taint.source)

# %%
assert own_taint.result["its node"].endswith("untainted")
assert "not found" in answer
assert "a token of its node may not change another node" in own_taint.result["another node"]
proved("the container removed the taint of its own node, and the policy refused the other node")

# %% [markdown]
# A taint that is not there is an error for `kubectl taint`. A script that ends on errors, such as
# with `set -e`, would end here at each start: the agent must take "not found" for done.
#
# The price: if the agent does not get ready, the node stays empty. If several agents must be ready,
# each needs a startup taint of its own. Or one controller watches all of them, such as the
# [node-readiness-controller](https://github.com/kubernetes-sigs/node-readiness-controller).
#
# A taint that is set after the node is Ready comes too late: the Pods are faster. One that is set
# earlier may be in time: until then the not-ready taint keeps Pods off.
#
# ## An autoscaler's arithmetic
#
# How many Pods fit on a new node? The autoscaler subtracts what
# the agents request from what the node can give, its *allocatable* resources.

# %%
# %kubectl get nodes -l pool=new -o custom-columns=NODE:.metadata.name,CPU:.status.allocatable.cpu
# %kubectl get daemonset agent -o custom-columns=AGENT:.metadata.name,CPU:.spec.template.spec.containers[*].resources.requests.cpu

# %%
needed = predict(
    "nodes-needed",
    "12 Pods of batch wait, and each requests 2500m CPU. A new node can give 8 CPUs, and its agent "
    "requests 600m. How many new nodes do the 12 Pods need?",
    unit="nodes",
)
needed

# %%
from math import ceil

allocatable, agent, request, pods = 8000, 600, 2500, 12
beside = (allocatable - agent) // request
needed.compare(ceil(pods / beside), within=0, source="rule")

# %% [markdown]
# Six nodes of the pool `new` are there. The scheduler calculates in the same way.

# %%
from daemonset_course.lessons import count_by_node

# %kubectl delete deployment shop
# %kubectl apply -f ../manifests/nodes-join/batch.yaml
placed = wait_settled("app=batch", pods=12)
placed

# %%
assert len(placed.ready) == 12
assert count_by_node("batch") == dict.fromkeys([*joined, *late], beside)
assert allocatable // request > beside
proved("each of the six nodes has two Pods of batch; without the agent three would fit")

# %% [markdown]
# What an autoscaler does with agents:
#
# - It counts the DaemonSets that exist when it plans a node and that would run there
#   ([`GetDaemonSetPodsForNode`](https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.33.0/cluster-autoscaler/utils/daemonset/daemonset.go);
#   Karpenter: [#731](https://github.com/kubernetes-sigs/karpenter/issues/731)). An agent that you add later,
#   or whose request grows, may not fit on full nodes.
# - A Pending agent adds no node. The agent belongs to one node, and a further node does not help it
#   ([`filterOutDaemonSetPodListProcessor`](https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.33.0/cluster-autoscaler/core/podlistprocessor/filter_out_daemon_sets.go)).
# - It must know the startup taint. Otherwise it finds that the Pods do not tolerate the new node, and adds
#   one more ([#6267](https://github.com/aws/karpenter-provider-aws/pull/6267)). Karpenter has
#   `startupTaints`. The Cluster Autoscaler has `--startup-taint`, and a prefix for keys,
#   `startup-taint.cluster-autoscaler.kubernetes.io/`
#   ([FAQ](https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.33.0/cluster-autoscaler/FAQ.md)).

# %%
kubectl("delete -f ../manifests/nodes-join/ --ignore-not-found")
None

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause.

# %%
from daemonset_course.lessons import symptom

symptom("new-node-without-agent")

# %% [markdown]
# ## Your turn
#
# The DaemonSets `agent` and `shop` run on three workers. New nodes come with the taint
# `agent.example.com/not-ready:NoSchedule`, which the agent is to remove from its node. The agent sends a
# `get` and a `patch` for its own Node, with the rights of the ClusterRole `agent`. The policy `own-node` is
# in force. The node that came last night had neither `agent` nor `shop`.
#
# Let the agent start on such nodes, and let it remove the taint:
#
# - the agent tolerates the startup taint, and no other taint;
# - its ServiceAccount has the verbs `get` and `patch` on nodes, without `resourceNames`, and no other right;
# - on a node that joins, the agent is ready first, then the taint is gone, then `shop` gets its Pod;
# - the rest of the template, `shop`, the policy and the nodes stay as they are.
#
# The check adds a node with the taint and does the agent's part there, with the token of the agent's Pod.
# It also tries your template on 200 fleets that you have not seen.

# %%
from daemonset_course.lessons import exercise

turn = exercise("nodes-join")
turn.start()

# %%
# %kubectl get daemonset/agent clusterrole/agent -o yaml

# %% [markdown]
# Write between the quotes the part of the DaemonSet that is to change, from `spec:` on. Write any other
# object whole, with `---` between two. Or use `kubectl` in a terminal.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# The picture shows what the check saw.

# %%
turn.recording.plot()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A node that is Ready may have no agent yet, and an application may be there first. Priority does not
#   change that.
# - A startup taint does: it is there from the registration on, the agent tolerates it, and removes it when
#   it is ready.
# - The agent needs a right for that. Limit it to the agent's own node.
# - An autoscaler counts the agents' requests, adds no node for a Pending agent, and must know the startup
#   taint.
# - A Pod is not there: [Who may say no](../pictures.md#who-may-say-no), and where you read it.
