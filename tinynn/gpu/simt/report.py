"""What the interpreter says about a kernel: findings, each one sentence with line, block and thread."""

from __future__ import annotations

import functools
import itertools
import linecache
import os
from collections.abc import Collection, Iterator
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

INDEX = "index"  # out of range, negative, or no index at all
UNWRITTEN = "unwritten"  # a read of memory that nobody wrote
RACE = "race"
BARRIER = "barrier"  # a barrier that not all threads of the block reach
EXCHANGE = "exchange"  # a shuffle, vote or syncwarp that not all lanes of its mask reach
DEADLOCK = "deadlock"
OUTPUT = "output"  # cells of an output that no thread wrote
MEMORY = "memory"  # a shared, local or constant array that cannot be
CALL = "call"  # a name of cuda or an array, used as CUDA has it not
ENDLESS = "endless"
EXCEPTION = "exception"  # raised by the kernel's own Python
KINDS = (INDEX, UNWRITTEN, RACE, BARRIER, EXCHANGE, DEADLOCK, OUTPUT, MEMORY, CALL, ENDLESS, EXCEPTION)


class Place(NamedTuple):
    """Where another thread was: `line` is 0 if it had left the kernel."""

    line: int
    source: str
    block: tuple[int, int, int]
    thread: int


class Finding(NamedTuple):
    """One mistake of a kernel.

    `thread` counts within the block as the GPU does, x fastest; it is -1 where no thread is at fault.
    `other` is the second thread of a race, or one that waits for those that never come.
    """

    kind: str
    kernel: str
    line: int
    source: str
    block: tuple[int, int, int]
    thread: int
    other: Place | None
    got: str
    expected: str
    hint: str | None

    @property
    def where(self) -> str:
        return f"kernel {self.kernel}, line {self.line} `{self.source}`"

    def __str__(self) -> str:
        text = f"{self.where}: got {self.got}; expected {self.expected}."
        return f"{text} Try: {self.hint}" if self.hint else text


class Site(NamedTuple):
    """An instruction of a kernel or of a device function."""

    code: CodeType
    lasti: int

    @property
    def line(self) -> int:
        if self.lasti < 0:  # the function as a whole
            return self.code.co_firstlineno + next(
                n for n in range(99) if "def " in self.text(self.code.co_firstlineno + n) or n > 50
            )
        return lines(self.code)[self.lasti // 2]

    @property
    def source(self) -> str:
        return self.text(self.line).strip()

    @property
    def column(self) -> int | None:
        """Where the instruction's expression begins in `source`; None where Python does not say."""
        (_, _, begins, _) = next(itertools.islice(self.code.co_positions(), self.lasti // 2, None))
        text = self.text(self.line)
        return None if begins is None else begins - (len(text) - len(text.lstrip()))

    def text(self, line: int) -> str:
        return linecache.getline(self.code.co_filename, line)


def definition(code: CodeType) -> Site:
    """The line with the kernel's ``def``."""
    return Site(code, -1)


@functools.lru_cache(256)
def lines(code: CodeType) -> list[int]:
    """The source line of each instruction."""
    lines = [position[0] or code.co_firstlineno for position in code.co_positions()]
    return lines or [code.co_firstlineno]


def kernel_frame(frame: FrameType | None) -> FrameType:
    """The frame of the kernel, or of its device function, that called into this package."""
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    assert frame is not None
    return frame


def site_of(frame: FrameType) -> Site:
    return Site(frame.f_code, frame.f_lasti)


def raised_at(trace: TracebackType | None, codes: Collection[CodeType]) -> Site:
    """The instruction of the kernel or device function in which an exception came up."""
    sites = [Site(tb.tb_frame.f_code, tb.tb_lasti) for tb in walk(trace)]
    files = {code.co_filename for code in codes}
    return [s for s in sites if s.code in codes or s.code.co_filename in files][-1]


def walk(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def coordinates(place: tuple[int, ...], size: tuple[int, ...]) -> str:
    """``5``, or ``(5, 2)`` where the block or grid has more than one axis."""
    axes = max([axis + 1 for axis, n in enumerate(size) if n > 1], default=1)
    return str(place[0]) if axes == 1 else str(tuple(map(int, place[:axes])))


def unlinear(number: int, size: tuple[int, int, int]) -> tuple[int, int, int]:
    """Where thread `number` lies in its block: x runs fastest."""
    return number % size[0], number // size[0] % size[1], number // (size[0] * size[1])


def counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def shown(value: Any) -> str:
    """An index as a student wrote it: numbers without their NumPy type."""
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    return str(value) if hasattr(value, "dtype") else repr(value)
