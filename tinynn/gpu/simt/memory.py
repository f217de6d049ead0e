"""Memory with a shadow: who wrote and read each cell last."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import report
from .race import concurrent
from .report import Site, kernel_frame, site_of
from .thread import SITE_BITS, Thread, now

UNWRITTEN, HOST, ATOMIC = 0, 1, 1 << 62  # in place of a stamp
BEFORE = -1  # among a cell's atomics: the plain write before them

WARPS = 5  # bits: a block has at most 32 warps
WARP_AT = SITE_BITS + 5  # where a stamp has the number of its warp


class Memory:
    """A run of cells with their shadow.

    `writes` and `reads` hold a stamp for each cell. Stamps below `limit` need no thought: in shared memory
    those before the block's last barrier, in global memory only what was written before the launch.
    """

    __slots__ = (
        "atoms", "data", "earlier", "limit", "name", "origin", "pending", "readers", "reads", "shape",
        "space", "sync", "writes",
    )  # fmt: skip

    def __init__(self, data: np.ndarray, space: str, name: str, shape: tuple[int, ...], writes: list) -> None:
        self.data, self.space, self.name, self.shape = data, space, name, shape
        self.origin = 0  # the cell of the named array's first element
        self.writes, self.reads = writes, [0] * len(writes)
        self.limit = {"shared": now.base, "local": ATOMIC - 1}.get(space, HOST + 1)
        self.readers: dict[int, int] = {}  # of cell and warp, since the last barrier: one but the last
        self.earlier: dict[int, int] = {}  # the last reader of a block that is done
        self.atoms: dict[int, dict[int, int]] = {}
        self.pending: dict[int, tuple[Any, Site]] = {}  # reads of cells that nobody has written yet
        self.sync: dict[Any, dict[int, int]] = {}  # what who last changed a cell by an atomic had to tell

    def barrier(self) -> None:
        """All threads of the block have met, or it begins, or ends."""
        if self.space == "shared":
            self.limit = now.base
            self.settle()
        if self.readers:
            self.readers = {}

    def label(self, cell: int) -> str:
        """``tile[2, 3]``."""
        index: tuple = (cell - self.origin,)
        if len(self.shape) > 1 and 0 <= index[0] < int(np.prod(self.shape)):
            index = np.unravel_index(index[0], self.shape)
        return f"{self.name}[{', '.join(str(int(i)) for i in index)}]"

    # -- what the accesses of `Array` call when a stamp needs thought --------------------------------------

    def loaded(self, cell: int, write: int) -> None:
        """A plain read of a cell that was written by somebody else, or by nobody."""
        if write == UNWRITTEN:
            self.unwritten(cell)
        elif write == ATOMIC:
            self.against_atomics(cell, "reads")
        elif concurrent(write):
            self.race(cell, write, "reads", "writes")

    def also_read(self, cell: int, read: int, stamp: int) -> None:
        """A second reader: of those before, one of each warp is remembered, and one of earlier blocks."""
        if read < now.first:
            self.earlier[cell] = read
        elif read >= now.base:
            self.readers[cell << WARPS | read >> WARP_AT & (1 << WARPS) - 1] = read
        self.reads[cell] = stamp

    def stored(self, cell: int, write: int, read: int, value: Any) -> None:
        """A plain write of a cell that another thread may have used."""
        if write == ATOMIC:
            self.against_atomics(cell, "writes")
            del self.atoms[cell]
        elif write > HOST and concurrent(write) and not self.same(cell, value):
            self.race(cell, write, "writes", "writes")
        self.against_reads(cell, read, "writes")
        self.earlier.pop(cell, None)
        if self.readers:
            for warp in range(1 << WARPS):
                self.readers.pop(cell << WARPS | warp, None)

    def changed(self, cell: int, stamp: int) -> None:
        """An atomic: it may meet other atomics, but no plain access."""
        write = self.writes[cell]
        atoms = self.atoms.setdefault(cell, {BEFORE: write})
        if atoms[BEFORE] == UNWRITTEN:
            atoms[BEFORE] = HOST
            self.unwritten(cell)
        elif atoms[BEFORE] > HOST and concurrent(atoms[BEFORE]):
            self.race(cell, atoms[BEFORE], "atomically changes", "writes")
        self.against_reads(cell, self.reads[cell], "atomically changes")
        assert now.thread is not None
        atoms[now.thread.key] = stamp
        self.writes[cell] = ATOMIC

    def against_atomics(self, cell: int, what: str) -> None:
        for key, stamp in self.atoms[cell].items():
            if stamp > HOST and concurrent(stamp):
                self.race(cell, stamp, what, "writes" if key == BEFORE else "atomically changes")
                return

    def against_reads(self, cell: int, read: int, what: str) -> None:
        others = [read, self.earlier.get(cell, 0)]
        if self.readers:
            others += [self.readers.get(cell << WARPS | warp, 0) for warp in range(1 << WARPS)]
        for stamp in others:
            if stamp > HOST and concurrent(stamp):
                self.race(cell, stamp, what, "reads")
                return

    def same(self, cell: int, value: Any) -> bool:
        """Whether a write leaves the cell as it is: threads that write the same value do no harm."""
        try:
            new = np.asarray(value).astype(self.data.dtype)
        except (TypeError, ValueError, OverflowError):
            return False
        return new.ndim == 0 and new.tobytes() == self.data[cell].tobytes()

    # -- what is wrong -------------------------------------------------------------------------------------

    def unwritten(self, cell: int) -> None:
        """Keep in mind a read of what nobody has written: if another thread does later, it is a race."""
        self.writes[cell] = HOST  # said once
        self.pending[cell] = now.thread, here()
        if self.space == "local":
            self.settle()

    def settle(self) -> None:
        """Report the reads of cells that nobody came to write."""
        while self.pending:
            cell, (thread, site) = next(iter(self.pending.items()))
            del self.pending[cell]
            self.report_unwritten(cell, thread, site)

    def report_unwritten(self, cell: int, thread: Thread, site: Site) -> None:
        hint = {
            "global": f"{self.name} from zeros, or filled first: tinynn.gpu.empty fills nothing",
            "shared": f"{self.name} filled first, then cuda.syncthreads(): it starts with leftovers",
            "local": f"{self.name} filled first, in a loop: it starts with leftovers",
        }[self.space]
        got = f"{self.label(cell)}, which no thread has written, read by {now.launch.who(thread)}"
        expected = "a write before the read"
        now.launch.report(report.UNWRITTEN, got, expected, hint, site=site, thread=thread)

    def race(self, cell: int, stamp: int, mine: str, theirs: str) -> None:
        self.pending.pop(cell, None)
        now.launch.race(self, cell, stamp, mine, theirs)


def here() -> Site:
    return site_of(kernel_frame(sys._getframe(2)))
