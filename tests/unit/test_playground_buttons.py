"""The playground's buttons in a real kernel, pressed as JupyterLab presses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

OPENS = """
import threading
from daemonset_course.playground import playground
from daemonset_course.playground.trials import Trials

pressed = threading.Event()
nodes = []

def roll(self, settings):
    nodes.append(settings.nodes)
    pressed.set()

Trials.roll = roll
play = playground(nodes=4)
print(play._buttons["roll"].model_id, play._fields["nodes"].model_id)
"""


class Kernel:
    """A kernel with a panel: its button *Roll* and its field of nodes, by the widgets' ids."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._button, self._nodes = self.run(OPENS).split()

    def begin(self, code: str) -> str:
        """Begin to run a cell."""
        return str(self._client.execute(code))

    def end(self, cell: str) -> str:
        """Return how a cell ended, when it has: ``ok`` or the name of its error."""
        reply = self._reply(cell)
        return str(reply.get("ename") or reply["status"])

    def _reply(self, request: str) -> dict[str, Any]:
        while True:
            reply = self._client.get_shell_msg(timeout=60)
            if reply["parent_header"]["msg_id"] == request:
                content: dict[str, Any] = reply["content"]
                return content

    def run(self, code: str) -> str:
        """Run a cell and return what it prints."""
        cell, printed = self.begin(code), ""
        assert self.end(cell) == "ok"
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed += message["content"]["text"]
            if message["content"].get("execution_state") == "idle":
                return printed

    def subshell(self) -> str | None:
        """Return a new subshell, as JupyterLab makes one for widgets; None: the kernel has none."""
        known = self._reply(self._client.kernel_info()).get("supported_features", ())
        if "kernel subshells" not in known:
            return None
        message = self._client.session.msg("create_subshell_request")
        self._client.control_channel.send(message)
        reply = self._client.get_control_msg(timeout=60)["content"]
        return str(reply["subshell_id"])

    def press(self, subshell: str | None = None) -> None:
        """Press the button, as JupyterLab does on that subshell."""
        self._send(self._button, {"method": "custom", "content": {"event": "click"}}, subshell)

    def type_nodes(self, number: int, subshell: str | None = None) -> None:
        """Type a number into the field of nodes."""
        state = {"method": "update", "state": {"value": number}, "buffer_paths": []}
        self._send(self._nodes, state, subshell)

    def _send(self, widget: str, data: Any, subshell: str | None) -> None:
        message = self._client.session.msg("comm_msg", {"comm_id": widget, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self._client.shell_channel.send(message)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        manager, client = start_new_kernel()
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_press_is_answered_while_no_cell_runs(kernel: Kernel) -> None:
    kernel.run("pressed.clear()")
    kernel.press()

    assert kernel.end(kernel.begin("assert pressed.wait(0)")) == "ok"


def test_a_press_is_answered_while_a_cell_runs_if_the_kernel_has_subshells(kernel: Kernel) -> None:
    subshell = kernel.subshell()
    if subshell is None:
        pytest.skip("this ipykernel has no subshells")
    for number in (5, 6):  # what the first press changes must not take the second one elsewhere
        kernel.run("pressed.clear()")
        cell = kernel.begin(f"assert pressed.wait(30)\nassert nodes[-1] == {number}")
        kernel.type_nodes(number, subshell)
        kernel.press(subshell)

        assert kernel.end(cell) == "ok"


def test_without_a_subshell_a_press_waits_for_the_end_of_the_cell(kernel: Kernel) -> None:
    kernel.run("pressed.clear()")
    cell = kernel.begin("assert not pressed.wait(0.5)")
    kernel.press()

    assert kernel.end(cell) == "ok"
    assert kernel.end(kernel.begin("assert pressed.wait(0)")) == "ok"
