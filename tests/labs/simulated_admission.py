"""The admission plugins of the simulated API server that refuse Pods or complete them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from simulated_objects import Object, Refused

from daemonset_course.history import podstate
from daemonset_course.placement.selectors import required_terms

ENFORCE = "pod-security.kubernetes.io/enforce"
PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_DEFAULT_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
_RESTRICTED_VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
})  # fmt: skip

Objects = Mapping[str, Mapping[tuple[str, str], Object]]


def admitted_spec(spec: Object, namespace: str, name: str, prefix: str, objects: Objects) -> Object:
    """Return a new Pod's spec after admission.

    ``prefix`` is the Pod's ``generateName``, or its name: mutating plugins see no generated name.

    Raises:
        Refused: the namespace is going, the priority class or the service account is missing, or
            the namespace enforces a Pod Security Standard that the Pod violates.
    """
    home = objects["namespaces"].get(("", namespace))
    if home is None or podstate.is_terminating(home):
        raise Refused(
            f'pods "{prefix}" is forbidden: unable to create new content in namespace '
            f"{namespace} because it is being terminated"
        )
    defaults = {"serviceAccountName": "default", "serviceAccount": "default"}
    defaults |= {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"}
    spec = defaults | spec
    account = spec["serviceAccountName"]
    if account != "default" and (namespace, account) not in objects["serviceaccounts"]:
        raise Refused(
            f'pods "{prefix}" is forbidden: error looking up service account '
            f'{namespace}/{account}: serviceaccount "{account}" not found'
        )
    _slow_down(spec, objects)
    name_of_class = spec.get("priorityClassName", "")
    spec["priority"] = _priority(name_of_class, prefix, objects)
    found = objects["priorityclasses"].get(("", name_of_class), {})
    spec["preemptionPolicy"] = found.get("preemptionPolicy", spec["preemptionPolicy"])
    spec["tolerations"] = _with_default_seconds(spec.get("tolerations") or ())
    level = (home["metadata"].get("labels") or {}).get(ENFORCE, "privileged")
    faults = []
    if level in ("baseline", "restricted"):
        faults = [*_baseline_faults(spec)]
    if level == "restricted":
        faults += _restricted_faults(spec)
    if faults:
        raise Refused(
            f'pods "{name}" is forbidden: violates PodSecurity "{level}:latest": '
            f"{', '.join(faults)}"
        )
    return spec


def _slow_down(spec: Object, objects: Objects) -> None:
    """Do what the policies of ``actions.slow_nodes_policy`` do to a Pod meant for one node."""
    fields = [f for term in required_terms(spec) or () for f in term.get("matchFields") or ()]
    meant = {value for f in fields for value in f.get("values") or ()}
    first = spec["containers"][0]
    for key, policy in objects["mutatingadmissionpolicies"].items():
        if key not in objects["mutatingadmissionpolicybindings"] or not first.get("readinessProbe"):
            continue
        text = str(policy["spec"])
        if any(f"'{node}'" in text for node in meant):
            (seconds,) = re.findall(r"value: (\d+)", text)
            probe = {**first["readinessProbe"], "initialDelaySeconds": int(seconds)}
            spec["containers"] = [{**first, "readinessProbe": probe}, *spec["containers"][1:]]


def _priority(name: str, prefix: str, objects: Objects) -> int:
    if not name:
        return 0
    if name in PRIORITIES:
        return PRIORITIES[name]
    found = objects["priorityclasses"].get(("", name))
    if found is None:
        raise Refused(f'pods "{prefix}" is forbidden: no PriorityClass with name {name} was found')
    return int(found["value"])


def _with_default_seconds(given: Any) -> list[Object]:
    """Return the tolerations with those that DefaultTolerationSeconds adds."""
    tolerations = list(given)
    for word in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{word}"
        if not any(
            one.get("key") in (key, None, "") and one.get("effect") in ("NoExecute", None, "")
            for one in tolerations
        ):
            new = {"key": key, "operator": "Exists", "effect": "NoExecute"}
            tolerations.append({**new, "tolerationSeconds": 300})
    return tolerations


def _baseline_faults(spec: Object) -> Iterator[str]:
    containers = podstate.containers_of(spec)
    added = [
        f'container "{one["name"]}" must not include "{name}" in securityContext.capabilities.add'
        for one in containers
        for name in ((_context(one).get("capabilities") or {}).get("add") or ())
        if name not in _DEFAULT_CAPABILITIES
    ]
    if added:
        yield f"non-default capabilities ({', '.join(added)})"
    hosts = [f"{f}=true" for f in ("hostNetwork", "hostPID", "hostIPC") if spec.get(f)]
    if hosts:
        yield f"host namespaces ({', '.join(hosts)})"
    paths = [f'"{one["name"]}"' for one in spec.get("volumes") or () if "hostPath" in one]
    if paths:
        yield f"hostPath volumes (volume{'s' if len(paths) > 1 else ''} {', '.join(paths)})"
    for one in containers:
        ports = [str(p["hostPort"]) for p in one.get("ports") or () if p.get("hostPort")]
        if ports:
            word = "hostPorts" if len(ports) > 1 else "hostPort"
            yield f'hostPort (container "{one["name"]}" uses {word} {", ".join(ports)})'
    for one in containers:
        if _context(one).get("privileged"):
            yield (
                f'privileged (container "{one["name"]}" must not set '
                "securityContext.privileged=true)"
            )


def _restricted_faults(spec: Object) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    for one in podstate.containers_of(spec):
        name, context = f'container "{one["name"]}" must set securityContext', _context(one)
        if context.get("allowPrivilegeEscalation") is not False:
            yield (f"allowPrivilegeEscalation != false ({name}.allowPrivilegeEscalation=false)")
        if "ALL" not in ((context.get("capabilities") or {}).get("drop") or ()):
            yield f'unrestricted capabilities ({name}.capabilities.drop=["ALL"])'
        if not context.get("runAsNonRoot", pod.get("runAsNonRoot")):
            yield f"runAsNonRoot != true (pod or {name}.runAsNonRoot=true)"
        profile = context.get("seccompProfile") or pod.get("seccompProfile") or {}
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            yield f'seccompProfile (pod or {name}.seccompProfile.type to "RuntimeDefault")'
    for one in spec.get("volumes") or ():
        kinds = one.keys() - {"name"}
        if not kinds <= _RESTRICTED_VOLUMES:
            yield f'restricted volume types (volume "{one["name"]}" uses {", ".join(kinds)})'


def _context(container: Object) -> Object:
    return container.get("securityContext") or {}
