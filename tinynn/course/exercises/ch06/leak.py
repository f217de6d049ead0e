"""06.3: coin tosses that are predicted. Which line of the pipeline leaks?"""

from __future__ import annotations

from functools import cache

import numpy as np

from ....data import Dataset, Standardise, train_val_test_split
from ...engine.kinds import NameTheBug

TOSSES, COLUMNS, CHOSEN = 100, 5000, 20


def tosses(rng: np.random.Generator) -> Dataset:
    """Columns of noise, and coin tosses that have nothing to do with them."""
    return Dataset(rng.normal(size=(TOSSES, COLUMNS)), rng.integers(0, 2, TOSSES))


def best_columns(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The columns in which the two classes differ most."""
    apart = x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0)
    return np.argsort(-np.abs(apart))[:CHOSEN]


def score(train: Dataset, test: Dataset) -> float:
    """The share of test rows that are nearer to the mean of their own class in train."""
    means = np.array([train.x[train.y == c].mean(axis=0) for c in (0, 1)])
    said = ((test.x[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    return float(np.mean(said == test.y))


@cache
def measured(draws: int = 20) -> tuple[float, float]:
    """Percent of tosses right on what the pipeline calls its test set, and on tosses made afterwards."""
    told, later = [], []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        data, after = tosses(rng), tosses(rng)
        chosen = best_columns(*data)
        train, _, test = train_val_test_split(data.x[:, chosen], data.y, val=0, test=0.5, seed=seed)
        scale = Standardise().fit(train.x)
        ready = Dataset(scale(train.x), train.y)
        told.append(score(ready, Dataset(scale(test.x), test.y)))
        later.append(score(ready, Dataset(scale(after.x[:, chosen]), after.y)))
    return 100 * float(np.mean(told)), 100 * float(np.mean(later))


CODE = """\
x, y = noise(100, 5000), coin_tosses(100)

a)  best = best_columns(x, y)[:20]     # where the two classes differ most
    x = x[:, best]                     # (100, 5000) -> (100, 20)
b)  train, test = split(x, y)          # half and half, at random
c)  scale = Standardise().fit(train.x)
d)  learn(scale(train.x), train.y)
e)  score(scale(test.x), test.y)
"""


def symptom() -> str:
    """The pipeline, a letter a line, and what comes out."""
    told, later = measured()
    return (
        f"{CODE}\nmean of 20 such runs:\n"
        f"    the line e) says    {told:.0f}% of the tosses right\n"
        f"    on new tosses       {later:.0f}% right"
    )


leak = NameTheBug(
    "06.3",
    options=("columns_chosen", "split_at_random", "scale", "learning", "scoring"),
    truth="columns_chosen",
    symptom=symptom,
    level=2,
    minutes=5,
)
