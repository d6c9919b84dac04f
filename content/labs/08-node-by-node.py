# %% [markdown]
# # Lab 08: node by node
#
# The agent of this lab must not be restarted by a controller: on each node somebody decides when.
# You will upgrade in an order that is given, stop half way, roll back what was upgraded, and read
# which revision runs where.
#
# It goes with lesson [on-delete-and-rollback]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# Work here, with files, or in a terminal (`course lab start 08`, `course lab check`): all three
# count. `lab.check(n)` judges what the cluster *did*, from the recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("08-node-by-node")

# %% [markdown]
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: the order given
#
# *Change request.* The agent goes from `RELEASE` 1 to `RELEASE` 2. The order is that of the risk:
# worker5, worker2, worker6, worker3, worker4, worker. The next node only when the new Pod of the one
# before is available.

# %%
lab.start(1)

# %%
kubectl("get pods -l app=agent -o wide")

# %% [markdown]
# The full name of each node, by its short name:

# %%
nodes = kubectl("get nodes -o name").split()
full = {node.rpartition("-")[2]: node.removeprefix("node/") for node in nodes}
full["worker5"]

# %% [markdown]
# What the check judges:
#
# - it is the same DaemonSet, with `RELEASE` 2, and nothing else of the Pod's spec has changed;
# - the controller replaced no Pod: each deletion was yours;
# - the nodes got `RELEASE` 2 in the order given, and every node has it;
# - never more than one node was without an available Pod.

# %% [markdown]
# `kubectl delete pod` waits until the old Pod is gone, and not until the new one is ready. The two
# counts that say so are `updatedNumberScheduled` and `numberAvailable` of the DaemonSet's status.

# %%
# STUB: # first the template
# SOLUTION BEGIN
kubectl("set env daemonset/agent RELEASE=2")
# SOLUTION END

# %%
# STUB: # then, node by node: delete, wait
# SOLUTION BEGIN
order = ["worker5", "worker2", "worker6", "worker3", "worker4", "worker"]
for i, node in enumerate(order, 1):
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={full[node]}")
    kubectl(f"wait daemonset agent --for=jsonpath={{.status.updatedNumberScheduled}}={i}")
    kubectl("wait daemonset agent --for=jsonpath={.status.numberAvailable}=6")
# SOLUTION END

# %%
lab.check(1)

# %% tags=["solution"]
verdict = lab.check(1)
assert verdict.passed, verdict

# %% [markdown]
# The picture of what the check has seen:

# %%
lab.recording.plot()

# %%
lab.solution(1)

# %% [markdown]
# Your run beside a reference run, once you have passed. Both begin at 0, the moment at which the
# last new template was applied:

# %%
lab.beside_reference(1)

# %% [markdown]
# ## Task 2: half the fleet, then hold
#
# *Change request.* `RELEASE` 2 on worker2, worker4 and worker6. Then hold for a week: on the other
# three the Pods of today must keep running. Look at `updateStrategy` before you change the template.

# %%
lab.start(2)

# %%
kubectl("get daemonset agent -o jsonpath={.spec.updateStrategy}")

# %% [markdown]
# One question to it: a Pod of `worker` is lost in that week. Which `RELEASE` does its successor have?
# Write it into a ConfigMap: `kubectl create configmap answer --from-literal=next=…`.

# %% [markdown]
# What the check judges:
#
# - worker2, worker4 and worker6 run `RELEASE` 2; the other nodes have the Pods of the start;
# - the controller replaced no Pod, and will replace none (`OnDelete`);
# - nothing else of the Pod's spec has changed;
# - the answer for `next` is what your cluster would do.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  updateStrategy: {type: OnDelete, rollingUpdate: null}
"""
# SOLUTION END
lab.apply(change)

# %%
# STUB: # the template, the Pods of three nodes, the answer
# SOLUTION BEGIN
kubectl("set env daemonset/agent RELEASE=2")
for node in ("worker2", "worker4", "worker6"):
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={full[node]}")
kubectl("create configmap answer --from-literal=next=2")
# SOLUTION END

# %%
lab.check(2)

# %% tags=["solution"]
verdict = lab.check(2)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %%
lab.solution(2)

# %%
lab.beside_reference(2)

# %% [markdown]
# ## Task 3: roll back what was upgraded
#
# *Incident.* `RELEASE` 2 loses data. Half the fleet has it: worker, worker3 and worker5. Bring those
# back to `RELEASE` 1. The Pods of the other nodes hold unsent data: leave them alone.

# %%
lab.start(3)

# %%
kubectl("get pods -l app=agent -o wide -L controller-revision-hash")

# %% [markdown]
# What the check judges:
#
# - every node runs `RELEASE` 1, and the template has it, so that a lost Pod comes back with it;
# - Pods were replaced on worker, worker3 and worker5 only;
# - `updateStrategy` is `OnDelete` at the end, and nothing else of the Pod's spec has changed.

# %%
# STUB: # what goes back, and who replaces the Pods?
# SOLUTION BEGIN
kubectl("rollout undo daemonset agent")
for node in ("worker", "worker3", "worker5"):
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={full[node]}")
# SOLUTION END

# %%
lab.check(3)

# %% tags=["solution"]
verdict = lab.check(3)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %%
lab.solution(3)

# %%
lab.beside_reference(3)

# %% [markdown]
# ## Task 4: name the revision on each node
#
# *Audit.* The template has changed several times, and not every node followed. Which revision runs
# on which node, in the numbers of `kubectl rollout history daemonset agent`? Change nothing.

# %%
lab.start(4)

# %%
kubectl("rollout history daemonset agent")

# %% [markdown]
# Write a ConfigMap `answer` with a key for each worker: `--from-literal=worker=…`,
# `--from-literal=worker2=…`, up to `worker6`.
#
# What the check judges:
#
# - each number is that of the Pod on the node, as it is now;
# - the DaemonSet and its Pods are those of the start.

# %%
# STUB: # look, then write the ConfigMap
# SOLUTION BEGIN
answers = {"worker": 4, "worker2": 2, "worker3": 3, "worker4": 4, "worker5": 2, "worker6": 4}
literals = [f"--from-literal={node}={number}" for node, number in answers.items()]
kubectl("create configmap answer", *literals)
# SOLUTION END

# %%
lab.check(4)

# %% tags=["solution"]
verdict = lab.check(4)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %%
lab.solution(4)

# %% [markdown]
# ## Debrief
#
# Read it after you have tried all four.

# %%
lab.progress()

# %%
lab.debrief()

# %% [markdown]
# ## Clean up
#
# The cluster goes back to the state right after `course up`. Your results stay.

# %%
lab.reset()
