"""Lab 09, the incident room: five DaemonSets, each broken by another part of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemonset_course.history.podstate import is_control_plane
from daemonset_course.lab.agent_manifest import agent_manifest, sets_release
from daemonset_course.lab.criteria import covered, host_ports, kept, rolled
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import Evidence, pod_spec
from daemonset_course.lab.lab import Lab, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, missed

WORKERS = 8
DEAD = 7  # the worker that is dead in task 3
TAINT = "dedicated=batch:NoSchedule"
TOLERATION = "tolerations: [{key: dedicated, operator: Equal, value: batch, effect: NoSchedule}]"
PORTS = {"logs": 2020, "metrics": 9102, "net": 9101, "storage": 9808, "security": 9100}
NAMES = tuple(PORTS)
GOOD = "busybox:1.36"
BAD = "registry.invalid/mount:2"
ACCOUNT = "security"


def manifest(name: str, *, port: int = 0, release: str = "1", tolerates: bool = True,
             budget: int = 4, image: str = GOOD, account: str = ACCOUNT) -> str:  # fmt: skip
    """Return the manifest of one of the five as YAML.

    ``image`` is that of the init container of storage, ``account`` the ServiceAccount of security.
    """
    more = [TOLERATION] if tolerates else []
    more += [f"serviceAccountName: {account}"] if name == "security" else []
    if name == "storage":
        more += ["initContainers:", f'- {{name: mount, image: {image}, command: ["true"]}}']
    health = f"{{name: health, containerPort: 8080, hostPort: {port or PORTS[name]}}}"
    return agent_manifest(
        name,
        update=f"type: RollingUpdate\nrollingUpdate: {{maxUnavailable: {budget}}}",
        pod="\n".join(more),
        container=f"{sets_release(release)}ports:\n- {health}",
    )


def _status(name: str, **numbers: int) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in numbers.items())
    return f"action: wait status\ndaemonset: {name}\n{lines}"


def room(name: str, broken: str, *steps: str) -> str:
    """Return the start: four healthy DaemonSets, then one that is ``broken``, then more steps."""
    others = [one for one in NAMES if one != name]
    account = f"action: kubectl\ncommand: create serviceaccount {ACCOUNT}\n"
    return "---\n".join((
        account,
        *(manifest(one, budget=1 if one == "net" else 4) for one in others),
        *(_status(one, desired=WORKERS, available=WORKERS) for one in others),
        broken,
        *steps,
    ))  # fmt: skip


def _guards(name: str, *allowed: str, spec: tuple[str, ...] = ()) -> tuple[Criterion, ...]:
    """Return what every task of this lab asks first: in place, and nothing else."""
    first, *rest = kept.guards(name)
    others = [one for one in NAMES if one != name]
    return (
        first,
        *rest,
        kept.others_untouched(*others),
        kept.only_changed(name, *allowed, requires=(first,)),
        kept.spec_kept(name, *spec, requires=(first,)),
    )


def _covered(name: str, *requires: Criterion) -> Criterion:
    return covered.covers(name, is_worker, "every worker", requires=requires, weight=2)


# logs: the controller does not want a Pod there

_LOGS_GUARDS = _guards("logs", "tolerations")
_LOGS = Task(
    title="logs: one machine is silent",
    daemonset="logs",
    start=room("logs", manifest("logs", tolerates=False),
               _status("logs", desired=WORKERS - 1, available=WORKERS - 1)),
    there="logs: the lines of one machine have been missing since last night. kubectl get "
    "daemonset shows the same number in every column, no Pod restarts, and there is no event.",
    criteria=(
        *_LOGS_GUARDS,
        _covered("logs", _LOGS_GUARDS[0]),
        covered.stays_off("logs", is_control_plane, "the control plane",
                          requires=(_LOGS_GUARDS[0],)),
    ),
    hints=(
        "Which machine is it? Compare kubectl get nodes with kubectl get pods -l app=logs -o wide.",
        "READY is counted against DESIRED, and DESIRED counts only the nodes that the controller "
        "wants. What does it ask of a node, and what do the four healthy DaemonSets have?",
        "tolerations:\n- key: …\n  operator: …\n  effect: …",
    ),
    solution=manifest("logs"),
)  # fmt: skip


# metrics: the scheduler finds no node


def _host_port(spec: Mapping[str, Any]) -> str:
    if any(host_ports.host_ports(spec)):
        return ""
    return "metrics has no port of the machine any more, and the scrapers ask the machine."


_METRICS_GUARDS = _guards("metrics", "metrics.ports")
_METRICS_PORT = host_ports.ports_free("metrics", requires=(_METRICS_GUARDS[0],))
_METRICS = Task(
    title="metrics: no machine reports",
    daemonset="metrics",
    start=room("metrics", manifest("metrics", port=PORTS["security"]),
               _status("metrics", desired=WORKERS, current=WORKERS, ready=0)),
    there="metrics: released this morning, and no machine reports. READY is 0 of 8. The scrapers "
    "look up the port, so that any port of the machine will do.",
    criteria=(
        *_METRICS_GUARDS,
        kept.field(
            "metrics",
            "metrics has a port of the machine",
            _host_port,
            rule="A hostPort is reached by the node's address; without it only the Pod's own "
            "address answers.",
            where="kubectl get daemonset metrics -o yaml, ports.",
            requires=(_METRICS_GUARDS[0],),
        ),
        _METRICS_PORT,
        _covered("metrics", _METRICS_GUARDS[0], _METRICS_PORT),
    ),
    hints=(
        "Its Pods exist. In which phase are they, and who says why? kubectl describe pod, Events.",
        "A port of a machine is given once. Each of the five wants one: "
        "kubectl get daemonsets -o yaml, hostPort.",
        "ports:\n- name: health\n  containerPort: 8080\n  hostPort: …",
    ),
    solution=manifest("metrics"),
)  # fmt: skip


# net: the budget is spent

_NET_GUARDS = _guards("net", spec=("updateStrategy",))
_NET_RELEASE = rolled.template_sets("net", "net", "RELEASE", "2")
_NET_PORT = host_ports.ports_free("net", requires=(_NET_GUARDS[0],))
_NET_STUCK = rolled.not_stuck("net", requires=(_NET_GUARDS[0], _NET_RELEASE))
_NET = Task(
    title="net: the release does not begin",
    daemonset="net",
    start=room("net", manifest("net", budget=1),
               _status("net", desired=WORKERS, available=WORKERS),
               f"action: break node\nnode: $worker{DEAD}\n",
               _status("net", ready=WORKERS - 1),
               manifest("net", budget=1, release="2"),
               _status("net", updated=0)),
    there="net: RELEASE 2 cures a loss of packets and was released an hour ago. UP-TO-DATE is 0. "
    "Nothing crashes, and no image is missing. At most two machines may be without net at a time.",
    criteria=(
        *_NET_GUARDS,
        kept.still_dead(),
        _NET_RELEASE,
        rolled.down_at_most("net", 2),
        _NET_PORT,
        _NET_STUCK,
        rolled.finished("net", limit=2,
                        requires=(_NET_GUARDS[0], _NET_RELEASE, _NET_PORT, _NET_STUCK)),
    ),
    hints=(
        "What does the controller wait for? kubectl get nodes, and kubectl get pods -o wide.",
        "maxUnavailable counts every node without an available Pod, also one that was lost before "
        "the release.",
        "spec:\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: …}",
    ),
    solution=manifest("net", budget=2, release="2"),
)  # fmt: skip


# storage: the kubelet cannot start it


def _images(*requires: Criterion) -> Criterion:
    """The images are those of the agent's program; which release runs is up to the learner."""

    def judge(evidence: Evidence) -> Finding:
        spec = pod_spec(evidence.daemonset("storage").after)
        every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
        found = sorted({str(one["image"]) for one in every})
        other = [one for one in found if one.partition(":")[0] != GOOD.partition(":")[0]]
        if not other:
            return MET
        return missed(
            f"An image is not one of ours: {', '.join(other)}.",
            (f"{one['name']}: {one['image']}" for one in every),
            "The kubelet pulls the image of each container; init containers come first.",
            "kubectl rollout history daemonset storage --revision=1 shows the images that did run.",
        )

    return Criterion("storage runs its own images", judge, requires)


_STORAGE_GUARDS = _guards("storage", "mount.image", "storage.env[0].value")
_STORAGE_STUCK = rolled.not_stuck("storage", requires=(_STORAGE_GUARDS[0],))
_STORAGE = Task(
    title="storage: half the machines attach no volume",
    daemonset="storage",
    start=room("storage", manifest("storage"),
               _status("storage", desired=WORKERS, available=WORKERS),
               manifest("storage", release="2", image=BAD),
               "action: wait stuck\ndaemonset: storage\nreason: ImagePullBackOff\n",
               _status("storage", available=WORKERS - 4)),
    there="storage: since RELEASE 2 half the machines attach no volume, and the release stands "
    "still. Which RELEASE runs in the end is up to you.",
    criteria=(
        *_STORAGE_GUARDS,
        _STORAGE_STUCK,
        _images(_STORAGE_GUARDS[0]),
        rolled.finished("storage", requires=(_STORAGE_GUARDS[0], _STORAGE_STUCK)),
    ),
    hints=(
        "Which Pods are not ready, and what does STATUS say? kubectl get pods -l app=storage.",
        "A Pod's init containers run before its containers, each with an image of its own. The "
        "template that did run is still there, as a revision.",
        "kubectl set image daemonset/storage CONTAINER=IMAGE\nkubectl rollout undo daemonset …",
    ),
    solution=manifest("storage", release="2"),
)  # fmt: skip


# security: the API server refuses its Pods


def _account(*requires: Criterion) -> Criterion:
    """The template names the account that has the rights of the agent."""

    def judge(evidence: Evidence) -> Finding:
        found = pod_spec(evidence.daemonset("security").after).get("serviceAccountName")
        if found == ACCOUNT:
            return MET
        refused = evidence.daemonset("security").last_refusal()
        return missed(
            f"security is to run as the ServiceAccount {found or 'default'}, and its rights are "
            f"those of {ACCOUNT}.",
            (refused,) if refused else (),
            "A Pod runs as the ServiceAccount of its spec. If there is none of that name, the API "
            "server refuses the Pod; one without rights lets it run and lets it do nothing. "
            "Source: plugin/pkg/admission/serviceaccount/admission.go.",
            "kubectl describe daemonset security, Events, and kubectl get serviceaccounts.",
        )

    return Criterion(f"security runs as the ServiceAccount {ACCOUNT}", judge, requires)


_SECURITY_GUARDS = _guards("security", "serviceAccountName", "serviceAccount")
_SECURITY_ACCOUNT = _account(_SECURITY_GUARDS[0])
_SECURITY = Task(
    title="security: there is nothing to look at",
    daemonset="security",
    start=room("security", manifest("security", account="securtiy"),
               _status("security", desired=WORKERS, current=0)),
    there="security: it was installed this morning. DESIRED is 8, CURRENT is 0, and kubectl get "
    "pods -l app=security finds no Pod that one could describe. The rights of the agent were "
    "given to a ServiceAccount that is named like it.",
    criteria=(
        *_SECURITY_GUARDS,
        _SECURITY_ACCOUNT,
        rolled.not_stuck("security", requires=(_SECURITY_GUARDS[0], _SECURITY_ACCOUNT)),
        _covered("security", _SECURITY_GUARDS[0], _SECURITY_ACCOUNT),
    ),
    hints=(
        "Without a Pod, look at who makes it: kubectl describe daemonset security, Events.",
        "A controller creates Pods through the API server like everyone, and admission can refuse "
        "them. FailedCreate carries its words.",
        "spec:\n  template:\n    spec:\n      serviceAccountName: …",
    ),
    solution=manifest("security"),
)  # fmt: skip

DEBRIEF = """\
**Cause.** Five parts of Kubernetes said no, and each says it in another place.

| symptom | who | where it is said |
|---|---|---|
| DESIRED smaller than the nodes, all else equal | DaemonSet controller | nowhere: compare them |
| CURRENT smaller than DESIRED | API server, admission | Events of the DaemonSet: FailedCreate |
| Pods Pending, without a node | scheduler | Events of the Pod: FailedScheduling |
| Pods on a node, not started | kubelet | Events and status of the Pod |
| UP-TO-DATE smaller than DESIRED, nothing fails | update budget | Pods that are not ready |

**Model.** A Pod of a DaemonSet passes four gates in this order: wanted (`NodeShouldRunDaemonPod`),
created (`syncNodes`, admission), bound (the scheduler's filters, NodePorts among them), started
(kubelet). A new template passes a fifth before all of them: `rollingUpdate`
(pkg/controller/daemon/update.go) asks for budget. The columns of `kubectl get daemonset`, from left
to right, say how far it came.

**In production.** Dead nodes: three of the 164 nodes of a cluster of Kubernetes' own test
infrastructure kept its DaemonSets at the old image, with maxUnavailable 1 (kubernetes/test-infra
#31706). Ports: the node exporter of a second installation stays Pending, because 9100 is taken
(prometheus-community/helm-charts #2983, dell/csm #1783).

**Interview question.** `kubectl get daemonset` shows DESIRED 8, CURRENT 8, READY 8, UP-TO-DATE 3,
AVAILABLE 7. Which of the five gates holds it up, and what do you look at next?
"""

LAB = Lab(
    name="09-incident-room",
    title="The incident room",
    workers=tuple(Worker(taints=(TAINT,) if n == 6 else ()) for n in range(1, WORKERS + 1)),
    daemonset="logs",
    tasks=(_LOGS, _METRICS, _NET, _STORAGE, _SECURITY),
    debrief=DEBRIEF,
)
