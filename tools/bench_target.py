"""One line of the bench, and functions that run programs for it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from daemonset_course.cluster.processes import processes_of
from daemonset_course.environment import for_programs

NO_TARGET = float("inf")


@dataclass(frozen=True)
class Target:
    """One line of the table: the figure, its target, and the measurements.

    No figure at all is a measurement that failed; ``detail`` then says why.
    """

    name: str
    value: float | None
    bound: float
    unit: str
    detail: str

    @property
    def judged(self) -> bool:
        """Whether there is a target."""
        return self.bound != NO_TARGET

    @property
    def met(self) -> bool:
        """Whether the figure meets its target."""
        return self.value is not None and self.value <= self.bound

    @property
    def columns(self) -> tuple[str, str, str]:
        """The figure, the target and the verdict as text."""
        bound = f"{self.bound:g} {self.unit}".strip() if self.judged else ""
        if self.value is None:
            return "none", bound, "failed"
        figure = f"{self.value:.2f} {self.unit}".strip()
        missed = f"missed by {round(self.value - self.bound, 3):g} {self.unit}".strip()
        verdict = "within target" if self.met else missed
        return figure, bound, verdict if self.judged else ""

    def row(self) -> str:
        """The line as printed."""
        figure, bound, verdict = self.columns
        return f"{self.name:<50} {figure:>9} {bound:>9} {verdict:<17} {self.detail}"


def clean_environment() -> dict[str, str]:
    """Return the environment without variables that point at a learner's cluster."""
    return {k: v for k, v in for_programs().items() if not k.startswith("COURSE_")}


def run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a program; if it fails, the bench ends with its output."""
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ... failed:\n{done.stderr or done.stdout}")


def spread(runs: Sequence[float], unit: str = "s") -> str:
    """Return minimum, median and maximum as text."""
    return f"{min(runs):.2f}/{median(runs):.2f}/{max(runs):.2f} {unit}"


def memory(folder: Path) -> float:
    """Return the resident memory in GB of the programs started from a cluster's folder."""
    return sum(process.memory_info().rss for process in processes_of(folder)) / 1e9


def memory_target(cluster: str, sizes: Sequence[float]) -> Target:
    """Return a line about the memory of one cluster, from measurements in GB."""
    return Target(f"memory of {cluster}", median(sizes), NO_TARGET, "GB", spread(sizes, "GB"))
