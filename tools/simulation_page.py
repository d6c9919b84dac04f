"""Write ``docs/simulation.md``: what a simulated kubelet plays of a Pod, and what it does not.

    python tools/simulation_page.py

The page is built from ``data/simulation.toml``; a test compares the two.
"""

from __future__ import annotations

import sys
from pathlib import Path

from daemonset_course.simulation import Row, table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "simulation.md"

_TOP = """# What a simulated kubelet plays

Written by `tools/simulation_page.py` from `src/daemonset_course/data/simulation.toml`.

On the backend `embedded`, and on the simulated nodes beside a kind cluster,
[kwok](https://kwok.sigs.k8s.io) plays the kubelets by the Stages of
`src/daemonset_course/data/stages.yaml`. Everything that is not a kubelet is real: API server,
controllers, scheduler. No process runs, nothing is pulled or mounted. Delays are those at
`--pace 1`. [kubelets.md](kubelets.md) compares simulated kubelets with real ones.

The fields are those of `kubectl explain pod.spec`. `containers[]` stands for `initContainers[]`
too. **Said** means: the first `apply` or `kubectl apply` of a manifest with the field names it in
one line.

A Pod that was created gets the states and conditions of a kubelet, in a kubelet's order:
PodScheduled, PodReadyToStartContainers, Initialized, ContainersReady and Ready.
"""


def page() -> str:
    """Return the text of the page."""
    rows = "".join(map(_line, table()))
    return f"{_TOP}\n| field | played | not played | said |\n|---|---|---|---|\n{rows}"


def _line(row: Row) -> str:
    said = {"always": "yes", "never": "", "other": "other values"}[row.told]
    cells = (f"`{row.field}`", row.played or "nothing", row.left, said)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
