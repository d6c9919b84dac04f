"""Nodes of the fleets that a learner never saw."""

from __future__ import annotations

from daemonset_course.lab.criteria.unseen_fleets import Fleets
from daemonset_course.placement.decision import should_run


def _template(operator: str, *values: str):
    expression = {"key": "kubernetes.io/hostname", "operator": operator}
    terms = [{"matchExpressions": [expression | ({"values": list(values)} if values else {})]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"spec": {"affinity": {"nodeAffinity": required}, "containers": []}}


def test_every_unseen_node_has_a_hostname_as_a_kubelet_sets_it():
    nodes = Fleets(labels={"disk": ("ssd", None)}).nodes

    assert len(nodes) == 2
    assert all(should_run(one, _template("Exists")).run for one in nodes)
    assert not any(should_run(one, _template("In", "course-worker")).run for one in nodes)
    assert not any(should_run(one, _template("DoesNotExist")).run for one in nodes)
