# %% [markdown]
# # Lab 06: roll within a budget
#
# You will release a new version of a node agent on 12 nodes: inside a maintenance window, around a
# dead machine, and out of a failed release.
#
# It goes with lesson [rolling-update]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# You change the DaemonSet here, or with `kubectl` in a terminal: both count. `lab.check(n)` judges
# what the cluster *did*, from that recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("06-roll-within-budget")

# %% [markdown]
# A check says one of five things: **passed**, **wrong** (with what was seen and the rule behind it),
# **not attempted**, **not yet** (the rollout still goes on) or **cannot check** (for example, the
# cluster was reset by another notebook).

# %% [markdown]
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: the maintenance window
#
# *Change request.* The agent goes from `RELEASE` 1 to `RELEASE` 2 on all 12 nodes. The nodes take
# payments: at most 2 of them may be without an agent at any instant. The window is as long as 9
# restarts of one agent.

# %%
lab.start(1)

# %%
kubectl("get daemonset agent -o wide")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every node, and nothing else in the pod's spec has changed;
# - never more than 2 nodes were without an available agent, and the budget does not allow more;
# - the rollout took no longer than 9 restarts, a restart being what your own rollout's nodes needed on
#   average, with the controller's pause before the next: a slow machine is no disadvantage.

# %% [markdown]
# Write the part of the DaemonSet that is to change, or a whole manifest, between the quotes.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 2}
  template:
    spec:
      containers:
      - name: agent
        env: [{name: RELEASE, value: "2"}]
"""
# SOLUTION END
lab.apply(change)

# %%
lab.check(1)

# %% tags=["solution"]
verdict = lab.check(1)
assert verdict.passed, verdict

# %% [markdown]
# The picture of what the check has seen:

# %%
lab.recording.plot()

# %% [markdown]
# Once you have passed, compare your manifest with another solution:

# %%
lab.solution(1)

# %% [markdown]
# Your run beside a reference run, once you have passed. Both begin at 0, the moment at which the
# last new template was applied:

# %%
lab.beside_reference(1)

# %% [markdown]
# ## Task 2: one machine is dead
#
# *Incident.* The same release, the same 12 nodes. In the night one machine died: its kubelet is
# silent. It stays dead until the technician comes, and its Node object must stay, with the labels
# that the inventory reads.

# %%
lab.start(2)

# %%
kubectl("get nodes -l '!node-role.kubernetes.io/control-plane'")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every node that can be reached;
# - never more than 2 nodes were without an available agent: the dead one counts;
# - it is the same DaemonSet, and every Node object is still there;
# - the rollout took no longer than 16 restarts.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 2}
  template:
    spec:
      containers:
      - name: agent
        env: [{name: RELEASE, value: "2"}]
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

# %%
lab.beside_reference(2)

# %% [markdown]
# ## Task 3: the release that cannot start
#
# *Incident.* A colleague released version 2 with an image that no registry has. The rollout has
# stood still since; one node has no agent. Bring every node back to a running agent.

# %%
lab.start(3)

# %%
kubectl("get pods -l app=agent -o wide")

# %% [markdown]
# What the check judges:
#
# - every node runs the agent, from the agent's own image; which `RELEASE` is up to you;
# - never more than 1 node was without an available agent: not one more than now;
# - it is the same DaemonSet.

# %% [markdown]
# Here a kubectl command may serve you better than YAML: use either.

# %%
# STUB: change = """
# STUB: """
# STUB: lab.apply(change)
# SOLUTION BEGIN
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

# %%
lab.beside_reference(3)

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
