# %% [markdown]
# # At scale

# %%
from daemonset_course import add_node, apply, current, kubectl, predict, proved, record, reset
from daemonset_course import show, wait_rollout
from daemonset_course.lessons import Creation, Creations, Length, LengthsByNodes, Rate, creation

# %%
fleet = reset(workers=100)
print(f"{len(fleet.workers)} workers")

# %%
assert len(fleet.workers) == 100
proved("a hundred workers are ready")

# %% [markdown]
# A hundred workers, most or all of them simulated (by a program named kwok); later there will be
# twice as many. A thousand take longer than you want to wait, and more memory, so they were run once
# and written down. What comes from that file says *recorded*.

# %%
import json
from pathlib import Path

file = json.loads(Path("../recordings/scale.json").read_text())
runs = {run["nodes"]: run for run in file["runs"]}
print(f"recorded on {file['date']}, {file['backend']}, Kubernetes {file['kubernetes']}")
for nodes, run in runs.items():
    print(f"recorded: {nodes:>4} nodes, control plane and kwok {run['memory (MiB)']:>4} MiB")

# %% [markdown]
# ## The claim
#
# > A DaemonSet scales with the cluster. On large clusters one node at a time takes too long; a
# > percentage as `maxUnavailable` speeds the rollout up.
#
# Both are true as far as they go. On a few nodes you waited for single Pods to stop and to start.
# On many nodes you wait for something else.

# %%
print(Path("../manifests/at-scale/agent.yaml").read_text())

# %% [markdown]
# ## A limit that the controller sets itself
#
# To create a Pod is one request to the API server, to delete it another; status updates and events are
# requests too, but few. The controller may send a few at once, and then so many a second. The two
# numbers are flags of kube-controller-manager, `--kube-api-burst` and `--kube-api-qps`. The course
# leaves both at Kubernetes' defaults:

# %%
settings = current().settings
rate = Rate(settings.controller_requests_per_second, settings.controller_burst_requests)
rate

# %% [markdown]
# On a cluster of your own, look for the flags where the controller manager is started: on a kubeadm
# cluster that is its static Pod in `kube-system`. If they are not there, the defaults hold.
#
# ## A hundred Pods
#
# The agent comes to a hundred nodes that have none. You have all you need.

# %%
last = predict(
    "scale-created",
    "An agent is applied to 100 nodes. To create a Pod is one request, and the controller keeps to "
    "the request limit shown above. How long after that is the last Pod created?",
    unit="s",
)
last

# %%
with record("agent", live=True) as first:
    apply("../manifests/at-scale/agent.yaml")
    wait_rollout("agent")
found = creation(first.timeline)
thousand = Creation(runs[1000]["created"], runs[1000]["ready"])
show(Creations(found, rate, recorded=thousand))

# %%
print(f"{len(found.created)} requests at this rate: {rate.takes(len(found.created)):.1f} s")
last.compare(found.created[-1])

# %%
assert len(found.created) == 100
assert found.created[-1] > 0.8 * rate.takes(100)
assert 0.8 < thousand.rate(rate) / rate.qps < 1.1, "recorded: as many a second as it may send"
lags = [thousand.ready[i] - thousand.created[i] for i in (0, -1)]
assert lags[1] < 2 * lags[0], "recorded: the last Pod waited hardly longer than the first"
proved("100 Pods took the time of 100 requests; in the recording each was ready soon after")

# %% [markdown]
# The wide band is what the two numbers allow; the line of the Pods created runs along it, on a busy
# machine below it. Scheduler and kubelets have time enough: in the recording *ready* does not fall
# behind *created*.
#
# ## Why
#
# Three rules hold creation back
# ([`syncNodes` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
#
# 1. **Slow start.** It creates one Pod, then two, four, eight …, and stops after a batch in which
#    one failed.
# 2. **Burst.** It creates and deletes at most 250 Pods of a DaemonSet in one go, then looks again.
# 3. **Client.** Each request waits for its turn
#    ([`tokenBucketRateLimiter` in client-go's `util/flowcontrol/throttle.go`](https://github.com/kubernetes/client-go/blob/v0.37.1/util/flowcontrol/throttle.go)).
#
# The first is over in a moment, the second is seldom met. The third stays, and *all* DaemonSets
# share it, for the controller has one client
# ([`newDaemonSetController` in `cmd/kube-controller-manager/app/apps.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/cmd/kube-controller-manager/app/apps.go)).
# Now two agents come to the hundred nodes at once.

# %%
together = predict(
    "together",
    "Two agents are applied to the same 100 nodes at the same time, with the request limit shown "
    "above. How long after that is the last of their Pods created?",
    unit="s",
)
together

# %%
text = Path("../manifests/at-scale/agent.yaml").read_text()
kubectl("delete daemonset left right --ignore-not-found --cascade=foreground")
with record("left", live=True) as left, record("right") as right:
    for name in ("left", "right"):
        apply(text.replace("agent", name))
    for name in ("left", "right"):
        wait_rollout(name)

# %%
lasts = [creation(run.timeline).created[-1] for run in (left, right)]
print(f"measured: the last Pods after {lasts[0]:.1f} s and {lasts[1]:.1f} s")
print(f"200 requests at this rate: {rate.takes(200):.1f} s")
together.compare(max(lasts))

# %%
assert max(lasts) > 0.8 * rate.takes(200) > rate.takes(100)
proved("the last Pod came no sooner than the limit allows for the Pods of both")

# %%
kubectl("delete daemonset left right --ignore-not-found")
None

# %% [markdown]
# As long as one agent on two hundred nodes. That the controller looks at two DaemonSets side by side
# (`--concurrent-daemonset-syncs`, 2 by default) does not help.
#
# The first rule can be seen where Pods are refused. The namespace `tight` has a quota of two Pods. We
# apply the agent there, for the same hundred nodes.

# %%
refusals = predict(
    "refused",
    "A namespace has a quota of two Pods, and an agent is applied there for 100 nodes. How many "
    "Pods will the API server have refused when the controller has looked at all nodes once?",
    choices=("a few", "98"),
)
refusals


# %%
def refused():
    """How many Pods the API server has refused to create since it started."""
    wanted = ('resource="pods"', 'verb="POST"', 'code="403"')
    lines = kubectl("get --raw /metrics").splitlines()
    mine = [line for line in lines if line.startswith("apiserver_request_total{")]
    return sum(float(m.split()[-1]) for m in mine if all(word in m for word in wanted))


# %%
apply("../manifests/at-scale/tight.yaml")
kubectl("-n tight wait --for=jsonpath={.status.hard.pods}=2 quota/two-pods --timeout=30s")
before = refused()
apply("../manifests/at-scale/agent.yaml", namespace="tight")
kubectl("-n tight wait --for=jsonpath={.status.currentNumberScheduled}=2 daemonset/agent")
count = int(refused() - before)
kubectl("-n tight delete daemonset agent --ignore-not-found")

# %%
print(f"measured: {count} Pods refused")
refusals.compare("a few" if count < 98 / 2 else "98")

# %%
assert 0 < count < 25
proved("the API server refused fewer than 25 Pods")

# %% [markdown]
# A few, and not 98. The first Pod was created, of the next two one was refused, and there the
# batch of four did not begin. A template that is refused costs a few requests, not one for each node.
# The controller tries again, one Pod at a time and ever more seldom.
#
# ## A new version for a hundred nodes
#
# Lesson [rolling-update] had a model: rounds times restart, where all restarts take as long. First
# the restart of one node, by hand.

# %%
with record("agent", live=True) as one:
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={fleet.workers[0]}")
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.2f} s")

# %% [markdown]
# The budget is `10%`: ten rounds of ten nodes.

# %%
rolled = predict(
    "rolled",
    "A rollout over 100 nodes has maxUnavailable: 10%. One node takes as long as just measured. "
    "The controller keeps to the request limit shown above. How long will the rollout take?",
    unit="s",
)
rolled

# %%
with record("agent", live=True) as rollout:
    kubectl("set env daemonset/agent RELEASE=2") or kubectl("rollout restart daemonset/agent")
    wait_rollout("agent")
facts = rollout.rollouts[-1]
rolled.compare(facts.duration)

# %%
print(f"requests at this rate: {rate.takes(2 * 100):.1f} s")
print(f"measured: ten rounds {10 * restart:.1f} s; the rollout {facts.duration:.1f} s")

# %%
assert facts.updated == 100
assert facts.duration > 0.8 * rate.takes(2 * 100)
proved("all 100 nodes are updated, no sooner than the limit allows for two requests a node")

# %% [markdown]
# Each node costs two requests, a delete and a create. The rollout takes at least as long as its
# rounds, and at least as long as its requests. With `10%` there are never more than ten rounds, however
# large the fleet; the requests grow with the nodes.
#
# And one node at a time? We give it as long as `10%` took, and look how many nodes are done by then.

# %%
from contextlib import suppress

from daemonset_course import NotFinished
from daemonset_course.lessons import set_budget

set_budget(1)
with record("agent", live=True) as single:
    kubectl("rollout restart daemonset/agent")
    with suppress(NotFinished):
        wait_rollout("agent", timeout=facts.duration)
set_budget("50%")
wait_rollout("agent")

# %%
print(f"measured: {single.rollouts[-1].updated} of 100 nodes, one by one, when 10% had done all")

# %% tags=["claim-C63"]
assert single.rollouts[-1].updated < 60
proved("in that time, one node at a time updated fewer than 60 of the 100")

# %% [markdown]
# More than forty nodes still ran the old version. A budget may be raised while a rollout runs: that is
# how this one ended.
#
# Now a thousand nodes, with `50%` in place of `10%`.

# %%
gain = predict(
    "gain",
    "On 1,000 nodes maxUnavailable is 50% in place of 10%. How long does the rollout take, "
    "compared with 10%?",
    choices=("half as long", "nearly as long"),
)
gain

# %%
lengths = [Length(100, 10, facts.duration)]
for nodes, run in runs.items():
    for share, length in run["rollouts"].items():
        lengths.append(Length(nodes, int(share), length, recorded=True))
show(LengthsByNodes(lengths, restart=restart, rate=rate))

# %% [markdown]
# Where the dashed line `10%: 10 rounds` meets the dotted line `two requests a node`, the limit changes:
# on fewer nodes the rounds set the length and a larger budget helps; on more nodes the requests do.

# %%
tenth, half = (runs[1000]["rollouts"][share] for share in ("10", "50"))
print(f"recorded: 10% took {tenth:.0f} s, 50% took {half:.0f} s")
print(f"requests at this rate: {rate.takes(2 * 1000):.0f} s")
answer = "nearly as long" if half > 0.75 * tenth else "half as long"
gain.compare(answer, source="recording")

# %%
assert half > 0.75 * tenth, "recorded"
proved("in the recording, 50% saved less than a quarter of the time")

# %%
from daemonset_course.lessons import crossover_nodes

turn = crossover_nodes(restart=restart, rate=rate)
print(f"measured: they meet at about {turn} nodes")

# %% [markdown]
# Each rollout below has a row of its own on one time axis. The dashed line is the model: the rounds
# or the requests, whichever take longer. What was not measured now comes from the file.

# %%
from daemonset_course.lessons import recorded_rollouts, rollout_progress, small_multiples

rolls = recorded_rollouts(file, restart=restart, rate=rate)
rolls["now: 10 %"] = rollout_progress(rollout.timeline, share=10, restart=restart, rate=rate)
small_multiples(rolls)

# %% [markdown]
# Nearly as long, for five times as many nodes that may be down. On a large fleet choose the budget
# by how many nodes you can spare, and the request rate by how long you can wait. The rate is the
# business of whoever runs the control plane.
#
# ## The mistake people make
#
# An autoscaler adds a hundred nodes. The script that asked for them waits until every node is
# Ready, and assumes that each has its agent. A hundred Pods are a hundred requests.

# %%
joined = predict(
    "joined",
    "100 nodes join a cluster that runs an agent on each node. How long after the first of them "
    "has joined does the last of them have its agent?",
    unit="s",
)
joined

# %%
from daemonset_course.lessons import counts

with record("agent", live=True) as growth:
    add_node(count=100)
    counted = f"jsonpath={{.status.desiredNumberScheduled}}={len(current().workers())}"
    kubectl(f"wait --for={counted} daemonset/agent --timeout=120s", timeout=130)
    wait_rollout("agent")
show(counts(growth.history))

# %%
numbers = counts(growth.history)
joined.compare(numbers.behind)

# %%
from daemonset_course.lessons import last_node_ready

then = numbers.ready.at(last_node_ready(growth.history))
most = numbers.desired.max()
print(f"measured: when the last node was Ready, {then} of {most} had their agent")

# %%
assert most == len(current().workers()) == 200
assert numbers.behind > 0.8 * rate.takes(2 * 100)
proved("all 200 workers are desired; the last agent came no sooner than two requests a node allow")

# %% [markdown]
# Node by node: etcd numbers all changes in one sequence, as `resourceVersion`. Which came first, the
# node's Ready or its Pod's?

# %%
from daemonset_course.lessons import is_ready, node_of


def first_ready(resource, node_of):
    """For each node the number of the change that made it, or its Pod, Ready."""
    found = {}
    for change in growth.history.changes(resource, is_ready):
        version = int(change.object["metadata"]["resourceVersion"])
        found.setdefault(node_of(change.object), version)
    return found


# %%
nodes = first_ready("nodes", lambda node: node["metadata"]["name"])
pods = first_ready("pods", node_of)
new = set(current().workers()) - set(fleet.workers)
nodes_first = [name for name in new if nodes[name] < pods[name]]
print(f"the node first: {len(nodes_first)} of {len(new)}")

# %%
assert len(new) == 100
assert set(nodes_first) == new
proved("each of the 100 nodes was Ready before its Pod was")

# %% [markdown]
# It took the time of two requests a node, or more, though only one Pod a node was created. Another
# controller sets the pace here; its client has the same limit. A new node carries the taint
# `not-ready` (lesson [one-pod-per-node]). When its kubelet says Ready, the node controller reads the
# node and writes it without the taint ([`RemoveTaintOffNode` in
# `pkg/controller/controller_utils.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/controller_utils.go)):
# two requests. Only then is the node eligible, and DESIRED counts it.
#
# So *Ready* says that the kubelet is well, and nothing about agents. And once the taint is gone,
# every waiting Pod may go there, beside the agent or before it. If Pods must not run without a log
# collector or a volume driver, let nodes join with a taint of yours that only the agent tolerates,
# and takes off when it is ready.
#
# An autoscaler should know the agents for another reason: what they request is missing on every new
# node. The cluster autoscaler
# ([`GetDaemonSetPodsForNode` in `cluster-autoscaler/utils/daemonset/daemonset.go`](https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.33.0/cluster-autoscaler/utils/daemonset/daemonset.go))
# and Karpenter ([#731](https://github.com/kubernetes-sigs/karpenter/issues/731)) count in the
# DaemonSets that exist when they plan a node and that would run on it.
#
# ## What it costs the control plane
#
# Every Pod is an object to store, every node a kubelet that watches. The API server tells how much
# memory it holds:

# %%
metrics = kubectl("get --raw /metrics").splitlines()
value = next(m.split()[1] for m in metrics if m.startswith("process_resident_memory_bytes"))
print(f"measured: the API server holds {float(value) / 2**20:.0f} MiB at 200 nodes")

# %% [markdown]
# ## Since when
#
# The controller has changed much for large fleets. Which version you run matters:
#
# - **1.32**: `--concurrent-daemonset-syncs`, how many DaemonSets it looks at side by side
#   ([#128442](https://github.com/kubernetes/kubernetes/issues/128442)).
# - **1.33**: changes of nodes wait in a queue of their own, in which a node stands once however often
#   it changed; before, they piled up, and the Pods of new nodes came late
#   ([#130514](https://github.com/kubernetes/kubernetes/issues/130514)). Its first patches could count a
#   new node's Pod as misscheduled and leave it at that
#   ([#132459](https://github.com/kubernetes/kubernetes/issues/132459)).
# - **1.36**: it waits until its cache has seen its own writes, so that it does not create a Pod twice
#   ([#134937](https://github.com/kubernetes/kubernetes/issues/134937)).
# - **1.37**: it reads the template's tolerations and node affinity once per look at a DaemonSet, not
#   once per node. Which nodes get a Pod is decided as before
#   ([`nodeShouldRunDaemonPod` in `daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
#
# Whether the controller manager here waits for its cache, as from 1.36 on, can be asked: there is a
# feature gate for it, and a count of how often it put off a look at a DaemonSet. 1.35 has neither.

# %%
own = current().backend.metrics("kube-controller-manager").splitlines()
gate = any('"StaleControllerConsistencyDaemonSet"' in line for line in own)
skips = [line for line in own if line.startswith("daemonset_controller_stale_sync_skips_total")]
print(f"gate: {gate}")
print(f"measured: {sum(float(line.split()[-1]) for line in skips):.0f} looks put off")

# %%
minor = int(json.loads(kubectl("version -o json"))["serverVersion"]["minor"])
assert gate == (minor >= 36)
assert gate or not skips
proved("the gate is there from Kubernetes 1.36 on, and without it there is no count")

# %% [markdown]
# ## Check yourself
#
# Three questions. Commit each answer before you run on.

# %%
q1 = predict(
    "check-5000",
    "An agent is applied to 5,000 nodes, with the request limit shown above. "
    "How long after that is its last Pod created?",
    unit="s",
)
q1

# %%
q1.compare(rate.takes(5000), source="rule")

# %%
q2 = predict(
    "check-new",
    "100 nodes joined, and a node takes two requests. How many Pods of the agent were created?",
    unit="Pods",
)
q2

# %%
old = {s.pod for s in growth.timeline.segments if s.node in fleet.workers}
q2.compare(len({s.pod for s in growth.timeline.segments} - old), within=0)

# %%
q3 = predict(
    "check-small",
    "A rollout over 20 nodes has maxUnavailable: 10%. "
    "What takes longer and so sets its length: the rounds or the requests?",
    choices=("rounds", "requests"),
)
q3

# %%
answer = "rounds" if 10 * restart > rate.takes(2 * 20) else "requests"
q3.compare(answer, source="rule")

# %% [markdown]
# ## Your turn
#
# The DaemonSet `agent` will be shipped to 5,000 nodes. None of them is here: on the small cluster it
# runs nowhere, and you only write its budget. An agent takes 20 s to stop and 40 s to be ready again;
# both are in its template. 50 of the nodes are dead for the whole rollout, and stay in the cluster; each
# of them still has a Pod. Choose a `maxUnavailable`, as a number or as a percentage of the 5,000, so that
#
# - a rollout to all the other nodes takes an hour at most;
# - at every moment at most 150 of the 5,000 nodes are without an available agent.
#
# The check works out both from your manifest, by rounds and requests as above. Everything but the update
# strategy stays as it is. The agent needs its port of the node, so it cannot surge.

# %%
from daemonset_course.lessons import exercise

turn = exercise("at-scale")
turn.start()

# %%
# %kubectl get daemonset agent -o yaml

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
# - On a few hundred nodes and more, the controller's request rate sets the pace, for creating Pods
#   and, twice over, for replacing them.
# - A rollout takes its rounds or its requests, whichever is longer. Past that point a larger budget
#   only takes more nodes down.
# - A node that is Ready may have no agent yet. If that matters, keep others off with a startup
#   taint.
