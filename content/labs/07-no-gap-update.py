# %% [markdown]
# # Lab 07: no-gap update
#
# You will free a surge that hangs, roll out a release without a gap on any node, prove it, and do it
# again where a node has no room for a second Pod.
#
# It goes with lesson [max-surge]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# You change the DaemonSet here, with files, or with `kubectl` in a terminal
# (`course lab start 07`, `course lab check`): all of them count. `lab.check(n)` judges what the
# cluster *did*, from that recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("07-no-gap-update")

# %% [markdown]
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: free the surge that hangs
#
# *Incident.* `RELEASE` 2 of the agent is being rolled out with `maxSurge: 1`, and stands still. The
# old Pods are all ready. Nobody reads port 9100 of the nodes any more: Prometheus finds the Pods and
# reads port 9100 of each.

# %%
lab.start(1)

# %%
kubectl("get pods -l app=agent -o wide")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every worker, and nothing else in the Pod's spec has changed but the ports;
# - every worker had a ready Pod of the agent at every moment since the start;
# - it is the same DaemonSet, and the nodes are as they were.

# %% [markdown]
# Write the part of the DaemonSet that is to change, or a whole manifest, between the quotes. (A list
# such as `ports` is merged item by item: to take a field away, set it to `null`.)

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      containers:
      - name: agent
        ports: [{containerPort: 9100, hostPort: null}]
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
# ## Task 2: no gap, now and next time, and the proof
#
# *Change request.* The agent goes from `RELEASE` 1 to `RELEASE` 2 on all 8 workers. No worker may be
# without a ready agent at any instant: not in this rollout, and not in the next one. As a proof say
# how many Pods of the agent there were at most at one time (Pods that are Terminating not counted).

# %%
lab.start(2)

# %%
kubectl("get daemonset agent -o yaml")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every worker, and nothing else in the Pod's spec has changed but the ports;
# - every worker had a ready Pod of the agent at every moment since the start;
# - the ConfigMap `answer` has the number of Pods under `most`;
# - the next rollout goes through as well, without a gap: the checker starts one with your template,
#   watches it, and undoes it.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    spec:
      containers:
      - name: agent
        ports: [{containerPort: 9100, hostPort: null}]
        env: [{name: RELEASE, value: "2"}]
"""
# SOLUTION END
lab.apply(change)

# %%
kubectl("rollout status daemonset agent --timeout=120s")

# %%
lab.recording.plot()

# %%
# STUB: # kubectl("create configmap answer --from-literal=most=...")
# SOLUTION BEGIN
kubectl("create configmap answer --from-literal=most=9")
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
# ## Task 3: a node without room for a second Pod
#
# *Incident.* `RELEASE` 2 is being rolled out with `maxSurge: 1`, and stands still. This time the
# agent has no port of its node. It requests 300m of CPU; measured, it needs 100m. `shop` earns the
# money, and stays as it is.

# %%
lab.start(3)

# %%
kubectl("get pods -o wide")

# %% [markdown]
# What the check judges:
#
# - `RELEASE` is 2 on every worker, and nothing else in the Pod's spec has changed but the resources;
# - the agent requests at least 100m of CPU;
# - every worker had a ready Pod of the agent at every moment since the start;
# - `shop` and its Pod are as they were.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      containers:
      - name: agent
        resources: {requests: {cpu: 100m}}
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
