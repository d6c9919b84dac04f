"""Record the real steps of a lesson again: run its notebook on a cluster with all capabilities."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from unittest import mock

from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster.lifecycle import current
from daemonset_course.environment import for_python
from daemonset_course.errors import BadInput, CommandFailed, NotFound
from daemonset_course.places import REPOSITORY, course_command
from daemonset_course.recording.sources import notebook_steps

CELL_SECONDS = 600


def record_lesson(lesson: str, cluster: str | None = None) -> list[Path]:
    """Run a lesson's notebook and replace its recordings in ``recordings/``; return their paths.

    Raises:
        BadInput: there is no such lesson, it has no real step, or the cluster cannot run one.
        CommandFailed: a cell failed, or took too long; no recording was changed.
    """
    import nbformat  # noqa: PLC0415 - 1.8 s with nbclient
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import CellControlSignal, DeadKernelError  # noqa: PLC0415

    running = current(cluster)
    lacking = sorted(set(CAPABILITIES) - running.backend.capabilities)
    if lacking:
        raise BadInput(
            f"The cluster {running.name!r} cannot run real steps.",
            seen=f"its backend, {running.state.backend}, has no {', '.join(lacking)}",
            next_step=f"{course_command('down', running.name)}, "
            f"then {course_command('up --backend kind', running.name)}",
        )
    path = _notebook(lesson)
    notebook = nbformat.read(path, as_version=4)
    steps = notebook_steps(path)
    with tempfile.TemporaryDirectory(prefix="course-record-") as folder:
        settings = {"COURSE_RECORD": "1", "COURSE_RECORDINGS": folder}
        environment = for_python(settings | running.environment())
        with mock.patch.dict(os.environ, environment, clear=True):
            client = NotebookClient(
                notebook,
                timeout=CELL_SECONDS,
                resources={"metadata": {"path": str(path.parent)}},
            )
            try:
                client.execute()
            except (CellControlSignal, DeadKernelError) as error:
                raise CommandFailed(
                    f"A cell of {path.name} failed; no recording was changed.",
                    seen=re.sub(r"\x1b\[[\d;]*m", "", str(error))[-400:].strip(),
                ) from error
        made = sorted(Path(folder).glob("*.jsonl"))
        if not made:
            raise BadInput(f"{path.name} has no step that needs real containers.")
        target = REPOSITORY / "recordings"
        target.mkdir(exist_ok=True)
        for one in made:
            (target / one.name).write_text(_with_source(one.read_text(), steps[one.stem].hash))
    return [target / one.name for one in made]


def _with_source(recording: str, source: str) -> str:
    """Return the recording with the hash of its source in its header."""
    header, _, rest = recording.partition("\n")
    return json.dumps(json.loads(header) | {"source": source}, separators=(",", ":")) + "\n" + rest


def _notebook(lesson: str) -> Path:
    notebooks = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
    found = [path for path in notebooks if lesson in (path.stem, *path.stem.split("-", 1))]
    if len(found) != 1:
        names = ", ".join(path.stem for path in notebooks)
        raise NotFound(f"There is no lesson {lesson!r}.", seen=f"lessons: {names}")
    return found[0]
