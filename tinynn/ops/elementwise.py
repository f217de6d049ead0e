"""Arithmetic, element by element, with full broadcasting.

Where an input was stretched to fit, its gradient is the sum over the copies: `unbroadcast`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError
from ..gpu.arrays import is_on_gpu
from ..memory import SMALL, empty
from .op import Out, Spec, describe
from .specs import broadcast, elementwise, require_float, require_number, require_same_dtype, same_shape, size

Needs = tuple[bool, ...]


def unbroadcast(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum `grad` over the axes along which an array of `shape` was broadcast.

    >>> unbroadcast(np.ones((4, 3)), (3,))
    array([4., 4., 4.])
    """
    if grad.shape == shape:
        return grad
    new = grad.ndim - len(shape)
    stretched = [new + i for i, n in enumerate(shape) if n == 1 and grad.shape[new + i] != 1]
    return grad.sum(axis=(*range(new), *stretched), keepdims=True).reshape(shape)


# -- two inputs ------------------------------------------------------------------------------------

add_spec = elementwise("add")


def summed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x + y; where it is large and plain, in memory that was used before: fresh memory costs page faults.

    It is what residuals and the gradients of a tensor that was used twice are made of.
    """
    same = x.__class__ is y.__class__ is np.ndarray and x.shape == y.shape and x.dtype == y.dtype
    if same and x.size >= SMALL and x.flags.c_contiguous and y.flags.c_contiguous:
        return np.add(x, y, out=empty(x.shape, x.dtype))
    return x + y


def add_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x + y. Cache: the two shapes. Equals torch.add."""
    return summed(x, y), (x.shape, y.shape)


def add_backward(dz: np.ndarray, cache: tuple) -> tuple:
    """dx = dz and dy = dz, each summed over its copies."""
    x_shape, y_shape = cache
    return unbroadcast(dz, x_shape), unbroadcast(dz, y_shape)


sub_spec = elementwise("sub")


def sub_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x - y. Cache: the two shapes. Equals torch.sub."""
    return x - y, (x.shape, y.shape)


def sub_backward(dz: np.ndarray, cache: tuple) -> tuple:
    """dx = dz and dy = -dz, each summed over its copies."""
    x_shape, y_shape = cache
    return unbroadcast(dz, x_shape), unbroadcast(-dz, y_shape)


mul_spec = elementwise("mul")


def mul_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x y. Cache: x and y. Equals torch.mul."""
    return x * y, (x, y)


def mul_backward(dz: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = dz y and dy = dz x, each summed over its copies."""
    x, y = cache
    dx = unbroadcast(dz * y, x.shape) if needs[0] else None
    dy = unbroadcast(dz * x, y.shape) if needs[1] else None
    return dx, dy


div_spec = elementwise("div", floating=True)


def div_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x / y; inf or NaN where y is 0. Cache: x and y. Equals torch.div."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return x / y, (x, y)


def div_backward(dz: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = dz / y and dy = -dz x / y^2, each summed over its copies."""
    x, y = cache
    with np.errstate(divide="ignore", invalid="ignore"):
        dx = dz / y
        dy = unbroadcast(-dx * (x / y), y.shape) if needs[1] else None
    return unbroadcast(dx, x.shape), dy


pow_spec = elementwise("pow", flops=10, floating=True)


def _power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x ** y; NumPy has a fast square, and takes it only for a Python number."""
    return x**2 if _is_two(y) else x**y


def _is_two(y: np.ndarray) -> bool:
    """Whether y is the number 2; nobody asks an array of the GPU, which would have to be waited for."""
    return y.ndim == 0 and not is_on_gpu(y) and bool(y == 2)


def pow_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x^y. Cache: x, y and z. Equals torch.pow."""
    with np.errstate(all="ignore"):
        z = _power(x, y)
    return z, (x, y, z)


def pow_backward(dz: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = dz y x^(y - 1) and dy = dz z ln x, each summed over its copies."""
    x, y, z = cache
    dx = dy = None
    with np.errstate(all="ignore"):
        if needs[0]:  # a constant's slope is 0, also at x = 0 where x ** -1 is not finite
            slope = 2 * x if _is_two(y) else np.where(y == 0, y * 0, y * _power(x, y - 1))
            dx = unbroadcast(dz * slope, x.shape)
        if needs[1]:  # 0 ** y stays 0 for positive y, although ln 0 is -inf
            dy = unbroadcast(dz * np.where((x == 0) & (y >= 0), z * 0, z * np.log(x)), y.shape)
    return dx, dy


# -- one input -------------------------------------------------------------------------------------


def neg_spec(x: Any) -> Spec:
    if x.dtype.kind not in "iu":
        require_float("neg", x.dtype)
    return Spec(Out(x.shape, x.dtype), size(x.shape))


def neg_forward(x: np.ndarray) -> tuple[np.ndarray, None]:
    """z = -x. Equals torch.neg."""
    return -x, None


def neg_backward(dz: np.ndarray, cache: None) -> tuple:
    """dx = -dz."""
    return (-dz,)


exp_spec = same_shape("exp", flops=10)


def exp_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z = e^x. Cache: z. Equals torch.exp."""
    with np.errstate(over="ignore"):
        z = np.exp(x)
    return z, z


def exp_backward(dz: np.ndarray, z: np.ndarray) -> tuple:
    """dx = dz z: the exponential is its own slope."""
    return (dz * z,)


log_spec = same_shape("log", flops=10)


def log_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z = ln x; -inf at 0, NaN below. Cache: x. Equals torch.log."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x), x


def log_backward(dz: np.ndarray, x: np.ndarray) -> tuple:
    """dx = dz / x."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (dz / x,)


sqrt_spec = same_shape("sqrt")


def sqrt_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z = sqrt(x); NaN below 0. Cache: z. Equals torch.sqrt."""
    with np.errstate(invalid="ignore"):
        z = np.sqrt(x)
    return z, z


def sqrt_backward(dz: np.ndarray, z: np.ndarray) -> tuple:
    """dx = dz / (2 z); the slope at 0 is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (dz / (2 * z),)


abs_spec = same_shape("abs")


def abs_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z = |x|. Cache: x. Equals torch.abs."""
    return np.abs(x), x


def abs_backward(dz: np.ndarray, x: np.ndarray) -> tuple:
    """dx = dz sign(x); at 0 the slope is taken as 0, as in PyTorch."""
    return (dz * np.sign(x),)


def clip_spec(x: Any, *, low: float | None = None, high: float | None = None) -> Spec:
    if low is None and high is None:
        raise ArgumentError("clip", "neither low nor high", "at least one bound", "clip(x, 0.0, 1.0)")
    for name, bound in (("low", low), ("high", high)):
        if bound is not None:
            require_number("clip", name, bound)
    if low is not None and high is not None and low > high:
        raise ArgumentError("clip", f"low={low} above high={high}", "low <= high", f"clip(x, {high}, {low})")
    return Spec(Out(x.shape, require_float("clip", x.dtype)), 2 * size(x.shape))


def clip_forward(x: np.ndarray, low: float | None = None, high: float | None = None) -> tuple:
    """z = min(max(x, low), high). Cache: where nothing was cut, 1 byte an element. Equals torch.clip."""
    inside = np.ones_like(x, bool)
    if low is not None:
        inside &= x >= low
    if high is not None:
        inside &= x <= high
    return np.clip(x, low, high), inside


def clip_backward(dz: np.ndarray, inside: np.ndarray) -> tuple:
    """dx = dz where nothing was cut, 0 elsewhere."""
    return (np.where(inside, dz, dz.dtype.type(0)),)


maximum_spec = elementwise("maximum")


def maximum_forward(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = max(x, y). Cache: x and y. Equals torch.maximum."""
    return np.maximum(x, y), (x, y)


def maximum_backward(dz: np.ndarray, cache: tuple) -> tuple:
    """dx = dz where x > y, dy = dz where x < y; where they tie, each gets half, as in PyTorch."""
    x, y = cache
    half = np.where(x == y, dz * 0.5, dz.dtype.type(0))
    return unbroadcast(np.where(x > y, dz, half), x.shape), unbroadcast(np.where(x < y, dz, half), y.shape)


def where_spec(condition: Any, x: Any, y: Any) -> Spec:
    if condition.dtype.kind != "b":
        got = f"a condition of dtype {condition.dtype}"
        raise DtypeError("where", got, "bool", "where(condition != 0, x, y)")
    dtype = require_same_dtype("where", x=x, y=y)
    shape = broadcast("where", condition=condition.shape, x=x.shape, y=y.shape)
    return Spec(Out(shape, dtype), size(shape))


def where_forward(condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple]:
    """z = x where the condition holds, else y. Cache: the condition and two shapes. Equals torch.where."""
    return np.where(condition, x, y), (condition, x.shape, y.shape)


def where_backward(dz: np.ndarray, cache: tuple) -> tuple:
    """dx = dz where the condition holds, dy = dz elsewhere; the condition has no gradient."""
    condition, x_shape, y_shape = cache
    zero = dz.dtype.type(0)
    dx, dy = np.where(condition, dz, zero), np.where(condition, zero, dz)
    return None, unbroadcast(dx, x_shape), unbroadcast(dy, y_shape)


def number_dtype(where: str, dtype: Any) -> np.dtype:
    """`dtype` as NumPy's, or a DtypeError if it names none or one that holds no real numbers."""
    try:
        known = np.dtype(dtype) if dtype is not None else None
    except TypeError:
        known = None
    if known is None or known.kind not in "fiub":
        raise DtypeError(where, f"dtype as {describe(dtype)}", "a dtype of real numbers", "np.float32")
    return known


def cast_spec(x: Any, *, dtype: Any) -> Spec:
    return Spec(Out(x.shape, number_dtype("cast", dtype)), size(x.shape))


def cast_forward(x: np.ndarray, dtype: Any) -> tuple[np.ndarray, np.dtype]:
    """z = x in another dtype. Cache: the old dtype. Equals torch.Tensor.to."""
    return x.astype(dtype), x.dtype


def cast_backward(dz: np.ndarray, dtype: np.dtype) -> tuple:
    """dx = dz in the old dtype."""
    return (dz.astype(dtype),)
