# %% [markdown]
# # DaemonSet or Deployment

# %%
from daemonset_course import add_node, apply, current, kubectl, predict, proved, record, reset, show
from daemonset_course import step, taint, wait_rollout, wait_settled
from daemonset_course.lessons import count_by_node, coverage_over_time, nodes_with, try_rollout

# %%
fleet = reset(workers=6)

# %% [markdown]
# ## The claim
#
# > | | DaemonSet | Deployment |
# > |---|---|---|
# > | count | one per eligible node, automatic | explicit, `replicas` |
# > | placement | one Pod per node, guaranteed | the scheduler decides |
# > | coverage | every node, or a filtered subset | no promise |
# > | scales with | the cluster | its replica count |
# > | for | agents of the node | applications |
# > | access to the host | often | rarely |
#
# ## The same number
#
# Two of six workers are cordoned while the DaemonSet `agent` and the Deployment `web` are created, and
# uncordoned afterwards.

# %%
empty = predict(
    "empty",
    "Two of six workers are cordoned while the Deployment web with six replicas is created. "
    "Afterwards they are uncordoned. How many of the six will have no Pod of web in the end?",
    unit="nodes",
)
empty

# %%
closed = " ".join(fleet.workers[:2])
# %kubectl cordon {closed}
apply("../manifests/daemonset-or-deployment/agent.yaml")
apply("../manifests/daemonset-or-deployment/web.yaml")
wait_rollout("agent")
wait_settled("app=web", pods=6)
# %kubectl uncordon {closed}

# %%
# %kubectl get pods -o wide --sort-by=.spec.nodeName
without = set(fleet.workers) - nodes_with("web")
empty.compare(len(without), within=0)

# %% tags=["claim-C71", "claim-C73"]
assert count_by_node("agent") == dict.fromkeys(fleet.workers, 1)
assert without >= set(fleet.workers[:2])
assert kubectl("get deployment web -o jsonpath={.spec.replicas}") == "6"
assert "replicas" not in kubectl("get daemonset agent -o jsonpath={.spec}")
proved("each worker has one agent; web has six replicas, and none on the workers it found cordoned")

# %% [markdown]
# The agent tolerates a cordon (lesson [taints-and-tolerations]). No Pod of `web` moved afterwards: the
# scheduler places a Pod once. A Deployment promises a number, not places.
#
# ## Guaranteed?
#
# The scheduler binds the Pods of both (lesson [how-scheduling-works]).

# %% tags=["claim-C72"]
import json

events = json.loads(kubectl("get events --field-selector reason=Scheduled -o json"))["items"]
placed = {
    app: {e["reportingComponent"] for e in events if e["involvedObject"]["name"].startswith(app)}
    for app in ("agent", "web")
}
assert placed == {"agent": {"default-scheduler"}, "web": {"default-scheduler"}}
proved("the default scheduler has placed the Pods of both")

# %% [markdown]
# Another Pod takes all that is left of one worker's CPU. `greedy` is a DaemonSet that requests 100m.

# %%
fits = predict(
    "fits",
    "One of six workers has no CPU left. The DaemonSet greedy requests CPU on each of the six. "
    "On how many workers will greedy be ready?",
    unit="nodes",
)
fits

# %%
from daemonset_course.lessons import fill_node

full = fleet.workers[0]
print(fill_node(full))
with record("greedy", live=True, predicted={"READY": fits}) as refused:
    apply("../manifests/daemonset-or-deployment/greedy.yaml")
    try_rollout("greedy", timeout=4)
refused.plot()

# %%
settled = wait_settled("app=greedy", pods=6)
fits.compare(len(settled.ready), within=0)

# %% tags=["claim-C72"]
((node, said),) = settled.refused
assert node == full
assert "Insufficient cpu" in said
assert len(settled.ready) == 5
proved("one Pod finds no CPU on the full worker, and the five others are ready")

# %% [markdown]
# Guaranteed is one Pod *created* for each eligible node. The Pod that was refused waits for its own node.
#
# ## Why
#
# The DaemonSet controller goes over the *nodes*: should this one run the Pod, has it one
# ([`podsShouldBeOnNode` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go))?
# It ties each new Pod to its node by affinity. The ReplicaSet controller behind a Deployment subtracts
# two numbers: the Pods that exist from `replicas`
# ([`manageReplicas` in `pkg/controller/replicaset/replica_set.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/replicaset/replica_set.go)).
#
# ## Nodes join
#
# A common idea: "a Deployment with as many replicas as nodes, and an anti-affinity that allows one
# Pod per node, is as good as a DaemonSet". `spread` is such a Deployment.

# %%
# %kubectl delete pod/filler-{full} daemonset/greedy --ignore-not-found
# %kubectl apply -f ../manifests/daemonset-or-deployment/spread.yaml
# %kubectl rollout status deployment/spread --timeout=60s

# %%
reached = predict(
    "choose-reached",
    "spread is a Deployment with six replicas, at most one on a node. It is on six workers, and "
    "three more join. On how many of the nine workers will spread be?",
    unit="nodes",
)
reached

# %%
with record("agent", live=True) as life:
    add_node(count=3)
    wait_rollout("agent")
reached.compare(len(nodes_with("spread")), within=0)

# %%
show(coverage_over_time(life.history, ["agent", "spread", "web"]))

# %% tags=["claim-C73", "claim-C74", "claim-C77"]
apps = coverage_over_time(life.history, ["agent", "spread", "web"])
assert count_by_node("agent") == dict.fromkeys(current().workers(), 1)
assert apps.nodes.max() == 9 == apps.covered["agent"].max()
assert max(apps.covered["spread"].max(), apps.covered["web"].max()) < 9
assert nodes_with("spread") == set(fleet.workers)
assert sum(count_by_node("web").values()) == 6
proved("each of nine workers has an agent, and both Deployments have as many Pods as before")

# %% [markdown]
# The agent followed the nodes, the Deployments did not. Next, a worker is drained.

# %%
drained = count_by_node("web").most_common(1)[0][0]
# %kubectl drain {drained} --ignore-daemonsets --timeout=50s
# %kubectl rollout status deployment/web deployment/spread --timeout=60s
# %kubectl get pods -o wide --field-selector spec.nodeName={drained}

# %% tags=["claim-C75"]
assert drained in nodes_with("agent") - nodes_with("web") - nodes_with("spread")
assert sum(count_by_node("web").values()) == 6
proved("the Pods of the Deployments have left the node, and web has six Pods as before")

# %% [markdown]
# The Pods of the Deployments moved, and their number stays. The agent belongs to its node.
#
# ### The mistake people make
#
# "As a DaemonSet the application is everywhere." `shop` is a DaemonSet, `store` the same as a Deployment
# with nine replicas. One of the nine nodes gets a `NoExecute` taint.

# %%
# %kubectl uncordon {drained}
apply("../manifests/daemonset-or-deployment/shop.yaml")
wait_rollout("shop")
# %kubectl rollout status deployment/store --timeout=60s

# %%
shop_left = predict(
    "shop",
    "The DaemonSet shop has a Pod on each of nine workers, and one worker gets a NoExecute taint. "
    "How many Pods of shop are ready a little later?",
    unit="Pods",
)
shop_left

# %%
broken = f"spec.nodeName={fleet.workers[0]}"
with record("shop", live=True, predicted={"READY": shop_left}) as moving:
    taint(fleet.workers[0], "broken=disk:NoExecute")
    kubectl(f"wait --for=delete pod -l app=shop --field-selector {broken} --timeout=60s")
    kubectl(f"wait --for=delete pod -l app=store --field-selector {broken} --timeout=60s")
    kubectl("rollout status deployment/store --timeout=60s")

# %%
store = len(wait_settled("app=store", pods=9).ready)
shop = wait_rollout("shop").ready
shop_left.compare(shop, within=0)

# %%
from daemonset_course.lessons import pods_by_node

show(pods_by_node(moving.history, ["shop", "store"]))

# %% tags=["claim-C87"]
assert (shop, store) == (8, 9)
proved("the Deployment has all its Pods again, and the DaemonSet has one Pod less")

# %% [markdown]
# The Deployment moved its Pod. The DaemonSet lost a ninth of its capacity. An application belongs in a
# DaemonSet only if each node needs it, as an edge proxy or a DNS cache.
#
# ## The load grows
#
# `store` and `shop` need more Pods.

# %%
# %kubectl scale deployment store --replicas=12
# %kubectl rollout status deployment/store --timeout=60s
# %kubectl autoscale deployment store --max=20 --dry-run=server

# %% tags=["claim-C78"]
from daemonset_course.lessons import try_kubectl

said = try_kubectl("autoscale daemonset shop --max=20 --dry-run=server")
assert sum(count_by_node("store").values()) == 12
assert "could not find scale subresource" in said
assert count_by_node("agent")[fleet.workers[1]] == 1
proved("store has twelve Pods, and autoscale is refused for a DaemonSet")

# %% [markdown]
# A DaemonSet cannot be scaled (lesson [one-pod-per-node]). More load needs more nodes, or larger Pods.
#
# ## Access to the host
#
# `door` is a Deployment of ten Pods, each with port 8080 of its node, on nine workers. The table below has
# the workloads that a kind cluster runs for itself.

# %%
taint(fleet.workers[0], "broken-")
apply("../manifests/daemonset-or-deployment/door.yaml")
door = wait_settled("app=door", pods=10)
door

# %% tags=["claim-C76"]
((_, why_not),) = door.refused
assert "didn't have free ports" in why_not
assert len(door.ready) == 9
proved("one of the ten Pods finds no free port")

# %%
from daemonset_course.lessons import workload_features


@step("host-access", needs="logs")
def access():
    """What the cluster's own workloads have of their node"""
    parts = {"hostNetwork": "network", "hostPath": "files"}
    found = workload_features("kube-system")
    return {name: [parts[one] for one in parts if one in has] for name, has in found.items()}


access

# %% tags=["claim-C76"]
parts = access.result
both = [name for name, each in parts.items() if each == ["network", "files"]]
assert sorted(both) == ["DaemonSet kindnet", "DaemonSet kube-proxy"]
assert not any(each for name, each in parts.items() if name.startswith("Deployment"))
proved("kindnet and kube-proxy use network and files of their node, and no Deployment uses either")

# %% [markdown]
# What belongs to a node exists once a node, as a DaemonSet's Pod does.
#
# ## Once on each node
#
# Some work is done once on a node, such as loading a kernel module. Here an *init container* does it, and
# ends before the next container starts.

# %%
from pathlib import Path

print(Path("../manifests/daemonset-or-deployment/prepare.yaml").read_text())

# %%
runs = predict(
    "prepared",
    "The DaemonSet prepare has an init container that prepares the node. It starts on nine workers. "
    "A worker joins. Then somebody runs kubectl rollout restart daemonset/prepare. "
    "How many times has the init container run in all?",
    unit="times",
)
runs

# %%
from daemonset_course.lessons import init_runs

kubectl("delete daemonset prepare --ignore-not-found --cascade=foreground")  # of an earlier run
with record("prepare", live=True) as prepared:
    # %kubectl apply -f ../manifests/daemonset-or-deployment/prepare.yaml
    wait_rollout("prepare")
    add_node()
    wait_rollout("prepare")
    # %kubectl rollout restart daemonset/prepare
    wait_rollout("prepare")
found = init_runs(prepared.history, "prepare", "prepare", predicted=runs)
show(found)

# %%
runs.compare(len(found.runs), within=0)

# %%
assert found.by_node == dict.fromkeys(current().workers(), 2)
proved("each of ten workers was prepared twice, and the one that joined as often as the others")

# %% [markdown]
# The work is done once for each *Pod*: on a node that joins, and on all nodes again after a change of the
# template. A reboot repeats it. It must be safe to repeat.
#
# ## Neither of the two
#
# | for | take | and know that |
# |---|---|---|
# | what must run without the API server | a [static Pod](https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/), a file in the kubelet's folder | no API changes it |
# | what must run before the kubelet | a unit of systemd | Kubernetes does not see it |
# | a helper of one application | a [sidecar container](https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/) | one a Pod, not one a node |
# | once on the nodes of today, to its end | a Job for each node | a DaemonSet restarts what ends |
#
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each.

# %%
from daemonset_course.lessons import symptom

symptom("no-replicas")

# %%
symptom("deployment-finds-no-node")

# %% [markdown]
# ## Your turn
#
# Five workloads are to run on three workers. Choose the kind of each, and create it:
#
# - `meter` measures the disks of each worker, also of workers that join.
# - `shop` answers customers. Five Pods of it carry the load, on whichever workers.
# - `tls` encrypts what each Pod of `shop` sends. It is there before `shop` starts and until `shop` has
#   ended, and shares its address.
# - `migrate` changes the tables of the shop, once.
# - `report` adds up the day, each night at 2:00.
#
# Use these names and the image `busybox:1.36`, with a command that sleeps. Imagine a fleet of 20 workers at noon, just after `migrate` was created; the real `report` takes a few
# minutes. How many running Pods of its own does each of the five have? Finished Pods do not count. Write
# the five numbers into the ConfigMap `answer`, under the names.

# %%
from daemonset_course.lessons import exercise

turn = exercise("daemonset-or-deployment")
turn.start()

# %%
# %kubectl get nodes
# %kubectl get daemonsets,deployments,jobs,cronjobs,pods

# %% [markdown]
# Write the manifests between the quotes, separated by `---`, or use `%kubectl create` in a cell of your
# own. The check judges the kinds, what runs, and your five numbers. At the end a worker joins, and leaves
# again. `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
workloads = """
"""
turn.apply(workloads)

# %%
turn.check()

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A DaemonSet promises places, a Deployment a number.
# - "Guaranteed" means one Pod created for each eligible node. The scheduler binds it, if there is room.
# - A Deployment with anti-affinity is right for the number of nodes that you had when you wrote it.
# - If it belongs to the node, take a DaemonSet. If the load decides how many, take a Deployment.
