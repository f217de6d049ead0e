"""Where arrays lie, and how they get there.

On the GPU arrays are CuPy's, to which NumPy's functions dispatch: ``np.maximum(x, 0)`` runs where x lies.
Nothing here copies between host and GPU but `to_device` and `to_host`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import door
from .poison import poison

__all__ = ["contiguous", "empty", "is_on_gpu", "library", "to_device", "to_host", "where_is", "zeros"]

stand_in: Any = None
"""What takes CuPy's place in tests: a module-like object with `ndarray`, `asarray`, `asnumpy` and `empty`."""


def library() -> Any:
    """CuPy, or what stands in for it."""
    if stand_in is not None:
        return stand_in
    door.require()
    return door.cupy()


def is_on_gpu(x: Any) -> bool:
    """Whether `x` is an array of the GPU; looks without importing."""
    kind = type(x)
    if kind is np.ndarray:
        return False
    return kind.__module__.startswith("cupy") or (stand_in is not None and isinstance(x, stand_in.ndarray))


def where_is(x: Any) -> str:
    """ "cuda" or "cpu"."""
    return "cuda" if is_on_gpu(x) else "cpu"


def to_device(x: Any) -> Any:
    """The array on the GPU; itself, if it is there."""
    return x if is_on_gpu(x) else library().asarray(x)


def to_host(x: Any) -> np.ndarray:
    """The array as NumPy's; itself, if it is one. Waits for the GPU."""
    return library().asnumpy(x) if is_on_gpu(x) else np.asarray(x)


def empty(shape: Any, like: Any, dtype: Any = np.float32) -> Any:
    """An array where `like` lies, with whatever values its memory holds.

    For the interpreter that is a value by which it knows cells that nobody wrote (in floats a NaN).
    """
    if is_on_gpu(like):
        out = library().empty(shape, dtype)
        if stand_in is not None:
            poison(inside(out))
        return out
    return poison(np.empty(shape, dtype))


def zeros(shape: Any, like: Any, dtype: Any = np.float32) -> Any:
    """An array of zeros where `like` lies."""
    out = empty(shape, like, dtype)
    out.fill(0)
    return out


def contiguous(x: Any) -> Any:
    """`x` in C order: itself, or a copy where it lies."""
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


def inside(x: Any) -> Any:
    """The NumPy array inside a stand-in for a GPU's; anything else as it is."""
    return stand_in.inside(x) if stand_in is not None and is_on_gpu(x) else x
