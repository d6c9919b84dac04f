# %% [markdown]
# # Ports and resources

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, show, step
from daemonset_course import wait_rollout, wait_settled
from daemonset_course.lessons import daemonset_status, nodes_with, pods_by_node, try_rollout

# %%
fleet = reset(workers=6)
fleet

# %% [markdown]
# ## The claim
#
# > If two DaemonSets want the same `hostPort`, one will fail. Without resource requests the scheduler
# > cannot account for DaemonSet Pods. Each takes CPU and memory of its node; many small ones add up.
#
# An agent shares its node with other agents and with applications. The scheduler keeps an account of
# each node: its ports, and what the Pods on it request.
#
# ## Two agents, one port
#
# A `hostPort`, like each port of a Pod with `hostNetwork`, is a port of the *node*. The agent
# `metrics` has port 9100 on all six workers.

# %%
apply("../manifests/ports-and-resources/metrics.yaml")
wait_rollout("metrics")

# %%
created = predict(
    "ports-created",
    "On each of six workers metrics has the hostPort 9100. The DaemonSet traces needs it, too. "
    "What will `kubectl get daemonset traces` show as CURRENT?",
    unit="Pods",
)
created

# %%
with record("traces", live=True, predicted={"CURRENT": created}) as late:
    # %kubectl apply -f ../manifests/ports-and-resources/traces.yaml
    try_rollout("traces", timeout=4)
late.plot()

# %%
# %kubectl get daemonset metrics traces
created.compare(daemonset_status("traces").current, within=0)

# %%
settled = wait_settled("app=traces", pods=6)
settled

# %% tags=["claim-C81"]
assert nodes_with("metrics") == set(fleet.workers)
assert sorted(node for node, _ in settled.refused) == sorted(fleet.workers)
assert all("didn't have free ports for the requested pod ports" in m for _, m in settled.refused)
proved("each worker has a Pod of metrics, and a Pod of traces that finds no free port there")

# %% tags=["claim-C81"]
import json

both = json.loads(kubectl("get daemonset metrics traces -o json"))["items"]
mine = [one["metadata"]["uid"] for one in both]
events = json.loads(kubectl("get events -o json"))["items"]
assert [one["status"]["currentNumberScheduled"] for one in both] == [6, 6]
assert {e["type"] for e in events if e["involvedObject"].get("uid") in mine} == {"Normal"}
proved("CURRENT is six for both DaemonSets, and they have normal events only")

# %% [markdown]
# Nothing fails. The controller creates six Pods, and they wait as Pending. No event of `traces` warns.
# The scheduler's message is in the events of its Pods: `kubectl describe pod` shows it.
#
# ### What ends the wait?
#
# The template of `metrics` has a node affinity: it keeps off nodes with the label `yields=metrics`.
# Now one worker gets this label, and `metrics` leaves it.

# %%
node = fleet.workers[0]
with record("traces", live=True) as change:
    kubectl(f"label node {node} yields=metrics")
    kubectl("wait --for=jsonpath={.status.numberReady}=1 daemonset/traces --timeout=60s")
show(pods_by_node(change.history, ["metrics", "traces"]))

# %% tags=["claim-C80", "claim-C81"]
assert nodes_with("traces") == {node}
assert nodes_with("metrics") == set(fleet.workers) - {node}
proved("traces is ready on this node, and metrics has the other five")

# %% [markdown]
# The waiting Pod starts by itself: the scheduler looks at it again when a port of its node is freed
# ([`NodePorts`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/scheduler/framework/plugins/nodeports/node_ports.go)).
# The port is given away on each node separately: `metrics` has five nodes now, and `traces` has one.
#
# What conflicts is the triple of address, protocol and port.

# %%
more = predict(
    "more",
    "On each worker metrics or traces has the hostPort 9100. Two more agents need it, udp with "
    "protocol: UDP, and local with hostIP: 127.0.0.1. Which of these two will run?",
    choices=("udp", "local", "udp and local", "none"),
)
more

# %%
# %kubectl apply -f ../manifests/ports-and-resources/others.yaml
tried = wait_settled("port=other", pods=12)
ran = [name for name in ("udp", "local") if nodes_with(name)]
more.compare(" and ".join(ran) or "none")

# %% tags=["claim-C80"]
assert (len(tried.ready), len(tried.refused)) == (6, 6)
assert ran == ["udp"]
proved("one of the two runs on all six nodes, and the other on none")

# %% [markdown]
# UDP has ports of its own. But a hostPort without `hostIP` occupies all addresses, `127.0.0.1` too. The
# cure is a port number of its own for each agent.

# %%
# %kubectl apply -f ../manifests/ports-and-resources/own-port.yaml
status = wait_rollout("local")

# %% tags=["claim-C82"]
assert status.ready == 6
proved("local is ready on all six workers")

# %% [markdown]
# ## Many small agents
#
# A request sets CPU or memory of the node aside for a container. A limit is the most that it may use.
# Each Pod of the application `web` requests an eighth of the node's allocatable CPU. `web` and the agents
# run only on the one node with an SSD. `pods_that_fit("web")` returns how many of ten Pods the scheduler
# can place there: first beside no agent, then beside six agents without requests.

# %%
from daemonset_course.lessons import allocatable_cpu, pods_that_fit, shell

kubectl("delete daemonset metrics traces udp local --ignore-not-found")
kubectl("delete daemonset -l agents=small --cascade=foreground")
# %kubectl label nodes {" ".join(fleet.workers[1:])} disk=hdd --overwrite
# %kubectl label node {node} disk=ssd --overwrite
# %kubectl apply -f ../manifests/ports-and-resources/web.yaml
cpu = allocatable_cpu(node)
# %kubectl set resources deployment web --requests=cpu={cpu // 8}m
free = pods_that_fit("web")

# %%
# %kubectl apply -f ../manifests/ports-and-resources/small.yaml
# %kubectl rollout status daemonset -l agents=small --timeout=60s
unseen = pods_that_fit("web")
print(f"measured: {free} Pods of web alone on the node, {unseen} beside six agents")

# %% tags=["claim-C83"]
assert unseen == free > 3
proved("six agents without requests take no room")

# %% [markdown]
# To tell whether a Pod fits, the scheduler adds up the *requests* on the node
# ([`NodeResourcesFit`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/scheduler/framework/plugins/noderesources/fit.go)).
# It does not look at what a container uses. Now each agent requests a twentieth of the CPU.

# %%
requested = predict(
    "honest",
    "A Pod of web requests 1/8 of the node's CPU. Six agents on the node request 1/20 each. "
    "How many Pods of web fit on the node beside them?",
    unit="Pods",
)
requested

# %%
# %kubectl set resources daemonset -l agents=small --requests=cpu={cpu // 20}m
# %kubectl rollout status daemonset -l agents=small --timeout=60s
seen = pods_that_fit("web")
requested.compare(seen, within=0)

# %% tags=["claim-C83", "claim-C88"]
from kubernetes.utils import parse_quantity

asked = "jsonpath={.items[*].spec.containers[*].resources.requests.cpu}"
each = kubectl(f"get pods -l agents=small --field-selector spec.nodeName={node} -o {asked}")
taken = int(1000 * sum(map(parse_quantity, each.split())))
lost = (free - seen) * (cpu // 8)
assert len(each.split()) == 6
assert seen < free
assert abs(lost - taken) < cpu // 8
proved("web lost what the six agents request, to within one Pod")

# %% [markdown]
# ### The mistake people make
#
# "It has limits, that is enough." `kubectl replace` takes the requests away again, and each agent gets
# a limit of a tenth of the CPU.

# %%
limited = predict(
    "limits",
    "A Pod of web requests 1/8 of the node's CPU. Six agents have a limit of 1/10 each, and no "
    "request. How many Pods of web fit on the node beside them?",
    unit="Pods",
)
limited

# %%
# %kubectl replace -f ../manifests/ports-and-resources/small.yaml
# %kubectl set resources daemonset -l agents=small --limits=cpu={cpu // 10}m
# %kubectl rollout status daemonset -l agents=small --timeout=60s
least = pods_that_fit("web")
limited.compare(least, within=0)

# %%
from daemonset_course.lessons import Capacity

beside = {"without requests": unseen, "with requests": seen, "with limits only": least}
guesses = {"with requests": requested.answer, "with limits only": limited.answer}
fits = {kind: {0: free, 6: count} for kind, count in beside.items()}
show(Capacity(fits, app="web", predicted=guesses))

# %% tags=["claim-C83"]
pod = kubectl("get pods -l agents=small -o jsonpath={.items[0].spec.containers[0].resources}")
assert json.loads(pod)["requests"] == json.loads(pod)["limits"]
assert least < seen
proved("the stored request equals the limit, and leaves less room for web")

# %% [markdown]
# Where a limit has no request beside it, the API server makes the limit the request. Set both, the
# request to what the agent needs.
#
# ### On every node
#
# > Set requests and limits: 100Mi on each of 100 nodes are 10Gi of the cluster.
#
# A ResourceQuota adds up requests. `agent` requests 100Mi of memory on each of six workers.

# %%
# %kubectl delete daemonset -l agents=small --cascade=foreground
# %kubectl apply -f ../manifests/ports-and-resources/quota.yaml
# %kubectl wait --for='jsonpath={.status.used.requests\.memory}' quota/total --timeout=60s
apply("../manifests/ports-and-resources/agent.yaml")
wait_rollout("agent")
# %kubectl wait --for='jsonpath={.status.used.requests\.memory}=600Mi' quota/total --timeout=60s
# %kubectl describe quota total

# %% tags=["claim-C89"]
used = kubectl("get quota total -o", r"jsonpath={.status.used.requests\.memory}")
assert used == "600Mi"
proved("six agents request 600Mi together; on 100 nodes they would request 10,000Mi, 9.77Gi")

# %% [markdown]
# No field of a DaemonSet has this sum, and it grows with each node. One request for nodes of many
# sizes: lesson [at-scale].
#
# ## When memory runs out
#
# > Overcommitted nodes lead to OOM kills.
#
# A node is *overcommitted* when its containers may use more than it has. Can the scheduler let that happen?

# %%
# %kubectl delete quota/total daemonset/agent deployment/web --ignore-not-found
over = predict(
    "overcommitted",
    "Six agents belong on one node. Each requests 10Mi of memory, and its limit is half of the "
    "node's memory. How many of the six will the scheduler place there?",
    unit="agents",
)
over

# %%
# memory = %kubectl get node {node} -o jsonpath={.status.allocatable.memory}
half = int(parse_quantity(memory)) // 2**21
# %kubectl apply -f ../manifests/ports-and-resources/small.yaml
# %kubectl set resources daemonset -l agents=small --requests=memory=10Mi --limits=memory={half}Mi
# %kubectl rollout status daemonset -l agents=small --timeout=60s
# described = %kubectl describe node {node}
print(described[described.index("Allocated resources") :])
over.compare(sum(node in nodes_with(f"agent-{n}") for n in range(1, 7)), within=0)

# %% tags=["claim-C84"]
[line] = [line for line in described.splitlines() if line.split()[:1] == ["memory"]]
requested_part, limit_part = (int(part.split("%")[0]) for part in line.split("(")[1:])
assert all(node in nodes_with(f"agent-{n}") for n in range(1, 7))
assert requested_part < 100 < 250 < limit_part
proved("all six are there: their requests fit, and their limits are three times the node's memory")

# %% [markdown]
# The scheduler adds up requests, not limits. (Only a ResourceQuota may add up limits, for a namespace.)
# `kubectl describe node` calls the node overcommitted. Nothing happens as long as the agents use little.
#
# When memory is used up, the kernel kills the process with the highest score. The score is the
# process's share of the memory, shifted by `oom_score_adj`, which the kubelet sets: from -1000 (never)
# to 1000 (first). `best-effort` has no requests, `burstable` a request below its limit, `guaranteed` a
# request equal to its limit. `hog` uses more memory than its limit.

# %%
# %kubectl delete daemonset -l agents=small


# %%
@step("oom", needs="exec")
def oom():
    """Scores of three agents, and the end of a fourth, over its limit"""
    apply("../manifests/ports-and-resources/oom.yaml")
    score = {}
    for name in ("best-effort", "burstable", "guaranteed"):
        wait_rollout(name)
        score[name] = int(shell(f"daemonset/{name}", "cat /proc/1/oom_score_adj"))
    killed = "{.status.containerStatuses[0].lastState.terminated.reason}=OOMKilled"
    kubectl(f"wait pod -l app=hog --for=jsonpath={killed} --timeout=90s", timeout=100)
    return {"oom_score_adj": score, "hog": "OOMKilled"}


# %%
oom

# %% tags=["claim-C84"]
score = oom.result["oom_score_adj"]
assert score["best-effort"] == 1000 > score["burstable"] > score["guaranteed"]
assert oom.result["hog"] == "OOMKilled"
proved("the scores fall from best-effort to guaranteed, and hog was killed")

# %% [markdown]
# An agent without requests and limits comes first, whoever fills the node. Only the class
# `system-node-critical` changes that: its Pods get -997
# ([`GetContainerOOMScoreAdjust`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/qos/policy.go)).
# For `guaranteed` the kubelet asks for -997, too; where you see 0, the machine did not allow it. `hog`
# has this class and was killed all the same: against its own limit no class helps.

# %% [markdown]
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each.

# %%
from daemonset_course.lessons import symptom

symptom("host-port-is-taken")

# %%
symptom("refused-by-quota")

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
# Between the quotes goes the part of the DaemonSet `traces` that is to change, from `spec:` on. Write
# `%kubectl` lines for the others under it in the same cell, or use a terminal: `kubectl set resources`
# changes requests. `turn.hint()` gives one of three hints, `turn.solution()` a solution after you
# passed.

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
# - A port of a node is given to one Pod. A second Pod waits as Pending until the port is free.
# - The scheduler adds up requests and does not see an agent without any.
# - With limits alone an agent may request far more than it needs.
# - When memory runs out, an agent without requests and limits is killed first.
# - A Pod is not there: [Who may say no](../pictures.md#who-may-say-no), and where you read it.
