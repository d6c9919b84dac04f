"""Run every lesson from a fresh cluster, from a dirty one, twice in a row, and in shuffled orders.

    make test-orders
    make test-orders RUNS="dirty twice" ONLY="04 05"
    make test-orders RUNS="path-workshop path-cka"

A run ``path-NAME`` is a path of ``content/course.toml`` in the order of the course: its lessons or
the sections of them that it names, and its labs with their solutions.

Each run is a separate pytest with its own cluster; ``--workers`` runs are parallel. After each
lesson the nodes must be as they were before it (``tests/around_lessons.py``).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemonset_course import variables
from daemonset_course.catalogue import Notebook, catalogue
from daemonset_course.environment import for_tools
from notebook_source import lesson_notebooks
from path_sections import chosen
from run_notebooks import ROOT, command

RUNS = ("fresh", "dirty", "twice", "shuffled-1", "shuffled-2", "shuffled-3")
PATH = "path-"
PATHS = {f"{PATH}{path.name}": path for path in catalogue().paths}
OPTIONS = ("--keep-duplicates", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Result:
    """The result of one run: pytest's exit status, the file with its output, and the seconds."""

    run: str
    status: int
    output: Path
    seconds: float


def order(run: str, lessons: Sequence[Path], seed: int) -> list[Path]:
    """Return the notebooks of a run, in order."""
    if run in PATHS:
        return [_notebook(run, one) for one in PATHS[run].notebooks]
    if run == "twice":
        return [lesson for lesson in lessons for _ in range(2)]
    if run.startswith("shuffled"):
        return random.Random(f"{seed} {run}").sample(lessons, k=len(lessons))
    return list(lessons)


def _notebook(run: str, one: Notebook) -> Path:
    """Return where a notebook of a path is: one with chosen sections beside the others' folder."""
    if one.name in PATHS[run].sections:
        return ROOT / f".{run}" / f"{one.stem}.ipynb"
    return ROOT / {"lessons": "notebooks", "labs": "solutions"}[one.group] / f"{one.stem}.ipynb"


@contextmanager
def shortened(run: str) -> Iterator[None]:
    """Write the lessons of which a path takes some sections, and remove them at the end."""
    folder = ROOT / f".{run}"
    try:
        for one in PATHS[run].notebooks if run in PATHS else ():
            if sections := PATHS[run].sections.get(one.name):
                folder.mkdir(exist_ok=True)
                whole = json.loads((ROOT / one.path).read_text(encoding="utf-8"))
                texts = [(cell["cell_type"], "".join(cell["source"])) for cell in whole["cells"]]
                whole["cells"] = [whole["cells"][place] for place in chosen(texts, sections)]
                (folder / f"{one.stem}.ipynb").write_text(json.dumps(whole), encoding="utf-8")
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(run: str) -> str:
    """Return the start of each lesson: ``fresh``, ``dirty``, or empty for the cluster as it is."""
    return run if run in ("fresh", "dirty") else ""


def carry_out(run: str, lessons: Sequence[Path], folder: Path, seed: int) -> Result:
    """Run the notebooks of a run under pytest."""
    output = folder / f"{run}.txt"
    settings = {"COURSE_TEST_START": start(run), "FAULTS_SEED": str(seed)}
    notebooks = [str(path.relative_to(ROOT)) for path in order(run, lessons, seed)]
    began = time.monotonic()
    with shortened(run), output.open("w") as file:
        done = subprocess.run(
            command(*OPTIONS, *notebooks, test_seconds=600),
            cwd=ROOT, env=for_tools(settings), stdout=file, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    result = Result(run, done.returncode, output, time.monotonic() - began)
    print(line(result), flush=True)
    return result


def line(result: Result) -> str:
    """Return the result in one line, with pytest's last line."""
    lines = result.output.read_text(errors="replace").splitlines()
    last = next((one.strip("= ") for one in reversed(lines) if one.startswith("=")), "no summary")
    verdict = "passed" if result.status == 0 else f"FAILED ({result.status})"
    return f"{result.run:<11} {verdict:<11} {result.seconds:>6.0f} s  {last}"


def main(arguments: Sequence[str]) -> int:
    """Carry out the runs; return 1 and print pytest's output if a run failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--runs", nargs="*", choices=(*RUNS, *PATHS), help=f"which; if none: {' '.join(RUNS)}"
    )
    parser.add_argument("--only", nargs="*", help="numbers of lessons, such as 04 05")
    parser.add_argument("--workers", type=int, default=2, help="how many runs side by side")
    parser.add_argument(
        "--seed", type=int, default=variables.FAULTS_SEED.default, help="of dirt and orders"
    )
    parser.add_argument("--folder", type=Path, required=True, help="for pytest's output")
    chosen = parser.parse_args(arguments)
    lessons = lesson_notebooks(ROOT, chosen.only)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    print(
        f"{len(lessons)} lessons, seed {chosen.seed}; pytest's output: {chosen.folder}", flush=True
    )
    with ThreadPoolExecutor(max_workers=chosen.workers) as pool:
        jobs = [
            pool.submit(carry_out, run, lessons, chosen.folder, chosen.seed)
            for run in chosen.runs or RUNS
        ]
        results = [job.result() for job in jobs]
    failed = [result for result in results if result.status]
    for result in failed:
        print(f"\n--- {result.run}\n{result.output.read_text(errors='replace')[-6000:]}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
