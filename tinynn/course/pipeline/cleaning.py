"""From rows of text to numbers: reading, gaps, copies, and labels that a network doubts."""

from __future__ import annotations

import numpy as np

from ... import functional as F
from ... import manual_seed, nn, optim, tensor
from ...data import Batches
from ...train import fit
from .table import NAMES, Row

NO_LABEL = -1


def read_label(text: str) -> int:
    """The digit that is meant: "7", " 7", "7.0", "Seven"; -1 where there is none."""
    text = text.strip().lower().removesuffix(".0")
    if text in NAMES:
        return NAMES.index(text)
    return int(text) if text.isdigit() and len(text) == 1 else NO_LABEL


def read_ink(text: str, scanner: str) -> float:
    """Ink from 0 to 1; NaN where there is none. The scanner says in what it counts."""
    full = {"A": 16, "B": 1, "C": 100}[scanner]
    try:
        return float(text.strip().removesuffix("%").replace(",", ".")) / full
    except ValueError:
        return float("nan")


def read_table(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Ink (N, 64), NaN where it is missing, and labels (N,), -1 where they are."""
    ink = np.array([[read_ink(row[f"p{j}"], row["scanner"]) for j in range(64)] for row in rows])
    return ink, np.array([read_label(row["label"]) for row in rows])


def filled(ink: np.ndarray) -> np.ndarray:
    """Each gap gets the mean of the pixels around it: of this image alone, so nothing can leak.

    Parameters
    ----------
    ink : (N, 64)
        With NaN where a pixel is missing.
    """
    padded = np.pad(ink.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    around = np.stack([padded[:, r : r + 8, c : c + 8] for r in range(3) for c in range(3)])  # (9, N, 8, 8)
    there = ~np.isnan(around)
    mean = np.where(there, around, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(np.isnan(ink), mean.reshape(ink.shape), ink)


def copies(ink: np.ndarray) -> np.ndarray:
    """Which rows have the same pixels as an earlier one, (N,), missing pixels left out of the comparison."""
    known = (~np.isnan(ink)).astype(float)  # (N, 64)
    values = np.nan_to_num(ink)
    squares = (values**2) @ known.T  # (N, N): the squares of i where j is known too
    apart = squares + squares.T - 2 * values @ values.T
    same = (apart < 1e-3) & (known @ known.T > 32)  # of two torn images nothing can be said
    return np.tril(same, -1).any(axis=1)


def own_share(x: np.ndarray, y: np.ndarray, folds: int = 5, seed: int = 0) -> np.ndarray:
    """The probability that networks give to each row's own label, (N,); none was trained on that row."""
    share = np.empty(len(x))
    part = np.random.default_rng(seed).permutation(len(x)) % folds
    for k in range(folds):
        manual_seed(seed)
        network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        batches = Batches(x[part != k], y[part != k], batch_size=32, seed=seed)
        fit(
            network,
            batches,
            F.cross_entropy,
            optim.Adam(network.parameters(), 0.003),
            epochs=8,
            progress=False,
        )
        p = F.softmax(network(tensor(x[part == k]))).data
        share[part == k] = p[np.arange(len(p)), y[part == k]]
    return share
