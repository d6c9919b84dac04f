"""What became of nodes and pods after failures: the facts and the picture of them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import HEADER, change, node, pod

from daemonset_course.errors import BadInput
from daemonset_course.plot.failures import plot_failures
from daemonset_course.timeline.failures import (
    Failure,
    failure,
    failures_caption,
    failures_headline,
    state_of,
)

Record = dict[str, Any]
OFF = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}


def of(app: str, uid: str, on: str, *, phase: str = "ready") -> Record:
    made = pod(f"{app}-{uid}", on, phase=phase)
    made["metadata"]["labels"]["app"] = app
    return made


def marked_not_ready(made: Record) -> Record:
    made["status"]["conditions"][0]["status"] = "False"
    return made


def day() -> list[Record]:
    """n1 falls silent at 2 and is seen at 5; n2 is deleted at 2; n3 is drained at 2."""
    on = [("n1", "a"), ("n2", "b"), ("n3", "c")]
    cordoned = node("n3")
    cordoned["spec"]["unschedulable"] = True
    return [
        HEADER,
        *(change(0.01, "nodes", node(name), "ADDED", "list") for name, _ in on),
        *(change(0.02, "pods", of("agent", u, n), "ADDED", "list") for n, u in on),
        *(change(0.02, "pods", of("web", u, n), "ADDED", "list") for n, u in on),
        *({"record": "mark", "t": 2, "text": text} for text in ("silent", "deleted", "drained")),
        change(2, "nodes", node("n2"), "DELETED"),
        change(2.1, "nodes", cordoned),
        change(2.2, "pods", of("web", "c", "n3", phase="terminating")),
        change(2.4, "pods", of("web", "c", "n3", phase="terminating"), "DELETED"),
        change(3, "pods", of("web", "late", "n1"), "ADDED"),
        change(5, "nodes", node("n1", ready="Unknown")),
        change(5.1, "pods", marked_not_ready(of("agent", "a", "n1"))),
        change(5.2, "pods", marked_not_ready(of("web", "a", "n1"))),
        change(7, "pods", of("web", "a", "n1", phase="terminating")),
        {"record": "end", "t": 12},
    ]


def three() -> list[Failure]:
    kinds = {"silent": "n1", "deleted": "n2", "drained": "n3"}
    return [failure(day(), kind, name, ["agent", "web"]) for kind, name in kinds.items()]


def test_the_states_of_a_node_are_timed_from_the_failure() -> None:
    silent, deleted, drained = three()

    assert [(s.what, round(s.end, 2)) for s in silent.states] == [("ready", 3), ("unknown", 10)]
    assert [(s.what, round(s.end, 2)) for s in deleted.states] == [("ready", 0)]
    assert [s.what for s in drained.states] == ["ready", "cordoned"]


def test_a_failure_is_noticed_when_its_node_object_changes() -> None:
    silent, _, drained = three()

    assert silent.noticed == pytest.approx(3)
    assert drained.noticed == pytest.approx(0.1)


def test_a_pod_nobody_asks_to_leave_has_no_end() -> None:
    silent, deleted, _ = three()

    for fate, last in ((silent.fates["agent"], "not ready"), (deleted.fates["agent"], "ready")):
        assert (fate.stopping, fate.gone, fate.phase) == (None, None, last)


def test_a_pod_told_to_stop_on_a_silent_node_is_still_listed() -> None:
    fate = three()[0].fates["web"]

    assert fate.stopping == pytest.approx(5)
    assert fate.gone is None
    assert [s.what for s in fate.life] == ["ready", "not ready", "terminating"]


def test_an_evicted_pod_is_gone() -> None:
    fate = three()[2].fates["web"]

    assert fate.stopping == pytest.approx(0.2)
    assert fate.gone == pytest.approx(0.4)


def test_a_pod_that_is_deleted_by_force_was_not_told_to_stop() -> None:
    ghost = of("web", "b", "n2", phase="terminating")
    records = [*day()[:-1], change(9, "pods", ghost, "DELETED"), day()[-1]]
    fate = failure(records, "deleted", "n2", ["web"]).fates["web"]

    assert (fate.stopping, fate.gone) == (None, 7)


def test_headline_and_caption_count_and_name_what_happened() -> None:
    found = three()

    assert failures_headline(found) == ("3 failures: agent's pod was told to stop in 0, web's in 2")
    assert failures_caption(found) == (
        "Silent: agent stays and says not ready, web told to stop after 5.0 s, still listed. "
        "Deleted: agent stays and says ready, web stays and says ready. "
        "Drained: agent stays and says ready, web gone after 0.40 s."
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (node("n"), "ready"),
        (node("n", ready="False"), "not ready"),
        (node("n", ready="Unknown"), "unknown"),
        (node("n", ready="Unknown", taints=[OFF]), "out of service"),
    ],
)
def test_the_state_of_a_node_in_words(made: Record, said: str) -> None:
    assert state_of(made) == said


def test_a_node_that_is_cordoned_and_silent_is_unknown() -> None:
    made = node("n", ready="Unknown")
    made["spec"]["unschedulable"] = True

    assert state_of(made) == "unknown"


@pytest.mark.parametrize(("kind", "name"), [("flood", "n1"), ("silent", "n9")])
def test_a_recording_without_the_failure_is_refused(kind: str, name: str) -> None:
    with pytest.raises(BadInput, match="does not show the failure"):
        failure(day(), kind, name, ["agent"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_picture_is_svg_with_its_caption_as_description(dark: bool) -> None:
    picture = plot_failures(three(), dark=dark)
    text = picture.svg()

    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert picture.caption in text
    assert "NaN" not in text


def test_text_stays_on_the_paper_and_does_not_cover_other_text() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = plot_failures(three()).figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    boxes += [text.get_window_extent(renderer) for ax in figure.axes for text in ax.texts]

    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
