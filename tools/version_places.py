"""The places besides the table that pin versions of Kubernetes, and their text for a table.

The places are pages, the Makefile, the workflow, the client's pin and the Go modules. The functions
take and return texts; they use no network and no files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import version_table
from daemonset_course.binaries.build import PACKAGES
from daemonset_course.errors import BadInput
from version_table import TABLE, Checksums, Release, Table

WORKFLOW = ".github/workflows/course.yaml"
IMAGE = re.compile(r"kindest/node:v(\d+\.\d+)\.\d+@sha256:[0-9a-f]{64}")

TOOL_SINCE = "1.24"
PROGRAMS = tuple(package for module, package in PACKAGES.values() if module == "kubernetes")
# The module of Kubernetes' own end-to-end tests, of the course's own version alone.
E2E = "toolchain/e2e"

# Where else the versions stand: the file, how often, and the words for a table.
PLACES: tuple[tuple[str, int, Callable[[Table], str]], ...] = (
    ("Makefile", 1, lambda table: f"\nVERSIONS ?= {' '.join(table.minors)}\n"),
    ("Makefile", 1, lambda table: f'VERSIONS="{" ".join(table.minors[:2])}"'),
    ("CONTRIBUTING.md", 1, lambda table: f'VERSIONS="{" ".join(table.minors[:2])}"'),
    (WORKFLOW, 2, lambda table: f"\n        kubernetes: {json.dumps(table.minors)}\n"),
    ("README.md", 2, lambda table: f"from {table.minors[0]} on"),
    ("pyproject.toml", 1, lambda table: client_pin(table.own)),
)


def client_pin(own: Release) -> str:
    """Return the pin of the Python client: its major is Kubernetes' minor."""
    minor = int(own.minor.rpartition(".")[2])
    return f'"kubernetes>={minor},<{minor + 1}"'


def edited(texts: Mapping[str, str], before: Table, after: Table) -> dict[str, str]:
    """Return the files of ``PLACES`` as they must be for another table.

    Raises:
        BadInput: a file does not say what it should for the table before.
    """
    found = dict(texts)
    for path, times, words in PLACES:
        if found[path].count(words(before)) != times:
            raise BadInput(
                f"{path} cannot be changed.",
                seen=f"it has {words(before).strip()} {found[path].count(words(before))} times, "
                f"not {times}",
                next_step="Compare it with PLACES in tools/update_kubernetes.py.",
            )
        found[path] = found[path].replace(words(before), words(after))
    return found


def folder_of(release: Release, table: Table) -> str:
    """Return the folder of the Go module that a release is built from."""
    return "toolchain/kubernetes" + ("" if release == table.own else f"-{release.minor}")


def go_module(kubernetes: str, version: str, packages: Sequence[str] = PROGRAMS) -> str:
    """Return a ``go.mod`` to build the programs with, before ``go mod tidy``.

    Args:
        kubernetes: the ``go.mod`` of that Kubernetes: it has the ``go`` line, and the staging
            modules, which are released under versions of their own.
        version: such as ``v1.37.1``.
        packages: what is built from it.

    Raises:
        BadInput: it is not the ``go.mod`` of Kubernetes.
    """
    go = re.search(r"^go (\S+)$", kubernetes, re.MULTILINE)
    staging = re.findall(r"^\s*(?:replace )?(\S+) => \./staging/", kubernetes, re.MULTILINE)
    if go is None or not staging:
        raise BadInput(f"The go.mod of Kubernetes {version} has no go line or no staging modules.")
    released = version.replace("v1.", "v0.", 1)
    tools = "".join(f"\t{package}\n" for package in packages)
    return (
        f"module daemonset-course/toolchain/kubernetes\n\ngo {go[1]}\n\n"
        + "".join(f"replace {one} => {one} {released}\n\n" for one in staging)
        + f"tool (\n{tools})\n\nrequire k8s.io/kubernetes {version}\n"
    )


def released(module: str) -> tuple[str, str]:
    """Return the module, and its version, that a ``go.mod`` of the toolchain builds programs from.

    Raises:
        BadInput: it names no program, or does not require the program's module.
    """
    tools = re.findall(r"^(?:tool |\t)([^\s(]+)$", module, re.MULTILINE)
    package = tools[-1] if tools else ""  # ginkgo, which runs Kubernetes' tests, stands before them
    required = re.findall(r"^(?:require |\t)(\S+) (v\S+)", module, re.MULTILINE)
    found = [(path, version) for path, version in required if f"{package}/".startswith(f"{path}/")]
    if not found:
        raise BadInput("A go.mod of the toolchain does not require its program's module.")
    return max(found, key=lambda one: len(one[0]))


def with_go_line(module: str, upstream: str) -> str:
    """Return a ``go.mod`` with the ``go`` line of the release that it builds.

    A line before 1.24 becomes 1.24, the first Go that knows ``tool``.
    """
    line = re.search(r"^go (\S+)$", upstream, re.MULTILINE)
    version = line[1] if line else TOOL_SINCE
    if version_table.key(version) < version_table.key(TOOL_SINCE):
        version = TOOL_SINCE
    return re.sub(r"^go \S+$", f"go {version}", module, count=1, flags=re.MULTILINE)


def untidy(folder: str, texts: Mapping[str, str], tidy: tuple[str, str]) -> Iterator[str]:
    """Yield how a Go module differs from what ``go mod tidy`` writes.

    Args:
        folder: the folder of the module.
        texts: every ``go.mod`` and ``go.sum`` by path.
        tidy: its ``go.mod``, with the ``go`` line of the release, and its ``go.sum``.
    """
    for path, right in zip((f"{folder}/go.mod", f"{folder}/go.sum"), tidy, strict=True):
        lines, tidied = ({*text.splitlines()} for text in (texts.get(path, ""), right))
        missing, extra = sorted(tidied - lines), sorted(lines - tidied)
        if extra or missing:
            changes = [*(f"+{line}" for line in missing), *(f"-{line}" for line in extra)]
            yield (
                f"{path}: go mod tidy adds {len(missing)} lines and removes {len(extra)}, "
                f"such as {changes[0]}"
            )


def moved(modules: Mapping[str, str], before: Table, after: Table) -> dict[str, str | None]:
    """Return the Go modules as files: those that stay, under their new folders, and None for gone.

    Args:
        modules: the text of every ``go.mod`` and ``go.sum``, by path.
        before: the table that they are for.
        after: the table that they are to be for; a release that it does not share has no module.
    """
    found: dict[str, str | None] = dict.fromkeys(modules)
    for release in after.releases:
        if release in before.releases:
            old, new = folder_of(release, before), folder_of(release, after)
            found[f"{new}/go.mod"] = named(modules[f"{old}/go.mod"], new)
            found[f"{new}/go.sum"] = modules[f"{old}/go.sum"]
    return found


def named(module: str, folder: str) -> str:
    """Return a ``go.mod`` with the name of the module in a folder."""
    return re.sub(r"\Amodule \S+", f"module daemonset-course/{folder}", module)


def node_image(minor: str, table: Table, default: str, asked: str | None) -> str:
    """Return the node image of a minor: the one asked for, kind's default, or the table's.

    Raises:
        BadInput: there is none, or the one asked for has no digest or is of another minor.
    """
    image = asked or next((one for one in (default,) if _minor_of(one) == minor), None)
    image = image or table.images.get(minor, "")
    if _minor_of(image) != minor:
        raise BadInput(
            f"No node image with a digest is known for Kubernetes {minor}.",
            seen=f"{asked}" if asked else f"kind's default is {default}",
            next_step="Name one, from the release notes of kind: "
            f"--image kindest/node:v{minor}.0@sha256:...",
        )
    return image


def _minor_of(image: str) -> str:
    found = IMAGE.fullmatch(image)
    return found[1] if found else ""


def problems(
    table: Table, known: Mapping[str, Checksums], image: str, texts: Mapping[str, str]
) -> Iterator[str]:
    """Yield what differs between the repository's own files, or between them and the sources.

    Args:
        table: the table of versions.
        known: the checksums that the source has.
        image: kind's default node image.
        texts: the files of ``PLACES``, and every ``go.mod`` of Kubernetes by path.
    """
    wrong, unknown = version_table.differences(table, known)
    yield from wrong
    if len(unknown) == len(table.releases):
        yield f"{TABLE}: the source has none of {', '.join(unknown)}: nothing was compared"
    pinned = table.images.get(_minor_of(image), image)
    if pinned != image:
        yield f"{TABLE}: the node image is {pinned}, kind's default is {image}"
    for path, times, words in PLACES:
        if texts[path].count(words(table)) != times:
            yield f"{path}: {words(table).strip()} does not stand there {times} times"
    folders = [(folder_of(release, table), release) for release in table.releases]
    for folder, release in [*folders, (E2E, table.own)]:
        path = f"{folder}/go.mod"
        text, staging = texts.get(path, ""), release.version.replace("v1.", "v0.", 1)
        versions = set(re.findall(r"^replace \S+ => \S+ (\S+)$", text, re.MULTILINE))
        if f"\tk8s.io/kubernetes {release.version} " not in text or versions != {staging}:
            yield f"{path}: it is not for {release.version}"


def by_hand(before: Table, after: Table, etcd: str) -> Iterator[str]:
    """Yield the steps that a person must do after a change of the table."""
    new = [one for one in after.releases if one not in before.releases]
    if after.own.minor != before.own.minor:
        yield "make lock LOCKARGS='--upgrade-package kubernetes': the client is another major"
        yield "cluster/api.py with that client: tests/unit/test_api.py, test_feed.py, test_watch.py"
        yield "docs and comments that name the own version, and links to source at its tag (below)"
        yield "course record NN on kind, for every lesson with a recorded step"
    for release in new:
        yield f"course binaries --kubernetes {release.minor}: is all of it to be had?"
        yield f"make test-versions VERSIONS={release.minor}"
        yield f"make test-kind KUBERNETES={release.minor}"
        if etcd:
            yield f"etcd: kubeadm {release.version} starts {etcd}; see [etcd] in {TABLE}"
    if before.minors != after.minors:
        yield "tests that name versions: make test TESTS=tests/unit"
        yield f"what lessons say must hold on {', '.join(after.minors)}"


def outdated(before: Table, after: Table) -> list[str]:
    """Return a regular expression for versions whose role has changed."""
    gone = [one for one in before.minors if one not in after.minors]
    words = [rf"{re.escape(minor)}([^0-9]|$)" for minor in gone]
    if before.own.version != after.own.version:
        patch = re.escape(before.own.version.removeprefix("v1."))
        words.append(rf"v[01]\.{patch}([^0-9]|$)")  # v0: its staging modules, such as client-go
    if before.own.minor != after.own.minor:
        words.append(rf"Kubernetes v?{re.escape(before.own.minor)}([^0-9]|$)")
    return words
