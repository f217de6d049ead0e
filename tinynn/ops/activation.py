"""Activations: one bend for each element. The derivative stands under its function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..gpu.arrays import erf
from .op import Out, Spec
from .specs import require_choice, require_float, require_number, same_shape, size

Arrays = tuple[np.ndarray, tuple]


# -- relu ------------------------------------------------------------------------------------------

relu_spec = same_shape("relu")


def relu_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = max(x, 0). Cache: y. Equals torch.nn.functional.relu.

    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, 2010.
    """
    y = np.maximum(x, 0)
    return y, y


def relu_backward(dy: np.ndarray, y: np.ndarray) -> tuple:
    """dx = dy where y > 0, else 0; at 0 the slope is taken as 0, as in PyTorch."""
    return (np.where(y > 0, dy, dy.dtype.type(0)),)  # also where dy is infinite, and inf * 0 would be NaN


# -- leaky_relu ------------------------------------------------------------------------------------


def leaky_relu_spec(x: Any, *, negative_slope: float = 0.01) -> Spec:
    require_number("leaky_relu", "negative_slope", negative_slope)
    return Spec(Out(x.shape, require_float("leaky_relu", x.dtype)), 2 * size(x.shape))


def leaky_relu_forward(x: np.ndarray, negative_slope: float = 0.01) -> Arrays:
    """y = x where x > 0, else negative_slope x. Equals torch.nn.functional.leaky_relu.

    Cache: where x > 0, 1 byte an element.
    Source: Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, 2013.
    """
    return np.where(x > 0, x, negative_slope * x), (x > 0, negative_slope)


def leaky_relu_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy where x > 0, else negative_slope dy."""
    positive, negative_slope = cache
    return (np.where(positive, dy, negative_slope * dy),)


# -- sigmoid ---------------------------------------------------------------------------------------

sigmoid_spec = same_shape("sigmoid", flops=12)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow, precise in both tails: only exp(-|x|) is taken."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def sigmoid_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = 1 / (1 + exp(-x)). Cache: y. Equals torch.sigmoid."""
    y = sigmoid(x)
    return y, y


def sigmoid_backward(dy: np.ndarray, y: np.ndarray) -> tuple:
    """dx = dy y (1 - y)."""
    return (dy * y * (1 - y),)


# -- tanh ------------------------------------------------------------------------------------------

tanh_spec = same_shape("tanh", flops=12)


def tanh_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = (e^x - e^-x) / (e^x + e^-x). Cache: y. Equals torch.tanh."""
    y = np.tanh(x)
    return y, y


def tanh_backward(dy: np.ndarray, y: np.ndarray) -> tuple:
    """dx = dy (1 - y^2)."""
    return (dy * (1 - y * y),)


# -- gelu ------------------------------------------------------------------------------------------


def gelu_spec(x: Any, *, approximate: str = "none") -> Spec:
    require_choice("gelu", "approximate", approximate, ("none", "tanh"))
    return Spec(Out(x.shape, require_float("gelu", x.dtype)), 15 * size(x.shape))


def gelu_forward(x: np.ndarray, approximate: str = "none") -> Arrays:
    """y = x p, with p the probability that a standard normal is below x. Equals torch.nn.functional.gelu.

    "none": p = (1 + erf(x / sqrt 2)) / 2; "tanh": p = (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3).
    Cache: x, and p with as many bytes as x.
    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """
    if approximate == "tanh":
        u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        p = 0.5 * (1 + np.tanh(u))
    else:
        p = 0.5 * (1 + erf(x * math.sqrt(0.5)))
    return x * p, (x, p, approximate)


def gelu_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy (p + x dp/dx).

    dp/dx is the normal density exp(-x^2 / 2) / sqrt(2 pi), and for "tanh" it is 2 p (1 - p) du/dx.
    """
    x, p, approximate = cache
    if approximate == "tanh":
        du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        dp = 2 * p * (1 - p) * du
    else:
        dp = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return (dy * (p + x * dp),)


# -- silu ------------------------------------------------------------------------------------------

silu_spec = same_shape("silu", flops=13)


def silu_forward(x: np.ndarray) -> Arrays:
    """y = x s, with s = sigmoid(x). Equals torch.nn.functional.silu.

    Cache: x, and s with as many bytes as x.
    Source: Elfwing, Uchibe and Doya, Sigmoid-weighted linear units, 2017.
    """
    s = sigmoid(x)
    return x * s, (x, s)


def silu_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy s (1 + x (1 - s))."""
    x, s = cache
    return (dy * s * (1 + x * (1 - s)),)


# -- softplus --------------------------------------------------------------------------------------

softplus_spec = same_shape("softplus", flops=20)


def softplus_forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = ln(1 + exp(x)), without overflow. Cache: x. Equals torch.nn.functional.softplus."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x


def softplus_backward(dy: np.ndarray, x: np.ndarray) -> tuple:
    """dx = dy sigmoid(x)."""
    return (dy * sigmoid(x),)
