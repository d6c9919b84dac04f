# %% [markdown]
# # Node affinity

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, rejected, reset, show
from daemonset_course import wait_rollout
from daemonset_course.lessons import label_map, nodes_with

# %% [markdown]
# Thirty workers of three processor architectures. A kubelet writes its architecture into the label
# `kubernetes.io/arch`, and a real one restores it with its next status
# ([`updateNode` in `pkg/kubelet/kubelet_node_status.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kubelet_node_status.go)).
# Simulated kubelets leave the label as it is, so that we can write it ourselves.

# %%
fleet = reset(workers=30)
kinds = {"amd64": fleet.workers[:10], "arm64": fleet.workers[10:20], "s390x": fleet.workers[20:]}
for arch, nodes in kinds.items():
    kubectl("label nodes --overwrite", *nodes, f"kubernetes.io/arch={arch}")

# %% [markdown]
# ## The claim
#
# > For more flexible selection than `nodeSelector`, use `nodeAffinity`. With the required term
# > `kubernetes.io/arch In [amd64, arm64]` a DaemonSet runs only on amd64 and arm64 nodes.

# %%
from pathlib import Path

print(Path("../manifests/node-affinity/agent.yaml").read_text())

# %%
count = predict(
    "affinity-count",
    "Of 30 workers, ten are amd64, ten arm64 and ten s390x. The agent requires a node whose label "
    "kubernetes.io/arch is amd64 or arm64. How many Pods will it have?",
    unit="Pods",
)
count

# %%
apply("../manifests/node-affinity/agent.yaml")
status = wait_rollout("agent")
count.compare(status.desired, within=0)

# %% tags=["claim-C31"]
assert nodes_with("agent") == {*kinds["amd64"], *kinds["arm64"]}
assert status.desired == 20
proved("the agent runs on the amd64 and arm64 nodes and on no other")

# %% [markdown]
# ## IgnoredDuringExecution
#
# The field's full name is `requiredDuringSchedulingIgnoredDuringExecution`: required when the Pod
# is placed, ignored while it runs. Is that true? A Deployment `web` that requires `arm64` puts one Pod
# beside an agent's.

# %%
apply("../manifests/node-affinity/web.yaml")
kubectl("rollout status deployment/web --timeout=60s")
shared = kubectl("get pods -l app=web -o jsonpath={.items[0].spec.nodeName}")

# %%
goes = predict(
    "goes",
    "A Pod of the DaemonSet agent and a Pod of the Deployment web run on the same arm64 node. The "
    "required affinity of both excludes s390x. Now the label of this node becomes s390x. "
    "Which of the two Pods is deleted?",
    choices=("agent", "web", "both", "none"),
)
goes

# %%
from contextlib import suppress

from daemonset_course import CommandFailed

arch = "kubernetes.io/arch"
on_shared = f"--field-selector spec.nodeName={shared}"
with record("agent", live=True) as relabel:
    label(shared, **{arch: "s390x"})
    for app in ("agent", "web"):
        with suppress(CommandFailed):  # a Pod that stays is not waited for any longer
            kubectl(f"wait --for=delete pod -l app={app} {on_shared} --timeout=8s")

# %%
show(label_map(relabel.history, arch))

# %%
print(kubectl(f"get pods {on_shared} -o custom-columns=APP:.metadata.labels.app"))

# %%
gone = [app for app in ("agent", "web") if shared not in nodes_with(app)]
goes.compare("both" if len(gone) == 2 else ", ".join(gone) or "none")

# %%
assert nodes_with("agent") == {*kinds["amd64"], *kinds["arm64"]} - {shared}
assert nodes_with("web") == {shared}
assert kubectl("get deployment web -o jsonpath={.status.readyReplicas}") == "1"
proved(
    "the agent has a Pod on each node that matches now; the Pod of web is still there, and ready"
)

# %% [markdown]
# The Deployment's Pod stays, as the name promises; the DaemonSet's Pod goes. For a DaemonSet,
# required means required as long as it runs.
#
# ## Why
#
# The name is about the scheduler: it looks at the affinity once, and so does the kubelet when the Pod
# arrives. They do not look again while the Pod runs. The DaemonSet controller does, whenever a node's
# labels change
# ([`NodeShouldRunDaemonPod` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
# if selector or required affinity do not match, the node should not run the Pod *and* the Pod there
# may not stay. It deletes it.
#
# The label goes back to what it was, and the Pod comes back.

# %%
was = next(kind for kind, nodes in kinds.items() if shared in nodes)
label(shared, **{arch: was})
kubectl(f"wait --for=create pod -l app=agent {on_shared} --timeout=60s")
wait_rollout("agent")

# %%
assert wait_rollout("agent").desired == 20
proved("DESIRED is 20 again")

# %% [markdown]
# ## What became of it in the Pods

# %%
carried = predict(
    "carried",
    "The agent's template requires kubernetes.io/arch In [amd64, arm64]. "
    "Is this required term in the spec of its Pods, too?",
    choices=("yes", "no"),
)
carried

# %%
import yaml


def affinity(what, path):
    """The node affinity of an object, as YAML lines."""
    item = yaml.safe_load(kubectl(f"get {what} -o yaml"))
    item = item["items"][0] if "items" in item else item
    for key in path:
        item = item[key]
    return yaml.safe_dump(item["affinity"]["nodeAffinity"]).splitlines()


# %%
from difflib import unified_diff

template = affinity("daemonset agent", ["spec", "template", "spec"])
pod = affinity(f"pods -l app=agent {on_shared}", ["spec"])
print(*unified_diff(template, pod, "template", "pod", lineterm="", n=9), sep="\n")

# %%
carried.compare("yes" if arch in "\n".join(pod) else "no")

# %%
assert "matchFields:" in "\n".join(pod)
assert f"- {shared}" in "\n".join(pod)
proved("the Pod requires its node by name")

# %% [markdown]
# The controller has done the choosing. It replaces your required terms by one: the field
# `metadata.name` must be this node
# ([`ReplaceDaemonSetPodNodeNameNodeAffinity`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
# So look for your terms in the DaemonSet, not in its Pods.
#
# The *preferred* term is still there, and has no effect: only one node is left to choose. The agent
# prefers zone-a, and runs in zone-b as well.

# %%
in_b = "-l topology.kubernetes.io/zone=zone-b -o jsonpath={.items[*].metadata.name}"
zone_b = set(kubectl(f"get nodes {in_b}").split())
assert "preferredDuringSchedulingIgnoredDuringExecution:" in pod
assert nodes_with("agent") & zone_b
proved("the Pod has the preferred term, and some nodes of zone-b have a Pod")

# %% [markdown]
# ## With a nodeSelector too
#
# Every third worker has `disk=ssd`.

# %%
either = predict(
    "either",
    "The agent's template gets nodeSelector: {disk: ssd} beside its required affinity of amd64 or "
    "arm64. Must a node match both, or is one of them enough?",
    choices=("both", "one"),
)
either

# %%
import copy

agent = yaml.safe_load(Path("../manifests/node-affinity/agent.yaml").read_text())
narrow = copy.deepcopy(agent)
narrow["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
apply(narrow)
narrowed = wait_rollout("agent").desired

# %%
matching = kubectl("get nodes -l 'disk=ssd,kubernetes.io/arch in (amd64, arm64)' -o name")
print(f"{narrowed} nodes")
either.compare("both" if narrowed == matching.count("node/") else "one")

# %%
assert narrowed == matching.count("node/") < 20
proved("the agent runs on as many nodes as match selector and affinity, fewer than before")

# %% [markdown]
# ## "And" and "or"
#
# `nodeSelectorTerms` is a list of terms, each with a list of expressions. One *term* must match; in
# a term all *expressions* must. We write a small function, and try.


# %%
def expression(key, operator, *values):
    """One expression of a term, as in YAML."""
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


# %%
def desired(*terms):
    """On how many nodes the agent runs if one of these terms must match."""
    changed = copy.deepcopy(agent)
    rules = changed["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    listed = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    rules["requiredDuringSchedulingIgnoredDuringExecution"] = listed
    apply(changed)
    return wait_rollout("agent").desired


# %% [markdown]
# ### The mistake people make
#
# "amd64 nodes and arm64 nodes", written as two expressions in one term.

# %%
both = predict(
    "and",
    "One required term has two expressions: kubernetes.io/arch In [amd64] and "
    "kubernetes.io/arch In [arm64]. There are ten nodes of each kind. "
    "On how many nodes will the agent run?",
    unit="nodes",
)
both

# %%
amd64, arm64 = expression(arch, "In", "amd64"), expression(arch, "In", "arm64")
together = desired([amd64, arm64])
both.compare(together, within=0)

# %%
print(kubectl("rollout status daemonset/agent --timeout=30s").splitlines()[-1])

# %% tags=["claim-C30"]
assert together == 0
proved("no node matches both expressions")

# %% [markdown]
# None, and `kubectl rollout status` reports success. No node has two architectures. As two terms, one
# of which must match:

# %%
apart = desired([amd64], [arm64])
print(f"{apart} nodes")

# %% tags=["claim-C30"]
assert apart == 20
proved("with two terms, the nodes of both kinds match")

# %% [markdown]
# Now keep the agent off nodes with a broken GPU.

# %%
without = predict(
    "not-in",
    "Of 30 workers, none has the label gpu. How many of them match gpu NotIn [broken]?",
    unit="nodes",
)
without

# %%
everywhere = desired([expression("gpu", "NotIn", "broken")])
without.compare(everywhere, within=0)

# %% tags=["claim-C30"]
assert everywhere == 30
proved("all 30 workers match")

# %% [markdown]
# All: a node without the label satisfies `NotIn`, as it does `DoesNotExist`.
#
# The API server refuses terms that cannot be right. It accepts an empty term, which matches nothing.

# %%
with rejected("must be specified when `operator` is 'In' or 'NotIn'"):
    desired([expression(arch, "In")])

# %%
with rejected("not a valid selector operator"):
    desired([expression(arch, "Like", "amd64")])

# %%
with rejected("must have at least one node selector term"):
    desired()

# %%
empty = desired([])
print(f"{empty} nodes")

# %%
assert empty == 0
proved("an empty term matches no node")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("or-against-and")

# %%
symptom("preferred-is-no-rule")

# %% [markdown]
# Commit an answer to each, then run the cell below it.

# %%
print(kubectl("get nodes -l disk=ssd --label-columns=kubernetes.io/arch"))

# %%
q1 = predict(
    "check-or",
    "The list above has the nodes with disk=ssd. Of 30 workers, ten are s390x. One required term is "
    "kubernetes.io/arch In [s390x], a second term is disk In [ssd]. How many nodes match?",
    unit="nodes",
)
q1

# %%
fast = expression("disk", "In", "ssd")
q1.compare(desired([expression(arch, "In", "s390x")], [fast]), within=0)

# %%
q2 = predict(
    "check-ten",
    "Of 30 workers, ten have gpu=old, three have gpu=broken, and the others have no label gpu. "
    "How many match gpu NotIn [broken]?",
    unit="nodes",
)
q2

# %%
kubectl("label nodes --overwrite", *kinds["amd64"], "gpu=old")
kubectl("label nodes --overwrite", *kinds["arm64"][:3], "gpu=broken")
q2.compare(desired([expression("gpu", "NotIn", "broken")]), within=0)

# %%
q3 = predict(
    "affinity-check-both",
    "The same 30 workers. How many match a term with two expressions, gpu NotIn [broken] and "
    "gpu Exists?",
    unit="nodes",
)
q3

# %%
q3.compare(desired([expression("gpu", "NotIn", "broken"), expression("gpu", "Exists")]), within=0)

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## Your turn
#
# Six workers, three architectures, three zones. `agent` is built for amd64 and arm64 alone, and
# `zone-c` has an agent of its own. Write the affinity: `agent` runs on amd64 or arm64, and not in
# `zone-c`. The nodes and the rest of the template stay as they are.
#
# The check looks at this cluster. Then it works out where your template would run on 200 fleets that you
# have not seen. They have other architectures, new zones, and nodes that are in no zone.

# %%
from daemonset_course.lessons import exercise

turn = exercise("node-affinity")
turn.start()

# %%
# %kubectl get nodes -L kubernetes.io/arch,topology.kubernetes.io/zone

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
# - One term must match, with all of its expressions; `nodeSelector` must match besides.
# - For a DaemonSet, required terms hold while it runs: relabel a node, and its Pod goes.
# - Your terms are in the template. The Pods carry one of the controller's: the name of their node.
# - Preferred terms do nothing in a DaemonSet.
