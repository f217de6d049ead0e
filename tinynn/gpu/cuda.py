"""What kernels call: the names of ``numba.cuda``.

In the interpreter these run as written here. For the GPU, Numba's compiler puts its own in their place.
Where Numba's typing can be noticed it is kept: ballots and matches are int32 (negative with lane 31 set),
shuffles take int32, int64, float32 and float64, barriers that count take no bool, and a plain whole number
counts as int64 in `clz` and `brev`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, MissingError
from .kernel import Kernel
from .simt.arrays import checked_alignment, const_array, local_array, shared_array
from .simt.atomic import Atomics
from .simt.race import fence
from .simt.thread import blockDim, blockIdx, gridDim, thread, threadIdx
from .simt.warp import FULL, Lanes, checked_mask, shuffled

__all__ = [
    "activemask", "all_sync", "any_sync", "atomic", "ballot_sync", "blockDim", "blockIdx", "brev",
    "cbrt", "clz", "const", "ffs", "fma", "grid", "gridDim", "gridsize", "jit", "lanemask_lt", "local",
    "match_all_sync", "match_any_sync", "nanosleep", "popc", "selp", "shared", "shfl_down_sync",
    "shfl_sync", "shfl_up_sync", "shfl_xor_sync", "syncthreads", "syncthreads_and", "syncthreads_count",
    "syncthreads_or", "syncwarp", "threadIdx", "threadfence", "threadfence_block", "threadfence_system",
    "warpsize",
]  # fmt: skip

warpsize = 32
atomic = Atomics()


def jit(function: Callable | None = None, **options: Any) -> Any:
    """Make a kernel of a function; with ``device=True`` a function that kernels call."""
    if function is None:
        return lambda f: Kernel(f, **options)
    return Kernel(function, **options)


def __getattr__(name: str) -> Any:
    if name == "laneid":
        return thread().lane
    if name.startswith("__"):
        raise AttributeError(name)
    near = difflib.get_close_matches(name, [*__all__, "laneid"], 1)
    expected = "one of those in tinynn/gpu/cuda.py"
    raise MissingError(
        f"cuda.{name}", "a name that the interpreter does not know", expected, *[f"cuda.{n}" for n in near]
    )


# -- where a thread is -------------------------------------------------------------------------------------


def grid(ndim: int) -> Any:
    """The thread's place in the whole grid, along one to three axes."""
    x = blockIdx.x * blockDim.x + threadIdx.x
    if ndim == 1:
        return x
    y = blockIdx.y * blockDim.y + threadIdx.y
    return (x, y) if ndim == 2 else (x, y, blockIdx.z * blockDim.z + threadIdx.z)[: axes("grid", ndim)]


def gridsize(ndim: int) -> Any:
    """Threads in the whole grid, along one to three axes."""
    sizes = (gridDim.x * blockDim.x, gridDim.y * blockDim.y, gridDim.z * blockDim.z)
    return sizes[0] if ndim == 1 else sizes[: axes("gridsize", ndim)]


def axes(where: str, ndim: Any) -> int:
    if ndim not in (1, 2, 3):
        raise ArgumentError(f"cuda.{where}", f"{ndim!r}", "1, 2 or 3 axes", f"cuda.{where}(1)")
    return ndim


# -- barriers ----------------------------------------------------------------------------------------------


def syncthreads() -> None:
    """Wait until every thread of the block is here; then all see what the others wrote before."""
    thread().wait("syncthreads")


def _barrier(kind: str, predicate: Any) -> int:
    if isinstance(predicate, (bool, np.bool_)):
        raise DtypeError(f"cuda.{kind}", "a bool", "a whole number, which Numba insists on", "int32(...)")
    return thread().wait(kind, bool(predicate))


def syncthreads_count(predicate: Any) -> int:
    """A barrier that counts the threads whose predicate holds."""
    return _barrier("syncthreads_count", predicate)


def syncthreads_and(predicate: Any) -> int:
    """A barrier; 1 if the predicate holds for all threads of the block, else 0."""
    return _barrier("syncthreads_and", predicate)


def syncthreads_or(predicate: Any) -> int:
    """A barrier; 1 if the predicate holds for any thread of the block, else 0."""
    return _barrier("syncthreads_or", predicate)


def threadfence() -> None:
    """What this thread wrote before is seen by all of the grid before what it writes after."""
    fence(thread(), whole_grid=True)


def threadfence_block() -> None:
    """As threadfence, for the threads of the block."""
    fence(thread(), whole_grid=False)


threadfence_system = threadfence


# -- within a warp -----------------------------------------------------------------------------------------


def _meet(kind: str, mask: Any, value: Any = None, extra: Any = 0) -> Any:
    t = thread()
    return t.wait(kind, value, checked_mask(t, kind, mask), int(extra))


def syncwarp(mask: int = FULL) -> None:
    """Wait until the lanes of the mask are here; then they see what the others wrote before."""
    _meet("syncwarp", mask)


def shfl_sync(mask: int, value: Any, lane: int) -> Any:
    """The value of that lane, modulo 32."""
    return _meet("shfl_sync", mask, shuffled("shfl_sync", value), lane)


def shfl_up_sync(mask: int, value: Any, delta: int) -> Any:
    """The value of the lane `delta` below; the lowest lanes get their own."""
    return _meet("shfl_up_sync", mask, shuffled("shfl_up_sync", value), delta)


def shfl_down_sync(mask: int, value: Any, delta: int) -> Any:
    """The value of the lane `delta` above; the highest lanes get their own."""
    return _meet("shfl_down_sync", mask, shuffled("shfl_down_sync", value), delta)


def shfl_xor_sync(mask: int, value: Any, lane_mask: int) -> Any:
    """The value of the lane whose number differs in the bits of `lane_mask`."""
    return _meet("shfl_xor_sync", mask, shuffled("shfl_xor_sync", value), lane_mask)


def all_sync(mask: int, predicate: Any) -> bool:
    """Whether the predicate holds for all lanes of the mask."""
    return _meet("all_sync", mask, bool(predicate))


def any_sync(mask: int, predicate: Any) -> bool:
    """Whether the predicate holds for any lane of the mask."""
    return _meet("any_sync", mask, bool(predicate))


def ballot_sync(mask: int, predicate: Any) -> int:
    """A bit for each lane of the mask whose predicate holds; an int32."""
    return _meet("ballot_sync", mask, bool(predicate))


def match_any_sync(mask: int, value: Any) -> int:
    """A bit for each lane of the mask that brings the same value; an int32."""
    return _meet("match_any_sync", mask, value)


def match_all_sync(mask: int, value: Any) -> tuple[int, bool]:
    """The lanes and True if all of the mask bring the same value, else 0 and False."""
    return _meet("match_all_sync", mask, value)


def activemask() -> int:
    """A bit for each lane that runs this call together with the caller.

    A GPU promises no more than that the caller is one of them. Here it is all lanes of the warp that come to
    this line before they must wait for another.
    """
    return thread().wait("activemask", None, FULL)


def lanemask_lt() -> int:
    """A bit for each lane below the caller's."""
    return Lanes((1 << thread().lane) - 1)


# -- memory ------------------------------------------------------------------------------------------------


class shared:
    """Memory that the threads of one block share.

    With ``alignment=16`` the compiler may read four neighbouring float32 by one instruction.
    """

    @staticmethod
    def array(shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        """One array for the block; with shape 0 the dynamic memory that the launch asks for."""
        checked_alignment("cuda.shared.array", alignment)
        return shared_array(shape, dtype)


class local:
    """Memory of one thread: registers, if its indices are known when compiled."""

    @staticmethod
    def array(shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        checked_alignment("cuda.local.array", alignment)
        return local_array(shape, dtype)


class const:
    """Memory that all threads read, copied into the kernel when it is compiled."""

    @staticmethod
    def array_like(array: Any) -> Any:
        return const_array(array)


# -- numbers -----------------------------------------------------------------------------------------------


def bits_of(x: Any) -> tuple[int, int]:
    """The bits of a whole number as an unsigned one, and how many there are."""
    width = 32 if isinstance(x, Lanes) else 8 * x.itemsize if isinstance(x, np.integer) else 64
    return int(x) & ((1 << width) - 1), width


def popc(x: Any) -> int:
    """How many bits are set."""
    return bits_of(x)[0].bit_count()


def clz(x: Any) -> int:
    """How many zeros lead; of 64 bits, unless x is an int32."""
    bits, width = bits_of(x)
    return width - bits.bit_length()


def ffs(x: Any) -> int:
    """The place of the lowest bit that is set, counted from 1; 0 if none is."""
    bits, _ = bits_of(x)
    return (bits & -bits).bit_length()


def brev(x: Any) -> int:
    """The bits in reverse order; 64 of them, unless x has 32."""
    bits, width = bits_of(x)
    width = max(width, 32)
    return int(f"{bits:0{width}b}"[::-1], 2)


def fma(a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""
    kind = np.result_type(a, b, c).type
    if not (np.isfinite(a) and np.isfinite(b) and np.isfinite(c)):
        return kind(a * b + c)
    if kind is np.float32:  # a product of two float32 is exact in float64
        return kind(np.float64(a) * np.float64(b) + np.float64(c))
    return kind(float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))))


def cbrt(x: Any) -> Any:
    """The cube root."""
    return np.cbrt(x)


def selp(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; both are computed."""
    return a if condition else b


def nanosleep(ns: int) -> None:
    """Let others go first."""
    thread().wait("spin")
