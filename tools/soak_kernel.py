"""A learner's IPython kernel for ``make soak``: run cells, interrupt, restart, look for leaks."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from subprocess import DEVNULL
from threading import Timer

import psutil
from jupyter_client.manager import KernelManager

from soak_steps import LESSON

TOOLS = Path(__file__).parent
OWN_THREADS = ("feed-", "components", "looks", "live-", "wait", "playground-")  # of the course
FIRST_CELL = f"import sys; sys.path.insert(0, {str(TOOLS)!r})\n{LESSON}from soak_truth import *"
THREADS = "import threading\nprint('\\n'.join(one.name for one in threading.enumerate()))"
PATIENCE = 10.0  # seconds until what a cell began must be gone
FILES = 60  # more open files than at the start: connections are kept
CELL = 240.0  # seconds after which a cell counts as hanging


@dataclass
class Reply:
    """What a cell answered.

    Attributes:
        error: the name of the exception; empty without one.
        text: the message of the exception, else what the cell wrote.
        streams: what the cell wrote to standard output and error.
        hangs: whether the cell had not ended after ``CELL`` seconds, even interrupted.
    """

    error: str = ""
    text: str = ""
    streams: str = ""
    hangs: bool = False


class Kernel:
    """One kernel with the names of a lesson."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        """Start it, and run the first cell."""
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(
            env={**os.environ, **environment}, cwd=str(folder), stdout=DEVNULL, stderr=DEVNULL
        )
        self._connect()

    def _connect(self) -> None:
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=CELL)
        first = self.run(FIRST_CELL)
        assert not first.error, first
        self._files, self._threads = self.process.num_fds(), self._own_threads()

    @property
    def process(self) -> psutil.Process:
        """The kernel's process."""
        return psutil.Process(self._manager.provisioner.process.pid)  # type: ignore[union-attr]

    def begin(self, code: str) -> str:
        """Send a cell; ``end`` returns its reply."""
        return str(self._client.execute(code))

    def run(self, code: str) -> Reply:
        """Run a cell."""
        return self.end(self.begin(code))

    def interrupt_in(self, seconds: float) -> Timer:
        """Interrupt the kernel after some seconds, as its stop button does."""
        timer = Timer(seconds, self._manager.interrupt_kernel)
        timer.start()
        return timer

    def end(self, cell: str) -> Reply:
        """Wait for the end of a cell."""
        reply, deadline, late = Reply(), time.monotonic() + CELL, False
        while True:
            if time.monotonic() > deadline:
                if late:
                    return reply
                reply.hangs = late = True
                self._manager.interrupt_kernel()
                deadline += PATIENCE
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except Empty:
                if not self._manager.is_alive():
                    return Reply("kernel died", "the kernel's process ended", reply.streams)
                continue
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    reply.streams += content["text"]
                case "error":
                    reply.error = content["ename"]
                    reply.text = _plain("\n".join(content["traceback"]) or content["evalue"])
                case "execute_result" | "display_data":
                    reply.text = reply.text or content["data"].get("text/plain", "")
                case "status" if content["execution_state"] == "idle":
                    return reply

    def restart(self) -> None:
        """Restart the kernel, as a learner does whose cell hangs."""
        self._client.stop_channels()
        self._manager.restart_kernel(now=True)
        self._connect()

    def leaks(self) -> list[str]:
        """Return what is left of the cells: threads, programs, open files; wait a while first."""
        deadline = time.monotonic() + PATIENCE
        while (found := self._leaks()) and time.monotonic() < deadline:
            time.sleep(0.3)
        return found

    def _leaks(self) -> list[str]:
        process = self.process
        programs = [" ".join(one.cmdline()[:4]) for one in process.children(recursive=True)
                    if one.status() != psutil.STATUS_ZOMBIE]  # fmt: skip
        found = [f"program left: {one}" for one in programs]
        found += [f"thread left: {one}" for one in sorted(self._own_threads() - self._threads)]
        if process.num_fds() > self._files + FILES:
            found.append(f"open files: {process.num_fds()}, at the start {self._files}")
        return found

    def _own_threads(self) -> set[str]:
        names = self.run(THREADS).streams.split("\n")
        return {one for one in names if one.startswith(OWN_THREADS)}

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
