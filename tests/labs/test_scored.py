"""The score of a release, and the restarts it is measured in."""

from __future__ import annotations

import pytest
from simulated_actions import play
from simulated_cluster import SimulatedCluster

from daemonset_course.history.index import History
from daemonset_course.lab.criteria.restarts import Restarts
from daemonset_course.lab.criteria.scored import release_score
from daemonset_course.lab.evidence import DaemonSetEvidence, Evidence
from daemonset_course.lab.tasks.roll_within_budget import manifest

WAIT = "---\naction: wait rollout\ndaemonset: agent\n"


def released(strategy: str, *before: str) -> DaemonSetEvidence:
    """Release RELEASE 2 on 6 nodes; ``before`` is played before the recording begins."""
    world = SimulatedCluster([{}] * 6)
    play(world, "---\n".join([manifest() + WAIT, *before]))
    world.run(2).begin()
    play(world, manifest(release="2", strategy=strategy) + WAIT)
    history = History(world.run(5).log())
    history.advance(world._t)
    return Evidence(history).daemonset("agent")


def test_maxunavailable_loses_one_restart_a_node_and_maxsurge_none() -> None:
    down, surge = (
        release_score(released(strategy), 3)
        for strategy in ("maxUnavailable: 3", "maxUnavailable: 0, maxSurge: 3")
    )

    assert down is not None
    assert surge is not None
    assert down.lost == pytest.approx(1.0, abs=0.1)
    assert surge.lost == 0.0
    assert surge.availability == 50.0
    assert surge.points > down.points


def test_one_at_a_time_takes_a_restart_for_each_node() -> None:
    score = release_score(released("maxUnavailable: 1"), 3)

    assert score is not None
    assert 6.0 <= score.restarts <= 8.0
    assert score.time < 20


def test_a_node_that_had_the_newest_template_before_did_not_restart() -> None:
    two = "action: delete pods\ndaemonset: agent\nnodes: [$worker, $worker2]\nwait: true\n"
    settle = "action: run\nseconds: 10\n"
    before = (on_delete("2"), two, settle, on_delete("1"), settle)

    restarts = Restarts(released("maxUnavailable: 2", *before))

    names = {f"course-worker{n}" for n in (3, 4, 5, 6)}
    assert set(restarts.times) == names
    assert min(end - begin for begin, end in restarts.times.values()) > 1


def on_delete(release: str) -> str:
    lines = manifest(release=release).replace("RollingUpdate", "OnDelete").splitlines()
    return "\n".join(line for line in lines if "rollingUpdate:" not in line) + "\n"
