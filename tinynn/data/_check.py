"""What several modules here ask of their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn.data.dataset import Dataset
from tinynn.errors import ArgumentError, DtypeError, ShapeError


def whole(where: str, name: str, value: Any, low: int, hint: str) -> int:
    """Return `value` as an int, or refuse what is no whole number or lies below `low`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise DtypeError(where, f"{name}={value!r}", "a whole number", hint)
    if value < low:
        raise ArgumentError(where, f"{name}={value}", f"{name} of at least {low}", hint)
    return int(value)


def array(where: str, name: str, value: Any) -> np.ndarray:
    """Return `value` as an array with a first dimension of examples."""
    try:
        result = np.asarray(value)
    except (TypeError, ValueError) as problem:
        raise ShapeError(where, f"{name}: {problem}", "an array or what np.asarray takes") from None
    if result.dtype == object:
        hint = f"{where}(*data)" if isinstance(value, Dataset) else None
        raise DtypeError(where, f"{name} of type {type(value).__name__}", "an array of numbers", hint)
    if result.ndim == 0:
        raise ShapeError(where, f"{name}={value!r} without dimensions", "(N, ...), examples first")
    return result


def aligned(where: str, arrays: list[np.ndarray]) -> int:
    """Return the number of examples that all `arrays` share, at least one."""
    lengths = [len(a) for a in arrays]
    if len(set(lengths)) > 1:
        shapes = ", ".join(str(a.shape) for a in arrays)
        hint = f"x[:{min(lengths)}], y[:{min(lengths)}]"
        raise ShapeError(where, f"arrays of shapes {shapes}", "one length for all", hint)
    if lengths[0] == 0:
        raise ShapeError(where, f"empty arrays {arrays[0].shape}", "at least one example")
    return lengths[0]
