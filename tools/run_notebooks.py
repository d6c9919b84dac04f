"""Run pytest with the options that also run notebooks.

    python tools/run_notebooks.py notebooks/08-rolling-update.ipynb

All arguments go to pytest, which replaces this process. Other tools call ``command``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from daemonset_course.environment import for_tools

ROOT = Path(__file__).resolve().parents[1]
CELL_SECONDS = 180  # after which a cell has failed


def command(
    *arguments: str, cell_seconds: int = CELL_SECONDS, test_seconds: int | None = None
) -> list[str]:
    """Return the command that runs tests and notebooks.

    Args:
        arguments: of pytest's own.
        cell_seconds: after which a cell of a notebook has failed.
        test_seconds: after which a test has; pytest's setting in ``pyproject.toml`` if None.
    """
    # lax: outputs may differ, cells must run; current-env: this Python's kernel, whatever is named
    notebooks = ("--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={cell_seconds}")
    timeout = () if test_seconds is None else (f"--timeout={test_seconds}",)
    return [sys.executable, "-m", "pytest", *notebooks, *timeout, *arguments]


def main(arguments: Sequence[str]) -> None:
    """Replace this process by pytest, so that pytest gets signals and sets the exit status."""
    words = command(*arguments)
    os.execve(words[0], words, for_tools())


if __name__ == "__main__":
    main(sys.argv[1:])
