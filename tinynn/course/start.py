"""Chapter 00's digits and its broken function; its exercises are in `tinynn.course.exercises.ch00`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn, optim
from ..data import Batches, Dataset, digits, train_val_test_split
from ..random import manual_seed
from ..train import fit

GOAL = 85  # percent of the digits to look at that a rule for 3 and 8 should reach


def seen_and_new() -> tuple[Dataset, Dataset]:
    """The 1797 digits dealt into two halves: to look at and learn from, and to test on."""
    x, y = digits()
    seen, _, new = train_val_test_split(x, y, val=0, test=0.5, seed=0)
    return seen, new


def trained(data: Dataset) -> nn.Sequential:
    """The chapter's first result: a network that has learned the digits of `data`, as part 2 does by hand."""
    manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimiser = optim.Adam(network.parameters(), lr=0.003)
    batches = Batches(data.x, data.y, batch_size=32, seed=0)
    fit(network, batches, nn.CrossEntropyLoss(), optimiser, epochs=20, progress=False)
    return network.eval()


def threes_and_eights(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 8, 8) of the 3s and 8s, and which of them are 8s, bool (N,)."""
    rows = np.isin(data.y, (3, 8))
    return data.x[rows, 0], data.y[rows] == 8


def score(rule: Callable[[np.ndarray], Any], images: np.ndarray, is_eight: np.ndarray) -> float:
    """The share of images where ``rule(image)`` is right, 0 to 1."""
    return float(np.mean([bool(rule(image)) == truth for image, truth in zip(images, is_eight)]))


def draw(is_eight: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Which examples to learn from: n positions at random, as many 8s as 3s if there are enough of both."""
    order = np.random.default_rng(seed).permutation(len(is_eight))
    eights, threes = order[is_eight[order]], order[~is_eight[order]]
    half = min(max(n // 2, n - len(threes)), len(eights))
    return np.concatenate([eights[:half], threes[: n - half]])


# -- part 4: a function that is broken on purpose --------------------------------------------------------


def mixed_up(x, y, rng):
    """Put the examples in a random order."""
    x = rng.permutation(x)
    y = rng.permutation(y)
    return x, y


def source(function: Callable) -> str:
    """The lines of `function`, as they stand in its file."""
    return inspect.getsource(function).rstrip()
