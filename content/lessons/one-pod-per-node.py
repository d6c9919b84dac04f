# %% [markdown]
# # One Pod per node

# %%
from pathlib import Path

from daemonset_course import add_node, apply, kubectl, predict, proved, record, reset, show
from daemonset_course import wait_rollout, wait_settled

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > A DaemonSet keeps exactly one copy of a Pod on every node, or on every node of a subset. There
# > is no replica count: the nodes decide. As nodes join, Pods are added to them. Deleting a DaemonSet
# > cleans up its Pods.
#
# This is our agent; it waits and does nothing else.

# %%
print(Path("../manifests/one-pod-per-node/agent.yaml").read_text())
apply("../manifests/one-pod-per-node/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# `kubectl scale` and an autoscaler change the `replicas` of a Deployment. Try both here.

# %%
from daemonset_course.lessons import try_kubectl

scale = try_kubectl("scale daemonset agent --replicas=5")
autoscale = try_kubectl("autoscale daemonset agent --max=5")
print(scale, autoscale, sep="\n")

# %% tags=["claim-C02"]
assert "could not find the requested resource" in scale
assert "could not find scale subresource" in autoscale
proved("kubectl scale and kubectl autoscale are refused")

# %% [markdown]
# There is nothing to scale. More Pods means more nodes.
#
# ## A node joins
#
# A new node is not ready at once: its kubelet and its network need a moment. `eager` is the same agent,
# except that it tolerates every taint.

# %%
apply("../manifests/one-pod-per-node/eager.yaml")
wait_rollout("eager")
first = predict(
    "one-first",
    "A node joins. The DaemonSets agent and eager will both have a Pod on it, and eager tolerates "
    "every taint. Whose Pod is created first?",
    choices=("agent", "eager"),
)
first

# %%
from daemonset_course.lessons import joining

with record("agent", live=True) as join:
    new_node = add_node()[0]
    wait_rollout("agent")
    wait_rollout("eager")
steps = joining(join.history, new_node, ["agent", "eager"])
show(steps)

# %%
first.compare(min(steps.created, key=steps.created.get))

# %% tags=["claim-C04"]
assert steps.added < steps.untainted < steps.created["agent"]
assert steps.created["eager"] < steps.created["agent"]
proved("eager has a Pod on the new node before agent, which waits until the taint is removed")

# %% [markdown]
# So a Pod is added when the node becomes *eligible*, not when it joins. The API server gives every new
# Node the taint `node.kubernetes.io/not-ready:NoSchedule`
# ([`TaintNodesByCondition`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/plugin/pkg/admission/nodetaint/admission.go)),
# and the node controller removes it once the kubelet reports Ready. An ordinary agent waits for that. A
# network plugin must not wait: without it the node never becomes ready.
#
# Now more workers join, and nobody changes the DaemonSet.

# %%
grown = predict(
    "grown",
    "The agent runs on four workers. Four more join, one of them with the taint "
    "dedicated=db:NoSchedule. How many Pods will the agent have in the end?",
    unit="Pods",
)
grown

# %%
with record("agent", live=True, predicted={"DESIRED": grown}) as growth:
    plain = add_node(count=3)
    tainted = add_node(taints=["dedicated=db:NoSchedule"])
    wait_rollout("agent")
growth.plot()

# %%
from daemonset_course.lessons import count_by_node

grown.compare(sum(count_by_node("agent").values()), within=0)

# %% tags=["claim-C01", "claim-C08", "claim-C11"]
eligible = [*fleet.workers, new_node, *plain]
status = wait_rollout("agent")
assert status.desired == status.ready == len(eligible) == 7
assert count_by_node("agent") == dict.fromkeys(eligible, 1)
proved("each eligible worker has exactly one Pod, and DESIRED and READY are their number")

# %% [markdown]
# The Pods follow the eligible nodes. Lesson [when-nodes-fail] shows what becomes of a Pod whose node is
# removed.
#
# ## Why
#
# The controller asks one function about each node
# ([`NodeShouldRunDaemonPod`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)):
#
# 1. Does the node's name match, if the template gives one?
# 2. Do its labels match `nodeSelector` and the required node affinity?
# 3. Does the Pod tolerate all its `NoSchedule` and `NoExecute` taints?
#
# If so, the node should have one Pod. The controller creates missing Pods and deletes extra ones. So
# "exactly one" is what it works towards, not what you can rely on at every moment. For example, a node
# has none while its Pod is replaced (lesson [rolling-update]).
#
# ## A Pod with another label
#
# To keep a misbehaving Pod for a closer look, people change its label. `twin` is an agent whose Pods
# take six seconds to stop; `RELEASE` stands for its version.

# %%
kubectl("delete daemonset eager --ignore-not-found")
apply("../manifests/one-pod-per-node/twin.yaml")
wait_rollout("twin")
two = predict(
    "two",
    "twin has one Pod on each node. On one node you change the label of its Pod, so that the "
    "selector of twin no longer matches it. How many Pods, with either label, will run there?",
    unit="Pods",
)
two

# %%
here = f"--field-selector spec.nodeName={fleet.workers[0]}"
kubectl("delete pod -l app=quarantine")  # of an earlier run of this cell
# %kubectl label pod -l app=twin {here} app=quarantine --overwrite
kubectl(f"wait --for=create pod -l app=twin {here} --timeout=30s")
wait_rollout("twin")
# %kubectl get pods -l 'app in (twin, quarantine)' {here} -L app
# found = %kubectl get pods -l 'app in (twin, quarantine)' {here} -o name
two.compare(len(found.split()), within=0)

# %% tags=["claim-C01"]
owner = kubectl("get pods -l app=quarantine -o jsonpath={.items[*].metadata.ownerReferences}")
assert (len(found.split()), owner) == (2, "")
proved("the node has two Pods, and the one with the new label has no owner")

# %% [markdown]
# The old Pod lost its owner and runs on. The controller saw a node without a Pod of its own, and created
# one. Both Pods use the node's memory, and its files if they mount a `hostPath`.
#
# ## Deleting
#
# `kubectl delete` has three ways to treat the Pods of a DaemonSet: `--cascade=background` (the default),
# `foreground` and `orphan`. Some deployment tools delete with `background` and create the new version at
# once. `twin-2.yaml` is `twin` with RELEASE 2.

# %%
from daemonset_course.lessons import pod_names, pods_per_node, uids

kubectl("delete pod -l app=quarantine --wait=false")
old = pod_names("twin")
with record("twin", live=True) as handover:
    kubectl("delete daemonset twin --cascade=background --wait=false --ignore-not-found")
    apply("../manifests/one-pod-per-node/twin-2.yaml")
    wait_rollout("twin")
    kubectl("wait --for=delete --timeout=60s pod", *old)
most = max(pods_per_node(handover.timeline).values())
handover.plot(title=f"Deleted and created again: at most {most} Pods on a node")

# %% tags=["claim-C01", "claim-C10"]
assert most == 2
assert not set(pod_names("twin")) & set(old)
proved("on some node the old Pod and the new one were there together; no old one is left")

# %% [markdown]
# The DaemonSet is gone at once. Its Pods are still stopping, and do not belong to the new DaemonSet.
# (`maxSurge` makes two Pods on purpose, see lesson [max-surge].) With `foreground` the DaemonSet stays
# until its last Pod is gone.

# %%
# %kubectl delete daemonset twin --cascade=foreground --ignore-not-found
# %kubectl get pods -l app=twin

# %% tags=["claim-C10"]
assert count_by_node("twin") == {}
proved("with foreground no Pod is left when the DaemonSet is gone")

# %% [markdown]
# A *finalizer* holds the DaemonSet until then: an entry that keeps an object from being removed. The
# garbage collector deletes the Pods, not the DaemonSet controller. It follows their
# [`ownerReferences`](https://kubernetes.io/docs/concepts/architecture/garbage-collection/). Now `orphan`.

# %%
apply("../manifests/one-pod-per-node/twin.yaml")
wait_rollout("twin")
orphans = uids("twin")
# %kubectl delete daemonset twin --cascade=orphan
# %kubectl get pods -l app=twin

# %% tags=["claim-C10"]
owners = kubectl("get pods -l app=twin -o jsonpath={.items[*].metadata.ownerReferences}")
assert count_by_node("twin") == dict.fromkeys(eligible, 1)
assert uids("twin") == orphans
assert owners == ""
proved("each eligible worker still has its Pod, and none of them has an owner")

# %% [markdown]
# All Pods run on, without an owner. A DaemonSet *adopts* Pods that match its selector and have no owner.
# That looks like a way to replace a DaemonSet without a gap: create a new version under the same name,
# and let it roll.

# %%
adopted = predict(
    "adopted",
    "The Pods of twin run RELEASE 1, and twin was deleted with --cascade=orphan. You create it again, "
    "with RELEASE 2. When kubectl rollout status reports success, which RELEASE do the Pods run?",
    choices=("1", "2", "1, 2"),
)
adopted

# %%
apply("../manifests/one-pod-per-node/twin-2.yaml")
# %kubectl rollout status daemonset/twin --timeout=60s
# %kubectl get daemonset twin

# %%
release = "RELEASE:.spec.containers[0].env[0].value"
# %kubectl get pods -l app=twin \
#     -o custom-columns=POD:.metadata.name,{release},TEMPLATE:.metadata.labels.pod-template-generation
# running = %kubectl get pods -l app=twin --no-headers -o custom-columns={release}
adopted.compare(", ".join(sorted(set(running.split()))))

# %%
generation = r"jsonpath={.metadata.annotations.deprecated\.daemonset\.template\.generation}"
carried = "jsonpath={.items[*].metadata.labels.pod-template-generation}"
assert uids("twin") == orphans
assert set(running.split()) == {"1"}
assert kubectl("get daemonset twin -o", generation) == "1"
assert set(kubectl("get pods -l app=twin -o", carried).split()) == {"1"}
proved("every Pod is the same as before and runs RELEASE 1; template and Pods have the number 1")

# %% [markdown]
# ### The mistake people make
#
# They trust `kubectl rollout status` and UP-TO-DATE here. Each DaemonSet counts its templates from 1, and
# its Pods carry that number as a label (column TEMPLATE). The orphans carry 1, and the new DaemonSet is
# at 1 too, so it takes them for up to date
# ([`IsPodUpdated`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/util/daemonset_util.go)).
# The next change of the template replaces them, and so does `kubectl rollout restart`.
#
# ## Zero, without deleting
#
# There is no `--replicas=0`. Select a label that no node has instead.

# %%
# %kubectl patch daemonset twin -p '{"spec": {"template": {"spec": {"nodeSelector": {"parked": "yes"}}}}}'
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=0 daemonset/twin --timeout=30s")
kubectl("wait --for=delete pod -l app=twin --timeout=60s")
# %kubectl get daemonset twin

# %%
assert count_by_node("twin") == {}
assert wait_rollout("twin").desired == 0
proved("twin exists, wants no node, and has no Pod")

# %% [markdown]
# ## Check yourself
#
# A colleague shows you the first output. Choose the cause, and read what the output says about your
# choice. Then answer the second question, and run the cell below it.

# %%
from daemonset_course.lessons import symptom

symptom("held-by-a-finalizer")

# %%
none = predict(
    "one-current",
    "The DaemonSet hungry requests more CPU than any node has. Seven workers are eligible for it. "
    "What will its CURRENT be?",
    unit="nodes",
)
none

# %%
apply("../manifests/one-pod-per-node/hungry.yaml")

# %%
counted = "--for=jsonpath={.status.currentNumberScheduled}=" + str(len(eligible))
kubectl("wait daemonset/hungry --timeout=60s", counted)
wait_settled("app=hungry", pods=len(eligible))
proved("the controller and the scheduler have looked at every worker")

# %%
from daemonset_course.lessons import daemonset_status

# %kubectl get daemonset hungry
none.compare(daemonset_status("hungry").current, within=0)

# %% tags=["claim-C01"]
hungry = daemonset_status("hungry")
assert (hungry.current, hungry.ready) == (len(eligible), 0)
proved("CURRENT counts every eligible worker, and READY none")

# %% [markdown]
# Free CPU is not among the controller's three questions. CURRENT counts nodes for which a Pod *object*
# exists, and the scheduler finds no room for these.
#
# ## Your turn
#
# `agent` runs on three workers in the rack `one`. Two requests arrive.
#
# - More racks are being built. Each worker that joins must get the agent, whatever the value of its label
#   `rack`, or without this label. The nodes stay as they are, and so does the rest of the template.
# - Another team takes `agent` over. Its tool manages only objects that it has created. So delete the
#   DaemonSet and create it again under the same name. Its Pods keep running meanwhile, and the new
#   DaemonSet adopts the Pod of each worker.
#
# At the end UP-TO-DATE must be right: it counts no Pod of an older template. The check lets a node join,
# removes it again, and tries your template on 200 fleets that you have not seen.

# %%
from daemonset_course.lessons import exercise

turn = exercise("one-pod-per-node")
turn.start()

# %%
# %kubectl get daemonset agent

# %% [markdown]
# Type your commands into the next cell, or without the `%` into a terminal of JupyterLab. In the cell
# `turn.apply("""…""")` applies a manifest.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
# Your commands, such as %kubectl get pods, each on a line of its own:

# %%
turn.check()

# %%
turn.recording.plot()

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - The nodes decide how many Pods there are. A Pod is created when its node becomes eligible.
# - "Exactly one" is a goal: none while a Pod waits for room or is replaced, two after a change of its
#   label, or when a DaemonSet is deleted and created at once.
# - `orphan` keeps the Pods. The next DaemonSet adopts them, and may take them for up to date.
