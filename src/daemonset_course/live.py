"""Watch a DaemonSet while other cells run.

agent = watch("agent")
...                     # other cells: %kubectl, apply, label
agent.stop()
"""

from __future__ import annotations

from typing import Any

from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.cluster.state import State
from daemonset_course.progress import in_notebook
from daemonset_course.recording.live_output import LiveView, close_view
from daemonset_course.recording.recorder import Recorder
from daemonset_course.subshells import answer_while_a_cell_runs


class Watched:
    """A live view that is open until ``stop``, with its recording. Safe to use from any thread."""

    def __init__(self, recorder: Recorder, cluster: Cluster) -> None:
        self.recording = recorder
        self._cluster = cluster
        self._button: Any = None
        self._view = LiveView(recorder, ends=self._end, closed=self._closed)

    def start(self) -> None:
        """Record, and show the live view."""
        self.recording.start()
        try:
            self._view.open()
            if self._view.is_open:
                self._button = _StopButton(self.stop, self._view.name)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the recording; the last picture stays. A second call does nothing."""
        self._view.close()

    @property
    def is_running(self) -> bool:
        """Whether it still records."""
        return not self.recording.ended

    def _end(self) -> str:
        """Return why the view ends by itself: its cluster is gone."""
        cluster = self._cluster
        state = State.load(cluster.name)
        if state is not None and state.id == cluster.state.id:
            return ""
        return f"The cluster {cluster.name!r} is gone."

    def _closed(self) -> None:
        if self._button is not None:
            self._button.close()
        self.recording.end_quietly()

    def __repr__(self) -> str:
        state = "is being watched" if self.is_running else "was watched"
        return f"{self._view.name} {state}"

    def _ipython_display_(self) -> None:
        """Show nothing more: the view is there already."""


class _StopButton:
    """The button below a view; when the view has ended, words are in its place."""

    def __init__(self, stop: Any, name: str) -> None:
        from IPython.display import display  # noqa: PLC0415 - 50 ms
        from ipywidgets import Button  # noqa: PLC0415 - 110 ms

        self._widget = Button(description="Stop", tooltip=f"End the live view of {name}")
        self._widget.on_click(lambda _: stop())
        answer_while_a_cell_runs(self._widget)
        self._name = name
        self._handle: Any = display(self._widget, display_id=True)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        words = {"text/plain": f"{self._name} was watched. Run the cell again to go on."}
        self._handle.update(words, raw=True)
        self._widget.close()


def watch(daemonset: str, *, namespace: str = "default") -> Watched:
    """Show a DaemonSet live while other cells run, until *Stop* or ``stop()`` of what is returned.

    The view also ends when the cell runs again, when another live view of the DaemonSet is opened,
    and when the cluster is gone or the kernel ends. Outside a notebook nothing is shown.

    Raises:
        BadInput: the namespace's name is not valid.
        NotRunning: the cluster is not up.
    """
    cluster = current()
    if in_notebook():
        close_view(daemonset)
    watched = Watched(Recorder(cluster, daemonset, namespace), cluster)
    watched.start()
    return watched
