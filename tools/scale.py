"""Record measurements of large fleets for lesson 14, which cannot wait for them.

    course up --name big --backend embedded --pace 1
    COURSE_CLUSTER=big python tools/scale.py 200 300 1000 budgets

Writes ``recordings/scale.json``: for each number of nodes when the agent's pods were created and
ready, how long rollouts took, and the memory of the control plane; and under ``budgets``, for 100
nodes, how many were updated over time with each budget. About ten minutes on a machine that does
nothing else. What is not named stays as it is in the file.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from daemonset_course import apply, kubectl, record, wait_rollout
from daemonset_course.analysis.rollout_progress import updated_since
from daemonset_course.analysis.scale import creation
from daemonset_course.cluster import current, reset
from daemonset_course.cluster.processes import processes_of
from daemonset_course.recording.recorder import Recording

ROOT = Path(__file__).resolve().parents[1]
AGENT = ROOT / "manifests" / "at-scale" / "agent.yaml"
RECORDED = ROOT / "recordings" / "scale.json"
SHARES = (10, 50)
BUDGETS = (1, 5, 10, 25, 50, 100)  # percent
BUDGET_NODES = 100
PATIENCE = 600


def measure(nodes: int) -> dict[str, Any]:
    """Measure creation, rollouts and memory at this number of workers."""
    reset(workers=nodes)
    with record("agent") as made:
        apply(AGENT)
        wait_rollout("agent", timeout=PATIENCE)
    found = creation(made.timeline)
    return {
        "nodes": nodes,
        "created": [round(t, 2) for t in found.created],
        "ready": [round(t, 2) for t in found.ready],
        "rollouts": {str(share): roll(share) for share in SHARES},
        "memory (MiB)": memory(),
    }


def measure_budgets() -> dict[str, Any]:
    """Measure rollouts of the same nodes with each budget: their seconds and their progress."""
    reset(workers=BUDGET_NODES)
    apply(AGENT)
    wait_rollout("agent", timeout=PATIENCE)
    with record("agent") as one:
        kubectl(f"delete pod -l app=agent --field-selector spec.nodeName={current().workers()[0]}")
        wait_rollout("agent")
    return {
        "nodes": BUDGET_NODES,
        "restart": round(one.timeline.unavailable.longest(0), 2),
        "rollouts": {str(share): progress(share) for share in BUDGETS},
    }


def progress(share: int) -> dict[str, Any]:
    """Return the seconds of a rollout, and [seconds, nodes updated] at each change of that."""
    run = rolled(share)
    last = run.rollouts[-1]
    assert last.duration is not None, run.caption
    steps = updated_since(run.timeline, last)
    points = zip(steps.times, steps.values, strict=True)
    return {"seconds": round(last.duration, 1), "updated": [[round(t, 2), n] for t, n in points]}


def roll(share: int) -> float:
    """Return the seconds of a rollout with this ``maxUnavailable`` in percent."""
    run = rolled(share)
    duration = run.rollouts[-1].duration
    assert duration is not None, run.caption
    return round(duration, 1)


def rolled(share: int) -> Recording:
    """Return the recording of a rollout with this ``maxUnavailable`` in percent."""
    change = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": f"{share}%"}}}}
    kubectl("patch daemonset agent --type merge --patch", json.dumps(change))
    with record("agent") as run:
        kubectl(f"set env daemonset/agent RELEASE=budget-{share}")  # the manifest has RELEASE 1
        wait_rollout("agent", timeout=PATIENCE)
    return run


def memory() -> int:
    """Return the resident memory of the cluster's processes in MiB."""
    found = processes_of(current().backend.directory)
    return round(sum(psutil.Process(one.pid).memory_info().rss for one in found) / 2**20)


def main() -> None:
    """Measure what is named, print it, and write the file."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    runs, budgets = recorded.pop("runs"), recorded.pop("budgets")
    here = {
        "kubernetes": current().state.kubernetes,
        "backend": current().state.backend,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **current().settings.displayed(),
    }
    if numbers := [int(word) for word in sys.argv[1:] if word != "budgets"]:
        recorded, runs = here, []
    for nodes in numbers:
        runs.append(measure(nodes))
        print({key: value for key, value in runs[-1].items() if key not in ("created", "ready")})
    if "budgets" in sys.argv:
        budgets = here | measure_budgets()
        print({share: run["seconds"] for share, run in budgets["rollouts"].items()})
    lines = ",\n".join(json.dumps(run) for run in runs)
    text = f',\n"budgets": {json.dumps(budgets)},\n"runs": [\n{lines}\n]}}\n'
    RECORDED.write_text(json.dumps(recorded)[:-1] + text, encoding="utf-8")
    reset(workers=3)


if __name__ == "__main__":
    main()
