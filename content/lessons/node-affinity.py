# %% [markdown]
# # Node affinity

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, reset, show
from daemonset_course import wait_rollout
from daemonset_course.lessons import label_map, nodes_with, require_nodes, wait_pod, watch_pod

# %% [markdown]
# The fleet has thirty workers of three processor architectures. A kubelet writes its architecture into
# the label `kubernetes.io/arch`. A real kubelet restores the label with its next status
# ([`updateNode` in `pkg/kubelet/kubelet_node_status.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kubelet_node_status.go)).
# A simulated kubelet does not, so this lesson can change it.

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
# is placed, ignored while it runs. Does that hold for a DaemonSet? The Deployment `web` has one Pod
# and requires `arm64`. Its Pod runs on a node beside a Pod of the agent.

# %%
apply("../manifests/node-affinity/web.yaml")
kubectl("rollout status deployment/web --timeout=60s")
(shared,) = nodes_with("web")

# %%
# %kubectl get pods --field-selector spec.nodeName={shared} -o wide

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
with record("agent", live=True) as relabel:
    label(shared, **{"kubernetes.io/arch": "s390x"})
    left = {app: watch_pod(app, shared, at_most=8) for app in ("agent", "web")}
show(label_map(relabel.history, "kubernetes.io/arch"))

# %%
gone = [app for app, stays in left.items() if not stays]
goes.compare("both" if len(gone) == 2 else ", ".join(gone) or "none")

# %%
assert nodes_with("agent") == {*kinds["amd64"], *kinds["arm64"]} - {shared}
assert nodes_with("web") == {shared}
proved("the agent has a Pod on each node that matches now; the Pod of web is still there")

# %% [markdown]
# The Pod of the Deployment stays, as the name of the field promises. The Pod of the DaemonSet is
# deleted. For a DaemonSet, required means required as long as the Pod runs.
#
# ## Why
#
# The name describes the scheduler. The scheduler reads the affinity once, and the kubelet reads it
# when the Pod arrives. Neither reads it again while the Pod runs. The DaemonSet controller does,
# whenever the labels of a node change
# ([`NodeShouldRunDaemonPod` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
# If the selector or the required affinity does not match, the node should not run the Pod, *and* a Pod
# that runs there may not stay. The controller deletes it. The decision, drawn:
# [Should the node run the Pod](../pictures.md#should-the-node-run-the-pod).
#
# ## The affinity of the Pods
#
# The label changes back, and the node gets a new Pod of the agent.

# %%
label(shared, **{"kubernetes.io/arch": "arm64"})
wait_pod("agent", shared)
wait_rollout("agent")

# %%
carried = predict(
    "carried",
    "The agent's template requires kubernetes.io/arch In [amd64, arm64]. "
    "Is this required term in the spec of its Pods, too?",
    choices=("yes", "no"),
)
carried

# %%
affinity = ".spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
required = kubectl(f"get pods -l app=agent -o custom-columns=POD:.metadata.name,TERMS:{affinity}")
print(*required.splitlines()[:4], sep="\n")

# %%
carried.compare("yes" if "kubernetes.io/arch" in required else "no")

# %%
assert required.count("matchFields:[map[key:metadata.name operator:In values:[") == 20
assert all(f"[{node}]" in required for node in nodes_with("agent"))
proved("each Pod requires its own node, by name")

# %% [markdown]
# The controller has chosen the node already. In each Pod, it replaces your required terms by one term:
# the field `metadata.name` must be this node
# ([`ReplaceDaemonSetPodNodeNameNodeAffinity`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
# Read your terms in the DaemonSet, not in its Pods.
#
# The agent also *prefers* `zone-a`. A preference has no effect here: only one node is left to choose.

# %%
zone_b = kubectl("get nodes -l topology.kubernetes.io/zone=zone-b -o name")
in_b = {node.removeprefix("node/") for node in zone_b.split()}
assert nodes_with("agent") & in_b
proved("the agent prefers zone-a, and nodes of zone-b have a Pod, too")

# %% [markdown]
# ## With a nodeSelector too
#
# Every third worker has the label `disk=ssd`. This patch adds a node selector to the template:

# %%
print(Path("../manifests/node-affinity/ssd.yaml").read_text())

# %%
either = predict(
    "either",
    "The agent's template gets nodeSelector: {disk: ssd} beside its required affinity of amd64 or "
    "arm64. Must a node match both, or is one of them enough?",
    choices=("both", "one"),
)
either

# %%
# %kubectl patch daemonset agent --patch-file ../manifests/node-affinity/ssd.yaml

# %%
narrowed = wait_rollout("agent").desired
matching = kubectl("get nodes -l 'disk=ssd,kubernetes.io/arch in (amd64, arm64)' -o name")
either.compare("both" if narrowed == matching.count("node/") else "one")

# %%
assert narrowed == matching.count("node/") < 20
proved("the agent runs on as many nodes as match selector and affinity, fewer than before")

# %%
# %kubectl rollout undo daemonset/agent

# %% [markdown]
# ## The mistake people make
#
# `nodeSelectorTerms` is a list of terms, and each term has a list of expressions. Somebody wants "amd64
# nodes and arm64 nodes", and writes two expressions into one term. `require_nodes` puts a list of terms
# into the template, and waits for the rollout.

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
terms = """
- matchExpressions:
  - {key: kubernetes.io/arch, operator: In, values: [amd64]}
  - {key: kubernetes.io/arch, operator: In, values: [arm64]}
"""
wait_rollout("agent")
with record("agent", live=True, predicted={"DESIRED": both}) as run:
    together = require_nodes(terms).desired
run.plot(title=f"Two expressions in one term: {together} nodes")

# %%
both.compare(together, within=0)

# %%
# %kubectl rollout status daemonset/agent

# %% tags=["claim-C30"]
assert together == 0
proved("no node matches both expressions")

# %% [markdown]
# All expressions of a term must match, and no node has two architectures. kubectl still reports
# success: with no eligible node, no Pod is missing. Write two *terms*. One of them must match:

# %%
terms = """
- matchExpressions:
  - {key: kubernetes.io/arch, operator: In, values: [amd64]}
- matchExpressions:
  - {key: kubernetes.io/arch, operator: In, values: [arm64]}
"""
apart = require_nodes(terms).desired
apart

# %% tags=["claim-C30"]
import json

items = json.loads(kubectl("get nodes -o json"))["items"]
labels = {one["metadata"]["name"]: {*one["metadata"]["labels"].items()} for one in items}
common = set.intersection(*(labels[node] for node in nodes_with("agent")))
assert apart == len(nodes_with("agent")) == 20
assert sum(common <= each for each in labels.values()) > 20
proved("two terms match both kinds; the labels that these nodes share are on other nodes, too")

# %% [markdown]
# No `nodeSelector` can choose these nodes: it may name only labels that all of them have.

# %%
without = predict(
    "not-in",
    "Of 30 workers, none has the label gpu. How many of them match gpu NotIn [broken]?",
    unit="nodes",
)
without

# %%
terms = """
- matchExpressions:
  - {key: gpu, operator: NotIn, values: [broken]}
"""
everywhere = require_nodes(terms).desired
without.compare(everywhere, within=0)

# %% tags=["claim-C30"]
assert everywhere == 30
proved("all 30 workers match")

# %% [markdown]
# A node without the label satisfies `NotIn`, as it satisfies `DoesNotExist`.
#
# ## Check yourself
#
# Two symptoms. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("or-against-and")

# %%
symptom("preferred-is-no-rule")

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
