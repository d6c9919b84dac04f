"""Show a prediction in a notebook: the question, a field for the answer, and two buttons.

A symptom (``symptom.py``) is shown so, too: a terminal stands above the question, the choices are
sentences, and the answer is judged at once. What the browser gets has no verdict before an answer.

``load`` registers this for ``Prediction`` in a Jupyter kernel. Elsewhere, and where a notebook is
read without a kernel, a prediction is its text. A question has one widget at a time: the cell that
runs again replaces it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from daemonset_course.answers import MEASURES, show
from daemonset_course.errors import BadInput
from daemonset_course.prediction import Prediction
from daemonset_course.subshells import answer_while_a_cell_runs

if TYPE_CHECKING:
    from ipywidgets import Checkbox

COMMIT, SHOW = "Commit", "Show me without a prediction"
NONE = "none of them"
MAY_CHANGE = "You can change it; the first answer is kept, too."
SHOWN = "You see the result without a prediction: run the next cell."

SENTENCES = "course-sentences"  # the class of radio buttons whose labels are sentences that wrap
TERMINAL = "course-terminal"  # the class of the terminal, which scrolls sideways in itself
_STYLE = (
    f".{TERMINAL} .widget-html-content {{min-width: 0; width: 100%}}"
    f".{SENTENCES} {{flex-direction: column; align-items: flex-start}}"
    # The label has its text before its button.
    f".{SENTENCES} .widget-radio-box label {{display: flex; flex-direction: row-reverse; "
    "justify-content: flex-end; align-items: baseline; height: auto; width: auto; margin: 4px 0; "
    "line-height: 1.4; white-space: normal; overflow: visible}"
    f".{SENTENCES} .widget-radio-box label input {{flex: none}}"
)
_VIEW = "application/vnd.jupyter.widget-view+json"
_PAUSE = 0.25  # seconds in which a browser sends the text of a field after its Enter

_widgets: dict[str, PredictionWidget] = {}  # by question


def load(shell: Any) -> None:
    """Let a Jupyter kernel show predictions as widgets; other shells show their text."""
    if hasattr(shell, "kernel"):
        shell.display_formatter.mimebundle_formatter.for_type(Prediction, _view)


def _view(prediction: Prediction) -> dict[str, Any]:
    """Return the reference to the widget; IPython adds the text for other frontends."""
    shown = _widgets.get(prediction.question_id)
    closed = shown is not None and shown.box.comm is None  # by Widget.close_all()
    if shown is None or shown.prediction is not prediction or closed:
        if shown is not None:
            shown.close()
        shown = _widgets[prediction.question_id] = PredictionWidget(prediction)
    bundle: dict[str, Any] = shown.box._repr_mimebundle_()
    return {_VIEW: bundle[_VIEW]}


class PredictionWidget:
    """The widget of one prediction.

    Attributes:
        field: a text field, radio buttons, or a box with a check box for each node and for none.
        commit: the button that stores the answer. Enter in a text field does the same, and gives
            the button the focus: JupyterLab hears no Shift+Enter in a field.
        show: the button that lets the result be seen without an answer; only where it can be.
        message: the committed answer, or why one was refused.
        box: all of it, to be displayed.
    """

    def __init__(self, prediction: Prediction) -> None:
        from ipywidgets import HTML, Button, HBox, Layout, VBox  # noqa: PLC0415 - 110 ms

        self.prediction = prediction
        self._entered = False  # Enter was pressed, and the text of the field may follow
        wide = Layout(width="auto", max_width="100%")
        wrap = Layout(flex_flow="row wrap", align_items="center", max_width="100%")
        evidence = _terminal_html(prediction.evidence)
        above = [HTML(evidence, layout=wide)] if evidence else []
        for terminal in above:
            terminal.add_class(TERMINAL)
        question = HTML(_question_html(prediction.question), layout=wide)
        self.field = self._field()
        unit = [HTML(escape(prediction.unit))] if self._is_text and prediction.unit else []
        self.commit = Button(
            description=COMMIT, tooltip=f"Store your {prediction.noun}", layout=wide
        )
        self.show = Button(description=SHOW, tooltip="Run the next cells at once", layout=wide)
        # Beside a text field it has the rest of the line, and wraps there.
        rest = Layout(flex="1 1 16em", max_width="100%")
        self.message = HTML(layout=rest if self._is_text else wide)
        self.commit.on_click(lambda _: self._commit())
        self.show.on_click(lambda _: self._show())
        beside = HBox if self._is_text else VBox  # below choices and check boxes
        answered = beside([self.field, *unit, self.message], layout=wrap if self._is_text else wide)
        skip = [self.show] if prediction.can_be_skipped else []
        buttons = HBox([self.commit, *skip], layout=wrap)
        parts = [*above, question, answered, buttons]
        self.box = VBox(parts, layout=Layout(max_width="100%"))
        fields = self.field.children if prediction.nodes else (self.field,)
        answer_while_a_cell_runs(*fields, self.commit, self.show)
        self._tell()

    @property
    def _is_text(self) -> bool:
        return not (self.prediction.choices or self.prediction.nodes)

    def close(self) -> None:
        """Remove the widget from its notebook."""
        _close(self.box)

    def _field(self) -> Any:
        from ipywidgets import (  # noqa: PLC0415 - 110 ms
            Checkbox,
            Layout,
            RadioButtons,
            Text,
            VBox,
        )

        asked, auto = self.prediction, Layout(width="auto", max_width="100%")
        style, name = {"description_width": "initial"}, f"Your {asked.noun}"
        if asked.choices:
            buttons = RadioButtons(
                options=list(zip(asked.labels, asked.choices, strict=True)),
                value=asked.answer,
                description=name,
                style=style,
                layout=auto,
            )
            if asked.labels != asked.choices:
                buttons.add_class(SENTENCES)
            return buttons
        if asked.nodes:
            chosen = asked.answer if isinstance(asked.answer, list) else []
            boxes = [
                Checkbox(value=node in chosen, description=node, indent=False, layout=auto)
                for node in asked.nodes
            ]
            none = Checkbox(value=asked.answer == [], description=NONE, indent=False, layout=auto)
            for box in boxes:
                box.observe(lambda change: _untick(change, none), "value")
            none.observe(lambda change: _untick(change, *boxes), "value")
            return VBox([*boxes, none], layout=auto)
        # The browser sends the text when the field is left, and after Enter: never half a number.
        number = "a number" if asked.unit in MEASURES else "a whole number"
        field = Text(
            value="" if asked.answer is None else show(asked.answer, "", 17),
            placeholder=number if asked.unit else "", description=name, continuous_update=False,
            style=style, layout=Layout(width="16em" if asked.unit else "28em", max_width="100%"),
        )  # fmt: skip
        field.on_msg(self._on_enter)
        field.observe(self._on_text, "value")
        return field

    def _typed(self) -> Any:
        """Return what the field holds; None for nothing. That no node is right must be chosen."""
        if self.prediction.nodes:
            boxes: tuple[Checkbox, ...] = self.field.children
            ticked = [box.description for box in boxes if box.value]
            return [name for name in ticked if name != NONE] if ticked else None
        value = self.field.value
        return None if value is None or not value.strip() else value

    def _on_enter(self, _field: Any, content: Any, _buffers: Any) -> None:
        """Commit after Enter: a changed text arrives in a message of its own behind it."""
        if isinstance(content, dict) and content.get("event") == "submit":
            self._entered = True
            _soon(self._commit_entered)

    def _on_text(self, _change: Any) -> None:
        self._commit_entered()

    def _commit_entered(self) -> None:
        if self._entered and self._commit():
            self.commit.focus()

    def _commit(self) -> bool:
        """Store what the field holds; return whether it is an answer."""
        self._entered = False
        typed = self._typed()
        if typed is None:
            self._say(self._asks, refused=True)
            return False
        try:
            self.prediction.commit(typed)
        except BadInput as error:
            self._say(f"{error.failed} {error.next_step} Nothing was stored.", refused=True)
            return False
        self._tell()
        return True

    @property
    def _asks(self) -> str:
        if self.prediction.nodes:
            return f"Tick your {self.prediction.noun} first: names, or “{NONE}”."
        verb = "Choose" if self.prediction.choices else "Type"
        return f"{verb} your {self.prediction.noun} first."

    def _show(self) -> None:
        self._entered = False
        self.prediction.shown = True
        self._tell()

    def _tell(self) -> None:
        """Say what is known of the answer."""
        said = self.prediction.said
        if self.prediction.answer is not None:
            self.show.disabled = True
            more = "" if self.prediction.right else f" {MAY_CHANGE}"
            self._say(f"{said}{more}", wrong=self.prediction.right is False)
        elif self.prediction.shown:
            self._say(f"{said} {SHOWN}".strip())
        else:
            self._say(said)

    def _say(self, text: str, *, refused: bool = False, wrong: bool = False) -> None:
        role, sign = "alert" if refused else "status", "✗ " if refused or wrong else "✓ "
        said = f"{sign}{_html(text)}" if text else ""
        self.message.value = f'<div role="{role}" style="line-height: 1.5">{said}</div>'


def _untick(ticked: dict[str, Any], *boxes: Checkbox) -> None:
    """Untick boxes when another one was ticked."""
    if ticked["new"]:
        for box in boxes:
            box.value = False


def _close(widget: Any) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()


def _question_html(question: str) -> str:
    """Return the question as HTML that wraps."""
    return f'<div style="line-height: 1.5; white-space: normal"><b>{_html(question)}</b></div>'


def _html(text: str) -> str:
    """Return a text as HTML; `code` is written as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _terminal_html(text: str) -> str:
    """Return what a terminal showed, which scrolls sideways in itself; empty for nothing."""
    if not text:
        return ""
    return (
        f"<style>{_STYLE}</style>"
        '<pre role="region" aria-label="terminal" tabindex="0" style="overflow: auto; '
        "max-height: 30em; padding: 8px; line-height: 1.4; white-space: pre; "
        f'border: 1px solid currentColor">{escape(text)}</pre>'
    )


def _soon(call: Callable[[], object]) -> None:
    """Call in a moment if this thread runs an event loop, as a kernel does; else at once."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        call()
    else:
        loop.call_later(_PAUSE, call)
