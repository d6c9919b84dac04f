"""``why`` against the real controller: random fleets and templates, node by node, every one.

What is compared are the Pods that the controller really made, never a second opinion of ours.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemonset_course import apply, why
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import reset
from daemonset_course.cluster.waiting import wait_for
from daemonset_course.errors import BadInput, NotFinished, Rejected
from daemonset_course.verbs.why import Why, explain
from live.scenes import Object, daemonset, until

pytestmark = pytest.mark.only("embedded", "it posts nodes and DaemonSets by the dozen")

NODES, TEMPLATES, SEED = 24, 32, 47
CHANGED = 0.6  # the part of the nodes that is changed under running Pods
DAEMONSETS = "/apis/apps/v1/namespaces/default/daemonsets"
PODS = "/api/v1/namespaces/default/pods"
CORDONED = "node.kubernetes.io/unschedulable"
NO_NETWORK = "node.kubernetes.io/network-unavailable"
VALUES = {
    "disk": ["ssd", "hdd", "nvme"],
    "zone": ["a", "b", "c", ""],
    "cores": ["4", "8", "16", "many"],
    "gpu": ["a100", "t4"],
}
TAINTS = [
    ("gpu", "true", "NoSchedule"),
    ("team", "a", "NoSchedule"),
    ("team", "b", "NoExecute"),
    ("maintenance", "", "NoExecute"),
    ("soft", "yes", "PreferNoSchedule"),
]


def random_labels(dice: random.Random) -> dict[str, str]:
    return {key: dice.choice(values) for key, values in VALUES.items() if dice.random() < 0.7}


def random_taints(dice: random.Random) -> list[tuple[str, str, str]]:
    return dice.sample(TAINTS, dice.choice([0, 0, 1, 1, 2]))


def random_requirement(dice: random.Random) -> Object:
    key = dice.choice(list(VALUES))
    operator = dice.choice(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
    if operator in ("Exists", "DoesNotExist"):
        return {"key": key, "operator": operator}
    if operator in ("Gt", "Lt"):
        # now and then a number that the controller cannot read: the term then matches no node
        values = [dice.choice(["3", "4", "8", "15", "16", "007", "x"])]
        return {"key": dice.choice(["cores", "cores", key]), "operator": operator, "values": values}
    some = dice.sample(VALUES[key], dice.randint(1, 2))
    return {"key": key, "operator": operator, "values": some}


def random_term(dice: random.Random, names: list[str]) -> Object:
    term: Object = {}
    if dice.random() < 0.9:
        term["matchExpressions"] = [random_requirement(dice) for _ in range(dice.choice([1, 2]))]
    if dice.random() < 0.3:
        operator = dice.choice(["In", "NotIn"])
        field = {"key": "metadata.name", "operator": operator, "values": [dice.choice(names)]}
        term["matchFields"] = [field]
    return term  # an empty one matches no node


def random_toleration(dice: random.Random) -> Object:
    if dice.random() < 0.25:
        every: Object = {"operator": "Exists"}  # no key: all of them
    else:
        key, value, _ = dice.choice(TAINTS)
        every = {"key": key, "operator": "Exists"}
        if dice.random() < 0.5:
            every = {"key": key, "value": dice.choice([value, value, "other"])}
    effect = dice.choice(["", "", "NoSchedule", "NoExecute", "PreferNoSchedule"])
    return every | ({"effect": effect} if effect else {})


def random_pod(dice: random.Random, names: list[str]) -> Object:
    """What a template says about where it runs."""
    count = dice.choice([0, 0, 1, 2])
    pod: Object = {"tolerations": [random_toleration(dice) for _ in range(count)]}
    if dice.random() < 0.25:
        key = dice.choice(list(VALUES))
        pod["nodeSelector"] = {key: dice.choice(VALUES[key])}
    if dice.random() < 0.8:
        terms = [random_term(dice, names) for _ in range(dice.choice([1, 2, 3]))]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        pod["affinity"] = {"nodeAffinity": required}
    if dice.random() < 0.25:
        pod["hostNetwork"] = True
    if dice.random() < 0.1:
        pod["nodeName"] = dice.choice(names)
    return pod


def at_once(job: Any, items: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(job, items))


def settled(nodes: dict[str, Object]) -> bool:
    """Whether every taint that the node controller keeps is as the node's state wants it."""
    for node in nodes.values():
        keys = {taint["key"] for taint in node["spec"].get("taints") or []}
        conditions = {c["type"]: c["status"] for c in node["status"].get("conditions") or []}
        if conditions.get("Ready") != "True" or keys & {
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        }:
            return False
        if (CORDONED in keys) != bool(node["spec"].get("unschedulable")):
            return False
        if (NO_NETWORK in keys) != (conditions.get("NetworkUnavailable") == "True"):
            return False
    return True


def without_network(cluster: Cluster, name: str) -> None:
    condition = {"type": "NetworkUnavailable", "status": "True", "reason": "NoRoute", "message": ""}
    cluster.api.request(
        "PATCH",
        f"/api/v1/nodes/{name}/status",
        {"status": {"conditions": [condition]}},
        content_type="application/strategic-merge-patch+json",
    )


Placed = dict[tuple[str, str], str]  # (DaemonSet, node) -> the uid of the Pod there


def placed(pods: Iterable[Object]) -> Placed:
    """Where the controller put Pods and did not take them back."""
    return {
        (pod["metadata"]["labels"]["app"], target(pod)): pod["metadata"]["uid"]
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
    }


def target(pod: Object) -> str:
    """The node that the Pod is bound to, or that the controller made it for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    [term] = pod["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    return str(term["matchFields"][0]["values"][0])


@dataclass
class World:
    """The fleet and its DaemonSets at one moment: what ``why`` says, and what there is."""

    nodes: list[Object]
    answers: dict[str, Why]
    there: Placed
    status: dict[str, Object]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(name, node) for name, answer in self.answers.items() for node in answer.nodes]


def look_at(cluster: Cluster, expected: Any = None) -> World:
    """Waits until the controller has done its work; what it did is for the tests to judge."""

    def seen(items: dict[str, Object]) -> bool:
        return all(
            (status := item.get("status") or {}).get("observedGeneration")
            == item["metadata"]["generation"]
            and status["currentNumberScheduled"] == status["desiredNumberScheduled"]
            for item in items.values()
        )

    nodes = cluster.api.items("/api/v1/nodes")
    sets = wait_for(
        cluster.api, DAEMONSETS, seen, what="every DaemonSet placed", explain=str, timeout=60
    )
    answers = {name: explain(nodes, item) for name, item in sets.items()}
    want = expected(answers) if expected else None

    def done(pods: dict[str, Object]) -> bool:
        bound = all(pod["spec"].get("nodeName") for pod in pods.values())
        return bound and (want is None or set(placed(pods.values())) == want)

    try:
        pods = wait_for(cluster.api, PODS, done, what="Pods", explain=str, timeout=20)
    except NotFinished:  # the tests say where the difference is
        pods = {pod["metadata"]["name"]: pod for pod in cluster.api.items(PODS)}
    status = {i["metadata"]["name"]: i["status"] for i in cluster.api.items(DAEMONSETS)}
    return World(nodes, answers, placed(pods.values()), status)


@pytest.fixture(scope="module")
def fleet(live_cluster: Cluster) -> Iterator[list[str]]:
    """Nodes with random labels and taints, some cordoned, some without a network."""
    reset(live_cluster.name)
    dice, backend = random.Random(SEED), live_cluster.backend
    specs = [s for s in backend.specs(NODES) if s.name not in live_cluster.nodes()]
    made = [
        replace(s, labels=s.labels | random_labels(dice), taints=tuple(random_taints(dice)))
        for s in specs
    ]
    backend.create_nodes(live_cluster.api, made)
    names = [spec.name for spec in specs]
    until(live_cluster, "/api/v1/nodes", lambda nodes: settled(nodes))
    at_once(lambda name: cordon(live_cluster, name, True), dice.sample(names, 4))
    at_once(lambda name: without_network(live_cluster, name), dice.sample(names, 3))
    until(live_cluster, "/api/v1/nodes", lambda nodes: settled(nodes))
    yield names
    reset(live_cluster.name)


def rework(
    cluster: Cluster,
    name: str,
    labels: dict[str, str],
    taints: list[tuple[str, str, str]],
    cordoned: bool,
) -> None:
    """Gives a node other labels, taints and another cordon; the node controller's taints stay."""
    path = f"/api/v1/nodes/{name}"
    found = cluster.api.get(path)["spec"].get("taints") or []
    kept = [taint for taint in found if taint["key"].startswith("node.kubernetes.io/")]
    own = [{"key": key, "value": value, "effect": effect} for key, value, effect in taints]
    spec = {"taints": own + kept, "unschedulable": cordoned or None}
    gone: dict[str, str | None] = dict.fromkeys(VALUES)
    cluster.api.merge(path, {"metadata": {"labels": gone | labels}, "spec": spec})


def cordon(cluster: Cluster, name: str, on: bool) -> None:
    cluster.api.merge(f"/api/v1/nodes/{name}", {"spec": {"unschedulable": on or None}})


@pytest.fixture(scope="module")
def manifests(fleet: list[str]) -> list[Object]:
    dice = random.Random(SEED + 1)
    return [daemonset(f"why-{i:02}", **random_pod(dice, fleet)) for i in range(TEMPLATES)]


@pytest.fixture(scope="module")
def first(live_cluster: Cluster, manifests: list[Object]) -> World:
    """What the controller made of every template."""
    at_once(apply, manifests)
    return look_at(live_cluster)


@pytest.fixture(scope="module")
def second(live_cluster: Cluster, fleet: list[str], first: World) -> World:
    """The same after the labels, taints and cordons of every node changed under the Pods."""
    dice = random.Random(SEED + 2)
    some = [name for name in fleet if dice.random() < CHANGED]
    jobs = [(n, random_labels(dice), random_taints(dice), dice.random() < 0.3) for n in some]
    at_once(lambda job: rework(live_cluster, *job), jobs)
    until(live_cluster, "/api/v1/nodes", lambda nodes: settled(nodes))
    # A taint alone does not always make the controller count again: a new generation does.
    at_once(
        lambda name: live_cluster.api.merge(
            f"{DAEMONSETS}/{name}", {"spec": {"revisionHistoryLimit": 5}}
        ),
        first.answers,
    )
    return look_at(
        live_cluster,
        lambda answers: {
            pair
            for pair in first.pairs
            if (answer := answers[pair[0]].nodes[pair[1]]).run
            or (answer.keep and pair in first.there)
        },
    )


def test_the_templates_use_every_kind_of_rule(manifests: list[Object], first: World) -> None:
    text = json.dumps(manifests)
    pods = [manifest["spec"]["template"]["spec"] for manifest in manifests]
    tolerations = [each for pod in pods for each in pod["tolerations"]]

    for word in ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"):
        assert f'"operator": "{word}"' in text
    assert all(word in text for word in ("matchFields", "nodeName", "hostNetwork", "nodeSelector"))
    assert any(not each.get("key") for each in tolerations)
    assert any(not each.get("effect") for each in tolerations)
    taints = [taint for node in first.nodes for taint in node["spec"].get("taints") or []]
    assert {t["effect"] for t in taints} == {"NoSchedule", "NoExecute", "PreferNoSchedule"}
    assert {CORDONED, NO_NETWORK} < {t["key"] for t in taints}
    answers = [answer for answers in first.answers.values() for answer in answers.nodes.values()]
    decided = Counter(answer.decision.rule for answer in answers)
    assert min(decided[rule] for rule in ("nodeName", "nodeSelector", "nodeAffinity", "taint")) > 20
    assert decided["runs"] > 60


def test_the_controller_runs_a_pod_exactly_where_why_says(first: World) -> None:
    wrong = [
        first.answers[name].nodes[node]
        for name, node in first.pairs
        if first.answers[name].nodes[node].run != ((name, node) in first.there)
    ]

    assert wrong == []
    assert len(first.pairs) == TEMPLATES * (NODES + 1)


def test_the_controller_counts_as_why_does(first: World) -> None:
    assert {name: status["desiredNumberScheduled"] for name, status in first.status.items()} == {
        name: len(answer.runs_on) for name, answer in first.answers.items()
    }


def test_a_pod_already_there_stays_or_goes_as_why_says(first: World, second: World) -> None:
    had = [pair for pair in first.pairs if pair in first.there]
    stays = {pair: second.answers[pair[0]].nodes[pair[1]].keep for pair in had}

    assert [p for p in had if stays[p] != (second.there.get(p) == first.there[p])] == []
    kinds = Counter(
        (a.run, a.keep, a.decision.rule) for n, m in had for a in [second.answers[n].nodes[m]]
    )
    for kind in (
        (True, True, "runs"),
        (False, True, "taint"),
        (False, False, "taint"),
        (False, False, "nodeSelector"),
        (False, False, "nodeAffinity"),
    ):
        assert kinds[kind] > 1, kind


def test_new_pods_come_exactly_where_why_says_after_the_change(first: World, second: World) -> None:
    free = [pair for pair in second.pairs if pair not in first.there]

    wrong = [p for p in free if second.answers[p[0]].nodes[p[1]].run != (p in second.there)]
    assert wrong == []


def test_misscheduled_counts_the_pods_that_only_stay(
    live_cluster: Cluster, first: World, second: World
) -> None:
    expected = {
        name: sum(not a.run and a.keep and (name, a.node) in first.there for a in w.nodes.values())
        for name, w in second.answers.items()
    }

    # Pods that terminate are counted until they are gone.
    until(
        live_cluster,
        DAEMONSETS,
        lambda items: {n: i["status"]["numberMisscheduled"] for n, i in items.items()} == expected,
    )
    assert sum(expected.values()) > 3


def test_why_takes_a_name_or_a_manifest_and_one_node_or_all(
    manifests: list[Object], fleet: list[str], second: World, tmp_path: Path
) -> None:
    manifest = manifests[0]
    file = tmp_path / "agent.yaml"
    file.write_text(yaml.safe_dump(manifest))
    expected = second.answers["why-00"]

    assert repr(why("why-00")) == repr(expected)
    assert why(fleet[3], "why-00") == expected.nodes[fleet[3]]
    for source in (manifest, yaml.safe_dump(manifest), str(file), file):
        assert why(source).matrix == expected.matrix  # type: ignore[arg-type]
        assert why(None, source).nodes == expected.nodes


def test_asking_stores_nothing_and_needs_no_namespace() -> None:
    elsewhere = daemonset("not-yet")
    elsewhere["metadata"]["namespace"] = "not-there-yet"

    assert why(elsewhere).runs_on
    with pytest.raises(BadInput):
        why("not-yet")


@pytest.mark.usefixtures("second")
def test_what_is_not_there_is_named_beside_what_is(fleet: list[str]) -> None:
    with pytest.raises(BadInput, match="no DaemonSet 'agnet'") as caught:
        why("agnet")
    assert "why-00, why-01" in caught.value.seen
    with pytest.raises(BadInput, match="no node 'nobody'") as caught:
        why("nobody", "why-00")
    assert "control-plane" in caught.value.seen
    with pytest.raises(BadInput, match="no DaemonSet") as caught:
        why("why-00", fleet[0])
    assert "comes first" in caught.value.next_step


def test_a_manifest_that_the_server_would_refuse_is_refused_here() -> None:
    with pytest.raises(Rejected, match="daemonset broken") as caught:
        why(daemonset("broken", tolerations=[{"operator": "exists"}]))

    assert "tolerations[0].operator" in caught.value.reasons[0].field
    with pytest.raises(BadInput, match="exactly one DaemonSet"):
        why({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
