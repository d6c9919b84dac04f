"""Quantities of a manifest are read as the API server reads them."""

from __future__ import annotations

import pytest
from kubernetes.utils import parse_quantity

from daemonset_course.lab.quantities import amount, millicores


@pytest.mark.parametrize(
    "text", ["50m", "0.05", "200000u", "5e-2", "3", "64Mi", "1Gi", "1k", "2M", "1E", "7n", "1Ti"]
)
def test_a_quantity_is_what_the_client_library_reads(text: str) -> None:
    assert amount(text) == pytest.approx(float(parse_quantity(text)))
    assert millicores(text) == pytest.approx(1000 * float(parse_quantity(text)), rel=1e-5, abs=1e-5)


def test_what_is_no_quantity_is_nothing() -> None:
    assert amount("much") == millicores(None) == 0
