"""The exercise of the lesson on a monitoring agent: four faults of the source document's manifest.

Lab 05 asks for more; this is the part that one manifest and its readers can say.
"""

from __future__ import annotations

from daemonset_course.lab.criteria import covered, kept, rolled
from daemonset_course.lab.criteria.unseen_fleets import Fleets, right_on_unseen
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.tasks.monitoring_agent import (
    CONTROL_PLANE_ONLY,
    DEDICATED,
    EXPORTER,
    NAMESPACE,
    NOBODY,
    PORTS,
    RESOURCES,
    STANDARDS,
    host_paths_read_only,
    manifest,
    namespace,
    no_host_processes,
    readiness_asks,
    runs_as_nobody,
)

FLEETS = Fleets(
    labels={"disk": ("ssd", "hdd", None)},
    taints=(DEDICATED, "dedicated=db:NoExecute", "maintenance:NoExecute"),
    control_plane=True,
)
_WHERE = f"kubectl get daemonset {EXPORTER} -n {NAMESPACE} -o yaml."
_GUARDS = kept.guards(EXPORTER)
_SAME = _GUARDS[:1]
_EVERYWHERE = covered.covers(EXPORTER, lambda _: True, "every node", requires=_SAME)
_NOT_STUCK = rolled.not_stuck(EXPORTER, requires=(*_SAME, _EVERYWHERE))
USER = f"securityContext: {{runAsNonRoot: true, runAsUser: {NOBODY}}}"
READY = "readinessProbe: {httpGet: {path: /, port: 9100}}"

LAB = Lab(
    name="monitoring-agent",
    title="Four faults of a manifest",
    workers=(Worker(), Worker(), Worker(taints=(DEDICATED,))),
    daemonset=EXPORTER,
    namespace=NAMESPACE,
    tasks=(
        Task(
            title="Repair the four faults of the manifest",
            start=f"{namespace('privileged')}---\n{manifest(tolerations=CONTROL_PLANE_ONLY)}"
            f"---\naction: wait rollout\ndaemonset: {EXPORTER}\nnamespace: {NAMESPACE}\n",
            there=f"The manifest of the source document runs in namespace {NAMESPACE}: on three of "
            f"four nodes. worker3 has the taint {DEDICATED}.",
            criteria=(
                *_GUARDS,
                kept.namespaces_as_given(),
                kept.only_changed(
                    EXPORTER, "tolerations", "hostPID", "hostIPC", "securityContext",
                    "automountServiceAccountToken",
                    *(f"{EXPORTER}.{field}" for field in (
                        "securityContext", "readinessProbe", "livenessProbe", "startupProbe",
                        "volumeMounts")),
                    requires=_SAME,
                ),
                kept.field(EXPORTER, "it reads /proc, /sys and / of its node, and nothing else",
                           host_paths_read_only, where=_WHERE, requires=_SAME, weight=0,
                           rule="Who writes to the node's files owns the node. kubernetes.io: "
                           "Volumes, hostPath."),
                kept.field(EXPORTER, "it does not share the node's processes", no_host_processes,
                           where=_WHERE, requires=_SAME,
                           rule="It reads /host/proc, which is the node's whatever the Pod shares. "
                           f"{STANDARDS}"),
                kept.field(EXPORTER, "it runs as a user that is not root", runs_as_nobody,
                           where=_WHERE, requires=_SAME,
                           rule="The kubelet compares numbers, and a name might stand for 0. "
                           "Source: verifyRunAsNonRoot, "
                           "pkg/kubelet/kuberuntime/security_context_others.go."),
                kept.field(EXPORTER, "a Pod is ready when the exporter answers", readiness_asks,
                           where=_WHERE, requires=_SAME,
                           rule="A rollout goes on as soon as a Pod is ready. kubernetes.io: "
                           "Configure Liveness, Readiness and Startup Probes."),
                _EVERYWHERE,
                right_on_unseen(EXPORTER, lambda _: True, "every node", FLEETS,
                                requires=(*_SAME, _EVERYWHERE), weight=1),
                _NOT_STUCK,
                rolled.finished(EXPORTER, requires=(*_SAME, _EVERYWHERE, _NOT_STUCK)),
            ),
            hints=(
                "Four questions, and the manifest answers each wrongly: on which nodes, with which "
                "processes, as which user, and when is it ready?",
                "A toleration with a key is for that key only. The exporter reads the node's "
                "processes in /host/proc already. The kubelet needs the user as a number. Without "
                "a readiness probe a Pod is ready as soon as its container runs.",
                "spec:\n  template:\n    spec:\n      hostPID: …\n      tolerations:\n"
                "      - operator: …\n      securityContext: {runAsNonRoot: …, runAsUser: …}\n"
                "      containers:\n      - name: node-exporter\n"
                "        readinessProbe: {httpGet: {path: …, port: …}}",
            ),
            solution=manifest(pod=f"      {USER}\n",
                              container=f"{PORTS}{RESOURCES}          {READY}\n"),
        ),
    ),
    debrief="",
)  # fmt: skip
