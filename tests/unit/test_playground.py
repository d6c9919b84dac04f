"""The playground: its fields, its runs on a cluster that only takes notes, its panel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fleet import Fleet, Record

from daemonset_course.cluster.reset import Fleet as Workers
from daemonset_course.errors import BadInput, CommandFailed, NotFinished, Reason, Rejected
from daemonset_course.playground import panel, playground, trials
from daemonset_course.playground.panel import Panel
from daemonset_course.playground.settings import LABELS, Settings, refusals
from daemonset_course.playground.trial import Trial, predictions
from daemonset_course.playground.trials import Trials
from daemonset_course.recording.recorder import Recording


def spec(settings: Settings, release: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(settings.manifest(release))["spec"]
    return found


def rolled(workers: int = 4, *, budget: int = 1, bad: frozenset[str] = frozenset()) -> list[Record]:
    return Fleet(workers, max_unavailable=budget).run(1).apply(bad=bad).run(30).log()


def trial(settings: Settings, log: list[Record], before: Trial | None = None) -> Trial:
    return Trial(settings, Recording(log), "done", before)


def test_a_manifest_says_what_the_fields_say() -> None:
    chosen = Settings(pool="disk=ssd", max_unavailable="0", max_surge="10%", start=3, stop=2)
    found = spec(chosen)
    pod = found["template"]["spec"]
    (container,) = pod["containers"]

    assert found["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": "10%"}
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert container["readinessProbe"]["initialDelaySeconds"] == 3
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == 2
    assert pod["terminationGracePeriodSeconds"] > 2


def test_only_the_new_template_has_the_bad_image_and_each_release_is_another_template() -> None:
    images = [
        spec(Settings(bad_image=True), number)["template"]["spec"]["containers"][0]["image"]
        for number in (1, 2)
    ]

    assert ".invalid/" not in images[0]
    assert ".invalid/" in images[1]
    assert spec(Settings(), 1)["template"] != spec(Settings(), 2)["template"]


def test_a_pod_without_delays_has_neither_probe_nor_hook_and_on_delete_no_budget() -> None:
    found = spec(Settings(start=0, stop=0, strategy="OnDelete"))

    assert found["updateStrategy"] == {"type": "OnDelete"}
    assert not {"readinessProbe", "lifecycle"} & found["template"]["spec"]["containers"][0].keys()


@pytest.mark.parametrize(
    ("chosen", "field", "words"),
    [
        ({"nodes": 2}, "nodes", "Choose 3 to 30 nodes."),
        ({"nodes": 31}, "nodes", "Choose 3 to 30 nodes."),
        ({"start": -1}, "start", "Choose 0 to 60 seconds."),
        ({"stop": 61}, "stop", "Choose 0 to 60 seconds."),
        ({"pool": "gpu"}, "pool", "Choose one of all workers"),
        ({"strategy": "Recreate"}, "strategy", "Choose one of RollingUpdate, OnDelete."),
        ({"max_surge": " "}, "max_surge", "Type a number of nodes, or a percentage such as 10%."),
        ({"length": "soon"}, "length", "must be a number of seconds"),
        ({"lowest": "-1"}, "lowest", "cannot be negative"),
        ({"lowest": "2.5"}, "lowest", "must be whole"),
    ],
)
def test_what_no_run_can_have_is_said_at_its_field(
    chosen: dict[str, Any], field: str, words: str
) -> None:
    problems = replace(Settings(), **chosen).problems()

    assert list(problems) == [field]
    assert words in problems[field]


def test_what_the_api_server_refuses_is_said_at_the_field_that_sets_it() -> None:
    rolling = "spec.updateStrategy.rollingUpdate"
    found = refusals([
        Reason(f"{rolling}.maxSurge", "Invalid value: 1: may not be set when maxUnavailable is 2"),
        Reason(f"{rolling}.maxUnavailable", "Invalid value: one"),
        Reason(f"{rolling}.maxUnavailable", "Invalid value: two"),
        Reason("metadata.name", "is taken"),
    ])  # fmt: skip

    assert found["max_surge"].startswith("The API server: Invalid value: 1: may not be set")
    assert found["max_unavailable"] == "The API server: Invalid value: one. Invalid value: two."
    assert found[""] == "The API server: metadata.name: is taken."


def test_predictions_are_drawn_as_a_length_and_as_nodes_without_a_pod() -> None:
    drawn = predictions(Settings(length="12", lowest="4"), 6)

    assert {about: one.answer for about, one in drawn.items()} == {"length": 12, "unavailable": 2}
    assert predictions(Settings(), 6) == {}


def test_a_run_compares_what_was_predicted_with_what_was_recorded() -> None:
    found = trial(Settings(nodes=4, lowest="3", length="1000"), rolled())

    assert found.length == Recording(rolled()).rollouts[-1].duration
    assert found.lowest == 3
    assert {name: one.right for name, one in found.comparisons().items()} == {
        "length": False, "lowest": True,
    }  # fmt: skip
    words = repr(found)
    assert "At the lowest, 3 nodes had an available Pod." in words
    assert "Length: not as predicted. You predicted 1000 s" in words
    assert "Lowest coverage: as predicted." in words


def test_a_run_that_was_not_done_has_no_verdict_about_its_length_and_says_why() -> None:
    log = rolled(bad=frozenset(Fleet(4).nodes))
    found = replace(trial(Settings(length="9"), log), ended="still")

    assert found.length is None
    assert "was not done when no Pod changed any more: the budget" in repr(found)
    assert "Length: no verdict, because the rollout was not done." in repr(found)


def test_a_second_run_is_beside_the_first_on_one_axis_and_says_what_was_changed() -> None:
    first = trial(Settings(nodes=4), rolled())
    second = trial(Settings(nodes=4, max_unavailable="2"), rolled(budget=2), first)

    assert "Changed: maxUnavailable: 2, before 1." in repr(second)
    html = second.html()
    assert "before: maxUnavailable 1" in html
    assert "now: maxUnavailable 2" in html
    assert "before:" not in first.html()


class Notes:
    """A cluster that takes notes; its recordings are made by ``Fleet``."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.did: list[str] = []
        self.log = rolled()
        self.refuses: Exception | None = None
        self.fails: Exception | None = None
        cluster = SimpleNamespace(
            pace=1.0,
            workers=lambda: list(Fleet(4).nodes),
            api=SimpleNamespace(items=lambda _: []),
        )
        patch.setattr(trials, "current", lambda: cluster)
        patch.setattr(trials, "reset", self.reset)
        patch.setattr(trials, "apply", self.apply)
        patch.setattr(trials, "break_node", lambda node: self.did.append(f"break {node}"))
        patch.setattr(trials, "record", self.record)
        patch.setattr(trials, "wait_rollout", lambda *_, **__: None)
        patch.setattr(Trials, "_covered", lambda *_: ["worker", "worker2"])
        patch.setattr(trials, "PAUSE", 0.01)

    def reset(self, workers: int | None = None) -> Any:
        self.did.append(f"reset {workers}")
        if self.fails is not None:
            raise self.fails
        return Workers((), (), (), "Until now another notebook used this cluster.")

    def apply(self, text: str, *, dry_run: bool = False) -> None:
        if dry_run and self.refuses is not None:
            raise self.refuses
        release = text.partition("RELEASE, value: ")[2][1]
        self.did.append(f"{'ask' if dry_run else 'apply'} {release}")

    def record(self, name: str, *, predicted: Any) -> AbstractContextManager[Any]:
        self.did.append(f"record {name} {sorted(predicted)}")
        recording = Recording(self.log)
        recording.predicted = predicted
        return nullcontext(recording)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    yield Notes(monkeypatch)
    threads = [one for one in threading.enumerate() if one.name.startswith("playground")]
    for one in threads:  # the panel is told that a run has ended by the thread that then ends
        one.join(timeout=10)
    assert not [one for one in threads if one.is_alive()]


def test_a_run_asks_prepares_breaks_records_and_is_kept(notes: Notes) -> None:
    runs = Trials()
    runs.roll(Settings(nodes=4, faulty_node=True, lowest="1"))
    found = runs.wait(30)

    assert notes.did == [
        "ask 1", "reset 4", "apply 1", "break worker2", "record agent ['unavailable']", "apply 2",
    ]  # fmt: skip
    assert (found.ended, found.previous, runs.running) == ("done", None, False)
    assert runs.message == "Done. Until now another notebook used this cluster."
    runs.roll(Settings(nodes=5))
    assert runs.wait(30).previous is found


def test_a_field_that_is_wrong_begins_nothing_and_loses_nothing(notes: Notes) -> None:
    runs = Trials()
    runs.roll(Settings(nodes=4))
    kept = runs.wait(30)
    notes.did.clear()
    runs.roll(Settings(nodes=99))

    assert (notes.did, runs.trials) == ([], [kept])
    with pytest.raises(BadInput, match="not begun") as caught:
        runs.wait(30)
    assert "nodes: Choose 3 to 30 nodes." in caught.value.seen


def test_a_refusal_of_the_api_server_begins_nothing(notes: Notes) -> None:
    field = "spec.updateStrategy.rollingUpdate.maxUnavailable"
    notes.refuses = Rejected("agent", [Reason(field, "cannot be 0 when maxSurge is 0")])
    runs = Trials()
    runs.roll(Settings(max_unavailable="0"))
    with pytest.raises(BadInput, match="not begun"):
        runs.wait(30)

    assert notes.did == []
    assert runs.problems == {"max_unavailable": "The API server: cannot be 0 when maxSurge is 0."}


@pytest.mark.parametrize("error", [CommandFailed("It broke."), RuntimeError("It broke.")])
def test_a_run_that_fails_says_so_and_the_next_one_runs(notes: Notes, error: Exception) -> None:
    notes.fails = error
    runs = Trials()
    runs.roll(Settings())
    with pytest.raises(Exception, match=r"It broke\.|The playground failed\."):
        runs.wait(30)
    assert "It broke." in runs.message

    notes.fails = None
    runs.roll(Settings())
    assert runs.wait(30).ended == "done"


def stuck() -> list[Record]:
    return rolled(bad=frozenset(Fleet(4).nodes))


def test_stop_ends_a_run_that_does_not_end_and_a_second_roll_is_refused(notes: Notes) -> None:
    notes.log = stuck()
    recorded = threading.Event()
    runs = Trials(lambda: recorded.set() if runs.recorder else None)
    runs.roll(Settings())
    assert recorded.wait(30)
    with pytest.raises(BadInput, match="under way"):
        runs.roll(Settings())
    with pytest.raises(NotFinished, match="has not ended"):
        runs.wait(0.01)
    runs.stop()

    assert runs.wait(30).ended == "stopped"
    assert "The rollout goes on in the cluster" in runs.message


def test_a_run_in_which_nothing_changes_any_more_ends(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes.log = stuck()
    monkeypatch.setitem(trials.STILL, "RollingUpdate", 0.1)
    runs = Trials()
    runs.roll(Settings(start=0, stop=0))

    assert runs.wait(30).ended == "still"


def test_reset_stops_the_run_and_forgets_all(notes: Notes) -> None:
    notes.log = stuck()
    recorded = threading.Event()
    runs = Trials(lambda: recorded.set() if runs.recorder else None)
    runs.roll(Settings())
    assert recorded.wait(30)
    runs.reset()
    with pytest.raises(BadInput, match="no run yet"):
        runs.wait(30)

    assert notes.did[-1] == "reset None"
    assert runs.trials == []


@pytest.mark.usefixtures("notes")
def test_an_error_of_the_panel_does_not_end_the_run() -> None:
    def fails() -> None:
        raise RuntimeError("no comm")

    runs = Trials(fails)
    runs.roll(Settings())

    assert runs.wait(30).ended == "done"


def button(shown: Panel, name: str) -> Any:
    return shown._buttons[name]


def test_the_panel_has_a_field_for_each_setting_and_takes_what_is_chosen() -> None:
    shown = playground(nodes=12, max_surge=2, max_unavailable="0")

    assert shown.settings == Settings(nodes=12, max_surge="2", max_unavailable="0")
    assert list(shown._fields) == list(LABELS)
    assert (button(shown, "roll").disabled, button(shown, "stop").disabled) == (False, True)
    with pytest.raises(BadInput, match="no field size"):
        playground(size=3)


def test_a_press_returns_at_once_shows_the_run_and_then_its_comparison(notes: Notes) -> None:
    notes.log = stuck()
    shown = playground()
    drawn = threading.Event()
    shown._picture.observe(lambda _: drawn.set(), "value")
    button(shown, "roll").click()
    assert drawn.wait(30)
    assert (button(shown, "roll").disabled, button(shown, "stop").disabled) == (True, False)
    assert "Waits: the budget" in shown._picture.value
    button(shown, "stop").click()
    shown.wait(30)

    assert "was not done when it was stopped" in shown._picture.value
    assert (button(shown, "roll").disabled, button(shown, "stop").disabled) == (False, True)


def test_after_a_run_that_failed_the_panel_shows_the_last_good_one(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = playground()
    shown.roll()
    shown.wait(30)
    good = shown._picture.value
    drawn: list[str] = []
    shown._picture.observe(lambda change: drawn.append(change["new"]), "value")
    notes.log = stuck()

    def fails(*_: object) -> str:
        shown._show()
        raise CommandFailed("It broke.")

    monkeypatch.setattr(Trials, "_follow", fails)
    shown.roll()
    with pytest.raises(CommandFailed):
        shown.wait(30)

    assert drawn[0] != good
    assert drawn[-1] == good == shown._picture.value
    assert "It broke." in shown._message.value


def test_a_picture_that_cannot_be_drawn_is_said_as_in_a_cell_above_the_last_good_one(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, drawn = playground(), []
    shown._picture.observe(lambda change: drawn.append(change["new"]), "value")
    notes.log = stuck()

    def follows(*_: object) -> str:
        shown._show()
        with monkeypatch.context() as patch:
            patch.setattr(Recording, "recent", property(lambda _: {}["<lost>"]))
            shown._show()
        return "still"

    monkeypatch.setattr(Trials, "_follow", follows)
    shown.roll()
    shown.wait(30)
    good, failed = drawn[:2]

    words = "The live view cannot draw what happens now: KeyError: &#x27;&lt;lost&gt;&#x27;</b>"
    assert words in failed
    assert "the picture below is an old one" in failed
    assert "<figure" in good
    assert good.partition("<figure")[2] in failed


@pytest.mark.usefixtures("notes")
def test_a_field_that_is_wrong_is_marked_below_it_until_it_is_right() -> None:
    shown = playground()
    shown._fields["nodes"].value = 99
    button(shown, "roll").click()
    assert "Choose 3 to 30 nodes." in shown._wrong["nodes"].value
    assert shown._fields["nodes"].value == 99
    shown._fields["nodes"].value = 4
    button(shown, "roll").click()
    shown.wait(30)

    assert shown._wrong["nodes"].value == ""


def test_a_new_panel_closes_the_one_before(notes: Notes) -> None:
    notes.log = stuck()
    first = playground()
    first.roll()
    second = playground()

    assert first.wait(30).ended == "stopped"
    notes.log = rolled()
    second.roll(nodes=5)
    assert second.wait(30).previous is None


def test_on_delete_has_no_budget_to_choose() -> None:
    shown = playground(strategy="OnDelete")

    assert shown._fields["max_surge"].disabled
    shown._fields["strategy"].value = "RollingUpdate"
    assert not shown._fields["max_surge"].disabled


@pytest.mark.parametrize(("version", "said"), [(6, True), (7, False)])
def test_a_kernel_without_subshells_says_when_a_button_answers(
    monkeypatch: pytest.MonkeyPatch, version: int, said: bool
) -> None:
    monkeypatch.setattr(panel, "version", lambda _: f"{version}.1.0")

    texts = [str(getattr(one, "value", "")) for one in playground().box.children]
    assert any("only when no cell runs" in text for text in texts) == said
