"""Matrix products: matmul as NumPy and PyTorch mean it, and linear, a product with the layer's weight."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from .elementwise import Needs, unbroadcast
from .op import Out, Spec
from .specs import broadcast, require_float, require_same_dtype, size

# -- matmul ----------------------------------------------------------------------------------------


def matmul_spec(x: Any, y: Any) -> Spec:
    dtype = require_float("matmul", require_same_dtype("matmul", x=x, y=y))
    if not x.shape or not y.shape:
        got = f"x {x.shape} and y {y.shape}"
        raise ShapeError("matmul", got, "at least one dimension each", "x * y for numbers")
    inner = y.shape[-2] if len(y.shape) > 1 else y.shape[0]
    if x.shape[-1] != inner:
        hint = "x @ y.T" if x.shape[-1] == y.shape[-1] else "x.T @ y" if x.shape[-2:-1] == (inner,) else None
        got = f"x {x.shape} and y {y.shape}: {x.shape[-1]} columns against {inner} rows"
        raise ShapeError("matmul", got, "as many columns in x as rows in y", hint)
    batch = broadcast("matmul (batch axes)", x=x.shape[:-2], y=y.shape[:-2])
    shape = batch + x.shape[-2:-1] + (y.shape[-1:] if len(y.shape) > 1 else ())
    return Spec(Out(shape, dtype), 2 * inner * size(shape))


def matmul_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x @ y: (..., M, K) @ (..., K, N) gives (..., M, N); a vector counts as one row or column.

    The axes before the last two broadcast. Cache: x and y. Equals torch.matmul.
    """
    return np.matmul(x, y), (x, y)


def matmul_backward(dz: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = dz y^T and dy = x^T dz, each summed over its copies: a gradient has the shape of its input."""
    x, y = cache
    a = x[None, :] if x.ndim == 1 else x  # (..., M, K)
    b = y[:, None] if y.ndim == 1 else y  # (..., K, N)
    dz = np.reshape(dz, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    dx = dy = None
    if needs[0]:
        dx = unbroadcast(np.matmul(dz, b.swapaxes(-1, -2)), a.shape).reshape(x.shape)
    if needs[1]:
        dy = unbroadcast(np.matmul(a.swapaxes(-1, -2), dz), b.shape).reshape(y.shape)
    return dx, dy


# -- linear ----------------------------------------------------------------------------------------


def linear_spec(x: Any, weight: Any, bias: Any = None) -> Spec:
    dtype = require_float("linear", require_same_dtype("linear", x=x, weight=weight, bias=bias))
    if len(weight.shape) != 2:
        raise ShapeError("linear", f"weight {weight.shape}", "weight (out_features, in_features)")
    out_features, in_features = weight.shape
    if x.shape[-1:] != (in_features,):
        got = f"x {x.shape} and weight {weight.shape}"
        raise ShapeError("linear", got, f"x (..., {in_features})", _linear_hint(x.shape, weight.shape))
    if bias is not None and bias.shape != (out_features,):
        raise ShapeError("linear", f"bias {bias.shape} and weight {weight.shape}", f"bias ({out_features},)")
    shape = (*x.shape[:-1], out_features)
    return Spec(Out(shape, dtype), 2 * in_features * size(shape) + (size(shape) if bias is not None else 0))


def _linear_hint(x: tuple[int, ...], weight: tuple[int, int]) -> str | None:
    if not x:
        return "x.reshape(1)" if weight[1] == 1 else None
    if len(x) > 2 and size(x[1:]) == weight[1]:
        return f"x.reshape({x[0]}, -1)"
    return "weight.T" if x[-1] == weight[0] else f"nn.Linear({x[-1]}, {weight[0]})"


def linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> tuple:
    """y = x W^T + b: x (..., in), weight (out, in), bias (out,), y (..., out).

    Cache: x and weight. Equals torch.nn.functional.linear.
    """
    y = x @ weight.T  # (..., out)
    return (y if bias is None else y + bias), (x, weight, bias is not None)


def linear_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    """dx = dy W; dW = dy^T x and db = sum dy, over all rows of x."""
    x, weight, has_bias = cache
    n = size(x.shape[:-1])
    rows, x_rows = dy.reshape(n, dy.shape[-1]), x.reshape(n, x.shape[-1])  # (N, out), (N, in)
    dx = dy @ weight if needs[0] else None
    dw = rows.T @ x_rows if needs[1] else None  # (out, in)
    return (dx, dw, rows.sum(axis=0)) if has_bias else (dx, dw)


def linear_composition(F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    y = F.matmul(x, F.permute(weight, 1, 0))
    return y if bias is None else F.add(y, bias)
