# %% [markdown]
# # Lab 01: cover the fleet
#
# You will put an agent on every worker, then on the control plane, then on the nodes that join, and
# keep it off those that are not yours.
#
# It goes with lessons [one-pod-per-node] and [taints-and-tolerations]; do those first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# Work as you like: in this notebook, with files, or in a terminal (`course lab start 01`,
# `kubectl`, `course lab check`). `lab.check(n)` judges what the cluster *did*, from the recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("01-cover-the-fleet")

# %% [markdown]
# A check says one of five things: **passed**, **wrong** (with what was seen and the rule behind it),
# **not attempted**, **not yet** (waiting may help) or **cannot check**. Stuck? `lab.hint(1)` gives
# one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: an agent on every worker
#
# The fleet has workers and a control plane, and nothing runs. Write a DaemonSet `agent` that runs
# one Pod on every worker. The container is named `agent` too; the image is `busybox:1.36`, and
# `sh -c "sleep infinity"` is enough of a program.

# %%
lab.start(1)

# %%
kubectl("get nodes")

# %% [markdown]
# What the check judges:
#
# - there is a DaemonSet `agent`, and no other one beside it;
# - each worker has a ready Pod of it, and the control plane has none;
# - on fleets that you have not seen, it would run on the plain workers too;
# - the nodes are as they were, and no Pod was made by hand.

# %% [markdown]
# Write the manifest between the quotes.

# %%
# STUB: manifest = """
# STUB: """
# SOLUTION BEGIN
manifest = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "busybox:1.36", command: [sleep, infinity]}]}
"""
# SOLUTION END
lab.apply(manifest)

# %%
lab.check(1)

# %% tags=["solution"]
verdict = lab.check(1)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %% [markdown]
# Once you have passed, compare your manifest with another solution:

# %%
lab.solution(1)

# %% [markdown]
# ## Task 2: the control plane too
#
# The agent runs on the workers. It is to run on the control plane too, in place, with a toleration
# no wider than that needs.

# %%
lab.start(2)

# %%
kubectl("get nodes -o custom-columns=NODE:.metadata.name,TAINTS:.spec.taints")

# %% [markdown]
# What the check judges:
#
# - every node has a ready Pod of the same DaemonSet;
# - no toleration can be left out, and a node with another taint would get no Pod;
# - nothing else of the Pod's spec has changed, and the nodes are as they were.

# %% [markdown]
# Write the part of the DaemonSet that is to change, or a whole manifest.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {tolerations: [
  {key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]}}}
"""
# SOLUTION END
lab.apply(change)

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
# ## Task 3: nodes that join, and one that is not yours
#
# Somebody has made the agent tolerate every taint. The database team will bring nodes with
# `dedicated=db:NoSchedule`, other teams will bring taints of their own, and none of them wants your
# agent there. On the control plane it stays.

# %%
lab.start(3)

# %%
kubectl("get daemonset agent -o jsonpath={.spec.template.spec.tolerations}")

# %% [markdown]
# What the check judges:
#
# - every node of today has a ready Pod of the same DaemonSet;
# - the checker adds a plain node: it gets a Pod; and one with `dedicated=db:NoSchedule`: it gets
#   none. Then the checker removes them;
# - on fleets that you have not seen, no node with another taint would get a Pod.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {tolerations: [
  {key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]}}}
"""
# SOLUTION END
lab.apply(change)

# %%
lab.check(3)

# %% tags=["solution"]
verdict = lab.check(3)
assert verdict.passed, verdict

# %% [markdown]
# The two nodes that the checker added, and what the controller did there:

# %%
lab.recording.plot()

# %%
lab.solution(3)

# %% [markdown]
# ## Debrief
#
# Read it after you have tried all three.

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
