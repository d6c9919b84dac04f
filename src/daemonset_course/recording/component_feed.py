"""Poll which components of the control plane run, and emit each change to a recorder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from daemonset_course.errors import CourseError
from daemonset_course.history.outages import RUNNING, Down

PAUSE = 0.25  # seconds between two polls, at least
SHARE = 0.05  # of the time that polling may take: on kind, a poll runs a command in a container
STOP_TIMEOUT = 1.0  # seconds that `stop` waits for a poll that is under way

Emit = Callable[[str, str], None]  # takes a component and its new state


class ComponentFeed:
    """The state changes of the control plane's components, emitted until ``stop``.

    Every component counts as running until another state is emitted.
    """

    def __init__(self, read_states: Callable[[], list[Down]], emit: Emit) -> None:
        self._read_states = read_states
        self._emit = emit
        self._last_states: dict[str, str] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="components", daemon=True)

    def start(self) -> None:
        """Poll once in the caller's thread, then go on in a thread of the feed's own."""
        self.poll()
        self._thread.start()

    def stop(self) -> None:
        """Poll a last time and end; a second call does nothing."""
        if self._thread.ident is None or self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join(timeout=STOP_TIMEOUT)
        if not self._thread.is_alive():
            self.poll()

    def poll(self) -> None:
        """Emit each state that has changed; if the states cannot be read, emit nothing."""
        with self._lock, suppress(CourseError, OSError, ValueError):
            states: dict[str, str] = dict(self._read_states())
            for component in [name for name in self._last_states if name not in states]:
                del self._last_states[component]
                self._emit(component, RUNNING)
            for component, state in states.items():
                if self._last_states.get(component) != state:
                    self._last_states[component] = state
                    self._emit(component, state)

    def _run(self) -> None:
        pause = PAUSE
        while not self._stopping.wait(pause):
            began = time.monotonic()
            self.poll()
            pause = max(PAUSE, (time.monotonic() - began) / SHARE)
