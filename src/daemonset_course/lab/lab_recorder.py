"""Record a task in a process of its own: its log outlives the kernel and the terminal.

``python -m daemonset_course.lab.lab_recorder FOLDER CLUSTER DAEMONSET NAMESPACE`` writes ``LOG`` in
the folder, line by line, until it gets SIGTERM or the file is gone; with a further argument
``rights`` it records rights and admission policies too. The file appears when the present state is
in it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO

from daemonset_course.cluster.api import segment
from daemonset_course.cluster.lifecycle import Cluster, current
from daemonset_course.errors import CourseError
from daemonset_course.files import write_whole
from daemonset_course.history import log
from daemonset_course.recording.recorder import Recorder

LOG = "log.jsonl"
CLOCK = "clock"  # the monotonic time at which the log begins; one clock for all processes
FAILED = "recorder.failed"  # the last error of a recorder that could not start
LOOK = 0.5  # seconds between two looks at whether the file is still there
RIGHTS_PATHS = "/apis/rbac.authorization.k8s.io/v1", "/apis/admissionregistration.k8s.io/v1"


def paths(namespace: str, *, rights: bool = False, workloads: bool = False) -> dict[str, str]:
    """Return the collections that a lab records: of all namespaces, or of its own one.

    With ``rights`` also those that decide what a ServiceAccount may do, with ``workloads`` also
    Deployments, Jobs and CronJobs.
    """
    rbac, admission = RIGHTS_PATHS
    inner = f"{rbac}/namespaces/{segment(namespace)}"
    more = {
        "clusterroles": f"{rbac}/clusterroles",
        "clusterrolebindings": f"{rbac}/clusterrolebindings",
        "roles": f"{inner}/roles",
        "rolebindings": f"{inner}/rolebindings",
        "validatingadmissionpolicies": f"{admission}/validatingadmissionpolicies",
        "validatingadmissionpolicybindings": f"{admission}/validatingadmissionpolicybindings",
    }
    home = segment(namespace)
    kinds = {
        "deployments": f"/apis/apps/v1/namespaces/{home}/deployments",
        "jobs": f"/apis/batch/v1/namespaces/{home}/jobs",
        "cronjobs": f"/apis/batch/v1/namespaces/{home}/cronjobs",
    }
    asked = (more if rights else {}) | (kinds if workloads else {})
    return asked | {
        "nodes": "/api/v1/nodes",
        "daemonsets": "/apis/apps/v1/daemonsets",
        "controllerrevisions": "/apis/apps/v1/controllerrevisions",
        "pods": "/api/v1/pods",
        "namespaces": "/api/v1/namespaces",
        "configmaps": f"/api/v1/namespaces/{segment(namespace)}/configmaps",
        "serviceaccounts": f"/api/v1/namespaces/{segment(namespace)}/serviceaccounts",
        "events": f"/api/v1/namespaces/{segment(namespace)}/events",
    }


class LabRecorder(Recorder):
    """A recorder that writes each record to a file as well."""

    def __init__(self, cluster: Cluster, daemonset: str, namespace: str, folder: Path, *,
                 rights: bool = False, workloads: bool = False) -> None:  # fmt: skip
        """Prepare to record into the folder."""
        resources = paths(namespace, rights=rights, workloads=workloads)
        super().__init__(cluster, daemonset, namespace, resources)
        self._folder = folder
        self._file: IO[str] | None = None

    def is_wanted(self) -> bool:
        """Whether the file that this recorder writes is still there."""
        try:
            found = (self._folder / LOG).stat()
        except OSError:
            return False
        # another recorder may have made a new one
        return self._file is not None and os.path.samestat(found, os.fstat(self._file.fileno()))

    def stop(self) -> LabRecorder:
        """End the recording, as ``Recorder.stop``."""
        try:
            super().stop()
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None
        return self

    def _begin(self) -> None:
        with self._lock:
            super()._begin()
            write_whole(self._folder / CLOCK, repr(self._began))
            path = self._folder / LOG
            log.save(self._history.records, path)
            self._file = path.open("a", encoding="utf-8", buffering=1)

    def _append(self, record: log.Entry) -> None:
        super()._append(record)
        if self._file is not None:
            line = json.dumps(log.to_json(self._history.records[-1]), separators=(",", ":"))
            self._file.write(line + "\n")


def main(arguments: list[str]) -> int:
    """Record until SIGTERM, or until the file is gone; return the exit status."""
    folder, (cluster, daemonset, namespace, *more) = Path(arguments[0]), arguments[1:]
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        wanted = {word: word in more for word in ("rights", "workloads")}
        recorder = LabRecorder(current(cluster), daemonset, namespace, folder, **wanted)
        recorder.start()
    except CourseError as error:
        write_whole(folder / FAILED, str(error))
        return 1
    while not ending.wait(LOOK) and recorder.is_wanted():
        pass
    recorder.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
