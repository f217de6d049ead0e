"""Whether two answers are the same, and where and how they differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .call import Odd

LARGE = 2_000
"""Elements of an array up to which what differs is looked for by rows, columns and conditions."""


class Tolerance(NamedTuple):
    """Differences that count as rounding: `relative` to the largest element, or below `floor`.

    The floor is for results that are 0 but for rounding; it follows the size of what went in.
    """

    relative: float = 1e-7
    floor: float = 1e-14


FLOAT64 = Tolerance()
FLOAT32 = Tolerance(1e-4, 1e-6)


def agree(got: Any, wanted: Any, tolerance: Tolerance = FLOAT64) -> bool:
    """Whether `got` is right: same shape and, up to rounding, same numbers.

    A number, a NumPy scalar and an array without axes are the same; so are a tuple and a list of the parts,
    and integers and floats of the same value. Shapes must be equal: (N, 1) is not (N,). NaN equals NaN.
    """
    if numeric(wanted):
        return numeric(got) and np.shape(got) == np.shape(wanted) and bool(near(got, wanted, tolerance).all())
    if type(wanted) in (tuple, list):
        got = got.tolist() if isinstance(got, np.ndarray) and type(wanted) is list else got
        if type(got) not in (tuple, list) or len(got) != len(wanted):
            return False
        return all(agree(g, w, tolerance) for g, w in zip(got, wanted))
    if type(wanted) is dict:
        if type(got) is not dict or got.keys() != wanted.keys():
            return False
        return all(agree(got[k], wanted[k], tolerance) for k in wanted)
    if isinstance(wanted, Odd):
        return isinstance(got, Odd) and (got.kind, got.text) == (wanted.kind, wanted.text)
    return type(got) is type(wanted) and got == wanted


def numeric(value: Any) -> bool:
    """A number or an array of numbers. Whole numbers that no array holds (10**30) do not compute as such."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "biuf"
    return isinstance(value, (bool, float)) or isinstance(value, int) and value.bit_length() < 64


def near(got: Any, wanted: Any, tolerance: Tolerance = FLOAT64) -> np.ndarray:
    """Element by element, for equal shapes: equal up to rounding.

    Right answers that add in another order differ by roundings of the size of the largest terms, not of the
    sum; so an element near 0 is not asked for more digits than its neighbours have.
    """
    a, b = np.asarray(got), np.asarray(wanted)
    if a.dtype.kind in "bu" or b.dtype.kind in "biu" and a.dtype.kind in "biu":
        a, b = (
            a.astype(object, copy=False),
            b.astype(object, copy=False),
        )  # no wrap-around of unsigned numbers
        return np.asarray(a == b, bool)
    a, b = a.astype(float), b.astype(float)
    finite = np.isfinite(b)
    scale = float(np.abs(b[finite]).max()) if finite.any() else 0.0
    with np.errstate(all="ignore"):
        close = np.abs(a - b) <= max(tolerance.relative * scale, tolerance.floor)
    return np.where(finite & np.isfinite(a), close, (a == b) | (np.isnan(a) & np.isnan(b)))


def leak(got: Any, wanted: Any) -> str | None:
    """The dtype of an array that should be float32 and is not; None where dtypes are fine."""
    if type(wanted) in (tuple, list) and type(got) in (tuple, list):
        return next(filter(None, (leak(g, w) for g, w in zip(got, wanted))), None)
    arrays = isinstance(wanted, np.ndarray) and isinstance(got, np.ndarray)
    if arrays and wanted.dtype == np.float32 and wanted.ndim and got.dtype != np.float32:
        return str(got.dtype)
    return None


def single(value: Any) -> bool:
    """Whether an array of float32 is in it."""
    if type(value) in (tuple, list):
        return any(map(single, value))
    return isinstance(value, np.ndarray) and value.dtype == np.float32


# -- where they differ -----------------------------------------------------------------------------------


class Difference(NamedTuple):
    """How two arrays of equal shape differ.

    Attributes
    ----------
    wrong : bool array
    first : tuple of int
        Index of the first element that is wrong.
    largest : float
        Of the differences; infinite where one of the two is not finite.
    where : tuple of str
        Names of the regions that are just what is wrong: "row last", "diagonal", "not column 0", "x > 0".
    """

    wrong: np.ndarray
    first: tuple[int, ...]
    largest: float
    where: tuple[str, ...]

    @property
    def number(self) -> int:
        return int(self.wrong.sum())


def difference(
    got: Any, wanted: Any, tolerance: Tolerance = FLOAT64, arguments: dict[str, Any] | None = None
) -> Difference | None:
    """Where and how `got` differs from `wanted`; None where their shapes do, or nothing does."""
    if not (numeric(got) and numeric(wanted)) or np.shape(got) != np.shape(wanted):
        return None
    wrong = ~near(got, wanted, tolerance)
    if not wrong.any():
        return None
    with np.errstate(all="ignore"):
        apart = np.abs(np.asarray(got, float) - np.asarray(wanted, float))[wrong]
    largest = float(apart.max()) if np.isfinite(apart).all() else float("inf")
    first = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
    return Difference(wrong, first, largest, patterns(wrong, arguments or {}))


def patterns(wrong: np.ndarray, arguments: dict[str, Any]) -> tuple[str, ...]:
    """The regions that are exactly what is wrong; of a large array nobody would see them."""
    named = regions(wrong.shape, arguments) if wrong.size <= LARGE else ()
    return tuple(name for name, region in named if np.array_equal(region, wrong))


def regions(shape: tuple[int, ...], arguments: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """Parts of an array that mistakes tend to touch, by name."""
    yield from _by_position(shape)
    for name, value in arguments.items():
        if isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind in "fi":
            with np.errstate(all="ignore"):
                yield f"{name} < 0", value < 0
                yield f"{name} > 0", value > 0
                yield f"{name} == 0", value == 0
                yield f"{name} <= 0", value <= 0
                yield f"{name} >= 0", value >= 0
                yield f"abs({name}) > 1", np.abs(value) > 1
                yield f"abs({name}) <= 1", np.abs(value) <= 1


AXES = ("row", "column")


def _by_position(shape: tuple[int, ...]) -> Iterator[tuple[str, np.ndarray]]:
    index = np.indices(shape)
    if len(shape) == 2:
        row, column = index
        yield "diagonal", row == column
        yield "not diagonal", row != column
        yield "above the diagonal", column > row
        yield "below the diagonal", column < row
    for axis, size in enumerate(shape):
        name = "element" if len(shape) == 1 else AXES[axis] if len(shape) == 2 else f"axis {axis}, index"
        for place, i in [*((str(i), i) for i in range(size)), ("last", size - 1)]:
            yield f"{name} {place}", index[axis] == i
            yield f"not {name} {place}", index[axis] != i
        yield f"edges of axis {axis}", (index[axis] == 0) | (index[axis] == size - 1)
