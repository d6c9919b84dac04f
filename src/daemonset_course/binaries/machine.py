"""Detect the platform, and check that a program runs here and has a suitable version."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from daemonset_course.environment import for_programs
from daemonset_course.errors import CommandFailed, CourseError
from daemonset_course.programs import run

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# First bytes: ELF identification and e_machine (elf.h), Mach-O magic and cputype (mach/machine.h).
_HEADERS = {
    b"\x7fELF\x02\x01\x3e\0": "linux/amd64",
    b"\x7fELF\x02\x01\xb7\0": "linux/arm64",
    b"\xcf\xfa\xed\xfe\x07\0\0\x01": "darwin/amd64",
    b"\xcf\xfa\xed\xfe\x0c\0\0\x01": "darwin/arm64",
}
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.(\d+)([-+][\w.+-]*)?")


def this_platform() -> str:
    """Return Go's name of this platform, such as ``linux/amd64`` or ``darwin/arm64``.

    Raises:
        CourseError: the programs do not exist for this platform.
    """
    system, machine = platform.system().lower(), platform.machine().lower()
    if system not in ("linux", "darwin") or machine not in _MACHINES:
        raise CourseError(
            "The embedded cluster does not run on this machine.",
            seen=f"{system} on {machine}; it needs Linux or macOS on amd64 or arm64",
            next_step="On Windows, use WSL.",
        )
    return f"{system}/{_MACHINES[machine]}"


class UnfitError(Exception):
    """A program cannot be used; the message says why."""


def examine(path: Path, program: str, wanted_version: str, here: str) -> str:
    """Return the version of the program at ``path``, if it runs here and suits the pinned version.

    Kubernetes, etcd and promtool: the same minor. kubectl: at most one minor away
    (https://kubernetes.io/releases/version-skew-policy/#kubectl). kwok: exactly the same version.
    kind: at most one minor older, as it must support the node image's kubeadm.

    Raises:
        UnfitError: the program does not run here, or its version does not suit.
    """
    if reason := header_problem(path, here):
        raise UnfitError(reason)
    output = _version_output(path, program)
    found, wanted = _VERSION.search(output), _VERSION.match(wanted_version)
    if not found or not wanted:
        raise UnfitError(f"it prints no version, but {output[:200]!r}")
    if "dispatcher" in (found[4] or ""):  # Google Cloud SDK's kubectl runs another kubectl
        raise UnfitError(f"it is {found[0]}, which starts some other kubectl")
    have, want = [tuple(map(int, version.group(1, 2, 3))) for version in (found, wanted)]
    away, rule = abs(have[1] - want[1]), "the minor of"
    if program == "kubectl":
        away, rule = max(away - 1, 0), "at most one minor away from"
    elif program == "kind":
        away, rule = max(want[1] - 1 - have[1], 0), "at least the minor before"
    elif program.startswith("kwok"):
        away, rule = int(have != want), "exactly"
    if have[0] != want[0] or away:
        raise UnfitError(f"it is {found[0]}; needed is {rule} {wanted_version}")
    return f"v{'.'.join(map(str, have))}{found[4] or ''}"


def _version_output(path: Path, program: str) -> str:
    flags = {"kubectl": ["version", "--client"], "kind": ["version"]}.get(program, ["--version"])
    alone = for_programs({"KUBECONFIG": os.devnull})  # not the learner's kubeconfig
    try:
        return run([path, *flags], timeout=30, env=alone).stdout
    except CommandFailed as error:
        raise UnfitError(f"it does not run: {error.seen}") from error


def header_problem(path: Path, here: str) -> str:
    """Return why a file, by its first bytes, is no program of this platform; empty if it is one."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    kind = _HEADERS.get(head[:6] + head[18:20]) or _HEADERS.get(head[:8])
    if kind == here or head.startswith(b"#!"):
        return ""
    if kind or head.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ")):
        return f"it is a program for {kind or 'another kind of machine'}, this one is {here}"
    return "it is not a program"
