"""Lab 05, monitoring agent: the source document's node exporter, on every node and with care."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemonset_course.history.text import joined
from daemonset_course.lab.criteria import covered, kept, rolled
from daemonset_course.lab.evidence import ROLLED, Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.pod_fields import container_of, host_mounts, security_of
from daemonset_course.lab.quantities import amount
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed, pending

EXPORTER = "node-exporter"
NAMESPACE = "monitoring"
PORT = 9100
NOBODY = 65534
CPU, MEMORY = 50, 64  # what the exporter needs: millicores and Mi
DEDICATED = "dedicated=gpu:NoSchedule"

MANIFEST = """\
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: node-exporter
  namespace: monitoring
  labels:
    app: node-exporter
spec:
  selector:
    matchLabels:
      app: node-exporter
  updateStrategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 1
  template:
    metadata:
      labels:
        app: node-exporter
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9100"
    spec:
      hostNetwork: true
POD
      tolerations:
TOLERATIONS
      containers:
        - name: node-exporter
          image: prom/node-exporter:v1.7.0
          args:
            - --path.procfs=/host/proc
            - --path.sysfs=/host/sys
            - --path.rootfs=/host/root
            - --collector.filesystem.mount-points-exclude=EXCLUDED
ARGS
CONTAINER
          volumeMounts:
            - name: proc
              mountPath: /host/proc
              readOnly: true
            - name: sys
              mountPath: /host/sys
              readOnly: true
            - name: root
              mountPath: /host/root
              readOnly: true
              mountPropagation: HostToContainer
      volumes:
        - name: proc
          hostPath:
            path: /proc
        - name: sys
          hostPath:
            path: /sys
        - name: root
          hostPath:
            path: /
"""
EXCLUDED = "^/(dev|proc|sys|var/lib/docker/.+|var/lib/kubelet/.+)($|/)"
CONTROL_PLANE_ONLY = """\
        - key: node-role.kubernetes.io/control-plane
          operator: Exists
          effect: NoSchedule
"""
EVERYTHING = """\
        - operator: Exists
"""
HOST_PID = "      hostPID: true\n"
CAREFUL_POD = f"""\
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: {NOBODY}
        seccompProfile:
          type: RuntimeDefault
"""
PORTS = """\
          ports:
            - containerPort: 9100
              hostPort: 9100
              name: metrics
"""
RESOURCES = """\
          resources:
            requests:
              cpu: 50m
              memory: 64Mi
            limits:
              cpu: 200m
              memory: 128Mi
"""
CAREFUL = """\
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
"""
PROBES = """\
          readinessProbe:
            httpGet:
              path: /
              port: 9100
            periodSeconds: 5
          livenessProbe:
            httpGet:
              path: /
              port: 9100
            periodSeconds: 20
"""
PRIORITY = "      priorityClassName: system-cluster-critical\n"
LOOPBACK = "            - --web.listen-address=127.0.0.1:9100\n"


def manifest(*, pod: str = HOST_PID, tolerations: str = EVERYTHING, args: str = "",
             container: str = PORTS + RESOURCES) -> str:  # fmt: skip
    """Return the source document's manifest as YAML, with these parts."""
    parts = {"POD": pod, "TOLERATIONS": tolerations, "ARGS": args, "CONTAINER": container}
    text = MANIFEST
    for word, part in parts.items():
        text = text.replace(f"{word}\n", part)
    return text.replace("=EXCLUDED", f"={EXCLUDED}")


def namespace(level: str) -> str:
    """Return the namespace of the agent as YAML, with this Pod Security level."""
    return (
        f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n  labels:\n"
        f"    pod-security.kubernetes.io/enforce: {level}\n"
    )


def _running(text: str, *, wait: bool = True) -> str:
    waits = f"---\naction: wait rollout\ndaemonset: {EXPORTER}\nnamespace: {NAMESPACE}\n"
    return f"{namespace('privileged')}---\n{text}{waits if wait else ''}"


# What the checks ask

Test = Callable[[Mapping[str, Any]], str]


def _container(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return container_of(spec, EXPORTER)


def _contexts(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return security_of(spec, EXPORTER)


def host_paths_read_only(spec: Mapping[str, Any]) -> str:
    """Return what is wrong with the mounts of the node's files; empty if nothing is."""
    found = {mount.path: mount.read_only for mount in host_mounts(spec, EXPORTER)}
    if lacking := {"/proc", "/sys", "/"} - found.keys():
        return f"The exporter cannot read {joined(sorted(lacking))} of its node: no such mount."
    if writable := [path for path, read_only in found.items() if not read_only]:
        return f"The exporter could write to {joined(writable)} of its node."
    if more := found.keys() - {"/proc", "/sys", "/"}:
        return f"The exporter does not need {joined(sorted(more))} of its node."
    return ""


def no_host_processes(spec: Mapping[str, Any]) -> str:
    """Return whether the Pod shares the node's processes or IPC; empty if not."""
    shared = [name for name in ("hostPID", "hostIPC") if spec.get(name)]
    return f"{joined(shared)} is still there, and the exporter does not use it." if shared else ""


def runs_as_nobody(spec: Mapping[str, Any]) -> str:
    """Return why the kubelet may run it as root, or not at all; empty if neither."""
    context = _contexts(spec)
    user = context.get("runAsUser")
    if user == 0:
        return "The exporter is to run as root: runAsUser is 0."
    if not context.get("runAsNonRoot"):
        return "Nothing refuses root: runAsNonRoot is not set."
    if user is None:
        return "The image names its user, nobody, and runAsNonRoot needs a number: no runAsUser."
    return ""


def no_capabilities(spec: Mapping[str, Any]) -> str:
    """Return which rights of the container are left; empty if none are."""
    context = _container(spec).get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    if context.get("privileged"):
        return "The container is privileged: it has every right on its node."
    if "ALL" not in (capabilities.get("drop") or ()):
        return "The container keeps the runtime's default capabilities, and uses none."
    if added := capabilities.get("add"):
        return f"A capability was added that it does not use: {joined(list(added))}."
    if context.get("allowPrivilegeEscalation") is not False:
        return "A process may still get more rights than its parent: allowPrivilegeEscalation."
    return ""


def sealed(spec: Mapping[str, Any]) -> str:
    """Return which protection of the container is missing; empty if none is."""
    if not _contexts(spec).get("readOnlyRootFilesystem"):
        return "The container can write to its own files: readOnlyRootFilesystem is not set."
    kind = (_contexts(spec).get("seccompProfile") or {}).get("type")
    if kind not in ("RuntimeDefault", "Localhost"):
        return "Every system call is open to it: no seccompProfile."
    return ""


def no_token(spec: Mapping[str, Any]) -> str:
    """Return whether each Pod gets a token of the API server; empty if not."""
    if spec.get("automountServiceAccountToken") is False:
        return ""
    return "Each Pod gets a token for the API server, and the exporter never asks it anything."


def listens_on(spec: Mapping[str, Any]) -> str:
    """Return the address and port on which the exporter listens, by its arguments."""
    option = "--web.listen-address="
    given = [arg.removeprefix(option) for arg in _container(spec).get("args") or ()
             if arg.startswith(option)]  # fmt: skip
    return given[-1] if given else f":{PORT}"


def _port(spec: Mapping[str, Any]) -> int:
    text = listens_on(spec).rpartition(":")[2]
    return int(text) if text.isdecimal() else 0


def port_named(spec: Mapping[str, Any]) -> str:
    """Return why the scheduler does not know the exporter's port; empty if it does."""
    ports = [p.get("containerPort") for p in _container(spec).get("ports") or ()]
    if _port(spec) in ports:
        return ""
    return (
        f"The exporter listens on port {_port(spec)} of its node, and its manifest names "
        f"{joined([str(p) for p in ports]) or 'no port'}: the scheduler reserves nothing for it."
    )


def readiness_asks(spec: Mapping[str, Any]) -> str:
    """Return why a Pod could be ready although the exporter does not answer; empty if not."""
    probe = _container(spec).get("readinessProbe")
    if not probe:
        return "There is no readinessProbe: a Pod is ready when its container runs."
    if "httpGet" not in probe:
        return "The readinessProbe does not ask the exporter over HTTP."
    if not _asks_exporter(probe, spec):
        return f"The readinessProbe asks another port than {_port(spec)}."
    return ""


def liveness_is_cheap(spec: Mapping[str, Any]) -> str:
    """Return why the kubelet may restart a healthy exporter; empty if nothing makes it."""
    probe = _container(spec).get("livenessProbe")
    if not probe:
        return "There is no livenessProbe: an exporter that hangs is never restarted."
    if "httpGet" in probe and str(probe["httpGet"].get("path", "/")).startswith("/metrics"):
        return "The livenessProbe reads all metrics: on a node with a slow disk it restarts them."
    if not ("tcpSocket" in probe or "httpGet" in probe) or not _asks_exporter(probe, spec):
        return f"The livenessProbe does not ask port {_port(spec)}."
    return ""


def _asks_exporter(probe: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    asked = probe.get("httpGet") or probe.get("tcpSocket") or {}
    names = {p.get("name"): p.get("containerPort") for p in _container(spec).get("ports") or ()}
    port = names.get(asked.get("port"), asked.get("port"))
    return str(port) == str(_port(spec)) and asked.get("host", "") not in ("127.0.0.1", "localhost")


def requests_enough(spec: Mapping[str, Any]) -> str:
    """Return what the exporter requests too little of; empty if nothing."""
    resources = _container(spec).get("resources") or {}
    limits = resources.get("limits") or {}
    given = {**limits, **(resources.get("requests") or {})}  # a limit alone is the request too
    needs = {"cpu": f"{CPU}m", "memory": f"{MEMORY}Mi"}
    for name, least in needs.items():
        if amount(given.get(name, 0)) < amount(least):
            return (
                f"The exporter requests {given.get(name, 'nothing')} of {name}; it needs {least}."
            )
    if "memory" not in limits:
        return "A leak of the exporter takes the node's memory: it has no limit of memory."
    return ""


def _priority_above_others() -> Criterion:
    """The Pods have a priority above 0, that of Pods without a class."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(EXPORTER)
        if not own.pods:
            return pending("There is no Pod yet.")
        low = [pod["spec"] for pod in own.pods if int(pod["spec"].get("priority") or 0) <= 0]
        if not low:
            return MET
        wanted = pod_spec(own.after).get("priorityClassName")
        if wanted and all(spec.get("priorityClassName") != wanted for spec in low):
            return pending(f"Not every Pod has the priority class {wanted} yet.")
        return missed(
            "The exporter's Pods have priority 0, as everything else on the node.",
            rule="Under pressure and for room, Pods of lower priority go first. kubernetes.io: Pod "
            "Priority and Preemption.",
            where="kubectl get priorityclasses, and kubectl explain pod.spec.priorityClassName.",
        )

    return Criterion("its Pods have a priority above that of other Pods", judge)


def _answers_beyond_its_node() -> Criterion:
    """The exporter does not listen on the loopback address only."""

    def test(spec: Mapping[str, Any]) -> str:
        address = listens_on(spec).rpartition(":")[0]
        if address in ("127.0.0.1", "localhost", "[::1]"):
            return f"The exporter listens on {address} of its node: nobody else reaches it."
        return ""

    return _fact("it listens on an address that others reach", test,
                 "The kubelet's probe asks the Pod's address: with hostNetwork the node's. "
                 "kubernetes.io: Configure Liveness, Readiness and Startup Probes.")  # fmt: skip


def _fact(what: str, test: Test, rule: str = "") -> Criterion:
    where = f"kubectl get daemonset {EXPORTER} -n {NAMESPACE} -o yaml."
    return kept.field(EXPORTER, what, test, rule=rule, where=where)


PORT_NAMED = _fact(
    "its manifest names the port on which it listens",
    port_named,
    "With hostNetwork each containerPort becomes a hostPort of the Pod, and the scheduler "
    "reserves it. Source: defaultHostNetworkPorts, pkg/apis/core/v1/defaults.go.",
)
STANDARDS = "kubernetes.io: Pod Security Standards."
GUARDS = kept.guards(EXPORTER)
SAME = GUARDS[0]
EVERYWHERE = covered.covers(EXPORTER, lambda _: True, "every node", requires=(SAME,), weight=2)
NOT_STUCK = rolled.not_stuck(EXPORTER, requires=(SAME, EVERYWHERE))
ROLLED_OUT = (
    EVERYWHERE,
    NOT_STUCK,
    rolled.finished(EXPORTER, requires=(SAME, EVERYWHERE, NOT_STUCK)),
)
READ_ONLY = _fact(
    "it reads /proc, /sys and / of its node, and nothing else",
    host_paths_read_only,
    "Who writes to the node's files owns the node. kubernetes.io: Volumes, hostPath.",
)
NOBODY_RUNS = _fact(
    "it runs as a user that is not root",
    runs_as_nobody,
    "The kubelet compares numbers, and a name might stand for 0. Source: verifyRunAsNonRoot, "
    "pkg/kubelet/kuberuntime/security_context_others.go.",
)


def _only(*allowed: str) -> Criterion:
    return kept.only_changed(EXPORTER, *allowed, requires=(SAME,))


def _own(*fields: str) -> Iterator[str]:
    yield from (f"{EXPORTER}.{field}" for field in fields)


_RUN = Task(
    title="Make it run on every node",
    start=f"{namespace('baseline')}---\n"
    + manifest(tolerations=CONTROL_PLANE_ONLY)
    + f"---\naction: wait status\ndaemonset: {EXPORTER}\nnamespace: {NAMESPACE}\ndesired: 4\n",
    there=f"The manifest of the source document was applied in namespace {NAMESPACE}, whose Pod "
    f"Security level is baseline. One of four workers is kept for GPU work ({DEDICATED}). No Pod "
    "runs.",
    criteria=(*GUARDS, _only("tolerations"), *ROLLED_OUT),
    hints=(
        "kubectl apply succeeded, and no Pod is there. Who was refused what? "
        "kubectl describe daemonset node-exporter -n monitoring, the events.",
        "Pod Security judges each Pod by the level of its namespace, and a level is a label of the "
        "namespace. And one of the nodes has a taint that this manifest does not tolerate.",
        "kubectl label namespace monitoring pod-security.kubernetes.io/enforce=… --overwrite\n"
        "# and in the template: tolerations: [{operator: …}]",
    ),
    solution=f"{namespace('privileged')}---\n{manifest()}",
)

_RIGHTS = Task(
    title="Keep only the rights that it uses",
    start=_running(manifest()),
    there="node-exporter runs on every node, with the rights of the source document's manifest.",
    criteria=(
        *GUARDS,
        kept.namespaces_as_given(),
        _only("hostPID", "hostIPC", "securityContext", "automountServiceAccountToken",
              *_own("securityContext", "volumeMounts")),
        _fact("it does not share the node's processes", no_host_processes,
              "It reads /host/proc, which is the node's whatever the Pod shares. " + STANDARDS),
        NOBODY_RUNS,
        _fact("its container has no capability", no_capabilities, STANDARDS),
        _fact("its container is sealed: own files read-only, system calls filtered", sealed,
              STANDARDS),
        _fact("it has no token of the API server", no_token,
              "kubernetes.io: Configure Service Accounts for Pods, automountServiceAccountToken."),
        READ_ONLY,
        *ROLLED_OUT,
    ),
    hints=(
        "What would the strictest level say? kubectl label namespace --dry-run=server --overwrite "
        "monitoring pod-security.kubernetes.io/enforce=restricted",
        "The exporter needs the node's network for its counters, and the node's files to read. "
        "Everything else goes: processes, root, capabilities, writing, the token.",
        "securityContext: {runAsNonRoot: true, runAsUser: …, seccompProfile: {type: …}}\n"
        "containers:\n- securityContext: {capabilities: {drop: […]}, …}",
    ),
    solution=manifest(pod=CAREFUL_POD, container=PORTS + RESOURCES + CAREFUL),
)  # fmt: skip


def _rolled(value: str) -> str:
    patch = f'{{"spec":{{"template":{{"metadata":{{"annotations":{{"{ROLLED}":{value}}}}}}}}}}}'
    return (
        f"action: kubectl\ncommand: >-\n  patch daemonset {EXPORTER} -n {NAMESPACE} --type merge "
        f"-p '{patch}'\n"
    )


NEXT = Probe(
    "the next rollout",
    _rolled('"yes"'),
    f"{_rolled('null')}---\naction: wait rollout\ndaemonset: {EXPORTER}\nnamespace: {NAMESPACE}\n",
)
_NEEDS = Task(
    title="Ports, probes, requests, priority",
    start=_running(manifest(pod=CAREFUL_POD, container=CAREFUL)),
    there="A colleague shortened the manifest: node-exporter runs on every node, without ports, "
    "probes, resources and priority.",
    criteria=(
        *GUARDS,
        kept.namespaces_as_given(),
        _only("priorityClassName", "priority", *_own(
            "ports", "resources", "readinessProbe", "livenessProbe", "startupProbe")),
        PORT_NAMED,
        _fact("its readiness asks the exporter", readiness_asks,
              "kubernetes.io: Configure Liveness, Readiness and Startup Probes."),
        _fact("its liveness is cheap", liveness_is_cheap,
              "A liveness probe that fails restarts the container. kubernetes.io: Configure "
              "Liveness, Readiness and Startup Probes."),
        _fact("it requests what it needs", requests_enough,
              "The scheduler counts requests. kubernetes.io: Resource Management for Pods and "
              "Containers."),
        _priority_above_others(),
        EVERYWHERE,
        rolled.rolls_again(EXPORTER, NEXT.name, requires=(SAME, EVERYWHERE)),
        *ROLLED_OUT[1:],
    ),
    probes=(NEXT,),
    hints=(
        "Compare with the manifest of the source document: which lines are missing, and which were "
        "never there?",
        "Four readers: the scheduler reads ports, requests and priority; the kubelet probes and "
        f"limits. Measured, the exporter needs {CPU}m and {MEMORY}Mi. A liveness probe that "
        "reads all metrics is expensive.",
        "kubectl get priorityclasses\n# in the container:\n# readinessProbe: {httpGet: {path: …, "
        "port: …}}",
    ),
    solution=manifest(pod=CAREFUL_POD + PRIORITY, container=PORTS + PROBES + RESOURCES + CAREFUL),
)  # fmt: skip

_ANSWER = Task(
    title="Metrics answer on every node",
    start=_running(
        manifest(
            pod=CAREFUL_POD.replace(f"        runAsUser: {NOBODY}\n", "") + PRIORITY,
            args=LOOPBACK,
            container=PORTS + PROBES + RESOURCES + CAREFUL,
        ),
        wait=False,
    ),
    there="A new manifest was rolled out. With real containers no Pod becomes ready.",
    criteria=(
        *GUARDS,
        kept.namespaces_as_given(),
        _only("securityContext", *_own("args", "ports", "readinessProbe", "livenessProbe",
                                       "securityContext")),
        _fact("its readiness asks the exporter", readiness_asks,
              "Ready means here that the kubelet got an answer from the exporter."),
        PORT_NAMED,
        NOBODY_RUNS,
        _answers_beyond_its_node(),
        *ROLLED_OUT,
    ),
    hints=(
        "kubectl get pods -n monitoring, kubectl describe pod: first the state of the container, "
        "then, when it runs, the events of its probe.",
        "There are two faults, one behind the other. The kubelet does not believe a user's name, "
        "and its probe does not come from inside the container.",
        "securityContext: {runAsUser: …}\nargs: [--web.listen-address=…]",
    ),
    solution=manifest(pod=CAREFUL_POD + PRIORITY, container=PORTS + PROBES + RESOURCES + CAREFUL),
    needs=("pull", "probes", "hostpath", "network"),
)  # fmt: skip

DEBRIEF = """\
**Cause.** `kubectl apply` stores a DaemonSet; its Pods are judged one by one, when the controller
creates them. So a manifest that is accepted may run nowhere (Pod Security refuses each Pod), not
everywhere (a taint), with more rights than it uses, or ready without an answer (no probe).

**Model.** Four readers read one manifest: admission the rights, the DaemonSet controller the taints
and labels, the scheduler ports, requests and priority, the kubelet probes, users and limits. Each
says no in another place: events of the DaemonSet, DESIRED, events of the Pod, state of the
container. After a refusal the controller tries again, later each time. Sources: `syncNodes`
(pkg/controller/daemon/daemon_controller.go), `verifyRunAsNonRoot`
(pkg/kubelet/kuberuntime/security_context_others.go), `defaultHostNetworkPorts`
(pkg/apis/core/v1/defaults.go).

**In production.** prometheus-community/helm-charts issue 4837: Pod Security does not let a node
exporter in, with the label put on the Pods instead of the namespace. prometheus-operator/
kube-prometheus issue 678 is the same with the older PodSecurityPolicy: host network, host PID and
host paths refused, and only `kubectl describe daemonset` says so.

**Interview question.** A chart installs a node agent, helm says deployed, and `kubectl get pods` is
empty. Where is the reason written, and why not in a Pod? After you have mended it, why does nothing
happen for some minutes, and what ends the wait?
"""

LAB = Lab(
    name="05-monitoring-agent",
    title="Monitoring agent",
    workers=(Worker(), Worker(), Worker(), Worker(taints=(DEDICATED,))),
    daemonset=EXPORTER,
    tasks=(_RUN, _RIGHTS, _NEEDS, _ANSWER),
    debrief=DEBRIEF,
    namespace=NAMESPACE,
)
