"""One line of the bench, and how programs are run for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Target:
    """What one line of the table says: the figure, its bound, and the measurements behind it."""

    name: str
    value: float
    bound: float
    unit: str
    detail: str

    @property
    def judged(self) -> bool:
        """Whether there is a bound at all."""
        return self.bound != float("inf")

    @property
    def met(self) -> bool:
        """Whether the figure is within its bound."""
        return self.value <= self.bound

    def row(self) -> str:
        """The line as printed."""
        verdict = ("ok" if self.met else "MISSED") if self.judged else ""
        bound = f"{self.bound:.2f} {self.unit}" if self.judged else ""
        figures = f"{self.value:>6.2f} {self.unit:<2} {bound:>9}"
        return f"{self.name:<50} {figures} {verdict:<7} {self.detail}"


def clean_environment() -> dict[str, str]:
    """The environment without what points at a learner's cluster."""
    mine = ("COURSE_", "KWOK_", "KUBECONFIG")
    return {k: v for k, v in os.environ.items() if not k.startswith(mine)}


def run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a program; its own words end the bench when it fails."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ... failed:\n{done.stderr or done.stdout}")


def spread(runs: Sequence[float]) -> str:
    """Minimum, median and maximum."""
    return f"{min(runs):.2f}/{median(runs):.2f}/{max(runs):.2f} s"
