"""11.6: what becomes of the weights when nothing divides the scores."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...engine.kinds import PredictExplain
from .attend import softmax

KEYS, WIDTH, QUERIES = 10, 256, 2000


@cache
def largest_weight(width: int = WIDTH, power: float = 0.0, seed: int = 0) -> float:
    """The largest of ten weights in percent, as the mean over queries; scores over ``width ** power``."""
    rng = np.random.default_rng(seed)
    k = rng.normal(size=(KEYS, width))
    q = rng.normal(size=(QUERIES, width))
    p = softmax(q @ k.T / width**power)  # (QUERIES, KEYS)
    return 100 * float(p.max(axis=-1).mean())


unscaled = PredictExplain(
    "11.6",
    outcome=largest_weight,
    unit="percent",
    close=8,
    options=("evens_out", "spreads_with_width", "one_key_fits", "longer_than_one", "too_few_keys"),
    truth="spreads_with_width",
    level=2,
    minutes=4,
)
