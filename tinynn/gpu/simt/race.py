"""Whether one access happened before another: what a GPU promises about the order of threads.

Within a block everything before a barrier happens before everything after it. Within a warp the same
holds for the lanes that meet at a syncwarp (a shuffle or vote is no memory barrier: CUDA C++ Programming
Guide, "Warp Shuffle Functions"). Blocks are not ordered, unless one writes, calls threadfence and then
changes a cell by an atomic that the other reads by an atomic: so work locks, and "the last block adds up".

The rule "two accesses, at least one a write, neither before the other" is Lamport's (Time, Clocks, and
the Ordering of Events, 1978); keeping only the last write of each cell, and the reads since, is FastTrack's
(Flanagan and Freund, 2009). It finds a race in whatever order the threads ran.
"""

from __future__ import annotations

from .thread import SITE_BITS, THREAD_BITS, TICK, Thread, latest, now

NUMBER = (1 << THREAD_BITS) - 1


def of_block(block: int) -> int:
    """The key under which threads know how far a whole block has come."""
    return -1 - block


def thread_of(stamp: int) -> int:
    return stamp >> SITE_BITS & NUMBER


def concurrent(stamp: int) -> bool:
    """Whether an earlier access is another thread's and not ordered before what the present one does."""
    thread = now.thread
    assert thread is not None
    tick, number = stamp >> TICK, thread_of(stamp)
    if stamp >= now.base:  # this block, since its last barrier
        if number == thread.number:
            return False
        return not thread.known or tick >= thread.known.get(thread.block.number << THREAD_BITS | number, 0)
    if stamp >= now.first or stamp <= 1:  # this block, before a barrier; or written before the launch
        return False
    block, known = now.launch.block_at(tick).number, thread.known
    if not known:
        return True
    return tick >= known.get(of_block(block), 0) and tick >= known.get(block << THREAD_BITS | number, 0)


def fence(thread: Thread, whole_grid: bool) -> None:
    """What this thread did, and what it knows, it can now hand on by an atomic."""
    done = {thread.key: now.advance(), of_block(thread.block.number): now.base >> TICK}
    done = latest(done, thread.known or {})
    thread.restamp(now.tick)
    now.stamp = thread.stamp
    thread.fence_block = done
    if whole_grid:
        thread.fence = done


def meet(threads: list[Thread]) -> None:
    """These lanes of a warp wait for one another: each knows what the others did."""
    tick = now.advance()
    known: dict[int, int] = {}
    for seen in {id(t.known): t.known for t in threads if t.known}.values():
        known = latest(known, seen) if known else dict(seen)
    for t in threads:
        known[t.key] = tick
    for t in threads:
        t.known = known
        t.restamp(tick)


def meet_block(threads: list[Thread]) -> None:
    """All threads of a block wait for one another."""
    tick = now.advance()
    now.base = tick << TICK
    number = threads[0].block.number
    merged: dict[str, dict[int, int] | None] = {}
    for name in ("known", "fence", "fence_block"):
        merged[name] = None
        for seen in {id(d): d for t in threads if (d := getattr(t, name))}.values():
            merged[name] = latest(merged[name] or {}, seen)
    known = {k: v for k, v in (merged["known"] or {}).items() if k >> THREAD_BITS != number or k < 0}
    for t in threads:
        t.known = known or None
        t.fence, t.fence_block = merged["fence"], merged["fence_block"]
        t.restamp(tick)
