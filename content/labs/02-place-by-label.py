# %% [markdown]
# # Lab 02: place by label
#
# You will decide with labels on which nodes an agent runs: in place, while hardware moves, at zero,
# and on all nodes but one.
#
# It goes with lesson [node-selector]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# Work here, with files, or with `kubectl` in a terminal: all three count. In a terminal,
# `course lab start 02` and `course lab check` do the same. `lab.check(n)` judges what the cluster
# *did*, from that recording.

# %%
from daemonset_course import current, kubectl, label
from daemonset_course.lessons import open_lab

lab = open_lab("02-place-by-label")

# %% [markdown]
# A check says one of five things: **passed**, **wrong** (with what was seen and the rule behind it),
# **not attempted**, **not yet** (waiting can still help) or **cannot check** (for example, no recording
# of this task).
#
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: only the nodes with an SSD
#
# *Change request.* `agent` runs on six workers. It caches data, and is to run only where the disk is fast:
# on the nodes with `disk=ssd`, of today and of tomorrow.

# %%
lab.start(1)

# %%
kubectl("get nodes -L disk,topology.kubernetes.io/zone")

# %% [markdown]
# What the check judges:
#
# - every node with `disk=ssd` has a ready Pod of `agent`, and no other node has one;
# - it is the same DaemonSet, changed in place, and nothing else of its Pod spec has changed;
# - the labels and taints of the nodes are as they were;
# - the template is right on 200 other fleets too: nodes may have another disk or no label `disk`, and
#   a node with a taint is not yours.

# %% [markdown]
# Write the part of the DaemonSet that is to change, or a whole manifest, between the quotes.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      nodeSelector: {disk: ssd}
"""
# SOLUTION END
lab.apply(change)

# %%
lab.check(1)

# %% tags=["solution"]
verdict = lab.check(1)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %%
lab.solution(1)

# %% [markdown]
# ## Task 2: the SSD moves
#
# *Change request.* The SSD of `worker2` was plugged into `worker5`. The inventory, and your agent, read the
# label `disk`. At every moment at least 2 nodes must have a ready Pod of `agent`.

# %%
lab.start(2)

# %%
kubectl("get nodes -L disk")

# %% [markdown]
# What the check judges:
#
# - `disk=ssd` is on `worker` and `worker5`, and on no other node; no other label was changed;
# - at every moment since `lab.start`, at least 2 nodes had a ready Pod;
# - `agent` now runs on the nodes with `disk=ssd` and nowhere else; it is the same DaemonSet.

# %% [markdown]
# `label` and `kubectl` change nodes from here; a terminal does as well. `current().workers()` is the list of
# the workers' full names.

# %%
# STUB: change = """
# STUB: """
# STUB: lab.apply(change)
# SOLUTION BEGIN
nodes = current().workers()
label(nodes[4], disk="ssd")
kubectl("wait --for=jsonpath={.status.numberReady}=3 daemonset/agent")
label(nodes[1], disk="hdd")
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

# %% [markdown]
# ## Task 3: parked at zero, and back
#
# *Incident.* `agent` fills the disks. Stop it on all nodes, but keep the DaemonSet: its history is needed.
# Later, bring it back on the same nodes. Do both; then run the check.

# %%
lab.start(3)

# %%
kubectl("get daemonset agent -o wide")

# %% [markdown]
# What the check judges:
#
# - at one moment `agent` had no Pod at all, and its template matched no node;
# - now it runs on the nodes with `disk=ssd` again, and on no other node;
# - it is the same DaemonSet; its Pod spec is as it was, and so are the nodes' labels.

# %%
# STUB: change = """
# STUB: """
# STUB: lab.apply(change)
# SOLUTION BEGIN
park = '{"spec": {"template": {"spec": {"nodeSelector": {"parked": "yes"}}}}}'
kubectl("patch daemonset agent -p", park)
kubectl("wait --for=delete pod -l app=agent")
kubectl("rollout undo daemonset agent")
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

# %% [markdown]
# ## Task 4: every node but one
#
# *Incident.* `worker3` is examined after a break-in: no agent may run there. All other workers keep theirs,
# and new nodes get one. Other teams read the labels that the nodes have.

# %%
lab.start(4)

# %%
kubectl("get nodes --show-labels")

# %% [markdown]
# What the check judges:
#
# - every worker but `worker3` has a ready Pod of `agent`, and `worker3` has none;
# - no label that a node had was changed, and no taint or cordon was added; a label with a new key is
#   allowed;
# - it is the same DaemonSet, and nothing else of its Pod spec has changed;
# - on 200 other fleets, every node without a taint gets an agent.

# %% [markdown]
# A value is the full name of a node, as `kubectl get nodes` shows it.

# %%
name = current().workers()[2]
name

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
rule = f"{{key: kubernetes.io/hostname, operator: NotIn, values: [{name}]}}"
change = f"""
spec:
  template:
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms: [{{matchExpressions: [{rule}]}}]
"""
# SOLUTION END
lab.apply(change)

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
# Read it after you have tried all tasks.

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
