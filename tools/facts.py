"""Make the table of facts from which the test of spoilers knows the answers.

    COURSE_FACTS=/tmp/facts make test TESTS=notebooks
    python tools/facts.py /tmp/facts

Each comparison of a run adds its question, fact and unit to the file that ``COURSE_FACTS`` names.
``content/facts.json`` keeps the facts that could stand in a cell as a literal and that every run
gives: no lengths of time, no yes or no, no other numbers than whole ones above 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from daemonset_course.answers import TIMES
from spoilers import tells

ROOT = Path(__file__).resolve().parents[1]
FILE = Path("content") / "facts.json"


def table(lines: Iterable[str]) -> dict[str, Any]:
    """Return the facts by question, those that differ between two runs left out."""
    facts: dict[str, list[Any]] = {}
    for line in lines:
        noted = json.loads(line)
        if noted["unit"] not in TIMES and tells(noted["fact"]):
            facts.setdefault(noted["question"], []).append(noted["fact"])
    return {
        question: seen[0]
        for question, seen in sorted(facts.items())
        if all(fact == seen[0] for fact in seen)
    }


def read(root: Path) -> dict[str, Any]:
    """Return the facts of the last run that was kept; empty if none was."""
    try:
        facts: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return facts


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the table of the file that is named."""
    named = sys.argv[1:] if arguments is None else arguments
    if len(named) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    facts = table(Path(named[0]).read_text(encoding="utf-8").splitlines())
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    (root / FILE).write_text(text, encoding="utf-8")
    print(f"{FILE}: {len(facts)} facts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
