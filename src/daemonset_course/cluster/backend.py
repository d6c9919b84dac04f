"""Define the ``Backend`` protocol, and choose a backend for this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

from daemonset_course import variables
from daemonset_course.cluster.api import Api
from daemonset_course.cluster.kind.engine import find_engine
from daemonset_course.cluster.kind.kind_config import node_image
from daemonset_course.cluster.state import State
from daemonset_course.cluster.timing import Settings
from daemonset_course.cluster.topology import Failure, NodeSpec
from daemonset_course.errors import BadInput, CommandFailed
from daemonset_course.history.outages import Down
from daemonset_course.progress import Report, step

Pressure = Literal["disk", "memory", "pid"]  # the resources of the pressure conditions
BACKENDS = ("kind", "embedded")
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
STOPPABLE: tuple[str, ...] = COMPONENTS[2:]  # the API server needs the other two


class Backend(Protocol):
    """What the course does with a cluster and cannot do through the API server."""

    name: str
    backend: str
    kubernetes: str
    pace: float
    directory: Path
    kubeconfig: Path
    programs: Path
    capabilities: frozenset[str]
    stoppable: tuple[str, ...]  # the components that can be stopped alone

    @property
    def settings(self) -> Settings:
        """The control-plane settings that the timings in lessons depend on."""

    @property
    def intact(self) -> bool:
        """Whether the folder has all that ``heal`` needs, apart from programs."""

    def prepare(self, report: Report) -> None:
        """Install the programs that ``create`` needs."""

    def create(self) -> None:
        """Start the cluster in an empty folder, and return when its API server answers."""

    def heal(self) -> list[str]:
        """Start components and nodes that do not run, and return their names."""

    def specs(self, workers: int | None = None) -> list[NodeSpec]:
        """Return the specs of all nodes, with this number of workers."""

    def create_nodes(self, api: Api, specs: Iterable[NodeSpec]) -> None:
        """Add the nodes that do not exist; do not wait until they have joined."""

    def remove_nodes(self, api: Api, nodes: Iterable[str]) -> None:
        """Remove nodes as if their machines were gone for good."""

    def break_node(self, api: Api, node: str, how: Failure) -> None:
        """Stop a node's heartbeats, or make its kubelet report not ready; do not wait."""

    def recover_node(self, api: Api, node: str) -> None:
        """Undo ``break_node``; do not wait."""

    def press_node(self, node: str, what: Pressure) -> None:
        """Make a node's kubelet report resource pressure; do not wait.

        Needs the capability ``pressure``; ``mend_node`` undoes it.
        """

    def unplug_node(self, node: str) -> None:
        """Remove the network plugin from a node; do not wait.

        Needs the capability ``network``; ``mend_node`` undoes it.
        """

    def mend_node(self, node: str) -> list[str]:
        """Undo ``press_node`` and ``unplug_node``; do not wait. Return what was repaired."""

    def stop_component(self, component: str) -> None:
        """Stop one component of the control plane, and return when it is gone."""

    def start_component(self, component: str) -> None:
        """Start a stopped component again."""

    def metrics(self, component: str) -> str:
        """Return the /metrics of a control-plane component, in Prometheus' text format."""

    def dead_components(self) -> list[str]:
        """Return what ``heal`` would start: processes, containers and stopped components."""

    def down_components(self) -> list[Down]:
        """Return the control-plane components that do not run, each with the reason."""

    def destroy(self) -> None:
        """Stop all processes and remove the folder."""


def choose(backend: str | None, kubernetes: str | None, report: Report) -> str:
    """Return the backend to use: ``backend``, else ``COURSE_BACKEND``, else the best one here.

    The best one is kind where a container engine has or can pull the node image, else embedded.

    Raises:
        BadInput: the backend is unknown, or no image is pinned for this Kubernetes.
    """
    backend = backend or variables.BACKEND.read()
    if backend not in (None, *BACKENDS):
        raise BadInput(f"Unknown backend {backend!r}.", next_step=f"One of: {', '.join(BACKENDS)}")
    if backend:
        return backend
    engine = find_engine()
    if engine is None:
        return "embedded"
    image = node_image(kubernetes)
    try:
        with step(report, f"Looking for {image}"):
            engine.bring(image)
    except CommandFailed as error:
        report.done(
            f"{engine.name} answers, but cannot bring kind's node image: {error.seen}\n"
            "So the embedded backend, without containers. For kind, give an image: --image"
        )
        return "embedded"
    report.done(f"{engine.name} has kind's node image")
    return "kind"


def image_of(backend: str, image: str | None, kubernetes: str | None) -> str:
    """Return the node image for kind: ``image``, else the pinned one. Empty on embedded.

    Raises:
        BadInput: ``image`` is given for embedded, or no image is pinned for this Kubernetes.
    """
    if backend == "kind":
        return image or node_image(kubernetes)
    if image:
        raise BadInput(
            "--image is for the kind backend: the embedded one has no node image.",
            next_step="Leave --image out, or add: --backend kind",
        )
    return ""


def backend_of(state: State, port: int | None = None) -> Backend:
    """Return the backend of a cluster from its saved state."""
    common: dict[str, Any] = {"kubernetes": state.kubernetes, "pace": state.pace, "port": port}
    if state.backend == "kind":
        from daemonset_course.cluster.kind.kind_backend import Kind  # noqa: PLC0415 - imports this module

        return Kind(state.name, image=state.image, **common)
    from daemonset_course.cluster.embedded.embedded_backend import Embedded  # noqa: PLC0415 - imports this module

    return Embedded(state.name, **common)
