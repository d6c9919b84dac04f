"""The kind backend: a real cluster, each node a container with a real kubelet.

``kind-config.yaml`` describes the cluster; ``kind_config`` adds the course's own settings.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from daemonset_course import variables
from daemonset_course.capabilities import CAPABILITIES
from daemonset_course.cluster import leases, simulated_nodes, topology
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.backend import STOPPABLE, Pressure
from daemonset_course.cluster.kind import (
    extra_nodes,
    kind_program,
    node_faults,
    real_nodes,
    static_pods,
)
from daemonset_course.cluster.kind.engine import Engine, needed_engine
from daemonset_course.cluster.kind.kind_config import GRACE, LESSON_IMAGES, MONITOR, configuration
from daemonset_course.cluster.ports import refuse_taken
from daemonset_course.cluster.processes import kill_all
from daemonset_course.cluster.state import MADE_BY_KIND
from daemonset_course.cluster.timing import Settings
from daemonset_course.cluster.topology import NodeSpec
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import ApiError, CommandFailed, NotOurs, NotRunning
from daemonset_course.history.outages import Down
from daemonset_course.places import begin_anew, cluster_dir
from daemonset_course.progress import Report, progress

ANSWER_SECONDS = 120.0  # that the API server may take to answer after a start


class Kind:
    """One kind cluster. Its containers hold its state."""

    backend = "kind"
    capabilities = frozenset(CAPABILITIES)
    stoppable = STOPPABLE

    def __init__(
        self, name: str, *, kubernetes: str, pace: float, port: int | None = None, image: str = ""
    ) -> None:
        self.name = name
        self.kubernetes = kubernetes
        self.pace = pace
        self.port = port
        self.image = image
        self.directory = cluster_dir(name)
        self.kubeconfig = self.directory / "kubeconfig"
        self.programs = self.directory / "bin"

    @cached_property
    def engine(self) -> Engine:
        """The container engine.

        Raises:
            NoEngine: no engine answers.
        """
        return needed_engine(self.name)

    @property
    def settings(self) -> Settings:
        """The control-plane settings that the timings in lessons depend on."""
        return Settings(self.pace, node_grace_seconds=GRACE, node_monitor_seconds=MONITOR)

    @property
    def intact(self) -> bool:
        """Whether the kubeconfig and all containers of the cluster exist."""
        real = {spec.name for spec in topology.read(self.name)}
        return self.kubeconfig.exists() and real <= set(self.engine.nodes(self.name))

    def prepare(self, report: Report) -> None:
        """Find the engine, and install kind and kubectl.

        Raises:
            NotOurs: a kind cluster of this name exists, and the course did not create it.
        """
        if self.engine.nodes(self.name) and not self._ours:
            raise NotOurs(
                f"A kind cluster {self.name!r} exists already; this course did not create it.",
                seen=", ".join(self.engine.nodes(self.name)),
                next_step=f"Give another --name, or: kind delete cluster --name {self.name}",
            )
        refuse_taken(self.port)
        self._bring_programs(report)
        (self.directory / MADE_BY_KIND).touch()

    def create(self) -> None:
        """Create the cluster, and return when all its nodes are Ready."""
        config = self.directory / "kind.yaml"
        config.write_text(configuration(self.name, port=self.port, cgroup=self.engine.cgroup))
        words = ("create", "cluster", "--retain", "--config", str(config), "--image", self.image)
        try:
            self._kind(*words)
        except CommandFailed:
            self._keep_logs()
            raise
        self.kubeconfig.chmod(0o600)
        api = Api(self.kubeconfig)
        self.kubernetes = api.get("/version")["gitVersion"]
        for image in filter(self.engine.has_image, LESSON_IMAGES):
            self.load(image)
        real_nodes.wait_nodes_joined(api, self.name, self.directory)

    def load(self, image: str) -> None:
        """Load an image of the engine into the nodes, so that they need not pull it."""
        # `kind load docker-image` always uses Docker, even when kind runs on podman.
        with tempfile.TemporaryDirectory(dir=self.directory) as folder:
            archive = Path(folder) / "image.tar"
            self.engine.save(image, archive)
            self._kind("load", "image-archive", str(archive))

    def heal(self) -> list[str]:
        """Start containers and components that do not run, undo faults, and return what changed.

        Raises:
            NotRunning: the engine or the API server does not answer.
        """
        healed = []
        for node, state in self.engine.nodes(self.name).items():
            if state == "running":
                continue
            self.engine.run("unpause" if state == "paused" else "start", node)
            healed.append(node)
        # Also when all run: an engine that has just started may have just started them.
        self._wait_api_server()
        healed += static_pods.heal(self.engine, Api(self.kubeconfig), self._plane)
        for spec in topology.read(self.name):
            healed += [f"{what} on {spec.name}" for what in self.mend_node(spec.name)]
        if extra_nodes.wanted(self.directory) and not extra_nodes.running(self.directory):
            extra_nodes.start(self.directory, self.pace)
            healed.append("kwok")
        return healed

    def specs(self, workers: int | None = None) -> list[NodeSpec]:
        """Return the specs of all nodes: real ones as kind created them, further ones simulated."""
        real = {spec.name: spec for spec in self._real()}
        return [
            real.get(spec.name) or topology.simulated(spec, extra_nodes.TAINT)
            for spec in topology.read(self.name, workers=workers)
        ]

    def create_nodes(self, api: Api, specs: Iterable[NodeSpec]) -> None:
        """Make removed real nodes join again, and create simulated ones; do not wait."""
        specs = list(specs)
        for spec in specs:
            if not spec.is_simulated:
                self._start_container(spec.name)
                # A kubelet registers its node only at its start.
                self.engine.run("exec", spec.name, "systemctl", "restart", "kubelet")
        extra_nodes.add(
            api,
            [spec for spec in specs if spec.is_simulated],
            directory=self.directory,
            kubernetes=self.kubernetes,
            pace=self.pace,
        )

    def remove_nodes(self, api: Api, nodes: Iterable[str]) -> None:
        """Pause real nodes' containers, to simulate lost machines, and delete the Node objects."""
        states = self.engine.nodes(self.name)
        simulated = [node for node in nodes if node not in states]
        for node in set(nodes) - set(simulated):
            if states[node] == "running":
                self.engine.pause(node)
            api.delete(f"/api/v1/nodes/{node}")
        leases.remove_simulated(api, simulated)

    def break_node(self, api: Api, node: str, how: topology.Failure) -> None:
        """Pause the node's container, or stop its container runtime; do not wait."""
        if not self._is_real(node):
            simulated_nodes.break_kubelet(api, node, how)
        elif how == "not ready":
            node_faults.stop_runtime(self._inside(node))
        elif self.engine.nodes(self.name).get(node) == "running":
            self.engine.pause(node)

    def recover_node(self, api: Api, node: str) -> None:
        """Undo ``break_node``; do not wait."""
        if not self._is_real(node):
            simulated_nodes.recover_kubelet(api, node)
            return
        self._start_container(node)
        node_faults.start_runtime(self._inside(node))

    def press_node(self, node: str, what: Pressure) -> None:
        """Make a real node's kubelet report resource pressure; do not wait."""
        node_faults.press(self._inside(node), what)

    def unplug_node(self, node: str) -> None:
        """Remove the network plugin from a real node; do not wait."""
        node_faults.unplug(self._inside(node))

    def mend_node(self, node: str) -> list[str]:
        """Undo all faults inside a real node; do not wait. Return what was repaired."""
        return node_faults.mend(self._inside(node))

    def stop_component(self, component: str) -> None:
        """Stop a component, and return when its static Pod is gone."""
        static_pods.stop(self.engine, Api(self.kubeconfig), self._plane, component)

    def start_component(self, component: str) -> None:
        """Start a component, and return when its static Pod is ready."""
        static_pods.start(self.engine, Api(self.kubeconfig), self._plane, component)

    def metrics(self, component: str) -> str:
        """Return the /metrics of a component, in Prometheus' text format."""
        return static_pods.metrics(self.engine, self._plane, component)

    def dead_components(self) -> list[str]:
        """Return the nodes whose container does not run, and the stopped components."""
        states = self.engine.nodes(self.name)
        names = [spec.name for spec in topology.read(self.name)]
        dead = [f"{n} ({states.get(n, 'gone')})" for n in names if states.get(n) != "running"]
        if states.get(self._plane) == "running":
            down = static_pods.down(self.engine, self._plane)
            dead += [component for component, why in down if why == "stopped"]
        return dead

    def down_components(self) -> list[Down]:
        """Return the control-plane components that do not run, each with the reason.

        Without workers: a lesson pauses a worker to simulate a failed machine.
        """
        state = self.engine.nodes(self.name).get(self._plane)
        if state != "running":
            return [Down(self._plane, "suspended" if state == "paused" else "ended")]
        down = static_pods.down(self.engine, self._plane)
        if extra_nodes.wanted(self.directory) and not extra_nodes.running(self.directory):
            down.append(Down("kwok", "ended"))
        return down

    def destroy(self) -> None:
        """Delete the kind cluster, if this course created it, and the folder.

        Raises:
            NoEngine: no engine answers, so the containers cannot be removed.
        """
        kill_all(self.directory)
        if self._ours and self.engine.nodes(self.name):
            self._kind("delete", "cluster")
        shutil.rmtree(self.directory, ignore_errors=True)

    def export_logs(self, folder: str | Path) -> None:
        """Export the logs of the nodes into a folder.

        Raises:
            CommandFailed: kind failed.
        """
        self._kind("export", "logs", str(folder))

    @property
    def _ours(self) -> bool:
        return (self.directory / MADE_BY_KIND).exists()

    def _bring_programs(self, report: Report) -> None:
        kind_program.bring(self.programs, self.kubernetes or None, report)

    @property
    def _plane(self) -> str:
        return f"{self.name}-control-plane"

    def _real(self) -> list[NodeSpec]:
        return real_nodes.load(self.directory) or topology.read(self.name)

    def _is_real(self, node: str) -> bool:
        return node in {spec.name for spec in self._real()}

    def _start_container(self, node: str) -> None:
        state = self.engine.nodes(self.name).get(node)
        if state == "paused":
            self.engine.run("unpause", node)
        elif state != "running":
            self.engine.run("start", node)

    def _inside(self, node: str) -> node_faults.Inside:
        """Return a function that runs a shell script in a node."""
        return lambda script: self.engine.run("exec", node, "sh", "-c", script)

    def _wait_api_server(self) -> None:
        """Return when the API server answers.

        Raises:
            NotRunning: it did not answer within ``ANSWER_SECONDS``.
        """
        api = Api(self.kubeconfig)

        def answers() -> bool:
            with suppress(NotRunning, ApiError):
                return bool(api.request("GET", "/apis", timeout=(3.0, 3.0)))
            return False

        if not until(answers, timeout=ANSWER_SECONDS, pause=1):
            raise NotRunning(
                "The API server of the kind cluster does not answer.",
                seen=", ".join(f"{n} {state}" for n, state in self.engine.nodes(self.name).items()),
                next_step=begin_anew(self.name),
            )

    def _keep_logs(self) -> None:
        """Export the logs of the nodes for a CI job, before the nodes are removed."""
        if folder := variables.KIND_LOGS.read():
            with suppress(CommandFailed):
                self.export_logs(folder)

    def _kind(self, *arguments: str) -> None:
        if not (self.programs / "kind").exists():  # its target in the cache was deleted
            self._bring_programs(progress())
        if arguments[1] == "cluster":
            arguments += ("--kubeconfig", str(self.kubeconfig))
        kind_program.run(self.programs, self.engine, self.name, *arguments)
