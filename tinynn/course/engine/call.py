"""What is asked of a student's function, and what came of it: plain data, so that it can cross a process."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np

ARRAYS = 100
"""Parts of a result that are looked at for memory of the arguments."""


class Call(NamedTuple):
    """One call: ``functions[function](*args, **kwargs)``. `args` hold arrays, numbers, tuples, lists, dicts,
    strings, None, or functions of the exercise's own. What is not called but launched, a kernel, is handed
    to ``through(functions[function], *args, **kwargs)``."""

    args: tuple
    kwargs: Mapping[str, Any] = {}
    function: int = 0
    through: Callable | None = None

    def of(self, function: Callable) -> Callable:
        """What is called with the arguments."""
        return function if self.through is None else partial(self.through, function)


class Line(NamedTuple):
    """A line of the student's code that was running; its local names: ``{"x": "array (4, 3) float64"}``."""

    number: int
    text: str
    function: str
    names: dict[str, str]


class Problem(NamedTuple):
    """An exception: its class, its message, and the student's own lines, the innermost last.

    `mark` tells apart exceptions of one kind whose messages hold the student's own words: two with a mark
    are alike where their marks are.
    """

    kind: str
    message: str
    lines: tuple[Line, ...] = ()
    mark: str = ""


@dataclass(frozen=True)
class Odd:
    """A value that is not plain: a Tensor, a generator, an object. `value` is its array where it has one."""

    kind: str
    text: str
    value: Any = None


ENDS = ("value", "raised", "time", "memory", "died", "skipped")


@dataclass(frozen=True)
class Outcome:
    """What came of one call.

    Attributes
    ----------
    end : one of `ENDS`
        ``value``: it returned. ``raised``: see `problem`. ``time``, ``memory``: stopped at the limit.
        ``died``: the process ended. ``skipped``: not called, since an earlier call ended so.
    value : plain value or Odd
    problem : Problem or None
    changed : tuple of int
        Positions of the arguments that the function changed in place.
    printed : str
        What it printed, shortened.
    seconds : float
    shares : tuple of int
        Positions of the arguments whose memory the result lies in: who writes into it changes them.
    """

    end: str
    value: Any = None
    problem: Problem | None = None
    changed: tuple[int, ...] = ()
    printed: str = ""
    seconds: float = field(default=0.0, compare=False)
    shares: tuple[int, ...] = ()


BASIC = {OrderedDict: dict, Counter: dict, defaultdict: dict, Fraction: float, Decimal: float}
"""What else is a dict or a number, and what it is taken for."""


def basic(value: Any) -> Any:
    """A dict of another kind as a dict, a named tuple as a tuple, a fraction as a number; else as it is."""
    kind = type(value)
    if kind in BASIC:
        return BASIC[kind](value)
    return tuple(value) if kind.__base__ is tuple and hasattr(kind, "_fields") else value


def plain(value: Any, depth: int = 6) -> Any:
    """`value` as plain data: arrays, numbers, strings, None, tuples, lists and dicts of those; or `Odd`.

    Arrays are copied, so that a function that goes on writing into its result changes nothing here.
    """
    if value is None or isinstance(value, (bool, int, float, str)) and type(value).__module__ == "builtins":
        return value
    value = np.asarray(value) if isinstance(value, np.generic) else basic(value)
    if type(value) is float:  # out of a fraction
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return np.array(value, order="C", subok=False)
    if type(value) in (tuple, list) and depth:
        return type(value)(plain(v, depth - 1) for v in value)
    if type(value) is dict and depth:
        return {str(k): plain(v, depth - 1) for k, v in value.items()}
    return Odd(type(value).__name__, _shortly(value), _array_of(value))


def _array_of(value: Any) -> np.ndarray | None:
    """The numbers of a Tensor or of an array with an unusual class; None where there are none."""
    data = getattr(value, "data", value)
    return np.array(data) if isinstance(data, np.ndarray) and data.dtype.kind in "biuf" else None


def _shortly(value: Any) -> str:
    try:
        return repr(value)[:200]
    except Exception as problem:  # a repr of the student's own
        return f"<{type(value).__name__}, whose repr raises {type(problem).__name__}>"


def run_each(function: Callable, calls: list[Call]) -> list[Outcome]:
    """Outcomes of code that is trusted: references and banked mistakes. The arguments are copied."""
    return [_run(function, call) for call in calls]


def _run(function: Callable, call: Call) -> Outcome:
    args, kwargs = copied(call.args), copied(dict(call.kwargs))
    try:
        with np.errstate(all="ignore"):
            given = call.of(function)(*args, **kwargs)
            value = plain(given)
    except Exception as problem:
        mark = getattr(problem, "mark", "")
        return Outcome("raised", problem=Problem(type(problem).__name__, str(problem), mark=mark))
    changed = tuple(i for i, (a, b) in enumerate(zip(args, call.args)) if not unchanged(a, b))
    return Outcome("value", value, changed=changed, shares=shared(given, args))


def shared(value: Any, args: tuple) -> tuple[int, ...]:
    """Positions of the arguments whose memory an array of the result, or of its tuple, lies in."""
    value = basic(value) if isinstance(value, tuple) else value
    parts = value if type(value) in (tuple, list) else (value,)
    arrays = [part for part in parts[:ARRAYS] if isinstance(part, np.ndarray)]
    given = [(i, a) for i, a in enumerate(args) if isinstance(a, np.ndarray)] if arrays else []
    return tuple(i for i, a in given if any(np.may_share_memory(a, part) for part in arrays))


def copied(value: Any) -> Any:
    """Arrays copied with their strides' order, containers made anew; everything else as it is."""
    if isinstance(value, np.ndarray):
        return _copied_array(value)
    if type(value) in (tuple, list):
        return type(value)(copied(v) for v in value)
    if type(value) is dict:
        return {k: copied(v) for k, v in value.items()}
    return value


def _copied_array(a: np.ndarray) -> np.ndarray:
    """A copy that is not contiguous either, where `a` is not: strides are part of what is asked."""
    if a.flags.c_contiguous or a.flags.f_contiguous:
        return a.copy(order="K")
    wide = np.repeat(a, 2, axis=-1)
    return wide[..., ::2]


def unchanged(a: Any, b: Any) -> bool:
    """Whether two arguments are equal, NaN included."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
    if type(a) in (tuple, list):
        return len(a) == len(b) and all(map(unchanged, a, b))
    if type(a) is dict:
        return a.keys() == b.keys() and all(unchanged(a[k], b[k]) for k in a)
    return a is b or a == b or a != a
