"""A warp at work in memory: its threads on one side, the cells that they touch on the other."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ArgumentError
from ...gpu.lens import Step
from ...gpu.lens.steps import WARP
from ...gpu.lens.words import counted, judged, sentence
from .banks import banks_in_words, draw_banks
from .sectors import draw_sectors, sectors_in_words
from .style import Picture
from .warp_parts import Names


def warp_step(step: Step, source: str = "", shape: Sequence[int] = ()) -> Picture:
    """One load, store or atomic of a warp: which thread touches which cell, and what memory makes of it.

    Threads carry their number in the warp, their lane: 0 to 31; those that take no part are dashed. Global
    memory is drawn as the sectors of 32 bytes that move, a row each: cells that are wanted carry the lane
    that wants them, cells that move for nobody are hatched. Shared memory is drawn as 32 banks side by side:
    one that is asked for several words is orange, and its turns stand below it.

    Parameters
    ----------
    step : Step
        Of `tinynn.gpu.lens`, in global or shared memory.
    source : str
        The line of code, to stand above the drawing.
    shape : tuple of int, optional
        Of the array, so that an element is called ``a[1, 2]`` and not by its number.
    """
    if step.space not in ("global", "shared"):
        raise ArgumentError("warp_step", f"a step in {step.space} memory", "one in global or shared memory")
    draw = draw_sectors if step.space == "global" else draw_banks
    picture = draw(step, source, Names(step.array, tuple(shape)))
    picture.alt = step_in_words(step, source, shape)
    return picture


def step_in_words(step: Step, source: str = "", shape: Sequence[int] = ()) -> str:
    """What the warp does, what it costs, and who touches what."""
    code = f" Line {step.line}: {source}." if source else ""
    idle = WARP - len(step.lanes)
    out = f" {counted(idle, 'thread')} of the warp {'sits' if idle == 1 else 'sit'} out." if idle else ""
    names = Names(step.array, tuple(shape))
    drawn = sectors_in_words(step, names) if step.space == "global" else banks_in_words(step)
    return f"{sentence(step)} {judged(step)}{code}{out} {drawn}"
