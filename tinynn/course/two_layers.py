"""A network of two layers as plain arrays, ``relu(x w1ᵀ + b1) w2ᵀ + b2``, for gradients written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NAMES = ("w1", "b1", "w2", "b2")
Arrays = Sequence[np.ndarray]


def scores(x: np.ndarray, weights: Arrays) -> np.ndarray:
    """The forward pass alone: (N, 2) points, (N, K) scores."""
    w1, b1, w2, b2 = weights
    return np.maximum(x @ w1.T + b1, 0) @ w2.T + b2


def share_right(x: np.ndarray, t: np.ndarray, weights: Arrays) -> float:
    """The share of rows whose highest score is that of the right class, 0 to 1."""
    return float(np.mean(scores(x, weights).argmax(axis=1) == t))


def loss_by_each(loss: Callable[..., Any], weights: Arrays) -> list[Callable[[np.ndarray], float]]:
    """``loss(*weights)`` as a function of each array by itself, the others as they are."""

    def of_one(i: int) -> Callable[[np.ndarray], float]:
        return lambda w: float(loss(*weights[:i], w, *weights[i + 1 :]))

    return [of_one(i) for i in range(len(weights))]
