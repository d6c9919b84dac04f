"""Record measurements of large fleets for lesson 14, which cannot wait for them.

    course up --name big --backend embedded --pace 1
    COURSE_CLUSTER=big python tools/scale.py 200 300 1000

Writes ``recordings/14-scale.json``: for each number of nodes when the agent's pods were created and
ready, how long rollouts took, and the memory of the control plane. About ten minutes.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from daemonset_course import apply, kubectl, record, wait_rollout
from daemonset_course.analysis.scale import creation
from daemonset_course.cluster import current, reset
from daemonset_course.cluster.processes import processes_of

ROOT = Path(__file__).resolve().parents[1]
AGENT = ROOT / "manifests" / "lesson-14" / "agent.yaml"
RECORDED = ROOT / "recordings" / "14-scale.json"
SHARES = (10, 50)
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


def roll(share: int) -> float:
    """Return the seconds of a rollout with this ``maxUnavailable`` in percent."""
    change = {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": f"{share}%"}}}}
    kubectl("patch daemonset agent --type merge --patch", json.dumps(change))
    with record("agent") as run:
        kubectl(f"set env daemonset/agent RELEASE={share}")
        wait_rollout("agent", timeout=PATIENCE)
    duration = run.rollouts[-1].duration
    assert duration is not None, run.caption
    return round(duration, 1)


def memory() -> int:
    """Return the resident memory of the cluster's processes in MiB."""
    found = processes_of(current().backend.directory)
    return round(sum(psutil.Process(one.pid).memory_info().rss for one in found) / 2**20)


def main() -> None:
    """Measure each number of nodes, print it, and write the file."""
    runs = []
    for nodes in map(int, sys.argv[1:]):
        runs.append(measure(nodes))
        print({key: value for key, value in runs[-1].items() if key not in ("created", "ready")})
    header = {
        "kubernetes": current().state.kubernetes,
        "backend": current().state.backend,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **current().settings.displayed(),
    }
    lines = ",\n".join(json.dumps(run) for run in runs)
    text = json.dumps(header)[:-1] + f', "runs": [\n{lines}\n]}}\n'
    RECORDED.write_text(text, encoding="utf-8")
    reset(workers=3)


if __name__ == "__main__":
    main()
