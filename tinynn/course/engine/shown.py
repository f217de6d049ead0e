"""How a failing input, and what was expected and received, are laid out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from .call import Odd
from .compare import Tolerance, near, numeric
from .evidence import NOTHING, Evidence, Part, Seen
from .found import tried
from .texts import phrases
from .verdict import Block, Code, Table

SMALL, WIDE, ROWS = 48, 8, 8
"""Arrays up to so many elements and columns are shown whole; of others, so many elements that differ."""

LINE = 80
"""Characters that fit in one line."""


def failing_input(evidence: Evidence, seen: Seen) -> Code:
    """The arguments of one case, each with its name."""
    say = phrases("engine")["shown"]
    lines = [line for name, value in seen.arguments.items() for line in _argument(name, value)]
    note = f" ({seen.case.note})" if seen.case.note else ""
    return Code("\n".join(lines), say["input"] + note)


def _argument(name: str, value: Any) -> list[str]:
    if not isinstance(value, np.ndarray) or value.ndim == 0 or value.size == 0 or not small(value):
        return [f"{name} = {shortly(value)}"]
    rows = [line for _, line in rows_of(value, 4)]
    return [f"{name} = {rows[0]}", *(" " * (len(name) + 3) + row for row in rows[1:])]


def shortly(value: Any) -> str:
    """A value in one line; of a large array its shape and dtype."""
    if value is NOTHING:
        return "nothing"
    if isinstance(value, Odd):
        text = re.sub(r" at 0x[0-9a-fA-F]+", "", value.text)  # an address says nothing
        return {"ellipsis": "..."}.get(value.kind, f"{value.kind}: {text}")[:80]
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    if isinstance(value, np.ndarray):
        whole = value.ndim == 0 or value.ndim == 1 and 0 < value.size <= SMALL
        line = _line(value, 4) if whole else ""
        return line if 0 < len(line) <= LINE else f"array {value.shape} {value.dtype}"
    if isinstance(value, (tuple, list)) and any(isinstance(v, (np.ndarray, Odd)) for v in value):
        return f"{type(value).__name__} of {len(value)}: " + ", ".join(map(shortly, value[:4]))
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def small(value: Any) -> bool:
    return np.size(value) <= SMALL and (np.ndim(value) == 0 or np.shape(value)[-1] <= WIDE)


def differing(part: Part, seen: Seen) -> Block | None:
    """Expected and received values of one part of one case, side by side."""
    pair = next((p for p in part.pairs if p.seen is seen), None)
    return None if pair is None else side_by_side(part.name, pair.got, pair.wanted, seen.tolerance)


def side_by_side(name: str, got: Any, wanted: Any, tolerance: Tolerance) -> Table:
    """Expected and received values, those that differ marked by a sign."""
    say = phrases("engine")["shown"]
    columns = ("", say["expected"], say["received"], say["differs"])
    if not (numeric(got) and numeric(wanted)):
        return Table(columns[:3], _kinds(got, wanted), f"`{name}`")
    if np.shape(got) != np.shape(wanted) or _dtypes_differ(got, wanted):
        return Table(columns[:3], tuple(_shapes(got, wanted)), f"`{name}`")
    wrong = ~near(got, wanted, tolerance)
    if small(wanted):
        return Table(columns, tuple(_rows(got, wanted, wrong)), f"`{name}`")
    heading = say["some"].format(name=name, shape=np.shape(wanted), count=int(wrong.sum()), size=wrong.size)
    return Table(columns[:3], tuple(_elements(got, wanted, wrong)), heading)


def _dtypes_differ(got: Any, wanted: Any) -> bool:
    arrays = isinstance(got, np.ndarray) and isinstance(wanted, np.ndarray)
    return arrays and got.dtype != wanted.dtype and wanted.dtype == np.float32 and bool(wanted.ndim)


def _kinds(got: Any, wanted: Any) -> tuple[tuple[str, ...], ...]:
    say = phrases("engine")["shown"]
    kinds = [v.kind if isinstance(v, Odd) else type(v).__name__ for v in (wanted, got)]
    kinds = ["array" if kind == "ndarray" else kind for kind in kinds]
    value = (say["value"], shortly(wanted), shortly(got))
    return (value,) if kinds[0] == kinds[1] else ((say["kind"], *kinds), value)


def measured(evidence: Evidence, seen: Seen) -> Table | None:
    """Measures of one right result of many, and of what came. None is marked: right ones differ as well.

    None where the exercise declares no measure, or where it does not apply to what came.
    """
    measure, name = evidence.exercise.measure, evidence.exercise.returns[0]
    if measure is None:
        return None
    of = lambda value: measure(value, seen.case.args)
    got, wanted = tried(of, seen.outcome.value), tried(of, seen.wanted.value)
    if not (got and wanted):
        return None
    say = phrases("engine")["shown"]
    rows = tuple((key, shortly(due), shortly(got.get(key, NOTHING))) for key, due in wanted.items())
    return Table(("", say["expected"], say["received"]), rows, say["one_of_many"].format(name=name))


def _shapes(got: Any, wanted: Any) -> Iterator[tuple[str, str, str]]:
    say = phrases("engine")["shown"]
    yield say["shape"], str(np.shape(wanted)), str(np.shape(got))
    if _dtypes_differ(got, wanted):
        yield "dtype", str(wanted.dtype), str(got.dtype)
    if small(got) and small(wanted):
        left, right = list(rows_of(wanted, 4)), list(rows_of(got, 4))
        for i in range(max(len(left), len(right))):
            a, b = (rows[i] if i < len(rows) else ("", "") for rows in (left, right))
            yield a[0] or b[0], a[1], b[1]


def _rows(got: Any, wanted: Any, wrong: np.ndarray) -> Iterator[tuple[str, str, str, str]]:
    digits = _digits(got, wanted, wrong)
    lines = zip(rows_of(wanted, digits), rows_of(got, digits), wrong.reshape(-1, *wrong.shape[-1:] or (1,)))
    for (name, due), (_, mine), marks in lines:
        yield name, due, mine, "≠" if marks.any() else ""


def _elements(got: Any, wanted: Any, wrong: np.ndarray) -> Iterator[tuple[str, str, str]]:
    digits = _digits(got, wanted, wrong)
    for index in map(tuple, np.argwhere(wrong)[:ROWS]):
        name = "[" + ", ".join(map(str, index)) + "]"
        yield name, f"{np.asarray(wanted)[index]:.{digits}g}", f"{np.asarray(got)[index]:.{digits}g}"


def _digits(got: Any, wanted: Any, wrong: np.ndarray) -> int:
    """As many digits as show the difference: 4, or more where 4 look the same."""
    pairs = list(zip(np.asarray(got)[wrong].ravel(), np.asarray(wanted)[wrong].ravel()))[:ROWS]
    enough = (d for d in (4, 6, 8, 10, 12, 17) if all(f"{a:.{d}g}" != f"{b:.{d}g}" for a, b in pairs))
    return next(enough, 17)


def rows_of(value: Any, digits: int) -> Iterator[tuple[str, str]]:
    """The rows of an array, aligned with one another, and their names."""
    say = phrases("engine")["shown"]
    a = np.asarray(value)
    if a.ndim == 0:
        yield say["value"], _number(a[()], digits)
        return
    flat = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])  # -1 would not do for empty ones
    texts = [[_number(v, digits) for v in row] for row in flat]
    width = max((len(t) for row in texts for t in row), default=0)
    for i, row in enumerate(texts):
        index = ", ".join(map(str, np.unravel_index(i, a.shape[:-1]))) if a.ndim > 1 else ""
        yield f"[{index}]" if index else say["value"], "[" + " ".join(t.rjust(width) for t in row) + "]"


def _line(a: np.ndarray, digits: int) -> str:
    return next(line for _, line in rows_of(a, digits))


def _number(value: Any, digits: int) -> str:
    return str(value) if np.asarray(value).dtype.kind in "biu" else f"{value + 0.0:.{digits}g}"  # no -0
