"""Launches on a GPU, the short way.

Numba's dispatcher asks every array of every launch what it is, several times, through protocols that wait for
streams or refuse a dtype. A training step is a hundred launches of a few microseconds each, so what the host
does for one decides. So a kernel is compiled for the types of its arguments, and handed the very numbers that
the dispatcher would hand over: for each array two unused pointers, its size, the size of an element, its
address, shape and strides.

Should a version of numba-cuda keep its kernels elsewhere, the dispatcher's way is taken for good, and
`why_not` says why; ``TINYNN_CUDA_DISPATCHER=1`` takes it from the beginning.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

why_not: str | None = "TINYNN_CUDA_DISPATCHER" if os.environ.get("TINYNN_CUDA_DISPATCHER") else None
"""Why launches go through Numba's dispatcher; None while they do not."""

SCALARS = {
    "f4": ctypes.c_float, "f8": ctypes.c_double, "i4": ctypes.c_int32, "i8": ctypes.c_int64,
    "u4": ctypes.c_uint32, "u8": ctypes.c_uint64,
}  # fmt: skip
Launcher = Callable[[tuple, tuple, int, list], None]


def run(kernel: Any, grid: tuple, block: tuple, args: tuple, shared: int) -> None:
    """Launch a `Kernel` on arrays of CuPy's and NumPy's scalars."""
    global why_not
    known: dict[tuple, Launcher] = kernel.__dict__.setdefault("_launchers", {})
    key = tuple([_kind(a) for a in args])
    launcher = known.get(key)
    if launcher is None and why_not is None:
        try:
            launcher = known[key] = _launcher(kernel.compiled, args)
        except (AttributeError, ImportError, KeyError, TypeError) as error:
            why_not = f"{type(error).__name__}: {error}"
    if launcher is not None:
        launcher(grid, block, shared, flat(args))
    else:
        kernel.compiled[grid, block, 0, shared](*args)


def _kind(value: Any) -> Any:
    """What the compiled code depends on; the same for all arrays of one dtype, ndim and order."""
    kind = type(value)
    if kind is bool or isinstance(value, np.generic):
        return kind
    return value.dtype, value.ndim, value.flags.c_contiguous, value.flags.f_contiguous


def flat(args: tuple) -> list[Any]:
    """Arguments as the compiled kernel takes them, one after the other."""
    found: list[Any] = []
    for a in args:
        if isinstance(a, np.generic):
            found.append(bool(a) if a.dtype.kind == "b" else SCALARS[a.dtype.str[1:]](a.item()))
        elif isinstance(a, bool):
            found.append(a)
        else:
            found += (0, 0, a.size, a.itemsize, a.data.ptr, *a.shape, *a.strides)
    return found


def _typed(value: Any) -> Any:
    """The type that Numba's compiler gives an argument."""
    from numba import from_dtype, types

    if isinstance(value, (bool, np.generic)):
        return from_dtype(np.dtype(type(value)))
    flags = value.flags
    order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
    return types.Array(from_dtype(value.dtype), value.ndim, order)


def _launcher(dispatcher: Any, args: tuple) -> Launcher:
    """Compile for the types of these arguments, and return what launches that."""
    core = importlib.import_module("cuda.core")
    entry = dispatcher.compile(tuple([_typed(a) for a in args]))._codelibrary.get_cufunc().kernel
    stream = dispatcher[1, 32].stream
    flat(args)  # an argument that is not known here shows now

    @functools.lru_cache(64)
    def configuration(grid: tuple, block: tuple, shared: int) -> Any:
        return core.LaunchConfig(grid=grid, block=block, shmem_size=shared)

    def launcher(grid: tuple, block: tuple, shared: int, values: list) -> None:
        core.launch(stream, configuration(grid, block, shared), entry, *values)

    return launcher
