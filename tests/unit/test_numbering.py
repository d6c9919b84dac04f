"""Revision numbers in pictures are those of `kubectl rollout history`, or are not claimed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fleet import HEADER, change, daemonset, node, pod, present, timeline_of

from daemonset_course.figures.colours import TEMPLATES
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.rollout.axis import template_colours
from daemonset_course.figures.rollout.live_view import view
from daemonset_course.figures.rollout.plot import compare, plot
from daemonset_course.history.log import without_bookkeeping
from daemonset_course.history.numbering import number_text, renumbered, revision_text
from daemonset_course.history.timeline import Timeline

Record = dict[str, Any]


def revision(hash_: str, number: int, *, owner: str = "agent") -> Record:
    """A ControllerRevision as the recorder keeps it."""
    return {
        "metadata": {
            "name": f"{owner}-{hash_}",
            "uid": f"cr-{owner}-{hash_}",
            "labels": {"controller-revision-hash": hash_, "app": owner},
            "ownerReferences": [{"kind": "DaemonSet", "name": owner}],
        },
        "revision": number,
    }


def rolled(*revisions: Record, end: float = 9.0) -> list[Record]:
    """Revision "old" at first; at 2 s "new" comes; n2 keeps its old Pod."""
    other = change(2.02, "pods", pod("q", "n2", "old", phase="ready"))
    records = [
        *present("nodes", node("n1"), node("n2")),
        *present("daemonsets", daemonset()),
        *present("pods", pod("p", "n1", "old"), pod("q", "n2", "old")),
        change(2, "daemonsets", daemonset(2, image="a:2")),
        other,
        change(3, "pods", pod("p", "n1", "old"), "DELETED"),
        change(3.1, "pods", pod("r", "n1", "new", generation=2), "ADDED"),
        *revisions,
        {"record": "end", "t": end},
    ]
    return [HEADER, *sorted(records, key=lambda r: r["t"])]


def known() -> list[Record]:
    return [
        *present("controllerrevisions", revision("older", 4), revision("old", 6)),
        change(2.05, "controllerrevisions", revision("new", 7), "ADDED"),
    ]


def undone() -> list[Record]:
    """As ``known``; at 5 s the template goes back to "old", which n2 still runs."""
    return [
        *known(),
        change(5, "daemonsets", daemonset(3)),
        change(5.04, "controllerrevisions", revision("old", 8)),
        change(5.5, "pods", pod("r", "n1", "new"), "DELETED"),
        change(5.6, "pods", pod("s", "n1", "old", generation=3), "ADDED"),
    ]


def legend(drawn: Picture) -> list[str]:
    return [t.get_text() for t in drawn.figure.axes[0].texts if len(t.get_text()) > 2]


def on_bars(drawn: Picture, panel: int = 1) -> list[tuple[float, str]]:
    found = [t for t in drawn.figure.axes[panel].texts if t.get_zorder() == 3]
    return sorted((round(t.xy[0], 2), t.get_text()) for t in found)  # type: ignore[attr-defined]


def changes(timeline: Timeline) -> list[str]:
    return [mark.text for mark in timeline.marks if "template" in mark.text]


def test_bars_legend_and_notes_have_the_numbers_of_the_controllerrevisions() -> None:
    one = timeline_of(rolled(*known()))
    drawn = plot(one)

    assert legend(drawn)[:2] == ["revision 6", "revision 7"]
    assert on_bars(drawn) == [(0.0, "6"), (0.0, "6"), (3.1, "7")]
    assert changes(one) == ["new template: revision 7"]
    assert [one.numbers[name].at(9) for name in ("older", "old", "new")] == [4, 6, 7]


def test_the_live_view_has_them_too() -> None:
    words = re.findall(r"(?:revision|template) \d+", view(timeline_of(rolled(*known()))))

    assert sorted(set(words)) == ["revision 6", "revision 7"]
    words = re.findall(r"template \d+", view(timeline_of(rolled())))
    assert set(words) == {"template 1", "template 2"}


def test_an_undo_gives_the_old_template_the_next_number_from_then_on() -> None:
    one = timeline_of(rolled(*undone()))
    drawn = plot(one)

    assert renumbered(one, "old") == [(5.04, 8)]
    assert [number_text(one, "old", t) for t in (0, 5, 5.04, 9)] == ["6", "6", "8", "8"]
    assert on_bars(drawn) == [(0.0, "6"), (0.0, "6"), (3.1, "7"), (5.04, "→8"), (5.6, "8")]
    assert changes(one) == [
        "new template: revision 7",
        "template of revision 6 again, now revision 8",
    ]
    assert legend(drawn)[:2] == ["revision 6, later 8", "revision 7"]


def test_a_recording_without_controllerrevisions_claims_no_revision_number() -> None:
    one = timeline_of(rolled())
    drawn = plot(one)
    words = [t.get_text() for t in drawn.figure.findobj(lambda o: hasattr(o, "get_text"))]

    assert legend(drawn)[:2] == ["template 1", "template 2"]
    assert changes(one) == ["template changed"]
    assert not [word for word in (*words, drawn.caption, drawn.title) if "revision" in word]


def test_a_number_that_is_not_known_is_not_made_up() -> None:
    one = timeline_of(rolled(*present("controllerrevisions", revision("old", 6))))

    assert revision_text(one, "new") == "revision unknown"
    assert [text for t, text in on_bars(plot(one)) if t == 3.1] == ["?"]
    assert changes(one) == ["template changed"]


@pytest.mark.parametrize("pods_first", [True, False])
def test_a_pod_may_be_seen_before_its_revision_is(pods_first: bool) -> None:
    t = 3.4 if pods_first else 2.9
    late = [*known()[:2], change(t, "controllerrevisions", revision("new", 7), "ADDED")]

    assert on_bars(plot(timeline_of(rolled(*late))))[-1] == (3.1, "7")
    assert changes(timeline_of(rolled(*late))) == ["new template: revision 7"]


def test_revisions_of_other_objects_and_deleted_ones_do_not_count() -> None:
    others = [
        *known(),
        change(4, "controllerrevisions", revision("old", 99, owner="other"), "ADDED"),
        change(4, "controllerrevisions", revision("old", 6), "DELETED"),
    ]

    assert [number_text(timeline_of(rolled(*others)), "old", t) for t in (1, 8)] == ["6", "6"]


def test_a_template_without_a_pod_yet_is_named_too() -> None:
    one = timeline_of([r for r in rolled(*known(), end=2.9) if r.get("t", 0.0) < 2.95])

    assert changes(one) == ["new template: revision 7"]


def test_in_two_recordings_of_one_daemonset_a_revision_has_one_colour() -> None:
    first = timeline_of(rolled(*known()))
    late = [r for r in rolled() if r["record"] == "end"]
    second = timeline_of(
        [
            HEADER,
            *present("nodes", node("n1")),
            *present("daemonsets", daemonset(2, image="a:2")),
            *present("controllerrevisions", revision("old", 6), revision("new", 7)),
            *present("pods", pod("r", "n1", "new", generation=2)),
            *late,
        ]
    )
    drawn = compare(first, second)

    assert legend(drawn)[:3] == ["revision 6", "revision 7", "Pod ready"]
    assert [text for _, text in on_bars(drawn, 4)] == ["7"]


def test_the_recorder_keeps_the_number_and_not_the_template() -> None:
    item = revision("new", 7) | {"data": {"spec": {"template": {}}}}

    assert without_bookkeeping(item) == revision("new", 7)
    assert "data" in item


def test_each_of_several_rollouts_keeps_its_number() -> None:
    def rolls(t: float, number: int) -> list[Record]:
        new = f"r{number}"
        return [
            change(t, "daemonsets", daemonset(number, image=f"a:{number}")),
            change(t + 0.05, "controllerrevisions", revision(new, number), "ADDED"),
            change(t + 1, "pods", pod(f"p{number}", "n1", new), "ADDED"),
            change(t + 2, "pods", pod(f"p{number}", "n1", new), "DELETED"),
        ]

    later = [*rolls(10, 8), *rolls(20, 9), *rolls(30, 10)]
    one = timeline_of(rolled(*known(), *later, end=40))

    assert changes(one) == [f"new template: revision {n}" for n in (7, 8, 9, 10)]


def numbered(old: int, new: int) -> Timeline:
    return timeline_of(
        rolled(*present("controllerrevisions", revision("old", old), revision("new", new)))
    )


@pytest.mark.parametrize("later", [0, 1, 7])
def test_a_template_has_one_colour_in_all_pictures(later: int) -> None:
    first, second = numbered(1, 2), numbered(2 + later, 3 + later)

    assert template_colours(first) == {"old": TEMPLATES[0], "new": TEMPLATES[1]}
    assert [*template_colours(second).values()] == [
        TEMPLATES[(1 + later) % len(TEMPLATES)],
        TEMPLATES[(2 + later) % len(TEMPLATES)],
    ]


def test_two_templates_of_a_picture_have_two_colours() -> None:
    again = numbered(1, 1 + len(TEMPLATES))

    assert template_colours(again) == {"old": TEMPLATES[0], "new": TEMPLATES[1]}
