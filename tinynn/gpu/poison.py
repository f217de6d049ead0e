"""What stands in memory that nobody wrote, so that the interpreter knows a read of it."""

from __future__ import annotations

import numpy as np

PATTERNS = {  # floats: a NaN that no computation makes; integers: nothing that anybody means
    "f2": 0xFDA5,
    "f4": 0xFFA5A5A5,
    "f8": 0xFFFA5A5AA5A5A5A5,
    "i4": 0xA5A5A5A5,
    "u4": 0xA5A5A5A5,
    "i8": 0xA5A5A5A5A5A5A5A5,
    "u8": 0xA5A5A5A5A5A5A5A5,
}


def poisoned(dtype: np.dtype) -> np.ndarray | None:
    """The pattern as an array of one unsigned integer; None where the dtype has no value to spare."""
    pattern = PATTERNS.get(f"{dtype.kind}{dtype.itemsize}")
    return None if pattern is None else np.array([pattern], f"u{dtype.itemsize}")


def quietened(array: np.ndarray) -> np.ndarray:
    """The same with the mark in a form that NumPy computes with and does not warn of: a quiet NaN."""
    pattern = poisoned(array.dtype)
    if pattern is not None and array.dtype.kind == "f":
        bits = array.view(pattern.dtype)
        bits[bits == pattern[0]] |= _quiet(array.dtype)
    return array


def unwritten(array: np.ndarray) -> np.ndarray:
    """Which cells of floats still hold the mark, quiet or not."""
    pattern = poisoned(array.dtype)
    if pattern is None or array.dtype.kind != "f":
        return np.zeros(array.shape, bool)
    quiet = _quiet(array.dtype)
    return (array.view(pattern.dtype) | quiet) == pattern[0] | quiet


def _quiet(dtype: np.dtype) -> np.ndarray:
    """The highest bit of the mantissa."""
    return np.array(1 << (np.finfo(dtype).nmant - 1), f"u{dtype.itemsize}")


def poison(array: np.ndarray) -> np.ndarray:
    """Fill an array with what stands in memory nobody wrote."""
    pattern = poisoned(array.dtype)
    if pattern is None:
        array.fill(1)
    else:
        array.view(pattern.dtype).fill(pattern[0])
    return array
