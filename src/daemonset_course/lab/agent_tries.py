"""What a checker tries with the token of an agent's Pod; the same on live and simulated clusters.

Who asks the API server is a ``Requests``. The answers go into the ConfigMap ``TRIED``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from daemonset_course.history.log import Object
from daemonset_course.history.podstate import is_control_plane
from daemonset_course.history.text import natural_key

TRIED = "tried"  # the ConfigMap with the answers
ALLOWED, REFUSED = "allowed", "refused: "
# The keys of the answers of ``try_rights``.
HOME, ADMINISTRATOR, CONTROLLER = "home", "administrator", "node-controller"
OWN_LABEL = "own-label"
OTHER_LABEL, OTHER_TAINT, NO_POD, RIGHTS = "other-label", "other-taint", "no-pod", "rights"
POLICY_SECONDS = 10.0  # seconds until the API server acts by a new right or policy, at most
READY_SECONDS = 20.0  # seconds until the agent is ready on a node that joins, at most
NODE_CONTROLLER = "system:serviceaccount:kube-system:node-controller"
_KEY = "example.com/tried-by-check"
LABEL: Object = {"metadata": {"labels": {_KEY: "yes"}}}
TAINT: Object = {"spec": {"taints": [{"key": _KEY, "effect": "NoSchedule"}]}}
# Every ServiceAccount may ask the API server about itself.
_ABOUT_ITSELF = ("authorization.k8s.io", "authentication.k8s.io", "certificates.k8s.io")


class Who(NamedTuple):
    """Who sends a request: a user that the administrator impersonates, or a token's owner.

    Attributes:
        user: the name of a user; empty: the owner of a token.
        account: the ServiceAccount of the token; empty for the administrator.
        pod: the Pod that the token is bound to; empty if it is bound to none.
    """

    user: str = ""
    account: str = ""
    pod: str = ""


class Requests(Protocol):
    """What the tries need from a cluster."""

    def nodes(self) -> Mapping[str, Object]:
        """Return the Node objects by name."""

    def ready_pods(self, daemonset: str) -> Mapping[str, Object]:
        """Return the ready Pods of a DaemonSet in the namespace ``default``, by node."""

    def patch_node(self, who: Who, node: str, change: Object, *, dry_run: bool) -> str:
        """Return why a merge patch of a Node is refused; empty if it is not."""

    def rules(self, who: Who) -> list[Object]:
        """Return the RBAC rules that hold for the owner of a token in ``default``."""

    def wait(self, test: Callable[[], object], seconds: float) -> bool:
        """Wait until the test is true, at most so long; return whether it became true."""

    def store(self, data: Mapping[str, str]) -> None:
        """Write the data into the ConfigMap ``TRIED``."""


def try_rights(requests: Requests, daemonset: str) -> None:
    """Try what others and the agent of one worker may change; nothing is changed (dry run).

    Answers that are not as they should be are asked for again for ``POLICY_SECONDS``: no object
    shows when the API server has read a new policy.
    """
    nodes = requests.nodes()
    pods = requests.ready_pods(daemonset)
    workers = [name for name in sorted(pods, key=natural_key) if not is_control_plane(nodes[name])]
    if len(workers) < 2:
        requests.store({})
        return
    home, other = workers[:2]
    agent = _agent(pods[home])
    wanted = {
        # Refusals first: a policy that refuses these is in effect when the others are tried.
        OTHER_LABEL: (agent, other, LABEL, False),
        OTHER_TAINT: (agent, other, TAINT, False),
        NO_POD: (agent._replace(pod=""), home, LABEL, False),
        OWN_LABEL: (agent, home, LABEL, True),
        ADMINISTRATOR: (Who(), other, LABEL, True),
        CONTROLLER: (Who(NODE_CONTROLLER), other, LABEL, True),
    }
    data = {HOME: home}

    def as_wanted() -> bool:
        good = True
        for key, (who, node, change, may) in wanted.items():
            data[key] = _answer(requests.patch_node(who, node, change, dry_run=True))
            good = good and (data[key] == ALLOWED) is may
        return good

    # Twice: in the first pass a policy may have come into effect between two requests.
    requests.wait(lambda: as_wanted() and as_wanted(), POLICY_SECONDS)
    data[RIGHTS] = "\n".join(sorted({*rights(requests.rules(agent))}))
    requests.store(data)


def free_nodes(requests: Requests, daemonset: str, key: str, labels: Mapping[str, str]) -> None:
    """Do what the agent does on nodes that join: remove the taint from its node, when it is ready.

    The first agent that is ready tries it on all other nodes with these labels too.
    """
    nodes = requests.nodes()
    left = [
        name for name, node in nodes.items()
        if labels.items() <= (node["metadata"].get("labels") or {}).items()
    ]  # fmt: skip
    joined, data = tuple(left), dict[str, str]()
    while left and requests.wait(lambda: _ready(requests, daemonset, left), READY_SECONDS):
        home = _ready(requests, daemonset, left)[0]
        agent = _agent(requests.ready_pods(daemonset)[home])
        for node in [] if data else [one for one in joined if one != home]:
            data[other_key(home, node)] = _free(requests, agent, node, key)
        data[own_key(home)] = _free(requests, agent, home, key)
        left.remove(home)
    requests.store(data)


def own_key(node: str) -> str:
    """Return the key of the answer to: the agent of a node removes the taint of that node."""
    return f"own.{node}"


def other_key(home: str, node: str) -> str:
    """Return the key of the answer to: the agent of one node removes the taint of another."""
    return f"other.{home}.{node}"


def rights(rules: Iterable[Object]) -> Iterator[str]:
    """Yield each right of RBAC rules as ``verb resource``, without those of every ServiceAccount.

    A resource of a group is written ``daemonsets.apps``; names follow in parentheses.
    """
    for rule in rules:
        only = f" ({', '.join(rule['resourceNames'])})" if rule.get("resourceNames") else ""
        for group in rule.get("apiGroups") or ():
            if group in _ABOUT_ITSELF:
                continue
            for resource in rule.get("resources") or ():
                suffix = f".{group}" if group else ""
                yield from (f"{verb} {resource}{suffix}{only}" for verb in rule["verbs"])


def _ready(requests: Requests, daemonset: str, names: Iterable[str]) -> list[str]:
    pods = requests.ready_pods(daemonset)
    return [name for name in names if name in pods]


def _agent(pod: Object) -> Who:
    account = pod["spec"].get("serviceAccountName") or "default"
    return Who(account=account, pod=str(pod["metadata"]["name"]))


def _free(requests: Requests, who: Who, node: str, key: str) -> str:
    spec = requests.nodes()[node].get("spec") or {}
    kept = [taint for taint in spec.get("taints") or () if taint["key"] != key]
    change = {"spec": {"taints": kept}}
    return _answer(requests.patch_node(who, node, change, dry_run=False))


def _answer(refusal: str) -> str:
    return f"{REFUSED}{refusal}" if refusal else ALLOWED
