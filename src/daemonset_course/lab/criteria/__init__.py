"""Criteria by subject: what was kept, what is covered, placement, the budget, the rollout. Pure.

A function returns a ``Criterion`` about the DaemonSet of that name. None of them knows a lab.
"""
