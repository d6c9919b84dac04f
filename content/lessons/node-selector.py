# %% [markdown]
# # Node selector

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, rejected, reset, show
from daemonset_course import wait_rollout
from daemonset_course.lessons import label_changes, nodes_with, wait_pod

# %%
fleet = reset(workers=6)
print(kubectl("get nodes -o custom-columns=NAME:.metadata.name,DISK:.metadata.labels.disk"))

# %% [markdown]
# ## The claim
#
# > With `nodeSelector: {disk: ssd}` a DaemonSet runs only on nodes labelled `disk=ssd`. When you
# > add or remove that label, the controller adds or removes the Pod.

# %%
from pathlib import Path

print(Path("../manifests/node-selector/fast.yaml").read_text())

# %%
count = predict(
    "selector-count",
    "The DaemonSet fast has nodeSelector: {disk: ssd}. The list above has the label disk of each "
    "node. How many Pods will fast have?",
    unit="Pods",
)
count

# %%
apply("../manifests/node-selector/fast.yaml")
status = wait_rollout("fast")
count.compare(status.desired, within=0)

# %% tags=["claim-C27"]
labelled = kubectl("get nodes -l disk=ssd -o jsonpath={.items[*].metadata.name}")
assert nodes_with("fast") == set(labelled.split())
assert status.desired == len(labelled.split())
proved("fast runs on the nodes with disk=ssd and on no other")

# %% [markdown]
# ## Steer it
#
# Three changes: a second worker gets `disk=ssd`, the first loses its label, a third one changes it
# to `disk=nvme`. The Pods of the last two are running and ready.

# %%
stay = predict(
    "stay",
    "A Pod of fast runs on a node with disk=ssd. The node loses this label. "
    "What happens to the running Pod?",
    choices=("stays", "goes"),
)
stay

# %%
from contextlib import suppress

from daemonset_course import CommandFailed

loses, gets, changes = fleet.workers[0], fleet.workers[1], fleet.workers[3]


def look_on(node):
    """Return when this node's Pod is gone, or after 20 s if it stays."""
    place = f"-l app=fast --field-selector spec.nodeName={node}"
    with suppress(CommandFailed):
        kubectl(f"wait --for=delete pod {place} --timeout=20s")


# %%
with record("fast", live=True) as steered:
    label(gets, disk="ssd")
    wait_pod("fast", gets)
    wait_rollout("fast")
    label(loses, disk=None)
    label(changes, disk="nvme")
    look_on(loses)
    look_on(changes)
show(label_changes(steered.history, "disk", "ssd"))

# %% [markdown]
# Each node has two stripes: its label above, its Pod below.

# %%
moved = label_changes(steered.history, "disk", "ssd")
stay.compare("goes" if loses in moved.left else "stays")

# %%
print(f"measured: Pod created {moved.came[gets]:.2f} s after the label came")
print(f"measured: Pods asked to stop {max(moved.left.values()):.2f} s after the label went")

# %% tags=["claim-C28"]
assert set(moved.came) == {gets}
assert gets in nodes_with("fast")
proved("the node that got the label got a Pod")

# %% tags=["claim-C29"]
assert set(moved.left) == {loses, changes}
assert not {loses, changes} & nodes_with("fast")
proved("the node that lost the label and the one that changed it lost their Pods")

# %% [markdown]
# ## Why
#
# The controller watches nodes. An update counts only if labels or taints changed
# ([`shouldIgnoreNodeUpdate` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# Then it asks, for every DaemonSet and this node, the same question as for a new node
# (`NodeShouldRunDaemonPod`, lesson [one-pod-per-node]). If the labels do not match, the answer is
# "should not run, and may not stay", and the controller deletes the Pod itself. Its events show it.

# %%
import json

events = kubectl("get events --field-selector involvedObject.name=fast -o json")
sources = {(e["reason"], e["source"]["component"]) for e in json.loads(events)["items"]}
deleted = {reason for reason, component in sources if component == "daemonset-controller"}
deleted

# %%
assert deleted == {"SuccessfulCreate", "SuccessfulDelete"}
proved("the events of the controller are about created and deleted Pods, and nothing else")

# %% [markdown]
# It deletes; it does not evict. A PodDisruptionBudget limits evictions through the API. This one
# forbids every eviction.

# %%
label(gets, disk="ssd")
wait_pod("fast", gets)
apply("../manifests/node-selector/guard.yaml")
kubectl("wait --for=jsonpath={.status.expectedPods} pdb/guard --timeout=30s")
kubectl("wait --for=jsonpath={.status.disruptionsAllowed}=0 pdb/guard --timeout=30s")

# %%
from daemonset_course.lessons import try_evict

print(answer := try_evict("fast"))

# %%
assert "would violate the pod's disruption budget" in answer
proved("the API server refuses to evict the Pod")

# %% [markdown]
# Eviction is refused.

# %%
guarded = predict(
    "guarded",
    "A PodDisruptionBudget forbids every eviction of the Pods of fast. "
    "Now the label disk of a node changes from ssd to hdd. What happens to the Pod that runs there?",
    choices=("stays", "goes"),
)
guarded

# %%
label(gets, disk="hdd")
look_on(gets)
guarded.compare("stays" if gets in nodes_with("fast") else "goes")

# %% tags=["claim-C29"]
assert gets not in nodes_with("fast")
proved("the disruption budget did not keep the Pod")

# %% [markdown]
# A label that a DaemonSet selects by is a switch. A user who may label nodes may stop its Pods.

# %%
kubectl("delete pdb guard --ignore-not-found")
None

# %% [markdown]
# ## All nodes
#
# We grow the fleet to 50 workers.

# %%
fleet = reset(workers=50)
apply("../manifests/node-selector/fast.yaml")
wait_rollout("fast")
had = nodes_with("fast")
print(f"{len(had)} of 50 workers have the label already")

# %%
everywhere = predict(
    "all",
    "The cluster has 51 nodes: 50 workers and a control plane. One command puts the label disk=ssd "
    "on all of them. How many Pods will fast have?",
    unit="Pods",
)
everywhere

# %%
with record("fast", live=True, predicted={"DESIRED": everywhere}) as flood:
    kubectl("label nodes --all disk=ssd --overwrite")
    status = wait_rollout("fast")
flood.plot(title=f"Every node is labelled: {status.desired} Pods")

# %%
everywhere.compare(status.desired, within=0)

# %%
assert nodes_with("fast") == set(fleet.workers)
proved("each worker has a Pod, and the control plane has none")

# %% [markdown]
# Fifty. The selector is one of several conditions, and all must hold: the control plane has the label
# and still its taint. A node selector narrows; it never lets a Pod in.
#
# And back: one command removes the label from all of them.

# %%
with record("fast", live=True) as ebb:
    kubectl("label nodes --all disk-")
    kubectl("wait --for=delete pod -l app=fast --timeout=60s")
ebb.plot(title=f"No node is labelled: {len(nodes_with('fast'))} Pods")

# %%
came = label_changes(flood.history, "disk", "ssd").came
left = label_changes(ebb.history, "disk", "ssd").left
print(f"measured: created after {max(came.values()):.2f} s at most, "
      f"asked to stop after {max(left.values()):.2f} s at most")  # fmt: skip

# %% tags=["claim-C28", "claim-C29"]
assert len(fleet.workers) == 50
assert set(came) == set(fleet.workers) - had
assert set(left) == set(fleet.workers)
assert not nodes_with("fast")
proved("the Pods came with the label on all 50 workers, and went with it")

# %%
fleet = reset(workers=6)

# %% [markdown]
# ## The mistake people make
#
# Somebody writes `SSD`.

# %%
typo = predict(
    "typo",
    "A DaemonSet has nodeSelector: {disk: SSD}, and no node has a label with this value. "
    "What will kubectl rollout status report?",
    choices=("success", "failure"),
)
typo

# %%
manifest = Path("../manifests/node-selector/fast.yaml").read_text()
apply(manifest.replace("fast", "typo").replace("disk: ssd", "disk: SSD"))
said = kubectl("rollout status daemonset/typo --timeout=30s").splitlines()[-1]
print(said)
typo.compare("success" if "successfully rolled out" in said else "failure")

# %%
print(kubectl("get daemonset typo"))

# %%
nothing = kubectl("get events --field-selector involvedObject.name=typo -o name")
assert "event/" not in nothing
assert wait_rollout("typo").desired == 0
proved("DESIRED is 0, and the DaemonSet has no event")

# %% [markdown]
# Success: with no eligible node, no Pod is missing. There is no event and no Pending Pod to find. If a
# DaemonSet runs nowhere, read NODE SELECTOR in `kubectl get daemonset` and ask for its nodes:

# %%
print(kubectl("get nodes -l disk=SSD"))

# %% [markdown]
# The API server refuses two similar mistakes. YAML reads `true` as a boolean, but a label's value is
# a string; and the selector belongs to the Pod's spec, not to the DaemonSet's.

# %%
with rejected("expected string, got true"):
    apply(manifest.replace("disk: ssd", "gpu: true"), dry_run=True)

# %%
with rejected("the kind has no such field"):
    misplaced = manifest.replace("  template:", "  nodeSelector: {disk: ssd}\n  template:")
    apply(misplaced, dry_run=True)

# %% [markdown]
# ## A Pod that never ran
#
# `huge` has the selector of `fast` and requests more CPU than any node has: its Pod is created and
# stays Pending. `slow` runs on `disk=hdd`.

# %%
kubectl("delete daemonset fast --cascade=foreground --ignore-not-found")
kubectl("label nodes --all disk=hdd --overwrite")
label(loses, disk="ssd")
apply(manifest.replace("fast", "slow").replace("ssd", "hdd"))
wait_rollout("slow")

# %%
apply("../manifests/node-selector/huge.yaml")
kubectl("wait --for=create pod -l app=huge --timeout=30s")
kubectl("wait --for=condition=PodScheduled=False pod -l app=huge --timeout=30s")

# %%
pending = predict(
    "pending",
    "The Pod of huge is Pending: no node has enough CPU. The label of the one node with disk=ssd "
    "becomes hdd, and a Pod of slow is created there. Then huge gets an annotation, which changes "
    "nothing of its spec. What happens to its Pending Pod then?",
    choices=("stays", "goes"),
)
pending

# %%
label(loses, disk="hdd")
kubectl(f"wait --for=create pod -l app=slow --field-selector spec.nodeName={loses} --timeout=30s")
listed = kubectl("get pods -l app=huge -o name").count("pod/")
print(f"measured: when slow had come to the node, Pods of huge: {listed}")

# %%
kubectl("annotate daemonset huge look=again --overwrite")
with suppress(CommandFailed):  # a Pod that stays is not waited for any longer
    kubectl("wait --for=delete pod -l app=huge --timeout=30s")
listed = kubectl("get pods -l app=huge -o name").count("pod/")
pending.compare("stays" if listed else "goes")

# %% tags=["claim-C29"]
assert kubectl("get pods -l app=huge -o name").count("pod/") == 0
proved("after the annotation huge has no Pod")

# %% [markdown]
# When a node changes, the controller looks up the Pods that are *bound* to it, and a Pending Pod is
# bound to none. It stays until the controller looks at the whole DaemonSet again, for any reason. On
# a quiet cluster that can take long; on a busy one you may find the Pod gone. The annotation was such a
# reason.
#
# ## Check yourself
#
# Two questions and a symptom. Commit an answer to each question, then run the cell below it. First
# the small fleet again.

# %%
reset(workers=3)
columns = "NAME:.metadata.name,DISK:.metadata.labels.disk,"
columns += r"ZONE:.metadata.labels.topology\.kubernetes\.io/zone"
print(kubectl("get nodes -o", f"custom-columns={columns}"))


# %%
def desired(selector):
    """On how many nodes fast runs with this selector."""
    apply(manifest.replace("nodeSelector:\n        disk: ssd", f"nodeSelector: {selector}"))
    return wait_rollout("fast").desired


# %%
q1 = predict(
    "check-two",
    "A DaemonSet selects the labels disk: hdd and topology.kubernetes.io/zone: zone-a. "
    "On how many of the nodes in the list above will it run?",
    unit="nodes",
)
q1

# %%
q1.compare(desired("{disk: hdd, topology.kubernetes.io/zone: zone-a}"), within=0)

# %%
q2 = predict(
    "check-hdd",
    "Now it selects disk: hdd alone. On how many of the nodes in the list above will it run?",
    unit="nodes",
)
q2

# %%
q2.compare(desired("{disk: hdd}"), within=0)

# %% [markdown]
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("label-went-away")

# %%
reset(workers=3)
None

# %% [markdown]
# ## Your turn
#
# `agent` runs on five workers, and does harm. First park it: no Pod on any node, and the same
# DaemonSet, because its history is needed. When the last Pod is gone, bring it back on exactly two
# nodes, those that have `disk=ssd` and are in `zone-a`. A node that joins with both labels must get a
# Pod too: the check tries your template on 200 fleets that you have not seen. Other teams read the
# labels of the nodes: leave them as they are. The rest of the template stays too.

# %%
from daemonset_course.lessons import exercise

turn = exercise("node-selector")
turn.start()

# %%
# %kubectl get nodes -L disk,topology.kubernetes.io/zone

# %% [markdown]
# Write the part of the DaemonSet that is to change, from `spec:` on, between the quotes
# and run the cell. Do so twice, to park it and to bring it back, or use `kubectl` in a terminal.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
change = """
"""
turn.apply(change)

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
# - `nodeSelector` names labels with their values; a node must have them all.
# - Labels steer while the DaemonSet runs: the Pod comes and goes with them, and no disruption budget
#   holds it.
# - A selector that matches no node is no error to anyone but you.
