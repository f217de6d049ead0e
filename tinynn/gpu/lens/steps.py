"""One instruction of one warp: which lanes took part, what they touched, what the memory has to do for it.

The model, for which the numbers of this package hold. Global memory comes in sectors of 32 bytes, four to a
line of 128: a warp's load fetches every sector of which it needs a byte, whole. Shared memory lies in 32
banks of 4 bytes side by side, and a bank gives one word at a time; lanes that ask for the same word get it
together. Elements of 8 bytes are served to half of the warp at a time. Atomics at one address wait for each
other. Every array begins at a multiple of 256 bytes, as CUDA's own allocations do. Caches are not modelled:
each instruction fetches anew.
Source: NVIDIA, CUDA C++ Programming Guide, Compute Capability 5.x and later (2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

WARP = 32
SECTOR, LINE = 32, 128  # bytes
BANKS, WORD = 32, 4  # and bytes of a word
GOOD = ("coalesced", "broadcast", "single", "free", "private")
"""Judgements that leave nothing to win."""


@dataclass(frozen=True, eq=False)
class Step:
    """A load, store or atomic that a warp executes once, all its active lanes together.

    Attributes
    ----------
    line : int or str
        Number in the file or cell of the kernel; "module:number" in the file of another device function.
    space, kind, array : str
        "global", "shared" or "local"; "load", "store" or "atomic"; the array's name.
    itemsize : int
        Bytes of an element.
    block : tuple of int
    warp : int
        The warp's number in its block.
    rounds : tuple of int
        In which round of each loop around it, from the outermost in; 0 is the first.
    lanes, cells : tuple of int
        The active lanes, from 0 to 31, and the element that each touches, as an index into the flat array.
    """

    line: int | str
    space: str
    kind: str
    array: str
    itemsize: int
    block: tuple[int, ...]
    warp: int
    rounds: tuple[int, ...]
    lanes: tuple[int, ...]
    cells: tuple[int, ...]

    @property
    def distinct(self) -> tuple[int, ...]:
        """The elements touched, each once, in order."""
        return tuple(sorted(set(self.cells)))

    @property
    def used(self) -> int:
        """Bytes that some lane asked for, each counted once."""
        return len(set(self.cells)) * self.itemsize

    # -- global memory -------------------------------------------------------------------------------------

    @cached_property
    def sectors(self) -> tuple[int, ...]:
        """Numbers of the sectors fetched or written, in order; none but in global memory."""
        return self._pieces(SECTOR) if self.space == "global" else ()

    @property
    def lines(self) -> tuple[int, ...]:
        """Numbers of the 128-byte lines in which the sectors lie."""
        return tuple(sorted({s * SECTOR // LINE for s in self.sectors}))

    def _pieces(self, size: int) -> tuple[int, ...]:
        found: set[int] = set()
        for cell in set(self.cells):
            first = cell * self.itemsize
            found.update(range(first // size, (first + self.itemsize - 1) // size + 1))
        return tuple(sorted(found))

    @property
    def moved(self) -> int:
        """Bytes of the sectors, needed or not."""
        return len(self.sectors) * SECTOR

    @property
    def efficiency(self) -> float:
        """Bytes used / bytes moved; 1 where no sector moves."""
        return self.used / self.moved if self.sectors else 1.0

    # -- shared memory and atomics -------------------------------------------------------------------------

    @cached_property
    def phases(self) -> tuple[tuple[int, ...], ...]:
        """Places in `lanes` that shared memory serves together: the warp, its halves for 8 bytes."""
        together = WARP * WORD // max(self.itemsize, WORD)
        parts: dict[int, list[int]] = {}
        for place, lane in enumerate(self.lanes):
            parts.setdefault(lane // together, []).append(place)
        return tuple(tuple(part) for _, part in sorted(parts.items()))

    def banks(self, places: Iterable[int] | None = None) -> dict[int, list[int]]:
        """By bank: the words asked of it. A load or store asks for a word once, atomics once a lane."""
        asked: dict[int, list[int]] = {}
        for place in range(len(self.lanes)) if places is None else places:
            for word in self.words(self.cells[place]):
                words = asked.setdefault(word % BANKS, [])
                if self.kind == "atomic" or word not in words:
                    words.append(word)
        return asked

    def words(self, cell: int) -> range:
        """The 4-byte words in which an element lies."""
        first = cell * self.itemsize
        return range(first // WORD, (first + self.itemsize - 1) // WORD + 1)

    @cached_property
    def _waits(self) -> tuple[int, ...]:
        """For each phase, how often its busiest bank is asked."""
        return tuple(max(map(len, self.banks(phase).values())) for phase in self.phases)

    @property
    def ways(self) -> int:
        """How many turns the slowest part takes: 1 is without conflict.

        In shared memory the most words asked of one bank; of atomics in global memory, the most lanes at
        one address.
        """
        if self.space == "shared":
            return max(self._waits)
        return max(Counter(self.cells).values()) if self.kind == "atomic" else 1

    # -- both ----------------------------------------------------------------------------------------------

    @property
    def trips(self) -> int:
        """What the memory has to do: sectors, turns of the busiest bank, and turns that atomics wait."""
        return sum(self._waits) if self.space == "shared" else len(self.sectors) + self.ways - 1

    @property
    def least(self) -> int:
        """The trips of as many lanes with an element each, side by side."""
        if self.space == "shared":
            return len(self.phases)
        return -(-len(self.lanes) * self.itemsize // SECTOR) if self.space == "global" else 0

    @property
    def extra(self) -> int:
        """Trips beyond the least; fewer sectors than that make up for no waiting of atomics."""
        if self.space == "shared":
            return self.trips - self.least
        return max(0, len(self.sectors) - self.least) + self.ways - 1

    @property
    def stride(self) -> int | None:
        """Elements from each lane's to the next active lane's, if it is always the same."""
        return common_step(self.cells)

    @property
    def judgement(self) -> str:
        """One word: one of `GOOD`, or misaligned, strided, scattered, conflict, serial."""
        if self.space == "local":
            return "private"
        few = len(set(self.cells)) < len(self.lanes)
        if self.kind == "atomic" and few:
            return "serial"
        if self.space == "shared":
            return "conflict" if self.extra else "broadcast" if few else "free"
        if not self.extra:
            return "broadcast" if few else "single" if len(self.lanes) == 1 else "coalesced"
        gaps = common_step(self.distinct)
        return "misaligned" if gaps == 1 else "strided" if gaps else "scattered"


def common_step(numbers: Sequence[int]) -> int | None:
    """The difference of neighbours, if it is the same all along; None for fewer than two numbers."""
    steps = {b - a for a, b in zip(numbers, numbers[1:])}
    return steps.pop() if len(steps) == 1 else None
