"""Score a release from its history: how long it took, and how long nodes were without an agent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from daemonset_course.figures.rollout.bounds import Violation
from daemonset_course.history.spans import union
from daemonset_course.history.text import nodes
from daemonset_course.lab.criteria.judged_bounds import bounded
from daemonset_course.lab.criteria.restarts import Restarts
from daemonset_course.lab.criteria.rolled import longest_above, moment
from daemonset_course.lab.evidence import JUDGED, DaemonSetEvidence, Evidence
from daemonset_course.lab.verdict import Criterion, Finding, met, missed

HALF = 50  # points for time, and as many for availability
MOST_LOST = 2.0  # restarts without an available Pod, a node on average: no points at that or above


@dataclass(frozen=True)
class Score:
    """The score of a release that is done.

    Attributes:
        points: 0 to 100, the sum of the two parts.
        time: 50 if N nodes took N / k restarts, k of them at the same time; less if it took longer.
        availability: 50 if every node had an available Pod all the time; 0 if the nodes were
            without one for two restarts on average.
        restarts: how long the release took, in restarts of a node.
        lost: how long a node was without an available Pod on average, in restarts.
    """

    time: float
    availability: float
    restarts: float
    lost: float

    @property
    def points(self) -> int:
        """The whole score."""
        return round(self.time + self.availability)

    def lines(self) -> tuple[str, str]:
        """Return the two parts, each with what was measured."""
        return (
            f"time: {self.time:.0f} of {HALF} points: the release took {self.restarts:.1f} "
            "restarts",
            f"availability: {self.availability:.0f} of {HALF} points: a node was without an "
            f"available Pod for {self.lost:.2f} restarts on average",
        )


def release_score(own: DaemonSetEvidence, at_once: int) -> Score | None:
    """Return the score of the newest release; None while it is not done.

    ``at_once`` is the number k of nodes at the same time that earns all points for time.
    """
    measured = Restarts(own)
    restart, number = measured.mean(), len(measured.times)
    if restart is None or own.behind or restart <= 0:
        return None
    end = max(end for _, end in measured.times.values())
    begin = end - measured.length()
    restarts = measured.length() / restart
    down = [_down(own, node, begin, end) for node in own.cluster.reachable]
    lost = sum(down) / len(down) / restart
    return Score(
        time=HALF * min(1.0, number / at_once / restarts),
        availability=HALF * (1 - min(1.0, lost / MOST_LOST)),
        restarts=restarts,
        lost=lost,
    )


def scores_at_least(
    name: str,
    least: int,
    at_once: int,
    *,
    namespace: str = "",
    requires: tuple[Criterion, ...] = (),
    weight: int = 2,
) -> Criterion:
    """The release earns at least so many points."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        score = release_score(own, at_once)
        if score is None:
            return missed("The release has no score: no Pod was replaced.")
        if score.points >= least:
            return met(f"The release earns {score.points} of 100 points.", score.lines())
        return missed(
            f"The release earns {score.points} of 100 points; {least} are asked.",
            score.lines(),
            "With maxUnavailable the old Pod goes first: each node is without a Pod for one "
            "restart, whatever the number. With maxSurge the new Pod comes first. Source: "
            "rollingUpdate, pkg/controller/daemon/update.go.",
            "kubectl explain daemonset.spec.updateStrategy.rollingUpdate",
            final=True,
        )

    return Criterion(f"the release earns at least {least} points", judge, requires, weight,
                     watched=JUDGED)  # fmt: skip


def _surge_allowed(own: DaemonSetEvidence, limit: int) -> Finding:
    line = own.timeline.surge_budget
    allowed = max((line.max(one.t, one.end) or 0 for one in own.timeline.templates), default=0)
    if allowed <= limit:
        return met()
    return missed(
        f"maxSurge allowed {allowed} nodes with two Pods; at most {limit} may have two.",
        rule="What this rollout did not use, the next one may. Source: SurgeCount, "
        "pkg/controller/daemon/util/daemonset_util.go.",
        where="kubectl explain daemonset.spec.updateStrategy.rollingUpdate.maxSurge",
        final=True,
    )


def surge_at_most(name: str, limit: int, *, namespace: str = "") -> Criterion:
    """At most ``limit`` nodes had a second Pod at one time, longer than ``moment``."""

    def judge(evidence: Evidence) -> Finding:
        own = evidence.daemonset(name, namespace)
        start, seconds = longest_above(own.timeline.surge, limit)
        bound = partial(
            bounded, own=own, words=f"at most {nodes(limit)} with two Pods", about="extra Pods",
            most=limit,
        )  # fmt: skip
        if seconds < moment(evidence):
            return bound(_surge_allowed(own, limit))
        found = missed(
            f"{own.timeline.surge.max()} nodes had two Pods at once; at most {limit} may.",
            (f"more than {limit} had two for at least {seconds:.1f} s, from {start:.1f} s on",),
            "maxSurge is the number of nodes that run the old and the new Pod together, and a Pod "
            "more needs its memory and CPU. A percentage is rounded up. Source: SurgeCount, "
            "pkg/controller/daemon/util/daemonset_util.go.",
            "kubectl explain daemonset.spec.updateStrategy.rollingUpdate.maxSurge",
            final=True,
        )
        over = f"more than {nodes(limit)} with two Pods"
        return bound(found, violations=[Violation(start, start + seconds, over)])

    return Criterion(f"never more than {limit} nodes with two Pods", judge, weight=0,
                     watched=JUDGED)  # fmt: skip


def _down(own: DaemonSetEvidence, node: str, begin: float, end: float) -> float:
    """Return for how many seconds of a stretch the node had no ready Pod."""
    here = [
        (max(begin, s.start), min(end, s.end))
        for s in own.timeline.by_node.get(node, ())
        if s.phase == "ready" and s.end > begin and s.start < end
    ]
    return end - begin - sum(b - a for a, b in union(here))
