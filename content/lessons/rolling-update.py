# %% [markdown]
# # Rolling update

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, wait_rollout
from daemonset_course.lessons import daemonset_status, release, try_kubectl, try_rollout

fleet = reset(workers=12)
fleet

# %% [markdown]
# ## The claim
#
# > When the Pod template changes, the DaemonSet controller terminates old Pods and creates new
# > ones node by node. `maxUnavailable: 1` means that only one node at a time loses its Pod.
#
# The agent of this lesson waits and does nothing else. `RELEASE` stands for its version.

# %%
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")
# %kubectl rollout status daemonset/agent
# %kubectl get daemonset agent -o yaml

# %% [markdown]
# The manifest `bare.yaml` has no `updateStrategy`. The API server completes it, without storing it:

# %%
# %kubectl apply --dry-run=server -f ../manifests/rolling-update/bare.yaml \
#     -o jsonpath={.spec.updateStrategy}

# %% tags=["claim-C07"]
bare = "apply --dry-run=server -f ../manifests/rolling-update/bare.yaml"
default = '{"rollingUpdate":{"maxSurge":0,"maxUnavailable":1},"type":"RollingUpdate"}'
assert kubectl(bare, "-o", "jsonpath={.spec.updateStrategy}") == default
proved("the API server fills in RollingUpdate, maxUnavailable 1 and maxSurge 0")

# %% [markdown]
# So `RollingUpdate` with `maxUnavailable: 1` is the default. The only other strategy is `OnDelete`
# (lesson [on-delete-and-rollback]).

# %%
other = '{"spec": {"updateStrategy": {"type": "Recreate"}}}'
refusal = try_kubectl("patch daemonset agent --patch", other)
print(refusal)

# %% tags=["claim-C58"]
assert 'supported values: "RollingUpdate", "OnDelete"' in refusal
proved("the API server rejects another type, and names the two")

# %% [markdown]
# ## Predict
#
# To replace the Pod of one node takes some time: the old Pod terminates, and a new one is created,
# scheduled, started, and becomes ready. Delete one Pod by hand to measure how long its node is without
# an agent.

# %%
first = fleet.workers[0]
with record("agent") as one:
    # %kubectl delete pod -l app=agent --field-selector spec.nodeName={first}
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
# `release(2)` runs `kubectl set env daemonset/agent RELEASE=2`.

# %%
with record("agent", live=True, predicted=length) as rollout:
    release(2)
    wait_rollout("agent")
rollout.plot()

# %% [markdown]
# Each lane is a node. The bar turns thin where the old Pod terminates, hollow and hatched while the new
# one starts, and full again, in another colour, when it is ready. The panel underneath counts the nodes
# without an available Pod; the dashed line is the budget. Move the slider: a tile for each node shows
# that moment.

# %%
facts = rollout.rollouts[-1]
length.compare(facts.duration)

# %% tags=["claim-C61"]
assert facts.max_unavailable == 1 == facts.budget
assert facts.updated == 12
proved("all 12 nodes got the new version, and never more than one was down")

# %% [markdown]
# The length is the number of rounds times the time of one restart: $T \approx \lceil N/k \rceil \times
# restart$, with $N$ nodes and a budget of $k$. The controller itself has no rounds. As soon as one node
# has an available Pod again, it goes on to the next node. If all restarts take equally long, this is the
# same.

# %%
print(f"measured: {facts.duration:.1f} s; 12 rounds of {restart:.1f} s: {12 * restart:.1f} s")

# %% [markdown]
# ## Why
#
# In a rollout without surge, the controller does this at each sync of the DaemonSet
# ([`rollingUpdate` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go)):
#
# 1. Count the nodes without an available Pod, for whatever reason. These are nodes that should have a Pod
#    and nodes that still have one.
# 2. Delete old Pods that are not available, whatever the budget is: their nodes are counted already.
# 3. Delete further old Pods as long as the count stays within `maxUnavailable`.
#
# This half of the controller only deletes. The other half creates a Pod on every eligible node that has
# none, and a terminating Pod counts as one. So every node has a gap: old and new never run together.

# %%
gaps = [-seconds for seconds in facts.overlap.values()]
print(f"measured: each node was without a ready Pod for {min(gaps):.1f} to {max(gaps):.1f} s")

# %% tags=["claim-C59"]
assert len(gaps) == 12
assert min(gaps) > 0
proved("each of the 12 nodes had such a gap")

# %% [markdown]
# The nodes have no order to rely on: the controller walks over a Go map, and its order is random. There
# is no partition and no canary. To choose the first node yourself, use `OnDelete`.
#
# ## Percentages
#
# A budget may be a percentage of the nodes. 10 % of 12 nodes is 1.2 nodes.

# %%
ten = predict(
    "ten-percent",
    "The agent runs on 12 nodes, with maxUnavailable: 10%. "
    "How many nodes may a rollout take down at once?",
    unit="nodes",
)
ten

# %%
# %kubectl patch daemonset agent --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}}}'

# %%
with record("agent", live=True, predicted={"unavailable": ten}) as percent:
    release(3)
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
# A DaemonSet rounds **up**. The mistake people make is to expect what they know from Deployments: a
# Deployment rounds `maxUnavailable` **down**. For comparison, `web` is a Deployment with 12 Pods and 10 %.

# %%
# %kubectl apply -f ../manifests/rolling-update/web.yaml
# %kubectl rollout status deployment/web --timeout=60s

# %% [markdown]
# ## A bad template
#
# Both get an image that cannot be pulled.

# %%
serving = predict(
    "serving",
    "The agent runs on 12 nodes, with maxUnavailable: 10%. It gets an image that cannot be pulled. "
    "On how many of the 12 nodes will it still run?",
    unit="nodes",
)
serving

# %% [markdown]
# The cell waits for the time of four restarts. A rollout that works has reached more nodes by then.

# %%
with record("agent", live=True, predicted={"READY": serving}) as stuck:
    # %kubectl set image daemonset/agent agent=registry.invalid/agent:2
    # %kubectl set image deployment/web web=registry.invalid/web:2
    reasons = try_rollout("agent", timeout=4 * restart)
    # %kubectl wait --for=jsonpath={.status.unavailableReplicas}=1 deployment/web --timeout=60s
stuck.plot()

# %%
# %kubectl get daemonset agent
# %kubectl get deployment web

# %%
ready = daemonset_status("agent").ready
serving.compare(ready, within=0)

# %%
assert any("and 8 others: still runs the old template" in line for line in reasons)
web = kubectl("get deployment web -o jsonpath={.status.availableReplicas}")
assert (ready, int(web)) == (10, 11)
proved("10 nodes have a ready agent, and 11 of the 12 Pods of web are available")

# %% [markdown]
# Two nodes lose their agent, and the other ten keep it. The new Pods never become available and use up
# the budget, so by rule 3 the controller deletes no more. A small budget limits the damage. The
# Deployment, with the same `10%`, loses one Pod.
#
# A DaemonSet has no `progressDeadlineSeconds`, and nothing rolls back by itself. `kubectl rollout
# status` waits without end: use its `--timeout`. `kubectl rollout undo` goes back to the template
# before. Set the budget to 1, then undo.

# %%
# %kubectl patch daemonset agent --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}}}}'
with record("agent", live=True) as repair:
    # %kubectl rollout undo daemonset/agent
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
# Only two nodes got a new Pod: the other ten still ran the version that came back. By rule 2 the
# controller replaced both Pods at once, with a budget of 1, because they were not available.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("percentage-of-few-nodes")

# %% [markdown]
# Commit an answer, then run the cell below it.

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

# %% [markdown]
# ## Your turn
#
# `agent` runs RELEASE 1 on 12 workers, with `maxUnavailable: 10%`. Change all of them to RELEASE 2. The
# whole rollout may take as long as five restarts. A restart is the replacement of the Pod of one node. At
# no time may more than three nodes be without an available agent.

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
# - A rollout takes down at most `maxUnavailable` nodes; percentages round up.
# - Length: rounds times the restart of one node.
# - The controller only deletes; the gap on each node is the time of one restart.
# - A bad template stops at the budget. Nothing rolls back by itself.
