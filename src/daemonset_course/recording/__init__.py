"""Record the changes of API objects: feeds that list and watch, the recorder, recorded steps."""

from daemonset_course.recording.recorder import Recorder, Recording, compare, record
from daemonset_course.recording.steps import Step, step

__all__ = ["Recorder", "Recording", "Step", "compare", "record", "step"]
