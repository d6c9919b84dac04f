# %% [markdown]
# # How scheduling works

# %%
from daemonset_course import add_node, apply, current, kubectl, label, predict, proved, record
from daemonset_course import reset, show, taint, wait_rollout
from daemonset_course.lessons import nodes_with, renamed, start_component, startup, stop_component

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > The DaemonSet controller works differently from the scheduler. It watches nodes being added,
# > removed and relabelled. For each eligible node it checks whether a matching Pod exists; it
# > creates the missing ones and deletes those on ineligible nodes. It sets `.spec.nodeName`, which
# > bypasses the scheduler. But since Kubernetes 1.12 DaemonSets use the default scheduler (feature
# > gate `ScheduleDaemonSetPods`, on by default), so their Pods go through the normal pipeline and
# > respect node affinity, taints and tolerations.
#
# It bypasses the scheduler, and it uses the scheduler: both cannot be. We look at Pods in their first
# moment.

# %%
from pathlib import Path

import yaml

manifest = Path("../manifests/how-scheduling-works/agent.yaml").read_text()
agent = yaml.safe_load(manifest)
print(manifest)

# %% [markdown]
# ## Who writes the node's name?
#
# A Pod belongs to a node when its `spec.nodeName` is the name of this node.

# %%
writer = predict(
    "writer",
    "A new Pod of a DaemonSet has no node yet. Who writes the name of its node into spec.nodeName: "
    "the DaemonSet controller, the scheduler, or the kubelet?",
    choices=("controller", "scheduler", "kubelet"),
)
writer

# %%
kubectl("delete daemonset agent --ignore-not-found --cascade=foreground")  # of an earlier run
with record("agent", live=True) as first:
    apply(manifest)
    wait_rollout("agent")
show(startup(first.history))

# %% [markdown]
# The moment when `spec.nodeName` is written is called *binding*. It leaves an event, which names the
# component that did it.


# %%
def bound_by():
    """For each Pod that was bound, the component that the event names."""
    fields = "{range .items[*]}{.involvedObject.name} {.reportingComponent}{'\\n'}{end}"
    events = kubectl("get events --field-selector reason=Scheduled -o", f"jsonpath={fields}")
    return dict(line.split() for line in events.splitlines())


# %%
pods = kubectl("get pods -l app=agent -o jsonpath={.items[*].metadata.name}").split()
components = bound_by()
[binder] = {components[pod] for pod in pods}
print(binder)
writer.compare(binder.removeprefix("default-"))

# %% tags=["claim-C19", "claim-C24"]
assert binder == "default-scheduler"
assert all(life.created <= life.bound <= life.ready for life in startup(first.history).new)
proved("one component bound all three Pods, each after its creation and before it was ready")

# %% [markdown]
# The picture above has three lanes, in the order of the work, with one row for each Pod. The diamond is
# the moment when the controller created the Pod, the dot when the scheduler bound it, and the bar below
# is the kubelet's work. And this is the affinity that a Pod had at the diamond.


# %%
def births(run):
    """The spec of each Pod as it was created."""
    new = [c for c in run.history.changes("pods") if c.type == "ADDED" and c.via == "watch"]
    return [change.object["spec"] for change in new]


# %%
born = births(first)
print(yaml.safe_dump(born[0]["affinity"]))

# %% tags=["claim-C24", "claim-C26"]
pinned_to = set()
for spec in born:
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    [[pin]] = [term["matchFields"] for term in required["nodeSelectorTerms"]]
    assert "nodeName" not in spec
    assert pin["key"] == "metadata.name"
    assert "quarantine" not in str(required)
    pinned_to |= set(pin["values"])
assert pinned_to == set(fleet.workers)
proved(
    "no Pod was created with nodeName; each requires one worker by its name, and each another one"
)

# %% [markdown]
# There was no `nodeName`. The controller did choose the node: in place of the template's required
# terms, about Linux and quarantine, it wrote one that only this node can match.
#
# So the controller neither sets `nodeName` nor bypasses the scheduler; it did before Kubernetes
# 1.12. It *pins*, the scheduler *binds*, the kubelet *runs*.
#
# ### Why
#
# [`ReplaceDaemonSetPodNodeNameNodeAffinity` in `pkg/controller/daemon/util/daemonset_util.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)
# writes the pin. The reason for the change
# ([KEP-548](https://github.com/kubernetes/enhancements/tree/master/keps/sig-scheduling/548-schedule-daemonset-pods)):
# one component decides about room, priority and preemption; the controller has no code of its own for
# these any more.
#
# ### The feature gate
#
# `ScheduleDaemonSetPods` was the switch between the two ways. The API server's metrics list every
# gate that it knows.

# %%
metrics = kubectl("get --raw /metrics").splitlines()
gates = [line for line in metrics if line.startswith("kubernetes_feature_enabled{")]
named = [line for line in gates if "ScheduleDaemonSetPods" in line]
print(f"{len(gates)} feature gates; ScheduleDaemonSetPods among them: {bool(named)}")

# %% tags=["claim-C25"]
assert len(gates) > 50
assert named == []
proved("the API server knows more than 50 feature gates, and none of this name")

# %% [markdown]
# There is nothing to switch any more: the gate is among the
# [removed ones](https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/).
# A component that is started with it ends at once: `unrecognized feature gate: ScheduleDaemonSetPods`
# ([`feature_gate.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/staging/src/k8s.io/component-base/featuregate/feature_gate.go)).
#
# ## Without the scheduler
#
# We stop the scheduler and delete one of the three Pods.

# %%
ready = predict(
    "ready",
    "The agent has three Pods. The scheduler is stopped, and one of the three Pods is deleted. "
    "How many Pods of the agent will be ready while the scheduler is away?",
    unit="Pods",
)
ready

# %%
COLUMNS = "custom-columns=DESIRED:.status.desiredNumberScheduled"
COLUMNS += ",CURRENT:.status.currentNumberScheduled,READY:.status.numberReady"

# %%
with record("agent", live=True) as without:
    without.mark(stop_component("kube-scheduler"))
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={fleet.workers[0]}")
    unbound = "pod -l app=agent --field-selector spec.nodeName="
    kubectl(f"wait --for=create {unbound} --timeout=30s")
    kubectl("wait --for=jsonpath={.status.numberUnavailable} daemonset/agent --timeout=30s")
    status = kubectl(f"get daemonset agent -o {COLUMNS}")
    waiting = kubectl(f"get {unbound} -o yaml")
    without.mark(start_component("kube-scheduler"))
    wait_rollout("agent")
show(startup(without.history))

# %%
print(status)
waits = yaml.safe_load(waiting)["items"]
print(waits[0]["status"])

# %%
counts = dict(zip(*(line.split() for line in status.splitlines()), strict=False))
ready.compare(int(counts["READY"]), within=0)

# %% tags=["claim-C19", "claim-C26"]
assert (counts["DESIRED"], counts["CURRENT"], counts["READY"]) == ("3", "3", "2")
assert "conditions" not in waits[0]["status"]
proved("DESIRED and CURRENT were 3 and READY 2; the new Pod had no condition")

# %% [markdown]
# The controller created the Pod; CURRENT counts it. It was Pending, without a condition that gives the
# reason: no scheduler had handled it. The other two ran on, since a running Pod needs no scheduler. And
# as soon as the scheduler was back, it bound the Pod.
#
# Look at the gap on the first node: the controller waited until the old Pod had *ended*. While it is
# terminating it still counts as there.

# %% tags=["claim-C22"]
lives = startup(without.history)
[new] = lives.new
[old] = [life for life in lives.lives if life.gone is not None]
assert old.node == new.node == fleet.workers[0]
assert old.stopping < old.gone < new.created + 1, "ended, as a kubelet says just before"
proved("the new Pod was created on the same node, and not before the old one had ended")

# %% [markdown]
# ## Without the controller
#
# The DaemonSet controller is a part of `kube-controller-manager`. We stop that one, and delete the
# same node's Pod.

# %%
says_ready = predict(
    "says-ready",
    "The agent has three Pods. kube-controller-manager is stopped, and one of the three Pods is "
    "deleted. What does READY in the DaemonSet's status say while the controller is away?",
    unit="Pods",
)
says_ready

# %%
from contextlib import suppress

from daemonset_course import CommandFailed

there = f"pod -l app=agent --field-selector spec.nodeName={fleet.workers[0]}"

# %%
with record("agent", live=True, predicted={"READY": says_ready}) as headless:
    headless.mark(stop_component("kube-controller-manager"))
    kubectl(f"delete {there}")
    with suppress(CommandFailed):  # no Pod comes within three seconds
        kubectl(f"wait --for=create {there} --timeout=3s")
    status, left = kubectl(f"get daemonset agent -o {COLUMNS}"), kubectl(f"get {there} -o name")
    headless.mark(start_component("kube-controller-manager"))
    kubectl(f"wait --for=create {there} --timeout=90s", timeout=100)
    kubectl(f"wait --for=condition=Ready {there} --timeout=50s")
headless.plot(title=f"New Pods on the node while the controller was away: {left.count('pod/')}")

# %%
print(status)
says_ready.compare(int(status.split()[-1]), within=0)

# %%
assert "pod/" not in left
assert status.split()[-1] == "3"
proved("the node had no new Pod, and the status still counted three")

# %% [markdown]
# Three, and there were two Pods: no controller created the third, and none corrected the number. A
# status is what the controller last wrote. When it is back it does not need to know what happened in
# between: it compares what should be with what is, and creates missing Pods. So a restart of the
# control plane, as in every upgrade, harms no agent that runs.
#
# ### The lease
#
# A cluster with several control plane nodes has several controller managers, and only one of them may
# work: the one that holds the *Lease*. After a stop nothing happens for a while: a new process waits
# until the lease of the old one has run out, unless the old one has handed it back. kubeadm turns this election on even for a single control
# plane node. Where there will never be a second one, it can be off (`--leader-elect=false`): the new
# process then works at once, and no Lease exists. Which is it here?

# %%
import json

lease = kubectl("-n kube-system get lease kube-controller-manager -o json --ignore-not-found")
election = json.loads(lease)["spec"] if lease else {}
print("election: on, there is a Lease" if election else "election: off, there is no Lease")

# %%
created = kubectl(f"get {there} -o jsonpath={{.items[0].metadata.creationTimestamp}}")
assert election.get("acquireTime", "")[:19] <= created[:19], "first the lease, then the Pod"
assert election.get("leaseTransitions") != 0, "the new process took the lease from the old one"
metrics = current().backend.metrics("kube-controller-manager")
assert ("leader_election_master_status" in metrics) == bool(election)
proved("the controller manager's metrics agree; with a Lease, it was acquired before the Pod came")

# %% [markdown]
# ## Two kinds of Pending
#
# We make two variants of the agent. `asking` requests more CPU than any node has; `nope` names
# a scheduler that does not exist.

# %%
says = predict(
    "says",
    "The Pods of two DaemonSets stay Pending: those of asking request more CPU than any node has, "
    "those of nope name a scheduler that does not exist. Whose Pods have a condition with the reason "
    "why they wait?",
    choices=("asking", "nope", "both", "neither"),
)
says


# %%
def greedy(name):
    """A container that requests a thousand CPUs."""
    asks = {"requests": {"cpu": "1000"}}
    return [{"name": name, "image": "registry.k8s.io/pause:3.10", "resources": asks}]


# %%
apply(renamed(agent, "nope", schedulerName="nobody"))
apply(renamed(agent, "asking", containers=greedy("asking")))
for name in ("nope", "asking"):
    kubectl(f"wait --for=jsonpath={{.status.currentNumberScheduled}}=3 ds/{name} --timeout=30s")
kubectl("wait --for=condition=PodScheduled=False pod -l app=asking --timeout=30s")
columns = "-o=custom-columns=APP:.metadata.labels.app,STATUS:.status.phase,NODE:.spec.nodeName"
print(kubectl("get pods -l 'app in (asking, nope)'", columns))

# %%
from daemonset_course.lessons import scheduler_messages

reasons = {app: scheduler_messages(app) for app in ("asking", "nope")}
print(reasons)

# %%
explained = [app for app, messages in reasons.items() if messages]
says.compare({0: "neither", 2: "both"}.get(len(explained), "".join(explained)))

# %% tags=["claim-C19", "claim-C26"]
assert ["1 Insufficient cpu" in reason for reason in scheduler_messages("asking")] == [True] * 3
assert scheduler_messages("nope") == []
proved("each Pod of asking has a message about CPU, and no Pod of nope has a message")

# %% [markdown]
# The controller created all six. Whether there is *room* is none of its questions: resources,
# ports, volumes and Pod affinity are the scheduler's. The scheduler writes the reason; a scheduler that
# does not exist writes nothing. When a Pod is Pending without a reason, look at its `schedulerName`,
# and whether that scheduler runs.

# %%
kubectl("delete daemonset asking nope --ignore-not-found")
None

# %% [markdown]
# ## What makes the controller look
#
# The claim: nodes added, removed, relabelled. We add a node and remove it again. We annotate another
# one and give it a label that the agent does not select. And we create a second DaemonSet, `busy`.

# %%
desired = predict(
    "scheduling-desired",
    "The agent runs on three nodes. A fourth node joins, gets its Pod, and is removed again. Another "
    "node gets an annotation and a label that the agent does not select, and a second DaemonSet is "
    "rolled out. What does DESIRED of the agent say then?",
    unit="nodes",
)
desired

# %%
from daemonset_course import remove_node
from daemonset_course.lessons import daemonset_status

extra = add_node()[0]
joined = wait_rollout("agent").desired
remove_node(extra)
kubectl(f"annotate node {fleet.workers[0]} lesson=03 --overwrite")
label(fleet.workers[0], lesson="03")
apply(renamed(agent, "busy"))
busy = wait_rollout("busy").desired
left = daemonset_status("agent").desired

# %%
desired.compare(left, within=0)

# %% tags=["claim-C20"]
assert (joined, busy, left) == (4, 3, 4)
proved("DESIRED of the agent was 4 with the new node, and did not change when the node was removed")

# %% [markdown]
# Still four. The controller was at work meanwhile: it rolled out `busy` on three nodes. But it did
# not look at `agent`: it watches for nodes that are *added* or *changed*, and not for nodes that are
# removed. And a changed node counts only if its labels or taints changed, and only for a DaemonSet
# that now wants to add or to delete a Pod there, or has one there while its status counts any node as
# misscheduled
# ([`shouldIgnoreNodeUpdate` and `syncNodeUpdate`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# It ignores an annotation.
#
# ### Ask the controller
#
# The controller counts. Each change of a node that it handles goes into a queue, and the controller
# manager's metrics say how many entries that queue has had. We make six changes, one after the other: a
# *heartbeat* of a kubelet, an *annotation*, a *label* that no DaemonSet selects, a *taint* with the
# effect `PreferNoSchedule`, a *new node*, and that node *removed*.

# %%
told = predict(
    "told",
    "Six changes of nodes: a heartbeat of a kubelet, an annotation, a label that no DaemonSet "
    "selects, a taint with the effect PreferNoSchedule, a new node, and that node removed. Which of "
    "them add an entry to the DaemonSet controller's queue?",
    nodes=("heartbeat", "annotation", "label", "taint", "new node", "removed"),
)
told

# %%
from itertools import count

one, turns = fleet.workers[0], count(1)

# %%
beat = '{"status":{"conditions":[{"type":"Ready","lastHeartbeatTime":"2026-01-01T00:00:00Z"}]}}'
changes = {
    "heartbeat": lambda: kubectl(f"patch node {one} --subresource=status --patch", beat),
    "annotation": lambda: kubectl(f"annotate node {one} --overwrite turn={next(turns)}"),
    "label": lambda: label(one, turn=str(next(turns))),
    "taint": lambda: taint(one, f"turn={next(turns)}:PreferNoSchedule"),
    "new node": add_node,
    "removed": lambda: remove_node(current().workers()[-1]),
}

# %%
from daemonset_course.lessons import Enqueued, count_queue_adds

entries = count_queue_adds(changes)
show(Enqueued(entries))

# %%
reached = [name for name, number in entries.items() if number]
told.compare(reached)

# %% tags=["claim-C20"]
assert reached == ["label", "taint", "new node"]
proved("three of the six changes added an entry")

# %% [markdown]
# The label and the taint went in although no DaemonSet selects them: whether they matter is decided
# when the entry is taken out of the queue. The new node went in more than once, as it joined and as it
# lost the taint `not-ready`. A kubelet's heartbeat costs the controller nothing: the frequent one is
# a Lease, another object, and the time in a node's status is neither label nor taint. And the removed
# node added no entry.

# %%
label(one, turn=None)
taint(one, "turn:PreferNoSchedule-")

# %% [markdown]
# ## Ineligible in two ways
#
# Now for changes that do matter to the agent.

# %%
loses = predict(
    "loses",
    "The agent runs on three nodes. One node gets a label that the agent's required affinity "
    "excludes. Another node gets a taint with the effect NoSchedule, which the agent does not "
    "tolerate. Which of the two nodes loses its Pod?",
    choices=("label", "taint", "both", "neither"),
)
loses

# %%
_, tainted, labelled = fleet.workers
taint(tainted, "lesson=03:NoSchedule")
label(labelled, quarantine="yes")
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=1 daemonset/agent --timeout=30s")
for node in (tainted, labelled):
    with suppress(CommandFailed):  # a Pod that stays is not waited for any longer
        place = f"--field-selector spec.nodeName={node}"
        kubectl(f"wait --for=delete pod -l app=agent {place} --timeout=4s")
print(kubectl(f"get daemonset agent -o {COLUMNS}"))

# %%
kept = nodes_with("agent") & set(fleet.workers)
gone = [way for way, node in {"label": labelled, "taint": tainted}.items() if node not in kept]
loses.compare({0: "neither", 2: "both"}.get(len(gone), "".join(gone)))

# %% tags=["claim-C20", "claim-C23"]
assert kept == {fleet.workers[0], tainted}
assert daemonset_status("agent").misscheduled >= 1
proved("one of the two nodes kept its Pod, and the status counts it as misscheduled")

# %% [markdown]
# Both nodes are ineligible: DESIRED is one, and the removed node is no longer counted either, since
# the controller looked again. But the controller deletes a Pod only if labels or affinity do not match, or for a
# `NoExecute` taint. Under `NoSchedule` a Pod that is there may stay, and counts as *misscheduled*
# (lesson [taints-and-tolerations]).

# %%
taint(tainted, "lesson:NoSchedule-")
label(labelled, quarantine=None)
wait_rollout("agent")

# %% [markdown]
# ## A Pod is there already
#
# On the first node we start a Pod with the label `app=keeper`, which has no owner; on the
# second one a Deployment starts a Pod with the same label. Then we create a DaemonSet `keeper`, whose
# selector is `app=keeper`. (Its strategy is `OnDelete`: it does not replace Pods that it finds.)


# %%
def strays():
    """The two Pods, running; no keeper."""
    kubectl("delete daemonset keeper --ignore-not-found --cascade=foreground")
    text = Path("../manifests/how-scheduling-works/strays.yaml").read_text()
    for number, node in enumerate(fleet.workers[:2], 1):
        text = text.replace(f"NODE-{number}", node)
    apply(text)
    kubectl("rollout status deployment/web --timeout=60s")
    kubectl("wait --for=condition=Ready pod/stray --timeout=60s")


strays()

# %%
created = predict(
    "scheduling-created",
    "Three nodes are eligible for the DaemonSet keeper. On the first one a Pod without an owner has "
    "the labels of its selector, on the second one a Pod of a Deployment has them. "
    "How many new Pods will the controller create?",
    unit="Pods",
)
created

# %%
strays()
keeper = renamed(agent, "keeper")
keeper["spec"]["updateStrategy"] = {"type": "OnDelete"}
with record("keeper", live=True) as adoption:
    apply(keeper)
    kubectl("wait --for=jsonpath={.status.numberReady}=3 daemonset/keeper --timeout=60s")
    kubectl("wait --for=condition=Ready pod -l app=keeper --timeout=60s")
columns = "-o=custom-columns=NODE:.spec.nodeName,OWNER:.metadata.ownerReferences[0].kind"
print(kubectl("get pods -l app=keeper --sort-by=.spec.nodeName", columns))

# %%
new = startup(adoption.history).new
created.compare(len(new), within=0)

# %% tags=["claim-C21", "claim-C22"]
owner = kubectl("get pod stray -o jsonpath={.metadata.ownerReferences[*].name}")
assert owner == "keeper"
assert {life.node for life in new} == set(fleet.workers[1:])
proved("keeper owns the Pod that had no owner, and created one on each of the other two nodes")

# %% [markdown]
# Two. The Pod without an owner got one: the controller *adopted* it, and its node needed no
# other. The Deployment's Pod has an owner and does not count, whatever its labels; its node has two
# Pods with this label now. "A Pod matching the selector" means: matching, and owned by this DaemonSet
# or by nothing.
#
# Give your DaemonSets labels that nothing else has.

# %%
kubectl("delete daemonset keeper busy --ignore-not-found")
kubectl("delete deployment web --ignore-not-found")
None

# %% [markdown]
# ## The mistake people make
#
# "The scheduler does not find room, so I name the node myself." With `nodeName` in the template the
# Pod is bound from its creation on, and no scheduler checks whether there is room. The kubelet does, and
# refuses: the Pod has *Failed*. The controller deletes it and creates another one, which fails.

# %%
fifth = predict(
    "fifth",
    "The template names a node without room, so the kubelet refuses each Pod as soon as it is "
    "created. The controller deletes the failed Pod and creates another one. "
    "How long after the first Pod is the fifth one created?",
    unit="s",
)
fifth

# %%
seen = set()


def five(pods):
    """Whether five Pods of pinned were seen in all."""
    seen.update(name for name in pods if name.startswith("pinned-"))
    return len(seen) >= 5


# %%
from daemonset_course.lessons import wait_for

api, place = current().api, "/api/v1/namespaces/default/pods"
kubectl("delete daemonset pinned --ignore-not-found --cascade=foreground")
seen.clear()
with record("pinned", live=True, predicted=fifth) as loop:
    apply(renamed(agent, "pinned", nodeName=fleet.workers[0], containers=greedy("pinned")))
    wait_for(api, place, five, what="five Pods", explain=lambda _: f"{len(seen)}", timeout=60)

# %%
from itertools import pairwise

starts = [life.created for life in startup(loop.history).new]
pauses = [later - earlier for earlier, later in pairwise(starts)]
measured = ", ".join(f"{pause:.1f} s" for pause in pauses[:4])
loop.plot(title=f"The controller's pauses before the next Pod: {measured}")

# %%
fifth.compare(starts[4] - starts[0])

# %%
bound = {spec["nodeName"] for spec in births(loop)}
assert bound == {fleet.workers[0]}
assert all(pause > 0.8 * least for pause, least in zip(pauses[1:], (1, 2, 4), strict=False))
proved("each Pod was created with nodeName, and each pause is about twice the one before")

# %% [markdown]
# The controller replaces the first failed Pod at once. Then it backs off: one second, two, four, and so
# on up to a quarter of an hour, for each node. The DaemonSet's events say what happens; the scheduler
# had no part in it.

# %%
warning = "--field-selector reason=FailedDaemonPod,involvedObject.name=pinned"
failed = kubectl(f"get events {warning} -o jsonpath={{.items[0].message}}")
print(failed)

# %%
assert "Found failed daemon pod" in failed
assert not any(pod.startswith("pinned-") for pod in bound_by())
proved("the event names the failed Pod, and no event says that the scheduler bound one")

# %% [markdown]
# Does a repair have to wait for the end of the pause? We change the spec, though not what is wrong with
# it, and wait for the next two Pods. If the pauses went on as before, the one between them would be
# eight seconds or more.

# %%
came = set()


def two_more(pods):
    """Whether two Pods of pinned have come that were not seen before."""
    came.update(name for name in pods if name.startswith("pinned-") and name not in seen)
    return len(came) >= 2


# %%
with record("pinned", live=True) as again:
    seen.update(kubectl("get pods -o name").replace("pod/", "").split())
    came.clear()
    change = {"spec": {"revisionHistoryLimit": 100 + len(seen)}}
    kubectl("patch daemonset pinned --patch", json.dumps(change))
    wait_for(api, place, two_more, what="two Pods", explain=lambda _: f"{len(came)}", timeout=60)
one_after, next_after = sorted(life.created for life in startup(again.history).new)[:2]
print(f"measured: after {one_after:.1f} s, and {next_after - one_after:.1f} s later")

# %%
assert next_after - one_after < pauses[3], "less than the last pause before: it began anew"
proved("this pause is shorter than the last one before the change")

# %% [markdown]
# The first comes at once, and the pauses begin anew: the controller keeps the pause by DaemonSet,
# generation of its spec, and node (`failedPodsBackoffKey` in
# [`daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
#
# `CrashLoopBackOff`, which you may know, is a pause too, and not the controller's.

# %%
crashed = predict(
    "crashing",
    "The containers of the DaemonSet crashing end right after their start. When its Pods on all "
    "three nodes are in CrashLoopBackOff, how many Pods has the controller created for it in all?",
    unit="Pods",
)
crashed

# %%
ends = {"name": "crashing", "image": "busybox:1.36", "command": ["false"]}
paused = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff"
kubectl("delete daemonset crashing --ignore-not-found --cascade=foreground")
with record("crashing", live=True) as crashes:
    apply(renamed(agent, "crashing", containers=[ends]))
    kubectl("wait --for=jsonpath={.status.currentNumberScheduled}=3 ds/crashing --timeout=30s")
    kubectl(f"wait --for={paused} pod -l app=crashing --timeout=100s", timeout=110)
made = startup(crashes.history).new
crashed.compare(len(made), within=0)

# %%
restarts = kubectl(
    "get pods -l app=crashing -o jsonpath={.items[*].status.containerStatuses[0].restartCount}"
)
assert len(made) == 3
assert all(int(count) > 0 for count in restarts.split())
proved("one Pod for each node, and each container was restarted")

# %% [markdown]
# One for each node. The *kubelet* starts the container in the same Pod again, after pauses of its own,
# and counts: RESTARTS. The Pod has not failed, so the controller does not touch it. When a Pod's *name*
# changes again and again you see the controller's pause, and the events of the DaemonSet give the reason.

# %%
kubectl("delete daemonset pinned crashing --ignore-not-found --wait=false")
None

# %% [markdown]
# A Pod that *succeeded* is replaced as well, and at once. It is rare: a kubelet restarts the
# containers of a DaemonSet whatever their exit code. So we write it into one Pod's status ourselves.

# %%
ended = kubectl(f"get {there} -o jsonpath={{.items[0].metadata.name}}")
kubectl(f"patch pod {ended} --subresource=status --patch", '{"status": {"phase": "Succeeded"}}')
kubectl(f"wait --for=delete pod/{ended} --timeout=50s")
kubectl(f"wait --for=create {there} --timeout=50s")

# %%
succeeded = "--field-selector reason=SucceededDaemonPod,involvedObject.name=agent"
kubectl(f"wait --for=create event {succeeded} --timeout=30s")
message = kubectl(f"get events {succeeded} -o jsonpath={{.items[*].message}}")
assert f"Found succeeded daemon pod default/{ended}" in message
proved("the DaemonSet has an event about the Pod that succeeded")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("no-such-scheduler")

# %%
symptom("no-room-for-cpu")

# %%
symptom("controller-is-away")

# %% [markdown]
# Commit an answer to each, then run the cell below it.

# %%
q1 = predict(
    "check-selector",
    "The required affinity of a DaemonSet's template is not in its Pods. "
    "Is the template's nodeSelector in them?",
    choices=("yes", "no"),
)
q1

# %%
apply(renamed(agent, "picky", nodeSelector={"disk": "ssd"}))
wait_rollout("picky")
carried = kubectl("get pods -l app=picky -o jsonpath={.items[*].spec.nodeSelector}")
q1.compare("yes" if "ssd" in carried else "no")

# %%
q2 = predict(
    "check-nowhere",
    "The template of a DaemonSet has nodeName: nowhere, and no node has this name. "
    "What will its DESIRED be?",
    unit="nodes",
)
q2

# %%
apply(renamed(agent, "nowhere", nodeName="nowhere"))
q2.compare(wait_rollout("nowhere").desired, within=0)

# %%
q3 = predict(
    "scheduling-check-both",
    "The template of a DaemonSet names one of the three workers in nodeName, and in schedulerName a "
    "scheduler that does not exist. How many of its Pods will be ready?",
    unit="Pods",
)
q3

# %%
apply(renamed(agent, "nope", schedulerName="nobody", nodeName=fleet.workers[1]))
q3.compare(wait_rollout("nope").ready, within=0)

# %% [markdown]
# ## Your turn
#
# Four agents should run on every worker: `logs`, `metrics`, `net` and `storage`. On the second worker
# (`worker2`) none of them has a ready Pod, and each has another reason. For each agent, say which
# component stops its Pod there: the DaemonSet controller, the API server, the scheduler or the kubelet.

# %%
from daemonset_course.lessons import exercise

turn = exercise("how-scheduling-works")
turn.start()

# %%
# %kubectl get daemonsets -o wide
# %kubectl get pods -o wide

# %% [markdown]
# Find out more with `kubectl describe` and `kubectl get -o yaml`, here or in a terminal, and change
# nothing. Then write the ConfigMap `answer` between the quotes:
#
# ```yaml
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: answer}
# data:
#   logs: …          # controller, api-server, scheduler or kubelet
#   logs-shows: …    # the condition, the reason or the field that shows it, spelled as in the API
# ```
#
# and the same for `metrics`, `net` and `storage`. The check judges the four components and what shows
# each of them, and that the agents and the nodes are as they were. `turn.hint()` gives one of three
# hints, `turn.solution()` a solution after you passed.

# %%
answer = """
"""
turn.apply(answer)

# %%
turn.check()

# %% [markdown]
# Back to the beginning.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - The controller decides *whether* a node gets a Pod and pins it there; the scheduler binds it, if
#   there is room; the kubelet runs it.
# - Without a scheduler nothing new starts, and nothing that runs stops; without the controller nothing
#   new is created, and the status says what was.
# - The controller looks when a node is added, or when labels or taints change its answer. It does not
#   look when a node is removed.
# - The controller replaces a Pod that fails; the kubelet restarts a container that ends. Each has
#   pauses of its own.
# - `nodeName` in a template leaves the scheduler out; with a wrong `schedulerName` no Pod is bound.
