# %% [markdown]
# # Lab 05: monitoring agent
#
# You will take the node exporter of the source document, as it stands there, and bring it to every
# node, with no more rights than it uses, with ports, probes, requests and priority, and with an
# answer on every node.
#
# It goes with lesson [monitoring-agent]; do that first.

# %% [markdown]
# ## How this lab works
#
# `lab.start(n)` brings the cluster into the state in which task *n* begins, and starts a recorder.
# You change the cluster here, with files, or with `kubectl` in a terminal
# (`course lab start 05`, `course lab check`): all of them count. `lab.check(n)` judges what the
# cluster *did*, from that recording. The DaemonSet lives in the namespace `monitoring`.

# %%
from daemonset_course import kubectl
from daemonset_course.lessons import open_lab

lab = open_lab("05-monitoring-agent")

# %% [markdown]
# Stuck? `lab.hint(1)` gives one of three hints at a time. A fresh try? Run `lab.start(1)` again.

# %% [markdown]
# ## Task 1: make it run on every node
#
# *Incident.* A colleague applied the manifest in a namespace with the Pod Security level `baseline`.
# `kubectl apply` succeeded, and nothing runs. One of the four workers is kept for GPU work; it is to
# be measured like the others, and so is the control plane.

# %%
lab.start(1)

# %%
kubectl("describe daemonset node-exporter -n monitoring")

# %% [markdown]
# What the check judges:
#
# - every node has a ready Pod of the exporter;
# - of the Pod's spec only the tolerations have changed;
# - it is the same DaemonSet, and the nodes are as they were. The namespace is yours.

# %% [markdown]
# First the namespace, with kubectl; then the part of the DaemonSet that is to change.
# %%
# STUB: # kubectl("label namespace monitoring ... --overwrite")
# SOLUTION BEGIN
kubectl("label namespace monitoring pod-security.kubernetes.io/enforce=privileged --overwrite")
# SOLUTION END

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec:
  template:
    spec:
      tolerations: [{operator: Exists}]
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
# ## Task 2: keep only the rights that it uses
#
# *Audit.* The exporter runs with the rights of the source document. It needs its node's network, and
# it reads three folders of its node. Take everything else away. The namespace stays as it is.

# %%
lab.start(2)

# %%
kubectl(
    "label namespace monitoring --dry-run=server --overwrite "
    "pod-security.kubernetes.io/enforce=restricted"
)

# %% [markdown]
# What the check judges:
#
# - the exporter does not share the node's processes, and does not run as root;
# - its container has no capability, cannot get more rights, cannot write to its own files, and has a
#   seccomp profile;
# - it has no token of the API server;
# - it reads `/proc`, `/sys` and `/` of its node, read-only, and uses its node's network;
# - every node has a ready Pod with the new template; the namespaces are untouched.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {
  hostPID: null, automountServiceAccountToken: false,
  securityContext: {runAsNonRoot: true, runAsUser: 65534, seccompProfile: {type: RuntimeDefault}},
  containers: [{name: node-exporter, securityContext: {
    allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]
}}}
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
# ## Task 3: ports, probes, requests, priority
#
# *Review.* A colleague shortened the manifest. It runs, and four readers of it know nothing any more:
# the scheduler about port, requests and priority, the kubelet about health. Measured, the exporter
# needs 50m of CPU and 64Mi of memory; a reading of all metrics can take seconds on a busy node.

# %%
lab.start(3)

# %%
kubectl("get daemonset node-exporter -n monitoring -o yaml")

# %% [markdown]
# What the check judges:
#
# - the manifest names the port on which the exporter listens;
# - a readiness probe asks the exporter over HTTP; a liveness probe asks it, and not for all metrics;
# - it requests at least what it needs, and its memory has a limit;
# - its Pods have a priority above 0, whatever the class;
# - every node has a ready Pod with the new template; the namespaces are untouched;
# - the next rollout goes through as well: the checker starts one, watches it, and undoes it.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {priorityClassName: system-cluster-critical, containers: [{
        name: node-exporter,
        ports: [{name: metrics, containerPort: 9100}],
        resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 128Mi}},
        readinessProbe: {httpGet: {path: /, port: metrics}},
        livenessProbe: {httpGet: {path: /, port: metrics}, periodSeconds: 20}}]}}}
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
# ## Task 4: metrics answer on every node
#
# *Incident.* A new manifest was rolled out, and no Pod becomes ready. This task needs real
# containers: on the embedded cluster its check says "cannot check".

# %%
lab.start(4)

# %%
kubectl("get pods -n monitoring -o wide")

# %% [markdown]
# What the check judges:
#
# - every node has a ready Pod, and its readiness asks the exporter over HTTP: the kubelet of each node
#   got an answer;
# - the exporter is not root, and the manifest names its port;
# - the namespaces are untouched.

# %%
# STUB: change = """
# STUB: """
# SOLUTION BEGIN
change = """
spec: {template: {spec: {securityContext: {runAsUser: 65534}, containers: [{
        name: node-exporter,
        args: [--path.procfs=/host/proc, --path.sysfs=/host/sys, --path.rootfs=/host/root]}]}}}
"""
# SOLUTION END
lab.apply(change)

# %%
lab.check(4)

# %% tags=["solution"]
verdict = lab.check(4)
assert verdict.passed or verdict.outcome == "cannot check", verdict

# %%
lab.recording.plot()

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
