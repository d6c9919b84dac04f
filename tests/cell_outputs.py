"""Stand in for the outputs of a notebook's cells, in which the live view draws."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from daemonset_course.recording import live_output


class FakeOutput:
    """A stand-in for the output of a cell."""

    def __init__(self, bundle: dict[str, str]) -> None:
        self.frames = [bundle["text/html"]]
        self.drawn = threading.Event()
        self.refuses: Exception | None = None
        self.refused = 0

    @property
    def html(self) -> str:
        return self.frames[-1]

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        if self.refuses is not None:
            self.refused += 1
            self.drawn.set()
            raise self.refuses
        self.frames.append(data["text/html"])
        self.drawn.set()

    def until(self, true: Callable[[str], bool]) -> None:
        """Return when something holds for a frame that was drawn from now on."""
        while True:
            self.drawn.clear()
            assert self.drawn.wait(30)
            if true(self.html):
                return


def show_in_fakes(monkeypatch: pytest.MonkeyPatch, **limits: float) -> list[FakeOutput]:
    """Let views draw as in a notebook, within these limits; return the outputs as they come."""
    outputs: list[FakeOutput] = []

    def display(bundle: dict[str, str]) -> FakeOutput:
        outputs.append(FakeOutput(bundle))
        return outputs[-1]

    monkeypatch.setattr(live_output, "in_notebook", lambda: True)
    monkeypatch.setattr(live_output, "_display", display)
    monkeypatch.setattr(live_output, "_close_at_reruns", lambda: None)
    monkeypatch.setattr(live_output, "_cell", lambda: ("", 0))
    for name, limit in limits.items():
        monkeypatch.setattr(live_output, name, limit)
    return outputs
