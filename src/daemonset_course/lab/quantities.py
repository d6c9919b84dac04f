"""Read the quantities of a manifest: ``50m``, ``0.05``, ``64Mi``. Pure.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

_UNITS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3,
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip


def amount(value: object) -> float:
    """Return a quantity as a number, of cores or of bytes; one that cannot be read is 0."""
    text = str(value)
    unit = next((one for one in _UNITS if text.endswith(one)), "")
    try:
        return float(text.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        return 0.0


def millicores(value: object) -> float:
    """Return a quantity of CPU in thousandths of a core; one that cannot be read is 0."""
    return round(1000 * amount(value), 6)
