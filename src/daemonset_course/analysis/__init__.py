"""Findings, one module a subject: data, headline, caption and ``figure()``. Pure."""
