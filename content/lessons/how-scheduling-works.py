# %% [markdown]
# # How scheduling works

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, show, wait_rollout
from daemonset_course.lessons import daemonset_status, pod_names, start_component, startup
from daemonset_course.lessons import stop_component

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > The DaemonSet controller sets `.spec.nodeName`, which bypasses the scheduler. But since Kubernetes
# > 1.12 DaemonSets use the default scheduler (feature gate `ScheduleDaemonSetPods`, on by default),
# > so their Pods go through the normal pipeline and respect node affinity, taints and tolerations.
#
# The text says both that the scheduler is bypassed and that it is used. Only one can be true.

# %%
from pathlib import Path

print(Path("../manifests/how-scheduling-works/agent.yaml").read_text())

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
    apply("../manifests/how-scheduling-works/agent.yaml")
    wait_rollout("agent")
show(startup(first.history))

# %% [markdown]
# Three lanes, in the order of the work, with one row for each Pod. At the diamond the controller created
# the Pod. At the dot `spec.nodeName` was written: this is called *binding*. The bar is the kubelet's
# work. An event names the component that bound a Pod.

# %%
from daemonset_course.lessons import bound_by

# %kubectl get events --field-selector reason=Scheduled -o wide
[binder] = set(bound_by("agent").values())
writer.compare(binder.removeprefix("default-"))

# %% tags=["claim-C19", "claim-C24"]
assert binder == "default-scheduler"
assert len(bound_by("agent")) == 3
assert all(life.created <= life.bound <= life.ready for life in startup(first.history).new)
proved("one component bound all three Pods, each after its creation and before it was ready")

# %% [markdown]
# This is the affinity that a Pod had at the diamond. Compare it with the template's.

# %%
import yaml

born = [life.first["spec"] for life in startup(first.history).new]
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
proved("no Pod was created with nodeName; each requires one worker by name, each another one")

# %% [markdown]
# The controller does not set `nodeName`, but it does choose the node. In place of the template's
# required terms it writes one that only this node can match
# ([`ReplaceDaemonSetPodNodeNameNodeAffinity`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
# So the controller *pins*, the scheduler *binds*, the kubelet *runs*:
# [Who does what](../pictures.md#who-does-what) has the life of a Pod in one picture.
#
# Before Kubernetes 1.12 the controller did set `nodeName`. Since then one component decides about room,
# priority and preemption
# ([KEP-548](https://github.com/kubernetes/enhancements/tree/master/keps/sig-scheduling/548-schedule-daemonset-pods)).
# The feature gate was the switch between the two ways, and it is
# [gone](https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/).

# %% tags=["claim-C25"]
metrics = kubectl("get --raw /metrics").splitlines()
gates = [line for line in metrics if line.startswith("kubernetes_feature_enabled{")]
assert len(gates) > 50
assert not any("ScheduleDaemonSetPods" in line for line in gates)
proved("the API server knows more than 50 feature gates, and none of this name")

# %% [markdown]
# ## Without the scheduler
#
# Stop the scheduler, and delete one of the three Pods.

# %%
here = f"-l app=agent --field-selector spec.nodeName={fleet.workers[0]}"
ready = predict(
    "ready",
    "The agent has three Pods. The scheduler is stopped, and one of the three Pods is deleted. "
    "How many Pods of the agent will be ready while the scheduler is away?",
    unit="Pods",
)
ready

# %%
with record("agent", live=True, predicted={"READY": ready}) as without:
    without.mark(stop_component("kube-scheduler"))
    # %kubectl delete pod {here}
    kubectl("wait --for=jsonpath={.status.numberUnavailable} daemonset/agent --timeout=30s")
    kubectl("wait --for=create pod -l app=agent --field-selector spec.nodeName= --timeout=30s")
    away, unbound = daemonset_status("agent"), pod_names("agent", node="")
    # %kubectl get daemonset agent
    # %kubectl get pods -l app=agent -o wide
    without.mark(start_component("kube-scheduler"))
    wait_rollout("agent")
without.plot()

# %%
ready.compare(away.ready, within=0)

# %% tags=["claim-C19", "claim-C22", "claim-C26"]
assert (away.desired, away.current, away.ready) == (3, 3, 2)
[new] = startup(without.history).new
[old] = [life for life in startup(without.history).lives if life.gone is not None]
assert unbound == [new.name]
waiting = [c for c in without.history.changes("pods") if c.uid == new.uid and c.t < new.bound]
assert not any("conditions" in change.object["status"] for change in waiting)
assert old.node == new.node == fleet.workers[0]
assert old.stopping < old.gone < new.created + 1, "ended, as a kubelet says just before"
proved("CURRENT counted the new Pod, which had neither a node nor a condition with the reason")

# %% [markdown]
# The controller created a new Pod, after the old one had ended: a Pod that is terminating still counts
# as there. The new Pod was Pending, without a condition that gives the reason, and CURRENT counted it.
# The other two ran on, because a running Pod needs no scheduler.
#
# ## Without the controller
#
# The DaemonSet controller is a part of `kube-controller-manager`. Stop that one, and delete a Pod.

# %%
says_ready = predict(
    "says-ready",
    "The agent has three Pods. kube-controller-manager is stopped, and one of the three Pods is "
    "deleted. What does READY in the DaemonSet's status say while the controller is away?",
    unit="Pods",
)
says_ready

# %%
from daemonset_course.lessons import try_kubectl

with record("agent", live=True, predicted={"READY": says_ready}) as headless:
    headless.mark(stop_component("kube-controller-manager"))
    # %kubectl delete pod {here}
    waited = try_kubectl(f"wait --for=create pod {here} --timeout=3s")
    stale = daemonset_status("agent")
    # %kubectl get daemonset agent
    headless.mark(start_component("kube-controller-manager"))
    kubectl(f"wait --for=create pod {here} --timeout=90s", timeout=100)
    wait_rollout("agent")
headless.plot()

# %%
says_ready.compare(stale.ready, within=0)

# %%
assert "timed out" in waited
assert stale.ready == 3
proved("the node had no new Pod, and the status still counted three")

# %% [markdown]
# No controller created the missing Pod, and none corrected the number: a status is what the controller
# last wrote. When it is back, it compares what should be with what is, and creates missing Pods. So a
# restart of the control plane harms no agent that runs.
#
# ## Two kinds of Pending
#
# `asking` requests more CPU than any node has. `nope` names a scheduler that does not exist.

# %%
# %kubectl apply -f ../manifests/how-scheduling-works/pending.yaml
kubectl("wait --for=create pod -l app=nope --timeout=30s")
kubectl("wait --for=condition=PodScheduled=False pod -l app=asking --timeout=30s")
columns = "POD:.metadata.name,PHASE:.status.phase,WHY:.status.conditions[0].reason"
# %kubectl get pods -l 'app in (asking, nope)' -o custom-columns={columns}

# %% tags=["claim-C19", "claim-C26"]
from daemonset_course.lessons import scheduler_messages

kubectl("wait --for=jsonpath={.status.currentNumberScheduled}=3 ds/asking ds/nope --timeout=30s")
assert ["1 Insufficient cpu" in one for one in scheduler_messages("asking")] == [True] * 3
assert scheduler_messages("nope") == []
kubectl("delete daemonset asking nope")
proved("each Pod of asking has a message about CPU, and no Pod of nope has a message")

# %% [markdown]
# The controller created all six Pods: it never checks whether a node has *room*. Resources, ports,
# volumes and Pod affinity are the scheduler's part, and it writes the reason into the Pod. A scheduler
# that does not exist writes nothing. When a Pod is Pending without a reason, look at its
# `schedulerName`, and whether that scheduler runs.
#
# ## What makes the controller look
#
# > The controller watches nodes being added, removed and relabelled. For each eligible node it checks
# > whether a matching Pod exists; it creates missing Pods and deletes those on ineligible nodes.
#
# A change of a node that the controller handles goes into its queue, and a metric counts the entries.

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
from daemonset_course.lessons import Enqueued, count_queue_adds, node_changes

entries = count_queue_adds(node_changes(fleet.workers[0], "agent"))
show(Enqueued(entries, predicted=told.answer))

# %%
reached = [name for name, number in entries.items() if number]
told.compare(reached)

# %% tags=["claim-C20"]
assert reached == ["label", "taint", "new node"]
assert daemonset_status("agent").desired == 4
proved("three of the six changes added an entry, and DESIRED still counts the removed node")

# %% [markdown]
# The controller does not watch for nodes that are *removed*: DESIRED stays at 4 until something else
# makes it look. Of a changed node it reads labels and taints
# ([`syncNodeUpdate`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
#
# A *matching* Pod has the labels of the selector, and is owned by this DaemonSet or by nothing. A Pod
# without an owner is adopted (lesson [one-pod-per-node]); a Deployment's Pod does not count.

# %% tags=["claim-C21", "claim-C22"]
apply("../manifests/how-scheduling-works/strays.yaml")
kubectl("rollout status deployment/web --timeout=60s")
kubectl("wait --for=condition=Ready pod/stray --timeout=60s")
with record("keeper") as adoption:
    apply("../manifests/how-scheduling-works/keeper.yaml")
    kubectl("wait --for=jsonpath={.status.numberReady}=3 daemonset/keeper --timeout=60s")
assert kubectl("get pod stray -o jsonpath={.metadata.ownerReferences[*].name}") == "keeper"
place = kubectl("get pod stray -o jsonpath={.spec.nodeName}")
others = sorted(life.node for life in startup(adoption.history).new)
assert others == sorted({*fleet.workers} - {place})
kubectl("delete daemonset/keeper deployment/web --cascade=foreground")
proved("keeper adopted the Pod without an owner, and created one on each of the other two nodes")

# %% [markdown]
# The controller *deletes* a Pod if the node's labels no longer match, or for a `NoExecute` taint. Under
# a `NoSchedule` taint the Pod stays, and counts as *misscheduled* (lesson [taints-and-tolerations]).

# %% tags=["claim-C20", "claim-C23"]
from daemonset_course.lessons import nodes_with

_, tainted, labelled = fleet.workers
kubectl(f"taint node {tainted} lesson=scheduling:NoSchedule --overwrite")
kubectl(f"label node {labelled} quarantine=yes --overwrite")
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=1 daemonset/agent --timeout=30s")
kubectl(f"wait --for=delete pod -l app=agent --field-selector spec.nodeName={labelled}")
assert nodes_with("agent") & set(fleet.workers) == {fleet.workers[0], tainted}
assert daemonset_status("agent").misscheduled >= 1
proved("the relabelled node lost its Pod, and the tainted one kept it, misscheduled")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each, and read what the output says about your
# choice.

# %%
from daemonset_course.lessons import symptom

symptom("no-such-scheduler")

# %%
symptom("controller-is-away")

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
# - The controller decides *whether* a node gets a Pod and pins it there. The scheduler binds it, if
#   there is room. The kubelet runs it.
# - Without the scheduler nothing new starts. Without the controller nothing new is created, and the
#   status shows what was. Nothing that runs stops.
# - The controller looks when a node joins, and when labels or taints change; not when a node goes.
# - A Pod that is Pending without a reason waits for a scheduler that does not answer.
# - The four questions, drawn: [Who may say no](../pictures.md#who-may-say-no).
