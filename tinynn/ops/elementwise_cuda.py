"""Arithmetic, element by element, on the GPU: every kernel is generated from one scalar function.

Where an input was stretched to fit, its gradient is summed over the copies by the kernels of `sum`. Left on
the table: that sum reads a gradient of the full shape which another kernel has just written; one kernel
that multiplies and adds up would spare the trip through memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gpu import float32
from .kernel_cuda import larger, number
from .kernel_math_cuda import exp, log, sqrt
from .kernel_reduce_cuda import total
from .map_cuda import mapped

Needs = tuple[bool, ...]
BOTH = (True, True)


def unbroadcast(grad: Any, shape: tuple[int, ...]) -> Any:
    """Sum `grad` over the axes along which an array of `shape` was broadcast."""
    if grad.shape == shape:
        return grad
    new = grad.ndim - len(shape)
    stretched = [new + i for i, n in enumerate(shape) if n == 1 and grad.shape[new + i] != 1]
    return total(grad, (*range(new), *stretched)).reshape(shape)


# -- two inputs ------------------------------------------------------------------------------------


@mapped
def add(x, y):
    return x + y


@mapped
def sub(x, y):
    return x - y


@mapped
def mul(x, y):
    return x * y


@mapped
def div(x, y):
    return x / y


@mapped
def neg(x):
    return -x


def add_forward(x: Any, y: Any) -> tuple:
    return add(x, y), (x.shape, y.shape)


def add_backward(dz: Any, cache: tuple, needs: Needs = BOTH) -> tuple:
    x_shape, y_shape = cache
    dx = unbroadcast(dz, x_shape) if needs[0] else None
    return dx, unbroadcast(dz, y_shape) if needs[1] else None


def sub_forward(x: Any, y: Any) -> tuple:
    return sub(x, y), (x.shape, y.shape)


def sub_backward(dz: Any, cache: tuple, needs: Needs = BOTH) -> tuple:
    """The sum comes first: it leaves fewer signs to change."""
    x_shape, y_shape = cache
    dx = unbroadcast(dz, x_shape) if needs[0] else None
    return dx, neg(unbroadcast(dz, y_shape)) if needs[1] else None


def mul_forward(x: Any, y: Any) -> tuple:
    return mul(x, y), (x, y)


def mul_backward(dz: Any, cache: tuple, needs: Needs = BOTH) -> tuple:
    x, y = cache
    dx = unbroadcast(mul(dz, y), x.shape) if needs[0] else None
    return dx, unbroadcast(mul(dz, x), y.shape) if needs[1] else None


def div_forward(x: Any, y: Any) -> tuple:
    return div(x, y), (x, y)


@mapped
def div_slope_y(dz, x, y):
    return -(dz / y) * (x / y)


def div_backward(dz: Any, cache: tuple, needs: Needs = BOTH) -> tuple:
    x, y = cache
    dx = unbroadcast(div(dz, y), x.shape) if needs[0] else None
    return dx, unbroadcast(div_slope_y(dz, x, y), y.shape) if needs[1] else None


@mapped
def power(x, y):
    return x * x if y == float32(2) else x**y


@mapped
def power_slope_x(dz, x, y):
    """A constant's slope is 0, also at x = 0 where x ** -1 is not finite."""
    return dz * (y * x ** (y - float32(1))) if y != float32(0) else dz * y


@mapped
def power_slope_y(dz, x, y):
    """0 ** y stays 0 for positive y, although ln 0 is -inf."""
    return dz * float32(0) if x == float32(0) and y >= float32(0) else dz * (x**y * log(x))


def pow_forward(x: Any, y: Any) -> tuple:
    return power(x, y), (x, y)


def pow_backward(dz: Any, cache: tuple, needs: Needs = BOTH) -> tuple:
    x, y = cache
    dx = unbroadcast(power_slope_x(dz, x, y), x.shape) if needs[0] else None
    return dx, unbroadcast(power_slope_y(dz, x, y), y.shape) if needs[1] else None


@mapped
def maximum(x, y):
    return larger(x, y)


@mapped
def maximum_slope(dz, x, y):
    """Of x; where the two tie, each gets half. NaN gets nothing, as in the reference."""
    half = dz * float32(0.5) if x == y else float32(0)
    return dz if x > y else half


def maximum_forward(x: Any, y: Any) -> tuple:
    return maximum(x, y), (x, y)


def maximum_backward(dz: Any, cache: tuple, needs: Needs = BOTH) -> tuple:
    x, y = cache
    dx = unbroadcast(maximum_slope(dz, x, y), x.shape) if needs[0] else None
    return dx, unbroadcast(maximum_slope(dz, y, x), y.shape) if needs[1] else None


# -- three inputs ----------------------------------------------------------------------------------


@mapped
def choose(condition, x, y):
    return x if condition else y


@mapped
def where_true(condition, dz):
    return dz if condition else float32(0)


@mapped
def where_false(condition, dz):
    return float32(0) if condition else dz


def where_forward(condition: Any, x: Any, y: Any) -> tuple:
    return choose(condition, x, y), (condition, x.shape, y.shape)


def where_backward(dz: Any, cache: tuple, needs: Needs = (False, True, True)) -> tuple:
    condition, x_shape, y_shape = cache
    dx = unbroadcast(where_true(condition, dz), x_shape) if needs[1] else None
    return None, dx, unbroadcast(where_false(condition, dz), y_shape) if needs[2] else None


# -- one input -------------------------------------------------------------------------------------


def neg_forward(x: Any) -> tuple:
    return neg(x), None


def neg_backward(dz: Any, cache: None) -> tuple:
    return (neg(dz),)


@mapped
def exponential(x):
    return exp(x)


def exp_forward(x: Any) -> tuple:
    z = exponential(x)
    return z, z


def exp_backward(dz: Any, z: Any) -> tuple:
    return (mul(dz, z),)


@mapped
def logarithm(x):
    return log(x)


def log_forward(x: Any) -> tuple:
    return logarithm(x), x


def log_backward(dz: Any, x: Any) -> tuple:
    return (div(dz, x),)


@mapped
def root(x):
    return sqrt(x)


@mapped
def root_slope(dz, z):
    return dz / (z + z)


def sqrt_forward(x: Any) -> tuple:
    z = root(x)
    return z, z


def sqrt_backward(dz: Any, z: Any) -> tuple:
    return (root_slope(dz, z),)


@mapped
def absolute(x):
    return abs(x)


@mapped
def absolute_slope(dz, x):
    """dz sign(x); at 0, and for NaN, x is its own sign."""
    sign = float32(1) if x > float32(0) else x
    return dz * (float32(-1) if x < float32(0) else sign)


def abs_forward(x: Any) -> tuple:
    return absolute(x), x


def abs_backward(dz: Any, x: Any) -> tuple:
    return (absolute_slope(dz, x),)


@mapped
def between(low, high, x):
    above = high if x > high else x
    return low if x < low else above


@mapped
def where_equal(x, z, dz):
    return dz if x == z else float32(0)


def clip_forward(x: Any, low: float | None = None, high: float | None = None) -> tuple:
    """Cache: x and z, no memory of its own: nothing was cut where they are equal."""
    bounds = number(-np.inf if low is None else low, x), number(np.inf if high is None else high, x)
    z = between(*bounds, x)
    return z, (x, z)


def clip_backward(dz: Any, cache: tuple) -> tuple:
    return (where_equal(*cache, dz),)
