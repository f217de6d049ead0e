"""What constructors ask of their arguments."""

from __future__ import annotations

import math
from typing import Any

from ..errors import ArgumentError, DtypeError


def whole(where: str, name: str, value: Any, low: int = 1) -> int:
    """`value` as an int of at least `low`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise DtypeError(where, f"{name}={value!r}", "an integer", f"{name}={low}")
    if value < low:
        raise ArgumentError(where, f"{name}={value}", f"an integer of at least {low}", f"{name}={low}")
    return int(value)


def number(
    where: str, name: str, value: Any, low: float = 0.0, high: float = math.inf, hint: str | None = None
) -> float:
    """`value` as a float from `low` up to but not including `high`."""
    if isinstance(value, bool) or not hasattr(value, "__float__") or getattr(value, "ndim", 0):
        raise DtypeError(where, f"{name}={value!r}", "a number", hint)
    if not low <= float(value) < high:
        wanted = (
            f"a finite number of at least {low:g}" if high == math.inf else f"{low:g} <= {name} < {high:g}"
        )
        raise ArgumentError(where, f"{name}={value}", wanted, hint)
    return float(value)
