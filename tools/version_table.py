"""Read, change and write the Kubernetes part of ``data/versions.toml``.

What is read and written back unchanged is the same text, comments included; ``read`` refuses a
table of which that is not true. Knows no network and no file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from daemonset_course.errors import BadInput

TABLE = "src/daemonset_course/data/versions.toml"
WIDTH = 100

# Platform in Go's words, program: "sha256:" and 64 digits.
Checksums = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Release:
    """One patch of Kubernetes: its version (``v1.36.3``), checksums, where they were read."""

    version: str
    checksums: Checksums
    source: tuple[str, ...]

    @property
    def minor(self) -> str:
        """Return the minor, as ``1.36``."""
        return minor_of(self.version)


@dataclass(frozen=True)
class Table:
    """The table: the course's own Kubernetes, the other minors, the node image of each minor.

    ``around`` is the text that stays: above the own release's source, between its checksums and the
    other minors, between those and the node images.
    """

    own: Release
    others: tuple[Release, ...]
    images: Mapping[str, str]
    around: tuple[str, str, str]

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return every release, newest first."""
        found = (self.own, *self.others)
        return tuple(sorted(found, key=lambda one: key(one.version), reverse=True))

    @property
    def minors(self) -> list[str]:
        """Return the minors, oldest first."""
        return [one.minor for one in reversed(self.releases)]

    def find(self, minor: str) -> Release | None:
        """Return the release of this minor, if there is one."""
        return next((one for one in self.releases if one.minor == minor), None)


def minor_of(version: str) -> str:
    """Return ``1.36`` of ``v1.36.3``."""
    return ".".join(version.removeprefix("v").split(".")[:2])


def key(version: str) -> tuple[int, ...]:
    """Return the sort key of a version or a minor."""
    return tuple(int(number) for number in version.removeprefix("v").split("."))


_CHECKSUMS = r'\[{table}\.checksums\."(?P<platform>[^"]+)"\]\n(?P<rows>(?:[\w-]+ = "[^"]*"\n)+)\n?'
_OTHER = re.compile(
    r"\[\[kubernetes\.other\]\]\n(?P<above>(?:# .*\n)*)"
    r'version = "(?P<version>[^"]+)"(?: # (?P<beside>.*))?\n\n'
)
_OWN = re.compile(r'^\[kubernetes\]\nversion = "(?P<version>[^"]+)"\n', re.MULTILINE)
_IMAGES = re.compile(r'\[node-images\]\n(?P<rows>(?:"[^"]+" = "[^"]+"\n)+)\Z')


def read(text: str) -> Table:
    """Return the table from the text of the file.

    Raises:
        BadInput: the text is no TOML, or has another form than this module writes.
    """
    try:
        made = _read(text)
        known = tomllib.loads(text)
        fits = write(made) == text and _data(made) == _data_of(known)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(str(error)) from error
    if not fits:
        raise _damaged("written again, it would be another text")
    return made


def _damaged(seen: str) -> BadInput:
    return BadInput(
        f"{TABLE} does not have the form that this tool can change.",
        seen=seen,
        next_step="Compare it with its last commit: git diff.",
    )


def _read(text: str) -> Table:
    own, images = _OWN.search(text), _IMAGES.search(text)
    first = text.index('\n[kubernetes.checksums."') + 1
    if own is None or images is None:
        raise ValueError("no [kubernetes] with its version, or no [node-images] at the end")
    top = re.search(r"(?:# .*\n)*\Z", text[:first])
    assert top is not None  # an empty match is always there
    checksums, end = _checksums(text, first, "kubernetes")
    release = Release(own["version"], checksums, _uncomment(top[0]))
    others, here = [], text.index("[[kubernetes.other]]\n", end)
    between = text[end:here]
    while found := _OTHER.match(text, here):
        checksums, here = _checksums(text, found.end(), r"kubernetes\.other")
        source = (found["beside"],) if found["beside"] else _uncomment(found["above"])
        others.append(Release(found["version"], checksums, source))
    rows = re.findall(r'"([^"]+)" = "([^"]+)"\n', images["rows"])
    above = text[: own.start("version")] + "{version}" + text[own.end("version") : top.start()]
    around = (above, between, text[here : images.start("rows")])
    return Table(release, tuple(others), dict(rows), around)


def _checksums(text: str, start: int, table: str) -> tuple[Checksums, int]:
    found, pattern = {}, re.compile(_CHECKSUMS.format(table=table))
    while one := pattern.match(text, start):
        found[one["platform"]] = dict(re.findall(r'([\w-]+) = "([^"]*)"\n', one["rows"]))
        start = one.end()
    return found, start


def _uncomment(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix("# ") for line in text.splitlines())


def write(table: Table) -> str:
    """Return the text of the whole file."""
    above, between, below = table.around
    own = "".join(f"# {line}\n" for line in table.own.source)
    own += _written(table.own.checksums, "kubernetes")
    others = "".join(_written_other(one) for one in table.others)
    images = "".join(f'"{minor}" = "{image}"\n' for minor, image in table.images.items())
    return (
        above.replace("{version}", table.own.version, 1) + own + between + others + below + images
    )


def _written_other(release: Release) -> str:
    head, version = "[[kubernetes.other]]\n", f'version = "{release.version}"'
    beside = f"{version} # {release.source[0]}" if len(release.source) == 1 else ""
    if beside and len(beside) <= WIDTH:
        head += f"{beside}\n\n"
    else:
        head += "".join(f"# {line}\n" for line in release.source) + f"{version}\n\n"
    return head + _written(release.checksums, "kubernetes.other")


def _written(checksums: Checksums, table: str) -> str:
    parts = (
        f'[{table}.checksums."{platform}"]\n'
        + "".join(f'{program} = "{checksum}"\n' for program, checksum in programs.items())
        for platform, programs in checksums.items()
    )
    return "".join(f"{part}\n" for part in parts)


def _data(table: Table) -> tuple[Any, ...]:
    releases = [(one.version, one.checksums) for one in (table.own, *table.others)]
    return releases, table.images


def _data_of(known: Mapping[str, Any]) -> tuple[Any, ...]:
    releases = [known["kubernetes"], *known["kubernetes"]["other"]]
    return [(one["version"], one["checksums"]) for one in releases], known["node-images"]


def with_release(table: Table, release: Release, image: str, *, own: bool) -> Table:
    """Return the table with this release in place of that minor's old release.

    Args:
        table: the table.
        release: the release.
        image: the node image of its minor, with a digest.
        own: make it the course's own; the one that is becomes one of the others.
    """
    rest = [one for one in (table.own, *table.others) if one.minor != release.minor]
    kept = own or table.own.minor == release.minor
    first = release if kept else table.own
    others = [one for one in (release, *rest) if one is not first]
    return replace(
        table,
        own=first,
        others=tuple(sorted(others, key=lambda one: key(one.version), reverse=True)),
        images=_newest_first({**table.images, release.minor: image}),
    )


def without(table: Table, minor: str) -> Table:
    """Return the table without a minor.

    Raises:
        BadInput: the minor is not there, is the course's own, or the last of the others.
    """
    if minor not in table.minors:
        raise BadInput(
            f"Kubernetes {minor} is not in the table, so it cannot be dropped.",
            seen=f"there are {', '.join(table.minors)}",
        )
    if minor == table.own.minor:
        raise BadInput(
            f"Kubernetes {minor} is the course's own: it cannot be dropped.",
            next_step="Make another minor the course's own first: --own.",
        )
    if len(table.others) == 1:
        raise BadInput(f"Kubernetes {minor} is the only other minor: the table needs one.")
    return replace(
        table,
        others=tuple(one for one in table.others if one.minor != minor),
        images={one: image for one, image in table.images.items() if one != minor},
    )


def _newest_first(images: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(images.items(), key=lambda one: key(one[0]), reverse=True))


def known_releases(assets: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return the checksums of one of kops' files of asset data: by version, platform, program.

    Raises:
        BadInput: the text is no such file, or a checksum is not whole.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    try:
        # Everything as text: a checksum of digits alone is no number.
        files = yaml.load(assets, Loader=yaml.BaseLoader)["files"]
        for name, checksum in ((one["name"], one["sha256"]) for one in files):
            parts = re.fullmatch(r"(v\d+\.\d+\.\d+)/bin/(\w+/\w+)/([\w-]+)", name)
            if not parts:
                continue
            if not re.fullmatch(r"[0-9a-f]{64}", checksum):
                raise ValueError(f"{name} has the checksum {checksum}")
            version, platform, program = parts.groups()
            found.setdefault(version, {}).setdefault(platform, {})[program] = f"sha256:{checksum}"
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise BadInput(
            "The asset data of kops cannot be read.",
            seen=str(error),
            next_step="Take another version of kops, or another copy: --kops.",
        ) from error
    return found


def chosen(
    known: Mapping[str, Checksums], minor: str, patch: str | None, like: Release, source: str
) -> Release:
    """Return the release of a minor with a checksum for each file that the table's own has.

    Args:
        known: what ``known_releases`` gave.
        minor: such as ``1.37``.
        patch: a full version, such as ``v1.37.1``; the newest one that is known for ``None``.
        like: the release whose platforms and programs are wanted.
        source: where ``known`` was read.

    Raises:
        BadInput: the version is not known, or a checksum is missing.
    """
    versions = sorted((one for one in known if minor_of(one) == minor), key=key)
    version = patch or (versions[-1] if versions else "")
    if version not in known:
        raise BadInput(
            f"No checksums are known for Kubernetes {version.removeprefix('v') or minor}.",
            seen=f"{source} has {', '.join(versions) or 'none of this minor'}",
            next_step="Take a newer version of kops, or a newer copy of its asset data: --kops.",
        )
    missing = [
        f"{platform}/{program}"
        for platform, programs in like.checksums.items()
        for program in programs
        if program not in known[version].get(platform, {})
    ]
    if missing:
        raise BadInput(
            f"Checksums of Kubernetes {version} are missing.",
            seen=f"{source} has none of {', '.join(missing)}",
            next_step="Take another patch (--patch) or a newer version of kops (--kops).",
        )
    checksums = {
        platform: {program: known[version][platform][program] for program in programs}
        for platform, programs in like.checksums.items()
    }
    return Release(version, checksums, (source,))


def differences(table: Table, known: Mapping[str, Checksums]) -> tuple[list[str], list[str]]:
    """Return how the table's checksums differ from known ones, and the versions not compared."""
    wrong, unknown = [], []
    for release in table.releases:
        if release.version not in known:
            unknown.append(release.version)
            continue
        for platform, programs in release.checksums.items():
            for program, checksum in programs.items():
                other = known[release.version].get(platform, {}).get(program)
                if other and other != checksum:
                    wrong.append(
                        f"{TABLE}: {release.version} {platform} {program} is {checksum}, "
                        f"kops has {other}"
                    )
    return wrong, unknown
