"""softmax and log_softmax along an axis.

Both subtract the largest x first: the result is the same and exp cannot overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ShapeError
from .op import Out, Spec
from .specs import normalise_axis, require_float, size


def _spec(name: str) -> Callable[..., Spec]:
    def spec(x: Any, *, axis: int = -1) -> Spec:
        if x.shape[normalise_axis(name, axis, len(x.shape))] == 0:
            got = f"x {x.shape}, nothing along axis {axis}"
            raise ShapeError(name, got, "at least one element to share 1 among")
        return Spec(Out(x.shape, require_float(name, x.dtype)), 15 * size(x.shape))

    return spec


softmax_spec = _spec("softmax")


def softmax_forward(x: np.ndarray, axis: int = -1) -> tuple:
    """p_i = exp(x_i) / sum_j exp(x_j). Cache: p. Equals torch.softmax."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    p = e / e.sum(axis=axis, keepdims=True)
    return p, (p, axis)


def softmax_backward(dp: np.ndarray, cache: tuple) -> tuple:
    """dx_i = p_i (dp_i - sum_j p_j dp_j)."""
    p, axis = cache
    return (p * (dp - (p * dp).sum(axis=axis, keepdims=True)),)


log_softmax_spec = _spec("log_softmax")


def log_softmax_forward(x: np.ndarray, axis: int = -1) -> tuple:
    """y_i = log p_i = x_i - log sum_j exp(x_j). Cache: y. Equals torch.log_softmax."""
    shifted = x - x.max(axis=axis, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return y, (y, axis)


def log_softmax_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx_i = dy_i - p_i sum_j dy_j, with p = exp(y)."""
    y, axis = cache
    return (dy - np.exp(y) * dy.sum(axis=axis, keepdims=True),)
