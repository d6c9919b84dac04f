# %% [markdown]
# # Lab 10: release on a fleet
#
# You will release a new version of a node agent on 100 nodes in three pools. One pool is slow, two
# nodes are dead, and there are two objectives: availability and time.
#
# It goes with lessons [rolling-update], [max-surge] and [at-scale]; do those first.

# %% [markdown]
# ## How this lab works
#
# Work here, with files, or in a terminal: `course lab start 10`, `course lab check`. Each way counts.
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# With 100 nodes that takes longer than in the other labs.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("10-fleet-release")

# %% [markdown]
# `lab.check(n)` judges what the cluster *did*, from the recording. A rollout on 100 nodes takes a
# while: if the check says **not yet**, check again. `lab.hint(n)` gives one of three hints at a time.

# %% [markdown]
# ## Task 1: inside both objectives
#
# *Change request.* The agent goes from `RELEASE` 1 to `RELEASE` 2 on every node that can be reached.
#
# - Availability: at most 12 nodes are without an available agent at one time. Dead nodes count.
# - Time: the rollout takes at most 18 restarts of one agent.
#
# Pool c has old machines. The admission policy `pool-c-is-slow` stands for them: it lets the agents of
# this pool become ready later. Leave it as it is.

# %%
lab.start(1)

# %%
kubectl("get nodes -L pool").splitlines()[:9]

# %%
kubectl("get daemonset agent -o wide")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every node that can be reached, and nothing else in the Pod's spec has changed;
# - never more than 12 nodes were without an available agent, and the budget does not allow more;
# - never more than 15 nodes had two agents;
# - the rollout took at most 18 restarts, a restart being what your own rollout's nodes needed on average;
# - it is the same DaemonSet; the nodes, the dead ones too, and the slow pool are as at the start.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 10}
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
# ## Task 2: a bad image in the middle
#
# *Incident.* `RELEASE` 2 runs in pool a. Before it went on, somebody released `RELEASE` 3, and its image
# cannot be pulled. Bring `RELEASE` 2 to every node that can be reached, inside the objectives.

# %%
lab.start(2)

# %%
kubectl("get daemonset agent")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every node that can be reached, with the image `busybox:1.36`;
# - the nodes that ran `RELEASE` 2 already keep their Pods;
# - never more than 12 nodes were without an available agent: 10 are at the start;
# - the rest took at most 14 restarts;
# - it is the same DaemonSet; the nodes and the slow pool are as at the start.

# %% [markdown]
# YAML or a kubectl command: use either.

# %%
# STUB: change = """
# STUB: """
# STUB: lab.apply(change)
# SOLUTION BEGIN
kubectl("rollout undo daemonset agent")
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
# ## Task 3: rank on your leaderboard
#
# *Change request.* The same release as in task 1, and now it is scored. 50 points are for time: all of
# them if 15 nodes restart at the same time, and nothing waits. 50 points are for availability: all of
# them if no node is ever without an available agent. 75 points pass.

# %%
lab.start(3)

# %%
print(kubectl("explain daemonset.spec.updateStrategy.rollingUpdate"))

# %% [markdown]
# What the check judges:
#
# - everything that task 1 asks for;
# - the score: how long the release took, and how long nodes were without an agent, both in restarts.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 12}
  template:
    spec:
      containers:
      - name: agent
        env: [{name: RELEASE, value: "2"}]
"""
# SOLUTION END
lab.apply(change)

# %%
lab.check(3)

# %% tags=["solution"]
verdict = lab.check(3)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %% [markdown]
# Each pass of this task goes on your leaderboard. It is a file on this machine, `leaderboard.json`.

# %%
lab.leaderboard()

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
