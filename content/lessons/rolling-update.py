# %% [markdown]
# # Rolling update

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, record, rejected, reset, wait_rollout
from daemonset_course.lessons import daemonset_status, release, set_budget, try_apply, try_rollout

# %% [markdown]
# This lesson needs a larger fleet: 12 workers.

# %%
fleet = reset(workers=12)
fleet

# %% [markdown]
# ## The claim
#
# > When the Pod template changes, the DaemonSet controller terminates old Pods and creates new
# > ones node by node. `maxUnavailable: 1` means that only one node at a time loses its Pod.
#
# This is our agent. It waits and does nothing else; `RELEASE` stands for its version.

# %%
print(Path("../manifests/rolling-update/agent.yaml").read_text())

# %%
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# What if a manifest says nothing about updates? Ask the server to complete one without storing it.

# %%
bare = apply("../manifests/rolling-update/agent.yaml", dry_run=True).objects[0]
del bare["spec"]["updateStrategy"], bare["metadata"]["managedFields"]
bare["metadata"] = {"name": "bare"}
completed = apply(bare, dry_run=True).objects[0]
completed["spec"]["updateStrategy"]

# %% tags=["claim-C07"]
assert completed["spec"]["updateStrategy"] == {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
}
proved("the API server fills in RollingUpdate, maxUnavailable 1 and maxSurge 0")

# %% [markdown]
# So `RollingUpdate` with `maxUnavailable: 1` is the default. There are two strategies,
# `RollingUpdate` and `OnDelete` (lesson [on-delete-and-rollback]), and nothing else.

# %% tags=["claim-C58"]
with rejected('supported values: "RollingUpdate", "OnDelete"'):
    apply(bare | {"spec": bare["spec"] | {"updateStrategy": {"type": "Recreate"}}})

# %% [markdown]
# ## Predict
#
# Replacing the Pod of one node takes a certain time: the old Pod terminates, a new one is created,
# scheduled, started, and becomes ready. Let us measure it: delete one Pod by hand and see how
# long its node is without an agent.


# %%
def pods_on(node):
    """The kubectl options that choose the agent's Pod on this node."""
    return f"-l app=agent --field-selector spec.nodeName={node}"


# %%
with record("agent") as one:
    kubectl(f"delete pod {pods_on(fleet.workers[0])}")
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.1f} s")

# %% [markdown]
# Now a rollout with `maxUnavailable: 1` on 12 nodes.

# %%
length = predict(
    "rolling-length",
    "The agent runs on 12 nodes, and the cell above has measured how long one restart takes. "
    "With maxUnavailable: 1, how long will the rollout of a new version to all 12 nodes take?",
    unit="s",
)
length

# %% [markdown]
# ## Run
#
# `release(2)` puts `RELEASE=2` into the Pod template, as `kubectl set env` does. Later
# `set_budget(2)` sets `maxUnavailable: 2`, as `kubectl patch` does.

# %%
with record("agent", live=True, predicted=length) as rollout:
    release(2)
    wait_rollout("agent")
rollout.plot()

# %% [markdown]
# One lane a node. The bar turns thin where the old Pod terminates, hollow and hatched while the new
# one starts, and full again, in another colour, when it is ready. The panel underneath counts the
# nodes without an available Pod; the dashed line is the budget. Move the slider: below it, a tile for
# each node shows that moment. The facts of the last rollout, in numbers:

# %%
facts = rollout.rollouts[-1]
length.compare(facts.duration)

# %% tags=["claim-C61"]
assert facts.max_unavailable == 1 == facts.budget
assert facts.updated == 12
proved("all 12 nodes got the new version, and never more than one was down")

# %% [markdown]
# The length is the number of rounds times the time of one: $T \approx \lceil N/k \rceil \times
# restart$, with $N$ nodes and a budget of $k$. (The controller knows no rounds: as soon as one node has
# an available Pod again, it goes on to the next. Where all restarts take as long, it comes to the same.)

# %%
print(f"measured: {facts.duration:.1f} s; 12 rounds of {restart:.1f} s: {12 * restart:.1f} s")

# %% [markdown]
# ## Why
#
# What the controller does in a rollout without surge, each time it looks at the DaemonSet
# ([`rollingUpdate` in `pkg/controller/daemon/update.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/update.go)):
#
# 1. Count the nodes without an available Pod, whatever the cause: of those that should have one, and of
#    those that still have one.
# 2. Delete old Pods that are not available anyway; that costs nothing.
# 3. Delete further old Pods as long as the count stays within `maxUnavailable`.
#
# It only deletes. The replacement comes from the other half of the controller, which creates a Pod
# on every eligible node that has none, and a Pod that is still terminating counts as there. So on
# every node there is a gap: old and new never run together.

# %%
gaps = [-seconds for seconds in facts.overlap.values()]
print(f"measured: each node was without a ready Pod for {min(gaps):.1f} to {max(gaps):.1f} s")

# %% tags=["claim-C59"]
assert len(gaps) == 12
assert min(gaps) > 0
proved("each of the 12 nodes had such a gap")

# %% [markdown]
# ### In which order?
#
# Roll once more and compare the order of the nodes.

# %%
with record("agent", live=True) as again:
    release(3)
    wait_rollout("agent")
for run in (rollout, again):
    order = [node.rpartition("-")[2] for node in run.rollouts[-1].order]
    print("measured:", *order)

# %% [markdown]
# There is no order to rely on. The controller walks over a Go map, whose order is random on
# purpose. There is no partition and no canary either: to choose the first node yourself, use
# `OnDelete`.
#
# ## Percentages
#
# A budget may be a share of the nodes, and 10 % of 12 nodes is 1.2 nodes.

# %%
ten = predict(
    "ten-percent",
    "The agent runs on 12 nodes, with maxUnavailable: 10%. "
    "How many nodes may a rollout take down at once?",
    unit="nodes",
)
ten

# %%
set_budget("10%")
with record("agent", live=True, predicted={"unavailable": ten}) as percent:
    release(4)
    wait_rollout("agent")
percent.plot()

# %%
ten.compare(percent.rollouts[-1].budget, within=0, source="rule")

# %% tags=["claim-C62"]
two = percent.rollouts[-1]
assert two.budget == 2 <= two.max_unavailable
assert two.over_budget < 1, "not for longer than a moment"
proved("the budget was 2 nodes, 2 were down together, and never more for a second or longer")

# %% [markdown]
# A DaemonSet rounds **up**. The mistake people make is to carry over what they know from
# Deployments, which round `maxUnavailable` **down**. We put one beside it, with 12 Pods and 10 % too.

# %%
apply("../manifests/rolling-update/web.yaml")
kubectl("rollout status deployment/web --timeout=60s")

# %% [markdown]
# ## A bad template
#
# Both will get an image that cannot be pulled. For later we note which revision runs now.

# %%
import json

revisions = json.loads(kubectl("get controllerrevisions -l app=agent -o json"))["items"]
good = max(one["revision"] for one in revisions if "registry.invalid" not in json.dumps(one))

# %%
serving = predict(
    "serving",
    "The agent runs on 12 nodes, with maxUnavailable: 10%. It gets an image that cannot be pulled. "
    "On how many of the 12 nodes will it still run?",
    unit="nodes",
)
serving

# %% [markdown]
# We wait for the first Pods that fail, and then look on for the time of two restarts: a rollout that
# works has reached further nodes by then.

# %%
BAD = "registry.invalid/agent:2"
with record("agent", live=True, predicted={"READY": serving}) as stuck:
    kubectl(f"set image daemonset/agent agent={BAD}")
    kubectl(f"set image deployment/web web={BAD}")
    kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=2 daemonset/agent --timeout=60s")
    kubectl("wait --for=jsonpath={.status.unavailableReplicas}=1 deployment/web --timeout=60s")
    reasons = try_rollout("agent", timeout=2 * restart)
stuck.plot()

# %%
print(*reasons, sep="\n")

# %%
ready = daemonset_status("agent").ready
serving.compare(ready, within=0)

# %%
assert any("and 8 others: still runs the old template" in line for line in reasons)
web = kubectl("get deployment web -o jsonpath={.status.availableReplicas}")
assert (ready, int(web)) == (10, 11)
proved("10 nodes have a ready agent, and 11 of the 12 Pods of web are available")

# %% [markdown]
# Two nodes lost their agent, ten keep it, and there it stays: the budget is spent by Pods that will
# never be available, so rule 3 deletes no more. A small budget limits the damage. The Deployment,
# with the same `10%`, lost one Pod.
#
# ### One bad release after the other
#
# Somebody tries to mend it in haste: another image, and another, both as bad as the first.

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
# The same ten. The controller replaced only the Pods that were down anyway (rule 2). This was not
# always so. Kubernetes 1.21 introduced a bug, fixed in 1.31 and in late patches of 1.28 to 1.30: each
# bad release in turn could take further nodes
# ([issue 123232](https://github.com/kubernetes/kubernetes/issues/123232)).
#
# Nothing rolls back by itself, and there is no progress deadline as a Deployment has.

# %%
with rejected("progressDeadlineSeconds"):
    apply(bare | {"spec": bare["spec"] | {"progressDeadlineSeconds": 60}}, dry_run=True)

# %% [markdown]
# `kubectl rollout status` would wait for ever; give it a `--timeout`. Undoing is yours to do. `kubectl
# rollout undo` goes back to the template before, which is a bad one here: we name the good revision.
# Before that we lower the budget to 1.

# %%
set_budget(1)
with record("agent", live=True) as repair:
    kubectl(f"rollout undo daemonset/agent --to-revision={good}")
    wait_rollout("agent")
repair.plot()

# %%
back = repair.rollouts[-1]
both = [s for s in repair.timeline.segments if s.node in back.order]
asked = [s.end for s in both if s.revision != back.revision and s.phase != "terminating"]
came = [s.start for s in both if s.revision == back.revision and s.phase == "ready"]
assert (len(back.order), back.budget) == (2, 1)
assert max(asked) < min(came), "both broken Pods had to go before either new one was ready"
proved("two nodes got a new Pod, and both broken Pods ended before either new one was ready")

# %% [markdown]
# Only the two broken nodes got a new Pod: the other ten still ran the version that came back. And
# rule 2 took both at once, with a budget of 1, since they were down anyway.
#
# ### Does it matter what is wrong?
#
# An image that cannot be pulled, a process that ends at once, a probe that never succeeds: three
# faults in one line each, for you to play with. The budget is 1.

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

missing_image("agent")
left["missing image"] = outcome()

# %%
crash("agent")
left["crash"] = outcome()

# %%
never_ready("agent")
left["never ready"] = outcome()

# %%
print(left)
least.compare(min(kept for begun, kept in left.values()), within=0)

# %%
assert set(map(tuple, left.values())) == {(1, 11)}
proved("with each fault one node has a new Pod, and 11 nodes have a ready one")

# %% [markdown]
# Not available is not available, whatever the reason. (`crash` brings a readiness probe along.
# Without one, a kubelet may call such a Pod ready for the instant between its start and its end,
# and the rollout goes on to the next node. `minReadySeconds`, below, guards against that too.)

# %%
kubectl("delete deployment web --wait=false --ignore-not-found")

# %% [markdown]
# ## A dead node
#
# One machine dies: its kubelet falls silent. After a grace period without a word from it (50 s by
# default; this cluster may wait less, to save your time) the node controller marks it unreachable.
#
# Before it dies we start `eager` beside the agent. It is the same but for one toleration, of the
# taint that comes with `unreachable`; we shall need it in a moment.

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
# None. The dead node is no longer counted in DESIRED, because its taints keep new Pods away, but
# its Pod is still there, so rule 1 counts the node as unavailable. The controller deletes that Pod
# (rule 2), and no kubelet on the dead machine can confirm it: the Pod stays Terminating. The
# budget of one is spent on a node that will not come back by itself.
#
# Give the rollout room for one more.

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
# Would it help to tolerate the taint? `eager` does, and it may have two nodes down.

# %%
eager_desired = predict(
    "eager",
    "The DaemonSet eager ran on all 12 nodes before one died, and it tolerates the taint of the "
    "dead node. It gets a new version, with maxUnavailable: 2. What will its DESIRED be?",
    unit="nodes",
)
eager_desired

# %%
two_down = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}}
kubectl("patch daemonset eager --patch", json.dumps(two_down))
kubectl("set env daemonset/eager RELEASE=2")
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=11 daemonset/eager --timeout=90s")

# %%
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
# Twelve: the taint does not keep `eager` away, so the dead node still counts, and the rollout stops
# at 11 of 12. The agent's ended at 11 of 11.
#
# The other cure is to delete the Node object of a machine that is gone for good.

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
# Not yet. The controller does not watch for nodes that are removed (lesson [how-scheduling-works]),
# so DESIRED was still 12. It counts again when the DaemonSet or one of its Pods changes: we change an
# annotation.

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
# The Pod itself, where it is still listed, is a ghost: no kubelet can confirm that it stopped, and the
# Pod garbage collector takes its time (lesson [one-pod-per-node]). `--force` takes a Pod out of the
# list without asking its kubelet. Use it only for machines that really are gone. A new machine takes
# the place of this one.

# %%
from daemonset_course import add_node

kubectl("delete daemonset eager --ignore-not-found")
if len(current().workers()) < 12:
    add_node()
wait_rollout("agent")

# %% [markdown]
# ## What makes a restart long
#
# `initialDelaySeconds` makes the new Pod ready late, `preStop` makes the old one stop slowly. We
# change one thing at a time, roll a third of the nodes at a time, and compare the shortest gap of
# each rollout, which other work on this machine disturbs least.

# %%
from daemonset_course.lessons import container_patch, slow_start

set_budget(4)
with record("agent", live=True) as late:
    if "no change" in slow_start("agent", 6):  # this cell ran before
        kubectl("rollout restart daemonset/agent")
    wait_rollout("agent")


# %%
def roll_with(change):
    """The facts of a rollout with this change."""
    with record("agent", live=True) as run:
        said = kubectl("patch daemonset agent --patch", json.dumps({"spec": change}))
        if "no change" in said:  # this cell ran before
            kubectl("rollout restart daemonset/agent")
        wait_rollout("agent")
    return run.rollouts[-1]


# %%
stop = {"preStop": {"sleep": {"seconds": 6}}}
first = roll_with(container_patch("agent", lifecycle=stop, readinessProbe=None))
second = roll_with(container_patch("agent", env=[{"name": "RELEASE", "value": "7"}]))

# %%
runs = {"slow start": late.rollouts[-1], "slow stop, first": first, "slow stop, second": second}
gap = {what: min(-s for s in run.overlap.values()) for what, run in runs.items()}
print(f"measured: plain {restart:.1f} s")
for what, seconds in gap.items():
    print(f"measured: {what} {seconds:.1f} s")
late.plot()

# %%
assert gap["slow start"] > 1.5 * restart
assert gap["slow stop, second"] > 1.5 * gap["slow stop, first"]
proved("a slow start makes the gap longer, and a slow stop does so one rollout later")

# %% [markdown]
# The slow stop shows only in the *second* rollout: a Pod stops as its own template says, and the
# Pods that the first rollout ended knew nothing of `preStop`.
#
# `minReadySeconds` slows a rollout without a longer gap: a Pod counts as *available* only when it
# has been ready for that long.

# %%
set_budget(6)
# This rollout is not looked at: the Pods that stop slowly go, and the new ones get old enough.
roll_with({"minReadySeconds": 3, **container_patch("agent", lifecycle=None)})
with record("agent", live=True) as soak:
    release(8)
    wait_rollout("agent")

# %%
new = soak.rollouts[-1].revision
bars = soak.timeline.segments
came = min(bar.start for bar in bars if bar.revision == new and bar.phase == "ready")
last = max(bar.start for bar in bars if bar.revision != new and bar.phase == "terminating")
print(f"measured: {last - came:.1f} s from the first new Pod's ready to the last old one's end")
soak.plot()

# %%
assert last - came > 3 - 1, "the controller reads the API's times: whole seconds"
proved("the last old Pod was not asked to stop before minReadySeconds were over")

# %% [markdown]
# The second half of the nodes had to wait until the first had been ready for three seconds. Use it to
# let a bad version show itself before the next node goes.
#
# ## A taint in the way
#
# A `NoSchedule` taint does not touch running Pods. We begin with 12 of them, as at the start.

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
from daemonset_course import taint

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
# The rollout deleted the old Pod on the tainted node, and no new one may go there. Yet
# `kubectl rollout status` reported success: it compares with DESIRED, and DESIRED shrank. The
# mistake is to taint a node "for later" and to trust that message. The Pod returns when the
# taint is taken off.

# %%
taint(tainted, "maintenance:NoSchedule-")
kubectl("wait --for=jsonpath={.status.numberReady}=12 daemonset/agent --timeout=60s")

# %% [markdown]
# ## A hundred nodes
#
# With one node at a time, a hundred nodes take a hundred rounds, more than you want to wait for. We
# grow the fleet and try larger budgets.

# %%
fleet = reset(workers=100)
print(f"{len(fleet.workers)} workers")
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")

# %%
tenth = predict(
    "hundred",
    "The agent runs on 100 nodes, and one restart takes as long as before. "
    "With maxUnavailable: 10%, how long will a rollout to all 100 nodes take?",
    unit="s",
)
tenth

# %%
hundred = {}


def roll(value, version):
    """Roll a version out with this budget, and keep the recording."""
    set_budget(value)
    with record("agent", live=True) as hundred[value]:
        release(version)
        wait_rollout("agent", timeout=170)


# %%
roll("10%", 2)
hundred["10%"].plot(predicted=tenth)

# %% [markdown]
# Above 40 nodes the lanes become rows of a map, sorted by when their new Pod began; the cursor names
# its row. The nodes go in groups of about ten, since all ten restarts of a group take about as long.

# %%
tenth.compare(hundred["10%"].rollouts[-1].duration)

# %% [markdown]
# And one node at a time? We give it as long as `10%` took, and see how many nodes are done by then.

# %%
from contextlib import suppress

from daemonset_course import NotFinished

set_budget(1)
with record("agent", live=True) as single:
    release(3)
    with suppress(NotFinished):
        wait_rollout("agent", timeout=hundred["10%"].rollouts[-1].duration)
set_budget("50%")
wait_rollout("agent")

# %%
print(f"measured: {single.rollouts[-1].updated} of 100 nodes, one by one, when 10% had done all")

# %% tags=["claim-C63"]
assert single.rollouts[-1].updated < 60
proved("in that time, one node at a time updated fewer than 60 of the 100")

# %% [markdown]
# More than forty nodes still ran the old version. A budget may be raised while a rollout runs: that is
# how this one ended.
#
# Now with a twentieth of the nodes, with a quarter, with half of them, and with all at once.

# %%
roll("5%", 4)

# %%
roll("25%", 5)

# %%
roll("50%", 6)

# %%
roll("100%", 7)

# %%
from daemonset_course import show
from daemonset_course.lessons import LengthsByBudget, Rate, rollout_progress, small_multiples

measured = {r.rollouts[-1].budget: r.rollouts[-1].duration for r in hundred.values()}
qps = current().settings.controller_requests_per_second
burst = current().settings.controller_burst_requests
show(LengthsByBudget(measured, nodes=100, restart=restart, qps=qps))

# %%
assert measured[5] > measured[10] > 0.5 * 10 * min(gaps), measured
assert measured[100] > 0.8 * (2 * 100 - burst) / qps, measured
assert measured[100] > 0.5 * measured[50], measured
assert hundred["100%"].rollouts[-1].max_unavailable > 90
proved(
    "the lengths follow the model of rounds with small budgets, that of requests with large ones"
)

# %% [markdown]
# The dashed line is the model: rounds times restart. The fewer nodes roll at once, the closer the
# model is to the measurement. For all at once it promises one restart, and it takes far longer. Each
# node costs a delete and a create, and the controller may send only so many requests a second
# (`--kube-api-qps`): that is the dotted line. So twice the budget, all instead of half, does not
# halve the time, and there comes a moment when hardly any node has an agent.
#
# Here are the rollouts themselves, on one time axis, each with the length by the model: the longer of
# rounds and requests. The one node at a time was not done when we raised its budget.

# %%
rate = Rate(qps, burst)
runs = {"1%": single} | {share: hundred[share] for share in ("5%", "10%", "25%", "50%", "100%")}
small_multiples(
    {
        share: rollout_progress(run.timeline, share=int(share[:-1]), restart=restart, rate=rate)
        for share, run in runs.items()
    }
)

# %% [markdown]
# ### Is the budget a hard ceiling?
#
# Look at the rollouts on a hundred nodes.

# %%
for run in hundred.values():
    found = run.rollouts[-1]
    print(
        f"measured: budget {found.budget:>3}, most down {found.max_unavailable:>3}, "
        f"above the budget for {found.over_budget:.2f} s at most"
    )

# %% [markdown]
# You may see moments above the budget; nothing here shows their cause, and we assert nothing of them.
# Alert on a lasting excess, not on an instant.
#
# ## A Pod that does not stop
#
# Back to the small fleet, and to what makes a restart long. A Pod is asked to stop with the signal
# SIGTERM, and killed when `terminationGracePeriodSeconds` are over, 30 by default. `deaf` has 6.

# %%
reset(workers=3)

# %%
deafness = predict(
    "deaf",
    "The first process of a container is sleep, and its Pod has "
    "terminationGracePeriodSeconds: 6. A rollout asks the Pod to stop. "
    "How long does it take from then until the Pod is gone?",
    unit="s",
)
deafness

# %% [markdown]
# Signals need a real process: on the embedded cluster you see a **recording** made on kind. The first
# rollout ends the Pods with the bare `sleep` and brings a shell that handles SIGTERM; the second ends
# those.


# %%
from daemonset_course import step

TRAP = "trap 'exit 0' TERM; sleep infinity & wait"


# %%
@step("deaf", needs="exec")
def deaf():
    """Two rollouts: the old Pods do not hear SIGTERM in the first, and do in the second"""
    apply("../manifests/rolling-update/deaf.yaml")
    wait_rollout("deaf")
    with record("deaf") as run:
        hears = container_patch("agent", command=["sh", "-c", TRAP])
        kubectl("patch daemonset deaf --patch", json.dumps({"spec": hears}))
        wait_rollout("deaf")
        kubectl("set env daemonset/deaf RELEASE=3")
        wait_rollout("deaf")
    return run


# %%
print(deaf.label)
log = deaf.result


def stops(rollout):
    """Seconds from "asked to stop" to "gone" of each old Pod of this rollout."""
    thin = [one for one in log.timeline.segments if one.phase == "terminating"]
    return [one.end - one.start for one in thin if rollout.start <= one.start <= rollout.end]


# %%
unheard, heard = map(stops, log.rollouts)
log.plot(title=f"Until a Pod is gone: first rollout {min(unheard):.1f}, second {max(heard):.1f} s")

# %%
print(f"measured: {min(unheard):.1f} to {max(unheard):.1f} s unheard")
print(f"measured: {min(heard):.1f} to {max(heard):.1f} s heard")
deafness.compare(min(unheard), source=deaf.source)

# %%
assert len(unheard) == len(heard) == 3
assert max(heard) < min(unheard)
assert min(unheard) > 5, "the grace period, less what the log's first sight of it came late"
proved("each Pod that ignores SIGTERM takes its grace period, and each that handles it takes less")

# %% [markdown]
# A Pod that does not handle SIGTERM costs its whole grace period, on every node, in each rollout that ends it.
# The first process of a container has the process number 1 there. The kernel does not deliver a signal
# to process 1 unless that process has set a handler for it; SIGKILL from outside the container is
# delivered all the same, and ends it
# ([pid_namespaces(7)](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html)). Let the agent
# handle SIGTERM, or start it under a small init; a shorter grace period only kills it sooner.

# %%
kubectl("delete daemonset deaf --ignore-not-found")
None

# %% [markdown]
# ## Check yourself
#
# Three questions. Commit an answer to each, then run the cell below it.

# %%
q1 = predict(
    "check-rounds",
    "A DaemonSet runs on 26 nodes, with maxUnavailable: 25%. If all restarts take equally long, "
    "in how many rounds will a new version be rolled out?",
    unit="rounds",
)
q1

# %%
from math import ceil

down = ceil(26 * 25 / 100)
q1.compare(ceil(26 / down), within=0, source="rule")

# %%
q2 = predict(
    "rolling-check-zero",
    "A DaemonSet has maxUnavailable: 0 and no maxSurge. What will the API server do with it?",
    choices=("accepted", "rejected"),
)
q2

# %%
zero = {"rollingUpdate": {"maxUnavailable": 0}}
print(said := try_apply(bare | {"spec": bare["spec"] | {"updateStrategy": zero}}))
q2.compare("rejected" if said else "accepted")

# %%
q3 = predict(
    "rolling-check-green",
    "Can kubectl rollout status report success although a node that had the agent has none now?",
    choices=("yes", "no"),
)
q3

# %%
q3.compare("yes" if pods < 12 else "no")

# %% [markdown]
# ## Your turn
#
# `agent` runs RELEASE 1 on 12 workers, with `maxUnavailable: 10%`. *Change request:* all of them get
# RELEASE 2. The whole rollout may take as long as five restarts of one node, and at no time may more
# than three nodes be without an available agent.

# %%
from daemonset_course.lessons import exercise

turn = exercise("rolling-update")
turn.start()

# %%
# %kubectl get daemonset agent -o yaml

# %% [markdown]
# The check judges what the cluster did since the start:
#
# - every node runs RELEASE 2, and nothing else of the Pod spec was changed;
# - never more than three nodes were without an available agent, and the budget never allowed more;
# - the rollout took at most five restarts, measured on these nodes;
# - it is the same DaemonSet, and the nodes are as they were.
#
# Write the part of the DaemonSet that is to change between the quotes, or use `kubectl` in a
# terminal. `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed. For
# a new try, start again.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# The picture shows the limits that were judged.

# %%
turn.recording.plot()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## Your turn: three that stand still
#
# `logs`, `metrics` and `net` were released an hour ago, and none of the three rollouts has moved since.
# You are on call, and this is what you know:
#
# - worker6 is dead and waits for a spare part. Its Node object stays.
# - `logs`: which RELEASE runs in the end is up to you.
# - `metrics` is to run RELEASE 2, which needs 200m of CPU.
# - `net` is to run RELEASE 2. At no time may more than two nodes be without it, the dead one included.
# - `shop`, on worker3, earns the money: nobody touches it.

# %%
from daemonset_course.lessons import exercise

turn = exercise("stuck-rollouts")
turn.start()

# %%
# %kubectl get daemonsets -o wide
# %kubectl get pods -o wide

# %% [markdown]
# Find out what holds each of them up, and free each with one change, in the cell below (a line that
# begins with `%kubectl`) or in a terminal. The check judges each of the three by itself:
#
# - every node that can be reached runs its newest template;
# - it is the same DaemonSet, and nothing was changed beside what held it up;
# - `net` was never missing on more than two nodes.
#
# `shop`, the Node objects, their labels and taints are to be as they were. `turn.hint()` gives one of
# three hints.

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
# ## Your turn: half the time
#
# A rollout of `agent` takes too long, and the budget is not yours to change. Make a rollout at least
# twice as fast, with the same `updateStrategy`. What its team says:
#
# - The agent ends at SIGTERM by itself, at once. It answers its probe as soon as it has started.
# - The probe stays, and so does the grace period.
# - A new Pod is to be watched for one second before the next node follows.
#
# `before` is a copy of `agent` as it is now. Leave it alone: the check restarts both at the same time,
# and compares.

# %%
from daemonset_course.lessons import exercise

turn = exercise("restart-length")
turn.start()

# %%
# %kubectl get daemonset agent -o yaml

# %% [markdown]
# The check judges
#
# - the time of a rollout that it starts itself: that of `agent` is at most half of that of `before`;
# - that the probe still asks the agent, and that `minReadySeconds` is at least 1;
# - that nothing else of the DaemonSet was changed, and nothing of `before`.
#
# Write the part of the DaemonSet that is to change between the quotes, or use `kubectl` in a
# terminal. A field that is to go has the value `null`. The check takes a while: it waits for your
# rollout, and then for its own.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

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
# - At most `maxUnavailable` nodes are down for the rollout's sake; percentages round up.
# - Unavailable is unavailable: dead nodes, broken Pods and terminating Pods spend the same budget.
# - A bad template stops at the budget. Nothing rolls back by itself.
# - Length: rounds times restart, until the controller's request rate is the limit.
