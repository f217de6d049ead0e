"""A block of threads, run in rounds: each runs until it must wait, then those go on whose wait is over."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import stuck
from .race import meet, meet_block
from .thread import TICK, WARP, Thread, now
from .warp import exchange

if TYPE_CHECKING:
    from .memory import Memory
    from .run import Launch

TOGETHER: dict[str, Callable[[list], Any]] = {
    "syncthreads": lambda values: None,
    "syncthreads_count": sum,
    "syncthreads_and": lambda values: int(all(values)),
    "syncthreads_or": lambda values: int(any(values)),
}
SPINS = 1000  # rounds in which nobody gets anywhere


class Block:
    def __init__(self, launch: Launch, number: int, place: tuple[int, int, int]) -> None:
        self.launch, self.number, self.place = launch, number, place
        self.shared: dict[Any, Any] = {}  # array of each line that makes one
        self.memories: list[Memory] = []
        self.dynamic: Any = None
        self.static = 0  # bytes
        size = launch.block
        places = itertools.product(*map(range, reversed(size)))
        self.threads = [Thread(n, (x, y, z), self) for n, (z, y, x) in enumerate(places)]

    def run(self) -> None:
        launch = self.launch
        now.base = now.first = now.advance() << TICK
        launch.begun(self)
        for t in self.threads:
            t.restamp(now.tick)
        self.synchronized()
        ready, waits, idle = launch.ordered(self.threads), 0, 0
        while ready:
            for t in ready:
                launch.resume(t)
            waits += len(ready)
            idle = idle + 1 if all(t.waits and t.waits.kind == "spin" for t in ready) else 0
            if waits > 4 * launch.options.steps:
                stuck.endless(self, f"the threads of its block have waited {waits} times")
                break
            if idle > SPINS:
                stuck.spinning(self, ready)
                break
            ready = launch.ordered(self.released())
        launch.drop(self.threads)
        self.settle()
        self.threads, self.shared, self.memories = [], {}, []  # a grid may have many blocks

    def released(self) -> list[Thread]:
        """Those who may go on."""
        alive = [t for t in self.threads if not t.done]
        kinds = Counter([t.waits.kind for t in alive if t.waits])
        if not alive:
            return []
        if sum(kinds[k] for k in TOGETHER) == len(alive):
            return self.barrier(alive)
        ready = [t for t in alive if t.waits and t.waits.kind == "spin"]
        for _, lanes in itertools.groupby(alive, key=lambda t: t.warp):
            ready += self.complete(list(lanes))
        return ready or self.active(alive) or stuck.exchange(self, alive)

    def barrier(self, alive: list[Thread]) -> list[Thread]:
        """All threads of the block have come to a barrier: to the same one, it should be."""
        sites = {t.waits.at for t in alive if t.waits}
        gone = [t for t in self.threads if t.done and not t.excused]
        if len(sites) > 1 or gone:
            stuck.barrier(self, alive, gone)
        waits = [t.waits for t in alive if t.waits]
        answer = TOGETHER[waits[0].kind]([w.value for w in waits])
        for t in alive:
            t.answer = answer
        meet_block(alive)
        self.synchronized()
        return alive

    def settle(self) -> None:
        for memory in self.memories:
            memory.settle()

    def synchronized(self) -> None:
        for memory in self.memories:
            memory.barrier()
        for memory in self.launch.memories:
            memory.barrier()

    def complete(self, lanes: list[Thread]) -> list[Thread]:
        """Groups of lanes that have all come to their exchange."""
        groups: dict[tuple, list[Thread]] = {}
        for t in lanes:
            if t.waits and t.waits.mask:
                groups.setdefault(t.waits.call, []).append(t)
        ready = []
        for (kind, mask, _), group in groups.items():
            if len(group) == (mask & self.existing(lanes[0].warp)).bit_count():
                ready += self.exchanged(kind, group)
        return ready

    def exchanged(self, kind: str, group: list[Thread]) -> list[Thread]:
        exchange(group)
        if kind == "syncwarp":
            meet(group)
        return group

    def existing(self, warp: int) -> int:
        """The lanes of a warp that are threads; the block's last warp may have fewer than 32."""
        lanes = self.threads[warp * WARP : (warp + 1) * WARP]
        return sum(1 << t.lane for t in lanes if not t.excused)

    def active(self, alive: list[Thread]) -> list[Thread]:
        """Those who ask who is with them: all that come to the same line before they must wait."""
        asking = [t for t in alive if t.waits and t.waits.kind == "activemask"]
        if not asking:
            return []
        first = asking[0]
        assert first.waits
        call = first.waits.call
        group = [t for t in asking if t.warp == first.warp and t.waits and t.waits.call == call]
        return self.exchanged("activemask", group)
