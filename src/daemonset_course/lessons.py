"""The names that single lessons and labs use: findings, figures, faults, small readers.

A lesson writes ``from daemonset_course.lessons import coverage``. The names that most lessons use
are in ``daemonset_course``. Notebooks import from these two modules only, so that other modules can
be moved or renamed without a change of any lesson. ``docs/names.md`` lists both.
"""

from daemonset_course.analysis.admission import admission
from daemonset_course.analysis.alert_histories import (
    first_tries,
    mixin_rules,
    rule_file,
    what_happens,
)
from daemonset_course.analysis.alerts import alerts, fired_during, sample
from daemonset_course.analysis.capacity import Capacity, node_shares
from daemonset_course.analysis.container_order import container_order
from daemonset_course.analysis.counts import coverage_over_time, pods_per_node
from daemonset_course.analysis.coverage import coverage, tolerations_by_object
from daemonset_course.analysis.delivery_tools import delivered
from daemonset_course.analysis.enqueued import Enqueued
from daemonset_course.analysis.init_runs import init_runs
from daemonset_course.analysis.label_changes import label_changes, label_map
from daemonset_course.analysis.monitoring import rights, scrapes
from daemonset_course.analysis.new_nodes import new_nodes
from daemonset_course.analysis.node_failures import failures
from daemonset_course.analysis.node_taints import attempts, node_taints
from daemonset_course.analysis.pod_startup import joining, startup
from daemonset_course.analysis.pods_by_node import pods_by_node
from daemonset_course.analysis.revisions import revision_history
from daemonset_course.analysis.rollout_progress import recorded_rollouts, rollout_progress
from daemonset_course.analysis.scale import (
    Creation,
    Creations,
    Length,
    LengthsByNodes,
    Rate,
    creation,
)
from daemonset_course.analysis.workloads import LogReaders, features
from daemonset_course.arguments import export
from daemonset_course.course_progress import progress
from daemonset_course.doctor import examine
from daemonset_course.figures.small_multiples import small_multiples
from daemonset_course.lab.exercise import exercise
from daemonset_course.lab.lab_progress import lab_progress
from daemonset_course.lab.session import open_lab
from daemonset_course.live import watch
from daemonset_course.playground import playground
from daemonset_course.symptom import symptom
from daemonset_course.verbs.alert_rules import alert_histories, judge_rules, metrics_of
from daemonset_course.verbs.app_pods import (
    bound_by,
    count_by_node,
    nodes_with,
    pod_names,
    releases,
    scheduler_messages,
    try_evict,
    uids,
    uids_by_node,
)
from daemonset_course.verbs.conditions import (
    pressure,
    set_network_unavailable,
    set_pressure,
    without_network,
)
from daemonset_course.verbs.control_plane import start_component, stop_component
from daemonset_course.verbs.daemonsets import revisions
from daemonset_course.verbs.expected_errors import try_apply, try_budgets, try_kubectl, try_rollout
from daemonset_course.verbs.exporter_trials import (
    read_exporter,
    read_variants,
    try_shells,
    try_ways,
)
from daemonset_course.verbs.failing_nodes import break_nodes, recover_nodes, wait_evictions
from daemonset_course.verbs.faults import fill_node, never_ready
from daemonset_course.verbs.graceful_shutdown import shut_down
from daemonset_course.verbs.nodes import allocatable_cpu
from daemonset_course.verbs.own_agent import call_agents
from daemonset_course.verbs.own_taint import untaint_as_agent
from daemonset_course.verbs.pod_waits import (
    wait_event,
    wait_evicted,
    wait_mounts,
    wait_new_pods,
    wait_pod,
    watch_pod,
)
from daemonset_course.verbs.queue_adds import count_queue_adds, node_changes
from daemonset_course.verbs.rollout import daemonset_status, wait_observed
from daemonset_course.verbs.settled import pods_that_fit
from daemonset_course.verbs.shells import shell
from daemonset_course.verbs.silence import measure_silences
from daemonset_course.verbs.template_changes import (
    container_patch,
    patch_container,
    release,
    require_nodes,
    set_budget,
)
from daemonset_course.verbs.tokens import try_label_with_token, wait_refused
from daemonset_course.verbs.workload_features import workload_features

__all__ = [
    "Capacity",
    "Creation",
    "Creations",
    "Enqueued",
    "Length",
    "LengthsByNodes",
    "LogReaders",
    "Rate",
    "admission",
    "alert_histories",
    "alerts",
    "allocatable_cpu",
    "attempts",
    "bound_by",
    "break_nodes",
    "call_agents",
    "container_order",
    "container_patch",
    "count_by_node",
    "count_queue_adds",
    "coverage",
    "coverage_over_time",
    "creation",
    "daemonset_status",
    "delivered",
    "examine",
    "exercise",
    "failures",
    "features",
    "fill_node",
    "fired_during",
    "first_tries",
    "init_runs",
    "joining",
    "judge_rules",
    "lab_progress",
    "label_changes",
    "label_map",
    "measure_silences",
    "metrics_of",
    "mixin_rules",
    "never_ready",
    "new_nodes",
    "node_changes",
    "node_shares",
    "node_taints",
    "nodes_with",
    "open_lab",
    "patch_container",
    "playground",
    "pod_names",
    "pods_by_node",
    "pods_per_node",
    "pods_that_fit",
    "pressure",
    "progress",
    "read_exporter",
    "read_variants",
    "recorded_rollouts",
    "recover_nodes",
    "release",
    "releases",
    "require_nodes",
    "revision_history",
    "revisions",
    "rights",
    "rollout_progress",
    "rule_file",
    "sample",
    "scheduler_messages",
    "scrapes",
    "set_budget",
    "set_network_unavailable",
    "set_pressure",
    "shell",
    "shut_down",
    "small_multiples",
    "start_component",
    "startup",
    "stop_component",
    "symptom",
    "tolerations_by_object",
    "try_apply",
    "try_budgets",
    "try_evict",
    "try_kubectl",
    "try_label_with_token",
    "try_rollout",
    "try_shells",
    "try_ways",
    "uids",
    "uids_by_node",
    "untaint_as_agent",
    "wait_event",
    "wait_evicted",
    "wait_evictions",
    "wait_mounts",
    "wait_new_pods",
    "wait_observed",
    "wait_pod",
    "wait_refused",
    "watch",
    "watch_pod",
    "what_happens",
    "without_network",
    "workload_features",
]

export(globals(), __all__)
