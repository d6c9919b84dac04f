"""Measure how long an agent gave no answer, from the logs of Pods that call it all the time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from daemonset_course.errors import BadInput
from daemonset_course.history.daemonset_status import Status
from daemonset_course.manifest_text import documents
from daemonset_course.verbs.app_pods import pod_names
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.manifest_files import read
from daemonset_course.verbs.rollout import wait_rollout
from daemonset_course.verbs.shells import shell
from daemonset_course.verbs.template_changes import container_patch

_KEYS = ("rollingUpdate", "container")
_QUICK = {"maxUnavailable": "100%", "maxSurge": 0}


def measure_silences(prober: str, daemonset: str, ways: str | Path) -> dict[str, float]:
    """Return by way the longest time in seconds without an answer on any node in a rollout.

    For each way the DaemonSet first gets the fields; then ``RELEASE`` is changed, and that rollout
    is measured.

    Args:
        prober: the label ``app`` of the Pods that call the DaemonSet's Service.
        daemonset: the name of the DaemonSet, of its container and of its Service.
        ways: a YAML file; by name: ``rollingUpdate`` of the measured rollout, and fields of the
            ``container``; null removes a field.
    """
    texts = [one.value for path, text in read(ways) for one in documents(text, path)]
    known = [each for text in texts if isinstance(text, dict) for each in text.items()]
    if not known or any(not isinstance(way, dict) or {*_KEYS} - {*way} for _, way in known):
        raise BadInput(f"{ways} names no ways, each with {' and '.join(_KEYS)}.")
    found = {}
    for number, (name, way) in enumerate(known, start=1):
        _roll(daemonset, _QUICK, way["container"])
        newer = {"env": [{"name": "RELEASE", "value": str(number)}]}
        change = partial(_roll, daemonset, way["rollingUpdate"], newer)
        found[name] = round(longest_silence(prober, daemonset, change), 1)
    return found


def _roll(daemonset: str, budget: Mapping[str, Any], fields: Mapping[str, Any]) -> Status:
    spec = {"updateStrategy": {"rollingUpdate": budget}} | container_patch(daemonset, **fields)
    kubectl(f"patch daemonset {daemonset} --patch", json.dumps({"spec": spec}))
    return wait_rollout(daemonset)


def longest_silence(prober: str, service: str, change: Callable[[], object]) -> float:
    """Return the longest time in seconds without an answer on any node during ``change``.

    Each Pod of the prober writes a line to its log when it got an answer: the seconds since its
    node's start, as in ``/proc/uptime``. The measurement of a node begins and ends with an answer.

    Args:
        prober: the label ``app`` of the Pods that call the Service.
        service: the name of the Service, in the prober's namespace.
        change: does what may interrupt the answers, and returns when it is complete.

    Raises:
        BadInput: there is no Pod with this label.
        CommandFailed: kubectl returned an error, for example if a container cannot run commands.
    """
    starts = {pod: _next_answer(pod, service) for pod in pod_names(prober)}
    if not starts:
        raise BadInput(f"There is no Pod with the label app={prober} to measure with.")
    change()
    return max(
        longest_gap(map(float, kubectl(f"logs {pod}").split()), start, _next_answer(pod, service))
        for pod, start in starts.items()
    )


def longest_gap(answers: Iterable[float], start: float, end: float) -> float:
    """Return the longest time between two answers, of those from ``start`` to ``end``."""
    inside = [moment for moment in answers if start < moment < end]
    return max(later - earlier for earlier, later in pairwise([start, *inside, end]))


def _next_answer(pod: str, service: str) -> float:
    """Return when the Service next answers this Pod, in seconds since the start of its node."""
    host = f"${service.upper().replace('-', '_')}_SERVICE_HOST"
    ask = f"until wget -q -T 1 -O /dev/null http://{host} 2>/dev/null; do :; done"
    return float(shell(pod, f"{ask}; cut -d' ' -f1 /proc/uptime"))
