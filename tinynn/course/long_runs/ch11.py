"""Chapter 11 at full length: dates of nineteen languages, how many are exact, and where attention falls."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from ...data.words import NAMES
from .. import dates as task

DATES, STEPS, WIDTH, LR = 20_000, 2_000, 64, 0.003
SHOWN = ("July", "gada", "luglio")
"""A word of the held-out dates whose weights are kept for a picture: English, Latvian, Italian."""


def run() -> dict[str, Any]:
    """One head, which leaves one alignment to score, and four, which share the work."""
    dates = task.Dates(tuple(NAMES), DATES)
    results: dict[str, Any] = {
        "languages": len(NAMES), "dates to learn from": len(dates.train), "dates held out": len(dates.test),
        "steps": STEPS, "attention on the right field by chance": task.by_chance(dates.test),
    }  # fmt: skip
    for heads, name in ((1, "one head"), (4, "four heads")):
        model = task.reader(dates, WIDTH, heads)
        losses = list(tqdm(task.training(model, dates, STEPS, LR), name, STEPS))
        weights = task.cross_weights(model, dates, dates.test)
        results |= {
            f"{name}: exact": task.share_exact(model, dates, dates.test),
            f"{name}: attention on the right field": task.share_on_field(weights, dates.test),
            f"{name}: by character": task.share_by_character(weights, dates.test).round(4).tolist(),
            f"{name}: by head": _by_head(weights, dates),
            f"{name}: loss": losses[:: STEPS // 100],
        }
        if heads == 1:
            results["shown"] = list(_shown(weights, dates))
    return results


def _by_head(weights: np.ndarray, dates: task.Dates) -> list[float]:
    heads = (weights[:, [h]] for h in range(weights.shape[1]))
    return [round(task.share_on_field(head, dates.test), 4) for head in heads]


def _shown(weights: np.ndarray, dates: task.Dates) -> Any:
    """Dates with what each of their digits looks at."""
    for word in SHOWN:
        n, row = next((n, row) for n, row in enumerate(dates.test) if word in row.text)
        yield {**row._asdict(), "weights": weights[n, 0, :, : len(row.text)].round(3).tolist()}
