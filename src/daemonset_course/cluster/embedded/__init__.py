"""The embedded backend: the control plane as processes, all nodes simulated."""
