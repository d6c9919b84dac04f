# %% [markdown]
# # 01 One Pod per node
#
# After this lesson you can
#
# - say what "one Pod per node" means, and when it is none or two,
# - say what happens, and when, as nodes join and leave,
# - delete a DaemonSet in three ways and say what is left of it,
# - park a DaemonSet at zero Pods without deleting it.
#
# You know Pods and Deployments, and you have done lesson 00. Run the cells from the top; where a
# cell asks for a prediction, type it in place of the `...` before you run on.

# %%
import json
from pathlib import Path

from daemonset_course import NotFinished, add_node, apply, current, kubectl, predict, record
from daemonset_course import rejected, remove_node, reset, show, wait_rollout, wait_settled
from daemonset_course.lessons import count_by_node, counts, daemonset_status, joining, pods_per_node
from daemonset_course.lessons import try_kubectl, uids

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
print(Path("../manifests/lesson-01/agent.yaml").read_text())

# %%
apply("../manifests/lesson-01/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## No replica count
#
# A Deployment has `replicas`, and `kubectl scale` changes it. Try both here.

# %%
agent = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}}
with rejected("the kind has no such field"):
    apply(agent | {"spec": {"replicas": 3}}, dry_run=True)

# %% tags=["claim-C02"]
scale = try_kubectl("scale daemonset agent --replicas=5")
autoscale = try_kubectl("autoscale daemonset agent --max=5")
print(scale, autoscale, sep="\n")
assert "could not find the requested resource" in scale
assert "could not find scale subresource" in autoscale

# %% [markdown]
# There is neither the field nor a `scale` subresource. So no HorizontalPodAutoscaler works on a
# DaemonSet either: more Pods means more nodes.
#
# ## A node joins
#
# A new node is not ready at once: its kubelet and its network need a moment. Does the Pod wait for
# that? Beside the agent we put `eager`, the same agent but for one toleration: of every taint.

# %%
apply("../manifests/lesson-01/eager.yaml")
wait_rollout("eager")

# %%
first = predict("01-first", "Whose Pod is created first on a new node: agent, eager?")
first

# %%
with record("agent") as join:
    new_node = add_node()[0]
    wait_rollout("agent")
    wait_rollout("eager")
show(joining(join.history, new_node, ["eager", "agent"]))

# %% tags=["claim-C04"]
steps = joining(join.history, new_node, ["eager", "agent"])
assert steps.added < steps.untainted < steps.created["agent"]
assert steps.created["eager"] < steps.created["agent"]

# %%
first.compare(min(steps.created, key=lambda name: steps.created[name]))

# %% [markdown]
# So a Pod is added when the node becomes *eligible*, not when it joins. Every new Node object gets
# the taint `node.kubernetes.io/not-ready:NoSchedule`, put there by the API server
# ([admission plugin `TaintNodesByCondition`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/plugin/pkg/admission/nodetaint/admission.go)),
# and the node controller takes it off once the kubelet says Ready. An ordinary agent waits for
# that. A network plugin must not wait: without it the node never becomes ready.

# %%
kubectl("delete daemonset eager --ignore-not-found")
None

# %% [markdown]
# ## Many nodes join
#
# Now we grow the fleet from four workers to 6, to 50 and to 120, and do nothing to the DaemonSet.
# How many Pods will the agent have in the end?

# %%
grown = predict("01-grown", "4 workers, then 6, 50, 120: how many?", unit="Pods")
grown

# %%
with record("agent") as growth:
    for size in (6, 50, 120):
        add_node(count=size - len(current().workers()))
        wait_rollout("agent")
show(counts(growth.history))

# %% tags=["claim-C11"]
status = wait_rollout("agent")
assert status.desired == status.ready == len(current().workers())
grown.compare(status.desired, within=0)

# %% [markdown]
# The wide line counts the workers. DESIRED and READY climb after it, as the taints of the new nodes
# are taken off. Is it really one on each?

# %% tags=["claim-C01", "claim-C08"]
assert count_by_node("agent") == dict.fromkeys(current().workers(), 1)

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
# If so, the node should have one Pod; the controller creates what is missing and deletes what is
# too much. DESIRED is the number of nodes that pass. "Exactly one" is what it works towards, not
# what you can rely on at every moment.
#
# ## A Pod that does not fit
#
# Free CPU is not among the three questions. `hungry` asks each node for more than it has. What will
# its CURRENT be?

# %%
none = predict("01-current", "The agent fits on no node: CURRENT?", unit="nodes")
none

# %%
apply("../manifests/lesson-01/hungry.yaml")
workers = len(current().workers())
kubectl(f"wait --for=jsonpath={{.status.currentNumberScheduled}}={workers} daemonset/hungry")
print(kubectl("get daemonset hungry"))

# %%
message = "jsonpath={.items[0].status.conditions[?(@.type=='PodScheduled')].message}"
wait_settled("app=hungry", pods=workers)
print(kubectl("get pods -l app=hungry -o", message))

# %% tags=["claim-C01"]
status = daemonset_status("hungry")
assert (status.current, status.ready) == (workers, 0)
none.compare(workers, within=0)

# %% [markdown]
# CURRENT is full and nothing runs. CURRENT counts nodes for which a Pod *object* exists, and these
# wait for the scheduler, which finds no room. Watch READY, not CURRENT. (A node is also without an
# agent while a Pod is replaced: lesson 08.)
#
# ## Nodes leave
#
# All but seven of the workers' Node objects are deleted, as a cloud does when it scales down. When
# will the agent's Pods on them be gone: `"at once"`, `"within two minutes"` or `"never"`?

# %%
ghost = predict("01-ghost", "When are the Pods of a removed node gone?")
ghost

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
assert len(current().workers()) == before - len(leaving) == 7

# %% [markdown]
# The nodes are gone, and DESIRED and READY still count them. What you see are ghosts: objects of
# Pods that nobody runs. Clearing them away takes Kubernetes 40 to 80 seconds, so we leave the
# recording on, go on, and come back.
#
# ## A Pod with another label
#
# To keep a misbehaving Pod for a closer look, people change its label, so that the selector does not
# find it any more. `twin` is an agent whose Pods take six seconds to stop; `RELEASE` stands for its
# version. We change the label of one of its Pods. How many Pods will the node have?

# %%
two = predict("01-two", "One Pod's label is changed: Pods on its node?", unit="Pods")
two

# %%
apply("../manifests/lesson-01/twin.yaml")
wait_rollout("twin")
place = f"--field-selector spec.nodeName={fleet.workers[0]}"

# %%
kubectl("delete pod -l app=quarantine")  # of an earlier run of this cell
kubectl(f"label pod -l app=twin {place} app=quarantine --overwrite")
kubectl(f"wait --for=create pod -l app=twin {place} --timeout=30s")
kubectl(f"wait --for=condition=Ready pod -l app=twin {place} --timeout=30s")
listing = "-o=custom-columns=APP:.metadata.labels.app,PHASE:.status.phase"
by_label = "--sort-by={.metadata.labels.app}"
print(kubectl(f"get pods -l 'app in (twin, quarantine)' {place}", listing, by_label))

# %% tags=["claim-C01"]
found = kubectl(f"get pods -l 'app in (twin, quarantine)' {place} -o name").count("pod/")
owner = kubectl("get pods -l app=quarantine -o jsonpath={.items[*].metadata.ownerReferences}")
assert (found, owner) == (2, "")
two.compare(found, within=0)

# %% [markdown]
# The old Pod lost its owner and runs on; the controller saw a node without a Pod of its own and made
# a new one. Both use the node's memory, and its files where they have a `hostPath`.
#
# There is another way to two: delete a DaemonSet and create its new version at once, as some
# deployment tools do. The Pods of the old one, which are still stopping, do not belong to the new.

# %% tags=["claim-C01"]
kubectl("delete pod -l app=quarantine --wait=false")
version_1 = Path("../manifests/lesson-01/twin.yaml").read_text()
version_2 = version_1.replace('value: "1"', 'value: "2"')
with record("twin") as handover:
    kubectl("delete daemonset twin --wait=false --ignore-not-found")
    apply(version_2)
    wait_rollout("twin")
assert max(pods_per_node(handover.timeline).values()) == 2
handover.plot(title="Deleted and created again: two Pods on a node")

# %% [markdown]
# The thin bar is the old Pod, still stopping, beside the new one. `maxSurge` does it on purpose
# (lesson 09).
#
# ## Deleting
#
# `kubectl delete` has three ways with what an object owns: `--cascade=background` (the default),
# `foreground` and `orphan`. How many of the seven Pods are left after `orphan`?

# %%
left = predict("01-orphan", "7 Pods, delete with orphan: how many left?", unit="Pods")
left


# %%
def delete(cascade):
    """A recording of twin's deletion in this way."""
    apply("../manifests/lesson-01/twin.yaml")
    wait_rollout("twin")
    with record("twin") as run:
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


# %% tags=["claim-C10"]
for cascade, run in runs.items():
    deleted, last = ends(run)
    print(f"measured: {cascade}: DaemonSet gone {deleted:.1f} s, last Pod gone {last:.1f} s")
assert count_by_node("twin") == {}
assert ends(runs["background"])[0] < ends(runs["background"])[1] - 0.5
assert ends(runs["foreground"])[0] > ends(runs["foreground"])[1] - 0.5

# %% [markdown]
# Both clean up. With `background` the DaemonSet goes first, with `foreground` it waits until its last
# Pod is gone. In both it is not the DaemonSet controller that deletes the Pods, but the garbage
# collector: it follows their
# [`ownerReferences`](https://kubernetes.io/docs/concepts/architecture/garbage-collection/).
#
# Now `orphan`.

# %%
delete("orphan")
owners = kubectl("get pods -l app=twin -o jsonpath={.items[*].metadata.ownerReferences}")
left.compare(sum(count_by_node("twin").values()), within=0)

# %% tags=["claim-C10"]
assert set(count_by_node("twin").values()) == {1}
assert len(count_by_node("twin")) == len(current().workers())
assert owners == ""

# %% [markdown]
# All of them, running and without an owner. Create the DaemonSet again: will it take them over, or
# start new ones?

# %%
orphans = uids("twin")
apply("../manifests/lesson-01/twin.yaml")
wait_rollout("twin")
assert uids("twin") == orphans

# %% [markdown]
# It adopts them: the labels match its selector and they have no owner. Nothing restarted.
#
# ### The mistake people make
#
# That looks like a way to replace a DaemonSet without a gap: delete with `orphan`, create a *new
# version* under the same name, let it roll. Which RELEASE do the Pods run afterwards?

# %%
adopted = predict("01-adopted", "Orphaned at RELEASE 1, re-created at 2: it runs?")
adopted

# %%
kubectl("delete daemonset twin --cascade=orphan --ignore-not-found")
apply(version_2)
print(kubectl("rollout status daemonset/twin --timeout=60s").splitlines()[-1])

# %%
release = "jsonpath={.items[*].spec.containers[0].env[0].value}"
running = set(kubectl("get pods -l app=twin -o", release).split())
adopted.compare(", ".join(running))

# %%
assert running == {"1"}
print(kubectl("get daemonset twin"))

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

# %% [markdown]
# The course's `wait_rollout` compares the Pods' `controller-revision-hash`, and is not fooled.

# %%
try:
    wait_rollout("twin", timeout=2)
    fooled = True
except NotFinished as error:
    fooled = False
    print(error.seen.split("; ")[0])
assert not fooled

# %% [markdown]
# The next change of the template rolls them all.

# %%
kubectl("set env daemonset/twin RELEASE=3")
wait_rollout("twin")
assert set(kubectl("get pods -l app=twin -o", release).split()) == {"3"}

# %% [markdown]
# ## Zero, without deleting
#
# There is no `--replicas=0`. Ask for a label that no node has instead.

# %%
park = {"spec": {"template": {"spec": {"nodeSelector": {"parked": "yes"}}}}}
kubectl("patch daemonset twin --patch", json.dumps(park))
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=0 daemonset/twin --timeout=30s")
kubectl("wait --for=delete pod -l app=twin --timeout=60s")
print(kubectl("get daemonset twin"))

# %%
assert count_by_node("twin") == {}
assert wait_rollout("twin").desired == 0

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
assert stayed > 0
ghosts.plot(title="Removed nodes keep their Pods, as objects")

# %%
print(f"measured: the last of them was gone {stayed:.0f} s after its node")
ghost.compare("at once" if stayed < 1 else "within two minutes" if stayed < 120 else "never")

# %% tags=["claim-C05", "claim-C09"]
changes = [change.object for change in ghosts.history.changes("pods")]
conditions = [c for pod in changes for c in pod["status"].get("conditions", [])]
said = {(c["reason"], c["message"]) for c in conditions if c["type"] == "DisruptionTarget"}
print(said)
assert said == {("DeletionByPodGC", "PodGC: node no longer exists")}
assert stayed > 0
assert not set(leaving) & set(count_by_node("agent"))

# %% [markdown]
# So Pods of removed nodes *are* garbage collected, but not by the DaemonSet controller. It is told of
# nodes that are added or changed, and of no node that is deleted. Who clears up is the Pod garbage
# collector
# ([`pkg/controller/podgc/gc_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/podgc/gc_controller.go)):
# it looks every 20 s, and lets a node be missing for 40 s before it believes it. (The 40 s belong to
# the node's name: if a node of that name was away a moment before, a part of them is over.) Until then,
# or until the controller has another reason to look, DESIRED and READY are those from before.
#
# The one exception: Pods that were never bound to a node, as those of `hungry`. The DaemonSet
# controller deletes them itself, but only when it next has a reason to look. Give it one.

# %%
kubectl("annotate daemonset hungry look=again --overwrite")
kubectl(f"wait --for=jsonpath={{.status.desiredNumberScheduled}}={now} ds/hungry --timeout=60s")
assert kubectl("get pods -l app=hungry -o name").count("pod/") == now

# %% [markdown]
# ## Check yourself
#
# Three questions. Type answers, run, and let the code judge.

# %%
q1 = predict("01-check-three", "7 agents, 3 relabelled: Pods that run?", unit="Pods")
for node in fleet.workers[:3]:
    there = f"-l app=agent --field-selector spec.nodeName={node}"
    kubectl(f"label pod {there} app=retired --overwrite")
    kubectl(f"wait --for=create pod {there} --timeout=30s")
retired, agents = count_by_node("retired"), count_by_node("agent")
q1.compare(sum(retired.values()) + sum(agents.values()), within=0)

# %%
q2 = predict("01-check-adopt", "Are adopted orphans restarted: True or False?")
kubectl("delete daemonset agent --cascade=orphan")
kept = kubectl("get pods -l app=agent -o name")
apply("../manifests/lesson-01/agent.yaml")
wait_rollout("agent")
q2.compare(kubectl("get pods -l app=agent -o name") != kept)

# %%
q3 = predict("01-check-columns", "Nothing runs: which is full, CURRENT or READY?")
status = daemonset_status("hungry")
q3.compare("CURRENT" if status.current > status.ready else "READY")

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
# - A Pod comes when the node becomes eligible. It goes, after a node is removed, when the Pod
#   garbage collector comes round; until then the status may be that from before.
# - `orphan` keeps the Pods; the next DaemonSet of that selector adopts them and may believe that
#   they are up to date.
#
# Next: lesson 02 shows real agents, and lesson 03 who creates, who pins and who binds their Pods.
