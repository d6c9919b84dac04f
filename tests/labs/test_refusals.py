"""What a check says while Pod Security's refusal is older than the namespace's present level."""

from __future__ import annotations

from proof import find, judged, started
from simulated_actions import play

TOLERATED = """
action: kubectl
command: >-
  patch daemonset node-exporter -n monitoring --type merge
  -p '{"spec": {"template": {"spec": {"tolerations": [{"operator": "Exists"}]}}}}'
"""
LABELLED = """
action: kubectl
command: label namespace monitoring pod-security.kubernetes.io/enforce=privileged --overwrite
"""


def test_a_refusal_is_wrong_until_the_namespace_is_changed_and_then_awaited() -> None:
    lab = find("05")
    world = started(lab, 1)
    play(world, TOLERATED)
    before = judged(world.run(60), lab.tasks[0])
    play(world, LABELLED)
    after = judged(world, lab.tasks[0])

    assert before.outcome == "wrong"
    assert "violates PodSecurity" in repr(before)
    assert after.outcome == "not yet", repr(after)
    assert "before the template or the namespace was changed" in repr(after)


ACCOUNT = """
action: kubectl
command: >-
  patch daemonset security --patch
  '{"spec": {"template": {"spec": {"serviceAccountName": "%s", "serviceAccount": "%s"}}}}'
"""


def test_an_event_about_the_template_before_is_not_final() -> None:
    lab = find("09")
    world = started(lab, 5)
    wrong = world.find("daemonsets", "security", lab.namespace)
    assert wrong is not None
    message = 'Error creating: serviceaccount "securtiy" not found'
    play(world, "action: kubectl\ncommand: create serviceaccount securtiy")
    world.run(4)
    play(world, ACCOUNT % ("security", "security"))
    outcomes = []
    for _ in range(20):  # whenever the Event arrives
        world.event(wrong, "DaemonSet", "FailedCreate", message)
        outcomes.append(judged(world.run(0.1), lab.tasks[4]).outcome)

    assert set(outcomes) == {"not yet"}
    assert judged(world.run(30), lab.tasks[4]).outcome == "passed"
