"""Activations on the GPU: one scalar function forward and one backward, made into kernels by `mapped`.

A cache holds inputs and outputs only, no memory of its own: computing a sigmoid or an error function again
costs less than reading one from memory.
"""

from __future__ import annotations

import math
from typing import Any

from ..gpu import float32
from .kernel_cuda import number
from .kernel_math_cuda import erf, exp, log1p, tanh
from .map_cuda import exact, mapped

ROOT_HALF = float32(math.sqrt(0.5))
ROOT_2_PI = float32(math.sqrt(2 / math.pi))  # of 2 / pi
DENSITY_0 = float32(1 / math.sqrt(2 * math.pi))  # the standard normal density at 0
CUBIC = float32(0.044715)
ZERO, ONE, TWO, THREE, HALF = map(float32, (0, 1, 2, 3, 0.5))


# -- relu and leaky_relu ---------------------------------------------------------------------------


@mapped
def relu(x):
    return ZERO if x <= ZERO else x  # NaN is not below 0, and stays


@mapped
def relu_slope(dy, y):
    return dy if y > ZERO else ZERO


def relu_forward(x: Any) -> tuple:
    y = relu(x)
    return y, y


def relu_backward(dy: Any, y: Any) -> tuple:
    return (relu_slope(dy, y),)


@mapped
def leaky_relu(slope, x):
    return x if x > ZERO else slope * x


@mapped
def leaky_relu_slope(slope, x, dy):
    return dy if x > ZERO else slope * dy


def leaky_relu_forward(x: Any, negative_slope: float = 0.01) -> tuple:
    slope = number(negative_slope, x)
    return leaky_relu(slope, x), (slope, x)


def leaky_relu_backward(dy: Any, cache: tuple) -> tuple:
    return (leaky_relu_slope(*cache, dy),)


# -- sigmoid, silu and softplus --------------------------------------------------------------------


@exact(device=True)
def sigmoid_of(x):
    """1 / (1 + exp(-x)) without overflow: only exp(-|x|) is taken."""
    e = exp(-abs(x))
    return (ONE if x >= ZERO else e) / (ONE + e)


@mapped
def sigmoid(x):
    return sigmoid_of(x)


@mapped
def sigmoid_slope(dy, y):
    return dy * y * (ONE - y)


def sigmoid_forward(x: Any) -> tuple:
    y = sigmoid(x)
    return y, y


def sigmoid_backward(dy: Any, y: Any) -> tuple:
    return (sigmoid_slope(dy, y),)


@mapped
def silu(x):
    return x * sigmoid_of(x)


@mapped
def silu_slope(dy, x):
    s = sigmoid_of(x)
    return dy * s * (ONE + x * (ONE - s))


def silu_forward(x: Any) -> tuple:
    return silu(x), x


def silu_backward(dy: Any, x: Any) -> tuple:
    return (silu_slope(dy, x),)


@mapped
def softplus(x):
    return (x if x > ZERO else ZERO) + log1p(exp(-abs(x)))


@mapped
def softplus_slope(dy, x):
    return dy * sigmoid_of(x)


def softplus_forward(x: Any) -> tuple:
    return softplus(x), x


def softplus_backward(dy: Any, x: Any) -> tuple:
    return (softplus_slope(dy, x),)


# -- tanh ------------------------------------------------------------------------------------------


@mapped
def hyperbolic_tangent(x):
    return tanh(x)


@mapped
def tanh_slope(dy, y):
    return dy * (ONE - y * y)


def tanh_forward(x: Any) -> tuple:
    y = hyperbolic_tangent(x)
    return y, y


def tanh_backward(dy: Any, y: Any) -> tuple:
    return (tanh_slope(dy, y),)


# -- gelu ------------------------------------------------------------------------------------------


@exact(device=True)
def below(x):
    """The probability that a standard normal is below x."""
    return HALF * (ONE + erf(x * ROOT_HALF))


@exact(device=True)
def about_below(x):
    """The same, by the hyperbolic tangent."""
    return HALF * (ONE + tanh(ROOT_2_PI * (x + CUBIC * (x * x * x))))


@mapped
def gelu_exact(x):
    return x * below(x)


@mapped
def gelu_exact_slope(dy, x):
    return dy * (below(x) + x * (DENSITY_0 * exp(-HALF * x * x)))


@mapped
def gelu_tanh(x):
    return x * about_below(x)


@mapped
def gelu_tanh_slope(dy, x):
    p = about_below(x)
    du = ROOT_2_PI * (ONE + THREE * CUBIC * (x * x))
    return dy * (p + x * (TWO * p * (ONE - p) * du))


def gelu_forward(x: Any, approximate: str = "none") -> tuple:
    return (gelu_tanh if approximate == "tanh" else gelu_exact)(x), (x, approximate)


def gelu_backward(dy: Any, cache: tuple) -> tuple:
    x, approximate = cache
    return ((gelu_tanh_slope if approximate == "tanh" else gelu_exact_slope)(dy, x),)
