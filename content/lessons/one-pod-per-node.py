# %% [markdown]
# # One Pod per node

# %%
from daemonset_course import add_node, apply, current, kubectl, predict, proved, record, rejected
from daemonset_course import reset, show, wait_rollout, wait_settled
from daemonset_course.lessons import count_by_node, counts, daemonset_status

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > A DaemonSet keeps exactly one copy of a Pod on every node, or on every node of a subset. There
# > is no replica count: the nodes decide. As nodes join, Pods are added to them. As nodes are
# > removed, their Pods are garbage collected. Deleting a DaemonSet cleans up its Pods.
#
# Most of it needs a footnote. This is our agent; it waits and does nothing else.

# %%
from pathlib import Path

print(Path("../manifests/one-pod-per-node/agent.yaml").read_text())

# %%
apply("../manifests/one-pod-per-node/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## No replica count
#
# A Deployment has `replicas`, and `kubectl scale` changes it. Try both here.

# %%
agent = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}}
with rejected("the kind has no such field"):
    apply(agent | {"spec": {"replicas": 3}}, dry_run=True)

# %%
from daemonset_course.lessons import try_kubectl

scale = try_kubectl("scale daemonset agent --replicas=5")
autoscale = try_kubectl("autoscale daemonset agent --max=5")
print(scale, autoscale, sep="\n")

# %% tags=["claim-C02"]
assert "could not find the requested resource" in scale
assert "could not find scale subresource" in autoscale
proved("kubectl scale and kubectl autoscale are refused")

# %% [markdown]
# There is neither the field nor a `scale` subresource. So no HorizontalPodAutoscaler works on a
# DaemonSet either: more Pods means more nodes.
#
# ## A node joins
#
# A new node is not ready at once: its kubelet and its network need a moment. Does the Pod wait for
# that? Beside the agent we put `eager`, the same agent but for one toleration: of every taint.

# %%
apply("../manifests/one-pod-per-node/eager.yaml")
wait_rollout("eager")

# %%
first = predict(
    "one-first",
    "A node joins the cluster. The DaemonSets agent and eager will both have a Pod on it, and eager "
    "tolerates every taint. Whose Pod is created first?",
    choices=("agent", "eager"),
)
first

# %%
from daemonset_course.lessons import joining

with record("agent", live=True) as join:
    new_node = add_node()[0]
    wait_rollout("agent")
    wait_rollout("eager")
steps = joining(join.history, new_node, ["agent", "eager"])
show(steps)

# %%
first.compare(min(steps.created, key=lambda name: steps.created[name]))

# %% tags=["claim-C04"]
assert steps.added < steps.untainted < steps.created["agent"]
assert steps.created["eager"] < steps.created["agent"]
proved("eager has a Pod on the new node before agent, which waits until the taint is removed")

# %% [markdown]
# So a Pod is added when the node becomes *eligible*, not when it joins. Every new Node object gets
# the taint `node.kubernetes.io/not-ready:NoSchedule`, put there by the API server
# ([admission plugin `TaintNodesByCondition`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/plugin/pkg/admission/nodetaint/admission.go)),
# and the node controller removes it once the kubelet reports Ready. An ordinary agent waits for
# that. A network plugin must not wait: without it the node never becomes ready.

# %%
kubectl("delete daemonset eager --ignore-not-found")
None

# %% [markdown]
# ## Many nodes join
#
# Now we grow the fleet, and do nothing to the DaemonSet.

# %%
grown = predict(
    "grown",
    "The agent runs on four workers. The fleet grows to 6, to 50 and to 120 workers, and the "
    "DaemonSet is not changed. How many Pods will the agent have in the end?",
    unit="Pods",
)
grown

# %%
with record("agent", live=True) as growth:
    for size in (6, 50, 120):
        add_node(count=size - len(current().workers()))
        wait_rollout("agent")
show(counts(growth.history))

# %%
status = wait_rollout("agent")
grown.compare(status.desired, within=0)

# %% tags=["claim-C11"]
assert status.desired == status.ready == len(current().workers())
proved("DESIRED and READY are the number of workers")

# %% [markdown]
# The wide line counts the workers. DESIRED and READY climb after it, as the taints of the new nodes
# are removed. Is it really one on each?

# %% tags=["claim-C01", "claim-C08"]
assert count_by_node("agent") == dict.fromkeys(current().workers(), 1)
proved("each worker has exactly one Pod of the agent")

# %% [markdown]
# ## Why
#
# For each node the controller asks one function
# ([`NodeShouldRunDaemonPod` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
#
# 1. Does the node's name match, if the template gives one?
# 2. Do its labels match `nodeSelector` and the required node affinity?
# 3. Does the Pod tolerate all its `NoSchedule` and `NoExecute` taints?
#
# If so, the node should have one Pod; the controller creates missing Pods and deletes extra ones.
# DESIRED is the number of nodes that pass. "Exactly one" is what it works towards, not
# what you can rely on at every moment.
#
# ## A Pod that does not fit
#
# Free CPU is not among the three questions. `hungry` requests more CPU than any node has.

# %%
workers = len(current().workers())
print(f"{workers} workers")

# %%
none = predict(
    "one-current",
    "The DaemonSet hungry requests more CPU than any node has. All 120 workers are eligible for it. "
    "What will its CURRENT be?",
    unit="nodes",
)
none

# %%
apply("../manifests/one-pod-per-node/hungry.yaml")

# %%
kubectl(f"wait --for=jsonpath={{.status.currentNumberScheduled}}={workers} daemonset/hungry")
wait_settled("app=hungry", pods=workers)
proved("the controller and the scheduler have looked at every worker")

# %%
print(kubectl("get daemonset hungry"))
message = "jsonpath={.items[0].status.conditions[?(@.type=='PodScheduled')].message}"
print(kubectl("get pods -l app=hungry -o", message))

# %%
status = daemonset_status("hungry")
none.compare(status.current, within=0)

# %% tags=["claim-C01"]
assert (status.current, status.ready) == (workers, 0)
proved("CURRENT counts every worker, and READY none")

# %% [markdown]
# CURRENT is full and nothing runs. CURRENT counts nodes for which a Pod *object* exists, and these
# wait for the scheduler, which finds no room. Watch READY, not CURRENT. (A node is also without an
# agent while a Pod is replaced: lesson [rolling-update].)
#
# ## Nodes leave
#
# All but seven of the workers' Node objects are deleted, as a cloud does when it scales down.

# %%
ghost = predict(
    "ghost",
    "The Node objects of all but seven workers are deleted. When will the API server no longer list "
    "the agent's Pods of these nodes?",
    choices=("at once", "within two minutes", "never"),
)
ghost

# %%
from daemonset_course import remove_node

# %%
ghosts = record("agent")
ghosts.start()
before = wait_rollout("agent").desired
leaving = current().workers()[7:]
remove_node(*leaving)

# %%
print(kubectl("get nodes -o name"))
print(kubectl("get daemonset agent"))

# %%
listed = count_by_node("agent")
print(f"measured: Pods on nodes that are gone: {sum(listed[node] for node in leaving)}")

# %%
assert len(current().workers()) == before - len(leaving) == 7
proved("seven workers are left")

# %% [markdown]
# The nodes are gone, and DESIRED and READY still count them. What you see are ghosts: objects of
# Pods that no kubelet runs. We leave the recording on, go on, and come back to them at the end.
#
# ## A Pod with another label
#
# To keep a misbehaving Pod for a closer look, people change its label, so that the selector does not
# find it any more. `twin` is an agent whose Pods take six seconds to stop; `RELEASE` stands for its
# version.

# %%
apply("../manifests/one-pod-per-node/twin.yaml")
wait_rollout("twin")
place = f"--field-selector spec.nodeName={fleet.workers[0]}"

# %%
two = predict(
    "two",
    "The DaemonSet twin has one Pod on each node. On one node the label of its Pod is changed, so "
    "that the selector of twin no longer matches it. How many of these Pods, with the old label or "
    "the new one, will run on that node?",
    unit="Pods",
)
two

# %%
kubectl("delete pod -l app=quarantine")  # of an earlier run of this cell
kubectl(f"label pod -l app=twin {place} app=quarantine --overwrite")
kubectl(f"wait --for=create pod -l app=twin {place} --timeout=30s")
kubectl(f"wait --for=condition=Ready pod -l app=twin {place} --timeout=30s")
listing = "-o=custom-columns=APP:.metadata.labels.app,PHASE:.status.phase"
by_label = "--sort-by={.metadata.labels.app}"
print(kubectl(f"get pods -l 'app in (twin, quarantine)' {place}", listing, by_label))

# %%
found = kubectl(f"get pods -l 'app in (twin, quarantine)' {place} -o name").count("pod/")
two.compare(found, within=0)

# %% tags=["claim-C01"]
owner = kubectl("get pods -l app=quarantine -o jsonpath={.items[*].metadata.ownerReferences}")
assert (found, owner) == (2, "")
proved("the node has two Pods, and the one with the new label has no owner")

# %% [markdown]
# The old Pod lost its owner and runs on; the controller saw a node without a Pod of its own and created
# a new one. Both use the node's memory, and its files where they have a `hostPath`.
#
# There is another way to two: delete a DaemonSet and create its new version at once, as some
# deployment tools do. The Pods of the old one, which are still stopping, do not belong to the new.

# %%
from daemonset_course.lessons import pods_per_node

kubectl("delete pod -l app=quarantine --wait=false")
version_1 = Path("../manifests/one-pod-per-node/twin.yaml").read_text()
version_2 = version_1.replace('value: "1"', 'value: "2"')
with record("twin", live=True) as handover:
    kubectl("delete daemonset twin --wait=false --ignore-not-found")
    apply(version_2)
    wait_rollout("twin")
most = max(pods_per_node(handover.timeline).values())
handover.plot(title=f"Deleted and created again: at most {most} Pods on a node")

# %% tags=["claim-C01"]
assert most == 2
proved("on some node the old Pod and the new one were there at the same time")

# %% [markdown]
# The thin bar is the old Pod, still stopping, beside the new one. `maxSurge` does it on purpose
# (lesson [max-surge]).
#
# ## Deleting
#
# `kubectl delete` can treat what an object owns in three ways: `--cascade=background` (the default),
# `foreground` and `orphan`. First the two that clean up.


# %%
def delete(cascade):
    """A recording of twin's deletion in this way."""
    apply("../manifests/one-pod-per-node/twin.yaml")
    wait_rollout("twin")
    with record("twin", live=True) as run:
        kubectl(f"delete daemonset twin --cascade={cascade}")
        if cascade != "orphan":
            kubectl("wait --for=delete pod -l app=twin --timeout=60s")
    return run


# %%
runs = {cascade: delete(cascade) for cascade in ("background", "foreground")}


# %%
def ends(run):
    """When the DaemonSet was gone, and when its last Pod was, in seconds."""
    marks = run.timeline.marks
    deleted = next(mark.t for mark in marks if mark.text == "DaemonSet deleted")
    return deleted, max(segment.end for segment in run.timeline.segments)


# %%
for cascade, run in runs.items():
    deleted, last = ends(run)
    print(f"measured: {cascade}: DaemonSet gone {deleted:.1f} s, last Pod gone {last:.1f} s")

# %% tags=["claim-C10"]
assert count_by_node("twin") == {}
assert ends(runs["background"])[0] < ends(runs["background"])[1] - 0.5
assert ends(runs["foreground"])[0] > ends(runs["foreground"])[1] - 0.5
proved("no Pod is left; with background the DaemonSet went first, with foreground its last Pod")

# %% [markdown]
# Both clean up. With `background` the DaemonSet goes first, with `foreground` it waits until its last
# Pod is gone. In both it is not the DaemonSet controller that deletes the Pods, but the garbage
# collector: it follows their
# [`ownerReferences`](https://kubernetes.io/docs/concepts/architecture/garbage-collection/).
#
# Now `orphan`.

# %%
left = predict(
    "orphan",
    "twin has seven Pods, one on each worker. You delete the DaemonSet with --cascade=orphan. "
    "How many of the seven Pods are left?",
    unit="Pods",
)
left

# %%
delete("orphan")
left.compare(sum(count_by_node("twin").values()), within=0)

# %% tags=["claim-C10"]
owners = kubectl("get pods -l app=twin -o jsonpath={.items[*].metadata.ownerReferences}")
assert set(count_by_node("twin").values()) == {1}
assert len(count_by_node("twin")) == len(current().workers())
assert owners == ""
proved("each worker still has its Pod, and none of them has an owner")

# %% [markdown]
# All of them, running and without an owner. Create the DaemonSet again: will it adopt them, or
# start new ones?

# %%
from daemonset_course.lessons import uids

orphans = uids("twin")
apply("../manifests/one-pod-per-node/twin.yaml")
wait_rollout("twin")
print(f"Pods that are the same as before: {len(set(uids('twin')) & set(orphans))}")

# %%
assert uids("twin") == orphans
proved("every Pod is the same object as before")

# %% [markdown]
# It adopts them: the labels match its selector and they have no owner. Nothing restarted.
#
# ### The mistake people make
#
# That looks like a way to replace a DaemonSet without a gap: delete with `orphan`, create a *new
# version* under the same name, let it roll.

# %%
adopted = predict(
    "adopted",
    "The Pods of twin run RELEASE 1. You delete twin with --cascade=orphan and create it again with "
    "RELEASE 2 in its template. When kubectl rollout status reports success, "
    "which RELEASE do the Pods run?",
    choices=("1", "2", "1, 2"),
)
adopted

# %%
kubectl("delete daemonset twin --cascade=orphan --ignore-not-found")
apply(version_2)
print(kubectl("rollout status daemonset/twin --timeout=60s").splitlines()[-1])

# %%
release = "jsonpath={.items[*].spec.containers[0].env[0].value}"
running = set(kubectl("get pods -l app=twin -o", release).split())
adopted.compare(", ".join(sorted(running)))

# %%
print(kubectl("get daemonset twin"))

# %%
assert running == {"1"}
proved("no Pod runs RELEASE 2")

# %% [markdown]
# `kubectl rollout status` reports success, UP-TO-DATE is full, and every Pod runs the old version.
# Each DaemonSet counts its templates from 1, and its Pods carry that number. The orphans are of
# template 1, and the new DaemonSet is at 1 too, so it takes them for up to date
# ([`IsPodUpdated`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).

# %%
counted = r"jsonpath={.metadata.annotations.deprecated\.daemonset\.template\.generation}"
carried = "jsonpath={.items[*].metadata.labels.pod-template-generation}"
assert kubectl("get daemonset twin -o", counted) == "1"
assert set(kubectl("get pods -l app=twin -o", carried).split()) == {"1"}
proved("the new DaemonSet counts its template as number 1, and each Pod carries the number 1")

# %% [markdown]
# The course's `wait_rollout` compares the Pods' `controller-revision-hash`, and does not report success.

# %%
from daemonset_course import NotFinished

try:
    wait_rollout("twin", timeout=2)
    complete = True
except NotFinished as error:
    complete = False
    print(error.seen.split("; ")[0])

# %%
assert not complete
proved("wait_rollout does not call this rollout complete")

# %% [markdown]
# The next change of the template rolls them all.

# %%
kubectl("set env daemonset/twin RELEASE=3")
wait_rollout("twin")

# %%
assert set(kubectl("get pods -l app=twin -o", release).split()) == {"3"}
proved("every Pod runs RELEASE 3")

# %% [markdown]
# ## Zero, without deleting
#
# There is no `--replicas=0`. Select a label that no node has instead.

# %%
import json

park = {"spec": {"template": {"spec": {"nodeSelector": {"parked": "yes"}}}}}
kubectl("patch daemonset twin --patch", json.dumps(park))
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=0 daemonset/twin --timeout=30s")
kubectl("wait --for=delete pod -l app=twin --timeout=60s")
print(kubectl("get daemonset twin"))

# %%
assert count_by_node("twin") == {}
assert wait_rollout("twin").desired == 0
proved("twin exists, wants no node, and has no Pod")

# %% [markdown]
# ## Back to the removed nodes
#
# By now the ghosts may be gone; if not, this cell waits for that.

# %%
now = len(current().workers())
wait_settled("app=agent", pods=now, timeout=120)
ghosts.stop()
show(counts(ghosts.history))

# %%
removed = min(mark.t for mark in ghosts.timeline.marks if mark.text == "node deleted")
there = [bar.end for bar in ghosts.timeline.segments if bar.node in leaving]
stayed = max(there) - removed
ghosts.plot(title=f"The last Pod of a removed node was gone {stayed:.0f} s after its node")

# %%
ghost.compare("at once" if stayed < 1 else "within two minutes" if stayed < 120 else "never")

# %%
changes = [change.object for change in ghosts.history.changes("pods")]
conditions = [c for pod in changes for c in pod["status"].get("conditions", [])]
said = {(c["reason"], c["message"]) for c in conditions if c["type"] == "DisruptionTarget"}
print(said)

# %% tags=["claim-C05", "claim-C09"]
assert said == {("DeletionByPodGC", "PodGC: node no longer exists")}
assert stayed > 0
assert not set(leaving) & set(count_by_node("agent"))
proved("the Pods outlived their nodes, and the Pod garbage collector deleted them all")

# %% [markdown]
# So Pods of removed nodes *are* garbage collected, but not by the DaemonSet controller. It watches for
# nodes that are added or changed, and not for nodes that are deleted. The Pod garbage collector cleans
# up
# ([`pkg/controller/podgc/gc_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/podgc/gc_controller.go)):
# it looks every 20 s, and waits 40 s after a node went missing. (The 40 s belong to
# the node's name: if a node of that name was away a moment before, a part of them is over.) So it takes
# 40 to 80 seconds. Until then, or until the controller has another reason to look, DESIRED and READY
# are those from before.
#
# The one exception: Pods that were never bound to a node, as those of `hungry`. The DaemonSet
# controller deletes them itself, but only when it next has a reason to look. Give it one.

# %%
kubectl("annotate daemonset hungry look=again --overwrite")
kubectl(f"wait --for=jsonpath={{.status.desiredNumberScheduled}}={now} ds/hungry --timeout=60s")

# %%
assert kubectl("get pods -l app=hungry -o name").count("pod/") == now
proved("hungry has one Pod for each worker that is left")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("relabelled-pod")

# %%
symptom("adopted-pods")

# %% [markdown]
# Commit an answer to each, then run the cell below it.

# %%
q1 = predict(
    "check-three",
    "The agent has one Pod on each of seven workers. On three of them the label of its Pod is "
    "changed. How many Pods will run, those with the old label and those with the new one together?",
    unit="Pods",
)
q1

# %%
for node in fleet.workers[:3]:
    there = f"-l app=agent --field-selector spec.nodeName={node}"
    kubectl(f"label pod {there} app=retired --overwrite")
    kubectl(f"wait --for=create pod {there} --timeout=30s")
retired, agents = count_by_node("retired"), count_by_node("agent")
q1.compare(sum(retired.values()) + sum(agents.values()), within=0)

# %%
q2 = predict(
    "check-adopt",
    "A DaemonSet is deleted with --cascade=orphan and created again from the same manifest. "
    "Are its Pods restarted?",
    choices=("yes", "no"),
)
q2

# %%
kubectl("delete daemonset agent --cascade=orphan")
kept = kubectl("get pods -l app=agent -o name")
apply("../manifests/one-pod-per-node/agent.yaml")
wait_rollout("agent")
q2.compare("yes" if kubectl("get pods -l app=agent -o name") != kept else "no")

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## Your turn
#
# `agent` runs on three workers in the rack `one`. Two requests arrive.
#
# - More racks are being built. Each worker that joins must get the agent, with any label `rack` or
#   none. The nodes stay as they are, and so does the rest of the template.
# - Another team takes `agent` over. Its tool manages only objects that it has created. So delete the
#   DaemonSet and create it again under the same name. Its Pods keep running meanwhile, and the new
#   DaemonSet adopts the Pod of each worker.
#
# At the end UP-TO-DATE must be right: it counts no Pod of an older template. The check lets a node join,
# removes it again, and tries your template on 200 fleets that you have not seen.

# %%
from daemonset_course.lessons import exercise

turn = exercise("one-pod-per-node")
turn.start()

# %%
# %kubectl get daemonset agent

# %% [markdown]
# Type your commands into the next cell, or without the `%` into a terminal of JupyterLab. In the cell
# `turn.apply("""…""")` applies a manifest.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
# Your commands, such as %kubectl get pods, each on a line of its own:

# %%
turn.check()

# %% [markdown]
# The picture shows all that happened since the start of the exercise.

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
# - The nodes decide how many Pods there are. There is nothing to scale.
# - "Exactly one" is a goal: none while a Pod waits for room or is replaced, two after a change of
#   labels or a hasty re-creation.
# - A Pod is created when its node becomes eligible. After a node is removed, the Pod garbage collector
#   deletes the Pod about a minute later; until then the status may be that from before.
# - `orphan` keeps the Pods; the next DaemonSet of that selector adopts them and may believe that
#   they are up to date.
