"""08.4: how fast does a gradient fade whose weight is 1?"""

from __future__ import annotations

import numpy as np

from ...engine.kinds import PredictExplain

LIMIT = 0.01  # of the gradient that started


def shares(weight: float = 1.0, steps: int = 60, paths: int = 2000, linear: bool = False) -> np.ndarray:
    """How much of a gradient is left after 0, 1, ... steps back: one unit, inputs of standard deviation 1.

    The median of many sequences of the chapter's net with one unit, h = tanh(x + weight h).
    """
    x, h = np.random.default_rng(0).normal(size=(2 * steps, paths)), np.zeros(paths)
    slopes = []
    for x_t in x:
        h = x_t + weight * h if linear else np.tanh(x_t + weight * h)
        slopes.append(np.full(paths, weight) if linear else weight * (1 - h * h))
    back = np.array(slopes[::-1][:steps])  # (steps, paths): the last step's first
    return np.concatenate([[1.0], np.median(np.cumprod(back, axis=0), axis=1)])


def steps_until_gone() -> float:
    """Steps back after which less than `LIMIT` of the gradient is left."""
    return float(np.flatnonzero(shares() < LIMIT)[0])


decay = PredictExplain(
    "08.4",
    outcome=steps_until_gone,
    unit="steps",
    close=2,
    options=("slope", "inputs", "rounding", "weight"),
    truth="slope",
    level=2,
    minutes=5,
)
