"""The roofline of this machine, measured: how fast it calculates, how fast it moves memory.

An op that does few operations for each byte it moves cannot run faster than memory delivers; one that does
many cannot run faster than the arithmetic units. Source: Williams, Waterman and Patterson, Roofline: an
insightful visual performance model for multicore architectures, 2009.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ... import backends, ops, threads

SIDE = 1024  # of the matrices: 2 billion operations on 12 megabytes
SECONDS = 0.25  # for each of the measurements
MEGA = 1 << 20


class Roof(NamedTuple):
    """One number of threads: operations a second, and bytes a second."""

    threads: int
    flops: float
    bytes: float

    def at(self, intensity: float) -> float:
        """The most operations a second at so many operations for each byte."""
        return min(self.flops, self.bytes * intensity)


class Roofline(NamedTuple):
    """The roofs of one thread and of all, and the arrays they were measured with."""

    roofs: tuple[Roof, ...]
    copied: int  # bytes of the array that was copied
    cache: int | None  # bytes of the largest cache, where the system tells

    @property
    def note(self) -> str:
        if self.cache and self.cache > self.copied:
            said = f"The system reports {self.cache // MEGA} MB of cache, more than the arrays copied"
            return f"{said} ({self.copied // MEGA} MB): the slope may be the cache's."
        return ""


def measure() -> Roofline:
    """Measure once in a process. About two seconds."""
    return _measured(threads.get_num_threads())


@functools.cache
def _measured(most: int) -> Roofline:
    cache = cache_size()
    # Four times the cache, so that little of it is found there; a laptop has to hold two of them.
    size = min(max(4 * (cache or 32 * MEGA), 64 * MEGA), 256 * MEGA)
    source, target = np.ones(size // 4, np.float32), np.zeros(size // 4, np.float32)
    counts = dict.fromkeys((1, most))
    bandwidth = {n: 2 * size / _copy(source, target, n) for n in counts}
    # NumPy's own threads last: they look out for more work for a while, at the cost of whoever comes next.
    arithmetic = {n: 2 * SIDE**3 / _product(n) for n in counts}
    # Who may use several threads may also use one, so no roof is below that of one.
    roofs = tuple(Roof(n, max(arithmetic[1], arithmetic[n]), max(bandwidth[1], bandwidth[n])) for n in counts)
    return Roofline(roofs, size, cache)


def _quickest(call: Callable[[], Any]) -> float:
    """Seconds of the fastest call: a roof is what can be reached, so what disturbs does not count."""
    call()
    best, end = float("inf"), perf_counter() + SECONDS
    while perf_counter() < end:
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best


def _copy(source: np.ndarray, target: np.ndarray, n: int) -> float:
    """Copying in `n` threads: NumPy lets go of the interpreter's lock while it copies."""
    parts = list(zip(np.array_split(target, n), np.array_split(source, n)))
    if n == 1:
        return _quickest(lambda: np.copyto(target, source))
    with ThreadPoolExecutor(n) as pool:
        return _quickest(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))


def _product(n: int) -> float:
    """The faster one of NumPy's product and the compiled kernel's, which may use different libraries."""
    x, y = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), dtype=np.float32)
    seconds = []
    if backends.has_numba():
        kernel = ops.matmul.pair("numba").forward
        with kernel_threads(n):
            seconds.append(_quickest(lambda: kernel(x, y)))
    with blas_threads(n):
        seconds.append(_quickest(lambda: np.matmul(x, y)))
    return min(seconds)


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Every BLAS in `n` threads for the length of a ``with`` block."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n, user_api="blas"):
        yield


@contextmanager
def kernel_threads(n: int) -> Iterator[None]:
    """The compiled kernels in `n` threads for the length of a ``with`` block."""
    before = threads.get_num_threads()
    threads.set_num_threads(n)
    try:
        yield
    finally:
        threads.set_num_threads(before)


def cache_size() -> int | None:
    """Bytes of the first processor's largest cache, where the system tells."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    units = {"K": 1 << 10, "M": MEGA}
    try:
        found = [text for text in (path.read_text().strip() for path in sizes) if text[-1:] in units]
        return max((int(text[:-1]) * units[text[-1]] for text in found), default=None)
    except (OSError, ValueError):
        return None
