"""The exercise of the lesson on alerts: rules that see every fault and stay quiet on rollouts."""

from __future__ import annotations

from textwrap import indent

from daemonset_course.analysis.alert_histories import (
    FIRST_TRIES,
    HISTORIES,
    UNSEEN,
    is_healthy,
    rule_file,
)
from daemonset_course.lab.agent_manifest import agent_manifest, running
from daemonset_course.lab.criteria import kept
from daemonset_course.lab.criteria.judged_rules import (
    CONFIGMAP,
    JUDGED,
    KEY,
    is_accepted,
    is_judged_right,
    is_rule_file,
)
from daemonset_course.lab.lab import Lab, Probe, Task, Worker

AGENT = "agent"
PROMTOOL = Probe(
    "promtool judges the rules",
    "action: judge rules\n",
    f"action: kubectl\ncommand: delete configmap {JUDGED} --ignore-not-found\n",
)
STALLED, MISSING = "AgentRolloutStalled", "AgentMissingOnNode"
_WORKERS = 'scalar(count(kube_node_info unless on(node) kube_node_role{role="control-plane"}))'
SOLUTION = {
    STALLED: (
        "15m",
        "(\n"
        "  kube_daemonset_status_updated_number_scheduled\n"
        "    < kube_daemonset_status_desired_number_scheduled\n"
        "  or\n"
        "  kube_daemonset_status_number_available\n"
        "    < kube_daemonset_status_desired_number_scheduled\n"
        ") and changes(kube_daemonset_status_updated_number_scheduled[10m]) == 0",
    ),
    MISSING: (
        "15m",
        f"kube_daemonset_status_desired_number_scheduled\n  < {_WORKERS}",
    ),
}


def configmap(rules: str) -> str:
    """Return the ConfigMap with a rule file, as YAML."""
    head = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {CONFIGMAP}}}\n"
    return f"{head}data:\n  {KEY}: |\n{indent(rules, '    ')}"


_IS_FILE = is_rule_file()
_ACCEPTED = is_accepted(PROMTOOL.name, (_IS_FILE,))
_ALL = {**HISTORIES, **UNSEEN}
_QUIET_FIRST = sorted(_ALL, key=lambda name: (name in UNSEEN, not is_healthy(name)))

LAB = Lab(
    name="real-alerts",
    title="An alert that is worth waking up for",
    workers=(Worker(),) * 3,
    daemonset=AGENT,
    tasks=(
        Task(
            title="Write alert rules that see the faults and stay quiet on rollouts",
            start=f"{running(agent_manifest(AGENT), AGENT)}---\n"
            + configmap(rule_file({name: FIRST_TRIES[name] for name in ("NotReadyAtOnce",
                                                                        "NotUpdated")})),
            there=f"The ConfigMap {CONFIGMAP} has a rule file with two alerts. They fired last "
            "night, during a slow rollout that was healthy; nobody was told of a node without an "
            "agent. "
            "Your rules are judged on the seven histories of this lesson, and on two of another "
            "fleet, whose names and sizes differ.",
            criteria=(
                *kept.guards(AGENT),
                kept.others_untouched(AGENT),
                _IS_FILE,
                _ACCEPTED,
                *(is_judged_right(name, PROMTOOL.name, (_IS_FILE, _ACCEPTED))
                  for name in _QUIET_FIRST),
            ),
            hints=(
                "Ask two questions, with a rule for each. Does a rollout that is not finished make "
                "progress? And which number does the DaemonSet not decide itself?",
                "changes(metric[10m]) is 0 while a number stands still. count(kube_node_info …) "
                "counts nodes; unless on(node) leaves out those with another series, such as "
                "kube_node_role. A rule needs for: a healthy rollout also has moments like these.",
                "expr: |\n  (… < … or … < …) and changes(…[10m]) == 0\nfor: 15m\n\n"
                "expr: |\n  kube_daemonset_status_desired_number_scheduled\n"
                "    < scalar(count(… unless on(node) …))\nfor: 15m",
            ),
            probes=(PROMTOOL,),
            solution=configmap(rule_file(SOLUTION)),
        ),
    ),
    debrief="",
)  # fmt: skip
