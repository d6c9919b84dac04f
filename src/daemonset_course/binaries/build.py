"""The embedded cluster's programs built from source by Go, from the modules in ``toolchain/``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from daemonset_course.environment import for_go
from daemonset_course.errors import CommandFailed
from daemonset_course.places import REPOSITORY
from daemonset_course.programs import follow, run
from daemonset_course.progress import Report, step

# Beside the package in a checkout of the course's repository; an installed wheel has none.
TOOLCHAIN = REPOSITORY / "toolchain"

# Program: the folder of its module in toolchain/, and the package to build. An older Kubernetes has
# a folder of its own: kubernetes-1.35.
PACKAGES = {
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": ("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kubectl": ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    "kwok": ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "kind": ("kind", "sigs.k8s.io/kind"),
    "kwokctl": ("kwok", "sigs.k8s.io/kwok/cmd/kwokctl"),
}
_AGAIN = "Run the same command again: what was compiled is kept."


def obstacle(program: str, version: str, toolchain: Path = TOOLCHAIN) -> str:
    """Why Go cannot build this version here, or nothing if it can be tried.

    Go itself fetches a newer Go for a ``go.mod`` that asks for one, unless GOTOOLCHAIN is ``local``
    (https://go.dev/doc/toolchain); Go before 1.21 cannot.
    """
    folder, package = module_folder(program, version, toolchain), PACKAGES[program][1]
    try:
        text = (folder / "go.mod").read_text()
    except OSError:
        return f"{folder} is not there; it comes with the course's repository"
    if not _requires(text, package, version):
        return f"{folder}/go.mod is for another version than {version}"
    if not shutil.which("go"):
        return "there is no Go on PATH"
    wanted = re.search(r"^go (\S+)", text, re.MULTILINE)
    return _too_old(wanted.group(1) if wanted else "1.21")


def module_folder(program: str, version: str, toolchain: Path = TOOLCHAIN) -> Path:
    """The folder of the Go module that this version of the program is built from."""
    name = PACKAGES[program][0]
    older = toolchain / f"{name}-{'.'.join(version.removeprefix('v').split('.')[:2])}"
    return older if older.is_dir() else toolchain / name


def _requires(text: str, package: str, version: str) -> bool:
    required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", text, re.MULTILINE)
    return any(f"{package}/".startswith(f"{path}/") and v == version for path, v in required)


def _too_old(wanted: str) -> str:
    # Outside any module: the answer is the Go that is installed, not one that it would fetch.
    asked = ["go", "env", "GOVERSION", "GOTOOLCHAIN"]
    try:
        answer = run(asked, timeout=60, cwd="/", env=for_go()).stdout.split()
    except CommandFailed as error:
        return f"Go does not run: {error.seen}"
    version, selected = (answer[0].removeprefix("go") if answer else "0"), (*answer, "", "")[1]
    if _numbers(version) >= _numbers(wanted):
        return ""
    if _numbers(version) < (1, 21):
        return f"Go {version} is too old; {wanted} or newer is needed"
    if selected == "local":
        return f"Go {version} is older than {wanted}, and GOTOOLCHAIN=local forbids fetching that"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def build(
    program: str, version: str, target: Path, *, report: Report, toolchain: Path = TOOLCHAIN
) -> None:
    """Put the program at ``target``, built from its pinned source, or leave nothing there.

    Go keeps every compiled package in its own cache, so an interrupted build goes on where it
    stopped. The flags are those of every build of the course: only then is that cache shared.

    Args:
        program: one of ``PACKAGES``.
        version: the version that the program shall report of itself.
        target: where the program goes, in an existing folder.
        report: told about the packages compiled.
        toolchain: the folder of the Go modules.

    Raises:
        CommandFailed: Go failed; with the end of what it said.
    """
    module, package = PACKAGES[program]
    flags = ["-trimpath", "-ldflags", f"-s -w{_stamp(module, version)}"]
    folder = str(module_folder(program, version, toolchain))
    half = target.with_name(f"{target.name}.building")
    try:
        total, todo = _packages(["go", "list", "-C", folder, "-deps", *flags], package, report)
        text = f"Building {program} {version}"
        with step(report, text, todo, "packages"):
            out = ["-v", "-o", str(half), package]
            compiled = _compile(["go", "build", "-C", folder, *flags, *out], report)
            half.chmod(0o755)
            half.replace(target)
        rest = total - compiled
        report.done(
            f"Built {program} {version}: {compiled:,} of {total:,} packages compiled, "
            f"{rest:,} came from Go's cache"
        )
    finally:
        half.unlink(missing_ok=True)


def _stamp(module: str, version: str) -> str:
    """The linker's options that write the version into Kubernetes programs; kwokctl reads it.

    Source: k8s.io/component-base/version/base.go, "set by the build process with ldflags -X".
    """
    if module != "kubernetes":
        return ""
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return "".join(f" -X {place}.gitVersion={version}" for place in places)


def _packages(command: list[str], package: str, report: Report) -> tuple[int, int]:
    """How many packages the program has, and how many of them Go has yet to compile.

    ``StaleReason`` says which are compiled already (cmd/go/internal/work/buildid.go). Modules that
    are missing are downloaded by this step.
    """
    total = todo = 0
    form = "pkg {{.Stale}} {{.StaleReason}}"

    def count(line: str) -> None:
        nonlocal total, todo
        if line.startswith("pkg "):
            total += 1
            todo += line.startswith("pkg true") and "available in build cache" not in line
        elif line.startswith("go: downloading "):
            report.advance()

    with step(report, f"Reading the Go modules of {package}", None, "modules downloaded"):
        what = f"go list of {package}"
        follow([*command, "-f", form, package], count, env=for_go(), name=what, next_step=_AGAIN)
        report.done(f"{package}: {todo:,} of {total:,} packages to compile")
    return total, todo


def _compile(command: list[str], report: Report) -> int:
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        if re.fullmatch(r"[\w.~/+-]+", line):  # -v names each package when its turn comes
            compiled += 1
            report.advance()

    what = f"go build of {command[-1]}"
    follow(command, count, env=for_go(), name=what, next_step=_AGAIN)
    return compiled
