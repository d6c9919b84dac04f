"""Add a Kubernetes version to the course, or remove one, in every place that pins it.

    python tools/update_kubernetes.py 1.37                     # one more that can be chosen
    python tools/update_kubernetes.py 1.37 --own --drop 1.34   # the course's own from now on
    python tools/update_kubernetes.py --check                  # 1 when pins and sources differ

Changes the table of versions, the Go modules that the programs are built from, the Makefile, the
workflow, the pages and the client's pin, or nothing at all, and says what a person has to do then.
Checksums are those of kops' asset data, from its Go module or, with ``--kops FOLDER``, from a copy;
Go fetches modules from where it is set to (GOPROXY).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import e2e_binary
import version_places as places
import version_table
from daemonset_course.binaries.machine import this_platform
from daemonset_course.environment import for_go
from daemonset_course.errors import BadInput, CommandFailed, CourseError
from daemonset_course.programs import last_lines, run
from version_table import TABLE, Table, minor_of

ROOT = Path(__file__).resolve().parents[1]
ASSETS = "pkg/assets/assetdata"


@dataclass(frozen=True)
class Module:
    """A Go module in Go's cache: its folder and its version."""

    folder: Path
    version: str


@dataclass(frozen=True)
class Source:
    """The asset data of kops: the folder, and how a comment names one of its files."""

    folder: Path
    name: str

    def read(self, minor: str) -> tuple[dict[str, dict[str, dict[str, str]]], str]:
        """Return the known checksums of a minor's patches, and where they were read."""
        file = self.folder / f"k8s-{minor}.yaml"
        name = self.name.format(file=f"{ASSETS}/{file.name}")
        if not file.is_file():
            return {}, name
        return version_table.known_releases(file.read_text(encoding="utf-8")), name


Fetch = Callable[[str, str], Module]


def default_image(kind: Module) -> str:
    """Return the default node image of a kind."""
    text = (kind.folder / "pkg/apis/config/defaults/image.go").read_text(encoding="utf-8")
    found = places.IMAGE.search(text)
    return found[0] if found else ""


def fetch(module: str, version: str) -> Module:
    """Return a Go module in Go's cache; Go downloads a missing one.

    Raises:
        CommandFailed: Go is not there, or cannot fetch it.
    """
    answer = run(
        ["go", "mod", "download", "-json", f"{module}@{version}"],
        timeout=900,
        env=for_go(this_platform()),
        cwd="/",
        name=f"go mod download {module}@{version}",
        evidence=_reason,
        next_step="Name another version. For kops: --kops v1.36.0, or --kops FOLDER with a copy of "
        f"{ASSETS}.",
    )
    downloaded = json.loads(answer.stdout)
    return Module(Path(downloaded["Dir"]), downloaded["Version"])


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["Error"])
    except (ValueError, KeyError):
        return last_lines(text)


def tidied(module: str) -> tuple[str, str]:
    """Return a ``go.mod`` and its ``go.sum`` after ``go mod tidy``, which fetches modules.

    Raises:
        CommandFailed: Go cannot do it.
    """
    with tempfile.TemporaryDirectory(prefix="course-go-") as folder:
        path = Path(folder, "go.mod")
        path.write_text(module, encoding="utf-8")
        run(["go", "mod", "tidy"], timeout=1800, env=for_go(this_platform()), cwd=folder)
        return path.read_text(encoding="utf-8"), path.with_suffix(".sum").read_text("utf-8")


def source(kops: str, at: str, get: Fetch) -> Source:
    """Return kops' asset data: of a version of its Go module, or of a folder with a copy."""
    folder = Path(kops)
    if folder.is_dir():
        inner = folder / ASSETS
        name = f"kubernetes/kops, {{file}} {f'at {at}' if at else 'of a copy'}"
        return Source(inner if inner.is_dir() else folder, name)
    module = get("k8s.io/kops", kops)
    return Source(module.folder / ASSETS, f"k8s.io/kops {module.version}, {{file}}")


def texts_of(root: Path) -> dict[str, str]:
    """Return the files of ``PLACES`` and of the Go modules of the toolchain, by path."""
    paths = {path for path, _, _ in places.PLACES}
    paths |= {str(one.relative_to(root)) for one in root.glob("toolchain/*/go.*")}
    return {path: (root / path).read_text(encoding="utf-8") for path in sorted(paths)}


def put(root: Path, files: Mapping[str, str | None]) -> list[str]:
    """Write the files that differ, remove those that are None; return what was done.

    Everything is written beside its place first: a full disk leaves the repository as it was.
    """
    done, new = [], {}
    try:
        for path, text in files.items():
            place = root / path
            if text is None:
                done.append(f"removed  {path}")
            elif not place.exists() or place.read_text(encoding="utf-8") != text:
                done.append(f"{'changed' if place.exists() else 'added  '}  {path}")
                place.parent.mkdir(exist_ok=True)
                new[place] = place.with_name(f"{place.name}.new")
                new[place].write_text(text, encoding="utf-8")
        for place, half in new.items():
            half.replace(place)
    finally:
        for half in new.values():
            half.unlink(missing_ok=True)
    for place in (root / path for path, text in files.items() if text is None):
        place.unlink()
        if not any(place.parent.iterdir()):
            place.parent.rmdir()
    return done


def mentions(root: Path, words: Sequence[str]) -> list[str]:
    """Return the lines with one of these words, in the files that people write."""
    if not words:
        return []
    where = ["content", "docs/*.md", "manifests", "src", "tests", "tools", "*.md", "Makefile"]
    not_these = [f":!{TABLE}", ":!tests/unit/test_update_kubernetes.py", ":!tools/update_*.py"]
    command = ["git", "grep", "-nE", "|".join(words), "--", *where, *not_these]
    try:
        return run(command, timeout=60, cwd=str(root)).stdout.splitlines()
    except CommandFailed:  # none
        return []


def update(
    root: Path, asked: argparse.Namespace, get: Fetch, tidy: Callable[[str], tuple[str, str]]
) -> tuple[list[str], list[str]]:
    """Change the repository; return the changes, and the steps that a person must do.

    Raises:
        CourseError: something is missing or has another form; nothing was changed.
    """
    text = (root / TABLE).read_text(encoding="utf-8")
    before = after = version_table.read(text)
    texts, module, e2e, etcd = texts_of(root), ("", ""), ("", ""), ""
    if asked.minor:
        known, name = source(asked.kops, asked.at, get).read(asked.minor)
        release = version_table.chosen(known, asked.minor, asked.patch, before.own, name)
        pinned = next((one for one in before.releases if one.minor == release.minor), release)
        if not asked.patch and version_table.key(release.version) < version_table.key(
            pinned.version
        ):
            raise BadInput(
                f"Kubernetes {release.version} is older than the pinned {pinned.version}.",
                seen=f"it is the newest patch in {name}",
                next_step="Take a newer source (--kops), or name the patch: --patch.",
            )
        default = default_image(_kind(text, get))
        image = places.node_image(asked.minor, before, default, asked.image)
        after = version_table.with_release(after, release, image, own=asked.own)
        kubernetes = get("k8s.io/kubernetes", release.version).folder
        etcd = _etcd_of(kubernetes)
        upstream = (kubernetes / "go.mod").read_text(encoding="utf-8")
        module = tidy(places.go_module(upstream, release.version))
        if after.own == release != before.own:
            made = places.go_module(upstream, release.version, e2e_binary.PACKAGES)
            e2e = tidy(places.named(made, places.E2E))
    for minor in asked.drop:
        after = version_table.without(after, minor)
    written = version_table.write(after)
    version_table.read(written)
    modules = {
        path: words for path, words in texts.items() if path.startswith("toolchain/kubernetes")
    }
    files: dict[str, str | None] = {TABLE: written}
    files |= places.edited({path: texts[path] for path, _, _ in places.PLACES}, before, after)
    files |= places.moved(modules, before, after)
    if asked.minor:
        folder = places.folder_of(release, after)
        files[f"{folder}/go.mod"] = places.named(module[0], folder)
        files[f"{folder}/go.sum"] = module[1]
    if e2e[0]:
        files |= {f"{places.E2E}/go.mod": e2e[0], f"{places.E2E}/go.sum": e2e[1]}
    return put(root, files), [*places.by_hand(before, after, etcd), *_listed(root, before, after)]


def _listed(root: Path, before: Table, after: Table) -> list[str]:
    lines = mentions(root, places.outdated(before, after))
    return [f"{len(lines)} lines name a version that has changed:", *lines] if lines else []


def _kind(text: str, get: Fetch) -> Module:
    found = re.search(r'^\[kind\]\nversion = "(\S+)"', text, re.MULTILINE)
    if not found:
        raise BadInput(f"{TABLE} has no version of kind.")
    return get("sigs.k8s.io/kind", found[1])


def _etcd_of(kubernetes: Path) -> str:
    path = kubernetes / "cmd/kubeadm/app/constants/constants.go"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r'^\s*DefaultEtcdVersion = "([\d.]+)', text, re.MULTILINE)
    return f"v{found[1]}" if found else ""


def check(
    root: Path, asked: argparse.Namespace, get: Fetch, tidy: Callable[[str], tuple[str, str]]
) -> list[str]:
    """Return what differs between the repository's pins, or between them and the sources."""
    text = (root / TABLE).read_text(encoding="utf-8")
    table, data = version_table.read(text), source(asked.kops, asked.at, get)
    known: dict[str, dict[str, dict[str, str]]] = {}
    for minor in table.minors:
        known |= data.read(minor)[0]
    for version in version_table.differences(table, known)[1]:
        print(f"not compared: {version}; the source does not have it")
    default, texts = default_image(_kind(text, get)), texts_of(root)
    found = list(places.problems(table, known, default, texts))
    for path in (one for one in texts if one.endswith("go.mod")):
        module, version = places.released(texts[path])
        upstream = (get(module, version).folder / "go.mod").read_text(encoding="utf-8")
        right = tidy(places.with_go_line(texts[path], upstream))
        found += places.untidy(path.removesuffix("/go.mod"), texts, right)
    return found


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for.

    Raises:
        BadInput: the words do not fit together.
    """
    parser = argparse.ArgumentParser(prog="tools/update_kubernetes.py")
    add = parser.add_argument
    add("minor", nargs="?", default="", help="such as 1.37: added, or brought to another patch")
    add("--patch", help="the patch, such as 1.37.1; else the newest that kops knows")
    add("--own", action="store_true", help="make it the course's own")
    add("--drop", action="append", default=[], metavar="MINOR", help="take a minor away")
    add("--image", help="its node image, with a digest; else the default of the pinned kind")
    add("--kops", default="latest", help="version of k8s.io/kops, or a folder with its asset data")
    add("--at", default="", metavar="COMMIT", help="the commit of kops that the folder is of")
    add("--check", action="store_true", help="compare only; 1 when something differs")
    asked = parser.parse_args(words)
    asked.minor, *asked.drop = (one.removeprefix("v") for one in (asked.minor, *asked.drop))
    if asked.patch:
        asked.patch = f"v{asked.patch.removeprefix('v')}"
    if not (asked.minor or asked.drop or asked.check):
        raise BadInput("Neither a minor, nor --drop, nor --check.", next_step=parser.format_usage())
    if asked.minor and not re.fullmatch(r"1\.\d+", asked.minor):
        raise BadInput(f"{asked.minor!r} is no minor of Kubernetes.", next_step="Write it as 1.37.")
    if not asked.minor and (asked.patch or asked.own or asked.image):
        raise BadInput("--patch, --own and --image are for a minor; none is named.")
    if asked.patch and minor_of(asked.patch) != asked.minor:
        raise BadInput(f"{asked.patch} is no patch of Kubernetes {asked.minor}.")
    if asked.minor in asked.drop:
        raise BadInput(f"Kubernetes {asked.minor} cannot be both added and dropped.")
    return asked


def main(words: Sequence[str]) -> int:
    """Do what was asked for; 1 when something differs or cannot be done."""
    try:
        asked = arguments(words)
        if asked.check:
            found = check(ROOT, asked, fetch, tidied)
            print("\n".join(found) or "The pins of Kubernetes agree.")
            return bool(found)
        done, left = update(ROOT, asked, fetch, tidied)
    except CourseError as error:
        print(f"Nothing was changed. {error}", file=sys.stderr)
        return 1
    print("\n".join(done or ["nothing to change"]))
    if done:
        print("\nBy hand:\n" + "\n".join(f"  {line}" for line in left))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
