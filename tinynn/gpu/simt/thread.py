"""The running thread, and what it knows of the others.

Time is counted in *ticks*: a thread gets a new one at each barrier, syncwarp and fence. An access is
noted as one number, its *stamp*: tick, thread in the block, and the *site*, the instruction that made it.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import StateError
from .report import PACKAGE, Site, kernel_frame

if TYPE_CHECKING:
    from .run import Launch

WARP = 32
SITE_BITS, THREAD_BITS = 20, 10  # a block has at most 1024 threads
TICK = SITE_BITS + THREAD_BITS
FOREIGN = 1 << (SITE_BITS - 1)  # sites from here on lie in device functions


class Size(int):
    """A number that is known only when a kernel runs: no size for a shared or local array."""


class Index:
    """Three numbers of the running thread, set when it gets its turn: ``cuda.threadIdx.x``."""

    x: int
    y: int
    z: int

    def __getattr__(self, name: str) -> Any:
        if name in ("x", "y", "z"):
            raise outside()
        raise AttributeError(name)

    def set(self, place: tuple[int, int, int]) -> None:
        self.x, self.y, self.z = place

    def clear(self) -> None:
        vars(self).clear()


threadIdx, blockIdx, blockDim, gridDim = Index(), Index(), Index(), Index()


def outside() -> StateError:
    return StateError("cuda", "a name of cuda outside a kernel", "a launch", "kernel[4, 32](x)")


class Wait(NamedTuple):
    """What a thread waits for."""

    kind: str
    value: Any  # what it brings
    mask: int  # the lanes that must come; 0 for the whole block
    extra: int  # lane or distance of a shuffle
    code: CodeType
    lasti: int

    @property
    def site(self) -> Site:
        return Site(self.code, self.lasti)

    @property
    def at(self) -> tuple:
        """Tells sites apart, and is fast to hash, which code is not."""
        return id(self.code), self.lasti

    @property
    def call(self) -> tuple:
        """What lanes must have in common to meet; a syncwarp may stand in several lines."""
        return self.kind, self.mask, None if self.kind == "syncwarp" else self.at


class Thread:
    """One thread of the running block."""

    __slots__ = (
        "answer", "block", "counts", "done", "excused", "fence", "fence_block", "key", "known",
        "lane", "number", "stamp", "threadIdx", "waits", "warp", "worker",
    )  # fmt: skip

    def __init__(self, number: int, index: tuple[int, int, int], block: Any) -> None:
        self.number, self.lane, self.warp = number, number % WARP, number // WARP
        self.threadIdx, self.block = index, block
        self.key = block.number << THREAD_BITS | number
        self.stamp = 0
        self.known: dict[int, int] | None = None
        self.fence: dict[int, int] | None = None
        self.fence_block: dict[int, int] | None = None
        self.waits: Wait | None = None
        self.answer: Any = None
        self.worker: Any = None
        self.done = self.excused = False
        self.counts: dict[tuple, int] = {}

    @property
    def blockIdx(self) -> tuple[int, int, int]:
        return self.block.place

    def wait(self, kind: str, value: Any = None, mask: int = 0, extra: int = 0) -> Any:
        """Give the others a turn until what this thread waits for has come."""
        frame = sys._getframe(2)
        if frame.f_code.co_filename.startswith(PACKAGE):
            frame = kernel_frame(frame)
        self.waits = Wait(kind, value, mask, extra, frame.f_code, frame.f_lasti)
        self.worker.parent.switch()
        return self.answer

    def restamp(self, tick: int) -> None:
        self.stamp = tick << TICK | self.number << SITE_BITS

    def knows(self, more: dict[int, int]) -> None:
        """Everything up to those ticks has happened before what this thread does next."""
        if not self.known:
            self.known = more
        elif more is not self.known:
            self.known = latest(self.known, more)


def latest(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    merged = dict(one)
    for key, tick in other.items():
        if merged.get(key, 0) < tick:
            merged[key] = tick
    return merged


class Now:
    """What runs at this moment; one for the process, since kernels run one at a time."""

    __slots__ = (
        "base", "codes", "depth", "first", "foreign", "launch", "limit", "main", "stamp", "steps", "thread",
        "tick", "turns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.turns = 0  # threads that got their turn, in all: the watchdog sees whether it moves
        self.clear()

    def clear(self) -> None:
        self.thread: Thread | None = None
        self.launch: Launch = None  # type: ignore[assignment]
        self.main: CodeType | None = None
        self.codes: dict[int, int] = {}  # the first site of each device function, by the id of its code
        self.foreign: list[tuple[int, CodeType]] = []
        self.tick = self.stamp = self.base = self.first = self.steps = 0
        self.depth = 1  # frames between an array's method and the kernel
        self.limit = 1
        for index in (threadIdx, blockIdx, blockDim, gridDim):
            index.clear()

    def advance(self) -> int:
        self.tick += 1
        return self.tick

    def enter(self, thread: Thread) -> None:
        """Give a thread its turn."""
        self.thread, self.stamp, self.steps = thread, thread.stamp, self.limit
        self.turns += 1
        threadIdx.x, threadIdx.y, threadIdx.z = thread.threadIdx

    def site(self, frame: FrameType) -> int:
        """The number of an instruction in a device function."""
        code = frame.f_code
        if id(code) not in self.codes:
            self.codes[id(code)] = FOREIGN + sum(len(c.co_code) // 2 for _, c in self.foreign)
            self.foreign.append((self.codes[id(code)], code))
        return self.codes[id(code)] + (frame.f_lasti >> 1)

    def site_at(self, stamp: int) -> Site:
        """The instruction of a stamp."""
        number = stamp & ((1 << SITE_BITS) - 1)
        base, code = [(b, c) for b, c in [(0, self.main), *self.foreign] if b <= number][-1]
        assert code is not None
        return Site(code, 2 * (number - base))

    def endless(self) -> None:
        self.launch.endless(f"{self.limit:,} accesses to memory and no barrier".replace(",", " "))


now = Now()


def thread() -> Thread:
    """The thread that runs now."""
    if now.thread is None:
        raise outside()
    return now.thread
