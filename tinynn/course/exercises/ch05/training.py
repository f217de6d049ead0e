"""A short training run that an exercise of chapter 05 asks about."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .... import ops
from ....data import spirals
from ...effects.by_hand import accuracy, starting_weights


def by_adam(gradients: Callable, steps: int = 600, lr: float = 0.01) -> tuple[list[float], float]:
    """Spirals, all at once, by Adam, with the gradients that ``gradients(x, t, *weights)`` returns.

    The loss of each step, and the accuracy at the end.
    """
    x, t = (np.asarray(a) for a in spirals(300))
    weights, losses = starting_weights(2, 64, 3), []
    state = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    update = ops.adam_update.pairs["numpy"].forward
    for step in range(1, steps + 1):
        loss, *found = gradients(x, t, *weights)
        for w, g, (m, v) in zip(weights, found, state):
            update(w, g.astype(w.dtype), m, v, lr=lr, t=step)
        losses.append(float(loss))
    return losses, accuracy(x, t, weights)
