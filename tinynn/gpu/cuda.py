"""What kernels call: the names of ``numba.cuda``.

In the interpreter these run as written here. For the GPU, Numba's compiler puts its own in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import simt
from .kernel import Kernel

FULL = 0xFFFFFFFF
warpsize = 32


def jit(function: Callable | None = None, **options: Any) -> Any:
    """Make a kernel of a function; with ``device=True`` a function that kernels call."""
    if function is None:
        return lambda f: Kernel(f, **options)
    return Kernel(function, **options)


class _Index:
    """Three numbers of the running thread: ``cuda.threadIdx.x``."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def x(self) -> int:
        return getattr(simt.thread(), self._name)[0]

    @property
    def y(self) -> int:
        return getattr(simt.thread(), self._name)[1]

    @property
    def z(self) -> int:
        return getattr(simt.thread(), self._name)[2]


threadIdx, blockIdx, blockDim, gridDim = map(_Index, ("threadIdx", "blockIdx", "blockDim", "gridDim"))


def grid(ndim: int) -> Any:
    """The thread's place in the whole grid, along one to three axes."""
    t = simt.thread()
    place = tuple([b * d + i for b, d, i in zip(t.blockIdx, t.blockDim, t.threadIdx)][:ndim])
    return place[0] if ndim == 1 else place


def gridsize(ndim: int) -> Any:
    """Threads in the whole grid, along one to three axes."""
    t = simt.thread()
    sizes = tuple([g * d for g, d in zip(t.gridDim, t.blockDim)][:ndim])
    return sizes[0] if ndim == 1 else sizes


def syncthreads() -> None:
    """Wait until every thread of the block is here."""
    simt.thread().meet("barrier", None)


def syncthreads_count(predicate: Any) -> int:
    return simt.thread().meet("count", bool(predicate))


def syncthreads_and(predicate: Any) -> int:
    return simt.thread().meet("and", bool(predicate))


def syncthreads_or(predicate: Any) -> int:
    return simt.thread().meet("or", bool(predicate))


def syncwarp(mask: int = FULL) -> None:
    simt.thread().meet_warp(mask, "syncwarp", None)


def shfl_sync(mask: int, value: Any, lane: int) -> Any:
    """The value that the thread of that lane gave."""
    return simt.thread().meet_warp(mask, "shfl", value, lane)


def shfl_up_sync(mask: int, value: Any, delta: int) -> Any:
    return simt.thread().meet_warp(mask, "up", value, delta)


def shfl_down_sync(mask: int, value: Any, delta: int) -> Any:
    return simt.thread().meet_warp(mask, "down", value, delta)


def shfl_xor_sync(mask: int, value: Any, lane_mask: int) -> Any:
    return simt.thread().meet_warp(mask, "xor", value, lane_mask)


def all_sync(mask: int, predicate: Any) -> bool:
    return simt.thread().meet_warp(mask, "all", bool(predicate))


def any_sync(mask: int, predicate: Any) -> bool:
    return simt.thread().meet_warp(mask, "any", bool(predicate))


def ballot_sync(mask: int, predicate: Any) -> int:
    return simt.thread().meet_warp(mask, "ballot", bool(predicate))


class shared:
    """Memory that the threads of one block share.

    With ``alignment=16`` the compiler may read four neighbouring float32 by one instruction.
    """

    @staticmethod
    def array(shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        return simt.thread().shared_array(shape, np.dtype(dtype))


class local:
    """Memory of one thread: registers, if its indices are known when compiled."""

    @staticmethod
    def array(shape: Any, dtype: Any) -> Any:
        return simt.thread().local_array(shape, np.dtype(dtype))


class const:
    """Memory that all threads read, copied into the kernel when it is compiled."""

    @staticmethod
    def array_like(array: Any) -> Any:
        return simt.thread().const_array(array)


class atomic:
    """One thread at a time: read, change, write. Each returns the value before."""

    @staticmethod
    def add(array: Any, index: Any, value: Any) -> Any:
        return simt.thread().atomic(array, index, lambda old: old + value)

    @staticmethod
    def sub(array: Any, index: Any, value: Any) -> Any:
        return simt.thread().atomic(array, index, lambda old: old - value)

    @staticmethod
    def max(array: Any, index: Any, value: Any) -> Any:
        return simt.thread().atomic(array, index, lambda old: old if old >= value else value)

    @staticmethod
    def min(array: Any, index: Any, value: Any) -> Any:
        return simt.thread().atomic(array, index, lambda old: old if old <= value else value)

    @staticmethod
    def exch(array: Any, index: Any, value: Any) -> Any:
        return simt.thread().atomic(array, index, lambda old: value)

    @staticmethod
    def cas(array: Any, index: Any, old: Any, value: Any) -> Any:
        return simt.thread().atomic(array, index, lambda now: value if now == old else now)


def __getattr__(name: str) -> Any:
    t = simt.thread()
    if name == "laneid":
        return t.lane
    raise AttributeError(f"cuda.{name}: not known to the interpreter")


def popc(x: int) -> int:
    return int(x).bit_count()


def fma(a: Any, b: Any, c: Any) -> Any:
    return a * b + c


def selp(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def threadfence() -> None: ...


def threadfence_block() -> None: ...
