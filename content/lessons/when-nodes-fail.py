# %% [markdown]
# # When nodes fail

# %%
from daemonset_course import add_node, apply, break_node, cordon, current, drain, kubectl, predict
from daemonset_course import proved, record, reset, show, taint, wait_rollout, wait_settled, why
from daemonset_course.lessons import Failures, count_by_node, failure, nodes_with, uids_by_node

# %%
fleet = reset(workers=6)
# The oldest first: for a minute the garbage collector remembers a name that was gone.
nodes = kubectl("get nodes --sort-by=.metadata.creationTimestamp -o name").split()
oldest = [name for name in (node.removeprefix("node/") for node in nodes) if name in fleet.workers]
deleted, tired, silent, off, drained, healthy = oldest

# %% [markdown]
# ## A bad day
#
# Six workers, and five of them will fail, each in its own way:
#
# - *not ready*: the kubelet lives and reports that its container runtime does not work;
# - *unreachable*: the machine falls silent, and nobody knows why;
# - *shut down*: the machine falls silent too, but we know that it is off, and we say so;
# - *deleted*: its Node object is deleted, as a cloud does when it scales down;
# - *drained*: it is emptied for maintenance.
#
# ## The claim
#
# > DaemonSet Pods keep running during node problems, and when their node is unreachable. When a
# > node is removed, its Pods are garbage collected. Watch whether `desiredNumberScheduled` matches
# > `numberReady`.
#
# Lessons [one-pod-per-node] and [taints-and-tolerations] had the first two sentences. Today we look
# at all failures at once, and at the third sentence. On each worker we run an agent, and beside it a
# Pod of a Deployment. A second agent, `eager`, tolerates every taint, as many network and log agents
# do; its turn comes at the end.

# %%
from pathlib import Path

print(Path("../manifests/when-nodes-fail/web.yaml").read_text())

# %%
agent = Path("../manifests/when-nodes-fail/agent.yaml").read_text()
anything = "spec:\n      tolerations: [{operator: Exists}]\n      containers:"
eager = agent.replace("agent", "eager").replace("spec:\n      containers:", anything)
for manifest in (agent, eager, "../manifests/when-nodes-fail/web.yaml"):
    apply(manifest)
kubectl("rollout status deployment/web --timeout=60s")
for name in ("agent", "eager"):
    wait_rollout(name)

# %%
before, eager_before = uids_by_node("agent"), uids_by_node("eager")

# %%
assert count_by_node("agent") == count_by_node("web") == dict.fromkeys(fleet.workers, 1)
proved("each worker has one Pod of the agent and one of web")

# %% [markdown]
# ## Predict
#
# Each of the five nodes has a Pod of the agent and a Pod of `web`. Which of them will be told to stop?

# %%
agents = predict(
    "agents",
    "Five workers fail, each in its own way. In which of these failures will the Pod of the agent, "
    "a DaemonSet, be told to stop?",
    nodes=("not ready", "unreachable", "shut down", "deleted", "drained"),
)
agents

# %%
webs = predict(
    "webs",
    "Five workers fail, each in its own way. In which of these failures will the Pod of web, a "
    "Deployment, be told to stop?",
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
# `break_node` returns when the control plane has noticed. To the cluster the two silent machines
# look the same; only we know that one of them is off. Kubernetes has a taint to say so.

# %%
broken = {"not ready": tired, "unreachable": silent, "shut down": off}
KINDS = broken | {"deleted": deleted, "drained": drained}
OFF = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


# %%
from concurrent.futures import ThreadPoolExecutor

from daemonset_course import remove_node


def fail(kind):
    """Break the node of this kind, with a mark in the recording."""
    day.mark(kind)
    return break_node(KINDS[kind], "not ready" if kind == "not ready" else "unreachable")


# %%
from contextlib import suppress

from daemonset_course import CommandFailed


def wait_told(node):
    """Return when the Pod of web on this node was told to stop, or is gone already."""
    there = f"-l app=web --field-selector spec.nodeName={node}"
    with suppress(CommandFailed):
        kubectl(f"wait --for=jsonpath={{.metadata.deletionTimestamp}} pod {there} --timeout=30s")


# %%
with record("agent", live=True) as day:
    day.mark("drained")
    drain(drained, "--ignore-daemonsets")
    with ThreadPoolExecutor() as pool:
        list(pool.map(fail, broken))
    day.mark("deleted")
    remove_node(deleted)
    taint(off, OFF)
    for app in ("web", "agent"):
        there = f"-l app={app} --field-selector spec.nodeName={off}"
        kubectl(f"wait --for=delete pod {there} --timeout=55s")
    list(map(wait_told, (tired, silent)))

# %%
found = {kind: failure(day.history, kind, node, ["agent", "web"]) for kind, node in KINDS.items()}
show(Failures(tuple(found.values())))

# %% [markdown]
# A lane for each node: above, what its Node object says; below, what became of the two Pods that
# were there. Time runs from the failure.


# %%
def told(app):
    """The failures in which the app's Pod was told to stop."""
    return [kind for kind, one in found.items() if one.outcomes[app].stopping is not None]


# %%
agents.compare(told("agent"))

# %%
webs.compare(told("web"))

# %%
assert told("agent") == ["shut down"]
assert set(told("web")) == {"not ready", "unreachable", "shut down", "drained"}
proved("the agent's Pod was told to stop in one failure, and the Pod of web in four")

# %% [markdown]
# The agent's Pod is told to stop in one case only: when we declare the machine off. That is what
# "keeps running" means: nobody stops it. Whether it does run, nobody can say of a silent machine.
#
# ## Why
#
# `web` is evicted by a taint. Not-ready and unreachable nodes get `NoExecute` taints, and a Pod may
# stay for its `tolerationSeconds`. The DaemonSet controller gives its Pods the same two tolerations
# without an end
# ([`AddOrUpdateDaemonPodTolerations`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).

# %%
path = "jsonpath={.items[0].spec.tolerations[?(@.effect=='NoExecute')].tolerationSeconds}"
seconds = {app: kubectl(f"get pods -l app={app} -o", path).split() for app in ("agent", "web")}
seconds

# %%
assert seconds == {"agent": [], "web": ["2", "2"]}
proved("the tolerations of web end after two seconds, those of the agent never end")

# %% [markdown]
# ## Not ready and unreachable
#
# `kubectl get nodes` has one word for three of our nodes. The condition behind it has two.

# %%
print(kubectl("get nodes"))


# %%
def ready(node):
    """The status of a node's Ready condition."""
    status = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    return kubectl(f"get node {node} -o", status)


# %%
conditions = {kind: ready(KINDS[kind]) for kind in ("not ready", "unreachable", "shut down")}
conditions

# %%
assert conditions == {"not ready": "False", "unreachable": "Unknown", "shut down": "Unknown"}
assert found["not ready"].outcomes["agent"].phase == "ready"
assert found["unreachable"].outcomes["agent"].phase == "not ready"
proved("Ready is False with a ready Pod on one node, and Unknown on the two silent ones")

# %% [markdown]
# **False** comes from the kubelet: the machine lives, and its Pods are as the kubelet last reported.
# **Unknown** comes from the node controller. After a *grace period* without a report from the kubelet
# (50 s by default; this cluster waits less, to save your time) it sets Unknown, and sets the Pods' Ready
# to False as well, without knowing whether they run. Look at the lane: until the grace period is over,
# everything is ready. (From Kubernetes 1.37 on, the node controller first reads the node's lease from
# the API server once more. So a cache that lags behind marks no living node as unreachable:
# [#138698](https://github.com/kubernetes/kubernetes/pull/138698).)

# %%
noticed = found["unreachable"].noticed
print(f"measured: unreachable after {noticed:.1f} s, not ready after "
      f"{found['not ready'].noticed:.1f} s")  # fmt: skip
print(f"set: a grace period of {current().settings.node_grace_seconds} s")

# %%
stuck = found["unreachable"].outcomes["web"]
assert stuck.stopping > noticed
assert stuck.gone is None
proved("the Pod of web was told to stop after the node was unreachable, and is still listed")

# %% [markdown]
# The Pod of `web` on the silent node was told to stop, and is still listed: only its kubelet can
# confirm that it stopped. So a Deployment goes on with a new Pod elsewhere, while the old one may
# still be running.
#
# ## Shut down
#
# The taint `node.kubernetes.io/out-of-service` is that confirmation, given by you: this machine is
# off. Pods that do not tolerate it are told to stop, and the Pod garbage collector deletes those by
# force in its next round
# ([`gcTerminating` in `pkg/controller/podgc/gc_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/podgc/gc_controller.go)).
# Volumes are detached too. Never say it of a machine that may still run: two copies would then
# write to one volume.

# %%
ended = found["shut down"].outcomes["agent"]
print(f"measured: told to stop after {ended.stopping:.1f} s, gone after {ended.gone:.1f} s")

# %%
assert ended.gone > ended.stopping
assert off not in nodes_with("agent")
proved("the agent's Pod was told to stop, then deleted, and has no successor there")

# %% [markdown]
# No new agent was made there: the node is unreachable still, and that taint comes as `NoSchedule`
# too. And `eager`, which tolerates every taint? Nobody told it to stop, and its Pod stays listed.

# %%
assert uids_by_node("eager")[off] == eager_before[off]
proved("the Pod of eager is the same one as before")

# %% [markdown]
# (A machine that is shut down in good order is another case: with
# [graceful node shutdown](https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/)
# its kubelet stops the Pods itself, the important ones last:
# [`pkg/kubelet/nodeshutdown`](https://github.com/kubernetes/kubernetes/tree/v1.37.1/pkg/kubelet/nodeshutdown).
# The DaemonSet controller does not know of the shutdown. Where an agent tolerates the node's taints, the
# controller creates a new Pod as soon as the old one has ended, the kubelet rejects it, and so on until
# the machine is off ([#122912](https://github.com/kubernetes/kubernetes/issues/122912)).)
#
# ## Drained and deleted
#
# `drain` cordons the node and evicts what can be evicted. DaemonSet Pods it leaves alone, as
# `--ignore-daemonsets` says; they tolerate the cordon. So before you switch the machine off, its
# agents still run.

# %%
assert found["drained"].outcomes["agent"].phase == "ready"
assert found["drained"].outcomes["web"].gone is not None
assert drained in nodes_with("agent")
proved("the agent is ready on the drained node, and the Pod of web is gone")

# %% [markdown]
# On the deleted node both Pods are listed as ready. No kubelet runs them, and the garbage collector
# has not looked yet. Lesson [one-pod-per-node] waited until it did.

# %%
left_over = found["deleted"].outcomes.values()
assert {outcome.stopping for outcome in left_over} == {None}
assert all(outcome.gone is None or outcome.gone > 20 for outcome in left_over)
proved("neither Pod was told to stop, and neither was gone within 20 s")

# %% [markdown]
# ## The mistake people make
#
# Five of six nodes have failed. What does the DaemonSet say?

# %%
status = wait_rollout("agent")
columns = "DESIRED:.status.desiredNumberScheduled,READY:.status.numberReady"
print(kubectl(f"get daemonset agent -o custom-columns={columns}"))
print(kubectl("rollout status daemonset/agent --timeout=10s"))
desired.compare(status.desired, within=0)

# %%
assert (status.desired, status.ready, status.unavailable) == (2, 2, 0)
assert len(fleet.workers) - status.desired == 4
proved("every node that counts is ready, and four of six workers do not count")

# %% [markdown]
# All green: two desired, two ready. The mistake is to watch whether READY falls behind DESIRED. To this
# agent a failed node is not eligible any more, and leaves *both* numbers. Which rule put it out?

# %%
rules = why("agent")
rules

# %%
assert set(rules.runs_on) == {drained, healthy}
assert "not-ready" in str(rules.nodes[tired])
assert "unreachable" in str(rules.nodes[silent])
proved("the taints not-ready and unreachable keep the agent off two nodes")

# %% [markdown]
# So compare DESIRED with a number of your own: how many nodes there should be. What the status has
# besides is `numberMisscheduled`, for the Pods that are where they should not be.

# %%
assert status.misscheduled == 2
assert {tired, silent} < nodes_with("agent")
proved("two Pods are misscheduled, and both nodes have theirs")

# %% [markdown]
# ### An agent that tolerates everything
#
# `eager` has been there all day, and no taint keeps it off, not even the control plane's.

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
None

# %%
for field, number in {"desiredNumberScheduled": 6, "numberReady": 4}.items():
    kubectl(f"wait --for=jsonpath={{.status.{field}}}={number} daemonset/eager --timeout=60s")
proved("the controller has counted again")

# %%
print(shown := kubectl(f"get daemonset eager -o custom-columns={columns}"))
wanted, ready_now = map(int, shown.split()[2:])
stubborn.compare(wanted - ready_now, within=0)

# %% [markdown]
# Here READY does fall behind DESIRED: each of the six nodes that exist counts, and the two silent ones
# have no ready Pod. The node whose kubelet complains counts as ready, as its Pod does. So the same
# alert fires for one agent and not for another, on the same fleet: it depends on what they tolerate.
#
# The status tells numbers only: no node, and no reason. For those, look at nodes and Pods:
#
# | what you see | what it is | the agent's Pod |
# |---|---|---|
# | Ready=False | the kubelet lives and complains | ready, not told to stop |
# | Ready=Unknown | silent: dead, hung, or cut off | not ready, not told to stop |
# | and `out-of-service` | off; somebody said so | deleted by force, unless it tolerates that |
# | Ready, SchedulingDisabled | cordoned or drained | ready |
# | no Node object | deleted | listed as ready, for a while |
#
# ## What comes back
#
# The dead machines are repaired.

# %%
same = predict(
    "same",
    "The machine that was unreachable and the machine that was shut down are repaired. "
    "On which of the two does the old Pod of the agent go on?",
    choices=("unreachable", "shut down", "both", "none"),
)
same

# %%
from daemonset_course import recover_node

add_node()  # in the deleted one's place
taint(off, "node.kubernetes.io/out-of-service-")
with ThreadPoolExecutor() as pool:
    list(pool.map(recover_node, (tired, silent, off)))
cordon(drained, undo=True)
wait_rollout("agent")

# %%
now = uids_by_node("agent")
kept = [kind for kind in ("unreachable", "shut down") if now[KINDS[kind]] == before[KINDS[kind]]]
same.compare({0: "none", 1: "".join(kept), 2: "both"}[len(kept)])

# %%
assert kept == ["unreachable"]
proved("one of the two machines has its old Pod, the other a new one")

# %% [markdown]
# The silent node's Pod never stopped for the API, so it is ready again as soon as its kubelet
# reports. On the node that was off the controller made a new one, when the last taint was gone. Take
# the taint `out-of-service` away yourself: nobody else does.
#
# Lesson [stuck-rollouts] has a rollout while a node is dead: the dead node uses up the budget.
#
# ### A race on new nodes
#
# What if the dead nodes are replaced by new ones? `crowd`, an application, has twelve Pods, of which
# each fills a node; most of them wait for room. `late` is an agent for new nodes that needs as much.
# Three nodes join. On how many of them `late` gets ready is left to chance. Then we give it the
# priority class `system-node-critical` (lesson [priority-and-eviction]).

# %%
won = predict(
    "won",
    "Three nodes join. Pods of an application wait for room, and each fills a node; the agent late "
    "needs as much. Then late gets the class system-node-critical. "
    "On how many of the three nodes will late be ready?",
    unit="nodes",
)
won

# %%
from daemonset_course.lessons import allocatable_cpu

cpu = allocatable_cpu(healthy)
text = Path("../manifests/when-nodes-fail/race.yaml").read_text()
crowd, late = text.replace("CPU", f"{cpu * 6 // 10}m").split("---\n")
apply(crowd)
wait_settled("app=crowd", pods=12)
apply(late)
joined = add_node(count=3, pool="new")
first = wait_settled("app=late", pods=kubectl("get nodes -l pool=new -o name").count("node/"))
print(f"measured: late is ready on {len(first.ready)} of the new nodes")

# %% [markdown]
# Once the taint `not-ready` is gone the scheduler tries the Pods that wait, and the controller only
# begins to create its own. Who is first may differ from node to node. Now the critical priority.

# %%
import json

critical = {"spec": {"template": {"spec": {"priorityClassName": "system-node-critical"}}}}
kubectl("patch daemonset late --patch", json.dumps(critical))
made_room = wait_rollout("late")
won.compare(made_room.ready, within=0)

# %%
assert set(joined) <= nodes_with("late")
proved("late is on each node that joined")

# %%
kubectl("delete daemonset late --ignore-not-found --cascade=foreground")
kubectl("delete deployment crowd --ignore-not-found --cascade=foreground")
None

# %% [markdown]
# All three: it made room. Or nobody is pushed out, since nobody was let in: a *startup taint*. A
# kubelet can bring it along when its node joins
# ([`registerWithTaints`](https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/)),
# and the agent, which tolerates it, has it taken off when it is ready. We put one on the three nodes,
# let `crowd` come first, and then `late`.

# %%
kept_free = predict(
    "kept-free",
    "Three empty nodes have a startup taint. The application crowd, which does not tolerate the "
    "taint, comes first; then comes the agent late, which does. "
    "On how many of the three nodes will late be ready?",
    unit="nodes",
)
kept_free

# %%
kubectl("taint nodes -l pool=new --overwrite example.com/starting=:NoSchedule")
apply(crowd)
elsewhere = wait_settled("app=crowd", pods=12).ready
tolerant = "tolerations: [{key: example.com/starting, operator: Exists}]\n      nodeSelector:"
smaller = late.replace(f"{cpu * 6 // 10}m", f"{cpu * 3 // 10}m")  # both fit, one after the other
apply(smaller.replace("nodeSelector:", tolerant))
kept_free.compare(wait_rollout("late").ready, within=0)

# %%
assert count_by_node("late") == dict.fromkeys(nodes_with("late"), 1)
assert set(joined) <= nodes_with("late")
assert not set(joined) & nodes_with("crowd")
proved("late is on each of the nodes, and no Pod of crowd is")

# %% [markdown]
# The agent is ready on all of them, so the taint comes off, and `crowd` moves in beside it.

# %%
with suppress(CommandFailed):  # if it was taken off already
    kubectl("taint nodes -l pool=new example.com/starting-")
more = f"--for=jsonpath={{.status.readyReplicas}}={len(elsewhere) + len(joined)}"
kubectl(f"wait {more} deployment/crowd --timeout=50s")

# %%
assert set(joined) <= nodes_with("crowd") & nodes_with("late")
proved("each of the nodes has both")

# %%
kubectl("delete daemonset late --ignore-not-found --cascade=foreground")
kubectl("delete deployment crowd --ignore-not-found --cascade=foreground")
None

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("terminating-on-a-dead-node")

# %%
symptom("drained-node-keeps-it")

# %% [markdown]
# Commit each answer before you run on.

# %%
q2 = predict(
    "check-desired",
    "There are six old workers, three new ones and the control plane, and all are ready. "
    "What is DESIRED of the agent, whose template has no tolerations?",
    unit="nodes",
)
q2

# %%
q2.compare(wait_rollout("agent").desired, within=0)

# %%
q3 = predict(
    "check-cordon",
    "A worker is cordoned, and then the agent's Pod on it is deleted. Does it get a new Pod there?",
    choices=("yes", "no"),
)
q3

# %%
cordon(healthy)
kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={healthy}")
wait_rollout("agent")
q3.compare(healthy in nodes_with("agent"))

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
# - Failing nodes do not send a DaemonSet's Pods away; they make them unready, or nothing at all.
# - `NotReady` is two things: the kubelet complains (False), or is not heard (Unknown).
# - A silent machine's Pods stay until it reports again, its Node object is deleted, or you declare it off.
# - DESIRED forgets failed nodes, but for an agent that tolerates their taints. Alert on the nodes you
#   should have, and on the nodes' conditions.
