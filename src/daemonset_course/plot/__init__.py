"""Pictures of timelines. The only part of the course that imports matplotlib."""

from daemonset_course.plot.draw import compare, plot
from daemonset_course.plot.lengths import plot_lengths
from daemonset_course.plot.picture import Picture

__all__ = ["Picture", "compare", "plot", "plot_lengths"]
