"""Chapter 12 at full length: norms, places of the norm, and positions, five seeds each."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from ... import backend
from ..block import NORMS, POSITIONS, TASKS, WAYS, norms_by_batch, positions_by_task, rates_by_way

SEEDS, SIZES, RATES = 5, (32, 8, 4, 2), (0.001, 0.003, 0.01, 0.03)


def run() -> dict[str, Any]:
    """Shares right of held-out data: ``{kind: {setting: [one for each seed]}}`` for each of the three."""
    total = SEEDS * (len(NORMS) * len(SIZES) + len(WAYS) * len(RATES) + len(POSITIONS) * len(TASKS))
    with backend("numpy"), tqdm(total=total, unit="run") as bar:
        return {
            "seeds": SEEDS,
            "norms": norms_by_batch(SIZES, SEEDS, tick=bar.update),
            "ways": rates_by_way(rates=RATES, seeds=SEEDS, tick=bar.update),
            "positions": positions_by_task(seeds=SEEDS, steps=400, tick=bar.update),
        }
