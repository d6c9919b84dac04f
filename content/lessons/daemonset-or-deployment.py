# %% [markdown]
# # DaemonSet or Deployment

# %%
from daemonset_course import add_node, apply, cordon, current, drain, kubectl, predict, proved
from daemonset_course import record, reset, show, step, wait_rollout, wait_settled
from daemonset_course.lessons import count_by_node, coverage_over_time, nodes_with

# %%
fleet = reset(workers=6)
fleet

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
# Six workers, a DaemonSet `agent`, and a Deployment `web` with six replicas. Is that the same?

# %%
from pathlib import Path

print(Path("../manifests/daemonset-or-deployment/web.yaml").read_text())

# %% [markdown]
# ## The same number
#
# Two of the six nodes are cordoned for some maintenance while we deploy both, and uncordoned
# afterwards.

# %%
empty = predict(
    "empty",
    "Two of six workers are cordoned while the Deployment web with six replicas is created. "
    "Afterwards they are uncordoned. How many of the six will have no Pod of web in the end?",
    unit="nodes",
)
empty

# %%
with record("agent", live=True) as start:
    for node in fleet.workers[:2]:
        cordon(node)
    apply("../manifests/daemonset-or-deployment/agent.yaml")
    apply("../manifests/daemonset-or-deployment/web.yaml")
    wait_rollout("agent")
    wait_settled("app=web", pods=6)
    for node in fleet.workers[:2]:
        cordon(node, undo=True)
show(coverage_over_time(start.history, ["agent", "web"]).shares)

# %%
without = set(fleet.workers) - nodes_with("web")
empty.compare(len(without), within=0)

# %% tags=["claim-C71", "claim-C73"]
assert count_by_node("agent") == dict.fromkeys(fleet.workers, 1)
assert without >= set(fleet.workers[:2])
assert kubectl("get deployment web -o jsonpath={.spec.replicas}") == "6"
assert "replicas" not in kubectl("get daemonset agent -o jsonpath={.spec}")
proved("each worker has one agent; web has six replicas, and none on the workers it found cordoned")

# %% [markdown]
# The agent tolerates a cordon (lesson [taints-and-tolerations]), so it was everywhere from the start.
# `web` went where it was allowed to, several Pods to a node, and nobody moved one of them afterwards:
# the scheduler places a Pod once and never moves it. A Deployment promises a number, not places.
#
# ## Guaranteed?
#
# Is the agent's Pod then placed by somebody else, past the scheduler? The events of its Pods say who
# scheduled them.

# %%
who = predict(
    "who",
    "Which component places the Pods of a DaemonSet on their nodes: the scheduler or the DaemonSet "
    "controller?",
    choices=("scheduler", "controller"),
)
who

# %%
import json

events = json.loads(kubectl("get events --field-selector reason=Scheduled -o json"))["items"]
placed = {
    app: {e["reportingComponent"] for e in events if e["involvedObject"]["name"].startswith(app)}
    for app in ("agent", "web")
}
who.compare("scheduler" if placed["agent"] == placed["web"] else "controller")

# %% tags=["claim-C72"]
assert placed == {"agent": {"default-scheduler"}, "web": {"default-scheduler"}}
proved("the default scheduler has placed the Pods of both")

# %% [markdown]
# The same scheduler, for both. So a Pod of a DaemonSet can be refused as well. `heavy` takes 60 % of
# the first worker's CPU. Then `greedy`, a DaemonSet, requests as much on every node.

# %%
fits = predict(
    "fits",
    "heavy takes 60 % of the CPU of one worker. The DaemonSet greedy requests as much on each of "
    "six workers. On how many workers will greedy be ready?",
    unit="nodes",
)
fits

# %%
from daemonset_course.lessons import allocatable_cpu

cpu = allocatable_cpu(fleet.workers[0])
text = Path("../manifests/daemonset-or-deployment/big.yaml").read_text()
text = text.replace("CPU", f"{cpu * 6 // 10}m").replace("NODE", fleet.workers[0])
heavy, greedy = text.split("---\n")
apply(heavy)
kubectl("rollout status deployment/heavy --timeout=60s")
apply(greedy)
settled = wait_settled("app=greedy", pods=6)
settled

# %%
path = "jsonpath={.status.currentNumberScheduled}"
current_of_greedy = int(kubectl("get daemonset greedy -o", path))
fits.compare(len(settled.ready), within=0)

# %% tags=["claim-C72"]
((node, said),) = settled.refused
assert node == fleet.workers[0]
assert "Insufficient cpu" in said
assert len(settled.ready) == 5
proved("one Pod finds no CPU on the first worker, and the five others are ready")

# %% [markdown]
# Guaranteed is one Pod *made* for each eligible node. The one that was refused waits until something
# changes on its own node; there is no other for it. A Deployment's Pod would have gone elsewhere.
#
# ## Why
#
# The two controllers ask different questions. The DaemonSet controller goes over the *nodes*:
# should this one run the Pod, and has it one
# ([`podsShouldBeOnNode` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go))?
# It ties each new Pod to its node by affinity. The ReplicaSet controller behind a Deployment
# subtracts two numbers, Pods that there are from Pods that are asked for
# ([`manageReplicas` in `pkg/controller/replicaset/replica_set.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/replicaset/replica_set.go)),
# and asks no node when it creates one.

# %%
kubectl("delete deployment heavy --ignore-not-found")
kubectl("delete daemonset greedy --ignore-not-found")
None

# %% [markdown]
# ## Nodes come and go
#
# A common idea: "a Deployment with as many replicas as nodes, and an anti-affinity that allows one
# Pod per node, is as good as a DaemonSet". We call it `spread`.

# %%
apply("../manifests/daemonset-or-deployment/spread.yaml")
kubectl("rollout status deployment/spread --timeout=60s")
None

# %%
assert count_by_node("spread") == dict.fromkeys(fleet.workers, 1)
proved("each worker has one Pod of spread")

# %% [markdown]
# So far it is. Now three nodes join, one worker is drained, and the three leave again.

# %%
reached = predict(
    "choose-reached",
    "spread is a Deployment with six replicas, at most one on a node. It is on six workers, and "
    "three more join. On how many of the nine workers will spread be?",
    unit="nodes",
)
reached

# %%
life = record("agent")
life.start()
joined = add_node(count=3)
wait_rollout("agent")
reached.compare(len(nodes_with("spread")), within=0)

# %% tags=["claim-C74", "claim-C77"]
assert count_by_node("agent") == dict.fromkeys(current().workers(), 1)
assert len(nodes_with("agent")) == 9
assert nodes_with("spread") == set(fleet.workers)
assert sum(count_by_node("web").values()) == 6
proved("each of nine workers has an agent, and both Deployments have as many Pods as before")

# %% [markdown]
# The agent followed the nodes, the Deployments did not: nobody changed their number. Next, a worker
# with Pods of `web` is drained for maintenance.

# %%
leaves = predict(
    "choose-leaves",
    "A worker is drained with --ignore-daemonsets. It has Pods of the DaemonSet agent and of the "
    "Deployments web and spread. Which of the three will have no Pod on it any more?",
    nodes=("agent", "web", "spread"),
)
leaves

# %%
drained = max(fleet.workers, key=lambda node: count_by_node("web")[node])
drain(drained, "--ignore-daemonsets")
kubectl("rollout status deployment/web --timeout=60s")
kubectl("rollout status deployment/spread --timeout=60s")
gone = [app for app in ("agent", "web", "spread") if drained not in nodes_with(app)]
leaves.compare(gone)

# %% tags=["claim-C75"]
assert gone == ["web", "spread"]
assert sum(count_by_node("web").values()) == 6
proved("the Pods of the Deployments have left the node, and web has six Pods as before")

# %% [markdown]
# This is what the two are for. An application does not care where it runs, so it moves, and its
# number stays. A node's agent belongs to the node and would be of no use elsewhere.
#
# Last, the worker is uncordoned. A Pod that is new may go there at once; does anything come back?

# %%
cordon(drained, undo=True)
pin = {"spec": {"nodeSelector": {"kubernetes.io/hostname": drained}}}
kubectl("run visitor --image=registry.k8s.io/pause:3.10 --overrides", json.dumps(pin))
kubectl("wait pod/visitor --for=condition=Ready --timeout=60s")
came_back = count_by_node("web")[drained]
kubectl("delete pod visitor")

# %% [markdown]
# And the three new nodes are drained and deleted.

# %%
kubectl("drain --ignore-daemonsets --timeout=50s", *joined)
kubectl("rollout status deployment/spread --timeout=60s")
kubectl("delete node", *joined)

# %%
life.stop()
show(coverage_over_time(life.history, ["agent", "spread", "web"]))

# %% tags=["claim-C73", "claim-C74"]
apps = coverage_over_time(life.history, ["agent", "spread", "web"])
assert apps.nodes.max() == 9 == apps.covered["agent"].max()
assert max(apps.covered["spread"].max(), apps.covered["web"].max()) < 9
assert apps.held["agent"] == dict.fromkeys(fleet.workers, 1)
proved("the agent was on all nine workers, and neither Deployment ever was")

# %% [markdown]
# The wide line counts the nodes, and the agent's follows it. The other two never reach it while there
# are nine nodes, and each drain costs them a node until the Pod is ready elsewhere.
#
# ### The mistake people make
#
# "Then I ask for more replicas than nodes, to be safe." `wide` is `spread` with ten replicas.

# %%
ready = predict(
    "wide",
    "A Deployment has ten replicas, at most one on a node, and there are six workers. "
    "How many of the ten Pods will be ready?",
    unit="Pods",
)
ready

# %%
spread = Path("../manifests/daemonset-or-deployment/spread.yaml").read_text()
apply(spread.replace("spread", "wide").replace("replicas: 6", "replicas: 10"))
wide = wait_settled("app=wide", pods=10)
ready.compare(len(wide.ready), within=0)

# %% tags=["claim-C77"]
assert (len(wide.ready), len(wide.refused)) == (6, 4)
assert all("didn't match pod anti-affinity rules" in said for _, said in wide.refused)
proved("the anti-affinity keeps four of the ten Pods waiting")

# %% [markdown]
# Six, and four Pods wait for ever. "One on each node" is not a number, so no `replicas` says it.
#
# ## The load grows
#
# Now the other way round: `shop`, an application, has to double.

# %%
web = Path("../manifests/daemonset-or-deployment/web.yaml").read_text()
apply(web.replace("web", "shop"))
kubectl("rollout status deployment/shop --timeout=60s")
kubectl("scale deployment shop --replicas=12")
kubectl("rollout status deployment/shop --timeout=60s")
print(kubectl("autoscale deployment shop --max=20 --dry-run=server"))

# %%
from daemonset_course.lessons import try_kubectl

print(said := try_kubectl("autoscale daemonset agent --max=20 --dry-run=server"))

# %% tags=["claim-C78"]
assert sum(count_by_node("shop").values()) == 12
agents = count_by_node("agent")  # Pods of the deleted nodes may be listed for a while
assert [agents[node] for node in current().workers()] == [1] * 6
assert "could not find scale subresource" in said
proved("shop has twelve Pods, each worker has one agent, and autoscale is refused for a DaemonSet")

# %% [markdown]
# One command doubles the Deployment, and an autoscaler may give it for you. A DaemonSet has no answer
# to load but more nodes, or larger Pods.
#
# ## Access to the host
#
# Agents work on their node: its network, its files, its devices. A port of the node is the simplest
# case. `door` is a Deployment of seven Pods that want port 8080 of their node.

# %%
doors = predict(
    "doors",
    "A Deployment has seven Pods that all want the hostPort 8080, and there are six workers. "
    "How many of the seven Pods will be ready?",
    unit="Pods",
)
doors

# %%
apply("../manifests/daemonset-or-deployment/door.yaml")
door = wait_settled("app=door", pods=7)
doors.compare(len(door.ready), within=0)

# %% tags=["claim-C76"]
((_, said),) = door.refused
assert "didn't have free ports" in said
assert len(door.ready) == 6
proved("one of the seven Pods finds no free port")

# %% [markdown]
# Who takes what? Here are the workloads that a kind cluster runs for itself. (On the embedded
# cluster this is a recording.)

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
# What belongs to a node is there once a node, and so is a DaemonSet's Pod. That is why host access
# and DaemonSets go together. Nothing forbids it to a Deployment, and nothing forces it on a
# DaemonSet.
#
# ## Neither of the two
#
# The documentation names some
# [alternatives](https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#alternatives-to-daemonset).
# With those of practice they are:
#
# | for | take | and know that |
# |---|---|---|
# | what must run before the API server does, or without it | a [static Pod](https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/), a file in the kubelet's folder | no API changes it; you only see a copy |
# | what must run before the kubelet does | a unit of systemd | Kubernetes knows nothing of it |
# | a helper of one application | a [sidecar container](https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/) | one a Pod, not one a node |
# | something to try out | a bare Pod | nothing brings it back |
# | once on each node, to its end | a Job for each node | a DaemonSet restarts what ends |
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("no-replicas")

# %%
symptom("selector-cannot-change")

# %%
symptom("deployment-finds-no-node")

# %% [markdown]
# Commit an answer before you run on.

# %%
q2 = predict(
    "check-scale",
    "door has seven replicas with one hostPort, and six workers. A seventh worker joins. "
    "How many Pods of door are ready then?",
    unit="Pods",
)
q2

# %%
add_node()
kubectl("rollout status deployment/door --timeout=60s")
q2.compare(len(wait_settled("app=door", pods=7).ready), within=0)

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
# Use these names and the image `busybox:1.36`, with a command that sleeps. Then defend your choice.
# Imagine a fleet of 20 workers at noon, just after `migrate` was created; the real `report` takes a few
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
# Write the manifests between the quotes, separated by `---`. What `kubectl create` can make
# (`deployment`, `job`, `cronjob`, `configmap`) is quicker with `%kubectl create` in a cell of your
# own, or in a terminal. The check judges the kinds, what runs, and your five numbers. At the end a
# worker joins, and leaves again. `turn.hint()` gives one of three hints, `turn.solution()` a solution
# after you passed.

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
# - "Guaranteed" means one Pod made for each eligible node; the scheduler places it, if there is room.
# - A Deployment with anti-affinity is right for the number of nodes that you had when you wrote it.
# - Does it belong to the node, or does the load decide how many? That is the choice.
