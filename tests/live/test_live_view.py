"""The live view on a real API server: it shows the rollout, and nothing is missed meanwhile."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator

import pytest

from cell_outputs import FakeOutput, show_in_fakes
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.reset import reset
from daemonset_course.history.log import Change
from daemonset_course.progress import shown_live
from daemonset_course.recording.recorder import Recording, record
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.rollout import wait_rollout
from live.scenes import daemonset

NODES = 12


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[FakeOutput]:
    # It draws all the time, which is much more than it may.
    return show_in_fakes(monkeypatch, PAUSE=0.0, SHARE=1e9, BYTES=10**12)


@pytest.fixture(autouse=True)
def fleet(live_cluster: Cluster) -> Iterator[None]:
    reset(live_cluster.name, workers=NODES)
    made = daemonset("agent")
    made["spec"]["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": 4}}
    apply(made)
    wait_rollout("agent")
    yield
    reset(live_cluster.name)


def versions(recording: Recording) -> dict[tuple[str, str], list[str]]:
    """The versions of each object in the log, in order."""
    found = defaultdict(list)
    for one in recording.history.records:
        if isinstance(one, Change):
            found[one.resource, one.uid].append(one.object["metadata"]["resourceVersion"])
    return found


def test_nothing_is_missed_while_it_draws(outputs: list[FakeOutput]) -> None:
    made = daemonset("agent", {"env": [{"name": "RELEASE", "value": "2"}]})
    made["spec"]["updateStrategy"] = {"rollingUpdate": {"maxUnavailable": 4}}
    with record("agent") as plain, record("agent", live=True) as drawn:
        assert shown_live == {"agent"}
        apply(made)
        wait_rollout("agent")

    [output] = outputs
    moving = [html for html in output.frames if "Waits: " in html]
    assert len(moving) > 5, "it drew while the rollout was under way"
    assert any("budget 4" in html for html in moving)
    assert f"DESIRED {NODES}, READY {NODES}, UP-TO-DATE {NODES}" in output.frames[-1]
    assert "<script" in output.frames[-1]
    assert shown_live == set()
    assert not [t for t in threading.enumerate() if t.name.startswith("live")]

    # The one without a view began earlier and ended later.
    ours, theirs = versions(drawn), versions(plain)
    for key, mine in ours.items():
        first = theirs[key].index(mine[0])
        assert theirs[key][first : first + len(mine)] == mine, key
    pods = {key for key in theirs if key[0] == "pods"}
    assert pods == {key for key in ours if key[0] == "pods"}
    assert len(pods) >= 2 * NODES
    assert drawn.timeline.gaps == ()
    assert [len(one.order) for one in drawn.rollouts] == [NODES]
