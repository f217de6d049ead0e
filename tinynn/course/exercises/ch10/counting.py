"""10.5: a sum over words, and sentences that are denied."""

from __future__ import annotations

from functools import cache

import numpy as np

from ....backends import backend
from ...engine.kinds import PredictExplain
from ...words import Bag, one_clause, right_share, train_yes_no, vocabulary


@cache
def percent_right() -> float:
    """Of new sentences of one clause, by means of rows, with three seeds."""
    (texts, y), new, known = one_clause(2000, 0), one_clause(1000, 1), vocabulary()
    with backend("numpy"):
        found = []
        for seed in range(3):
            model = Bag(len(known), seed=seed)
            train_yes_no(model, known, texts, y, epochs=6, seed=seed)
            found.append(right_share(model, known, *new))
    return 100 * float(np.mean(found))


denied = PredictExplain(
    "10.5",
    outcome=percent_right,
    unit="percent",
    close=4,
    options=("each_word_on_both_sides", "too_few_sentences", "mean_too_weak", "table_too_narrow"),
    truth="each_word_on_both_sides",
    level=2,
    minutes=4,
)
