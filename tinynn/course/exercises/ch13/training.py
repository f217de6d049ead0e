"""The small network in which the mistakes of 13.1 are measured: the next character from the one before it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import backend, manual_seed, nn
from .... import functional as F
from ....data import Windows
from ....tensor import no_grad
from ...descend import descend
from ...effects.moments import OPTIMIZERS, Moment, moments
from ...gpt import source

STEPS, LENGTH, BATCH = 100, 16, 32
RATES = {"sgd": 20.0, "adam": 0.1}


def characters(optimizer: str, seed: int) -> Iterator[Moment]:
    """A table with a row of scores for each character. What is right is counted on other files."""
    tokenizer, train, held = source()
    batches = iter(Windows(train, LENGTH, batches=STEPS, batch_size=BATCH, seed=seed))
    with backend("numpy"):
        manual_seed(seed)
        table = nn.Embedding(len(tokenizer), len(tokenizer))
        nn.init.zeros_(table.weight)  # type: ignore[type-var]
        stepper = OPTIMIZERS[optimizer](table.parameters(), RATES[optimizer])

        def update() -> float:
            x, y = next(batches)
            loss = F.cross_entropy(table(x).reshape(-1, len(tokenizer)), y.reshape(-1))
            return descend(loss, stepper)

        def right() -> float:
            with no_grad():
                return float(np.mean(table(held[:4000]).data.argmax(-1) == held[1:4001]))

        yield from moments(STEPS, update, right)
