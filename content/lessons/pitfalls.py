# %% [markdown]
# # Pitfalls

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, reset, show, step
from daemonset_course import taint, wait_rollout, wait_settled
from daemonset_course.lessons import allocatable_cpu, fill_node, pod_names, pods_by_node, shell

# %%
fleet = reset(workers=6)
fleet

# %% [markdown]
# ## The claims
#
# > Six things go wrong with DaemonSets: no tolerations for the control plane; two agents on one
# > port; no resource requests; one node at a time on a large cluster; applications run as
# > DaemonSets; and agents whose cost nobody adds up.
#
# We make each mistake once (the sixth together with the third), look at what it looks like, and put
# it right.
#
# ## 1. The control plane left out

# %%
apply("../manifests/pitfalls/agent.yaml")
status = wait_rollout("agent")

# %% [markdown]
# Seven nodes, one of them the control plane with its taint.

# %%
warned = predict(
    "warned",
    "The agent is on six of seven nodes: it does not tolerate the taint of the control plane. "
    "How many warning events does the cluster have about the missing agent?",
    unit="warnings",
)
warned

# %%
print(kubectl("get daemonset agent"))
print(kubectl("rollout status daemonset/agent --timeout=30s"))

# %%
uid = kubectl("get daemonset agent -o jsonpath={.metadata.uid}")
about = f"--field-selector type=Warning,involvedObject.uid={uid}"
warnings = kubectl(f"get events {about} -o name").count("event/")
warned.compare(warnings, within=0)

# %% tags=["claim-C79"]
assert (status.desired, status.ready) == (6, 6)
assert (len(fleet.nodes), warnings) == (7, 0)
proved("six nodes are desired and ready, the seventh is not counted, and no event warns")

# %% [markdown]
# None. DESIRED equals READY, and the rollout was a success: the node is not eligible, so it does
# not count. Only somebody who knows how many nodes *should* have the agent can see the gap. With
# the toleration the node counts.

# %%
import json

key = "node-role.kubernetes.io/control-plane"
tolerations = [{"key": key, "operator": "Exists", "effect": "NoSchedule"}]
patch = {"spec": {"template": {"spec": {"tolerations": tolerations}}}}
kubectl("patch daemonset agent --type merge --patch", json.dumps(patch))

# %% tags=["claim-C79"]
assert wait_rollout("agent").desired == len(fleet.nodes)
proved("DESIRED counts all seven nodes")

# %%
kubectl("delete daemonset agent --ignore-not-found")
None

# %% [markdown]
# ## 2. Two agents, one port
#
# `hostPort`, and every port of a Pod with `hostNetwork`, is a port of the *node*. There is one of
# each. `metrics` and `traces` both want 9100.
#
# > If two DaemonSets want the same `hostPort`, one will fail.
#
# To be fair to both we keep the six workers closed with a taint, create the two, and take the taint
# away.

# %%
running = predict(
    "running",
    "Two DaemonSets want the same hostPort, and each wants a Pod on each of six workers. "
    "How many of these twelve Pods will run?",
    unit="Pods",
)
running

# %%
losers = predict(
    "losers",
    "What is the state of the Pods that want a hostPort and do not get it?",
    choices=("Pending", "CrashLoopBackOff"),
)
losers

# %%
kubectl("taint nodes --overwrite", *fleet.workers, "closed=yes:NoSchedule")
apply("../manifests/pitfalls/ports.yaml")
for name in ("metrics", "traces"):
    wait_rollout(name)
race = record("metrics")
race.start()
kubectl("taint nodes", *fleet.workers, "closed-")
settled = wait_settled("port=9100", pods=12)
settled

# %%
from collections import Counter


def phases(app):
    """How many Pods with this label are in each phase."""
    return Counter(kubectl(f"get pods -l app={app} -o jsonpath={{.items[*].status.phase}}").split())


# %%
both = phases("metrics") + phases("traces")
print(f"measured: metrics has {phases('metrics')['Running']} nodes, traces the others")
running.compare(both["Running"], within=0)

# %%
losers.compare(next(phase for phase in both if phase != "Running"))

# %% tags=["claim-C81"]
assert both == {"Running": 6, "Pending": 6}
assert settled.ready == tuple(sorted(fleet.workers))
assert all("didn't have free ports for the requested pod ports" in m for _, m in settled.refused)
proved("one Pod runs on each worker, and for the six others the scheduler finds no free port")

# %% [markdown]
# Every node has exactly one of the two: whoever was first *there*. Which of them that is may differ
# from node to node and from run to run. And nothing "fails": the losing Pods wait, CURRENT is full,
# and no event of the DaemonSets warns.

# %% tags=["claim-C81"]
count = ".status.currentNumberScheduled"
kubectl(f"wait --for=jsonpath={{{count}}}=6 daemonset metrics traces --timeout=30s")
assert kubectl(f"get daemonset metrics traces -o jsonpath={{.items[*]{count}}}") == "6 6"
proved("CURRENT is six for both DaemonSets")

# %% tags=["claim-C81"]
mine = [
    kubectl(f"get daemonset {name} -o jsonpath={{.metadata.uid}}") for name in ("metrics", "traces")
]
events = json.loads(kubectl("get events -o json"))["items"]
types = {event["type"] for event in events if event["involvedObject"].get("uid") in mine}
assert types == {"Normal"}
proved("the two DaemonSets have normal events only")

# %% [markdown]
# ### What ends the wait?
#
# Both templates have an affinity that keeps them off nodes labelled `yields=<their name>`. We label
# one node so that its winner leaves.

# %%
starts = predict(
    "starts",
    "The Pod that has the port leaves the node. "
    "Does the Pod that waits for the port start there by itself?",
    choices=("yes", "no"),
)
starts

# %%
node = fleet.workers[0]
there = f"--field-selector spec.nodeName={node} -l port=9100"
winner = str(kubectl(f"get pods {there} -o jsonpath={{.items[0].metadata.labels.app}}"))
loser = "traces" if winner == "metrics" else "metrics"
label(node, yields=winner)

# %%
kubectl(f"wait --for=create pod {there},app={loser} --timeout=60s")
kubectl(f"wait --for=condition=Ready pod {there},app={loser} --timeout=60s")
proved("the loser has a ready Pod on the node")

# %%
race.stop()
show(pods_by_node(race.history, ["metrics", "traces"]))

# %%
now = kubectl(f"get pods {there} -o jsonpath={{.items[*].metadata.labels.app}}").split()
starts.compare(now == [loser])

# %% tags=["claim-C80"]
assert now == [loser]
proved("the loser's Pod is the only one of the two on the node")

# %% [markdown]
# The scheduler keeps the list of ports in use for each node, and looks at waiting Pods again when
# one is freed
# ([`NodePorts`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/scheduler/framework/plugins/nodeports/node_ports.go)).
# What conflicts is the triple of address, protocol and port. Two more agents want 9100: `udp` with
# `protocol: UDP`, `local` with `hostIP: 127.0.0.1`.

# %%
more = predict(
    "more",
    "metrics and traces have the hostPort 9100 on all nodes between them. Two more agents want it: "
    "udp with protocol: UDP, and local with hostIP: 127.0.0.1. Which of these two will run?",
    choices=("udp", "local", "both", "none"),
)
more

# %%
from pathlib import Path

import yaml

manifest = Path("../manifests/pitfalls/ports.yaml").read_text().split("---")[1]


def another(name, **port):
    """An agent like traces, under another name and with these fields of its port."""
    made = yaml.safe_load(manifest.replace("traces", name).replace('"9100"', '"other"'))
    made["spec"]["template"]["spec"]["containers"][0]["ports"][0] |= port
    return made


# %%
apply(another("udp", protocol="UDP"))
apply(another("local", hostIP="127.0.0.1"))
tried = wait_settled("port=other", pods=12)
ran = [name for name in ("udp", "local") if phases(name)["Running"] == 6]
more.compare({0: "none", 1: "".join(ran), 2: "both"}[len(ran)])

# %% tags=["claim-C80"]
assert (len(tried.ready), len(tried.refused)) == (6, 6)
assert ran == ["udp"]
proved("one of the two runs on all six nodes, and the other on none")

# %% [markdown]
# UDP port 9100 is not TCP port 9100. `127.0.0.1` is another address, but `metrics` and `traces` name
# none, and that means *all* addresses. The cure is the plain one: to each agent a port number of its
# own.

# %%
apply(another("local", containerPort=9101, hostPort=9101))
status = wait_rollout("local")

# %% tags=["claim-C82"]
assert status.ready == 6
proved("local is ready on all six workers")

# %%
kubectl("delete daemonset metrics traces udp local --ignore-not-found")
None

# %% [markdown]
# ## 3. No requests, and what agents cost
#
# > Without resource requests the scheduler cannot account for DaemonSet Pods; nodes are
# > overcommitted. And every DaemonSet Pod takes CPU and memory of its node: many small ones add up.
#
# We fill one node (the only one labelled `disk=ssd`) with Pods of `web`, each of which requests an
# eighth of its CPU, beside 0, 3 and 6 agents. An agent requests a twentieth: 100m of 2 CPUs.

# %%
alone = fleet.workers[0]
kubectl(f"label nodes {' '.join(fleet.workers[1:])} disk=hdd --overwrite")
label(alone, disk="ssd")
cpu = allocatable_cpu(alone)

# %%
web = yaml.safe_load(Path("../manifests/pitfalls/web.yaml").read_text())
web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = f"{cpu // 8}m"
apply(web)
small = Path("../manifests/pitfalls/small.yaml").read_text()


# %%
def agents(count, **resources):
    """This many agents on the node, each with these resources."""
    for number in range(1, count + 1):
        made = yaml.safe_load(small.replace("small-0", f"small-{number}"))
        made["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
        apply(made)
    for number in range(1, count + 1):
        wait_rollout(f"small-{number}")


# %%
def room():
    """How many Pods of web the scheduler places on the node, of 10."""
    kubectl("scale deployment web --replicas=10")
    placed = len(wait_settled("app=web", pods=10).ready)
    kubectl("scale deployment web --replicas=0")
    kubectl("wait --for=delete pod -l app=web --timeout=60s")
    return placed


# %%
free = room()
print(f"{free} Pods of web beside no agent")

# %% [markdown]
# Now six agents without requests, then six with.

# %%
unrequested = predict(
    "blind",
    "A Pod of web requests 1/8 of the node's CPU. Six agents without requests run on the node. "
    "How many Pods of web fit on the node beside them?",
    unit="Pods",
)
unrequested

# %%
requested = predict(
    "honest",
    "A Pod of web requests 1/8 of the node's CPU. Six agents on the node request 1/20 each. "
    "How many Pods of web fit on the node beside them?",
    unit="Pods",
)
requested

# %%
fits = {"without requests": {0: free}, "with requests": {0: free}}
agents(6)
fits["without requests"][6] = room()
unrequested.compare(fits["without requests"][6], within=0)

# %%
request = {"cpu": f"{cpu // 20}m"}
agents(3, requests=request)
fits["with requests"][3] = room()
agents(6, requests=request)
fits["with requests"][6] = room()
requested.compare(fits["with requests"][6], within=0)

# %% tags=["claim-C83"]
assert fits["without requests"] == {0: free, 6: free}
assert fits["with requests"][6] < fits["with requests"][3] < free
proved("agents without requests take no room, and each agent with a request takes some")

# %%
from kubernetes.utils import parse_quantity

asked = "jsonpath={.items[*].spec.containers[*].resources.requests.cpu}"
each = kubectl(f"get pods -l agents=small --field-selector spec.nodeName={alone} -o {asked}")
taken = int(1000 * sum(map(parse_quantity, each.split())))
lost = (free - fits["with requests"][6]) * (cpu // 8)
print(f"six agents request {taken}m of {cpu}m; the Pods of web that are missing, for {lost}m")

# %% tags=["claim-C88"]
assert abs(lost - taken) < cpu // 8, "web lost what the agents request, to within one Pod"
proved("web lost what the agents request, to within one Pod")

# %% [markdown]
# The scheduler does not count an agent without requests. To tell whether a Pod fits, the scheduler
# adds up *requests* and looks at nothing else
# ([`NodeResourcesFit`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/scheduler/framework/plugins/noderesources/fit.go)).
# It fills the node as if the agents were not there. With requests, six agents of a twentieth take 30 %
# of their node for good: here of one, without a node selector of every node. Besides CPU and memory
# each takes one of the node's Pod slots:

# %%
print(kubectl(f"get node {alone} -o jsonpath={{.status.allocatable.pods}}"), "Pods at most")

# %% [markdown]
# ### The mistake people make
#
# "It has limits, that is enough."

# %%
limited = predict(
    "limits",
    "A Pod of web requests 1/8 of the node's CPU. Six agents have a limit of 1/10 each, and no "
    "request. How many Pods of web fit on the node beside them?",
    unit="Pods",
)
limited

# %%
agents(6, limits={"cpu": f"{cpu // 10}m"})
fits["with limits only"] = {0: free, 6: room()}
limited.compare(fits["with limits only"][6], within=0)

# %%
from daemonset_course.lessons import Capacity

show(Capacity(fits, app="web"))

# %%
pod = kubectl("get pods -l agents=small -o jsonpath={.items[0].spec.containers[0].resources}")
print(pod)

# %% tags=["claim-C83"]
assert json.loads(pod)["requests"] == json.loads(pod)["limits"]
assert fits["with limits only"][6] < fits["with requests"][6]
proved("the stored request equals the limit, and leaves less room for web")

# %% [markdown]
# Where a limit has no request beside it, the API server makes the limit the request: now the agents
# take 60 % of the node. Set both, the request to what the agent needs.
#
# ### When the node is full
#
# An agent that requests room must find it. `fill_node` fills another node to the last with a Pod of
# its own. Then comes `late`, on every worker. A taint in the way makes DESIRED smaller. And a full
# node?

# %%
smaller = predict(
    "full",
    "An agent requests CPU on each of six workers, and one worker is full. "
    "Which of the agent's numbers will be less than six?",
    choices=("DESIRED", "READY", "both", "none"),
)
smaller

# %%
full = fleet.workers[1]
print(fill_node(full))
late = yaml.safe_load(small.replace("small-0", "late"))
del late["spec"]["template"]["spec"]["nodeSelector"]
late["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1m"}}
apply(late)

# %%
crowded = wait_settled("app=late", pods=6)

# %%
kubectl("wait --for=jsonpath={.status.numberReady}=5 daemonset/late --timeout=30s")
proved("the controller has counted these Pods")

# %%
from daemonset_course.lessons import daemonset_status

status = daemonset_status("late")
numbers = {"DESIRED": status.desired, "READY": status.ready}
less = [name for name, number in numbers.items() if number < len(fleet.workers)]
smaller.compare({0: "none", 1: "".join(less), 2: "both"}[len(less)])

# %%
print(*(message for _, message in crowded.refused))

# %% tags=["claim-C83"]
assert (status.desired, status.ready) == (6, 5)
assert all("Insufficient cpu" in message for _, message in crowded.refused)
proved("DESIRED counts the full node, and the scheduler says what is missing there")

# %% [markdown]
# READY. The controller does not ask whether there is room
# ([`NodeShouldRunDaemonPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
# it makes the Pod, DESIRED counts its node, and the scheduler lets it wait. This pitfall, unlike the
# first one, you see in the numbers. As soon as there is room, the Pod starts:

# %%
kubectl(f"delete pod filler-{full} --ignore-not-found")
status = wait_rollout("late")

# %%
assert status.ready == 6
proved("the agent is ready on all six workers")

# %%
kubectl("delete daemonset late --ignore-not-found")
None

# %% [markdown]
# ### When memory runs out
#
# > Overcommitted nodes lead to OOM kills.
#
# The kernel kills the process with the highest score: its share of the memory, shifted by
# `oom_score_adj`, from -1000 (never) to 1000 (first), which the kubelet sets.

# %%
kubectl("delete daemonsets -l agents=small")
kubectl("delete deployment web --ignore-not-found")
None

# %%
dies = predict(
    "dies",
    "One agent has no requests (best-effort), one a request below its limit (burstable), one a "
    "request equal to its limit (guaranteed). By oom_score_adj, which does the kernel kill first?",
    choices=("best-effort", "burstable", "guaranteed"),
)
dies


# %%
@step("oom", needs="exec")
def oom():
    """Scores of three agents, and the end of a fourth, over its limit"""
    apply("../manifests/pitfalls/oom.yaml")
    score = {}
    for name in ("best-effort", "burstable", "guaranteed"):
        wait_rollout(name)
        score[name] = int(shell(f"daemonset/{name}", "cat /proc/1/oom_score_adj"))
    killed = "{.status.containerStatuses[0].lastState.terminated.reason}=OOMKilled"
    kubectl(f"wait pod -l app=hog --for=jsonpath={killed} --timeout=90s", timeout=100)
    return {"oom_score_adj": score, "hog": "OOMKilled"}


# %%
oom

# %%
score = oom.result["oom_score_adj"]
dies.compare(max(score, key=lambda name: score[name]), source=oom.source)

# %% tags=["claim-C84"]
assert score["best-effort"] == 1000 > score["burstable"] > score["guaranteed"]
assert oom.result["hog"] == "OOMKilled"
proved("the scores fall from best-effort to guaranteed, and hog was killed")

# %% [markdown]
# An agent without requests and limits comes first by this score, whoever fills the node, unless its
# class is `system-node-critical` (lesson [priority-and-eviction]): that gets -997, whatever it requests
# ([`GetContainerOOMScoreAdjust`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/qos/policy.go)).
# For `guaranteed` the kubelet asks for -997; where you see 0, the machine did not let it. And `hog`,
# with the highest priority that there is, was killed for going over *its own* limit: against that no
# class helps.

# %%
kubectl("delete -f ../manifests/pitfalls/oom.yaml --ignore-not-found")
None

# %% [markdown]
# ## 4. One node at a time
#
# > With the default `maxUnavailable: 1` an update of 100 nodes takes long. `"10%"` speeds it up.
#
# We give a hundred nodes the agent, and roll. After five nodes we lose patience and allow 10 %.

# %%
fleet = reset(workers=100)
print(f"{len(fleet.workers)} workers")
apply("../manifests/pitfalls/agent.yaml")
wait_rollout("agent")

# %%
faster = predict(
    "faster",
    "A rollout over 100 nodes runs with maxUnavailable: 1. In the middle you set it to 10%. "
    "How does the rollout go on?",
    choices=("no faster", "up to ten times faster", "a hundred times faster"),
)
faster

# %%
ten = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}}}
with record("agent", live=True) as rollout:
    kubectl("set env daemonset/agent RELEASE=2") or kubectl("rollout restart daemonset/agent")
    kubectl(
        "wait --for=jsonpath={.status.updatedNumberScheduled}=5 ds/agent --timeout=110s",
        timeout=120,
    )
    rollout.mark("patience ends")
    kubectl("patch daemonset agent --type merge --patch", json.dumps(ten))
    wait_rollout("agent")

# %%
change = next(m.t for m in rollout.timeline.marks if m.text == "patience ends")
facts = rollout.rollouts[-1]
slow = (change - facts.start) / rollout.timeline.updated.at(change)
quick = (facts.end - change) / (100 - rollout.timeline.updated.at(change))
print(f"measured: {slow:.2f} s a node, so {100 * slow:.0f} s for all; then {quick:.2f} s a node")
print(f"measured: {(ratio := slow / quick):.1f} times faster")
found = "up to ten" if ratio < 15 else "a hundred"
faster.compare("no faster" if ratio <= 1 else f"{found} times faster")

# %%
unavailable = rollout.timeline.unavailable
several = [unavailable.longest(1, *when) for when in ((facts.start, change), (change, facts.end))]
print(f"measured: more than one node down for {several[0]:.2f} s at 1, {several[1]:.2f} s at 10 %")
rollout.plot()

# %% tags=["claim-C85", "claim-C86"]
assert (facts.budget, facts.last_budget) == (1, 10)
assert several[0] < several[1], "one at a time, but for moments; then several"
assert quick < slow
proved("the larger budget had several nodes down at a time, and took less time for each node")

# %% [markdown]
# Ten times as many nodes at once are at best ten times as fast. On a quick fleet the controller's
# own requests are the limit (lesson [at-scale]). The budget can be changed in the middle of a
# rollout, up when it goes well and down when it does not. Beside speed, 10 % leaves room for dead
# nodes, which count against the same budget.
#
# ## 5. An application as a DaemonSet
#
# > If your workload does not need one Pod on each node, use a Deployment.
#
# `shop` is a DaemonSet, `store` the same as a Deployment with as many Pods. One node of six must
# go, quickly: it gets a `NoExecute` taint.

# %%
fleet = reset(workers=6)
apply("../manifests/pitfalls/shop.yaml")
wait_rollout("shop")
kubectl("rollout status deployment/store --timeout=60s")
None

# %%
shop_left = predict(
    "shop",
    "The DaemonSet shop has a Pod on each of six workers, and one worker gets a NoExecute taint. "
    "How many Pods of shop are ready a little later?",
    unit="Pods",
)
shop_left

# %%
store_left = predict(
    "store",
    "The Deployment store has six Pods on six workers, and one worker gets a NoExecute taint. "
    "How many Pods of store are ready a little later?",
    unit="Pods",
)
store_left

# %%
with record("shop", live=True) as moving:
    taint(fleet.workers[0], "broken=disk:NoExecute")
    for app in ("shop", "store"):
        there = f"-l app={app} --field-selector spec.nodeName={fleet.workers[0]}"
        kubectl(f"wait --for=delete pod {there} --timeout=60s")
    kubectl("rollout status deployment/store --timeout=60s")

# %%
shop, store = [
    len(wait_settled(f"app={app}", pods=len(pod_names(app))).ready) for app in ("shop", "store")
]
shop_left.compare(shop, within=0)

# %%
store_left.compare(store, within=0)

# %% tags=["claim-C87"]
assert (shop, store) == (5, 6)
proved("the Deployment has all its Pods again, and the DaemonSet has one Pod less")

# %%
show(pods_by_node(moving.history, ["shop", "store"]))

# %% [markdown]
# The Deployment moved its Pod to another node. The DaemonSet cannot: its Pods are tied to their
# nodes, so it lost a sixth of its capacity, just when the others had to take over. It cannot
# follow the load either (`kubectl scale` has nothing to change, lesson [one-pod-per-node]). The
# exception is what must listen on every node, as an edge proxy, or serve its own, as a DNS cache.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("host-port-is-taken")

# %%
symptom("refused-by-quota")

# %% [markdown]
# Commit each answer before you run on.

# %%
q2 = predict(
    "pitfalls-check-port",
    "Seven nodes have no taint. Two agents want the same hostPort on each of them. "
    "How many Pods of the two agents are Pending?",
    unit="Pods",
)
q2

# %%
taint(fleet.workers[0], "broken-")
taint(fleet.nodes[0], "node-role.kubernetes.io/control-plane-")
apply("../manifests/pitfalls/ports.yaml")
q2.compare(len(wait_settled("port=9100", pods=14).refused), within=0)

# %%
q3 = predict(
    "pitfalls-check-limit",
    "A container has the limit cpu: 100m and no request. What does its Pod request?",
    choices=("0m", "50m", "100m"),
)
q3

# %%
agents(1, limits={"cpu": "100m"})
q3.compare(kubectl(f"get pods -l agents=small -o {asked}").split()[0])

# %% [markdown]
# ## Your turn
#
# Six agents run on three workers, and on `worker3` they run beside `shop`. Some Pods are Pending. Make
# all six run on every worker:
#
# - `shop` keeps its Pod, and each agent requests at least what it needs. The output of `turn.start()`
#   has the numbers.
# - Clients outside the node read `metrics` on port 9100 of its node: it keeps that port.
# - `traces` takes traces on a port of its node, and tells the applications the number: any other port
#   will do.
# - Nothing else is changed: no priorities, no nodes, and no node is left out.

# %%
from daemonset_course.lessons import exercise

turn = exercise("ports-and-resources")
turn.start()

# %%
# %kubectl get pods -o wide

# %% [markdown]
# Between the quotes goes the part of the DaemonSet `traces` that is to change, from
# `spec:` on. Write `%kubectl` lines for the others under it in the same cell, or use a terminal:
# `kubectl set resources` changes requests. `turn.hint()` gives one of three hints, `turn.solution()`
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
# - A missing toleration is silent: DESIRED shrinks, everything looks well.
# - Two agents on one port share the fleet between them, by chance; the losers wait as Pending.
# - Without requests an agent is invisible to the scheduler; with limits alone it may request far
#   more than it needs.
# - `maxUnavailable` as a percentage, and change it while the rollout runs.
# - A DaemonSet neither moves nor scales. Applications need both.
