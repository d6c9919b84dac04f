"""From the event log to what it says: segments, counts, facts, a sentence. Pure."""

from daemonset_course.timeline.caption import caption
from daemonset_course.timeline.facts import Rollout, rollouts
from daemonset_course.timeline.timeline import Timeline, build

__all__ = ["Rollout", "Timeline", "build", "caption", "rollouts"]
