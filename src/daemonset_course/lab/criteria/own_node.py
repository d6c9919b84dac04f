"""Criteria about an agent that may change its own Node only, and about what waits for the agent.

They read the answers that the checker got with the tokens of the agent's Pods: ``agent_tries``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from daemonset_course.history.log import Object
from daemonset_course.history.text import joined, natural_key
from daemonset_course.lab.agent_tries import (
    ADMINISTRATOR,
    ALLOWED,
    CONTROLLER,
    HOME,
    NO_POD,
    OTHER_LABEL,
    OTHER_TAINT,
    OWN_LABEL,
    REFUSED,
    RIGHTS,
    TRIED,
    other_key,
    own_key,
)
from daemonset_course.lab.evidence import JUDGED, Evidence, Probe, tainted
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

_RBAC = (
    "RBAC allows kinds of objects, or single objects by name; it cannot say: the node of this Pod. "
    "kubernetes.io: Using RBAC Authorization."
)
_POLICY = (
    "A token that is bound to a Pod names the Pod's node, and a ValidatingAdmissionPolicy can "
    "compare it with the object. It acts only with a binding whose validationActions have Deny. "
    "kubernetes.io: Validating Admission Policy; Managing Service Accounts, Additional metadata in "
    "Pod bound tokens."
)
_WHERE = (
    "kubectl get clusterroles,clusterrolebindings, and kubectl get "
    "validatingadmissionpolicies,validatingadmissionpolicybindings -o yaml."
)
_BOTH_LABELS = {OTHER_LABEL: "a label", OTHER_TAINT: "a taint"}
_USERS = {ADMINISTRATOR: "the administrator", CONTROLLER: "the node controller"}
LAG = 0.1  # seconds by which the watch of one resource may be behind that of another
Rights = Callable[[str], bool]  # whether a right, written as by ``rights``, is needed


def others_may(probe: str, *, requires: tuple[Criterion, ...] = (),
               weight: int = 1) -> Criterion:  # fmt: skip
    """The administrator and the node controller may change a Node."""

    def judge(_: Evidence, data: Mapping[str, str]) -> Finding:
        hit = {key: who for key, who in _USERS.items() if data[key] != ALLOWED}
        if not hit:
            return MET
        return missed(
            f"{joined([*hit.values()])} may not change a node any more.".capitalize(),
            [f"{who}: {data[key]}" for key, who in hit.items()],
            "A policy judges every request that its matchConstraints and matchConditions choose, "
            "whoever sends it. kubernetes.io: Validating Admission Policy.",
            "matchConditions: whose requests are judged? request.userInfo.username.",
        )

    return _tried("others may change nodes as before", probe, judge, requires, weight)


def may_own(probe: str, *, requires: tuple[Criterion, ...] = (),
            weight: int = 1) -> Criterion:  # fmt: skip
    """The token of one node's agent may set a label on that node."""

    def judge(evidence: Evidence, data: Mapping[str, str]) -> Finding:
        if data[OWN_LABEL] == ALLOWED:
            return MET
        return missed(
            f"The agent of {evidence.lane(data[HOME])} may not change its own node any more.",
            [data[OWN_LABEL].removeprefix(REFUSED)],
            f"RBAC must allow patch of this node, and no policy may refuse it. {_RBAC}",
            _WHERE,
        )

    return _tried("an agent may change its own node", probe, judge, requires, weight)


def refused_elsewhere(probe: str, *, requires: tuple[Criterion, ...] = (),
                      weight: int = 2) -> Criterion:  # fmt: skip
    """The token of one node's agent may set neither a label nor a taint on another node."""

    def judge(evidence: Evidence, data: Mapping[str, str]) -> Finding:
        open_ = [what for key, what in _BOTH_LABELS.items() if data[key] == ALLOWED]
        if not open_:
            return met("No agent may change the node of another.")
        home = evidence.lane(data[HOME])
        return missed(
            f"With the token of the agent of {home} one may set {joined(open_)} on another node.",
            [
                *(f"{what} on another node: {data[key]}" for key, what in _BOTH_LABELS.items()),
                *_bindings(evidence),
            ],
            f"{_RBAC} {_POLICY}",
            _WHERE,
        )

    return _tried("an agent may not change another node", probe, judge, requires, weight)


def refused_without_pod(probe: str, *, requires: tuple[Criterion, ...] = (),
                        weight: int = 1) -> Criterion:  # fmt: skip
    """A token of the same ServiceAccount that names no node may change none."""

    def judge(_: Evidence, data: Mapping[str, str]) -> Finding:
        if data[NO_POD] != ALLOWED:
            return MET
        return missed(
            "A token of the same ServiceAccount that is bound to no Pod may change nodes.",
            rule="Such a token has no authentication.kubernetes.io/node-name among its extra "
            "fields. A condition that asks for it lets every token without it pass. "
            "kubernetes.io: Managing Service Accounts.",
            where="kubectl create token, and the policy's matchConditions and validations.",
        )

    return _tried("a token that names no node may change none", probe, judge, requires, weight)


def no_more_rights(probe: str, needed: Rights, *, requires: tuple[Criterion, ...] = (),
                   weight: int = 1) -> Criterion:  # fmt: skip
    """The agent's ServiceAccount has no right beside the needed ones."""

    def judge(_: Evidence, data: Mapping[str, str]) -> Finding:
        spare = [one for one in data[RIGHTS].splitlines() if not needed(one)]
        if not spare:
            return MET
        more = f" and {len(spare) - 4} more" if len(spare) > 4 else ""
        return missed(
            f"The agent has rights that it does not need: {', '.join(spare[:4])}{more}.",
            rule="Who takes the token of one node has every right of the ServiceAccount. "
            "kubernetes.io: Role Based Access Control Good Practices, Least privilege.",
            where="kubectl auth can-i --list --as=system:serviceaccount:default:… shows the rights "
            "of a ServiceAccount.",
        )

    return _tried("the agent has no right that it does not need", probe, judge, requires, weight)


def any_name(probe: str, right: str, *, requires: tuple[Criterion, ...] = (),
             weight: int = 1) -> Criterion:  # fmt: skip
    """The agent's ServiceAccount has a right for objects of any name: ``patch nodes``."""

    def judge(_: Evidence, data: Mapping[str, str]) -> Finding:
        held = data[RIGHTS].splitlines()
        verb, resource = right.split()
        if {f"{v} {r}" for v in (verb, "*") for r in (resource, "*", "*.*")} & {*held}:
            return MET
        named = [one for one in held if one.startswith(f"{right} (")]
        return missed(
            f"The agent may {right} of some names only."
            if named
            else f"The agent has no right to {right}.",
            named,
            "What no rule of a role allows is refused. resourceNames allow the names that are "
            "written down. A node that joins later has another one. kubernetes.io: Using RBAC "
            "Authorization, Referring to resources.",
            "kubectl get clusterroles,clusterrolebindings -o wide.",
        )

    return _tried(f"the agent may {right} of any name", probe, judge, requires, weight)


def frees_own(key: str, node_of_probe: Callable[[Object], bool], probe: str, count: int, *,
              requires: tuple[Criterion, ...] = (), weight: int = 1) -> Criterion:  # fmt: skip
    """On each node that joined, the agent of that node could remove the taint."""

    def judge(evidence: Evidence, data: Mapping[str, str]) -> Finding:
        joined_ = _joined(evidence, probe, node_of_probe)
        if len(joined_) < count:
            return pending(f"{len(joined_)} of {count} nodes have joined.")
        never = [name for name in joined_ if own_key(name) not in data]
        if never:
            return missed(
                f"The agent was not ready on {_lanes(evidence, never)}, which joined.",
                where="kubectl get daemonsets, and the agent's tolerations.",
            )
        no = {name: data[own_key(name)] for name in joined_ if data[own_key(name)] != ALLOWED}
        if no:
            return missed(
                f"The agent may not remove the taint of its own node: {_lanes(evidence, no)}.",
                [f"{evidence.lane(n)}: {why.removeprefix(REFUSED)}" for n, why in no.items()],
                f"RBAC must allow patch of this node, and no policy may refuse it. {_RBAC}",
                _WHERE,
            )
        left = [name for name, node in joined_.items() if tainted(key)(node)]
        if left:
            return pending(f"{_lanes(evidence, left)}: the taint is still there.")
        return MET

    return _tried("the agent removes the taint of its own node", probe, judge, requires, weight)


def none_freed_by_another(node_of_probe: Callable[[Object], bool], probe: str, *,
                          requires: tuple[Criterion, ...] = (),
                          weight: int = 2) -> Criterion:  # fmt: skip
    """The first agent that was ready could not remove the taints of the other new nodes."""

    def judge(evidence: Evidence, data: Mapping[str, str]) -> Finding:
        names = _joined(evidence, probe, node_of_probe)
        pairs = [(a, b) for a in names for b in names if other_key(a, b) in data]
        freed = [f"{evidence.lane(a)}: its agent removed the taint of {evidence.lane(b)}"
                 for a, b in pairs if data[other_key(a, b)] == ALLOWED]  # fmt: skip
        if not freed:
            return MET
        return missed(
            "One agent made the nodes of others free before theirs said so.",
            freed,
            f"{_RBAC} {_POLICY}",
            _WHERE,
        )

    return _tried("no agent removes the taint of another node", probe, judge, requires, weight)


def starts_after(app: str, agent: str, key: str, node_of_probe: Callable[[Object], bool],
                 probe: str, *, requires: tuple[Criterion, ...] = (),
                 weight: int = 2) -> Criterion:  # fmt: skip
    """On each node that joined: the agent is ready, then the taint goes, then the app's Pod comes.

    All three are read from the history.
    """

    def judge(evidence: Evidence) -> Finding:
        since = evidence.probe(probe)
        assert since is not None
        names = _joined(evidence, probe, node_of_probe)
        over = since.judged is not None
        rows, early, late = [], list[str](), list[str]()
        for name in names:
            ready = _first(evidence, agent, name, since, ready=True)
            freed = _freed(evidence, name, key, since)
            there, runs = (_first(evidence, app, name, since, ready=r) for r in (False, True))
            rows.append((evidence.lane(name), *map(_seconds, (ready, freed, there, runs))))
            known = [t for t in (freed, there) if t is not None]
            if any(ready is None or t < ready - LAG for t in known):
                early.append(name)
            elif runs is None:
                late.append(name)
        if early:
            return missed(
                f"{app} was let on {_lanes(evidence, early)} before {agent} was ready there.",
                table=[("node", f"{agent} ready (s)", "taint gone (s)", f"{app} created (s)",
                        f"{app} ready (s)"), *rows],
                rule=f"A Pod comes to a node as soon as all its NoSchedule taints are tolerated or "
                f"gone. Only the taint holds {app} back: a DaemonSet knows no order.",
                where=f"who removes the taint, and who tolerates it: kubectl get daemonset {app} "
                "-o yaml.",
            )  # fmt: skip
        if late or not names:
            says = f"{app} does not run yet on {_lanes(evidence, late) or 'the new node'}."
            return missed(says, where="kubectl describe node, Taints.") if over else pending(says)
        return met(f"On {_lanes(evidence, [*names])} {app} was created after {agent} was ready.")

    return Criterion(f"{app} starts on a new node after {agent} is ready there", judge, requires,
                     weight, watched=JUDGED, probe=probe)  # fmt: skip


def _bindings(evidence: Evidence) -> list[str]:
    """Return a line for each binding of a policy, with what it does."""
    found = evidence.history.objects("validatingadmissionpolicybindings")
    specs = [(one["metadata"]["name"], one.get("spec") or {}) for one in found]
    lines = [
        f"binding {name} of policy {spec.get('policyName')}: "
        f"validationActions {joined(list(spec.get('validationActions') or ['none']))}"
        for name, spec in specs
    ]
    return lines or ["there is no ValidatingAdmissionPolicyBinding"]


def _tried(name: str, probe: str, judge: Callable[[Evidence, Mapping[str, str]], Finding],
           requires: tuple[Criterion, ...], weight: int) -> Criterion:  # fmt: skip
    """Return a criterion that reads the answers of a probe."""

    def answered(evidence: Evidence) -> Finding:
        since = evidence.probe(probe)
        assert since is not None
        data = _answers(evidence, since)
        if data is None:
            return pending("The check has no answers yet.")
        if not data:
            return missed("The agent runs on fewer than two workers, so nothing could be tried.",
                          where="kubectl get pods -o wide.")  # fmt: skip
        return judge(evidence, data)

    return Criterion(name, answered, requires, weight, probe=probe)


def _answers(evidence: Evidence, since: Probe) -> Mapping[str, str] | None:
    """Return what the checker wrote in this probe; None if nothing yet."""
    found = [
        change for change in evidence.history.changes("configmaps")
        if change.name == TRIED and not change.gone and _within(since, change.t)
    ]  # fmt: skip
    return dict(found[-1].object.get("data") or {}) if found else None


def _joined(evidence: Evidence, probe: str,
            test: Callable[[Object], bool]) -> dict[str, Object]:  # fmt: skip
    """Return the nodes that the checker added in a probe, as they were when it was judged."""
    since = evidence.probe(probe)
    assert since is not None
    found = dict[str, Object]()
    for change in evidence.history.changes("nodes", test):
        if _within(since, change.t) and change.name in evidence.added_by_checker:
            if change.gone:
                found.pop(change.name, None)
            else:
                found[change.name] = change.object
    return {name: found[name] for name in sorted(found, key=natural_key)}


def _first(evidence: Evidence, daemonset: str, node: str, since: Probe, *,
           ready: bool) -> float | None:  # fmt: skip
    """Return when a DaemonSet first had a Pod on a node that joined; with ``ready`` a ready one."""
    times = [
        one.start for one in evidence.daemonset(daemonset).timeline.segments
        if one.node == node and (one.phase == "ready" or not ready) and _within(since, one.start)
    ]  # fmt: skip
    return min(times, default=None)


def _freed(evidence: Evidence, node: str, key: str, since: Probe) -> float | None:
    """Return when a node that joined first had no taint of this key; None if it always had one."""
    changes = evidence.history.edits("nodes", lambda o: bool(o["metadata"]["name"] == node))
    free = (
        one.t for one in changes
        if not one.gone and _within(since, one.t) and not tainted(key)(one.object)
    )  # fmt: skip
    return next(free, None)


def _within(since: Probe, t: float) -> bool:
    return since.start <= t and (since.judged is None or t <= since.judged)


def _seconds(t: float | None) -> str:
    return "-" if t is None else f"{t:.1f}"


def _lanes(evidence: Evidence, names: Iterable[str]) -> str:
    return joined([evidence.lane(name) for name in names])
