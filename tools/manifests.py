"""Try DaemonSets that people run on a cluster of its own, and print one table.

    make manifests
    make manifests MANIFESTSARGS="--page docs/manifests.md"

Each manifest of ``tests/manifests`` has, in miniature, the features of a real one. All of them are
applied together on a mixed fleet, placed, rolled, explained, and the verdict names what is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import manifest_facts
import manifest_runs
from daemonset_course.cluster import down, up
from daemonset_course.errors import CourseError
from manifest_facts import FLEET, Manifest
from manifest_runs import Run

CLUSTER = "manifests"
PACE = 0.1
HEAD = (
    "manifest", "version", "runs on", "tolerates", "READY", "budget", "rollout",
    "verdict", "not played",
)  # fmt: skip
_TOP = """# Real manifests

Written by `make manifests MANIFESTSARGS="--page docs/manifests.md"`. Each file of `tests/manifests` has
the features of a DaemonSet that people run, in miniature and written anew; its first line names the source.

{fleet}

- **runs on**: by `placement`, which was compared with the Pods that the controller created.
- **READY**: containers of a Pod as kubectl counts them, and init containers.
- **budget**: `maxUnavailable`, and how many of its nodes that is. The recording was compared with it.
- **verdict**: *placed* as by `placement`; *rolled* within the budget, with a true caption; *explained*:
  `why` refused each node without a Pod, and without the labels and taints that it named, every node ran it.
- **not played**: what a simulated kubelet leaves out. It runs no program and pulls no image, so nothing that
  an agent does to its node happens either: no network plugin, CSI driver or GPU appears there. A kubelet
  waits for a ConfigMap or Secret that is missing; a simulated one starts the Pod.

"""  # noqa: E501 - a page's lines
_RUN = "Kubernetes {version}, all {count} at once.\n\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all manifests, print the table, and write the page; return how many have a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--page", type=Path, help="also write this page")
    options = parser.parse_args(arguments)
    given = manifest_facts.manifests()
    with tempfile.TemporaryDirectory(prefix="course-manifests-") as home:
        os.environ |= {"COURSE_HOME": home, "COURSE_CLUSTER": CLUSTER}
        try:
            version = up(CLUSTER, backend="embedded", pace=PACE).state.kubernetes
            runs = manifest_runs.run_all(given, _say)
        except CourseError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            down(CLUSTER)
    print(text(runs))
    if options.page:
        options.page.write_text(page(runs, version), encoding="utf-8")
    return sum(bool(run.faults) for run in runs)


def _say(words: str) -> None:
    print(words, flush=True)


def facts(manifest: Manifest) -> tuple[str, ...]:
    """Return the cells of a row that need no cluster: up to the budget."""
    return (
        manifest.title,
        manifest.version,
        kinds_of(manifest),
        manifest.tolerates,
        manifest.ready,
        manifest.budget,
    )


def kinds_of(manifest: Manifest) -> str:
    """Return on how many nodes it runs, and which those are or are not."""
    kinds = manifest.kinds
    absent = [name for name in FLEET if name not in kinds]
    if not absent:
        return f"all {len(FLEET)}"
    few = ", ".join(kinds) if len(kinds) <= len(absent) else f"not {', '.join(absent)}"
    return f"{len(kinds)} of {len(FLEET)}" + (f": {few}" if few else "")


def row(run: Run) -> tuple[str, ...]:
    """Return the cells of one manifest."""
    return (*facts(run.manifest), run.length, run.verdict, not_played(run.manifest))


def not_played(manifest: Manifest) -> str:
    """Return what simulated kubelets do not play of it."""
    return "; ".join(manifest.not_played) or "nothing"


def text(runs: Sequence[Run]) -> str:
    """Return the table for a terminal: one block of aligned columns, without the version."""
    rows = [HEAD, *map(row, runs)]
    shown = [
        [cell for head, cell in zip(HEAD, one, strict=True) if head != "version"] for one in rows
    ]
    wide = [max(len(one[i]) for one in shown) for i in range(len(shown[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(one, wide, strict=True)) for one in shown]
    good = sum(not run.faults for run in runs)
    return "\n".join([*(line.rstrip() for line in lines), f"{good} of {len(runs)} without a fault"])


def page(runs: Sequence[Run], version: str) -> str:
    """Return the page: the same table with sources, without what differs from run to run."""
    return table([(run.manifest, run.verdict) for run in runs], version)


def table(verdicts: Sequence[tuple[Manifest, str]], version: str) -> str:
    """Return the page of these verdicts."""
    heads = [head for head in HEAD if head != "rollout"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for manifest, verdict in verdicts:
        name, *cells = facts(manifest)
        linked = f"[{name}]({manifest.source})"
        lines.append(f"| {' | '.join([linked, *cells, verdict, not_played(manifest)])} |")
    top = _TOP.format(fleet=fleet_words())
    return f"{top}{_RUN.format(version=version, count=len(verdicts))}" + "\n".join(lines) + "\n"


def fleet_words() -> str:
    """Return the sentence that names the nodes of the fleet."""
    words = [f"*{name}*{_kind(name)}" for name in FLEET]
    return f"The fleet has {len(FLEET)} nodes: {'; '.join(words)}."


def _kind(name: str) -> str:
    kind = FLEET[name]
    labels = [f"`{key}={value}`" if value else f"`{key}`" for key, value in kind.labels.items()]
    taints = [f"taint `{taint}`" for taint in kind.taints]
    return f" ({', '.join([*labels, *taints])})" if labels or taints else ""


if __name__ == "__main__":
    sys.exit(main())
