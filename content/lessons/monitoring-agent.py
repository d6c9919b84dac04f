# %% [markdown]
# # Monitoring agent

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, show, step
from daemonset_course import wait_rollout, wait_settled
from daemonset_course.lessons import read_variants, rights, scrapes, try_kubectl

# %%
fleet = reset(workers=3)
plane, one, two, three = fleet.nodes
fleet

# %% [markdown]
# ## The claim
#
# > This is a complete manifest that runs the Prometheus node exporter on every node.
#
# The exporter reads files of its node and serves them as metrics.

# %%
from pathlib import Path

GIVEN = "../manifests/monitoring-agent/node-exporter.yaml"
print(Path(GIVEN).read_text())

# %% [markdown]
# ## Who refuses it?
#
# Apply it, and then five DaemonSets like it, each named by its mistake. `try_kubectl` returns the error.

# %%
# %kubectl delete namespace monitoring --ignore-not-found
missing = try_kubectl(f"apply -f {GIVEN}")
refused = try_kubectl("apply --dry-run=server -f ../manifests/monitoring-agent/refused.yaml")
print(missing, refused, sep="\n\n")

# %% tags=["claim-C44", "claim-C45", "claim-C50", "claim-C54"]
assert 'namespaces "monitoring" not found' in missing
assert "`selector` does not match" in refused
assert "empty selector is invalid" in refused
assert 'supported values: "Always"' in refused
assert "must match `containerPort` when `hostNetwork` is true" in refused
assert "may only be specified when mountPropagation is None or not specified" in refused
proved("the API server refuses the manifest without its namespace, and each of the five")

# %% [markdown]
# The manifest does not create its namespace. The five fail in *validation*, which judges the object by
# itself. Create the namespace, with the level `baseline` of
# [Pod Security](https://kubernetes.io/docs/concepts/security/pod-security-standards/).

# %%
# %%kubectl apply -f -
# apiVersion: v1
# kind: Namespace
# metadata:
#   name: monitoring
#   labels:
#     pod-security.kubernetes.io/enforce: baseline

# %% [markdown]
# One node is kept for GPU work. Apply the exporter again, and then another selector.

# %%
# %kubectl taint nodes {three} dedicated=gpu:NoSchedule --overwrite
# %kubectl -n monitoring wait --for=create serviceaccount/default --timeout=30s
# %kubectl apply -f {GIVEN}
failed = "--field-selector reason=FailedCreate"
# %kubectl -n monitoring wait --for=create event {failed} --timeout=60s
# pods = %kubectl -n monitoring get daemonset,pods
# events = %kubectl -n monitoring events --types=Warning
selector = '{"spec": {"selector": {"matchLabels": {"app": "exporter"}}}}'
later = try_kubectl("-n monitoring patch daemonset node-exporter --patch", selector)
print(pods, events, later, sep="\n")

# %% tags=["claim-C45", "claim-C47"]
assert "pod/" not in pods
assert "hostNetwork=true, hostPID=true" in events
assert all(words in events for words in ("baseline", "hostPath volumes", "hostPort"))
assert "field is immutable" in later
proved("no Pod is admitted, the event names four features, and the selector cannot be changed")

# %% [markdown]
# `kubectl apply` succeeds, and no Pod exists: the admission of Pod Security warns about the DaemonSet, and
# refuses each Pod. `baseline` forbids every way in which this agent uses its node, so the namespace needs
# the level `privileged`. The annotation makes the controller try again at once.
#
# ## On every node?
#
# You know the rule from lesson [taints-and-tolerations]. Which of the four nodes will be missing?

# %%
privileged = "pod-security.kubernetes.io/enforce=privileged"
# %kubectl label namespace monitoring --overwrite {privileged}
# %kubectl -n monitoring annotate daemonset node-exporter look=again --overwrite
status = wait_rollout("node-exporter", namespace="monitoring")
columns = "POD:.metadata.name,NODE:.spec.nodeName,QOS:.status.qosClass"
# pods = %kubectl -n monitoring get pods -o custom-columns={columns}
print(pods, status, sep="\n")

# %% tags=["claim-C44", "claim-C51", "claim-C55"]
rows = [line.split() for line in pods.splitlines()[1:]]
assert {node for _, node, _ in rows} == {plane, one, two}
assert (status.desired, status.ready) == (3, 3)
assert {quality for *_, quality in rows} == {"Burstable"}
proved("the exporter runs on the control plane and on the two workers without a taint, Burstable")

# %% [markdown]
# The GPU node is missing: the toleration names one taint. DESIRED equals READY all the same. The requests
# (50m, 64Mi) are below the limits (200m, 128Mi), so the Pods are *Burstable*.
#
# ## The port
#
# > `hostPort: 9100` exposes the metrics on the node's address.
#
# Four exporters run on one node, and a Pod on another node asks each at the node's address. `both` has
# `hostNetwork` and `hostPort`, `network` and `port` have one of them. (The embedded cluster shows a
# **recording** made on kind.)

# %%
from daemonset_course.lessons import try_ways


@step("reach", needs=("exec", "hostpath"))
def reach():
    """Which exporters answer at the address of their node"""
    apply("../manifests/monitoring-agent/asker.yaml")
    wait_rollout("asker")
    return try_ways("../manifests/monitoring-agent/node-exporter.yaml", "asker", one)


reach

# %% tags=["claim-C56"]
assert [way for way, yes in reach.result.items() if yes] == ["both", "network", "port"]
proved("each exporter with hostNetwork or hostPort answers, and the one with neither does not")

# %% [markdown]
# With `hostNetwork` the line is not needed for that. Every client that reaches the node reads the metrics,
# without a password. (Prometheus must still be configured: the two annotations are a convention of
# [some configurations](https://github.com/prometheus-community/helm-charts/blob/main/charts/prometheus/values.yaml).)
# What is `hostPort` for?

# %%
TWIN = "../manifests/monitoring-agent/twin.yaml"
print(Path(TWIN).read_text())

# %%
beside = predict(
    "twin",
    "twin has the exporter's network, tolerations and containerPort, and no line hostPort. "
    "On how many of the exporter's three nodes will a Pod of twin run beside the exporter's?",
    unit="nodes",
)
beside

# %%
# %kubectl apply -f {TWIN}
settled = wait_settled("app=twin", pods=3)
columns = "POD:.metadata.name,STATUS:.status.phase,HOST-PORT:.spec.containers[0].ports[0].hostPort"
# pods = %kubectl get pods -l app=twin -o custom-columns={columns}
print(pods, settled, sep="\n\n")
beside.compare(len(settled.ready), within=0)

# %% tags=["claim-C50"]
assert "hostPort:" not in Path(TWIN).read_text()
assert {line.split()[-1] for line in pods.splitlines()[1:]} == {"9100"}
assert (len(settled.ready), len(settled.refused)) == (0, 3)
assert all("didn't have free ports" in message for _, message in settled.refused)
proved("the template has no hostPort, its Pods have hostPort: 9100, and none is scheduled")

# %% [markdown]
# With `hostNetwork`, the API server makes each `containerPort` a `hostPort` too, in the *Pod*
# ([`defaultHostNetworkPorts`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/apis/core/v1/defaults.go)).
# It reserves the port at the scheduler.
#
# ## What does it see?
#
# > `hostNetwork` and `hostPID` let it read the node's metrics directly.
#
# Six variants of the exporter run on one node. (`udev.yaml` stands in for udev, which knows a machine's
# disks: a kind node has none.)

# %%
matters = predict(
    "matters",
    "The exporter mounts the node's /proc, /sys and / and has hostNetwork and hostPID. "
    "Without which of these two do its metrics have other values?",
    choices=("hostNetwork", "hostPID", "both", "none"),
)
matters


# %%
@step("variants", needs="hostpath")
def variants():
    """What six variants of the exporter tell of one node"""
    apply("../manifests/monitoring-agent/udev.yaml")
    wait_rollout("udev")
    return read_variants("../manifests/monitoring-agent/node-exporter.yaml", one)


seen = scrapes(variants.result["told"])
matters.compare(seen.deciding("hostNetwork", "hostPID"), source=variants.source)
print(variants.label)
show(seen)

# %% tags=["claim-C47", "claim-C53"]
alone = {"node_network_receive_bytes_total{device}", "node_uname_info{nodename}"}
counts = variants.result["families"]
assert seen.differing("no hostPID") == []
assert set(seen.differing("no hostNetwork")) == alone == set(seen.differing("neither"))
assert counts["as given"] == counts["neither"] > 100
proved("without hostPID nothing differs; without hostNetwork the traffic and the node's name do")

# %% [markdown]
# `hostPID` does nothing for it: `/host/proc` is the node's, whatever processes the Pod sees. The *list* of
# network devices comes from `/host/sys`. The *counters* come from the kernel, which answers for the
# network of the reading process
# ([`netdev_linux.go`](https://github.com/prometheus/node_exporter/blob/v1.7.0/collector/netdev_linux.go)).
# Without `hostNetwork` they are the Pod's. No metric family is missing, so no alert on absence fires.
#
# > The paths of procfs, sysfs and rootfs are arguments, and a regular expression leaves mount points out.
#
# One path is missing: disks have properties in `/run/udev/data`. (And v1.7.0 is of November 2023.) The
# expression *replaces* the
# [default](https://github.com/prometheus/node_exporter/blob/v1.7.0/collector/filesystem_linux.go), and two
# of the default's exceptions are not in it: what is below `/run/credentials`, and below
# `/var/lib/containers/storage`, where CRI-O and Podman mount. It adds the kubelet's mounts, which is good.
# It knows Docker, and not containerd, whose mount for each Pod is a new series.

# %% tags=["claim-C48", "claim-C49"]
models, mounts = "node_disk_info{model}", "node_filesystem_device_error{mountpoint}"
ours, default = (seen.values[way][mounts] for way in ("as given", "default exclusion"))
assert not seen.values["as given"][models]
assert seen.values["udev path"][models]
assert all(mount.startswith("/run/credentials/") for mount in ours - default)
assert all(mount.startswith("/var/lib/kubelet/") for mount in default - ours)
of_pods = [mount for mount in ours if mount.startswith("/run/containerd/")]
assert len(default - ours) >= 2 <= len(of_pods)
proved("no disk's model as given; the kubelet's mounts are left out, and containerd's are not")

# %% tags=["claim-C49"]
import re

import yaml

[agent] = yaml.safe_load(Path(GIVEN).read_text())["spec"]["template"]["spec"]["containers"]
[excluded] = [each.partition("=")[2] for each in agent["args"] if "mount-points-exclude" in each]
lost = ["/run/credentials/unit", "/var/lib/containers/storage/overlay"]
kept = ["/proc", "/var/lib/docker/x", "/var/lib/kubelet/x"]
assert not any(re.match(excluded, place) for place in lost)
assert all(re.match(excluded, place) for place in kept)
proved("the expression excludes Docker's and the kubelet's mounts, and not the two of the default")

# %% [markdown]
# ## Read-only?
#
# > Host paths are mounted read-only for security.
#
# Four shells take the exporter's place, and each tries six things. Two have the node's `/` mounted as
# given, as `root` and as `nobody`, the user that the image names. Two have
# [`recursiveReadOnly`](https://kubernetes.io/docs/concepts/storage/volumes/#recursive-read-only-mounts)
# instead of `mountPropagation: HostToContainer`. Then `late.yaml` mounts a volume on the node.

# %%
writable = predict(
    "writable",
    "The node's / is mounted into a Pod with readOnly: true, and a shell runs there as root. In how "
    "many of these four places of the node can it write: /etc, /run, /dev/shm, /var/lib/kubelet?",
    unit="places",
)
writable

# %%
from daemonset_course.lessons import try_shells


@step("hands", needs=("exec", "hostpath"))
def hands():
    """What shells in the exporter's place can do on their node"""
    for name in ("hands", "late"):
        apply(f"../manifests/monitoring-agent/{name}.yaml")
        wait_rollout(name)
    return try_shells("hands", "late", one)


# %%
able = rights(hands.result["done"])
writes = [what for what in able.granted("root") if what.startswith("write in")]
writable.compare(len(writes), within=0, source=hands.source)
print(hands.label)
show(able)

# %% tags=["claim-C52", "claim-C54"]
late, runtime = hands.result["late"], hands.result["runtime"]
safe = able.granted("root, recursive")
assert "Read-only file system" in hands.result["done"]["root"]["write in /etc"]
assert {"write in /run", "write in /dev/shm"} <= set(writes)
assert runtime["recursive"], "else there is nothing that could protect"
assert not any(what.startswith("write in") for what in safe)
assert late["root"] > 0 == late["root, recursive"]
proved("root can write in /run and /dev/shm, and with recursiveReadOnly in none of the four places")

# %%
assert safe == ["write to containerd's socket", "read the kubelet's key"]
assert not set(safe) & set(able.granted("nobody"))
proved("root can write to the socket and read the key, and the user nobody can do neither")

# %% [markdown]
# `readOnly: true` holds for one mount. Each mount below it keeps its own flags: `/run`, `/dev/shm`, here
# also `/var`. `recursiveReadOnly` holds for all of them (containerd can do it from 2.0 on). Only
# `HostToContainer` shows the late volume, and the exporter must see later disks. The API server refuses both
# in one mount: one of the five. So `/proc` and `/sys` can be read-only all the way down, the node's root
# cannot.
#
# ### The mistake people make
#
# "All is read-only, so the node is safe." Root may write to containerd's socket, and so start any
# container, and may *read* every key. Not being root protects more. The image names `nobody`, and the
# manifest does not require it. `runAsNonRoot: true` alone stops the container: the kubelet compares
# numbers, and a name might stand for 0
# ([`verifyRunAsNonRoot`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kuberuntime/security_context_others.go)).
# So set `runAsUser` too.
#
# ## A better one
#
# Each line that differs has a comment with the reason. (The image is the same, so that the two can be
# compared. Take a newer release for your own cluster.)
#
# Is it better? First, the nodes: another one gets a taint, with `NoExecute`.

# %%
BETTER = "../manifests/monitoring-agent/better.yaml"
print(Path(BETTER).read_text())
# %kubectl delete daemonsets --all
# %kubectl -n monitoring delete daemonset node-exporter --ignore-not-found \
#     --cascade=foreground
# %kubectl taint nodes {two} dedicated=db:NoExecute --overwrite

# %%
everywhere = predict(
    "better",
    "The control plane has its taint, one worker has dedicated=gpu:NoSchedule and another one gets "
    "dedicated=db:NoExecute. On how many of the four nodes will the exporter of better.yaml run?",
    unit="nodes",
)
everywhere

# %%
guess = {"READY": everywhere}
with record("node-exporter", namespace="node-exporter", live=True, predicted=guess) as shipped:
    kubectl(f"apply --server-side --force-conflicts -f {BETTER}")
    better = wait_rollout("node-exporter", namespace="node-exporter")
everywhere.compare(better.ready, within=0)
shipped.plot()

# %% [markdown]
# Second, what does the strictest level, `restricted`, forbid in both? The label `warn` only warns.

# %%
# %kubectl label namespace monitoring node-exporter pod-security.kubernetes.io/warn=restricted
# before = %kubectl apply --server-side --dry-run=server -f {GIVEN}
# after = %kubectl apply --server-side --dry-run=server -f {BETTER}
print(before, after, sep="\n")

# %%
gone = ("hostPID", "capabilities", "runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation")
places = kubectl("-n node-exporter get pods -o jsonpath={.items[*].spec.nodeName}").split()
assert set(places) == set(fleet.nodes)
assert better.ready == 4
assert all(word in before and word not in after for word in gone)
assert "hostNetwork=true" in after
assert "restricted volume types" in after
proved("ready on all four nodes; five objections are gone; hostNetwork and the volumes remain")

# %% [markdown]
# What is left is what the agent is for. Third, does it answer on every node, under the node's own name? And
# what does it cost?

# %%
from daemonset_course.lessons import read_exporter


@step("better", needs=("hostpath", "probes"))
def proof():
    """The better exporter, read on every node"""
    apply(BETTER)
    wait_rollout("node-exporter", namespace="node-exporter")
    return read_exporter("node-exporter", 9100, namespace="node-exporter")


# %%
answers, cost = proof.result["told"], proof.result["cost"]
print(proof.label)
for node, told in answers.items():
    print(node, "reports", *told["node_uname_info{nodename}"])
print(f"measured: {cost['Mi']} Mi, {cost['ms']} ms of CPU a reading")

# %% tags=["claim-C55", "claim-C57"]
names = {node: told["node_uname_info{nodename}"] for node, told in answers.items()}
assert len(names) == 4
assert names == {node: [node] for node in names}
assert any(node.endswith("control-plane") for node in names)
assert cost["Mi"] < 64
assert cost["ms"] / 15 < 50, "read every 15 s it uses less than the 50m that it requests"
proved("all four answer, with their node's name, and need less than they request")

# %%
mounted = {mount for told in answers.values() for mount in told[mounts]}
assert "/run" in mounted
assert not any(mount.startswith(("/run/containerd/", "/var/lib/kubelet/")) for mount in mounted)
assert proof.result["families"] > 100
proved("it reports /run, no mount of a Pod, and more than 100 metric families on every node")

# %% [markdown]
# On this small and idle node the requests are enough. Many CPUs and hundreds of mounts make more metrics:
# measure on your largest node.
# [kube-prometheus](https://github.com/prometheus-operator/kube-prometheus/blob/main/manifests/nodeExporter-daemonset.yaml)
# requests twice as much CPU and three times the memory.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("refused-by-pod-security")

# %% [markdown]
# ## Your turn
#
# The manifest of the source document runs in the namespace `monitoring`, on a control plane and three
# workers, one with a taint. Change the DaemonSet `node-exporter` until it has what an audit asks for:
#
# - it runs on every node, also on those that get a taint tomorrow;
# - it does not share its node's processes;
# - it cannot run as root;
# - its Pods are ready when the exporter answers over HTTP, and not before.
#
# The rest stays: the namespace, the nodes, the exporter's network and files. The rollout must complete.

# %%
from daemonset_course.lessons import exercise

turn = exercise("monitoring-agent")
turn.start()

# %%
# %kubectl get daemonset,pods -n monitoring -o wide

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

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - `kubectl apply` that succeeds proves nothing: Pod Security judges the Pods. Look for
#   [`FailedCreate`](../pictures.md#who-may-say-no).
# - "Every node" is `operator: Exists`. A toleration with a key is for that key.
# - `hostNetwork` is for the network counters, `hostPID` for nothing here; a `hostPort` reserves.
# - `readOnly` ends at the next mount. Not being root protects more; write its number.
