"""Build Kubernetes' own end-to-end tests, and Ginkgo, which runs them, from ``toolchain/e2e``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from daemonset_course.binaries import build
from daemonset_course.binaries.machine import header_problem, this_platform
from daemonset_course.environment import for_go
from daemonset_course.errors import ProgramMissing
from daemonset_course.places import cache_home
from daemonset_course.programs import follow
from daemonset_course.progress import Report, step

GINKGO, E2E = PACKAGES = ("github.com/onsi/ginkgo/v2/ginkgo", "k8s.io/kubernetes/test/e2e")
FOLDER = build.TOOLCHAIN / "e2e"


class Suite(NamedTuple):
    """The paths of Ginkgo's program, and of the tests that it runs."""

    ginkgo: Path
    tests: Path


def ensure(version: str, report: Report) -> Suite:
    """Return the suite of this Kubernetes version in the course's cache; build what is missing.

    Its modules are those of ``go.sum``, as for the programs of the cluster. Once, it takes minutes.

    Raises:
        ProgramMissing: Go is not there, or ``toolchain/e2e`` is for another version.
        CommandFailed: the build failed; with the end of Go's output.
    """
    flags = build.flags("kubernetes", version)
    here = f"{version}-{this_platform().replace('/', '-')}"
    return Suite(
        _built(f"e2e-ginkgo-{here}", ["build", *flags], GINKGO, version, report),
        # Ginkgo takes a file for compiled tests by this end of its name.
        _built(f"e2e-{here}.test", ["test", "-c", "-vet=off", *flags], E2E, version, report),
    )


def _built(name: str, command: list[str], package: str, version: str, report: Report) -> Path:
    target = cache_home() / "bin" / name
    if not header_problem(target, this_platform()) and os.access(target, os.X_OK):
        return target
    if reason := build.module_obstacle(FOLDER, E2E, version):
        raise ProgramMissing(
            f"Kubernetes' end-to-end tests {version} cannot be built.",
            seen=reason,
            next_step="Install Go. The module is for the course's own Kubernetes alone: run "
            "without KUBERNETES.",
        )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = target.with_name(f"{target.name}.building")
    go, *options = command
    words = ["go", go, "-C", str(FOLDER), *options, "-o", str(half), package]
    try:
        with step(report, f"Building {name}, once"):
            follow(words, lambda _: None, env=for_go(this_platform()), name=f"go {go} of {package}")
        half.replace(target)
        report.done(f"Built {name}")
    finally:
        half.unlink(missing_ok=True)
    return target
