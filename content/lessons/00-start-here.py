# %% [markdown]
# # 00 Start here
#
# After this lesson you can
#
# - look round on the course's cluster,
# - read one timeline, the kind of picture that every lesson draws,
# - say what the status columns of a DaemonSet count.
#
# You know Pods and Deployments; that is enough. Press Shift+Enter to run a cell and go to the
# next one.

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, record, taint, wait_rollout
from daemonset_course.cluster import current, reset
from daemonset_course.recording import step

# %% [markdown]
# ## Where you are
#
# The course runs its own cluster. It has its own kubeconfig and never touches yours. `reset` brings
# it to the state that a lesson starts with, and prints what it had to put right.

# %%
fleet = reset(workers=3)
fleet

# %%
print(kubectl("get nodes"))

# %% [markdown]
# One control plane and three workers. `kubectl(...)` is the real kubectl on this cluster; the same
# commands work in a terminal of JupyterLab (File → New → Terminal).
#
# What is real here depends on the backend:

# %%
state = current().state
print(f"backend {state.backend}, Kubernetes {state.kubernetes}, pace {state.pace:g}")

# %% [markdown]
# - **embedded**: the control plane is real: etcd, kube-apiserver, kube-controller-manager (with the
#   DaemonSet controller) and kube-scheduler. The nodes are simulated: no container runs, but every
#   decision about Pods is Kubernetes' own.
# - **kind**: everything is real, each node is a container.
#
# ## The claim
#
# > A DaemonSet ensures that all eligible nodes run a copy of a Pod. It is the standard way to run
# > per-node infrastructure, such as log collectors and monitoring agents.
#
# This is about the smallest one. Compare it with a Deployment: there is no `replicas`.

# %%
print(Path("../manifests/lesson-00/hello.yaml").read_text())

# %% [markdown]
# ## Predict
#
# Four nodes: how many Pods will there be? Type a number in place of the `...`, then run the cell.
# Nothing happens if you leave it, but a guess makes you look closer.

# %%
pods = predict("00-pods", ..., unit="Pods", question="Four nodes: how many Pods?")
pods

# %% [markdown]
# ## Run
#
# `record` follows what happens while its block runs. `wait_rollout` returns when every node that
# should have a Pod has one that is available.

# %%
with record("hello") as rollout:
    apply("../manifests/lesson-00/hello.yaml")
    wait_rollout("hello")
rollout.plot()

# %% [markdown]
# ## How to read a timeline
#
# - Each **lane** is a node, time runs to the right.
# - Each **bar** is a Pod. Its colour and number say which version of the template it has.
# - Its **shape** says what it is doing: a hollow thin bar is pending, a hatched one runs but is not
#   ready, a full one is ready, a thin full one is terminating.
# - A **numbered mark** is something that was done or that happened; the list below names it.
# - The panel underneath counts the **nodes without an available Pod**.
# - The **sentence** at the bottom is made from the same recording as the picture.

# %%
pods.compare(len(rollout.rollouts[-1].order), within=0)

# %%
assert set(rollout.rollouts[-1].order) == set(fleet.workers)

# %% [markdown]
# Three, not four. The control plane has a taint that this Pod does not tolerate, so the node is not
# *eligible*. Nothing failed, and nothing said so. Lesson 06 is about that.

# %%
print(kubectl(f"get node {fleet.nodes[0]} -o jsonpath={{.spec.taints}}"))

# %% [markdown]
# ## The status columns
#
# A DaemonSet's status is seven numbers. Each counts **nodes**, not Pods.

# %%
wait_rollout("hello")

# %% [markdown]
# | number | counts the nodes that … | column of `kubectl get` |
# |---|---|---|
# | desired | should run the Pod | DESIRED |
# | current | should, and have one, started or not | CURRENT |
# | ready | should, and have one that is ready | READY |
# | updated | should, and have one of the newest template | UP-TO-DATE |
# | available | should, and have one that has been ready for `minReadySeconds` | AVAILABLE |
# | unavailable | should, and have no available one | none |
# | misscheduled | should **not**, but have one | none |

# %%
print(kubectl("get daemonset hello"))

# %% [markdown]
# ### What moves which number?
#
# We taint one worker with `NoExecute`, which also evicts running Pods. Which becomes smaller:
# `"desired"`, or only `"ready"`?

# %%
smaller = predict("00-smaller", ..., question="After the taint: is desired smaller, or only ready?")
smaller

# %%
with record("hello") as tainting:
    taint(fleet.workers[0], "lesson=00:NoExecute")
    kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=2 daemonset/hello --timeout=30s")
    kubectl("wait --for=jsonpath={.status.numberReady}=2 daemonset/hello --timeout=30s")
tainting.plot()

# %%
status = wait_rollout("hello")
smaller.compare("desired" if status.desired < 3 else "only ready")

# %%
assert (status.desired, status.ready, status.unavailable) == (2, 2, 0)

# %% [markdown]
# Both numbers went down together, and `unavailable` is 0: by its own numbers this DaemonSet is
# well. The mistake people make is to watch only whether READY equals DESIRED. DESIRED is the
# controller's opinion of how many nodes are eligible, and it changes.

# %%
taint(fleet.workers[0], "lesson-")
wait_rollout("hello")

# %% [markdown]
# ## Agents that are there already
#
# Every real cluster runs agents of its own before you add any. Here are the DaemonSets of
# `kube-system`, and what one of their Pods has to say. This step needs real containers: on the
# embedded cluster you see a **recording** of it, made on kind, and its label says so.


# %%
@step("00-system-agents", needs="logs")
def agents():
    """The cluster's own agents"""
    names = kubectl("-n kube-system get daemonsets -o name").split()
    counts = "{.status.desiredNumberScheduled} {.status.numberReady}"
    get = {name: kubectl(f"-n kube-system get {name} -o", f"jsonpath={counts}") for name in names}
    ready = {name: text.split() for name, text in get.items()}
    log = kubectl("-n kube-system logs daemonset/kube-proxy --tail=1")
    return {"desired and ready": ready, "a line of kube-proxy's log": log}


agents

# %% tags=["claim-C03"]
found = agents.result["desired and ready"]
assert set(found) >= {"daemonset.apps/kindnet", "daemonset.apps/kube-proxy"}

# %% tags=["claim-C12"]
assert all(numbers == [str(len(fleet.nodes))] * 2 for numbers in found.values())

# %% [markdown]
# `kube-proxy` and `kindnet` (the network of kind) want one Pod on **each** node, and the control
# plane is among them: unlike ours, their templates tolerate its taint. The embedded cluster has none
# of them, because simulated nodes need no network.
#
# ## Check yourself

# %%
q1 = predict(
    "00-check-delete", ..., unit="Pods", question="Delete one Pod: how many a little later?"
)
kubectl("delete", *kubectl("get pods -l app=hello -o name").split()[:1])
wait_rollout("hello")
q1.compare(kubectl("get pods -l app=hello -o name").count("pod/"), within=0)

# %%
q2 = predict("00-check-count", ..., question="Do the seven numbers count 'nodes' or 'pods'?")
q2.compare("nodes")

# %%
q3 = predict("00-check-who", ..., question="Who owns the Pod: the kind of its owner?")
q3.compare(
    str(kubectl("get pods -l app=hello -o jsonpath={.items[0].metadata.ownerReferences[0].kind}"))
)

# %% [markdown]
# ## What to take along
#
# - A DaemonSet has no replica count. The nodes decide.
# - A timeline shows nodes as lanes, Pods as bars, phases as shapes.
# - The status counts nodes, and DESIRED can shrink without a word.
#
# Next: lesson 08 rolls a new version over twelve nodes.
