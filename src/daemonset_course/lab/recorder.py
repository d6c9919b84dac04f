"""A recorder that can be waited for: a check wants the log to hold what the cluster shows now."""

from __future__ import annotations

import threading
import time
from functools import partial

from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import NotRunning
from daemonset_course.recording.recorder import Recorder

CATCH_UP = 5.0  # seconds that the recorder may lag behind the API server


class LabRecorder(Recorder):
    """A recorder that can be waited for."""

    def __init__(self, cluster: Cluster, daemonset: str, namespace: str) -> None:
        self._news = threading.Condition()
        self._versions: dict[str, dict[str, int]] = {}  # resource -> uid -> resourceVersion
        super().__init__(cluster, daemonset, namespace)

    @property
    def running(self) -> bool:
        """Whether it still records."""
        return self._open

    def count(self) -> int:
        """How many records there are."""
        with self._news:
            return len(self.records)

    def change(self, resource: str, kind: str, via: str, item: Object) -> None:
        """A feed's word; whoever waits for news wakes up."""
        with self._news:
            super().change(resource, kind, via, item)
            known = self._versions.setdefault(resource, {})
            known[item["metadata"]["uid"]] = int(item["metadata"]["resourceVersion"])
            if kind == "DELETED":
                del known[item["metadata"]["uid"]]
            self._news.notify_all()

    def more_than(self, count: int, deadline: float) -> bool:
        """Whether there are more than ``count`` records, as soon as there are."""
        left = max(0.0, deadline - time.monotonic())
        with self._news:
            return self._news.wait_for(lambda: len(self.records) > count, timeout=left)

    def catch_up(self, api: Api) -> None:
        """Return when the log holds what the API server answers now.

        Raises:
            NotRunning: the API server does not answer, or the recorder does not follow.
        """
        for feed in self._feeds:
            if feed.resource == "events":
                continue
            listing = api.request("GET", feed.path)
            with self._news:
                late = not self._news.wait_for(
                    partial(self._has, feed.resource, listing),
                    timeout=CATCH_UP,
                )
            if late:
                raise NotRunning(
                    f"The recorder lost sight of the {feed.resource}.",
                    seen=f"it is more than {CATCH_UP:g} s behind the API server",
                    next_step="lab.start(…) again; course status, if that does not help",
                )

    def _has(self, resource: str, listing: Object) -> bool:
        known = self._versions.get(resource, {})
        listed = {
            i["metadata"]["uid"]: int(i["metadata"]["resourceVersion"]) for i in listing["items"]
        }
        moment = int(listing["metadata"]["resourceVersion"])
        here = all(
            known.get(uid, moment + 1 if uid in known else 0) >= v for uid, v in listed.items()
        )
        # What is known and not listed must have been made after the list.
        return here and all(v > moment for uid, v in known.items() if uid not in listed)
