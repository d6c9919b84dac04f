"""Build the clusters' programs from source with Go, from the modules in ``toolchain/``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from daemonset_course.binaries.machine import this_platform
from daemonset_course.environment import for_go
from daemonset_course.errors import CommandFailed
from daemonset_course.places import REPOSITORY
from daemonset_course.programs import follow, run
from daemonset_course.progress import Report, step

# Beside the package in a checkout of the course's repository; an installed wheel has none.
TOOLCHAIN = REPOSITORY / "toolchain"

# Program: the folder of its module in toolchain/, and the package to build. Older Kubernetes minors
# have their own folders, such as kubernetes-1.35.
PACKAGES = {
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": ("kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kubectl": ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    "kwok": ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "kind": ("kind", "sigs.k8s.io/kind"),
    "kwokctl": ("kwok", "sigs.k8s.io/kwok/cmd/kwokctl"),
    "promtool": ("prometheus", "github.com/prometheus/prometheus/cmd/promtool"),
}
# Build tags. promtool's checks of service discovery bring the client libraries of every cloud, a
# fifth of its packages; rule tests use none (prometheus v3.13.4, plugins/*.go).
_TAGS = {"prometheus": "remove_all_sd"}
_AGAIN = "Run the same command again: compiled packages are kept."


def obstacle(program: str, version: str, toolchain: Path = TOOLCHAIN) -> str:
    """Return why Go cannot build this version here; empty if a build can be tried.

    Go downloads a newer Go if ``go.mod`` requires one, unless GOTOOLCHAIN is ``local``
    (https://go.dev/doc/toolchain). Go before 1.21 cannot do this.
    """
    folder = module_folder(program, version, toolchain)
    return module_obstacle(folder, PACKAGES[program][1], module_version(program, version))


def module_obstacle(folder: Path, package: str, version: str) -> str:
    """Return why Go cannot build a package of a module of ``toolchain/``, as ``obstacle`` does."""
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
    """Return the folder of the Go module for this version of the program."""
    name = PACKAGES[program][0]
    older = toolchain / f"{name}-{'.'.join(version.removeprefix('v').split('.')[:2])}"
    return older if older.is_dir() else toolchain / name


def module_version(program: str, version: str) -> str:
    """Return the version of the Go module that a release is built from.

    Prometheus 3.13.4 is v0.313.4 (github.com/prometheus/prometheus, README).
    """
    if PACKAGES[program][0] != "prometheus":
        return version
    major, minor, patch = version.removeprefix("v").split(".")
    return f"v0.{int(major) * 100 + int(minor)}.{patch}"


def _requires(text: str, package: str, version: str) -> bool:
    required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", text, re.MULTILINE)
    return any(f"{package}/".startswith(f"{path}/") and v == version for path, v in required)


def _too_old(wanted: str) -> str:
    # Outside any module Go reports its own version, not that of a Go that it would download.
    asked = ["go", "env", "GOVERSION", "GOTOOLCHAIN"]
    try:
        answer = run(asked, timeout=60, cwd="/", env=for_go(this_platform())).stdout.split()
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
    """Build the program from its pinned source and write it to ``target``, whole or not at all.

    Go caches each compiled package, so an interrupted build continues where it stopped. All builds
    of the course use the same flags, so that they share the cache.

    Args:
        program: one of ``PACKAGES``.
        version: the version that the program reports.
        target: the path of the program, in an existing folder.
        report: gets the number of compiled packages.
        toolchain: the folder of the Go modules.

    Raises:
        CommandFailed: Go failed; with the end of its output.
    """
    module, package = PACKAGES[program]
    options = flags(module, version)
    folder = str(module_folder(program, version, toolchain))
    half = target.with_name(f"{target.name}.building")
    try:
        total, todo = _packages(["go", "list", "-C", folder, "-deps", *options], package, report)
        text = f"Building {program} {version}"
        with step(report, text, todo, "packages"):
            out = ["-v", "-o", str(half), package]
            compiled = _compile(["go", "build", "-C", folder, *options, *out], report)
            half.chmod(0o755)
            half.replace(target)
        rest = total - compiled
        report.done(
            f"Built {program} {version}: {compiled:,} of {total:,} packages compiled, "
            f"{rest:,} came from Go's cache"
        )
    finally:
        half.unlink(missing_ok=True)


def flags(module: str, version: str) -> list[str]:
    """Return the build flags of a module of ``toolchain/``: all builds share Go's cache."""
    tags = ["-tags", _TAGS[module]] if module in _TAGS else []
    return ["-trimpath", "-ldflags", f"-s -w{_stamp(module, version)}", *tags]


def _stamp(module: str, version: str) -> str:
    """Return the linker options that set the version which a program prints.

    kwokctl reads that of Kubernetes programs. Sources: k8s.io/component-base/version/base.go, "set
    by the build process with ldflags -X"; prometheus, .promu.yml.
    """
    if module == "prometheus":
        return f" -X github.com/prometheus/common/version.Version={version.removeprefix('v')}"
    if module != "kubernetes":
        return ""
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return "".join(f" -X {place}.gitVersion={version}" for place in places)


def _packages(command: list[str], package: str, report: Report) -> tuple[int, int]:
    """Return the number of packages of the program, and how many Go still has to compile.

    ``StaleReason`` shows which packages are in the cache (cmd/go/internal/work/buildid.go). This
    step downloads missing modules.
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
        follow(
            [*command, "-f", form, package],
            count,
            env=for_go(this_platform()),
            name=what,
            next_step=_AGAIN,
        )
        report.done(f"{package}: {todo:,} of {total:,} packages to compile")
    return total, todo


def _compile(command: list[str], report: Report) -> int:
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        if re.fullmatch(r"[\w.~/+-]+", line):  # -v prints each package when Go compiles it
            compiled += 1
            report.advance()

    what = f"go build of {command[-1]}"
    follow(command, count, env=for_go(this_platform()), name=what, next_step=_AGAIN)
    return compiled
