"""12.7: a sequence is moved by some places, and the output of attention changes. Where was rotary applied?"""

from __future__ import annotations

import numpy as np

from ....ops.rotary import angles, turn
from ...engine.kinds import NameTheBug

SHIFTS = (1, 5, 100)


def attended(q: np.ndarray, k: np.ndarray, v: np.ndarray, offset: int, turned: str) -> tuple:
    """Scores (T, T) and output (T, E) of one head at positions from `offset` on; `turned` names what is."""
    cos, sin = angles(*q.shape, offset, 10000.0, q.dtype)
    q, k, v = (turn(a, cos, sin) if name in turned else a for name, a in (("q", q), ("k", k), ("v", v)))
    scores = q @ k.T / np.sqrt(q.shape[1])  # (T, E) @ (E, T) -> (T, T)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores, e / e.sum(axis=1, keepdims=True) @ v


def moved(turned: str) -> list[tuple[int, float, float]]:
    """For each shift the largest change of the scores and of the output."""
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 8))
    found, here = [], attended(q, k, v, 0, turned)
    for shift in SHIFTS:
        scores, output = (np.abs(a - b) for a, b in zip(here, attended(q, k, v, shift, turned)))
        found.append((shift, float(scores.max()), float(output.max())))
    return found


def symptom() -> str:
    """The same six tokens at positions 0 to 5, and moved by some places."""
    lines = ["moved by   largest change of a score   largest change of the output"]
    for shift, scores, output in moved("qkv"):
        told = "below 0.000001" if scores < 1e-6 else f"{scores:.2f}"
        lines.append(f"{shift:8}   {told:<25}   {output:.2f}")
    return "\n".join(lines)


bug = NameTheBug(
    "12.7",
    options=("queries_only", "values_too", "positions_from_1", "neighbours_paired"),
    truth="values_too",
    symptom=symptom,
    level=2,
    minutes=4,
)
