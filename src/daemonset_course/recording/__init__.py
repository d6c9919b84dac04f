"""From the API server to the event log: feeds that watch, a recorder, the log's format."""

from daemonset_course.recording.recorder import Recorder, Recording, compare, record
from daemonset_course.recording.steps import Step, step

__all__ = ["Recorder", "Recording", "Step", "compare", "record", "step"]
