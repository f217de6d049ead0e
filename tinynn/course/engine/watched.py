"""Races found without luck: a function with `prange` runs in Python, and its arrays note who touches them.

Threads that race go wrong on one run in two, or in a thousand. Whether they *can* is no matter of chance: two
rounds of a parallel loop touch the same element, and one of them writes. Rounds run here one after the other,
each touch is noted, and the first such pair is told. (What `numba` makes a reduction of, as ``total += x[i]``
on a number, is no array and no race.)

    Watched(function)(x, 4) -> {"value": ..., "loops": 1, "races": [{"array": "out", "index": (0,), ...}]}
"""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

MOST = 5  # races that are told
ABOUT = {"shape", "dtype", "size", "ndim", "strides", "itemsize", "nbytes", "flags"}
"""What can be asked of an array without reading it."""
SAME_MEMORY = {"reshape", "ravel", "transpose", "swapaxes", "squeeze", "view"}


class Watch:
    """One run: the round that is under way, and the races found."""

    def __init__(self) -> None:
        self.round: int | None = None
        self.loops = 0
        self.races: list[dict[str, Any]] = []
        self.codes: set[types.CodeType] = set()
        self._touched: dict[tuple[int, int], tuple[int, bool]] = {}  # (array, element): (round, wrote)
        self._arrays: list[Any] = []  # kept alive, so that their ids stay theirs

    def prange(self, *bounds: int) -> Iterator[int]:
        """As `numba.prange`; inside a parallel loop another one is an ordinary loop, as it is there."""
        if self.round is not None:
            yield from range(*bounds)
            return
        self.loops += 1
        self._touched.clear()
        for self.round in range(*bounds):
            yield self.round
        self.round = None

    def wrap(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        self._arrays.append(value)
        return Seen(value, np.arange(value.size).reshape(value.shape), self, value)

    def touch(self, base: np.ndarray, elements: np.ndarray, writes: bool) -> None:
        if self.round is None:
            return
        for element in np.ravel(elements).tolist():
            before = self._touched.get((id(base), element))
            if before is not None and before[0] != self.round and (writes or before[1]):
                self._race(base, element, before, writes)
            if before is None or before[0] != self.round or writes:
                wrote = writes or (before is not None and before[1])
                self._touched[id(base), element] = (self.round, wrote)

    def _race(self, base: np.ndarray, element: int, before: tuple[int, bool], writes: bool) -> None:
        index = tuple(int(i) for i in np.unravel_index(element, base.shape))
        name, line = self._where(base)
        known = any((r["array"], r["index"]) == (name, index) for r in self.races)
        if len(self.races) < MOST and not known:
            rounds = (before[0], self.round)
            self.races.append({"array": name, "index": index, "rounds": rounds, "line": line})

    def _where(self, base: np.ndarray) -> tuple[str, str]:
        """What the function calls the array, and the line that is running."""
        frame: types.FrameType | None = sys._getframe()
        while frame is not None and frame.f_code not in self.codes:
            frame = frame.f_back
        if frame is None:
            return "", ""
        names = [n for n, v in frame.f_locals.items() if isinstance(v, Seen) and v.base is base]
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        return (names or [""])[0], line


def bare(value: Any) -> Any:
    """The array or number itself, which does not count as reading it."""
    if isinstance(value, Seen):
        return value.data
    return type(value)(map(bare, value)) if type(value) in (tuple, list) else value


class Seen(NDArrayOperatorsMixin):
    """An array, or a view of one, that tells the `Watch` which of its elements are read and written.

    Attributes
    ----------
    data : array
    elements : array of int
        For each of them its place in `base`, the array that it is a part of.
    """

    def __init__(self, data: np.ndarray, elements: np.ndarray, watch: Watch, base: np.ndarray) -> None:
        self.data, self.elements, self.watch, self.base = data, elements, watch, base

    def read(self) -> np.ndarray:
        self.watch.touch(self.base, self.elements, writes=False)
        return self.data

    def __getitem__(self, index: Any) -> Any:
        index = read(index)
        part, elements = self.data[index], self.elements[index]
        if isinstance(part, np.ndarray):
            return Seen(part, elements, self.watch, self.base)
        self.watch.touch(self.base, elements, writes=False)
        return part

    def __setitem__(self, index: Any, value: Any) -> None:
        index = read(index)
        self.data[index] = read(value)
        self.watch.touch(self.base, self.elements[index], writes=True)

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.read(), dtype)

    def __float__(self) -> float:
        return float(self.read())

    def __int__(self) -> int:
        return int(self.read())

    def __bool__(self) -> bool:
        return bool(self.read())

    def fill(self, value: Any) -> None:
        self[...] = value

    @property
    def T(self) -> Seen:
        return Seen(self.data.T, self.elements.T, self.watch, self.base)

    def __getattr__(self, name: str) -> Any:
        if name in ABOUT:
            return getattr(self.data, name)
        if name in SAME_MEMORY:
            return lambda *a, **k: Seen(
                getattr(self.data, name)(*a, **k),
                getattr(self.elements, name)(*a, **k),
                self.watch,
                self.base,
            )
        method = getattr(self.data, name)
        return lambda *a, **k: (
            self.watch.wrap(getattr(self.read(), name)(*map(read, a), **k)) if callable(method) else method
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: tuple = (), **more: Any) -> Any:
        into = {"out": tuple(map(bare, out))} if out else {}
        result = getattr(ufunc, method)(*map(read, inputs), **into, **more)
        for array in out:
            if isinstance(array, Seen):
                self.watch.touch(array.base, array.elements, writes=True)
        return out[0] if out else self.watch.wrap(result)


def read(value: Any) -> Any:
    """The plain value of what is read."""
    if isinstance(value, Seen):
        return value.read()
    return type(value)(map(read, value)) if type(value) in (tuple, list) else value


class Library:
    """NumPy, whose new arrays are watched; Numba, whose `prange` is ours."""

    def __init__(self, module: types.ModuleType, watch: Watch) -> None:
        self._module, self._watch = module, watch

    def __getattr__(self, name: str) -> Any:
        if name == "prange":
            return self._watch.prange
        found = getattr(self._module, name)
        if isinstance(found, (type, np.ufunc)) or not callable(found):  # a ufunc asks the array
            return found
        return lambda *a, **k: self._watch.wrap(found(*map(read, a), **{n: read(v) for n, v in k.items()}))


class Watched:
    """The function, run under watch. What comes back holds its value, its parallel loops and its races."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        watch = Watch()
        function = _under(watch, self.function, {})
        value = function(*map(watch.wrap, args), **{n: watch.wrap(v) for n, v in kwargs.items()})
        return {"value": bare(value), "loops": watch.loops, "races": watch.races}


def _under(watch: Watch, function: Any, known: dict[int, Any]) -> Any:
    """The same code, which finds watched libraries among its globals; the helpers that it calls likewise."""
    function = getattr(function, "py_func", function)
    if not isinstance(function, types.FunctionType):
        return function
    if id(function) not in known:
        names: dict[str, Any] = {**function.__globals__}
        known[id(function)] = made = types.FunctionType(
            function.__code__, names, function.__name__, function.__defaults__, function.__closure__
        )
        made.__kwdefaults__ = function.__kwdefaults__
        watch.codes.add(function.__code__)
        for name in set(_names(function.__code__)) & names.keys():
            names[name] = _instead(watch, names[name], known)
    return known[id(function)]


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _instead(watch: Watch, value: Any, known: dict[int, Any]) -> Any:
    """What stands in the place of a global."""
    if isinstance(value, types.ModuleType) and value.__name__ in ("numpy", "numba"):
        return Library(value, watch)
    if getattr(value, "__name__", "") == "prange" and (getattr(value, "__module__", "") or "").startswith(
        "numba"
    ):
        return watch.prange
    ours = isinstance(value, types.FunctionType) and not (value.__module__ or "").startswith(
        ("numpy", "numba")
    )
    return _under(watch, value, known) if ours or hasattr(value, "py_func") else value
