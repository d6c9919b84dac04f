# %% [markdown]
# # Watching rollouts

# %%
from daemonset_course import break_node, kubectl, predict, proved, record, recover_node, reset
from daemonset_course import show, taint, wait_rollout, wait_settled
from daemonset_course.lessons import alerts, fired_during, sample, try_kubectl

fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > Follow an update with `kubectl rollout status`. Alert when `desiredNumberScheduled` does not match
# > `numberReady` for an extended time.
#
# ## A healthy rollout

# %%
# %kubectl apply -f ../manifests/watching/agent.yaml
wait_rollout("agent")
with record("agent", live=True) as healthy:
    # %kubectl rollout restart daemonset/agent
    print(kubectl("rollout status daemonset/agent --timeout=60s"))
healthy.plot()

# %% [markdown]
# `kubectl rollout status` waits, and reports success at the end. Labels show which Pods are new:

# %%
# %kubectl get pods -L app,component,tier,controller-revision-hash

# %% tags=["claim-C91"]
from pathlib import Path

from daemonset_course.lessons import try_apply

given = "-o jsonpath={.items[*].metadata.labels.controller-revision-hash}"
newest = kubectl(f"get controllerrevisions -l app=agent --sort-by=.revision {given}").split()[-1]
for wanted in ("app=agent", "component=node-metrics", "tier=infrastructure"):
    assert kubectl(f"get pods -l {wanted} {given}").split() == 3 * [newest]
    assert "pod-template-generation" in kubectl(f"get pods -l {wanted} -o yaml")
renamed = Path("../manifests/watching/agent.yaml").read_text().replace("app: agent", "app: agent-2")
assert "field is immutable" in try_apply(renamed)
proved("each of your labels finds the three Pods, and each has the newest hash")

# %% [markdown]
# `app`, `component` and `tier` come from the template. The controller adds two labels of its own.
# `controller-revision-hash` is the hash of the template. The labels in the *selector* can never be
# changed, so choose few.
#
# ## Five faults
#
# `worker3` gets a taint that `agent` does not tolerate. Then five DaemonSets are released:
#
# | DaemonSet | fault |
# |---|---|
# | `gap` | does not tolerate the taint either |
# | `huge` | requests more CPU than a node has |
# | `sick` | its Pods are never ready |
# | `surge` | has maxSurge and a `hostPort`, and a new template |
# | `manual` | has the strategy `OnDelete`, and a new template |

# %%
with record("agent") as faulty:
    taint(fleet.workers[2], "dedicated=db:NoSchedule")
    # %kubectl delete daemonset -l scenario=fault --cascade=foreground
    # %kubectl apply -f ../manifests/watching/faults.yaml
    for name in ("gap", "surge", "manual"):
        wait_rollout(name)
    # %kubectl set env daemonset/surge daemonset/manual RELEASE=2
    # %kubectl wait --for=jsonpath={.status.observedGeneration}=2 ds/surge ds/manual --timeout=60s
    # %kubectl wait --for=jsonpath={.status.currentNumberScheduled}=3 ds/huge ds/sick --timeout=60s
    wait_settled("app=huge", pods=3)
    stuck = wait_settled("app=surge", pods=4)

# %%
succeeds = predict(
    "status-succeeds",
    "Five DaemonSets have the faults of the table. For which of them does kubectl rollout status "
    "report success?",
    nodes=("gap", "huge", "sick", "surge", "manual"),
)
succeeds

# %%
said = {}
for name in ("gap", "huge", "sick", "surge", "manual"):
    said[name] = try_kubectl(f"rollout status daemonset/{name} --timeout=1s")
    print(f"{name}: {said[name] or 'success'}")
succeeds.compare([name for name in said if not said[name]])

# %% tags=["claim-C94"]
assert [name for name in said if not said[name]] == ["gap"]
assert "timed out waiting for the condition" in said["surge"]
assert "only available for RollingUpdate strategy type" in said["manual"]
assert "pausing is not supported" in try_kubectl("rollout pause daemonset/surge")
proved("status succeeds for gap alone, refuses manual, and times out; a rollout cannot be paused")

# %% tags=["claim-C96"]
assert len(stuck.ready) == 3
assert all("didn't have free ports for the requested pod ports" in m for _, m in stuck.refused)
proved("with maxSurge and a hostPort, three old Pods are ready, and the new one finds no free port")

# %%
# %kubectl get daemonset

# %% [markdown]
# Success means: each node that counts as DESIRED has an available Pod of the newest template. `gap` has
# that, on two of three workers. The command refuses `OnDelete`. For a rollout that stands still it waits
# without an end, since a DaemonSet has no progress deadline. So give it a `--timeout`, and undo.

# %%
if try_kubectl("rollout status daemonset/surge --timeout=1s"):
    kubectl("rollout undo daemonset/surge")
# undone = %kubectl rollout status daemonset/surge --timeout=60s
undone

# %% tags=["claim-C94"]
assert "successfully rolled out" in undone
assert kubectl("get daemonset surge -o jsonpath={.status.conditions}") == ""
proved("after the undo rollout status succeeds, and the healthy DaemonSet has no conditions")

# %% [markdown]
# `kubectl wait --for=condition=Available` never succeeds: the controller writes no conditions
# ([`updateDaemonSetStatus`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).
#
# ## Nodes that fail
#
# Two more faults. The kubelet of one node reports that it is not ready; later it is silent. The cell also
# annotates the DaemonSet: then the controller looks at it and writes its status.

# %%
broken = fleet.workers[0]
reset(workers=3)
# %kubectl apply -f ../manifests/watching/agent.yaml
wait_rollout("agent")
with record("agent", live=True) as ill:
    break_node(broken, "not ready")
recover_node(broken)
with record("agent", live=True) as dead:
    break_node(broken)
    # %kubectl annotate daemonset agent look=again --overwrite
    # %kubectl wait --for=jsonpath={.status.desiredNumberScheduled}=2 ds/agent --timeout=60s
recover_node(broken)

# %% [markdown]
# ## Alerts
#
# An alert rule compares numbers that monitoring reads. kube-state-metrics, the usual exporter, gives each
# number a metric. `nodes` counts the workers.

# %%
rules = [
    "ready < desired",  # kube_daemonset_status_number_ready, ..._desired_number_scheduled
    "misscheduled > 0",  # kube_daemonset_status_number_misscheduled
    "updated < desired",  # kube_daemonset_status_updated_number_scheduled
    "desired < nodes",  # count(kube_node_info), less the nodes that you leave out on purpose
    "nodes_ready < nodes",  # kube_node_status_condition{condition="Ready", status="true"}
]

# %%
faults = {
    "a taint not tolerated": sample(faulty.history, "gap"),
    "no room for the Pod": sample(faulty.history, "huge"),
    "never ready": sample(faulty.history, "sick"),
    "surge and hostPort": sample(faulty.history, "surge"),
    "OnDelete left alone": sample(faulty.history, "manual"),
    "tainted while it runs": sample(faulty.history, "agent"),
    "kubelet not ready": sample(ill.history, "agent"),
    "kubelet silent": sample(dead.history, "agent"),
}

# %%
first = predict(
    "practices-first",
    "The cell above has eight faults. On how many of them does the rule ready < desired fire?",
    unit="faults",
)
first

# %%
found = alerts(faults, rules)
show(found, title=f"{found.headline}. {first.said}")

# %%
first.compare(len(found.seen_by("ready < desired")), within=0)

# %% tags=["claim-C95"]
assert set(found.seen_by("ready < desired")) == {"no room for the Pod", "never ready"}
assert {"a taint not tolerated", "kubelet silent"} <= set(found.seen_by("desired < nodes"))
behind = {"surge and hostPort", "OnDelete left alone"}
assert behind <= set(found.seen_by("updated < desired"))
assert "kubelet silent" in found.seen_by("misscheduled > 0")
assert "kubelet not ready" in found.seen_by("nodes_ready < nodes")
assert faults["no room for the Pod"].current == 3, "CURRENT counts Pods that have no room"
proved("the first rule fires on two faults; the other rules fire on five more")

# %% [markdown]
# The mistake people make is to alert on the first rule alone. READY and DESIRED shrink together: DESIRED
# counts the nodes that should have a Pod by the DaemonSet's own rule, and a tainted or silent node is
# not among them. Compare DESIRED with a number that the DaemonSet does not decide: how many nodes *should*
# have the agent.
#
# No rule has noticed the node that was tainted while `agent` ran. The controller writes the status only when
# it looks at the DaemonSet again, and a new `NoSchedule` taint alone does not make it look.
#
# ### Is it quiet when all is well?

# %%
quiet = predict(
    "rules-when-healthy",
    "The first rollout of this lesson was healthy. Which of the five rules fired during it?",
    nodes=("ready < desired", "misscheduled > 0", "updated < desired", "desired < nodes",
           "nodes_ready < nodes"),
)  # fmt: skip
quiet

# %%
quiet.compare([*fired_during(healthy.history, "agent", rules)])

# %%
assert set(fired_during(healthy.history, "agent", rules)) == {
    "ready < desired",
    "updated < desired",
}
assert alerts({"after": sample(healthy.history, "agent")}, rules).unseen == ("after",)
proved("two rules fire during a healthy rollout, and none after it")

# %% [markdown]
# "For an extended time" is part of the rule: in Prometheus each rule gets `for: 15m`. With
# `maxSurge: 1` and `maxUnavailable: 0` the first rule has no reason to fire:

# %%
# %kubectl patch daemonset agent \
#     -p '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}}'
with record("agent", live=True) as surge:
    # %kubectl rollout restart daemonset/agent
    wait_rollout("agent")
print(fired_during(surge.history, "agent", rules))

# %% tags=["claim-C96"]
assert surge.timeline.unavailable.max() == 0
assert min(surge.rollouts[-1].overlap.values()) > 0
assert "ready < desired" not in fired_during(surge.history, "agent", rules)
proved("without a port, on each node the new Pod was available before the old one left")

# %% [markdown]
# ### Ready-made alerts
#
# These are the three of the
# [kubernetes-mixin](https://github.com/kubernetes-monitoring/kubernetes-mixin/blob/master/alerts/apps_alerts.libsonnet).
# They wait 10 or 15 minutes. The first one also requires that UP-TO-DATE has not changed for 5 minutes.

# %%
mixin = {
    "RolloutStuck": "misscheduled > 0 or current != desired"
    " or updated != desired or available != desired",
    "MisScheduled": "misscheduled > 0",
    "NotScheduled": "desired > current",
}
ready_made = alerts(faults, mixin)
show(ready_made)

# %% tags=["claim-C95"]
halted = behind | {"no room for the Pod", "never ready", "kubelet silent"}
assert halted <= set(ready_made.seen_by("RolloutStuck"))
assert "kubelet silent" in ready_made.seen_by("MisScheduled")
assert "a taint not tolerated" in ready_made.unseen
assert not ready_made.seen_by("NotScheduled")
proved("RolloutStuck fires on what has halted; no alert fires on the node that gap leaves out")

# %% [markdown]
# None of the three sees the node that `gap` leaves out: they compare the numbers of the DaemonSet with
# one another.
#
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("success-of-the-old-release")

# %% [markdown]
# Commit an answer, then run the cell below it.

# %%
tape = predict(
    "check-tape",
    "The agent gets a node selector that no node matches. Does the rule ready < desired fire?",
    choices=("yes", "no"),
)
tape

# %%
with record("agent", live=True) as parked:
    # %kubectl patch daemonset agent \
    #     -p '{"spec": {"template": {"spec": {"nodeSelector": {"disk": "tape"}}}}}'
    wait_rollout("agent")
found = alerts({"parked": sample(parked.history, "agent")}, ["ready < desired"])
tape.compare("yes" if found.seen_by("ready < desired") else "no")

# %% [markdown]
# ## Your turn
#
# Five agents were released this morning, and RELEASE 2 should run on every worker. `storage` is only for
# the two workers with the label `volumes=local`. A colleague typed `kubectl rollout status` for each of them, and saw
# no rollout that waits.
#
# The update strategies are intended. But some of the five do not run as they should. Find them, and repair exactly those, in place. Change
# nothing of an agent that is right: no new template, no restart. No agent runs on the control plane, and
# the nodes stay as they are.

# %%
from daemonset_course.lessons import exercise

turn = exercise("watching")
turn.start()

# %%
# %kubectl get daemonset

# %% [markdown]
# Write lines that begin with `%kubectl` in the cell below, or use a terminal. `turn.hint()` gives one of
# three hints, `turn.solution()` a solution after you passed. For a new try, start again.

# %%
# one change for each agent that needs one

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
# - `kubectl rollout status` judges the nodes that count as DESIRED, and the template that is there.
# - Give it a `--timeout`. A DaemonSet has no progress deadline and no conditions.
# - Alert on DESIRED against the nodes that should have the agent, on UP-TO-DATE that stands still, on
#   misscheduled Pods, and on the nodes themselves.
# - During a healthy rollout some rules fire: let each wait.
# - A Pod is not there: [Who may say no](../pictures.md#who-may-say-no), and where you read it.
