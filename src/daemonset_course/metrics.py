"""Read the metrics that a program serves at ``/metrics``, in Prometheus' text format. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families as _families


def gauge(text: str, series: str, /, **labels: str) -> float:
    """Return the value of the series with exactly these labels; 0 if there is none.

    A counter's series is named with ``_total``.
    """
    samples = (sample for family in _families(text) for sample in family.samples)
    return next((s.value for s in samples if (s.name, s.labels) == (series, labels)), 0.0)


def labels(text: str, wanted: Mapping[str, str]) -> dict[str, list[str]]:
    """Return for each wanted series the values of one of its labels, such as ``up{job}``.

    Args:
        text: the program's metrics.
        wanted: series -> label. Values that are empty are left out.
    """
    found: dict[str, set[str]] = {f"{name}{{{label}}}": set() for name, label in wanted.items()}
    for sample in (sample for family in _families(text) for sample in family.samples):
        label = wanted.get(sample.name)
        if label and sample.labels.get(label):
            found[f"{sample.name}{{{label}}}"].add(sample.labels[label])
    return {series: sorted(values) for series, values in found.items()}


def families(text: str) -> set[str]:
    """Return the names of a node exporter's metric families, without those about itself."""
    names = {family.name for family in _families(text)}
    return {name for name in names if name.startswith("node_") and "scrape" not in name}
