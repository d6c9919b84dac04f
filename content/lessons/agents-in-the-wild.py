# %% [markdown]
# # Agents in the wild

# %%
from daemonset_course import apply, break_node, current, kubectl, predict, proved, record
from daemonset_course import recover_node, reset, show, step, wait_rollout, wait_settled, why
from daemonset_course.lessons import nodes_with, pod_names, try_kubectl, wait_pod

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
# Here are six agents, one of each sort. They have the features of real ones, from public manifests, and
# do nothing of their work. Beside them run two Deployments, `shop` and `collector`.

# %%
from pathlib import Path

FOLDER = "../manifests/agents-in-the-wild"
# %kubectl apply -f {FOLDER}/apps.yaml -f {FOLDER}/agents
# %kubectl rollout status deployment/shop --timeout=60s
agents = ("storage", "logs", "metrics", "network", "security", "gpu")
for name in agents:
    wait_rollout(name)

# %% [markdown]
# The table looks into each Pod template, and into those of a real cluster's own workloads. Two features
# are new: a `privileged` container has almost every right of the node's root, and what a container mounts
# with *Bidirectional* propagation, its node sees.

# %%
from daemonset_course.lessons import features, workload_features


@step("agents-of-kind", needs="logs")
def system():
    """The features of kube-system's own workloads"""
    return workload_features("kube-system")


table = features(workload_features("default") | system.result)
print(system.label)
show(table)

# %%
assert table.shared == ("hostPath",)
deployments = table.of("Deployment")
assert not any({"hostPath", "hostNetwork", "privileged"} & table.found[d] for d in deployments)
assert all(len(table.found[d]) >= 2 for d in table.of("DaemonSet"))
proved("each DaemonSet has at least two of the features, and no Deployment has a piece of its node")

# %% [markdown]
# This is how you recognise an agent: its Pod has a piece of its *node*, most often files. It is of use on
# that node only, so there is one on each. A priority or a toleration is a weaker sign: CoreDNS has both,
# and may run on any node. The manifests are in `manifests/agents-in-the-wild/agents`.
#
# ## Storage: Bidirectional
#
# This is the node plugin. It mounts a volume for a Pod in its own container, and the kubelet must see the
# mount. Try `Bidirectional` without `privileged`, and then a volume of each of four kinds.

# %%
print(Path(f"{FOLDER}/agents/storage.yaml").read_text())

# %%
patch = f"--dry-run=server --patch-file {FOLDER}/unprivileged.yaml"
refused = try_kubectl(f"patch daemonset storage {patch}")
# answer = %kubectl create --dry-run=server -f {FOLDER}/volumes.yaml
print(refused, answer, sep="\n\n")

# %% tags=["claim-C13"]
warned = {kind for kind in ("glusterfs", "cephfs", "rbd", "csi") if f"spec.{kind}:" in answer}
assert warned == {"glusterfs", "cephfs", "rbd"}
assert answer.count("non-functional") == 3
assert "Bidirectional mount propagation is available only to privileged containers" in refused
assert wait_rollout("storage").ready == len(fleet.nodes)
proved("three of the four kinds are non-functional; the agent storage is ready on every node")

# %% [markdown]
# The API server accepts all four volumes, and nothing mounts three of them any more
# ([`pkg/api/persistentvolume/util.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/api/persistentvolume/util.go)):
# that part of the claim is dated. A CSI driver does it now, and its node plugin is a DaemonSet.
#
# ## Logs: hostPath
#
# The container runtime writes what a container prints to a file of the node, below `/var/log/pods`.

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

read.compare(len(tail.result["read"]["worker"]), within=0, source=tail.source)
print(tail.label)
show(LogReaders(tail.result["runs"], tail.result["read"]))

# %% tags=["claim-C14", "claim-C33"]
assert wait_rollout("logs").ready == len(fleet.nodes)
assert tail.result["read"] == tail.result["runs"]
assert sum(map(len, tail.result["read"].values())) == 6
proved("each agent has read the Pods of its node and no other, and together they have read all six")

# %% [markdown]
# The files are there, and nowhere else: the logs of a node without such an agent are read by nobody.
# Of the four names, Logstash usually stands
# [behind the agents](https://www.elastic.co/docs/reference/logstash/deploying-scaling-logstash), as our
# `collector` would. (You know `metrics` from lesson [monitoring-agent].)
#
# ## Network: hostNetwork, and every taint
#
# (Of Calico, Cilium and Weave Net the last one is [archived](https://github.com/weaveworks/weave) since its
# company closed in 2024.) A node without its network plugin is not ready, and a node that is not ready takes
# no Pods. Which features break this chicken-and-egg problem? Three agents try: `neither` has none, `tolerant` tolerates every taint,
# `both` does and has `hostNetwork` as well. A node is not ready, and then they are created.

# %%
CIRCLE = "../manifests/agents-in-the-wild/circle.yaml"
names = ("neither", "tolerant", "both")
node = fleet.workers[1]


def clear():
    """Delete the three agents, and return when their Pods are gone."""
    kubectl(f"delete -f {CIRCLE} --ignore-not-found --cascade=foreground")


# %%
break_node(node, "not ready")
with record("both", live=True) as circle:
    kubectl(f"apply -f {CIRCLE}")
    for name in names:  # where no Pod comes, the wait ends with an error
        on_node = f"-l app={name} --field-selector spec.nodeName={node}"
        try_kubectl(f"wait --for=create pod {on_node} --timeout=8s")
created = [name for name in names if node in nodes_with(name)]
print(*created, sep="\n")

# %% tags=["claim-C16"]
allowed = [name for name in names if why(node, name).run]
assert created == allowed == ["tolerant", "both"]
proved("two of the three get a Pod on the node, the same two as by the controller's rules")

# %% [markdown]
# The automatic tolerations keep a Pod on such a node, and bring none there (lesson
# [taints-and-tolerations]). Now the node recovers, and then it loses its network plugin. The plugin
# registers by a file in `/etc/cni/net.d`, which is why `network` mounts that folder. `without_network` sets
# the file aside.

# %%
recover_node(node)
clear()

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
ran = started.result["run"]
text = {0: "none", 3: "all three"}.get(len(ran), " and ".join(ran))
run.compare(text, source=started.source)
started

# %% tags=["claim-C16", "claim-C33"]
assert started.result["run"] == ["both"]
assert "cni plugin not initialized" in started.result["said of tolerant"]
assert wait_rollout("network").ready == len(fleet.nodes)
proved("only both ran; the kubelet refused tolerant, since the network plugin was not initialized")

# %% [markdown]
# Two components decide. The DaemonSet controller looks at the taints
# ([`NodeShouldRunDaemonPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)),
# and `not-ready:NoSchedule` is among them. The kubelet needs the network, unless the Pod uses the node's own
# ([`SyncPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kubelet.go)). So a network
# agent has both features, and you know one by them.
#
# ## Security: privileged
#
# Falco and Sysdig watch the system calls of a node, and many such agents need `privileged`. (Falco's modern
# eBPF driver can do with capabilities such as `BPF` and `PERFMON`.)
# Create `security` in a namespace with the Pod Security level `baseline` (lesson [monitoring-agent]). Then try
# capabilities in place of `privileged`.

# %%
# %kubectl delete namespace guarded --ignore-not-found
# %kubectl apply -f {FOLDER}/guarded.yaml
# %kubectl -n guarded wait --for=create serviceaccount/default --timeout=30s
# %kubectl -n guarded apply -f {FOLDER}/agents/security.yaml
failed = "--field-selector reason=FailedCreate"
# %kubectl -n guarded wait --for=create event {failed} --timeout=60s
# pods = %kubectl -n guarded get daemonset,pods
patch = f"--dry-run=server --patch-file {FOLDER}/fewer-rights.yaml"
# fewer = %kubectl -n guarded patch daemonset security {patch}
# events = %kubectl -n guarded events --types=Warning
print(pods, events, fewer, sep="\n")

# %% tags=["claim-C17"]
assert "pod/" not in pods
assert 'violates PodSecurity "baseline:latest"' in events
assert "privileged" in events
assert "hostPath volumes" in events
assert "non-default capabilities" in fewer
assert "privileged (" not in fewer
proved("security has no Pod in guarded, with privileged or with capabilities")

# %% [markdown]
# The capabilities are too much, too. Such agents live in a namespace with the level `privileged`.

# %%
# %kubectl label namespace guarded --overwrite pod-security.kubernetes.io/enforce=privileged
# %kubectl -n guarded annotate daemonset security look=again --overwrite
guarded = wait_rollout("security", namespace="guarded")
guarded

# %% tags=["claim-C17"]
assert guarded.ready == len(fleet.nodes)
proved("with the level privileged, security is ready on every node")

# %% [markdown]
# ## GPUs: nodeSelector
#
# A worker gets the label of a node with GPUs, so `gpu` gets its Pod there. `train` is three Pods that
# request one `example.com/gpu` each.

# %%
first = predict(
    "gpu-label",
    "Three Pods of train request one example.com/gpu each. A worker gets the label of a node with "
    "GPUs, and the agent gpu gets its Pod there. How many of the three Pods will run then?",
    unit="Pods",
)
first

# %%
gpu_node = fleet.workers[2]
status = f"node {gpu_node} --subresource=status --type=merge"
# %kubectl patch {status} --patch-file {FOLDER}/no-gpus.yaml
# %kubectl delete deployment train --ignore-not-found --cascade=foreground
# %kubectl label node {gpu_node} example.com/gpu.present=true --overwrite
# %kubectl wait --for=jsonpath={.status.numberReady}=1 daemonset/gpu --timeout=60s
# %kubectl apply -f {FOLDER}/train.yaml
before = wait_settled("app=train", pods=3)
print(before)
first.compare(len(before.ready), within=0)

# %% [markdown]
# A label and a Pod do not create GPUs. A
# [device plugin](https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/)
# reports them to the kubelet, through a socket in the folder that `gpu` mounts. The kubelet writes their
# number into the node's status. Here
# [you write it](https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/):

# %%
# %kubectl patch {status} --patch-file {FOLDER}/two-gpus.yaml
# %kubectl wait --for=jsonpath={.status.readyReplicas}=2 deployment/train --timeout=60s
after = wait_settled("app=train", pods=3)
# %kubectl get pods -l app=train -o wide

# %% tags=["claim-C18"]
assert nodes_with("gpu") == {gpu_node}
folder = kubectl("get daemonset gpu -o jsonpath={.spec.template.spec.volumes[*].hostPath.path}")
assert folder == "/var/lib/kubelet/device-plugins"
assert (before.ready, len(before.refused)) == ((), 3)
assert all("Insufficient example.com/gpu" in said for _, said in before.refused)
assert after.ready == (gpu_node, gpu_node)
assert len(after.refused) == 1
proved("with the label alone no Pod of train ran; with two GPUs, two ran and one waits")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("installer-keeps-away")

# %% [markdown]
# `shipped.yaml` has, of ten programs in the claims, what their public manifests say about nodes:
# tolerations, selector, network. One worker gets a taint.

# %%
shipped = ("csi-nfs-node", "fluentd", "fluent-bit", "filebeat", "node-exporter", "datadog",
           "calico-node", "cilium", "falco", "nvidia-device-plugin")  # fmt: skip
q2 = predict(
    "check-shipped",
    "A control plane has its taint, and one of three workers has dedicated=db:NoSchedule. Which of "
    "these agents run on all four nodes, with the tolerations of their own public manifests?",
    nodes=shipped,
)
q2

# %%
from daemonset_course.lessons import coverage

# %kubectl taint node {node} dedicated=db:NoSchedule --overwrite
with record("fluentd") as shipping:
    # %kubectl apply -f {FOLDER}/shipped.yaml
    for name in shipped:
        wait_rollout(name)
runs = {name: nodes_with(name) for name in shipped}
q2.compare([name for name in shipped if runs[name] == set(fleet.nodes)])
show(coverage(shipping.history, shipped))

# %% tags=["claim-C03", "claim-C14", "claim-C15", "claim-C16", "claim-C17", "claim-C33"]
plane, plain = fleet.nodes[0], set(fleet.workers) - {node}
everywhere = {"csi-nfs-node", "node-exporter", "calico-node", "cilium"}
assert {name for name in shipped if runs[name] == set(fleet.nodes)} == everywhere
assert all(plain <= runs[name] for name in shipped)
assert runs["fluentd"] == runs["falco"] == plain | {plane}
assert runs["fluent-bit"] == runs["filebeat"] == runs["datadog"] == plain
proved("the two network plugins are everywhere; none of the three log collectors is")

# %% [markdown]
# "On every node" is for you to write. What tolerates nothing leaves out each node with a taint, in silence.
#
# No cluster shows what is *standard*
# ([alternatives](https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#alternatives-to-daemonset)).
# Of the 17 programs in the claims, 14 have a published DaemonSet. Rook runs Ceph's daemons as Deployments,
# Elastic's chart runs Logstash as a StatefulSet, and for collectd we found none.
#
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
