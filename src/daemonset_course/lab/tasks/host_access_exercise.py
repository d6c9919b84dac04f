"""The exercise of the lesson on names and files of the node: a log agent that needs both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import covered, kept, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.pod_fields import container_of, host_mounts, security_of
from daemonset_course.lab.verdict import Criterion

SHIPPER = "shipper"
LOGS = "/var/log/pods"
USER, GROUP = 10001, 4  # group 4 is adm, to which the node's logs belong
WORKERS = 3

# As the colleague left it, and as it should be.
LEFT_POD = f"""\
hostNetwork: true
volumes:
- name: logs
  hostPath: {{path: {LOGS}, type: DirectoryOrCreate}}
"""
LEFT_CONTAINER = f"volumeMounts:\n- {{name: logs, mountPath: {LOGS}}}\n"
RIGHT_POD = f"""\
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
securityContext:
  runAsNonRoot: true
  runAsUser: {USER}
  supplementalGroups: [{GROUP}]
volumes:
- name: logs
  hostPath: {{path: {LOGS}, type: Directory}}
- name: scratch
  emptyDir: {{}}
"""
RIGHT_CONTAINER = f"""\
securityContext:
  readOnlyRootFilesystem: true
volumeMounts:
- {{name: logs, mountPath: {LOGS}, readOnly: true}}
- {{name: scratch, mountPath: /tmp}}
"""

Test = Callable[[Mapping[str, Any]], str]


def manifest(pod: str = RIGHT_POD, container: str = RIGHT_CONTAINER) -> str:
    """Return the manifest of shipper as YAML."""
    rolling = "type: RollingUpdate\nrollingUpdate: {maxUnavailable: 3}"
    return agent_manifest(SHIPPER, update=rolling, pod=pod, container=container)


def on_host_network(spec: Mapping[str, Any]) -> str:
    """Return that it left the network of its node; empty if it did not."""
    return "" if spec.get("hostNetwork") else "shipper has a network of its own: no hostNetwork."


def finds_services(spec: Mapping[str, Any]) -> str:
    """Return why it asks the node's name server and not the cluster's; empty if not.

    Source: getPodDNSType, pkg/kubelet/network/dns/dns.go.
    """
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirstWithHostNet" or not spec.get("hostNetwork"):
        return ""
    what = {
        "ClusterFirst": "With hostNetwork, ClusterFirst is taken as Default",
        "Default": "Default takes the name servers of the node",
        "None": "None takes the name servers of dnsConfig alone, whatever the cluster's are",
    }[policy]
    return f"{what}: dnsPolicy is {policy}."


def runs_as_user(spec: Mapping[str, Any]) -> str:
    """Return why it runs as another user; empty if it does not."""
    context = security_of(spec, SHIPPER)
    user = context.get("runAsUser")
    if user is None:
        return (
            "The image decides as which user shipper runs, and busybox runs as root: no runAsUser."
        )
    return "" if user == USER else f"shipper runs as user {user}, not as {USER}."


def reads_as_group(spec: Mapping[str, Any]) -> str:
    """Return why its process is not in the group of the log files; empty if it is.

    Source: kubernetes.io, Configure a Security Context for a Pod or Container.
    """
    pod, context = spec.get("securityContext") or {}, security_of(spec, SHIPPER)
    groups = {
        context.get("runAsGroup"), pod.get("fsGroup"), *(pod.get("supplementalGroups") or ()),
    }  # fmt: skip
    if GROUP in groups:
        return ""
    found = sorted(group for group in groups if group is not None)
    return f"The process is in no group {GROUP}: groups {found or 'of the image only'}."


def logs_are_there(spec: Mapping[str, Any]) -> str:
    """Return what is wrong with the mount of the logs; empty if nothing is."""
    mounts = [mount for mount in host_mounts(spec, SHIPPER) if mount.path.rstrip("/") == LOGS]
    if not mounts:
        return f"shipper does not mount {LOGS} of its node."
    if writable := [mount.path for mount in mounts if not mount.read_only]:
        return f"shipper may write to {writable[0]} of its node."
    kind = mounts[0].kind
    if kind == "DirectoryOrCreate":
        return f"Where {LOGS} is missing, the kubelet makes an empty one: {kind}."
    return (
        "" if kind == "Directory" else f"Nothing asks for a directory: type is {kind or 'empty'}."
    )


def nothing_else_of_the_node(spec: Mapping[str, Any]) -> str:
    """Return what else it mounts of its node; empty if nothing."""
    more = [m.path for m in host_mounts(spec, SHIPPER) if m.path.rstrip("/") != LOGS]
    return f"shipper does not need {more[0]} of its node." if more else ""


def writes_to_tmp_only(spec: Mapping[str, Any]) -> str:
    """Return where else it may write, or why it cannot write to /tmp; empty if neither."""
    if not security_of(spec, SHIPPER).get("readOnlyRootFilesystem"):
        return "shipper may write to every folder of its container: no readOnlyRootFilesystem."
    scratch = {v["name"] for v in spec.get("volumes") or () if "emptyDir" in v}
    mounts = container_of(spec, SHIPPER).get("volumeMounts") or ()
    at = [m for m in mounts if m["name"] in scratch and m["mountPath"].rstrip("/") == "/tmp"]
    if at and not at[0].get("readOnly"):
        return ""
    return "shipper cannot write to /tmp: no emptyDir is mounted there to write to."


def _fact(what: str, test: Test, rule: str) -> Criterion:
    where = f"kubectl get daemonset {SHIPPER} -o yaml."
    return kept.field(SHIPPER, what, test, rule=rule, where=where)


_GUARDS = kept.guards(SHIPPER)
_SAME = _GUARDS[0]
_COVERS = covered.covers(SHIPPER, is_worker, "every worker", requires=(_SAME,))
_NOT_STUCK = rolled.not_stuck(SHIPPER, requires=(_SAME, _COVERS))
_CONTEXTS = "kubernetes.io: Configure a Security Context for a Pod or Container."

LAB = Lab(
    name="host-access",
    title="A log agent and its node",
    workers=(Worker(),) * WORKERS,
    daemonset=SHIPPER,
    tasks=(
        Task(
            title="Give shipper the names and files that it needs, and no more",
            start=running(manifest(LEFT_POD, LEFT_CONTAINER), SHIPPER),
            there="shipper runs on every worker, with the network of its node. It does not find "
            "the Service collector, it runs as root, and it may write to the node's logs.",
            criteria=(
                *_GUARDS,
                kept.only_changed(SHIPPER, "dnsPolicy", "dnsConfig", "securityContext", "volumes",
                                  f"{SHIPPER}.securityContext", f"{SHIPPER}.volumeMounts",
                                  requires=(_SAME,)),
                _fact("it has the network of its node", on_host_network,
                      "kubernetes.io: Pods, host namespaces."),
                _fact("it asks the cluster's name server", finds_services,
                      "A Pod with hostNetwork asks the cluster's name server only with "
                      "ClusterFirstWithHostNet. kubernetes.io: DNS for Services and Pods. "
                      "Source: getPodDNSType, pkg/kubelet/network/dns/dns.go."),
                _fact(f"it runs as user {USER}", runs_as_user, _CONTEXTS),
                _fact(f"its process is in group {GROUP}", reads_as_group,
                      f"A file of root's with group {GROUP} and mode 0640 can be read by root and "
                      f"by that group. {_CONTEXTS}"),
                _fact(f"it reads {LOGS}, which must be there", logs_are_there,
                      "The type of a hostPath says what the kubelet checks and makes before it "
                      "mounts. kubernetes.io: Volumes, hostPath."),
                _fact("it mounts nothing else of its node", nothing_else_of_the_node,
                      "kubernetes.io: Volumes, hostPath."),
                _fact("it writes to /tmp only", writes_to_tmp_only, _CONTEXTS),
                _COVERS,
                _NOT_STUCK,
                rolled.finished(SHIPPER, requires=(_SAME, _COVERS, _NOT_STUCK)),
            ),
            hints=(
                "Which name server does it ask? In the table of this lesson: the network of the "
                "Pod, and dnsPolicy. Who may read the log, in the lines of ls -ln?",
                "A user that is not root reads a file by its group. Which fields of a security "
                "context put a process into a group? And which type of a hostPath makes nothing?",
                "dnsPolicy: …\nsecurityContext: {runAsUser: …, supplementalGroups: […]}\n"
                "volumes:\n- {name: logs, hostPath: {path: …, type: …}}\n"
                "- {name: scratch, emptyDir: {}}",
            ),
            solution=manifest(),
        ),
    ),
    debrief="",
)  # fmt: skip
