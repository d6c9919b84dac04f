"""Keep the learner's own copy of lessons, labs and manifests: update it, spare what was edited.

The copy is ``work/`` in the repository, which git ignores, or ``COURSE_WORK``. In it,
``.course/files.json`` holds for each file the digest of what was copied. A file with another digest
was edited: an update never overwrites it. Of a notebook only the cells' sources count, so that
running one is no edit.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemonset_course import variables
from daemonset_course.errors import BadInput
from daemonset_course.files import unreadable, unwritable, write_whole
from daemonset_course.places import REPOSITORY, course_command
from daemonset_course.store import JsonStore

PAGES = ("START.ipynb", "playground.ipynb", "glossary.md", "pictures.md", "source.md")
COPIED = (*PAGES, "pictures/*.svg", "notebooks/*.ipynb", "labs/*.ipynb", "manifests/**/*.yaml")
LESSONS, LABS = "notebooks", "labs"
_FORMAT = 1
_RUN = re.compile(r'"execution_count":\s*\d')
_EARLIER = "earlier"  # where a file goes that the learner begins afresh


def work_folder() -> Path:
    """Return the folder of the learner's copy."""
    return (variables.WORK.read() or REPOSITORY / "work").absolute()


@dataclass(frozen=True)
class Update:
    """What an update did, as paths within the copy.

    Attributes:
        added: files that were not there.
        changed: files that the learner had not edited, and that the course has changed.
        removed: such files that the course no longer has.
        kept: files that the learner has edited, and that the course has changed or removed.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield what the learner should know, and how to see and take what the course changed."""
        if self.added:
            yield f"Copied {len(self.added)} files to {work_folder()}."
        for words, names in (("Updated", self.changed), ("Removed", self.removed)):
            if names:
                yield f"{words}: {', '.join(names)}"
        for name in self.kept:
            yield f"Kept as you edited it, though the course has changed it: {name}"
            yield f"  to see the difference   {course_command(f'lessons diff {name}')}"
            yield f"  to begin it afresh      {course_command(f'lessons fresh {name}')}"


def update() -> Update:
    """Bring the copy to the course's present state, without the files that the learner edited.

    Raises:
        FileFailed: a file cannot be read or written; the next update goes on.
    """
    added: list[str] = []
    changed: list[str] = []
    removed: list[str] = []
    kept: list[str] = []
    sources = dict(_sources())

    def bring(digests: dict[str, str]) -> None:
        for name, source in sources.items():
            text = _read(source)
            new, own = _digest(name, text), _own_digest(name)
            if own is None:
                added.append(name)
            elif own == new:
                digests[name] = new
                continue
            elif own == digests.get(name):
                changed.append(name)
            else:
                if digests.get(name) != new:
                    kept.append(name)
                continue
            _write(name, text)
            digests[name] = new
        for name in sorted(digests.keys() - sources.keys()):
            own = _own_digest(name)
            if own == digests[name]:
                _move(name, "")
                removed.append(name)
            elif own is not None:
                kept.append(name)
            del digests[name]

    _store().change(bring)
    return Update(tuple(added), tuple(changed), tuple(removed), tuple(kept))


def states() -> dict[str, str]:
    """Return each lesson's and lab's state in the copy: ``as copied``, ``edited`` ..."""
    digests, _ = _store().read()
    found = {}
    for name, source in _sources():
        if not name.startswith((LESSONS, LABS)):
            continue
        own, new = _own_digest(name), _digest(name, _read(source))
        if own is None:
            found[name] = "not copied"
        elif own == new:
            found[name] = "as the course has it"
        elif own == digests.get(name):
            found[name] = "older than the course's"
        else:
            newer = digests.get(name) != new
            found[name] = "edited; the course has changed it since" if newer else "edited"
    return found


def was_run(name: str) -> bool:
    """Whether a cell of this notebook was run in the learner's copy."""
    path = work_folder() / name
    return path.exists() and bool(_RUN.search(_read(path)))


def difference(chosen: str) -> str:
    """Return what the learner's copy has otherwise than the course, as ``diff -u`` writes it.

    Raises:
        BadInput: no file, or more than one, has this name.
        FileFailed: a file cannot be read.
    """
    name, source = _find(chosen)
    own = work_folder() / name
    if not own.exists():
        return ""
    yours, ours = (_counted(name, _read(path)).splitlines() for path in (own, source))
    lines = difflib.unified_diff(yours, ours, f"yours/{name}", f"course/{name}", lineterm="")
    return "\n".join(lines)


def begin_afresh(chosen: str) -> tuple[str, str]:
    """Replace a file of the copy by the course's; return its name and where the old one is now.

    The second text is empty if there was nothing to keep.

    Raises:
        BadInput: no file, or more than one, has this name.
        FileFailed: a file cannot be read or written; nothing is lost.
    """
    name, source = _find(chosen)
    text, own = _read(source), work_folder() / name
    kept = ""
    if own.exists() and _read(own) != _as_opened(name, text):
        kept = _unused(f"{_EARLIER}/{name}")
        _move(name, kept)

    def bring(digests: dict[str, str]) -> None:
        _write(name, text)
        digests[name] = _digest(name, text)

    _store().change(bring)
    return name, kept


def _sources() -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each file that the learner gets."""
    for pattern in COPIED:
        for path in sorted(REPOSITORY.glob(pattern)):
            yield path.relative_to(REPOSITORY).as_posix(), path


def _find(chosen: str) -> tuple[str, Path]:
    """Return the file meant by a path in the copy, or by a lesson's number or name."""
    sources = dict(_sources())
    wanted = chosen.removesuffix("/")
    starts = (wanted, f"{LESSONS}/{wanted}", f"{LABS}/{wanted}")
    groups = ([n for n in sources if wanted and n.startswith(start)] for start in starts)
    lessons = {name.split("-", 1)[-1]: name for name in sources if name.startswith(LESSONS)}
    exact = [name for name in (*starts, lessons.get(f"{wanted}.ipynb")) if name in sources]
    found = exact or next(filter(None, groups), [])
    if len(found) == 1:
        return found[0], sources[found[0]]
    raise BadInput(
        f"{chosen!r} does not name one file of the course.",
        seen=", ".join(found[:6]),
        next_step="Name a lesson such as 06, or a lab such as labs/06.",
    )


def _unused(name: str) -> str:
    """Return a name in the copy that no file has: with ``-2``, ``-3`` ... before the suffix."""
    path, number = Path(name), 1
    while (work_folder() / path).exists():
        number += 1
        path = Path(name).with_stem(f"{Path(name).stem}-{number}")
    return path.as_posix()


def _own_digest(name: str) -> str | None:
    path = work_folder() / name
    return _digest(name, _read(path)) if path.exists() else None


def _digest(name: str, text: str) -> str:
    return hashlib.sha256(_counted(name, text).encode()).hexdigest()


def _counted(name: str, text: str) -> str:
    """Return what counts in a file: of a notebook the cells' kinds, sources and course's marks."""
    if not name.endswith(".ipynb"):
        return text
    try:
        cells: list[dict[str, Any]] = json.loads(text)["cells"]
        return "\n\n".join(
            f"# %% [{one['cell_type']}]{_marks(one)}\n{_source(one)}" for one in cells
        )
    # Of what is no notebook every change counts.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text


def _marks(cell: dict[str, Any]) -> str:
    marks = cell.get("metadata", {}).get("course")
    return f" {json.dumps(marks, sort_keys=True)}" if marks else ""


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"]).rstrip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise unreadable(path, error) from error


def _write(name: str, text: str) -> None:
    path = work_folder() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error, variables.WORK) from error
    write_whole(path, _as_opened(name, text), elsewhere=variables.WORK)


def _as_opened(name: str, text: str) -> str:
    """Return a notebook with what JupyterLab adds to it, so that opening it changes nothing.

    That is what the kernel says of its language (ipykernel, ``IPythonKernel.language_info``).
    """
    if not name.endswith(".ipynb"):
        return text
    notebook = json.loads(text)
    notebook["metadata"]["language_info"] = {
        "codemirror_mode": {"name": "ipython", "version": sys.version_info.major},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": f"ipython{sys.version_info.major}",
        "version": platform.python_version(),
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _move(old: str, new: str) -> None:
    """Rename a file of the copy; remove it if the new name is empty."""
    path = work_folder() / old
    try:
        if new:
            (work_folder() / new).parent.mkdir(parents=True, exist_ok=True)
            path.replace(work_folder() / new)
        else:
            path.unlink()
    except OSError as error:
        raise unwritable(path, error, variables.WORK) from error


def _store() -> JsonStore[str]:
    path = work_folder() / ".course" / "files.json"
    return JsonStore(
        path, _FORMAT, "files", "records of what was copied", _readable, variables.WORK
    )


def _readable(stored: dict[str, Any]) -> tuple[dict[str, str], bool]:
    good = {name: digest for name, digest in stored.items() if isinstance(digest, str)}
    return good, len(good) == len(stored)
