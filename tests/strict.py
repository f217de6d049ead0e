"""The strict array, which stands in for CuPy's where there is no GPU.

It holds a NumPy array and lets through what CuPy would run on the GPU. Everything that would copy between
host and GPU unasked, or that CuPy does not have, raises `Refused`. Copies that are asked for (`asarray`,
`asnumpy`) are written down in `copies`.

    with standing_in():
        x = tn.tensor([1.0, 2.0], device="cuda")
        with counted() as copies:
            y = (x * x).sum()
        assert not copies

What CuPy has stands in ``cupy_names.txt``, read off its wheel. Stricter than CuPy in three things: it does
not mix with NumPy's arrays, not even those without dimensions; an index of bools is refused, since CuPy
waits for the GPU to know the shape of the result; and so is a loop over its elements.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinynn import backends
from tinynn.gpu import arrays


class Refused(TypeError):
    """What a GPU's array would not do, or not without a copy nobody asked for."""


class Copy(NamedTuple):
    """One copy between host and GPU."""

    direction: str  # "up" to the GPU, "down" to the host
    size: int  # elements
    where: str  # the nearest line of the package


copies: list[Copy] = []


def _note(direction: str, size: int) -> None:
    """Write a copy down, with the nearest line outside this file and `tinynn.gpu.arrays`."""
    frame = inspect.currentframe()
    while frame and frame.f_code.co_filename in (__file__, arrays.__file__):
        frame = frame.f_back
    place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "?"
    copies.append(Copy(direction, size, place))


@contextmanager
def counted() -> Iterator[list[Copy]]:
    """The copies that the ``with`` block makes."""
    found: list[Copy] = []
    before = len(copies)
    try:
        yield found
    finally:
        found += copies[before:]


@contextmanager
def standing_in() -> Iterator[None]:
    """The strict array in CuPy's place; afterwards everything is as if no array had been on a GPU."""
    arrays.stand_in = sys.modules[__name__]
    try:
        yield
    finally:
        arrays.stand_in, arrays.used = None, False
        backends.resolved.clear()


# -- what CuPy has -----------------------------------------------------------------------------------------

NAMES: dict[str, frozenset[str] | None] = {}  # name to the parameters it takes; None where nobody knows
for _line in (Path(__file__).parent / "cupy_names.txt").read_text("utf-8").splitlines():
    if not _line.startswith("#"):
        _name, _, _taken = _line.partition("(")
        NAMES[_name] = frozenset(_taken.rstrip(")").split(", ")) if _taken and "**" not in _taken else None

WAITS = {"argwhere", "compress", "extract", "flatnonzero", "nonzero", "unique", "trim_zeros"}
"""Functions whose result's shape depends on values, so that CuPy waits for the GPU and copies a number."""

PLAIN = {"can_cast", "may_share_memory", "ndim", "result_type", "shape", "shares_memory", "size"}
"""Functions whose answer is the host's: they look at no value."""

DOWN = {"dump", "dumps", "get", "item", "tobytes", "tofile", "tolist", "toDlpack"}
"""Methods of CuPy's arrays that copy to the host."""

METHODS = {"accumulate", "at", "outer", "reduce", "reduceat", "__call__"}


def _inner(x: Any) -> Any:
    """What is inside the strict arrays of an argument."""
    if isinstance(x, ndarray):
        return x._inside
    if isinstance(x, np.ndarray):
        raise Refused(f"an array of NumPy {x.shape} among arrays of the GPU")
    if isinstance(x, (tuple, list)):
        return type(x)(map(_inner, x))
    return {k: _inner(v) for k, v in x.items()} if isinstance(x, dict) else x


def _wrapped(x: Any) -> Any:
    """Results are arrays, also those without dimensions."""
    if isinstance(x, (np.ndarray, np.generic, bool, int, float)):
        return ndarray(np.asarray(x))
    return type(x)(map(_wrapped, x)) if isinstance(x, (tuple, list)) else x


def _run(function: Any, args: tuple, kwargs: dict) -> Any:
    with np.errstate(all="ignore"):
        return _wrapped(function(*_inner(args), **_inner(kwargs)))


class Flags(NamedTuple):
    c_contiguous: bool
    f_contiguous: bool
    owndata: bool


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the GPU, as far as anybody can tell."""

    __slots__ = ("__weakref__", "_inside")

    def __init__(self, inside: np.ndarray) -> None:
        self._inside = inside

    shape = property(lambda self: self._inside.shape)
    dtype = property(lambda self: self._inside.dtype)
    ndim = property(lambda self: self._inside.ndim)
    size = property(lambda self: self._inside.size)
    nbytes = property(lambda self: self._inside.nbytes)
    itemsize = property(lambda self: self._inside.itemsize)
    strides = property(lambda self: self._inside.strides)
    T = property(lambda self: ndarray(self._inside.T))
    mT = property(lambda self: ndarray(self._inside.mT))

    @property
    def flags(self) -> Flags:
        flags = self._inside.flags
        return Flags(flags.c_contiguous, flags.f_contiguous, flags.owndata)

    def __repr__(self) -> str:
        return f"strict array {self.shape} {self.dtype}"

    # -- what NumPy asks ---------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc.__name__ not in NAMES or method not in METHODS:
            raise Refused(f"np.{ufunc.__name__}.{method}, which CuPy does not have")
        out = kwargs.get("out", ())
        result = _run(getattr(ufunc, method), inputs, kwargs)
        return out[0] if len(out) == 1 else result

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        name = ".".join([*function.__module__.split(".")[1:], function.__name__])
        if name not in NAMES:
            raise Refused(f"np.{name}, which CuPy does not have")
        if unknown := kwargs.keys() - (NAMES[name] or kwargs.keys()):
            raise Refused(f"np.{name} with {', '.join(unknown)}, which CuPy does not take")
        if name in WAITS or (name == "where" and len(args) == 1):
            raise Refused(f"np.{name}, which waits for the GPU")
        if name in PLAIN:
            return function(*_inner(args), **_inner(kwargs))
        if name in ("array", "asarray") and not isinstance(args[0], ndarray):  # like=
            return asarray(np.asarray(*args, **kwargs))
        return _run(function, args, kwargs)

    # -- methods -------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if f"ndarray.{name}" not in NAMES:
            raise AttributeError(f"array.{name}, which CuPy's arrays do not have")
        if name in DOWN or name in WAITS:
            raise Refused(f"array.{name}, which copies to the host")
        method = getattr(self._inside, name)
        return lambda *args, **kwargs: _run(method, args, kwargs)

    def __len__(self) -> int:
        return len(self._inside)

    def __copy__(self) -> ndarray:
        return ndarray(self._inside.copy())

    def __deepcopy__(self, memo: Any) -> ndarray:
        return ndarray(self._inside.copy())

    def __getitem__(self, index: Any) -> Any:
        return ndarray(np.asarray(self._inside[_positions(index, bools=False)]))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._inside[_positions(index, bools=True)] = _inner(value)

    # -- what would copy to the host -------------------------------------------------------------------------

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise Refused("a copy to the host that nobody asked for")

    __array__ = __bool__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = __contains__ = _refuse


def _positions(index: Any, bools: bool) -> Any:
    """An index of numbers, slices and arrays of the GPU."""
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if isinstance(part, (np.ndarray, list)):
            raise Refused("an array or list of the host as an index")
        if isinstance(part, ndarray) and part.dtype == bool and not bools:
            raise Refused("an index of bools, which waits for the GPU")
    return _inner(index)


# -- what `tinynn.gpu.arrays` asks of CuPy ---------------------------------------------------------------


def asarray(x: Any) -> ndarray:
    """A copy of an array of the host, on the GPU."""
    array = np.array(x)
    _note("up", array.size)
    return ndarray(array)


def asnumpy(x: ndarray) -> np.ndarray:
    """A copy on the host."""
    _note("down", x.size)
    return x._inside.copy()


def empty(shape: Any, dtype: Any = np.float32) -> ndarray:
    """New memory: NaN, or the largest number, so that a value which nobody wrote shows."""
    dtype = np.dtype(dtype)
    poison = np.nan if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max
    return ndarray(np.full(shape, poison, dtype))


def full(shape: Any, value: Any, dtype: Any) -> ndarray:
    return ndarray(np.full(shape, value, dtype))


def erf(x: ndarray) -> ndarray:
    return ndarray(arrays.erf(x._inside))


def memory() -> dict[str, int]:
    return {"in use": 0, "held": 0, "free": 0, "total": 0}


def inside(x: ndarray) -> np.ndarray:
    """The array of the host: what a kernel in the interpreter works on."""
    return x._inside
