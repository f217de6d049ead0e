"""One launch: its arrays, its blocks, its findings."""

from __future__ import annotations

import bisect
import contextvars
import inspect
import random
import threading
from types import CodeType
from typing import Any

import numpy as np

from ...errors import DeviceError, KernelError, MissingError, StateError, TinynnError
from . import report
from .array import Array
from .binding import bound
from .block import Block
from .memory import Memory
from .options import Options, changed
from .parameters import outputs_of, parameters
from .patience import Endless, patience
from .race import thread_of
from .report import Finding, Place, Site, coordinates, definition, kernel_frame, raised_at, site_of
from .thread import TICK, Size, Thread, blockDim, blockIdx, gridDim, now

try:
    import greenlet
except ImportError:  # a GPU needs no interpreter
    greenlet = None

MOST = 100  # findings that are gathered of one launch
_turn = threading.Lock()


def run(kernel: Any, grid: tuple, block: tuple, args: tuple, *, shared: int = 0, **options: Any) -> None:
    """Run every thread of every block; args are NumPy arrays and numbers. Options: see `settings`."""
    if greenlet is None:
        got = "no greenlet, which runs the threads of a block"
        raise DeviceError("simt", got, "it installed", "pip install greenlet")
    running = now.launch
    if running is not None and running.ident == threading.get_ident():
        raise StateError(repr(kernel), "a launch from inside a kernel", "a launch from the host", None)
    with _turn, np.errstate(all="ignore"):
        launch = Launch(kernel, grid, block, args, shared, changed(options))
        try:
            launch.run()
        finally:
            launch.close()


class Launch:
    def __init__(
        self, kernel: Any, grid: tuple, block: tuple, args: tuple, shared: int, options: Options
    ) -> None:
        self.kernel, self.grid, self.block, self.bytes, self.options = kernel, grid, block, shared, options
        self.ident = threading.get_ident()
        self.name: str = kernel.__name__
        self.main: CodeType = kernel.function.__code__
        self.codes: dict[CodeType, Any] = {}  # of the kernel and its device functions
        self.function = bound(kernel.function, self.codes)
        self.checks = options.checks or options.watch is not None
        self.context = contextvars.copy_context()
        self.findings: dict[tuple, Finding] = {}
        self.started: list[int] = []  # the ticks at which blocks began
        self.blocks: list[Block] = []
        self.idle: list[Any] = []  # greenlets without a thread
        self.workers: list[Any] = []
        self.random = random.Random(options.order) if isinstance(options.order, int) else None
        self.memories: list[Memory] = []
        self.args = tuple([Size(a) if isinstance(a, np.signedinteger) else a for a in args])
        if self.checks:
            self.args, self.memories = parameters(self.main, self.args, options)

    # -- running -------------------------------------------------------------------------------------------

    def run(self) -> None:
        now.clear()
        now.launch, now.main, now.limit = self, self.main, self.options.steps
        now.depth = 2 if self.options.watch else 1
        blockDim.set(tuple(map(Size, self.block)))  # type: ignore[arg-type]
        gridDim.set(tuple(map(Size, self.grid)))  # type: ignore[arg-type]
        x, y, z = self.grid
        places = [(i, j, k) for k in range(z) for j in range(y) for i in range(x)]
        with patience(self.options.patience):
            for number, place in self.ordered(list(enumerate(places))):
                blockIdx.set(place)
                Block(self, number, place).run()
        self.settle()
        if self.checks and self.options.outputs:
            for got in outputs_of(self.main, self.args, self.memories, self.options.outputs):
                expected = "every cell of an output written by this launch"
                hint = "more blocks, or another bound: does the last element get a thread?"
                self.report(report.OUTPUT, got, expected, hint, site=definition(self.main), thread=-1)

    def ordered(self, items: list) -> list:
        """The order of blocks, and of threads that may go on, that the options ask for."""
        if self.random is not None:
            items = list(items)
            self.random.shuffle(items)
        return items[::-1] if self.options.order == "reversed" else items

    def resume(self, t: Thread) -> None:
        """Let a thread run until it waits or ends."""
        now.enter(t)
        if t.worker is None:
            t.worker = self.idle.pop() if self.idle else self.hire()
            t.worker.switch(t)
        else:
            t.worker.switch()
        if t.done:
            self.idle.append(t.worker)
            t.worker = None

    def hire(self) -> Any:
        worker = greenlet.greenlet(self.work)
        worker.gr_context = self.context.copy()  # NumPy's error state lies in it
        self.workers.append(worker)
        return worker

    def work(self, t: Thread) -> None:
        """What a greenlet does: one thread after another, from its begin to its end."""
        function = self.function
        while True:
            try:
                function(*self.args)
            except KernelError:
                raise
            except Abandoned:
                t.excused = True
            except Endless as error:
                t.excused = True
                what = f"{self.options.patience:g} s of computing without an access or a barrier"
                self.endless(what, raised_at(error.__traceback__, self.codes), goes_on=True)
            except Exception as error:
                t.excused = True
                self.raised(error)
            t.done, t.waits = True, None
            t = greenlet.getcurrent().parent.switch()

    def drop(self, threads: list[Thread]) -> None:
        """End the threads that still wait; their block is given up."""
        for t in threads:
            if t.worker is not None:
                t.worker.throw()
                t.worker = None

    def close(self) -> None:
        """End all greenlets, whatever happened, and forget the launch."""
        workers, self.workers = self.workers, []
        now.thread = None
        for worker in workers:
            if worker and not worker.dead:
                worker.throw()
        now.clear()

    # -- what blocks and memory ask ------------------------------------------------------------------------

    def begun(self, block: Block) -> None:
        self.started.append(now.tick)
        self.blocks.append(block)

    def block_at(self, tick: int) -> Block:
        """The block that ran at that time."""
        return self.blocks[bisect.bisect_right(self.started, tick) - 1]

    def block_name(self, place: tuple[int, int, int]) -> str:
        return coordinates(place, self.grid)

    def who(self, t: Thread | None = None) -> str:
        """``thread 5 of block 2``."""
        t = t or now.thread
        assert t is not None
        return self.thread_name(t.number, t.block.place)

    def thread_name(self, number: int, place: tuple[int, int, int]) -> str:
        index = coordinates(report.unlinear(number, self.block), self.block)
        return f"thread {index} of block {self.block_name(place)}"

    def settle(self) -> None:
        for memory in [*(self.blocks[-1].memories if self.blocks else []), *self.memories]:
            memory.settle()

    # -- findings ------------------------------------------------------------------------------------------

    def report(
        self, kind: str, got: str, expected: str, hint: str | None = None, *, site: Site | None = None,
        thread: Thread | int | None = None, other: Place | None = None, cause: Exception | None = None,
    ) -> None:  # fmt: skip
        """Raise a finding, or keep it and go on."""
        if kind not in (report.RACE, report.UNWRITTEN):
            self.settle()  # what was read before anybody wrote it may be the reason of this
        if site is None:
            site = site_of(kernel_frame(inspect.currentframe()))
        t = now.thread if thread is None else thread
        number, place = (t.number, t.block.place) if isinstance(t, Thread) else (-1, (0, 0, 0))
        name = self.name if site.code is self.main else f"{self.name}, in {site.code.co_name}"
        finding = Finding(kind, name, site.line, site.source, place, number, other, got, expected, hint)
        if self.options.collect is None:
            raise KernelError(finding.where, got, expected, hint, finding) from cause
        key = (kind, name, site.line, other and other.line)
        if key not in self.findings and len(self.findings) < MOST:
            self.findings[key] = finding
            self.options.collect.append(finding)

    def race(self, memory: Memory, cell: int, stamp: int, mine: str, theirs: str) -> None:
        """Two threads at one cell, neither before the other."""
        block = self.block_at(stamp >> TICK)
        number = thread_of(stamp)
        site = now.site_at(stamp)
        assert now.thread is not None
        line = kernel_frame(inspect.currentframe()).f_lineno
        in_line = "this same line" if site.line == line else f"line {site.line} `{site.source}`"
        got = f"a race in {memory.space} memory: {self.who()} {mine} {memory.label(cell)}, which "
        got += f"{self.thread_name(number, block.place)} {theirs} in {in_line}"
        if block is not now.thread.block:
            got += ", and blocks run in any order"
            expected = "cells that only one block writes and no other uses"
            hint = "cuda.atomic, or two launches"
        else:
            got += ", and no barrier lies between"
            expected, hint = "the two in a fixed order", "cuda.syncthreads() between them"
            if site.line == line:
                hint = "cuda.atomic for a sum or count that threads share, or cuda.syncthreads() between"
        if any(m.atoms for m in (*self.memories, *now.thread.block.memories)) and memory.space == "global":
            hint += ", or cuda.threadfence() before an atomic that hands the cell over"
        self.report(
            report.RACE, got, expected, hint, other=Place(site.line, site.source, block.place, number)
        )

    def endless(self, what: str, site: Site | None = None, goes_on: bool = False) -> None:
        hint = "a look at the loop's condition: does what it reads change?"
        got = f"{self.who()} in a loop without end: {what}"
        self.report(report.ENDLESS, got, "a loop that ends", hint, site=site)
        if not goes_on:
            raise Abandoned

    def raised(self, error: Exception) -> None:
        """The kernel's own Python raised."""
        site = raised_at(error.__traceback__, self.codes)
        if isinstance(error, TinynnError):
            kind = report.MEMORY if error.where.endswith((".array", ".array_like")) else report.CALL
            missing = isinstance(error, MissingError)
            got = f"{error.got} ({error.where})" if missing else f"{error.got} for {error.where}"
            got = f"{got} in {self.who()}"
            self.report(kind, got, error.expected, error.hint, site=site, cause=error)
            return
        text = str(error).rstrip(".") or "no text"
        if isinstance(error, AttributeError) and isinstance(error.obj, Array):
            got = f"{error.obj._name}.{error.name}, which arrays in a kernel do not have, in {self.who()}"
            expected = "an index, .shape, .size, .ndim, .dtype, .strides or .T"
            self.report(report.CALL, got, expected, site=site, cause=error)
            return
        got = f"{type(error).__name__} ({text}) in {self.who()}"
        hint = "cells, by an index: whole arrays have no arithmetic here" if "'Array'" in text else None
        self.report(report.EXCEPTION, got, "a kernel that runs to its end", hint, site=site, cause=error)


class Abandoned(Exception):
    """A thread that is given up while the others go on."""
