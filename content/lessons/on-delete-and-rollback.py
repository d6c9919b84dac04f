# %% [markdown]
# # OnDelete and rollback

# %%
from daemonset_course import add_node, apply, kubectl, predict, proved, record, reset, wait_rollout
from daemonset_course.lessons import pod_names, releases, try_evict, uids, wait_observed, wait_pod

fleet = reset(workers=3)
apply("../manifests/on-delete-and-rollback/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## The claim
#
# > With `OnDelete` the DaemonSet controller does not roll out updates by itself. You delete each
# > Pod by hand, and it is re-created from the updated template. This controls exactly when each node
# > is updated, which is common for critical infrastructure such as network plugins.
#
# ## A new template
#
# This agent has the strategy `OnDelete`. Give it a new version, `RELEASE=2`, and let the controller
# observe the change. The recording covers several cells.

# %%
# %kubectl get daemonset agent -o jsonpath={.spec.updateStrategy}
before = uids("agent")
upgrade = record("agent")
upgrade.start()
# %kubectl set env daemonset/agent RELEASE=2
wait_observed("agent")
# %kubectl get daemonset agent
# %kubectl get controllerrevisions -l app=agent

# %% tags=["claim-C68"]
from daemonset_course.lessons import revisions

assert uids("agent") == before
assert set(releases("agent").values()) == {"1"}
assert len(revisions("agent")) == 2
proved("the Pods are the same ones and run RELEASE 1, and there are two ControllerRevisions")

# %% [markdown]
# The controller stores the new template in a second *ControllerRevision*. It replaces no Pod: UP-TO-DATE
# is 0. `kubectl rollout status`, which scripts use, refuses to wait: it knows only `RollingUpdate`.

# %% tags=["claim-C68"]
from daemonset_course.lessons import try_kubectl

refusal = try_kubectl("rollout status daemonset/agent --timeout=5s")
assert "rollout status is only available for RollingUpdate strategy type" in refusal
proved("kubectl rollout status refuses to wait for OnDelete")

# %% [markdown]
# ## Node by node
#
# Now you decide. Delete the Pod of the third worker, and when the new one is ready, that of the first.

# %%
chosen = [fleet.workers[2], fleet.workers[0]]
for node in chosen:
    # %kubectl delete pod -l app=agent --field-selector spec.nodeName={node}
    pod = wait_pod("agent", node)
    # %kubectl wait --for=condition=Ready pod/{pod} --timeout=60s
# %kubectl get pods -l app=agent \
#     -o custom-columns=NODE:.spec.nodeName,RELEASE:.spec.containers[0].env[0].value

# %% tags=["claim-C69"]
assert {node for node, number in releases("agent").items() if number == "2"} == set(chosen)
assert len(uids("agent") & before) == 1
proved("the two nodes that you chose run RELEASE 2, and the third has its old Pod")

# %% [markdown]
# You stop here and watch the two new Pods, as one does with a canary. Meanwhile a fourth node joins, and
# the cluster autoscaler evicts the last old Pod. (A descheduler evicts DaemonSet Pods only if it is
# configured to.)

# %%
unattended = predict(
    "half-way",
    "Two of three nodes run RELEASE 2, and you delete no more Pods. A fourth node joins, and the last "
    "old Pod is evicted. On how many of the four nodes will RELEASE 2 run?",
    unit="nodes",
)
unattended

# %%
new_node = add_node()[0]
# %kubectl wait --for=jsonpath={.status.numberReady}=4 daemonset/agent --timeout=60s

# %%
last = fleet.workers[1]
[old] = pod_names("agent", node=last)
refusal = try_evict("agent", node=last)
# %kubectl wait --for=delete pod/{old} --timeout=60s
pod = wait_pod("agent", last)
# %kubectl wait --for=condition=Ready pod/{pod} --timeout=60s
upgrade.stop()
upgrade.plot(predicted={"UP-TO-DATE": unattended})

# %%
unattended.compare(list(releases("agent").values()).count("2"), within=0)

# %% tags=["claim-C69"]
assert not refusal
assert set(releases("agent").values()) == {"2"}
assert not uids("agent") & before
proved("the eviction was accepted, no old Pod is left, and all four nodes run RELEASE 2")

# %% tags=["claim-C70"]
order = upgrade.rollouts[-1].order
assert order == (*chosen, new_node, last)
assert upgrade.rollouts[-1].budget is None
proved("the order was: the two that you chose, the node that joined, the evicted Pod's node")

# %% [markdown]
# With `OnDelete` you control which Pods are deleted for the new template. You do not control what else
# ends a Pod or adds a node. Each new Pod is made from the newest template.
#
# ## Why
#
# A sync of a DaemonSet has two halves
# ([`updateDaemonSet` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
#
# 1. `manage` creates a Pod on every eligible node that has none, from the newest template.
# 2. `rollingUpdate` replaces old Pods. With `OnDelete` the controller skips this half.
#
# Is `OnDelete` common for network plugins? This **recording** made on kind has the strategies of the
# cluster's own agents. `kindnet` is its network plugin.

# %%
from daemonset_course import step


@step("strategies", needs="logs")
def strategies():
    """The update strategies of the cluster's own agents"""
    names = kubectl("-n kube-system get daemonsets -o name").split()
    path = "jsonpath={.spec.updateStrategy.type}"
    return {name: kubectl(f"-n kube-system get {name} -o", path) for name in names}


strategies

# %% tags=["claim-C70"]
found = strategies.result
assert found["daemonset.apps/kindnet"] == found["daemonset.apps/kube-proxy"] == "RollingUpdate"
proved("kindnet and kube-proxy use RollingUpdate")

# %% [markdown]
# These two use `RollingUpdate`. Some plugins need `OnDelete`: check your own.
#
# People restart agents with `kubectl rollout restart`.

# %%
restarted = predict(
    "restarted",
    "The strategy is OnDelete. How many of the four Pods will kubectl rollout restart replace?",
    unit="Pods",
)
restarted

# %%
before = uids("agent")
# %kubectl rollout restart daemonset/agent
wait_observed("agent")
restarted.compare(len(before - uids("agent")), within=0)

# %% tags=["claim-C68"]
assert uids("agent") == before
proved("the Pods are the same ones")

# %% [markdown]
# This is the mistake people make: kubectl prints "restarted", but it only writes a date into the template.
#
# ## The rest at once
#
# Delete one Pod by hand. When the new one works, switch to `RollingUpdate`: the controller replaces the
# Pods that still have an old template.

# %%
# %kubectl delete pod -l app=agent --field-selector spec.nodeName={last}
pod = wait_pod("agent", last)
# %kubectl wait --for=condition=Ready pod/{pod} --timeout=60s
before = uids("agent")
# %kubectl patch daemonset agent --patch '{"spec": {"updateStrategy": {"type": "RollingUpdate"}}}'
wait_rollout("agent")

# %% tags=["claim-C69"]
assert pod in pod_names("agent")
assert len(uids("agent") & before) == 1
proved("the Pod that was updated by hand stayed, and the other three were replaced")

# %% [markdown]
# ## History
#
# `sensor` is a DaemonSet with `RollingUpdate`. `kubectl rollout history` shows the annotation
# `kubernetes.io/change-cause` of each revision. Set it before you change the template: the controller
# copies it only when it creates the revision.

# %%
apply("../manifests/on-delete-and-rollback/sensor.yaml")
wait_rollout("sensor")
history = {"create": revisions("sensor")}
# %kubectl annotate daemonset/sensor kubernetes.io/change-cause=faster --overwrite
# %kubectl set env daemonset/sensor RELEASE=2
wait_rollout("sensor")
history["release 2"] = revisions("sensor")
# %kubectl annotate daemonset/sensor kubernetes.io/change-cause=prettier --overwrite
# %kubectl set env daemonset/sensor RELEASE=3
wait_rollout("sensor")
history["release 3"] = revisions("sensor")
# %kubectl rollout history daemonset/sensor

# %% [markdown]
# RELEASE 3 is bad. Undo it.

# %%
numbers = predict(
    "numbers",
    "The history has the revisions 1, 2 and 3. Which ones will it have after an undo?",
    choices=("1, 2", "1, 2, 3", "1, 3, 4", "1, 2, 3, 4"),
)
numbers

# %%
# %kubectl rollout undo daemonset/sensor
wait_rollout("sensor")
history["undo"] = revisions("sensor")
# %kubectl get controllerrevisions -l app=sensor --sort-by=.revision
numbers.compare(", ".join(str(item["revision"]) for item in history["undo"]))

# %%
assert [item["revision"] for item in history["undo"]] == [1, 3, 4]
assert set(releases("sensor").values()) == {"2"}
proved("RELEASE 2 runs again, and the history ends with a new number")

# %% [markdown]
# An undo is a rollout to the template with the second highest number. If a stored template equals the
# present one, byte for byte, its revision gets a new number
# ([`constructHistory` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go)).
#
# RELEASE 2 is bad, too. To go further back, name the revision. Change the budget before, to see what an
# undo restores.

# %%
# %kubectl patch daemonset sensor --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}}'
# %kubectl rollout undo daemonset/sensor --to-revision=1
wait_rollout("sensor")
history["undo to 1"] = revisions("sensor")

# %%
from daemonset_course import show
from daemonset_course.lessons import revision_history

show(revision_history(history, "RELEASE"))

# %%
# %kubectl get daemonset sensor -o jsonpath='{.spec.updateStrategy} {.spec.revisionHistoryLimit}'

# %%
fields = "{.spec.updateStrategy.rollingUpdate.maxUnavailable} {.spec.revisionHistoryLimit}"
assert kubectl("get daemonset sensor -o", f"jsonpath={fields}") == "50% 10"
assert set(releases("sensor").values()) == {"1"}
assert revision_history(history, "RELEASE").numbers() == [3, 4, 5]
proved("RELEASE 1 runs, its revision has the highest number, and the budget is the changed one")

# %% [markdown]
# A revision stores the template and nothing else: no strategy, no `minReadySeconds`, no ConfigMap that
# the template names (lesson [configuration]). The controller keeps as many old revisions as
# `revisionHistoryLimit` says, 10 by default.
#
# ## A canary with two DaemonSets
#
# `canary` has RELEASE 2 and runs on nodes with the label `canary=yes`. `stable` has RELEASE 1 and runs on
# all others.

# %%
kept = predict(
    "canary",
    "One worker has the label canary=yes. All Pods of canary and stable are deleted. "
    "On how many nodes will RELEASE 2 run when the Pods are back?",
    unit="nodes",
)
kept

# %%
# %kubectl label node {last} canary=yes
# %kubectl apply -f ../manifests/on-delete-and-rollback/canary.yaml
wait_rollout("stable")
# %kubectl delete pods -l 'app in (stable, canary)'
wait_rollout("canary")
wait_rollout("stable")
# %kubectl get daemonsets -o wide
kept.compare(len(releases("canary")), within=0)

# %%
assert releases("canary") == {last: "2"}
assert set(releases("stable").values()) == {"1"}
assert set(releases("stable")) == {*fleet.workers, new_node} - {last}
proved("the labelled node runs RELEASE 2, and all others run RELEASE 1")

# %% [markdown]
# One: each Pod is made from the template of *its* DaemonSet, so this canary lasts. More labels make it
# larger.
#
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each, and read what the output says about your
# choice.

# %%
from daemonset_course.lessons import symptom

symptom("waits-for-your-delete")

# %%
symptom("undo-of-an-undo")

# %% [markdown]
# ## Your turn
#
# `agent` runs RELEASE 1 on six workers. Try RELEASE 2 with this one DaemonSet:
#
# 1. First on one node of your choice, the canary.
# 2. When the new Pod of that node is ready, on two more nodes. Now half the fleet has RELEASE 2: stop.
# 3. RELEASE 2 is bad. Go back to RELEASE 1 on the three nodes that have RELEASE 2.
#
# On the other three nodes the Pods of the start run all the time.

# %%
from daemonset_course.lessons import exercise

turn = exercise("on-delete-and-rollback")
turn.start()

# %%
# %kubectl get daemonset agent -o jsonpath='{.spec.updateStrategy}'
# %kubectl get pods -l app=agent -o wide

# %% [markdown]
# The check judges what the cluster did since the start:
#
# - the controller replaced no Pod, and would replace none now: each deletion was yours;
# - one node had RELEASE 2 first, and its Pod was ready before you deleted the next one;
# - three nodes had ready Pods with RELEASE 2 at the same time, and never more than three;
# - in the end template and Pods have RELEASE 1, and the other three Pods are those of the start;
# - nothing but RELEASE was changed in the Pod spec;
# - it is the same DaemonSet, and the nodes are as they were.
#
# Type your commands in the cell below (each line begins with `%kubectl`) or in a terminal. To try again
# after you deleted a wrong Pod, run `turn.start()`. `turn.hint()` gives one of three hints,
# `turn.solution()` a solution after you passed.

# %%
# your commands: try RELEASE 2, stop, and go back

# %%
turn.check()

# %% [markdown]
# Each bar that ends in a row is a Pod that you deleted.

# %%
turn.recording.plot()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - `OnDelete`: the controller deletes no Pod for a new template. Each Pod that is created gets it.
# - Nothing reports that nodes wait for you: watch UP-TO-DATE.
# - A canary that lasts is a second DaemonSet, for nodes with a label of its own.
# - An undo is a rollout to an older template. Two undos bring the bad one back: name the revision.
# - An undo restores the template only. The controller keeps 10 old revisions by default.
