# %% [markdown]
# # Node selector

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, rejected, reset, show
from daemonset_course import wait_rollout
from daemonset_course.lessons import label_changes, nodes_with, wait_pod, watch_pod

# %%
fleet = reset(workers=6)

# %%
# %kubectl get nodes -L disk

# %% [markdown]
# The column `DISK` shows the label `disk` of each node.
#
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
# %kubectl apply --server-side -f ../manifests/node-selector/fast.yaml

# %%
status = wait_rollout("fast")
count.compare(status.desired, within=0)

# %%
# %kubectl get daemonset fast

# %% tags=["claim-C27"]
labelled = kubectl("get nodes -l disk=ssd -o custom-columns=NAME:.metadata.name --no-headers")
assert nodes_with("fast") == set(labelled.split())
assert status.desired == len(labelled.split())
proved("fast runs on the nodes with disk=ssd and on no other")

# %% [markdown]
# ## Steer it
#
# Now three nodes change while `fast` runs. One node gets `disk=ssd`. A second node loses the label. A
# third node changes it to `disk=nvme`. The Pods on the last two nodes are running and ready.

# %%
stay = predict(
    "stay",
    "A Pod of fast runs on a node with disk=ssd. The node loses this label. "
    "What happens to the running Pod?",
    choices=("stays", "goes"),
)
stay

# %% [markdown]
# At work you type `kubectl label nodes worker disk-`. `label(node, disk=None)` does the same.

# %%
loses, gets, changes = fleet.workers[0], fleet.workers[1], fleet.workers[3]
with record("fast", live=True) as steered:
    label(gets, disk="ssd")
    wait_pod("fast", gets)
    label(loses, disk=None)
    label(changes, disk="nvme")
    watch_pod("fast", loses)
    watch_pod("fast", changes)

# %%
moved = label_changes(steered.history, "disk", "ssd")
show(moved)

# %% [markdown]
# Each node has two stripes: its label above, its Pod below.

# %%
stay.compare("goes" if loses in moved.left else "stays")

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
# The controller watches nodes. A node update counts only if labels or taints changed
# ([`shouldIgnoreNodeUpdate` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# For every DaemonSet, the controller then answers the question that it answers for a new node
# (`NodeShouldRunDaemonPod`, lesson [one-pod-per-node]). If the labels do not match, the node should not
# run the Pod, and the running Pod may not stay. The controller deletes it.
# [Should the node run the Pod](../pictures.md#should-the-node-run-the-pod) has the whole decision.

# %%
# %kubectl events --for daemonset/fast

# %% [markdown]
# The controller deletes the Pod; it does not evict it. A PodDisruptionBudget limits evictions through
# the API. This budget allows none:

# %%
print(Path("../manifests/node-selector/guard.yaml").read_text())

# %%
apply("../manifests/node-selector/guard.yaml")
kubectl("wait --for=jsonpath={.status.expectedPods} pdb/guard --timeout=30s")
kubectl("wait --for=jsonpath={.status.disruptionsAllowed}=0 pdb/guard --timeout=30s")
kubectl("get poddisruptionbudget guard")

# %%
from daemonset_course.lessons import try_evict

answer = try_evict("fast")
print(answer)

# %%
assert "would violate the pod's disruption budget" in answer
proved("the API server refuses to evict a Pod of fast")

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
guarded.compare("stays" if watch_pod("fast", gets) else "goes")

# %% tags=["claim-C29"]
assert gets not in nodes_with("fast")
proved("the disruption budget did not keep the Pod")

# %% [markdown]
# A label that a DaemonSet selects is a switch: who may label nodes may stop its Pods.
#
# ## All nodes
#
# The fleet grows to 50 workers.

# %%
fleet = reset(workers=50)
apply("../manifests/node-selector/fast.yaml")
had = wait_rollout("fast").desired
print(f"{had} of 50 workers have the label already")

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

# %% tags=["claim-C28"]
came = label_changes(flood.history, "disk", "ssd").came
assert len(came) == 50 - had
assert nodes_with("fast") == set(fleet.workers)
proved("each worker has a Pod, and the control plane has none")

# %% [markdown]
# The selector is one of several conditions, and all of them must hold. The control plane has the label
# and still has its taint. A selector only narrows: it never lets a Pod onto a node that another
# condition excludes.
#
# ## The mistake people make
#
# A manifest says `SSD` where the nodes say `ssd`.

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
nothing = kubectl("get events --field-selector involvedObject.name=typo -o name")
assert "event/" not in nothing
assert wait_rollout("typo").desired == 0
proved("DESIRED is 0, and the DaemonSet has no event")

# %% [markdown]
# With no eligible node, no Pod is missing: kubectl reports success, and there is no event and no Pending
# Pod. If a DaemonSet runs nowhere, read the column NODE SELECTOR, and list the nodes that match it:

# %%
# %kubectl get daemonset typo

# %%
# %kubectl get nodes -l disk=SSD

# %% [markdown]
# The API server refuses a similar mistake. YAML reads `true` as a boolean, and the value of a label is a
# string.

# %%
with rejected("expected string, got true"):
    apply(manifest.replace("disk: ssd", "gpu: true"), dry_run=True)

# %% [markdown]
# ## Check yourself
#
# A question and a symptom. First back to the small fleet.

# %%
reset(workers=3)
kubectl("get nodes -L disk,topology.kubernetes.io/zone")

# %%
q1 = predict(
    "check-two",
    "A DaemonSet selects the labels disk: hdd and topology.kubernetes.io/zone: zone-a. "
    "On how many of the nodes in the list above will it run?",
    unit="nodes",
)
q1

# %%
apply("../manifests/node-selector/cold.yaml")
q1.compare(wait_rollout("cold").desired, within=0)

# %%
from daemonset_course.lessons import symptom

symptom("label-went-away")

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
#   keeps it.
# - Kubernetes does not treat a selector that matches no node as an error.
