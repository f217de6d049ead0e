"""What the threads of a run tell: where they were, in which round of which loop, and what they touched."""

from __future__ import annotations

import dis
from collections import Counter
from types import CodeType
from typing import Any

import numpy as np

from ..simt import thread
from .steps import WARP, Step

Context = tuple[tuple[int, ...], ...]
Line = int | str
FLOATS = (float, np.floating)


class Tracker:
    """What one thread tells: where it is, and in which round of the loops around."""

    def __init__(self, recording: Recording, block: tuple, number: int) -> None:
        self.recording, self.block, self.warp = recording, block, number // WARP
        self.lane, self.bit = number % WARP, 1 << number % WARP
        self.context: Context = ()  # around it: (line, round) of a loop, (line, number, 0) of a call
        self.line, self.prefix, self.calls = 0, "", 0  # calls so far in this statement
        self.before: list[tuple[int, str, int]] = []  # where the calls came from

    def place(self, line: int) -> Line:
        return f"{self.prefix}:{line}" if self.prefix else line

    def at(self, line: int) -> bool:
        """A statement begins."""
        self.line, self.calls = line, 0
        key, visits = (self.block, self.warp, self.place(line), self.context), self.recording.visits
        visits[key] = visits.get(key, 0) | self.bit
        return True

    def loop(self, depth: int, line: int) -> None:
        """A loop begins, `depth` of loops and calls around it."""
        self.context = (*self.context[:depth], (line, -1))

    def round(self, depth: int) -> bool:
        """A round of the loop begins, with its test."""
        line, rounds, *_ = self.context[depth]
        self.context = (*self.context[:depth], (line, rounds + 1))
        return self.at(line)

    def leave(self, depth: int) -> None:
        self.context = self.context[:depth]

    def branch(self, line: int, taken: Any) -> Any:
        """A test of an ``if`` or a loop has an answer."""
        key, branches = (self.block, self.warp, self.place(line), self.context), self.recording.branches
        yes, no = branches.get(key, (0, 0))
        branches[key] = (yes | self.bit, no) if taken else (yes, no | self.bit)
        return taken

    def op(self, line: int, result: Any, count: int = 1) -> Any:
        """An operation has a result."""
        if isinstance(result, FLOATS):
            self.recording.flops[self.place(line)] += count
        return result

    def call(self, prefix: str) -> int:
        """A device function begins; returns the depth of its outermost loops."""
        self.before.append((self.line, self.prefix, self.calls + 1))
        self.context, self.prefix = (*self.context, (self.line, self.calls, 0)), prefix
        return len(self.context)

    def back(self, depth: int, result: Any = None) -> Any:
        """A device function returns."""
        self.line, self.prefix, self.calls = self.before.pop()
        self.context = self.context[: depth - 1]
        return result


class Recording:
    """Everything that the threads of one run told.

    Attributes
    ----------
    touched : dict
        By instruction and round of a warp: the cell of each lane.
    visits : dict
        By (block, warp, line, context): the lanes that were there, as bits.
    branches : dict
        The same: the lanes for which the test held, and those for which it did not.
    flops : Counter
        By line.
    opaque : list of str
        Functions whose text is not to be had, so that nothing is known of their arithmetic and branches.
    files : dict of str to str
        The file of each prefix of a line; the kernel's own is "".
    """

    def __init__(self) -> None:
        self.trackers: dict[tuple, Tracker] = {}
        self.touched: dict[Any, dict[int, int]] = {}
        self.visits: dict[tuple, int] = {}
        self.branches: dict[tuple, tuple[int, int]] = {}
        self.flops: Counter[Line] = Counter()
        self.opaque: list[str] = []
        self.files: dict[str, str] = {}
        self.codes: dict[str, list[CodeType]] = {}
        self._real: dict[tuple[str, int, int], int] = {}

    def tracker(self) -> Tracker:
        """That of the thread that runs now."""
        t = thread()
        key = tuple(map(int, t.blockIdx)), t.number
        found = self.trackers.get(key)
        if found is None:
            found = self.trackers[key] = Tracker(self, *key)
        return found

    def watch(self, access: Any) -> None:
        """What the interpreter calls for every access."""
        tracker = self.trackers.get((access.block, access.thread))
        line: Line = access.line
        context: Context = ()
        nth, prefix = access.nth, ""
        if tracker is not None:  # it knows the loops, and so tells rounds apart that another lane sits out
            line, context, nth, prefix = tracker.place(access.line), tracker.context, 0, tracker.prefix
        warp, lane = divmod(access.thread, WARP)
        what = (line, access.space, access.kind, access.array, access.itemsize)
        instruction = self._instruction(prefix, access.line, access.instruction)
        where = (access.block, warp, (*context, (access.line, instruction)))
        lanes = self.touched.setdefault((where, nth, what), {})
        while lane in lanes:  # a function whose text is not known came here again
            nth += 1
            lanes = self.touched.setdefault((where, nth, what), {})
        lanes[lane] = access.cell

    def _instruction(self, prefix: str, line: int, offset: int) -> int:
        """Where the instruction itself begins: once Python has sped it up, `offset` points into its cache."""
        key = (prefix, line, offset)
        if key not in self._real:
            here = [c for c in self.codes.get(prefix, ()) if line in {n for *_, n in c.co_lines()}]
            begins = [i.offset for code in here[:1] for i in dis.get_instructions(code)]
            self._real[key] = max([b for b in begins if b <= offset], default=offset)
        return self._real[key]

    def steps(self) -> list[Step]:
        """Every instruction of every warp: block by block, warp by warp, as the program goes."""
        found = []
        order = lambda key: (key[0][0][::-1], *key[0][1:], key[1])
        for (where, nth, what), touched in sorted(self.touched.items(), key=lambda item: order(item[0])):
            block, warp, context = where
            rounds = tuple(around[1] for around in context[:-1] if len(around) == 2) + ((nth,) if nth else ())
            lanes, cells = zip(*sorted(touched.items()))
            line, space, kind, array, itemsize = what
            found.append(Step(line, space, kind, array, itemsize, block, warp, rounds, lanes, cells))
        return found
