from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from simulated_actions import play
from simulated_cluster import Refused, SimulatedCluster

from daemonset_course.history import log, podstate
from daemonset_course.history.index import History
from daemonset_course.history.rollouts import rollouts
from daemonset_course.history.timeline import Timeline
from daemonset_course.placement import automatic_tolerations

AGENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "agent"},
    "spec": {
        "selector": {"matchLabels": {"app": "agent"}},
        "template": {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "agent", "image": "registry.k8s.io/pause:3.10"}]},
        },
    },
}
ENV = "action: kubectl\ncommand: set env daemonset/agent RELEASE=2\n"


def agent(
    *, container: dict[str, Any] | None = None, pod: dict[str, Any] | None = None,
    name: str = "agent", unavailable: Any = None, surge: Any = None, **spec: Any,
) -> dict[str, Any]:  # fmt: skip
    made = copy.deepcopy(AGENT)
    made["metadata"]["name"] = name
    made["spec"]["selector"]["matchLabels"]["app"] = name
    made["spec"]["template"]["metadata"]["labels"]["app"] = name
    made["spec"]["template"]["spec"]["containers"][0] |= container or {}
    made["spec"]["template"]["spec"] |= pod or {}
    limits = {"maxUnavailable": unavailable, "maxSurge": surge}
    limits = {key: value for key, value in limits.items() if value is not None}
    if limits:
        made["spec"]["updateStrategy"] = {"rollingUpdate": limits}
    made["spec"] |= spec
    return made


def cluster(workers: int = 3, **options: Any) -> SimulatedCluster:
    """A cluster on which the agent runs since a while, with the recorder just started."""
    made = SimulatedCluster([{}] * workers)
    made.apply(agent(**options))
    made.run(10).begin()
    return made


def timeline(made: SimulatedCluster, name: str = "agent") -> Timeline:
    return History(made.log(ended=True)).timeline(name)


def counts(made: SimulatedCluster, name: str = "agent") -> dict[str, int]:
    found = made.get("daemonsets", name)
    return found["status"]


def reasons(made: SimulatedCluster, name: str = "agent") -> set[str]:
    return {podstate.phase_of(info.pod)[1] for info in made.pods_of(name)} - {""}


def nodes_of(made: SimulatedCluster, name: str = "agent") -> list[str]:
    return [info.node for info in made.pods_of(name) if not info.terminating]


def action(words: str, **fields: Any) -> str:
    return yaml.safe_dump({"action": words, **fields}) + "---\n"


def kubectl(command: str, stdin: str = "") -> str:
    return action("kubectl", command=command, **({"stdin": stdin} if stdin else {}))


# The log


def test_the_log_begins_with_what_exists_in_the_order_of_the_recorder():
    made = cluster(2)
    make = made.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"}})
    made.begin()

    header, *records = made.log()

    order = dict.fromkeys(record.resource for record in records)
    assert make["metadata"]["namespace"] == "default"
    assert [*order] == [
        "nodes", "daemonsets", "controllerrevisions", "pods", "namespaces", "configmaps",
    ]  # fmt: skip
    assert {(r.t, r.via, r.type) for r in records} == {(0.0, "list", "ADDED")}
    assert (header.daemonset, header.cluster) == ("agent", "course")


def test_the_log_survives_its_file(tmp_path):
    made = play(cluster(3), ENV).run(9)

    log.save(made.log(ended=True), tmp_path / "log.jsonl")

    assert log.load(tmp_path / "log.jsonl") == made.log(ended=True)


def test_times_in_the_log_never_go_back():
    made = play(cluster(6), ENV + "---\n" + action("delete pods", daemonset="agent", count=2)).run(
        9
    )

    times = [record.t for record in made.log()[1:]]

    assert times == sorted(times)
    assert times[-1] > 1


def test_the_same_seed_gives_the_same_log_and_another_seed_another_order():
    def played(seed: int) -> list[Any]:
        made = SimulatedCluster([{}] * 6, seed)
        made.apply(agent())
        made.run(5).begin()
        return play(made, ENV).run(20).log()

    def order(records: list[Any]) -> tuple[str, ...]:
        return rollouts(History(records).timeline("agent"))[-1].order

    assert played(1) == played(1)
    assert order(played(1)) != order(played(2))


def test_a_pod_has_the_fields_of_a_real_one():
    made = cluster(1)
    (info,) = made.pods_of("agent")
    owner = made.get("daemonsets", "agent")["metadata"]
    meta, spec = info.pod["metadata"], info.pod["spec"]

    assert meta["ownerReferences"][0]["uid"] == owner["uid"]
    assert meta["labels"].keys() == {"app", "controller-revision-hash", "pod-template-generation"}
    assert spec["nodeName"] == podstate.node_of({"spec": {"affinity": spec["affinity"]}})
    assert spec["tolerations"] == automatic_tolerations(AGENT["spec"]["template"])
    assert {c["type"]: c["status"] for c in info.pod["status"]["conditions"]} == {
        "Initialized": "True", "Ready": "True", "ContainersReady": "True", "PodScheduled": "True",
    }  # fmt: skip
    assert info.pod["status"]["containerStatuses"][0]["ready"]


@pytest.mark.parametrize(
    ("requests", "limits", "quality"),
    [
        ({}, {}, "BestEffort"),
        ({"cpu": "100m"}, {}, "Burstable"),
        ({"cpu": "1"}, {"cpu": "1000m", "memory": "64Mi"}, "Guaranteed"),
    ],
)
def test_a_pod_has_its_quality_of_service(requests, limits, quality):
    made = cluster(1, container={"resources": {"requests": requests, "limits": limits}})

    assert made.pods_of("agent")[0].pod["status"]["qosClass"] == quality


def test_versions_in_the_log_keep_their_own_state():
    made = play(cluster(1), ENV).run(5)

    phases = [s.phase for s in timeline(made).segments]

    assert phases == ["ready", "terminating", "pending", "not ready", "ready"]


# Defaults and refusals


def test_a_daemonset_is_stored_with_the_defaults_of_the_api_server():
    stored = cluster(1).get("daemonsets", "agent")
    container = stored["spec"]["template"]["spec"]["containers"][0]

    rolling = {"maxUnavailable": 1, "maxSurge": 0}
    assert stored["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert stored["spec"]["revisionHistoryLimit"] == 10
    assert stored["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert stored["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"


def test_a_port_on_the_host_network_is_a_host_port():
    ports = [{"containerPort": 9100}]
    made = cluster(1, container={"ports": ports}, pod={"hostNetwork": True})

    stored = made.get("daemonsets", "agent")["spec"]["template"]["spec"]["containers"][0]

    assert stored["ports"] == [{"containerPort": 9100, "hostPort": 9100, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (agent(selector={"matchLabels": {"app": "other"}}), "does not match template"),
        (agent(unavailable=0, surge=0), "cannot be 0 when maxSurge is 0"),
        (agent(unavailable=1, surge=1), "may not be set when maxUnavailable is non-zero"),
        (agent(surge=1), "may not be set when maxUnavailable is non-zero"),  # the default is 1
        (agent(unavailable="110%"), "must not be greater than 100%"),
        (agent(unavailable="two"), "must be a count or a percentage"),
        (agent(updateStrategy={"type": "Recreate"}), "Unsupported value"),
        (agent(minReadySeconds="5"), "minReadySeconds: Invalid value"),
        (agent(pod={"tolerations": [{"operator": "Equals", "key": "a"}]}), "Unsupported value"),
        (agent(pod={"tolerations": [{"key": "a", "effect": "NoRun"}]}), "effect: Unsupported"),
        (agent(pod={"tolerations": [{"key": "a", "value": 1}]}), "must be a string"),
        (agent(pod={"tolerations": [{"value": "a"}]}), "operator must be Exists"),
        (
            agent(pod={"tolerations": [{"key": "a", "value": "b", "tolerationSeconds": 9}]}),
            "effect must be 'NoExecute'",
        ),
        (agent(pod={"nodeSelector": {"gpu": True}}), "nodeSelector.gpu: Invalid value: True"),
        (agent(pod={"tolerations": {"key": "a"}}), "must be a list"),
        (agent(pod={"toleration": []}), 'unknown field "spec.template.spec.toleration"'),
        (agent(pod={"restartPolicy": "Never"}), "restartPolicy: Unsupported"),
        (agent(pod={"containers": []}), "containers: Required value"),
        (agent(container={"env": [{"name": "A", "value": 2}]}), "must be a string"),
        (agent(container={"resources": {"requests": {"cpu": "much"}}}), "quantities must match"),
    ],
)  # fmt: skip
def test_the_api_server_refuses(wrong, says):
    made = SimulatedCluster([{}])

    play(made, yaml.safe_dump_all([wrong, agent(name="next")])).run(5)

    assert len(made.refusals) == 1
    assert says in made.refusals[0]
    assert made.find("daemonsets", "next"), "the attempt goes on with its next step"


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a manifest: (its map or list, its key or index)."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@pytest.mark.parametrize("seed", range(2))
def test_no_value_at_any_place_breaks_the_simulation(seed):
    rules = random.Random(seed)
    junk = [None, "", "x", "5%", 0, -1, 3, True, [], {}, [None], ["x"], [{}], {"x": "y"}, [3]]
    affinity = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}]
        }
    }
    container = {
        "env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": 80, "hostPort": 80}],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}, "command": ["sleep"],
    }  # fmt: skip
    pod = {
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
        "affinity": {"nodeAffinity": affinity}, "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-node-critical", "hostNetwork": True,
        "initContainers": [{"name": "setup", "image": "a:1"}],
        "volumes": [{"name": "v", "configMap": {"name": "c"}}],
    }  # fmt: skip
    whole = agent(container=container, pod=pod, unavailable=1, surge=0, minReadySeconds=1)
    for value in junk:
        for number in range(len([*places(whole)])):
            if rules.random() > 0.1:
                continue
            mutant = copy.deepcopy(whole)
            holder, key = [*places(mutant)][number]
            holder[key] = value
            made = SimulatedCluster([{}])
            made.begin()
            play(made, yaml.safe_dump(mutant)).run(3)
            timeline(made)


def test_a_selector_cannot_be_changed():
    made = cluster(1)
    wrong = agent()
    wrong["spec"]["selector"]["matchLabels"]["tier"] = "node"
    wrong["spec"]["template"]["metadata"]["labels"]["tier"] = "node"

    with pytest.raises(Refused, match="field is immutable"):
        made.apply(wrong)


def test_the_generation_counts_changes_of_the_spec_and_the_annotation_those_of_the_template():
    made = cluster(1)
    play(made, kubectl('patch ds agent -p \'{"spec": {"minReadySeconds": 2}}\'') + ENV)
    play(made, kubectl("annotate ds agent team=node"))

    meta = made.get("daemonsets", "agent")["metadata"]

    assert meta["generation"] == 3
    assert meta["annotations"]["deprecated.daemonset.template.generation"] == "2"
    assert meta["annotations"]["team"] == "node"


# Placement


def test_pods_run_where_placement_says():
    made = SimulatedCluster(
        [{"labels": {"disk": "ssd"}}, {}, {"labels": {"disk": "ssd"}, "taints": ["a=b:NoSchedule"]}]
    )
    made.apply(agent(pod={"nodeSelector": {"disk": "ssd"}}))
    made.run(5)

    assert nodes_of(made) == ["course-worker"]
    assert counts(made)["desiredNumberScheduled"] == counts(made)["numberReady"] == 1


def test_a_pod_stays_under_a_noschedule_taint_and_counts_as_misscheduled():
    made = cluster(3)
    play(made, kubectl("taint nodes $worker2 dedicated=db:NoSchedule"))
    play(made, kubectl("label nodes $worker3 disk=ssd")).run(5)

    # Neither change alone makes the controller sync: no Pod is to be created or deleted.
    assert counts(made)["desiredNumberScheduled"] == 3
    play(made, kubectl("delete pod -l app=agent --field-selector spec.nodeName=$worker3")).run(5)
    assert nodes_of(made) == ["course-worker", "course-worker2", "course-worker3"]
    assert counts(made)["desiredNumberScheduled"] == 2
    assert counts(made)["numberMisscheduled"] == 1


def test_a_node_that_loses_the_label_loses_its_pod():
    made = SimulatedCluster([{"labels": {"disk": "ssd"}}, {"labels": {"disk": "ssd"}}])
    made.apply(agent(pod={"nodeSelector": {"disk": "ssd"}}))
    made.run(5).begin()

    play(made, kubectl("label node $worker2 disk-")).run(5)

    assert nodes_of(made) == ["course-worker"]


def test_a_cordon_taints_the_node_and_daemon_pods_run_there_all_the_same():
    made = play(cluster(2), kubectl("cordon $worker") + action("delete pods", daemonset="agent"))
    made.run(8)

    node = made.get("nodes", "course-worker")
    assert node["spec"]["unschedulable"]
    assert node["spec"]["taints"] == [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    ]
    assert counts(made)["numberReady"] == 2
    play(made, kubectl("uncordon $worker")).run(1)
    assert made.get("nodes", "course-worker")["spec"] == {}


def test_a_new_node_gets_a_pod_and_its_name_is_the_next_free_one():
    made = play(cluster(2), action("add node", labels={"disk": "ssd"})).run(5)

    assert "course-worker3" in nodes_of(made)
    assert counts(made)["numberReady"] == 3


def test_two_daemonsets_and_two_namespaces_are_apart():
    made = cluster(2)
    other = agent(name="other")
    play(
        made, kubectl("create namespace web") + kubectl("apply -n web -f -", yaml.safe_dump(other))
    )
    made.run(5)

    assert len(made.pods_of("other", "web")) == len(made.pods_of("agent")) == 2
    assert made.find("daemonsets", "other") is None


# Rollouts


@pytest.mark.parametrize(
    ("unavailable", "budget"), [(1, 1), (3, 3), ("25%", 3), ("10%", 2), ("16%", 2), ("100%", 12)]
)
def test_a_rollout_reaches_every_node_within_its_budget(unavailable, budget):
    made = play(cluster(12, unavailable=unavailable), ENV)
    play(made, action("wait rollout", daemonset="agent"))

    (rollout,) = rollouts(timeline(made))

    assert (rollout.updated, rollout.nodes) == (12, 12)
    assert (rollout.max_unavailable, rollout.budget) == (budget, budget)
    assert rollout.end is not None
    assert rollout.over_budget == 0


def test_a_surge_starts_the_new_pod_while_the_old_one_is_ready():
    made = play(cluster(6, unavailable=0, surge=2), ENV)
    play(made, action("wait rollout", daemonset="agent"))

    (rollout,) = rollouts(timeline(made))

    assert (rollout.updated, rollout.max_unavailable, rollout.max_surge) == (6, 0, 2)
    assert len(rollout.overlap) == 6
    assert all(seconds > 0 for seconds in rollout.overlap.values())


def test_min_ready_seconds_slow_the_rollout_down():
    def seconds(wait: int) -> float:
        made = play(cluster(4, minReadySeconds=wait), ENV)
        play(made, action("wait rollout", daemonset="agent"))
        duration = rollouts(timeline(made))[-1].duration
        assert duration is not None
        return duration

    assert seconds(5) > seconds(0) + 4 * 4  # whole seconds, as the controller counts them


def test_on_delete_waits_for_the_deletion_of_each_pod():
    made = cluster(4, updateStrategy={"type": "OnDelete"})
    play(made, ENV + "---\n" + action("run", seconds=5))
    assert not counts(made).get("updatedNumberScheduled")

    play(made, action("delete pods", daemonset="agent", node="$worker2")).run(5)

    assert counts(made)["updatedNumberScheduled"] == 1


def test_an_unavailable_old_pod_is_replaced_first_and_outside_the_budget():
    made = cluster(4)
    play(made, kubectl("set image daemonset/agent agent=registry.invalid/agent:2"))
    play(made, action("wait stuck", daemonset="agent", reason="ImagePullBackOff"))
    assert counts(made)["updatedNumberScheduled"] == 1

    play(made, ENV + "---\n" + kubectl("set image ds agent agent=a:3")).run(15)

    assert counts(made)["updatedNumberScheduled"] == counts(made)["numberReady"] == 4


def test_a_rollout_leaves_a_dead_node_out_and_its_pod_never_goes():
    made = play(cluster(4), action("break node", node="$worker2") + ENV)
    made.run(30)

    stays = [info for info in made.pods_of("agent") if info.node == "course-worker2"]
    assert [info.terminating for info in stays] == [True]
    assert counts(made)["desiredNumberScheduled"] == 3
    # The dead node takes the whole budget of one: the rollout hangs.
    assert rollouts(timeline(made))[-1].end is None


def test_undo_gives_the_old_template_the_next_number():
    made = play(cluster(3), ENV)
    play(made, action("wait rollout", daemonset="agent"))
    first = made.daemonsets.revisions(made.get("daemonsets", "agent"))[0]["metadata"]["name"]
    play(made, kubectl("rollout undo daemonset/agent"))
    play(made, action("wait rollout", daemonset="agent"))

    found = timeline(made)
    numbers = {
        one["metadata"]["name"]: one["revision"]
        for one in made.iterate("controllerrevisions", "default")
    }

    assert numbers[first] == 3
    assert [mark.text for mark in found.marks if "revision" in mark.text] == [
        "new template: revision 2", "template of revision 1 again, now revision 3",
    ]  # fmt: skip
    assert counts(made)["updatedNumberScheduled"] == 3


def test_undo_to_a_revision_that_is_not_there_is_refused():
    made = play(cluster(1), kubectl("rollout undo ds/agent --to-revision=9"))

    assert "unable to find specified revision 9" in made.refusals[0]


def test_the_revision_history_limit_keeps_the_newest():
    made = cluster(1, revisionHistoryLimit=1)
    for release in range(2, 6):
        play(made, kubectl(f"set env ds/agent RELEASE={release}"))
        play(made, action("wait rollout", daemonset="agent"))

    found = made.daemonsets.revisions(made.get("daemonsets", "agent"))

    assert [one["revision"] for one in found] == [4, 5]


def test_a_failed_pod_is_deleted_and_made_again():
    made = cluster(2)
    (first, _) = made.pods_of("agent")
    made.kubelets.fail(first, "Evicted")
    made.run(10)

    assert first.uid not in {info.uid for info in made.pods_of("agent")}
    assert counts(made)["numberReady"] == 2


def test_a_status_written_by_hand_is_put_right():
    status = '{"status": {"numberReady": 99, "desiredNumberScheduled": 99}}'
    made = play(
        cluster(2), kubectl(f"patch ds agent --subresource=status --type=merge -p '{status}'")
    )

    numbers = [status.ready for _, status in timeline(made.run(2)).status]

    assert numbers == [2, 99, 2]


# Owners


def test_orphans_are_adopted_with_their_revision_and_not_rolled():
    made = cluster(3)
    before = {info.uid for info in made.pods_of("agent")}
    play(made, kubectl("delete daemonset agent --cascade=orphan") + action("run", seconds=1))
    assert made.find("daemonsets", "agent") is None
    assert {info.uid for info in made.orphans.values()} == before

    play(made, yaml.safe_dump(AGENT)).run(5)

    assert {info.uid for info in made.pods_of("agent")} == before
    assert counts(made)["updatedNumberScheduled"] == 3


def test_a_bare_pod_with_the_labels_is_adopted_as_an_extra_one_and_deleted():
    bare = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare", "labels": {"app": "agent"}},
        "spec": {"nodeName": "course-worker", "containers": [{"name": "a", "image": "a:1"}]},
    }  # fmt: skip
    made = play(cluster(2), yaml.safe_dump(bare)).run(5)

    assert len(nodes_of(made)) == 2
    assert made.find("pods", "bare") is None


def test_deleting_the_daemonset_deletes_its_pods_and_revisions():
    made = play(cluster(3), kubectl("delete ds agent")).run(3)

    assert not made.infos
    assert not made.objects["controllerrevisions"]
    assert [r.type for r in made.log()[1:] if r.resource == "daemonsets"][-1] == "DELETED"


def test_a_pod_that_loses_its_label_is_released_and_replaced():
    made = cluster(1)
    (old,) = made.pods_of("agent")
    play(made, kubectl(f"label pod {old.key[1]} app=x --overwrite")).run(5)

    (new,) = made.pods_of("agent")
    assert new.uid != old.uid
    assert not made.get("pods", old.key[1])["metadata"].get("ownerReferences")


# The scheduler


def test_a_host_port_is_there_once_on_a_node_and_a_surge_with_it_hangs():
    ports = {"ports": [{"containerPort": 80, "hostPort": 80}]}
    made = play(cluster(3, container=ports, unavailable=0, surge=1), ENV)
    play(made, action("wait stuck", daemonset="agent", reason="Unschedulable")).run(20)

    (rollout,) = rollouts(timeline(made))
    waiting = [i for i in made.pods_of("agent") if not i.bound]

    assert (rollout.end, rollout.updated) == (None, 0)
    assert len(waiting) == 1
    assert (
        "free ports for the requested pod ports"
        in podstate.condition(waiting[0].pod, "PodScheduled")["message"]
    )
    assert made.objects["events"]


def test_two_daemonsets_fight_for_a_host_port():
    ports = {"ports": [{"containerPort": 80, "hostPort": 80}]}
    made = cluster(2, container=ports)
    play(made, yaml.safe_dump(agent(name="other", container=ports))).run(5)
    assert reasons(made, "other") == {"Unschedulable"}

    play(made, kubectl("delete ds agent")).run(5)

    assert counts(made, "other")["numberReady"] == 2


def test_a_pod_that_requests_too_much_stays_pending_until_there_is_room():
    big = {"resources": {"requests": {"cpu": "3"}}}
    made = cluster(2, container=big)
    play(made, yaml.safe_dump(agent(name="other", container=big))).run(5)
    (event, *_) = made.objects["events"].values()
    assert reasons(made, "other") == {"Unschedulable"}
    assert "1 Insufficient cpu" in event["message"]

    play(made, kubectl("set resources ds/agent --requests=cpu=500m")).run(15)

    assert counts(made, "other")["numberReady"] == 2


def test_a_pod_of_higher_priority_preempts():
    big = {"resources": {"requests": {"cpu": "3"}}}
    made = cluster(1, container=big)
    critical = agent(name="other", container=big, pod={"priorityClassName": "system-node-critical"})
    play(made, yaml.safe_dump(critical)).run(6)

    assert counts(made, "other")["numberReady"] == 1
    assert reasons(made) == {"Unschedulable"}


def test_a_priority_class_that_is_missing_gives_failed_create():
    made = SimulatedCluster([{}])
    made.begin()
    play(made, yaml.safe_dump(agent(pod={"priorityClassName": "high"}))).run(3)

    (message,) = {one.message for one in timeline(made).failed_creates}

    assert message == 'pods "agent-" is forbidden: no PriorityClass with name high was found'
    assert counts(made)["desiredNumberScheduled"] == 1


def test_a_namespace_that_enforces_baseline_refuses_the_pods_not_the_daemonset():
    made = SimulatedCluster([{}])
    made.begin(namespace="monitoring")
    play(made, kubectl("create ns monitoring"))
    play(made, kubectl("label ns monitoring pod-security.kubernetes.io/enforce=baseline"))
    volumes = [{"name": "proc", "hostPath": {"path": "/proc"}}]
    wide = agent(
        pod={"hostNetwork": True, "volumes": volumes},
        container={"ports": [{"containerPort": 9100}]},
    )
    play(made, kubectl("apply -n monitoring -f -", yaml.safe_dump(wide))).run(3)
    messages = [one.message for one in timeline(made).failed_creates]
    assert not made.refusals
    assert messages
    assert all(
        text.endswith(
            'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), hostPath '
            'volumes (volume "proc"), hostPort (container "agent" uses hostPort 9100)'
        )
        for text in messages
    )

    play(made, kubectl("apply -n monitoring -f -", yaml.safe_dump(agent()))).run(60)

    assert made.get("daemonsets", "agent", "monitoring")["status"]["numberReady"] == 1


# The kubelets


def test_a_slow_kubelet_takes_longer():
    made = SimulatedCluster([{}, {"pace": 10}])
    made.apply(agent())

    assert counts(made.run(3))["numberReady"] == 1
    assert counts(made.run(10))["numberReady"] == 2


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"image": "registry.invalid/agent:1"}, "ImagePullBackOff"),
        ({"image": "agent:missing"}, "ImagePullBackOff"),
        ({"command": ["false"]}, "CrashLoopBackOff"),
    ],
)
def test_a_container_that_cannot_run(container, reason):
    made = cluster(1, container=container)

    (info,) = made.pods_of("agent")
    status = info.pod["status"]["containerStatuses"][0]

    assert podstate.phase_of(info.pod)[1] == reason
    assert status["restartCount"] == (reason == "CrashLoopBackOff")


def test_a_probe_that_fails_keeps_the_pod_running_and_not_ready():
    made = cluster(1, container={"readinessProbe": {"exec": {"command": ["false"]}}})
    made.run(60)

    assert [podstate.phase_of(info.pod) for info in made.pods_of("agent")] == [("not ready", "")]


def test_a_pod_is_ready_after_the_initial_delay_of_its_probe():
    probe = {"readinessProbe": {"initialDelaySeconds": 5, "tcpSocket": {"port": 80}}}
    made = cluster(1, container=probe)
    play(made, action("delete pods", daemonset="agent")).run(15)

    (not_ready,) = (s for s in timeline(made).segments if s.phase == "not ready")

    assert 3 < not_ready.end - not_ready.start < 8


def test_the_pre_stop_sleep_keeps_a_pod_terminating_within_its_grace_period():
    def terminating(seconds: int, grace: int = 30) -> float:
        sleep = {"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}}
        made = cluster(1, container=sleep, pod={"terminationGracePeriodSeconds": grace})
        play(made, action("delete pods", daemonset="agent", count=1)).run(60)
        (found,) = (s for s in timeline(made).segments if s.phase == "terminating")
        return found.end - found.start

    assert terminating(0) < 1
    assert 5 < terminating(8) < 12
    assert 3 <= terminating(3, grace=3) < 3.4
    with pytest.raises(Refused, match="less than terminationGracePeriodSeconds"):
        terminating(20, grace=3)


def test_init_containers_run_first():
    made = SimulatedCluster([{}])
    init = [{"name": "setup", "image": "registry.invalid/setup:1"}]
    made.apply(agent(pod={"initContainers": init}))
    made.run(5)
    assert reasons(made) == {"init container setup: ImagePullBackOff"}

    play(made, kubectl("set image ds/agent setup=setup:1")).run(10)

    assert counts(made)["numberReady"] == 1


# Broken nodes


def test_a_dead_node_is_tainted_and_its_pods_are_not_ready_until_it_recovers():
    made = play(cluster(3), action("break node", node="$worker2"))
    node = made.get("nodes", "course-worker2")
    taints = [(t["key"], t["effect"]) for t in node["spec"]["taints"]]

    assert podstate.condition(node, "Ready")["status"] == "Unknown"
    assert taints == [
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    ]
    assert [info.node for info in made.pods_of("agent") if info.ready_at is None] == [
        "course-worker2"
    ]
    made.run(400)
    assert len(nodes_of(made)) == 3, "daemon Pods tolerate unreachable:NoExecute without end"

    play(made, action("recover node", node="$worker2")).run(2)
    assert made.get("nodes", "course-worker2")["spec"] == {}
    assert counts(made)["numberReady"] == counts(made)["desiredNumberScheduled"] == 3


def test_a_node_without_network_takes_no_new_pod_except_of_the_host_network():
    def nodes(**pod: Any) -> list[str]:
        made = SimulatedCluster([{}, {}])
        play(made, action("network unavailable", node="$worker2")).run(1)
        made.apply(agent(pod=pod))
        return nodes_of(made.run(5))

    assert nodes() == ["course-worker"]
    assert nodes(hostNetwork=True) == ["course-worker", "course-worker2"]


def test_a_deleted_node_takes_its_pods_with_it_later():
    made = play(cluster(3), action("remove node", node="$worker3"))

    assert len(made.run(5).pods_of("agent")) == 3
    assert len(made.run(90).pods_of("agent")) == 2


@pytest.mark.parametrize(("seconds", "gone"), [(None, False), (0, True), (30, True)])
def test_an_evicting_taint_takes_pods_after_their_toleration_seconds(seconds, gone):
    toleration = {"key": "drill", "operator": "Exists", "effect": "NoExecute"}
    toleration |= {} if seconds is None else {"tolerationSeconds": seconds}
    made = cluster(2, pod={"tolerations": [toleration]})
    (first, _) = made.pods_of("agent")
    play(made, kubectl("taint nodes $worker drill=1:NoExecute")).run((seconds or 1) - 2)
    assert first.key in made.infos or seconds == 0

    made.run(5)

    assert (first.key not in made.infos) == gone


def test_an_evicting_taint_takes_a_pod_without_a_toleration_at_once():
    made = play(cluster(2), kubectl("taint nodes $worker drill=1:NoExecute")).run(2)

    assert nodes_of(made) == ["course-worker2"]


def test_a_taint_that_goes_in_time_evicts_nobody():
    toleration = {
        "key": "drill", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10,
    }  # fmt: skip
    made = cluster(1, pod={"tolerations": [toleration]})
    before = [info.uid for info in made.pods_of("agent")]
    play(made, kubectl("taint nodes $worker drill=1:NoExecute") + action("run", seconds=5))
    play(made, kubectl("taint nodes $worker drill:NoExecute-")).run(30)

    assert [info.uid for info in made.pods_of("agent")] == before


# Components


def test_nothing_is_replaced_while_the_controller_manager_is_stopped():
    made = play(cluster(3), action("stop component", component="kube-controller-manager"))
    play(made, action("delete pods", daemonset="agent", count=2)).run(20)
    assert len(made.pods_of("agent")) == 1

    play(made, action("start component", component="kube-controller-manager")).run(5)

    (outage,) = timeline(made).outages
    assert (outage.component, outage.why) == ("kube-controller-manager", "stopped")
    assert outage.end is not None
    assert counts(made)["numberReady"] == 3


def test_no_pod_is_bound_while_the_scheduler_is_stopped():
    made = play(cluster(1), action("stop component", component="kube-scheduler"))
    play(made, action("delete pods", daemonset="agent")).run(20)
    assert [info.bound for info in made.pods_of("agent")] == [False]

    play(made, action("start component", component="kube-scheduler")).run(5)

    assert counts(made)["numberReady"] == 1


# Actions and kubectl


@pytest.mark.parametrize(
    "command",
    [
        "set env daemonset/agent RELEASE=2",
        "set env daemonset agent RELEASE=2",
        "set env ds/agent -c agent RELEASE=2 -n default",
        """patch ds agent --type json -p '[{"op": "add",
           "path": "/spec/template/spec/containers/0/env",
           "value": [{"name": "RELEASE", "value": "2"}]}]'""",
        """patch daemonset/agent --patch '{"spec": {"template": {"spec": {"containers":
           [{"name": "agent", "env": [{"name": "RELEASE", "value": "2"}]}]}}}}'""",
        """patch daemonset agent --type=merge -p '{"spec": {"template": {"spec": {"containers":
           [{"name": "agent", "image": "a:1", "env": [{"name": "RELEASE", "value": "2"}]}]}}}}'""",
    ],
)  # fmt: skip
def test_ways_to_set_a_variable(command):
    made = play(cluster(1), kubectl(command)).run(5)

    (info,) = made.pods_of("agent")

    assert not made.refusals
    assert info.pod["spec"]["containers"][0]["env"] == [{"name": "RELEASE", "value": "2"}]


def test_an_apply_removes_what_the_earlier_one_set_and_keeps_what_others_set():
    made = cluster(2, pod={"nodeSelector": {"kubernetes.io/hostname": "course-worker"}})
    play(made, kubectl("set env ds/agent RELEASE=2") + kubectl("annotate ds agent a=b"))
    play(made, kubectl("apply -f -", yaml.safe_dump(agent()))).run(8)

    spec = made.get("daemonsets", "agent")["spec"]["template"]["spec"]

    assert "nodeSelector" not in spec
    assert spec["containers"][0]["env"]
    assert len(nodes_of(made)) == 2


def test_a_strategic_patch_deletes_with_null_and_replaces_tolerations():
    made = cluster(1, pod={"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}]})
    patch = (
        '{"spec": {"template": {"spec": {"nodeSelector": null, "tolerations": [{"key": "a"}]}}}}'
    )
    play(made, kubectl(f"patch ds agent -p '{patch}'"))

    spec = made.get("daemonsets", "agent")["spec"]["template"]["spec"]

    assert "nodeSelector" not in spec
    assert spec["tolerations"] == [{"key": "a"}]


def test_a_restart_replaces_every_pod():
    made = cluster(3)
    before = {info.uid for info in made.pods_of("agent")}

    play(made, kubectl("rollout restart ds/agent") + kubectl("rollout status ds/agent"))

    assert not before & {info.uid for info in made.pods_of("agent")}


def test_a_drain_leaves_daemon_pods_and_evicts_the_others():
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"nodeName": "course-worker", "containers": [{"name": "a", "image": "a:1"}]},
    }  # fmt: skip
    made = play(cluster(2), yaml.safe_dump(pod))
    play(made, kubectl("drain $worker --force"))
    assert "use --ignore-daemonsets" in made.refusals[0]

    play(made, kubectl("drain $worker --force --ignore-daemonsets")).run(2)

    assert made.find("pods", "web") is None
    assert len(nodes_of(made)) == 2


def test_a_config_map_is_created_from_literals():
    made = play(
        cluster(1), kubectl("create configmap limits --from-literal=a=1 --from-literal=b=2")
    )

    assert made.get("configmaps", "limits")["data"] == {"a": "1", "b": "2"}


def test_broken_pods_are_deleted_alone():
    made = cluster(3)
    play(made, kubectl("set image ds/agent agent=a:missing"))
    play(made, action("wait stuck", daemonset="agent", reason="ImagePullBackOff"))
    before = {info.uid: podstate.phase_of(info.pod)[1] for info in made.pods_of("agent")}
    play(made, action("delete pods", daemonset="agent", reason="ImagePullBackOff")).run(2)

    left = {info.uid for info in made.pods_of("agent")}

    assert {uid for uid, reason in before.items() if not reason} <= left
    assert not {uid for uid, reason in before.items() if reason} & left


def test_a_taint_is_removed_where_it_is_and_kubectl_says_where_it_was_not():
    made = play(cluster(3), kubectl("taint nodes $worker $worker3 a=b:NoSchedule"))

    play(made, kubectl("taint nodes --all a-"))

    assert "not found" in made.refusals[0]
    assert not any(made.get("nodes", name)["spec"].get("taints") for name in made.worker_names)


def test_a_scale_and_a_missing_object_are_refused():
    made = play(cluster(1), kubectl("scale ds agent --replicas=0") + kubectl("delete pod nobody"))

    assert len(made.refusals) == 2


@pytest.mark.parametrize(
    "text",
    [
        kubectl("autoscale ds agent"), kubectl("set selector ds agent a=b"),
        kubectl("delete ds agent --dry-run=server"), action("reboot node", node="$worker"),
        kubectl("apply -f file.yaml"), kubectl("rollout pause ds/agent"),
    ],
)  # fmt: skip
def test_unknown_words_are_an_error_of_the_attempt(text):
    with pytest.raises(AssertionError, match=r"not known here|no action is called"):
        play(cluster(1), text)


def test_wait_stuck_names_what_it_saw():
    with pytest.raises(AssertionError, match="no Pod of agent got the reason Evicted; seen: none"):
        play(cluster(1), action("wait stuck", daemonset="agent", reason="Evicted"))


def test_wait_settled_ends_when_nothing_is_left_to_happen():
    made = cluster(3)
    before = made.now
    play(made, ENV + "---\n" + action("wait settled"))

    assert counts(made)["updatedNumberScheduled"] == 3
    assert made.now - before < 10


# Speed


@pytest.mark.parametrize(("nodes", "seconds"), [(12, 0.03), (100, 0.4)])
def test_a_rollout_is_simulated_in_milliseconds(nodes, seconds):
    took = []
    for _ in range(3):
        made = cluster(nodes, unavailable="10%")
        began = time.process_time()
        play(made, ENV + "---\n" + action("wait rollout", daemonset="agent"))
        took.append(time.process_time() - began)
        assert counts(made)["updatedNumberScheduled"] == nodes

    assert min(took) < seconds


def test_kubectl_wait_ends_with_the_field_or_is_refused_after_its_timeout() -> None:
    made = SimulatedCluster([{}, {}])
    made.apply(agent())
    field = "wait daemonset agent --for=jsonpath={.status.numberAvailable}"

    play(made, f"action: kubectl\ncommand: {field}=2\n")
    assert not made.refusals
    assert made.get("daemonsets", "agent", "default")["status"]["numberAvailable"] == 2

    before = made.now
    play(made, f"action: kubectl\ncommand: {field}=3 --timeout=5s\n")
    assert "timed out" in made.refusals[0]
    assert 5 <= made.now - before < 6
