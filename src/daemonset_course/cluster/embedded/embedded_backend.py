"""The embedded backend: the real control plane as processes, and nodes simulated by kwok.

kwokctl's binary runtime starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and
kwok. They listen on 127.0.0.1, and write only into the cluster's own folder.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil

from daemonset_course import binaries, capabilities
from daemonset_course.cluster import leases, topology
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.backend import COMPONENTS, STOPPABLE, Pressure
from daemonset_course.cluster.embedded import kwokctl
from daemonset_course.cluster.ports import refuse_taken
from daemonset_course.cluster.processes import kill_all
from daemonset_course.cluster.simulated_nodes import break_kubelet, create_nodes, recover_kubelet
from daemonset_course.cluster.timing import Settings
from daemonset_course.cluster.topology import NodeSpec
from daemonset_course.environment import for_programs
from daemonset_course.errors import CommandFailed, CourseError, NotRunning
from daemonset_course.history.outages import Down, Why
from daemonset_course.places import begin_anew, cluster_dir, course_command
from daemonset_course.programs import last_lines, run
from daemonset_course.progress import Report, waiting

TIMEOUT = 240.0  # seconds that kwokctl, or the API server, may take
STARTS = 6  # of one component, until it counts as one that cannot run
QUICK = 8.0  # seconds: an API server that is ready by then let nobody wait too long
SETTLED = 1.0  # seconds that all must run after an API server that was not quick is ready
LOOK = 0.2  # seconds between two looks at what has started
KUBELETS = "kwok-controller"
PROCESSES = (*COMPONENTS, KUBELETS)


class Embedded:
    """One embedded cluster. Its folder holds all its state."""

    backend = "embedded"
    capabilities: frozenset[str] = frozenset()
    stoppable = STOPPABLE

    def __init__(self, name: str, *, kubernetes: str, pace: float, port: int | None = None) -> None:
        self.name = name
        self.kubernetes = kubernetes
        self.pace = pace
        self.port = port
        self.directory = cluster_dir(name)
        self.kubeconfig = self.directory / "kubeconfig"
        self.programs = self.directory / "bin"

    @property
    def settings(self) -> Settings:
        """The control-plane settings that the timings in lessons depend on."""
        return Settings.at_pace(self.pace)

    @property
    def intact(self) -> bool:
        """Whether the folder has all that ``heal`` needs, apart from programs."""
        return self.kubeconfig.exists() and (self._root / "pids").is_dir()

    def prepare(self, report: Report) -> None:
        """Install all programs, as links in the cluster's own ``bin`` folder."""
        refuse_taken(self.port)
        found = binaries.ensure(kubernetes=self.kubernetes, report=report)
        binaries.link(found, self.programs)

    def create(self) -> None:
        """Start the control plane in an empty folder, and return when its API server answers."""
        config = self.directory / "kwokctl.yaml"
        config.write_text(
            kwokctl.configuration(
                self.name, self.programs, kubernetes=self.kubernetes, pace=self.pace, port=self.port
            )
        )
        words = "--config", str(config), "--kubeconfig", str(self.kubeconfig)
        with waiting("the control plane", self._starting):
            began = time.monotonic()
            self._kwokctl("create", "cluster", *words)
            self.kubeconfig.chmod(0o600)
            self._keep_starting(began)

    def heal(self) -> list[str]:
        """Start the components that do not run, and return their names."""
        down = self.down_components()
        for component, why in down:
            process = self.process(component)
            if why == "suspended" and process:
                process.resume()
        dead = self.dead_components()
        if dead:
            self._start(dead)
        if not down and leases.renewals_stopped(Api(self.kubeconfig)):
            down = [Down(KUBELETS, "ended")]
            self.stop_component(KUBELETS)
            self._start([KUBELETS])
        return [component for component, _ in down]

    def break_node(self, api: Api, node: str, how: topology.Failure) -> None:
        """Make kwok ignore the node, or make its simulated kubelet report not ready."""
        break_kubelet(api, node, how)

    def recover_node(self, api: Api, node: str) -> None:
        """Make kwok manage the node again, with a kubelet that reports Ready."""
        recover_kubelet(api, node)

    def press_node(self, node: str, what: Pressure) -> None:  # noqa: ARG002 (the protocol has them)
        """Refuse: no kubelet measures the resources of a simulated node.

        Raises:
            BadInput: always.
        """
        capabilities.require("pressure", self)

    def unplug_node(self, node: str) -> None:  # noqa: ARG002
        """Refuse: a simulated node has no network plugin.

        Raises:
            BadInput: always.
        """
        capabilities.require("network", self)

    def mend_node(self, node: str) -> list[str]:  # noqa: ARG002
        """Return no repairs: a simulated node supports neither fault."""
        return []

    def specs(self, workers: int | None = None) -> list[NodeSpec]:
        """Return the specs of all nodes, all of them simulated."""
        return [topology.simulated(one) for one in topology.read(self.name, workers=workers)]

    def create_nodes(self, api: Api, specs: Iterable[NodeSpec]) -> None:
        """Create simulated nodes; do not wait."""
        create_nodes(api, specs, self.kubernetes)

    def remove_nodes(self, api: Api, nodes: Iterable[str]) -> None:
        """Delete Node objects, and with them their simulated kubelets."""
        leases.remove_simulated(api, nodes)

    def stop_component(self, component: str) -> None:
        """Stop the process of a component, and return when it is gone."""
        process = self.process(component)
        if process:
            note = self._stopped_file(component)
            note.parent.mkdir(exist_ok=True)
            note.touch()
            process.terminate()
            psutil.wait_procs([process], timeout=15)

    def start_component(self, component: str) -> None:
        """Start the process of a component."""
        if self.process(component) is None:
            self._start([component])

    def metrics(self, component: str) -> str:
        """Return the /metrics of a component, in Prometheus' text format.

        Raises:
            NotRunning: the component does not run, or does not answer.
        """
        process = self.process(component)
        flags = process.cmdline() if process else []
        ports = [flag.partition("=")[2] for flag in flags if flag.startswith("--secure-port=")]
        try:
            # The certificate is self-signed and new at each start; /metrics needs no authorization.
            command = [str(self.programs / "kubectl"), "--kubeconfig", str(self.kubeconfig)]
            command += ["--server", f"https://127.0.0.1:{ports[0]}", "--insecure-skip-tls-verify"]
            return run([*command, "get", "--raw", "/metrics"], timeout=60).stdout
        except (IndexError, CommandFailed) as error:
            raise NotRunning(
                f"The metrics of {component} cannot be read.",
                seen=self.log_tail(component),
                next_step=f"{course_command('up', self.name)} starts components that do not run",
            ) from error

    def dead_components(self) -> list[str]:
        """Return the components whose process does not run."""
        return [c for c in PROCESSES if self.process(c) is None]

    def down_components(self) -> list[Down]:
        """Return the components that do not run, each with the reason."""
        found = [(component, self._why_down(component)) for component in PROCESSES]
        return [Down(component, why) for component, why in found if why]

    def _why_down(self, component: str) -> Why | None:
        process = self.process(component)
        if process is None:
            return "stopped" if self._stopped_file(component).exists() else "ended"
        try:
            return "suspended" if process.status() == psutil.STATUS_STOPPED else None
        except psutil.NoSuchProcess:
            return "ended"

    def process(self, component: str) -> psutil.Process | None:
        """Return the running process of a component, or None."""
        try:
            process = psutil.Process(int(self._pid_file(component).read_text()))
            alive = process.status() != psutil.STATUS_ZOMBIE
            ours = str(self.directory) in " ".join(process.cmdline())
            return process if alive and ours else None
        except (OSError, ValueError, psutil.Error):
            return None

    def destroy(self) -> None:
        """Kill all processes of this cluster and remove its folder.

        SIGKILL: their data is removed too, and an API server without etcd takes 10 s to end.
        """
        kill_all(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, component: str, lines: int = 1) -> str:
        """Return the last lines of a component's log."""
        log = self._root / "logs" / f"{component}.log"
        try:
            return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _start(self, components: list[str]) -> None:
        with waiting("the control plane", self._starting):
            began = time.monotonic()
            self._launch(components)
            for component in components:
                self._stopped_file(component).unlink(missing_ok=True)
            self._keep_starting(began)

    def _launch(self, components: Iterable[str]) -> None:
        for component in components:
            # kwokctl takes a component for running if a pid file exists, even of an ended process.
            self._pid_file(component).unlink(missing_ok=True)
        self._kwokctl("start", "cluster")

    def _keep_starting(self, began: float) -> None:
        """Return when the API server is ready, and what waited for it runs on.

        On a busy machine the API server may take longer than others wait for it: a controller
        manager ends after 10 s (``WaitForAPIServer`` in ``cmd/kube-controller-manager/app/
        controllermanager.go``). Then it is started again, as a kubelet does.

        Args:
            began: when the start of the components began, on the monotonic clock.

        Raises:
            CommandFailed: a component ended ``STARTS`` times, or the API server was not ready in
                time.
        """
        tries = Counter[str]()
        ready: float | None = None  # since when
        api = Api(self.kubeconfig)
        while True:
            ended = [one.component for one in self.down_components() if one.why == "ended"]
            tries.update(ended)
            if again := [one for one in ended if tries[one] >= STARTS]:
                raise self._ended_again(again[0])
            if ended:
                self._launch(ended)
            well = not ended and self._is_ready(api)
            now = time.monotonic()
            ready = (ready or now) if well else None
            if ready is not None:
                quick = not tries and ready - began < QUICK
                if quick or now - ready >= SETTLED:
                    return
            if now - began > TIMEOUT:
                raise CommandFailed(
                    f"kube-apiserver was not ready within {TIMEOUT:.0f} s.",
                    seen=self.log_tail("kube-apiserver"),
                    next_step=begin_anew(self.name),
                )
            threading.Event().wait(LOOK)

    def _ended_again(self, component: str) -> CommandFailed:
        return CommandFailed(
            f"{component} ended right after its start, {STARTS} times.",
            seen=self.log_tail(component),
            next_step=f"{course_command('doctor', self.name)} looks for the cause",
        )

    def _is_ready(self, api: Api) -> bool:
        """Whether the API server says that it is ready.

        Source: https://kubernetes.io/docs/reference/using-api/health-checks/
        """
        try:
            api.stream("/readyz", query={}, timeout=(1.0, 2.0)).close()
        except CourseError:
            return False
        return True

    def _starting(self) -> str:
        """Return what the start waits for, in words."""
        down = [one.component for one in self.down_components()]
        return f"{', '.join(down) or 'the API server'} to be ready"

    @property
    def _root(self) -> Path:
        return self.directory / "kwok" / "clusters" / self.name

    def _pid_file(self, component: str) -> Path:
        return self._root / "pids" / f"{component}.pid"

    def _stopped_file(self, component: str) -> Path:
        """Return the file that ``stop_component`` creates; without it, a process ended itself."""
        return self.directory / "stopped" / component

    def _kwokctl(self, *arguments: str) -> None:
        """Run kwokctl on this cluster.

        Raises:
            CommandFailed: with the last line of kwokctl and of the API server.
        """
        command = [str(self.programs / "kwokctl"), *arguments, "--name", self.name]
        own = {
            "KWOK_WORKDIR": str(self.directory / "kwok"),
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": f"{self.programs}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        if arguments[0] in ("create", "start"):  # it would wait for what has ended, too
            command += ["--wait", "0s", "--timeout", "120s"]
        run(
            command,
            timeout=TIMEOUT,
            env=for_programs(own),
            evidence=self._evidence,
            next_step=begin_anew(self.name),
        )

    def _evidence(self, output: str) -> str:
        server = f"kube-apiserver's last line: {self.log_tail('kube-apiserver')}"
        return "; ".join(filter(None, (last_lines(output, 1), server)))
