# %% [markdown]
# # 04 Node selector
#
# After this lesson you can
#
# - run a DaemonSet on the nodes with a certain label, and on no other,
# - steer it while it runs, by labelling nodes,
# - say whether anything protects a Pod whose node loses the label,
# - find out why a DaemonSet with a selector runs nowhere.
#
# You know Pods and Deployments, and you have done lessons 00 and 01. Run the cells from the top;
# where a cell asks for a prediction, type it in place of the `...` before you run on.

# %%
import json
from pathlib import Path

from daemonset_course import apply, kubectl, label, predict, record, rejected, reset, show
from daemonset_course import wait_rollout
from daemonset_course.lessons import label_changes, nodes_with, try_evict, wait_pod

# %%
fleet = reset(workers=6)
print(kubectl("get nodes -o custom-columns=NAME:.metadata.name,DISK:.metadata.labels.disk"))

# %% [markdown]
# ## The claim
#
# > With `nodeSelector: {disk: ssd}` a DaemonSet runs only on nodes labelled `disk=ssd`. When you
# > add or remove that label, the controller adds or removes the Pod.

# %%
print(Path("../manifests/lesson-04/fast.yaml").read_text())

# %% [markdown]
# Look at the list of nodes above. How many Pods will there be?

# %%
count = predict("04-count", "How many Pods will fast have?", unit="Pods")
count

# %%
apply("../manifests/lesson-04/fast.yaml")
status = wait_rollout("fast")
count.compare(status.desired, within=0)

# %% tags=["claim-C27"]
labelled = kubectl("get nodes -l disk=ssd -o jsonpath={.items[*].metadata.name}")
assert nodes_with("fast") == set(labelled.split())
assert status.desired == len(labelled.split())

# %% [markdown]
# ## Steer it
#
# Three changes: a second worker gets `disk=ssd`, the first loses its label, a third one changes it
# to `disk=nvme`. The Pods of the last two are running and well. Type `"stays"` or `"goes"`.

# %%
stay = predict("04-stay", "A running Pod whose node loses the label: stays or goes?")
stay

# %%
loses, gets, changes = fleet.workers[0], fleet.workers[1], fleet.workers[3]


def wait_gone(node):
    """Return when this node's Pod is gone."""
    place = f"-l app=fast --field-selector spec.nodeName={node}"
    return kubectl(f"wait --for=delete pod {place} --timeout=60s")


# %%
with record("fast") as steered:
    label(gets, disk="ssd")
    wait_pod("fast", gets)
    wait_rollout("fast")
    label(loses, disk=None)
    label(changes, disk="nvme")
    wait_gone(loses)
    wait_gone(changes)
show(label_changes(steered.history, "disk", "ssd"))

# %% [markdown]
# Each node has two stripes: its label above, its Pod below.

# %%
moved = label_changes(steered.history, "disk", "ssd")
stay.compare("goes" if loses in moved.left else "stays")

# %% tags=["claim-C28"]
print(f"measured: Pod created {moved.came[gets]:.2f} s after the label came")
assert set(moved.came) == {gets}
assert gets in nodes_with("fast")

# %% tags=["claim-C29"]
print(f"measured: Pods told to stop {max(moved.left.values()):.2f} s after the label went")
assert set(moved.left) == {loses, changes}
assert not {loses, changes} & nodes_with("fast")

# %% [markdown]
# ## Why
#
# The controller watches nodes. An update counts only if labels or taints changed
# ([`shouldIgnoreNodeUpdate` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# Then it asks, for every DaemonSet and this node, the same question as for a new node
# (`NodeShouldRunDaemonPod`, lesson 01). If the labels do not match, the answer is "should not run,
# and may not stay", and the controller deletes the Pod itself. It says so in events.

# %%
events = kubectl("get events --field-selector involvedObject.name=fast -o json")
told = {(e["reason"], e["source"]["component"]) for e in json.loads(events)["items"]}
told

# %%
deleted = {reason for reason, who in told if who == "daemonset-controller"}
assert deleted == {"SuccessfulCreate", "SuccessfulDelete"}

# %% [markdown]
# It deletes; it does not evict. A PodDisruptionBudget binds those who evict through the API. This one
# forbids every eviction.

# %%
label(gets, disk="ssd")
wait_pod("fast", gets)
apply("../manifests/lesson-04/guard.yaml")
kubectl("wait --for=jsonpath={.status.expectedPods} pdb/guard --timeout=30s")
kubectl("wait --for=jsonpath={.status.disruptionsAllowed}=0 pdb/guard --timeout=30s")

# %%
print(answer := try_evict("fast"))

# %%
assert "would violate the pod's disruption budget" in answer

# %% [markdown]
# Eviction is refused. Does the budget also hold when the node loses its label?

# %%
guarded = predict("04-guarded", "With the budget, label removed: stays or goes?")
guarded

# %%
label(gets, disk="hdd")
wait_gone(gets)
guarded.compare("stays" if gets in nodes_with("fast") else "goes")

# %% tags=["claim-C29"]
assert gets not in nodes_with("fast")

# %% [markdown]
# A label that a DaemonSet selects by is a switch. Whoever may label nodes may stop its Pods.

# %%
kubectl("delete pdb guard --ignore-not-found")
None

# %% [markdown]
# ## All nodes
#
# We grow the fleet to 50 workers and put `disk=ssd` on every node, the control plane included: 51
# nodes. How many Pods?

# %%
everywhere = predict("04-all", "All 51 nodes labelled: how many Pods?", unit="Pods")
everywhere

# %%
fleet = reset(workers=50)
apply("../manifests/lesson-04/fast.yaml")
wait_rollout("fast")
had = nodes_with("fast")
print(f"{len(had)} of 50 workers have the label already")

# %%
with record("fast", predicted={"DESIRED": everywhere}) as flood:
    kubectl("label nodes --all disk=ssd --overwrite")
    kubectl("wait --for=jsonpath={.status.numberReady}=50 daemonset/fast --timeout=60s")
assert nodes_with("fast") == set(fleet.workers)
flood.plot(title="Every node is labelled: 50 of 51 get a Pod")

# %%
status = wait_rollout("fast")
everywhere.compare(status.desired, within=0)

# %% [markdown]
# Fifty. The selector is one of several conditions, and all must hold: the control plane has the label
# and still its taint. A node selector narrows; it never lets a Pod in.
#
# And back: one command takes the label off all of them.

# %%
with record("fast") as ebb:
    kubectl("label nodes --all disk-")
    kubectl("wait --for=delete pod -l app=fast --timeout=60s")
assert not nodes_with("fast")
ebb.plot(title="The label goes from every node, and the Pods go with it")

# %%
came = label_changes(flood.history, "disk", "ssd").came
left = label_changes(ebb.history, "disk", "ssd").left
print(f"measured: created after {max(came.values()):.2f} s at most, "
      f"told to stop after {max(left.values()):.2f} s at most")  # fmt: skip

# %% tags=["claim-C28", "claim-C29"]
assert len(fleet.workers) == 50
assert set(came) == set(fleet.workers) - had
assert set(left) == set(fleet.workers)
fleet = reset(workers=6)

# %% [markdown]
# ## The mistake people make
#
# Somebody writes `SSD`. What will `kubectl rollout status` say: `"success"` or `"failure"`?

# %%
typo = predict("04-typo", "Selector disk: SSD, no such node: success or failure?")
typo

# %%
manifest = Path("../manifests/lesson-04/fast.yaml").read_text()
apply(manifest.replace("fast", "typo").replace("disk: ssd", "disk: SSD"))
said = kubectl("rollout status daemonset/typo --timeout=30s").splitlines()[-1]
print(said)
typo.compare("success" if "successfully rolled out" in said else "failure")

# %%
print(kubectl("get daemonset typo"))
nothing = kubectl("get events --field-selector involvedObject.name=typo -o name")
assert "event/" not in nothing

# %%
assert wait_rollout("typo").desired == 0

# %% [markdown]
# Success: all of no nodes have their Pod. There is no event and no Pending Pod to find. If a
# DaemonSet runs nowhere, read NODE SELECTOR in `kubectl get daemonset` and ask for its nodes:

# %%
print(kubectl("get nodes -l disk=SSD"))

# %% [markdown]
# Two relatives of this mistake do get caught. YAML reads `true` as a boolean, but a label's value is
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
# `huge` has the selector of `fast` and asks for more CPU than any node has: its Pod is created and
# stays Pending. `slow` runs on `disk=hdd`. Now the one node with `disk=ssd` becomes `hdd`, and a Pod
# of `slow` comes. Then we annotate `huge`, which changes nothing of its spec. Type whether its Pod
# `"stays"` or `"goes"` then.

# %%
pending = predict("04-pending", "Label gone, then an annotation: stays or goes?")
pending

# %%
kubectl("delete daemonset fast --cascade=foreground --ignore-not-found")
kubectl("label nodes --all disk=hdd --overwrite")
label(loses, disk="ssd")
apply(manifest.replace("fast", "slow").replace("ssd", "hdd"))
wait_rollout("slow")

# %%
apply("../manifests/lesson-04/huge.yaml")
kubectl("wait --for=create pod -l app=huge --timeout=30s")
kubectl("wait --for=condition=PodScheduled=False pod -l app=huge --timeout=30s")

# %%
label(loses, disk="hdd")
kubectl(f"wait --for=create pod -l app=slow --field-selector spec.nodeName={loses} --timeout=30s")
listed = kubectl("get pods -l app=huge -o name").count("pod/")
print(f"measured: when slow had come to the node, Pods of huge: {listed}")

# %% [markdown]
# When a node changes, the controller looks up the Pods that are *bound* to it, and a Pending Pod is
# bound to none. It stays until the controller looks at the whole DaemonSet again, for any reason. On
# a quiet cluster that can take long; on a busy one you may find the Pod gone. Give it a reason.

# %%
kubectl("annotate daemonset huge look=again --overwrite")
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=0 daemonset/huge --timeout=30s")
kubectl("wait --for=delete pod -l app=huge --timeout=30s")

# %% tags=["claim-C29"]
listed = kubectl("get pods -l app=huge -o name").count("pod/")
assert listed == 0
pending.compare("stays" if listed else "goes")

# %% [markdown]
# ## Check yourself
#
# Three questions. Type answers, run, and let the code judge. First the small fleet again.

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
q1 = predict("04-check-two", "disk: hdd and zone: zone-a: how many?", unit="nodes")
q1.compare(desired("{disk: hdd, topology.kubernetes.io/zone: zone-a}"), within=0)

# %%
q2 = predict("04-check-hdd", "disk: hdd: how many of the three?", unit="nodes")
q2.compare(desired("{disk: hdd}"), within=0)

# %%
q3 = predict("04-check-who", "Label removed: is the Pod 'deleted' or 'evicted'?")
q3.compare("deleted" if "SuccessfulDelete" in deleted else "evicted")

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
#
# Next: lesson 05, where a list of conditions takes the selector's place.
