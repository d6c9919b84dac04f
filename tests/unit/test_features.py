"""What workloads ask of their node, who read whose logs, and both pictures."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from daemonset_course.plot.features import plot_features, plot_readers
from daemonset_course.plot.look import ALARM, PALETTE
from daemonset_course.timeline.features import (
    FEATURES,
    features,
    features_caption,
    features_headline,
    features_of,
    readers_caption,
    readers_headline,
)

Record = dict[str, Any]

FOUND = {
    "Deployment shop": ["system priority"],
    "DaemonSet logs": ["hostPath"],
    "DaemonSet network": ["hostPath", "hostNetwork"],
}
RUNS = {"plane": [], "worker": [1, 2], "worker2": [3]}


def workload(container: Record | None = None, **spec: Any) -> Record:
    return {"spec": {"template": {"spec": {"containers": [container or {}], **spec}}}}


def tolerating(**toleration: str) -> Record:
    return workload(tolerations=[toleration])


CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
REQUIRED = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}


@pytest.mark.parametrize(
    ("given", "has"),
    [
        (workload(), []),
        (workload(volumes=[{"name": "a", "emptyDir": {}}]), []),
        (workload(volumes=[{"name": "a", "hostPath": {"path": "/"}}]), ["hostPath"]),
        (workload(hostNetwork=True), ["hostNetwork"]),
        (workload(hostNetwork=False, hostPID=True), ["hostPID"]),
        (workload({"securityContext": {"privileged": True}}), ["privileged"]),
        (workload({"securityContext": {"privileged": False}}), []),
        (workload(initContainers=[{"securityContext": {"privileged": True}}]), ["privileged"]),
        (
            workload({"volumeMounts": [{"mountPropagation": "Bidirectional"}]}),
            ["Bidirectional mounts"],
        ),
        (workload({"volumeMounts": [{"mountPropagation": "HostToContainer"}]}), []),
        (tolerating(operator="Exists", **CONTROL_PLANE), ["tolerates control plane"]),
        (tolerating(operator="Exists", key="gpu"), []),
        (
            tolerating(operator="Exists"),
            ["tolerates control plane", "tolerates everything"],
        ),
        (tolerating(operator="Exists", effect="NoSchedule"), ["tolerates control plane"]),
        (workload(priorityClassName="system-node-critical"), ["system priority"]),
        (workload(priorityClassName="agents"), []),
        (workload(nodeSelector={"kubernetes.io/os": "linux"}), []),
        (workload(nodeSelector={"gpu": "yes"}), ["chosen nodes only"]),
        (workload(affinity={"nodeAffinity": REQUIRED}), ["chosen nodes only"]),
    ],
)
def test_a_feature_is_read_from_the_pod_template(given: Record, has: list[str]) -> None:
    assert features_of(given) == has


def test_daemonsets_come_first_and_are_counted_apart() -> None:
    table = features(FOUND)

    assert table.workloads == ("DaemonSet logs", "DaemonSet network", "Deployment shop")
    assert table.of("Deployment") == ("Deployment shop",)
    assert table.count("hostPath", "DaemonSet") == 2
    assert table.count("hostPath", "Deployment") == 0
    assert table.shared == ("hostPath",)


def test_the_headline_names_the_feature_that_only_daemonsets_have() -> None:
    assert features_headline(features(FOUND)) == (
        "hostPath tells them apart: 2 of 2 DaemonSets and 0 of 1 Deployments have it"
    )
    assert features_headline(features({"DaemonSet a": ["hostPID"]})) == (
        "hostPID tells them apart: 1 of 1 DaemonSets have it"
    )


def test_the_caption_counts_every_feature() -> None:
    told = features_caption(features(FOUND))

    assert told.startswith("Of 2 DaemonSets and 1 Deployments: hostPath 2 and 0, hostNetwork 1 ")
    assert all(name in told for name in FEATURES)


def test_each_feature_of_each_workload_is_a_cell_with_a_tick_or_empty() -> None:
    for dark in (False, True):
        (*_, ax) = plot_features(FOUND, dark=dark).figure.axes
        texts = [text.get_text() for text in ax.texts]

        assert len(cells(ax)) == 3 * len(FEATURES)
        assert texts.count("✓") == 4
        assert {"logs", "network", "shop", "DaemonSets", "Deployments", "2 of 2"} <= set(texts)
        assert [each.get_text() for each in ax.get_yticklabels()] == list(FEATURES)


def test_daemonsets_and_deployments_have_colours_of_their_own() -> None:
    (*_, ax) = plot_features(FOUND).figure.axes

    assert cells(ax).count(PALETTE[0].lower()) == 3
    assert cells(ax).count(PALETTE[1].lower()) == 1


def test_an_agent_that_reads_its_own_node_alone_is_told() -> None:
    assert readers_headline(RUNS, RUNS) == (
        "Each log agent reads the Pods of its own node: all 3 are read, each by one"
    )
    assert readers_caption(RUNS, RUNS) == (
        "Pods read, of those on the agent's node: plane 0 of 0, worker 2 of 2, worker2 1 of 1."
    )


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (RUNS | {"plane": [1]}, "Of 3 Pods 3 are read on their own node, and 1 from another one"),
        (RUNS | {"worker": [1]}, "Of 3 Pods 2 are read on their own node, and 0 from another one"),
    ],
)
def test_a_pod_read_from_elsewhere_or_by_nobody_is_told(
    read: dict[str, list[int]], told: str
) -> None:
    assert readers_headline(RUNS, read) == told


def test_a_pod_read_from_elsewhere_has_a_mark_of_its_own() -> None:
    read = RUNS | {"plane": [1]}
    for dark in (False, True):
        own, (*_, ax) = plot_readers(RUNS, RUNS), plot_readers(RUNS, read, dark=dark).figure.axes
        texts = [text.get_text() for text in ax.texts]

        assert (texts.count("✓"), texts.count("✗")) == (3, 1)
        assert cells(ax).count(ALARM.lower()) == 1
        assert {"Pods on worker", "Pods on worker2"} <= set(texts)
        assert "Pods on plane" not in texts
        assert "✗" not in [text.get_text() for text in own.figure.axes[-1].texts]


def cells(ax: Axes) -> list[str]:
    """The colour of each cell of a panel."""
    return [to_hex(each.get_facecolor()) for each in ax.patches if isinstance(each, Rectangle)]
