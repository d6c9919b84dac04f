"""The control-plane settings that the timings in lessons depend on, with their units."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

UPSTREAM_QPS, UPSTREAM_BURST = 20, 30  # kube-controller-manager's own defaults


@dataclass(frozen=True)
class Settings:
    """The timing settings of a cluster.

    Attributes:
        pace: the factor of every simulated delay.
        controller_requests_per_second: the sustained rate of the controller manager's requests
            (``--kube-api-qps``).
        controller_burst_requests: the number of requests that may exceed this rate at once
            (``--kube-api-burst``).
        node_grace_seconds: how long a kubelet may send no heartbeat before its node is unreachable
            (``--node-monitor-grace-period``, upstream 50 s).
        node_monitor_seconds: how often the node controller checks every node
            (``--node-monitor-period``, upstream 5 s).
    """

    pace: float
    node_grace_seconds: int
    node_monitor_seconds: int
    controller_requests_per_second: int = UPSTREAM_QPS
    controller_burst_requests: int = UPSTREAM_BURST

    @classmethod
    def at_pace(cls, pace: float) -> Self:
        """Return the settings of an embedded cluster.

        The grace period is 20 s at pace 1, so that no lesson waits a minute. It is at least 8 s,
        so that no healthy node becomes unreachable on a busy machine.
        """
        return cls(pace, max(8, round(20 * pace)), max(1, round(2 * pace)))

    def displayed(self) -> dict[str, float]:
        """Return the values by their display names."""
        return {DISPLAY_NAMES[name]: value for name, value in asdict(self).items()}


DISPLAY_NAMES = {
    "pace": "pace",
    "controller_requests_per_second": "controller requests per second",
    "controller_burst_requests": "controller burst",
    "node_grace_seconds": "node grace period (s)",
    "node_monitor_seconds": "node monitor period (s)",
}
