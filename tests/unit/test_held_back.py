"""Results wait for the prediction: in a shell that has a kernel's request, and in a kernel."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ipykernel import version_info
from jupyter_client import KernelManager

from daemonset_course import held_back
from daemonset_course.errors import NotPredicted
from daemonset_course.prediction import predict

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def nothing_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("COURSE_HOLD_BACK", raising=False)
    monkeypatch.setattr("daemonset_course.prediction._asked", {})
    monkeypatch.setattr(held_back, "ON_ITS_WAY", 0.0)


def cell(lines: list[str], metadata: Any) -> list[str]:
    """What a kernel's shell runs of a cell that came with this metadata."""
    shell = SimpleNamespace(input_transformers_post=[], get_parent=lambda: {"metadata": metadata})
    held_back.load(shell)
    held_back.load(shell)
    (transform,) = shell.input_transformers_post
    return transform(lines)


def marked(*ids: str) -> dict[str, Any]:
    return {"course": {"shows": list(ids)}, "cellId": "x"}


LINES = ["1 + 1\n"]


def test_a_marked_cell_of_an_open_question_raises_instead() -> None:
    asked = predict("q", "How long?", unit="s")
    (line,) = cell(LINES, marked("q"))
    with pytest.raises(NotPredicted) as refused:
        exec(line)
    assert str(refused.value).splitlines() == [
        "Commit your prediction first: How long?",
        "  Next: Type it above and press Commit, or press Show me without a prediction."
        " Run this cell again.",
    ]

    asked.commit(3)
    assert cell(LINES, marked("q")) == LINES


def test_a_cell_waits_for_every_question_whose_result_it_shows() -> None:
    predict("a", answer=1)
    other = predict("b")
    assert cell(LINES, marked("a", "b")) != LINES

    other.shown = True
    assert cell(LINES, marked("a", "b")) == LINES


def test_an_answer_that_is_on_its_way_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "ON_ITS_WAY", 30.0)
    asked = predict("q", unit="s")
    other = threading.Timer(0.05, asked.commit, [3])
    other.start()

    assert cell(LINES, marked("q")) == LINES
    other.join()


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"course": {}},
        {"course": {"shows": "q"}},
        {"course": ["q"]},
        {"course": {"shows": [None, 3]}},
        None,
        marked("another question, which was not asked in this kernel"),
    ],
)
def test_any_other_cell_runs(metadata: Any) -> None:
    predict("q")

    assert cell(LINES, metadata) == LINES


@pytest.mark.parametrize(("value", "holds"), [("0", False), ("1", True), ("perhaps", True)])
def test_a_variable_turns_it_off(monkeypatch: pytest.MonkeyPatch, value: str, holds: bool) -> None:
    predict("q")
    monkeypatch.setenv("COURSE_HOLD_BACK", value)

    assert (cell(LINES, marked("q")) != LINES) is holds


def test_a_shell_without_a_kernel_holds_nothing() -> None:
    shell = SimpleNamespace(input_transformers_post=[])
    held_back.load(shell)

    assert shell.input_transformers_post == []


class Kernel:
    """A real kernel; it remembers the state of each widget that it opened."""

    def __init__(self, manager: KernelManager) -> None:
        self.client = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.widgets: dict[str, dict[str, Any]] = {}
        self.subshell: str | None = None

    def use_subshell(self) -> None:
        """Send what widgets send to a thread of its own, as JupyterLab does where it can."""
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        while (reply := self.client.get_control_msg(timeout=60))["msg_type"] != (
            "create_subshell_reply"
        ):
            pass
        self.subshell = reply["content"]["subshell_id"]

    def run(self, code: str, *shows: str) -> dict[str, Any]:
        """Run a cell as JupyterLab does; return the message that says how it ended."""
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        }  # fmt: skip
        metadata = marked(*shows) if shows else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return self._end_of(message["header"]["msg_id"])

    def send(self, comm: str, data: dict[str, Any]) -> None:
        """Send a message of a widget; return when the kernel has handled it."""
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)
        self._end_of(message["header"]["msg_id"])

    def widget(self, **state: str) -> str:
        """The newest widget with this state."""
        return next(
            comm for comm, known in reversed(self.widgets.items()) if state.items() <= known.items()
        )

    def _end_of(self, request: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            if kind == "comm_open":
                self.widgets[content["comm_id"]] = content["data"]["state"]
            if message["parent_header"].get("msg_id") != request:
                continue
            if kind in ("execute_result", "error"):
                result = content
            if kind == "status" and content["execution_state"] == "idle":
                return result


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv[0] = sys.executable
    manager.start_kernel(env=dict(os.environ), cwd=str(tmp_path))
    try:
        kernel = Kernel(manager)
        kernel.run("from daemonset_course import predict")
        yield kernel
    finally:
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    "subshell",
    [False, pytest.param(True, marks=pytest.mark.skipif(version_info < (7,), reason="none in 6"))],
)
def test_a_kernel_holds_a_marked_cell_until_the_prediction_is_committed(
    kernel: Kernel, subshell: bool
) -> None:
    if subshell:
        kernel.use_subshell()
    shown = kernel.run("ready = predict('q', 'How many?', unit='Pods')\nready")
    assert {VIEW, "text/markdown", "text/plain"} <= set(shown["data"])
    field = kernel.widget(_model_name="TextModel")

    held = kernel.run("ran = 1", "q")
    assert held["ename"] == "NotPredicted"
    assert "\n".join(held["traceback"]).startswith(
        "NotPredicted: Commit your prediction first: How many?\n  Next: Type it above"
    )
    assert kernel.run("'ran' in globals()")["data"]["text/plain"] == "False"
    assert kernel.run("%%capture\nran = 1", "q")["ename"] == "NotPredicted"

    kernel.send(field, {"method": "custom", "content": {"event": "submit"}})
    kernel.send(field, {"method": "update", "state": {"value": "3"}, "buffer_paths": []})
    assert kernel.run("ready.answer", "q")["data"]["text/plain"] == "3"

    # The text was sent when the field was left; Enter comes alone, and commits in a moment.
    kernel.send(field, {"method": "update", "state": {"value": "4"}, "buffer_paths": []})
    assert kernel.run("ready.answer")["data"]["text/plain"] == "3"
    kernel.send(field, {"method": "custom", "content": {"event": "submit"}})
    within = time.monotonic() + 30
    while kernel.run("ready.answer")["data"]["text/plain"] != "4":
        assert time.monotonic() < within


def test_a_kernel_lets_one_see_the_result_and_does_not_hold_unmarked_cells(kernel: Kernel) -> None:
    kernel.run("ready = predict('q', 'How many?', unit='Pods')\nready")
    button = kernel.widget(description="Show me without a prediction")
    assert kernel.run("1")["data"]["text/plain"] == "1"
    assert kernel.run("1", "not asked")["data"]["text/plain"] == "1"
    assert kernel.run("1", "q")["ename"] == "NotPredicted"

    kernel.send(button, {"method": "custom", "content": {"event": "click"}})
    said = kernel.run("ready.compare(3)", "q")["data"]["text/plain"]
    assert said == "No prediction was typed; the cluster shows 3 Pods."
