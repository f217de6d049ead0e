"""Where arrays lie, and how they get there.

On the GPU arrays are CuPy's, to which NumPy's functions dispatch: ``np.maximum(x, 0)`` runs where x lies,
and ``np.zeros(shape, dtype, like=x)`` is made there. Nothing here copies between host and GPU but
what stands under "copies".
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import door
from .poison import poison

__all__ = [
    "beside",
    "constant",
    "contiguous",
    "empty",
    "erf",
    "host_copy",
    "is_on_gpu",
    "library",
    "memory",
    "numbers",
    "table",
    "to_device",
    "to_host",
    "where_is",
    "zeros",
]

stand_in: Any = None
"""What takes CuPy's place in tests: a module-like object with `ndarray`, `asarray`, `asnumpy`, `empty`,
`full`, `erf`, `memory` and `inside`."""

used = False
"""Whether an array was on the GPU in this process. Until then nobody asks where arrays lie: it costs time."""

at_first_use: list[Callable[[], None]] = []
"""Called when `used` turns True."""


def notice() -> None:
    """Remember that there are arrays of the GPU in this process."""
    global used
    if not used:
        used = True
        for call in at_first_use:
            call()


def library() -> Any:
    """CuPy, or what stands in for it."""
    if stand_in is None:
        door.require()
    notice()
    return stand_in or door.cupy()


def is_on_gpu(x: Any) -> bool:
    """Whether `x` is an array of the GPU; looks without importing."""
    kind = type(x)
    if kind is np.ndarray:
        return False
    return kind.__module__.startswith("cupy") or (stand_in is not None and isinstance(x, stand_in.ndarray))


def where_is(x: Any) -> str:
    """ "cuda" or "cpu"."""
    return "cuda" if is_on_gpu(x) else "cpu"


# -- copies, each asked for -----------------------------------------------------------------------------


def to_device(x: Any) -> Any:
    """The array on the GPU; itself, if it is there."""
    return x if is_on_gpu(x) else library().asarray(x)


def to_host(x: Any) -> np.ndarray:
    """The array as NumPy's; itself, if it is one. Waits for the GPU."""
    return library().asnumpy(x) if is_on_gpu(x) else np.asarray(x)


def host_copy(x: Any) -> np.ndarray:
    """A copy of the array as NumPy's, in memory of its own."""
    return library().asnumpy(x) if is_on_gpu(x) else x.copy()


def beside(x: Any, like: Any) -> Any:
    """The array where `like` lies; itself, if it is there."""
    return to_device(x) if is_on_gpu(like) else to_host(x)


def table(x: np.ndarray, like: Any) -> Any:
    """A small array of constants where `like` lies; one that was copied to the GPU before is not again."""
    return _table(x.tobytes(), x.dtype, x.shape) if is_on_gpu(like) else x


@functools.lru_cache(256)
def _table(content: bytes, dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    return to_device(np.frombuffer(content, dtype).reshape(shape))


def numbers(*scalars: Any) -> list[float]:
    """Arrays of one element as Python floats, those of the GPU by a single copy."""
    if not any(map(is_on_gpu, scalars)):
        return [float(s.item()) for s in scalars]
    together = np.stack([to_device(s).reshape(()) for s in scalars])
    return [float(value) for value in to_host(together)]


# -- memory -----------------------------------------------------------------------------------------------


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


def constant(value: Any, dtype: Any, like: Any) -> Any:
    """A number as an array without dimensions where `like` lies: filled there, so that nothing is copied."""
    return library().full((), value, dtype) if is_on_gpu(like) else np.asarray(value, dtype)


def contiguous(x: Any) -> Any:
    """`x` in C order: itself, or a copy where it lies."""
    return x if x.flags.c_contiguous else x.copy()  # np.ascontiguousarray does not dispatch


def memory() -> dict[str, int]:
    """Bytes of the GPU: in use by arrays here, held by CuPy's pool, free and in all.

    ``tinynn.gpu.memory()["in use"]`` equals torch.cuda.memory_allocated, "held" torch.cuda.memory_reserved.
    """
    if stand_in is not None:
        return stand_in.memory()
    door.require("memory")
    cupy = door.cupy()
    pool, (free, total) = cupy.get_default_memory_pool(), cupy.cuda.runtime.memGetInfo()
    return {"in use": pool.used_bytes(), "held": pool.total_bytes(), "free": free, "total": total}


# -- functions that NumPy lacks -----------------------------------------------------------------------------

_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x: Any) -> Any:
    """The error function 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, where x lies."""
    if is_on_gpu(x):
        return stand_in.erf(x) if stand_in is not None else door.special().erf(x)
    return np.asarray(_erf(x)).astype(x.dtype)


def inside(x: Any) -> Any:
    """The NumPy array inside a stand-in for a GPU's; anything else as it is."""
    return stand_in.inside(x) if stand_in is not None and is_on_gpu(x) else x
