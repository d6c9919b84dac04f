"""Lab 06: which verdicts a learner can still mend, and what refused Pods look like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_creation import SAID, event
from world import DEAD, World, attempts, header, spec_of

from daemonset_course.history.index import History
from daemonset_course.history.podstate import MANAGED
from daemonset_course.lab.evidence import ENDED, JUDGED_NOW, Evidence, Probe, probe_mark
from daemonset_course.lab.lab import find
from daemonset_course.lab.tasks import roll_within_budget as lab06
from daemonset_course.lab.verdict import Verdict, judge

TASKS = find("06-roll-within-budget").tasks
WRONG = [path for path in attempts() if "-wrong-" in path.stem]
ONLY_REAL = {"2-wrong-a-fifth"}  # here a percentage is of 12 nodes also when one is dead


def verdict(world: World, task: int) -> Verdict:
    history = History(world.log(ended=False))
    history.advance(world.t)
    return judge(Evidence(history), TASKS[task - 1].criteria)


def go_on(world: World, task: int) -> Verdict:
    """The verdict after the solution was applied on top of whatever was done."""
    found = Evidence(History(world.log(ended=False)))
    for other in found.others():
        item = {"metadata": {"name": other, "uid": "ds-other"}, "spec": world.daemonset["spec"]}
        world._emit("daemonsets", item, "DELETED")
    if not world.gone:
        world.set_spec(spec_of(TASKS[task - 1].solution))
    return verdict(world.run(90), task)


@pytest.mark.parametrize("seconds", [6, 60])
@pytest.mark.parametrize(
    "path", [path for path in WRONG if path.stem not in ONLY_REAL], ids=lambda path: path.stem
)
def test_a_wrong_is_final_exactly_if_going_on_does_not_mend_it(path: Path, seconds: int) -> None:
    task = int(header(path)["task"])
    world = World(task).play(path).run(seconds)
    found = replace(verdict(world, task), task=task)
    later = go_on(world, task)

    assert later.passed or found.final or found.unless, repr(later)
    assert not (later.passed and found.final), repr(found)
    assert later.passed or later.final
    for text in (repr(found), found._repr_markdown_().replace("\\", "")):
        assert (f"run lab.start({task})" in text) is bool(found.final or found.unless)


def test_a_budget_that_was_over_wide_while_it_rolled_stays_wrong_and_says_start_again() -> None:
    world = World(1)
    world.set_spec(spec_of(lab06.manifest(release="2", strategy="maxUnavailable: 4")))
    first = verdict(world.run(0.5), 1)
    world.set_spec(spec_of(lab06.manifest(release="2", strategy="maxUnavailable: 2")))
    mended = verdict(world.run(60), 1)

    assert first.final
    assert mended.says.startswith("While the pods were replaced, maxUnavailable allowed 4")
    assert "Start again: run lab.start(…)" in repr(mended)


def test_a_budget_that_was_over_wide_before_the_rollout_can_be_mended() -> None:
    world = World(1)
    world.set_spec(spec_of(lab06.manifest(strategy="maxUnavailable: 4")))
    wide = verdict(world.run(5), 1)

    assert "over-wide" in wide.says
    assert not wide.final
    assert go_on(world, 1).passed


def test_what_a_later_rule_finds_final_is_said_with_the_first_finding() -> None:
    world = World(3)
    spec = spec_of(lab06.manifest(image=lab06.BAD, release="2", strategy="maxUnavailable: 5"))
    world.set_spec(spec)
    found = verdict(world.run(30), 3)

    assert found.says.startswith("A bigger budget lets the bad template reach more nodes")
    assert "Also: " in repr(found)
    assert "nodes were down at once" in repr(found)
    assert found.final


def test_a_node_object_made_anew_and_a_dead_node_dead_again_are_still_wrong() -> None:
    world = World(1)
    world.remove_node("course-worker3")
    world.run(3)
    world.add_node("course-worker3")
    world.set_spec(spec_of(TASKS[0].solution))
    anew = verdict(world.run(60), 1)
    world = World(2)
    world._step({"action": "recover node"})
    world.run(3)
    world.kubelet_silent(DEAD)
    world.set_spec(spec_of(TASKS[1].solution))
    again = verdict(world.run(60), 2)

    assert anew.says == "The Node object was deleted: worker3."
    assert anew.observed == ("worker3: a new Node object",)
    assert again.says.startswith("The dead node came back")
    assert anew.final
    assert again.final


def test_a_restart_of_the_rollout_does_not_begin_the_window_anew() -> None:
    world = World(1)
    world.set_spec(spec_of(lab06.manifest(release="2", strategy="maxUnavailable: 1")))
    slow = verdict(world.run(60), 1)
    spec = spec_of(TASKS[0].solution)
    spec["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    world.set_spec(spec)
    restarted = verdict(world.run(60), 1)

    assert slow.final
    assert restarted.final
    assert restarted.says.startswith("Too slow")


def test_a_stuck_rollout_says_how_long_the_window_has_run() -> None:
    world = World(2)
    world.set_spec(spec_of(lab06.manifest(release="2", strategy="maxUnavailable: 1")))
    found = judge(Evidence(History(world.run(30).log(ended=True))), TASKS[1].criteria)

    assert "stuck" in found.says
    assert not found.final
    assert found.unless.endswith("window of 16 restarts, which has run for 30.0 s")


class Refusing(World):
    """A world whose API server refuses new Pods of a newer template."""

    message = ""

    def _new_pod(self, on: str, *, phase: str = "unbound", via: str = "watch") -> None:
        if self.message and via != "list":
            self._emit("events", event(self.message), "MODIFIED")
        else:
            super()._new_pod(on, phase=phase, via=via)


@pytest.mark.parametrize("message", SAID.values(), ids=SAID)
@pytest.mark.parametrize("task", [1, 2, 3])
def test_the_lab_names_the_refusal(task: int, message: str) -> None:
    world = Refusing(task)
    world.message = message
    release = "1" if task == 3 else "2"
    world.set_spec(spec_of(lab06.manifest(release=release, strategy="maxUnavailable: 2")))
    found = verdict(world.run(20), task)

    assert found.outcome == "wrong"
    assert message in repr(found)
    assert repr(found).count("could be created on worker") == 1


def test_a_verdict_about_something_else_names_the_refusal_too() -> None:
    world = Refusing(1)
    world.message = SAID["service account"]
    spec = spec_of(TASKS[0].solution)
    spec["template"]["spec"]["serviceAccountName"] = "nobody"
    world.set_spec(spec)
    found = verdict(world.run(20), 1)

    assert found.says.startswith("More was changed than the request asks for: serviceAccountName")
    assert repr(found).count('serviceaccount "nobody" not found') == 1


# A computer that is too busy


def managed(world: World) -> World:
    """Let kwok run each node: only then nobody stopped a kubelet that is silent."""
    for one in world.nodes.values():
        one["metadata"]["labels"][MANAGED] = "simulated"
        world._emit("nodes", one, "MODIFIED")
    return world


def test_a_kubelet_that_is_silent_by_itself_is_awaited() -> None:
    world = managed(World(1))
    world.set_spec(spec_of(TASKS[0].solution))
    world.run(2)
    found = verdict(world.kubelet_silent("course-worker3").run(3), 1)

    assert found.outcome == "not yet"
    assert found.says == "This computer is too busy: the kubelet of worker3 sends no heartbeat."
    assert any(line.startswith("without that: ") for line in found.observed)
    assert found.where.startswith("course up")
    assert not found.final


def test_what_a_silent_kubelet_may_have_caused_is_no_verdict() -> None:
    world = managed(World(1))
    world.set_spec(spec_of(lab06.manifest(release="2", strategy="maxUnavailable: 4")))
    world.run(2)
    world.kubelet_silent("course-worker3").run(1)
    world.nodes["course-worker3"]["status"]["conditions"][0]["status"] = "True"
    world._emit("nodes", world.nodes["course-worker3"], "MODIFIED")
    found = verdict(world.run(60), 1)

    assert found.outcome == "cannot check"
    assert found.says.startswith("This computer was too busy")
    assert found.observed[0] == "worker3: 10.5 s to 11.5 s"
    assert found.final


def test_a_kubelet_that_somebody_stopped_is_part_of_the_task() -> None:
    world = World(1)
    world.set_spec(spec_of(TASKS[0].solution))
    found = verdict(world.run(2).kubelet_silent("course-worker3").run(3), 1)

    assert "busy" not in repr(found)


# Probes


def probed(*marks: tuple[float, str]) -> Evidence:
    log = World(1).run(20).log(ended=False)
    records = [{"record": "mark", "t": t, "text": text} for t, text in marks]
    return Evidence(History([*log, *records]))


def test_a_probe_counts_when_the_checker_was_not_interrupted() -> None:
    begun, judged, undone = (
        (21.0 + i, probe_mark("a", moment)) for i, moment in enumerate(("", JUDGED_NOW, ENDED))
    )

    assert probed(begun).probe("a") == Probe("a", 21)
    assert probed(begun, judged).probe("a") == Probe("a", 21, 22)
    assert probed(begun, judged, undone).probe("a") == Probe("a", 21, 22, 23)
    assert probed(begun, judged, undone).probe("b") is None


def test_an_interrupted_probe_proves_nothing() -> None:
    begun, undone = (21.0, probe_mark("a")), (22.0, probe_mark("a", ENDED))
    before_its_mark = (25.0, probe_mark("a", ENDED))

    assert probed(begun, undone).probe("a") is None
    assert probed(begun, undone).probes == (Probe("a", 21, None, 22),)
    assert probed(begun, undone, before_its_mark).probes == (Probe("a", 21, None, 22),)
