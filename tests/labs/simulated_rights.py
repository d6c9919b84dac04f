"""Who may change a Node of the simulated cluster: RBAC, and ValidatingAdmissionPolicies.

The actions of learners are those of an administrator and are not judged; only what the checker
tries is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulated_cel import CelError, evaluate
from simulated_objects import Object, merge_patch, raise_if

from daemonset_course.history import podstate
from daemonset_course.lab.agent_tries import TRIED, Who

if TYPE_CHECKING:
    from simulated_cluster import SimulatedCluster

STEP = 0.1  # seconds that a request of an agent takes
_BUILT_IN: Mapping[str, list[Object]] = {
    "cluster-admin": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    "system:node": [
        {"apiGroups": [""], "resources": ["nodes"],
         "verbs": ["create", "get", "list", "watch", "update", "patch"]},
        {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch", "update"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete", "get", "list"]},
    ],
}  # fmt: skip
_NODE_NAME = "authentication.kubernetes.io/node-name"


class SimulatedRequests:
    """The ``Requests`` of a simulated cluster."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def nodes(self) -> Mapping[str, Object]:
        return {name: self._cluster.get("nodes", name) for name in self._cluster.node_names()}

    def ready_pods(self, daemonset: str) -> Mapping[str, Object]:
        if self._cluster.find("daemonsets", daemonset) is None:
            return {}
        own = self._cluster.pods_of(daemonset)
        return {i.node: i.pod for i in own if podstate.phase_of(i.pod)[0] == "ready"}

    def patch_node(self, who: Who, node: str, change: Object, *, dry_run: bool) -> str:
        old = self._cluster.get("nodes", node)
        new = merge_patch(old, change)
        reason = (_forbidden(self._cluster, who, node) if who.account else "") or refused(
            self._cluster, self._user(who), old, new
        )
        if not reason and not dry_run:
            self._cluster.run(STEP)
            self._cluster.replace(new)
        return reason

    def rules(self, who: Who) -> list[Object]:
        return [*rules_of(self._cluster, who.account)]

    def wait(self, test: Callable[[], object], seconds: float) -> bool:
        return self._cluster.run_until(lambda: bool(test()), seconds)

    def store(self, data: Mapping[str, str]) -> None:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": TRIED}}
        self._cluster.apply({**made, "data": dict(data)})
        self._cluster.run(STEP)

    def _user(self, who: Who) -> Object:
        if not who.account:
            return {"username": who.user or "kubernetes-admin", "groups": [], "extra": {}}
        extra = {}
        if who.pod:
            pod = self._cluster.get("pods", who.pod)
            extra[_NODE_NAME] = [podstate.node_of(pod)]
        groups = ["system:serviceaccounts", "system:serviceaccounts:default"]
        name = f"system:serviceaccount:default:{who.account}"
        return {"username": name, "groups": groups, "extra": extra}


def rules_of(cluster: SimulatedCluster, account: str) -> Iterator[Object]:
    """Yield the rules that hold for a ServiceAccount of the namespace ``default`` there."""
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in cluster.objects[kind].values():
            home = binding["metadata"].get("namespace", "default")
            if home == "default" and any(map(_is(account), binding.get("subjects") or ())):
                yield from _role(cluster, binding["roleRef"])


def _is(account: str) -> Callable[[Mapping[str, Any]], bool]:
    names = {
        ("ServiceAccount", account, "default"),
        ("User", f"system:serviceaccount:default:{account}", ""),
        ("Group", "system:serviceaccounts", ""),
        ("Group", "system:serviceaccounts:default", ""),
        ("Group", "system:authenticated", ""),
    }
    return lambda s: (s.get("kind"), s.get("name"), s.get("namespace", "")) in names


def _role(cluster: SimulatedCluster, ref: Mapping[str, Any]) -> list[Object]:
    resource = "clusterroles" if ref["kind"] == "ClusterRole" else "roles"
    found = cluster.find(resource, ref["name"], "default")
    if found is not None:
        return list(found.get("rules") or ())
    return list(_BUILT_IN.get(ref["name"], ()))


def _forbidden(cluster: SimulatedCluster, who: Who, node: str) -> str:
    bindings = cluster.objects["clusterrolebindings"].values()
    rules = [
        rule for one in bindings if any(map(_is(who.account), one.get("subjects") or ()))
        for rule in _role(cluster, one["roleRef"])
    ]  # fmt: skip
    if any(_allows(rule, node) for rule in rules):
        return ""
    return (
        f'nodes "{node}" is forbidden: User "system:serviceaccount:default:{who.account}" cannot '
        'patch resource "nodes" in API group "" at the cluster scope'
    )


def _allows(rule: Mapping[str, Any], node: str) -> bool:
    return (
        _has(rule.get("apiGroups"), "")
        and _has(rule.get("resources"), "nodes")
        and _has(rule.get("verbs"), "patch")
        and (not rule.get("resourceNames") or node in rule["resourceNames"])
    )


def _has(given: Iterable[str] | None, value: str) -> bool:
    return bool({"*", value} & {*(given or ())})


def refused(cluster: SimulatedCluster, user: Object, old: Object, new: Object) -> str:
    """Return why a policy refuses that a user changes a Node; empty if none does."""
    request = {"userInfo": user, "operation": "UPDATE", "name": new["metadata"]["name"]}
    for binding in cluster.objects["validatingadmissionpolicybindings"].values():
        spec = binding.get("spec") or {}
        policy = cluster.find("validatingadmissionpolicies", str(spec.get("policyName")))
        if policy is None or "Deny" not in (spec.get("validationActions") or ()):
            continue
        if not _matches(spec.get("matchResources"), new):
            continue
        reason = _judged(policy["spec"], {"request": request, "object": new, "oldObject": old}, new)
        if reason:
            name = policy["metadata"]["name"]
            return f"ValidatingAdmissionPolicy '{name}' denied request: {reason}"
    return ""


def _judged(spec: Object, given: Mapping[str, Any], node: Object) -> str:
    if not _matches(spec.get("matchConstraints") or {"resourceRules": []}, node):
        return ""
    try:
        for one in spec.get("matchConditions") or ():
            if evaluate(one["expression"], given) is not True:
                return ""
        variables: dict[str, Any] = {}
        for one in spec.get("variables") or ():
            variables[one["name"]] = evaluate(one["expression"], {**given, "variables": variables})
        scope = {**given, "variables": variables}
        for one in spec.get("validations") or ():
            if evaluate(one["expression"], scope) is not True:
                if "messageExpression" in one:
                    return str(evaluate(one["messageExpression"], scope))
                return str(one.get("message") or f"failed expression: {one['expression']}")
    except CelError as error:
        return "" if spec.get("failurePolicy") == "Ignore" else str(error)
    return ""


def _matches(resources: Mapping[str, Any] | None, node: Object) -> bool:
    if resources is None:
        return True
    rules = resources.get("resourceRules")
    if rules is None:
        return True
    return any(
        _has(rule.get("apiGroups"), "") and _has(rule.get("apiVersions"), "v1")
        and _has(rule.get("operations"), "UPDATE")
        and bool({"*", "*/*", "nodes"} & {*(rule.get("resources") or ())})
        and (not rule.get("resourceNames") or node["metadata"]["name"] in rule["resourceNames"])
        for rule in rules
    )  # fmt: skip


def check_rights(resource: str, new: Object, old: Object | None) -> None:
    """Check a binding or a policy as the API server does.

    Raises:
        Refused: it would not accept it.
    """
    spec, faults = new.get("spec") or {}, []
    if "roleRef" in new and old is not None and new["roleRef"] != old["roleRef"]:
        faults.append(f"roleRef: Invalid value: {new['roleRef']}: cannot change roleRef")
    if resource == "validatingadmissionpolicies" and not spec.get("validations"):
        faults.append("spec.validations: Required value")
    if resource == "validatingadmissionpolicybindings":
        actions = {*(spec.get("validationActions") or ())}
        if not actions or not actions <= {"Deny", "Warn", "Audit"} or {"Deny", "Warn"} <= actions:
            faults.append(f"spec.validationActions: Invalid value: {sorted(actions)}")
    raise_if(f"{new['kind']} {new['metadata']['name']!r} is invalid", faults)
