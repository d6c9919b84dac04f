# %% [markdown]
# # Monitoring agent

# %%
from daemonset_course import apply, kubectl, predict, proved, rejected, reset, show, step, taint
from daemonset_course import wait_rollout, why
from daemonset_course.lessons import deploy, families, labels, nodes_with, renamed, scrape

# %%
fleet = reset(workers=3)
plane, one, two, three = fleet.nodes
fleet

# %% [markdown]
# ## The claim
#
# > This is a complete manifest that runs the Prometheus node exporter on every node.

# %%
from pathlib import Path

import yaml

GIVEN = Path("../manifests/monitoring-agent/node-exporter.yaml").read_text()
given = yaml.safe_load(GIVEN)
print(GIVEN)

# %% [markdown]
# ## Seven attempts
#
# We send it as you would, and variations of it, and keep the API server's answer to each.

# %%
from daemonset_course import CommandFailed
from daemonset_course.lessons import Trial

attempts = {}


# %%
def attempt(what, manifest):
    """Apply a manifest, keep and print the answer."""
    try:
        answer = str(kubectl("apply --server-side --force-conflicts -f -", stdin=manifest))
        attempts[what] = Trial("")
    except CommandFailed as error:
        answer = error.seen
        attempts[what] = Trial(answer.partition(": ")[2], stored=False)
    print(answer)


# %%
kubectl("delete namespace monitoring --ignore-not-found")
attempt("no such namespace", GIVEN)

# %% tags=["claim-C44"]
assert 'namespaces "monitoring" not found' in attempts["no such namespace"].message
proved("without its namespace the manifest is refused")

# %% [markdown]
# The manifest names a namespace and does not create it. We create one, and give it a level of
# [Pod Security](https://kubernetes.io/docs/concepts/security/pod-security-standards/): `baseline`,
# as many clusters do.


# %%
def namespace(level):
    """Make the namespace monitoring, or give it this Pod Security level."""
    meta = {"name": "monitoring", "labels": {"pod-security.kubernetes.io/enforce": level}}
    return apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


# %%
import json

template = given["spec"]["template"]
other = {"app": "exporter"}
relabelled = template | {"metadata": {"labels": other}}
once = template | {"spec": template["spec"] | {"restartPolicy": "Never"}}


def with_spec(**fields):
    """The manifest with these fields of its spec changed."""
    return json.dumps(given | {"spec": given["spec"] | fields})


# %%
namespace("baseline")
attempt("other label in the template", with_spec(template=relabelled))
attempt("empty selector", with_spec(selector={}))
attempt("restartPolicy Never", with_spec(template=once))

# %% tags=["claim-C45"]
assert "`selector` does not match" in attempts["other label in the template"].message
assert "empty selector is invalid" in attempts["empty selector"].message
assert 'supported values: "Always"' in attempts["restartPolicy Never"].message
proved("each of the three variations is refused, with the field that is wrong")

# %% [markdown]
# That was *validation*, which judges the object by itself. Now the manifest as it is. One node of
# our four is kept for GPU work.

# %%
taint(three, "dedicated=gpu:NoSchedule")

# %%
level = predict(
    "monitoring-baseline",
    "The namespace monitoring enforces the Pod Security level baseline. The node exporter uses "
    "hostNetwork, hostPID, a hostPort and hostPath volumes. How many Pods will it have?",
    unit="Pods",
)
level

# %%
attempt("namespace with level baseline", GIVEN)
about = "--field-selector involvedObject.name=node-exporter"
kubectl(f"-n monitoring wait --for=create event {about} --timeout=60s")
first_event = kubectl(f"-n monitoring get events {about} -o jsonpath={{.items[0].message}}")
why_not = first_event.partition("is forbidden: ")[2]
attempts["namespace with level baseline"] = Trial(why_not)

# %%
pods = kubectl("-n monitoring get pods -o name").count("pod/")
level.compare(pods, within=0)

# %% tags=["claim-C47"]
assert pods == 0
assert "hostNetwork=true, hostPID=true" in why_not
assert all(words in why_not for words in ("baseline", "hostPath volumes", "hostPort"))
proved("no Pod is admitted, and the event names all four features")

# %% [markdown]
# None. The DaemonSet is stored, with a warning, and each of its Pods is refused: only an event shows
# it. `baseline` forbids every way in which this agent touches its node. We give the namespace the
# level `privileged`.

# %%
covered = predict(
    "covered",
    "The namespace now has the level privileged. The exporter tolerates the taint of the control "
    "plane with effect NoSchedule, and one of the three workers has the taint "
    "dedicated=gpu:NoSchedule. On how many of the four nodes will the exporter run?",
    unit="nodes",
)
covered

# %%
namespace("privileged")
attempt("namespace with level privileged", GIVEN)
kubectl("-n monitoring annotate daemonset node-exporter look=again --overwrite")
status = wait_rollout("node-exporter", namespace="monitoring")
attempts["namespace with level privileged"] = Trial("", pods=status.ready, wanted=4)

# %%
from daemonset_course.lessons import trials

changed = with_spec(template=relabelled, selector={"matchLabels": other})
attempt("another selector later", changed)
show(trials(attempts))

# %% tags=["claim-C45"]
assert "field is immutable" in attempts["another selector later"].message
assert [trial.reached for trial in attempts.values()].count("Pods") == 1
proved("one attempt of the seven led to Pods, and the selector cannot be changed later")

# %% [markdown]
# Validation refuses the *object*, Pod Security's admission refuses its *Pods*. The second one is easy
# to miss, since `kubectl apply` succeeds.
#
# ## On every node?

# %%
there = nodes_with("node-exporter", namespace="monitoring")
covered.compare(len(there), within=0)

# %% tags=["claim-C44", "claim-C55"]
assert there == {plane, one, two}
assert (status.desired, status.ready) == (3, 3)
proved("the exporter runs on the control plane and on the two workers without a taint")

# %%
why(three, "node-exporter", namespace="monitoring")

# %% [markdown]
# On the control plane, as promised, and not on "every node": the toleration names one taint, and the
# GPU node has another. DESIRED equals READY, so no alert on these two fires (lesson
# [taints-and-tolerations]).
#
# > Requests of 50m and 64Mi, limits of 200m and 128Mi.

# %% tags=["claim-C51"]
classes = set(kubectl("-n monitoring get pods -o jsonpath={.items[*].status.qosClass}").split())
assert classes == {"Burstable"}
proved("every Pod has the QoS class Burstable")

# %% [markdown]
# Requests below limits: *Burstable*. Whether 64Mi is right we measure below.
#
# ## The port
#
# > `hostPort: 9100` exposes the metrics on the node's address.
#
# With `hostNetwork` the exporter listens on the node's address anyway. What is the line for? Another
# number is refused.

# %% tags=["claim-C50"]
with rejected("must match `containerPort` when `hostNetwork` is true"):
    port = {"containerPort": 9100, "hostPort": 9101}
    apply(renamed(given, "wrong", {"ports": [port]}), dry_run=True)

# %% [markdown]
# `twin` is the same agent without the `hostPort` line.

# %%
beside = predict(
    "twin",
    "The exporter runs on three nodes, with hostNetwork and hostPort: 9100. twin is a second "
    "DaemonSet with the same template, except that the line hostPort is missing. On how many of the "
    "three nodes will a Pod of twin run beside the exporter's?",
    unit="nodes",
)
beside

# %%
from daemonset_course import wait_settled

port = {"containerPort": 9100}
apply(renamed(given, "twin", {"ports": [port]}))
settled = wait_settled("app=twin", pods=3)
beside.compare(len(settled.ready), within=0)

# %% tags=["claim-C50"]
ports = "containers[0].ports[0]"
in_template = kubectl(f"get daemonset twin -o jsonpath={{.spec.template.spec.{ports}}}")
in_pod = json.loads(kubectl(f"get pods -l app=twin -o jsonpath={{.items[0].spec.{ports}}}"))
assert "hostPort" not in in_template
assert in_pod["hostPort"] == 9100
assert (len(settled.ready), len(settled.refused)) == (0, 3)
assert all("didn't have free ports" in message for _, message in settled.refused)
proved("the template has no hostPort, its Pods have hostPort: 9100, and none is scheduled")

# %% [markdown]
# None. Where a Pod uses its node's network, the API server makes each `containerPort` a `hostPort`
# too, in the *Pod*
# ([`defaultHostNetworkPorts`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/apis/core/v1/defaults.go)).
# It reserves the port at the scheduler.
#
# That has a price: the source document also recommends `maxSurge`. We follow it.

# %%
from daemonset_course.lessons import try_rollout

kubectl("delete daemonset twin --ignore-not-found")
surge = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
apply(with_spec(updateStrategy=surge))
kubectl("-n monitoring set env daemonset/node-exporter RELEASE=2")
reasons = try_rollout("node-exporter", namespace="monitoring", timeout=3)

# %%
print(*reasons, sep="\n\n")

# %%
assert any("didn't have free ports for the requested pod ports" in line for line in reasons)
proved("the scheduler finds no free port for the new Pod")

# %% [markdown]
# The new Pod waits for the port, and the old one keeps it until the new one is ready (lesson
# [max-surge]).
#
# ### Who can reach it?
#
# Four exporters on one node: with `hostNetwork` and `hostPort`, with one of the two, with neither. A
# Pod on another node asks each at the node's address. (This needs real
# containers: on the embedded cluster you see a recording, made on kind.)

# %%
kubectl("delete namespace monitoring --ignore-not-found --wait=false")
None

# %%
reached = predict(
    "monitoring-reached",
    "Four exporters run on one node: both has hostNetwork and hostPort, network has hostNetwork "
    "alone, port has hostPort alone, neither has none of the two. A Pod on another node asks each at "
    "the node's address. Which of the four answer?",
    choices=("both", "both, network", "both, port", "both, network, port", "all four"),
)
reached

# %%
from daemonset_course.lessons import at_port, can_reach

exporter = renamed(given, "exporter", nodeSelector={"disk": "ssd"})
WAYS = {
    "both": at_port(exporter, 9111, hostNetwork=True, host_port=True),
    "network": at_port(exporter, 9112, hostNetwork=True),
    "port": at_port(exporter, 9113, hostNetwork=False, host_port=True),
    "neither": at_port(exporter, 9114, hostNetwork=False),
}


# %%
def port_of(name):
    """The port of an exporter that at_port made."""
    return int(name.removeprefix("at-"))


# %%
@step("reach", needs=("exec", "hostpath"))
def reach():
    """Which exporters answer at the address of their node"""
    apply("../manifests/monitoring-agent/asker.yaml")
    wait_rollout("asker")
    names = deploy(WAYS)
    return {way: can_reach("asker", one, port_of(name)) for way, name in names.items()}


reach

# %%
answering = [way for way, yes in reach.result.items() if yes]
answer = "all four" if len(answering) == len(WAYS) else ", ".join(answering)
reached.compare(answer, source=reach.source)

# %% tags=["claim-C50", "claim-C56"]
assert answering == ["both", "network", "port"]
proved("each exporter with hostNetwork or hostPort answers, and the one with neither does not")

# %% [markdown]
# Either one exposes the metrics to every client that reaches the address, without a password. And
# a port alone is not *discovered*: Prometheus must be configured to scrape it. The two annotations are a
# convention that
# [some of its configurations](https://github.com/prometheus-community/helm-charts/blob/main/charts/prometheus/values.yaml)
# follow, and others do not; no cluster can decide that.

# %%
agents = "asker at-9111 at-9112 at-9113 at-9114"
kubectl(f"delete daemonset {agents} --ignore-not-found --cascade=foreground")
None

# %% [markdown]
# ## What does it see?
#
# > `hostNetwork` and `hostPID` let it read the node's metrics directly.
#
# We run it in six variants on one node and read all of them.

# %%
matters = predict(
    "matters",
    "The exporter mounts the node's /proc, /sys and / and has hostNetwork and hostPID. "
    "Without which of these two do its metrics have other values?",
    choices=("hostNetwork", "hostPID", "both", "none"),
)
matters

# %%
LOOK_AT = {
    "node_cpu_seconds_total": "cpu",
    "node_filesystem_device_error": "mountpoint",
    "node_network_info": "device",
    "node_network_receive_bytes_total": "device",
    "node_uname_info": "nodename",
    "node_disk_info": "model",
}

# %%
arguments = given["spec"]["template"]["spec"]["containers"][0]["args"]
UDEV = "--path.udev.data=/host/root/run/udev/data"
VARIANTS = {
    "as given": at_port(exporter, 9121),
    "no hostPID": at_port(exporter, 9122, hostPID=False),
    "no hostNetwork": at_port(exporter, 9123, hostNetwork=False),
    "neither": at_port(exporter, 9124, hostPID=False, hostNetwork=False),
    "udev path": at_port(exporter, 9125, arguments=[*arguments, UDEV]),
    "default exclusion": at_port(exporter, 9126, arguments=arguments[:3]),
}

# %% [markdown]
# (A kind node has no udev, the service that knows a machine's disks. `udev` stands in for it and
# writes down a model for each disk, where udev would.)


# %%
@step("variants", needs="hostpath")
def variants():
    """What six variants of the exporter tell of one node"""
    apply("../manifests/monitoring-agent/udev.yaml")
    wait_rollout("udev")
    said = {way: scrape(name, port_of(name))[one] for way, name in deploy(VARIANTS).items()}
    told = {way: labels(text, LOOK_AT) for way, text in said.items()}
    return {"told": told, "families": {way: len(families(text)) for way, text in said.items()}}


print(variants.label)

# %%
from daemonset_course.lessons import scrapes

told = variants.result["told"]
show(scrapes(told))

# %%
seen = scrapes(told)
changes = [each for each in ("hostNetwork", "hostPID") if seen.differing(f"no {each}")]
answer = {0: "none", 1: changes[0] if changes else "", 2: "both"}[len(changes)]
matters.compare(answer, source=variants.source)

# %% tags=["claim-C53"]
alone = {"node_network_receive_bytes_total{device}", "node_uname_info{nodename}"}
assert seen.differing("no hostPID") == []
assert set(seen.differing("no hostNetwork")) == alone == set(seen.differing("neither"))
proved("without hostPID nothing differs; without hostNetwork the traffic and the node's name do")

# %% [markdown]
# `hostPID` does nothing for it: `/host/proc` is the node's, whatever processes the Pod itself sees.
# `hostNetwork` does half of what you would think. The *list* of network devices comes from
# `/host/sys`, the node's. The *counters* are asked of the kernel, which answers for the network that
# the reading process is in ([`netdev_linux.go`](https://github.com/prometheus/node_exporter/blob/v1.7.0/collector/netdev_linux.go)).
# Without it the exporter reports the node's devices, and the Pod's traffic under the Pod's name. No
# metric family is missing, so no alert on absence fires:

# %% tags=["claim-C47"]
counts = variants.result["families"]
assert counts["as given"] == counts["neither"] > 100
assert told["neither"]["node_uname_info{nodename}"] != told["as given"]["node_uname_info{nodename}"]
proved("without both there are as many families, and another node name")

# %% [markdown]
# > The paths of procfs, sysfs and rootfs are arguments, and a regular expression leaves mount
# > points out.
#
# One path is missing: the exporter reads the properties of disks from `/run/udev/data`, in its own
# container. (And the image is old: v1.7.0 is of November 2023.)

# %% tags=["claim-C48"]
models = "node_disk_info{model}"
assert told["as given"][models] == []
assert told["udev path"][models] != []
proved("as given the exporter knows no disk's model, and with the path it does")

# %% [markdown]
# The regular expression *replaces* the
# [default](https://github.com/prometheus/node_exporter/blob/v1.7.0/collector/filesystem_linux.go), so
# all of the default's exceptions must be in it, and two are not: what is below `/run/credentials`, and
# below `/var/lib/containers/storage`, where CRI-O and Podman mount. It leaves the kubelet's mounts out,
# which is good. But it knows Docker's folder, and these nodes run containerd, which makes a mount for
# each Pod: every new Pod is a new series.

# %% tags=["claim-C49"]
import re

[excluded] = [each.partition("=")[2] for each in arguments if "mount-points-exclude" in each]
lost = ["/run/credentials/unit", "/var/lib/containers/storage/overlay"]
assert not any(re.match(excluded, place) for place in lost)
assert all(
    re.match(excluded, place) for place in ("/proc", "/var/lib/docker/x", "/var/lib/kubelet/x")
)
proved("the expression excludes Docker's and the kubelet's mounts, and not the two of the default")

# %%
row = "node_filesystem_device_error{mountpoint}"
ours, default = set(told["as given"][row]), set(told["default exclusion"][row])
of_pods = [mount for mount in ours if mount.startswith("/run/containerd/")]
print(f"measured: {len(of_pods)} of {len(ours)} mount points belong to containers")

# %% tags=["claim-C49"]
assert all(mount.startswith("/run/credentials/") for mount in ours - default)
assert all(mount.startswith("/var/lib/kubelet/") for mount in default - ours)
assert len(default - ours) >= 2 <= len(of_pods)
proved("containerd's mounts are among the series, and the kubelet's are not")

# %%
kubectl("delete daemonset udev --ignore-not-found")
kubectl("delete daemonset at-9121 at-9122 at-9123 at-9124 at-9125 at-9126 --ignore-not-found")
None

# %% [markdown]
# ## Read-only?
#
# > Host paths are mounted read-only for security.
#
# We put shells in the exporter's place, with the node's files mounted as given: one as `root`, one as
# `nobody`, the user that the image names.

# %%
writable = predict(
    "writable",
    "The node's / is mounted into a Pod with readOnly: true, and a shell runs there as root. In how "
    "many of these four places of the node can it write: /etc, /run, /dev/shm, /var/lib/kubelet?",
    unit="places",
)
writable

# %% [markdown]
# Kubernetes has a field for this,
# [`recursiveReadOnly`](https://kubernetes.io/docs/concepts/storage/volumes/#recursive-read-only-mounts).
# It has a condition:

# %% tags=["claim-C54"]
with rejected("may only be specified when mountPropagation is None or not specified"):
    both = renamed(given, "both")
    root = both["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][2]
    root["recursiveReadOnly"] = "Enabled"
    apply(both, dry_run=True)

# %% [markdown]
# Two more shells have `IfPossible` instead of `mountPropagation: HostToContainer`. Each shell tries
# six things, and undoes what it did.

# %%
SHELLS = {
    "root": "given-root",
    "nobody": "given-nobody",
    "root, recursive": "recursive-root",
    "nobody, recursive": "recursive-nobody",
}

# %%
PLACES = ("/etc", "/run", "/dev/shm", "/var/lib/kubelet")
TRIES = {
    **{f"write in {p}": f"mkdir /node{p}/course-07 && rmdir /node{p}/course-07" for p in PLACES},
    "write to containerd's socket": "test -w /node/run/containerd/containerd.sock",
    "read the kubelet's key": "head -c 1 /node/var/lib/kubelet/pki/kubelet.key",
}


# %%
from daemonset_course.lessons import container_runtime, mounts_seen, rights, try_commands


# %%
@step("hands", needs=("exec", "hostpath"))
def hands():
    """What shells in the exporter's place can do on their node"""
    for name in ("hands", "late"):
        apply(f"../manifests/monitoring-agent/{name}.yaml")
        wait_rollout(name)
    late = {name: mounts_seen("hands", "late", container=each) for name, each in SHELLS.items()}
    done = try_commands("hands", SHELLS, TRIES)
    return {"done": done, "late": late, "runtime": container_runtime(one)}


print(hands.label)

# %%
done = hands.result["done"]
can = {
    name: {what: said == "succeeds" for what, said in each.items()} for name, each in done.items()
}
show(rights(can))

# %%
writes = [what for what in TRIES if what.startswith("write in")]
writable.compare(sum(can["root"][what] for what in writes), within=0, source=hands.source)

# %%
print(done["root"]["write in /etc"])
print("measured:", hands.result["runtime"])

# %% tags=["claim-C52"]
assert "Read-only file system" in done["root"]["write in /etc"]
proved("root cannot write in /etc")

# %% tags=["claim-C54"]
assert can["root"]["write in /run"]
assert can["root"]["write in /dev/shm"]
assert hands.result["runtime"]["recursive"], "else there is nothing that could protect"
assert not any(can["root, recursive"][what] for what in writes)
proved("root can write in /run and /dev/shm, and with recursiveReadOnly in none of the four places")

# %% [markdown]
# `readOnly: true` holds for one mount. Each mount below it keeps its own flags: `/run`, `/dev/shm`,
# here also `/var`. `recursiveReadOnly` holds for all of them, where the node's container runtime can
# do it (`status.runtimeHandlers` of the node shows it; containerd can from 2.0 on). Even then root may
# write to containerd's socket, and so start any container, and it may *read* every key.

# %%
assert can["root, recursive"]["write to containerd's socket"]
assert can["root, recursive"]["read the kubelet's key"]
assert not can["nobody"]["write to containerd's socket"]
assert not can["nobody"]["read the kubelet's key"]
proved("root can write to the socket and read the key, and the user nobody can do neither")

# %% [markdown]
# Not being root protects more. The image names `nobody`; the manifest does not require it.
#
# And what is `HostToContainer` for? After the shells had started, a volume was mounted on their node.
# Which of them see it?

# %%
late = hands.result["late"]
print("measured:", late)

# %% tags=["claim-C52"]
assert late["root"] > 0
assert late["root, recursive"] == 0
proved("the shell with HostToContainer sees the new mount, and the recursive one does not")

# %% [markdown]
# The exporter needs it to measure disks that are mounted later. So choose mount by mount: `/proc` and
# `/sys` can be read-only all the way down, the node's root cannot.

# %%
kubectl("delete daemonset hands late --ignore-not-found")
None

# %% [markdown]
# ## A better one
#
# Each line that differs has a comment with the reason. (The image is the same, so that the two can be compared. For a cluster
# of your own take a newer release.)

# %%
BETTER = "../manifests/monitoring-agent/better.yaml"
print(Path(BETTER).read_text())

# %% [markdown]
# Is it better? First, what does the strictest level of Pod Security, `restricted`, forbid in both?


# %%
def objections(manifest):
    """The warning that a manifest earns in a namespace with the level restricted."""
    *_, daemonset = yaml.safe_load_all(Path(manifest).read_text())
    daemonset["metadata"]["namespace"] = "strict"
    return str(kubectl("apply --dry-run=server -f -", stdin=json.dumps(daemonset))).strip()


meta = {"name": "strict", "labels": {"pod-security.kubernetes.io/warn": "restricted"}}
apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
print(before := objections("../manifests/monitoring-agent/node-exporter.yaml"))
print(after := objections(BETTER))

# %%
gone = ("hostPID", "capabilities", "runAsNonRoot", "seccompProfile", "allowPrivilegeEscalation")
assert all(word in before and word not in after for word in gone)
assert "hostNetwork=true" in after
assert "restricted volume types" in after
proved("five objections are gone; hostNetwork and the volumes remain")

# %% [markdown]
# What is left is what the agent is for: the node's network and its files. Second, we taint another
# node, with `NoExecute`.

# %%
everywhere = predict(
    "better",
    "The control plane has its taint, one worker has dedicated=gpu:NoSchedule and another one gets "
    "dedicated=db:NoExecute. On how many of the four nodes will the exporter of better.yaml run?",
    unit="nodes",
)
everywhere

# %%
from daemonset_course import record
from daemonset_course.lessons import coverage

taint(two, "dedicated=db:NoExecute")
with record("node-exporter", namespace="node-exporter", live=True) as shipped:
    apply(BETTER)
    better = wait_rollout("node-exporter", namespace="node-exporter")
show(coverage(shipped.history, ["node-exporter"]))

# %%
everywhere.compare(better.ready, within=0)

# %%
places = kubectl("-n node-exporter get pods -o jsonpath={.items[*].spec.nodeName}").split()
assert set(places) == set(fleet.nodes)
assert better.ready == 4
proved("the better exporter is ready on all four nodes")

# %% [markdown]
# Third, does it answer on every node, under the node's own name? And what does it cost?


# %%
from daemonset_course.lessons import scrape_cost


# %%
@step("better", needs=("hostpath", "probes"))
def proof():
    """The better exporter, read on every node"""
    apply(BETTER)
    wait_rollout("node-exporter", namespace="node-exporter")
    said = scrape("node-exporter", 9100, namespace="node-exporter")
    told = {node: labels(text, LOOK_AT) for node, text in said.items()}
    fewest = min(len(families(text)) for text in said.values())
    cost = scrape_cost("node-exporter", 9100, namespace="node-exporter")
    return {"told": told, "families": fewest, "cost": cost}


# %%
print(proof.label)

# %%
answers = proof.result["told"]
names = {node: each["node_uname_info{nodename}"] for node, each in answers.items()}
print(names)

# %% tags=["claim-C55"]
assert len(names) == 4
assert names == {node: [node] for node in names}
assert any(node.endswith("control-plane") for node in names)
proved("four exporters answered, the control plane's among them, each with its node's name")

# %%
mounts = {mount for each in answers.values() for mount in each[row]}
assert "/run" in mounts
assert not any(mount.startswith(("/run/containerd/", "/var/lib/kubelet/")) for mount in mounts)
assert proof.result["families"] > 100
proved("it reports /run, no mount of a Pod, and more than 100 metric families on every node")

# %%
cost_of_one = proof.result["cost"]
print(f"measured: {cost_of_one['Mi']} Mi, {cost_of_one['ms']} ms of CPU a reading")

# %% tags=["claim-C57"]
assert cost_of_one["Mi"] < 64
assert cost_of_one["ms"] / 15 < 50, "read every 15 s it uses less than the 50m that it requests"
proved("the most expensive Pod needs less memory and CPU than it requests")

# %% [markdown]
# On this small and idle node the requests are enough. A node with many CPUs and hundreds of mounts has
# more metrics: measure on your largest one.
# [kube-prometheus](https://github.com/prometheus-operator/kube-prometheus/blob/main/manifests/nodeExporter-daemonset.yaml)
# requests twice as much CPU and three times the memory. It also lets the exporter listen on `127.0.0.1`
# only, behind a proxy that authenticates its clients. Here that is missing: every client that reaches
# port 9100 reads the metrics.
#
# ## The mistake people make
#
# "`runAsNonRoot: true` is enough, the image says `USER nobody`." We add that line alone to the
# manifest as given.

# %%
runs = predict(
    "nobody",
    "The image of a container says USER nobody. Its Pod has runAsNonRoot: true and no runAsUser. "
    "Will the container run?",
    choices=("yes", "no"),
)
runs


# %%
@step("nobody", needs="pull")
def nobody():
    """What the kubelet says to runAsNonRoot alone"""
    apply(renamed(given, "nobody", {"ports": []}, securityContext={"runAsNonRoot": True}))
    waiting = "status.containerStatuses[0].state.waiting"
    kubectl("wait pod -l app=nobody --for=create --timeout=30s")
    error = f"{{.{waiting}.reason}}=CreateContainerConfigError"
    kubectl(f"wait pod -l app=nobody --timeout=60s --for=jsonpath={error}")
    said = kubectl(f"get pods -l app=nobody -o jsonpath={{.items[0].{waiting}.message}}")
    return said.partition(" (pod:")[0]


# %%
nobody

# %%
refused = "cannot verify user is non-root" in nobody.result
runs.compare("no" if refused else "yes", source=nobody.source)

# %%
assert "image has non-numeric user (nobody)" in nobody.result
proved("the kubelet refuses a user that is no number")

# %% [markdown]
# The kubelet compares numbers, and a name might stand for 0
# ([`verifyRunAsNonRoot`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kuberuntime/security_context_others.go)).
# So the better manifest has `runAsUser: 65534` too.

# %%
kubectl("delete daemonset nobody --ignore-not-found")
None

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("refused-by-pod-security")

# %% [markdown]
# Commit an answer to each, then run the cell below it.

# %%
q2 = predict(
    "check-writable",
    "A mount has recursiveReadOnly: Enabled and no line readOnly. What does the API server do?",
    choices=("accepted", "rejected"),
)
q2

# %%
from daemonset_course.lessons import try_apply

mount = {"name": "sys", "mountPath": "/host/sys", "recursiveReadOnly": "Enabled"}
print(said := try_apply(renamed(given, "sealed", {"volumeMounts": [mount]})))
q2.compare("rejected" if said else "accepted")

# %%
q3 = predict(
    "monitoring-check-down",
    "The exporter of better.yaml runs on four nodes. By the maxUnavailable of its updateStrategy, "
    "how many of them may a rollout take down at once?",
    unit="nodes",
)
q3

# %%
allowed = "jsonpath={.spec.updateStrategy.rollingUpdate.maxUnavailable}"
percent = int(kubectl(f"-n node-exporter get ds node-exporter -o {allowed}").removesuffix("%"))
q3.compare(-(-better.desired * percent // 100), within=0, source="rule")

# %% [markdown]
# ## Your turn
#
# The manifest of the source document runs in the namespace `monitoring`, on a fleet of a control plane
# and three workers, one of them with a taint. An audit has four findings. Change the DaemonSet
# `node-exporter` until all of them are gone:
#
# - it runs on every node, also on those that get a taint tomorrow;
# - it does not share its node's processes;
# - it cannot run as root;
# - its Pods are ready when the exporter answers over HTTP, and not before.
#
# The rest stays as it is: the namespace, the nodes, and the network and files of the node that the
# exporter uses. The rollout must complete.

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
turn.recording.plot()

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - `kubectl apply` that succeeds proves nothing: Pod Security judges the Pods. Look for `FailedCreate`.
# - "Every node" is `operator: Exists`. A toleration with a key is for that key.
# - `hostNetwork` is for the network counters, `hostPID` for nothing here; a `hostPort` reserves.
# - `readOnly` ends at the next mount. Not being root protects more; write its number.
