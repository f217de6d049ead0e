"""A small recurrent net in which the effects of mistakes are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .... import backend, manual_seed, nn
from .... import functional as F
from ....tensor import Tensor, no_grad
from ...descend import descend
from ...effects.moments import OPTIMIZERS, Moment, moments
from ...engine.exercise import Fill

STEPS, HIDDEN = 8, 16


def recalls(exercise: Fill, function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    """Train on "which sign came first?", 8 steps, with the function in the library's place."""
    from ...recurrence import recall_batch

    assert exercise.swap is not None
    with backend("numpy"), exercise.swap(function):
        manual_seed(seed)
        rng = np.random.default_rng(seed)
        recurrent, head = nn.RNN(2, HIDDEN), nn.Linear(HIDDEN, 1)
        parameters = [*recurrent.parameters(), *head.parameters()]
        stepper = OPTIMIZERS[optimizer](parameters, 0.01)
        held_x, held_sign = recall_batch(np.random.default_rng(seed + 1000), 400, STEPS)

        def answer(x: np.ndarray) -> Tensor:
            _, last = recurrent(Tensor(x))
            return head(last[0]).reshape(-1)

        def update() -> float:
            x, sign = recall_batch(rng, 32, STEPS)
            loss = F.mse_loss(answer(x), Tensor(sign))
            return descend(loss, stepper)

        def right() -> float:
            with no_grad():
                return float(np.mean(answer(held_x).data * held_sign > 0))

        yield from moments(150, update, right)
