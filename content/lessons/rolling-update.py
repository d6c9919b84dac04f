# %% [markdown]
# # Rolling update

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, record, rejected, reset, wait_rollout
from daemonset_course.lessons import daemonset_status, release, set_budget, try_apply, try_rollout

# %% [markdown]
# This lesson needs a larger fleet: 12 workers.

# %%
fleet = reset(workers=12)
fleet

# %% [markdown]
# ## The claim
#
# > When the Pod template changes, the DaemonSet controller terminates old Pods and creates new
# > ones node by node. `maxUnavailable: 1` means that only one node at a time loses its Pod.
#
# This is our agent. It waits and does nothing else; `RELEASE` stands for its version.

# %%
print(Path("../manifests/rolling-update/agent.yaml").read_text())

# %%
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# What if a manifest says nothing about updates? Ask the server to complete one without storing it.

# %%
bare = apply("../manifests/rolling-update/agent.yaml", dry_run=True).objects[0]
del bare["spec"]["updateStrategy"], bare["metadata"]["managedFields"]
bare["metadata"] = {"name": "bare"}
completed = apply(bare, dry_run=True).objects[0]
completed["spec"]["updateStrategy"]

# %% tags=["claim-C07"]
assert completed["spec"]["updateStrategy"] == {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
}
proved("the API server fills in RollingUpdate, maxUnavailable 1 and maxSurge 0")

# %% [markdown]
# So `RollingUpdate` with `maxUnavailable: 1` is the default. There are two strategies,
# `RollingUpdate` and `OnDelete` (lesson [on-delete-and-rollback]), and nothing else.

# %% tags=["claim-C58"]
with rejected('supported values: "RollingUpdate", "OnDelete"'):
    apply(bare | {"spec": bare["spec"] | {"updateStrategy": {"type": "Recreate"}}})

# %% [markdown]
# ## Predict
#
# Replacing the Pod of one node takes a certain time: the old Pod terminates, a new one is created,
# scheduled, started, and becomes ready. Let us measure it: delete one Pod by hand and see how
# long its node is without an agent.


# %%
def pods_on(node):
    """The kubectl options that choose the agent's Pod on this node."""
    return f"-l app=agent --field-selector spec.nodeName={node}"


# %%
with record("agent") as one:
    kubectl(f"delete pod {pods_on(fleet.workers[0])}")
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.1f} s")

# %% [markdown]
# Now a rollout with `maxUnavailable: 1` on 12 nodes.

# %%
length = predict(
    "rolling-length",
    "The agent runs on 12 nodes, and the cell above has measured how long one restart takes. "
    "With maxUnavailable: 1, how long will the rollout of a new version to all 12 nodes take?",
    unit="s",
)
length

# %% [markdown]
# ## Run
#
# `release(2)` puts `RELEASE=2` into the Pod template, as `kubectl set env` does. Later
# `set_budget(2)` sets `maxUnavailable: 2`, as `kubectl patch` does.

# %%
with record("agent", live=True, predicted=length) as rollout:
    release(2)
    wait_rollout("agent")
rollout.plot()

# %% [markdown]
# One lane a node. The bar turns thin where the old Pod terminates, hollow and hatched while the new
# one starts, and full again, in another colour, when it is ready. The panel underneath counts the
# nodes without an available Pod; the dashed line is the budget. Move the slider: below it, a tile for
# each node shows that moment. The facts of the last rollout, in numbers:

# %%
facts = rollout.rollouts[-1]
length.compare(facts.duration)

# %% tags=["claim-C61"]
assert facts.max_unavailable == 1 == facts.budget
assert facts.updated == 12
proved("all 12 nodes got the new version, and never more than one was down")

# %% [markdown]
# The length is the number of rounds times the time of one: $T \approx \lceil N/k \rceil \times
# restart$, with $N$ nodes and a budget of $k$. (The controller knows no rounds: as soon as one node has
# an available Pod again, it goes on to the next. Where all restarts take as long, it comes to the same.)

# %%
print(f"measured: {facts.duration:.1f} s; 12 rounds of {restart:.1f} s: {12 * restart:.1f} s")

# %% [markdown]
# ## Why
#
# What the controller does in a rollout without surge, each time it looks at the DaemonSet
# ([`rollingUpdate` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go)):
#
# 1. Count the nodes without an available Pod, whatever the cause: of those that should have one, and of
#    those that still have one.
# 2. Delete old Pods that are not available anyway; that costs nothing.
# 3. Delete further old Pods as long as the count stays within `maxUnavailable`.
#
# It only deletes. The replacement comes from the other half of the controller, which creates a Pod
# on every eligible node that has none, and a Pod that is still terminating counts as there. So on
# every node there is a gap: old and new never run together.

# %%
gaps = [-seconds for seconds in facts.overlap.values()]
print(f"measured: each node was without a ready Pod for {min(gaps):.1f} to {max(gaps):.1f} s")

# %% tags=["claim-C59"]
assert len(gaps) == 12
assert min(gaps) > 0
proved("each of the 12 nodes had such a gap")

# %% [markdown]
# ### In which order?
#
# Roll once more and compare the order of the nodes.

# %%
with record("agent", live=True) as again:
    release(3)
    wait_rollout("agent")
for run in (rollout, again):
    order = [node.rpartition("-")[2] for node in run.rollouts[-1].order]
    print("measured:", *order)

# %% [markdown]
# There is no order to rely on. The controller walks over a Go map, whose order is random on
# purpose. There is no partition and no canary either: to choose the first node yourself, use
# `OnDelete`.
#
# ## Percentages
#
# A budget may be a share of the nodes, and 10 % of 12 nodes is 1.2 nodes.

# %%
ten = predict(
    "ten-percent",
    "The agent runs on 12 nodes, with maxUnavailable: 10%. "
    "How many nodes may a rollout take down at once?",
    unit="nodes",
)
ten

# %%
set_budget("10%")
with record("agent", live=True, predicted={"unavailable": ten}) as percent:
    release(4)
    wait_rollout("agent")
percent.plot()

# %%
ten.compare(percent.rollouts[-1].budget, within=0, source="rule")

# %% tags=["claim-C62"]
two = percent.rollouts[-1]
assert two.budget == 2 <= two.max_unavailable
assert two.over_budget < 1, "not for longer than a moment"
proved("the budget was 2 nodes, 2 were down together, and never more for a second or longer")

# %% [markdown]
# A DaemonSet rounds **up**. The mistake people make is to carry over what they know from
# Deployments, which round `maxUnavailable` **down**. We put one beside it, with 12 Pods and 10 % too.

# %%
apply("../manifests/rolling-update/web.yaml")
kubectl("rollout status deployment/web --timeout=60s")

# %% [markdown]
# ## A bad template
#
# Both will get an image that cannot be pulled.

# %%
serving = predict(
    "serving",
    "The agent runs on 12 nodes, with maxUnavailable: 10%. It gets an image that cannot be pulled. "
    "On how many of the 12 nodes will it still run?",
    unit="nodes",
)
serving

# %% [markdown]
# We wait for the first Pods that fail, and then look on for the time of two restarts: a rollout that
# works has reached further nodes by then.

# %%
BAD = "registry.invalid/agent:2"
with record("agent", live=True, predicted={"READY": serving}) as stuck:
    kubectl(f"set image daemonset/agent agent={BAD}")
    kubectl(f"set image deployment/web web={BAD}")
    kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=2 daemonset/agent --timeout=60s")
    kubectl("wait --for=jsonpath={.status.unavailableReplicas}=1 deployment/web --timeout=60s")
    reasons = try_rollout("agent", timeout=2 * restart)
stuck.plot()

# %%
print(*reasons, sep="\n")

# %%
ready = daemonset_status("agent").ready
serving.compare(ready, within=0)

# %%
assert any("and 8 others: still runs the old template" in line for line in reasons)
web = kubectl("get deployment web -o jsonpath={.status.availableReplicas}")
assert (ready, int(web)) == (10, 11)
proved("10 nodes have a ready agent, and 11 of the 12 Pods of web are available")

# %% [markdown]
# Two nodes lost their agent, ten keep it, and there it stays: the budget is spent by Pods that will
# never be available, so rule 3 deletes no more. A small budget limits the damage. The Deployment,
# with the same `10%`, lost one Pod.
#
# Nothing rolls back by itself, and there is no progress deadline as a Deployment has.

# %%
with rejected("progressDeadlineSeconds"):
    apply(bare | {"spec": bare["spec"] | {"progressDeadlineSeconds": 60}}, dry_run=True)

# %% [markdown]
# `kubectl rollout status` would wait for ever; give it a `--timeout`. Undoing is yours to do: `kubectl
# rollout undo` goes back to the template before. First we lower the budget to 1.

# %%
set_budget(1)
with record("agent", live=True) as repair:
    kubectl("rollout undo daemonset/agent")
    wait_rollout("agent")
repair.plot()

# %%
back = repair.rollouts[-1]
both = [s for s in repair.timeline.segments if s.node in back.order]
asked = [s.end for s in both if s.revision != back.revision and s.phase != "terminating"]
came = [s.start for s in both if s.revision == back.revision and s.phase == "ready"]
assert (len(back.order), back.budget) == (2, 1)
assert max(asked) < min(came), "both broken Pods had to go before either new one was ready"
proved("two nodes got a new Pod, and both broken Pods ended before either new one was ready")

# %% [markdown]
# Only the two broken nodes got a new Pod: the other ten still ran the version that came back. And
# rule 2 took both at once, with a budget of 1, since they were down anyway.

# %%
kubectl("delete deployment web --wait=false --ignore-not-found")
None

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("percentage-of-few-nodes")

# %% [markdown]
# Commit an answer to each, then run the cell below it.

# %%
q1 = predict(
    "check-rounds",
    "A DaemonSet runs on 26 nodes, with maxUnavailable: 25%. If all restarts take equally long, "
    "in how many rounds will a new version be rolled out?",
    unit="rounds",
)
q1

# %%
from math import ceil

down = ceil(26 * 25 / 100)
q1.compare(ceil(26 / down), within=0, source="rule")

# %%
q2 = predict(
    "rolling-check-zero",
    "A DaemonSet has maxUnavailable: 0 and no maxSurge. What will the API server do with it?",
    choices=("accepted", "rejected"),
)
q2

# %%
zero = {"rollingUpdate": {"maxUnavailable": 0}}
print(said := try_apply(bare | {"spec": bare["spec"] | {"updateStrategy": zero}}))
q2.compare("rejected" if said else "accepted")

# %% [markdown]
# ## Your turn
#
# `agent` runs RELEASE 1 on 12 workers, with `maxUnavailable: 10%`. *Change request:* all of them get
# RELEASE 2. The whole rollout may take as long as five restarts, each the replacement of one node's Pod.
# At no time may more than three nodes be without an available agent.

# %%
from daemonset_course.lessons import exercise

turn = exercise("rolling-update")
turn.start()

# %%
# %kubectl get daemonset agent -o yaml

# %% [markdown]
# The check judges what the cluster did since the start:
#
# - every node runs RELEASE 2, and nothing else of the Pod spec was changed;
# - never more than three nodes were without an available agent, and the budget never allowed more;
# - the rollout took at most five restarts, measured on these nodes;
# - it is the same DaemonSet, and the nodes are as they were.
#
# Write the part of the DaemonSet that is to change, from `spec:` on, between the quotes, or use
# `kubectl` in a terminal. `turn.hint()` gives one of three hints, `turn.solution()` a solution after
# you passed. For a new try, start again.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# The picture shows the limits that were judged.

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
# - At most `maxUnavailable` nodes are down for the rollout's sake; percentages round up.
# - Length: rounds times the restart of one node.
# - The controller only deletes; the gap on each node is the time of one restart.
# - A bad template stops at the budget. Nothing rolls back by itself.
