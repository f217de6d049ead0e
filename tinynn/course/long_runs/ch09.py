"""The long run of chapter 09: how long a delay each kind of network learns to bridge, over several seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from ... import backend
from ..recall import share_right, trained

LENGTHS, SEEDS, RATES, STEPS = (5, 10, 20, 40, 80), (0, 1, 2), (0.01, 0.02), 400
NETWORKS: dict[str, dict[str, Any]] = {
    "RNN, 16 units": {"kind": "RNN"},
    "RNN, 35 units": {"kind": "RNN", "hidden": 35},  # as many weights as the LSTM
    "LSTM, forget bias 0": {"kind": "LSTM", "keep": 0.0},
    "LSTM, forget bias 5": {"kind": "LSTM", "keep": 5.0},
    "LSTM, forget 5, input −5": {"kind": "LSTM", "keep": 5.0, "enter": -5.0},
    "GRU, keep bias 0": {"kind": "GRU", "keep": 0.0},
    "GRU, keep bias 5": {"kind": "GRU", "keep": 5.0},
}


def run() -> dict[str, Any]:
    """Percent of new sequences right, by network and length: each seed's, at the better of two rates."""
    shares: dict[str, list[list[float]]] = {}
    with tqdm(total=len(NETWORKS) * len(LENGTHS)) as bar, backend("numba"):
        for name, how in NETWORKS.items():
            shares[name] = []
            for length in LENGTHS:
                shares[name].append(at_the_better_rate(length, how))
                bar.update()
    settings = f"{STEPS} steps of 32 new sequences, Adam at the better of {RATES}, seeds {SEEDS}"
    return {"lengths": list(LENGTHS), "settings": settings, "shares": shares}


def at_the_better_rate(length: int, how: dict[str, Any]) -> list[float]:
    tried = [
        [
            100 * share_right(trained(length=length, steps=STEPS, lr=lr, seed=seed, **how), length)
            for seed in SEEDS
        ]
        for lr in RATES
    ]
    return [round(share, 1) for share in max(tried, key=np.mean)]
