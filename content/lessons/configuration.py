# %% [markdown]
# # ConfigMap changes

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, show, wait_rollout
from daemonset_course.lessons import uids_by_node

# %%
fleet = reset(workers=6)
fleet

# %% [markdown]
# ## The claim
#
# > ConfigMaps and Secrets bring configuration into the Pods of a DaemonSet.
#
# They do so when a container starts. This agent takes its level from a ConfigMap, as an environment
# variable:

# %%
from pathlib import Path

print(Path("../manifests/configuration/settings.yaml").read_text())

# %%
print(Path("../manifests/configuration/base/agent.yaml").read_text())

# %%
apply("../manifests/configuration/settings.yaml")
apply("../manifests/configuration/base/agent.yaml")
status = wait_rollout("agent")

# %%
assert status.desired == 6
proved("the agent is available on all six workers")

# %% [markdown]
# Next, the level in the ConfigMap becomes `debug`, and one Pod is deleted. The deleted Pod makes the
# controller look at the DaemonSet.

# %%
replaced = predict(
    "next-replaced",
    "Six Pods of a DaemonSet take an environment variable from a ConfigMap. You change the "
    "ConfigMap, and delete one Pod. How many of the five other Pods will be replaced?",
    unit="Pods",
)
replaced

# %%
debug = '{"data": {"level": "debug"}}'
before, victim = uids_by_node("agent"), fleet.workers[0]
with record("agent", live=True) as change:
    kubectl("patch configmap agent --patch", debug)
    change.mark("ConfigMap changed")
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={victim}")
    status, after = wait_rollout("agent"), uids_by_node("agent")
change.plot()

# %%
fresh = {node for node in before if after[node] != before[node]}
replaced.compare(len(fresh - {victim}), within=0)

# %%
# %kubectl get daemonset agent

# %% tags=["claim-C98"]
assert fresh == {victim}
assert status.updated == 6
proved("only the deleted Pod was replaced, and UP-TO-DATE is six")

# %% [markdown]
# The controller rolls when the *template* changes. The template names the ConfigMap; it does not hold
# its content. Five Pods run with the level that they were started with, the sixth with the new one, and
# UP-TO-DATE counts all six. No column shows the mixed fleet. A Secret behaves in the same way.
#
# (Files of a mounted ConfigMap change in a running Pod after a while, and the agent must read them
# again: [mounted ConfigMaps](https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically).)
#
# ## A change as a rollout
#
# `kubectl rollout restart` changes the template: it writes the time into an annotation.

# %%
with record("agent", live=True) as restart:
    kubectl("rollout restart daemonset/agent")
    wait_rollout("agent")
restart.plot()

# %%
# %kubectl rollout history daemonset/agent

# %% tags=["claim-C98"]
assert not set(uids_by_node("agent").values()) & set(after.values())
proved("the restart replaced every Pod")

# %% [markdown]
# If a new configuration is to roll by itself, put its hash into the template. Kustomize is a part of
# kubectl and does so: it makes a ConfigMap whose name ends in a hash of its content.

# %%
print(Path("../manifests/configuration/warn/kustomization.yaml").read_text())

# %%
# %kubectl apply -k ../manifests/configuration/warn

# %%
wait_rollout("agent")
first = set(uids_by_node("agent").values())

# %%
again = predict(
    "configuration-again",
    "The same directory is applied a second time, and nothing in it has changed. "
    "How many of the six Pods will be replaced?",
    unit="Pods",
)
again

# %%
# %kubectl apply -k ../manifests/configuration/warn

# %%
wait_rollout("agent")
second = set(uids_by_node("agent").values())
again.compare(len(second - first), within=0)

# %% [markdown]
# The directory `error` differs from `warn` in one word.

# %%
# %kubectl apply -k ../manifests/configuration/error

# %%
# %kubectl rollout status daemonset/agent

# %% tags=["claim-C98"]
wait_rollout("agent")
assert first == second
assert not second & set(uids_by_node("agent").values())
proved("the second warn kept every Pod, and error replaced every Pod")

# %% [markdown]
# ## The agent of your own node
#
# An application that sends its traces to an agent wants the agent of its own node. A Service with
# `internalTrafficPolicy: Local` sends traffic only to endpoints on the caller's node.

# %%
# %kubectl apply -f ../manifests/configuration/service.yaml

# %%
ends = predict(
    "endpoints",
    "There are six workers and the control plane, and the agent tolerates no taint. "
    "On how many nodes does the agent's Service have an endpoint?",
    unit="nodes",
)
ends

# %%
slices = "endpointslices -l kubernetes.io/service-name=agent"
kubectl("wait --for=jsonpath={.endpoints[5].conditions.ready}=true --timeout=30s " + slices)
places = kubectl(f"get {slices}", "-o=jsonpath={.items[*].endpoints[*].nodeName}").split()
ends.compare(len(set(places)), within=0)

# %%
assert sorted(places) == sorted(fleet.workers)
assert kubectl("get service agent -o jsonpath={.spec.internalTrafficPolicy}") == "Local"
proved("each worker has an endpoint, and the Service keeps traffic on the node")

# %% [markdown]
# There are two other ways: the address of the node, which a Pod has as `fieldPath: status.hostIP`, with
# a port of the node; and a socket in a folder of the node, which agent and application mount. A
# caller on one node calls `near` ten times by each of these three ways, and by an ordinary Service. `near`
# answers with the name of its node. Then `near` leaves the caller's node. (The embedded cluster shows a
# **recording** made on kind.)

# %%
left = predict(
    "agent-left",
    "An application calls its node's agent at status.hostIP, by a Service with "
    "internalTrafficPolicy: Local, by an ordinary Service, and at a socket of the node. The agent "
    "leaves this node. By how many of the four ways does an agent still answer?",
    unit="ways",
)
left

# %%
from daemonset_course import label, step
from daemonset_course.lessons import call_agents

fleet = reset(workers=3)
one = fleet.workers[0]


# %%
@step("own-agent", needs=("exec", "hostpath"))
def own_agent():
    """Whose agents answer ten calls from one node, by way"""
    apply("../manifests/configuration/own-node.yaml")
    wait_rollout("near")
    wait_rollout("caller")
    here = call_agents("caller", one)
    label(one, agent="none")
    kubectl(f"wait --for=delete pod -l app=near --field-selector spec.nodeName={one}")
    return {"near is on the node": here, "near has left it": call_agents("caller", one)}


# %%
print(own_agent)
here, gone = own_agent.result.values()
answered = [way for way in gone if gone[way] != "nobody"]
left.compare(len(answered), within=0, source=own_agent.source)

# %%
from daemonset_course.lessons import rights

can = {way: {"with": here[way] == "its node's", "without": way in answered} for way in here}
show(rights(can), title=f"Answered by the node's agent; answered without one. {left.said}")

# %%
own = [way for way in here if here[way] == "its node's"]
assert own == ["hostIP", "Service, Local", "socket"]
assert here["Service"] != "its node's"
assert answered == ["Service"]
assert gone["Service"] == "another node's"
proved("three ways lead to the agent of the node or nowhere; the Service leads to another node")

# %% [markdown]
# On a node without a ready agent, a Service with `internalTrafficPolicy: Local` has no endpoint for the
# callers there
# ([internalTrafficPolicy](https://kubernetes.io/docs/concepts/services-networking/service-traffic-policy/)).
# The file of the socket stays when the agent goes. Whoever writes to it must notice and try again:
# `logger` loses the line, and says nothing. A Service asks for no right on the node; the port of a node is for
# everybody who reaches the node; a `hostPath` needs a privileged namespace on both sides.
# Lesson [max-surge] rolls without a gap.

# %% [markdown]
# ## Check yourself
#
# A symptom. Choose the cause, and read what the output says about your choice.

# %%
from daemonset_course.lessons import symptom

symptom("new-config-old-pods")

# %% [markdown]
# ## Your turn
#
# The DaemonSet `agent` takes its variable `LEVEL` from the key `level` of the ConfigMap `agent-config`.
# The value is `info`. Make it `debug`:
#
# - every Pod was *started* with the new value, on all six workers;
# - never more than two nodes are without an available agent, and the budget stays at two or less;
# - the value still comes from a ConfigMap: this one or another;
# - it is the same DaemonSet, and the nodes and the rest of its Pod spec stay as they are.

# %%
from daemonset_course.lessons import exercise

turn = exercise("configuration")
turn.start()

# %%
# %kubectl get daemonset agent -o yaml

# %% [markdown]
# Between the quotes goes a whole manifest (several with `---` between them), or the
# part of the DaemonSet that is to change, from `spec:` on; `kubectl` in a terminal does as well.
# `turn.hint()` gives one of three hints, `turn.solution()` a solution after you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %%
turn.recording.plot()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - A changed ConfigMap or Secret starts no rollout: the controller compares only the template.
# - UP-TO-DATE counts Pods of the template, whatever configuration they were started with.
# - Put a hash of the configuration into the template, or into the ConfigMap's name: one `apply` rolls it.
# - `status.hostIP` with a port, a Service with `internalTrafficPolicy: Local`, a socket: each leads to the
#   agent of the caller's node, or nowhere.
