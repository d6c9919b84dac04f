"""The embedded backend: a real control plane as plain processes, nodes simulated by kwok.

kwokctl's binary runtime starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and
kwok. They listen on 127.0.0.1, and everything they write stays in the cluster's own folder.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import psutil
import yaml

from daemonset_course import binaries, topology
from daemonset_course.errors import BadInput, CommandFailed, NotRunning
from daemonset_course.places import cluster_dir
from daemonset_course.progress import Report

COMPONENTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
)
PORTS = (
    "kubeApiserverPort",
    "etcdPort",
    "etcdPeerPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
KWOKCTL_SETS = ("manage-all-nodes", "node-monitor-grace-period", "node-monitor-period")


@dataclass(frozen=True)
class Timing:
    """The control-plane settings that shape what a lesson shows, derived from ``--pace``."""

    pace: float

    @property
    def node_grace_seconds(self) -> int:
        """How long a kubelet may be silent before its node counts as unreachable.

        Upstream: 50 s (``--node-monitor-grace-period``). Here 20 s at pace 1, at least 6 s, so that
        a lesson need not wait a minute and a busy machine loses no healthy node.
        """
        return max(6, round(20 * self.pace))

    @property
    def node_monitor_seconds(self) -> int:
        """How often the node controller looks (``--node-monitor-period``, upstream 5 s)."""
        return max(1, round(2 * self.pace))


class Embedded:
    """One embedded cluster, by name. Its folder is the whole of its state."""

    backend = "embedded"
    capabilities: frozenset[str] = frozenset()

    def __init__(self, name: str, *, kubernetes: str, pace: float, port: int | None = None) -> None:
        self.name = name
        self.kubernetes = kubernetes
        self.pace = pace
        self.port = port
        self.directory = cluster_dir(name)
        self.kubeconfig = self.directory / "kubeconfig"
        self.programs = self.directory / "bin"

    def prepare(self, report: Report) -> None:
        """Bring every program, linked from the cluster's own ``bin`` folder."""
        self._refuse_taken_port()
        self.programs.mkdir(exist_ok=True)
        for name, binary in binaries.ensure(kubernetes=self.kubernetes, report=report).items():
            link = self.programs / name
            link.unlink(missing_ok=True)
            link.symlink_to(binary.path)

    def create(self) -> None:
        """Start the control plane in an empty folder, and return when it answers."""
        config = self.directory / "kwokctl.yaml"
        config.write_text(self._configuration())
        self._kwokctl(
            "create", "cluster", "--config", str(config), "--kubeconfig", str(self.kubeconfig)
        )
        self.kubeconfig.chmod(0o600)
        for component in self.dead_components():
            raise CommandFailed(
                f"{component} stopped right after its start.", seen=self.log_tail(component)
            )

    def heal(self) -> list[str]:
        """Start the components that do not run any more; returns their names."""
        dead = self.dead_components()
        if dead:
            for component in dead:
                # kwokctl trusts a pid file even when its process is gone or a zombie.
                self._pid_file(component).unlink(missing_ok=True)
            self._kwokctl("start", "cluster")
        return dead

    def dead_components(self) -> list[str]:
        """The components whose process does not run."""
        return [c for c in COMPONENTS if self.process(c) is None]

    def process(self, component: str) -> psutil.Process | None:
        """The running process of a component, or None."""
        try:
            process = psutil.Process(int(self._pid_file(component).read_text()))
            alive = process.status() != psutil.STATUS_ZOMBIE
            ours = str(self.directory) in " ".join(process.cmdline())
            return process if alive and ours else None
        except (OSError, ValueError, psutil.Error):
            return None

    def destroy(self) -> None:
        """Stop every process of this cluster and remove its folder."""
        running = processes_of(self.directory)
        for process in running:
            _signal(process, "terminate")
        _, stubborn = psutil.wait_procs(running, timeout=10)
        for process in stubborn:
            _signal(process, "kill")
        psutil.wait_procs(stubborn, timeout=5)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, component: str, lines: int = 1) -> str:
        """The last lines that a component logged."""
        log = self._root / "logs" / f"{component}.log"
        try:
            return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    @property
    def _root(self) -> Path:
        return self.directory / "kwok" / "clusters" / self.name

    def _pid_file(self, component: str) -> Path:
        return self._root / "pids" / f"{component}.pid"

    def _configuration(self) -> str:
        """Kwokctl's configuration and our stages: every path given, so it never downloads."""
        timing = Timing(self.pace)
        options: dict[str, Any] = {
            "runtime": "binary",
            "bindAddress": "127.0.0.1",
            "kubeVersion": self.kubernetes,
            "heartbeatFactor": 1,
            "nodeLeaseDurationSeconds": timing.node_grace_seconds,
            "quietPull": True,
            "etcdBinary": str(self.programs / "etcd"),
            "kubeApiserverBinary": str(self.programs / "kube-apiserver"),
            "kubeControllerManagerBinary": str(self.programs / "kube-controller-manager"),
            "kubeSchedulerBinary": str(self.programs / "kube-scheduler"),
            "kwokControllerBinary": str(self.programs / "kwok"),
            "kubectlBinary": str(self.programs / "kubectl"),
        }
        # kwokctl counts down from a fixed number: two clusters made at once would collide.
        options |= dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        if self.port:
            options["kubeApiserverPort"] = self.port
        patches = {
            # Only nodes with this label have a kubelet: taking it away is a dead machine.
            "kwok-controller": {
                "manage-all-nodes": "false",
                "manage-nodes-with-label-selector": f"{topology.MANAGED}=simulated",
            },
            "kube-controller-manager": {
                "node-monitor-grace-period": f"{timing.node_grace_seconds}s",
                "node-monitor-period": f"{timing.node_monitor_seconds}s",
            },
            # The data need not survive a power cut, only a killed process.
            "etcd": {"unsafe-no-fsync": "true"},
        }
        config = {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "metadata": {"name": self.name},
            "options": options,
            "componentsPatches": [
                {
                    "name": component,
                    "extraArgs": [
                        # kwokctl drops an "override" of what it does not set itself.
                        {"key": key, "value": value, "override": key in KWOKCTL_SETS}
                        for key, value in extra.items()
                    ],
                }
                for component, extra in patches.items()
            ],
        }
        return f"{yaml.safe_dump(config)}---\n{stages(self.pace)}"

    def _kwokctl(self, *arguments: str) -> None:
        """Run kwokctl on this cluster.

        Raises:
            CommandFailed: with kwokctl's own last word and the API server's.
        """
        command = [str(self.programs / "kwokctl"), *arguments, "--name", self.name]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("KWOK_")} | {
            "KWOK_WORKDIR": str(self.directory / "kwok"),
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": f"{self.programs}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        if arguments[0] in ("create", "start"):
            command += ["--wait", "60s", "--timeout", "120s"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise CommandFailed(
                f"kwokctl {' '.join(arguments[:2])} failed.",
                seen=f"{' '.join(last)}; kube-apiserver's last line: "
                f"{self.log_tail('kube-apiserver')}",
                next_step="course down, then course up; course doctor looks for causes",
            )

    def _refuse_taken_port(self) -> None:
        if not self.port:
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise BadInput(
                    f"Port {self.port} on 127.0.0.1 cannot be used.",
                    seen=str(error),
                    next_step="Leave --port out: a free port is chosen by itself.",
                ) from None


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody listens on now, as the system hands them out."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def stages(pace: float) -> str:
    """The kwok stages with every delay multiplied by ``pace``.

    Raises:
        BadInput: a pace that is not between 0.01 and 10.
    """
    if not 0.01 <= pace <= 10:
        raise BadInput(f"--pace {pace} is outside 0.01 to 10.")
    text = resources.files("daemonset_course").joinpath("data/stages.yaml").read_text()
    return text.replace("* PACE)", f"* {pace})")


def processes_of(directory: Path) -> list[psutil.Process]:
    """Every living process that was started from a cluster's folder, this one left out."""
    mark = f"{directory}{os.sep}"
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        program = Path(command.split(" ", 1)[0]).name
        living = process.info["status"] != psutil.STATUS_ZOMBIE
        if living and mark in command and program in {*COMPONENTS, *binaries.PROGRAMS}:
            found.append(process)
    return found


def _signal(process: psutil.Process, action: str) -> None:
    try:
        getattr(process, action)()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise NotRunning(
            f"Process {process.pid} of this cluster cannot be stopped.", seen=str(error)
        ) from None
