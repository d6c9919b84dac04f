# %% [markdown]
# # Stuck rollouts

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, record, reset, taint, wait_rollout
from daemonset_course.lessons import daemonset_status, release, set_budget, try_rollout

fleet = reset(workers=12)
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## The claim
#
# > A rollout deletes an available old Pod only while fewer than `maxUnavailable` nodes are without an
# > available Pod. Whatever keeps a node without an available Pod, the rollout waits for that node.
#
# A rollout has no deadline: it stands still until somebody finds the cause. In this lesson a release
# is bad, a node dies, and a taint is in the way.
#
# First we measure one restart: how long a node is without an agent while its Pod is replaced. Later we
# look at a rollout for the time of two restarts. If nothing has moved by then, the rollout is stuck.


# %%
def pods_on(node):
    """The kubectl options that choose the agent's Pod on this node."""
    return f"-l app=agent --field-selector spec.nodeName={node}"


with record("agent") as one:
    kubectl(f"delete pod {pods_on(fleet.workers[0])}")
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.1f} s")

# %% [markdown]
# ## One bad release after the other
#
# The agent gets an image that cannot be pulled, with `maxUnavailable: 10%`. Two nodes lose their
# agent, and the rollout stops there (lesson [rolling-update]).

# %%
set_budget("10%")
kubectl("set image daemonset/agent agent=registry.invalid/agent:2")
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=2 daemonset/agent --timeout=60s")

# %% [markdown]
# Somebody tries to repair it in haste, with two more images. Both are as bad as the first.

# %%
haste = predict(
    "haste",
    "The rollout of a bad image has stopped at its budget. The agent then gets two more images, one "
    "after the other, and neither can be pulled. How many of the 12 nodes keep a ready agent "
    "through all of it?",
    unit="nodes",
)
haste

# %%
unfinished = []
with record("agent", live=True, predicted={"READY": haste}) as hasty:
    for number in (3, 4):
        kubectl(f"set image daemonset/agent agent=registry.invalid/agent:{number}")
        unfinished.append(try_rollout("agent", timeout=2 * restart))
most = hasty.timeline.unavailable.max()
hasty.plot(title=f"Two more bad images: at most {most} nodes without an agent")

# %%
haste.compare(12 - most, within=0)

# %%
assert all(unfinished), "no node can pull it"
assert [rollout.updated for rollout in hasty.rollouts] == [0, 0]
assert most == 2
proved("neither image got an available Pod, and never more than 2 nodes were without one")

# %% [markdown]
# Ten nodes keep a ready agent. The controller replaced only the Pods that were down anyway: rule 2 in
# the section "Why" of lesson [rolling-update], from which this lesson takes its rules 1 and 2. This
# was not always so. Kubernetes 1.21 introduced a bug, fixed in 1.31 and in late
# patches of 1.28 to 1.30: each bad release in turn could take further nodes
# ([issue 123232](https://github.com/kubernetes/kubernetes/issues/123232)).
#
# `kubectl rollout undo` goes back to the template before, which is a bad one here. So we name the
# first revision, which worked.

# %%
kubectl("rollout undo daemonset/agent --to-revision=1")
set_budget(1)
wait_rollout("agent")

# %% [markdown]
# ## Does it matter what is wrong?
#
# The agent gets three faults, one after the other, with a budget of 1. Each is one call:
# `missing_image` sets an image that cannot be pulled, `crash` a process that ends at once, and
# `never_ready` a readiness probe that never succeeds.

# %%
least = predict(
    "least",
    "With maxUnavailable: 1 on 12 nodes, the agent gets three faulty versions, each undone before "
    "the next: an image that cannot be pulled, a process that ends at once, a readiness probe that "
    "never succeeds. How many nodes keep a ready agent in the worst of the three cases?",
    unit="nodes",
)
least

# %%
left = {}


def outcome():
    """Nodes with a new Pod and nodes with a ready one, once the fault had its time; then undo."""
    kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=1 daemonset/agent --timeout=60s")
    try_rollout("agent", timeout=2 * restart)
    status = daemonset_status("agent")
    kubectl("rollout undo daemonset/agent")
    wait_rollout("agent")
    return [status.updated, status.ready]


# %%
from daemonset_course.lessons import crash, missing_image, never_ready

faults = {"missing image": missing_image, "crash": crash, "never ready": never_ready}
for what, make_faulty in faults.items():
    make_faulty("agent")
    left[what] = outcome()

# %%
print(left)
least.compare(min(kept for begun, kept in left.values()), within=0)

# %%
assert set(map(tuple, left.values())) == {(1, 11)}
proved("with each fault one node has a new Pod, and 11 nodes have a ready one")

# %% [markdown]
# It does not matter: the controller counts Pods that are not available, whatever the reason. (`crash`
# also sets a readiness probe. Without a probe, a kubelet may report such a Pod as ready for the instant
# between its start and its end, and the rollout goes on to the next node. `minReadySeconds` guards
# against that too: lesson [restart-length].)

# %% [markdown]
# ## A dead node
#
# One machine dies: its kubelet reports nothing any more. After a grace period (50 s by default; this
# cluster may wait less, to save your time) the node controller sets Ready to Unknown, and the node gets
# the taint `node.kubernetes.io/unreachable`.
#
# Before the machine dies we start a second DaemonSet, `eager`. It differs from the agent in its name
# and in one toleration, of that taint. We need it at the end of this section.

# %%
set_budget(1)
eager = Path("../manifests/rolling-update/agent.yaml").read_text().replace("agent", "eager")
stays = "tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists}]"
apply(eager.replace("spec:\n      containers:", f"spec:\n      {stays}\n      containers:"))
wait_rollout("eager")

# %%
living = predict(
    "dead-node",
    "One of the 12 nodes dies, and the node controller marks it unreachable. Then the agent gets a "
    "new version, with maxUnavailable: 1. How many of the 11 living nodes will be updated?",
    unit="nodes",
)
living

# %%
from daemonset_course import break_node, current

dead = fleet.workers[4]
print(f"grace period of this cluster: {current().settings.node_grace_seconds} s")
break_node(dead)

# %%
gone = "jsonpath={.metadata.deletionTimestamp}"
with record("agent", live=True, predicted={"UP-TO-DATE": living}) as frozen:
    release(5)
    kubectl(f"wait pod {pods_on(dead)} --for={gone} --timeout=60s")
    reasons = try_rollout("agent", timeout=2 * restart)
frozen.plot(title=f"Nodes updated while one node is dead: {frozen.rollouts[-1].updated}")

# %%
print("measured:", *(line for line in reasons if "old template" not in line))
living.compare(frozen.rollouts[-1].updated, within=0)

# %% tags=["claim-C60"]
assert (frozen.rollouts[-1].updated, daemonset_status("agent").desired) == (0, 11)
proved("no node got the new version, and DESIRED is 11")

# %% [markdown]
# No living node is updated. DESIRED does not count the dead node any more, because its taints keep new
# Pods away. But its Pod is still there, so the controller counts the node as unavailable (rule 1). The
# controller deletes that Pod (rule 2), and no kubelet on the dead machine can confirm it: the Pod stays
# Terminating. The budget of one is spent on a node that will not come back by itself.
#
# Raise the budget by one.

# %%
with record("agent", live=True) as room:
    set_budget(2)
    kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=11 daemonset/agent --timeout=90s")
    complete = wait_rollout("agent")
room.plot(title=f"With a budget of 2 beside the dead node: {complete.updated} nodes are updated")

# %% tags=["claim-C60"]
assert room.timeline.unavailable.max() == 2
assert complete.updated == 11
proved("all 11 living nodes got the new version, one at a time beside the dead one")

# %% [markdown]
# A budget above the number of dead nodes keeps rollouts moving.
#
# Would it help to tolerate the taint? `eager` does. It gets a budget of 2 as well.

# %%
eager_desired = predict(
    "eager",
    "The DaemonSet eager ran on all 12 nodes before one died, and it tolerates the taint of the "
    "dead node. It gets a new version, with maxUnavailable: 2. What will its DESIRED be?",
    unit="nodes",
)
eager_desired

# %%
import json

two_down = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}}
kubectl("patch daemonset eager --patch", json.dumps(two_down))
kubectl("set env daemonset/eager RELEASE=2")
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=11 daemonset/eager --timeout=90s")
lacking = try_rollout("eager", timeout=2 * restart)
print("measured:", *lacking)

# %%
desired = daemonset_status("eager").desired
eager_desired.compare(desired, within=0)

# %%
assert lacking
assert desired == 12
proved("the rollout of eager is not complete")

# %% [markdown]
# Twelve: the taint does not keep `eager` away, so DESIRED still counts the dead node. The rollout of
# `eager` stops at 11 of 12; the rollout of the agent ended at 11 of 11.
#
# If a machine is gone for good, there is another way: delete its Node object.

# %%
freed = predict(
    "freed",
    "The rollout of eager has updated 11 nodes and waits for the dead one. The Node object of the "
    "dead machine is deleted, and nothing else is changed. Is the rollout complete then?",
    choices=("yes", "no"),
)
freed

# %%
from daemonset_course import remove_node

with record("eager", live=True) as buried:
    remove_node(dead)  # once only: it is gone then
    at_once = not try_rollout("eager", timeout=2 * restart)
state = "complete" if at_once else "not complete"
buried.plot(title=f"After the Node object was deleted the rollout is {state}")

# %%
freed.compare("yes" if at_once else "no")

# %%
assert not at_once
proved("after the time of two restarts the rollout was not complete")

# %% [markdown]
# Not yet. The controller does not look when a node is removed (lesson [how-scheduling-works]), so
# DESIRED was still 12. The controller counts again when the DaemonSet or one of its Pods changes: we
# change an annotation.

# %%
kubectl("annotate daemonset eager look=again --overwrite")
wait_rollout("eager")
ghost = f"-l app=eager --field-selector spec.nodeName={dead}"
listed = kubectl(f"get pods {ghost} -o name").split()
print(f"measured: Pods still listed on the node that is gone: {len(listed)}")
kubectl(f"delete pod {ghost} --force --grace-period=0")

# %%
assert daemonset_status("eager").desired == 11
proved("after another change DESIRED is 11, and the rollout is complete")

# %% [markdown]
# The Pod may still be listed after its node is gone. No kubelet can confirm that the Pod stopped, and
# the Pod garbage collector deletes it only later (lesson [one-pod-per-node]). `--force` deletes the Pod
# object without waiting for a kubelet. Use it only for machines that really are gone.
#
# A new machine takes the place of the dead one.

# %%
from daemonset_course import add_node

kubectl("delete daemonset eager --ignore-not-found")
if len(current().workers()) < 12:
    add_node()
wait_rollout("agent")

# %% [markdown]
# ## A taint in the way
#
# A `NoSchedule` taint does not touch running Pods. We create the agent anew, with a Pod on each of the
# 12 nodes.

# %%
kubectl("delete daemonset agent --ignore-not-found")
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")

# %%
after = predict(
    "taint",
    "The agent has a Pod on each of 12 nodes. One node gets a taint with the effect NoSchedule, "
    "which the agent does not tolerate. Then a new version is rolled out. How many Pods of the "
    "agent are there afterwards?",
    unit="Pods",
)
after

# %%
tainted = fleet.workers[6]
taint(tainted, "maintenance=soon:NoSchedule")
set_budget(3)
with record("agent", live=True, predicted={"CURRENT": after}) as hole:
    release(2)
    said = kubectl("rollout status daemonset/agent --timeout=90s").splitlines()[-1]
pods = kubectl("get pods -l app=agent --no-headers").count("Running")
hole.plot(title=f"Pods after the rollout: {pods}")

# %%
print(said)
after.compare(pods, within=0)

# %%
assert pods == 11
assert "successfully rolled out" in said
proved("11 Pods run, and kubectl reports success")

# %% [markdown]
# The rollout deleted the old Pod on the tainted node, and no new Pod may run there. Yet
# `kubectl rollout status` reported success: it compares with DESIRED, and DESIRED shrank to 11. The
# mistake is to taint a node "for later" and to trust that message. The Pod returns when the
# taint is removed.

# %%
taint(tainted, "maintenance:NoSchedule-")
kubectl("wait --for=jsonpath={.status.numberReady}=12 daemonset/agent --timeout=60s")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each, and read what the output says about your
# choice.

# %%
from daemonset_course.lessons import symptom

symptom("never-ready")

# %%
symptom("dead-node-has-the-budget")

# %% [markdown]
# Commit an answer, then run the cell below it.

# %%
q1 = predict(
    "rolling-check-green",
    "Can kubectl rollout status report success although a node that had the agent has none now?",
    choices=("yes", "no"),
)
q1

# %%
q1.compare("yes" if pods < 12 else "no")

# %% [markdown]
# ## Your turn
#
# `logs`, `metrics` and `net` were released an hour ago, and none of the three rollouts has moved since.
# You are on call, and this is what you know:
#
# - `worker6` is dead and waits for a spare part. The machine and its Node object stay as they are.
# - `logs` may run any RELEASE in the end.
# - `metrics` must run RELEASE 2, which needs 200m of CPU.
# - `net` must run RELEASE 2. At no time may more than two nodes be without it, the dead one included.
# - `shop` runs on `worker3`. Nobody changes it, and its Pod stays.

# %%
from daemonset_course.lessons import exercise

turn = exercise("stuck-rollouts")
turn.start()

# %%
# %kubectl get daemonsets -o wide
# %kubectl get pods -o wide

# %% [markdown]
# Find out what holds each of them up, and free each with one change, in the cell below (a line that
# begins with `%kubectl`) or in a terminal. The check judges each of the three separately:
#
# - every node that can be reached runs the newest template of the DaemonSet;
# - it is the same DaemonSet, and only what held it up was changed;
# - `net` was never missing on more than two nodes.
#
# `shop`, the Node objects, their labels and taints must be as at the start. `turn.hint()` gives one of
# three hints, `turn.solution()` a solution after you passed.

# %%
# one change for each of the three

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
# - Unavailable is unavailable: dead nodes, broken Pods and terminating Pods spend the same budget.
# - A bad template stops at the budget, however many follow it. Nothing rolls back by itself.
# - A budget above the number of dead nodes keeps rollouts moving; so does the deletion of Node objects
#   whose machines are gone for good.
# - `kubectl rollout status` compares with DESIRED, and DESIRED shrinks with a taint.
