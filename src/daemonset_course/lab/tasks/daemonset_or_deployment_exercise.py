"""The exercise of the lesson on DaemonSet and Deployment: five workloads, each as its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from daemonset_course.history import podstate
from daemonset_course.history.log import Object
from daemonset_course.history.text import counted, joined
from daemonset_course.lab.agent_manifest import IMAGE, agent_manifest
from daemonset_course.lab.criteria import covered, kept
from daemonset_course.lab.criteria.covered import is_worker
from daemonset_course.lab.evidence import Evidence, labelled
from daemonset_course.lab.lab import Lab, Probe, Task, Worker
from daemonset_course.lab.verdict import MET, Criterion, Finding, met, missed, pending

METER, SHOP, TLS, MIGRATE, REPORT = NAMES = "meter", "shop", "tls", "migrate", "report"
REPLICAS = 5
HOUR = 2
FLEET = 20  # workers of the fleet that the numbers are about
KINDS = {"Deployment": "deployments", "Job": "jobs", "CronJob": "cronjobs"}
SLEEPS = "sh, -c, \"trap 'exit 0' TERM; sleep infinity & wait\""
SHOP_MANIFEST = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {SHOP}
spec:
  replicas: {REPLICAS}
  selector:
    matchLabels: {{app: {SHOP}}}
  template:
    metadata:
      labels: {{app: {SHOP}}}
    spec:
      initContainers:
      - name: {TLS}
        image: {IMAGE}
        restartPolicy: Always
        command: [{SLEEPS}]
      containers:
      - name: {SHOP}
        image: {IMAGE}
        command: [{SLEEPS}]
"""


class Count(NamedTuple):
    """How many Pods a workload has on a fleet of 20 workers at noon, and why."""

    number: int
    rule: str


COUNTS = {
    METER: Count(FLEET, "The DaemonSet controller creates a Pod for each node that it wants"),
    SHOP: Count(REPLICAS, "A Deployment has as many Pods as replicas says, whatever the nodes"),
    TLS: Count(0, "A sidecar is a container of a Pod that is there anyway"),
    MIGRATE: Count(1, "A Job has as many Pods as parallelism says, and that is 1"),
    REPORT: Count(0, "A CronJob creates Jobs by its schedule, and the Job of 2:00 has ended"),
}


# What is there


def kinds_of(evidence: Evidence, name: str) -> list[str]:
    """Return the kinds of the workloads of that name, by what was recorded."""
    home = evidence.history.header.namespace
    found = ["DaemonSet"] if evidence.daemonset(name).after is not None else []
    found += [k for k, r in KINDS.items() if evidence.history.find(r, name, home) is not None]
    return found + (["StatefulSet"] if _pods(evidence, name, "StatefulSet") else [])


def _pods(evidence: Evidence, name: str, kind: str) -> list[Object]:
    """Return the Pods that a workload of that name and kind has."""
    owner = "ReplicaSet" if kind == "Deployment" else kind
    found = []
    for pod in evidence.own_objects("pods"):
        for one in pod["metadata"].get("ownerReferences") or ():
            owned = str(one.get("name"))
            if owner == "ReplicaSet":
                owned = owned.rpartition("-")[0]
            if one.get("kind") == owner and owned == name:
                found.append(pod)
    return found


def _observed(evidence: Evidence, name: str, kind: str) -> str:
    """Return how many Pods the workload has, on how many workers."""
    pods = _pods(evidence, name, kind)
    nodes = {podstate.node_of(pod) for pod in pods} - {""}
    where = f"{len(nodes)} of {counted(len(evidence.workers), 'worker')}"
    return f"{name} is a {kind}, with {counted(len(pods), 'Pod')} on {where}"


def _spec(evidence: Evidence, name: str, kind: str) -> Mapping[str, Any]:
    home = evidence.history.header.namespace
    return (evidence.history.find(KINDS[kind], name, home) or {}).get("spec") or {}


# The kinds

_LASTING = ("ImagePull", "InvalidImage", "CrashLoop", "Insufficient", "ConfigError")
_ENDS = "its containers are started again when they end, so its work is never done"
_BUT = {
    (METER, "Deployment"): "a worker that joins gets none, and two can be on one worker",
    (METER, ""): "a worker that joins gets none",
    (SHOP, "DaemonSet"): f"the number of workers decides, and {REPLICAS} Pods carry the load",
    (SHOP, "StatefulSet"): "each Pod has a name and a disk of its own, and shop needs neither",
    (SHOP, ""): "nothing keeps as many Pods of it running as carry the load",
    (MIGRATE, "CronJob"): "it migrates again at each time of its schedule",
    (MIGRATE, ""): _ENDS,
    (REPORT, "Job"): "it adds up once, now, and not tomorrow",
    (REPORT, ""): _ENDS,
}  # fmt: skip
_RULES = {
    METER: "The DaemonSet controller asks node by node whether a Pod is to be there. Source: "
    "podsShouldBeOnNode, pkg/controller/daemon/daemon_controller.go.",
    SHOP: "The ReplicaSet controller behind a Deployment compares two numbers and asks no node. "
    "Source: manageReplicas, pkg/controller/replicaset/replica_set.go.",
    MIGRATE: "A Job ends when its Pod has succeeded; the Pods of a DaemonSet or a Deployment have "
    "restartPolicy Always. kubernetes.io: Jobs.",
    REPORT: "A CronJob creates a Job at each time of its schedule. kubernetes.io: CronJob.",
}


def _is_a(name: str, wanted: str) -> Criterion:
    """There is a workload of that name, of the wanted kind and of no other."""

    def judge(evidence: Evidence) -> Finding:
        found = kinds_of(evidence, name)
        if found == [wanted]:
            return MET
        where = "kubectl get daemonsets,deployments,jobs,cronjobs,statefulsets."
        if not found:
            return missed(f"There is no workload {name}.", where=where)
        if len(found) > 1:
            return missed(f"{name} is there more than once: {joined(found)}.", where=where)
        (kind,) = found
        but = _BUT.get((name, kind), _BUT[name, ""])
        observed = _observed(evidence, name, kind)
        return missed(f"{observed}: {but}.", rule=_RULES[name], where=where)

    return Criterion(f"{name} is of the kind that fits", judge)


def _keeps_five(is_deployment: Criterion) -> Criterion:
    """The Deployment has as many ready Pods as carry the load."""

    def judge(evidence: Evidence) -> Finding:
        asked = int(_spec(evidence, SHOP, "Deployment").get("replicas", 1))
        if asked != REPLICAS:
            return missed(
                f"{SHOP} has replicas: {asked}, and {REPLICAS} Pods carry the load.",
                rule=_RULES[SHOP],
                where=f"kubectl get deployment {SHOP}.",
            )
        pods = _pods(evidence, SHOP, "Deployment")
        reasons = {podstate.phase_of(pod)[1] for pod in pods}
        if lasting := sorted(r for r in reasons if any(word in r for word in _LASTING)):
            return missed(f"Pods of {SHOP} do not become ready: {joined(lasting)}.",
                          where="kubectl get pods, and kubectl describe pod.")  # fmt: skip
        ready = sum(podstate.phase_of(pod)[0] == "ready" for pod in pods)
        if ready < REPLICAS:
            return pending(
                f"{ready} of {REPLICAS} Pods of {SHOP} are ready.",
                where=f"kubectl rollout status deployment {SHOP}.",
            )
        return MET

    return Criterion(f"{REPLICAS} Pods of {SHOP} are ready", judge, (is_deployment,))


def _beside_each_shop(is_deployment: Criterion) -> Criterion:
    """A container tls is in each Pod of the shop, from before its start until after its end."""

    def judge(evidence: Evidence) -> Finding:
        alone = kinds_of(evidence, TLS)
        rule = (
            "Containers of one Pod share its address and its life. kubernetes.io: Sidecar "
            "Containers."
        )
        where = f"kubectl get deployment {SHOP} -o yaml, and kubectl get pods."
        if alone:
            says = f"{_observed(evidence, TLS, alone[0])}: each has an address of its own, and no "
            return missed(f"{says}Pod of {SHOP} has it.", rule=rule, where=where)
        template = _spec(evidence, SHOP, "Deployment").get("template") or {}
        pod = template.get("spec") or {}
        first = [one for one in pod.get("initContainers") or () if one["name"] == TLS]
        if first and first[0].get("restartPolicy") != "Always":
            return missed(
                f"{TLS} is an init container without restartPolicy: {SHOP} starts when it has "
                "ended.",
                rule="An init container runs to its end before the next one starts; with "
                "restartPolicy Always it is a sidecar and runs on. kubernetes.io: Sidecar "
                "Containers.",
                where=where,
            )
        if first:
            return MET
        if any(one["name"] == TLS for one in pod.get("containers") or ()):
            return missed(
                f"{TLS} is a container beside {SHOP}: nothing makes it start first and end last.",
                rule="Containers start without waiting for each other; sidecars start before them "
                "and end after them. kubernetes.io: Sidecar Containers.",
                where=where,
            )
        return missed(f"The Pods of {SHOP} have no container {TLS}.", rule=rule, where=where)

    return Criterion(f"{TLS} is beside {SHOP} in each of its Pods", judge, (is_deployment,))


def _once(is_job: Criterion) -> Criterion:
    """The Job runs one Pod to its end, once."""

    def judge(evidence: Evidence) -> Finding:
        spec = _spec(evidence, MIGRATE, "Job")
        more = {k: spec[k] for k in ("completions", "parallelism") if int(spec.get(k) or 1) != 1}
        if not more:
            return MET
        words = joined([f"{key} {value}" for key, value in more.items()])
        return missed(f"{MIGRATE} has {words}: it migrates more than once.", rule=_RULES[MIGRATE],
                      where=f"kubectl get job {MIGRATE} -o yaml.")  # fmt: skip

    return Criterion(f"{MIGRATE} runs once", judge, (is_job,))


def at_two(schedule: str) -> bool:
    """Whether a schedule of cron means each day at 2:00, and no other time."""
    fields = schedule.lower().split()
    if len(fields) != 5:
        return False
    minute, hour, days, months, weekdays = (
        _values(field, span) for field, span in zip(fields, _SPANS, strict=True)
    )
    every = days == {*_SPANS[2]} and months == {*_SPANS[3]}
    return minute == {0} and hour == {HOUR} and every and {d % 7 for d in weekdays} == {*range(7)}


# Minutes, hours, days of the month, months, days of the week; 7 is Sunday, as 0 is.
_SPANS = (range(60), range(24), range(1, 32), range(1, 13), range(8))
_NAMES = {
    name: number
    for names, first in (("sun mon tue wed thu fri sat", 0),
                         ("jan feb mar apr may jun jul aug sep oct nov dec", 1))
    for number, name in enumerate(names.split(), first)
}  # fmt: skip


def _values(field: str, span: range) -> set[int]:
    """Return the numbers that a field of a schedule stands for; empty if it cannot be read."""
    found: set[int] = set()
    for part in field.split(","):
        of, _, step = part.partition("/")
        low, _, high = of.partition("-")
        ends = [_NAMES.get(end, end) for end in (low, high or low)]
        if of in ("*", "?"):
            ends = [span[0], span[-1]]
        try:
            first, last = map(int, ends)
            found |= {*range(first, last + 1, int(step or 1))} & {*span}
        except ValueError:
            return set()
    return found


def _each_night(is_cronjob: Criterion) -> Criterion:
    """The CronJob has the schedule, and is not suspended."""

    def judge(evidence: Evidence) -> Finding:
        spec = _spec(evidence, REPORT, "CronJob")
        schedule = str(spec.get("schedule", ""))
        where = f"kubectl get cronjob {REPORT}."
        if not at_two(schedule):
            return missed(
                f"{REPORT} has the schedule {schedule}, and is to run each night at {HOUR}:00.",
                rule="The fields are minute, hour, day of the month, month, day of the week. "
                "kubernetes.io: CronJob, Schedule syntax.",
                where=where,
            )
        if spec.get("suspend"):
            return missed(f"{REPORT} is suspended: no time of its schedule counts.", where=where)
        return MET

    return Criterion(f"{REPORT} runs each night at {HOUR}:00", judge, (is_cronjob,))


def _nothing_else(names: Sequence[str]) -> Criterion:
    """No DaemonSet beside those of these names."""

    def judge(evidence: Evidence) -> Finding:
        others = evidence.others(*names)
        if not others:
            return MET
        return missed(f"There is another DaemonSet: {joined(list(others))}.",
                      rule="Each DaemonSet runs its own Pod on each node.",
                      where="kubectl get daemonsets -A.")  # fmt: skip

    return Criterion("no other DaemonSet is there", judge, weight=0)


def _defended(name: str) -> Criterion:
    """The ConfigMap has the number of Pods on a fleet of 20 workers."""

    def judge(evidence: Evidence) -> Finding:
        given, count = evidence.answer(name), COUNTS[name]
        if given is None:
            return missed(
                f"There is no answer for {name}.",
                where=f"kubectl create configmap answer --from-literal={name}=…",
            )
        if not given.isdigit():
            return missed(f"{name}: {given or 'nothing'} is no number.",
                          where="kubectl get configmap answer -o yaml.")  # fmt: skip
        if int(given) == count.number:
            return met("Each workload has the number of Pods that its kind gives it.")
        much = "many" if int(given) > count.number else "few"
        return missed(
            f"{name}: {given} is too {much} for {FLEET} workers at noon.",
            rule=f"{count.rule}.",
            where="kubectl get pods -o wide, Pod by Pod.",
        )

    return Criterion(f"how many Pods {name} has on {FLEET} workers", judge)


JOINS = Probe(
    "a worker joins",
    "action: add node\nlabels: {probe: joined}\n",
    "action: remove node\nlabels: {probe: joined}\n",
)
_METER, _SHOP = _is_a(METER, "DaemonSet"), _is_a(SHOP, "Deployment")
_MIGRATE, _REPORT = _is_a(MIGRATE, "Job"), _is_a(REPORT, "CronJob")
_EVERYWHERE = covered.covers(METER, is_worker, "every worker", requires=(_METER,))
_CRITERIA = (
    *kept.guards(METER, created=True)[1:],
    _nothing_else(NAMES),
    _METER, _EVERYWHERE,
    _SHOP, _keeps_five(_SHOP), _beside_each_shop(_SHOP),
    _MIGRATE, _once(_MIGRATE),
    _REPORT, _each_night(_REPORT),
    *map(_defended, NAMES),
    covered.probed(
        METER, labelled("probe=joined"), JOINS.name, runs=True, words="a worker that joins",
        requires=(_METER, _EVERYWHERE),
    ),
)  # fmt: skip

LAB = Lab(
    name="daemonset-or-deployment",
    title="Which kind?",
    workers=(Worker(), Worker(), Worker()),
    daemonset=METER,
    workloads=True,
    tasks=(
        Task(
            title="Five workloads: run each as the kind that fits, and defend it",
            start="",
            there="Nothing runs on the three workers. Five workloads are to run: "
            "meter measures the disks of each worker, also of workers that join. "
            f"shop answers customers; {REPLICAS} Pods of it carry the load, on whichever workers. "
            "tls encrypts what each Pod of shop sends; it is there before shop starts and until "
            "shop has ended, and shares its address. "
            "migrate changes the shop's tables, once. "
            f"report adds up the day, each night at {HOUR}:00. "
            f"Create them with these names and the image {IMAGE}; a command that sleeps will do. "
            f"Then defend them. Imagine a fleet of {FLEET} workers at noon, just after migrate was "
            "created; the real report takes a few minutes. How many running Pods of its own does "
            "each of the five have? Finished Pods do not count. Write the five numbers into the "
            "ConfigMap answer, under the names.",
            criteria=_CRITERIA,
            hints=(
                "Ask of each: who decides how many there are? The nodes, the load, another Pod, "
                "the clock, or is it done after one run?",
                "kubectl create has deployment, job and cronjob, and no daemonset: take a "
                "manifest of a Deployment, and leave out replicas. A sidecar is an init container "
                "that does not end.",
                "kubectl create cronjob report --image=busybox:1.36 --schedule='…' -- true\n"
                "initContainers:\n- {name: tls, image: busybox:1.36, restartPolicy: …}",
            ),
            probes=(JOINS,),
            solution="---\n".join((
                agent_manifest(METER),
                SHOP_MANIFEST,
                f"action: kubectl\ncommand: create job {MIGRATE} --image={IMAGE} -- true\n",
                f"action: kubectl\ncommand: create cronjob {REPORT} --image={IMAGE} "
                f"--schedule='0 {HOUR} * * *' -- true\n",
                "action: kubectl\ncommand: create configmap answer "
                + " ".join(f"--from-literal={n}={COUNTS[n].number}" for n in NAMES) + "\n",
            )),
        ),
    ),
    debrief="",
)  # fmt: skip
