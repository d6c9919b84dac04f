# %% [markdown]
# # The length of a restart

# %%
from daemonset_course import apply, compare, kubectl, predict, proved, record, reset, wait_rollout
from daemonset_course.lessons import patch_container, release

fleet = reset(workers=12)
apply("../manifests/rolling-update/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## The claim
#
# > A rollout takes as long as its rounds, and a round as long as one restart: the old Pod stops, the
# > new one starts, becomes ready, and stays ready for `minReadySeconds`.
#
# (Lesson [rolling-update] counts the rounds: with a budget of k, N nodes take N/k rounds, rounded up.)
# So a rollout becomes shorter in two ways. A larger budget takes more nodes down at a time; a shorter
# restart does not. First measure one restart of the agent.

# %%
node = fleet.workers[0]
with record("agent") as one:
    # %kubectl delete pod -l app=agent --field-selector spec.nodeName={node}
    wait_rollout("agent")
restart = one.timeline.unavailable.longest(0)
print(f"measured: the node was without an agent for {restart:.1f} s")

# %% [markdown]
# ## A slow start and a slow stop
#
# Two fields of a container make a restart longer. A readiness probe with `initialDelaySeconds` makes the
# new Pod ready late. A `preStop` hook makes the old Pod stop slowly. Change one of them at a time, and
# compare the shortest gap of each rollout. With a budget of 4 a third of the nodes is replaced at a time.

# %%
# %kubectl patch daemonset agent --type merge --patch \
#     '{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 4}}}}'

# %% [markdown]
# `patch_container` runs `kubectl patch daemonset agent --patch` with fields of the container `agent`.

# %%
probe = {"exec": {"command": ["true"]}, "initialDelaySeconds": 6}
with record("agent", live=True) as late:
    patch_container("agent", readinessProbe=probe)
    wait_rollout("agent")
late.plot()

# %% [markdown]
# The new Pods have the readiness probe, because it is in the template. `preStop` is there, too. The first
# of the next two rollouts adds `preStop` and removes the probe.

# %%
slow_stop = predict(
    "slow-stop",
    "The agent gets a preStop hook that sleeps for 6 seconds, and rolls; then it gets a new version, "
    "and rolls again. In which of the two rollouts is each node without an agent for longer?",
    choices=("the first one", "the second one", "both alike"),
)
slow_stop

# %%
stop = {"preStop": {"sleep": {"seconds": 6}}}
with record("agent", live=True) as first:
    patch_container("agent", lifecycle=stop, readinessProbe=None)
    wait_rollout("agent")

# %%
with record("agent", live=True) as second:
    release(2)
    wait_rollout("agent")
compare(first, second, labels=("preStop is new", "preStop is there"))

# %%
runs = {"slow start": late, "slow stop, first": first, "slow stop, second": second}
gap = {what: min(-s for s in run.rollouts[-1].overlap.values()) for what, run in runs.items()}
print(f"measured: plain {restart:.1f} s")
for what, seconds in gap.items():
    print(f"measured: {what} {seconds:.1f} s")

# %%
ratio = gap["slow stop, second"] / gap["slow stop, first"]
answers = ("the first one", "both alike", "the second one")
slow_stop.compare(answers[(ratio > 1 / 1.5) + (ratio > 1.5)])

# %%
assert gap["slow start"] > 1.5 * restart
assert ratio > 1.5
proved("a slow start makes the gap longer, and a slow stop does so one rollout later")

# %% [markdown]
# Only the *second* rollout is slow: a Pod stops as its own spec says, and the Pods that the first rollout
# ended had no `preStop`.
#
# `minReadySeconds` makes a rollout longer, and no gap: a Pod counts as *available* only when it has been
# ready for that long. The next cell also removes `preStop`, with a rollout that is not measured.

# %%
# %kubectl patch daemonset agent --type merge --patch '{"spec": {"minReadySeconds": 3, \
#     "updateStrategy": {"rollingUpdate": {"maxUnavailable": 6}}}}'
patch_container("agent", lifecycle=None)
wait_rollout("agent")

# %%
with record("agent", live=True) as soak:
    release(3)
    wait_rollout("agent")

# %%
new = soak.rollouts[-1].revision
bars = soak.timeline.segments
came = min(bar.start for bar in bars if bar.revision == new and bar.phase == "ready")
last = max(bar.start for bar in bars if bar.revision != new and bar.phase == "terminating")
print(f"measured: {last - came:.1f} s from the first ready new Pod to the stop of the last old one")
soak.plot()

# %%
assert last - came > 3 - 1, "the controller reads the API's times: whole seconds"
proved("the last old Pod was not asked to stop before minReadySeconds were over")

# %% [markdown]
# The controller waits until the first half of the nodes has been ready for three seconds. So a bad version
# has time to fail before it reaches the next node.
#
# ## A Pod that does not stop
#
# To stop a Pod, the kubelet lets the container runtime send SIGTERM to the first process of each
# container. If a container still runs after `terminationGracePeriodSeconds`, 30 by default, the runtime
# kills it. `deaf` is another DaemonSet, with a grace period of 6 seconds.

# %%
reset(workers=3)

# %%
ends = predict(
    "deaf",
    "The first process of a container is sleep, and its Pod has "
    "terminationGracePeriodSeconds: 6. A rollout asks the Pod to stop. "
    "How many seconds later is the Pod gone?",
    unit="s",
)
ends

# %% [markdown]
# Signals need a real process: on the embedded cluster you see a **recording** made on kind. The first
# rollout ends the Pods whose first process is `sleep`, the second one those of a shell that handles SIGTERM.

# %%
import json

from daemonset_course import step
from daemonset_course.lessons import container_patch

TRAP = "trap 'exit 0' TERM; sleep infinity & wait"


# %%
@step("deaf", needs="exec")
def deaf():
    """Two rollouts: the old Pods do not hear SIGTERM in the first, and do in the second"""
    apply("../manifests/restart-length/deaf.yaml")
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
    """Seconds from the deletion request until each old Pod of this rollout is gone."""
    thin = [one for one in log.timeline.segments if one.phase == "terminating"]
    return [one.end - one.start for one in thin if rollout.start <= one.start <= rollout.end]


# %%
ignored, handled = map(stops, log.rollouts)
log.plot(
    title=f"Until a Pod is gone: first rollout {min(ignored):.1f}, second {max(handled):.1f} s"
)

# %%
print(f"measured: {min(ignored):.1f} to {max(ignored):.1f} s without a handler")
print(f"measured: {min(handled):.1f} to {max(handled):.1f} s with a handler")
ends.compare(min(ignored), source=deaf.source)

# %%
assert len(ignored) == len(handled) == 3
assert max(handled) < min(ignored)
assert min(ignored) > 5, "the grace period, less what the log's first sight of it came late"
proved("each Pod that ignores SIGTERM takes its grace period, and each that handles it takes less")

# %% [markdown]
# A Pod that does not handle SIGTERM takes its whole grace period, on every node. The first process of a
# container has the process number 1 there. The kernel delivers a signal to process 1 only if that process
# has set a handler for it. SIGKILL from outside the container is delivered all the same
# ([pid_namespaces(7)](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html)). Let the agent
# handle SIGTERM, or start it under a small init. A shorter grace period only kills the agent sooner.
#
# ## A Pod of several containers
#
# An *init container* runs to its end before the next container starts. A *sidecar* is an init container
# with `restartPolicy: Always`. It goes on running, and the next container starts as soon as the
# `startupProbe` of the sidecar has succeeded. `several` has both, and the container `agent`.

# %%
from pathlib import Path

print(Path("../manifests/restart-length/several.yaml").read_text())
apply("../manifests/restart-length/several.yaml")
wait_rollout("several")

# %%
follows = predict(
    "sidecar-starts",
    "The startupProbe of the sidecar proxy succeeds 4 seconds after proxy has started. The container "
    "agent comes after it. How many seconds after proxy does agent start?",
    unit="s",
)
follows

# %%
leaves = predict(
    "sidecar-stops",
    "A Pod is deleted. The preStop hook of its container agent sleeps for 4 seconds, and that of its "
    "sidecar proxy for 2 seconds. Both end as soon as they get SIGTERM. "
    "How many seconds after the request to stop does proxy end?",
    unit="s",
)
leaves

# %%
from daemonset_course import show
from daemonset_course.lessons import container_order

with record("several", live=True) as whole:
    # %kubectl delete pod -l app=several --field-selector spec.nodeName={node}
    wait_rollout("several")
asked = {"agent starts": follows, "proxy ends": leaves}
order = container_order(whole.history, "several", node, predicted=asked)
show(order)

# %%
follows.compare(order.starts("agent"))

# %%
leaves.compare(order.ends("proxy"))

# %%
assert order.starts("agent") > order.starts("proxy")
assert order.ends("agent") <= order.ends("proxy") < 1.5 * order.ends("agent")
proved("agent waited for the startupProbe of proxy, and proxy ended last, by the end of its hook")

# %% [markdown]
# A start is a *sum*: each init container delays what comes after it. A stop is a *maximum*: the `preStop`
# hooks of all containers begin at once. A container gets SIGTERM when its own hook has ended, and a sidecar
# only when the containers after it have ended, too
# ([`killContainer`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/kuberuntime/kuberuntime_container.go)).
# One grace period holds for the whole Pod.
#
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each.

# %%
from daemonset_course.lessons import symptom

symptom("available-below-ready")

# %%
symptom("stops-slowly")

# %% [markdown]
# ## Your turn
#
# A rollout of `agent` takes too long. Make it at least twice as fast, with the same `updateStrategy`. The
# team of `agent` says:
#
# - The agent ends at once when it gets SIGTERM. It answers its probe as soon as it has started.
# - The probe stays, and so does the grace period.
# - A new Pod must have been ready for at least one second before the next node follows.
#
# `before` is a copy of `agent` as it is now. Do not change it: the check restarts both at the same time
# and compares them.

# %%
from daemonset_course.lessons import exercise

turn = exercise("restart-length")
turn.start()

# %%
# %kubectl get daemonset agent -o yaml

# %% [markdown]
# The check judges
#
# - a rollout of both DaemonSets, which it starts itself: `agent` takes at most half the time of `before`;
# - that the readiness probe still runs the same command, and that `minReadySeconds` is at least 1;
# - that nothing else of `agent` was changed, and nothing of `before`;
# - that both are the DaemonSets of the start, and that the nodes are as they were.
#
# Write the part of the DaemonSet that is to change, from `spec:` on, between the quotes, or use
# `kubectl` in a terminal. To remove a field, give it the value `null`. The check takes a while.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

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
# - A slow start makes the gap longer in the rollout that adds it, a slow stop in the rollout after that.
# - `minReadySeconds` makes the rollout longer, and no gap.
# - A process that does not handle SIGTERM takes its whole grace period on each node.
# - Init containers and sidecars start one after the other. A sidecar ends last, and all `preStop` hooks
#   begin at once.
# - A shorter restart makes the rollout shorter, and takes no more nodes down.
