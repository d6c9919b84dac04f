# %% [markdown]
# # When nodes fail

# %%
from daemonset_course import add_node, cordon, drain, kubectl, predict, proved, record, remove_node
from daemonset_course import reset, show, taint, wait_rollout
from daemonset_course.lessons import daemonset_status, failures, nodes_with, uids_by_node

# %%
reset(workers=6)
# The oldest first: for a minute the garbage collector remembers a name that was gone.
# oldest = %kubectl get nodes -l '!node-role.kubernetes.io/control-plane' --no-headers \
#     --sort-by=.metadata.creationTimestamp -o custom-columns=NODE:.metadata.name
deleted, tired, silent, off, drained, healthy = oldest.split()

# %% [markdown]
# ## A bad day
#
# Five of six workers will fail, each in its own way:
#
# - *not ready*: the kubelet reports that its container runtime does not work;
# - *unreachable*: the kubelet reports nothing, and nobody knows why;
# - *shut down*: the kubelet reports nothing, and a person knows that the machine is off;
# - *deleted*: the Node object is deleted, as a cloud does when it scales down;
# - *drained*: `kubectl drain` prepares the node for maintenance.
#
# ## The claim
#
# > DaemonSet Pods keep running during node problems, and when their node is unreachable. When a
# > node is removed, its Pods are garbage collected. Watch whether `desiredNumberScheduled` matches
# > `numberReady`.
#
# Each worker runs a Pod of `agent`, a DaemonSet, and a Pod of `web`, a Deployment. A second agent,
# `eager`, tolerates every taint, as many network and log agents do.

# %%
# %kubectl apply -f ../manifests/when-nodes-fail/
# %kubectl rollout status deployment/web --timeout=60s
wait_rollout("agent")
wait_rollout("eager")
before = {app: uids_by_node(app) for app in ("agent", "web", "eager")}

# %%
assert set(before["agent"]) == set(before["web"]) == set(oldest.split()) < set(before["eager"])
proved("each worker has a Pod of agent, of web, and of eager")

# %% [markdown]
# ## Predict
#
# A Pod is *evicted* when a drain or a taint removes it from its node.

# %%
agents = predict(
    "agents",
    "Five workers fail, each in its own way. In which of these failures is the Pod of the agent, "
    "a DaemonSet, evicted?",
    nodes=("not ready", "unreachable", "shut down", "deleted", "drained"),
)
agents

# %%
webs = predict(
    "webs",
    "Five workers fail, each in its own way. In which of these failures is the Pod of web, a "
    "Deployment, evicted?",
    nodes=("not ready", "unreachable", "shut down", "deleted", "drained"),
)
webs

# %%
desired = predict(
    "failing-desired",
    "Five of six workers fail: one is not ready, one unreachable, one shut down, one deleted, one "
    "drained. The agent's DESIRED was six. What will it be when all five have failed?",
    unit="nodes",
)
desired

# %% [markdown]
# ## Run
#
# The two silent machines look the same to the cluster; a taint declares one of them off. The cell takes
# about a minute.

# %%
from daemonset_course.lessons import break_nodes, wait_evictions

silence = {"not ready": tired, "unreachable": silent, "shut down": off}
kinds = silence | {"deleted": deleted, "drained": drained}

# %%
with record("agent", live=True, predicted={"DESIRED": desired}) as day:
    day.mark("deleted")
    remove_node(deleted)
    day.mark("drained")
    drain(drained, "--ignore-daemonsets")
    break_nodes(silence, mark=day.mark)
    taint(off, "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
    wait_evictions("web", tired, silent)
    for app in ("web", "agent"):
        wait_evictions(app, off, deleted, gone=True, timeout=120)

# %%
found = failures(day.history, kinds, ["agent", "web"], predicted={"agent": agents, "web": webs})
show(found)

# %% [markdown]
# One lane for each node: its state above, its Pods below. Time runs from the failure.

# %%
agents.compare(found.evicted("agent"))

# %%
webs.compare(found.evicted("web"))

# %% tags=["claim-C35", "claim-C36"]
assert found.evicted("agent") == ["shut down"]
assert set(found.evicted("web")) == {"not ready", "unreachable", "shut down", "drained"}
assert all(uids_by_node("agent")[node] == before["agent"][node] for node in (tired, silent))
proved("agent was evicted in one failure, web in four; two agents are the same Pods as before")

# %% [markdown]
# "Keep running" means that nobody stops the agent. Whether it runs on a silent machine is unknown.
#
# ## Why
#
# Nodes that are not ready or unreachable get a `NoExecute` taint. Among the automatic tolerations of
# DaemonSet Pods (lesson [taints-and-tolerations]) are two for it, without a limit
# ([`AddOrUpdateDaemonPodTolerations`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
# Other Pods may stay for the `tolerationSeconds` of their toleration: 300 s by default, less for `web`.
#
# ## Not ready and unreachable
#
# `kubectl get nodes` shows `NotReady` for three nodes. The condition behind it has two values.

# %%
# %kubectl get nodes
# %kubectl get nodes -o custom-columns='NODE:.metadata.name,READY:.status.conditions[?(@.type=="Ready")].status'

# %%
column = """-o custom-columns='READY:.status.conditions[?(@.type=="Ready")].status' --no-headers"""
conditions = [kubectl(f"get node {node} {column}").strip() for node in (tired, silent, off)]
assert conditions == ["False", "Unknown", "Unknown"]
assert found["not ready"].outcomes["agent"].phase == "ready"
assert found["unreachable"].outcomes["agent"].phase == "not ready"
proved("Ready is False where the Pod is ready, and Unknown on the two silent nodes")

# %% [markdown]
# **False** comes from the kubelet: it runs, and reports its Pods as before. **Unknown** comes from the node
# controller, after a *grace period* without a report (50 s by default, less on this cluster). The node
# controller also sets Ready of the node's Pods to False, without knowing whether they run. Until then
# everything looks ready.

# %%
stuck = found["unreachable"].outcomes["web"]
assert stuck.stopping > found["unreachable"].noticed
assert stuck.gone is None
proved("the Pod of web was evicted after the node was unreachable, and is still listed")

# %% [markdown]
# The Pod of `web` on the silent node stays `Terminating`: only its kubelet can confirm that it has
# stopped. The Deployment has a new Pod elsewhere, while the old one may still run.
#
# ## Shut down
#
# The taint `node.kubernetes.io/out-of-service` is that confirmation, and a person gives it. Pods that do
# not tolerate it are evicted, and the Pod garbage collector deletes them by force
# ([`gcTerminating` in `pkg/controller/podgc/gc_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/podgc/gc_controller.go)).
# Never set it on a machine that may still run: two copies would write to one volume.

# %%
ended = found["shut down"].outcomes["agent"]
assert ended.gone > ended.stopping
assert off not in nodes_with("agent")
assert uids_by_node("eager")[off] == before["eager"][off]
proved("the agent was evicted, then deleted, and not replaced; eager's Pod is the same as before")

# %% [markdown]
# The node has no new agent: it still has the taint `unreachable:NoSchedule`. `eager` tolerates every
# taint, so its Pod was not evicted.
#
# A machine that is shut down in good order is another case. With
# [graceful node shutdown](https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/)
# the kubelet reports not ready and stops the Pods itself, the important ones last. An agent that tolerates
# the taints of the node is created anew there, and rejected, again and again: lesson [when-a-pod-fails]
# plays it.
#
# ## Drained
#
# `drain` leaves both agents alone: the controller would create an evicted agent again at once, because
# DaemonSet Pods tolerate the cordon.
#
# ## Deleted
#
# On the deleted node no kubelet runs the Pods. They were listed as ready, and not evicted.

# %%
ended = found["deleted"].outcomes["agent"]
print(f"measured: the Pod was gone {ended.gone:.0f} s after its Node object")

# %% tags=["claim-C05", "claim-C09"]
last = {app: outcome.life.last for app, outcome in found["deleted"].outcomes.items()}
why_gone = [c for pod in last.values() for c in pod["status"]["conditions"]]
said = {(c["reason"], c["message"]) for c in why_gone if c["type"] == "DisruptionTarget"}
assert said == {("DeletionByPodGC", "PodGC: node no longer exists")}
assert ended.gone > 1
assert deleted not in nodes_with("agent")
proved("both Pods outlived their node, and the Pod garbage collector deleted them")

# %% [markdown]
# The DaemonSet controller does not watch for deleted nodes. The Pod garbage collector looks every 20 s,
# and waits 40 s after a node went missing. So the Pods stay listed for 40 to 80 s, less if a node of this
# name was missing just before:
# [The clock of the Pod garbage collector](../pictures.md#the-clock-of-the-pod-garbage-collector).
#
# ## The mistake people make
#
# Five of six nodes have failed. What does the DaemonSet report?

# %%
# %kubectl get daemonset agent
# %kubectl rollout status daemonset/agent --timeout=10s

# %%
status = wait_rollout("agent")
desired.compare(status.desired, within=0)

# %% tags=["claim-C35", "claim-C36"]
assert (status.desired, status.ready, status.unavailable, status.misscheduled) == (2, 2, 0, 2)
assert {tired, silent} < nodes_with("agent")
proved("two nodes are desired and ready; the two failed nodes with a Pod count as misscheduled")

# %% [markdown]
# The mistake is to watch only whether READY falls behind DESIRED. A node that is not ready has a
# `NoSchedule` taint besides, which the automatic tolerations do not cover. So it gets no *new* agent, is
# not eligible any more, and leaves *both* numbers. `eager` tolerates that taint too.

# %%
stubborn = predict(
    "stubborn",
    "eager tolerates every taint. Of six workers one is not ready, one unreachable, one shut down, "
    "one drained, and one deleted. By how many nodes is eager's READY less than its DESIRED?",
    unit="nodes",
)
stubborn

# %%
kubectl("annotate daemonset eager look=again --overwrite")  # so that the controller counts again
kubectl("wait --for=jsonpath={.status.numberReady}=4 daemonset/eager --timeout=60s")
proved("the controller has counted again")

# %%
# %kubectl get daemonset eager
everywhere = daemonset_status("eager")
stubborn.compare(everywhere.desired - everywhere.ready, within=0)

# %%
assert (everywhere.desired, everywhere.ready) == (6, 4)
proved("eager counts each of the six nodes that exist, and the two silent ones are not ready")

# %% [markdown]
# So the same alert fires for one agent and not for another. Compare DESIRED with the number of nodes that
# you should have. Then look at nodes and Pods:
#
# | `kubectl get nodes`, `describe node` | what it is | the agent's Pod |
# |---|---|---|
# | Ready=False | the kubelet reports a fault | ready, not evicted |
# | Ready=Unknown | the kubelet reports nothing | not ready, not evicted |
# | and `out-of-service` | off, declared by a person | evicted, unless it tolerates that |
# | Ready, SchedulingDisabled | cordoned or drained | ready |
# | no Node object | deleted | listed as ready for about a minute |
#
# ## What comes back
#
# All machines are repaired, and a new node takes the deleted one's place.

# %%
same = predict(
    "same",
    "The machine that was unreachable and the machine that was shut down are repaired. "
    "On which of the two does the old Pod of the agent go on?",
    choices=("unreachable", "shut down", "both", "none"),
)
same

# %%
from daemonset_course.lessons import recover_nodes

with record("agent", live=True) as repair:
    add_node()
    taint(off, "node.kubernetes.io/out-of-service-")
    recover_nodes(tired, silent, off)
    cordon(drained, undo=True)
    wait_rollout("agent")
repair.plot()

# %%
now = uids_by_node("agent")
both = ("unreachable", "shut down")
kept = [kind for kind in both if now[kinds[kind]] == before["agent"][kinds[kind]]]
same.compare({0: "none", 1: "".join(kept), 2: "both"}[len(kept)])

# %%
assert kept == ["unreachable"]
proved("one of the two machines has its old Pod, the other a new one")

# %% [markdown]
# The silent node's Pod was not deleted, so it is ready again as soon as its kubelet reports. On the node
# that was off, the controller created a new Pod when the last taint was gone. Remove the taint
# `out-of-service` yourself: no controller does. (Lesson [stuck-rollouts] has a rollout while a node is
# dead.)
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("terminating-on-a-dead-node")

# %%
symptom("drained-node-keeps-it")

# %% [markdown]
# ## Your turn
#
# You come to work and find six workers. This morning each had a Pod of the DaemonSet `agent` and one of
# the Deployment `web`. `worker6` is healthy. Of the other five, one is cordoned, one drained, one not
# ready, one unreachable, one shut down. Which is which?

# %%
from daemonset_course.lessons import exercise

turn = exercise("when-nodes-fail")
turn.start()

# %%
# %kubectl get nodes
# %kubectl get pods -o wide

# %% [markdown]
# Look closer with `kubectl describe node`. Then write two documents between the quotes, separated by
# `---`. The first is the ConfigMap `answer`:
#
# ```yaml
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: answer}
# data:
#   worker: …     # cordoned, drained, not-ready, unreachable or shut-down
#   worker2: …
# ```
#
# and so on to `worker5`. The second is the DaemonSet `agent`, changed so that it runs, and stays, on every
# worker that is Ready. It must not run on a machine that is off, or on the control plane. (You may also
# patch it in a terminal.) The check judges the five words and where `agent` runs. The rest of its
# template and the nodes stay as they are: others care for the machines.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
work = """
"""
turn.apply(work)

# %%
turn.check()

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A failing node does not evict a DaemonSet's Pod. At most the Pod becomes unready.
# - `NotReady` has two values: the kubelet reports a fault (False), or reports nothing (Unknown).
# - A silent machine's Pods stay until it reports again, its Node object is deleted, or you declare it off.
# - DESIRED leaves failed nodes out, unless the agent tolerates their taints. Alert on the nodes that you
#   should have, and on the conditions of nodes.
# - A Pod is not there: [Who may say no](../pictures.md#who-may-say-no), and where you read it.
