"""Real DaemonSets in miniature: where they run, and what the table says of them."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

import manifests as manifests_page
from daemonset_course.analysis.workloads import FEATURES, features_of
from daemonset_course.placement.decision import should_run
from daemonset_course.verbs.apply import parse
from manifest_facts import FLEET, FOLDER, ROOT, Kind, Manifest, Object, fleet, manifests, source_of
from manifest_facts import read as read_manifest

ALL = {one.title: one for one in manifests()}
LESSON = sorted((ROOT / "manifests" / "agents-in-the-wild" / "agents").glob("*.yaml"))
SHIPPED = ROOT / "manifests" / "agents-in-the-wild" / "shipped.yaml"
PAGE = ROOT / "docs" / "manifests.md"

PLAIN = {"linux", "arm64", "windows", "cordoned"}  # the nodes without a taint, or a cordon's alone
EVERY = set(FLEET)
# Read from the sources, not computed.
RUNS_ON = {
    "aws-node": EVERY - {"windows", "fargate"},
    "calico-node": EVERY - {"windows"},
    "cilium": EVERY - {"windows"},
    "csi-nfs-node": EVERY - {"windows"},
    "datadog": PLAIN - {"windows"},
    "ebs-csi-node": EVERY - {"windows", "fargate", "arm64"},
    "falco": PLAIN | {"control plane"},
    "filebeat": PLAIN,
    "flannel": EVERY - {"windows"},
    "fluent-bit": PLAIN,
    "fluentd": PLAIN | {"control plane"},
    "kube-multus": EVERY,
    "kube-proxy": EVERY - {"windows"},
    "longhorn-manager": PLAIN,
    "metallb-speaker": PLAIN - {"windows"} | {"control plane"},
    "node-exporter": EVERY - {"windows"},
    "node-local-dns": EVERY,
    "node-problem-detector": EVERY - {"windows"},
    "nvidia-device-plugin": PLAIN | {"gpu"},
    "nvidia-driver": {"gpu"},
    "rook-csi-rbdplugin": PLAIN,
}
# The real manifest whose features a lesson's agent has (gpu: of the same operator).
MINIATURES = {
    "gpu": "nvidia-driver",
    "logs": "fluentd",
    "metrics": "node-exporter",
    "network": "calico-node",
    "security": "falco",
    "storage": "csi-nfs-node",
}


@pytest.mark.parametrize("title", RUNS_ON)
def test_placement_is_what_the_source_means(title: str) -> None:
    assert set(ALL[title].kinds) == RUNS_ON[title]


def test_each_manifest_names_its_source_and_version_is_short_and_brings_what_it_needs() -> None:
    assert set(ALL) == set(RUNS_ON)
    assert len({one.name for one in ALL.values()}) == len(ALL), "a wait tells them apart by name"
    for one in ALL.values():
        there = {(item["kind"], item["metadata"]["name"]) for item in one.objects}
        account, priority = (one.spec.get(k) for k in ("serviceAccountName", "priorityClassName"))

        assert one.source.startswith("https://github.com/"), one.title
        assert one.version, one.title
        assert len(one.path.read_text().splitlines()) <= 60, one.title
        assert account is None or ("ServiceAccount", account) in there, one.title
        assert one.namespace in ("default", "kube-system") or ("Namespace", one.namespace) in there
        if priority and not priority.startswith("system-"):
            assert ("PriorityClass", priority) in there


def cured(node: Object, manifest: Manifest) -> Object:
    """The node without the one cause that the decision names: the field, or its taints."""
    decision, better = should_run(node, manifest.template), copy.deepcopy(node)
    linux = {"kubernetes.io/os": "linux", "nvidia.com/gpu.deploy.driver": "true"}
    if decision.rule == "taint":
        better["spec"]["taints"] = []
    elif decision.rule == "nodeSelector":
        better["metadata"]["labels"] |= linux
    else:
        labels = better["metadata"]["labels"] | linux
        for key in ("eks.amazonaws.com/compute-type", "node.kubernetes.io/instance-type"):
            labels.pop(key, None)
        better["metadata"]["labels"] = labels
    return better


@pytest.mark.parametrize("title", RUNS_ON)
def test_without_the_cause_that_is_named_another_one_decides_or_it_runs(title: str) -> None:
    one = ALL[title]
    for node in fleet().values():
        first = should_run(node, one.template)
        if first.run:
            continue
        second = should_run(cured(node, one), one.template)
        assert second.run or second.rule != first.rule, (title, first, second)


def test_the_fleet_has_every_kind_of_rule() -> None:
    rules = {
        should_run(node, one.template).rule for one in ALL.values() for node in fleet().values()
    }

    assert rules == {"runs", "nodeSelector", "nodeAffinity", "taint"}


@pytest.mark.parametrize(
    ("title", "ready", "budget", "tolerates"),
    [
        ("flannel", "1/1, 2 init", "default = 1", "every NoExecute and every NoSchedule"),
        ("cilium", "1/1, 6 init", "2", "everything"),
        ("datadog", "4/4, 3 init", "10% = 1", "nothing"),
        ("longhorn-manager", "1/1", "100% = 4", "nothing"),
        ("nvidia-driver", "2/2, 1 init", "OnDelete", "nvidia.com/gpu"),
        ("fluentd", "1/1", "default = 1", "control-plane and master"),
    ],
)  # fmt: skip
def test_the_columns_of_the_table(title: str, ready: str, budget: str, tolerates: str) -> None:
    one = ALL[title]

    assert (one.ready, one.budget, one.tolerates) == (ready, budget, tolerates)


def test_what_the_simulation_does_not_play_is_named() -> None:
    assert ALL["cilium"].not_played == (
        "liveness probes", "startup probes", "readiness probes, but for their initial delay",
        "preStop hooks", "mounts that the node sees", "1 hostPath that must exist",
    )  # fmt: skip
    assert "the lack of ConfigMap metallb-excludel2 and Secret memberlist" in (
        ALL["metallb-speaker"].not_played
    )
    assert ALL["node-exporter"].not_played == ()
    assert "Secret longhorn-grpc-tls" not in str(ALL["longhorn-manager"].not_played), "optional"


def test_where_it_runs_is_told_by_the_shorter_list(tmp_path: Path) -> None:
    assert manifests_page.kinds_of(ALL["kube-multus"]) == "all 8"
    assert manifests_page.kinds_of(ALL["nvidia-driver"]) == "1 of 8: gpu"
    assert manifests_page.kinds_of(ALL["cilium"]) == "7 of 8: not windows"
    nowhere = tmp_path / "nowhere.yaml"
    nowhere.write_text(
        (FOLDER / "fluentd.yaml")
        .read_text()
        .replace("    spec:\n", "    spec:\n      nodeName: x\n")
    )
    assert manifests_page.kinds_of(read_manifest(nowhere)) == "0 of 8"


@pytest.mark.parametrize("path", LESSON, ids=lambda path: path.stem)
def test_a_lessons_agent_has_only_features_of_the_real_one(path: Path) -> None:
    """Lesson agents-in-the-wild has the same kind of file, so its claims can be checked here."""
    agent, real = read_manifest(path), ALL[MINIATURES[path.stem]]

    assert source_of(path).startswith("https://")
    assert set(features_of(agent.daemonset)) <= set(features_of(real.daemonset))


def test_the_shipped_agents_of_the_lesson_choose_nodes_as_the_real_ones_do() -> None:
    """Claims about where such agents run rest on this file: lesson agents-in-the-wild."""
    text = SHIPPED.read_text()
    shipped = {str(one["metadata"]["name"]): one for one in parse(text)}
    fields = ("hostNetwork", "nodeSelector", "tolerations")

    assert len(shipped) == 10
    for name, one in shipped.items():
        real, spec = ALL[name], one["spec"]["template"]["spec"]
        assert one["kind"] == real.daemonset["kind"] == "DaemonSet"
        assert f"# {real.source}\n" in text
        for field in fields:
            assert (spec.get(field) or None) == (real.spec.get(field) or None), (name, field)
        assert "nodeAffinity" not in (real.spec.get("affinity") or {}), name
        assert spec.keys() <= {*fields, "containers"}, name


def test_the_real_ones_have_every_feature_of_the_lesson() -> None:
    found = {feature for one in ALL.values() for feature in features_of(one.daemonset)}

    assert found == set(FEATURES)


def test_the_page_has_every_manifest_with_its_facts() -> None:
    version = PAGE.read_text().split("Kubernetes ")[1].split(",")[0]
    good = [(one, "placed, rolled, explained") for one in ALL.values()]

    assert PAGE.read_text() == manifests_page.table(good, version)


def test_a_kind_without_labels_and_taints_has_no_words() -> None:
    assert Kind({}) == FLEET["linux"]
    assert "; *linux*; " in manifests_page.fleet_words()
