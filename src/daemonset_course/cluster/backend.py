"""What a backend must do, which there are, and which one serves on this machine."""

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

Pressure = Literal["disk", "memory", "pid"]  # what a node can be short of
BACKENDS = ("kind", "embedded")
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
STOPPABLE: tuple[str, ...] = COMPONENTS[2:]  # without the other two the API server does not answer


class Backend(Protocol):
    """What a backend must do; everything else goes through the API server."""

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
        """The settings that shape the curves of a lesson."""

    @property
    def intact(self) -> bool:
        """Whether the folder still has what a heal needs; the programs can be brought again."""

    def prepare(self, report: Report) -> None:
        """Bring the programs that ``create`` needs."""

    def create(self) -> None:
        """Start the cluster in an empty folder, and return when it answers."""

    def heal(self) -> list[str]:
        """Start what does not run any more; returns the names."""

    def specs(self, workers: int | None = None) -> list[NodeSpec]:
        """The nodes that there should be, with so many workers."""

    def create_nodes(self, api: Api, specs: Iterable[NodeSpec]) -> None:
        """Let those nodes join that do not exist; do not wait."""

    def remove_node(self, api: Api, node: str) -> None:
        """Remove a node, as a machine that is gone for good."""

    def break_node(self, api: Api, node: str, how: Failure) -> None:
        """Let a node's kubelet fall silent, or report that it is not ready; do not wait."""

    def recover_node(self, api: Api, node: str) -> None:
        """Mend a broken node; do not wait."""

    def press_node(self, node: str, what: Pressure) -> None:
        """Let a node's kubelet measure that it is short of something; do not wait.

        Needs the capability ``pressure``; ``mend_node`` is the cure.
        """

    def unplug_node(self, node: str) -> None:
        """Take the network plugin from a node; do not wait.

        Needs the capability ``network``; ``mend_node`` is the cure.
        """

    def mend_node(self, node: str) -> list[str]:
        """Undo ``press_node`` and ``unplug_node``; returns what was put right. Do not wait."""

    def stop_component(self, component: str) -> None:
        """Stop one component of the control plane, and return when it is gone."""

    def start_component(self, component: str) -> None:
        """Start a stopped component again."""

    def metrics(self, component: str) -> str:
        """What a component of the control plane tells of itself, in Prometheus' text format."""

    def dead_components(self) -> list[str]:
        """What ``heal`` starts: processes, containers, and components that were stopped."""

    def down_components(self) -> list[Down]:
        """The components of the control plane that do not run, and why."""

    def destroy(self) -> None:
        """Stop every process and remove the folder."""


def choose(backend: str | None, kubernetes: str | None, report: Report) -> str:
    """The backend to use: the one asked for, else kind where an engine has or gets its node image.

    ``COURSE_BACKEND`` asks for one where nothing else does.

    Raises:
        BadInput: an unknown backend, or no image is pinned for this Kubernetes.
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
    """The node image that kind takes: the one asked for, else the pinned one; none on embedded.

    Raises:
        BadInput: an image for the embedded backend, or none pinned for this Kubernetes.
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
    """The backend of a cluster, from what is saved of it."""
    common: dict[str, Any] = {"kubernetes": state.kubernetes, "pace": state.pace, "port": port}
    if state.backend == "kind":
        from daemonset_course.cluster.kind.kind_backend import Kind  # noqa: PLC0415 - imports this module

        return Kind(state.name, image=state.image, **common)
    from daemonset_course.cluster.embedded.embedded_backend import Embedded  # noqa: PLC0415 - imports this module

    return Embedded(state.name, **common)
