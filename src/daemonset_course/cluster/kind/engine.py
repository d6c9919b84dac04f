"""Find a container engine for kind, Docker or podman, and run its commands."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemonset_course.errors import CommandFailed, NoEngine
from daemonset_course.places import course_command
from daemonset_course.programs import run

ENGINES = ("docker", "podman")  # in this order, unless kind's own variable names podman
PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"
TRIES = 5  # of a pause: the runtime fails if it cannot freeze all processes at once
PULL = 1800  # seconds that a node image, about a gigabyte, may take


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    name: str
    version: str
    cgroup: int  # 1 or 2
    rootless: bool

    def run(self, *arguments: str, timeout: float = 60) -> str:
        """Run a command of the engine and return its output.

        Raises:
            CommandFailed: with the last lines of its error.
        """
        return run([self.name, *arguments], timeout=timeout).stdout

    def pause(self, container: str) -> None:
        """Freeze a container's processes, in several tries: a busy machine may need them.

        Raises:
            CommandFailed: no try succeeded.
        """
        for _ in range(TRIES - 1):
            with suppress(CommandFailed):
                self.run("pause", container)
                return
        self.run("pause", container)

    def has_image(self, image: str) -> bool:
        """Whether the engine has this image already."""
        return bool(self.run("images", "--quiet", image).strip())

    def bring(self, image: str) -> None:
        """Pull an image unless the engine has it.

        Raises:
            CommandFailed: the image cannot be pulled.
        """
        try:
            self.run("image", "inspect", "--format", "{{.Id}}", image)
        except CommandFailed:
            self.run("pull", image, timeout=PULL)

    def save(self, image: str, archive: Path) -> None:
        """Write an image to a file that a container runtime can import."""
        self.run("save", "--output", str(archive), image, timeout=PULL)

    def nodes(self, cluster: str) -> dict[str, str]:
        """Return each container of a kind cluster and its state (``running``, ``paused``, ...)."""
        label = f"label=io.x-k8s.kind.cluster={cluster}"
        names = self.run("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()
        if not names:
            return {}
        # Not the State of `ps`: there podman prints "Up 2 minutes ago".
        inspected = self.run("inspect", "--format", "{{.Name}}\t{{.State.Status}}", *names)
        lines = (line.removeprefix("/") for line in inspected.splitlines())
        return dict(sorted(line.split("\t") for line in lines if "\t" in line))


@dataclass(frozen=True)
class Missing:
    """An engine that cannot be used, and why."""

    name: str
    reason: str


def engines() -> list[Engine | Missing]:
    """Return each engine that kind supports, usable or not, the preferred one first."""
    return [_ask(name) for name in _preferred()]


def find_engine() -> Engine | None:
    """Return the engine that kind would use, or None if no engine answers."""
    return usable(map(_ask, _preferred()))


def usable(asked: Iterable[Engine | Missing]) -> Engine | None:
    """Return the first engine that can be used, or None."""
    return next((one for one in asked if isinstance(one, Engine)), None)


def needed_engine(cluster: str | None = None) -> Engine:
    """Return the engine that kind uses.

    Raises:
        NoEngine: no engine answers; with the reason of each.
    """
    found = engines()
    if one := usable(found):
        return one
    seen = "; ".join(f"{one.name}: {one.reason}" for one in found if isinstance(one, Missing))
    raise NoEngine(
        "No container engine answers; the kind backend needs Docker or podman.",
        seen=seen,
        next_step="Start Docker or podman, or use: "
        f"{course_command('up --backend embedded', cluster)}",
    )


def _preferred() -> list[str]:
    return sorted(ENGINES, key=lambda name: name != os.environ.get(PROVIDER))


def _ask(name: str) -> Engine | Missing:
    if not shutil.which(name):
        return Missing(name, "not on PATH")
    try:
        info = json.loads(run([name, "info", "--format", "{{json .}}"], timeout=20).stdout)
    except CommandFailed as error:
        return Missing(name, error.seen)
    except ValueError:
        return Missing(name, "its answer to `info` is no JSON")
    return _podman(info) if name == "podman" else _docker(info)


def _docker(info: dict[str, Any]) -> Engine | Missing:
    if info.get("ServerErrors") or not info.get("ServerVersion"):
        return Missing(
            "docker", "; ".join(info.get("ServerErrors") or ["no answer from its server"])
        )
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or [])
    cgroup = 1 if str(info.get("CgroupVersion", "")) == "1" else 2
    return Engine("docker", info["ServerVersion"], cgroup, rootless)


def _podman(info: dict[str, Any]) -> Engine | Missing:
    host = info.get("host") or {}
    version = (info.get("version") or {}).get("Version", "")
    if not version:
        return Missing("podman", "it names no version")
    rootless = bool((host.get("security") or {}).get("rootless"))
    return Engine("podman", version, 1 if host.get("cgroupVersion") == "v1" else 2, rootless)
