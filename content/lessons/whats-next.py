# %% [markdown]
# # What's next

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, rejected, reset
from daemonset_course import show, step, wait_rollout, wait_settled
from daemonset_course.lessons import daemonset_status, scheduler_messages, uids_by_node

# %%
fleet = reset(workers=6)
fleet

# %% [markdown]
# ## The claim
#
# > From here: StatefulSets give Pods identity and storage; ConfigMaps and Secrets bring
# > configuration into DaemonSet Pods; affinity and topology spread go deeper into scheduling; Pod
# > Security matters to agents that need privileges; monitoring and logging stacks run on DaemonSets.
#
# Each is a course of its own. Here we look at the place where each one meets a DaemonSet. (Of the
# last one you have seen the agents themselves in lessons [agents-in-the-wild] and
# [monitoring-agent].)

# %%
import json
from pathlib import Path

import yaml

apply("../manifests/configuration/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## Spreading
#
# Spreading rules say where Pods of one kind should be, relative to each other. Three DaemonSets on
# our six workers: `apart` wants no other of its kind in its zone; `spread` wants its Pods even over
# the zones, at most one more here than there; `strict` is `spread` with one line more. To make it
# hard, we move the workers of zone-c into zone-a: four there, two in zone-b.

# %%
for worker in fleet.workers[2::3]:
    label(worker, **{"topology.kubernetes.io/zone": "zone-a"})
columns = r"custom-columns=NAME:.metadata.name,ZONE:.metadata.labels.topology\.kubernetes\.io/zone"
print(kubectl("get nodes -o", columns))

# %%
print(Path("../manifests/whats-next/zones.yaml").read_text().rpartition("---")[2])

# %%
alone = predict(
    "apart",
    "Four of six workers are in zone-a, two in zone-b. The DaemonSet apart wants no other Pod of "
    "its kind in the same zone. How many of its Pods will run?",
    unit="Pods",
)
alone

# %%
all_six = predict(
    "spread",
    "Four of six workers are in zone-a, two in zone-b. The DaemonSet spread wants at most one Pod "
    "more in one zone than in the other. Will all six Pods of spread run?",
    choices=("yes", "no"),
)
all_six

# %%
zones = record("apart")
zones.start()
apply("../manifests/whats-next/zones.yaml")
None

# %%
for name, ready in {"apart": 2, "spread": 6, "strict": 5}.items():
    done = f"--for=jsonpath={{.status.numberReady}}={ready}"
    kubectl(f"wait {done} daemonset/{name} --timeout=30s")
proved("no more Pods of the three will get ready")

# %%
from daemonset_course.lessons import coverage

names = ["apart", "spread", "strict"]
settled = {name: wait_settled(f"app={name}", pods=6) for name in names}
zones.stop()
show(coverage(zones.history, names, label="topology.kubernetes.io/zone"))

# %%
alone.compare(len(settled["apart"].ready), within=0)

# %%
all_six.compare(len(settled["spread"].ready) == 6)

# %% tags=["claim-C99"]
assert [daemonset_status(name).ready for name in names] == [2, 6, 5]
assert {daemonset_status(name).desired for name in names} == {6}
assert [len(one.refused) for one in settled.values()] == [4, 0, 1]
assert "didn't match pod anti-affinity rules" in scheduler_messages("apart")[0]
assert "didn't match pod topology spread constraints" in scheduler_messages("strict")[0]
proved("DESIRED is six for each; the scheduler refuses four Pods of apart and one of strict")

# %% [markdown]
# The controller wants all six, always: affinity between Pods and spreading are not among its rules.
# It creates the Pods, each pinned to its node, and the scheduler can only say yes or wait. These
# rules never *move* a DaemonSet's Pod. At worst they leave it Pending.
#
# And `spread` does nothing at all. A spread constraint compares only nodes that the Pod's own node
# affinity allows (`nodeAffinityPolicy: Honor` is the default), and the controller has reduced that
# to one node: there is nothing to compare. With `Ignore`, as in `strict`, all zones count, and one
# Pod waits. What does steer a DaemonSet you know from lessons [node-selector] to
# [taints-and-tolerations].

# %%
kubectl("delete -f ../manifests/whats-next/zones.yaml --ignore-not-found")
None

# %% [markdown]
# ## The mistake people make
#
# An agent that uses its node's network, in a namespace that enforces the Pod Security level
# `baseline`.

# %%
applied = predict(
    "next-baseline",
    "A namespace enforces the Pod Security level baseline, which forbids hostNetwork. "
    "Does kubectl apply succeed there for a DaemonSet with hostNetwork: true?",
    choices=("yes", "no"),
)
applied

# %%
apply("../manifests/whats-next/guarded.yaml")
kubectl("-n guarded delete daemonset host --ignore-not-found --cascade=foreground")
answer = kubectl("apply -n guarded -f ../manifests/whats-next/host.yaml")
print(answer)
applied.compare("daemonset.apps/host" in answer)


# %%
def refused(namespace):
    """Why the API server refused a Pod of host, once it has."""
    chosen = "--field-selector reason=FailedCreate"
    kubectl(f"-n {namespace} wait --for=create event {chosen} --timeout=30s")
    told = kubectl(f"-n {namespace} get events {chosen} -o jsonpath={{.items[0].message}}")
    return told.partition("is forbidden: ")[2]


print(refused("guarded"))

# %% tags=["claim-C101"]
assert "Warning: would violate PodSecurity" in answer
assert 'violates PodSecurity "baseline:latest"' in refused("guarded")
assert "pod/" not in kubectl("-n guarded get pods -o name")
proved("kubectl apply got a warning, the Pods are refused, and there is none")

# %% [markdown]
# It succeeds, with a warning that is soon lost in a pipeline's log. Pod Security judges Pods, and an
# object that makes Pods earns the warning only. The DaemonSet is there, and each of its Pods is
# refused: DESIRED is six and READY is none, so here an alert does fire. Agents with privileges live
# in a namespace that allows them.

# %%
kubectl("label namespace guarded --overwrite pod-security.kubernetes.io/enforce=privileged")
kubectl("-n guarded annotate daemonset host look=again --overwrite")

# %% tags=["claim-C101"]
assert wait_rollout("host", namespace="guarded").ready == 6
proved("host is ready on all six workers")

# %% [markdown]
# ### A quota refuses in the same way
#
# The namespace `small` has room for two Pods.

# %%
fit = predict(
    "quota",
    "A DaemonSet is applied for six workers, in a namespace with a quota of two Pods. "
    "How many workers will get their Pod?",
    unit="nodes",
)
fit

# %%
apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "small"}})
for limit in ("quota", "limits"):
    apply(f"../manifests/whats-next/{limit}.yaml", namespace="small")
kubectl("-n small wait --for=jsonpath={.status.hard.pods}=2 resourcequota/two-pods --timeout=30s")
apply("../manifests/whats-next/host.yaml", namespace="small")
print(refused("small"))

# %%
kubectl("-n small wait --for=jsonpath={.status.currentNumberScheduled}=2 daemonset/host")
proved("the controller has counted the Pods")

# %%
fit.compare(kubectl("-n small get pods -o name").count("pod/"), within=0)

# %%
assert kubectl("-n small get pods -o name").count("pod/") == 2
assert "exceeded quota: two-pods" in refused("small")
proved("there are two Pods, and the event names the quota")

# %% [markdown]
# Which two nodes is left to chance. A fleet that grows needs a quota that grows with it.
#
# The namespace has a [LimitRange](https://kubernetes.io/docs/concepts/policy/limit-range/) too. It
# refuses nothing here, but it fills in what a template leaves open: `host` requests no CPU.

# %%
asks = "jsonpath={.items[*].spec.containers[0].resources.requests.cpu}"
print(asked := kubectl("-n small get pods -o", asks))

# %%
assert "cpu" not in kubectl("-n small get daemonset host -o", "jsonpath={.spec.template.spec}")
assert asked.split() == ["50m", "50m"]
proved("the template requests no CPU, and each Pod requests what the LimitRange says")

# %%
kubectl("delete namespace guarded small --ignore-not-found --wait=false")
None

# %% [markdown]
# ## Why
#
# Four may say no, and each says it elsewhere. The DaemonSet controller creates nothing, in silence
# (lesson [taints-and-tolerations]). The API server refuses the Pod: `FailedCreate` events, written by
# `createPods` in
# [`controller_utils.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/controller_utils.go).
# The scheduler leaves it Pending. The kubelet refuses a Pod that it was given, and the controller
# makes another, with the event `FailedDaemonPod` (lesson [taints-and-tolerations]).

# %% [markdown]
# ## Identity and storage
#
# `db` is a StatefulSet of two Pods, with volumes made by hand; `agent` is our DaemonSet. We delete all
# Pods of both.

# %%
named = predict(
    "named",
    "All Pods of the StatefulSet db and of the DaemonSet agent are deleted. "
    "Whose Pods come back under their old names?",
    choices=("agent", "db", "both", "none"),
)
named

# %%
kubectl("delete statefulset db --cascade=foreground --ignore-not-found")
kubectl("delete pvc data-db-0 data-db-1 --ignore-not-found")
kubectl("delete pv -l lesson=whats-next --ignore-not-found")
apply("../manifests/whats-next/volumes.yaml")
apply("../manifests/whats-next/db.yaml")
kubectl("rollout status statefulset/db --timeout=60s")
columns = "custom-columns=KIND:.kind,NAME:.metadata.name,STATUS:.status.phase"
print(kubectl(f"get pods,pvc -l app=db -o {columns}"))


# %%
def identities(app):
    """The names of the Pods with this label, and the volumes they claim."""
    items = json.loads(kubectl(f"get pods -l app={app} -o json"))["items"]
    volumes = [volume for pod in items for volume in pod["spec"]["volumes"]]
    claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in volumes]
    return {pod["metadata"]["name"] for pod in items}, {claim for claim in claims if claim}


# %%
old = {app: identities(app) for app in ("agent", "db")}
kubectl("delete pods -l app=agent")
kubectl("delete pods -l app=db")
wait_rollout("agent")
kubectl("rollout status statefulset/db --timeout=60s")
same = [app for app in old if identities(app)[0] == old[app][0]]
named.compare({0: "none", 1: "".join(same), 2: "both"}[len(same)])

# %% tags=["claim-C97"]
assert identities("db") == old["db"] == ({"db-0", "db-1"}, {"data-db-0", "data-db-1"})
assert not identities("agent")[0] & old["agent"][0]
proved("db has its old names and volumes again, and the agent has new names only")

# %% [markdown]
# A StatefulSet's Pod has a name and a volume of its own, a DaemonSet's Pod belongs to a node. Take a
# StatefulSet where it matters *which* Pod it is, a DaemonSet where it matters *where* it is.
# An agent that must keep something keeps it on its node (`hostPath`), or in a store of its own.

# %%
kubectl("delete statefulset db --cascade=foreground --ignore-not-found")
kubectl("delete pvc data-db-0 data-db-1 --ignore-not-found")
kubectl("delete pv -l lesson=whats-next --ignore-not-found")
None

# %% [markdown]
# ## One agent, several kinds of machine
#
# The agent of one node needs more CPU than the others. A running Pod can be resized in place (by
# default since Kubernetes 1.33, stable since 1.35), so we give its Pod 50m instead of 10m. Later it is
# deleted. (A real kubelet must do it: on the embedded cluster you see a recording.)

# %%
resized = predict(
    "resized",
    "The CPU request of a running Pod is resized in place from 10m to 50m; its DaemonSet is not "
    "changed. Later the Pod is deleted. How much CPU will its successor request?",
    unit="m",
)
resized

# %%
chosen = f"get pods -l app=agent --field-selector spec.nodeName={fleet.workers[0]} -o"
REQUESTED = "jsonpath={.items[0].spec.containers[0].resources.requests.cpu}"


# %%
@step("resize", needs="exec")
def resize():
    """What a resized Pod requests and has, and what its successor requests"""
    pod = kubectl(chosen, "jsonpath={.items[0].metadata.name}")
    more = {"containers": [{"name": "agent", "resources": {"requests": {"cpu": "50m"}}}]}
    kubectl(f"patch pod {pod} --subresource resize --patch", json.dumps({"spec": more}))
    has = "jsonpath={.status.containerStatuses[0].resources.requests.cpu}=50m"
    kubectl(f"wait pod {pod} --for={has} --timeout=60s")
    grown = str(kubectl(chosen, REQUESTED))
    kubectl(f"delete pod {pod}")
    wait_rollout("agent")
    return {"resized": grown, "successor": str(kubectl(chosen, REQUESTED))}


# %%
resize

# %%
successor = int(resize.result["successor"].removesuffix("m"))
resized.compare(successor, within=0, source=resize.source)

# %%
assert resize.result == {"resized": "50m", "successor": "10m"}
proved("the Pod had 50m, and its successor requests what the template says")

# %% [markdown]
# The Pod was changed, the template was not, and the template makes the next one. A
# [VerticalPodAutoscaler](https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/),
# an add-on, changes Pods too, as they are created or while they run.
#
# There is one template in a DaemonSet, so each kind of node, with an image or resources of its own,
# gets its own DaemonSet. Their node selectors must leave no gap and no overlap.

# %%
_, agent, _ = yaml.safe_load_all(Path("../manifests/configuration/agent.yaml").read_text())
text = json.dumps(agent)


def agent_for(kind, **selector):
    """Roll out an agent of its own for the nodes with these labels."""
    part = json.loads(text.replace('"app": "agent"', f'"app": "agent-{kind}"'))
    part["metadata"]["name"] = f"agent-{kind}"
    part["spec"]["template"]["spec"]["nodeSelector"] = selector
    apply(part)
    return wait_rollout(part["metadata"]["name"])


# %%
for disk in ("ssd", "hdd"):
    agent_for(disk, disk=disk)

# %%
fast, slow = set(uids_by_node("agent-ssd")), set(uids_by_node("agent-hdd"))
print(f"{len(fast)} nodes and {len(slow)} nodes")

# %%
assert fast | slow == set(fleet.workers)
assert not fast & slow
proved("each worker has exactly one of the two")

# %% [markdown]
# The same holds for operating systems: every kubelet labels its node with its operating system. An
# agent for Windows beside the one for Linux does no harm where there is no Windows.

# %%
windows = agent_for("windows", **{"kubernetes.io/os": "windows"})
linux = agent_for("linux", **{"kubernetes.io/os": "linux"})
print(f"DESIRED: windows {windows.desired}, linux {linux.desired}")

# %%
assert windows.desired == 0
assert linux.desired == len(fleet.workers)
proved("the agent for Windows is desired nowhere, the one for Linux on every worker")

# %% [markdown]
# ## Check yourself
#
# A Pod template of a DaemonSet. Commit an answer before you run on.


# %%
from daemonset_course.lessons import try_apply


def verdict(**fields):
    """What the server says of the agent with these fields in its Pods' specification."""
    tried = json.loads(text)
    tried["spec"]["template"]["spec"] |= fields
    print(said := try_apply(tried))
    return "rejected" if said else "accepted"


# %%
q3 = predict(
    "check-node",
    "What does the API server answer to a template whose nodeName is that of no node?",
    choices=("accepted", "rejected"),
)
q3

# %%
q3.compare(verdict(nodeName="no-such-node"))

# %%
with rejected('supported values: "Always"'):
    agent["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    apply(agent, dry_run=True)

# %% [markdown]
# An agent runs as long as its node: it always restarts, and it has no deadline.

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - Affinity between Pods and spreading cannot move a DaemonSet's Pod.
# - No Pods? Ask four: the controller (no event), the API server (`FailedCreate`), the scheduler
#   (Pending), the kubelet (`FailedDaemonPod`).
# - StatefulSet: which Pod. Deployment: how many. DaemonSet: where.
#
# This was the last lesson. The labs are next: in lab 09 five DaemonSets are broken, each in its own way.
