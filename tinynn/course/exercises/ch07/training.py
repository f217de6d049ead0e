"""A small network of convolutions on small digits, in which the exercises' functions run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .... import functional as F
from .... import manual_seed
from ....backends import backend
from ....data import Batches
from ....tensor import Tensor, no_grad
from ...convolution import small_digits, small_network
from ...descend import descend
from ...effects.moments import OPTIMIZERS, Moment, moments
from ...engine.exercise import Fill, find

RATES = {"sgd": 0.3, "adam": 0.01}
STEPS = 150


def with_images(id: str, function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    """600 digits of 8 x 8 in batches of 32; right is counted on 300 others."""
    exercise = find(id)
    assert isinstance(exercise, Fill) and exercise.swap is not None
    (x, y), (held_x, held_y) = small_digits(600, 300, seed)
    with backend("numpy"), exercise.swap(function):
        manual_seed(seed)
        model = small_network()
        stepper = OPTIMIZERS[optimizer](model.parameters(), RATES[optimizer])
        stream = (batch for epoch in range(STEPS) for batch in Batches(x, y, batch_size=32, seed=epoch))

        def update() -> float:
            xb, yb = next(stream)
            loss = F.cross_entropy(model(Tensor(xb)), Tensor(yb))
            return descend(loss, stepper)

        def right() -> float:
            with no_grad():
                return float(np.mean(model(Tensor(held_x)).data.argmax(1) == held_y))

        yield from moments(STEPS, update, right)
