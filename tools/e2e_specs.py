"""Choose specs of Kubernetes' end-to-end suite, and say what became of each.

``e2e_specs.toml`` has the scope, and the specs that are left out, each with the reason. These
functions take and return values: no cluster, no clock.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemonset_course.errors import BadInput

FILE = Path(__file__).with_name("e2e_specs.toml")


@dataclass(frozen=True)
class Group:
    """Specs that are left out for one reason.

    Attributes:
        reason: why.
        words: a spec belongs to the group if its text contains one of these.
        backends: where it is left out.
    """

    reason: str
    words: tuple[str, ...]
    backends: tuple[str, ...]

    def has(self, spec: str) -> bool:
        """Whether a spec belongs to the group."""
        return any(words in spec for words in self.words)


@dataclass(frozen=True)
class Selection:
    """The specs of the scope: those to run, and the reason for each other one."""

    run: tuple[str, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """What became of a spec: passed, failed, skipped by itself, or left out with a reason."""

    spec: str
    verdict: str
    seconds: float = 0.0
    reason: str = ""


def read(text: str) -> tuple[tuple[str, ...], tuple[Group, ...]]:
    """Return the scope (how the text of a spec begins) and the groups of ``e2e_specs.toml``."""
    table = tomllib.loads(text)
    groups = (
        Group(one["reason"], tuple(one["specs"]), tuple(one.get("on", ("embedded", "kind"))))
        for one in table["left_out"]
    )
    return tuple(table["scope"]), tuple(groups)


def texts(report: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the text and the report of each spec in Ginkgo's JSON report, in its order.

    Source: ``types.Report`` in github.com/onsi/ginkgo/v2; BeforeSuite and the like have no text.
    """
    for suite in report:
        for one in suite["SpecReports"] or ():
            if one["LeafNodeType"] == "It":
                names = [*(one["ContainerHierarchyTexts"] or ()), one["LeafNodeText"]]
                yield " ".join(name for name in names if name), one


def select(
    specs: Sequence[str],
    scope: Sequence[str],
    groups: Sequence[Group],
    *,
    backend: str,
    only: str = "",
) -> Selection:
    """Return which specs of the scope run on a backend.

    ``only``: a regular expression, in any case of letters, that a spec must match.

    Raises:
        BadInput: a group has words that no spec of the scope has, or no spec is left to run.
    """
    inside = sorted(one for one in set(specs) if one.startswith(tuple(scope)))
    stale = [w for group in groups for w in group.words if not any(w in one for one in inside)]
    if stale:
        raise BadInput(
            f"{FILE.name} leaves out what the suite does not have.",
            seen="; ".join(stale),
            next_step="The suite has changed: correct these lines.",
        )
    asked = [one for one in inside if re.search(only, one, re.IGNORECASE)]
    here = [group for group in groups if backend in group.backends]
    left_out = {one: group.reason for group in reversed(here) for one in asked if group.has(one)}
    run = tuple(one for one in asked if one not in left_out)
    if not run:
        raise BadInput(f"No spec to run on {backend} matches {only!r}.")
    return Selection(run, {one: left_out[one] for one in asked if one in left_out})


def focus(specs: Sequence[str]) -> str:
    """Return the regular expression for ``--ginkgo.focus`` that matches these specs only."""
    return f"^[^[]*({'|'.join(re.escape(one) for one in specs)})$"


def results(selection: Selection, report: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Return what became of each spec of the selection, in its order, those left out last.

    A spec that the report does not have, or that did not begin, is "not run".
    """
    found = {text: one for text, one in texts(report) if text in set(selection.run)}
    ran = [_result(text, found.get(text)) for text in selection.run]
    return ran + [Result(text, "left out", 0.0, why) for text, why in selection.left_out.items()]


def _result(text: str, one: Mapping[str, Any] | None) -> Result:
    if one is None or one["State"] in ("", "invalid", "pending"):
        return Result(text, "not run")
    failure = (one.get("Failure") or {}).get("Message", "").strip()
    verdict = one["State"] if one["State"] in ("passed", "skipped") else "failed"
    return Result(text, verdict, one["RunTime"] / 1e9, failure.splitlines()[0] if failure else "")


def table(found: Sequence[Result]) -> str:
    """Return the results as a Markdown table, and under it how many there are of each verdict."""
    lines = ["| spec | result | seconds |", "|---|---|---:|"]
    for one in found:
        words = f"{one.verdict}: {one.reason}" if one.reason else one.verdict
        seconds = "" if one.verdict in ("left out", "not run") else f"{one.seconds:.0f}"
        lines.append(f"| {_cell(one.spec)} | {_cell(words)} | {seconds} |")
    verdicts = [one.verdict for one in found]
    counted = ", ".join(f"{verdicts.count(one)} {one}" for one in dict.fromkeys(verdicts))
    return "\n".join([*lines, "", f"{len(found)} specs: {counted}."])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def own_summary(lines: Sequence[str]) -> list[str]:
    """Return the suite's own summary: its output from the list of failures, or the counts, on."""
    starts = [
        i
        for i, line in enumerate(lines)
        if re.match(r"(Summarizing \d+ Failure|Ran \d+ of )", line)
    ]
    return [line for line in lines[starts[0] :] if line.strip()] if starts else []


def with_section(page: str, backend: str, text: str) -> str:
    """Return the page with this text between the marks of a backend."""
    marks = f"<!-- {backend} -->\n", f"\n<!-- end of {backend} -->"
    before, _, rest = page.partition(marks[0])
    return f"{before}{marks[0]}{text}{marks[1]}{rest.partition(marks[1])[2]}"


def exit_status(found: Sequence[Result]) -> int:
    """Return 0 if each spec that is not left out passed, else 1: one that skips itself did not."""
    return int(any(one.verdict not in ("passed", "left out") for one in found))
