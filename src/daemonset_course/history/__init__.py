"""The event log and what it says of a DaemonSet: the pure core of the course."""
