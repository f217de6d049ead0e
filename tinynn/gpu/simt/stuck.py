"""Threads that wait for others who never come, or never end: who, where, and for whom."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import report
from .race import meet
from .report import Place, counted
from .thread import Thread, now
from .warp import exchange as tell

if TYPE_CHECKING:
    from .block import Block


def doing(block: Block, t: Thread) -> str:
    """What keeps a thread from coming."""
    if t.done:
        return "ended without coming here"
    assert t.waits
    what = "tries an atomic" if t.waits.kind == "spin" else f"waits at cuda.{t.waits.kind}"
    return f"{what} in line {t.waits.site.line} `{t.waits.site.source}`"


def place(block: Block, t: Thread) -> Place:
    line, source = (t.waits.site.line, t.waits.site.source) if t.waits and not t.done else (0, "")
    return Place(line, source, block.place, t.number)


def barrier(block: Block, alive: list[Thread], gone: list[Thread]) -> None:
    """Threads at different barriers, or some that have left."""
    counts = Counter([t.waits.site for t in alive if t.waits])
    site, _ = max(counts.items(), key=lambda item: (item[1], -item[0].line))
    here = [t for t in alive if t.waits and t.waits.site == site]
    missing = sorted([t for t in block.threads if t not in here and not t.excused], key=lambda t: t.number)
    first = missing[0]
    assert here[0].waits
    kind = here[0].waits.kind
    launch = block.launch
    got = f"a barrier that only {len(here)} of the {counted(len(block.threads), 'thread')} of block "
    got += f"{launch.block_name(block.place)} reach: {launch.who(first)} {doing(block, first)}"
    expected = f"every thread of the block at the same cuda.{kind}"
    hint = "the barrier outside of the if, and no return before it"
    launch.report(report.BARRIER, got, expected, hint, site=site, thread=first, other=place(block, here[0]))


def exchange(block: Block, alive: list[Thread]) -> list[Thread]:
    """Lanes at a shuffle, vote or syncwarp for which others of their mask do not come."""
    waiting = [t for t in alive if t.waits and t.waits.mask]
    groups = Counter([(t.warp, t.waits.call) for t in waiting if t.waits])
    (warp, call), _ = groups.most_common(1)[0]
    group = [t for t in waiting if t.waits and (t.warp, t.waits.call) == (warp, call)]
    assert group[0].waits
    (kind, mask, _), site = call, group[0].waits.site
    named = [t for t in block.threads if t.warp == warp and mask >> t.lane & 1 and not t.excused]
    first = next(t for t in named if t not in group)
    launch = block.launch
    why = doing(block, first)
    if first.waits and not first.done and first.waits.kind == kind and first.waits.mask != mask:
        why = f"calls it with another mask, {first.waits.mask:#010x}"
    got = f"cuda.{kind} that only {len(group)} of the {len(named)} lanes of mask {mask:#010x} reach: "
    got += f"{launch.who(first)} (lane {first.lane}) {why}"
    expected = "every lane that the mask names at the same call"
    hint = "the call outside of the if, or a mask that names only those lanes"
    launch.report(report.EXCHANGE, got, expected, hint, site=site, thread=first, other=place(block, group[0]))
    tell(group)
    if kind == "syncwarp":
        meet(group)
    return group


def spinning(block: Block, ready: list[Thread]) -> None:
    """Threads that try an atomic again and again while all others wait, or are gone."""
    first = ready[0]
    assert first.waits
    others = [t for t in block.threads if not t.done and t not in ready]
    got = f"a deadlock: {block.launch.who(first)} tries this atomic for ever, and "
    if others:
        got += f"{block.launch.who(others[0])} {doing(block, others[0])}"
    else:
        got += "no thread is left in its block that could change the cell"
    expected = "a cell that a thread of this block will change: another block may come only after it"
    other = place(block, others[0]) if others else None
    block.launch.report(report.DEADLOCK, got, expected, site=first.waits.site, thread=first, other=other)


def endless(block: Block, what: str) -> None:
    """A loop over barriers."""
    t = next(t for t in block.threads if not t.done)
    assert t.waits
    block.launch.report(
        report.ENDLESS, f"{block.launch.who(t)} in a loop without end: {what}",
        "a loop that ends", "a look at the loop's condition: does what it reads change?",
        site=t.waits.site, thread=t,
    )  # fmt: skip


__all__ = ["barrier", "endless", "exchange", "now", "spinning"]
