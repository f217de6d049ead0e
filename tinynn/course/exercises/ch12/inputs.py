"""12.8: inputs that tell a layer norm from eight that are none."""

from __future__ import annotations

import numpy as np

from ...engine.kinds import Checker
from .halves import library_forward
from .layer_norm import norm


def second_axis(x, weight, bias, eps):
    """Right for (N, D), wrong for (N, T, D)."""
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    rstd = 1 / np.sqrt(var + eps)
    return (x - mean) * rstd * weight + bias, (x - mean) * rstd, rstd


def variance_from_squares(x, weight, bias, eps):
    """mean(x^2) - mean(x)^2, which loses its digits where the mean is much larger than the spread."""
    mean = x.mean(axis=-1, keepdims=True)
    var = np.maximum((x * x).mean(axis=-1, keepdims=True) - mean * mean, 0)
    rstd = 1 / np.sqrt(var + eps)
    return (x - mean) * rstd * weight + bias, (x - mean) * rstd, rstd


def size_of_the_weight(x, weight, bias, eps):
    return library_forward(x, np.abs(weight), bias, eps)


inputs = Checker(
    "12.8",
    "layer_norm_inputs",
    of=norm,
    wrong=("n_minus_1", "eps_outside_the_root", "over_the_batch", "over_everything", "bias_scaled_too"),
    extra={f.__name__: f for f in (second_axis, variance_from_squares, size_of_the_weight)},
    at_most=3,
    needed=0.85,
    level=3,
    minutes=8,
)


@inputs.worked
def layer_norm_inputs():
    rng = np.random.default_rng(0)
    weight, bias = np.array([1.0, -2.0, 0.5, 3.0]), np.array([1.0, 0.0, -1.0, 2.0])
    return [
        (rng.normal(size=(2, 3, 4)), weight, bias, 0.1),  # three axes; an eps that counts; a negative weight
        (1e6 + 1e-2 * rng.normal(size=(2, 4)), weight, bias, 1e-5),  # far from 0: x * x has no digits left
    ]
