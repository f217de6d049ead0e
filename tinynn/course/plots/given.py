"""What a picture is given: turned into an array, or refused with the shape that was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError


def floats(where: str, name: str, value: Any) -> np.ndarray:
    """`value` as an array of float64, from numbers, lists, arrays or tensors."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError
    except (TypeError, ValueError):
        expected = "numbers in rows of one length"
        raise DtypeError(where, f"{name} as {type(value).__name__} without that", expected) from None
    return array.astype(np.float64)


def shaped(where: str, name: str, value: Any, expected: str, *dims: int | None, hint: str = "") -> np.ndarray:
    """`value` as floats of the shape `dims`, None for any length; `expected` says it for the message."""
    array = floats(where, name, value)
    if array.ndim != len(dims) or any(d not in (None, n) for d, n in zip(dims, array.shape)):
        raise ShapeError(where, f"{name} {array.shape}", expected, hint or None)
    return array


def labels_of(where: str, value: Any, count: int) -> np.ndarray:
    """Labels (count,) of the examples, as integers."""
    array = shaped(where, "labels", value, f"({count},): one label for each example", count)
    if not np.array_equal(array, np.round(array)):
        raise DtypeError(where, "labels with a fraction or NaN", "whole numbers", "y.astype(int)")
    return array.astype(int)


def number(value: float) -> str:
    """A number as the pictures and their words write it: three digits, a real minus."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "infinity" if value > 0 else "−infinity"
    return f"{value:.3g}".replace("-", "−")


def counted(n: int, thing: str) -> str:
    """1 step, 2 steps."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def listed(parts: Sequence[str], most: int = 12) -> str:
    """The parts with commas; of a long list, the first ones and how many follow."""
    rest = len(parts) - most
    return ", ".join(parts[:most]) + (f", and {rest} more" if rest > 0 else "")
