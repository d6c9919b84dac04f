"""A lab: start and check tasks, read hints, the solution and the debrief.

lab = open_lab("06-roll-within-budget")
lab.start(1)
...                 # YAML in the notebook, or kubectl in a terminal
lab.check(1)

The notebook, ``course lab`` in a terminal and CI see the same task: what was started, and its
recording, are in the cluster's folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster.components import components_down, components_first
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.reset import reset
from daemonset_course.cluster.usage import Usage, require_other_task_ended, usage_of
from daemonset_course.errors import BadInput, CourseError, NotRunning
from daemonset_course.files import write_whole
from daemonset_course.history.index import History
from daemonset_course.history.log import Object
from daemonset_course.lab import lab_log, leaderboard, results
from daemonset_course.lab.actions import named, play
from daemonset_course.lab.evidence import ENDED, JUDGED_NOW, SYSTEM, Evidence, probe_mark
from daemonset_course.lab.lab import EXERCISES, Lab, Probe, Task, find
from daemonset_course.lab.lab_log import LabRecording
from daemonset_course.lab.lab_recorder import CLOCK, LOG
from daemonset_course.lab.learner_yaml import pieces
from daemonset_course.lab.model_answers import MODEL_ANSWERS
from daemonset_course.lab.solutions import compared
from daemonset_course.lab.typed import check_size, check_strings
from daemonset_course.lab.verdict import Verdict, cannot_check, judge, needed_probe
from daemonset_course.places import REPOSITORY, cluster_name, course_command
from daemonset_course.progress import in_notebook, waiting
from daemonset_course.recording.live_output import LiveView
from daemonset_course.recording.recorder import Recording, compare
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.nodes import split_taint

# Seconds that a check waits: fixed part, part at pace 1, part for each worker.
PATIENCE = 10.0, 50.0, 0.6
STARTED = "task.json"  # what was started
OTHER_CHECK = 120.0  # seconds that a check waits for another one to undo what it did
JOURNAL = "probe.json"  # what the checker has to undo
PASSED = "passed.json"  # how much was recorded when the task was passed
_FORMAT = 1


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
    return LabSession(find(name))


class LabSession:
    """One learner at one lab. Not for use from several threads."""

    def __init__(self, lab: Lab) -> None:
        """Open a lab."""
        self.lab = lab
        self._recording: tuple[str, LabRecording] | None = None
        self._view: LiveView | None = None  # while a check waits

    @waiting("the start of the task")
    def start(self, number: int = 1, *, force: bool = False) -> Words:
        """Bring the cluster into the task's starting state, and return its description.

        Call it again for a new try. A process of its own records the history that ``check`` judges,
        until the task is passed, or until ``reset``. ``force`` ends a task of another lab that runs
        in another notebook.

        Raises:
            InUse: such a task runs.
            CourseError: the cluster cannot be brought into that state.
        """
        task = self.lab.task(number)
        if not force:
            require_other_task_ended(cluster_name(), self._what)
        self._require_version()
        changes = self._cleared(len(self.lab.workers))
        cluster = current()
        self._prepare_fleet(cluster)
        play(task.start)
        lab_log.start(cluster, self.lab.daemonset_of(number), self.lab.namespace,
                      what=self._what if self._is_exercise else f"{self._what} task {number}",
                      rights=self.lab.rights, workloads=self.lab.workloads)  # fmt: skip
        started = {"format": _FORMAT, "lab": self.lab.name, "task": number}
        write_whole(lab_log.folder_of(cluster.name) / STARTED, json.dumps(started))
        title = task.title if self._is_exercise else f"Task {number}: {task.title}"
        return Words(f"{title}\n\n{task.there}\n\n{_put_right(changes)}")

    def apply(self, text: str) -> Words:
        """Apply whole objects, and patch the DaemonSet with parts of it; return what was done.

        Several documents have ``---`` between them. An empty text does nothing.

        Raises:
            Rejected, BadInput, CommandFailed: the YAML is broken, or the server refuses it.
        """
        if not text.strip():
            return Words("Nothing to apply yet: write YAML between the quotes, and run this again.")
        check_size(text)
        check_strings(text)
        name, namespace = self.lab.daemonset_of(self._number(None)), self.lab.namespace
        patch = f"patch daemonset {name} -n {namespace} --patch"
        done = [
            repr(apply(one.text, namespace=namespace)) if one.is_whole else kubectl(patch, one.text)
            for one in pieces(text, name)
        ]
        return Words("\n".join(map(str.strip, done)))

    def check(self, number: int | None = None, *, watch: bool = False) -> Verdict:
        """Judge what the cluster did since ``start``; store and return the verdict.

        Waits while the cluster is still converging: at most 10 s, 50 s times the pace, and 0.6 s
        for each worker; a notebook shows the task's recording live meanwhile. With ``watch`` it
        shows how the criteria turn out, and returns when the task is passed or cannot be passed any
        more; interrupt it to end it sooner. An error of the cluster is not raised; the verdict
        reports it.
        """
        if watch:
            return show_changes(self.verdicts(number))
        with waiting("the verdict", about=self.lab.daemonset_of(self._number(number))):
            try:
                return self._check(number, self._patience())
            finally:
                if self._view is not None:
                    self._view.close()
                    self._view = None

    def verdicts(self, number: int | None = None) -> Iterator[Verdict]:
        """Yield a verdict after each change, until the task is passed or cannot be any more."""
        while True:
            verdict = self._check(number, patience=0.0)
            yield verdict
            if verdict.outcome in ("passed", "cannot check") or verdict.final:
                return
            recording = self.recording
            seen = recording.read()
            recording.wait_for_more(seen, time.monotonic() + 1)

    def _check(self, number: int | None, patience: float) -> Verdict:
        number = self._number(number)
        task = self.lab.task(number)
        try:
            with components_first():
                lacking = set(task.needs) - current().backend.capabilities
                verdict = _incapable(lacking) if lacking else self._judge(task, number, patience)
        except CourseError as error:
            seen = (error.seen,) if error.seen else ()
            verdict = cannot_check(error.failed, seen, where=error.next_step)
        given = self._call("hint", number) if task.hints else ""
        return self._store_verdict(number, replace(verdict, task=number, hint=given))

    def _patience(self) -> float:
        """Return how long a check waits, in seconds."""
        fixed, at_pace_1, each = PATIENCE
        pace = 0.0
        with suppress(CourseError):
            pace = current().pace
        return fixed + at_pace_1 * pace + each * len(self.lab.workers)

    def _number(self, number: int | None) -> int:
        """Return the number of a task; None: of the one that was started last."""
        if number is not None:
            return number
        with suppress(CourseError):
            return self.started() or 1
        return 1

    def hint(self, number: int | None = None) -> Words:
        """Return the next of three hints: where to look, the concept, a fragment."""
        number = self._number(number)
        hints = self.lab.task(number).hints
        hint_number, note = results.next_hint(self.lab.name, number, len(hints))
        text = hints[hint_number - 1]
        return Words(f"**Hint {hint_number} of {len(hints)}.**{_shown(text)}{_noted(note)}")

    def solution(self, number: int | None = None) -> Words:
        """Compare what you applied with a reference solution; available after passing."""
        number = self._number(number)
        task = self.lab.task(number)
        entries, note = results.load(self.lab.name)
        passed = entries.get(number, {}).get("passed")
        if not passed:
            later = f"{self._named(number)} is not passed yet: the solution comes after that."
            return Words(f"{later}{_noted(note)}")
        steps = task.solution
        with suppress(CourseError):
            steps = named(steps, current().name)
        return Words(f"{compared(steps, results.manifests_of(passed))}{_noted(note)}")

    def debrief(self) -> Words:
        """Return the cause, the model, cases from production, and an interview question.

        A notebook shows the model answer to the question folded.
        """
        answer = MODEL_ANSWERS.get(self.lab.name, "")
        folded = f"\n<details><summary>A model answer</summary>\n\n{answer}\n\n</details>\n"
        return Words(f"{self.lab.debrief}{folded if answer else ''}")

    @waiting("the reset of the lab")
    def reset(self) -> Words:
        """End the lab: stop the recorder, and reset the cluster as after ``course up``."""
        return Words(_put_right(self._cleared(None)))

    def progress(self) -> Words:
        """Return a table of the tasks: the best verdict with its time, and what is recorded."""
        stored, note = results.load(self.lab.name)
        rows = ["| task | verdict | recording |", "|---|---|---|"]
        for number, task in enumerate(self.lab.tasks, 1):
            verdict = results.best(stored.get(number, {}))
            rows.append(f"| {number}. {task.title} | {verdict} | {self._state(number)} |")
        return Words("\n".join(rows) + _noted(note))

    def leaderboard(self) -> Words:
        """Return a table of your best releases of this lab, on this machine."""
        return Words(leaderboard.table(self.lab.name))

    def started(self) -> int | None:
        """Return the number of this lab's task that was started last; None if another lab's was."""
        found = started_on(current().name)
        return found[1] if found is not None and found[0] == self.lab.name else None

    @property
    def recording(self) -> LabRecording:
        """The recording of the task that was started last, for ``plot`` and ``rollouts``.

        Raises:
            BadInput: no task of this lab was started on this cluster.
        """
        number = self.started()
        if number is None:
            raise BadInput("No task of this lab was started.", next_step=self._call("start", 1))
        folder = lab_log.folder_of(current().name)
        try:
            begun = (folder / CLOCK).read_text()
        except OSError as error:
            raise BadInput(
                "The task has no recording.",
                seen=str(error),
                next_step=self._call("start", number),
            ) from error
        if self._recording is None or self._recording[0] != begun:
            self._recording = begun, LabRecording(folder)
        found = self._recording[1]
        found.criteria = self.lab.task(number).criteria
        return found

    def reference(self, number: int | None = None) -> Recording:
        """Return the recording of a reference solution of a task; available after passing.

        Raises:
            BadInput: the task is not passed yet, or has no such recording.
        """
        number = self._number(number)
        self.lab.task(number)
        path = reference_of(self.lab.name, number)
        if "passed" not in results.load(self.lab.name)[0].get(number, {}):
            raise BadInput(
                f"{self._named(number)} is not passed yet: the reference run comes after that.",
                next_step=f"lab.check({number})",
            )
        if not path.exists():
            raise BadInput(
                f"{self._named(number)} has no reference run: no rollout is to be compared."
            )
        return Recording.load(path)

    def beside_reference(self, number: int | None = None) -> Any:
        """Return a ``Picture`` of your run beside a reference run; words where there is none yet.

        0 on its time axis is the last new template of each.
        """
        try:
            return compare(self.recording, self.reference(number), labels=("yours", "a reference"))
        except BadInput as error:
            return Words(str(error))

    # Start and reset

    def _cleared(self, workers: int | None) -> tuple[str, ...]:
        """End what runs, undo what a check left, reset the cluster; return what was put right."""
        try:
            name = current().name
        except CourseError:
            return reset(workers=workers).changes
        folder = lab_log.folder_of(name)
        with suppress(CourseError):  # the reset puts it right too
            finish_probe(folder)
        lab_log.end(name)
        for file in (JOURNAL, STARTED, PASSED, LOG, lab_log.MARKS, CLOCK):
            (folder / file).unlink(missing_ok=True)
        return reset(workers=workers, force=True).changes  # the recorder may still be ending

    def _require_version(self) -> None:
        try:
            version = current().state.kubernetes
        except NotRunning:
            return  # the reset starts the cluster again
        if not self.lab.runs_on(version):
            raise BadInput(
                f"Lab {self.lab.name} needs Kubernetes {self.lab.kubernetes} or newer.",
                seen=version,
                next_step=f"{course_command('down')}, then {course_command('up')}",
            )

    def _prepare_fleet(self, cluster: Cluster) -> None:
        patches: dict[str, Object] = {}
        for number, worker in enumerate(self.lab.workers, 1):
            patch: dict[str, Any] = {}
            if worker.labels:
                patch["metadata"] = {"labels": dict(worker.labels)}
            if worker.taints:
                pairs = map(split_taint, worker.taints)
                taints = [{"key": k, "value": v, "effect": e} for k, v, e in pairs]
                patch["spec"] = {"taints": taints}
            if worker.cordoned:
                patch["spec"] = patch.get("spec", {}) | {"unschedulable": True}
            if patch:
                node = f"{cluster.name}-worker{number if number > 1 else ''}"
                patches[f"/api/v1/nodes/{node}"] = patch
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(cluster.api.merge, patches, patches.values()))

    # Check

    def _call(self, verb: str, number: int) -> str:
        """Return what the learner types for a verb: ``lab.hint(1)``, in an exercise ``hint()``."""
        return f"{verb}()" if self._is_exercise else f"lab.{verb}({number})"

    def _named(self, number: int) -> str:
        """Return how a sentence begins that is about a task; an exercise has one only."""
        return "This exercise" if self._is_exercise else f"Task {number}"

    @property
    def _what(self) -> str:
        """How a message names the tasks of this lab: ``lab 06-roll-within-budget,``."""
        name = self.lab.name
        return f"exercise {name}" if self._is_exercise else f"lab {name},"

    @property
    def _is_exercise(self) -> bool:
        return self.lab.name in EXERCISES

    def _judge(self, task: Task, number: int, patience: float) -> Verdict:
        if self.started() != number:
            start = self._call("start", number)
            return _no_recording(number, started_on(current().name), start)
        folder = lab_log.folder_of(current().name)
        finish_probe(folder)
        recording = self.recording
        if not recording.running and (passed := _passed_with(recording)):
            return judge(Evidence(passed), task.criteria)
        verdict = self._settled(task, recording, patience)
        tried: set[str] = set()
        while recording.running and (name := needed_probe(verdict)) and name not in tried:
            tried.add(name)
            verdict = self._with_probe(task, task.probe(name), recording)
        if recording.running or (recording.history.ended and verdict.passed):
            return verdict
        start = self._call("start", number)
        return _no_recorder(recording, usage_of(current().name), start)

    def _settled(self, task: Task, recording: LabRecording, patience: float) -> Verdict:
        """Return the first verdict that is not "not yet", or the one after ``patience`` seconds."""
        cluster = current()
        deadline = time.monotonic() + patience
        if recording.running:  # a finished recording is judged without new records
            recording.catch_up(cluster.api, self.lab.namespace, components_down(cluster.name),
                               rights=self.lab.rights,
                               workloads=self.lab.workloads)  # fmt: skip
        while True:
            last = time.monotonic() >= deadline or not recording.running
            history = recording.history  # up to now
            seen = len(history.records)
            verdict = judge(Evidence(history), task.criteria)
            if verdict.outcome != "not yet" or last or needed_probe(verdict):
                return verdict
            self._show_live(recording)
            recording.wait_for_more(seen, min(deadline, time.monotonic() + 1))

    def _show_live(self, recording: LabRecording) -> None:
        """Show the log live from now on, in a notebook; the view reads it by itself."""
        if self._view is None and in_notebook():
            self._view = LiveView(LabRecording(recording.folder))
            self._view.open()

    def _with_probe(self, task: Task, probe: Probe, recording: LabRecording) -> Verdict:
        """Do what a probe does, judge, and undo it; the history has a mark at both moments."""
        folder = lab_log.folder_of(current().name)
        with _one_at_a_time(folder):
            write_whole(folder / JOURNAL, json.dumps({"name": probe.name, "undo": probe.undo}))
            try:
                recording.mark(probe_mark(probe.name))
                play(probe.act)
                verdict = self._settled(task, recording, self._patience())
                if verdict.outcome != "not yet" or needed_probe(verdict):  # else it is done again
                    recording.mark(probe_mark(probe.name, JUDGED_NOW))
            finally:
                _undo(folder, recording)
        return verdict

    def _store_verdict(self, number: int, verdict: Verdict) -> Verdict:
        notes: list[str] = []
        manifests: list[Object] = []
        try:
            if verdict.passed:
                history = self.recording.history
                if self.recording.running:
                    judged = {"records": len(history.records), "end": history.end}
                    write_whole(self.recording.folder / PASSED, json.dumps(judged))
                manifests = _daemonsets(history)
                lab_log.end(current().name)
                notes += self._ranked(number, Evidence(history))
            stored, note = results.load(self.lab.name)
            if verdict.outcome == "wrong" and "passed" in stored.get(number, {}):
                notes.append("You passed this task before; the present state does not pass.")
            notes += filter(None, [note, results.keep(self.lab.name, number, verdict, manifests)])
        except CourseError as error:  # the verdict counts more than its copy on disk
            notes.append(f"the result could not be kept: {error}")
        return replace(verdict, notes=(*verdict.notes, *notes))

    def _ranked(self, number: int, evidence: Evidence) -> Iterator[str]:
        """Put a passed task with a score on the leaderboard; yield notes for the learner."""
        task = self.lab.task(number)
        score = task.score(evidence) if task.score else None
        if score is None:
            return
        how = leaderboard.strategy_words(evidence.daemonset(self.lab.daemonset).after)
        try:
            rank, count, note = leaderboard.add(self.lab.name, score, how)
        except CourseError as error:
            yield f"the score could not be kept: {error}"
            return
        yield f"On your leaderboard: rank {rank} of {count}, with {score.points} points."
        if note:
            yield note

    def _state(self, number: int) -> str:
        try:
            current().api.get("/version")
            if self.started() != number:
                return "none"
            return "runs" if self.recording.running else "ended"
        except CourseError:
            return "the cluster does not answer"


def show_changes(verdicts: Iterator[Verdict]) -> Verdict:
    """Show verdicts in one place of a notebook, or print each that differs; return the last."""
    from IPython.display import display  # noqa: PLC0415 - 250 ms

    shown, handle = "", None
    for verdict in verdicts:
        if handle is None:
            handle = display(verdict, display_id=True)  # type: ignore[no-untyped-call]
        elif repr(verdict) != shown:
            handle.update(verdict)
        shown = repr(verdict)
    return verdict


def reference_of(lab: str, number: int) -> Path:
    """Return the file of a task's reference run; ``tools/reference_runs.py`` writes it."""
    return REPOSITORY / "recordings" / "labs" / f"{lab}-{number}.jsonl"


def started_on(cluster: str) -> tuple[str, int] | None:
    """Return lab and task that were started last on a cluster; None if none was."""
    try:
        saved = json.loads((lab_log.folder_of(cluster) / STARTED).read_text())
        return (str(saved["lab"]), int(saved["task"])) if saved["format"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def finish_probe(folder: Path) -> None:
    """Undo what an interrupted check did, also in another process that has ended since.

    Raises:
        CourseError: it could not be undone; the next ``start``, ``check`` or ``reset`` tries again.
    """
    if (folder / JOURNAL).exists():
        with _one_at_a_time(folder):  # while another check runs, that one undoes it
            _undo(folder, None)


def _undo(folder: Path, recording: LabRecording | None) -> None:
    path = folder / JOURNAL
    try:
        saved = json.loads(path.read_text())
        name, undo = str(saved["name"]), str(saved["undo"])
    except (OSError, ValueError, TypeError, KeyError):
        path.unlink(missing_ok=True)
        return
    play(undo)
    (recording or LabRecording(folder)).mark(probe_mark(name, ENDED))
    path.unlink(missing_ok=True)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the lock of what checks do to the cluster."""
    try:
        with filelock.FileLock(folder / "probe.lock", timeout=OTHER_CHECK):
            yield
    except filelock.Timeout as error:
        raise NotRunning(
            "Another check of this task changes the cluster at the moment.",
            seen=f"it has not undone that within {OTHER_CHECK:g} s",
            next_step="Wait for it, or interrupt it, and check again.",
        ) from error


def _passed_with(recording: LabRecording) -> History | None:
    """Return the history with which the task was passed; None if it was not.

    What the recorder saw while it ended, such as the end of a watch, is no part of it.
    """
    try:
        judged = json.loads((recording.folder / PASSED).read_text())
        found = History(recording.history.records[: int(judged["records"])])
        found.advance(float(judged["end"]))
    except (OSError, ValueError, KeyError, TypeError, BadInput):
        return None
    return found


def _daemonsets(history: Any) -> list[Object]:
    found = history.objects("daemonsets")
    return [one for one in found if one["metadata"].get("namespace") not in SYSTEM]


def _no_recording(number: int, running: tuple[str, int] | None, start: str) -> Verdict:
    why = (
        f"task {running[1]} of {running[0]} was started last" if running else "no task was started"
    )
    return cannot_check(
        f"There is no recording of task {number} on this cluster ({why}).",
        rule="A check judges the history since the start of the task.",
        where=f"{start} brings the task back; then do it again.",
    )


def _no_recorder(recording: LabRecording, usage: Usage | None, start: str) -> Verdict:
    reset_by = usage.reset_by if usage else ""
    why = lab_log.failure(lab_log.folder_of(current().name))
    return cannot_check(
        f"The cluster was reset by {reset_by}: the task has ended."
        if reset_by
        else "The recorder of the task has ended, so what happened since is unknown.",
        (f"recorded until {recording.history.last:.0f} s after the start", *filter(None, [why])),
        "A check judges the history since the start of the task.",
        f"{start} brings the task back; then do it again.",
        final=True,
    )


def _incapable(lacking: set[str]) -> Verdict:
    return cannot_check(
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
    first = text.partition(":")[0]
    language = "bash" if first.startswith("kubectl") else "yaml"
    return f"\n\n```{language}\n{text}\n```"
