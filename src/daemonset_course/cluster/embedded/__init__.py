"""The embedded backend: the control plane as processes, every node simulated."""
