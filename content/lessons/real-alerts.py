# %% [markdown]
# # Real alerts

# %%
from daemonset_course import predict, proved, record, reset, show, taint, wait_rollout
from daemonset_course.lessons import alert_histories, delivered, first_tries, judge_rules
from daemonset_course.lessons import metrics_of, mixin_rules, rule_file, try_kubectl, what_happens

fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > Alert when `desiredNumberScheduled` does not match `numberReady` for an extended time.
#
# [Prometheus](https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/) reads numbers
# at short intervals, and evaluates rules on them. Its words in this lesson:
#
# - A *series* is one number over time. It has a name, the *metric*, and labels, such as the name of the
#   DaemonSet. Each reading is a *scrape*.
# - An *expression* (`expr`, in the language PromQL) returns the series for which it holds at a moment.
#   `a < b` compares series with the same labels.
# - `changes(a[5m])` is how often `a` changed in the last 5 minutes.
# - An *alert* fires when its expression has returned a series without a break for the time of `for`.
#
# Prometheus' own program judges here: `promtool test rules` evaluates rules on series that it is given. On a
# machine without promtool you see its recorded verdicts, and each picture says so. The series come from
# seven histories that were recorded on six workers:

# %%
for name, happens in what_happens().items():
    print(f"{name:<13} {happens}")

# %% [markdown]
# The first two are healthy: an alert there is a false alarm. The other five are faults.
#
# [kube-state-metrics](https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics) is a program
# that reads the objects of the API server and serves their numbers. Each number of a DaemonSet's status is
# a metric. `5x3` is the value 5 four times, at scrapes 30 seconds apart:

# %%
print(metrics_of("healthy", "number_ready", "updated_number", "desired_number"))

# %% [markdown]
# The time axis is stretched, so that a rollout takes minutes: one recorded second is 45 seconds here. After
# its last record each history stays as it is, until an hour has passed.
#
# ## Ready-made alerts
#
# Many clusters run the alerts of
# [kubernetes-mixin](https://github.com/kubernetes-monitoring/kubernetes-mixin/blob/master/alerts/apps_alerts.libsonnet).
# Three are about DaemonSets. The label `job` says which program was read.

# %%
print(rule_file(mixin_rules()))

# %%
ready_made = predict(
    "alerts-ready-made",
    "On which of the seven histories does at least one of these three alerts fire?",
    nodes=("healthy", "slow", "stuck", "gap", "misscheduled", "never ready", "dead node"),
)
ready_made

# %%
mixin = judge_rules(mixin_rules(), predicted=ready_made)
show(mixin)

# %%
ready_made.compare(mixin.fired(), source="recording")

# %%
assert mixin.false_alarms == ()
assert mixin.missed == ("gap",)
assert mixin.fired("KubeDaemonSetNotScheduled") == ()
assert mixin.fired("KubeDaemonSetMisScheduled") == ("misscheduled", "dead node")
proved("no false alarm; the three miss the gap, and one of them is quiet everywhere")

# %% [markdown]
# - `KubeDaemonSetRolloutStuck` is quiet on the slow rollout, because UP-TO-DATE changes every few minutes:
#   `changes(...[5m])` is not 0. If each Pod needed half an hour, it would not be quiet.
# - `KubeDaemonSetNotScheduled` compares DESIRED with CURRENT, which counts Pods that do not run, too. It is
#   for Pods that the API server refuses (lesson [which-of-four-said-no]): in none of the seven histories
#   does it refuse one.
# - The dead node is seen as *misscheduled*: the controller no longer wants a Pod there, and the Pod is
#   still there. In the history “misscheduled” somebody also annotated the DaemonSet. A new `NoSchedule`
#   taint alone does not make the controller look, and before it looks the number is 0 (lesson [watching]).
#
# The three compare numbers of one DaemonSet with one another. In the gap these agree:

# %%
print(metrics_of("gap", "desired_number", "number_ready", "number_misscheduled"))

# %% [markdown]
# ## First tries
#
# These four are what people write first. `NotReadyAtOnce` has no `for`.

# %%
print(rule_file(first_tries()))

# %%
noisy = predict(
    "alerts-false-alarms",
    "Which of these four alerts fires on a healthy history, on “healthy” or on “slow”?",
    nodes=("NotReadyAtOnce", "NotReady", "NotUpdated", "NodeNotReady"),
)
noisy

# %%
tries = judge_rules(first_tries())
show(tries, title=f"{tries.headline}. {noisy.said}")

# %%
noisy_alerts = [name for name in first_tries() if {"healthy", "slow"} & {*tries.fired(name)}]
noisy.compare(noisy_alerts, source="recording")

# %%
assert noisy_alerts == ["NotReadyAtOnce", "NotReady", "NotUpdated"]
assert {"gap", "misscheduled"} == {*tries.missed}
assert tries.fired("NodeNotReady") == ("dead node",)
proved("three of the four give false alarms; together they miss the gap and the misscheduled Pod")

# %% [markdown]
# `NotReady` is the claim of this lesson in PromQL. On a slow rollout one Pod after the other is not ready,
# so its expression holds all the time. The mistake people make is to lengthen `for` until the false alarms
# stop. Then real faults are reported later, and the next larger fleet needs a longer `for` again. Ask for
# *progress* instead: a number that has not changed for ten minutes.
#
# The gap needs a number from elsewhere. kube-state-metrics also serves the nodes, with their roles and
# their taints, each as a series of the value 1:

# %%
print(metrics_of("gap", "kube_node_info", "kube_node_role", "kube_node_spec_taint"))

# %% [markdown]
# `count(a)` is the number of series, and `scalar(...)` makes of it a number without labels, which can be
# compared with every series. `a unless on(node) b` leaves out the series of `a` whose node `b` has, too.
#
# ## What delivery tools call success
#
# A pipeline waits with `kubectl rollout status`, `helm --wait`, Argo CD or Flux. Each has a published
# rule about a DaemonSet. The course restates the rules; it runs none of the tools but kubectl.

# %%
green = predict(
    "alerts-delivery",
    "At the end of which histories does Argo CD show the DaemonSet as Healthy?",
    nodes=("healthy", "slow", "stuck", "gap", "misscheduled", "never ready", "dead node"),
)
green

# %%
pipelines = delivered(alert_histories(), "agent")
show(pipelines)

# %%
green.compare(pipelines.done("Argo CD"), source="rule")

# %%
faults_called_done = {"gap", "misscheduled", "dead node"}
for tool in ("kubectl rollout status", "helm --wait (Helm 3)", "Argo CD", "kstatus (Flux, Helm 4)"):
    assert {*pipelines.done(tool)} == {"healthy", "slow"} | faults_called_done
proved("at the end of three of the five faults every tool is done")

# %% [markdown]
# | tool | done when | source |
# |---|---|---|
# | `kubectl rollout status` | updated and available reach DESIRED; refuses `OnDelete` | [`rollout_status.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go) |
# | `helm --wait`, Helm 3 | updated equals DESIRED, and all but `maxUnavailable` Pods are ready | [`ready.go`](https://github.com/helm/helm/blob/v3.22.0/pkg/kube/ready.go) |
# | Argo CD | as kubectl; with `OnDelete` always Healthy | [`health_daemonset.go`](https://github.com/argoproj/gitops-engine/blob/v0.7.3/pkg/health/health_daemonset.go) |
# | kstatus: Flux, Helm 4 | current, updated, available and ready reach DESIRED | [`core.go`](https://github.com/kubernetes-sigs/cli-utils/blob/v0.37.2/pkg/kstatus/status/core.go) |
#
# All four trust DESIRED. A Deployment reports that nothing moves, after `progressDeadlineSeconds`. A DaemonSet
# has no such field, so a tool waits until its own timeout: `kubectl rollout status` for ever unless you set
# one, `helm --wait` for five minutes, which may be too short for many nodes. Set it by the length of a
# healthy rollout, and let an alert watch what DESIRED leaves out.
#
# Compare the restated rule with kubectl, on a gap of your own:

# %%
taint(fleet.workers[2], "dedicated=db:NoSchedule")
with record("agent") as own:
    # %kubectl apply -f ../manifests/watching/agent.yaml
    wait_rollout("agent")
said = try_kubectl("rollout status daemonset/agent --timeout=5s")
here = delivered({"here": own.history}, "agent")
show(here)

# %%
assert said == ""
assert here.said["here", "kubectl rollout status"].word == "success"
assert len(own.history.workers()) == 3
assert [one["status"]["desiredNumberScheduled"] for one in own.history.objects("daemonsets")] == [2]
proved("kubectl reports success, and so does the rule; two of three workers have the agent")

# %% [markdown]
# ## Check yourself
#
# An alert woke a colleague, who shows you this. Choose the cause, and read what the output says about your
# choice.

# %%
from daemonset_course.lessons import symptom

symptom("misscheduled-alert")

# %% [markdown]
# ## Your turn
#
# The ConfigMap `alert-rules` has a rule file of Prometheus, with two alerts. Rewrite it: an alert fires on
# each of the five faults, and none on the two healthy histories. Your rules are also judged on another fleet,
# whose names and size differ.
#
# promtool judges. If it is not on this machine, the check says with which command you get it.

# %%
from daemonset_course.lessons import exercise

turn = exercise("real-alerts")
turn.start()

# %%
# %kubectl get configmap alert-rules -o yaml

# %% [markdown]
# Edit the rules in the cell below, and run it. `turn.hint()` gives one of three hints,
# `turn.solution()` a solution after you passed.

# %%
# %%kubectl apply -f -
# apiVersion: v1
# kind: ConfigMap
# metadata: {name: alert-rules}
# data:
#   rules.yml: |
#     groups:
#     - name: daemonsets
#       rules:
#       - {alert: NotReadyAtOnce, expr: kube_daemonset_status_number_ready < 1}

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
# - Compare DESIRED with a number that the DaemonSet does not decide: the nodes that should have the agent.
# - A rollout that makes progress is no fault. `changes(...[10m]) == 0` tells slow from stuck.
# - Test a rule on a healthy history too: `promtool test rules`.
# - Success of a delivery tool is about the nodes that count as DESIRED.
