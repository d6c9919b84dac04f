"""What the API server does with an object before it stores it: defaults, checks, merges. Pure.

Objects are never changed in place: each change makes new dicts along its path, so versions in the
log can share the rest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

Object = dict[str, Any]

REVISION = "controller-revision-hash"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_UNITS = {
    "": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_WORD = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")  # a name of a container or volume
_LABEL_KEY = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?)([a-zA-Z]*)")
_KEYS = {  # lists that are maps: merged by this field
    "containers": "name", "initContainers": "name", "volumes": "name", "env": "name",
    "ports": "containerPort", "volumeMounts": "mountPath", "imagePullSecrets": "name",
}  # fmt: skip
# Maps that an apply replaces as a whole: mapType and structType atomic in k8s.io/api.
_ATOMIC = {"nodeSelector", "selector", "requiredDuringSchedulingIgnoredDuringExecution"}
_DAEMONSET_FIELDS = {
    "selector", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit",
}  # fmt: skip
_POD_FIELDS = {
    "activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig",
    "dnsPolicy", "enableServiceLinks", "ephemeralContainers", "hostAliases", "hostIPC",
    "hostNetwork", "hostPID", "hostUsers", "hostname", "imagePullSecrets", "initContainers",
    "nodeName", "nodeSelector", "os", "overhead", "preemptionPolicy", "priority",
    "priorityClassName", "readinessGates", "resourceClaims", "resources", "restartPolicy",
    "runtimeClassName", "schedulerName", "schedulingGates", "securityContext", "serviceAccount",
    "serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace", "subdomain",
    "terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints", "volumes",
}  # fmt: skip
_CONTAINER_FIELDS = {
    "args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe",
    "name", "ports", "readinessProbe", "resizePolicy", "resources", "restartPolicy",
    "securityContext", "startupProbe", "stdin", "stdinOnce", "terminationMessagePath",
    "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir",
}  # fmt: skip
_TOLERATION_FIELDS = {"key", "operator", "value", "effect", "tolerationSeconds"}


class Refused(Exception):
    """The API server or kubectl refused a step; the message is in their words."""


# Defaults


def daemonset_with_defaults(made: Object) -> Object:
    """Return a DaemonSet as the API server stores it."""
    spec = made.get("spec") or {}
    strategy = {"type": "RollingUpdate"} | _set(spec.get("updateStrategy"))
    if strategy["type"] == "RollingUpdate":
        rolling = {"maxUnavailable": 1, "maxSurge": 0} | _set(strategy.get("rollingUpdate"))
        strategy["rollingUpdate"] = rolling
    template = spec.get("template") or {}
    template = {
        **template,
        "metadata": _set(template.get("metadata")),
        "spec": pod_spec_with_defaults(template.get("spec") or {}),
    }
    spec = {**_set(spec), "template": template, "updateStrategy": strategy}
    spec.setdefault("revisionHistoryLimit", 10)
    return {**made, "spec": spec}


def pod_spec_with_defaults(spec: Object) -> Object:
    """Return a Pod's spec, also of a template, as the API server stores it."""
    spec = _set(spec)
    host = bool(spec.get("hostNetwork"))
    for group in ("initContainers", "containers"):
        if isinstance(spec.get(group), list):
            spec[group] = [_container(one, host) for one in spec[group]]
    if isinstance(spec.get("volumes"), list):
        spec["volumes"] = [_volume(one) for one in spec["volumes"]]
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec |= {"serviceAccountName": account, "serviceAccount": account}
    return {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    } | spec


def _container(made: Any, host: bool) -> Any:
    if not isinstance(made, dict):
        return made
    image = str(made.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    made = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always"
        if tag in ("", "latest") and "@" not in image
        else "IfNotPresent",
    } | _set(made)
    if isinstance(made.get("ports"), list):
        made["ports"] = [_port(one, host) for one in made["ports"]]
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(made.get(probe), dict):
            counts = {"timeoutSeconds": 1, "periodSeconds": 10}
            made[probe] = counts | {"successThreshold": 1, "failureThreshold": 3} | made[probe]
            if isinstance(made[probe].get("httpGet"), dict):
                made[probe]["httpGet"] = {"path": "/", "scheme": "HTTP"} | made[probe]["httpGet"]
    if isinstance(made.get("env"), list):
        made["env"] = [_variable(one) for one in made["env"]]
    return made


def _port(port: Any, host: bool) -> Any:
    if not isinstance(port, dict):
        return port
    port = {**port, "protocol": port.get("protocol") or "TCP"}
    if host and not port.get("hostPort"):
        port["hostPort"] = port.get("containerPort")
    return port


def _variable(made: Any) -> Any:
    source = made.get("valueFrom") if isinstance(made, dict) else None
    if isinstance(source, dict) and isinstance(source.get("fieldRef"), dict):
        return {**made, "valueFrom": {"fieldRef": {"apiVersion": "v1"} | source["fieldRef"]}}
    return made


def _volume(made: Any) -> Any:
    for kind in ("configMap", "secret"):
        if isinstance(made, dict) and isinstance(made.get(kind), dict):
            return {**made, kind: {"defaultMode": 420} | made[kind]}
    return made


def without_nulls(value: Any) -> Any:
    """Return a value of JSON types without the fields that are null: they are not set."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def _set(given: Any) -> Object:
    """Return a copy without the fields that are null."""
    return {key: value for key, value in (given or {}).items() if value is not None}


# Checks


def check_daemonset(new: Object, old: Object | None) -> None:
    """Raise ``Refused`` if the API server would not store the DaemonSet."""
    raise_if(
        f'The DaemonSet "{new["metadata"].get("name")}" is invalid', _daemonset_faults(new, old)
    )


def check_pod(new: Object) -> None:
    """Raise ``Refused`` if the API server would not store the Pod."""
    metadata = new["metadata"]
    faults = [*_label_faults(metadata, "metadata"), *_pod_faults(new.get("spec") or {}, "spec")]
    raise_if(f'The Pod "{metadata.get("name")}" is invalid', faults)


def check_metadata(new: Object) -> None:
    """Raise ``Refused`` if the name or a label is invalid."""
    metadata = new["metadata"]
    faults = [*_label_faults(metadata, "metadata")]
    if not _NAME.fullmatch(str(metadata.get("name", ""))):
        faults.append(f"metadata.name: Invalid value: {metadata.get('name')!r}")
    raise_if(f"The {new['kind']} is invalid", faults)


def check_taints(taints: Iterable[Mapping[str, Any]]) -> None:
    """Raise ``Refused`` if a Node cannot have these taints."""
    taints = list(taints)
    faults = [
        f"invalid taint effect: {t.get('effect')}" for t in taints if t.get("effect") not in EFFECTS
    ]
    pairs = [(t.get("key"), t.get("effect")) for t in taints]
    faults += ["taints must be unique by key and effect pair"] if len({*pairs}) < len(pairs) else []
    raise_if("The Node is invalid", faults)


def raise_if(lead: str, faults: Iterable[str]) -> None:
    """Raise ``Refused`` with all faults, if there are any."""
    if found := list(faults):
        raise Refused(f"{lead}: {'; '.join(found)}")


def _daemonset_faults(new: Object, old: Object | None) -> Iterator[str]:
    if not _NAME.fullmatch(str(new["metadata"].get("name", ""))):
        yield f"metadata.name: Invalid value: {new['metadata'].get('name')!r}"
    yield from _label_faults(new["metadata"], "metadata")
    spec = new["spec"]
    yield from _unknown(spec, _DAEMONSET_FIELDS, "spec")
    template = spec["template"]
    labels = template["metadata"].get("labels") or {}
    selector = spec.get("selector")
    if not isinstance(selector, dict):
        yield "spec.selector: Required value"
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        yield "spec.selector: Invalid value: empty selector is invalid for daemonset"
    elif not selector_matches(selector, labels):
        yield (
            "spec.template.metadata.labels: Invalid value: `selector` does not "
            "match template `labels`"
        )
    if old is not None and selector != old["spec"].get("selector"):
        yield "spec.selector: Invalid value: field is immutable"
    yield from _label_faults(template["metadata"], "spec.template.metadata")
    yield from _pod_faults(template["spec"], "spec.template.spec")
    if template["spec"].get("restartPolicy") != "Always":
        yield 'spec.template.spec.restartPolicy: Unsupported value: supported values: "Always"'
    for field in ("minReadySeconds", "revisionHistoryLimit"):
        yield from _count_faults(spec.get(field, 0), f"spec.{field}")
    yield from _strategy_faults(spec["updateStrategy"])


def _strategy_faults(strategy: Object) -> Iterator[str]:
    path = "spec.updateStrategy"
    yield from _unknown(strategy, {"type", "rollingUpdate"}, path)
    if strategy["type"] == "OnDelete":
        return
    if strategy["type"] != "RollingUpdate":
        yield (
            f"{path}: Unsupported value: {strategy['type']!r}: supported values: "
            '"RollingUpdate", "OnDelete"'
        )
        return
    rolling = strategy["rollingUpdate"]
    path += ".rollingUpdate"
    yield from _unknown(rolling, {"maxUnavailable", "maxSurge"}, path)
    counts = {}
    for field in ("maxUnavailable", "maxSurge"):
        value = rolling.get(field)
        if isinstance(value, str) and re.fullmatch("[0-9]+%", value):
            counts[field] = int(value[:-1])
            if counts[field] > 100:
                yield f"{path}.{field}: Invalid value: {value!r}: must not be greater than 100%"
        elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            counts[field] = value
        else:
            yield (
                f"{path}.{field}: Invalid value: {value!r}: must be a count or a "
                "percentage (e.g '5%')"
            )
    if len(counts) == 2 and all(counts.values()):
        yield f"{path}.maxSurge: Invalid value: may not be set when maxUnavailable is non-zero"
    if len(counts) == 2 and not any(counts.values()):
        yield f"{path}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"


def _pod_faults(spec: Object, path: str) -> Iterator[str]:
    yield from _unknown(spec, _POD_FIELDS, path)
    yield from _string_map_faults(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    for index, one in enumerate(spec.get("tolerations") or ()):
        yield from _toleration_faults(one, f"{path}.tolerations[{index}]")
    yield from _affinity_faults(spec, f"{path}.affinity.nodeAffinity")
    for key in (*(spec.get("nodeSelector") or ()), *_toleration_keys(spec)):
        if not _LABEL_KEY.fullmatch(key):
            yield f"{path}: Invalid value: {key!r}: must be a label's key"
    for index, one in enumerate(spec.get("volumes") or ()):
        if not _WORD.fullmatch(one.get("name", "")):
            yield f"{path}.volumes[{index}].name: Required value: a lowercase word"
        if "configMap" in one and not one["configMap"].get("name"):
            yield f"{path}.volumes[{index}].configMap.name: Required value"
    priority = spec.get("priorityClassName")
    if priority and not _NAME.fullmatch(priority):
        yield f"{path}.priorityClassName: Invalid value: {priority!r}"
    for one in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        stop = ((one.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
        if not 0 <= stop.get("seconds", 0) <= spec.get("terminationGracePeriodSeconds", 30):
            yield (
                f"{path}.lifecycle.preStop.sleep: Invalid value: {stop['seconds']}: must be "
                "non-negative and less than terminationGracePeriodSeconds"
            )
    yield from _count_faults(
        spec.get("terminationGracePeriodSeconds", 0), f"{path}.terminationGracePeriodSeconds"
    )
    if not spec.get("containers"):
        yield f"{path}.containers: Required value"
        return
    names, ports = set(), set()
    for group in ("initContainers", "containers"):
        for index, one in enumerate(spec.get(group) or ()):
            where = f"{path}.{group}[{index}]"
            yield from _container_faults(one, where, bool(spec.get("hostNetwork")))
            if not isinstance(one, dict):
                continue
            if one.get("name") in names:
                yield f"{where}.name: Duplicate value: {one.get('name')!r}"
            names.add(one.get("name"))
            for port in host_ports([one]):
                if port in ports:
                    yield f"{where}.ports.hostPort: Duplicate value: {port[1]}"
                ports.add(port)


def _container_faults(one: Any, path: str, host: bool) -> Iterator[str]:
    if not isinstance(one, dict):
        yield f"{path}: Invalid value: must be an object"
        return
    yield from _unknown(one, _CONTAINER_FIELDS, path)
    for field in ("name", "image"):
        if not isinstance(one.get(field), str) or not one[field]:
            yield f"{path}.{field}: Required value"
    if not _WORD.fullmatch(str(one.get("name", ""))):
        yield f"{path}.name: Invalid value: {one.get('name')!r}: must be a lowercase word"
    yield from _handler_faults(one, path)
    for index, variable in enumerate(one.get("env") or ()):
        if not variable.get("name"):
            yield f"{path}.env[{index}].name: Required value"
        if not isinstance(variable.get("value", ""), str):
            yield f"{path}.env[{index}].value: Invalid value: must be a string"
    for index, port in enumerate(one.get("ports") or ()):
        number, on_host = port.get("containerPort"), port.get("hostPort", 0)
        if not isinstance(number, int) or not 0 < number < 65536:
            yield f"{path}.ports[{index}].containerPort: Required value"
        if not isinstance(on_host, int) or not 0 <= on_host < 65536:
            yield f"{path}.ports[{index}].hostPort: Invalid value: {on_host!r}"
        elif host and on_host != number:
            yield (
                f"{path}.ports[{index}].containerPort: Invalid value: must match "
                "`hostPort` when `hostNetwork` is true"
            )
    resources = one.get("resources") or {}
    amounts = {}
    for kind in ("requests", "limits"):
        for name, text in (resources.get(kind) or {}).items():
            amounts[kind, name] = amount = quantity(text)
            if amount is None:
                yield (
                    f"{path}.resources.{kind}[{name}]: Invalid value: {text!r}: "
                    "quantities must match the regular expression"
                )
    for (kind, name), amount in amounts.items():
        limit = amounts.get(("limits", name))
        if kind == "requests" and None not in (amount, limit) and amount > limit:
            yield (
                f"{path}.resources.requests: Invalid value: must be less than or "
                f"equal to {name} limit"
            )


def _toleration_keys(spec: Object) -> list[str]:
    return [one["key"] for one in spec.get("tolerations") or () if one.get("key")]


def _handler_faults(one: Object, path: str) -> Iterator[str]:
    """Yield what is wrong with the probes and lifecycle handlers of a container."""
    groups = [(one, ("readinessProbe", "livenessProbe", "startupProbe"))]
    groups.append((one.get("lifecycle") or {}, ("preStop", "postStart")))
    for holder, names in groups:
        for name in (name for name in names if name in holder):
            found = holder[name]
            handlers = [h for h in ("exec", "httpGet", "tcpSocket", "grpc", "sleep") if h in found]
            if len(handlers) != 1:
                yield f"{path}.{name}: Required value: must specify a handler type"
            if "exec" in found and not found["exec"].get("command"):
                yield f"{path}.{name}.exec.command: Required value"
            for field in ("initialDelaySeconds", "periodSeconds", "failureThreshold"):
                if found.get(field, 0) < 0:
                    yield f"{path}.{name}.{field}: Invalid value: {found[field]}"


def _toleration_faults(one: Any, path: str) -> Iterator[str]:
    if not isinstance(one, dict):
        yield f"{path}: Invalid value: must be an object"
        return
    yield from _unknown(one, _TOLERATION_FIELDS, path)
    operator, value, effect = (one.get(f) or "" for f in ("operator", "value", "effect"))
    seconds = one.get("tolerationSeconds")
    if operator not in ("", "Equal", "Exists"):
        yield (
            f'{path}.operator: Unsupported value: {operator!r}: supported values: "Equal", "Exists"'
        )
    if not one.get("key") and operator != "Exists":
        yield f"{path}.operator: Invalid value: operator must be Exists when `key` is empty"
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        yield f"{path}.value: Invalid value: {value!r}: must be a string that a label can have"
    if operator == "Exists" and value:
        yield f"{path}.operator: Invalid value: value must be empty when `operator` is 'Exists'"
    if effect and effect not in EFFECTS:
        yield f"{path}.effect: Unsupported value: {effect!r}"
    if seconds is not None and (not isinstance(seconds, int) or isinstance(seconds, bool)):
        yield f"{path}.tolerationSeconds: Invalid value: {seconds!r}: must be an integer"
    if seconds is not None and effect != "NoExecute":
        yield (
            f"{path}.effect: Invalid value: effect must be 'NoExecute' when "
            "`tolerationSeconds` is set"
        )


def _affinity_faults(spec: Object, path: str) -> Iterator[str]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    terms = [one.get("preference") or {} for one in preferred]
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None:
        if not required.get("nodeSelectorTerms"):
            yield (
                f"{path}.required.nodeSelectorTerms: Required value: must have at "
                "least one node selector term"
            )
        terms += required.get("nodeSelectorTerms") or ()
    for each in (one for term in terms for one in term.get("matchExpressions") or ()):
        operator, values = each.get("operator"), each.get("values") or []
        if not _LABEL_KEY.fullmatch(each.get("key", "")):
            yield f"{path}.key: Invalid value: {each.get('key')!r}: must be a label's key"
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"):
            yield f"{path}.operator: Invalid value: {operator!r}: not a valid selector operator"
        if operator in ("In", "NotIn") and not values:
            yield (
                f"{path}.values: Required value: must be specified when `operator` "
                "is 'In' or 'NotIn'"
            )
        if operator in ("Exists", "DoesNotExist") and values:
            yield (
                f"{path}.values: Forbidden: may not be specified when `operator` is "
                "'Exists' or 'DoesNotExist'"
            )
        if operator in ("Gt", "Lt") and len(values) != 1:
            yield f"{path}.values: Required value: must be specified single value"
        if not all(isinstance(value, str) for value in values):
            yield f"{path}.values: Invalid value: must be strings"
    for each in (one for term in terms for one in term.get("matchFields") or ()):
        if each.get("operator") not in ("In", "NotIn") or len(each.get("values") or ()) != 1:
            yield f"{path}.matchFields: Invalid value: needs In or NotIn with one value"
        if each.get("key") != "metadata.name":
            yield (
                f"{path}.matchFields.key: Invalid value: {each.get('key')!r}: not a "
                "valid field selector key"
            )


def _unknown(given: Mapping[str, Any], known: set[str], path: str) -> Iterator[str]:
    for field in given:
        if field not in known:
            yield f'strict decoding error: unknown field "{path}.{field}"'


def _count_faults(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield f"{path}: Invalid value: {value!r}: must be an integer of at least 0"


def _label_faults(metadata: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _string_map_faults(metadata.get("labels") or {}, f"{path}.labels")
    for key, value in (metadata.get("annotations") or {}).items():
        if not isinstance(value, str):
            yield f"{path}.annotations[{key}]: Invalid value: {value!r}: must be a string"


def _string_map_faults(given: Any, path: str) -> Iterator[str]:
    if not isinstance(given, dict):
        yield f"{path}: Invalid value: must be a map"
        return
    for key, value in given.items():
        if not isinstance(value, str) or not _LABEL.fullmatch(value):
            yield f"{path}[{key}]: Invalid value: {value!r}: must be a string that a label can have"


# Values


def selector_matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector (``matchLabels``, ``matchExpressions``) matches the labels."""
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for each in selector.get("matchExpressions") or ():
        held, values = labels.get(each["key"]), each.get("values") or ()
        met = {
            "In": held in values and held is not None, "NotIn": held not in values,
            "Exists": held is not None, "DoesNotExist": held is None,
        }.get(each["operator"], False)  # fmt: skip
        if not met:
            return False
    return True


@lru_cache(maxsize=1000)
def _parsed(text: str) -> float | None:
    found = _QUANTITY.fullmatch(text)
    if found is None or found[2] not in _UNITS:
        return None
    return float(found[1]) * _UNITS[found[2]]


def quantity(value: Any) -> float | None:
    """Return a quantity (``100m``, ``64Mi``) as a number; None if it is none."""
    return None if isinstance(value, bool) or value is None else _parsed(str(value))


def requests(spec: Mapping[str, Any]) -> dict[str, float]:
    """Return the CPU and memory that a Pod requests; a limit without a request counts as one."""
    total: dict[str, float] = {"pods": 1}
    for one in spec.get("containers") or ():
        resources = one.get("resources") or {}
        wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        for name, text in wanted.items():
            total[name] = total.get(name, 0) + (quantity(text) or 0)
    return total


def qos_class(spec: Mapping[str, Any]) -> str:
    """Return the quality of service class of a Pod, by its requests and limits."""
    resources = [one.get("resources") or {} for one in spec.get("containers") or ()]
    if not any(one.get("requests") or one.get("limits") for one in resources):
        return "BestEffort"
    for one in resources:
        limits = one.get("limits") or {}
        wanted = {**limits, **(one.get("requests") or {})}
        for name in ("cpu", "memory"):
            if name not in limits or quantity(limits[name]) != quantity(wanted[name]):
                return "Burstable"
    return "Guaranteed"


def host_ports(containers: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return (protocol, port) of each host port."""
    ports = (port for one in containers for port in one.get("ports") or ())
    return [(p.get("protocol", "TCP"), p["hostPort"]) for p in ports if p.get("hostPort")]


def hash_of(value: Any) -> int:
    """Return a number for a value of JSON types; the same in every run."""
    text = json.dumps(value, sort_keys=True).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


# Merges


def applied(live: Any, new: Any, last: Any, key: str = "") -> Any:
    """Return ``live`` after an apply of ``new``; fields only in ``last`` (applied before) go."""
    if key in _ATOMIC:
        return new
    if isinstance(new, dict) and isinstance(live, dict):
        last = last if isinstance(last, dict) else {}
        kept = {k: v for k, v in live.items() if k in new or k not in last}
        return kept | {k: applied(live.get(k), v, last.get(k), k) for k, v in new.items()}
    by = _KEYS.get(key)
    if by and isinstance(new, list) and isinstance(live, list) and _keyed(new, by):
        was = {one.get(by): one for one in last or () if isinstance(one, dict)}
        held = {one.get(by): one for one in live}
        wanted = {one[by]: one for one in new}
        kept = {name: one for name, one in held.items() if name in wanted or name not in was}
        found = {n: applied(held.get(n), one, was.get(n)) for n, one in wanted.items()}
        return list((kept | found).values())
    return new


def strategic(live: Any, patch: Any, key: str = "") -> Any:
    """Return ``live`` after a strategic merge patch."""
    if isinstance(patch, dict):
        if patch.get("$patch") == "replace":
            return {k: v for k, v in patch.items() if k != "$patch"}
        live = live if isinstance(live, dict) else {}
        kept = {k: v for k, v in live.items() if patch.get(k, "") is not None}
        changed = {
            k: strategic(live.get(k), v, k)
            for k, v in patch.items() if v is not None and not k.startswith("$")
        }  # fmt: skip
        return kept | changed
    by = _KEYS.get(key)
    if not by or not isinstance(patch, list) or not isinstance(live, list):
        return patch
    if not _keyed(patch, by):
        raise Refused(f"map does not contain declared merge key: {by}")
    found = {one.get(by): one for one in live}
    for one in patch:
        if one.get("$patch") == "delete":
            found.pop(one[by], None)
        else:
            found[one[by]] = strategic(found.get(one[by]), one)
    return list(found.values())


def _keyed(items: Sequence[Any], by: str) -> bool:
    return all(isinstance(one, dict) and by in one for one in items)


def merge_patch(live: Any, patch: Any) -> Any:
    """Return ``live`` after a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    live = live if isinstance(live, dict) else {}
    kept = {k: v for k, v in live.items() if patch.get(k, "") is not None}
    return kept | {k: merge_patch(live.get(k), v) for k, v in patch.items() if v is not None}


def json_patch(live: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """Return ``live`` after a JSON patch (RFC 6902)."""
    for each in operations:
        words = [w.replace("~1", "/").replace("~0", "~") for w in each["path"].split("/")[1:]]
        match each["op"]:
            case "add" | "replace" | "remove" as verb:
                live = _at(live, words, verb, each.get("value"))
            case "test":
                if _get(live, words) != each["value"]:
                    raise Refused(f"testing value {each['path']} failed")
            case "copy" | "move" as verb:
                source = [w.replace("~1", "/") for w in each["from"].split("/")[1:]]
                value = _get(live, source)
                live = _at(live, source, "remove", None) if verb == "move" else live
                live = _at(live, words, "add", value)
            case other:
                raise Refused(f"the server rejected our request: unknown operation {other!r}")
    return live


def _get(live: Any, words: Sequence[str]) -> Any:
    for word in words:
        try:
            live = live[int(word)] if isinstance(live, list) else live[word]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise Refused(f"the path {'/'.join(words)!r} does not exist") from error
    return live


def _at(live: Any, words: Sequence[str], verb: str, value: Any) -> Any:
    if not words:
        return value
    word, *rest = words
    if rest:
        inner = _at(_get(live, [word]), rest, verb, value)
        if isinstance(live, list):
            return [inner if i == int(word) else one for i, one in enumerate(live)]
        return {**live, word: inner}
    if verb in ("remove", "replace"):
        _get(live, [word])  # it must exist
    if isinstance(live, list):
        place = len(live) if word == "-" else int(word)
        after = place + (verb != "add")
        return [*live[:place], *([] if verb == "remove" else [value]), *live[after:]]
    if not isinstance(live, dict):
        raise Refused(f"the path {word!r} does not exist")
    if verb == "remove":
        return {k: v for k, v in live.items() if k != word}
    return {**live, word: value}
