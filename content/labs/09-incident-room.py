# %% [markdown]
# # Lab 09: the incident room
#
# Five agents run on eight machines: `logs`, `metrics`, `net`, `storage` and `security`. In each task
# one of them is broken. You get what people on call get: a symptom. The cause is yours to find.
#
# It goes with the lessons [stuck-rollouts] and [watching]; do those first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# Work here, with files, or in a terminal (`course lab start 09`, `course lab check`): all three
# count. `lab.check(n)` judges what the cluster *did*, from the recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("09-incident-room")

# %% [markdown]
# The same holds in all five tasks:
#
# - the broken DaemonSet is repaired in place: the same object, with the same selector;
# - nothing of it is changed beside what was broken;
# - the other four DaemonSets, the Node objects, their labels and taints stay as they are;
# - at the end its rollout is complete.
#
# Stuck? [Who may say no](../pictures.md#who-may-say-no) has the way from a symptom to its cause, and
# `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: logs, one machine is silent
#
# *Symptom.* The lines of one machine have been missing since last night. `kubectl get daemonset`
# shows the same number in every column, no Pod restarts, and there is no event.

# %%
lab.start(1)

# %%
kubectl("get daemonsets")

# %% [markdown]
# What the check judges, beside what holds in all tasks:
#
# - `logs` runs on every worker, and not on the control plane;
# - of its Pod's spec only the tolerations may differ.

# %%
# STUB: # find the cause, then repair it
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      tolerations:
      - {key: dedicated, operator: Equal, value: batch, effect: NoSchedule}
"""
lab.apply(change)
# SOLUTION END

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
# ## Task 2: metrics, no machine reports
#
# *Symptom.* `metrics` was released this morning, and no machine reports: READY is 0 of 8. The scrapers
# look up the port, so that any port of the machine will do.

# %%
lab.start(2)

# %%
kubectl("get pods -l app=metrics -o wide")

# %% [markdown]
# What the check judges, beside what holds in all tasks:
#
# - `metrics` has a port of the machine, and runs on every worker;
# - of its Pod's spec only the ports may differ.

# %%
# STUB: # find the cause, then repair it
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      containers:
      - {name: metrics, ports: [{containerPort: 8080, hostPort: 9102}]}
"""
lab.apply(change)
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
# ## Task 3: net, the release does not begin
#
# *Symptom.* `RELEASE` 2 cures a loss of packets and was released an hour ago: UP-TO-DATE is 0. Nothing
# crashes, and no image is missing. At most two machines may be without `net` at a time.

# %%
lab.start(3)

# %%
kubectl("get daemonset net -o wide")

# %% [markdown]
# What the check judges, beside what holds in all tasks:
#
# - every machine that can be reached runs `RELEASE` 2;
# - never more than two machines were without an available Pod, whatever the reason;
# - the Pod's spec is as it was; `updateStrategy` may differ.

# %%
# STUB: # find the cause, then repair it
# SOLUTION BEGIN
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 2}
"""
lab.apply(change)
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
# ## Task 4: storage, half the machines attach no volume
#
# *Symptom.* Since `RELEASE` 2 half the machines attach no volume, and the release stands still. Which
# `RELEASE` runs in the end is up to you.

# %%
lab.start(4)

# %%
kubectl("get daemonset storage -o wide")

# %% [markdown]
# What the check judges, beside what holds in all tasks:
#
# - every worker runs the template, with images of our own;
# - of its Pod's spec only `RELEASE` and the image that was wrong may differ.

# %%
# STUB: # find the cause, then repair it
# SOLUTION BEGIN
kubectl("set image daemonset/storage mount=busybox:1.36")
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
# ## Task 5: security, there is nothing to look at
#
# *Symptom.* `security` was installed this morning. DESIRED is 8, CURRENT is 0, and there is no Pod that
# one could describe. Its rights were given to a ServiceAccount that is named like it.

# %%
lab.start(5)

# %%
kubectl("get daemonset security")

# %% [markdown]
# What the check judges, beside what holds in all tasks:
#
# - `security` runs on every worker, as the ServiceAccount with its rights;
# - nothing else of its Pod's spec may differ.

# %%
# STUB: # find the cause, then repair it
# SOLUTION BEGIN
change = """
spec:
  template:
    spec: {serviceAccountName: security}
"""
lab.apply(change)
# SOLUTION END

# %%
lab.check(5)

# %% tags=["solution"]
verdict = lab.check(5)
assert verdict.passed, verdict

# %%
lab.recording.plot()

# %%
lab.solution(5)

# %% [markdown]
# ## Debrief
#
# Read it after you have tried all five.

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
