"""What whoever holds a ServiceAccount's token may do to nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemonset_course import apply, kubectl
from daemonset_course.errors import NotFinished
from daemonset_course.verbs.tokens import try_label_with_token, wait_refused

LABELLER = Path(__file__).parents[2] / "manifests" / "agents-rights" / "labeller.yaml"


def test_rights_decide_and_nothing_is_written(live_cluster: Any) -> None:
    node = live_cluster.workers()[0]
    nobody = kubectl("create token default").strip()
    assert 'User "system:serviceaccount:default:default" cannot patch' in wait_refused(nobody, node)

    apply(LABELLER)
    try:
        token = kubectl("create token labeller").strip()
        assert try_label_with_token(token, [node]) == {node: ""}
        with pytest.raises(NotFinished, match=f"A label on {node} is still allowed"):
            wait_refused(token, node, timeout=0.5)
        assert "written-by" not in kubectl(f"get node {node} -o jsonpath={{.metadata.labels}}")
    finally:
        kubectl(f"delete -f {LABELLER} --ignore-not-found")
