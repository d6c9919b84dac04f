"""Name the histories that alert rules are judged on, and the rules of kubernetes-mixin. Pure.

``tools/record_alerts.py record`` records them at pace 0.25 on an embedded cluster of six workers.
A recorded second is ``STRETCH`` seconds here, so that a rollout takes minutes, as with real images;
after its last record each history stays as it is until ``MINUTES`` have passed.
"""

from __future__ import annotations

from collections.abc import Mapping

STRETCH = 45  # seconds for each recorded second
EVERY = 30  # seconds between two scrapes, and between two evaluations (kube-prometheus' defaults)
MINUTES = 60  # how long the rules are evaluated
HEALTHY = ("healthy", "slow", "other fleet")  # an alert on one of these is a false alarm
# History: what happens in it.
HISTORIES: Mapping[str, str] = {
    "healthy": "a rollout, node by node",
    "slow": "the same rollout, with Pods that need minutes to get ready",
    "stuck": "a release whose first new Pod never gets ready",
    "gap": "a release that does not tolerate the taint of a node",
    "misscheduled": "a node gets a taint while its Pod runs",
    "never ready": "a first release whose Pods never get ready",
    "dead node": "a kubelet falls silent",
}
# Histories of another fleet, of four workers, on which the exercise judges too.
UNSEEN: Mapping[str, str] = {
    "other fleet": "a rollout that is healthy; a tainted node is tolerated",
    "other gap": "a release that does not tolerate that taint",
}

_KSM = 'job="kube-state-metrics"'
_MISMATCH = f"""(
  kube_daemonset_status_current_number_scheduled{{{_KSM}}}
    != kube_daemonset_status_desired_number_scheduled{{{_KSM}}}
) or (
  kube_daemonset_status_number_misscheduled{{{_KSM}}} != 0
) or (
  kube_daemonset_status_updated_number_scheduled{{{_KSM}}}
    != kube_daemonset_status_desired_number_scheduled{{{_KSM}}}
) or (
  kube_daemonset_status_number_available{{{_KSM}}}
    != kube_daemonset_status_desired_number_scheduled{{{_KSM}}}
)"""
# Alert: how long its expression must hold, and the expression. Source: kubernetes-mixin
# (Apache-2.0), alerts/apps_alerts.libsonnet, as on the branch master in November 2026.
# https://github.com/kubernetes-monitoring/kubernetes-mixin/blob/master/alerts/apps_alerts.libsonnet
MIXIN: Mapping[str, tuple[str, str]] = {
    "KubeDaemonSetRolloutStuck": (
        "15m",
        f"({_MISMATCH}) and (\n"
        f"  changes(kube_daemonset_status_updated_number_scheduled{{{_KSM}}}[5m]) == 0\n)",
    ),
    "KubeDaemonSetNotScheduled": (
        "10m",
        f"kube_daemonset_status_desired_number_scheduled{{{_KSM}}}\n"
        f"  - kube_daemonset_status_current_number_scheduled{{{_KSM}}} > 0",
    ),
    "KubeDaemonSetMisScheduled": (
        "15m",
        f"kube_daemonset_status_number_misscheduled{{{_KSM}}} > 0",
    ),
}
# Rules that people write first.
FIRST_TRIES: Mapping[str, tuple[str, str]] = {
    "NotReadyAtOnce": (
        "0m",
        "kube_daemonset_status_number_ready < kube_daemonset_status_desired_number_scheduled",
    ),
    "NotReady": (
        "15m",
        "kube_daemonset_status_number_ready < kube_daemonset_status_desired_number_scheduled",
    ),
    "NotUpdated": (
        "15m",
        "kube_daemonset_status_updated_number_scheduled\n"
        "  < kube_daemonset_status_desired_number_scheduled",
    ),
    "NodeNotReady": (
        "15m",
        'kube_node_status_condition{condition="Ready", status="true"} == 0',
    ),
}


def what_happens() -> Mapping[str, str]:
    """Return what happens in each of the seven histories, by name."""
    return HISTORIES


def mixin_rules() -> Mapping[str, tuple[str, str]]:
    """Return the rules of kubernetes-mixin about DaemonSets: ``for`` and ``expr`` by alert."""
    return MIXIN


def first_tries() -> Mapping[str, tuple[str, str]]:
    """Return rules that people write first: ``for`` and ``expr`` by alert."""
    return FIRST_TRIES


def is_healthy(history: str) -> bool:
    """Whether an alert on this history is a false alarm."""
    return history in HEALTHY


def rule_file(rules: Mapping[str, tuple[str, str]], group: str = "daemonsets") -> str:
    """Return a rule file of Prometheus: alert, expression and ``for`` of each rule."""
    lines = ["groups:", f"- name: {group}", "  rules:"]
    for name, (wait, expression) in rules.items():
        lines += [f"  - alert: {name}", "    expr: |"]
        lines += [f"      {line}" for line in expression.splitlines()]
        lines += [f"    for: {wait}"]
    return "\n".join(lines) + "\n"
