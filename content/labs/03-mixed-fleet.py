# %% [markdown]
# # Lab 03: a mixed fleet
#
# You will write node affinity for a fleet of three architectures in three zones, so that it is right also
# for the nodes that join next year.
#
# It goes with lesson [node-affinity]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# Work here, with files, or with `kubectl` in a terminal: all three count. In a terminal,
# `course lab start 03` and `course lab check` do the same. `lab.check(n)` judges what the cluster
# *did*, from that recording.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("03-mixed-fleet")

# %% [markdown]
# A check says one of five things: **passed**, **wrong** (with what was seen and the rule behind it),
# **not attempted**, **not yet** (waiting can still help) or **cannot check** (for example, no recording
# of this task).
#
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: amd64 and arm64
#
# *Incident.* `agent` runs on all nine workers. It is built for amd64 and arm64 only; on s390x it would crash.
# Nobody knows which architecture is bought next.

# %%
lab.start(1)

# %%
kubectl("get nodes -L kubernetes.io/arch,topology.kubernetes.io/zone")

# %% [markdown]
# What the check judges:
#
# - every amd64 and every arm64 worker has a ready Pod of `agent`, and no other node has one;
# - it is the same DaemonSet, nothing else of its Pod spec has changed, and the nodes are as they were;
# - the template is right on 200 other fleets, with five architectures; a node with a taint is not yours.

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
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}
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
# ## Task 2: not in zone-c
#
# *Change request.* `zone-c` has an agent of its own: yours is to leave it. `zone-d` opens next month, and
# your agent is wanted there. Some nodes have no zone at all; they are not in `zone-c`.

# %%
lab.start(2)

# %%
kubectl("get nodes -L kubernetes.io/arch,topology.kubernetes.io/zone")

# %% [markdown]
# What the check judges:
#
# - every amd64 and arm64 worker outside `zone-c` has a ready Pod of `agent`, and no other node has one;
# - it is the same DaemonSet, nothing else of its Pod spec has changed, and the nodes are as they were;
# - the template is right on 200 other fleets, with `zone-d` and with nodes that have no zone.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}
              - {key: topology.kubernetes.io/zone, operator: NotIn, values: [zone-c]}
"""
# SOLUTION END

# %%
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
# ## Task 3: two agents split the fleet
#
# *Incident.* Each architecture has a DaemonSet of its own now: `agent-amd64` and `agent-arm64`. Some nodes
# run both, one runs none, and some run one that cannot work there. Repair both.

# %%
lab.start(3)

# %%
kubectl("get pods -o wide")

# %% [markdown]
# What the check judges:
#
# - `agent-amd64` has a ready Pod on every amd64 worker, and `agent-arm64` on every arm64 worker;
# - no node has both, and no node of another architecture has one;
# - both are the DaemonSets of the start, with the same Pod specs but for the placement; no third one;
# - on 200 other fleets they split the amd64 and arm64 nodes as well.

# %% [markdown]
# Here each cell patches one of the two: the first `agent-amd64`, the second `agent-arm64`. In a patch,
# `null` removes a field.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      affinity: null
      nodeSelector: {kubernetes.io/arch: amd64}
"""
# SOLUTION END
if change:
    kubectl("patch daemonset agent-amd64 --patch", change)

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      affinity: null
      nodeSelector: {kubernetes.io/arch: arm64}
"""
# SOLUTION END
if change:
    kubectl("patch daemonset agent-arm64 --patch", change)

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
# ## Task 4: a preference is no rule
#
# *Incident.* "The agent runs only in `zone-a`: weight 100, the highest." It runs in all three zones. Make it a
# rule, and leave nothing in the template that has no effect.

# %%
lab.start(4)

# %%
kubectl("get daemonset agent -o yaml")

# %% [markdown]
# What the check judges:
#
# - every amd64 and arm64 worker in `zone-a` has a ready Pod of `agent`, and no other node has one;
# - no preference about nodes is left in the template;
# - it is the same DaemonSet, nothing else of its Pod spec has changed, and the nodes are as they were;
# - the template is right on 200 other fleets.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      nodeSelector: {topology.kubernetes.io/zone: zone-a}
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution: null
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
