"""Timing done right: checked first, warm, taking turns round by round, and the middle of many rounds told."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from statistics import median, quantiles
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

ROUNDS = 7  # of each contender at each size
FEWEST = 3  # of those, even where the time is up

Clock = Callable[[], float]
Arrays = Sequence[np.ndarray]


class Timing(NamedTuple):
    """Seconds a call takes at size n: the middle of all rounds, and the middle half of them."""

    n: int
    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, n: int, seconds: Sequence[float]) -> Timing:
        quarters = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [*seconds] * 3
        return cls(n, median(seconds), quarters[0], quarters[2], len(seconds))


@dataclass
class Contender:
    """One way of computing the op, and what the clock said about it.

    `prepare` gives the function. It belongs to the first call, because that is where a kernel loads.
    `ended` says why there are no timings for larger sizes; `wrong` is set if a mistake is why.
    """

    name: str
    prepare: Callable[[], Callable[..., Any]]
    lists: bool = False  # gets lists of Python numbers in the place of arrays
    first: float | None = None
    timings: list[Timing] = field(default_factory=list)
    ended: str = ""
    wrong: bool = False
    function: Callable[..., Any] | None = None

    def load(self) -> Callable[..., Any]:
        self.function = self.function or self.prepare()
        return self.function

    def end(self, why: str, wrong: bool = False) -> None:
        self.ended, self.wrong = why, wrong

    def at(self, n: int) -> Timing | None:
        return next((t for t in self.timings if t.n == n), None)


class Entry(NamedTuple):
    """A contender that gave the right answer at this size: its call, how long one takes, its rounds."""

    contender: Contender
    call: Callable[[], Any]
    once: float
    seconds: list[float]


def lap(
    contenders: Sequence[Contender],
    n: int,
    arrays: Arrays,
    truth: np.ndarray,
    share: float,
    limit: float,
    clock: Clock = perf_counter,
) -> None:
    """Time all who are still in at size `n`, in turns: what else the machine does hits all of them alike.

    Parameters
    ----------
    truth : array
        The right answer. Who differs from it is out, and is not timed.
    share : float
        Seconds for each contender.
    limit : float
        Seconds. Who takes longer for a single call is out after it.
    """
    admitted = [_admit(c, n, arrays, truth, limit, clock) for c in contenders if not c.ended]
    entries = [entry for entry in admitted if entry is not None]
    for turn in range(ROUNDS):
        first = turn % max(1, len(entries))
        for entry in entries[first:] + entries[:first]:
            _take_a_turn(entry, share, clock)
    for entry in entries:
        entry.contender.timings.append(Timing.of(n, entry.seconds))


def _admit(
    contender: Contender, n: int, arrays: Arrays, truth: np.ndarray, limit: float, clock: Clock
) -> Entry | None:
    """Check the contender's answer and time a warm call; None if it is out."""
    before = [a.copy() for a in arrays]
    inputs = [a.tolist() for a in arrays] if contender.lists else list(arrays)
    start = clock()
    try:
        answer = contender.load()(*inputs)
    except Exception as problem:
        contender.end(f"raises {type(problem).__name__} at n = {n:,}: {problem}", wrong=True)
        return None
    once = clock() - start
    if mistake := _mistake(answer, truth) or _changed(arrays, before):
        contender.end(f"{mistake} at n = {n:,}", wrong=True)
        return None
    call = _bound(contender.load(), inputs)
    if contender.first is None:
        contender.first = once
        once = seconds_a_call(call, 1, clock)  # the first one loaded and compiled
    if once > limit:
        contender.timings.append(Timing.of(n, [once]))
        contender.end(f"a call takes longer than {limit:g} s")
        return None
    return Entry(contender, call, once, [])


def _bound(function: Callable[..., Any], inputs: list) -> Callable[[], Any]:
    return lambda: function(*inputs)


def _take_a_turn(entry: Entry, share: float, clock: Clock) -> None:
    """One round: as many calls as fill its part of the share, and at least one."""
    calls = max(1, math.ceil(share / ROUNDS / max(entry.once, 1e-7)))
    if len(entry.seconds) < FEWEST or calls * sum(entry.seconds) < share:
        entry.seconds.append(seconds_a_call(entry.call, calls, clock))


def seconds_a_call(call: Callable[[], Any], calls: int, clock: Clock = perf_counter) -> float:
    """The mean over `calls` calls in a row, without the garbage collector in between."""
    collects = gc.isenabled()
    gc.disable()
    try:
        start = clock()
        for _ in repeat(None, calls):
            call()
        return (clock() - start) / calls
    finally:
        if collects:
            gc.enable()


def output(answer: Any) -> np.ndarray:
    """The output as an array; of a pair (output, cache), the first."""
    return np.asarray(answer[0] if isinstance(answer, tuple) else answer)


def _mistake(answer: Any, truth: np.ndarray) -> str:
    """What is wrong with an answer, or nothing.

    Sums in float32 round, and differently in each order: a thousandth, and a tenth of that of the largest.
    """
    try:
        out = output(answer)
    except ValueError:  # rows of different lengths
        out = np.asarray(None)
    if out.dtype.kind not in "fiub":
        return f"returns a {type(answer).__name__} that is no array"
    if out.shape != truth.shape:
        return f"returns shape {out.shape} instead of {truth.shape}"
    scale = max(1.0, float(np.abs(truth).max(initial=0)))
    if np.allclose(out, truth, rtol=1e-3, atol=1e-4 * scale):
        return ""
    furthest = np.unravel_index(np.argmax(np.nan_to_num(np.abs(out - truth), nan=np.inf)), truth.shape)
    return f"returns {out[furthest]:.5g} instead of {truth[furthest]:.5g}"


def _changed(arrays: Arrays, before: Arrays) -> str:
    """Whether an input was written to; it is put right for the others."""
    touched = [(a, old) for a, old in zip(arrays, before) if not np.array_equal(a, old, equal_nan=True)]
    for array, old in touched:
        array[...] = old
    return "changes its input" if touched else ""


def too_slow(contender: Contender, growth: float, limit: float) -> bool:
    """Whether the next size, with `growth` times the work, would take longer than the limit."""
    return bool(contender.timings) and contender.timings[-1].median * growth > limit
