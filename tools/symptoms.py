"""Record what kubectl prints of each symptom, or list those whose recording is out of date.

    python tools/symptoms.py record [NAME ...]     # on the running cluster; all by default
    python tools/symptoms.py check

A symptom's words are in ``src/daemonset_course/data/symptoms.toml``. Its scene,
``content/symptoms/<name>.yaml``, has manifests and the actions of labs (``lab/actions.py``).
``record`` resets the cluster, plays the scene, and types the commands until their output matches
all ``telling`` expressions, twice in succession with nothing changed but times. One whose
``backend`` is kind is left out on another cluster.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.reset import reset
from daemonset_course.cluster.waiting import until
from daemonset_course.environment import for_programs
from daemonset_course.errors import NotFinished
from daemonset_course.lab.actions import named, play
from daemonset_course.symptom import FORMAT, Case, cases

ROOT = Path(__file__).resolve().parents[1]
SCENES = Path("content") / "symptoms"
RECORDED = Path("src") / "daemonset_course" / "data" / "symptoms"
CLUSTER = "course"  # its name is part of the names of nodes that the words mention
PATIENCE = 60.0  # seconds until the output shows the symptom
_TIMES = re.compile(r"\b\d+[smh](\d+[sm])?\b|x\d+ over|\d{2}:\d{2}:\d{2}|\s+")

Outputs = list[dict[str, Any]]


def scene(case: Case, root: Path = ROOT) -> str:
    """Return the documents that bring a symptom about."""
    return (root / SCENES / f"{case.name}.yaml").read_text(encoding="utf-8")


def digest(case: Case, root: Path = ROOT) -> str:
    """Return the hash of all that the output of a symptom depends on."""
    parts = [scene(case, root), *case.commands, str(case.workers), case.backend]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def bring_about(case: Case) -> Outputs:
    """Bring a symptom about on the current cluster; return its commands with their output.

    Raises:
        NotFinished: the output did not match the telling expressions in time.
        CourseError: a step of the scene failed.
    """
    reset(workers=case.workers)
    # Events of the scenes before, in one request: kubectl deletes them one by one.
    current().api.delete("/api/v1/namespaces/default/events")
    play(scene(case))
    cluster = current().name
    seen: list[Outputs] = [[]]

    def shown() -> bool:
        seen.append([_typed(one) for one in case.commands])
        return not missing(case, seen[-1], cluster) and _still(seen[-2]) == _still(seen[-1])

    if not until(shown, timeout=PATIENCE, pause=0.5):
        absent = missing(case, seen[-1], cluster)
        raise NotFinished(
            f"The symptom {case.name} was not seen in {PATIENCE:g} s.",
            seen=f"no match of {absent} in:\n{text(seen[-1])}" if absent else "its output changes",
        )
    return seen[-1]


def missing(case: Case, outputs: Outputs, cluster: str = CLUSTER) -> list[str]:
    """Return the telling expressions that the output of a cluster does not match."""
    shown, wanted = text(outputs), [named(one, cluster) for one in case.telling]
    return [one for one in wanted if not re.search(one, shown, re.MULTILINE)]


def text(outputs: Outputs) -> str:
    """Return the output of all commands."""
    return "\n".join(line for one in outputs for line in one["output"])


def stale(root: Path = ROOT) -> Iterator[str]:
    """Yield what is wrong with the recordings: absent, of another scene, or of no symptom."""
    for case in cases().values():
        path = root / RECORDED / f"{case.name}.json"
        if not path.exists():
            if case.backend == "embedded":
                yield f"{case.name}: not recorded"
        elif json.loads(path.read_text(encoding="utf-8"))["scene"] != digest(case, root):
            yield f"{case.name}: its scene or its commands have changed since it was recorded"
    for folder, ending in ((RECORDED, "json"), (SCENES, "yaml")):
        for path in sorted((root / folder).glob(f"*.{ending}")):
            if path.stem not in cases():
                yield f"{path.relative_to(root)}: of no symptom"


def record(case: Case, root: Path = ROOT) -> None:
    """Bring a symptom about, and write its output.

    Raises:
        CourseError: it was not brought about.
    """
    outputs, state = bring_about(case), current().state
    header = {
        "format": FORMAT,
        "scene": digest(case, root),
        "backend": state.backend,
        "kubernetes": state.kubernetes,
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    path = root / RECORDED / f"{case.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = json.dumps(header | {"outputs": outputs}, indent=1, ensure_ascii=False)
    path.write_text(written + "\n", encoding="utf-8")


def _typed(command: str) -> dict[str, Any]:
    """Run a command; return it with what a terminal shows, errors too."""
    cluster = current()
    line = named(command, cluster.name)
    program, *words = shlex.split(line)
    assert program == "kubectl", command
    done = subprocess.run(
        [str(cluster.backend.programs / program), *words],
        env=for_programs(cluster.environment()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return {"command": line, "output": [one.rstrip() for one in done.stdout.splitlines()]}


def _still(outputs: Outputs) -> str:
    return _TIMES.sub(" ", text(outputs))


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Return exit status 0, or 1 after printing each problem."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("action", choices=("record", "check"))
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    problems = list(stale(root)) if options.action == "check" else []
    if options.action == "record":
        chosen = options.names or [
            one.name for one in cases().values() if one.backend in ("embedded", _backend())
        ]
        if current().name != CLUSTER:
            problems, chosen = [f"record on a cluster named {CLUSTER!r}"], []
        for name in chosen:
            try:
                record(cases()[name], root)
                print(f"{name}: recorded", flush=True)
            except Exception as error:  # the other symptoms are recorded all the same
                problems.append(f"{name}: {error}")
                print(problems[-1], file=sys.stderr, flush=True)
        return 1 if problems else 0
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def _backend() -> str:
    return current().state.backend


if __name__ == "__main__":
    sys.exit(main())
