# %% [markdown]
# # An agent's rights

# %%
from pathlib import Path

from daemonset_course import apply, kubectl, predict, proved, reset, show, wait_rollout

# %%
fleet = reset(workers=6)
fleet

# %% [markdown]
# ## The claim
#
# > An agent gets the rights that it needs, and no more.
#
# RBAC gives rights to a ServiceAccount, and all Pods of a DaemonSet share one. So whoever has one
# agent's token has the rights of all of them.
#
# ## Rights on its own node
#
# Some agents change their own Node object: they set a label, or take off a taint. For that their
# ServiceAccount needs the right to patch nodes.

# %%
print(Path("../manifests/agents-rights/labeller.yaml").read_text().split("---\n")[1])

# %% [markdown]
# Somebody breaks into one node and takes the agent's token there.
#
# The kubelet gets a token that is bound to the Pod, and mounts it there. We ask for one like it, for
# the Pod of one worker
# ([bound token volume](https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume)).

# %%
open_to = predict(
    "token",
    "The ServiceAccount of an agent may patch nodes. Somebody has the token of one agent. On how "
    "many of the seven nodes, six workers and the control plane, can they write labels?",
    unit="nodes",
)
open_to

# %%
apply("../manifests/agents-rights/labeller.yaml")
wait_rollout("labeller")
home = fleet.workers[0]
there = f"-l app=labeller --field-selector spec.nodeName={home}"
pod = kubectl(f"get pods {there} -o name").strip().removeprefix("pod/")
make = "create token labeller --bound-object-kind Pod --bound-object-name"
token = kubectl(f"{make} {pod}").strip()

# %%
from daemonset_course.lessons import try_label_with_token

before = try_label_with_token(token, fleet.nodes)
open_to.compare(list(before.values()).count(""), within=0)

# %%
assert set(before.values()) == {""}
assert len(before) == len(fleet.workers) + 1
proved("the API server would write the label on every node")

# %% [markdown]
# On all of them. (`try_label_with_token` asks the API server and writes nothing, as
# `kubectl --dry-run=server` does.) RBAC can allow a kind of object, or single objects by name. It cannot say "its own node", and
# all agents share one ServiceAccount. But the token can: it is bound to its Pod, and names the Pod's
# node
# ([on by default since Kubernetes 1.30](https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#additional-metadata-in-pod-bound-tokens)).
# A
# [ValidatingAdmissionPolicy](https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/)
# can compare the node in the token with the node that is to be changed. `matchConditions` says whose
# requests it judges, `validations` what must be true of them, and `orValue` what stands in where the
# token names no node. A policy works only with a binding, the second object in the file.

# %%
print(Path("../manifests/agents-rights/own-node.yaml").read_text().split("---\n")[0])

# %%
from daemonset_course.lessons import wait_refused

apply("../manifests/agents-rights/own-node.yaml")
print(wait_refused(token, fleet.workers[1]))
limited = try_label_with_token(token, fleet.nodes)

# %%
assert [node for node in limited if not limited[node]] == [home]
assert f"a token of {home} may not change {fleet.workers[1]}" in limited[fleet.workers[1]]
proved("the label on the token's own node is accepted, and the others are refused")

# %% [markdown]
# It may change its own node, and no other.

# %%
from daemonset_course.lessons import rights

answers = {"no policy": before, "own-node": limited}
can = {token: {node: not no for node, no in found.items()} for token, found in answers.items()}
show(rights(can), title=f"Nodes on which the token may write a label. {open_to.said}")

# %% [markdown]
# `kubectl create token` makes a token of the same ServiceAccount that is bound to no Pod. Read the
# policy again: what does it compare then?

# %%
free = predict(
    "unbound-token",
    "A policy lets the token of an agent change its own node only. You make a token of the same "
    "ServiceAccount that is bound to no Pod. On how many of seven nodes can it write labels?",
    unit="nodes",
)
free

# %%
loose = try_label_with_token(kubectl("create token labeller").strip(), fleet.nodes)
free.compare(list(loose.values()).count(""), within=0)
print(loose[home])

# %%
can["own-node, no Pod"] = {node: not no for node, no in loose.items()}
show(rights(can), title=f"Nodes on which each token may write a label. {free.said}")

# %%
assert all("a token of no node may not change" in one for one in loose.values())
proved("the policy refuses this token on each of the nodes")

# %% [markdown]
# It names no node, so it may change none.
#
# The policy judges writes only: admission does not see reads
# ([admission control](https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/)),
# so the token may still `get` every node. On its own node it may change every label and taint. And
# whoever may create Pods in this namespace can have one with this ServiceAccount, on any node.

# %%
kubectl("delete -f ../manifests/agents-rights/own-node.yaml --ignore-not-found")
kubectl("delete -f ../manifests/agents-rights/labeller.yaml --ignore-not-found")
None

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("no-service-account")

# %% [markdown]
# ## Your turn
#
# `agent` sets a label on its own Node, with the rights of the ClusterRole `agent`. A colleague began a
# ValidatingAdmissionPolicy, `own-node`, and left. Now a token of one node's agent was stolen. Reduce what
# such a token may do:
#
# - the agent's ServiceAccount may get and patch Nodes, of any name, and nothing else;
# - the token of one node's agent may change that node, and no other;
# - a token of the same ServiceAccount that is bound to no Pod may change no node;
# - the administrator and the node controller change nodes as before.
#
# The DaemonSet, its Pods and the nodes stay as they are. The check tries all of this with real tokens,
# and changes nothing.

# %%
from daemonset_course.lessons import exercise

turn = exercise("agents-rights")
turn.start()

# %%
# %kubectl get clusterrole/agent validatingadmissionpolicy/own-node \
#     validatingadmissionpolicybinding/own-node -o yaml

# %% [markdown]
# Write the objects that you change between the quotes, whole, with `---` between two of them, or use
# `kubectl edit` in a terminal. `turn.hint()` gives one of three hints, `turn.solution()` a solution after
# you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - RBAC allows a kind of object or single names; it cannot say "its own node".
# - The token of a Pod names the Pod's node. A ValidatingAdmissionPolicy can compare it with the object.
# - Say in the policy what holds for a token that names no node.
# - Admission judges writes. It does not limit reads.
# - A Pod is not there: [Who may say no](../pictures.md#who-may-say-no), and where you read it.
