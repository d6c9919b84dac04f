# %% [markdown]
# # maxSurge

# %%
from daemonset_course import apply, compare, predict, proved, record, reset, step, wait_rollout
from daemonset_course.lessons import daemonset_status, release, try_rollout, uids

fleet = reset(workers=3)
apply("../manifests/max-surge/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## The claim
#
# > `maxSurge`, available since Kubernetes 1.22, controls whether the new Pod is created before the
# > old one is deleted. It makes zero-downtime updates possible: `maxUnavailable: 0` with
# > `maxSurge: 1`.
#
# ## Old Pod first, or new Pod first
#
# This agent becomes ready two seconds after its start, and it takes two seconds to stop. With
# `maxUnavailable: 1` the controller deletes the old Pod first (lesson [rolling-update]). `release(2)`
# runs `kubectl set env daemonset/agent RELEASE=2`.

# %%
# %kubectl get daemonset agent -o yaml

# %%
with record("agent", live=True) as classic:
    release(2)
    wait_rollout("agent")
print(f"measured: {classic.rollouts[-1].duration:.1f} s")

# %% [markdown]
# Now give the agent `maxSurge: 1`.

# %%
# %kubectl patch daemonset agent --type merge --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}}'

# %%
surging = predict(
    "surge-length",
    "With maxSurge: 1, how long does the rollout over the three nodes take? "
    "The agent takes two seconds to become ready, and two to stop.",
    unit="s",
)
surging

# %%
with record("agent", live=True, predicted=surging) as surge:
    release(3)
    wait_rollout("agent")
compare(classic, surge, labels=("maxUnavailable 1", "maxSurge 1"))

# %%
surging.compare(surge.rollouts[-1].duration)

# %% tags=["claim-C65"]
before, after = classic.rollouts[-1], surge.rollouts[-1]
assert set(before.overlap) == set(after.overlap) == set(fleet.workers)
assert max(before.overlap.values()) < 0 < min(after.overlap.values())
assert (before.max_unavailable, before.max_surge) == (1, 0)
assert (after.max_unavailable, after.max_surge) == (0, 1)
assert after.duration < before.duration
proved("without surge each node had a gap; with surge it had two ready Pods, and took less time")

# %% [markdown]
# Without surge every lane has a gap. With surge every lane has two Pods for a while, and no node is
# unavailable. The controller does not wait until the old Pod has stopped, so the rollout is shorter.
#
# ## Why
#
# In a rollout with surge the controller decides for each node
# ([`rollingUpdate` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go)):
#
# 1. Only an old Pod, which is available: create a new Pod beside it, on at most `maxSurge` nodes at a
#    time.
# 2. Only an old Pod, which is not available: create a new Pod at once, whatever `maxSurge` is. If the
#    node should have no Pod any more, delete the old Pod.
# 3. Both Pods, and the new one is not available: wait. This node counts against `maxSurge`.
# 4. Both Pods, and the new one is available: delete the old Pod.
#
# The readiness probe and `minReadySeconds` decide when the new Pod is available.
#
# ## Which pairs are valid?
#
# The next cell asks the API server about thirty pairs. It stores none.

# %%
from daemonset_course import show
from daemonset_course.lessons import admission, measure_silences, try_budgets

rows, columns = ["unset", 0, "0%", 1, "10%"], ["unset", 0, 1, "10%", "100%", "101%"]
manifest = "../manifests/max-surge/agent.yaml"
answers = try_budgets(manifest, max_unavailable=rows, max_surge=columns)
show(admission(answers, rows="maxUnavailable", columns="maxSurge"))

# %% tags=["claim-C67"]
accepted = {pair for pair, refusal in answers.items() if not refusal}
assert (0, 1) in accepted
assert accepted == {(0, 1), (0, "10%"), (0, "100%"), ("0%", 1), ("0%", "10%"), ("0%", "100%")} | {
    (row, column) for row in ("unset", 1, "10%") for column in ("unset", 0)
}
assert "may not be set when maxUnavailable is non-zero" in answers["unset", 1]
proved("of thirty pairs the server accepts those with one number above zero, and that at most 100%")

# %% [markdown]
# Exactly one of the two numbers must be other than zero. The mistake people make is to add the one line
# `maxSurge: 1`, because a Deployment may have both. In a DaemonSet a missing `maxUnavailable` is 1.
#
# ## A bad version
#
# In lesson [rolling-update] an image that cannot be pulled cost as many nodes as the budget allowed.
# Now the agent gets such an image with `maxSurge: 50%`.

# %%
# %kubectl patch daemonset agent --type merge --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": "50%"}}}}'

# %%
lost = predict(
    "lost",
    "A rollout with maxSurge: 50% brings an image that cannot be pulled. "
    "How many of the three nodes will lose their agent?",
    unit="nodes",
)
lost

# %%
served = uids("agent")
with record("agent", live=True, predicted={"unavailable": lost}) as bad:
    # %kubectl set image daemonset/agent agent=registry.invalid/agent:2
    try_rollout("agent", timeout=3)
bad.plot()

# %%
lost.compare(bad.timeline.unavailable.max(), within=0)

# %% tags=["claim-C65", "claim-C66"]
assert bad.timeline.unavailable.max() == 0
assert bad.rollouts[-1].updated == 0
assert bad.rollouts[-1].max_surge == 2 == bad.rollouts[-1].surge_budget
proved("no node lost its agent, none was updated, and there were two extra Pods")

# %% [markdown]
# No node loses its agent. Two nodes have an extra Pod, because 50 % of three nodes is rounded up. By
# rule 3 both count against `maxSurge`, so the rollout stops there. The undo deletes only the two extra
# Pods:

# %%
# %kubectl rollout undo daemonset/agent
wait_rollout("agent")

# %%
assert uids("agent") == served
proved("the same three Pods run as before the bad version")

# %% [markdown]
# ## An agent with a port of the node
#
# A node exporter has `hostPort: 9100`. With `maxSurge: 1` the API server accepts it, and it starts.

# %%
apply("../manifests/max-surge/exporter.yaml")
wait_rollout("node-exporter")

# %%
moved = predict(
    "surge-moved",
    "The exporter has hostPort: 9100 and maxSurge: 1, and gets a new version. "
    "How many of the three nodes will have the new version after some seconds?",
    unit="nodes",
)
moved

# %%
with record("node-exporter", live=True, predicted={"UP-TO-DATE": moved}) as stuck:
    release(2, "node-exporter")
    reasons = try_rollout("node-exporter", timeout=3)
stuck.plot()

# %%
moved.compare(stuck.rollouts[-1].updated, within=0)

# %%
# %kubectl get daemonset node-exporter
# %kubectl get events --field-selector reason=FailedScheduling

# %% tags=["claim-C66"]
status = daemonset_status("node-exporter")
assert stuck.rollouts[-1].updated == 0
assert sum("didn't have free ports" in line for line in reasons) == 1
assert status.desired == status.ready == 3
proved("no node was updated, one Pod waits for a free port, and all three nodes count as ready")

# %% [markdown]
# Here surge cannot work. The old Pod keeps the port until the new Pod is available, and the new Pod needs
# the port. READY equals DESIRED; only UP-TO-DATE shows the problem. `kubectl rollout status` waits
# without end: use its `--timeout`. The
# [design of `maxSurge`](https://github.com/kubernetes/enhancements/tree/master/keps/sig-apps/1591-daemonset-surge)
# rejects a `hostPort`; the API server does not. The repair is `maxSurge: 0` with `maxUnavailable: 1`, or
# an agent without the port.
#
# ## Ask the agent itself
#
# The pictures show the readiness that Pods report. Now a client asks an agent itself: `echo` answers
# three seconds after its start, and on each node a Pod asks it ten times a second through a Service with
# `internalTrafficPolicy: Local`. `measure_silences` rolls `echo` in four ways and returns the longest
# time without an answer. (On the embedded cluster you see a **recording** made on kind.)

# %%
silent = predict(
    "silent",
    "An agent answers requests three seconds after its start, and has no readiness probe. "
    "How long does a node get no answer while the agent is rolled out with maxSurge: 1?",
    unit="s",
)
silent


# %%
@step("silence", needs=("exec", "logs", "probes"))
def silences():
    """The longest silence of an agent on any node, in seconds, in four rollouts"""
    apply("../manifests/max-surge/echo.yaml")
    wait_rollout("echo")
    wait_rollout("prober")
    return measure_silences("prober", "echo", "../manifests/max-surge/ways.yaml")


silences

# %%
silent.compare(silences.result["maxSurge 1, no probe"], source=silences.source)

# %% tags=["claim-C66"]
down, unprobed, probed, paused = silences.result.values()
assert down > 2
assert unprobed > 1.5
assert probed < unprobed
assert paused < unprobed / 2
proved("a probe makes the silence shorter, and preStop leaves less than half of it")

# %% [markdown]
# Without a probe a Pod is ready as soon as its process runs, so the controller deletes the old Pod before
# the new one answers. With a probe some requests still go to the old Pod just as it stops. With the
# `preStop` pause it answers until its node knows that it leaves.
#
# | a rollout with surge needs | without it |
# |---|---|
# | no `hostPort`, and room for two Pods on the node | the new Pod stays Pending |
# | no port, lock or socket that one process alone can have | the new Pod crashes: `Address already in use` |
# | a readiness probe that tests the service | the old Pod goes before the new one answers |
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("surge-and-host-port")

# %% [markdown]
# In lesson [stuck-rollouts] a dead node used up the budget. Is it the same with surge?

# %%
alive = predict(
    "alive",
    "One of three workers is dead, and the agent does not tolerate the taint of such a node. "
    "With maxSurge: 1, on how many of the two other workers will the agent be updated?",
    unit="nodes",
)
alive

# %%
alive.compare(len(fleet.workers) - 1, within=0, source="rule")

# %% [markdown]
# Both are updated: `maxSurge` counts new Pods only, and rule 2 applies to the dead node. (If the agent
# tolerates the taint, DESIRED counts the dead node, and the rollout does not end.)
#
# ## Your turn
#
# The rollout of RELEASE 2 of `agent` began this morning, with `maxSurge: 1`. READY is 4 of 4, and nothing
# moves. Free the rollout, so that the next one does not hang either. No node may be without a ready
# agent at any moment. Nobody uses the agent's ports of the node any more: clients call its Pods directly.

# %%
from daemonset_course.lessons import exercise

turn = exercise("max-surge")
turn.start()

# %%
# %kubectl get pods -l app=agent -o wide

# %% [markdown]
# The check judges what the cluster did since the start:
#
# - every worker runs RELEASE 2, and had a ready agent at every moment;
# - of the Pod spec only the ports may differ;
# - the next rollout goes through as well: the check starts one with your template;
# - it is the same DaemonSet, and the nodes are as they were.
#
# Write the part of the DaemonSet that is to change, from `spec:` on, between the quotes; `null` removes
# a field. Or use `kubectl` in a cell or a terminal. `turn.hint()` gives one of three hints,
# `turn.solution()` a solution after you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# A node with two bars at the same moment had two Pods.

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
# - Write both lines, `maxUnavailable: 0` and `maxSurge: 1`: exactly one of the two is zero.
# - With surge the controller deletes the old Pod when the new one is available. A bad version costs no
#   node whose old Pod is ready.
# - Two Pods of the agent must be able to share a node: no `hostPort`, and room for both.
# - READY does not show a surge that hangs: watch UP-TO-DATE, and give `rollout status` a `--timeout`.
# - One node in a surge, drawn: [The states of a surge](../pictures.md#the-states-of-a-surge).
