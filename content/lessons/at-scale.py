# %% [markdown]
# # At scale

# %%
from daemonset_course import apply, current, predict, proved, record, reset, show
from daemonset_course import wait_rollout
from daemonset_course.lessons import Creation, Creations, Rate, creation, release, try_rollout

# %%
fleet = reset(workers=100)
print(f"{len(fleet.workers)} workers")

# %% [markdown]
# A hundred workers, most or all simulated by a program named kwok. A thousand take long, so they
# were run once. What comes from that run says *recorded*.

# %%
import json
from pathlib import Path

file = json.loads(Path("../recordings/scale.json").read_text())
runs = {run["nodes"]: run for run in file["runs"]}
print(f"recorded on {file['date']}, Kubernetes {file['kubernetes']}, nodes: {list(runs)}")

# %% [markdown]
# ## The claim
#
# > A DaemonSet scales with the cluster. On 100 nodes an update with the default `maxUnavailable: 1`
# > takes too long; `"10%"` speeds it up.
#
# ## The controller's request limit
#
# To create a Pod is one request to the API server. The controller may send a few requests at once, and
# then so many a second. The two numbers are flags of kube-controller-manager, `--kube-api-burst` and
# `--kube-api-qps`. The course leaves both at Kubernetes' defaults:

# %%
settings = current().settings
rate = Rate(settings.controller_requests_per_second, settings.controller_burst_requests)
rate

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
last.compare(found.created[-1])

# %%
thousand = Creation(runs[1000]["created"], runs[1000]["ready"])
show(Creations(found, rate, recorded=thousand, predicted=last.answer))

# %%
assert len(found.created) == 100
assert found.created[-1] > 0.8 * rate.takes(100)
assert 0.8 < thousand.rate(rate) / rate.qps < 1.1, "recorded: as many a second as it may send"
lags = [thousand.ready[i] - thousand.created[i] for i in (0, -1)]
assert lags[1] < 2 * lags[0], "recorded: the last Pod waited hardly longer than the first"
proved("100 Pods took the time of 100 requests; in the recording each was ready soon after")

# %% [markdown]
# The wide band is what the two numbers allow, and *created* runs along it, on a busy machine below it.
# Scheduler and kubelets have time enough: in the recording *ready* does not fall behind.
#
# ## Why
#
# Each request of the controller waits for its turn
# ([`tokenBucketRateLimiter` in client-go's `util/flowcontrol/throttle.go`](https://github.com/kubernetes/client-go/blob/v0.37.1/util/flowcontrol/throttle.go)).
# All DaemonSets share this limit, because their controller has one client
# ([`newDaemonSetController` in `cmd/kube-controller-manager/app/apps.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/cmd/kube-controller-manager/app/apps.go)).
# Two other rules matter less: it creates one Pod, then two, four, eight …, and at most 250 in one go
# ([`syncNodes` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
#
# ## A new version for a hundred nodes
#
# In lesson [rolling-update] a rollout took its rounds: N nodes with a budget of k take N/k rounds,
# each as long as one restart. First measure the restart of one node.

# %%
with record("agent") as one:
    # %kubectl delete pod -l app=agent --field-selector spec.nodeName={fleet.workers[0]}
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.2f} s")

# %%
rolled = predict(
    "rolled",
    "A rollout over 100 nodes has maxUnavailable: 10%. One node takes as long as just measured. "
    "The controller keeps to the request limit shown above. How long will the rollout take?",
    unit="s",
)
rolled

# %%
with record("agent", live=True, predicted=rolled) as rollout:
    release(2)
    wait_rollout("agent")
rollout.plot()

# %%
facts = rollout.rollouts[-1]
print(f"ten rounds: {10 * restart:.1f} s; two requests a node: {rate.takes(2 * 100):.1f} s")
rolled.compare(facts.duration)

# %%
assert facts.updated == 100
assert facts.duration > 0.8 * rate.takes(2 * 100)
proved("all 100 nodes are updated, no sooner than the limit allows for two requests a node")

# %% [markdown]
# Each node costs two requests, a delete and a create. A rollout takes at least as long as its rounds,
# and at least as long as its requests. With `10%` there are ten rounds, however large the fleet; the
# requests grow with the nodes.
#
# ## One node at a time
#
# Roll once more with a budget of 1, and wait as long as the rollout with `10%` took. Then raise the
# budget while the rollout runs.

# %%
alone = predict(
    "one-by-one",
    "A rollout with 10% took as long as just measured. "
    "How many of the 100 nodes does a rollout with maxUnavailable: 1 update in the same time?",
    unit="nodes",
)
alone

# %%
from daemonset_course.lessons import set_budget

set_budget(1)
with record("agent", live=True) as single:
    release(3)
    try_rollout("agent", timeout=facts.duration)
    single.mark("budget raised")
    set_budget("10%")
    wait_rollout("agent")

# %%
raised = next(mark.t for mark in single.timeline.marks if mark.text == "budget raised")
done = single.timeline.updated.at(raised)
alone.compare(done)

# %%
roll = single.rollouts[-1]
slow, quick = (raised - roll.start) / done, (roll.end - raised) / (100 - done)
print(f"measured: with 1 each node took {slow:.2f} s, with 10% {quick:.2f} s")

# %% tags=["claim-C63", "claim-C85", "claim-C86"]
down = single.timeline.unavailable
several = [down.longest(1, *span) for span in ((roll.start, raised), (raised, roll.end))]
assert (roll.budget, roll.last_budget) == (1, 10)
assert done < 50, "in the time in which 10% updated all"
assert slow > 2 * quick
assert several[0] < several[1], "one at a time, but for moments; then several"
proved("one at a time was less than half as quick; the larger budget had several nodes down")

# %% [markdown]
# A budget can be raised while a rollout goes well, and lowered when it does not.
#
# ### The mistake people make
#
# "A larger budget always makes it faster." On 1,000 nodes someone sets `50%` in place of `10%`.

# %%
gain = predict(
    "gain",
    "On 1,000 nodes maxUnavailable is 50% in place of 10%. How long does the rollout take, "
    "compared with 10%?",
    choices=("half as long", "nearly as long"),
)
gain

# %%
tenth, half = (runs[1000]["rollouts"][share] for share in ("10", "50"))
print(f"recorded: 10% took {tenth:.0f} s, 50% took {half:.0f} s")
answer = "nearly as long" if half > 0.75 * tenth else "half as long"
gain.compare(answer, source="recording")

# %%
from daemonset_course.lessons import Length, LengthsByNodes

lengths = [Length(100, 10, facts.duration)]
for nodes, run in runs.items():
    for share, length in run["rollouts"].items():
        lengths.append(Length(nodes, int(share), length, recorded=True))
show(LengthsByNodes(lengths, restart=restart, rate=rate))

# %%
assert half > 0.75 * tenth, "recorded"
assert tenth > 0.8 * rate.takes(2 * 1000), "recorded"
proved("in the recording, 50% saved less than a quarter of the time")

# %% [markdown]
# Where the dashed line `10%: 10 rounds` meets the dotted line of the requests, the limit changes. On
# fewer nodes a larger budget helps. On more nodes 50% only takes five times as many nodes down. The
# next picture shows 100 nodes over time; its dashed line is the rounds or the requests, whichever take
# longer.

# %%
from daemonset_course.lessons import recorded_rollouts, rollout_progress, small_multiples

rolls = recorded_rollouts(file, restart=restart, rate=rate)
rolls["now: 10 %"] = rollout_progress(rollout.timeline, share=10, restart=restart, rate=rate)
small_multiples(rolls)

# %% [markdown]
# Choose the budget by how many nodes you can spare, and the request rate by how long you can wait.
# Whoever runs the control plane sets the rate.
#
# ## Nodes of many sizes
#
# A large fleet has machines of many sizes, and a DaemonSet has one template: the same request for
# each. Three nodes join. They are simulated, so `kubectl patch` may say what they can give.

# %%
from daemonset_course import add_node, kubectl, wait_settled

sizes = {"large": "48", "small": "4", "tiny": "940m"}
mixed = {size: add_node(pool="mixed", size=size)[0] for size in sizes}
for size, cpu in sizes.items():
    room = {"status": {"capacity": {"cpu": cpu}, "allocatable": {"cpu": cpu}}}
    kubectl(f"patch node {mixed[size]} --subresource=status -p", json.dumps(room))
columns = "SIZE:.metadata.labels.size,CPU:.status.allocatable.cpu"
# %kubectl get nodes -l pool=mixed -o custom-columns={columns}

# %%
one_size = predict(
    "one-request",
    "collector needs 1 CPU on a node that can give 48 CPUs, 100m where a node can give 4, and 50m "
    "where it can give 940m. One DaemonSet is to run on all three and to reserve what the agent needs. "
    "Which request does that?",
    choices=("1 CPU", "100m", "50m", "none of them"),
)
one_size

# %% [markdown]
# First, one DaemonSet requests what the largest node needs. Then three DaemonSets follow, each with
# a `nodeSelector` for one size and with the request for it.

# %%
# %kubectl delete daemonset agent
with record("collector", live=True) as alone:
    # %kubectl apply -f ../manifests/at-scale/collector.yaml
    print(wait_settled("app=collector", pods=3))
# %kubectl get daemonset collector

# %%
from daemonset_course.lessons import node_shares

# %kubectl delete daemonset collector --cascade=foreground
with record("collector-large") as sized:
    # %kubectl apply -f ../manifests/at-scale/sized.yaml
    wait_settled("app=collector", pods=3)
runs_of = {"one DaemonSet": alone.history, "a DaemonSet for each size": sized.history}
found = node_shares(runs_of, [*mixed.values()], "collector")
each = found.shares["a DaemonSet for each size"].values()
good = [a for a in each if all(b.requested <= a.requested <= b.allocatable for b in each)]
one_size.compare(f"{good[0].requested:.0f}m" if good else "none of them", source="rule")
show(found, title=f"{found.headline}. {one_size.said}")

# %%
assert [share.bound for share in found.shares["one DaemonSet"].values()] == [True, True, False]
assert all(share.bound and share.percent < 6 for share in each)
proved("a request of 1 CPU does not fit on the smallest node; a request for each size does")

# %% [markdown]
# 1 CPU is 2% of the largest node and more than the smallest one has: there the Pod is Pending. A
# request of 50m fits everywhere and reserves a twentieth of what the agent needs on the largest
# node.
#
# - **One DaemonSet for each size**, by `nodeSelector` or node affinity, for example on
#   `node.kubernetes.io/instance-type`. The mistake: a new size that no DaemonSet names gets no
#   agent, and no event says so. One of them should take "all others", with `NotIn` (lesson
#   [node-affinity]).
# - A **VerticalPodAutoscaler** works out one request for all Pods of its target. One for each size
#   of node is a proposal ([#10031](https://github.com/kubernetes/autoscaler/issues/10031)).
# - A Pod can be
#   [resized in place](https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/).
#   The Pod that replaces it has the template's request again.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause.

# %%
from daemonset_course.lessons import symptom

symptom("all-nodes-at-once")

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
# - One node at a time takes too long; a percentage grows with the fleet.
# - A rollout takes its rounds or its requests, whichever is longer. Past that point a larger budget
#   only takes more nodes down.
# - One request does not fit nodes of many sizes: one DaemonSet for each size, and one for all
#   others.
