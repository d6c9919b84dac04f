"""Run Kubernetes' own end-to-end specs of DaemonSets, and of what is around them, on a cluster.

    make test-e2e                               # on a fresh embedded cluster
    make test-e2e BACKEND=kind                  # on a fresh kind cluster
    make test-e2e E2EARGS="--only 'Daemon set'"

The specs are those of ``e2e_specs.toml``. Prints each spec as it ends, the suite's own summary, and
a table. Keeps the suite's whole output in ``build/e2e/``.

Exit status: 0 if every spec that is not left out passed; 1 if one did not; 2 if nothing could be
run; 3 if no container engine answers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import e2e_binary
import e2e_specs
from daemonset_course import cluster
from daemonset_course.binaries import resolve
from daemonset_course.cluster import Cluster
from daemonset_course.cluster.kind.engine import needed_engine
from daemonset_course.environment import for_programs
from daemonset_course.errors import CommandFailed, CourseError, NoEngine
from daemonset_course.programs import follow
from daemonset_course.progress import progress
from e2e_binary import Suite

ROOT = Path(__file__).resolve().parents[1]
FOLDER, PAGE = ROOT / "build" / "e2e", ROOT / "docs" / "e2e.md"
BACKENDS = ("embedded", "kind")
PACE = 1.0  # specs have times of their own, such as a preStop hook of 79 s
NOT_RUN, NO_ENGINE = 2, 3
LONGEST = "3h"  # then Ginkgo interrupts the suite
_ENDED = re.compile(r"(•|S|P)(?: \[(\w+)\])? \[([\d.]+) seconds\]$")


def listed(suite: Suite) -> list[str]:
    """Return the text of every spec of the suite; it needs no cluster for that."""
    with _report_file("list.json") as file:
        words = [str(suite.tests), "--ginkgo.dry-run", f"--ginkgo.json-report={file}"]
        follow(words, lambda _: None, env=for_programs(), name="e2e.test --ginkgo.dry-run")
        return [text for text, _ in e2e_specs.texts(_read(file))]


def command(
    suite: Suite, kubeconfig: Path, kubectl: Path, specs: Sequence[str], report: Path, procs: int
) -> list[str | Path]:
    """Return the command that runs these specs on a cluster.

    Serial specs run alone, after the others. Source: ``test/e2e/framework/test_context.go``.
    """
    return [
        suite.ginkgo,
        f"--procs={procs}",
        "--v",
        "--no-color",
        "--seed=1",
        f"--timeout={LONGEST}",
        f"--output-dir={report.parent}",
        f"--json-report={report.name}",
        f"--focus={e2e_specs.focus(specs)}",
        suite.tests,
        "--",
        f"--kubeconfig={kubeconfig}",
        f"--kubectl-path={kubectl}",
        "--provider=skeleton",
        "--disable-log-dump",  # a simulated kubelet has no log
    ]


def ran(suite: Suite, on: Cluster, specs: Sequence[str], procs: int) -> tuple[list[Any], list[str]]:
    """Run specs; return Ginkgo's report and the suite's output, which is kept in ``build/e2e/``."""
    output: list[str] = []
    log = FOLDER / f"{on.state.backend}.log"
    kubectl = on.backend.programs / "kubectl"
    with _report_file(f"{on.state.backend}.json") as file, log.open("w", encoding="utf-8") as out:

        def take(line: str) -> None:
            output.append(line)
            print(line, file=out, flush=True)
            if len(output) > 1 and (ended := _ENDED.match(output[-2])):
                mark, verdict, seconds = ended.groups()
                word = (verdict or {"•": "passed"}.get(mark, "skipped")).lower()
                print(f"{word:<8} {float(seconds):6.0f} s  {line}", flush=True)

        words = command(suite, on.backend.kubeconfig, kubectl, specs, file, procs)
        try:
            follow(words, take, env=for_programs(), name="Kubernetes' end-to-end tests")
        except CommandFailed as error:  # also when a spec failed: then there is a report
            if not file.exists():
                error.next_step = f"Read {log}"
                raise
        return _read(file), output


@contextmanager
def _report_file(name: str) -> Iterator[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / name
    file.unlink(missing_ok=True)
    yield file


def _read(file: Path) -> list[Any]:
    return list(json.loads(file.read_text(encoding="utf-8")))


def run(asked: argparse.Namespace) -> int:
    """Build the suite, run it on a fresh cluster, print summary and table; return the status."""
    if asked.backend == "kind":
        needed_engine()
    version = resolve(asked.kubernetes or None)
    suite = e2e_binary.ensure(version, progress())
    scope, groups = e2e_specs.read(e2e_specs.FILE.read_text(encoding="utf-8"))
    chosen = e2e_specs.select(listed(suite), scope, groups, backend=asked.backend, only=asked.only)
    print(f"{len(chosen.run)} specs to run, {len(chosen.left_out)} left out", flush=True)
    cluster.down(asked.name)
    try:
        on = cluster.up(asked.name, backend=asked.backend, pace=PACE, kubernetes=version)
        report, output = ran(suite, on, chosen.run, asked.procs)
    finally:
        cluster.down(asked.name)
    found = e2e_specs.results(chosen, report)
    summary, table = e2e_specs.own_summary(output), e2e_specs.table(found)
    (FOLDER / f"{asked.backend}.md").write_text(f"{table}\n", encoding="utf-8")
    if asked.page:
        text = "\n".join([f"{_run_on(version)}", "", "```", *summary, "```", "", table])
        page = e2e_specs.with_section(PAGE.read_text(encoding="utf-8"), asked.backend, text)
        PAGE.write_text(page, encoding="utf-8")
    print("\n".join(["", *summary, "", table]))
    return e2e_specs.exit_status(found)


def _run_on(version: str) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now}, Kubernetes {version}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}:"


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="tools/e2e_suite.py")
    parser.add_argument("--backend", choices=BACKENDS, default="embedded")
    parser.add_argument("--kubernetes", default="", help="the course's own minor, or nothing")
    parser.add_argument("--only", default="", metavar="REGEXP", help="only specs that match")
    parser.add_argument("--procs", type=int, default=4, help="how many specs run side by side")
    parser.add_argument("--page", action="store_true", help="write the table to docs/e2e.md, too")
    parser.add_argument("--name", default="e2e", help="of the cluster, which is replaced")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Run the suite; return the exit status."""
    try:
        return run(arguments(words))
    except NoEngine as error:
        print(f"Nothing was run on kind. {error}", file=sys.stderr)
        return NO_ENGINE
    except CourseError as error:
        print(f"Nothing was run to its end. {error}", file=sys.stderr)
        return NOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
