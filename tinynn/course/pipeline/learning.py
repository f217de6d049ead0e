"""Networks that learn too well: few digits, some of them with wrong labels, and what holds a network back."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ... import functional as F
from ... import manual_seed, nn, no_grad, optim, tensor
from ...backends import backend
from ...data import Batches, Dataset, digits, train_val_test_split
from ...history import History
from ...train import evaluate, fit, train

EXAMPLES, EPOCHS, BATCH, RATE = 200, 40, 16, 0.005


class Curves(NamedTuple):
    """What was measured after each epoch, on the digits learned from and on those kept back."""

    loss: list[float]
    val_loss: list[float]
    right: list[float]
    val_right: list[float]


def few_digits(noise: float) -> tuple[Dataset, Dataset]:
    """200 digits to learn from, a share of them with a wrong label, and 700 to validate on."""
    data, order = digits().flat, np.random.default_rng(0).permutation(len(digits()))
    rng, y = np.random.default_rng(1), data.y[order[:EXAMPLES]].copy()
    wrong = rng.permutation(EXAMPLES)[: round(noise * EXAMPLES)]
    y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return Dataset(data.x[order[:EXAMPLES]], y), Dataset(data.x[order[-700:]], data.y[order[-700:]])


def small_network(units: int, middle: nn.Module | None = None, seed: int = 0) -> nn.Sequential:
    """64 pixels, one hidden layer, ten scores; `middle` comes behind the ReLU."""
    manual_seed(seed)
    between = [nn.ReLU()] if middle is None else [nn.ReLU(), middle]
    return nn.Sequential(nn.Linear(64, units), *between, nn.Linear(units, 10))


@cache
def curves(noise: float, units: int, decay: float) -> Curves:
    """Train a network of this size on labels with this noise, with this weight decay."""
    seen, kept = few_digits(noise)
    with backend("numpy"):
        network, found = small_network(units), Curves([], [], [], [])
        optimiser = optim.AdamW(network.parameters(), lr=RATE, weight_decay=decay)
        batches = Batches(*seen, batch_size=BATCH, seed=0)
        for step in train(
            network, batches, F.cross_entropy, optimiser, epochs=EPOCHS, validation=kept, progress=False
        ):
            if step.ends_epoch:
                loss, right = evaluate(network, seen, F.cross_entropy)
                for values, value in zip(found, (loss, step.val_loss, right, step.val_accuracy), strict=True):
                    values.append(float(value or 0))
    return found


def weight_sizes(network: nn.Module, history: History) -> tuple[float, float, int]:
    """Mean size of the first layer's weights, the share of them next to 0, and the epochs trained."""
    sizes = np.abs(next(network.parameters()).data)
    return float(sizes.mean()), float((sizes < 1e-3).mean()), len(history.epoch_ends)


def right_answers(networks: int, pool: Dataset) -> np.ndarray:
    """Which of the pool each of so many networks gets right, (networks, N); only their start is different."""
    seen, _ = few_digits(0.0)
    few = Dataset(seen.x[:60], seen.y[:60])
    found = []
    with backend("numpy"):
        for seed in range(networks):
            network = small_network(16, seed=seed)
            optimiser = optim.Adam(network.parameters(), lr=0.01)
            batches = Batches(*few, batch_size=BATCH, seed=seed)
            fit(network, batches, F.cross_entropy, optimiser, epochs=25, progress=False)
            with no_grad():
                found.append(network(tensor(pool.x)).data.argmax(axis=1) == pool.y)
    return np.array(found)


def winners(right: np.ndarray, size: int, draws: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """For small test sets drawn from the pool: what the best network gets there, and on all the rest.

    Parameters
    ----------
    right : bool (networks, N)
        See `right_answers`.
    """
    rng, told, truly = np.random.default_rng(0), [], []
    for _ in range(draws):
        order = rng.permutation(right.shape[1])
        scores = right[:, order[:size]].mean(axis=1)
        best = scores.argmax()
        told.append(scores[best])
        truly.append(right[best, order[size:]].mean())
    return np.array(told), np.array(truly)


def hasty(ink: np.ndarray, y: np.ndarray, later: Dataset) -> tuple[float, float]:
    """The short way: gaps become 0, nothing is cleaned, the best of ten on the test set is delivered.

    Returns
    -------
    promised, true : float
        The share right on that test set, and on what comes later.
    """
    readable = y >= 0
    x = np.nan_to_num(ink[readable]).astype(np.float32)
    seen, _, test = train_val_test_split(x, y[readable], val=0, test=0.2)
    found = []
    with backend("numpy"):
        for seed in range(10):
            network = small_network(64, seed=seed)
            optimiser = optim.Adam(network.parameters(), lr=RATE)
            batches = Batches(*seen, batch_size=64, seed=seed)
            fit(network, batches, F.cross_entropy, optimiser, epochs=25, progress=False)
            found.append([evaluate(network, part, F.cross_entropy).accuracy or 0.0 for part in (test, later)])
    return max(found)[0], max(found)[1]
