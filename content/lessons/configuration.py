# %% [markdown]
# # ConfigMap changes

# %%
from daemonset_course import apply, kubectl, predict, proved, record, reset, wait_rollout
from daemonset_course.lessons import uids_by_node

# %%
fleet = reset(workers=6)
fleet

# %% [markdown]
# ## The claim
#
# > ConfigMaps and Secrets bring configuration into the Pods of a DaemonSet.
#
# They do, when a Pod starts.
#
# This agent takes its level from a ConfigMap, as an environment variable.

# %%
from pathlib import Path

print(
    Path("../manifests/configuration/agent.yaml")
    .read_text()
    .partition("---")[2]
    .partition("---")[0]
)

# %%
apply("../manifests/configuration/agent.yaml")
status = wait_rollout("agent")

# %%
assert status.desired == 6
proved("the agent is available on all six workers")

# %% [markdown]
# We set the level to `debug` in the ConfigMap. Then we delete one Pod, so that the controller surely
# looks at the DaemonSet.

# %%
replaced = predict(
    "next-replaced",
    "Six Pods of a DaemonSet take an environment variable from a ConfigMap. You change the "
    "ConfigMap, and delete one Pod. How many of the five other Pods will be replaced?",
    unit="Pods",
)
replaced

# %%
new = Path("../manifests/configuration/agent.yaml").read_text().partition("---")[0]
before, victim = uids_by_node("agent"), fleet.workers[0]
with record("agent", live=True) as change:
    apply(new.replace("info", "debug"))
    change.mark("ConfigMap changed")
    kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={victim}")
    status, after = wait_rollout("agent"), uids_by_node("agent")
    kubectl("rollout restart daemonset/agent")
    wait_rollout("agent")

# %%
fresh = {node for node in before if after[node] != before[node]}
change.plot()

# %%
replaced.compare(len(fresh - {victim}), within=0)

# %% tags=["claim-C98"]
assert fresh == {victim}
assert kubectl("get configmap agent -o jsonpath={.data.level}") == "debug"
assert status.updated == 6
assert not set(uids_by_node("agent").values()) & set(after.values())
proved("only the deleted Pod was replaced, UP-TO-DATE was six, and the restart replaced all")

# %% [markdown]
# None. The controller rolls when the *template* changes, and the template names the ConfigMap; it
# does not hold its content. Five Pods go on with the level they were started with, the sixth has
# read the new one, and UP-TO-DATE counts six: a mixed fleet that no column shows. A Secret behaves
# in the same way. (So it is with environment variables. Files of a mounted ConfigMap change in a
# running Pod after a while, and the agent must read them again:
# [mounted ConfigMaps](https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically).)
#
# `kubectl rollout restart` changes the template: it writes the time into an annotation.

# %%
import json

written = kubectl("get daemonset agent -o jsonpath={.spec.template.metadata.annotations}")
print(*json.loads(written))

# %% [markdown]
# Whoever wants configuration to roll by itself puts it into the template. One way: a checksum of it
# as an annotation of the Pods. Then one `apply` does both.

# %%
import zlib

manifest = Path("../manifests/configuration/agent.yaml").read_text()


def checksum(config):
    """A number that changes with the content of a ConfigMap, as a text."""
    return str(zlib.crc32(json.dumps(config["data"]).encode()))


# %%
import yaml


def configure(level):
    """Set the level, with a checksum of the configuration in the template."""
    config, daemonset, _ = yaml.safe_load_all(manifest)
    config["data"]["level"] = level
    daemonset["spec"]["template"]["metadata"]["annotations"] = {"checksum/config": checksum(config)}
    apply(config)
    apply(daemonset)
    wait_rollout("agent")
    return set(uids_by_node("agent").values())


# %%
first, again, other = configure("warn"), configure("warn"), configure("error")

# %% tags=["claim-C98"]
assert first == again
assert not again & other
proved("the second warn kept every Pod, and error replaced every Pod")

# %% [markdown]
# The same level again rolls nothing; another one rolls all.

# %% [markdown]
# ## Talk to your own node's agent
#
# An application that sends its traces to an agent wants the one on its own node. A Service with
# `internalTrafficPolicy: Local` does that: each node forwards to the endpoints on itself. So every
# node needs one.

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

# %%
kubectl(f"wait --for=jsonpath={{.endpoints[5].conditions.ready}}=true {slices} --timeout=30s")
proved("the endpoints are ready")

# %%
places = kubectl(f"get {slices}", "-o=jsonpath={.items[*].endpoints[*].nodeName}").split()
ends.compare(len(set(places)), within=0)

# %%
assert sorted(places) == sorted(fleet.workers)
assert kubectl("get service agent -o jsonpath={.spec.internalTrafficPolicy}") == "Local"
proved("each worker has an endpoint, and the Service keeps traffic on the node")

# %% [markdown]
# One on each worker. Where a node has no ready agent, callers on that node reach nobody
# ([internalTrafficPolicy](https://kubernetes.io/docs/concepts/services-networking/service-traffic-policy/)):
# lesson [max-surge] shows how to roll without such a gap. An agent learns its own node's name from
# the Downward API: `fieldPath: spec.nodeName` in the manifest above.

# %% [markdown]
# ## Check yourself
#
# A colleague shows you this. Choose the cause, and read what the output says about your choice.

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
# - A new ConfigMap or Secret rolls nothing: the controller compares the template and nothing else.
# - UP-TO-DATE counts Pods of the template, whatever configuration they were started with.
# - Put a checksum of the configuration into the template, or its name, and one `apply` rolls it.
# - A Service with `internalTrafficPolicy: Local` leads to the agent of the caller's node, or nowhere.
