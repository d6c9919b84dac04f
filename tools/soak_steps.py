"""Random steps of learners for ``make soak``; the same numbers give the same steps.

A step is a cell that a learner could run, with what happens to the kernel or to the cluster
meanwhile. Its code uses the names of the course's two modules and those of ``soak_truth``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

CLUSTER = "soak"
WORKERS = tuple(f"{CLUSTER}-worker{number}" for number in ("", 2, 3))
APPS = ("agent", "logger")
COMPONENTS = (
    "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller",
)  # fmt: skip
LABS = ("01-cover-the-fleet", "02-place-by-label", "06-roll-within-budget")
LESSON = "from daemonset_course import *\nfrom daemonset_course.lessons import *\n"
LENGTH = (4, 7)  # how many steps an episode has, after the first

Kind = Literal[
    "verb", "node fault", "wrong argument", "%kubectl", "recording", "lab", "reset",
    "interrupt", "kernel restarted", "two kernels", "kernel suspended",
    "component killed", "component suspended", "everything suspended",
]  # fmt: skip
KINDS: dict[Kind, int] = {
    "verb": 7, "node fault": 3, "wrong argument": 4, "%kubectl": 4, "recording": 5, "lab": 2,
    "reset": 1, "interrupt": 4, "kernel restarted": 1, "two kernels": 2, "kernel suspended": 1,
    "component killed": 2, "component suspended": 2, "everything suspended": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        kind: what happens; the code is run in every kind.
        code: the cell.
        kernel: which of the two kernels runs it.
        after: seconds from the start of the cell until what the kind names.
        lasts: seconds that a suspension lasts.
        component: the component that is killed or suspended.
        other: the cell that the other kernel runs at the same time.
    """

    kind: Kind
    code: str
    kernel: int = 0
    after: float = 0.0
    lasts: float = 0.0
    component: str = ""
    other: str = ""

    def __str__(self) -> str:
        parts = [self.kind, self.component, f"after {self.after:.1f} s" if self.after else ""]
        parts += [f"for {self.lasts:.1f} s" if self.lasts else "", f"kernel {self.kernel}"]
        more = f"   | {self.other}" if self.other else ""
        return f"{', '.join(filter(None, parts))}: {self.code!r}{more}"


def episode(seed: int, number: int) -> list[Step]:
    """Return the steps of one episode: they depend on these two numbers alone."""
    chance = random.Random(f"{seed} {number}")
    kinds = chance.choices(list(KINDS), weights=list(KINDS.values()), k=chance.randint(*LENGTH))
    return [
        Step("verb", _daemonset(chance, APPS[0])),
        *(_step(chance, kind) for kind in kinds),
    ]


def _step(chance: random.Random, kind: Kind) -> Step:
    kernel = int(chance.random() < 0.25)
    match kind:
        case "verb":
            return Step(kind, _verb(chance), kernel)
        case "node fault":
            return Step(kind, _node_fault(chance), kernel)
        case "wrong argument":
            return Step(kind, _wrong(chance), kernel)
        case "%kubectl":
            return Step(kind, _magic(chance), kernel)
        case "recording":
            return Step(kind, _recording(chance), kernel)
        case "lab":
            return Step(kind, _lab(chance), kernel)
        case "reset":
            return Step(kind, "reset(workers=3, force=True)", kernel)
        case "interrupt":
            code = chance.choice([_recording, _verb, _lab, _node_fault, _wait])(chance)
            return Step(kind, code, kernel, after=chance.uniform(0.02, 4))
        case "kernel restarted":
            return Step(kind, chance.choice([_wait, _recording])(chance), kernel, chance.random())
        case "two kernels":
            return Step(kind, _recording(chance), 0, other=chance.choice([_verb, _magic])(chance))
        case "component killed":
            code = chance.choice([_wait, _recording, _magic])(chance)
            return Step(kind, code, kernel, component=chance.choice(COMPONENTS))
        case "component suspended":
            made = _recording(chance)
            return Step(kind, made, kernel, chance.random(), chance.uniform(1, 6),
                        chance.choice(COMPONENTS))  # fmt: skip
        case "kernel suspended" | "everything suspended":
            return Step(kind, _recording(chance), kernel, chance.random(), chance.uniform(2.5, 5))


def _daemonset(chance: random.Random, name: str) -> str:
    options = [
        "", "budget=2", "budget='50%'", "surge=1, budget=0", "strategy='OnDelete'",
        "tolerate=True", "image='registry.invalid/agent:1'", "min_ready=1", "cpu='100m'",
        "selector={'disk': 'ssd'}", "account='nobody'", "port=9100", "cpu='900'",
    ]  # fmt: skip
    weights = [6] + [1] * (len(options) - 1)
    (chosen,) = chance.choices(options, weights=weights)
    return f"apply(daemonset({', '.join(filter(None, (repr(name), chosen)))}))"


def _app(chance: random.Random) -> str:
    return chance.choices(APPS, weights=(4, 1))[0]


def _node(chance: random.Random) -> str:
    return chance.choice(WORKERS)


def _wait(chance: random.Random) -> str:
    return f"rolled({_app(chance)!r}, timeout={chance.choice([2, 5, 8])})"


def _change(chance: random.Random) -> str:
    """Return a call that changes Pods or nodes, without a wait of its own."""
    app, node = _app(chance), _node(chance)
    return chance.choice([
        f"release({chance.randint(2, 99)}, {app!r})",
        f"release({chance.randint(2, 99)}, {app!r})",
        f"set_budget({chance.choice([1, 2, '34%'])!r}, daemonset={app!r})",
        f"never_ready({app!r})",
        f"label({node!r}, disk={chance.choice(['ssd', 'hdd', None])!r})",
        f"taint({node!r}, 'soak=yes:{chance.choice(['NoSchedule', 'NoExecute'])}')",
        f"taint({node!r}, 'soak-')",
        f"cordon({node!r}, undo={chance.random() < 0.5})",
        f"kubectl('delete pods -l app={app} --wait=false')",
        f"kubectl('rollout undo daemonset/{app}')",
        f"kubectl('delete daemonset {app} --cascade={chance.choice(['orphan', 'background'])}')",
        _daemonset(chance, app),
    ])  # fmt: skip


def _verb(chance: random.Random) -> str:
    app, node = _app(chance), _node(chance)
    return chance.choice([
        _change(chance), _change(chance), _change(chance), _wait(chance),
        f"placed({app!r})", f"placed({app!r})", f"str(why({node!r}, {app!r}))",
        f"why({app!r}).plot()", f"daemonset_status({app!r})", f"revisions({app!r})",
        f"nodes_with({app!r}), uids({app!r}, ready=True), uids_by_node({app!r}), releases({app!r})",
        f"pod_names({app!r}), count_by_node({app!r}), scheduler_messages({app!r})",
        f"drain({node!r}, '--ignore-daemonsets')", f"try_evict({app!r})",
        f"try_rollout({app!r}, timeout=2)", f"wait_observed({app!r}, timeout=5)",
        f"wait_settled('app={app}', pods=3, timeout=4)", f"bound_by({app!r})",
        f"watch_pod({app!r}, {node!r}, at_most=2)", f"fill_node({node!r})",
        f"allocatable_cpu({node!r})", "examine()", "progress()", "lab_progress()",
        "workload_features('default')", f"try_apply(daemonset({app!r}, budget=0))",
        f"try_budgets(daemonset({app!r}), max_unavailable=[0, 1], max_surge=[0, 1])",
        "predict('soak-one', 'how many?', answer=3).compare(3)",
        f"count_queue_adds(node_changes({node!r}, {app!r}))",
        "stop_component('kube-scheduler')", "start_component('kube-scheduler')",
        f"require_nodes('[{{key: disk, operator: Exists}}]', daemonset={app!r})",
        f"wait_new_pods({app!r}, 1, timeout=3)", "add_node(count=1, disk='ssd')",
        f"remove_node({node!r})", f"shell('ds/{app}', 'true')",
    ])  # fmt: skip


def _node_fault(chance: random.Random) -> str:
    node = _node(chance)
    return chance.choice([
        f"break_node({node!r}, 'not ready')", f"break_node({node!r})", f"recover_node({node!r})",
        f"recover_nodes(*{WORKERS!r})", f"set_network_unavailable({node!r}, status=True)",
        f"set_network_unavailable({node!r}, status=False)",
        f"set_pressure({node!r}, 'memory', status=True)",
        f"set_pressure({node!r}, 'memory', status=False)",
        f"break_nodes({{{node!r}: 'not ready'}}, mark=print)",
    ])  # fmt: skip


# Of right and wrong types: each verb refuses the wrong ones by its annotations.
_TEXTS = (
    "''", "'no/such'", "'x' * 300", "'Ümlaut 🐳'", "'agent\\n'", "'../..'", "'%2e'", "'--all'",
    "'a,b'", "'agent '", "'{'", "\"'\"", "'soak-control-plane'", "'default'",
    "None", "7", "1.5", "b'agent'", "['agent']", "{'app': 'agent'}", "object()",
)  # fmt: skip
_NUMBERS = ("0", "-1", "'2'", "None", "float('nan')", "[1]", "True")
_TAKES_ONE = (
        "why({})", "why('soak-worker', {})", "apply({})", "kubectl({})", "label({}, disk='ssd')",
        "label('soak-worker', disk={})", "taint('soak-worker', {})", "taint({}, 'a=b:NoSchedule')",
        "cordon({})", "drain({})", "remove_node({})", "add_node(count={number})",
        "add_node(taints=[{}])",
        "break_node({})", "break_node('soak-worker', {})", "recover_node({})",
        "wait_rollout({}, timeout=1)", "wait_rollout('agent', timeout={number})",
        "wait_rollout('agent', namespace={}, timeout=1)", "wait_settled({}, pods=1, timeout=1)",
        "wait_settled('app=agent', pods={number}, timeout=1)", "record({})",
        "record('agent', namespace={})", "record('agent', predicted={})", "daemonset_status({})",
        "revisions({})", "nodes_with({})", "nodes_with('agent', namespace={})", "uids({})",
        "pod_names({})", "pod_names('agent', node={})", "release({number})", "release(2, {})",
        "set_budget({})", "set_budget(1, {})", "set_budget(1, daemonset={})", "never_ready({})",
        "fill_node({})", "allocatable_cpu({})", "stop_component({})", "start_component({})",
        "set_pressure({}, 'memory', status=True)", "set_pressure('soak-worker', {}, status=True)",
        "set_network_unavailable({}, status=True)", "open_lab({})", "exercise({})", "symptom({})",
        "predict({})", "predict('soak-two', answer={})", "try_apply({})", "try_kubectl({})",
        "try_rollout({}, timeout=1)", "try_evict({})", "shell({}, 'true')",
        "shell('ds/agent', {})", "wait_event({}, 'Scheduled', timeout=1)",
        "wait_observed({}, timeout=1)", "examine({})", "reset({})",
        "reset(workers={number})", "current({})", "releases({})", "scheduler_messages({})",
        "bound_by({})", "count_by_node({})", "workload_features({})", "require_nodes({})",
        "patch_container({}, image='x')", "watch_pod('agent', {}, at_most=1)",
        "try_budgets({}, max_unavailable=[1], max_surge=[0])", "wait_new_pods({}, 1, timeout=1)",
        "open_lab('06-roll-within-budget').hint({number})",
        "open_lab('06-roll-within-budget').start({number})",
        "open_lab('06-roll-within-budget').check({number})",
)  # fmt: skip


def _wrong(chance: random.Random) -> str:
    form = chance.choice(_TAKES_ONE)
    return form.replace("{}", chance.choice(_TEXTS)).replace("{number}", chance.choice(_NUMBERS))


def _magic(chance: random.Random) -> str:
    app, node = _app(chance), _node(chance)
    return "%kubectl " + chance.choice([
        "get pods -o wide", f"get daemonset {app}", f"describe daemonset {app}", "get nodes",
        f"rollout restart daemonset/{app}", f"rollout status daemonset/{app} --timeout=3s",
        f"rollout history daemonset/{app}", f"delete pods -l app={app} --wait=false",
        f"label node {node} disk=ssd --overwrite", f"get node {node} -o yaml", "get nothing",
        "get pods -o jsonpath='{.items[*].metadata.name}'", "create namespace soak",
        f"taint nodes {node} soak=yes:NoSchedule --overwrite", "get pods -l 'app", "logs ds/agent",
        f"delete daemonset {app} --wait=false", "explain daemonset.spec", "events", "version",
    ])  # fmt: skip


def _recording(chance: random.Random) -> str:
    app = _app(chance)
    live = ", live=True" if chance.random() < 0.3 else ""
    body = [f"    {_change(chance)}" for _ in range(chance.randint(1, 2))]
    wait = chance.choice(["rolled", "rolled", "tried"])
    lines = [
        f"with record({app!r}{live}) as run:", *body,
        f"    {wait}({app!r}, timeout={chance.choice([3, 6])})",
        "told(run)",
        chance.choice([
            "run.plot()", "run", "show(coverage(run.history, ['agent']))", "startup(run.history)",
            "sample(run.history, 'agent')", "show(pods_by_node(run.history, ['agent']))",
            "run.plot(dark=True)", "coverage_over_time(run.history, ['agent'])",
        ]),
    ]  # fmt: skip
    return "\n".join(lines)


def _lab(chance: random.Random) -> str:
    lab = f"open_lab({chance.choice(LABS)!r})"
    return chance.choice([
        f"{lab}.start(1)", f"{lab}.start(1)", f"{lab}.check(1)", f"{lab}.check()",
        f"{lab}.hint(1)", f"{lab}.reset()", f"{lab}.start(1, force=True)", f"{lab}.progress()",
        f"{lab}.solution(1)", f"{lab}.debrief()", "exercise('taints').start()",
        "exercise('taints').check()", f"{lab}.start(2)", f"{lab}.leaderboard()",
    ])  # fmt: skip
