"""Record a task in a process of its own: its log outlives the kernel and the terminal.

``python -m daemonset_course.lab.lab_recorder FOLDER CLUSTER DAEMONSET NAMESPACE`` writes ``LOG`` in
the folder, line by line, until it gets SIGTERM or the file is gone. The file appears when the
present state is in it.
"""

from __future__ import annotations

import json
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
LOOK = 1.0  # seconds between two looks at whether the file is still there


def paths(namespace: str) -> dict[str, str]:
    """Return the collections that a lab records: of all namespaces, or of its own one."""
    return {
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

    def __init__(self, cluster: Cluster, daemonset: str, namespace: str, folder: Path) -> None:
        """Prepare to record into the folder."""
        super().__init__(cluster, daemonset, namespace, paths(namespace))
        self._folder = folder
        self._file: IO[str] | None = None

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
    folder, (cluster, daemonset, namespace) = Path(arguments[0]), arguments[1:]
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        recorder = LabRecorder(current(cluster), daemonset, namespace, folder)
        recorder.start()
    except CourseError as error:
        write_whole(folder / FAILED, str(error))
        return 1
    while not ending.wait(LOOK) and (folder / LOG).exists():
        pass
    recorder.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
