"""A recorder that a check can wait for, so that the log contains the cluster's present state."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from functools import partial

from daemonset_course.cluster.api import Api
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import NotRunning
from daemonset_course.history.log import Entry, Object
from daemonset_course.lab.evidence import JUDGED
from daemonset_course.places import course_command
from daemonset_course.recording.recorder import Recorder

CATCH_UP = 30.0  # seconds that the recorder may lag behind the API server


class SeenVersions:
    """The versions and deletions that the watch of one resource has delivered."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}  # uid -> resourceVersion, also of deleted objects
        self._gone: set[str] = set()

    def add(self, kind: str, item: Object) -> None:
        """Add one event of the watch."""
        uid, version = _identity(item)
        self._versions[uid] = version
        if kind == "DELETED":
            self._gone.add(uid)

    def holds(self, listing: Object) -> bool:
        """Whether the watch has delivered every object of a list, or a newer version of it."""
        listed = dict(map(_identity, listing["items"]))
        moment = int(listing["metadata"]["resourceVersion"])
        live = {uid: v for uid, v in self._versions.items() if uid not in self._gone}
        # A live object that is not in the list must have been created after the list.
        return all(self._versions.get(uid, 0) >= v for uid, v in listed.items()) and all(
            v > moment for uid, v in live.items() if uid not in listed
        )


def _identity(item: Object) -> tuple[str, int]:
    return item["metadata"]["uid"], int(item["metadata"]["resourceVersion"])


class LabRecorder(Recorder):
    """A recorder that can wait until its log is up to date."""

    def __init__(self, cluster: Cluster, daemonset: str, namespace: str) -> None:
        super().__init__(cluster, daemonset, namespace)
        self._news = threading.Condition(self._lock)
        self._seen: defaultdict[str, SeenVersions] = defaultdict(SeenVersions)  # by resource

    @property
    def running(self) -> bool:
        """Whether the recorder still records."""
        return self._open

    def change(self, resource: str, kind: str, via: str, item: Object) -> None:
        """Append a change from a feed, and remember its version."""
        with self._news:
            super().change(resource, kind, via, item)
            self._seen[resource].add(kind, item)
            self._news.notify_all()

    def _write(self, record: Entry) -> None:
        """Append a record of any kind, and wake up the waiting threads."""
        with self._news:
            super()._write(record)
            self._news.notify_all()

    def more_than(self, count: int, deadline: float) -> bool:
        """Wait for more than ``count`` records until the deadline; whether there are."""
        left = max(0.0, deadline - time.monotonic())
        with self._news:
            return self._news.wait_for(lambda: len(self._history.records) > count, timeout=left)

    def catch_up(self, api: Api) -> None:
        """Wait until the log contains the state that the API server returns now.

        Raises:
            NotRunning: the API server does not answer, or the recorder is too far behind.
        """
        self._components.poll()
        for feed in self._feeds:
            if feed.resource not in JUDGED:
                continue
            listing = api.request("GET", feed.path)
            with self._news:
                late = not self._news.wait_for(
                    partial(self._seen[feed.resource].holds, listing),
                    timeout=CATCH_UP,
                )
            if late:
                raise NotRunning(
                    f"The recorder does not receive the changes of {feed.resource}.",
                    seen=f"it is more than {CATCH_UP:g} s behind the API server",
                    next_step=f"lab.start(…) again; {course_command('status')}, "
                    "if that does not help",
                )
