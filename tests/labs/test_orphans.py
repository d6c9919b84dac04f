"""What a check says while Pods have no owner, and how an exercise is started again."""

from __future__ import annotations

from dataclasses import replace

from proof import attempted, find, judged, started
from simulated_actions import play
from simulated_objects import applied

from daemonset_course.history.index import History
from daemonset_course.lab.evidence import Evidence
from daemonset_course.lab.verdict import Verdict

FIXED = """
action: kubectl
command: >-
  patch daemonset agent --type json
  -p '[{"op": "remove", "path": "/spec/template/spec/nodeSelector"}]'
---
action: wait rollout
daemonset: agent
"""
ORPHANED = "action: kubectl\ncommand: delete daemonset agent --cascade=orphan\n"
BARE = """
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  nodeName: $worker2
  containers: [{name: bare, image: "busybox:1.36"}]
"""


def bare(verdict: Verdict) -> str:
    rows = {name: sign for sign, name, _ in verdict.criteria()}
    return rows["no Pod was made by hand"]


def test_a_pod_that_lost_its_owner_was_not_made_by_hand() -> None:
    lab = find("one-pod-per-node")
    world = started(lab, 1)
    play(world, f"{FIXED}---\n{ORPHANED}")  # the Pods are younger than the task
    orphaned = judged(world.run(5), lab.tasks[0])
    play(world, BARE)
    made = judged(world.run(5), lab.tasks[0])

    assert orphaned.outcome == "wrong"
    assert bare(orphaned) == "✔"
    assert bare(made) == "✘"


def test_pods_that_are_about_to_be_adopted_are_awaited() -> None:
    lab = find("one-pod-per-node")
    world = started(lab, 1)
    play(world, f"{ORPHANED}---\naction: stop component\ncomponent: kube-controller-manager\n---\n"
         f"{lab.tasks[0].solution.rpartition('---')[2]}")  # fmt: skip
    history = History(world.run(1).log())
    [adopts] = [one for one in lab.tasks[0].criteria if "adopted" in one.name]
    found = adopts.judge(Evidence(history))

    assert (found.answer, len(found.observed)) == ("pending", 3)
    assert found.says == "The new agent adopted the Pods of 0 of 3 workers."


def test_an_exercise_is_started_again_by_its_own_call() -> None:
    steps = "action: kubectl\ncommand: delete daemonset agent\n"
    verdict = attempted(find("node-selector"), 1, steps)

    assert verdict.final
    assert "run start()." in repr(replace(verdict, task=1, hint="hint()"))
    assert "run lab.start(3)." in repr(replace(verdict, task=3, hint="lab.hint(3)"))


def test_an_apply_replaces_a_selector_as_a_whole() -> None:
    live = {"spec": {"nodeSelector": {"parked": "yes"}, "dnsPolicy": "ClusterFirst"}}
    new = {"spec": {"nodeSelector": {"disk": "ssd"}}}

    assert applied(live, new, None) == {
        "spec": {"nodeSelector": {"disk": "ssd"}, "dnsPolicy": "ClusterFirst"}
    }
