# %% [markdown]
# # OnDelete and rollback

# %%
from daemonset_course import add_node, apply, current, kubectl, label, predict, proved, record
from daemonset_course import reset, show, step, wait_rollout
from daemonset_course.lessons import container_patch, pod_names, try_evict, try_kubectl, uids

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > With `OnDelete` the DaemonSet controller does not roll out updates by itself. You delete each
# > Pod by hand, and it is re-created from the updated template. This controls exactly when each node
# > is updated, which is common for critical infrastructure such as network plugins.

# %%
from pathlib import Path

print(Path("../manifests/on-delete-and-rollback/agent.yaml").read_text())

# %%
apply("../manifests/on-delete-and-rollback/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## A new template, and then?
#
# A few small functions say what we do and ask most.


# %%
def change_template(command):
    """Run this kubectl command, and wait until the controller has seen the change."""
    print(kubectl(command))
    generation = kubectl("get daemonset agent -o jsonpath={.metadata.generation}")
    seen = f"jsonpath={{.status.observedGeneration}}={generation}"
    return kubectl(f"wait --for={seen} daemonset/agent --timeout=30s")


# %%
def releases(app="agent"):
    """For each node the RELEASE that its Pod runs."""
    line = "{.spec.nodeName} {.spec.containers[0].env[0].value}{'\\n'}"
    listed = kubectl(f"get pods -l app={app} -o", f"jsonpath={{range .items[*]}}{line}{{end}}")
    return dict(row.split() for row in listed.splitlines())


# %% [markdown]
# We put `RELEASE=2` into the template. (The recording goes over many cells, so we start and stop it
# ourselves.)

# %%
moved = predict(
    "rollback-moved",
    "The strategy is OnDelete, and the template gets RELEASE=2. "
    "How many of the three Pods will run RELEASE 2 when the controller has seen the change?",
    unit="Pods",
)
moved

# %%
COLUMNS = "custom-columns=DESIRED:.status.desiredNumberScheduled,READY:.status.numberReady"
COLUMNS += ",UP-TO-DATE:.status.updatedNumberScheduled"

# %%
before = uids("agent")
upgrade = record("agent")
upgrade.start()
change_template("set env daemonset/agent RELEASE=2")
moved.compare(list(releases().values()).count("2"), within=0)

# %%
print(kubectl(f"get daemonset agent -o {COLUMNS}"))
columns = "-o=custom-columns=OWNER:.metadata.ownerReferences[0].name,REVISION:.revision"
print(kubectl("get controllerrevisions -l app=agent --sort-by=.revision", columns))

# %% tags=["claim-C68"]
assert uids("agent") == before
assert set(releases().values()) == {"1"}
assert kubectl("get controllerrevisions -l app=agent -o name").count("controllerrevision") == 2
proved("the Pods are the same ones and run RELEASE 1, and there are two ControllerRevisions")

# %% [markdown]
# None. But the controller has taken note: there is a second *ControllerRevision*, the object in
# which a template is kept. UP-TO-DATE says 0, and everything else looks well. `kubectl rollout
# status`, which scripts wait for, does not wait here:

# %%
print(said := try_kubectl("rollout status daemonset/agent --timeout=5s"))

# %% tags=["claim-C68"]
assert "rollout status is only available for RollingUpdate strategy type" in said
proved("kubectl rollout status refuses to wait for OnDelete")

# %% [markdown]
# ## Node by node
#
# Now you decide. First the third worker, then the first.


# %%
def update(node):
    """Delete the Pod of this node; return when its successor is ready."""
    upgrade.mark(f"we delete the Pod of {node}")
    pod = f"pod -l app=agent --field-selector spec.nodeName={node}"
    kubectl(f"delete {pod}")
    kubectl(f"wait --for=create {pod} --timeout=30s")
    return kubectl(f"wait --for=condition=Ready {pod} --timeout=60s")


# %%
chosen = [fleet.workers[2], fleet.workers[0]]
for node in chosen:
    update(node)
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=2 daemonset/agent --timeout=30s")
kubectl("wait --for=jsonpath={.status.numberReady}=3 daemonset/agent --timeout=30s")
print(kubectl(f"get daemonset agent -o {COLUMNS}"))

# %% tags=["claim-C69"]
assert {node for node, number in releases().items() if number == "2"} == set(chosen)
assert len(uids("agent") & before) == 1
proved("the two nodes that you chose run RELEASE 2, and the third has its old Pod")

# %% [markdown]
# We stop here, half way, as one does with a canary: two nodes run the new version, and we watch.
# Meanwhile a fourth node joins.

# %%
joining = predict(
    "joining",
    "Two of three nodes run RELEASE 2, the third still runs RELEASE 1. A fourth node joins. "
    "Which RELEASE will the Pod of the fourth node run?",
    choices=("1", "2"),
)
joining

# %%
new_node = add_node()[0]
kubectl("wait --for=jsonpath={.status.numberReady}=4 daemonset/agent --timeout=60s")
joining.compare(releases()[new_node])

# %% [markdown]
# And the second worker, whose Pod you did not delete: some tool that makes room on nodes evicts it
# through the API. (A cluster autoscaler does that to DaemonSet Pods, a descheduler only if it is told
# to.) A new Pod takes its place.

# %%
evicted = predict(
    "rollback-evicted",
    "The last Pod with RELEASE 1 is evicted, and a new Pod is created on its node. "
    "Which RELEASE will the new Pod run?",
    choices=("1", "2"),
)
evicted

# %%
last = fleet.workers[1]
there = f"-l app=agent --field-selector spec.nodeName={last}"
[pod] = pod_names("agent", node=last)
upgrade.mark(f"the Pod of {last} is evicted")
refusal = try_evict("agent", node=last)

# %%
kubectl(f"wait --for=delete pod {pod} --timeout=60s")
kubectl(f"wait --for=create pod {there} --timeout=30s")
kubectl(f"wait --for=condition=Ready pod {there} --timeout=60s")
evicted.compare(releases()[last])

# %% tags=["claim-C69"]
assert not refusal
assert set(releases().values()) == {"2"}
assert not uids("agent") & before
proved("the eviction was accepted, no old Pod is left, and all four nodes run RELEASE 2")

# %%
upgrade.stop()
upgrade.plot()

# %% tags=["claim-C70"]
order = upgrade.rollouts[-1].order
assert order == (*chosen, new_node, last)
assert upgrade.rollouts[-1].budget is None
proved("the order was: the two that you chose, the node that joined, the evicted Pod's node")

# %% [markdown]
# The controller takes no Pod away for a new template: that much you control. You do not control what
# else ends a Pod or brings a node, and any Pod that is created, for whatever reason, is made from the
# newest template. "Half way" is not a state that keeps itself.
#
# ## Why
#
# A sync of a DaemonSet has two halves
# ([`updateDaemonSet` in `pkg/controller/daemon/daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
#
# 1. `manage` creates a Pod on every eligible node that has none, always from the newest template.
# 2. `rollingUpdate` looks for old Pods to replace. With `OnDelete` this half is skipped, and that is
#    all that the strategy does.
#
# There is no partition and no canary in a DaemonSet. `OnDelete` is one way to get one; two
# DaemonSets are another, and that one keeps itself: we come to it at the end. An add-on has a kind
# with a partition: OpenKruise's
# [Advanced DaemonSet](https://openkruise.io/docs/user-manuals/advanceddaemonset).
#
# Is `OnDelete` common for network plugins? Here is how the agents of a kind cluster are updated, its
# network plugin `kindnet` among them. (On the embedded cluster this is a recording.)


# %%
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
# Not for these. Some plugins do ask for it; look before you believe it of yours.
#
# ### The mistake people make
#
# "Restart the agents", with `kubectl rollout restart`.

# %%
restarted = predict(
    "restarted",
    "The strategy is OnDelete. How many of the four Pods will kubectl rollout restart replace?",
    unit="Pods",
)
restarted

# %%
before = uids("agent")
change_template("rollout restart daemonset/agent")
restarted.compare(len(before - uids("agent")), within=0)

# %% tags=["claim-C68"]
assert uids("agent") == before
proved("the Pods are the same ones")

# %% [markdown]
# None. It says "restarted", and all that it did was to write a date into the template. The same
# happens to an urgent fix, here `RELEASE=3`: READY equals DESIRED, and no node has it.

# %%
change_template("set env daemonset/agent RELEASE=3")
print(kubectl(f"get daemonset agent -o {COLUMNS}"))

# %%
assert set(releases().values()) == {"2"}
proved("all nodes still run RELEASE 2")

# %% [markdown]
# ## The rest at once
#
# When enough nodes have proved the new version, let the controller do the rest. We update one node
# by hand and then switch to `RollingUpdate`.

# %%
rest = predict(
    "rest",
    "Four nodes run RELEASE 2, and the template has RELEASE 3. You delete the Pod of one node. "
    "Then you change the strategy to RollingUpdate. How many Pods will the controller replace?",
    unit="Pods",
)
rest

# %%
import json

kubectl(f"delete pod {there}")
kubectl(f"wait --for=create pod {there} --timeout=30s")
kubectl(f"wait --for=condition=Ready pod {there} --timeout=60s")
by_hand = uids("agent") - before
with record("agent", live=True) as switch:
    strategy = {"spec": {"updateStrategy": {"type": "RollingUpdate"}}}
    kubectl("patch daemonset agent --patch", json.dumps(strategy))
    wait_rollout("agent")
switch.plot()

# %%
rest.compare(len(before - uids("agent")) - len(by_hand), within=0)

# %% tags=["claim-C69"]
assert by_hand <= uids("agent")
assert set(releases().values()) == {"3"}
proved("the Pod that was updated by hand stayed, and all nodes run RELEASE 3")

# %% [markdown]
# ## History
#
# Now `sensor`, a DaemonSet with `RollingUpdate`, to roll and to undo. Each release says why it was
# made, in an annotation that `kubectl rollout history` shows.

# %%
apply("../manifests/on-delete-and-rollback/sensor.yaml")
wait_rollout("sensor")


# %%
def change(number, cause):
    """Roll out a new RELEASE, with its cause."""
    spec = container_patch("sensor", env=[{"name": "RELEASE", "value": str(number)}])
    annotations = {"kubernetes.io/change-cause": cause}
    patch = {"metadata": {"annotations": annotations}, "spec": spec}
    kubectl("patch daemonset sensor --patch", json.dumps(patch))
    return wait_rollout("sensor")


# %%
def revisions():
    """The ControllerRevisions of the sensor, as the API server lists them."""
    listed = kubectl("get controllerrevisions -l app=sensor -o json")
    return json.loads(listed)["items"]


# %%
history = {"create": revisions()}
change(2, "quicker")
history["release 2"] = revisions()
change(3, "prettier")
history["release 3"] = revisions()
print(kubectl("rollout history daemonset/sensor"))

# %% [markdown]
# Three templates, three revisions: the newest and two to go back to. Release 3 turns out to be bad.
# We undo it with `kubectl rollout undo`.

# %%
numbers = predict(
    "numbers",
    "The history has the revisions 1, 2 and 3. "
    "Which revisions will it have after kubectl rollout undo?",
    choices=("1, 2", "1, 2, 3", "1, 3, 4", "1, 2, 3, 4"),
)
numbers

# %%
from daemonset_course.lessons import revision_history

kubectl("rollout undo daemonset/sensor")
wait_rollout("sensor")
history["undo"] = revisions()
numbers.compare(", ".join(map(str, revision_history(history, "RELEASE").numbers())))

# %%
assert revision_history(history, "RELEASE").numbers() == [1, 3, 4]
assert set(releases("sensor").values()) == {"2"}
proved("RELEASE 2 runs again, and the history ends with a new number")

# %% [markdown]
# Undo rolls *forward*, to a template that was used before. Its revision is not copied: the same
# object gets the next number, and 2 is gone.
#
# Release 2 is bad as well. We undo once more.

# %%
twice = predict(
    "twice",
    "The sensor ran RELEASE 1, then 2, then 3. After one kubectl rollout undo it runs RELEASE 2. "
    "Which RELEASE will it run after a second kubectl rollout undo?",
    choices=("1", "2", "3"),
)
twice

# %%
kubectl("rollout undo daemonset/sensor")
wait_rollout("sensor")
history["undo again"] = revisions()
(release,) = set(releases("sensor").values())
twice.compare(release)

# %%
assert release == "3"
proved("the second undo has undone the first")

# %% [markdown]
# Back at the bad one. `undo` goes to the next lower number, and that is where you came from. To go
# further, name the number.

# %%
kubectl("rollout undo daemonset/sensor --to-revision=1")
wait_rollout("sensor")
history["undo to 1"] = revisions()
show(revision_history(history, "RELEASE"))

# %%
assert set(releases("sensor").values()) == {"1"}
assert revision_history(history, "RELEASE").numbers() == [4, 5, 6]
proved("RELEASE 1 runs, and its revision has the highest number")

# %% [markdown]
# The controller's part is
# [`constructHistory` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go):
# if one of the stored templates is the present one, byte for byte, its number becomes the highest
# plus one; if none is, a new object is made.
#
# Two answers that you will meet:

# %%
print(already := kubectl("rollout undo daemonset/sensor --to-revision=6"))
print(said := try_kubectl("rollout undo daemonset/sensor --to-revision=99"))

# %%
assert "current template already matches revision 6" in already
assert "unable to find specified revision 99 in history" in said
proved("kubectl skips an undo to the present template, and refuses one to an unknown revision")

# %% [markdown]
# ### What undo does not bring back
#
# We change the budget together with the template, and undo.

# %%
budget = {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}
kubectl("patch daemonset sensor --patch", json.dumps({"spec": budget}))
change(4, "gentler")
kubectl("rollout undo daemonset/sensor")
wait_rollout("sensor")

# %%
spec = json.loads(kubectl("get daemonset sensor -o json"))["spec"]
print(spec["updateStrategy"], releases("sensor"))

# %%
assert spec["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == "50%"
assert set(releases("sensor").values()) == {"1"}
assert {key for item in revisions() for key in item["data"]["spec"]} == {"template"}
proved("the undo brought back RELEASE 1, and left the budget as it was")

# %% [markdown]
# A revision holds the template and nothing else: not the strategy, not `minReadySeconds`. Nor
# does it hold what the template merely names, such as a ConfigMap (lesson [whats-next]). And old
# revisions are kept up to a limit.

# %%
spec["revisionHistoryLimit"]

# %%
assert spec["revisionHistoryLimit"] == 10
proved("a DaemonSet that sets no limit has 10")

# %% [markdown]
# ## A canary that keeps itself
#
# "Half way" did not last with `OnDelete`. It does with two DaemonSets: `canary`, with RELEASE 2, for the
# nodes with the label `canary=yes`, and `stable`, with RELEASE 1, for all others. We label one worker,
# and then delete all Pods of both.

# %%
kept = predict(
    "canary",
    "The DaemonSet canary runs RELEASE 2 on nodes with the label canary=yes, and stable runs "
    "RELEASE 1 on the other nodes. One worker has the label. All Pods of both are deleted. "
    "On how many nodes will RELEASE 2 run when the Pods are back?",
    unit="nodes",
)
kept


# %%
def canary_nodes(operator):
    """The affinity to the nodes with the canary's label (In), or without it (NotIn)."""
    term = {"key": "canary", "operator": operator, "values": ["yes"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


# %%
import yaml


def part(name, release, operator):
    """The sensor as a DaemonSet for the nodes with the canary's label, or for those without."""
    text = Path("../manifests/on-delete-and-rollback/sensor.yaml").read_text()
    made = yaml.safe_load(text.replace("sensor", name))
    spec = made["spec"]["template"]["spec"]
    spec["containers"][0]["env"][0]["value"] = str(release)
    spec["affinity"] = canary_nodes(operator)
    return made


# %%
apply(part("stable", 1, "NotIn"))
apply(part("canary", 2, "In"))
labelled = fleet.workers[:1]
label(*labelled, canary="yes")
sizes = {"canary": len(labelled), "stable": len(current().workers()) - len(labelled)}
for name, size in sizes.items():
    counted = f"--for=jsonpath={{.status.desiredNumberScheduled}}={size}"
    kubectl(f"wait {counted} daemonset/{name} --timeout=60s")

# %%
kubectl("delete pods -l 'app in (stable, canary)'")
for name in sizes:
    wait_rollout(name)
canary, stable = releases("canary"), releases("stable")
kept.compare(list((canary | stable).values()).count("2"), within=0)

# %%
assert canary == {fleet.workers[0]: "2"}
assert set(stable.values()) == {"1"}
assert set(stable) == set(current().workers()) - set(canary)
proved("the labelled node runs RELEASE 2, and all others run RELEASE 1")

# %% [markdown]
# One, and so it stays, for each Pod is made from the template of *its* DaemonSet. More labels make the
# canary larger. At the end `stable` gets the new template, and the labels go.

# %%
label(fleet.workers[0], canary=None)
kubectl("delete daemonset stable canary --ignore-not-found")
None

# %% [markdown]
# ## Check yourself
#
# A symptom and two questions. A colleague shows you this. Choose the cause, and read what the output
# says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("waits-for-your-delete")

# %% [markdown]
# Commit an answer to each question before you run on.
#
# `change` sets template and cause in one request.

# %%
q2 = predict(
    "check-cause",
    'The last cause was "gentler". Somebody changes the template first, and sets the cause '
    'to "louder" afterwards. Which cause does the history show for the new revision?',
    choices=("gentler", "louder"),
)
q2

# %%
kubectl("set env daemonset/sensor RELEASE=5")
wait_rollout("sensor")
kubectl("annotate --overwrite daemonset/sensor kubernetes.io/change-cause=louder")
newest = max(revisions(), key=lambda item: item["revision"])
q2.compare(newest["metadata"]["annotations"]["kubernetes.io/change-cause"])

# %% [markdown]
# The controller copies the annotation when it makes the revision, and never again.

# %%
q3 = predict(
    "rollback-check-limit",
    "A DaemonSet has revisionHistoryLimit: 0. Does kubectl rollout undo still work?",
    choices=("yes", "no"),
)
q3

# %%
kubectl("patch daemonset sensor --patch", json.dumps({"spec": {"revisionHistoryLimit": 0}}))
change(6, "last")
print(undo := try_kubectl("rollout undo daemonset/sensor"))
q3.compare(not undo)

# %%
assert undo
proved("kubectl refused the undo")

# %%
reset(workers=3)
None

# %% [markdown]
# ## Your turn
#
# `agent` runs RELEASE 1 on six workers. RELEASE 2 is to be tried, with this one DaemonSet and without
# haste:
#
# 1. First try it on one node, the canary. You choose the node.
# 2. When the new Pod of that node is ready, go on to two more nodes. Half the fleet has RELEASE 2 now:
#    stop and look.
# 3. What you see is bad. Go back to RELEASE 1, and only on the nodes that have RELEASE 2.
#
# On the other three nodes the Pods of the start keep running all the time.

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
# - the controller replaced no Pod, there and back, and would replace none now: each deletion was yours;
# - one node had RELEASE 2 first, and its Pod was ready before you deleted the next one;
# - three nodes had ready Pods with RELEASE 2 at the same time, and never more than three;
# - in the end template and Pods have RELEASE 1, and the other three Pods are those of the start;
# - nothing but RELEASE was changed in the Pod spec;
# - it is the same DaemonSet, and the nodes are as they were.
#
# Type your commands in the cell below (each line begins with `%kubectl`) or in a terminal. Once a Pod
# is deleted there is no way back but `turn.start()`. `turn.hint()` gives one of three hints,
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
# - `OnDelete`: the controller takes no Pod away for a new template. Whatever is created anew gets it.
# - Nothing tells you that nodes wait for you: watch UP-TO-DATE.
# - A canary that lasts is a second DaemonSet, for nodes with a label of its own.
# - Undo rolls forward to an old template; undo twice brings the bad one back. Name the revision.
# - Undo restores the template only, and only as far as `revisionHistoryLimit` reaches (10).
