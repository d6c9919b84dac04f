# %% [markdown]
# # Priority and eviction

# %%
from daemonset_course import apply, predict, proved, record, rejected, reset, show, step
from daemonset_course import wait_rollout, wait_settled
from daemonset_course.lessons import allocatable_cpu, pods_by_node, set_pressure, try_evict

fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > Give essential DaemonSets a high priority, such as `system-node-critical`. A high priority ensures
# > that the agent is not evicted when its node is under pressure.
#
# Three parts of Kubernetes remove Pods, each by its own rules:
#
# - the scheduler *preempts*: a Pod finds no room on a node;
# - the kubelet *evicts*: its node runs short of memory, disk or process ids;
# - the API server *evicts*: somebody requests it, for example `kubectl drain`.
#
# A Pod's *priority* is the number of its PriorityClass; without a class it is 0.
#
# ## A full node
#
# Nine Pods of the Deployment `web` fill three nodes; each requests 30 % of a node's CPU. Then comes the
# DaemonSet `agent`. It requests 20 % on each node.

# %%
cpu = allocatable_cpu(fleet.workers[0])
# web = %kubectl set resources -f ../manifests/priority-and-eviction/web.yaml \
#     --local --requests=cpu={cpu * 3 // 10}m -o yaml
# agent = %kubectl set resources -f ../manifests/priority-and-eviction/agent.yaml \
#     --local --requests=cpu={cpu // 5}m -o yaml
apply(web)
full = wait_settled("app=web", pods=9)
apply(agent)
wait_settled("app=agent", pods=3)

# %%
assert sorted(full.ready) == sorted(3 * list(fleet.workers))
late = wait_settled("app=agent", pods=3)
assert len(late.refused) == 3
assert all("Insufficient cpu" in message for _, message in late.refused)
proved("three Pods of web are ready on each worker, and the scheduler has no CPU for any agent")

# %% [markdown]
# The agent came late, and the node is full. For a Pod with a priority class the scheduler may remove Pods
# of a lower priority. With `preemptionPolicy: Never` it does not, and such a Pod only waits first in the
# queue.

# %%
# %kubectl apply -f ../manifests/priority-and-eviction/classes.yaml
# %kubectl get priorityclasses

# %%
urgent = predict(
    "urgent",
    "Nine Pods of web fill three nodes; each requests 30 % of a node's CPU. The agent requests 20 % "
    "and gets the class agents, with the value 1000. How many Pods of web must go?",
    unit="Pods",
)
urgent

# %%
# %kubectl delete daemonset agent --cascade=foreground --ignore-not-found
# %kubectl wait --for=jsonpath={.status.readyReplicas}=9 deployment/web --timeout=60s
apply(agent)
with record("agent", live=True) as taking:
    # %kubectl patch daemonset agent \
    #     -p '{"spec": {"template": {"spec": {"priorityClassName": "agents"}}}}'
    wait_rollout("agent")
    kept = wait_settled("app=web", pods=9)
both = pods_by_node(taking.history, ["web", "agent"])
show(both, title=f"{both.headline}. {urgent.said}")

# %%
urgent.compare(len(kept.refused), within=0)

# %% tags=["claim-C92"]
changes = [change.object for change in taking.history.changes("pods")]
conditions = [c for pod in changes for c in pod["status"].get("conditions", [])]
assert {c["reason"] for c in conditions if c["type"] == "DisruptionTarget"} == {
    "PreemptionByScheduler"
}
assert (len(kept.ready), len(kept.refused)) == (6, 3)
proved("the scheduler preempted, and three Pods of web wait for room")

# %% [markdown]
# On each node the scheduler removed one Pod of `web`, as many as needed and no more
# ([`preemption.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/scheduler/framework/preemption/preemption.go)).
# The Deployment created new ones, and these are Pending.
#
# Your own classes end at 1,000,000,000. The two system classes are above that, and Pods of any namespace
# may name them.

# %%
# %kubectl patch daemonset agent \
#     -p '{"spec": {"template": {"spec": {"priorityClassName": "system-node-critical"}}}}'
wait_rollout("agent")
# values = %kubectl get pods -l app=agent -o custom-columns=POD:.metadata.name,PRIORITY:.spec.priority
values

# %% tags=["claim-C92"]
assert values.split()[3::2] == ["2000001000"] * 3
with rejected("maximum allowed value of a user defined priority is 1000000000"):
    top = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    apply({**top, "metadata": {"name": "top"}, "value": 1_000_000_001}, dry_run=True)
proved("every agent has the value of system-node-critical, and a class of your own cannot have it")

# %% [markdown]
# The mistake people make is to give this class to every agent. On a full node it preempts your other
# agents. For a network plugin that is right, for a log collector it is too much.
#
# ## A node under pressure
#
# When a node runs short of something, its kubelet sets a condition, such as `MemoryPressure`. The node
# controller adds a taint, and agents tolerate it (lesson [taints-and-tolerations]). But the kubelet also
# refuses or evicts Pods by itself. That takes a real kubelet; on the embedded cluster you see a
# **recording** made on kind.
#
# `plain` has neither requests nor a priority class; `critical` has the class `system-node-critical`.

# %%
fleet = reset(workers=6)
last = fleet.workers[-1]
set_pressure(last, "disk", status=False)  # an earlier run may have left it

# %%
pressed_plain = predict(
    "pressed",
    "One node is short of disk, one of memory, one of process ids (pid). plain tolerates all three "
    "taints, and has neither requests nor a priority. On which of the three does it run at all?",
    nodes=("disk", "memory", "pid"),
)
pressed_plain

# %%
from contextlib import suppress

from daemonset_course import NotFinished, kubectl
from daemonset_course.lessons import attempts, pressure


# %%
@step("pressure", needs="pressure")
def pressed():
    """Agents on nodes short of something"""
    short = dict(zip(fleet.workers, ("disk", "memory", "pid"), strict=False))
    with pressure(short), record("plain") as run:
        apply("../manifests/priority-and-eviction/pressed.yaml")
        wait_rollout("critical")
        with suppress(NotFinished):
            wait_rollout("plain", timeout=20)
    return {"short of": {what: node for node, what in short.items()}, "log": run}


# %%
print(pressed.label)
log, nodes = pressed.result["log"], pressed.result["short of"]


def tried(what, name):
    """The Pods that this DaemonSet got on the node short of that, one after the other."""
    return attempts(log.history, nodes[what], name)


# %%
ran = [what for what in nodes if any(each.ran for each in tried(what, "plain"))]
for what in nodes:
    said = next(each.message for each in tried(what, "plain") if each.message)
    print(f"{what}: {said.split('. ')[0]}")
pressed_plain.compare(ran, source=pressed.source)

# %% tags=["claim-C37", "claim-C39"]
for what, condition in {"disk": "DiskPressure", "pid": "PIDPressure"}.items():
    refused = tried(what, "plain")
    assert f"The node had condition: [{condition}]" in refused[0].message
    assert len(refused) > 2
    assert not any(each.ran for each in refused)
proved("short of disk or process ids, the kubelet refused one Pod of plain after the other")

# %% tags=["claim-C38"]
first = tried("memory", "plain")[0]
assert first.ran
assert "low on resource: memory" in first.message
for what in nodes:
    assert [each.ran for each in tried(what, "critical")] == [True]
proved("short of memory, a Pod of plain ran and was evicted; critical ran on all three nodes")

# %% [markdown]
# Short of disk or process ids, the kubelet refuses every Pod that is not *critical*: of the two system
# classes, or a static Pod. The refused Pod fails, and the controller creates another one, each time
# later. Short of memory alone, the kubelet refuses only a Pod without requests and limits that does not
# tolerate the taint. `plain` tolerates it, so it ran until the kubelet evicted it
# ([`Admit`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/eviction/eviction_manager.go)).
#
# ### Who refused?
#
# Was it really the kubelet? The last worker is simulated: no kubelet measures its disk. Write
# `DiskPressure` into its status. The node controller adds the taint, and `agent` has the automatic
# tolerations.

# %%
from daemonset_course.lessons import nodes_with

set_pressure(last, "disk", status=True)
# %kubectl apply -f ../manifests/priority-and-eviction/agent.yaml
wait_rollout("agent")
# %kubectl get pods -o wide --field-selector spec.nodeName={last}

# %% tags=["claim-C37"]
# taints = %kubectl get node {last} -o jsonpath={.spec.taints[*].key}
assert "node.kubernetes.io/disk-pressure" in taints
assert last in nodes_with("agent")
set_pressure(last, "disk", status=False)
proved("the node has the taint of disk pressure, and a Pod of agent")

# %% [markdown]
# `agent` runs there: the same condition and taint, and no kubelet that refuses.
#
# ### In which order?
#
# Three agents run on a node that runs short of memory. None of them requests memory.

# %%
evicted = predict(
    "practices-evicted",
    "A node runs short of memory. Of its agents, plain has no priority class, high one with "
    "the value 1000, and critical has system-node-critical. Which does the kubelet evict?",
    nodes=("plain", "high", "critical"),
)
evicted

# %%
from daemonset_course.lessons import node_taints, wait_evicted

reset(workers=3)
AGENTS = ("plain", "high", "critical")
NODE = "get nodes -l disk=ssd -o jsonpath={.items[0].metadata.name}"


# %%
@step("eviction", needs="pressure")
def eviction():
    """Which of three agents the kubelet evicts from a node short of memory"""
    apply("../manifests/priority-and-eviction/classes.yaml")
    apply("../manifests/priority-and-eviction/squeezed.yaml")
    for name in AGENTS:
        wait_rollout(name)
    with record("high") as run, pressure({kubectl(NODE): "memory"}):
        list(map(wait_evicted, AGENTS[:2]))
    return {"node": str(kubectl(NODE)), "log": run}


# %%
print(eviction.label)
history, short = eviction.result["log"].history, eviction.result["node"]
found = node_taints(history, [short], AGENTS)
show(found, title=f"{found.headline}. {evicted.said}")

# %%
[squeezed] = found.nodes
gone = {app: times for app in AGENTS if (times := squeezed.evictions(app))}
evicted.compare(list(gone), source=eviction.source)

# %% tags=["claim-C93"]
assert set(gone) == {"plain", "high"}
assert gone["plain"][0] < gone["high"][0]
assert len(squeezed.pods["critical"]) == 1, "the same Pod until the others were evicted"
proved("plain was evicted first, then high; critical kept its Pod")

# %% [markdown]
# Pods that use more memory than they request go first. Among those, a *high* priority only sets the
# order
# ([`rankMemoryPressure`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/eviction/helpers.go)).
# The order alone could explain why `critical` survived. By the source, the kubelet evicts no Pod from
# 2,000,000,000 on
# ([`evictPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/eviction/eviction_manager.go)).
# Its memory limit, evictions through the API, `NoExecute` taints and rollouts end a critical Pod like any
# other.
#
# ## A disruption budget
#
# A PodDisruptionBudget says how many Pods must stay when somebody evicts them through the API. `kubectl
# drain` leaves agents alone (lesson [when-nodes-fail]), but a cluster autoscaler may evict them from a
# node that it removes.

# %%
reset(workers=3)
# %kubectl apply -f ../manifests/priority-and-eviction/agent.yaml
wait_rollout("agent")
# %kubectl apply -f ../manifests/priority-and-eviction/budget.yaml
# %kubectl wait --for=jsonpath={.status.currentHealthy}=3 pdb/agent --timeout=30s
# %kubectl get pdb
print(refusal := try_evict("agent"))

# %%
assert "violate the pod's disruption budget" in refusal
proved("with minAvailable: 3 the API server refuses to evict one of three agents")

# %% [markdown]
# Write `minAvailable` with a number. A percentage, or `maxUnavailable`, needs a replica count, and a
# DaemonSet has none: then every eviction of a ready agent is refused.

# %%
# _ = %kubectl patch pdb agent --type merge -p '{"spec": {"minAvailable": null, "maxUnavailable": 1}}'
# _ = %kubectl wait --for=jsonpath={.status.conditions[*].reason}=SyncFailed pdb/agent --timeout=30s
# failed = %kubectl get pdb agent -o jsonpath={.status.conditions[*].message}
assert "daemonsets.apps does not implement the scale subresource" in failed
assert "disruption budget" in try_evict("agent")
# _ = %kubectl delete pdb agent
# _ = %kubectl apply -f ../manifests/priority-and-eviction/budget.yaml
proved("with maxUnavailable: 1 the budget cannot be worked out, and the eviction is refused")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("preempted-by-the-agent")

# %% [markdown]
# Commit an answer, then run the cell below it.

# %%
down = predict(
    "unavailable-under-budget",
    "Three agents have a PodDisruptionBudget with minAvailable: 3, and their DaemonSet has "
    "maxUnavailable: 1. In a rollout, how many nodes will be without an available agent at one time?",
    unit="nodes",
)
down

# %%
with record("agent", live=True, predicted={"unavailable": down}) as rolling:
    # %kubectl rollout restart daemonset/agent
    wait_rollout("agent")
rolling.plot()

# %%
down.compare(rolling.timeline.unavailable.max(), within=0)

# %%
assert rolling.timeline.unavailable.max() == 1
proved("in the rollout one agent of three was unavailable")

# %% [markdown]
# The DaemonSet controller *deletes* Pods. The API server compares only evictions with a budget.
#
# ## Your turn
#
# `worker3` is full: beside `shop` there is room for two of four agents. `logs` and `traces` came first
# and have the room, but the other two matter more. Give the four an order: `net`, `storage`, `logs`,
# `traces`.
#
# - An earlier agent gets a place on a full node, also when later ones are there already.
# - `shop` has the priority class `shop`, and never gives way to an agent.
# - Requests, nodes and `shop` stay as they are.
#
# When you check, a job of the shop takes half of the room. Then only `net` may be left of the four.

# %%
from daemonset_course.lessons import exercise

turn = exercise("priority-and-eviction")
turn.start()

# %%
# %kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,PRIORITY:.spec.priority,STATUS:.status.phase

# %% [markdown]
# Write PriorityClasses between the quotes, with `---` between two of them, and `%kubectl patch daemonset`
# under them, or use a terminal. `turn.hint()` gives one of three hints, `turn.solution()` a solution after
# you passed.

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
# - The scheduler removes Pods of a lower priority, as few as it needs.
# - A kubelet short of disk or process ids refuses every Pod that is not critical. Short of memory, it
#   evicts by memory above the request, then by priority. It spares critical Pods.
# - A disruption budget stops evictions, not rollouts, and only `minAvailable` as a number works.
# - A Pod is not there: [Who may say no](../pictures.md#who-may-say-no), and where you read it.
