"""The interpreter: runs kernels on the CPU, thread by thread. Each thread of a block is a greenlet."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..errors import DeviceError, StateError

try:
    import greenlet
except ImportError:  # only who interprets needs it
    greenlet = None

WARP = 32
_now: Thread | None = None


def thread() -> Thread:
    """The thread that runs now."""
    if _now is None:
        raise StateError("cuda", "a name of cuda outside a kernel", "a launch", "kernel[4, 32](x)")
    return _now


class Block:
    def __init__(self, shared: int) -> None:
        self.dynamic = np.full(shared, 0xFF, np.uint8)
        self.arrays: dict[int, np.ndarray] = {}


class Thread:
    def __init__(
        self, number: int, index: tuple, place: tuple, grid: tuple, size: tuple, block: Block
    ) -> None:
        self.number, self.lane, self.warp = number, number % WARP, number // WARP
        self.threadIdx, self.blockIdx, self.blockDim, self.gridDim = index, place, size, grid
        self.block, self.made = block, 0
        self.waiting: tuple | None = None
        self.answer: Any = None

    def wait(self, *what: Any) -> Any:
        global _now
        self.waiting = what
        greenlet.getcurrent().parent.switch()
        _now = self
        return self.answer

    def meet(self, kind: str, value: Any) -> Any:
        return self.wait("block", kind, value)

    def meet_warp(self, mask: int, kind: str, value: Any, extra: Any = 0) -> Any:
        return self.wait("warp", kind, value, int(extra), mask)

    def shared_array(self, shape: Any, dtype: np.dtype) -> np.ndarray:
        self.made += 1
        if shape == 0:
            return self.block.dynamic.view(dtype)
        if self.made not in self.block.arrays:
            self.block.arrays[self.made] = self.local_array(shape, dtype)
        return self.block.arrays[self.made]

    def local_array(self, shape: Any, dtype: np.dtype) -> np.ndarray:
        out = np.empty(shape, dtype)
        out.view(np.uint8).fill(0xFF)
        return out

    def const_array(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def atomic(self, array: np.ndarray, index: Any, change: Any) -> Any:
        old = array[index]
        array[index] = change(old)
        return old


def run(kernel: Any, grid: tuple, block: tuple, args: tuple, *, shared: int = 0) -> None:
    """Run every thread of every block; args are NumPy arrays and numbers."""
    if greenlet is None:
        raise DeviceError("simt", "no greenlet, which runs a block's threads", "it", "pip install greenlet")
    places = itertools.product(*map(range, reversed(grid)))
    with np.errstate(all="ignore"):
        for place in places:
            _run_block(kernel, place[::-1], grid, block, args, shared)


def _run_block(kernel: Any, place: tuple, grid: tuple, size: tuple, args: tuple, shared: int) -> None:
    global _now
    block = Block(shared)
    indices = [i[::-1] for i in itertools.product(*map(range, reversed(size)))]
    threads = [Thread(n, i, place, grid, size, block) for n, i in enumerate(indices)]
    lives = {t: greenlet.greenlet(kernel.function) for t in threads}
    ready = threads
    try:
        while ready:
            for t in ready:
                t.waiting, _now = None, t
                lives[t].switch(*args) if not lives[t] else lives[t].switch()
            threads = [t for t in threads if not lives[t].dead]
            ready = _released(threads)
            if threads and not ready:
                raise StateError(
                    repr(kernel), "a barrier that not every thread reaches", "all threads of the block"
                )
    finally:
        _now = None


def _released(threads: list[Thread]) -> list[Thread]:
    """Threads that may go on: a whole warp at one exchange, or the whole block at one barrier."""
    ready = []
    for _, warp in itertools.groupby(threads, key=lambda t: t.warp):
        members = list(warp)
        if all(t.waiting and t.waiting[0] == "warp" for t in members):
            _exchange(members)
            ready += members
    if not ready and all(t.waiting and t.waiting[0] == "block" for t in threads):
        values = [t.waiting[2] for t in threads if t.waiting]
        for t in threads:
            assert t.waiting is not None
            answers: dict[str, Any] = {"count": sum, "and": all, "or": any, "barrier": lambda _: None}
            t.answer = answers[t.waiting[1]](values)
        return threads
    return ready


def _exchange(members: list[Thread]) -> None:
    given = {t.lane: t.waiting[2] for t in members if t.waiting}
    for t in members:
        assert t.waiting is not None
        _, kind, value, extra, _mask = t.waiting
        if kind in ("shfl", "up", "down", "xor"):
            source = {
                "shfl": extra % WARP,
                "up": t.lane - extra,
                "down": t.lane + extra,
                "xor": t.lane ^ extra,
            }[kind]
            t.answer = given.get(source, value)
        elif kind == "ballot":
            t.answer = sum(1 << lane for lane, p in given.items() if p)
        else:
            t.answer = {"all": all, "any": any, "syncwarp": lambda _: None}[kind](given.values())
