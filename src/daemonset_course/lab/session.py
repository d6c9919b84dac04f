"""A lab in a notebook: start and check tasks, read hints, the solution and the debrief.

lab = open_lab("06-roll-within-budget")
lab.start(1)
...                 # YAML in the notebook, or kubectl in a terminal
lab.check(1)
"""

from __future__ import annotations

import difflib
import time
from dataclasses import replace
from typing import Any

import yaml

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster.api import Object
from daemonset_course.cluster.components import components_first
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.reset import reset
from daemonset_course.errors import BadInput, CourseError, RecorderFailed
from daemonset_course.lab import evidence, results
from daemonset_course.lab.check import Verdict, judge
from daemonset_course.lab.lab_recorder import LabRecorder
from daemonset_course.lab.tasks import Task, find
from daemonset_course.lab.typed import check_strings
from daemonset_course.places import course_command
from daemonset_course.recording.recorder import Recorder
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl

PATIENCE = 10.0, 50.0  # seconds that a check waits for a rollout: fixed part, and part at pace 1


class Words(str):
    """Text that a notebook shows as Markdown, and a terminal as plain text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


def open_lab(name: str) -> LabSession:
    """Return the lab of that name; the cluster is not changed until ``start``.

    Raises:
        BadInput: there is no such lab.
    """
    return LabSession(name)


class LabSession:
    """One learner at one lab. Not for use from several threads."""

    def __init__(self, name: str) -> None:
        self._lab = find(name)
        self._recorder: LabRecorder | None = None
        self._number = 0

    def start(self, number: int) -> Words:
        """Bring the cluster into the task's starting state, and return its description.

        Call it again for a new try. A recorder records the history that ``check`` judges.

        Raises:
            CourseError: the cluster cannot be brought into that state.
        """
        task = self._lab.task(number)
        failed = self._stop()
        fleet = reset(workers=self._lab.workers)
        there = task.prepare()
        recorder = LabRecorder(current(), self._lab.daemonset, "default")
        recorder.start()
        self._recorder, self._number = recorder, number
        done = f"{_put_right(fleet.changes)}{failed}"
        return Words(f"Task {number}: {task.title}\n\n{there}\n\n{done}")

    def apply(self, text: str) -> Words:
        """Apply a manifest, or patch the DaemonSet with a fragment; return what was done.

        An empty text does nothing.

        Raises:
            Rejected, BadInput, CommandFailed: the YAML is broken, or the server refuses it.
        """
        if not text.strip():
            return Words("Nothing to apply yet: write YAML between the quotes, and run this again.")
        check_strings(text)
        if "kind" in _mapping(text):
            return Words(repr(apply(text)))
        return Words(kubectl(f"patch daemonset {self._lab.daemonset} --patch", text).strip())

    def check(self, number: int) -> Verdict:
        """Judge what the cluster did since ``start``; store and return the verdict.

        Waits while the cluster is still converging: at most 10 s plus 50 s times the pace. An error
        of the cluster is not raised; the verdict reports it.
        """
        task = self._lab.task(number)
        try:
            with components_first():
                lacking = set(task.needs) - current().backend.capabilities
                verdict = _incapable(lacking) if lacking else self._judge(task, number)
        except CourseError as error:
            seen = (error.seen,) if error.seen else ()
            verdict = Verdict("cannot check", error.failed, seen, where=error.next_step)
        return self._store_verdict(number, replace(verdict, task=number))

    def hint(self, number: int) -> Words:
        """Return the next of three hints: where to look, the concept, a fragment."""
        hints = self._lab.task(number).hints
        hint_number, note = results.next_hint(self._lab.name, number, len(hints))
        text = hints[hint_number - 1]
        return Words(f"**Hint {hint_number} of {len(hints)}.**{_shown(text)}{_noted(note)}")

    def solution(self, number: int) -> Words:
        """Diff your manifest against a reference solution; available after passing."""
        task = self._lab.task(number)
        entries, note = results.load(self._lab.name)
        passed = entries.get(number, {}).get("passed")
        if not passed:
            later = f"Task {number} is not passed yet: the solution comes after that."
            return Words(f"{later}{_noted(note)}")
        ours = _relevant(yaml.safe_load(task.solution))
        try:
            theirs = _relevant(passed["manifest"])
        except (KeyError, TypeError, AttributeError):  # the stored file was edited
            theirs, same = ours, "Your own manifest was not kept. A solution:"
        else:
            same = "Yours is the same:" if ours == theirs else "Both pass. They differ here:"
        lines = difflib.unified_diff(ours, theirs, "a solution", "yours", lineterm="", n=2)
        text = "\n".join(lines) or "\n".join(ours)
        return Words(f"{same}\n\n```diff\n{text}\n```{_noted(note)}")

    def debrief(self) -> Words:
        """Return the cause, the model, cases from production, and an interview question."""
        return Words(self._lab.debrief)

    def reset(self) -> Words:
        """End the lab: stop the recorder, and reset the cluster as after ``course up``."""
        failed = self._stop()
        self._recorder, self._number = None, 0
        return Words(f"{_put_right(reset().changes)}{failed}")

    def progress(self) -> Words:
        """Return a table of the tasks: the best verdict with its time, and what is recorded."""
        stored, note = results.load(self._lab.name)
        rows = ["| task | verdict | recording |", "|---|---|---|"]
        for number, task in enumerate(self._lab.tasks, 1):
            verdict = results.best(stored.get(number, {}))
            rows.append(f"| {number}. {task.title} | {verdict} | {self._now(number)} |")
        return Words("\n".join(rows) + _noted(note))

    @property
    def recording(self) -> Recorder:
        """The recording of the task that was started last, for ``plot`` and ``rollouts``.

        Raises:
            BadInput: no task was started in this notebook session.
        """
        if self._recorder is None:
            raise BadInput("No task was started yet.", next_step="lab.start(1)")
        return self._recorder

    def _judge(self, task: Task, number: int) -> Verdict:
        recorder = self._recorder
        if recorder is None or self._number != number:
            return _no_recording(number, self._number)
        cluster = current()
        if recorder.running:  # a finished recording is judged without new records
            recorder.catch_up(cluster.api)
        deadline = time.monotonic() + PATIENCE[0] + PATIENCE[1] * cluster.pace
        while True:
            last = time.monotonic() >= deadline
            with recorder.reading() as history:  # up to now
                seen = len(history.records)
                verdict = judge(evidence.read(history), task.rules)
            if verdict.outcome != "not yet" or last:
                return verdict
            recorder.more_than(seen, deadline)

    def _store_verdict(self, number: int, verdict: Verdict) -> Verdict:
        manifest: Object | None = None
        notes: list[str] = []
        if verdict.passed and self._recorder is not None:
            try:
                self._recorder.stop()
            except RecorderFailed as error:  # too late to change the verdict
                notes.append(str(error))
            manifest = dict(evidence.read(self._recorder.history).after or {})
        try:
            notes += filter(None, [results.keep(self._lab.name, number, verdict, manifest)])
        except CourseError as error:  # the verdict counts more than its copy on disk
            notes.append(f"the result could not be kept: {error}")
        return replace(verdict, observed=(*verdict.observed, *notes))

    def _now(self, number: int) -> str:
        if self._number != number or self._recorder is None:
            return "none"
        try:
            current().api.get("/version")
        except CourseError:
            return "the cluster does not answer"
        return "runs" if self._recorder.running else "ended"

    def _stop(self) -> str:
        """End the recording; return a message if the recorder itself failed."""
        try:
            if self._recorder is not None:
                self._recorder.stop()
        except RecorderFailed as error:  # that recording is discarded
            return f"\n\nThe recording before this: {error}"
        return ""


def _no_recording(number: int, running: int) -> Verdict:
    why = f"task {running} was started last" if running else "no task was started in this session"
    return Verdict(
        "cannot check",
        f"There is no recording of task {number} in this notebook session ({why}).",
        rule="A check judges the history, and the history ends with the kernel that recorded it.",
        where=f"lab.start({number}) brings the task back; then do it again.",
    )


def _incapable(lacking: set[str]) -> Verdict:
    return Verdict(
        "cannot check",
        f"This task needs {' and '.join(sorted(lacking))}, which this cluster does not have.",
        tuple(f"{name}: {CAPABILITIES[name]}" for name in sorted(lacking)),
        where=f"On a machine with Docker or podman: {course_command('down')}, "
        f"then {course_command('up --backend kind')}.",
    )


def _put_right(changes: tuple[str, ...]) -> str:
    if not changes:
        return "Put right: nothing, the cluster was fresh."
    more = f"; and {len(changes) - 5} more" if len(changes) > 5 else ""
    return f"Put right: {'; '.join(changes[:5])}{more}."


def _noted(note: str) -> str:
    return f"\n\n{note}" if note else ""


def _shown(text: str) -> str:
    """Format a hint as Markdown; a hint of several lines is a code block."""
    if "\n" not in text:
        return f" {text}"
    return f"\n\n```{'yaml' if text.startswith('spec:') else 'bash'}\n{text}\n```"


def _mapping(text: str) -> dict[str, Any]:
    """Return the first YAML document if it is a mapping; ``apply`` reports broken YAML."""
    try:
        first = next(iter(yaml.safe_load_all(text)), None)
    except yaml.YAMLError:
        return {"kind": ""}
    return first if isinstance(first, dict) else {"kind": ""}


def _relevant(manifest: Object) -> list[str]:
    """Return the lines of the spec that matter for a rollout: strategy, and container fields."""
    spec = manifest["spec"]
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    strategy = {key: value for key, value in rolling.items() if value not in (0, "0%")}
    containers = [
        {key: each[key] for key in ("name", "image", "env") if key in each}
        for each in spec["template"]["spec"]["containers"]
    ]
    kind = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate")
    basics = {"updateStrategy": {"type": kind, "rollingUpdate": strategy}, "containers": containers}
    return str(yaml.safe_dump(basics, sort_keys=False)).splitlines()
