"""Chapter 11 at full length: dates of nineteen languages, how many are exact, and where attention falls."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from ...data.words import NAMES
from .. import dates as task

DATES, STEPS, WIDTH, LR = 20_000, 5_000, 64, 0.003
SHOWN = {"en": "Wednesday, July 16, 2031", "lv": "1998. gada 27. novembris"}
"""A date of each of these languages, whose weights are kept for a picture."""


def run() -> dict[str, Any]:
    """One head, so that there is one alignment to score."""
    dates = task.Dates(tuple(NAMES), DATES)
    model = task.reader(dates, WIDTH)
    losses = [loss for loss in tqdm(task.training(model, dates, STEPS, LR), total=STEPS)]
    weights = task.cross_weights(model, dates, dates.test)
    return {
        "languages": len(NAMES),
        "dates to learn from": len(dates.train),
        "dates held out": len(dates.test),
        "steps": STEPS,
        "loss": losses[:: STEPS // 100],
        "exact": task.share_exact(model, dates, dates.test),
        "attention on the right field": task.share_on_field(weights, dates.test),
        "the same by chance": task.by_chance(dates.test),
    }
