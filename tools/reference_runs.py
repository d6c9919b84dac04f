"""Record the reference runs of labs whose tasks are about a rollout, into recordings/labs.

    python tools/reference_runs.py 06 07      # on the running embedded cluster, at pace 1

A reference run is the solution of a task, played on the cluster from the start of the task until it
is passed. ``lab.beside_reference(n)`` draws it beside the learner's own run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from daemonset_course.history import log
from daemonset_course.history.shortened import shortened
from daemonset_course.lab.actions import play
from daemonset_course.lab.lab import find
from daemonset_course.lab.session import LabSession, reference_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the tasks of the labs named; return how many did not pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("labs", nargs="+", metavar="LAB", help="such as 06")
    failed = 0
    for name in parser.parse_args(arguments).labs:
        session = LabSession(find(name))
        for number, task in enumerate(session.lab.tasks, 1):
            session.start(number)
            play(task.solution)
            verdict = session.check(number)
            rolled = bool(session.recording.rollouts)
            words = "no rollout" if verdict.passed and not rolled else verdict.outcome
            print(f"{session.lab.name} {number}: {words}")
            failed += not verdict.passed
            if verdict.passed and rolled:
                path = reference_of(session.lab.name, number)
                path.parent.mkdir(exist_ok=True)
                log.save(list(shortened(session.recording.records())), path)
        session.reset()
    return failed


if __name__ == "__main__":
    sys.exit(main())
