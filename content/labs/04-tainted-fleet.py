# %% [markdown]
# # Lab 04: a tainted fleet
#
# You will place an agent on a fleet whose nodes have taints: no more rights than needed, a gap that
# the status hides, a minute before an eviction, and a prediction.
#
# It goes with lesson [taints-and-tolerations]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# Work as you like: in this notebook, with files, or in a terminal (`course lab start 04`,
# `kubectl`, `course lab check`). `lab.check(n)` judges what the cluster *did*, from the recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("04-tainted-fleet")

# %% [markdown]
# A check says one of five things: **passed**, **wrong** (with what was seen and the rule behind it),
# **not attempted**, **not yet** (waiting may help) or **cannot check**. Stuck? `lab.hint(1)` gives
# one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: gpu and db, with the fewest rights
#
# The agent runs where nothing keeps it off. It is to run on the gpu nodes (`gpu=true:NoSchedule`)
# and the db nodes (`dedicated=db:NoExecute`) too, and on no node in quarantine.
#
# Other teams use the same keys: `gpu=broken:NoExecute` is a node in repair, and `dedicated=web`
# (`NoSchedule` or `NoExecute`) is the web team's. No agent there, today and later.

# %%
lab.start(1)

# %%
taints = "custom-columns=NODE:.metadata.name,TAINTS:.spec.taints"
kubectl(f"get nodes -o {taints}")

# %% [markdown]
# What the check judges:
#
# - the agent runs on every worker but the one in quarantine, and not on the control plane;
# - on other fleets, which have the taints of other teams too, it would run on the right nodes;
# - no toleration can be left out, and a Pod on a db node stays as long as the taint is there;
# - nothing else of the Pod's spec has changed, and the nodes are as they were.

# %% [markdown]
# Write the part of the DaemonSet that is to change, or a whole manifest, between the quotes.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {tolerations: [
  {key: gpu, operator: Exists, effect: NoSchedule},
  {key: dedicated, value: db, effect: NoExecute}]}}}
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

# %% [markdown]
# Once you have passed, compare your manifest with another solution:

# %%
lab.solution(1)

# %% [markdown]
# ## Task 2: the gap that DESIRED and READY hide
#
# *Ticket.* "Since last night one node sends nothing." The agent tolerates gpu and db. Its status
# looks well. Find the node outside quarantine that has no agent, and close the gap. Leave the node
# as it is: the network team works on it.

# %%
lab.start(2)

# %%
kubectl("get daemonset agent")

# %% [markdown]
# What the check judges:
#
# - the agent runs on every worker but the one in quarantine, and not on the control plane;
# - the node's condition is as it was: the fault is not yours to hide;
# - no toleration can be left out, and on other fleets the agent would run on the right nodes.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {tolerations: [
  {key: gpu, operator: Exists, effect: NoSchedule},
  {key: dedicated, value: db, effect: NoExecute},
  {key: node.kubernetes.io/network-unavailable, operator: Exists, effect: NoSchedule}]}}}
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
# ## Task 3: a minute before the eviction
#
# A node that goes into maintenance gets the taint `maintenance:NoExecute`. From then on the agent's
# Pod is to stay 60 s, to send what it has, and then be evicted.

# %%
lab.start(3)

# %% [markdown]
# What the check judges:
#
# - by the template and by the running Pods, a Pod stays 60 s on a node that gets the taint;
# - the checker sets the taint on a node, watches the Pod for some seconds, and removes the taint;
#   it does not wait for the minute to pass;
# - the agent still runs where it ran, with no right too many;
# - you have said what follows the eviction.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {tolerations: [
  {key: gpu, operator: Exists, effect: NoSchedule},
  {key: dedicated, value: db, effect: NoExecute},
  {key: node.kubernetes.io/network-unavailable, operator: Exists, effect: NoSchedule},
  {key: maintenance, operator: Exists, effect: NoExecute, tolerationSeconds: 60}]}}}
"""
# SOLUTION END
lab.apply(change)

# %% [markdown]
# After the eviction the taint is still there. What does the controller do on that node? Write
# `new-pod` (it creates a Pod there again) or `no-pod` (the node has none until the taint is gone).

# %%
# STUB: follows = "…"
# SOLUTION BEGIN
follows = "new-pod"
# SOLUTION END
kubectl("delete configmap answer --ignore-not-found")
kubectl(f"create configmap answer --from-literal=after-eviction={follows}")

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
# ## Task 4: predict the counts of another fleet
#
# The next cell shows a fleet as a table, and the DaemonSet of that fleet. Nothing runs here: read,
# and count. You may use this cluster to try something out.

# %%
lab.start(4)

# %% [markdown]
# What the check judges: four numbers in the ConfigMap `answer`.
#
# - `desired` and `misscheduled`: in the DaemonSet's status, after the controller has synced;
# - `created` and `deleted`: the Pods that are created and deleted.

# %%
# STUB: numbers = {"desired": 0, "misscheduled": 0, "created": 0, "deleted": 0}
# SOLUTION BEGIN
numbers = {"desired": 6, "misscheduled": 3, "created": 4, "deleted": 2}
# SOLUTION END
literals = " ".join(f"--from-literal={name}={number}" for name, number in numbers.items())
kubectl("delete configmap answer --ignore-not-found")
kubectl(f"create configmap answer {literals}")

# %%
lab.check(4)

# %% tags=["solution"]
verdict = lab.check(4)
assert verdict.passed, verdict

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
