"""The picture of a timeline: lanes of Pods, the counts below them, and the live view's frame."""
