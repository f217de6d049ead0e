"""17.4: every value is 1, so every output must be 1. What a wrong tiled attention gives, tile by tile."""

from __future__ import annotations

import numpy as np

from ...engine.kinds import NameTheBug
from .tiled import accumulator_not_rescaled

KEYS = 8
ORDERS = {"rise": 1.0, "are all equal": 0.0, "fall": -1.0}


def given(slope: float, size: int) -> float:
    """The output of one query, all values 1; score j is `slope` times j."""
    q, k = np.ones((1, 1)), slope * np.arange(KEYS, dtype=float)[:, None]
    return float(accumulator_not_rescaled(q, k, np.ones((KEYS, 1)), size, False)[0][0, 0])


def symptom() -> str:
    lines = ["scores of 8 keys   tiles of 8   tiles of 4   tiles of 2"]
    for name, slope in ORDERS.items():
        lines.append(f"{name:<16}" + "".join(f"{given(slope, size):13.2f}" for size in (8, 4, 2)))
    return "\n".join(lines)


bug = NameTheBug(
    "17.4",
    options=("maximum_of_the_tile", "accumulator_not_rescaled", "nothing_rescaled", "tail_left_out"),
    truth="accumulator_not_rescaled",
    symptom=symptom,
    level=2,
    minutes=4,
)
