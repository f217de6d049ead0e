"""Shape rules that several ops share, and the words their messages use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, RangeError, ShapeError
from .op import Out, Spec, describe


def require_same_dtype(where: str, **arrays: Any) -> np.dtype:
    """The one dtype of `arrays`, or a DtypeError: no silent promotion, no silent float64."""
    dtypes = {name: a.dtype for name, a in arrays.items() if a is not None}
    first = next(iter(dtypes.values()))
    if any(d != first for d in dtypes.values()):
        got = ", ".join(f"{name} {d}" for name, d in dtypes.items())
        wanted = "float64" if all(d == np.float64 for d in dtypes.values() if d.kind == "f") else "float32"
        hint = f"array.astype(np.{wanted}), or tensor.to(np.{wanted})"
        raise DtypeError(where, got, "one dtype for all", hint)
    return first


def require_float(where: str, dtype: np.dtype, name: str = "x") -> np.dtype:
    if dtype.kind != "f":
        hint = f"{name}.astype(np.float32), or tensor.to(np.float32)"
        raise DtypeError(where, f"{name} of dtype {dtype}", "a floating dtype", hint)
    return dtype


def require_int(where: str, name: str, array: Any) -> None:
    if array.dtype.kind not in "iu":
        hint = f"{name}.astype(np.int64), or tensor.to(np.int64)"
        raise DtypeError(where, f"{name} of dtype {array.dtype}", "integers", hint)


def require_number(where: str, name: str, value: Any, *, nan: bool = False) -> None:
    """Refuse a parameter that is no plain number: a string, an array, a bool, and NaN unless allowed."""
    plain = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not plain or (value != value and not nan):
        raise ArgumentError(where, f"{name} as {describe(value)}", "a number")


def require_reduction(where: str, reduction: str) -> None:
    require_choice(where, "reduction", reduction, ("mean", "sum", "none"))


def require_choice(where: str, name: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        expected = " or ".join(map(repr, choices))
        raise ArgumentError(where, f"{name} as {describe(value)}", expected, f"{name}={choices[0]!r}")


def require_flag(where: str, name: str, value: Any, hint: str | None = None) -> None:
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentError(where, f"{name} as {describe(value)}", "True or False", hint)


def broadcast(where: str, **shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that `shapes` broadcast to, or a ShapeError naming the axis where they differ."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        names = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        clash = _clash(*shapes.values())
        expected = f"sizes that are equal or 1, counted from the last axis ({clash})"
        hint = "reshape one of them, for example x[:, None] to line up a vector with rows"
        raise ShapeError(where, names, expected, hint) from None


def _clash(*shapes: tuple[int, ...]) -> str:
    for axis in range(1, max(map(len, shapes)) + 1):
        sizes = [s[-axis] for s in shapes if len(s) >= axis and s[-axis] != 1]
        if len(set(sizes)) > 1:
            return f"axis -{axis} has {' against '.join(map(str, dict.fromkeys(sizes)))}"
    return "too many axes"


def normalise_axes(where: str, axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Axes as a sorted tuple of non-negative numbers; None means all."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if isinstance(a, bool) or not isinstance(a, (int, np.integer)):
            raise ArgumentError(where, f"axis {a!r}", "an integer, or a tuple of them", "axis=-1")
        if ndim == 0:
            raise RangeError(where, f"axis {a} of a single number", "at least one dimension", "x.reshape(1)")
        if not -ndim <= a < ndim:
            got, expected = f"axis {a} of {ndim} dimensions", f"an axis from {-ndim} to {ndim - 1}"
            raise RangeError(where, got, expected, "axis=-1")
    once = tuple(dict.fromkeys(a % ndim for a in axes))
    if len(once) < len(axes):
        raise ArgumentError(where, f"axes {axes}", "each axis once", f"axis={once}")
    return tuple(sorted(once))


def normalise_axis(where: str, axis: Any, ndim: int) -> int:
    """One axis as a non-negative number."""
    if isinstance(axis, tuple) or axis is None:
        raise ArgumentError(where, f"axis {axis}", "one integer", "axis=-1")
    return normalise_axes(where, axis, ndim)[0]


def size(shape: tuple[int, ...]) -> int:
    """Number of elements of an array of this shape."""
    total = 1
    for n in shape:
        total *= n
    return total


def same_shape(name: str, flops: int = 1) -> Callable[..., Spec]:
    """Rule of a function of one floating array, element by element; `flops` is per element."""

    def spec(x: Any, **_: Any) -> Spec:
        return Spec(Out(x.shape, require_float(name, x.dtype)), flops * size(x.shape))

    return spec


def elementwise(name: str, flops: int = 1, *, floating: bool = False) -> Callable[..., Spec]:
    """Rule of a function of two broadcasting arrays, element by element; `flops` is per element."""

    def spec(x: Any, y: Any) -> Spec:
        dtype = require_same_dtype(name, x=x, y=y)
        if floating or dtype.kind not in "iu":
            require_float(name, dtype)
        shape = x.shape if x.shape == y.shape else broadcast(name, x=x.shape, y=y.shape)
        return Spec(Out(shape, dtype), flops * size(shape))

    return spec


def loss_out(losses: tuple[int, ...], dtype: np.dtype, reduction: str) -> Out:
    """A loss: one number, or one for each example with reduction="none"."""
    return Out(losses if reduction == "none" else (), dtype)
