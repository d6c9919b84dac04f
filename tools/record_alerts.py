"""Record the histories that alert rules are judged on, and the verdicts of promtool on known rules.

    python tools/record_alerts.py record              # all, on the running embedded cluster
    python tools/record_alerts.py record slow dead    # some
    python tools/record_alerts.py verdicts            # verdicts.json, with promtool

Record at pace 0.25: ``analysis/alert_histories.py`` says how much the time axis is stretched.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from daemonset_course.analysis.alert_histories import (
    FIRST_TRIES,
    MIXIN,
    UNSEEN,
    rule_file,
)
from daemonset_course.analysis.rule_tests import digest
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.reset import reset
from daemonset_course.history import log
from daemonset_course.history.shortened import shortened
from daemonset_course.lab.actions import play
from daemonset_course.lab.agent_manifest import agent_manifest, ready_after, running, sets_release
from daemonset_course.lab.criteria.judged_rules import KEY
from daemonset_course.lab.lab import find
from daemonset_course.recording.recorder import record
from daemonset_course.verbs.alert_rules import (
    alert_series,
    histories_folder,
    verdict_to_store,
    verdicts_path,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "labs"))
from proof import attempts, mutants  # type: ignore[import-not-found]

AGENT, OTHER, NAMESPACE = "agent", "collector", "monitoring"
WORKERS, FEWER = 6, 4
_NEVER = 'readinessProbe:\n  exec: {command: ["false"]}\n'
_TAINT = "action: kubectl\ncommand: taint node $worker6 dedicated=db:NoSchedule\n"
_LOOK = "action: kubectl\ncommand: annotate daemonset agent look=again --overwrite\n"
_TOLERATES = "tolerations: [{key: dedicated, operator: Exists}]"
_SLOW = 20  # seconds until a Pod of the slow agent is ready, at pace 1


def _other(release: str, pod: str = "") -> str:
    made = agent_manifest(OTHER, container=sets_release(release), pod=pod)
    return made.replace(f"name: {OTHER}\n", f"name: {OTHER}\n  namespace: {NAMESPACE}\n", 1)


def _rolls_out(manifest: str) -> str:
    return f"{manifest}---\naction: wait rollout\ndaemonset: {OTHER}\nnamespace: {NAMESPACE}\n"


def _agent(release: str, container: str = "") -> str:
    return agent_manifest(AGENT, container=f"{sets_release(release)}{container}")


def _status(**numbers: int) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in numbers.items())
    return f"action: wait status\ndaemonset: {AGENT}\n{lines}"


_NAMESPACE = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n"
_TAINT_4 = _TAINT.replace("worker6", "worker4")
_RUNS = running(_agent("1"), AGENT)
# History: what is played before the recording, and while it runs.
SCENES: dict[str, tuple[str, str]] = {
    "healthy": (_RUNS, running(_agent("2"), AGENT)),
    "slow": (
        running(_agent("1", ready_after(_SLOW)), AGENT),
        running(_agent("2", ready_after(_SLOW)), AGENT),
    ),
    "stuck": (_RUNS, f"{_agent('2', _NEVER)}---\n{_status(updated=1, available=5)}"),
    "gap": (_TAINT, running(_agent("1"), AGENT)),
    "misscheduled": (_RUNS, f"{_TAINT}---\n{_LOOK}---\n{_status(desired=5, misscheduled=1)}"),
    "never ready": ("", f"{_agent('1', _NEVER)}---\n{_status(current=6, ready=0)}"),
    "dead node": (
        _RUNS,
        f"action: break node\nnode: $worker6\n---\n{_LOOK}---\n{_status(desired=5)}",
    ),
    "other fleet": (
        f"{_NAMESPACE}---\n{_TAINT_4}---\n{_rolls_out(_other('1', _TOLERATES))}",
        _rolls_out(_other("2", _TOLERATES)),
    ),
    "other gap": (f"{_NAMESPACE}---\n{_TAINT_4}", _rolls_out(_other("1"))),
}


def record_all(names: Sequence[str]) -> None:
    """Record these histories, each on a fresh fleet."""
    for name in names or SCENES:
        before, during = SCENES[name]
        other = name in UNSEEN
        reset(workers=FEWER if other else WORKERS, force=True)
        play(before)
        with record(OTHER, namespace=NAMESPACE) if other else record(AGENT) as recorder:
            play(during)
        path = histories_folder() / f"{name.replace(' ', '-')}.jsonl"
        path.parent.mkdir(exist_ok=True)
        log.save(list(shortened(recorder.records())), path)
        text = path.read_text().replace(f"{current().name}-", "course-")
        path.write_text(text.replace(f'"cluster":"{current().name}"', '"cluster":"course"'))
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {recorder.history.end:.1f} s")
    reset(workers=3)


def known_rules() -> Iterator[str]:
    """Yield the rule files whose verdicts are recorded.

    These are kubernetes-mixin's, the lesson's, and those of the exercise: its solution, the mutants
    of that, and its attempts.
    """
    yield from (rule_file(MIXIN), rule_file(FIRST_TRIES))
    task = find("real-alerts").task(1)
    steps = [task.start, task.solution, *(mutant for _, mutant in mutants(task.solution))]
    steps += [one.steps for one in attempts() if one.lab == "real-alerts"]
    for step in (step for text in steps for step in yaml.safe_load_all(text) if step):
        if KEY in (step.get("data") or {}):
            yield str(step["data"][KEY])


def main(arguments: Sequence[str] | None = None) -> int:
    """Record histories or verdicts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("record", "verdicts"))
    parser.add_argument("names", nargs="*", metavar="HISTORY")
    given = parser.parse_args(arguments)
    if given.what == "record":
        record_all(given.names)
        return 0
    found = {digest(text, alert_series()): verdict_to_store(text) for text in known_rules()}
    verdicts_path().write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(f"{len(found)} rule files judged: {verdicts_path().name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
