"""Short training runs that an exercise of chapter 05 asks about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .... import ops
from ....data import spirals
from ...effects.by_hand import starting_weights
from ...two_layers import share_right


def on_spirals(
    gradients: Callable, steps: int, move: Callable[[list[np.ndarray], list[Any], int], None]
) -> tuple[list[float], float]:
    """Spirals, all at once, with the gradients that ``gradients(x, t, *weights)`` returns.

    ``move(weights, found, step)`` takes a step with them, in place. The loss of each step, and the accuracy
    at the end.
    """
    x, t = (np.asarray(a) for a in spirals(300))
    weights, losses = starting_weights(2, 64, 3), []
    for step in range(1, steps + 1):
        loss, *found = gradients(x, t, *weights)
        move(weights, found, step)
        losses.append(float(loss))
    return losses, share_right(x, t, weights)


def by_adam(gradients: Callable, steps: int = 600, lr: float = 0.01) -> tuple[list[float], float]:
    """`on_spirals` by Adam."""
    state: list[tuple[np.ndarray, np.ndarray]] = []
    update = ops.adam_update.pairs["numpy"].forward

    def move(weights: list[np.ndarray], found: list[Any], step: int) -> None:
        if not state:
            state.extend((np.zeros_like(w), np.zeros_like(w)) for w in weights)
        for w, g, (m, v) in zip(weights, found, state):
            update(w, g.astype(w.dtype), m, v, lr=lr, t=step)

    return on_spirals(gradients, steps, move)


def by_descent(gradients: Callable, steps: int = 600, lr: float = 1.0) -> tuple[list[float], float]:
    """`on_spirals` by plain descent."""

    def move(weights: list[np.ndarray], found: list[Any], step: int) -> None:
        for w, g in zip(weights, found):
            w -= np.asarray(lr * g, w.dtype)

    return on_spirals(gradients, steps, move)
