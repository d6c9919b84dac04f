# %% [markdown]
# # Which of four said no?

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, reset
from daemonset_course import step, taint, wait_rollout, why
from daemonset_course.lessons import daemonset_status, pod_names, scheduler_messages, wait_event

# %%
fleet = reset(workers=6)
one, two, three = fleet.workers[:3]
fleet

# %% [markdown]
# ## The claim
#
# > If a Pod of a DaemonSet is not there, its events say why.
#
# Four components can say no: the DaemonSet controller, the API server, the scheduler, the kubelet. Each
# leaves its words in another place, and some leave none.
#
# ## Four Pods that are not there
#
# `audit`, `backup`, `cache` and `dns` are to run on all six workers. Something is wrong with each of them.

# %%
taint(two, "dedicated=batch:NoSchedule")
apply("../manifests/which-of-four-said-no/four.yaml")
agents = ("audit", "backup", "cache", "dns")
for reason in ("FailedCreate", "FailedScheduling", "Failed"):
    kubectl(f"wait --for=create event --field-selector reason={reason} --timeout=60s")
wait_rollout("audit")
# %kubectl get daemonsets

# %%
refused = predict(
    "refused-of-four",
    "Four DaemonSets are to run on six workers, and the columns are those above. "
    "The API server refuses the Pods of one of them. Of which one?",
    choices=("audit", "backup", "cache", "dns"),
)
refused

# %%
# %kubectl get events --field-selector reason=FailedCreate
found = kubectl(
    "get events --field-selector reason=FailedCreate -o", "jsonpath={.items[*].involvedObject.name}"
)
[about] = set(found.split())
refused.compare(about)

# %%
status = {name: daemonset_status(name) for name in agents}
assert about == "backup"
assert {name: one.current for name, one in status.items()} == {
    "audit": 5,
    "backup": 0,
    "cache": 6,
    "dns": 6,
}
proved("CURRENT is less than DESIRED for backup alone, and the event is about this DaemonSet")

# %% [markdown]
# CURRENT counts the nodes that have a Pod, also a Pod that does not run. Where CURRENT stays below
# DESIRED, the controller wants a Pod and cannot create it. Mostly the API server has refused it.
#
# ### Who writes the refusal down?
#
# Each event names the component that wrote it: `kubectl describe` has it in the column From.

# %%
writer = predict(
    "writer-of-refusal",
    "The API server refused to create a Pod. An event with the reason FailedCreate says so. "
    "Which component wrote this event?",
    choices=("API server", "DaemonSet controller", "scheduler"),
)
writer

# %%
wrote = "jsonpath={.items[0].reportingComponent}"
component = kubectl("get events --field-selector reason=FailedCreate -o", wrote)
# %kubectl describe daemonset backup
writer.compare("DaemonSet controller" if component == "daemonset-controller" else "API server")

# %%
assert component == "daemonset-controller"
assert pod_names("backup") == []
proved("the event is from daemonset-controller, and there is no Pod that could have an event")

# %% [markdown]
# The API server writes no event about a request that it refuses. It answered the controller, and the
# controller wrote the answer down, about the object that it works on: the DaemonSet. There is no Pod, so
# `kubectl describe pod` finds nothing. The event's words name what refused: a priority class, a quota,
# Pod Security, a webhook. CURRENT is 0 if no Pod of the template is admitted, and more if a quota is used
# up (lesson [ports-and-resources]).
#
# ### Two that wait
#
# `cache` and `dns` have six Pods each, and none is ready.

# %%
pending = predict(
    "phase-of-two",
    "cache requests more CPU than any node has. The image of dns cannot be pulled. "
    "Of which of the two do the Pods have the phase Pending?",
    choices=("cache", "dns", "both"),
)
pending

# %%
kubectl("wait --for=condition=PodScheduled=False pod -l app=cache --timeout=60s")
kubectl("wait --for=condition=PodScheduled=True pod -l app=dns --timeout=60s")
columns = "POD:.metadata.name,PHASE:.status.phase,NODE:.spec.nodeName"
# %kubectl get pods -l 'app in (cache, dns)' -o custom-columns={columns}
# %kubectl get pods -l 'app in (cache, dns)'

# %%
phase = "jsonpath={.items[*].status.phase}"
phases = {app: set(kubectl(f"get pods -l app={app} -o", phase).split()) for app in ("cache", "dns")}
waiting = [app for app, names in phases.items() if names == {"Pending"}]
pending.compare("both" if len(waiting) == 2 else "".join(waiting))

# %%
assert phases == {"cache": {"Pending"}, "dns": {"Pending"}}
assert all("Insufficient cpu" in line for line in scheduler_messages("cache"))
assert scheduler_messages("dns") == []
proved("all have the phase Pending; the scheduler has a message for cache, and none for dns")

# %% [markdown]
# A Pod is Pending until all of its containers have started
# ([Pod phase](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase)). The column
# NODE decides: without a node the scheduler said no, with a node the kubelet has the word. STATUS is no
# phase: kubectl shows the reason of a waiting container there.

# %%
unbound, bound = pod_names("cache")[0], pod_names("dns")[0]
# %kubectl events --for pod/{unbound}
# %kubectl events --for pod/{bound}

# %% [markdown]
# Both events are about the Pod: `FailedScheduling` from the scheduler, `Failed` from the kubelet. (On the
# embedded cluster kwok plays the kubelets, and its events are from `kwok_controller`.)
#
# ### One that looks well
#
# `audit` is ready on every node that DESIRED counts, and no event is about it. Six workers are more than
# five, so the controller said no, and that is what `why` explains: the controller's decision.

# %%
why("audit")

# %%
why(two, "backup")

# %%
silent = kubectl("get events --field-selector type=Warning,involvedObject.name=audit -o name")
assert silent == ""
assert why("audit").runs_on == tuple(name for name in fleet.workers if name != two)
assert why(two, "backup").run
assert "no PriorityClass with name important was found" in why("backup").refused
proved("no warning is about audit; for backup, why adds what the API server refused")

# %% [markdown]
# **The rule** is drawn once: [Who may say no](../pictures.md#who-may-say-no).
#
# | said no | about which object | written by | the command |
# |---|---|---|---|
# | DaemonSet controller | nothing is written | nobody | `kubectl describe node`: compare its taints with the tolerations; here, `why` |
# | API server | the DaemonSet | daemonset-controller | `kubectl describe daemonset` |
# | scheduler | the Pod | default-scheduler | `kubectl describe pod` |
# | kubelet | the Pod | kubelet | `kubectl describe pod`, `kubectl logs` |
#
# ## When nobody said no
#
# All four said yes to `exporter` on one worker. Its container printed a reason, ended, and was
# started again. Where no container runs, the **recording** made on kind is shown.

# %%
last_line = predict(
    "line-before-restart",
    "A container printed why it cannot go on, and ended. The kubelet has started it again, and it "
    "runs. Which command shows the line?",
    choices=("kubectl describe pod", "kubectl logs", "kubectl logs --previous"),
)
last_line


# %%
@step("previous-logs", needs="logs")
def previous():
    """A container that was started again, by three commands"""
    label(one, exporter="yes")
    kubectl("replace --force --cascade=foreground -f ../manifests/which-of-four-said-no/port.yaml")
    wait_rollout("exporter")
    kubectl("wait pod -l app=exporter --for=jsonpath={..restartCount}=1 --timeout=60s")
    state = kubectl("describe pod -l app=exporter").partition("Last State:")[2].split()[:6]
    seen = {"kubectl describe pod": " ".join(["Last State:", *state])}
    logs = ("logs", "logs --previous")
    return seen | {f"kubectl {words}": kubectl(f"{words} daemonset/exporter") for words in logs}


# %%
previous

# %%
[shows] = [command for command, text in previous.result.items() if "in use" in text]
last_line.compare(shows, source=previous.source)

# %%
assert "Reason: Error Exit Code: 1" in previous.result["kubectl describe pod"]
assert "in use" not in previous.result["kubectl logs"]
proved("describe has the exit code, and only the log of the container before has the reason")

# %% [markdown]
# `kubectl logs` shows the container that runs now. With
# [`terminationMessagePolicy: FallbackToLogsOnError`](https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/),
# `kubectl describe pod` shows the last lines, too.
#
# ### What only the node knows
#
# `in use`: another process has port 10250. The scheduler found it free: it counts the ports of Pods
# (lesson [ports-and-resources]). So the node is the suspect. `kubectl debug node/NAME` starts a Pod there,
# with the node's processes and network, and its files under `/host`; `--profile` says what else it
# may. The command is the node's own: `chroot /host ss -Hltnp sport = 10250`.


# %%
@step("node-debug", needs=("exec", "hostpath", "logs"))
def on_the_node():
    """Who listens at port 10250 of the node, in two profiles of kubectl debug"""
    seen, made = {}, "-l app.kubernetes.io/managed-by=kubectl-debug"
    for profile in ("general", "sysadmin"):
        debug = f"debug node/{one} --image=busybox:1.36 --profile={profile}"
        kubectl(f"{debug} -- chroot /host ss -Hltnp sport = 10250")
        kubectl(f"wait pod {made} --timeout=60s", "--for=jsonpath={.status.phase}=Succeeded")
        seen[profile] = " ".join(kubectl(f"logs {made} --tail=-1").split())
        kubectl(f"delete pod {made}")
    return seen


# %%
on_the_node

# %%
assert all("LISTEN" in line for line in on_the_node.result.values())
assert [p for p, line in on_the_node.result.items() if "kubelet" in line] == ["sysadmin"]
proved("the kubelet listens at port 10250, and only the privileged Pod may see that")

# %% [markdown]
# In a terminal: `kubectl debug node/NAME -it --image=busybox:1.36 --profile=sysadmin`, then
# `chroot /host` for the node's own programs, such as `journalctl -u kubelet`
# ([Debugging Kubernetes Nodes](https://kubernetes.io/docs/tasks/debug/debug-cluster/kubectl-node-debug/)).
# `general`, the default, is not privileged. The Pod has its node from the start and tolerates every taint, so it
# needs no scheduler, but a kubelet that starts Pods. It stays: delete it.
#
# ## A Pod that was there
#
# `agent` runs on all six workers. Three lose their Pod, each in another way: one node loses the
# label, one gets a taint with the effect `NoExecute`, and one Pod is evicted through the API, as a
# drain does.

# %%
kubectl("delete daemonsets audit backup cache dns exporter --ignore-not-found")
taint(two, "dedicated-")
for node in fleet.workers:
    label(node, agent="yes")
apply("../manifests/which-of-four-said-no/agent.yaml")
wait_rollout("agent")

# %%
unsigned = predict(
    "removed-without-event",
    "Three Pods are removed: a node loses its label, a node gets a taint NoExecute, a Pod is evicted "
    "through the API. Of which Pod does no event say that it was removed?",
    choices=("label", "taint", "eviction"),
)
unsigned

# %%
from daemonset_course.lessons import try_evict

names = {node: pod_names("agent", node=node)[0] for node in (one, two, three)}
with record("agent", live=True) as removals:
    label(one, agent=None)
    taint(two, "off=yes:NoExecute")
    try_evict("agent", node=three)
    for name in names.values():
        kubectl(f"wait --for=delete pod/{name} --timeout=60s")
removals.plot()

# %%
wait_event("agent", "SuccessfulDelete")
wait_event(names[two], "TaintManagerEviction")
events = "-o custom-columns=REASON:.reason,FROM:.reportingComponent,MESSAGE:.message"
# %kubectl get events {events} --field-selector reason=SuccessfulDelete
# %kubectl get events {events} --field-selector reason=TaintManagerEviction
every = kubectl(f"get events --no-headers {events}").splitlines()
ended = [line for line in every if line.startswith(("SuccessfulDelete", "TaintManagerEviction"))]
ways = {"label": names[one], "taint": names[two], "eviction": names[three]}
unsigned.compare("".join(way for way in ways if ways[way] not in str(ended)))

# %%
signed = {way: {line.split()[1] for line in ended if name in line} for way, name in ways.items()}
assert signed["label"] == {"daemonset-controller"}
assert "taint-eviction-controller" in signed["taint"]
assert signed["eviction"] == set()
proved("the controller signed the first removal, the taint eviction controller the second")

# %% [markdown]
# The API server evicts, and it writes no event about it; only the new Pod's `SuccessfulCreate` tells that
# something happened. A kubelet that runs short of memory or disk evicts, too: its event is `Evicted`, about
# the Pod, from `kubelet` (lesson [priority-and-eviction]). Under a `NoExecute` taint the DaemonSet
# controller deletes the Pod as well, so both may sign.
# [The picture](../pictures.md#who-may-say-no) has a table of who removes Pods, and where you read it.
#
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each.

# %%
from daemonset_course.lessons import symptom

symptom("claim-not-found")

# %%
symptom("refused-by-a-limit-range")

# %% [markdown]
# ## Your turn
#
# `audit`, `backup`, `cache` and `dns` ran on every worker until this morning. Four teams changed something
# since. Now none of the four agents has a ready Pod on `worker2`. For each
# agent say who says no, and who wrote the message that told you. Then get all four to run again on every
# worker, by a change of the agents alone.

# %%
from daemonset_course.lessons import exercise

turn = exercise("which-of-four-said-no")
turn.start()

# %%
# %kubectl get daemonsets
# %kubectl get pods -o wide

# %% [markdown]
# `audit` is `controller`, `api-server`, `scheduler` or
# `kubelet`; `audit-from` is the component that wrote the event, as the column From of `kubectl describe`
# names it, or `none`:
#
# `%kubectl create configmap answer --from-literal=audit=… --from-literal=audit-from=…`, and so on.
#
# Then repair the four DaemonSets in place, in the cell below or in a terminal:
#
# - `cache` needs 100m of CPU, and `shop` on `worker2` stays as it is;
# - `dns` runs `busybox:1.36`, and no agent needs a priority;
# - the nodes stay as they are.
#
# The check judges the eight answers, and that every worker has a ready Pod of all four agents.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
# the ConfigMap answer, and one change for each of the four

# %%
turn.check()

# %% [markdown]
# Back to the beginning.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - No Pod? Ask four, in this order: is the node eligible, is there a Pod, has it a node, is it ready.
# - The API server and the controller's "not here" leave no event of their own. A refusal is written by
#   the controller, about the DaemonSet.
# - Pending says nothing about who: look for the node.
# - A container was started again: `kubectl logs --previous`. The node is the suspect:
#   `kubectl debug node`.
# - Whoever removed a Pod signs with a reason and a component; an eviction through the API does not.
