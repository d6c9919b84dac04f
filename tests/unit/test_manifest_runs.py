"""What the verdict on a manifest says when something is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemonset_course.history.index import History
from daemonset_course.history.log import Change, Header
from daemonset_course.history.rollouts import Rollout
from daemonset_course.verbs.why import explain
from manifest_facts import FOLDER, fleet, read
from manifest_runs import Run, most_without

MANIFEST, EVERY = read(FOLDER / "datadog.yaml"), fleet()
ON = set(MANIFEST.kinds)
CAPTION = "3 nodes rolled in 9.0 s, at most 1 unavailable (budget 1), order linux, arm64, cordoned."
ROLLOUT = Rollout(
    revision="b", start=0.5, end=9.5, stop=9.5, created=False, max_unavailable=1, max_surge=0,
    budget=1, last_budget=1, surge_budget=0, order=tuple(ON), updated=3, nodes=3, over_budget=0.0,
)  # fmt: skip


def run(**changed: Any) -> Run:
    """A run without a fault, but for what is changed."""
    answers = explain(list(EVERY.values()), MANIFEST.daemonset)
    good = {"rollout": ROLLOUT, "most": 1, "caption": CAPTION, "mended": set(EVERY)}
    return Run(
        MANIFEST, ON, **{"placed": ON, "answers": answers, "every": set(EVERY)} | good | changed
    )


def test_a_run_as_it_should_be_has_no_fault() -> None:
    assert run().faults == ()
    assert run().verdict == "placed, rolled, explained"
    assert run().length == "9.0 s"
    assert {answer.node for answer in run().absent} == set(EVERY) - ON


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"placed": ON - {"arm64"}}, "placement is wrong about arm64"),
        ({"placed": ON | {"gpu"}}, "placement is wrong about gpu"),
        ({"rollout": None}, "the recording has no complete rollout"),
        ({"rollout": replace(ROLLOUT, end=None)}, "the recording has no complete rollout"),
        ({"rollout": replace(ROLLOUT, budget=2)}, "the recording's budget is 2, not 1"),
        ({"most": 2}, "2 nodes had no ready Pod, the budget is 1"),
        ({"rollout": replace(ROLLOUT, order=("linux",))}, "the recorded order has other nodes"),
        ({"caption": CAPTION.replace("at most 1", "at most 0")}, "the caption is wrong: 3 nodes"),
        ({"caption": CAPTION.replace("3 nodes", "4 nodes")}, "the caption is wrong: 4 nodes"),
        ({"mended": ON}, "without what why named, it still does not run on control plane"),
        (
            {"answers": explain(list(EVERY.values()), read(FOLDER / "kube-multus.yaml").daemonset)},
            "why is wrong about gpu: gpu: a Pod is created",
        ),
    ],
)
def test_each_fault_is_named(changed: dict[str, Any], said: str) -> None:
    assert said in run(**changed).verdict


def test_the_nodes_without_a_ready_pod_are_counted_from_the_pods() -> None:
    def change(
        t: float, uid: str, node: str, *, ready: bool = True, kind: str = "MODIFIED"
    ) -> Change:
        owners = [{"kind": "DaemonSet", "name": MANIFEST.name}]
        meta = {"name": uid, "namespace": "default", "uid": uid, "ownerReferences": owners}
        status = {"conditions": [{"type": "Ready", "status": str(ready)}]}
        pod = {"metadata": meta, "spec": {"nodeName": node}, "status": status}
        return Change(t, "pods", kind, "watch", pod)

    nodes = sorted(ON)
    history = History(
        [
            Header("", "default", "c", "embedded", "v1.37.1", 1.0, "2026-11-30T00:00:00Z"),
            *(change(0.0, f"old-{node}", node, kind="ADDED") for node in nodes),
            change(1.0, f"old-{nodes[0]}", nodes[0], ready=False),
            change(2.0, f"old-{nodes[1]}", nodes[1], kind="DELETED"),
            change(3.0, f"new-{nodes[0]}", nodes[0], kind="ADDED"),
            change(20.0, f"old-{nodes[2]}", nodes[2], kind="DELETED"),
        ]
    )

    assert most_without(history, MANIFEST, ON, ROLLOUT) == 2
    assert most_without(history, MANIFEST, ON, replace(ROLLOUT, stop=1.5)) == 1
