"""JupyterLab as `course open` starts it, for tests: without a terminal or a browser of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from daemonset_course.cluster.waiting import until
from daemonset_course.places import state_home


def _written(runtime: Path) -> list[str]:
    """The files by which servers say where they are, once something is in them."""
    texts = [path.read_text() for path in runtime.glob("jpserver-*.json")]
    return [text for text in texts if text.endswith("}")]


@contextlib.contextmanager
def serving(
    folder: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> Iterator[dict[str, Any]]:
    """Yield what the server of `course open` says of itself; it ends with the block.

    Args:
        folder: gets the file with the command's output.
        options: those of `course open` and JupyterLab.
        environment: variables beside those of this process.
        python: the program that runs the course.
    """
    output = folder / "output"
    runtime = state_home() / "jupyter" / "data" / "runtime"
    with output.open("w") as file:
        process = subprocess.Popen(
            [python, "-m", "daemonset_course.cli", "open", "--no-browser", *options],
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            found = until(
                lambda: process.poll() is not None or _written(runtime),
                timeout=180,
                pause=0.1,
            )
            assert isinstance(found, list), output.read_text()
            yield json.loads(found[0])
        finally:
            if process.poll() is None:
                for one in psutil.Process(process.pid).children():
                    one.terminate()  # JupyterLab, which ends its terminals; then the command ends
                process.wait(60)
