"""Read the event log and derive what happened to a DaemonSet. The pure core of the course."""
