# %% [markdown]
# # Taints and tolerations

# %%
from daemonset_course import apply, cordon, kubectl, predict, proved, record, reset, show, step
from daemonset_course import taint, wait_rollout, why
from daemonset_course.lessons import attempts, nodes_with, set_network_unavailable, set_pressure

# %%
fleet = reset(workers=6)
plane, one, two, three, four, five, six = fleet.nodes
set_network_unavailable(six, status=False)  # an earlier run may have left it without
set_pressure(six, "disk", status=False)
fleet

# %% [markdown]
# ## The claim
#
# > DaemonSet Pods respect taints: a tainted node repels Pods without a matching toleration. The
# > controller adds six tolerations by itself, so that agents keep running while a node is not ready,
# > unreachable, short of disk, memory or process ids, or cordoned. To run on control-plane nodes,
# > add a toleration for `node-role.kubernetes.io/control-plane`.
#
# `plain` is an agent without any toleration of its own.

# %%
from pathlib import Path

print(Path("../manifests/taints-and-tolerations/plain.yaml").read_text())

# %%
count = predict(
    "taints-count",
    "The cluster has six workers and a control plane. plain has no toleration of its own. "
    "How many Pods will it have?",
    unit="Pods",
)
count

# %%
apply("../manifests/taints-and-tolerations/plain.yaml")
status = wait_rollout("plain")
count.compare(status.desired, within=0)

# %% tags=["claim-C32", "claim-C42"]
assert kubectl(f"get node {plane} -o jsonpath={{.spec.taints[*].key}}").endswith("control-plane")
assert nodes_with("plain") == set(fleet.workers)
proved("plain runs on the six workers, and the control plane has its taint")

# %% [markdown]
# `why` asks the controller's rules about one node, or about all, and creates nothing.

# %%
why(plane, "plain")

# %% [markdown]
# ### Who complains?
#
# Does the DaemonSet say that it leaves a node out? We put a Deployment beside it, `pinned`, whose one
# Pod may run on control-plane nodes only and does not tolerate their taint.

# %%
complains = predict(
    "complains",
    "The control plane has a taint that neither workload tolerates: the DaemonSet plain leaves that "
    "node out, and the Deployment pinned may run nowhere else. Which of the two reports a problem, "
    "in an event or in a Pod's status?",
    choices=("plain", "pinned", "both", "neither"),
)
complains

# %%
apply("../manifests/taints-and-tolerations/pinned.yaml")
kubectl("wait --for=create pod -l app=pinned --timeout=30s")
kubectl("wait --for=condition=PodScheduled=False pod -l app=pinned --timeout=30s")
unbound = '-o=jsonpath={.items[0].status.conditions[?(@.type=="PodScheduled")].message}'
print(kubectl("get pods -l app=pinned", unbound))

# %%
import json

uid = kubectl("get daemonset plain -o jsonpath={.metadata.uid}")
events = json.loads(kubectl(f"get events --field-selector involvedObject.uid={uid} -o json"))
warnings = [event for event in events["items"] if event["type"] == "Warning"]
complains.compare("pinned" if not warnings else "both")

# %% tags=["claim-C32"]
assert "untolerated taint(s)" in kubectl("get pods -l app=pinned", unbound)
assert warnings == []
assert (status.desired, status.ready, status.unavailable, status.misscheduled) == (6, 6, 0, 0)
proved("the Pod of pinned names the taint; plain has no warning, and all its numbers are as wanted")

# %% [markdown]
# A Deployment's Pod waits, Pending, with a reason. A DaemonSet's Pod is never created: no Pending
# Pod, no warning, and DESIRED equals READY. An alert that compares those two does not see the gap: do
# not rely on it alone.
#
# ## The toleration for control planes
#
# `control-plane` is the same agent with the toleration that the claim names.

# %%
apply("../manifests/taints-and-tolerations/control-plane.yaml")
wait_rollout("control-plane")
why(plane, "control-plane")

# %% tags=["claim-C06", "claim-C42", "claim-C43"]
assert nodes_with("control-plane") == set(fleet.nodes)
proved("control-plane runs on all seven nodes")

# %% [markdown]
# ## A zoo of taints
#
# It covers every node, so far. Now each worker but the first gets something of its own: a GPU node,
# one for databases, one to be used last, one that is cordoned, and one without a network. We begin
# anew, so that no Pod is there from before.

# %%
kubectl("delete daemonsets plain control-plane --cascade=foreground --ignore-not-found")
taint(two, "gpu=true:NoSchedule")
taint(three, "dedicated=db:NoExecute")
taint(four, "last=resort:PreferNoSchedule")
cordon(five)
set_network_unavailable(six, status=True)

# %%
for node in fleet.nodes:
    taints = kubectl(f"get node {node} -o jsonpath={{.spec.taints}}")
    print(node, *[f"{t['key']}:{t['effect']}" for t in json.loads(taints or "[]")])

# %%
zoo_count = predict(
    "zoo",
    "The seven nodes have the taints listed above. control-plane tolerates one of them, "
    "node-role.kubernetes.io/control-plane, by its own template. On how many nodes will it run?",
    unit="nodes",
)
zoo_count

# %% [markdown]
# Three more agents come along: `no-schedule` tolerates any key with the effect `NoSchedule`,
# `host-network` tolerates nothing and uses its node's network, `everything` has one line:
# `operator: Exists`.

# %%
from daemonset_course.lessons import coverage

agents = ["plain", "control-plane", "host-network", "no-schedule", "everything"]
with record("plain", live=True) as zoo:
    for name in ("plain", "control-plane", "others"):
        apply(f"../manifests/taints-and-tolerations/{name}.yaml")
    for name in agents:
        wait_rollout(name)
show(coverage(zoo.history, agents))

# %%
covered = {name: nodes_with(name) for name in agents}
zoo_count.compare(len(covered["control-plane"]), within=0)

# %% tags=["claim-C43"]
assert covered["plain"] == {one, four, five}
assert covered["control-plane"] == {plane, one, four, five}
proved("a key admits to the nodes with that key: control-plane has one node more than plain")

# %% tags=["claim-C33"]
assert covered["no-schedule"] == set(fleet.nodes) - {three}
assert covered["everything"] == set(fleet.nodes)
proved("no-schedule misses the one node with NoExecute, and everything misses none")

# %% [markdown]
# A toleration with a key covers that key and no other. Agents that must be everywhere (log
# collectors, network plugins) say `operator: Exists` and nothing else. Everybody else names what is
# meant.
#
# The rules, and the node that each of them keeps off `control-plane`:

# %%
why("control-plane")

# %%
assert {name: set(why(name).runs_on) for name in agents} == covered
proved("for each of the five agents the rules give the nodes where it runs")

# %% [markdown]
# `PreferNoSchedule` keeps no DaemonSet off. But `plain` tolerates nothing, and yet covers the
# cordoned node, which has the taint `node.kubernetes.io/unschedulable:NoSchedule`; and
# `host-network` covers the node without a network.
#
# ## The automatic tolerations
#
# The claim says that the controller adds six.

# %%
added = predict(
    "added",
    "The template of host-network has no toleration, and hostNetwork: true. "
    "How many tolerations does one of its Pods have?",
    unit="tolerations",
)
added

# %%
from daemonset_course.lessons import tolerations_by_object

objects = {
    "template": ("daemonsets", "plain"),
    "its Pod": ("pods", "plain"),
    "hostNetwork": ("pods", "host-network"),
    "Deployment": ("pods", "pinned"),
}
show(tolerations_by_object(zoo.history, objects))


# %%
def tolerations(app):
    """The tolerations of the first Pod with this label."""
    return json.loads(kubectl(f"get pods -l app={app} -o jsonpath={{.items[0].spec.tolerations}}"))


# %%
added.compare(len(tolerations("host-network")), within=0)

# %% tags=["claim-C34"]
assert "tolerations" not in kubectl("get daemonset plain -o jsonpath={.spec.template.spec}")
assert len(tolerations("plain")) == 6
assert all("tolerationSeconds" not in each for each in tolerations("plain"))
proved("the template of plain has no toleration; its Pod has six, none with an end")

# %% [markdown]
# The controller writes them into the Pods, not into the template. A Deployment's Pod has two, for
# 300 seconds, from the API server. And there is a seventh, for `network-unavailable`, where the Pod
# uses its node's network and so needs no other.

# %%
assert [each["tolerationSeconds"] for each in tolerations("pinned")] == [300, 300]
proved("the Pod of pinned has two tolerations, each with tolerationSeconds: 300")

# %% tags=["claim-C41"]
more = {each["key"] for each in tolerations("host-network")}
more -= {each["key"] for each in tolerations("plain")}
assert more == {"node.kubernetes.io/network-unavailable"}
assert six in covered["host-network"] - covered["plain"]
proved("network-unavailable is the one toleration that host-network has and plain has not")

# %% [markdown]
# What if you write one of the six yourself, with an end?

# %%
end = predict(
    "end",
    "The template of short tolerates the taint node.kubernetes.io/not-ready with NoExecute and "
    "tolerationSeconds: 30. For how long will its Pods tolerate a node that is not ready?",
    choices=("30 s", "for ever"),
)
end

# %%
import yaml

NOT_READY = "node.kubernetes.io/not-ready"
timed = {"key": NOT_READY, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}
short = yaml.safe_load(
    Path("../manifests/taints-and-tolerations/plain.yaml").read_text().replace("plain", "short")
)
short["spec"]["template"]["spec"]["tolerations"] = [timed]
apply(short)
wait_rollout("short")

# %%
kept = [each for each in tolerations("short") if each["key"] == NOT_READY]
print(kept)
end.compare("30 s" if "tolerationSeconds" in kept[0] else "for ever")

# %% tags=["claim-C34"]
assert len(tolerations("short")) == 6
assert [each for each in kept if "tolerationSeconds" in each] == []
proved("the Pod has six tolerations, and that of not-ready has no end")

# %% [markdown]
# The controller overwrites it. What makes no sense at all is refused: only `NoExecute` evicts, so
# only there can a toleration end.

# %%
from daemonset_course import rejected

with rejected("effect must be 'NoExecute' when"):
    short["spec"]["template"]["spec"]["tolerations"] = [timed | {"effect": "NoSchedule"}]
    apply(short, dry_run=True)

# %% [markdown]
# ## Why
#
# For each node the controller asks `NodeShouldRunDaemonPod`
# ([`pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
# name, selector, affinity, then taints. It looks at `NoSchedule` and `NoExecute` only. If one is not
# tolerated, no Pod is created there. A second answer is about a Pod that is there already: the next
# experiment shows it.
# The list of tolerations is in `AddOrUpdateDaemonPodTolerations`
# ([`daemonset_util.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
#
# ## A taint that comes later
#
# We remove all taints but that of the control plane, and start `plain` on all six workers.

# %%
set_network_unavailable(six, status=False)
reset(workers=6)
apply("../manifests/taints-and-tolerations/plain.yaml")
wait_rollout("plain")

# %%
leaves = predict(
    "taints-leaves",
    "plain runs on six workers. Three of them get a taint that it does not tolerate, each with "
    "another effect: PreferNoSchedule, NoSchedule, NoExecute. "
    "Which effects remove the Pod that runs there?",
    choices=("none of them", "NoExecute", "NoSchedule and NoExecute", "all three"),
)
leaves

# %%
from contextlib import suppress

from daemonset_course import CommandFailed

effects = {one: "PreferNoSchedule", two: "NoSchedule", three: "NoExecute"}
for node, effect in effects.items():
    taint(node, f"late=yes:{effect}")

# %%
for node in effects:
    with suppress(CommandFailed):  # a Pod that stays is not waited for any longer
        place = f"--field-selector spec.nodeName={node}"
        kubectl(f"wait --for=delete pod -l app=plain {place} --timeout=4s")
gone = set(fleet.workers) - nodes_with("plain")

# %%
removing = " and ".join(effect for node, effect in effects.items() if node in gone)
leaves.compare({0: "none of them", 3: "all three"}.get(len(gone), removing))

# %% tags=["claim-C32"]
assert [effects[node] for node in gone] == ["NoExecute"]
proved("the Pod is gone from the node with NoExecute and from no other")

# %% [markdown]
# A Pod that is there may stay unless the taint is `NoExecute`: that is the second answer of
# `NodeShouldRunDaemonPod`. The Pod on the `NoSchedule` node stays, and its node no longer counts as
# desired: the Pod is *misscheduled*. The status may be late with that; a change of the DaemonSet makes the controller look.

# %%
kubectl("annotate daemonset plain look=again --overwrite")
kubectl("wait --for=jsonpath={.status.numberMisscheduled}=1 daemonset/plain --timeout=30s")
status = wait_rollout("plain")
status

# %%
assert (status.desired, status.ready, status.misscheduled) == (4, 4, 1)
proved("two of six nodes no longer count, and one of them still has a Pod")

# %% [markdown]
# The next rollout deletes that Pod, and no new one comes (lesson [stuck-rollouts] draws it).

# %%
kubectl("rollout restart daemonset plain")
wait_rollout("plain")
kubectl(f"wait --for=delete pod -l app=plain --field-selector spec.nodeName={two} --timeout=60s")

# %%
assert two not in nodes_with("plain")
proved("after the rollout the node with NoSchedule has no Pod")

# %%
for node in effects:
    taint(node, "late-")
wait_rollout("plain")

# %% [markdown]
# ## Cordon and drain

# %%
back = predict(
    "back",
    "A node is cordoned. Then its Pod of plain is deleted. Will plain get a Pod on this node again?",
    choices=("yes", "no"),
)
back

# %%
on_one = f"-l app=plain --field-selector spec.nodeName={one}"
cordon(one)
kubectl(f"delete pod {on_one}")
after_cordon = wait_rollout("plain")
back.compare("yes" if one in nodes_with("plain") else "no")

# %% tags=["claim-C40"]
assert one in nodes_with("plain")
assert after_cordon.desired == 6
proved("the cordoned node has a Pod again, and counts as desired")

# %% [markdown]
# So evicting an agent would be in vain. What does `kubectl drain` make of it?

# %%
from daemonset_course import drain

try:
    drain(one)
    answer = "drained"
except CommandFailed as error:
    answer = error.seen
print(answer)

# %% tags=["claim-C40"]
before = kubectl(f"get pods {on_one} -o name")
assert "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" in answer
assert "ignoring DaemonSet-managed Pods" in drain(one, "--ignore-daemonsets")
assert kubectl(f"get pods {on_one} -o name") == before
proved("drain refuses; with --ignore-daemonsets it succeeds, and the Pod is still there")

# %% [markdown]
# It refuses unless you tell it to ignore DaemonSets, and a drained node still runs its agents.

# %%
cordon(one, undo=True)
None

# %% [markdown]
# ## Nodes that fail
#
# `web` is a Deployment with a Pod in each of two zones. We break the two nodes where it runs. One
# kubelet reports that its container runtime is down: *not ready*. The other one falls silent:
# *unreachable*. While they are broken we also create `late`, the same agent under another name.

# %%
from daemonset_course import break_node, recover_node

apply("../manifests/taints-and-tolerations/web.yaml")
kubectl("rollout status deployment/web --timeout=60s")
silent, unready = sorted(nodes_with("web"))


# %%
def pods(app):
    """Each Pod's identity on the two nodes, without those that were asked to stop."""
    items = json.loads(kubectl(f"get pods -l app={app} -o json"))["items"]
    here = [pod for pod in items if pod["spec"].get("nodeName") in (silent, unready)]
    return {pod["metadata"]["uid"] for pod in here if "deletionTimestamp" not in pod["metadata"]}


running, serving = pods("plain"), pods("web")
late = Path("../manifests/taints-and-tolerations/plain.yaml").read_text().replace("plain", "late")
web_there = f"-l app=web --field-selector spec.nodeName={silent}"

# %%
stays = predict(
    "stays",
    "Two nodes fail: one becomes not ready, the other unreachable. On both there is a Pod of the "
    "DaemonSet plain and a Pod of the Deployment web, which tolerates such a node for 3 s. "
    "Whose Pods are not deleted?",
    choices=("plain", "web", "both", "none"),
)
stays

# %%
with record("plain", live=True) as failing:
    break_node(unready, "not ready")
    break_node(silent)
    apply(late)
    late_status = wait_rollout("late")
    kubectl("rollout status deployment/web --timeout=60s")
    left = {app: pods(app) for app in ("plain", "web")}
    phases = kubectl("get pods -l app=plain -o jsonpath={.items[*].status.phase}")
    marked = kubectl(f"get pods {web_there} -o jsonpath={{.items[*].metadata.deletionTimestamp}}")
    recover_node(silent)
    recover_node(unready)

# %%
from daemonset_course.lessons import node_taints

show(node_taints(failing.history, [unready, silent], ["plain", "web"]))

# %%
kept = [app for app, was in (("plain", running), ("web", serving)) if was <= left[app]]
stays.compare({0: "none", 1: kept[0] if kept else "", 2: "both"}[len(kept)])

# %% tags=["claim-C35", "claim-C36"]
assert pods("plain") == left["plain"] == running
assert set(phases.split()) == {"Running"}
assert left["web"] == set()
assert len(marked.split()) == 1
proved("the Pods of plain are the same as before; both Pods of web were deleted, one of them late")

# %% [markdown]
# The agents stay, and are the same Pods when the nodes are back: they tolerate both `NoExecute`
# taints for ever. `web` tolerates them for three seconds, then its Pods are deleted. On the silent node
# no kubelet confirms that, so that Pod stays in the list until its node is back.
#
# But "keep running" is a promise to Pods that are there. Each broken node has a second taint, with
# the effect `NoSchedule`, and the automatic tolerations do not cover that one. What did `late` want
# while two of six workers were broken?

# %%
print(late_status)

# %% tags=["claim-C35", "claim-C36"]
assert late_status.desired == 4
assert wait_rollout("late").desired == 6
proved("late wanted 4 nodes while two were broken, and 6 when they were back")

# %% [markdown]
# Four nodes. A node that is not ready gets no new agent. And that the silent node's Pod is "Running"
# is only the last status that its kubelet sent.

# %%
kubectl("delete deployment web --ignore-not-found")
kubectl("delete daemonset late plain --cascade=foreground --ignore-not-found")
None

# %% [markdown]
# ## Nodes under pressure
#
# Three of the six tolerations promise that an agent runs on a node short of disk, memory or process
# ids. They satisfy controller and scheduler. A third component decides: the kubelet. That
# takes a real one; on the embedded cluster you see a **recording** made on kind.
#
# Three nodes, each short of something: the first of disk, the second of memory, the third of process
# ids. `plain` is the agent as you know it; `critical` has the priority class
# `system-node-critical`.

# %%
pressed_plain = predict(
    "pressed",
    "Three nodes are each short of something: the first of disk, the second of memory, the third of "
    "process ids (pid). plain tolerates the taints of all three and has neither requests nor a "
    "priority. On which of the three does it run at all?",
    nodes=("disk", "memory", "pid"),
)
pressed_plain

# %%
from daemonset_course import NotFinished
from daemonset_course.lessons import pressure


# %%
@step("pressure", needs="pressure")
def pressed():
    """Agents on nodes short of something"""
    short = dict(zip(fleet.workers, ("disk", "memory", "pid"), strict=False))
    with pressure(short), record("plain") as run:
        apply("../manifests/taints-and-tolerations/pressed.yaml")
        wait_rollout("critical")
        with suppress(NotFinished):
            wait_rollout("plain", timeout=20)
    return {"short of": {what: node for node, what in short.items()}, "log": run}


# %%
print(pressed.label)
log, nodes = pressed.result["log"], pressed.result["short of"]


# %%
def tried(what, name):
    """The Pods that this DaemonSet got on the node short of that, one after the other."""
    return attempts(log.history, nodes[what], name)


# %%
run = [what for what in nodes if any(each.ran for each in tried(what, "plain"))]
log.plot(title=f"plain ran where its node was short of {', '.join(run) or 'nothing'}")

# %%
for what in nodes:
    said = next(each.message for each in tried(what, "plain") if each.message)
    print(f"{what}: {said.split('. ')[0]}")

# %%
pressed_plain.compare(run, source=pressed.source)

# %% tags=["claim-C37", "claim-C39"]
for what, condition in {"disk": "DiskPressure", "pid": "PIDPressure"}.items():
    refused = tried(what, "plain")
    assert f"The node had condition: [{condition}]" in refused[0].message
    assert len(refused) > 2
    assert not any(each.ran for each in refused)
proved("short of disk or process ids, the kubelet refused one Pod of plain after the other")

# %% tags=["claim-C38"]
evicted = tried("memory", "plain")[0]
assert evicted.ran
assert "low on resource: memory" in evicted.message
proved("short of memory, a Pod of plain ran and was evicted")

# %%
for what in nodes:
    assert [each.ran for each in tried(what, "critical")] == [True]
proved("critical has one Pod on each of the three nodes, and it ran")

# %% [markdown]
# Short of disk or process ids, the kubelet refuses every Pod that is not *critical*, whatever it
# tolerates. (The Pods of the two system priority classes and static Pods are critical.) The Pod fails,
# the controller deletes it and tries again, later each time. Short of memory alone, the kubelet refuses
# only a *BestEffort* Pod, one without requests and limits, that does not tolerate the taint. `plain` is
# BestEffort and tolerates it: it is let in, runs, and is evicted when the kubelet needs the memory. Of
# the agents only a critical one comes through all three. (The kubelet's rule:
# [`Admit` in `pkg/kubelet/eviction/eviction_manager.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/eviction/eviction_manager.go).)
# So "run even under disk pressure" promises too much: it is *tried* even then.
#
# ### Who refused?
#
# Was it really the kubelet? Our last worker is simulated: no kubelet measures its disk or refuses a
# Pod there. We write the condition `DiskPressure` into its status, and the node
# controller adds the taint, as on the real one. `simulated` is once more an agent without a toleration of
# its own.

# %%
believed = predict(
    "believed",
    "A simulated node has the condition DiskPressure and its taint, and no kubelet that refuses "
    "Pods. Will the Pod of simulated, which has the six automatic tolerations, be ready there?",
    choices=("yes", "no"),
)
believed

# %%
set_pressure(six, "disk", status=True)
apply(
    Path("../manifests/taints-and-tolerations/plain.yaml").read_text().replace("plain", "simulated")
)
wait_rollout("simulated")
believed.compare("yes" if six in nodes_with("simulated") else "no")

# %% tags=["claim-C37"]
taints = kubectl(f"get node {six} -o jsonpath={{.spec.taints[*].key}}").split()
assert "node.kubernetes.io/disk-pressure" in taints
assert six in nodes_with("simulated")
proved("the node has the taint of disk pressure, and a Pod of simulated")

# %%
set_pressure(six, "disk", status=False)
kubectl("delete daemonset simulated --ignore-not-found")
None

# %% [markdown]
# It runs there. Condition and taint are the same as before, and the six tolerations do what the
# claim says; what was missing is the kubelet that refuses.
#
# ## A toleration with an end
#
# `patient` tolerates the taint `maintenance` with `NoExecute` for two seconds: time to finish its
# work, its author thought.

# %%
apply("../manifests/taints-and-tolerations/patient.yaml")
wait_rollout("patient")

# %%
returns = predict(
    "returns",
    "patient tolerates a NoExecute taint for 2 s. A node gets this taint, and two seconds later the "
    "Pod of patient is evicted. While the taint is there, does a Pod of patient come back to this "
    "node, or does it stay away?",
    choices=("come back", "stay away"),
)
returns

# %%
on_two = f"-l app=patient --field-selector spec.nodeName={two}"
loop = record("patient", live=True)
loop.start()
evicted = kubectl(f"get pods {on_two} -o name").strip()
taint(two, "maintenance=now:NoExecute")
kubectl(f"wait --for=delete {evicted} --timeout=30s")

# %%
kubectl(f"wait --for=create pod {on_two} --timeout=30s")
evicted = kubectl(f"get pods {on_two} -o name").strip()
kubectl(f"wait --for=delete {evicted} --timeout=30s")
kubectl(f"wait --for=create pod {on_two} --timeout=30s")
loop.stop()
proved("the recording is long enough for two evictions")

# %%
lives = attempts(loop.history, two, "patient")
print(f"measured: {len(lives)} Pods, one after the other, on the tainted node")
returns.compare("come back" if len(lives) > 1 else "stay away")

# %%
loop.plot()

# %%
assert len(lives) > 2
assert wait_rollout("patient").desired == 6
proved("the node got more than two Pods, one after the other, and counts as desired")

# %% [markdown]
# It comes back, to be evicted again, for ever. Two parts of Kubernetes disagree: the taint eviction
# controller looks at the seconds, the DaemonSet controller does not. Tolerate a taint for ever, or
# not at all.

# %%
taint(two, "maintenance-")
kubectl("delete daemonset patient --ignore-not-found")
None

# %% [markdown]
# ## The mistake people make
#
# A GPU agent is meant for the node with `gpu=true:NoSchedule`. Its author writes key and effect.

# %%
on_gpu = predict(
    "gpu",
    "A node has the taint gpu=true:NoSchedule. A DaemonSet has one toleration, with key: gpu and "
    "effect: NoSchedule and nothing else. Will this node get its Pod?",
    choices=("yes", "no"),
)
on_gpu

# %%
taint(two, "gpu=true:NoSchedule")
gpu = yaml.safe_load(
    Path("../manifests/taints-and-tolerations/plain.yaml").read_text().replace("plain", "gpu")
)
gpu["spec"]["template"]["spec"]["tolerations"] = [{"key": "gpu", "effect": "NoSchedule"}]
apply(gpu)
print(kubectl("rollout status daemonset/gpu --timeout=60s").splitlines()[-1])
on_gpu.compare("yes" if two in nodes_with("gpu") else "no")

# %%
why(two, "gpu")

# %%
assert two not in nodes_with("gpu")
proved("the GPU node has no Pod of gpu")

# %% [markdown]
# Without `operator: Exists` the *value* must be equal, and this toleration has none. The rollout is
# a success all the same: nothing is wrong by the DaemonSet's own numbers. Here is the repair (on all
# nodes at once, to be quick: lesson [rolling-update]):

# %%
gpu["spec"]["template"]["spec"]["tolerations"][0]["operator"] = "Exists"
gpu["spec"]["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": "100%"}}
apply(gpu)
wait_rollout("gpu")

# %%
assert nodes_with("gpu") == set(fleet.workers)
proved("gpu runs on all six workers")

# %% [markdown]
# Now it is on the GPU node, and on the five others too. A toleration permits a Pod on a node; it does
# not direct it there. Choose nodes with a `nodeSelector`, and tolerate their taint besides.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("one-less-than-nodes")

# %%
symptom("misscheduled")

# %%
symptom("evicted-by-noexecute")

# %% [markdown]
# Commit an answer to each, then run the cell below it.


# %%
def runs_on(**toleration):
    """On how many of the seven nodes the agent runs with this one toleration."""
    gpu["spec"]["template"]["spec"]["tolerations"] = [toleration]
    apply(gpu)
    return wait_rollout("gpu").desired


# %%
q1 = predict(
    "check-effect",
    "Two of the seven nodes have a taint with the effect NoSchedule: the control plane, and the GPU "
    "node with gpu=true. An agent's only toleration has operator: Exists and effect: NoExecute. "
    "On how many nodes does it run?",
    unit="nodes",
)
q1

# %%
q1.compare(runs_on(operator="Exists", effect="NoExecute"), within=0)

# %%
q2 = predict(
    "check-value",
    "The same seven nodes. Now the agent's only toleration has key: gpu and value: 'true'. "
    "On how many nodes does it run?",
    unit="nodes",
)
q2

# %%
q2.compare(runs_on(key="gpu", value="true"), within=0)

# %%
q3 = predict(
    "check-pod",
    "The template of the DaemonSet gpu has one toleration, of the taint gpu=true. "
    "How many tolerations does its Pod have?",
    unit="tolerations",
)
q3

# %%
q3.compare(len(tolerations("gpu")), within=0)

# %% [markdown]
# ## Your turn
#
# Five workers, three of them with a taint. Change the DaemonSet `agent` so that it runs on every
# worker except the one in quarantine, with the fewest tolerations that do it. The nodes stay as they
# are.
#
# The check also tries your template on 200 fleets that you have not seen. Some of their nodes have a
# taint with a key that you see here, and with another value and effect: `agent` must not run there.

# %%
from daemonset_course.lessons import exercise

turn = exercise("taints")
turn.start()

# %%
kubectl("get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints")

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
# - A missing toleration is not reported: no Pod, no event, and DESIRED equals READY.
# - Six tolerations come by themselves, seven with `hostNetwork`. Two of them keep an agent on a node
#   that is not ready or silent, and bring none there. The others get it past controller and scheduler
#   to a node that is cordoned, under pressure or, with `hostNetwork`, without a network.
# - `NoSchedule` later: the Pod stays, misscheduled. `NoExecute`: it goes. Cordon and drain: it stays.
# - Under pressure the kubelet decides, by the Pod's priority.
# - A toleration permits; it does not attract.
