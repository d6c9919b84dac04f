"""Find, download or build the clusters' programs, each at its pinned version.

The sources are, in this order: a folder that the learner names, PATH, the cache, the official
release files, and Go. Each program comes from the first source that has it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from daemonset_course import variables
from daemonset_course.binaries import build, download
from daemonset_course.binaries.machine import UnfitError, examine, header_problem, this_platform
from daemonset_course.binaries.pinned import Pin, pins
from daemonset_course.errors import BadInput, CourseError, FileFailed, NoAnswerError, ProgramMissing
from daemonset_course.places import cache_home
from daemonset_course.progress import Report, progress

__all__ = ["PROGRAMS", "Binary", "Pin", "ensure", "link", "pins"]

# Those of the embedded cluster; kind and promtool are found when they are asked for.
PROGRAMS = tuple(name for name in build.PACKAGES if name not in ("kind", "promtool"))
Source = Literal["directory", "PATH", "cache", "download", "build"]


@dataclass(frozen=True)
class Binary:
    """A program that runs on this machine, its version (``v1.37.1``) and where it came from."""

    name: str
    version: str
    path: Path
    source: Source


@dataclass
class Search:
    """The programs found so far, and why each source lacks the others."""

    pins: dict[str, Pin]
    platform: str
    report: Report
    found: dict[str, Binary] = field(default_factory=dict)
    reasons: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def missing(self) -> list[Pin]:
        return [pin for name, pin in self.pins.items() if name not in self.found]

    def take(self, pin: Pin, version: str, path: Path, source: Source) -> None:
        self.found[pin.program] = Binary(pin.program, version, path, source)

    def note(self, source: Source, pin: Pin, reason: str) -> None:
        self.reasons.setdefault(source, {}).setdefault(reason, []).append(pin.program)

    def cached(self, pin: Pin) -> Path:
        """Return the program's path in the cache, which depends on version and platform."""
        name = f"{pin.program}-{pin.version}-{self.platform.replace('/', '-')}"
        return cache_home() / "bin" / name


def ensure(
    *,
    programs: Sequence[str] = PROGRAMS,
    kubernetes: str | None = None,
    directory: Path | None = None,
    report: Report | None = None,
) -> dict[str, Binary]:
    """Return the named programs, ready to run.

    Args:
        programs: their names; default those of the embedded cluster.
        kubernetes: a Kubernetes version, as a minor (``1.35``) or in full; default the course's. If
            it is not pinned, a folder or PATH must have its programs.
        directory: a folder with some or all of the programs; default ``COURSE_BINARIES``.
        report: gets the progress of downloads and builds; default bars on a terminal, lines
            elsewhere.

    Raises:
        BadInput: the named folder has a program that cannot be used, or ``kubernetes`` is not
            selectable.
        ProgramMissing: no source has a program; with the reason of each source.
        FileFailed: the cache cannot be used.
    """
    search = find_local(
        programs=programs, kubernetes=kubernetes, directory=directory, report=report
    )
    if search.missing():
        with _cache_lock(search.report):
            _look_in_cache(search, note=True)  # again: another run may have filled it
            _download(search)
            _build(search)
    if search.missing():
        raise _no_source(search)
    return {name: search.found[name] for name in programs}


def link(found: Mapping[str, Binary], folder: Path) -> None:
    """Link programs into a folder; create the folder, and replace older links."""
    folder.mkdir(exist_ok=True)
    for name, binary in found.items():
        there = folder / name
        there.unlink(missing_ok=True)
        there.symlink_to(binary.path)


def find_local(
    *,
    programs: Sequence[str] = PROGRAMS,
    kubernetes: str | None = None,
    directory: Path | None = None,
    report: Report | None = None,
) -> Search:
    """Return which programs are on this machine and which are missing; download nothing.

    Raises:
        BadInput: as ``ensure``.
    """
    here = this_platform()
    pinned = pins(here, kubernetes)
    search = Search({name: pinned[name] for name in programs}, here, report or progress())
    _look_in_directory(search, directory or variables.BINARIES.read())
    _look_on_path(search)
    _look_in_cache(search)
    return search


def _look_in_directory(search: Search, directory: Path | None) -> None:
    """Take the programs of the folder.

    Raises:
        BadInput: the folder is missing, or one of its programs cannot be used.
    """
    if directory and not directory.is_dir():
        raise BadInput(
            f"The folder of programs {directory} is not there.",
            next_step="Correct or unset COURSE_BINARIES.",
        )
    for pin in search.missing():
        path = (directory / pin.program).absolute() if directory else None
        if not path or not path.exists():
            where = f"not in {directory}" if directory else "none is named (COURSE_BINARIES)"
            search.note("directory", pin, where)
            continue
        try:
            search.take(
                pin, examine(path, pin.program, pin.version, search.platform), path, "directory"
            )
        except UnfitError as error:
            raise BadInput(
                f"{path} cannot serve as {pin.program}.",
                seen=str(error),
                next_step="Remove it from that folder, or unset COURSE_BINARIES.",
            ) from error


def _look_on_path(search: Search) -> None:
    # A relative folder means another place after each `cd`: what is found there is not kept.
    named = os.environ.get("PATH", "").split(os.pathsep)
    folders = [folder for folder in dict.fromkeys(named) if Path(folder).is_absolute()]
    for pin in search.missing():
        paths = [Path(folder, pin.program) for folder in folders]
        unique = {path.resolve(): path for path in reversed(paths) if _is_file(path)}
        if not unique:
            search.note("PATH", pin, "not there")
        for path in reversed(unique.values()):
            try:
                search.take(
                    pin, examine(path, pin.program, pin.version, search.platform), path, "PATH"
                )
                break
            except UnfitError as error:
                search.note("PATH", pin, f"{path}: {error}")


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):  # in a folder that this user may not read, say
        return path.is_file()
    return False


def _look_in_cache(search: Search, *, note: bool = False) -> None:
    for pin in search.missing():
        path = search.cached(pin)
        if not header_problem(path, search.platform) and os.access(path, os.X_OK):
            search.take(pin, pin.version, path, "cache")
        elif note:
            search.note("cache", pin, f"not in {path.parent}")


def _download(search: Search) -> None:
    mirror = variables.MIRROR.read()
    silent = set()  # servers that gave no answer; the next program is not requested from them

    def get(pin: Pin, path: Path) -> None:
        if pin.file is None:
            raise UnfitError(f"no pinned checksum of {pin.version} on {search.platform}")
        server = mirror or pin.file.base
        if server in silent:
            raise UnfitError(f"{server} gave no answer")
        try:
            download.install(pin.file, path, mirror=mirror, report=search.report)
        except NoAnswerError:
            silent.add(server)
            raise

    _obtain(search, "download", get)


def _build(search: Search) -> None:
    def get(pin: Pin, path: Path) -> None:
        if reason := build.obstacle(pin.program, pin.version):
            raise UnfitError(reason)
        build.build(pin.program, pin.version, path, report=search.report)

    _obtain(search, "build", get)


def _obtain(search: Search, source: Source, get: Callable[[Pin, Path], None]) -> None:
    """Put missing programs into the cache; remove those that do not run here."""
    for pin in search.missing():
        path = search.cached(pin)
        try:
            get(pin, path)
            search.take(pin, examine(path, pin.program, pin.version, search.platform), path, source)
        except UnfitError as error:
            path.unlink(missing_ok=True)
            search.note(source, pin, str(error))
        except CourseError as error:
            search.note(source, pin, f"{error.failed} {error.seen}")
            search.report.done(f"{error.failed} Trying the next source.")


@contextlib.contextmanager
def _cache_lock(report: Report) -> Iterator[None]:
    """Hold the lock of the cache: two runs never download or build the same program."""
    folder = cache_home() / "bin"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_execution(folder)
        lock = FileLock(folder / ".lock")
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
        if not lock.is_locked:
            report.done("Another run is filling the cache of programs: waiting for it.")
            lock.acquire()
    except OSError as error:
        raise FileFailed(
            f"The cache {folder} cannot be used.",
            seen=str(error),
            next_step="Set COURSE_CACHE to a folder that you may write to.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _require_execution(folder: Path) -> None:
    """Raise before anything is fetched if no program can be executed in a folder.

    Raises:
        FileFailed: its file system is mounted with ``noexec``.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".executes.") as file:
        Path(file.name).chmod(0o700)
        if not os.access(file.name, os.X_OK):  # access(2): also if the file system is noexec
            raise FileFailed(
                f"No program can be executed in the cache {folder}.",
                seen="its file system is mounted with noexec",
                next_step="Set COURSE_CACHE to a folder on another file system.",
            )


def _no_source(search: Search) -> ProgramMissing:
    names = [pin.program for pin in search.missing()]
    lines = [
        f"\n    {source}: {', '.join(name for name in names if name in programs)}: {reason}"
        for source, reasons in search.reasons.items()
        for reason, programs in reasons.items()
        if set(programs) & set(names)
    ]
    return ProgramMissing(
        f"No source has {', '.join(names)} for {search.platform}.",
        seen="".join(lines),
        next_step="One of: put them into a folder and set COURSE_BINARIES; make downloads possible "
        "(network, proxy, COURSE_MIRROR); install Go; or use the kind backend.",
    )
