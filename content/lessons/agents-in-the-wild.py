# %% [markdown]
# # Agents in the wild

# %%
from daemonset_course import apply, current, kubectl, label, predict, proved, reset, show, step
from daemonset_course import wait_rollout, why
from daemonset_course.lessons import nodes_with, pod_names, wait_pod

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claims
#
# > DaemonSets are for infrastructure on each node. Storage: glusterd, Ceph, CSI node plugins. Logs:
# > Fluentd, Fluent Bit, Filebeat, Logstash. Monitoring: node exporter, collectd, Datadog, New Relic.
# > Network: Calico, Cilium, Weave Net. Security: Falco, Sysdig. GPUs: the NVIDIA device plugin.
#
# Here are six agents, one of each sort. They have the features of real ones, looked up in public
# manifests, and do nothing of their work. This is how a log agent looks:

# %%
from pathlib import Path

import yaml

manifest = Path("../manifests/agents-in-the-wild/agents.yaml").read_text()
agents = {each["metadata"]["name"]: each for each in yaml.safe_load_all(manifest)}
print(manifest.split("---")[1])

# %% [markdown]
# Beside them run two applications, `shop` and `collector`: Deployments.

# %%
apply("../manifests/agents-in-the-wild/apps.yaml")
for name in ("shop", "collector"):
    kubectl(f"rollout status deployment/{name} --timeout=60s")
apply("../manifests/agents-in-the-wild/agents.yaml")
for name in agents:
    wait_rollout(name)

# %% [markdown]
# ## Predict
#
# Nine features to look for in a Pod template:
#
# | feature | what the Pod has of it |
# |---|---|
# | `hostPath` | files of its node |
# | `hostNetwork` | the node's network and address instead of its own |
# | `hostPID` | sight of the node's processes |
# | `privileged` | almost every right of the node's root |
# | Bidirectional mounts | what it mounts, its node sees |
# | tolerates control plane | may run on control-plane nodes |
# | tolerates everything | may run on any node, whatever its taints |
# | system priority | `system-node-critical` or `system-cluster-critical` |
# | chosen nodes only | a `nodeSelector` or a required node affinity |
#
# Two predictions before we look.

# %%
shared = predict(
    "shared",
    "Six agents run: storage, logs, metrics, network, security, gpu. "
    "Which one of the nine features do all six have?",
    choices=(
        *("hostPath", "hostNetwork", "hostPID", "privileged", "Bidirectional mounts"),
        *("tolerates control plane", "tolerates everything", "system priority"),
        "chosen nodes only",
    ),
)
shared

# %%
absent = predict(
    "absent",
    "One of the six agents has no Pod on the control plane. Which one?",
    choices=("storage", "logs", "metrics", "network", "security", "gpu"),
)
absent

# %% [markdown]
# ## Run
#
# `workload_features` looks into Pod templates. We ask it about everything that runs in `default` ...

# %%
from daemonset_course.lessons import workload_features

ours = workload_features("default")

# %% [markdown]
# ... and about a real cluster's own workloads. On the embedded cluster this is a recording, made on
# kind.


# %%
@step("agents-of-kind", needs="logs")
def system():
    """The features of kube-system's own workloads"""
    return workload_features("kube-system")


system

# %%
from daemonset_course.lessons import features

table = features(ours | system.result)
show(table)

# %%
shared.compare(", ".join(table.shared), source=system.source)

# %%
assert table.shared == ("hostPath",)
deployments = table.of("Deployment")
assert not any({"hostPath", "hostNetwork", "privileged"} & table.found[d] for d in deployments)
assert all(len(table.found[d]) >= 2 for d in table.of("DaemonSet"))
proved("each DaemonSet has at least two of the features, and no Deployment has a piece of its node")

# %% [markdown]
# This is how you recognise an agent: its Pod has a piece of its *node*, most often files. A Pod that
# has that is of use on one node only, so there is one on each. A priority or a toleration is a weaker
# sign: CoreDNS has both, and may run on any node.

# %%
missing = {name for name in agents if fleet.nodes[0] not in nodes_with(name)}
absent.compare(", ".join(missing))

# %%
assert missing == {"gpu"}
proved("gpu has no Pod there, and each of the other five has one")

# %%
why(fleet.nodes[0], "gpu")

# %% [markdown]
# It selects nodes with a GPU, and here is none. (`why` asks the controller's rules: lesson
# [how-scheduling-works].)
#
# ## Storage
#
# > glusterd, Ceph or CSI node plugins on each node provide storage.
#
# Kubernetes once had the code for GlusterFS and Ceph inside.

# %%
volume = predict(
    "volume",
    "You create a PersistentVolume of the kind glusterfs. What does the API server do today?",
    choices=("accepted", "accepted with a warning", "refused"),
)
volume

# %%
answer = kubectl("create --dry-run=server -f ../manifests/agents-in-the-wild/volumes.yaml")
print(answer)
warned = {kind for kind in ("glusterfs", "cephfs", "rbd", "csi") if f"spec.{kind}:" in answer}
volume.compare("accepted with a warning" if "glusterfs" in warned else "accepted")

# %% tags=["claim-C13"]
assert warned == {"glusterfs", "cephfs", "rbd"}
assert answer.count("non-functional") == 3
assert wait_rollout("storage").ready == len(fleet.nodes)
proved("three of the four kinds are non-functional; the agent storage is ready on every node")

# %% [markdown]
# Accepted, with a warning
# ([`pkg/api/persistentvolume/util.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/api/persistentvolume/util.go)),
# and nothing will ever mount it. That part of the claim is dated; a CSI driver does it now, and its
# node plugin is a DaemonSet, as before.
#
# ### The mistake people make
#
# What the plugin mounts for a Pod in its own container, the kubelet must see. That is
# `mountPropagation: Bidirectional`, and somebody thought that it needs no more than that.

# %% tags=["claim-C13"]
import json

from daemonset_course import rejected

unprivileged = json.loads(json.dumps(agents["storage"]))
del unprivileged["spec"]["template"]["spec"]["containers"][0]["securityContext"]
with rejected("Bidirectional mount propagation is available only to privileged containers"):
    apply(unprivileged, dry_run=True)

# %% [markdown]
# A container that mounts into its node can do nearly everything there.
#
# ## Logs
#
# > Fluentd, Fluent Bit, Filebeat or Logstash on every node collect the containers' logs.
#
# The container runtime writes what a container prints to a file of the node, below `/var/log/pods`.
# Each of the six Pods of `shop` has printed a line.

# %%
read = predict(
    "read",
    "Six Pods of shop run on the three workers, two on each, and each has printed a line. "
    "From how many of the six Pods does the log agent of one worker read the line?",
    unit="Pods",
)
read


# %%
def short(node):
    """A node's name without the cluster's."""
    return node.removeprefix(f"{current().name}-")


# %%
@step("log-agent", needs=("hostpath", "logs"))
def tail():
    """Pods of shop by number: on which node each runs, and which log agent has read its line"""
    pods = [pod for node in fleet.nodes for pod in pod_names("shop", node=node)]
    number = {pod: i for i, pod in enumerate(pods, 1)}
    runs = {short(n): [number[pod] for pod in pod_names("shop", node=n)] for n in fleet.nodes}
    logs = {short(n): kubectl(f"logs {pod_names('logs', node=n)[0]}") for n in fleet.nodes}
    has = {n: [number[pod] for pod in pods if f"{pod} sold" in log] for n, log in logs.items()}
    return {"runs": runs, "read": has}


# %%
from daemonset_course.lessons import LogReaders

print(tail.label)
show(LogReaders(tail.result["runs"], tail.result["read"]))

# %%
read.compare(len(tail.result["read"]["worker"]), within=0, source=tail.source)

# %% tags=["claim-C14"]
assert wait_rollout("logs").ready == len(fleet.nodes)
assert tail.result["read"] == tail.result["runs"]
assert sum(map(len, tail.result["read"].values())) == 6
proved("each agent has read the Pods of its node and no other, and together they have read all six")

# %% [markdown]
# Those of its own node, and no others: the files are there, and nowhere else. On a node without the
# agent no logs are collected. Of the four names, Logstash usually stands
# [behind the agents](https://www.elastic.co/docs/reference/logstash/deploying-scaling-logstash) and
# receives what they send, as our `collector` would.
#
# ## Metrics
#
# > node exporter, collectd, Datadog or New Relic on every node collect its metrics.
#
# `metrics` has `hostPID`, and the node's `/` as a read-only `hostPath`. It looks for processes called
# `kubelet`; a Pod of `shop` does the same.

# %%
kubelets = predict(
    "kubelets",
    "A Pod of metrics, with hostPID: true, counts the processes with the name kubelet. "
    "How many does it find?",
    unit="kubelets",
)
kubelets

# %%
from daemonset_course.lessons import shell

COUNT = "cat /proc/[0-9]*/comm 2>/dev/null | grep -cx kubelet"
IDS = "jsonpath={.items[*].status.nodeInfo.machineID}"


# %%
@step("node-metrics", needs=("hostpath", "exec"))
def seen():
    """What metrics and shop see of their node"""
    pod_of = {node: pod_names("metrics", node=node)[0] for node in fleet.nodes}
    found = {short(node): int(shell(pod, COUNT)) for node, pod in pod_of.items()}
    shops = {short(n): int(shell(pod_names("shop", node=n)[0], COUNT)) for n in fleet.workers}
    ids = [shell(pod, "cat /host/root/etc/machine-id") for pod in pod_of.values()]
    own = ids == kubectl("get nodes", *fleet.nodes, "-o", IDS).split()
    own = own and len(set(ids)) == len(ids)
    return {"metrics": found, "shop": shops, "machine ids are the nodes' own": own}


# %%
seen

# %%
kubelets.compare(max(seen.result["metrics"].values()), within=0, source=seen.source)

# %% tags=["claim-C15"]
assert wait_rollout("metrics").ready == len(fleet.nodes)
assert set(seen.result["metrics"].values()) == {1}
assert set(seen.result["shop"].values()) == {0}
assert seen.result["machine ids are the nodes' own"]
proved("metrics finds one kubelet and its node's machine id on each node; shop finds no kubelet")

# %% [markdown]
# One, and the machine id is that of its own node. A Pod sees its own processes and files; only host
# features open the node to it. So metrics of *nodes* need an agent on each.
#
# ## Network
#
# > Calico, Cilium or Weave Net run as DaemonSets.
#
# The first two do. Weave Net is [archived](https://github.com/weaveworks/weave) since its company
# closed in 2024, which no cluster can tell you.
#
# A network plugin has a problem of its own. A node without it is not ready, and a node that is not
# ready takes no Pods. Which features lead out of the circle? Three agents try: `neither` has none,
# `tolerant` tolerates every taint, `both` does and has `hostNetwork` as well.

# %%
early = predict(
    "early",
    "A node is not ready. Then three DaemonSets are created: neither has no toleration, tolerant "
    "tolerates every taint, both does so too and has hostNetwork: true. "
    "Which of the three get a Pod on this node?",
    choices=("none", "both", "tolerant and both", "all three"),
)
early

# %%
CIRCLE = "../manifests/agents-in-the-wild/circle.yaml"
names = ("neither", "tolerant", "both")
node = fleet.workers[1]


def clear():
    """Delete the three agents, and return when their Pods are gone."""
    kubectl(f"delete -f {CIRCLE} --ignore-not-found --cascade=foreground")


# %%
from contextlib import suppress

from daemonset_course import CommandFailed, break_node, recover_node

print(break_node(node, "not ready"))
apply(CIRCLE)
for name in names:
    with suppress(CommandFailed):  # where no Pod is created, the wait ends
        place = f"--field-selector spec.nodeName={node}"
        kubectl(f"wait --for=create pod -l app={name} {place} --timeout=8s")

# %%
created = [name for name in names if node in nodes_with(name)]
early.compare({0: "none", 3: "all three"}.get(len(created), " and ".join(created)))

# %% tags=["claim-C16"]
allowed = [name for name in names if why(node, name).run]
assert created == allowed == ["tolerant", "both"]
proved("two of the three get a Pod on the node, the same two as by the controller's rules")

# %%
why(node, "neither")

# %% [markdown]
# The tolerations that every DaemonSet gets do not help (lesson [taints-and-tolerations]): they keep a
# Pod on such a node, and create none there. Now the node recovers.

# %%
recover_node(node)
clear()

# %% [markdown]
# A Pod on the node is not yet an agent that runs. A plugin registers with the container runtime by a
# file in `/etc/cni/net.d`, which is why `network` has that folder as a `hostPath`.
# `without_network` sets the file aside on a real node, and the kubelet reports that it is not ready.

# %%
run = predict(
    "run",
    "A node has no network plugin, so its kubelet reports that it is not ready. The DaemonSets "
    "neither, tolerant and both are created. Whose containers run on this node?",
    choices=("none", "both", "tolerant and both", "all three"),
)
run


# %%
from daemonset_course.lessons import wait_event, without_network

RUNNING = "get pods --field-selector spec.nodeName={},status.phase=Running -o"
APPS = "jsonpath={.items[*].metadata.labels.app}"


# %%
@step("no-network", needs="hostpath")
def started():
    """Which of three agents run on a node without a network plugin"""
    clear()
    with without_network(node):
        apply(CIRCLE)
        wait_rollout("neither"), wait_rollout("both")
        said = wait_event(wait_pod("tolerant", node), "NetworkNotReady")
        there = kubectl(RUNNING.format(node), APPS).split()
    return {"run": [name for name in names if name in there], "said of tolerant": said}


# %%
clear()
started

# %%
ran = started.result["run"]
text = {0: "none", 3: "all three"}.get(len(ran), " and ".join(ran))
run.compare(text, source=started.source)

# %% tags=["claim-C16"]
assert started.result["run"] == ["both"]
assert "cni plugin not initialized" in started.result["said of tolerant"]
assert wait_rollout("network").ready == len(fleet.nodes)
proved("only both ran; the kubelet refused tolerant, since the network plugin was not initialized")

# %% [markdown]
# ### Why
#
# Two components decide. The DaemonSet controller looks at the taints
# ([`NodeShouldRunDaemonPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)),
# and `not-ready:NoSchedule` is among them. The kubelet needs the network, unless the Pod uses the
# node's own ([`SyncPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kubelet.go)).
# So a network agent has both features, and you know one by them.
#
# ## Security
#
# > Falco and Sysdig run as DaemonSets and watch the system calls on every node.
#
# What they watch is the kernel's, and many need `privileged`. (Falco's modern eBPF driver can do
# with capabilities such as `BPF` and `PERFMON`.) A namespace may enforce a
# [Pod Security level](https://kubernetes.io/docs/concepts/security/pod-security-standards/);
# `guarded` enforces `baseline`. We ask the API server to admit a Pod of each of the six agents there,
# and of the two applications.

# %%
admitted = predict(
    "admitted",
    "A namespace enforces the Pod Security level baseline. "
    "Of how many of the six agents does the API server admit a Pod there?",
    unit="agents",
)
admitted

# %%
apply("../manifests/agents-in-the-wild/guarded.yaml")
kubectl("label namespace guarded --overwrite pod-security.kubernetes.io/enforce=baseline")
kubectl("-n guarded wait --for=create serviceaccount/default --timeout=30s")
apps = list(yaml.safe_load_all(Path("../manifests/agents-in-the-wild/apps.yaml").read_text()))


# %%
from daemonset_course.lessons import try_apply


def objection(workload):
    """What the API server has against a Pod of this workload in guarded; nothing: empty."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial"}}
    spec = workload["spec"]["template"]["spec"]
    return try_apply(pod | {"spec": spec}, namespace="guarded").partition("violates ")[2]


# %%
objections = {each["metadata"]["name"]: objection(each) for each in [*agents.values(), *apps]}
for name, said in objections.items():
    print(f"{name}: {said or 'admitted'}")
admitted.compare(sum(not objections[name] for name in agents), within=0)

# %% [markdown]
# None: `hostPath` alone is too much for `baseline`. The two applications are admitted. The
# capabilities in place of `privileged` would not be enough either:

# %%
least = json.loads(json.dumps(agents["security"]))
[container] = least["spec"]["template"]["spec"]["containers"]
container["securityContext"] = {"capabilities": {"add": ["BPF", "PERFMON", "SYS_RESOURCE"]}}
print(said := objection(least))

# %% tags=["claim-C17"]
assert "privileged" not in said
assert "non-default capabilities" in said
proved("without privileged, the level refuses the capabilities")

# %% [markdown]
# Now we create the DaemonSet `security` in `guarded`.

# %%
kubectl("-n guarded delete daemonset security --ignore-not-found --cascade=foreground")
apply(agents["security"], namespace="guarded")
failed = "--field-selector reason=FailedCreate"
kubectl(f"-n guarded wait --for=create events {failed} --timeout=60s", timeout=70)
message = kubectl(f"-n guarded get events {failed} -o jsonpath={{.items[0].message}}")
pods = kubectl("-n guarded get pods -o name")

# %% tags=["claim-C17"]
assert 'violates PodSecurity "baseline:latest"' in message
assert "privileged" in objections["security"]
assert (pods.count("pod/"), objections["shop"]) == (0, "")
assert all("hostPath volumes" in objections[name] for name in agents)
proved("security has no Pod in guarded; each agent's hostPath is refused, and shop is admitted")

# %% [markdown]
# The DaemonSet is there and has no Pod; lesson [whats-next] looks into that. Such agents live in a
# namespace with the level `privileged`.

# %%
kubectl("label namespace guarded --overwrite pod-security.kubernetes.io/enforce=privileged")
kubectl("-n guarded annotate daemonset security look=again --overwrite")
guarded = wait_rollout("security", namespace="guarded")
guarded

# %% tags=["claim-C17"]
assert guarded.ready == len(fleet.nodes)
proved("with the level privileged, security is ready on every node")

# %% [markdown]
# So the cluster shows what such an agent *may* do. What it finds among the system calls, the cluster
# does not show.
#
# ## GPUs
#
# > The NVIDIA device plugin runs on the GPU nodes and exposes GPUs to the kubelet.
#
# `train` is three Pods that request one `example.com/gpu` each. We label a worker as a node with
# GPUs, and `gpu` gets its Pod there.


# %%
def advertise(node, count):
    """Let a node's status say how many GPUs it has; None: nothing about GPUs."""
    said = {"example.com/gpu": count}
    patch = json.dumps({"status": {"capacity": said, "allocatable": said}})
    kubectl(f"patch node {node} --subresource=status --type=merge --patch", patch)


# %%
first = predict(
    "gpu-label",
    "Three Pods of train request one example.com/gpu each. A worker gets the label of a node with "
    "GPUs, and the agent gpu gets its Pod there. How many of the three Pods will run then?",
    unit="Pods",
)
first

# %%
from daemonset_course import wait_settled

gpu_node = fleet.workers[2]
kubectl("delete deployment train --ignore-not-found --cascade=foreground")
advertise(gpu_node, None)
label(gpu_node, **{"example.com/gpu.present": "true"})
kubectl("wait --for=jsonpath={.status.numberReady}=1 daemonset/gpu --timeout=60s", timeout=70)
apply("../manifests/agents-in-the-wild/train.yaml")
before = wait_settled("app=train", pods=3)
first.compare(len(before.ready), within=0)

# %% [markdown]
# A label and a Pod are no GPUs. What counts is the node's status: a device plugin finds GPUs and reports
# them to the kubelet, which writes their number there. We
# [write it ourselves](https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/).

# %%
second = predict(
    "gpu-two",
    "The three Pods of train request one example.com/gpu each, and wait. Now the status of the "
    "labelled worker says that it has two. How many of the three Pods run then?",
    unit="Pods",
)
second

# %%
gpus = 2
advertise(gpu_node, str(gpus))
enough = f"jsonpath={{.status.readyReplicas}}={gpus}"
kubectl(f"wait --for={enough} deployment/train --timeout=60s", timeout=70)
after = wait_settled("app=train", pods=3)
second.compare(len(after.ready), within=0)

# %% tags=["claim-C18"]
assert nodes_with("gpu") == {gpu_node}
assert (before.ready, len(before.refused)) == ((), 3)
assert all("Insufficient example.com/gpu" in said for _, said in before.refused)
assert after.ready == (gpu_node, gpu_node)
assert len(after.refused) == 1
proved("with the label alone no Pod of train ran; with two GPUs, two ran and one waits")

# %% [markdown]
# The agent is what makes the GPUs known, so it must be on each node that has some, and on no other.
# (Drivers for the newer
# [dynamic resource allocation](https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/)
# are agents of a node as well.) We put the node back.

# %%
kubectl("delete deployment train --ignore-not-found --cascade=foreground")
advertise(gpu_node, None)
label(gpu_node, **{"example.com/gpu.present": None})
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=0 daemonset/gpu --timeout=60s")

# %% [markdown]
# ## Check yourself
#
# Three questions. Commit an answer to each, then run the cell below it.

# %%
q1 = predict(
    "check-proxy",
    "Which of the features hostPath, hostNetwork and hostPID does kube-proxy not have?",
    choices=("hostPath", "hostNetwork", "hostPID"),
)
q1

# %%
lacking = {"hostPath", "hostNetwork", "hostPID"} - table.found["DaemonSet kube-proxy"]
q1.compare(", ".join(lacking), source=system.source)

# %%
q2 = predict(
    "check-start",
    "A node has no network plugin yet and is not ready. "
    "How many of our six agents could run on it, by their features?",
    unit="agents",
)
q2

# %%
needed = {"hostNetwork", "tolerates everything"}
able = [name for name in agents if needed <= table.found[f"DaemonSet {name}"]]
q2.compare(len(able), within=0, source="rule")

# %%
q3 = predict(
    "check-logs",
    "The DaemonSet logs loses its toleration. On how many of the four nodes will it be ready?",
    unit="nodes",
)
q3

# %%
agents["logs"]["spec"]["template"]["spec"].pop("tolerations", None)
apply(agents["logs"])
q3.compare(wait_rollout("logs").ready, within=0)

# %% [markdown]
# ## Your turn
#
# `logs` sends what the containers of its node print. In a merge six lines of its manifest were lost.
# The rollout was green, and no log has arrived since. Its job:
#
# - It runs on every node, the control plane and the tainted worker included.
# - It reads `/var/log/pods` of its node. It can write nothing of the node but its positions in
#   `/var/lib/logs`.
# - Each line that it sends carries the name of the node, from the variable `NODE_NAME`.
# - It needs 20m CPU and 32Mi memory, and a leak must not take the memory of the node.
# - When the node is short of room, applications go before it.

# %%
from daemonset_course.lessons import exercise

turn = exercise("agents-in-the-wild")
turn.start()

# %%
# %kubectl get daemonset logs -o yaml

# %% [markdown]
# Put back what is missing, and leave the rest as it is: the other fields, the nodes,
# and the DaemonSet itself. Write the part of the DaemonSet that is to change, from `spec:` on,
# between the quotes, or use `kubectl edit` in a terminal. The check judges each sentence of the job,
# on the template and on the Pods that run. `turn.hint()` gives one of three hints, `turn.solution()`
# a solution after you passed.

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
# - An agent has a piece of its node: files, network, processes, devices. `hostPath` is the surest sign.
# - It sees its own node only, so a node without it is not seen.
# - `hostNetwork` and a toleration of everything: it must run before the network does.
# - `privileged`, `Bidirectional`: it works on the node itself, and needs a namespace that allows it.
# - A `nodeSelector`: it belongs to some hardware.
