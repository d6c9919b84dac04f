"""What workloads ask of their node, and who read whose logs."""

from __future__ import annotations

from typing import Any

import pytest

from daemonset_course.analysis.workloads import FEATURES, LogReaders, features, features_of

Record = dict[str, Any]

FOUND = {
    "Deployment shop": ["system priority"],
    "DaemonSet logs": ["hostPath"],
    "DaemonSet network": ["hostPath", "hostNetwork"],
}
RUNS = {"plane": [], "worker": [1, 2], "worker2": [3]}


def workload(container: Record | None = None, **spec: Any) -> Record:
    return {"spec": {"template": {"spec": {"containers": [container or {}], **spec}}}}


def mounting(propagation: str) -> Record:
    return workload({"volumeMounts": [{"mountPropagation": propagation}]})


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
        (mounting("Bidirectional"), ["Bidirectional mounts"]),
        (mounting("HostToContainer"), []),
        (tolerating(operator="Exists", **CONTROL_PLANE), ["tolerates control plane"]),
        (tolerating(operator="Exists", key="gpu"), []),
        (tolerating(operator="Exists"), ["tolerates control plane", "tolerates everything"]),
        (tolerating(operator="Exists", effect="NoSchedule"), ["tolerates control plane"]),
        (
            workload(
                tolerations=[
                    {"operator": "Exists", "effect": "NoSchedule"},
                    {"operator": "Exists", "effect": "NoExecute"},
                ]
            ),
            ["tolerates control plane", "tolerates everything"],
        ),
        (tolerating(operator="Exists", effect="NoExecute"), []),
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
    assert table.shared == ("hostPath",)


def test_the_headline_names_the_feature_that_only_daemonsets_have() -> None:
    assert features(FOUND).headline == (
        "hostPath tells them apart: 2 of 2 DaemonSets and 0 of 1 Deployments have it"
    )
    assert features({"DaemonSet a": ["hostPID"]}).headline == (
        "hostPID tells them apart: 1 of 1 DaemonSets have it"
    )


def test_the_caption_counts_every_feature() -> None:
    told = features(FOUND).caption

    assert told.startswith("Of 2 DaemonSets and 1 Deployments: hostPath 2 and 0, hostNetwork 1 ")
    assert all(name in told for name in FEATURES)


def test_each_feature_of_each_workload_is_a_cell_in_the_colour_of_its_kind() -> None:
    figure = features(FOUND | {"Deployment logs": []}).figure()
    has = {place: figure.styles[c.style].colour for place, c in figure.cells.items() if c.text}

    assert len(figure.cells) == 4 * len(FEATURES)
    assert has == {
        ("hostPath", "DaemonSet logs"): "series 0",
        ("hostPath", "DaemonSet network"): "series 0",
        ("hostNetwork", "DaemonSet network"): "series 0",
        ("system priority", "Deployment shop"): "series 1",
    }
    assert [row.name for row in figure.rows] == list(FEATURES)
    assert [column.written for column in figure.columns] == ["logs", "network", "shop", "logs"]
    assert [column.group for column in figure.columns] == ["DaemonSet"] * 2 + ["Deployment"] * 2
    assert [(side.head, side.texts[0]) for side in figure.sides] == [
        ("DaemonSets", "2 of 2"), ("Deployments", "0 of 2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (RUNS, "Each log agent reads the Pods of its own node: all 3 are read, each by one"),
        (RUNS | {"plane": [1]}, "Of 3 Pods 3 are read on their own node, and 1 from another one"),
        (RUNS | {"worker": [1]}, "Of 3 Pods 2 are read on their own node, and 0 from another one"),
    ],
)
def test_the_headline_counts_pods_read_from_elsewhere_or_by_nobody(
    read: dict[str, list[int]], told: str
) -> None:
    assert LogReaders(RUNS, read).headline == told


def test_the_caption_counts_what_each_agent_read() -> None:
    assert LogReaders(RUNS, RUNS | {"plane": [1]}).caption == (
        "Pods read, of those on the agent's node: "
        "plane 0 of 0 and 1 elsewhere, worker 2 of 2, worker2 1 of 1."
    )


def test_a_pod_read_from_elsewhere_has_a_mark_of_its_own() -> None:
    own, read = (LogReaders(RUNS, some).figure() for some in (RUNS, RUNS | {"plane": [1]}))
    texts = [cell.text for cell in read.cells.values()]

    assert (texts.count("✓"), texts.count("✗")) == (3, 1)
    assert read.cells["plane", "1"].style == "read from another node"
    assert "read from another node" not in own.used
    assert [(column.name, column.group) for column in read.columns] == [
        ("1", "Pods on worker"), ("2", "Pods on worker"), ("3", "Pods on worker2"),
    ]  # fmt: skip
