# %% [markdown]
# # Start here
#
# Press Shift+Enter to run a cell and go to the next one. You can rerun any cell. If it then fails, run
# the notebook from the top.
#
# ## Where you are
#
# The course runs its own cluster, with its own kubeconfig, and never touches yours. `reset` brings the
# cluster to the state that a lesson starts with.

# %%
from daemonset_course import reset

fleet = reset(workers=3)
fleet

# %%
# %kubectl get nodes

# %% [markdown]
# One control plane and three workers. `%kubectl` runs the real kubectl on this cluster. Type after it
# what you type at work, or type it without the `%` in a terminal of JupyterLab (File → New → Terminal).
# In Python code the lessons call a function, `kubectl("get nodes")`.
#
# All notebooks use this one cluster, so work in one at a time: the `reset` of another lesson removes
# what this one has made. What is real depends on the backend:

# %%
from daemonset_course import current

print(f"backend {current().state.backend}, Kubernetes {current().state.kubernetes}")

# %% [markdown]
# - **embedded**: the control plane is real, so Kubernetes itself creates, schedules and deletes the
#   Pods. The nodes are simulated: no container runs.
# - **kind**: everything is real. Each node is a container.
#
# ## The claim
#
# > A DaemonSet ensures that all eligible nodes run a copy of a Pod. It is the standard way to run
# > per-node infrastructure, such as log collectors and monitoring agents.
#
# `hello` is a small DaemonSet. Compare it with a Deployment: there is no `replicas`.

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, record, step, wait_rollout

print(Path("../manifests/start-here/hello.yaml").read_text())

# %% [markdown]
# ## Predict
#
# Run the next cell, type your answer into the field, and press *Commit*. By keyboard: Enter in the
# field commits; Tab, then Shift+Enter goes on.

# %%
pods = predict(
    "pods",
    "The cluster has four nodes: one control plane and three workers. "
    "How many Pods will the DaemonSet hello have?",
    unit="Pods",
)
pods

# %% [markdown]
# - The cells that show the result wait for your answer, or for *Show me without a prediction*.
# - Your answers stay on your machine. You may change one; `course forget` in a terminal removes all.
# - Folded cells check what the text says, and print "Proved: …". Run them; you need not read them.
#
# ## Run
#
# `record` follows what happens in its block, and `live=True` shows it at once. `apply` is
# `kubectl apply --server-side`. `wait_rollout` waits until every node that should have a Pod has one
# that is available.

# %%
kubectl("delete daemonset hello --cascade=foreground --ignore-not-found")  # of an earlier run
with record("hello", live=True, predicted={"CURRENT": pods}) as rollout:
    apply("../manifests/start-here/hello.yaml")
    wait_rollout("hello")
rollout.plot()

# %% [markdown]
# How to read this **timeline**:
#
# - Each **lane** is a node, and time runs to the right. Each **bar** is a Pod. Its colour and number are
#   its version of the template.
# - The **shape** of a bar says what the Pod does: hollow and thin is pending, hatched runs but is not
#   ready, full is ready, thin and full is terminating.
# - A **letter** is something that happened; the list below names it.
# - The panel underneath counts the **nodes without an available Pod**. In an update a dashed line is the
#   limit.
# - Move the mouse or the slider: the table shows the DaemonSet's status at that moment. **you** is your
#   prediction.

# %%
pods.compare(len(rollout.rollouts[-1].order), within=0)

# %%
assert set(rollout.rollouts[-1].order) == set(fleet.workers)
proved("the nodes with a Pod are the three workers")

# %% [markdown]
# Three, not four. The control plane has a *taint*, a mark that keeps away Pods that do not tolerate it.
# So this node is not *eligible* (lesson [taints-and-tolerations]).

# %%
# %kubectl get nodes -o custom-columns=NODE:.metadata.name,TAINTS:.spec.taints[*].key

# %% [markdown]
# ## The status columns

# %%
# %kubectl get daemonset hello

# %% [markdown]
# The controller counts seven numbers
# ([`updateDaemonSetStatus`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)),
# and kubectl prints five of them. Each number counts **nodes**, not Pods:
#
# | number | counts the nodes that … | column |
# |---|---|---|
# | desired | should run the Pod: those that are eligible | DESIRED |
# | current | should, and have one, started or not | CURRENT |
# | ready | should, and have one that is ready | READY |
# | updated | should, and their Pod is of the newest template | UP-TO-DATE |
# | available | should, and have one that has been ready for `minReadySeconds` | AVAILABLE |
# | unavailable | should, and have no available one | none |
# | misscheduled | should **not**, but have one | none |
#
# Which numbers move when a release is broken? The next version of `hello` has an image that does not
# exist.

# %%
have_one = predict(
    "start-current",
    "Three nodes run the DaemonSet hello. It gets a new version whose image does not exist: READY "
    "goes down to 2, and the update stops there. What will CURRENT be?",
    unit="nodes",
)
have_one

# %%
with record("hello", live=True, predicted={"CURRENT": have_one}) as broken:
    kubectl("set image daemonset/hello hello=registry.invalid/hello:2")
    kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=1 daemonset/hello --timeout=60s")
    kubectl("wait --for=jsonpath={.status.numberUnavailable}=1 daemonset/hello --timeout=30s")
broken.plot()

# %%
# %kubectl get daemonset hello
# %kubectl get pods -l app=hello

# %%
from daemonset_course.lessons import daemonset_status

stuck = daemonset_status("hello")
have_one.compare(stuck.current, within=0)

# %%
assert (stuck.current, stuck.ready, stuck.updated) == (3, 2, 1)
proved("current is 3, ready is 2, updated is 1")

# %% [markdown]
# Three: one node's Pod is new and waits for its image. So it counts as current and as updated, and not
# as ready. To repair `hello`, apply the good manifest again.

# %%
apply("../manifests/start-here/hello.yaml")
wait_rollout("hello")

# %% [markdown]
# The mistake people make is to look at CURRENT. Look at READY, and compare DESIRED with the number of
# nodes: the control plane has no Pod, and no column counts it.
#
# ## Agents that are there already
#
# A kind cluster has agents of its own, the DaemonSets of `kube-system`. This step needs real containers:
# on the embedded cluster you see a **recording** of it, made on kind, and its label says that.


# %%
@step("system-agents", needs="logs")
def agents():
    """The cluster's own agents"""
    names = kubectl("-n kube-system get daemonsets -o name").split()
    counts = "{.status.desiredNumberScheduled} {.status.numberReady}"
    get = {name: kubectl(f"-n kube-system get {name} -o", f"jsonpath={counts}") for name in names}
    ready = {name: text.split() for name, text in get.items()}
    log = kubectl("-n kube-system logs -l k8s-app=kube-proxy --tail=1").splitlines()[0]
    return {"desired and ready": ready, "measured: the log's last line": log}


agents

# %%
found = agents.result["desired and ready"]
assert set(found) >= {"daemonset.apps/kindnet", "daemonset.apps/kube-proxy"}
assert all(each == [str(len(fleet.nodes))] * 2 for each in found.values())
proved("they include kindnet and kube-proxy; each of them wants and has a Pod on all nodes")

# %% [markdown]
# `kube-proxy` and `kindnet`, the network of kind, have a Pod on **each** of the four nodes. They
# tolerate the taint of the control plane.
#
# ## When something goes wrong
#
# - An error of the course says what failed, what was seen, and usually what to do next.
# - If a cell does not end, press the Stop button (■) above the notebook, then run the cell again.
# - If that does not help, choose Kernel → Restart Kernel, and run the notebook from the top. Its
#   `reset` puts the cluster right; `course reset` in a terminal does the same.
# - If nothing works any more, `course doctor` in a terminal says what keeps the course from running,
#   and how to correct it. `examine` does so in a notebook; an empty list means that nothing is wrong.

# %%
from daemonset_course.lessons import examine

[finding for finding in examine() if finding.level == "bad"]

# %% [markdown]
# ## Check yourself
#
# A colleague shows you the first output. Choose the cause, and read what the output says about your
# choice. Then answer the second question, and run the cell below it.

# %%
from daemonset_course.lessons import symptom

symptom("image-not-pulled")

# %%
q1 = predict(
    "check-delete",
    "You delete one of the three Pods of hello with kubectl. How many will there be a little later?",
    unit="Pods",
)
q1

# %%
one = kubectl("get pods -l app=hello -o name").split()[0]
# %kubectl delete {one}
wait_rollout("hello")
q1.compare(kubectl("get pods -l app=hello -o name").count("pod/"), within=0)

# %% [markdown]
# ## Your turn
#
# A DaemonSet `agent` runs on three workers. Break it on purpose, as you would to try an alert, read its
# status, and repair it.
#
# 1. Give `agent` an image that no kubelet can pull: `registry.invalid/agent:2`. Wait until
#    `kubectl get pods` shows a Pod without its image.
# 2. Read `kubectl get daemonset agent`. Which columns have another number than at the start? Write their
#    names, as kubectl prints them, into a ConfigMap, with commas between them:
#    `kubectl create configmap answer --from-literal=moved=…`. To correct the answer, delete the
#    ConfigMap `answer` first.
# 3. Repair `agent`: the same DaemonSet, with the image of the start and nothing else changed, and a ready
#    Pod on each worker.

# %%
from daemonset_course.lessons import exercise

turn = exercise("start")
turn.start()

# %%
# %kubectl get daemonset agent

# %% [markdown]
# `watch` shows a DaemonSet live while you run other cells, or type in a terminal.

# %%
from daemonset_course.lessons import watch

view = watch("agent")
view

# %% [markdown]
# Type your commands into the next cell, or without the `%` into a terminal of JupyterLab. Then run
# `turn.check()`; the picture under it shows all that happened since the start.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
# Your commands, such as %kubectl get pods, each on a line of its own:

# %%
turn.check()

# %%
turn.recording.plot()

# %%
view.stop()
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A DaemonSet has no replica count. The nodes decide.
# - A timeline shows nodes as lanes, Pods as bars, and what a Pod does as the shape of its bar.
# - The status counts eligible nodes. CURRENT counts Pods that never start; READY does not.
# - In trouble: run the lesson from the top, `course reset`, `course doctor`.
#
# The folder `labs` has longer exercises. What you have passed so far:

# %%
from daemonset_course.lessons import lab_progress

lab_progress()
