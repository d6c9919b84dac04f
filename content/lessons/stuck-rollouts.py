# %% [markdown]
# # Stuck rollouts

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, wait_rollout
from daemonset_course.lessons import daemonset_status, never_ready, release, try_rollout

fleet = reset(workers=12)
apply("../manifests/rolling-update/agent.yaml")
apply("../manifests/stuck-rollouts/eager.yaml")
wait_rollout("agent")
wait_rollout("eager")

# %% [markdown]
# ## The claim
#
# > A rollout deletes an available old Pod only while fewer than `maxUnavailable` nodes are without an
# > available Pod. Whatever keeps a node without an available Pod, the rollout waits for that node.
#
# A rollout has no deadline: it stands still until somebody finds the cause. In this lesson a release
# is bad, a node dies, and a taint is in the way.
#
# First measure one restart: how long a node is without an agent while its Pod is replaced. A rollout
# in which nothing moves for the time of two restarts is stuck.

# %%
first = fleet.workers[0]
with record("agent") as one:
    # %kubectl delete pod -l app=agent --field-selector spec.nodeName={first}
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.1f} s")

# %% [markdown]
# ## One bad release after the other
#
# Set `maxUnavailable` to `10%`, which is two of 12 nodes. `never_ready` gives the agent a readiness probe
# that never succeeds. Two nodes lose their agent, and the rollout stops there (lesson [rolling-update]).

# %%
# %kubectl patch daemonset agent --type merge --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}}}'
never_ready("agent")
# %kubectl wait --for=jsonpath={.status.updatedNumberScheduled}=2 daemonset/agent --timeout=60s

# %% [markdown]
# Somebody tries to repair it in haste, with two other images. Neither can be pulled.

# %%
haste = predict(
    "haste",
    "The rollout of a bad release has stopped at its budget. The agent then gets two more bad releases, "
    "one after the other. How many of the 12 nodes keep a ready agent through all of it?",
    unit="nodes",
)
haste

# %%
with record("agent", live=True, predicted={"READY": haste}) as hasty:
    for number in (3, 4):
        kubectl(f"set image daemonset/agent agent=registry.invalid/agent:{number}")
        try_rollout("agent", timeout=2 * restart)
hasty.plot()

# %%
most = hasty.timeline.unavailable.max()
haste.compare(len(fleet.workers) - most, within=0)

# %%
assert [rollout.updated for rollout in hasty.rollouts] == [0, 0]
assert most == 2
proved("neither image got an available Pod, and never more than 2 nodes were without one")

# %% [markdown]
# The controller counts Pods that are not available, for whatever reason. Each new release replaces only
# the Pods that are down already. This is rule 2 in the section "Why" of lesson [rolling-update]; this
# lesson uses its rules 1 and 2.
#
# (Kubernetes 1.21 introduced a bug, fixed in 1.31 and in late patches of 1.28 to 1.30: each bad release
# could take further nodes, [issue 123232](https://github.com/kubernetes/kubernetes/issues/123232).)
#
# `kubectl rollout undo` goes back to the release before, which is a bad one here. So name the first
# revision, which worked.

# %%
# %kubectl rollout history daemonset/agent
# %kubectl rollout undo daemonset/agent --to-revision=1
wait_rollout("agent")

# %% [markdown]
# ## A dead node
#
# One machine dies: its kubelet reports nothing any more. After 50 s (this cluster may wait less) the node
# controller sets the condition Ready to Unknown. The node gets the taint `node.kubernetes.io/unreachable`
# twice, with the effects `NoSchedule` and `NoExecute`.

# %%
# %kubectl patch daemonset agent --type merge --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}}}}'

# %%
living = predict(
    "dead-node",
    "One of the 12 nodes dies, and the node controller marks it unreachable. Then the agent gets a "
    "new version, with maxUnavailable: 1. How many of the 11 living nodes will be updated?",
    unit="nodes",
)
living

# %%
from daemonset_course import break_node

dead = fleet.workers[4]
break_node(dead)

# %%
with record("agent", live=True, predicted={"UP-TO-DATE": living}) as frozen:
    release(2)
    try_rollout("agent", timeout=3 * restart)
frozen.plot()

# %%
living.compare(frozen.rollouts[-1].updated, within=0)

# %%
# %kubectl get daemonset agent
# %kubectl get pods -l app=agent -o wide --field-selector spec.nodeName={dead}

# %% tags=["claim-C60"]
assert (frozen.rollouts[-1].updated, daemonset_status("agent").desired) == (0, 11)
proved("no node got the new version, and DESIRED is 11")

# %% [markdown]
# DESIRED does not count the dead node any more: the taint with the effect `NoSchedule` keeps new Pods
# away, and the agent tolerates only `NoExecute`. But its old Pod still exists, so the node counts as unavailable (rule 1). The controller deletes that Pod (rule 2), and
# no kubelet confirms that the Pod has stopped: it stays Terminating. The dead node uses up the budget of
# one. Raise the budget by one:

# %%
with record("agent", live=True) as freed:
    # %kubectl patch daemonset agent --type merge --patch \
    #     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}}'
    complete = wait_rollout("agent")
freed.plot()

# %% tags=["claim-C60"]
assert freed.timeline.unavailable.max() == 2
assert complete.updated == 11
proved("all 11 living nodes got the new version, one at a time beside the dead one")

# %% [markdown]
# A budget above the number of dead nodes keeps rollouts moving.
#
# `eager` differs from the agent in one toleration: `node.kubernetes.io/unreachable:NoSchedule`. Its budget
# is 2.

# %%
eager_desired = predict(
    "eager",
    "The DaemonSet eager ran on all 12 nodes before one died, and it tolerates both taints of the "
    "dead node. It gets a new version, with maxUnavailable: 2. What will its DESIRED be?",
    unit="nodes",
)
eager_desired

# %%
release(2, "eager")
# %kubectl wait --for=jsonpath={.status.updatedNumberScheduled}=11 daemonset/eager --timeout=90s
lacking = try_rollout("eager", timeout=2 * restart)
eager_desired.compare(daemonset_status("eager").desired, within=0)
# %kubectl get daemonset eager

# %%
assert lacking
assert daemonset_status("eager").desired == 12
proved("DESIRED counts the dead node, and the rollout of eager is not complete")

# %% [markdown]
# The taint does not keep `eager` away. Its rollout stops at 11 of 12; the rollout of the agent ended at
# 11 of 11. If the machine never comes back, delete its Node object (lesson [when-nodes-fail]).

# %%
from daemonset_course import recover_node

recover_node(dead)
wait_rollout("agent")

# %% [markdown]
# ## A taint in the way
#
# The dead machine is repaired, and the agent has a Pod on each of the 12 nodes again. Its budget is still 2.
# A `NoSchedule` taint does not change running Pods.

# %%
after = predict(
    "taint",
    "The agent has a Pod on each of 12 nodes. One node gets a taint with the effect NoSchedule, "
    "which the agent does not tolerate. Then a new version is rolled out. How many Pods of the "
    "agent are there afterwards?",
    unit="Pods",
)
after

# %%
tainted = fleet.workers[6]
# %kubectl taint node {tainted} maintenance=soon:NoSchedule --overwrite
with record("agent", live=True, predicted={"CURRENT": after}) as shrunk:
    release(3)
    wait_rollout("agent")
shrunk.plot()

# %%
from daemonset_course.lessons import nodes_with

# %kubectl rollout status daemonset/agent
after.compare(len(nodes_with("agent")), within=0)

# %%
said = kubectl("rollout status daemonset/agent --watch=false")
assert nodes_with("agent") == {*fleet.workers} - {tainted}
assert "successfully rolled out" in said
proved("11 Pods run, on all nodes but the tainted one, and kubectl reports success")

# %% [markdown]
# The rollout deleted the old Pod on the tainted node, and no new Pod may run there. Yet
# `kubectl rollout status` reports success: it compares with DESIRED, and DESIRED fell to 11. The
# mistake people make is to taint a node "for later" and to trust that message. The Pod returns when the
# taint is removed.

# %%
# %kubectl taint node {tainted} maintenance:NoSchedule-
wait_rollout("agent")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each, and read what the output says about your
# choice.

# %%
from daemonset_course.lessons import symptom

symptom("never-ready")

# %%
symptom("dead-node-has-the-budget")

# %% [markdown]
# ## Your turn
#
# `logs`, `metrics` and `net` were released, and all three rollouts stand still. Some of them still show
# DESIRED 6, because their status was not written since `worker6` died. You are on call, and you know this:
#
# - `worker6` is dead and stays dead for now. Do not change its Node object.
# - `logs` may run any RELEASE in the end.
# - `metrics` must run RELEASE 2, which needs 200m of CPU.
# - `net` must run RELEASE 2. At no time may more than two nodes be without it, the dead one included.
# - `shop` runs on `worker3`. Nobody changes it, and its Pod stays.

# %%
from daemonset_course.lessons import exercise

turn = exercise("stuck-rollouts")
turn.start()

# %%
# %kubectl get daemonsets -o wide
# %kubectl get pods -o wide

# %% [markdown]
# Find out why each of them stands still, and free each with one change, in the cell below (a line that
# begins with `%kubectl`) or in a terminal. The check judges each of the three separately:
#
# - every node that can be reached runs the newest template of the DaemonSet;
# - it is the same DaemonSet, and only the cause was changed;
# - `net` was never missing on more than two nodes.
#
# `shop`, the Node objects, their labels and taints must be as at the start. `turn.hint()` gives one of
# three hints, `turn.solution()` a solution after you passed.

# %%
# one change for each of the three

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
# - Dead nodes, broken Pods and terminating Pods use up the same budget.
# - A bad template stops at the budget, however many follow it. Nothing rolls back by itself.
# - A budget above the number of dead nodes keeps rollouts moving; so does the deletion of Node objects
#   whose machines are gone for good.
# - `kubectl rollout status` compares with DESIRED, and a taint makes DESIRED smaller.
# - [What a taint does](../pictures.md#what-a-taint-does): to a new Pod, to a running one, at the next
#   rollout. [Who may say no](../pictures.md#who-may-say-no): if a new Pod is not there.
