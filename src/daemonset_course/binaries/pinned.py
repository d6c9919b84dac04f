"""Read the table of pinned versions (``data/versions.toml``)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from daemonset_course.binaries import build, download
from daemonset_course.errors import BadInput


@dataclass(frozen=True)
class Pin:
    """The version of a program that the course needs, and its release file if one is pinned."""

    program: str
    version: str
    file: download.File | None


def versions() -> tuple[str, ...]:
    """Return the selectable Kubernetes versions, one for each minor, newest first.

    ``resolve(None)`` returns the default version.
    """
    found = (release["version"] for release in _releases(_table()))
    return tuple(sorted(found, key=_numbers, reverse=True))


def resolve(kubernetes: str | None = None) -> str:
    """Return the full version: ``v1.35.1`` for ``1.35``, the default version for ``None``.

    A full version is returned unchanged if its minor is one of ``versions()``. If it is not pinned,
    a folder or PATH must have its programs.

    Raises:
        BadInput: the text is no version, or its minor is not selectable.
    """
    pinned = {_minor(version): version for version in versions()}
    if kubernetes is None:
        return str(_table()["kubernetes"]["version"])
    asked = f"v{kubernetes.strip().removeprefix('v')}"
    if not re.fullmatch(r"v\d+\.\d+(\.\d+)?", asked):
        raise BadInput(
            f"{kubernetes!r} is not a Kubernetes version.",
            next_step="Write it as 1.35, or v1.35.1.",
        )
    if _minor(asked) not in pinned:
        raise BadInput(
            f"The course does not run on Kubernetes {asked.removeprefix('v')}.",
            seen=f"there are {', '.join(pinned)}",
            next_step="Choose one of these minors.",
        )
    return pinned[_minor(asked)] if asked == f"v{_minor(asked)}" else asked


def matches(kubernetes: str, version: str) -> bool:
    """Whether a full version satisfies a request; ``1.35`` accepts any patch of that minor."""
    asked = f"v{kubernetes.strip().removeprefix('v')}"
    return asked in (version, f"v{_minor(version)}")


def pins(here: str, kubernetes: str | None = None) -> dict[str, Pin]:
    """Return the pinned versions for one platform, by program.

    Args:
        here: the platform by Go's name, such as ``linux/amd64``.
        kubernetes: as for ``resolve``.

    Raises:
        BadInput: ``kubernetes`` is not selectable.
    """
    table, asked = _table(), resolve(kubernetes)
    by_version = {release["version"]: release for release in _releases(table)}
    table["kubernetes"] |= by_version.get(asked, {"version": asked, "checksums": {}})
    made = {
        name: _pin(name, part, here)
        for part in table.values()
        if "programs" in part
        for name in part["programs"]
    }
    return {name: made[name] for name in build.PACKAGES}


def _table() -> dict[str, Any]:
    text = resources.files("daemonset_course").joinpath("data/versions.toml").read_text()
    return tomllib.loads(text)


def _releases(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return version and checksums of each pinned Kubernetes, the default version first."""
    return [table["kubernetes"], *table["kubernetes"]["other"]]


def _pin(program: str, part: dict[str, Any], here: str) -> Pin:
    system, _, machine = here.partition("/")
    words = {"program": program, "version": part["version"], "os": system, "arch": machine}
    words["number"] = part["version"].removeprefix("v")
    words["archive"] = part.get("archive", {}).get(system, "")
    checksum = part["checksums"].get(here, {}).get(program)
    if not checksum:
        return Pin(program, part["version"], None)
    path, member = part["path"].format(**words), part.get("member", "").format(**words)
    return Pin(program, part["version"], download.File(part["base"], path, checksum, member))


def _minor(version: str) -> str:
    return ".".join(version.removeprefix("v").split(".")[:2])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.removeprefix("v").split(".")))
