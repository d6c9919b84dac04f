"""Components of the control plane that do not run: in the log, captions, verdicts and errors."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fake_server import FakeServer
from fleet import Fleet, timeline_of
from typer.testing import CliRunner
from world import World, spec_of

from daemonset_course.analysis.rollout_caption import caption, headline
from daemonset_course.cli import app
from daemonset_course.cluster import components, status, waiting
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.backend import COMPONENTS
from daemonset_course.cluster.embedded import kwokctl
from daemonset_course.cluster.kind import static_pods
from daemonset_course.cluster.simulated_nodes import node_object
from daemonset_course.cluster.state import State
from daemonset_course.cluster.topology import NodeSpec, simulated
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import (
    ApiError,
    BadInput,
    CommandFailed,
    CourseError,
    NotFinished,
    NotRunning,
)
from daemonset_course.history.index import History
from daemonset_course.history.outages import Down, Outage, cure
from daemonset_course.history.podstate import MANAGED
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.lab import find
from daemonset_course.lab.tasks import roll_within_budget as lab06
from daemonset_course.lab.verdict import judge
from daemonset_course.places import cluster_dir
from daemonset_course.recording import component_feed as feed

MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"
ENDED, STOPPED = Down(MANAGER, "ended"), Down(SCHEDULER, "stopped")
Records = list[dict[str, Any]]


def says(t: float, state: str, component: str = MANAGER) -> dict[str, Any]:
    return {"record": "component", "t": t, "component": component, "state": state}


def among(log: Records, *more: dict[str, Any]) -> Records:
    """A log with further records, each at its time; the header stays first."""
    return [log[0], *sorted([*log[1:], *more], key=lambda one: one["t"])]


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> list[Down]:
    """Set the components that are down, for a cluster of any name."""
    found: list[Down] = []
    for module in (components, status):
        monkeypatch.setattr(module, "asker", lambda _name: lambda: found)
    return found


# The log and what is read from it


def test_a_component_that_runs_again_ends_its_outage() -> None:
    log = Fleet(3).run(9).log()
    records = [says(2, "ended"), says(3, "stopped", SCHEDULER), says(5, "running")]

    assert timeline_of(among(log, *records)).outages == (
        Outage(MANAGER, "ended", 2, 5),
        Outage(SCHEDULER, "stopped", 3, None),
    )
    assert timeline_of(log).outages == ()


def test_another_state_is_another_outage_and_an_unknown_one_is_none() -> None:
    log = among(
        Fleet(3).run(9).log(), says(1, "suspended"), says(2, "ended"), says(4, "to be invented")
    )

    assert [(one.why, one.start, one.end) for one in timeline_of(log).outages] == [
        ("suspended", 1, 2),
        ("ended", 2, 4),
    ]


@pytest.mark.parametrize(
    ("state", "first", "do"),
    [
        ("ended", f"{MANAGER} has ended and was not started again", "course up"),
        ("suspended", f"{MANAGER} is suspended and does nothing", "course up"),
        ("stopped", f"{MANAGER} was stopped on purpose", f'start_component("{MANAGER}")'),
    ],
)
def test_caption_and_headline_begin_with_what_does_not_run(state: str, first: str, do: str) -> None:
    log = Fleet(3).run(1).apply().run(2).log()
    timeline = timeline_of(among(log, says(1.5, state)))

    assert caption(timeline).startswith(f"{first} (from 1.5 s on). The cure: {do}")
    # While a component is down, nobody knows what ends by itself.
    rest = caption(timeline_of(log)).replace(", and this ends by itself", "")
    assert caption(timeline).endswith(rest)
    assert headline(timeline) == f"{first}, {headline(timeline_of(log))}"


def test_a_past_outage_is_told_first_too_but_needs_no_cure() -> None:
    log = Fleet(3).run(1).apply().run(20).log()
    timeline = timeline_of(among(log, says(2, "ended"), says(4, "running")))

    assert caption(timeline).startswith(f"{MANAGER} did not run from 2.0 s to 4.0 s. 3 nodes ")
    assert headline(timeline) == headline(timeline_of(log))


# Verdicts


def world(*, rolled: bool = False, strategy: str = "maxUnavailable: 2") -> World:
    made = World(1)
    if rolled:
        made.set_spec(spec_of(lab06.manifest(release="2", strategy=strategy)))
    return made.run(60)


def verdict(log: Records, *more: dict[str, Any]) -> Any:
    return judge(Evidence(History(among(log, *more))), find("06").tasks[0].criteria)


@pytest.mark.parametrize("strategy", ["maxUnavailable: 1", "maxUnavailable: 9"])
def test_what_is_not_passed_while_a_component_is_down_cannot_be_checked(strategy: str) -> None:
    log = world(rolled=True, strategy=strategy).log(ended=False)
    before, found = verdict(log), verdict(log, says(3, "ended"))

    assert before.outcome not in ("passed", "cannot check")
    assert found.outcome == "cannot check"
    assert found.says == f"{ENDED}."
    assert before.says in found.observed[0]
    assert "course up" in found.where


def test_untouched_says_so_only_while_every_component_runs() -> None:
    log = world().log(ended=False)

    assert verdict(log).outcome == "not attempted"
    assert verdict(log, says(3, "stopped", SCHEDULER)).says == f"{STOPPED}."


def test_a_pass_stands_and_a_wrong_answer_tells_of_a_past_outage_first() -> None:
    passed = world(rolled=True).log(ended=False)
    wrong = world(rolled=True, strategy="maxUnavailable: 9").log(ended=False)
    past = says(3, "suspended"), says(6, "running")

    assert verdict(passed).outcome == verdict(passed, says(3, "ended")).outcome == "passed"
    assert verdict(wrong, *past).outcome == "wrong"
    assert verdict(wrong, *past).observed[0] == f"{MANAGER} was suspended from 3.0 s to 6.0 s"


# Errors


@pytest.mark.parametrize(
    "error",
    [
        NotFinished("The rollout of agent: not within 4 s.", seen="worker: old", next_step="Look."),
        NotRunning("The API server did not answer."),
        ApiError("GET /api/v1/nodes failed.", 500, seen="etcdserver: request timed out"),
    ],
)
def test_an_error_of_a_wait_begins_with_what_does_not_run(
    down: list[Down], error: CourseError
) -> None:
    failed, seen = error.failed, error.seen
    down += [ENDED, STOPPED]
    with (
        pytest.raises(type(error)) as raised,
        components.components_first("mine"),
        components.components_first("mine"),  # a wait within a wait says it once
    ):
        raise error

    assert raised.value.failed == f"{ENDED}; {STOPPED}."
    assert raised.value.seen == f"{failed} {seen}".strip()
    assert raised.value.next_step == cure(down, "mine")
    assert str(raised.value).startswith(MANAGER)


@pytest.mark.usefixtures("down")
def test_an_error_stays_as_it_is_while_all_run() -> None:
    with pytest.raises(NotFinished) as raised, components.components_first("mine"):
        raise NotFinished("Late.", seen="this", next_step="Wait.")

    assert str(raised.value) == "Late.\n  Seen: this\n  Next: Wait."


def test_what_was_typed_wrong_is_no_matter_of_components(down: list[Down]) -> None:
    down.append(ENDED)
    with pytest.raises(BadInput, match="No such"), components.components_first("mine"):
        raise BadInput("No such DaemonSet.")


def test_an_engine_that_cannot_be_asked_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_name: str) -> Any:
        raise CommandFailed("docker does not answer.")

    monkeypatch.setattr(components, "asker", fails)
    with pytest.raises(NotFinished, match="Late"), components.components_first("mine"):
        raise NotFinished("Late.")


def test_every_wait_says_it(down: list[Down], monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        raise NotRunning("The API server did not answer.")

    down.append(Down("kube-apiserver", "suspended"))
    monkeypatch.setattr(Api, "request", silent)
    with pytest.raises(NotRunning, match="kube-apiserver is suspended"):
        wait_for(
            Api(cluster_dir("mine") / "kubeconfig"), "/api/v1/nodes", bool,
            what="nodes", explain=str, timeout=1,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("why", "says", "at_most"), [("ended", "nothing to wait for", 5), ("stopped", "not within", 9)]
)
def test_a_wait_ends_soon_where_a_component_has_ended_and_not_where_it_was_stopped(
    down: list[Down], monkeypatch: pytest.MonkeyPatch, tmp_path: Any,
    why: Any, says: str, at_most: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(waiting, "HOPELESS", 0.1)
    monkeypatch.setattr(waiting, "LOOK", 0.05)
    down.append(Down(MANAGER, why))
    (tmp_path / "mine").mkdir()
    began = time.monotonic()
    with FakeServer() as server, pytest.raises(NotFinished) as error:
        wait_for(
            Api(server.kubeconfig(tmp_path / "mine")), "/api/v1/nodes", lambda _: False,
            what="nodes", explain=lambda _: "none there", timeout=60 if why == "ended" else 0.3,
        )  # fmt: skip

    assert time.monotonic() - began < at_most
    assert error.value.failed.startswith(MANAGER)
    assert says in error.value.seen
    assert "none there" in error.value.seen


# course status


def saved(**more: Any) -> State:
    state = State("mine", "id", "embedded", "v1.36.3", 1.0, complete=True, **more)
    cluster_dir("mine").mkdir(parents=True)
    state.save()
    return state


def node(name: str, *, label: bool = True, annotation: str = "") -> dict[str, Any]:
    spec = simulated(NodeSpec(name, {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}))
    made = node_object(spec, index=0, kubernetes="v1.37.1")
    if not label:
        del made["metadata"]["labels"][MANAGED]
    made["metadata"]["annotations"] = {MANAGED: annotation} if annotation else {}
    return made


@pytest.fixture
def nodes() -> list[dict[str, Any]]:
    """The nodes of the cluster: one runs, two are broken on purpose."""
    broken = [node("b", label=False, annotation="unreachable"), node("c", annotation="not-ready")]
    return [node("a"), *broken]


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, nodes: list[dict[str, Any]]) -> State:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    state = saved()
    running = SimpleNamespace(state=state, api=SimpleNamespace(items=lambda _path: nodes))
    monkeypatch.setattr(status, "current", lambda _name: running)
    monkeypatch.setattr(components, "Api", lambda _kubeconfig: running.api)
    return state


@pytest.mark.usefixtures("mine")
def test_status_begins_with_what_does_not_run_and_fails(down: list[Down]) -> None:
    down += [ENDED, STOPPED]
    text = CliRunner().invoke(app, ["status", "--name", "mine"])
    data = CliRunner().invoke(app, ["status", "--json", "--name", "mine"])

    lines = text.stdout.splitlines()
    assert str(ENDED) in lines[0]
    assert str(STOPPED) in lines[1]
    assert "course up --name mine" in lines[2]
    assert json.loads(data.stdout)["down"] == {MANAGER: "ended", SCHEDULER: "stopped"}
    assert text.exit_code == data.exit_code == 1


@pytest.mark.usefixtures("mine", "down")
def test_status_of_a_whole_cluster_succeeds() -> None:
    text = CliRunner().invoke(app, ["status", "--name", "mine"])
    data = CliRunner().invoke(app, ["status", "--json", "--name", "mine"])

    assert text.stdout.splitlines()[0].split() == ["name", "mine"]
    assert (json.loads(data.stdout)["down"], json.loads(data.stdout)["nodes"]) == ({}, 3)
    assert json.loads(data.stdout)["lost"] == []
    assert text.exit_code == data.exit_code == 0


@pytest.mark.usefixtures("mine", "down")
def test_status_names_nodes_that_have_lost_their_label(nodes: list[dict[str, Any]]) -> None:
    nodes += [node("w10", label=False), node("w2", label=False)]
    text = CliRunner().invoke(app, ["status", "--name", "mine"])
    data = CliRunner().invoke(app, ["status", "--json", "--name", "mine"])

    first, second, *_ = text.stdout.splitlines()
    assert f"no kubelet runs on w2, w10: the label {MANAGED} is missing" in first
    assert "course reset --name mine puts the label back" in second
    assert json.loads(data.stdout)["lost"] == ["w2", "w10"]
    assert text.exit_code == data.exit_code == 1


@pytest.mark.usefixtures("mine", "down")
def test_an_error_of_a_wait_names_nodes_that_have_lost_their_label(
    nodes: list[dict[str, Any]],
) -> None:
    nodes.append(node("w2", label=False))
    with (
        pytest.raises(NotFinished) as raised,
        components.components_first("mine"),
        components.components_first("mine"),
    ):
        raise NotFinished("The rollout of agent: not within 4 s.", seen="w2: old")

    assert raised.value.failed == f"No kubelet runs on w2: the label {MANAGED} is missing."
    assert raised.value.seen == "The rollout of agent: not within 4 s. w2: old"
    assert raised.value.next_step.startswith("course reset --name mine")


@pytest.mark.usefixtures("mine", "down")
def test_an_error_of_a_wait_does_not_name_nodes_that_are_broken_on_purpose() -> None:
    with pytest.raises(NotFinished, match="Late"), components.components_first("mine"):
        raise NotFinished("Late.")


def test_a_cluster_that_is_not_up_has_no_components(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    assert components.asker("nobody")() == []


# The backends and the recorder


def test_single_replicas_hold_no_election() -> None:
    text = kwokctl.configuration(
        "mine", cluster_dir("mine") / "bin", kubernetes="v1.36.3", pace=1.0, port=None
    )
    patches = next(yaml.safe_load_all(text))["componentsPatches"]
    elects = {
        one["name"]: arg["value"]
        for one in patches
        for arg in one["extraArgs"]
        if arg["key"] == "leader-elect"
    }

    assert elects == {MANAGER: "false", SCHEDULER: "false"}


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("\n{}", dict.fromkeys(COMPONENTS, "ended")),
        ("kube-scheduler.yaml\n" + "etcd kube-apiserver", {MANAGER: "ended", SCHEDULER: "stopped"}),
        ("\n" + " ".join(["kindnet-cni", *COMPONENTS]), {}),
        ("kube-scheduler.yaml\n" + " ".join(COMPONENTS), {SCHEDULER: "stopped"}),
    ],
)
def test_kind_s_components_are_those_whose_containers_run(
    output: str, found: dict[str, str]
) -> None:
    aside, _, names = output.partition("\n")
    listed = names if names == "{}" else json.dumps(
        {"containers": [{"metadata": {"name": name}} for name in names.split()]}
    )  # fmt: skip
    engine: Any = SimpleNamespace(run=lambda *_: f"{aside}\n{listed}")

    assert dict(static_pods.down(engine, "node")) == found


def test_a_component_feed_emits_changes_only() -> None:
    states: list[list[Down]] = [[], [ENDED], [ENDED], [ENDED, STOPPED], [STOPPED]]
    news, emitted = iter(states), []
    follow = feed.ComponentFeed(lambda: next(news), lambda *change: emitted.append(change))
    for _ in states:
        follow.poll()

    assert emitted == [(MANAGER, "ended"), (SCHEDULER, "stopped"), (MANAGER, "running")]


def test_a_failed_poll_emits_nothing_and_stop_polls_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "PAUSE", 0.001)
    polled, emitted = threading.Event(), []
    ended: list[Down] = []

    def read_states() -> list[Down]:
        polled.set()
        if not ended:
            raise CommandFailed("docker does not answer.")
        return ended

    follow = feed.ComponentFeed(read_states, lambda *change: emitted.append(change))
    follow.start()
    assert polled.wait(5)
    assert emitted == []
    ended.append(ENDED)
    follow.stop()
    follow.stop()

    assert emitted == [(MANAGER, "ended")]
