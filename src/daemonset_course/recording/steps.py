"""Run a step that needs real containers, or show its recording on a cluster without them.

    @step("system-agents", needs="logs")
    def agents():
        "The agents of the cluster itself"
        return kubectl("-n kube-system get daemonsets")

    agents

On a cluster with the capability the function runs at once. On another cluster the recording that
was made on kind is shown, with a label that names its origin. ``agents.result`` has the same type
in both cases, so the lesson asserts the same.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemonset_course import variables
from daemonset_course.capabilities import check
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.errors import BadInput, NotFound, in_one_line
from daemonset_course.figures.shapes import Line, Table
from daemonset_course.figures.table_html import tables_html
from daemonset_course.files import write_whole
from daemonset_course.history.log import to_json
from daemonset_course.places import REPOSITORY
from daemonset_course.recording.recorder import Recording

FORMAT = 1
ONLY = "result"  # the key of a result that is not a dict


@dataclass(frozen=True)
class Step:
    """The result of a step, and where the step was run."""

    header: dict[str, Any]
    result: Any
    live: bool

    @property
    def label(self) -> str:
        """The step's title and the origin of its result, in one line."""
        return f"{self.header['label']} ({self.origin})"

    @property
    def origin(self) -> str:
        """Where the step was run, and, of a recording, when and why it is shown."""
        where = f"{self.header['backend']}, Kubernetes {self.header['kubernetes']}"
        if self.live:
            return f"live on {where}"
        needs = " and ".join(self.header["needs"])
        return f"RECORDED on {where}, {self.header['date'][:10]}: this cluster has no {needs}"

    @property
    def source(self) -> str:
        """The origin of the result: ``cluster`` or ``recording``."""
        return "cluster" if self.live else "recording"

    def __repr__(self) -> str:
        return f"{self.label}\n{to_text(self.result)}"

    def _repr_html_(self) -> str:
        return tables_html([self.figure()], title=self.header["label"], note=self.origin)

    def figure(self) -> Table:
        """Return a table of two columns: what was asked, and what came out."""
        values = (
            _flat(self.result) if isinstance(self.result, dict) else [(("result",), self.result)]
        )
        rows = {
            Line(": ".join(keys), group=": ".join(keys[:-1]), text=keys[-1]): _words(value)
            for keys, value in values
        }
        return Table(
            tuple(rows),
            (),
            {},
            {},
            remarks={line.name: words for line, words in rows.items()},
            row_title="what",
            remark_title="output",
        )


def step(name: str, *, needs: str | Sequence[str]) -> Callable[[Callable[[], Any]], Step]:
    """Run a function if this cluster can, else load its recording; the function becomes a ``Step``.

    Args:
        name: the recording's name in ``recordings/``.
        needs: the capabilities that the step needs (``capabilities.CAPABILITIES``).

    Raises:
        BadInput: an unknown capability, or there is no recording to show.
    """
    needed = check([needs] if isinstance(needs, str) else needs)

    def run(function: Callable[[], Any]) -> Step:
        cluster = current()
        if not set(needed) <= cluster.backend.capabilities:
            header, result = load(path_of(name))
            return Step(header, result, live=False)
        header = _header(name, needed, function, cluster)
        done = Step(header, function(), live=True)
        _note_live_run(name, needed)
        if variables.RECORD.read():
            save(done, path_of(name))
        return done

    return run


def path_of(name: str) -> Path:
    """Return the path of a step's recording; ``COURSE_RECORDINGS`` names another folder."""
    return (variables.RECORDINGS.read() or REPOSITORY / "recordings") / f"{name}.jsonl"


def save(done: Step, path: Path) -> None:
    """Write a step as JSON lines, all of it or nothing."""
    lines = [done.header]
    parts = done.result if isinstance(done.result, dict) else {ONLY: done.result}
    for key, value in parts.items():
        if isinstance(value, Recording):
            records = map(to_json, value.records())
            lines += [{"record": "log", "key": key}, *records]
        else:
            lines.append({"record": "value", "key": key, "value": value})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def load(path: Path) -> tuple[dict[str, Any], Any]:
    """Return the header and the result of a recorded step.

    Raises:
        NotFound: there is no such recording.
        BadInput: it cannot be read.
    """
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        header, rest = lines[0], lines[1:]
        if header["record"] != "step" or header["format"] != FORMAT:
            raise ValueError(f"its header is {header}")
        return header, _result(rest)
    except FileNotFoundError as error:
        raise NotFound(
            "This step needs real containers, and there is no recording of it.",
            seen=str(path),
            next_step="On a kind cluster: course record, with this lesson's number.",
        ) from error
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        seen = in_one_line(error)
        raise BadInput(f"The recording {path} cannot be read.", seen=seen) from error


def _result(lines: list[dict[str, Any]]) -> Any:
    """Return the result in the lines that follow the header."""
    parts: dict[str, Any] = {}
    log: list[dict[str, Any]] = []
    for line in lines:
        if line["record"] == "value":
            parts[line["key"]] = line["value"]
        elif line["record"] == "log":
            parts[line["key"]] = log = []
        else:
            log.append(line)
    parts = {key: Recording(part) if _is_log(part) else part for key, part in parts.items()}
    return parts[ONLY] if list(parts) == [ONLY] else parts


def _is_log(part: Any) -> bool:
    """Whether a part is a log: its first line is a header."""
    first = part[0] if isinstance(part, list) and part else None
    return isinstance(first, dict) and first.get("record") == "header"


def to_text(result: Any) -> str:
    """Return a result as text."""
    if isinstance(result, dict):
        return "\n".join(
            f"{key}:\n{textwrap.indent(to_text(v), '  ')}" for key, v in result.items()
        )
    if isinstance(result, str):
        return result.rstrip()
    return repr(result)


def _flat(
    result: Mapping[str, Any], before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value that is not a dict, with the keys that lead to it."""
    for key, value in result.items():
        keys = (*before, str(key))
        if isinstance(value, dict) and value:
            yield from _flat(value, keys)
        else:
            yield keys, value


def _words(value: Any) -> str:
    """Return a value as a reader writes it: no quotes, no brackets."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.rstrip() or "(no output)"
    if isinstance(value, list | tuple | dict) or value is None:
        return ", ".join(map(_words, value or ())) or "none"
    return repr(value)


def _header(
    name: str, needs: Sequence[str], function: Callable[[], Any], cluster: Cluster
) -> dict[str, Any]:
    return {
        "record": "step",
        "format": FORMAT,
        "step": name,
        "needs": list(needs),
        "label": (function.__doc__ or name).strip(),
        "backend": cluster.state.backend,
        "kubernetes": cluster.state.kubernetes,
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _note_live_run(name: str, needs: Sequence[str]) -> None:
    """Append the step to the file ``COURSE_STEPS``, in which a test run collects the live steps."""
    if noted := variables.STEPS.read():
        with noted.open("a") as file:
            file.write(f"{name} ({', '.join(needs)})\n")
