"""Memory for results that is used again: `empty(shape, dtype)` in place of ``np.empty``.

A large array fresh from the system costs a page fault for every 4 KiB, the first time it is written;
in a training step that was a third of the time. So buffers stay here when their arrays are gone.

An array from `empty` refers to its buffer, and so does every view, memoryview or tensor made from it,
however indirectly. A buffer is free exactly when nobody but this pool refers to it: Python counts the
references, and the pool only looks. Where they are not counted exactly (an interpreter other than
CPython, or one without its global lock), `empty` is ``np.empty``.
"""

from __future__ import annotations

import math
import sys
import sysconfig
import threading
from typing import Any

import numpy as np

__all__ = ["clear", "empty", "empty_like", "stats"]

SMALL = 1 << 14  # elements; below, the heap that np.empty takes from is as fast
ALIGN = 64  # bytes: a cache line, and the width of an AVX-512 register
SCAN = 64  # buffers of one size that are looked at, and kept
limit = 1 << 29
"""Most bytes that the pool holds on to, in use or free; arrays beyond come from ``np.empty``."""

Entry = tuple[np.ndarray, int]  # (buffer, offset of its first aligned byte)

_pool: dict[int, list[Entry]] = {}  # bytes of the buffers to the buffers
_held = 0
_lock = threading.Lock()
_hits = _misses = 0


def _find(entries: list[Entry], references: int) -> Entry | None:
    """The first entry whose buffer has this many references."""
    for entry in entries:
        if sys.getrefcount(entry[0]) == references:
            return entry
    return None


def _references_when_free() -> int:
    """What `_find` counts for a buffer that only its entry refers to; 0 where counts mean nothing.

    Asked rather than known: newer interpreters borrow references that older ones counted.
    """
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return 0
    entries = [(np.empty(1, np.uint8), 0)]
    return next((count for count in range(1, 9) if _find(entries, count)), 0)


FREE = _references_when_free()


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """A C-ordered array of `shape` with whatever values its memory holds, as ``np.empty`` makes it."""
    wanted = math.prod(shape)
    if wanted < SMALL:
        return np.empty(shape, dtype)
    dtype = np.dtype(dtype)
    wanted *= dtype.itemsize
    # Somebody else is inside, or a finaliser runs in the midst of ourselves: do without the pool.
    if not FREE or not wanted or not _lock.acquire(blocking=False):
        return np.empty(shape, dtype)
    try:
        return _from_pool(shape, dtype, _size_class(wanted))
    finally:
        _lock.release()


def empty_like(x: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """An array from `empty` of the shape of `x`, its axes in memory in the same order as those of `x`."""
    if x.flags.c_contiguous:
        return empty(x.shape, dtype)
    strides = x.strides
    axes = sorted(range(x.ndim), key=lambda axis: -strides[axis])  # outermost first
    inverse = sorted(range(x.ndim), key=axes.__getitem__)
    return empty(tuple([x.shape[axis] for axis in axes]), dtype).transpose(inverse)


def _size_class(wanted: int) -> int:
    """`wanted` bytes and room to align them, rounded up to one of eight sizes between powers of two."""
    step = 1 << (wanted.bit_length() - 4)
    return -(-(wanted + ALIGN) // step) * step


def _from_pool(shape: tuple[int, ...], dtype: np.dtype, size: int) -> np.ndarray:
    global _hits, _misses
    entries = _pool.setdefault(size, [])
    entry = _find(entries, FREE)
    if entry is None:
        _misses += 1
        entry = _new_entry(entries, size)
    else:
        _hits += 1
    return np.ndarray(shape, dtype, entry[0], entry[1])


def _new_entry(entries: list[Entry], size: int) -> Entry:
    """A fresh buffer, remembered if there is room."""
    global _held
    if _held + size > limit:
        _drop_free()
    buffer = np.empty(size, np.uint8)
    entry = (buffer, -buffer.ctypes.data % ALIGN)
    if _held + size <= limit and len(entries) < SCAN:
        entries.append(entry)
        _held += size
    return entry


def _drop_free() -> None:
    """Give free buffers back to the system; those in use leave with their arrays."""
    global _held
    for size, entries in _pool.items():
        while entry := _find(entries, FREE):
            entries[:] = [other for other in entries if other is not entry]
            _held -= size
            del entry


def clear() -> None:
    """Give all free buffers back to the system."""
    with _lock:
        _drop_free()


def stats() -> dict[str, int]:
    """Bytes held and free, the number of buffers, and how often one was used again (hits) or not (misses)."""
    with _lock:
        free = sum(size for size, entries in _pool.items() for e in entries if _find([e], FREE))
        return {
            "held": _held,
            "free": free,
            "buffers": sum(map(len, _pool.values())),
            "hits": _hits,
            "misses": _misses,
        }
