"""What the threads of a run tell: where they were, in which round of which loop, and what they touched."""

from __future__ import annotations

import dis
from collections import Counter
from collections.abc import Iterator
from types import CodeType
from typing import Any

import numpy as np

from ..simt import thread
from .steps import WARP, Step

FLOATS = (float, np.floating)
Key = int | tuple[str, int]  # a line of the kernel's file; of another file, with the name of its module


class Stretch:
    """A part of a warp's way: one round of a loop, one call of a device function, or all the rest.

    What lanes do in the same stretch in the same line, they do together, however often each came by before.

    Attributes
    ----------
    key : tuple
        (line, round) of a loop, (line, which call in it, 0) of a call.
    parts : dict of tuple to Stretch
        Rounds and calls inside.
    touched : dict
        By (line, instruction, nth, what): the cell of each lane.
    visits : dict
        By line: the lanes that were there, as bits.
    tests : dict
        By line: the lanes for which the test held, and those for which it did not.
    """

    __slots__ = ("key", "parts", "tests", "touched", "visits")

    def __init__(self, key: tuple[int, ...] = ()) -> None:
        self.key = key
        self.parts: dict[tuple[int, ...], Stretch] = {}
        self.touched: dict[tuple, dict[int, int]] = {}
        self.visits: dict[Key, int] = {}
        self.tests: dict[Key, tuple[int, int]] = {}

    def part(self, key: tuple[int, ...]) -> Stretch:
        found = self.parts.get(key)
        if found is None:
            found = self.parts[key] = Stretch(key)
        return found

    def walk(self, around: tuple = ()) -> Iterator[tuple[tuple, Stretch]]:
        """This one and all inside, each with the keys of what is around it."""
        yield around, self
        for key, part in self.parts.items():
            yield from part.walk((*around, key))


class Tracker:
    """What one thread tells. The rewritten kernel calls these, `depth` counting the stretches around."""

    def __init__(self, recording: Recording, block: tuple, number: int) -> None:
        self.recording, self.lane, self.bit = recording, number % WARP, 1 << number % WARP
        self.here = recording.whole(block, number // WARP)
        self.path, self.rounds = [self.here], list[int]()  # stretches around, and how far each loop is
        self.line, self.prefix, self.calls = 0, "", 0  # calls so far in this statement
        self.before: list[tuple[int, str, int]] = []  # where the calls came from

    def place(self, line: int) -> Key:
        return (self.prefix, line) if self.prefix else line

    def at(self, line: int) -> bool:
        """A statement begins."""
        self.line, self.calls = line, 0
        key, visits = self.place(line), self.here.visits
        visits[key] = visits.get(key, 0) | self.bit
        return True

    def loop(self, depth: int) -> None:
        """A loop begins."""
        self.leave(depth)
        self.rounds.append(-1)

    def round(self, depth: int, line: int) -> bool:
        """A round of the loop begins, with its test."""
        del self.path[depth + 1 :], self.rounds[depth + 1 :]
        self.rounds[depth] += 1
        self.here = self.path[depth].part((line, self.rounds[depth]))
        self.path.append(self.here)
        return self.at(line)

    def leave(self, depth: int) -> None:
        """The loop is over."""
        del self.path[depth + 1 :], self.rounds[depth:]
        self.here = self.path[depth]

    def test(self, line: int, held: Any) -> Any:
        """A test of an ``if`` or a loop has an answer."""
        key, tests = self.place(line), self.here.tests
        yes, no = tests.get(key, (0, 0))
        tests[key] = (yes | self.bit, no) if held else (yes, no | self.bit)
        return held

    def op(self, line: int, result: Any, count: int = 1) -> Any:
        """An operation has a result."""
        if isinstance(result, FLOATS):
            self.recording.flops[self.place(line)] += count
        return result

    def call(self, prefix: str) -> int:
        """A device function begins; returns the depth of its outermost loops."""
        self.before.append((self.line, self.prefix, self.calls + 1))
        self.here, self.prefix = self.here.part((self.line, self.calls, 0)), prefix
        self.path.append(self.here)
        self.rounds.append(0)
        return len(self.rounds)

    def back(self, depth: int, result: Any = None) -> Any:
        """A device function returns."""
        self.line, self.prefix, self.calls = self.before.pop()
        self.leave(depth - 1)
        return result


class Recording:
    """Everything that the threads of one run told.

    Attributes
    ----------
    wholes : dict of (block, warp) to Stretch
    flops : Counter
        By line.
    opaque : list of str
        Functions whose text is not to be had, so that nothing is known of their arithmetic and branches.
    files : dict of str to str
        The file of each prefix of a line; the kernel's own is "".
    codes : dict of str to list of code
        What runs, by the same prefixes.
    """

    def __init__(self) -> None:
        self.trackers: dict[tuple, Tracker] = {}
        self.wholes: dict[tuple[tuple, int], Stretch] = {}
        self.flops: Counter[Key] = Counter()
        self.opaque: list[str] = []
        self.files: dict[str, str] = {}
        self.codes: dict[str, list[CodeType]] = {}
        self._block: tuple = ()
        self._begins: dict[tuple[str, int, int], int] = {}

    def whole(self, block: tuple, warp: int) -> Stretch:
        """All of a warp's way."""
        return self.wholes.setdefault((block, warp), Stretch())

    def tracker(self) -> Tracker:
        """That of the thread that runs now."""
        t = thread()
        key = tuple(map(int, t.blockIdx)), t.number
        if key not in self.trackers:
            if key[0] != self._block:  # blocks run one after another: those before are done
                self.trackers.clear()
                self._block = key[0]
            self.trackers[key] = Tracker(self, *key)
        return self.trackers[key]

    def watch(self, access: Any) -> None:
        """What the interpreter calls for every access."""
        tracker = self.trackers.get((access.block, access.thread))
        if tracker is None:  # a kernel without a text: that a thread came by before is all that is known
            where, prefix, nth = self.whole(access.block, access.thread // WARP), "", access.nth
        else:
            where, prefix, nth = tracker.here, tracker.prefix, 0
        instruction = self._begin(prefix, access.line, access.instruction)
        what = (prefix, access.space, access.kind, access.array, access.itemsize)
        lane, touched = access.thread % WARP, where.touched
        while lane in (lanes := touched.setdefault((access.line, instruction, nth, what), {})):
            nth += 1  # a function without a text came here again
        lanes[lane] = access.cell

    def _begin(self, prefix: str, line: int, offset: int) -> int:
        """Where the instruction itself begins: once Python has sped it up, `offset` points into its cache."""
        key = (prefix, line, offset)
        if key not in self._begins:
            here = [c for c in self.codes.get(prefix, ()) if line in {n for *_, n in c.co_lines()}]
            begins = [i.offset for code in here[:1] for i in dis.get_instructions(code)]
            self._begins[key] = max([b for b in begins if b <= offset], default=offset)
        return self._begins[key]

    # -- afterwards ----------------------------------------------------------------------------------------

    def steps(self) -> list[Step]:
        """Every instruction of every warp: block by block, warp by warp, as the program goes."""
        found = []
        for (block, warp), whole in sorted(
            self.wholes.items(), key=lambda item: (item[0][0][::-1], item[0][1])
        ):
            done = [
                ((*around, key[:2]), key[2], key[3], lanes)
                for around, stretch in whole.walk()
                for key, lanes in stretch.touched.items()
            ]
            found += [_step(block, warp, *one) for one in sorted(done, key=lambda one: one[:2])]
        return found

    def stretches(self) -> Iterator[tuple[int, Stretch]]:
        """Every stretch of every warp, with the warp's number in its block."""
        for (_, warp), whole in self.wholes.items():
            for _, stretch in whole.walk():
                yield warp, stretch


def _step(block: tuple, warp: int, way: tuple, nth: int, what: tuple, touched: dict[int, int]) -> Step:
    prefix, space, kind, array, itemsize = what
    line = name((prefix, way[-1][0]))
    rounds = tuple([around[1] for around in way[:-1] if len(around) == 2]) + ((nth,) if nth else ())
    lanes, cells = zip(*sorted(touched.items()))
    return Step(line, space, kind, array, itemsize, block, warp, rounds, lanes, cells)


def name(key: Key) -> int | str:
    """A line as reports call it."""
    if isinstance(key, tuple):
        return f"{key[0]}:{key[1]}" if key[0] else key[1]
    return key
