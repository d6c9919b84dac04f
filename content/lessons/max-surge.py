# %% [markdown]
# # maxSurge

# %%
from daemonset_course import apply, break_node, compare, kubectl, predict, proved, record, reset
from daemonset_course import recover_node, rejected, show, step, wait_rollout
from daemonset_course.lessons import crash_loop_log, release, set_budget, try_kubectl, try_rollout

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > `maxSurge`, available since Kubernetes 1.22, controls whether the new Pod is created before the
# > old one is deleted. It makes zero-downtime updates possible: `maxUnavailable: 0` with
# > `maxSurge: 1`.
#
# (It was behind a feature gate in 1.21, on by default from 1.22, and stable in 1.25. The gate is
# [gone](https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/).)
#
# Our agent takes two seconds to become ready, and two to stop.

# %%
from pathlib import Path

import yaml

text = Path("../manifests/max-surge/agent.yaml").read_text()
agent = yaml.safe_load(text)
print(text)

# %% [markdown]
# ## Which pairs are valid?
#
# Lesson [rolling-update] set `maxUnavailable` alone. Now there are two numbers. We ask the API server
# about thirty pairs without storing any. First say for three of them what it answers.

# %%
both = predict(
    "both",
    "What does the API server answer to a DaemonSet with maxUnavailable: 1 and maxSurge: 1?",
    choices=("accepted", "rejected"),
)
both

# %%
alone = predict(
    "alone",
    "What does the API server answer to a DaemonSet with maxSurge: 1 and no maxUnavailable?",
    choices=("accepted", "rejected"),
)
alone

# %%
zero = predict(
    "zero",
    "What does the API server answer to a DaemonSet with maxUnavailable: 0 and maxSurge: 1?",
    choices=("accepted", "rejected"),
)
zero


# %%
from daemonset_course.lessons import try_apply


def answer(unavailable, surge, base=agent, field="updateStrategy"):
    """What the API server says to this pair; empty when it accepts it."""
    pair = {"maxUnavailable": unavailable, "maxSurge": surge}
    given = {key: value for key, value in pair.items() if value != "unset"}
    strategy = {field: {"type": "RollingUpdate", "rollingUpdate": given}}
    said = try_apply(base | {"metadata": {"name": "pair"}, "spec": base["spec"] | strategy})
    return said.rpartition(": ")[2]


# %%
from daemonset_course.lessons import admission

rows, columns = ["unset", 0, "0%", 1, "10%"], ["unset", 0, 1, "10%", "100%", "101%"]
answers = {(row, column): answer(row, column) for row in rows for column in columns}
show(admission(answers, rows="maxUnavailable", columns="maxSurge"))

# %%
verdicts = {pair: "rejected" if said else "accepted" for pair, said in answers.items()}
both.compare(verdicts[1, 1])

# %%
alone.compare(verdicts["unset", 1])

# %%
zero.compare(verdicts[0, 1])

# %% tags=["claim-C67"]
accepted = {pair for pair, verdict in verdicts.items() if verdict == "accepted"}
assert (0, 1) in accepted
assert accepted == {(0, 1), (0, "10%"), (0, "100%"), ("0%", 1), ("0%", "10%"), ("0%", "100%")} | {
    (row, column) for row in ("unset", 1, "10%") for column in ("unset", 0)
}
proved("of thirty pairs the server accepts those with one number above zero, and that at most 100%")

# %% [markdown]
# Exactly one of the two must be other than zero, and at most 100%. Both zero could never move. Both
# non-zero is refused too: a DaemonSet's node either gives up its old Pod first or gets its new one
# first.
#
# ### The mistake people make
#
# Adding the one line `maxSurge: 1`, since it worked for a Deployment, which may have both. But
# `maxUnavailable` is not zero when you leave it out: it is 1.

# %%
web = yaml.safe_load(Path("../manifests/max-surge/web.yaml").read_text())
as_deployment = [answer(first, 1, base=web, field="strategy") for first in ("unset", 1)]

# %%
assert as_deployment == ["", ""]
proved("a Deployment may have maxSurge alone, and both")

# %% tags=["claim-C67"]
with rejected("may not be set when maxUnavailable is non-zero"):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
    apply(agent | {"spec": agent["spec"] | {"updateStrategy": strategy}}, dry_run=True)

# %% [markdown]
# Another slip comes from templates that put every value in quotes. `"1"` is a text, and a text must
# be a percentage. A number has no upper limit.

# %%
quoted, large = answer(0, "1"), answer(200, 0)
print(quoted)

# %%
assert "a valid percent string" in quoted
assert large == ""
proved('the text "1" is refused, and the number 200 is accepted')

# %% [markdown]
# ## One after the other, and both at once
#
# First the classic way, `maxUnavailable: 1`.

# %%
apply(agent)
wait_rollout("agent")
with record("agent", live=True) as classic:
    release(2)
    wait_rollout("agent")
length = classic.rollouts[-1].duration
print(f"measured: {length:.1f} s")

# %% [markdown]
# Now with `maxSurge: 1`, still one node after the other.

# %%
surging = predict(
    "surge-length",
    "With maxSurge: 1, how long does the rollout over the three nodes take? "
    "The agent takes two seconds to become ready, and two to stop.",
    unit="s",
)
surging

# %%
set_budget(0, 1)
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
proved("without surge each node had a gap; with surge each node had two ready Pods for a moment")

# %% [markdown]
# Above, every lane has a gap. Below, every lane has two Pods for a while, and the line of
# unavailable nodes never leaves zero. It was quicker as well: the old Pod's slow stop is no longer
# waited for.

# %%
assert after.duration < before.duration
proved("the rollout with surge took less time")

# %% [markdown]
# ## Why
#
# The controller's rule for a rollout with surge, for each node at each look
# ([`rollingUpdate` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go)):
#
# 1. Old Pod alone and available: create a new one beside it, on at most `maxSurge` nodes at a time.
# 2. Old Pod alone and not available: create a new one at once, whatever `maxSurge` says; or, on a node
#    that should have none any more, delete the old one.
# 3. Both there, the new one not yet available: wait. This node counts against `maxSurge`.
# 4. Both there, the new one available: delete the old one.
#
# Rule 4 is the whole promise: the old Pod goes when the new one *is available*. What "available"
# means is up to your readiness probe and `minReadySeconds`. It is a promise to old Pods that work:
# one that is not even ready goes as soon as a new one exists (`podsShouldBeOnNode`).
#
# `maxSurge` is a number of nodes, or a percentage.

# %%
beside = predict(
    "extra",
    "maxSurge is 50%, and there are three nodes. How many extra Pods will there be at one time?",
    unit="Pods",
)
beside

# %%
set_budget(0, "50%")
with record("agent", live=True, predicted={"extra Pods": beside}) as half:
    release(4)
    wait_rollout("agent")
half.plot()

# %%
beside.compare(half.rollouts[-1].max_surge, within=0)

# %% tags=["claim-C65"]
assert half.rollouts[-1].max_surge == 2 == half.rollouts[-1].surge_budget
assert half.rollouts[-1].max_unavailable == 0
proved("as many extra Pods as the budget allows, and no node without an agent")

# %% [markdown]
# Two: percentages round up, as for `maxUnavailable`.
#
# ## A bad version
#
# In lesson [rolling-update] an image that cannot be pulled cost as many nodes as the budget allowed.
# Now the same with `maxSurge: 1`.

# %%
lost = predict(
    "lost",
    "A rollout with maxSurge: 1 brings an image that cannot be pulled. "
    "How many of the three nodes will lose their agent?",
    unit="nodes",
)
lost

# %%
set_budget(0, 1)
with record("agent", live=True, predicted={"unavailable": lost}) as bad:
    kubectl("set image daemonset/agent agent=registry.invalid/agent:2")
    print(*try_rollout("agent", timeout=3), sep="\n")
bad.plot()

# %%
lost.compare(bad.timeline.unavailable.max(), within=0)

# %% tags=["claim-C66"]
assert bad.timeline.unavailable.max() == 0
assert bad.rollouts[-1].updated == 0
assert bad.rollouts[-1].max_surge == 1
proved("no node lost its agent, none was updated, and there was one extra Pod")

# %% [markdown]
# None. One node has an extra Pod that never becomes available, rule 3 counts it against `maxSurge`,
# and there it stays. Next, you undo it.

# %%
replaced = predict(
    "surge-replaced",
    "You undo the rollout that hangs. How many of the three old Pods will the controller replace?",
    unit="Pods",
)
replaced

# %%
from daemonset_course.lessons import uids

served = uids("agent", ready=True)
kubectl("rollout undo daemonset/agent")
wait_rollout("agent")
replaced.compare(len(served - uids("agent", ready=True)), within=0)

# %%
assert uids("agent", ready=True) == served
proved("the same three Pods are ready as before the undo")

# %% [markdown]
# None again: they match the template that came back. Only the extra Pod goes.
#
# ## A dead node
#
# In lesson [stuck-rollouts] a dead node took the budget of 1, and no node was updated. Now one of our
# three workers falls silent, and we roll with `maxSurge: 1`. (Beside the agent we put `eager`. It is
# the same but for one toleration, of the taint that comes with a silent node. Its turn comes after
# that.)

# %%
alive = predict(
    "alive",
    "One of three workers is silent, and the agent does not tolerate the taint of such a node. "
    "With maxSurge: 1, on how many of the two other workers will the agent be updated?",
    unit="nodes",
)
alive

# %%
eager = yaml.safe_load(text.replace("agent", "eager"))
eager["spec"]["template"]["spec"]["tolerations"] = [
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists"}
]
eager["spec"]["updateStrategy"]["rollingUpdate"] = {"maxUnavailable": 0, "maxSurge": 1}
apply(eager)
wait_rollout("eager")

# %%
break_node(fleet.workers[2])
with record("agent", live=True, predicted={"UP-TO-DATE": alive}) as dead:
    release(5)
    status = wait_rollout("agent")
dead.plot()

# %%
alive.compare(status.updated, within=0)

# %%
assert (status.updated, status.desired) == (2, 2)
assert dead.timeline.unavailable.max() == 1, "the dead node's, from the beginning"
proved("the rollout is complete, and only the dead node was without an available agent")

# %% [markdown]
# Both. To the controller the old Pod on the dead node is not available, and the node, with its taint,
# should have none: rule 2 deletes it. Nobody there confirms that, but here a Pod that terminates spends
# nothing: `maxSurge` counts new Pods only. And no living node was without its agent.
#
# Agents that tolerate the dead node's taint, as most that surge do, are worse off. We roll `eager`.

# %%
release(2, "eager")
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=2 daemonset/eager --timeout=60s")
lacks = try_rollout("eager", timeout=3)
print(*lacks, sep="\n")

# %%
assert lacks
assert kubectl("get daemonset eager -o jsonpath={.status.desiredNumberScheduled}") == "3"
proved("the rollout of eager is not complete, and DESIRED counts the dead node")

# %% [markdown]
# The living nodes have the new version, and the rollout ends there: the dead node still counts in
# DESIRED, and nobody starts its new Pod. `kubectl rollout status` waits until the machine is back or
# its Node object is deleted.

# %%
recover_node(fleet.workers[2])
wait_rollout("eager")
kubectl("delete daemonset eager --ignore-not-found")

# %%
assert wait_rollout("agent").updated == 3
proved("the agent is updated on the repaired node too")

# %% [markdown]
# ## When surge cannot work
#
# The node exporter of lesson [monitoring-agent] has `hostPort: 9100`. Let us give it `maxSurge` as
# well.

# %%
print(Path("../manifests/max-surge/exporter.yaml").read_text())

# %%
apply("../manifests/max-surge/exporter.yaml")
wait_rollout("node-exporter")

# %% [markdown]
# It is accepted, and it starts. Now a new version.

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
waiting = [line for line in reasons if "didn't have free ports" in line]
print(*waiting, sep="\n")

# %% tags=["claim-C66"]
assert stuck.rollouts[-1].updated == 0
assert len(waiting) == 1
proved("no node was updated, and one Pod waits for a free port")

# %% [markdown]
# None, and that for as long as the old Pods stay ready. A port of a node can be given away once, and
# the old Pod keeps it until the new one is available, which needs the port. The scheduler reports it,
# but only in the Pod. The DaemonSet looks well:

# %%
print(kubectl("get daemonset node-exporter"))

# %%
from daemonset_course.lessons import daemonset_status

status = daemonset_status("node-exporter")
assert status.desired == status.ready == 3
proved("all three nodes count as ready")

# %% [markdown]
# READY equals DESIRED; only UP-TO-DATE tells. `kubectl rollout status` waits until you stop it, so
# give it a `--timeout` wherever nobody watches.

# %%
print(said := try_kubectl("rollout status daemonset/node-exporter --timeout=2s"))

# %%
assert "timed out waiting for the condition" in said
proved("kubectl rollout status gave up at its timeout")

# %% [markdown]
# The designers of `maxSurge` meant to
# [refuse it together with `hostPort`](https://github.com/kubernetes/enhancements/tree/master/keps/sig-apps/1591-daemonset-surge).
# As you saw, the API server does not. The repair: go without surge.

# %%
import json

classic_way = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
patch = json.dumps({"spec": {"updateStrategy": classic_way}})
with record("node-exporter", live=True) as repair:
    kubectl("patch daemonset node-exporter --type merge --patch", patch)
    status = wait_rollout("node-exporter")
repair.plot()

# %%
assert status.updated == 3
assert repair.timeline.unavailable.max() == 1
proved("all three nodes are updated, and one at a time was without an exporter")

# %% [markdown]
# ### A port that the manifest does not name
#
# The scheduler knows only the ports that a manifest names. `binder` listens on a port of its node
# (`hostNetwork: true`) and names none. We roll it with `maxSurge: 1`. What its new process meets
# only a real container shows: on the embedded cluster you see a recording, made on kind.


# %%
@step("bind", needs="logs")
def bind():
    """What the new Pod says when the old one has the port"""
    apply("../manifests/max-surge/binder.yaml")
    wait_rollout("binder")
    labels = {"metadata": {"labels": {"release": "2"}}}
    kubectl("patch daemonset binder --patch", json.dumps({"spec": {"template": labels}}))
    log = crash_loop_log("release=2")
    updated = kubectl("get daemonset binder -o jsonpath={.status.updatedNumberScheduled}")
    return {"log": log, "updated": int(updated or 0)}


# %%
bind

# %%
kubectl("delete -f ../manifests/max-surge/binder.yaml --ignore-not-found")
None

# %% tags=["claim-C66"]
assert "Address already in use" in bind.result["log"]
assert bind.result["updated"] == 0
proved("the new process cannot bind the port, and no node is updated")

# %% [markdown]
# The new Pod is bound to its node, starts, ends, and starts again, for ever. The rollout hangs as
# before, with another symptom: `CrashLoopBackOff` instead of Pending.
#
# ## Is it really without a gap?
#
# So far we believed the readiness that Pods report. Now we ask the agent itself: `echo` answers
# requests, three seconds after its start. On each node a prober asks it ten times a second, through a
# Service that stays on the node (`internalTrafficPolicy: Local`). We roll it in four ways and look
# for the longest silence. (Again a recording, on the embedded cluster.)

# %%
silent = predict(
    "silent",
    "An agent answers requests three seconds after its start, and has no readiness probe. "
    "How long does a node get no answer while the agent is rolled out with maxSurge: 1?",
    unit="s",
)
silent

# %%
QUICK, CLASSIC, SURGE = [
    {"updateStrategy": {"rollingUpdate": {"maxUnavailable": down, "maxSurge": extra}}}
    for down, extra in (("100%", 0), (1, 0), (0, 1))
]
PROBE = {"readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1}}
STOP = {"lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}
WAYS = {
    "maxUnavailable 1, probe": (CLASSIC, PROBE),
    "maxSurge 1, no probe": (SURGE, {"readinessProbe": None}),
    "maxSurge 1, probe": (SURGE, PROBE | {"lifecycle": None}),
    "maxSurge 1, probe, preStop": (SURGE, PROBE | STOP),
}

# %%
from daemonset_course.lessons import container_patch


def roll(strategy, fields):
    """Roll echo with this strategy and these fields of its container."""
    spec = strategy | container_patch("echo", **fields)
    kubectl("patch daemonset echo --patch", json.dumps({"spec": spec}))
    return wait_rollout("echo")


# %%
from daemonset_course.lessons import longest_silence


def silence(number, strategy, fields):
    """The longest time in seconds without an answer on any node during such a rollout."""
    roll(QUICK, fields)
    env = {"env": [{"name": "RELEASE", "value": str(number)}]}
    return round(longest_silence("prober", "echo", lambda: roll(strategy, env)), 1)


# %%
@step("silence", needs=("exec", "logs", "probes"))
def silences():
    """The longest silence of an agent on any node, in seconds, in four rollouts"""
    apply("../manifests/max-surge/echo.yaml")
    wait_rollout("echo")
    wait_rollout("prober")
    ways = enumerate(WAYS.items(), start=1)
    return {way: silence(number, *how) for number, (way, how) in ways}


silences

# %%
kubectl("delete -f ../manifests/max-surge/echo.yaml --ignore-not-found")
None

# %%
silent.compare(silences.result["maxSurge 1, no probe"], source=silences.source)

# %% tags=["claim-C66"]
seconds = silences.result
down, unprobed, probed, paused = seconds.values()
assert down > 2
assert unprobed > 1.5
assert probed < unprobed
assert paused < unprobed / 2
proved("a probe makes the silence shorter, and preStop leaves less than half of it")

# %% [markdown]
# Without a probe a Pod is ready as soon as its process runs. The controller keeps its promise and
# deletes the Pod that answers in favour of one that does not yet: surge in name only. With a
# truthful probe a shorter silence is left: requests still go to the old Pod just as it stops. With the
# `preStop` pause as well it is less than half of the first one: the old Pod goes on answering until its
# node has heard that it leaves.
#
# ## What surge needs
#
# | need | else |
# |---|---|
# | no port of the node, named in the manifest or not | Pending or `CrashLoopBackOff`, as above |
# | nothing that one process alone may hold: a lock on a host path, a socket of a kubelet plugin | the new one fails, or disturbs the old one |
# | room for two on the node | Pending: `Insufficient cpu` (see below) |
# | a readiness probe that tells the truth | the old Pod goes before the new one serves |
#
# A program that opens its port with `SO_REUSEPORT`
# [can share it](https://github.com/kubernetes/enhancements/tree/master/keps/sig-apps/1591-daemonset-surge#workload-implications),
# but not if the manifest names a `hostPort`: the scheduler does not ask the program. Device drivers for
# [Dynamic Resource Allocation](https://pkg.go.dev/k8s.io/dynamic-resource-allocation/kubeletplugin)
# can be updated with surge: from 1.33 on a kubelet accepts two plugins of one name.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("surge-and-host-port")

# %% [markdown]
# Commit each answer before you run on.

# %%
q1 = predict(
    "check-room",
    "An agent requests 60 % of a node's CPU. Does a rollout with maxSurge: 1 finish?",
    choices=("yes", "no"),
)
q1

# %%
from daemonset_course.lessons import allocatable_cpu

cpu = allocatable_cpu(fleet.workers[0])
big = yaml.safe_load(text)
requests = {"cpu": f"{cpu * 6 // 10}m"}
big["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": requests}
big["spec"]["updateStrategy"]["rollingUpdate"] = {"maxUnavailable": 0, "maxSurge": 1}

# %%
kubectl("delete daemonset node-exporter agent --ignore-not-found")
apply(big)
wait_rollout("agent")
release(2)

# %%
lacks = try_rollout("agent", timeout=3)
q1.compare(not lacks)

# %%
print(*(line for line in lacks if "Insufficient cpu" in line))

# %%
assert lacks
proved("the rollout did not finish")

# %%
q2 = predict(
    "surge-check-zero",
    "Does the API server accept maxUnavailable: 10% with maxSurge: 0%?",
    choices=("yes", "no"),
)
q2

# %%
q2.compare(answer("10%", "0%") == "")

# %%
reset(workers=3)
None

# %% [markdown]
# ## Your turn
#
# RELEASE 2 of `agent` has been on its way since this morning, with `maxSurge: 1`. READY is 4 of 4, and
# nothing moves. Free the rollout, so that the next one does not hang either. No node may be without a
# ready agent, not for a moment. Nobody uses the agent's ports of the node any more: clients ask its Pods
# directly.

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
# Write the part of the DaemonSet that is to change, from `spec:` on, between the quotes, or use
# `kubectl`, in a cell (a line that begins with `%kubectl`) or in a terminal. To remove a field, give
# it the value `null`. `turn.hint()` gives one of three hints, `turn.solution()` a solution after you
# passed.

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
# - `maxUnavailable: 0` and `maxSurge: 1`: write both lines. One of the two is zero, the other not.
# - With surge the old Pod goes when the new one is available. A bad version costs no
#   node whose old Pod is ready.
# - Two Pods of an agent must be able to share a node: no `hostPort`, room for both.
# - A surge that hangs looks well: watch UP-TO-DATE, and give `rollout status` a `--timeout`.
