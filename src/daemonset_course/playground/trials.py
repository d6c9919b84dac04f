"""Run the settings of the playground, in a thread of its own; one run at a time. No widgets.

trials = Trials()
trials.roll(Settings(nodes=4, max_unavailable="2"))   # returns at once
trials.wait()                                         # the Trial
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from daemonset_course import placement
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.reset import reset
from daemonset_course.errors import (
    BadInput,
    CourseError,
    NotFinished,
    NotRunning,
    Rejected,
    in_one_line,
)
from daemonset_course.history.podstate import is_ready, is_terminating
from daemonset_course.history.rollouts import rollouts
from daemonset_course.playground.settings import DAEMONSET, Settings, refusals
from daemonset_course.playground.trial import Trial, predictions
from daemonset_course.recording.recorder import Recorder, record
from daemonset_course.verbs.apply import apply, parse
from daemonset_course.verbs.nodes import break_node
from daemonset_course.verbs.rollout import wait_rollout

PAUSE = 0.25  # seconds between two looks at the recording, at least
SHARE = 0.2  # of the time that a look may take
# Seconds in which no Pod changes, after which a run ends: beside the start and stop of a Pod.
STILL = {"RollingUpdate": 15.0, "OnDelete": 60.0}
_ONE_AT_A_TIME = threading.Lock()  # also of two panels: they have the same cluster
_FIRST_RUN = 60.0  # seconds that the first Pods may take, beside their start


class Trials:
    """The runs of a playground. Safe to use from several threads.

    Attributes:
        message: what it does now, or what has happened.
        problems: what is wrong with a field of the last settings, by its name.
        recorder: the recording of the run under way; None if there is none.
        trials: the runs that have ended, the newest last.
        error: why the last run failed; None if it did not.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Begin without runs; ``on_change`` is called, in the run's thread, after each change."""
        self.message = "Choose, predict, then roll."
        self.problems: dict[str, str] = {}
        self.recorder: Recorder | None = None
        self.trials: list[Trial] = []
        self.error: CourseError | None = None
        self._on_change = on_change
        self._asked = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None  # of the run under way
        self._latest: threading.Thread | None = None  # it may still tell of its end

    @property
    def running(self) -> bool:
        """Whether a run or a reset is under way."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def roll(self, settings: Settings) -> None:
        """Begin a run and return at once; ``problems`` says why one was not begun.

        Raises:
            BadInput: another run is under way.
        """
        with self._asked:
            self._require_idle()
            self.error, self.problems = None, settings.problems()
            if self.problems:
                self._say("Nothing was begun: correct the fields marked with ✘.")
                return
            self._begin(lambda stopped: self._run(settings, stopped), "playground-roll")

    def stop(self) -> None:
        """End the recording of the run under way; in the cluster the rollout goes on."""
        self._stop.set()

    def reset(self) -> None:
        """Stop what runs, reset the cluster, forget the runs; return at once."""
        with self._asked:
            self.stop()
            self._begin(lambda _: self._reset(), "playground-reset")

    def wait(self, timeout: float = 300.0) -> Trial:
        """Return the newest run, after the end of the one under way.

        Raises:
            BadInput: it was not begun because of a field; or there is no run.
            CourseError: it failed.
            NotFinished: it has not ended within ``timeout`` seconds.
        """
        thread = self._latest
        if thread is not None:
            thread.join(timeout)
            if thread.is_alive():
                raise NotFinished(
                    f"The run has not ended within {timeout:g} s.", seen=self.message,
                    next_step="Press Stop, or wait again.",
                )  # fmt: skip
        if self.error is not None:
            raise self.error
        if self.problems:
            words = "; ".join(f"{name}: {text}" for name, text in self.problems.items())
            raise BadInput("The run was not begun.", seen=words, next_step="Correct the fields.")
        if not self.trials:
            raise BadInput("There is no run yet.", next_step="Press Roll.")
        return self.trials[-1]

    def _require_idle(self) -> None:
        if self.running:
            raise BadInput("A run is under way.", seen=self.message, next_step="Press Stop first.")

    def _begin(self, work: Callable[[threading.Event], None], name: str) -> None:
        self._stop = stopped = threading.Event()
        self._thread = self._latest = threading.Thread(
            target=self._guarded, args=(work, stopped), name=name, daemon=True
        )
        self._thread.start()

    def _guarded(self, work: Callable[[threading.Event], None], stopped: threading.Event) -> None:
        """Work, and keep an error of it for the learner: nobody else sees one of a thread."""
        try:
            with _ONE_AT_A_TIME:
                work(stopped)
        except Rejected as error:
            self.problems = refusals(error.reasons)
            self._say("Nothing was begun: the API server refuses what is marked with ✘.")
        except CourseError as error:
            self.error = error
            self._say(str(error))
        except Exception as error:
            self.error = CourseError(
                "The playground failed.", seen=in_one_line(error),
                next_step="Reset, and roll again. The course itself failed: please report it.",
            )  # fmt: skip
            self.error.__cause__ = error
            self._say(str(self.error))
        finally:
            if self._thread is threading.current_thread():  # else a reset waits for this end
                self._thread = self.recorder = None
                self._changed()

    def _run(self, settings: Settings, stopped: threading.Event) -> None:
        self._say("Asking the API server whether these settings are valid.")
        with suppress(NotRunning):  # the reset starts the cluster, and then it is asked again
            apply(settings.manifest(1), dry_run=True)
        self._say(f"Preparing {settings.nodes} nodes with the old template.")
        note = reset(workers=settings.nodes).note
        apply(settings.manifest(1))
        count = len(self._covered(settings))
        wait_rollout(DAEMONSET, timeout=_FIRST_RUN + settings.start)
        if settings.faulty_node and not stopped.is_set():
            broken = self._covered(settings)[-1]
            self._say(f"Breaking {broken}, and waiting until the control plane has noticed.")
            break_node(broken)
        if stopped.is_set():
            self._say(f"Stopped before the new template. {note}")
            return
        with record(DAEMONSET, predicted=predictions(settings, count)) as recorder:
            self.recorder = recorder
            apply(settings.manifest(2))
            ended = self._follow(recorder, settings, stopped)
        before = self.trials[-1] if self.trials else None
        self.trials.append(Trial(settings, recorder, ended, before))
        self.recorder = None
        says = {
            "done": "Done.",
            "stopped": "Stopped: the recording has ended. The rollout goes on in the cluster until "
            "you reset it or roll again.",
            "still": "Ended: no Pod has changed for a while.",
        }
        self._say(f"{says[ended]} {note}")

    def _follow(self, recorder: Recorder, settings: Settings, stopped: threading.Event) -> str:
        """Return why the run has ended, when it has: see ``Trial.ended``."""
        pace = current().pace
        patience = STILL[settings.strategy] + (settings.start + settings.stop) * pace
        seen: object = None
        since = began = time.monotonic()
        by_hand = "" if settings.is_rolling else " Delete Pods of it: kubectl delete pod."
        while True:
            looked = time.monotonic()
            timeline = recorder.timeline
            found = [one for one in rollouts(timeline) if not one.created]
            if found and found[-1].end is not None:
                return "done"
            with recorder.reading() as history:
                now = {
                    (pod["metadata"]["uid"], is_ready(pod), is_terminating(pod))
                    for pod in history.objects("pods")
                }
            if now != seen:
                seen, since = now, looked
            if looked - since > patience:
                return "still"
            self._say(f"Rolling, {looked - began:.0f} s so far.{by_hand}")
            took = time.monotonic() - looked
            if stopped.wait(max(PAUSE, took / SHARE)):
                return "stopped"

    def _covered(self, settings: Settings) -> list[str]:
        """Return the nodes that should run the agent, in the cluster's order."""
        cluster = current()
        template = parse(settings.manifest(1))[0]["spec"]["template"]
        found = {node["metadata"]["name"]: node for node in cluster.api.items("/api/v1/nodes")}
        return [
            name for name in cluster.workers() if placement.should_run(found[name], template).run
        ]

    def _reset(self) -> None:
        self.error, self.problems = None, {}
        self._say("Resetting the cluster.")
        reset()
        self.trials.clear()
        self.recorder = None
        self._say("The cluster is as it was after its start. Choose, predict, then roll.")

    def _say(self, message: str) -> None:
        self.message = message
        self._changed()

    def _changed(self) -> None:
        with suppress(Exception):  # a picture that cannot be shown does not end the run
            self._on_change()
