"""The playground's panel: fields, buttons, the live picture, the comparison. Widgets only.

The work is done by ``Trials``, in a thread: no button or cell of the playground runs long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from html import escape
from importlib.metadata import version
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from daemonset_course.errors import BadInput
from daemonset_course.figures.rollout.inline import script
from daemonset_course.playground.settings import LABELS, POOLS, STRATEGIES, UNITS, Settings
from daemonset_course.playground.trial import Trial
from daemonset_course.playground.trials import Trials
from daemonset_course.recording.live_output import Frames
from daemonset_course.recording.recorder import Recorder
from daemonset_course.subshells import answer_while_a_cell_runs

SUBSHELLS = 7  # the first version of ipykernel that answers a button while a cell runs
_WITHOUT_SUBSHELLS = (
    "This kernel answers a button only when no cell runs. In a cell, use roll(), stop(), reset()."
)
_WIDE = {"description_width": "min(15rem, 55%)"}
_ROW = {"width": "min(28rem, calc(100% - 4px))"}  # a widget has a margin of 2 px
# ipywidgets cuts a long label, and its row is one line high.
_LABELS_WRAP = (
    "<style>.course-playground .widget-label{white-space:normal;height:auto;line-height:1.3}"
    ".course-playground .widget-text{height:auto}</style>"
)
_NO_SCROLL = {"overflow": "hidden"}  # of its own: a page that is narrow scrolls as a whole


_open: list[Panel] = []  # the panel of this kernel: there is one at a time


def open_panel(chosen: dict[str, Any]) -> Panel:
    """Return a new panel, and close the one before it."""
    panel = Panel(_changed(Settings(), chosen))
    while _open:
        _open.pop().close()
    _open.append(panel)
    return panel


class Panel:
    """The playground: a notebook shows its fields, buttons and picture.

    ``roll``, ``stop`` and ``reset`` do what the buttons do, from a cell.
    """

    def __init__(self, settings: Settings) -> None:
        """Show these settings; nothing is done to the cluster."""
        self.trials = Trials(self._show)
        self._shown: Trial | None = None
        self._frames: tuple[Recorder, Frames] | None = None  # of the run under way
        self._fields = {name: _field(name, getattr(settings, name)) for name in LABELS}
        self._wrong = {name: widgets.HTML() for name in ("", *LABELS)}
        self._buttons = {
            "roll": _button("Roll", "Set the cluster up so, then change the template", "success"),
            "stop": _button("Stop", "End the run; the rollout goes on in the cluster", "warning"),
            "reset": _button("Reset", "Reset the cluster and forget the runs", ""),
        }
        self._message = widgets.HTML()
        self._picture = widgets.HTML()
        for name, button in self._buttons.items():
            button.on_click(lambda _, name=name: self._press(name))
        answer_while_a_cell_runs(*self._fields.values(), *self._buttons.values())
        self._fields["strategy"].observe(self._enable, "value")
        self.box = widgets.VBox([*self._rows(), self._message, self._picture])
        self.box.add_class("course-playground")
        self._show()

    @property
    def settings(self) -> Settings:
        """What the fields say now."""
        return Settings(**{name: field.value for name, field in self._fields.items()})

    def roll(self, **chosen: Any) -> None:
        """Set fields, such as ``nodes=12``, and begin a run; return at once.

        Raises:
            BadInput: there is no such field, or a run is under way.
        """
        settings = _changed(self.settings, chosen)
        for name in chosen:
            self._fields[name].value = getattr(settings, name)
        self.trials.roll(settings)

    def wait(self, timeout: float = 300.0) -> Trial:
        """Return the newest run, after the end of the one under way.

        Raises:
            CourseError: it was not begun, failed, or has not ended within ``timeout`` seconds.
        """
        return self.trials.wait(timeout)

    def stop(self) -> None:
        """End the run under way; the rollout goes on in the cluster."""
        self.trials.stop()

    def reset(self) -> None:
        """Reset the cluster and forget the runs; return at once."""
        self.trials.reset()

    def close(self) -> None:
        """End the run under way, and remove the panel from its notebook."""
        self.stop()
        self.box.close()

    def _press(self, name: str) -> None:
        try:
            getattr(self, name)()
        except BadInput as error:  # a second press before the button was disabled
            self._message.value = _note(str(error))

    def _rows(self) -> Iterator[Any]:
        yield widgets.HTML(f"{_LABELS_WRAP}<b>The fleet, the DaemonSet, what is broken</b>")
        for name in LABELS:
            if name == "length":
                yield widgets.HTML("<b>Predict</b>")
            yield widgets.VBox([self._fields[name], self._wrong[name]], layout=_NO_SCROLL)
        yield widgets.HBox(list(self._buttons.values()))
        yield self._wrong[""]
        if int(version("ipykernel").partition(".")[0]) < SUBSHELLS:
            yield widgets.HTML(_note(_WITHOUT_SUBSHELLS))

    def _show(self) -> None:
        """Show the state of the runs; called from their thread."""
        state = self.trials
        running, recorder = state.running, state.recorder
        for name, wrong in self._wrong.items():
            text = state.problems.get(name, "")
            _set(wrong, f'<span role="alert">✘ {escape(text)}</span>' if text else "")
        _set(self._message, f'<div role="status">{_lines(state.message)}</div>')
        self._buttons["roll"].disabled = running
        self._buttons["stop"].disabled = not running
        self._enable()
        if recorder is not None:
            self._shown = None
            if self._frames is None or self._frames[0] is not recorder:
                self._frames = recorder, Frames(recorder)
            _set(self._picture, _as_wide_as_its_room(self._frames[1].next()))
            return
        self._frames = None
        last = state.trials[-1] if state.trials else None
        if last is not self._shown or last is None:
            self._shown = last
            _set(self._picture, _as_wide_as_its_room(last.html()) if last else "")

    def _enable(self, *_: object) -> None:
        rolling = self._fields["strategy"].value == "RollingUpdate"
        for name in ("max_unavailable", "max_surge"):
            self._fields[name].disabled = not rolling

    def _ipython_display_(self) -> None:
        # A widget runs no script, so the script of the pictures is an output of its own.
        display({"text/html": script(tiles=True)}, raw=True)  # type: ignore[no-untyped-call]
        display(self.box)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"Playground: {self.settings.words}. {self.trials.message}"


def _changed(settings: Settings, chosen: dict[str, Any]) -> Settings:
    unknown = chosen.keys() - {one.name for one in fields(Settings)}
    if unknown:
        raise BadInput(
            f"The playground has no field {', '.join(sorted(unknown))}.",
            next_step=f"Name one of {', '.join(LABELS)}.",
        )
    typed = {one.name for one in fields(Settings) if one.type == "str"}
    words: dict[str, Any] = {n: str(value) if n in typed else value for n, value in chosen.items()}
    return replace(settings, **words)


def _field(name: str, value: Any) -> Any:
    """Return the widget of a field."""
    options: dict[str, Any] = {"description": LABELS[name], "value": value}
    options |= {"style": _WIDE, "layout": _ROW}
    if name in ("pool", "strategy"):
        choices = POOLS if name == "pool" else STRATEGIES
        return widgets.Dropdown(options=list(choices), **options)
    if isinstance(value, bool):
        return widgets.Checkbox(indent=False, **options)
    if isinstance(value, int):
        return widgets.IntText(**options)
    hint = f"a number of {UNITS[name]}" if name in UNITS else "1, or 10%"
    return widgets.Text(placeholder=hint, **options)


def _button(text: str, tooltip: str, style: str) -> widgets.Button:
    return widgets.Button(description=text, tooltip=tooltip, button_style=style)


def _set(widget: Any, html: str) -> None:
    """Send a text only if it is another one."""
    if widget.value != html:
        widget.value = html


def _as_wide_as_its_room(html: str) -> str:
    """Return HTML whose words wrap: a widget is as wide as its widest content, a picture here."""
    return f'<div style="display: grid; grid-template-columns: minmax(0, 1fr)">{html}</div>'


def _note(text: str) -> str:
    return f'<div role="alert">{_lines(text)}</div>'


def _lines(text: str) -> str:
    return "<br>".join(map(escape, text.splitlines()))
