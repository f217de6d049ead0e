"""Chapter 14: times told beside each other, loops in three orders, the types of a compiled function, races.

Nothing here imports Numba before it compiles. Exercises: `exercises.ch14`; pictures: `fast_pictures`.
"""

from __future__ import annotations

import datetime
import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from .. import backends, ops, threads
from ..errors import ArgumentError
from . import mine
from .classroom.stopwatch import machine
from .engine.compiled import race_told
from .engine.exercise import find
from .engine.texts import phrases
from .engine.verdict import Verdict
from .engine.watched import Watched
from .plots import Picture
from .race import words
from .race.clock import Timing, seconds_a_call

ROUNDS = 5
SHORT = 2e-3  # seconds: a round of what is quicker makes several calls


class Times(Mapping[str, Timing]):
    """How long each of several ways takes: the middle of all rounds, and times as fast as the first."""

    def __init__(self, timings: Mapping[str, Timing]) -> None:
        self._timings = dict(timings)

    def __getitem__(self, name: str) -> Timing:
        return self._timings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._timings)

    def __len__(self) -> int:
        return len(self._timings)

    def ratio(self, slow: str, fast: str) -> float:
        """How many times as long `slow` takes as `fast`."""
        return self[slow].median / self[fast].median

    def factors(self) -> dict[str, float]:
        """Times as fast as the first."""
        first = next(iter(self))
        return {name: self.ratio(first, name) for name in self}

    def longer(self, name: str, factor: float) -> Times:
        """The same, with the times of one way multiplied: it was timed on a part of the work."""
        t = self[name]
        longer = t._replace(median=factor * t.median, low=factor * t.low, high=factor * t.high)
        return Times({**self, name: longer})

    def __repr__(self) -> str:
        rows = [
            (
                name,
                words.seconds(t.median),
                f"({words.seconds(t.low)} to {words.seconds(t.high)})",
                f"{words.short(f)}x",
            )
            for (name, t), f in zip(self.items(), self.factors().values())
        ]
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join(
            f"{name:{widths[0]}}  {middle:>{widths[1]}}  {spread:{widths[2]}}  {factor:>{widths[3]}}"
            for name, middle, spread, factor in rows
        )

    def picture(self, title: str = "", roof: float | None = None) -> Picture:
        """Bars of times as fast as the first; see `fast_pictures.bars`."""
        from .fast_pictures import bars

        return bars(self, title, roof)


def timed(calls: Mapping[str, Callable[[], Any]], rounds: int = ROUNDS) -> Times:
    """Time several ways of doing the same, in turns.

    A first call of each is not counted: it compiles, and brings the data near. After that all take turns,
    round by round, so that whatever else the machine does hits all of them alike.
    """
    if not calls:
        raise ArgumentError(
            "timed", "no calls", "names and functions without arguments", "{'NumPy': lambda: x @ y}"
        )
    once = {name: _warm(call) for name, call in calls.items()}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name].append(seconds_a_call(call, max(1, math.ceil(SHORT / once[name]))))
    return Times({name: Timing.of(0, seconds) for name, seconds in taken.items()})


def _warm(call: Callable[[], Any]) -> float:
    call()
    return max(seconds_a_call(call, 1), 1e-7)


def passed(id: str) -> dict[str, Callable]:
    """``{"yours": function}`` once the student's function has passed its check; until then nothing."""
    function = mine.passed(id)
    return {} if function is None else {"yours": find(id).ready(function)}


# -- the order of three loops ------------------------------------------------------------------------------


def ijk(a, b, z):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                z[i, j] += a[i, k] * b[k, j]


def ikj(a, b, z):
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                z[i, j] += a[i, k] * b[k, j]


def jki(a, b, z):
    for j in range(b.shape[1]):
        for k in range(a.shape[1]):
            for i in range(a.shape[0]):
                z[i, j] += a[i, k] * b[k, j]


ORDERS = {"i, j, k": ijk, "i, k, j": ikj, "j, k, i": jki}
SIDE = 300  # no power of two: with one, the lines of a column fight for the same few places in the cache


@functools.cache
def orders(side: int = SIDE) -> Times:
    """The product of two matrices by the same line in three nests of loops; measured once in a process."""
    from numba import njit

    a, b = np.random.default_rng(0).standard_normal((2, side, side), dtype=np.float32)
    z = np.zeros((side, side), np.float32)
    made = {name: njit(function) for name, function in ORDERS.items()}
    return timed({name: functools.partial(loops, a, b, z) for name, loops in made.items()}, rounds=3)


# -- what a compiler sees ------------------------------------------------------------------------------------


def types_of(function: Any) -> dict[str, str]:
    """The type that Numba gave each name of a compiled function, for the arguments it was last called with.

    Raises
    ------
    ArgumentError
        If the function was not compiled, or not called yet.
    """
    compiled = list(getattr(function, "overloads", {}).values())
    if not compiled:
        got = f"{getattr(function, '__name__', function)}, which Numba has not compiled yet"
        raise ArgumentError("types_of", got, "a function with @njit that was called before")
    found = compiled[-1].type_annotation.typemap
    names = {
        name: str(kind) for name, kind in found.items() if name.isidentifier() and not name.startswith("arg_")
    }
    return {name: kind for name, kind in names.items() if "." not in name and not kind.startswith("Function")}


# -- races -------------------------------------------------------------------------------------------------


def races(function: Callable, *args: Any) -> Verdict:
    """Whether two rounds of a parallel loop touch the same element: the function runs under watch.

    Found in plain Python, one round after the other: see `tinynn.course.engine.watched`.
    """
    seen = Watched(getattr(function, "py_func", function))(*args)
    told = race_told(seen["races"])
    if told is not None:
        return told
    say = phrases("kinds")["compiled"]
    return Verdict("said", say["no_race"].format(n=seen["loops"]), say["no_race_headline"])


class Turn(NamedTuple):
    """One step of one thread: what it does, and what stands in memory and in the registers afterwards."""

    thread: str
    does: str
    memory: int
    registers: dict[str, int | None]


ADDS = {"A": 5, "B": 7}
STEPS = ("read", "add", "write")


def turns(order: str) -> list[Turn]:
    """Two threads add 5 and 7 to a number that is 0; `order` says whose step comes next: "AABABB"."""
    if sorted(order) != sorted("AAABBB"):
        raise ArgumentError("turns", repr(order), "three steps of A and three of B", '"AABABB"')
    memory, done = 0, {"A": 0, "B": 0}
    registers: dict[str, int | None] = {"A": None, "B": None}
    seen: list[Turn] = []
    for thread in order:
        step = STEPS[done[thread]]
        done[thread] += 1
        held = registers[thread]
        if step == "read":
            registers[thread] = memory
        elif step == "add":
            registers[thread] = (held or 0) + ADDS[thread]
        else:
            memory = held or 0
        seen.append(Turn(thread, _does(step, thread, registers[thread]), memory, dict(registers)))
    return seen


def _does(step: str, thread: str, value: int | None) -> str:
    return f"adds {ADDS[thread]}: {value}" if step == "add" else f"{step}s {value}"


def all_orders() -> list[str]:
    """The ways in which the two threads can take turns."""
    return ["".join("A" if i in chosen else "B" for i in range(6)) for chosen in combinations(range(6), 3)]


def sums_by_order() -> dict[str, int]:
    """What stands in memory at the end, by order."""
    return {order: turns(order)[-1].memory for order in all_orders()}


# -- six calls -------------------------------------------------------------------------------------------


def _softmax(x):
    p = np.empty_like(x)
    for i in range(x.shape[0]):
        largest, total = x[i, 0], x[i, 0] * 0
        for j in range(x.shape[1]):
            largest = max(largest, x[i, j])
        for j in range(x.shape[1]):
            p[i, j] = math.exp(x[i, j] - largest)
            total += p[i, j]
        for j in range(x.shape[1]):
            p[i, j] /= total
    return p


def six_calls() -> list[float]:
    """Seconds of six calls in a row of a new compiled softmax; from the fourth on the numbers are float64."""
    from numba import njit

    softmax = njit(_softmax)
    x = np.random.default_rng(0).standard_normal((1000, 64), dtype=np.float32)
    t = np.mean([1.0, 3.0])  # a np.float64, as means and losses are
    return [seconds_a_call(functools.partial(softmax, value), 1) for value in (x, x, x, x / t, x / t, x / t)]


@functools.cache
def calls_told() -> str:
    """The calls and their times, as 14.6 shows them; measured once in a process."""
    lines = ["losses = [1.0, 3.0]", "t = np.mean(losses)", "", "call            seconds"]
    for i, seconds in enumerate(six_calls()):
        lines.append(f"{'softmax(x)' if i < 3 else 'softmax(x / t)':14}  {seconds:.4f}")
    return "\n".join(lines)


# -- the machine -------------------------------------------------------------------------------------------


def start() -> str:
    """Start the threads of the compiled kernels as the library does; says what is measured on, and when.

    Threads that a notebook's own parallel function started would wait for work in a busier way.
    """
    small = np.ones((2, 2), np.float32)
    os.environ.setdefault("TINYNN_QUIET", "1")  # that something compiles, the chapter says itself
    if backends.has_numba():
        ops.matmul.pair("numba").forward(small, small)
    count = threads.get_num_threads()
    return f"{machine()}, {words.threads(count)}, {datetime.date.today():%Y-%m-%d}"
