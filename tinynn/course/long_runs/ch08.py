"""Chapter 08 at full length: the forecast from twenty starts, and how far back each start learns to look."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from ... import backend
from .. import recurrence

SEEDS, LENGTHS, TRIES = 20, (25, 50, 100, 200), 5
STARTS = ("as usual", "identity", "orthogonal", "gated")


def run() -> dict[str, Any]:
    with backend("numba"):
        return {**forecasts(), **memory()}


def forecasts() -> dict[str, Any]:
    """The test error of a net from each start, of their mean forecast, and of the best linear formula."""
    data = recurrence.series()
    made = [
        recurrence.forecast(recurrence.trained(seed, data, 400), data)
        for seed in tqdm(range(SEEDS), desc="forecast")
    ]
    errors = [recurrence.error(data, forecast, "test") for forecast in made]
    linear = recurrence.linear(data, 9)
    together = np.mean(made, axis=0)
    won, of = recurrence.years_won(data, together, linear)
    return {
        "starts": SEEDS,
        "test error, median of the nets": float(np.median(errors)),
        "test error, best net": min(errors),
        "test error, worst net": max(errors),
        "test error, mean of all nets' forecasts": recurrence.error(data, together, "test"),
        "test error, linear in 9 years": recurrence.error(data, linear, "test"),
        "test error, last year again": recurrence.error(data, recurrence.last_year(data), "test"),
        "years in which the nets' mean is nearer than the linear forecast": f"{won} of {of}",
        "errors": [round(e, 3) for e in errors],
    }


def memory() -> dict[str, Any]:
    """Of `TRIES` nets for each start and length, how many learn to recall the sign (95% right)."""
    learnt: dict[str, dict[str, int]] = {}
    with tqdm(total=len(STARTS) * len(LENGTHS) * TRIES, desc="recall") as bar:
        for start in STARTS:
            learnt[start] = {}
            for steps in LENGTHS:
                right = [recurrence.recall(start, steps, seed, updates=300)[1] for seed in range(TRIES)]
                learnt[start][str(steps)] = sum(r > 0.95 for r in right)
                bar.update(TRIES)
    return {"tries": TRIES, "learnt": learnt}
