"""Reductions over any axes. Backward spreads one gradient over everything that was reduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from .op import Out, Spec
from .specs import normalise_axes, require_flag, require_float, require_number, size

Axis = int | tuple[int, ...] | None


def _reduced(name: str, *, empty_ok: bool = False, flops: int = 1) -> Callable[..., Spec]:
    def spec(x: Any, *, axis: Axis = None, keepdims: bool = False, **_: Any) -> Spec:
        axes = normalise_axes(name, axis, len(x.shape))
        require_flag(name, "keepdims", keepdims)
        if not empty_ok and any(x.shape[a] == 0 for a in axes):
            got = f"x {x.shape}, nothing to reduce over axis {axis}"
            raise ShapeError(name, got, "at least one element")
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)
        return Spec(Out(shape, require_float(name, x.dtype)), flops * size(x.shape))

    return spec


def spread(dy: np.ndarray, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> np.ndarray:
    """View `dy` in the shape that was reduced: each element sees the gradient of its sum."""
    if not keepdims:
        axes = normalise_axes("spread", axis, len(shape))
        dy = np.asarray(dy).reshape([1 if i in axes else n for i, n in enumerate(shape)])
    return np.broadcast_to(dy, shape)


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements each output is made of."""
    return size(tuple(shape[a] for a in normalise_axes("count", axis, len(shape))))


sum_spec = _reduced("sum", empty_ok=True)


def sum_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> tuple:
    return x.sum(axis=axis, keepdims=keepdims), (x.shape, axis, keepdims)


def sum_backward(dy: np.ndarray, cache: tuple) -> tuple:
    return (spread(dy, *cache),)


mean_spec = _reduced("mean")


def mean_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> tuple:
    return x.mean(axis=axis, keepdims=keepdims), (x.shape, axis, keepdims)


def mean_backward(dy: np.ndarray, cache: tuple) -> tuple:
    shape, axis, _ = cache
    return (spread(dy, *cache) / count(shape, axis),)


# -- max: elements that tie share the gradient, as torch.amax does ---------------------------------

max_spec = _reduced("max")


def max_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> tuple:
    y = x.max(axis=axis, keepdims=keepdims)
    return y, (x, y, axis, keepdims)


def max_backward(dy: np.ndarray, cache: tuple) -> tuple:
    x, y, axis, keepdims = cache
    winners = (x == spread(y, x.shape, axis, keepdims)).astype(x.dtype)
    return (winners * spread(dy, x.shape, axis, keepdims) / winners.sum(axis=axis, keepdims=True),)


# -- var: sum (x - mean)^2 / (n - correction); correction 1 is PyTorch's default -------------------

_var_shape = _reduced("var", flops=4)


def var_spec(x: Any, *, axis: Axis = None, correction: int = 1, keepdims: bool = False) -> Spec:
    spec = _var_shape(x, axis=axis, keepdims=keepdims)
    n = count(x.shape, axis)
    require_number("var", "correction", correction)
    if n <= correction:
        got = f"{n} elements and correction={correction}"
        raise ArgumentError("var", got, "more elements than the correction", "correction=0")
    return spec


def var_forward(x: np.ndarray, axis: Axis = None, correction: int = 1, keepdims: bool = False) -> tuple:
    y = x.var(axis=axis, ddof=correction, keepdims=keepdims)
    return y, (x, axis, correction, keepdims)


def var_backward(dy: np.ndarray, cache: tuple) -> tuple:
    x, axis, correction, keepdims = cache
    centred = x - x.mean(axis=axis, keepdims=True)
    return (spread(dy, x.shape, axis, keepdims) * centred * (2 / (count(x.shape, axis) - correction)),)
