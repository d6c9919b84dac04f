"""Read the features of the workloads of a namespace."""

from __future__ import annotations

import json

from daemonset_course.analysis.workloads import features_of
from daemonset_course.verbs.kubectl import kubectl


def workload_features(namespace: str) -> dict[str, list[str]]:
    """Return the features of each DaemonSet and Deployment in a namespace, by kind and name.

    Raises:
        CommandFailed: kubectl returned an error.
    """
    listed = json.loads(kubectl(f"-n {namespace} get daemonsets,deployments -o json"))["items"]
    return {f"{item['kind']} {item['metadata']['name']}": features_of(item) for item in listed}
