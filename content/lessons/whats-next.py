# %% [markdown]
# # What's next

# %%
from daemonset_course import apply, kubectl, label, predict, proved, record, reset
from daemonset_course import show, wait_rollout, wait_settled
from daemonset_course.lessons import daemonset_status, pod_names, scheduler_messages, wait_event

# %%
fleet = reset(workers=6)
apply("../manifests/configuration/settings.yaml")
apply("../manifests/configuration/base/agent.yaml")
wait_rollout("agent")

# %% [markdown]
# ## The claim
#
# > From here: StatefulSets give Pods identity and storage; ConfigMaps and Secrets bring
# > configuration into DaemonSet Pods; affinity and topology spread go deeper into scheduling; Pod
# > Security matters to agents that need privileges; monitoring and logging stacks run on DaemonSets.
#
# Each of these is a course of its own. This page shows where each one meets a DaemonSet, and where to
# read on.
#
# ## Identity and storage
#
# `db` is a StatefulSet of two Pods, each with a volume. `agent` is the DaemonSet of
# lesson [configuration]. All Pods of both are deleted.

# %%
named = predict(
    "named",
    "All Pods of the StatefulSet db and of the DaemonSet agent are deleted. "
    "Whose Pods come back under their old names?",
    choices=("agent", "db", "both", "none"),
)
named

# %%
apply("../manifests/whats-next/volumes.yaml")
apply("../manifests/whats-next/db.yaml")
kubectl("rollout status statefulset/db --timeout=60s")
old = {app: pod_names(app) for app in ("agent", "db")}
# %kubectl delete pods -l 'app in (agent, db)'
wait_rollout("agent")
kubectl("rollout status statefulset/db --timeout=60s")
# %kubectl get pods,pvc
same = [app for app in old if pod_names(app) == old[app]]
named.compare("both" if len(same) == 2 else "".join(same) or "none")

# %% tags=["claim-C97"]
claim = "{.spec.volumes[?(@.persistentVolumeClaim)].persistentVolumeClaim.claimName}"
claims = [kubectl(f"get pod {name} -o", f"jsonpath={claim}") for name in pod_names("db")]
assert pod_names("db") == old["db"] == ["db-0", "db-1"]
assert claims == ["data-db-0", "data-db-1"]
assert not set(pod_names("agent")) & set(old["agent"])
proved("db has its old names and volume claims again, and the agent has new names only")

# %% [markdown]
# Take a StatefulSet where it matters *which* Pod it is, a DaemonSet where it matters *where* it is. An
# agent keeps its data on its node (`hostPath`), or in a store of its own. Read on:
# [StatefulSets](https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/).
#
# ## Configuration
#
# The DaemonSet `agent` reads a ConfigMap. You saw in lesson [configuration] what a change of it does to
# running Pods.

# %%
# %kubectl set env daemonset/agent --list

# %% [markdown]
# Read on: [ConfigMaps](https://kubernetes.io/docs/concepts/configuration/configmap/),
# [Secrets](https://kubernetes.io/docs/concepts/configuration/secret/).
#
# ## Spreading
#
# Spreading rules place Pods of one kind relative to each other. Three DaemonSets: `apart` allows no
# other Pod of its kind in the same zone; `spread` allows one Pod more in one zone than in another;
# `strict` is `spread` with `nodeAffinityPolicy: Ignore`. The workers of zone-c move into zone-a: four are
# there now, two in zone-b.

# %%
alone = predict(
    "apart",
    "Four of six workers are in zone-a, two in zone-b. The DaemonSet apart wants no other Pod of "
    "its kind in the same zone. How many of its Pods will run?",
    unit="Pods",
)
alone

# %%
for worker in fleet.workers[2::3]:
    label(worker, **{"topology.kubernetes.io/zone": "zone-a"})
names = ["apart", "spread", "strict"]
with record("apart", live=True, predicted={"READY": alone}) as zones:
    apply("../manifests/whats-next/zones.yaml")
    settled = {name: wait_settled(f"app={name}", pods=6) for name in names}
alone.compare(len(settled["apart"].ready), within=0)

# %%
from daemonset_course.lessons import coverage

show(coverage(zones.history, names, label="topology.kubernetes.io/zone"))

# %% tags=["claim-C99"]
assert [len(one.ready) for one in settled.values()] == [2, 6, 5]
assert [len(one.refused) for one in settled.values()] == [4, 0, 1]
assert {daemonset_status(name).desired for name in names} == {6}
assert "didn't match pod anti-affinity rules" in scheduler_messages("apart")[0]
assert "didn't match pod topology spread constraints" in scheduler_messages("strict")[0]
proved("DESIRED is six for each; the scheduler refuses four Pods of apart and one of strict")

# %% [markdown]
# The controller does not read these rules. It creates all six Pods, each with the affinity to one node,
# and the scheduler leaves some of them Pending. `spread` does nothing at all: a spread constraint
# compares only the nodes that the Pod's affinity allows, and that is one node. Read on:
# [topology spread](https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/).
#
# ## Pod Security
#
# The namespace `guarded` enforces the Pod Security level `baseline`.

# %%
applied = predict(
    "next-baseline",
    "A namespace enforces the Pod Security level baseline, which forbids hostNetwork. "
    "Does kubectl apply succeed there for a DaemonSet with hostNetwork: true?",
    choices=("yes", "no"),
)
applied

# %%
apply("../manifests/whats-next/guarded.yaml")
kubectl("-n guarded delete daemonset host --ignore-not-found")  # of an earlier run
# answer = %kubectl apply -n guarded -f ../manifests/whats-next/host.yaml
print(answer)
refusal = wait_event("host", "FailedCreate", namespace="guarded")
# %kubectl -n guarded get daemonset host
# %kubectl -n guarded events --types=Warning
applied.compare("daemonset.apps/host" in answer)

# %% tags=["claim-C101"]
assert "Warning: would violate PodSecurity" in answer
assert 'violates PodSecurity "baseline:latest"' in refusal
assert "pod/" not in kubectl("-n guarded get pods -o name")
proved("kubectl apply got a warning, the Pods are refused, and there is none")

# %% [markdown]
# Pod Security judges Pods. The DaemonSet is accepted with a warning, and the API server refuses each of
# its Pods. Agents with privileges need a namespace that allows them:

# %%
# %kubectl label namespace guarded --overwrite pod-security.kubernetes.io/enforce=privileged
# %kubectl -n guarded annotate daemonset host look=again --overwrite
wait_rollout("host", namespace="guarded")

# %% tags=["claim-C101"]
assert wait_rollout("host", namespace="guarded").ready == 6
proved("host is ready on all six workers")

# %% [markdown]
# Read on: [Pod Security Standards](https://kubernetes.io/docs/concepts/security/pod-security-standards/).
#
# ## Monitoring and logging
#
# You saw the agents of such stacks in lessons [agents-in-the-wild] and [monitoring-agent]. Read on:
# [kube-prometheus](https://github.com/prometheus-operator/kube-prometheus),
# [Fluent Bit](https://docs.fluentbit.io/manual/installation/kubernetes),
# [OpenTelemetry](https://opentelemetry.io/docs/platforms/kubernetes/collector/).
#
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - StatefulSet: which Pod. Deployment: how many. DaemonSet: where.
# - Affinity between Pods and spreading cannot move a DaemonSet's Pod.
# - No Pods? Ask four: [Who may say no](../pictures.md#who-may-say-no).
#
# This was the last lesson. The labs are next: in lab 09 five DaemonSets are broken, each in its own way.
