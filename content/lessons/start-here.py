# %% [markdown]
# # Start here
#
# Press Shift+Enter to run a cell and go to the next one, from the top to the end. You may run a
# cell again; if it then complains, begin at the top.

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, record, reset, step, wait_rollout
from daemonset_course.lessons import daemonset_status

# %% [markdown]
# ## Where you are
#
# The course runs its own cluster. It has its own kubeconfig and never touches yours. `reset` brings
# the cluster to the state that a lesson starts with, and prints what it had to put right.
#
# All notebooks use this one cluster, so work in one notebook at a time: the `reset` of another lesson
# removes what this lesson has made.

# %%
fleet = reset(workers=3)
fleet

# %%
# %kubectl get nodes -o name

# %% [markdown]
# One control plane and three workers. `%kubectl` runs the real kubectl on this cluster: type after
# it what you type at work. `pods = %kubectl get pods` keeps the text. In Python code the lessons
# call the function, `kubectl("get pods")`. The same commands work in a terminal of JupyterLab
# (File → New → Terminal).
#
# What is real here depends on the backend:

# %%
from daemonset_course import current

state = current().state
print(f"backend {state.backend}, Kubernetes {state.kubernetes}, pace {state.pace:g}")

# %% [markdown]
# - **embedded**: the control plane is real: etcd, kube-apiserver, kube-controller-manager (with the
#   DaemonSet controller) and kube-scheduler. The nodes are simulated: no container
#   runs, but Kubernetes itself creates, schedules and deletes the Pods.
# - **kind**: everything is real, each node is a container.
#
# The pace stretches or shortens simulated steps. 1 is the pace for learners; a smaller one is quicker.
#
# ## The claim
#
# > A DaemonSet ensures that all eligible nodes run a copy of a Pod. It is the standard way to run
# > per-node infrastructure, such as log collectors and monitoring agents.
#
# This is about the smallest one. Compare it with a Deployment: there is no `replicas`.

# %%
print(Path("../manifests/start-here/hello.yaml").read_text())

# %% [markdown]
# ## Predict
#
# Before an experiment the course asks what you expect. Run the next cell: a question and a field
# appear. Type your answer into the field and press *Commit*, then run on. By keyboard: Enter in the
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
# - The cells that show the results of the experiment do not run until you have committed an answer. To
#   see the results without one, press *Show me without a prediction*, then run the cell again.
# - Your answers are kept on your machine only, in `predictions.json` in the course's state folder. You
#   may change an answer; the first one is kept beside it. `course forget` in a terminal removes them.
# - Some cells are folded. They only check what the text says, and end in one line, "Proved: …". Run
#   them like the others; you need not read them.
#
# ## Run
#
# `record` follows what happens while its block runs; with `live=True` you see it as it happens.
# `apply` is `kubectl apply --server-side`. `wait_rollout` returns when every node that should have a
# Pod has one that is available.

# %%
kubectl("delete daemonset hello --cascade=foreground --ignore-not-found")  # of an earlier run
with record("hello", live=True, predicted={"CURRENT": pods}) as rollout:
    apply("../manifests/start-here/hello.yaml")
    wait_rollout("hello")
rollout.plot()

# %% [markdown]
# ## How to read a timeline
#
# - Each **lane** is a node, time runs to the right. Three or more nodes on which nothing happens
#   share a lane; a list below has their names.
# - Each **bar** is a Pod. Its colour and number say which revision (version of the template) it has.
# - Its **shape** says what it is doing: a hollow thin bar is pending, a hatched one runs but is not
#   ready, a full one is ready, a thin full one is terminating.
# - A **letter** is something that was done or that happened; the list below names it.
# - The panel underneath counts the **nodes without an available Pod**. In an
#   update a dashed line shows how many it may take at once; nothing limits a first start.
# - **Move the mouse** over it, or the slider, or press the arrow keys there: a cursor says what each
#   Pod does at that moment, and the table what the DaemonSet's status says.
# - **you** is your prediction, if you committed one: a row of that table, or a dashed line.
# - The **sentence** at the bottom is made from the same recording as the picture.
#
# And your prediction, beside the nodes of the last rollout in the recording:

# %%
pods.compare(len(rollout.rollouts[-1].order), within=0)

# %%
assert set(rollout.rollouts[-1].order) == set(fleet.workers)
proved("the nodes with a Pod are the three workers")

# %% [markdown]
# Three, not four. The control plane has a *taint*, a mark that keeps away all Pods that do not
# tolerate it. So this node is not *eligible*. Nothing failed, and no message says that a
# node was left out (lesson [taints-and-tolerations]).

# %%
# %kubectl get node {fleet.nodes[0]} -o jsonpath={.spec.taints}

# %% [markdown]
# ## The status columns
#
# The status of a DaemonSet has seven numbers. Each counts **nodes**, not Pods. DESIRED counts the
# nodes that pass `NodeShouldRunDaemonPod`, the controller's rule for a node, and most of the others
# look at the Pod of each such node; if there are two, at the oldest one that is bound to the node
# ([`updateDaemonSetStatus`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/controller/daemon/daemon_controller.go)).

# %%
wait_rollout("hello")

# %% [markdown]
# | number | counts the nodes that … | column of `kubectl get` |
# |---|---|---|
# | desired | should run the Pod | DESIRED |
# | current | should, and have one, started or not | CURRENT |
# | ready | should, and have one that is ready | READY |
# | updated | should, and their Pod is of the newest template | UP-TO-DATE |
# | available | should, and have one that has been ready for `minReadySeconds` | AVAILABLE |
# | unavailable | should, and have no available one | none |
# | misscheduled | should **not**, but have one | none |

# %%
# %kubectl get daemonset hello

# %% [markdown]
# ### What moves which number?
#
# First a new version whose image does not exist.

# %%
have_one = predict(
    "start-current",
    "Three nodes run the DaemonSet hello. It gets a new version whose image does not exist: READY "
    "goes down to 2, and the update stops there. What will CURRENT be?",
    unit="nodes",
)
have_one

# %%
kubectl("set image daemonset/hello hello=registry.invalid/hello:2")
kubectl("wait --for=jsonpath={.status.updatedNumberScheduled}=1 daemonset/hello --timeout=60s")
kubectl("wait --for=jsonpath={.status.numberUnavailable}=1 daemonset/hello --timeout=30s")

# %%
stuck = daemonset_status("hello")
have_one.compare(stuck.current, within=0)

# %%
assert (stuck.current, stuck.ready, stuck.updated) == (3, 2, 1)
proved("current is 3, ready is 2, updated is 1")

# %% [markdown]
# Three: one node's Pod is new, and waits for its image. So it counts as current and as updated, and
# not as ready. Back to the old version.

# %%
apply("../manifests/start-here/hello.yaml")
wait_rollout("hello")

# %% [markdown]
# Then we ask that a Pod be ready for an hour (`minReadySeconds`) before it is called available.

# %%
kubectl("patch daemonset hello --patch", '{"spec": {"minReadySeconds": 3600}}')
kubectl("wait --for=jsonpath={.status.numberUnavailable}=3 daemonset/hello --timeout=30s")

# %%
young = daemonset_status("hello")
young

# %%
assert (young.ready, young.updated, young.available) == (3, 3, 0)
proved("ready and updated are 3, available is 0")

# %%
kubectl("patch daemonset hello --patch", '{"spec": {"minReadySeconds": 0}}')
wait_rollout("hello")

# %% [markdown]
# All are ready, none is available, and no Pod was replaced: only the condition for "available" changed.
#
# Now we taint one worker with the effect `NoExecute`, which also ends Pods that run.

# %%
smaller = predict(
    "smaller",
    "One of the three workers gets a taint with the effect NoExecute, and its Pod ends. "
    "Which number of the DaemonSet becomes smaller: desired, ready, or both?",
    choices=("desired", "ready", "both"),
)
smaller

# %%
from daemonset_course import taint

there = f"-l app=hello --field-selector spec.nodeName={fleet.workers[0]}"
with record("hello", live=True) as tainting:
    taint(fleet.workers[0], "lesson=00:NoExecute")
    kubectl(f"wait --for=delete pod {there} --timeout=30s")
    wait_rollout("hello")

# %%
kubectl("wait --for=jsonpath={.status.desiredNumberScheduled}=2 daemonset/hello --timeout=30s")
kubectl("wait --for=jsonpath={.status.numberReady}=2 daemonset/hello --timeout=30s")
assert wait_rollout("hello").unavailable == 0
proved("after the taint the DaemonSet's status has settled")

# %%
status = daemonset_status("hello")
tainting.plot(title=f"After the taint: desired {status.desired}, ready {status.ready}")

# %%
after = {"desired": status.desired, "ready": status.ready}
fewer = [name for name, number in after.items() if number < 3]
smaller.compare("both" if len(fewer) == 2 else ", ".join(fewer))

# %%
assert (status.desired, status.ready, status.unavailable) == (2, 2, 0)
assert (status.current, status.updated, status.available) == (2, 2, 2)
proved("five of the seven numbers are 2; unavailable is 0")

# %% [markdown]
# Both went down together, and `unavailable` is 0: by its own numbers this DaemonSet is healthy. The
# mistake people make is to watch only whether READY equals DESIRED. DESIRED is the number of nodes
# that the controller finds eligible, and it changes.

# %%
taint(fleet.workers[0], "lesson-")
wait_rollout("hello")

# %% [markdown]
# ## Watch it while you work elsewhere
#
# `watch` shows a DaemonSet live while you run other cells, or use `kubectl` in a terminal. It ends
# with its *Stop* button, or with `stop()`.

# %%
from daemonset_course.lessons import watch

view = watch("hello")
view

# %% [markdown]
# The next cell replaces all Pods of `hello`. You may type the same command in a terminal.

# %%
# %kubectl rollout restart daemonset/hello

# %%
wait_rollout("hello")
view.stop()

# %% [markdown]
# ## Agents that are there already
#
# A kind cluster runs agents of its own before you add any. Here are the DaemonSets of `kube-system`,
# and the last line of one Pod's log. This step needs real containers: on the embedded cluster you
# see a **recording** of it, made on kind; its label shows it.


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

# %% tags=["claim-C03"]
found = agents.result["desired and ready"]
assert set(found) >= {"daemonset.apps/kindnet", "daemonset.apps/kube-proxy"}
proved("the cluster's own agents include kindnet and kube-proxy")

# %%
numbers = agents.result["desired and ready"].values()
assert all(each == [str(len(fleet.nodes))] * 2 for each in numbers)
proved("desired and ready of each of them are the number of all nodes")

# %% [markdown]
# `kube-proxy` and `kindnet` (the network of kind) want and have a Pod on **each** of the four nodes,
# the control plane among them: they tolerate its taint. The embedded cluster has neither, because
# simulated nodes need no network.
#
# ## When something goes wrong
#
# An error of the course says what failed, what was seen, and mostly what to do next.

# %%
from daemonset_course import CourseError

try:
    wait_rollout("helo")
except CourseError as error:
    print(error)

# %% [markdown]
# - If a cell does not end, press the Stop button (■) above the notebook, then run the cell again.
# - If that does not help, choose Kernel → Restart Kernel, and begin at the top.
# - If the cluster is in a state that the lesson does not expect, run the lesson again from the top:
#   `reset` is in its first cells. In a terminal of JupyterLab `course reset` does the same.
# - If nothing works any more, `course doctor` names what keeps the course from running, each with its
#   cure; so does `examine`.

# %%
from daemonset_course.lessons import examine

[finding for finding in examine() if finding.level == "bad"]

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("image-not-pulled")

# %% [markdown]
# Commit an answer to each, then run the cell below it.

# %%
q1 = predict(
    "check-delete",
    "You delete one of the three Pods of hello with kubectl. How many will there be a little later?",
    unit="Pods",
)
q1

# %%
kubectl("delete", *kubectl("get pods -l app=hello -o name").split()[:1])
wait_rollout("hello")
q1.compare(kubectl("get pods -l app=hello -o name").count("pod/"), within=0)

# %%
q2 = predict(
    "start-check-who",
    "Each Pod of hello names its owner in metadata.ownerReferences. Of which kind is that owner?",
    choices=("Deployment", "ReplicaSet", "DaemonSet", "Node"),
)
q2

# %%
q2.compare(
    str(kubectl("get pods -l app=hello -o jsonpath={.items[0].metadata.ownerReferences[0].kind}"))
)

# %%
q3 = predict(
    "check-all",
    "All three workers get a taint with the effect NoExecute. How many nodes will the DaemonSet's "
    "status count as unavailable?",
    unit="nodes",
)
q3

# %%
kubectl("taint nodes --overwrite", *fleet.workers, "lesson=00:NoExecute")
kubectl("wait --for=delete pod -l app=hello --timeout=30s")
q3.compare(wait_rollout("hello").unavailable, within=0)

# %% [markdown]
# Zero: with no eligible node, none can be unavailable. Back to the beginning.

# %%
reset(workers=3)
None

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
# Type your commands into the next cell, or without the `%` into a terminal of JupyterLab. You may run
# the cell as often as you like, with other commands.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
# Your commands, such as %kubectl get pods, each on a line of its own:

# %%
turn.check()

# %% [markdown]
# The picture shows all that happened since the start of the exercise.

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
# - A DaemonSet has no replica count. The nodes decide.
# - A timeline shows nodes as lanes, Pods as bars, phases as shapes.
# - The status counts nodes, and DESIRED can shrink without a message.
# - In trouble: run the lesson from the top, `course reset`, `course doctor`.
#
# Labs are in the folder `labs`: a prepared cluster, a few tasks, and a check of what the cluster
# did. What you have passed so far (in a terminal: `course progress`):

# %%
from daemonset_course.lessons import lab_progress

lab_progress()
