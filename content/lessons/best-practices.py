# %% [markdown]
# # Best practices

# %%
from daemonset_course import apply, break_node, kubectl, predict, proved, record, recover_node
from daemonset_course import rejected, reset, show, step, taint, wait_rollout, wait_settled
from daemonset_course.lessons import pressure, shell, try_apply, try_evict, wait_evicted

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claims
#
# > Set requests and limits. Mount the container's file system read-only. Label consistently. Give
# > essential agents a high priority, so that they are not evicted. Watch rollouts, and alert when
# > `desiredNumberScheduled` differs from `numberReady`. Prefer `maxSurge` for updates.
#
# All of it is good advice, and most of it has a hole. We look into each.
#
# ## Requests and limits
#
# > 100Mi on each of 100 nodes are 10Gi of the cluster.
#
# A quota adds up requests for us. Our agent requests 100Mi; we have three nodes for it.

# %%
memory = r"requests\.memory"
apply("../manifests/best-practices/quota.yaml")
kubectl("wait quota/total --timeout=30s", f"--for=jsonpath={{.status.hard.{memory}}}=1Ti")
apply("../manifests/best-practices/agent.yaml")
wait_rollout("agent")

# %%
used = kubectl("get quota total -o", f"jsonpath={{.status.used.{memory}}}")
per_node = int(used.removesuffix("Mi")) / len(fleet.workers)
print(f"{used} on 3 nodes; on 100 nodes {100 * per_node:.0f}Mi = {100 * per_node / 1024:.2f}Gi")

# %% tags=["claim-C89"]
assert used == "300Mi"
proved("three agents request 300Mi together")

# %%
kubectl("delete quota total --ignore-not-found")
None

# %% [markdown]
# Nearly 10Gi: a Gi has 1,024 Mi. Nobody sets this sum anywhere; it grows with every node.
#
# ## Labels
#
# Our agent's Pods carry `app`, `component` and `tier`. What else do they carry?

# %%
import json

own = {"app", "component", "tier"}
pods = json.loads(kubectl("get pods -l app=agent -o json"))["items"]
given = set(pods[0]["metadata"]["labels"]) - own
given

# %%
change = predict(
    "change",
    "The Pods of a DaemonSet have three labels of yours, and one of them is in its selector. "
    "Which of the three can you change later?",
    choices=("the one in the selector", "the others", "all", "none"),
)
change

# %%
from pathlib import Path

import yaml

agent = yaml.safe_load(Path("../manifests/best-practices/agent.yaml").read_text())
agent["spec"]["template"]["metadata"]["labels"]["tier"] = "node"
print(of_others := try_apply(agent))

# %%
selector, template = agent["spec"]["selector"], agent["spec"]["template"]
selector["matchLabels"]["app"] = template["metadata"]["labels"]["app"] = "agent-2"
print(of_selector := try_apply(agent))
refusals = {"the one in the selector": of_selector, "the others": of_others}
can = [which for which, refusal in refusals.items() if not refusal]
change.compare({0: "none", 1: "".join(can), 2: "all"}[len(can)])

# %% tags=["claim-C91"]
with rejected("field is immutable"):
    apply(agent, dry_run=True)
assert given >= {"controller-revision-hash", "pod-template-generation"}
revisions = json.loads(kubectl("get controllerrevisions -l app=agent -o json"))["items"]
newest = max(revisions, key=lambda one: one["revision"])["metadata"]["labels"]
hashes = {pod["metadata"]["labels"]["controller-revision-hash"] for pod in pods}
assert hashes == {newest["controller-revision-hash"]}
for wanted in ("app=agent", "component=node-metrics", "tier=infrastructure"):
    assert kubectl(f"get pods -l {wanted} -o name").count("pod/") == 3
proved("the selector is immutable; the Pods have your labels, two more, and the newest hash")

# %% [markdown]
# The controller adds two labels of its own; the hash is that of the newest ControllerRevision. A
# zone, where there is one, comes from the node, by the API server
# ([Kubernetes 1.35](https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#pod-topology-labels)
# and later).
#
# Of yours, those in the *selector* can never be changed: choose few. A change of the others is a
# change of the template: it rolls every Pod. Kubernetes recommends
# [`app.kubernetes.io/name` and its siblings](https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/).
#
# ## A read-only file system
#
# > Use `readOnlyRootFilesystem: true`, and `emptyDir` where the agent must write.
#
# `open` and `sealed` are the same agent, `sealed` with this line.

# %%
places = predict(
    "places",
    "Of the agents open and sealed, sealed has readOnlyRootFilesystem: true. Both have an emptyDir "
    "at /tmp. At how many of the four places, /etc and /tmp of each, can they write?",
    unit="places",
)
places

# %%
TOUCH = "touch {}/x && echo written"


# %%
@step("writes", needs="exec")
def writes():
    """What two agents say when they write"""
    apply("../manifests/best-practices/writes.yaml")
    said = {}
    for name in ("open", "sealed"):
        wait_rollout(name)
        for place in ("/etc", "/tmp"):
            said[f"{name} {place}"] = shell(f"daemonset/{name}", TOUCH.format(place))
    return said


# %%
writes

# %%
written = {place for place, said in writes.result.items() if said == "written"}
places.compare(len(written), within=0, source=writes.source)

# %% tags=["claim-C90"]
assert written == {"open /etc", "open /tmp", "sealed /tmp"}
assert "Read-only file system" in writes.result["sealed /etc"]
proved("sealed cannot write to /etc, and can write to its emptyDir")

# %%
kubectl("delete -f ../manifests/best-practices/writes.yaml --ignore-not-found")
None

# %% [markdown]
# ## Priority
#
# > Set a high priority, such as `system-node-critical`, for essential DaemonSets.
#
# The nodes are full: nine Pods of `web`, three on each, request 30 % of a node's CPU each. Our
# agent wants 20 %.

# %%
from daemonset_course.lessons import allocatable_cpu

cpu = allocatable_cpu(fleet.workers[0])
web = yaml.safe_load(Path("../manifests/best-practices/web.yaml").read_text())
request = {"cpu": f"{cpu * 3 // 10}m"}
web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] = request
kubectl("delete daemonset agent --cascade=foreground --ignore-not-found")
apply(web)
full = wait_settled("app=web", pods=9)

# %%
assert sorted(full.ready) == sorted(3 * list(fleet.workers))
proved("three Pods of web are ready on each worker")


# %%
def with_priority(name=None):
    """The agent as a manifest, a fifth of each node's CPU for it, with this priority class."""
    made = yaml.safe_load(Path("../manifests/best-practices/agent.yaml").read_text())
    spec = made["spec"]["template"]["spec"]
    spec["containers"][0]["resources"] = {"requests": {"cpu": f"{cpu // 5}m"}}
    if name:
        spec["priorityClassName"] = name
    return made


# %%
apply("../manifests/best-practices/classes.yaml")
apply(with_priority())
late = wait_settled("app=agent", pods=3)
late

# %%
assert len(late.refused) == 3
assert all("Insufficient cpu" in message for _, message in late.refused)
proved("the scheduler has no CPU for any of the three agents")

# %% [markdown]
# First come, first served: an agent that is late finds the node full. With a priority class of a
# higher value the scheduler may *preempt* others: remove them. Pods without a class have the value 0,
# unless some class is the global default; `agents` has 1000, `patient` has 1000 and
# `preemptionPolicy: Never`.

# %%
patient = predict(
    "patient",
    "Pods of priority 0 fill three nodes. The agent gets the class patient: the value 1000 and "
    "preemptionPolicy: Never. How many of the three agents will run?",
    unit="Pods",
)
patient

# %%
urgent = predict(
    "urgent",
    "Three Pods of web fill each of three nodes; each requests 30 % of its node's CPU. The agent "
    "requests 20 % and gets the class agents, with the value 1000. How many Pods of web must go?",
    unit="Pods",
)
urgent

# %%
apply(with_priority("patient"))
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=3 daemonset/agent --timeout=60s")
waiting = wait_settled("app=agent", pods=3)
patient.compare(len(waiting.ready), within=0)

# %%
assert not waiting.ready
assert all("not eligible due to preemptionPolicy=Never" in m for _, m in waiting.refused)
proved("no agent runs, for its class may not preempt")

# %%
from daemonset_course.lessons import pods_by_node

kubectl("delete daemonset agent --cascade=foreground --ignore-not-found")
kubectl("wait --for=jsonpath={.status.readyReplicas}=9 deployment/web --timeout=60s")
with record("agent", live=True) as taking:
    apply(with_priority("agents"))
    wait_rollout("agent")
    kept = wait_settled("app=web", pods=9)
show(pods_by_node(taking.history, ["web", "agent"]))

# %%
urgent.compare(len(kept.refused), within=0)

# %% tags=["claim-C92"]
changes = [change.object for change in taking.history.changes("pods")]
conditions = [c for pod in changes for c in pod["status"].get("conditions", [])]
said = {c["reason"] for c in conditions if c["type"] == "DisruptionTarget"}
assert said == {"PreemptionByScheduler"}
assert (len(kept.ready), len(kept.refused)) == (6, 3)
proved("the scheduler preempted, and three Pods of web wait for room")

# %% [markdown]
# On each node the scheduler removed one Pod of `web`, as many as needed and no more, and the new
# ones wait for room. That is what a priority is for, and what it costs
# ([`preemption.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/scheduler/framework/preemption/preemption.go)).
# Your own classes may go up to 1,000,000,000. Higher values belong to the two system classes, which
# Pods of any namespace may name.

# %%
too_high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
too_high |= {"metadata": {"name": "top"}, "value": 1_000_000_001}
with rejected("maximum allowed value of a user defined priority is 1000000000"):
    apply(too_high, dry_run=True)

# %%
apply(with_priority("system-node-critical"))
wait_rollout("agent")
values = kubectl("get pods -l app=agent -o jsonpath={.items[*].spec.priority}")
print(values)

# %% tags=["claim-C92"]
assert set(values.split()) == {"2000001000"}
proved("every agent has the value of system-node-critical")

# %% [markdown]
# This agent now comes before all your other agents, and on a full node would preempt *them*. For a
# network plugin that is right, for a log collector it is too much. And a class that does not exist?

# %%
uid = kubectl("get daemonset agent -o jsonpath={.metadata.uid}")
failed = f"--field-selector reason=FailedCreate,involvedObject.uid={uid}"
apply(with_priority("nobody"))
kubectl(f"wait --for=create events {failed} --timeout=60s")
kubectl("wait --for=jsonpath={.status.numberReady}=2 daemonset/agent --timeout=60s")
message = kubectl(f"get events {failed} -o jsonpath={{.items[0].message}}")
print(message)

# %%
assert "no PriorityClass with name nobody was found" in message
proved("the event names the class that does not exist")

# %% [markdown]
# The DaemonSet was accepted, and lost a Pod to the rollout. Only an event says why.

# %%
kubectl("delete daemonset/agent deployment/web --ignore-not-found")
None

# %% [markdown]
# ### Does it protect from eviction?
#
# > A high priority ensures that the agent is not evicted when the node is under pressure.
#
# We let one node run short of memory, which makes its kubelet evict Pods. Three agents run there:
# `plain` has no priority, `high` has the class `agents`, `critical` has `system-node-critical`.

# %%
evicted = predict(
    "practices-evicted",
    "A node runs short of memory. Of its agents, plain has no priority class, high one with "
    "the value 1000, and critical has system-node-critical. Which does the kubelet evict?",
    nodes=("plain", "high", "critical"),
)
evicted

# %%
AGENTS = ("plain", "high", "critical")
NODE = "get nodes -l disk=ssd -o jsonpath={.items[0].metadata.name}"


# %%
@step("eviction", needs="pressure")
def eviction():
    """Which of three agents the kubelet evicts from a node short of memory"""
    apply("../manifests/best-practices/classes.yaml")
    apply("../manifests/best-practices/squeezed.yaml")
    for name in AGENTS:
        wait_rollout(name)
    with record("high") as run, pressure({kubectl(NODE): "memory"}):
        list(map(wait_evicted, AGENTS[:2]))
    return {"node": str(kubectl(NODE)), "log": run}


# %%
from daemonset_course.lessons import node_taints

print(eviction.label)
history, short = eviction.result["log"].history, eviction.result["node"]
pressed = node_taints(history, [short], AGENTS)
show(pressed)

# %%
[squeezed] = pressed.nodes
gone = {app: times for app in AGENTS if (times := squeezed.evictions(app))}
first_of_high = min(gone.get("high", [0.0]))
times = sum(moment < first_of_high for moment in gone.get("plain", []))
print(f"measured: evictions of plain before the first of high: {times}")
evicted.compare(list(gone), source=eviction.source)

# %% tags=["claim-C93"]
assert set(gone) == {"plain", "high"}
assert gone["plain"][0] < gone["high"][0]
assert len(squeezed.pods["critical"]) == 1, "the same Pod until the others were evicted"
proved("plain was evicted first, then high; critical kept its Pod")

# %% [markdown]
# Pods that use more memory than they request come first (all three request none). Among those a
# *high* priority only sets the order: `plain` was evicted first (and perhaps its successors), then
# `high`
# ([`rankMemoryPressure`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/eviction/helpers.go)).
# Only a critical priority protects, from 2,000,000,000 on. That `critical` outlived the others could be
# the order alone; the source says more: the kubelet evicts no such Pod
# ([`evictPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/eviction/eviction_manager.go)).
# So the critical agent is safe from the *kubelet's* evictions, and nearly so from the kernel when the
# node's memory ends (lesson [ports-and-resources]). Its own memory limit, evictions through the API, `NoExecute` taints
# and rollouts end it like any other.

# %%
kubectl("delete -f ../manifests/best-practices/squeezed.yaml --ignore-not-found")
None

# %% [markdown]
# ### And a disruption budget?
#
# A PodDisruptionBudget says how many Pods must stay when somebody evicts them through the API. (A
# drain leaves agents alone, lesson [taints-and-tolerations], and so does a descheduler, unless it is
# told otherwise; a cluster autoscaler evicts them from nodes that it removes.) Ours says
# `minAvailable: 3`.

# %%
stops = predict(
    "stops",
    "There are three agents, and a PodDisruptionBudget with minAvailable: 3. What does it stop?",
    choices=("an eviction", "a rollout", "both", "neither"),
)
stops

# %%
apply("../manifests/best-practices/agent.yaml")
wait_rollout("agent")
apply("../manifests/best-practices/budget.yaml")
kubectl("wait --for=jsonpath={.status.currentHealthy}=3 pdb/agent --timeout=30s")
print(kept_off := try_evict("agent"))

# %%
with record("agent", live=True) as rolling:
    kubectl("rollout restart daemonset/agent")
    wait_rollout("agent")
least = 3 - rolling.timeline.unavailable.max()
stopped = ["an eviction"] * bool(kept_off) + ["a rollout"] * (least == 3)
stops.compare({0: "neither", 1: "".join(stopped), 2: "both"}[len(stopped)])

# %%
assert "violate the pod's disruption budget" in kept_off
assert least == 2
proved("the eviction was refused, and in the rollout one agent of three was unavailable")

# %% [markdown]
# The rollout does not ask: the controller *deletes* Pods, and only an eviction is measured against
# the budget. And a budget in other words, a percentage or `maxUnavailable`?


# %%
def failing(**spec):
    """What the disruption controller says of a budget with this spec, which it cannot work out."""
    budget = yaml.safe_load(Path("../manifests/best-practices/budget.yaml").read_text())
    budget["spec"] = {"selector": budget["spec"]["selector"]} | spec
    kubectl("delete pdb agent --ignore-not-found")
    apply(budget)
    reason = "jsonpath={.status.conditions[*].reason}"
    kubectl(f"wait --for={reason}=SyncFailed pdb/agent --timeout=30s")
    return kubectl("get pdb agent -o jsonpath={.status.conditions[*].message}")


# %%
budgets = {}
for field, value in {"minAvailable": "50%", "maxUnavailable": 1}.items():
    budgets[field] = failing(**{field: value}), try_evict("agent")
    print(field, *budgets[field], sep="\n")

# %%
for message, refusal in budgets.values():
    assert "daemonsets.apps does not implement the scale subresource" in message
    assert "disruption budget" in refusal
proved("neither budget can be worked out, and both refuse an eviction")

# %%
kubectl("delete pdb agent --ignore-not-found")
None

# %% [markdown]
# For a DaemonSet only `minAvailable`, as a number, works. A percentage or `maxUnavailable` needs a
# replica count, and a DaemonSet has none: *every* eviction of a ready Pod is refused.
#
# ## Surge
#
# > Prefer `maxSurge: 1` with `maxUnavailable: 0`: the new Pod runs before the old one goes.
#
# This agent surges, and it is hardened: its namespace allows only `restricted` Pods, and it has a
# ServiceAccount of its own, so that whoever takes it over gets no rights that others were given.

# %%
print(Path("../manifests/best-practices/hardened.yaml").read_text().split("---", 1)[1])

# %%
apply("../manifests/best-practices/hardened.yaml")
wait_rollout("agent", namespace="agents")

# %%
from daemonset_course.lessons import try_kubectl

volumes = kubectl("-n agents get pods -o jsonpath={.items[0].spec.volumes[*].name}")
may = try_kubectl("-n agents auth can-i list pods --as=system:serviceaccount:agents:agent")
print(f"volumes: {volumes}; may list Pods: {may}")

# %%
assert (volumes, may) == ("scratch", "no")
proved("the Pod has one volume, scratch, and its account may not list Pods")

# %% [markdown]
# No token for the API server among its volumes, and with a token it could not even list Pods. Roll
# it.

# %%
with record("agent", namespace="agents", live=True) as surge:
    kubectl("-n agents rollout restart daemonset/agent")
    wait_rollout("agent", namespace="agents")
surge.plot()

# %% tags=["claim-C96"]
assert surge.timeline.unavailable.max() == 0
assert min(surge.rollouts[-1].overlap.values()) > 0
proved("on each node the new Pod was available before the old one left")

# %%
kubectl("delete namespace agents --wait=false --ignore-not-found")
None

# %% [markdown]
# No node was without an agent for a moment. Now the same for an agent with `hostPort: 9100`, as the
# exporter of lesson [monitoring-agent] has it.

# %%
surged = predict(
    "surged",
    "An agent with hostPort: 9100 and maxSurge: 1 gets a new version. "
    "On how many of the three nodes will the new version run?",
    unit="nodes",
)
surged

# %%
faults = Path("../manifests/best-practices/faults.yaml").read_text()
kubectl("delete daemonset surge --cascade=foreground --ignore-not-found")
apply(next(part for part in faults.split("---") if "name: surge" in part))
wait_rollout("surge")
kubectl("set env daemonset/surge RELEASE=2")
stuck = wait_settled("app=surge", pods=4)
kubectl("wait --for=jsonpath={.status.observedGeneration}=2 daemonset/surge --timeout=60s")
updated = kubectl("get daemonset surge -o jsonpath={.status.updatedNumberScheduled}")
surged.compare(int(updated or 0), within=0)

# %% tags=["claim-C96"]
assert len(stuck.ready) == 3
assert all("didn't have free ports for the requested pod ports" in m for _, m in stuck.refused)
proved("the three old Pods are ready, and the new one finds no free port")

# %% [markdown]
# The new Pod waits for the port of the old one, and the old one waits for the new one to be ready.
# The server accepts it all the same. An agent that listens on a port of its node (`hostPort`, or
# `hostNetwork`) needs `maxUnavailable`.
#
# ## Watching a rollout
#
# > Follow it with `kubectl rollout status`.

# %%
print(endless := try_kubectl("rollout status daemonset/surge --timeout=1s"))
print(pausing := try_kubectl("rollout pause daemonset/surge"))

# %% tags=["claim-C94"]
assert "timed out waiting for the condition" in endless
assert "pausing is not supported" in pausing
proved("rollout status timed out, and rollout pause is refused")

# %%
manual = next(part for part in faults.split("---") if "name: manual" in part)
apply(manual)
print(by_hand := try_kubectl("rollout status daemonset/manual --timeout=1s"))

# %%
assert "only available for RollingUpdate strategy type" in by_hand
proved("rollout status refuses a DaemonSet with OnDelete")

# %% [markdown]
# Without `--timeout` it would wait for ever: a DaemonSet has no progress deadline. What it does
# have is a way back.

# %%
if try_kubectl("rollout status daemonset/surge --timeout=1s"):
    kubectl("rollout undo daemonset/surge")
wait_rollout("surge")
print(undone := kubectl("rollout status daemonset/surge --timeout=30s"))

# %% tags=["claim-C94"]
assert "successfully rolled out" in undone
proved("after the undo, rollout status succeeds")

# %% [markdown]
# It is well again. A pipeline may want to wait for that in the words that it uses for a Deployment:

# %%
print(never := try_kubectl("wait --for=condition=Available daemonset/surge --timeout=1s"))

# %%
assert "timed out waiting for the condition" in never
assert kubectl("get daemonset surge -o jsonpath={.status.conditions}") == ""
proved("kubectl wait timed out, and the healthy DaemonSet has no conditions")

# %% [markdown]
# That never comes true. `status.conditions` is a field of a DaemonSet, and its controller writes
# nothing there
# ([`updateDaemonSetStatus`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# Wait for `rollout status`.

# %%
kubectl("delete daemonset surge manual --ignore-not-found")
None

# %% [markdown]
# ## Alerts
#
# > Alert when `desiredNumberScheduled` does not match `numberReady` for an extended time.
#
# Eight faults, and five rules. The first rule is the one above; the comments give the metrics that
# kube-state-metrics, the usual exporter of such numbers, has for them. `s.nodes` counts workers.

# %%
rules = {
    # kube_daemonset_status_number_ready, kube_daemonset_status_desired_number_scheduled
    "ready < desired": lambda s: s.ready < s.desired,
    # kube_daemonset_status_number_misscheduled
    "misscheduled > 0": lambda s: s.misscheduled > 0,
    # kube_daemonset_status_updated_number_scheduled
    "updated < desired": lambda s: s.updated < s.desired,
    # count(kube_node_info), less what you leave out on purpose
    "desired < nodes": lambda s: s.desired < s.nodes,
    # kube_node_status_condition{condition="Ready", status="true"}
    "a node is not Ready": lambda s: s.nodes_ready < s.nodes,
}

# %% [markdown]
# Each rule judges one moment. Here they judge every moment of the rollout under the disruption
# budget above, which was healthy.

# %%
from daemonset_course.lessons import alerts, sample, samples

moments = {str(n): one for n, one in enumerate(samples(rolling.history, "agent"))}
during = set().union(*alerts(moments, rules).fired.values())
print(sorted(during))

# %%
assert during == {"ready < desired", "updated < desired"}
assert alerts({"after": sample(rolling.history, "agent")}, rules).unseen == ("after",)
proved("two rules fire during a healthy rollout, and none after it")

# %% [markdown]
# "For an extended time" is a part of the rule. In Prometheus each gets `for: 15m`; without it a
# healthy rollout fires two of them. Below we judge only what has come to rest.
#
# | DaemonSet | fault |
# |---|---|
# | `gap` | does not tolerate the taint of one node |
# | `huge` | requests more CPU than a node has |
# | `sick` | its Pods never get ready |
# | `surge` | the deadlock from above |
# | `manual` | `OnDelete`, a new template, and nobody deletes the Pods |
# | `agent` | one node gets a taint while its Pod is running |
# | `agent` | one kubelet reports that it is not ready |
# | `agent` | one kubelet falls silent |

# %%
first = predict(
    "practices-first",
    "The table lists eight faults. On how many of them does the rule ready < desired fire?",
    unit="faults",
)
first

# %%
apply("../manifests/best-practices/agent.yaml")
wait_rollout("agent")
faulty = record("agent")
faulty.start()
taint(fleet.workers[2], "dedicated=db:NoSchedule")

# %%
kubectl("delete daemonset -l scenario=fault --cascade=foreground")
apply("../manifests/best-practices/faults.yaml")
for name in ("gap", "surge", "manual"):
    wait_rollout(name)
for name in ("surge", "manual"):
    kubectl(f"set env daemonset/{name} RELEASE=new")

# %%
placed = "wait --for=jsonpath={.status.currentNumberScheduled}=3 --timeout=60s"
kubectl(f"{placed} daemonset/huge daemonset/sick")
seen_template = "wait --for=jsonpath={.status.observedGeneration}=2 --timeout=60s"
kubectl(f"{seen_template} daemonset/surge daemonset/manual")
wait_settled("app=huge", pods=3)
wait_settled("app=surge", pods=4)
faulty.mark("all faults are there")
faulty.stop()
proved("the controller has seen every fault, and no Pod is undecided")

# %%
faults_of = {
    "gap": "a taint not tolerated",
    "huge": "no room for the Pod",
    "sick": "never ready",
    "surge": "surge and hostPort",
    "manual": "OnDelete left alone",
    "agent": "tainted while it runs",
}
seen = {fault: sample(faulty.history, name) for name, fault in faults_of.items()}

# %%
kubectl("delete daemonset -l scenario=fault")
try_kubectl(f"taint node {fleet.workers[2]} dedicated-")
status = wait_rollout("agent")

# %%
assert status.desired == 3
proved("the agent is desired on all workers again")

# %% [markdown]
# Now a node that is ill, and one that is dead. The status is only as fresh as the controller's last
# sync, and a change of a node does not always cause one; an annotation on the DaemonSet does.

# %%
broken = fleet.workers[0]
with record("agent", live=True) as ill:
    break_node(broken, "not ready")
seen["kubelet not ready"] = sample(ill.history, "agent")
recover_node(broken)

# %%
with record("agent", live=True) as dead:
    break_node(broken)
    kubectl("annotate daemonset agent look=again --overwrite")
    fewer = f"jsonpath={{.status.desiredNumberScheduled}}={len(fleet.workers) - 1}"
    kubectl(f"wait --for={fewer} ds/agent --timeout=60s")
seen["kubelet silent"] = sample(dead.history, "agent")
recover_node(broken)

# %%
found = alerts(seen, rules)
show(found)

# %%
first.compare(len(found.seen_by("ready < desired")), within=0)

# %% tags=["claim-C95"]
assert set(found.seen_by("ready < desired")) == {"no room for the Pod", "never ready"}
assert {"a taint not tolerated", "kubelet silent"} <= set(found.seen_by("desired < nodes"))
behind = {"surge and hostPort", "OnDelete left alone"}
assert behind <= set(found.seen_by("updated < desired"))
assert "kubelet silent" in found.seen_by("misscheduled > 0")
assert "kubelet not ready" in found.seen_by("a node is not Ready")
assert seen["no room for the Pod"].current == 3, "CURRENT counts Pods that no node has room for"
proved("the first rule fires on two faults; the other rules fire on five more")

# %% [markdown]
# The mistake people make is to alert on the first rule alone. It compares two numbers that shrink
# together: DESIRED counts the nodes that pass `NodeShouldRunDaemonPod`, READY those of them with a
# ready Pod
# ([`updateDaemonSetStatus`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# A node whose taint is not tolerated, or whose kubelet is silent, does not pass. (For an agent that
# tolerates every taint it does, and the rule fires: lesson [when-nodes-fail].) Compare with
# something that the DaemonSet does not decide: how many nodes *should* have the agent.
#
# Ready-made alerts have such holes too. These are the three of the
# [kubernetes-mixin](https://github.com/kubernetes-monitoring/kubernetes-mixin/blob/master/alerts/apps_alerts.libsonnet),
# there called `KubeDaemonSetRolloutStuck` and so on. They wait 10 or 15 minutes, and the first asks
# besides that UP-TO-DATE has not changed for 5: a rollout that moves on does not fire it.

# %%
mixin = {
    "RolloutStuck": lambda s: (
        s.misscheduled > 0 or {s.current, s.updated, s.available} != {s.desired}
    ),
    "MisScheduled": lambda s: s.misscheduled > 0,
    "NotScheduled": lambda s: s.desired > s.current,
}
show(ready_made := alerts(seen, mixin))

# %% tags=["claim-C95"]
halted = behind | {"no room for the Pod", "never ready", "kubelet silent"}
assert halted <= set(ready_made.seen_by("RolloutStuck"))
assert "kubelet silent" in ready_made.seen_by("MisScheduled")
assert "a taint not tolerated" in ready_made.unseen
assert not ready_made.seen_by("NotScheduled")
proved("RolloutStuck fires on what has halted; no alert fires on the node that gap leaves out")

# %% [markdown]
# `RolloutStuck` sees all that came to a halt; `MisScheduled` is one of its conditions. None sees the
# node that `gap` leaves out: they compare the numbers of the DaemonSet with one another. And
# `NotScheduled` sees nothing here, for CURRENT counts the nodes that have a Pod, also one that the
# scheduler found no room for.
#
# A taint on a node where the Pod runs may go unseen by all of them, until the controller looks at the
# DaemonSet for another reason: then DESIRED falls, and the Pod counts as misscheduled. At the next
# rollout it does not come back (lesson [stuck-rollouts]).
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("preempted-by-the-agent")

# %% [markdown]
# Commit each answer before you run on.

# %%
q1 = predict(
    "check-healthy",
    "The agent is healthy on all workers, and nothing changes. How many of the five rules fire?",
    unit="rules",
)
q1

# %%
kubectl("annotate daemonset agent look=back --overwrite")
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=3 ds/agent --timeout=60s")
with record("agent", live=True) as healthy:
    wait_rollout("agent")
well = alerts({"healthy": sample(healthy.history, "agent")}, rules)
q1.compare(len(well.fired["healthy"]), within=0)

# %%
q2 = predict(
    "check-tape",
    "The agent gets a node selector that no node matches. Does the rule ready < desired fire?",
    choices=("yes", "no"),
)
q2

# %%
zero = {"spec": {"template": {"spec": {"nodeSelector": {"disk": "tape"}}}}}
with record("agent", live=True) as parked:
    kubectl("patch daemonset agent --type merge --patch", json.dumps(zero))
    wait_rollout("agent")
q2.compare(rules["ready < desired"](sample(parked.history, "agent")))

# %% [markdown]
# ## Your turn
#
# `worker3` is full: beside `shop` there is room for two of four agents. `logs` and `traces` came first
# and have the room, but the other two matter more. Without `net` no Pod of the node has a network;
# without `storage` none has its volumes. `logs` can wait, and `traces` can wait longest. Give the four
# agents an order, from `net` to `traces`:
#
# - an agent that comes earlier in the order gets a place on a full node, also when later ones are there
#   already;
# - `shop` has the priority class `shop`, and never gives way to an agent;
# - nothing else is changed: requests, nodes and `shop` stay as they are.
#
# When you check, the checker makes the node tighter: a job of the shop takes half of the room. Then only
# `net` may be left of the four.

# %%
from daemonset_course.lessons import exercise

turn = exercise("priority-and-eviction")
turn.start()

# %%
# %kubectl get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName,PRIORITY:.spec.priority,STATUS:.status.phase

# %% [markdown]
# Write PriorityClasses between the quotes, with `---` between two of them. For the agents write
# `%kubectl patch daemonset` under it in the same cell, or use `kubectl edit` in a terminal.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

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
# - Requests and limits on every agent; multiply them by the nodes.
# - Few labels in the selector: they are there for good.
# - A priority makes room when a node is full. It removes somebody else.
# - A disruption budget stops evictions, not rollouts, and only `minAvailable` as a number works.
# - Surge where two Pods of the agent can live side by side, `maxUnavailable` where they cannot.
# - Alert on READY against the nodes that *should* have the agent, on UP-TO-DATE that stands still,
#   on misscheduled Pods, and on the nodes themselves.
