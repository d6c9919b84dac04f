# %% [markdown]
# # When a Pod fails

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, record, reset
from daemonset_course.lessons import bound_by, pod_names, startup, wait_new_pods

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > If a Pod of a DaemonSet fails, Kubernetes starts it again.
#
# Who starts what again, and when? A component that tries again and again first waits a while, and each
# time longer: this is its *back-off*. Two components do so here, each with a back-off of its own.
#
# A Pod has *failed* when its `status.phase` is `Failed`. It stays so: no Pod leaves this phase. A
# container that has *ended* is another matter: its Pod can run on.
#
# ## The mistake people make
#
# "The scheduler does not find room, so I name the node myself." In lesson [how-scheduling-works] a Pod
# without room stayed Pending. With `nodeName` in the template, the Pod is bound from its creation on,
# and no scheduler checks the node.

# %%
manifest = Path("../manifests/when-a-pod-fails/pinned.yaml").read_text()
pinned = manifest.replace("NODE", fleet.workers[0])
print(pinned)

# %% [markdown]
# Nothing has checked whether a thousand CPUs are free, until the Pod reaches its kubelet. The kubelet
# rejects it, and the Pod has failed.

# %%
fifth = predict(
    "fifth",
    "The template names a node without room, so the kubelet rejects each Pod as soon as it is "
    "created. The controller deletes the failed Pod and creates another one. "
    "How long after the first Pod is the fifth one created?",
    unit="s",
)
fifth

# %%
kubectl("delete daemonset pinned --ignore-not-found --cascade=foreground")  # of an earlier run
with record("pinned", live=True, predicted=fifth) as loop:
    apply(pinned)
    wait_new_pods("pinned", 5)

# %%
from itertools import pairwise

starts = [life.created for life in startup(loop.history).new]
pauses = [later - earlier for earlier, later in pairwise(starts)]
measured = ", ".join(f"{pause:.1f} s" for pause in pauses[:4])
loop.plot(title=f"The controller's pauses before the next Pod: {measured}")

# %%
fifth.compare(starts[4] - starts[0])

# %%
born = [life.first["spec"] for life in startup(loop.history).new]
assert {spec["nodeName"] for spec in born} == {fleet.workers[0]}
assert all(pause > 0.8 * least for pause, least in zip(pauses[1:], (1, 2, 4), strict=False))
assert pauses[0] < pauses[2]
proved("each Pod was created with nodeName; after the first, the pauses are at least 1, 2 and 4 s")

# %% [markdown]
# ## The controller's back-off
#
# After the first failure the controller retries at once. Then it waits one second, two, four, and so on
# up to 15 minutes, for each node. How does kubectl show this back-off?

# %%
# %kubectl get daemonset pinned
# %kubectl get pods -l app=pinned -o wide
# %kubectl events --for daemonset/pinned

# %% [markdown]
# The Pod has another NAME each time, and RESTARTS is 0. STATUS is the kubelet's reason, `OutOfcpu`. The
# events are those of the *DaemonSet*, because its controller acts: `FailedDaemonPod`, then
# `SuccessfulDelete` and `SuccessfulCreate`. Once the pauses are long, the newest event is minutes old.

# %%
about = "--field-selector reason=FailedDaemonPod,involvedObject.name=pinned"
assert "Found failed daemon pod" in kubectl(f"get events {about} -o wide")
assert bound_by("pinned") == {}
proved("an event of the DaemonSet names the failed Pod, and the scheduler bound none")

# %% [markdown]
# ### Does a repair wait for the end of the pause?
#
# `kubectl rollout restart` changes the template, as a repair does. It cures nothing here: the Pods go on
# failing. Wait for the next two Pods.

# %%
repair = predict(
    "repair-waits",
    "The controller waits for eight seconds or more before it replaces the next failed Pod. Then "
    "the template of the DaemonSet is changed. Does the change end the pause, or does the "
    "controller go on waiting?",
    choices=("it ends the pause", "the controller goes on waiting"),
)
repair

# %%
old = pod_names("pinned")
with record("pinned", live=True) as again:
    # %kubectl rollout restart daemonset/pinned
    wait_new_pods("pinned", 2, besides=old)
again.plot()

# %%
one, two = sorted(life.created for life in startup(again.history).new)[:2]
print(f"measured: one Pod after {one:.1f} s, the next one {two - one:.1f} s later")
ended = two - one < pauses[3]
repair.compare("it ends the pause" if ended else "the controller goes on waiting")

# %%
assert ended, "less than the last pause before: the pauses began anew"
proved("the pause after the change is shorter than the last one before it")

# %% [markdown]
# The first Pod comes at once, and the pauses begin anew. The controller keeps one pause for each
# DaemonSet, generation of its spec, and node (`failedPodsBackoffKey` in
# [`daemon_controller.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)),
# and a change of the spec gives a new generation. A Pod that you delete is replaced at once, too. But the
# new Pod fails as well, and the pauses go on growing. So repair the template.

# %%
# %kubectl delete daemonset pinned --wait=false

# %% [markdown]
# ### A node that shuts down
#
# With [graceful node shutdown](https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/)
# the kubelet stops the Pods when its machine shuts down. It reports that it is not ready, so the node
# gets the taints `not-ready:NoSchedule` and `not-ready:NoExecute`. Each Pod then has *failed*, with the
# reason `Terminated`. The kubelet rejects every new Pod.
#
# A simulated node joins and shuts down. Its kubelet is **played by hand**: `shut_down` writes through the
# API what a kubelet writes. The controller is real.

# %%
recreated = predict(
    "shutdown-loop",
    "A node shuts down, and its kubelet has ended the Pods of the DaemonSets agent and eager there. "
    "agent has no toleration of its own, and eager tolerates every taint. "
    "Of which one does the controller create new Pods on this node?",
    choices=("agent", "eager", "both", "none"),
)
recreated

# %%
from daemonset_course import add_node, remove_node, wait_rollout
from daemonset_course.lessons import nodes_with, shut_down

(leaving,) = add_node()
# %kubectl apply -f ../manifests/when-a-pod-fails/agent.yaml -f ../manifests/when-nodes-fail/eager.yaml
for app in ("agent", "eager"):
    wait_rollout(app)
with record("eager", live=True) as shutdown:
    shut_down(leaving, rejected=4, mark=shutdown.mark)
    there = [app for app in ("agent", "eager") if leaving in nodes_with(app)]
    remove_node(leaving)  # the machine is off
shutdown.plot()

# %%
recreated.compare({0: "none", 1: "".join(there), 2: "both"}[len(there)])

# %%
# %kubectl get pods -l app=eager -o wide
# %kubectl events --for daemonset/eager --types=Warning

# %%
made = [life for life in startup(shutdown.history).new if life.node == leaving]
assert there == ["eager"]
assert len(made) >= 4
assert {life.last["status"]["reason"] for life in made[:4]} == {"NodeShutdown"}
proved("the controller created four Pods of eager on the node, and none of agent")

# %% [markdown]
# The controller deletes the failed Pods of both. It creates a new one if that tolerates the taints, and
# does not know that the machine shuts down. So `eager` meets the same back-off, until the machine is off
# ([#122912](https://github.com/kubernetes/kubernetes/issues/122912)).

# %%
# %kubectl delete daemonset agent eager --wait=false

# %% [markdown]
# ## The kubelet's back-off
#
# The container of `crashing` ends right after its start, with exit code 1.

# %%
crashed = predict(
    "crashing",
    "The containers of the DaemonSet crashing end right after their start. When its Pods on all "
    "three nodes are in CrashLoopBackOff, how many Pods has the controller created for it in all?",
    unit="Pods",
)
crashed

# %%
paused = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff"
kubectl("delete daemonset crashing --ignore-not-found --cascade=foreground")  # of an earlier run
with record("crashing", live=True) as crashes:
    # %kubectl apply -f ../manifests/when-a-pod-fails/crashing.yaml
    kubectl("wait --for=jsonpath={.status.currentNumberScheduled}=3 ds/crashing --timeout=30s")
    kubectl(f"wait --for={paused} pod -l app=crashing --timeout=100s", timeout=110)
crashes.plot()

# %%
made = startup(crashes.history).new
crashed.compare(len(made), within=0)

# %%
exit_codes = "EXIT-CODE:.status.containerStatuses[0].lastState.terminated.exitCode"
# %kubectl get pods -l app=crashing
# %kubectl get pods -l app=crashing -o custom-columns=POD:.metadata.name,{exit_codes}

# %%
counts = "{.items[*].status.containerStatuses[0].restartCount}"
restarts = kubectl(f"get pods -l app=crashing -o jsonpath={counts}").split()
assert len(made) == len(restarts) == 3
assert all(int(count) > 0 for count in restarts)
assert {life.last["status"]["phase"] for life in made} == {"Running"}
proved("one Pod for each node, none of them failed, and each container was started again")

# %% [markdown]
# The *kubelet* starts the container again in the same Pod, and counts it under RESTARTS. A container of
# a DaemonSet is started again whatever its exit code. The Pod has not failed, so the controller does
# not touch it. The kubelet's pauses double too: by default from 10 seconds to five minutes, for each
# container
# ([Pod Lifecycle](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy)).
#
# ## Whose back-off is it?
#
# | you see | who waits | a new try at once |
# |---|---|---|
# | Pods with new names, `FailedDaemonPod` | the controller | change the spec |
# | no Pod, `FailedCreate` | the controller, because the API server refused the Pod | change the spec |
# | the same Pod, RESTARTS, `CrashLoopBackOff` | the kubelet, for the container | change the template |
# | the same Pod, `ImagePullBackOff` | the kubelet, for the image | change the template |
#
# A change of the template gives new Pods. The kubelet has no pause for a container that is new.
# [Who may say no](../pictures.md#who-may-say-no) has the way from a missing Pod to the component.

# %%
# %kubectl delete daemonset crashing --wait=false

# %% [markdown]
# ## Check yourself
#
# A colleague shows you two clusters. Choose the cause in each. (Lesson [restart-length] has init
# containers.)

# %%
from daemonset_course.lessons import symptom

symptom("rejected-by-the-kubelet")

# %%
symptom("init-container-blocks")

# %% [markdown]
# Commit an answer, then run the cell below it.

# %%
policy = predict(
    "check-restart-policy",
    "A container ends again and again. To stop the restarts, somebody sets restartPolicy: Never in "
    "the template of its DaemonSet. What will the API server do with it?",
    choices=("accepted", "rejected"),
)
policy

# %%
from daemonset_course.lessons import try_kubectl

apply("../manifests/when-a-pod-fails/agent.yaml")
never = '{"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}'
print(said := try_kubectl("patch daemonset agent --dry-run=server -p", never))
policy.compare("rejected" if said else "accepted")

# %% [markdown]
# ## Your turn
#
# `agent` and `shipper` ran on all three workers. Both were changed to RELEASE 2. Of `agent`,
# no worker has a ready Pod now; of `shipper`, one worker has none. Find out whose back-off each one
# meets, and repair both in place. The teams say:
#
# - RELEASE 2 of `agent` stays. It needs 100m of CPU, and it runs on every worker.
# - `shipper` must run the command that it had in RELEASE 1. Whether its RELEASE is 1 or 2 is up to you.

# %%
from daemonset_course.lessons import exercise

turn = exercise("when-a-pod-fails")
turn.start()

# %%
# %kubectl get daemonsets -o wide
# %kubectl get pods -o wide

# %% [markdown]
# Write down whose back-off it is: `controller` or `kubelet`. Use a terminal, or a cell:
# `%kubectl create configmap answer --from-literal=agent=… --from-literal=shipper=…`. Repair `shipper` with
# kubectl, too. For `agent` write the part of the DaemonSet that is to change, from `spec:` on, between
# the quotes. To remove a field, give it the value `null`.
#
# The check judges your two answers; that every worker has a ready Pod of both; that `agent` has RELEASE 2
# and requests what it needs; and that nothing else of the two was changed. They have to be the
# DaemonSets of the start, and the nodes as they were. `turn.hint()` gives one of three hints,
# `turn.solution()` a solution after you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %%
turn.recording.plot()

# %% [markdown]
# Back to the beginning.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A Pod that has failed is replaced by the controller; a container that has ended is started again by
#   the kubelet. Each has a back-off of its own.
# - New names and `FailedDaemonPod`: the controller's back-off, by generation and node.
# - The same name, and RESTARTS that count: the kubelet's back-off, by container.
# - A change of the template ends both.
