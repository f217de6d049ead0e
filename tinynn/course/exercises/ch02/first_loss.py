"""02.8: what the loss is before anything has been learned."""

from __future__ import annotations

import numpy as np

from .... import ops
from ....data import digits
from ...engine.kinds import PredictExplain


def before_the_first_step() -> float:
    """Cross-entropy of a layer with small random weights on real digits, ten classes."""
    images, labels = digits()
    x = np.asarray(images, np.float64).reshape(len(labels), -1)
    w = 0.01 * np.random.default_rng(0).normal(size=(10, x.shape[1]))
    return float(ops.cross_entropy.pairs["numpy"].forward(x @ w.T, np.asarray(labels))[0])


first_loss = PredictExplain(
    "02.8",
    outcome=before_the_first_step,
    unit="nats",
    close=0.15,
    options=("nothing_learned", "nine_of_ten_wrong", "even_shares", "one_each", "worst_possible"),
    truth="even_shares",
    level=1,
    minutes=4,
)
