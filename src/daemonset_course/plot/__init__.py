"""Pictures of timelines. The only part of the course that imports matplotlib."""

from daemonset_course.plot.draw import compare, plot
from daemonset_course.plot.joining import plot_joining
from daemonset_course.plot.lengths import plot_lengths
from daemonset_course.plot.nodemap import plot_map
from daemonset_course.plot.picture import Picture
from daemonset_course.plot.staircase import plot_staircase
from daemonset_course.plot.stripes import plot_stripes

__all__ = [
    "Picture",
    "compare",
    "plot",
    "plot_joining",
    "plot_lengths",
    "plot_map",
    "plot_staircase",
    "plot_stripes",
]
