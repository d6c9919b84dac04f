# %% [markdown]
# # Lab 11: nodes join
#
# You will keep applications off a new node until its agent is ready, and give the agent the right to
# say so: for its own node, and for no other. Then three nodes join at once.
#
# It goes with lessons [taints-and-tolerations] and [nodes-join]; do those first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# You change DaemonSets, roles and policies here, with files, or with `kubectl` in a terminal
# (`course lab start 11`, `course lab check`): all of them count. `lab.check(n)` judges what the
# cluster *did*, from that recording.
#
# The containers of this lab do nothing, so the checker does the agent's part. A node joins; when the
# agent's Pod is ready there, the checker removes the taint *with a token of that Pod*. So the API
# server decides, by your rights and policies. Afterwards the new nodes are removed.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("11-nodes-join")

# %% [markdown]
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: the agent before the applications
#
# *Incident.* New nodes register with the taint `agent.example.com/not-ready:NoSchedule`. The agent is
# to remove it from its node, and then applications may come. The node that came last night stayed
# empty: not even the agent ran there. It was removed; the next ones will come.

# %%
lab.start(1)

# %%
kubectl("get daemonsets")

# %% [markdown]
# What the check judges:
#
# - the agent runs on the four workers, and on a node that joins with the taint;
# - there the agent is ready first, then the taint is gone, then the Pod of `shop` is created;
# - nodes that other teams have tainted get no agent, on other fleets too;
# - the agent has no toleration that it could do without, and nothing else was changed.

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
      tolerations:
      - {key: agent.example.com/not-ready, operator: Exists, effect: NoSchedule}
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
# ## Task 2: its own node only
#
# *Audit.* Whoever takes the token of one agent's Pod can change every node, and delete every Pod. The
# agent gets its own Node, and removes the taint by a patch. That it must be able to do, on its own
# node; more it does not need.

# %%
lab.start(2)

# %%
kubectl("get clusterrole agent -o yaml")

# %% [markdown]
# What the check judges:
#
# - with the token of one worker's agent one may set neither a label nor a taint on another node;
# - a token of the same ServiceAccount that is bound to no Pod may change no node;
# - the administrator and the node controller may change nodes as before;
# - the ServiceAccount has no right but `get` and `patch` of nodes, whatever their names;
# - a node joins, its agent removes the taint, and then `shop` starts there.
#
# The checker tries the first three with `--dry-run=server`: nothing is changed.

# %% [markdown]
# The role first.

# %%
# STUB: role = """
# STUB: """
# SOLUTION BEGIN
role = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get, patch]}]
"""
# SOLUTION END
lab.apply(role)

# %% [markdown]
# Then what RBAC cannot say.

# %%
# STUB: policy = """
# STUB: """
# SOLUTION BEGIN
policy = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: own-node}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [nodes], operations: [UPDATE]}]
  validations:
  - expression: request.userInfo.username != "system:serviceaccount:default:agent" ||
      request.userInfo.extra["authentication.kubernetes.io/node-name"][0] == object.metadata.name
"""
# SOLUTION END
lab.apply(policy)

# %% [markdown]
# And what puts it into effect.

# %%
# STUB: binding = """
# STUB: """
# SOLUTION BEGIN
binding = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: own-node}
spec: {policyName: own-node, validationActions: [Deny]}
"""
# SOLUTION END
lab.apply(binding)

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
# ## Task 3: three nodes at once
#
# *Incident.* A colleague has done task 2 in another way. In the evening three nodes joined at once.
# They kept their taint, `shop` never ran there, and they were removed. The next three will come.

# %%
lab.start(3)

# %%
kubectl("get clusterrole agent -o yaml")

# %%
kubectl("get validatingadmissionpolicybinding own-node -o yaml")

# %% [markdown]
# What the check judges:
#
# - all that it judges in task 2, with three nodes that join at once;
# - the first agent that is ready tries to remove the taints of the other two as well, and may not;
# - on each of the three the agent is ready before `shop` is created.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get, patch]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: own-node}
spec: {policyName: own-node, validationActions: [Deny]}
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
