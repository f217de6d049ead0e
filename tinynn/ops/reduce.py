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
        dy = np.reshape(dy, [1 if i in axes else n for i, n in enumerate(shape)])
    return np.broadcast_to(dy, shape)


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements each output is made of."""
    return size(tuple(shape[a] for a in normalise_axes("count", axis, len(shape))))


sum_spec = _reduced("sum", empty_ok=True)


def sum_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> tuple:
    """y = sum x over `axis`, or over everything. Cache: the shape of x. Equals torch.sum."""
    return x.sum(axis=axis, keepdims=keepdims), (x.shape, axis, keepdims)


def sum_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy, spread over what was summed; a view of dy."""
    return (spread(dy, *cache),)


mean_spec = _reduced("mean")


def mean_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> tuple:
    """y = sum x / n over `axis`, or over everything. Cache: the shape of x. Equals torch.mean."""
    return x.mean(axis=axis, keepdims=keepdims), (x.shape, axis, keepdims)


def mean_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy / n, spread over the n elements of each mean."""
    shape, axis, _ = cache
    return (spread(dy, *cache) / count(shape, axis),)


max_spec = _reduced("max")


def max_forward(x: np.ndarray, axis: Axis = None, keepdims: bool = False) -> tuple:
    """y = max x over `axis`, or over everything. Cache: x and y. Equals torch.amax."""
    y = x.max(axis=axis, keepdims=keepdims)
    return y, (x, y, axis, keepdims)


def max_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy / k on the k elements that tie for the largest, 0 elsewhere, as torch.amax does."""
    x, y, axis, keepdims = cache
    winners = (x == spread(y, x.shape, axis, keepdims)).astype(x.dtype)
    return (winners * spread(dy, x.shape, axis, keepdims) / winners.sum(axis=axis, keepdims=True),)


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
    """y = sum (x - mean)^2 / (n - correction). Cache: x. Equals torch.var, correction 1 by default too."""
    y = x.var(axis=axis, ddof=correction, keepdims=keepdims)
    return y, (x, axis, correction, keepdims)


def var_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy 2 (x - mean) / (n - correction)."""
    x, axis, correction, keepdims = cache
    centred = x - x.mean(axis=axis, keepdims=True)
    return (spread(dy, x.shape, axis, keepdims) * centred * (2 / (count(x.shape, axis) - correction)),)
