"""Coverage, carried tolerations, failing nodes and repeated pods: the facts and their pictures."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from fleet import HEADER, change, control_plane, daemonset, node, pod
from matplotlib.text import Text

from daemonset_course.errors import BadInput
from daemonset_course.plot.coverage import plot_carried, plot_coverage
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.trouble import plot_trouble
from daemonset_course.timeline.attempts import attempts
from daemonset_course.timeline.coverage import (
    carried,
    carried_caption,
    carried_headline,
    coverage,
    coverage_caption,
    coverage_headline,
)
from daemonset_course.timeline.trouble import trouble, trouble_caption, trouble_headline

Record = dict[str, Any]
GPU = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
SCHEDULE = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
EXECUTE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
PAIR = ["agent", "other"]


def log(*records: Record, end: float = 10) -> list[Record]:
    return [HEADER, *records, {"record": "end", "t": end}]


def listed(resource: str, obj: Record) -> Record:
    return change(0.01, resource, obj, "ADDED", "list")


def labelled(uid: str, on: str, app: str, *, phase: str = "ready") -> Record:
    """A pod with the label ``app``, of a DaemonSet when it is called agent."""
    made = pod(uid, on, phase=phase, owned=app == "agent")
    made["metadata"]["labels"]["app"] = app
    return made


def named(name: str) -> Record:
    made = daemonset()
    made["metadata"] |= {"name": name, "uid": f"ds-{name}"}
    return made


def owned(made: Record, by: str) -> Record:
    made["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": by}]
    return made


def covered() -> list[Record]:
    return log(
        listed("nodes", control_plane()),
        listed("nodes", node("n10")),
        listed("nodes", node("n2", taints=[GPU])),
        *(listed("daemonsets", named(name)) for name in PAIR),
        change(1, "pods", pod("a", "n10", phase="pending"), "ADDED"),
        change(2, "pods", pod("a", "n10")),
        change(2, "pods", pod("gone", "n2"), "ADDED"),
        change(3, "pods", pod("gone", "n2"), "DELETED"),
        change(3, "pods", owned(pod("b", "n2", phase="unbound"), "other"), "ADDED"),
    )


def test_coverage_is_that_of_the_end_and_of_each_daemonset_by_itself() -> None:
    found = coverage(covered(), PAIR)

    assert found.nodes == ("control-plane", "n2", "n10")
    assert found.taints[1] == ("gpu=true:NoSchedule",)
    assert found.cells["n10", "agent"] == "ready"
    assert found.cells["n2", "agent"] == "none"
    assert found.cells["n2", "other"] == "not ready"
    assert (found.covered("agent"), found.covered("other")) == (1, 0)


def test_coverage_is_told_with_the_nodes_left_out_and_those_not_ready() -> None:
    found = coverage(covered(), PAIR)

    assert coverage_headline(found) == "Nodes covered, of 3: agent 1, other 0"
    assert coverage_caption(found) == (
        "agent leaves out control-plane, n2; "
        "other leaves out control-plane, n10, and on 1 its pod is not ready."
    )


def test_a_removed_node_is_no_part_of_the_coverage() -> None:
    records = covered()
    records.insert(-1, change(4, "nodes", node("n10"), "DELETED"))

    assert coverage(records, ["agent"]).nodes == ("control-plane", "n2")


def test_coverage_of_a_daemonset_that_is_not_shown_is_refused() -> None:
    with pytest.raises(BadInput, match="does not show") as error:
        coverage(covered(), ["agent", "nobody"])

    assert error.value.seen == "nobody"


def tolerant(uid: str, app: str, *tolerations: Record) -> Record:
    made = labelled(uid, "n1", app)
    made["spec"]["tolerations"] = list(tolerations)
    return made


def carrying() -> list[Record]:
    for_ever = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    cordon = {
        "key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule",
    }  # fmt: skip
    return log(
        listed("nodes", node("n1")),
        listed("daemonsets", daemonset()),
        change(1, "pods", tolerant("a", "agent", cordon, for_ever), "ADDED"),
        change(1, "pods", tolerant("w", "web", for_ever | {"tolerationSeconds": 300}), "ADDED"),
    )


WHERE = {
    "template": ("daemonsets", "agent"),
    "its Pod": ("pods", "agent"),
    "Deployment": ("pods", "web"),
}


def test_tolerations_are_counted_for_each_object_and_common_ones_come_first() -> None:
    found = carried(carrying(), WHERE)

    assert [found.count(title) for title in WHERE] == [0, 2, 1]
    assert found.tolerations[0] == ("node.kubernetes.io/not-ready", "NoExecute")
    assert found.seconds[found.tolerations[0], "its Pod"] is None
    assert found.seconds[found.tolerations[0], "Deployment"] == 300
    assert carried_headline(found) == ("Tolerations carried: template 0, its Pod 2, Deployment 1")
    assert carried_caption(found) == (
        "3 tolerations in all; 1 of them end after 300 s, the others never do."
    )


def test_an_object_that_is_not_shown_is_refused() -> None:
    with pytest.raises(BadInput, match="shows no pods 'nobody'"):
        carried(carrying(), {"x": ("pods", "nobody")})


def failing() -> list[Record]:
    return log(
        listed("nodes", node("n1")),
        listed("daemonsets", daemonset()),
        listed("pods", labelled("a", "n1", "agent")),
        listed("pods", labelled("w", "n1", "web")),
        change(2, "nodes", node("n1", taints=[SCHEDULE])),
        change(3, "nodes", node("n1", taints=[SCHEDULE, EXECUTE])),
        change(3.5, "pods", labelled("w", "n1", "web", phase="terminating")),
        change(7, "nodes", node("n1")),
        change(7, "pods", labelled("w", "n1", "web"), "DELETED"),
    )


def test_taints_have_spans_and_pods_of_both_kinds_have_lives() -> None:
    (found,) = trouble(failing(), ["n1"], ["agent", "web"])

    spans = [(t.effect, t.start, t.end) for t in found.taints]
    assert spans == [("NoSchedule", 2, 7), ("NoExecute", 3, 7)]
    assert [(s.phase, s.start, s.end) for s in found.pods["agent"]] == [("ready", 0, 10)]
    assert [s.phase for s in found.pods["web"]] == ["ready", "terminating"]
    assert found.pods["web"][-1].end == 7


def test_who_was_told_to_stop_is_counted_from_the_taint_that_evicts() -> None:
    found = trouble(failing(), ["n1"], ["agent", "web"])

    assert found[0].told_to_stop("web") == pytest.approx(0.5)
    assert found[0].told_to_stop("agent") is None
    assert trouble_headline(found) == (
        "1 node failed: the Pods of agent stayed, the Pods of web were told to go"
    )
    assert trouble_caption(found) == (
        "n1: node.kubernetes.io/unreachable:NoExecute from 3.0 s on, agent stayed, "
        "web told to stop 0.50 s later."
    )


def test_a_node_without_an_evicting_taint_is_told_as_such() -> None:
    found = trouble(carrying(), ["n1"], ["agent"])

    assert trouble_caption(found) == "n1: no taint that evicts."


def squeezed() -> list[Record]:
    """web is evicted by its kubelet; agent ends too, for another reason."""
    ended = [labelled("w", "n1", "web", phase="failed"), labelled("a", "n1", "agent")]
    for each, why in zip(ended, ("TerminationByKubelet", "PreemptionByScheduler"), strict=True):
        told = {"type": "DisruptionTarget", "status": "True", "reason": why}
        each["status"].setdefault("conditions", []).append(told)
    return log(
        listed("nodes", node("n1")),
        listed("pods", labelled("w", "n1", "web")),
        listed("pods", labelled("a", "n1", "agent")),
        change(2, "nodes", node("n1", taints=[SCHEDULE])),
        change(5, "pods", ended[0]),
        change(5.5, "pods", ended[0]),
        change(6, "pods", ended[1]),
    )


def test_an_eviction_is_the_kubelets_and_counts_once() -> None:
    found = trouble(squeezed(), ["n1"], ["web", "agent"])

    assert found[0].evictions == {"web": (5,), "agent": ()}
    assert trouble_headline(found) == "The kubelet evicted Pods of web, and spared agent"
    assert trouble_caption(found) == (
        "n1: node.kubernetes.io/unreachable:NoSchedule from 2.0 s on, "
        "web first evicted 3.0 s later, agent never."
    )
    shown = texts(plot_trouble(squeezed(), ["n1"], ["web", "agent"]))
    assert shown.count("✗") == 2, "one in the lane, one in the legend"


def refused(uid: str, t: float, kind: str = "MODIFIED") -> Record:
    made = pod(uid, "n1", phase="failed")
    made["status"]["message"] = "The node had condition: [DiskPressure]."
    return change(t, "pods", made, kind)


def evicted(uid: str, t: float) -> Record:
    made = pod(uid, "n1")
    made["status"]["phase"] = "Succeeded"
    made["status"]["conditions"] = [
        {"type": "DisruptionTarget", "status": "True", "message": "low on memory"}
    ]
    return change(t, "pods", made)


def test_attempts_are_the_pods_of_one_node_by_time_with_how_each_ended() -> None:
    found = attempts(
        log(
            change(2, "pods", pod("b", "n1"), "ADDED"),
            change(1, "pods", pod("a", "n1", phase="pending"), "ADDED"),
            refused("a", 1.5),
            refused("a", 1.8, "DELETED"),
            evicted("b", 4),
            change(3, "pods", pod("c", "n2"), "ADDED"),
            change(3, "pods", pod("d", "n1", owned=False), "ADDED"),
        ),
        "n1",
        "agent",
    )

    assert [(one.created, one.deleted, one.ran) for one in found] == [
        (1, 1.8, False),
        (2, None, True),
    ]
    assert [one.message for one in found] == [
        "The node had condition: [DiskPressure].",
        "low on memory",
    ]


def texts(picture: Picture) -> str:
    assert ElementTree.fromstring(picture.svg()).tag.endswith("svg")
    return "\n".join(text.get_text() for text in picture.figure.findobj(Text))


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_show_their_title_rows_and_sums(dark: bool) -> None:
    grid = texts(plot_coverage(covered(), PAIR, dark=dark))
    kept = texts(plot_carried(carrying(), WHERE, dark=dark))
    lanes = texts(plot_trouble(failing(), ["n1"], ["agent", "web"], dark=dark))

    assert all(word in grid for word in ("Nodes covered, of 3", "gpu=true:NoSchedule", "1 of 3"))
    assert all(word in kept for word in ("…/not-ready", "300 s", "its Pod"))
    assert all(word in lanes for word in ("1 node failed", "Pod of web", "unreachable"))
