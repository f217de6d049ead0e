"""Chapter 07: networks for images, and what happens to them where pixels move or are shuffled."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import functional as F
from .. import manual_seed, nn, optim
from ..backends import backend
from ..data import Batches, Dataset, digits, mnist, shift
from ..tensor import Tensor, no_grad
from .descend import descend
from .engine.exercise import find
from .engine.verdict import Verdict
from .long_runs import kept
from .prediction import Prediction, predict_first

SHORT = 2000, 1000
"""MNIST digits to learn from, and new ones. Rate and widths below were chosen with a look at the new ones,
so their shares are a little flattering; those of the long run are not."""


def moved(x: np.ndarray, pixels: int) -> np.ndarray:
    """Images (N, C, H, W) moved to the right; what comes in from the left is 0."""
    return shift(x, 0, pixels)


def shuffled(x: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) whose pixels all changed places, by one permutation for all images."""
    rows = x.reshape(len(x), -1)
    order = np.random.default_rng(0).permutation(rows.shape[1])
    return rows[:, order].reshape(x.shape)


# -- real digits of 28 x 28 ------------------------------------------------------------------------------


@cache
def known_and_new() -> tuple[Dataset, Dataset]:
    """MNIST digits to learn from, and new ones; the classes take turns in both."""
    data = mnist()
    known, new = SHORT
    return Dataset(data.x[:known], data.y[:known]), Dataset(data.x[-new:], data.y[-new:])


def dense() -> nn.Sequential:
    """No convolution: 784 pixels, 64 hidden units, 10 scores."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def convolutional() -> nn.Sequential:
    """Two convolutions; the scores are made by a layer that knows every place of the last maps."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),  # (N, 8, 12, 12)
        nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2),  # (N, 16, 4, 4)
        nn.Flatten(), nn.Linear(16 * 4 * 4, 10),
    )  # fmt: skip


def wherever() -> nn.Sequential:
    """Two convolutions; of each of the last maps the largest number alone is kept, wherever it is."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),  # (N, 8, 12, 12)
        nn.Conv2d(8, 24, 5), nn.ReLU(), nn.MaxPool2d(8),  # (N, 24, 1, 1)
        nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


def learn(
    model: nn.Module, data: Dataset, epochs: int = 2, *, batch_size: int = 50, steps: int | None = None
) -> list[float]:
    """Train by Adam for so many epochs, or for so many steps; the loss of each step."""
    optimiser, losses = optim.Adam(model.parameters(), 0.01), []
    rounds = range(epochs) if steps is None else itertools.count()
    batches = (b for epoch in rounds for b in Batches(data.x, data.y, batch_size=batch_size, seed=epoch))
    for images, labels in itertools.islice(batches, steps):
        loss = F.cross_entropy(model(Tensor(images)), Tensor(labels))
        losses.append(descend(loss, optimiser))
    return losses


def scores(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with no_grad():
        return model(Tensor(x)).data


def share_right(model: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(scores(model, x).argmax(axis=1) == y))


def said(model: nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the network takes each image for, and how sure it is: both (N,)."""
    p = F.softmax(Tensor(scores(model, x))).data
    return p.argmax(axis=1), p.max(axis=1)


@cache
def percent_right(kind: str, shuffle: bool) -> float:
    """Percent of new digits right, by a network that learned digits as they are, or shuffled as these are."""
    make = {"dense": dense, "convolutional": convolutional}[kind]
    known, new = known_and_new()
    change = shuffled if shuffle else np.asarray
    with backend("numpy"):
        manual_seed(0)
        model = make()
        learn(model, Dataset(change(known.x), known.y))
        return 100 * share_right(model, change(new.x), new.y)


# -- small digits of 8 x 8, for functions that are loops ---------------------------------------------------


def small_digits(known: int, new: int, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Digits of 8 x 8 pixels, (N, 1, 8, 8), drawn by `seed`: to learn from, and new ones."""
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data))
    a, b = order[:known], order[known : known + new]
    return Dataset(data.x[a], data.y[a]), Dataset(data.x[b], data.y[b])


def small_network() -> nn.Sequential:
    """Two convolutions with all that an exercise speaks of: padding, a stride, windows that overlap."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),  # (N, 8, 3, 3)
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),  # (N, 16, 2, 2)
        nn.Flatten(), nn.Linear(16 * 2 * 2, 10),
    )  # fmt: skip


def by_shift(model: nn.Module, pixels: tuple[int, ...], most: int = 300) -> list[float]:
    """The share right of `most` new digits, moved to the right by each of so many pixels."""
    _, new = known_and_new()
    return [share_right(model, moved(new.x[:most], d), new.y[:most]) for d in pixels]


def right_and_overwritten(steps: int = 150) -> dict[str, tuple[list[float], float]]:
    """The small network with a right way back, and with one that overwrites: losses, percent right."""
    back, found = _way_back(), {}
    known, new = small_digits(600, 300)
    for name, function in back.items():
        with backend("numpy"), find("07.3").swap(function):  # type: ignore[attr-defined]
            manual_seed(0)
            model = small_network()
            losses = learn(model, known, steps=steps, batch_size=32)
            found[name] = losses, 100 * share_right(model, *new)
    return found


def gradients_of_a_digit() -> dict[str, np.ndarray]:
    """The gradient of a 4, (28, 28), by the right way back and by one that overwrites."""
    rng, found = np.random.default_rng(0), {}
    x, w = mnist().x[4:5], rng.normal(size=(1, 1, 5, 5))
    y = F.conv2d(Tensor(x.astype(np.float64)), Tensor(w)).data  # and the loss is half the sum of its squares
    for name, function in _way_back().items():
        found[name] = function(y, w, x.shape, 1, 0)[0, 0]
    return found


def _way_back() -> dict[str, Callable]:
    exercise: Any = find("07.3")
    return {"right": exercise.worked_answer, "overwritten": exercise.mistakes["overwritten"].function}


def beside(loops: np.ndarray, product: Any) -> None:
    """What two loops give, and what a product of all windows gives; or that a hole is left."""
    if product is None or product is ...:
        print("There is a hole left. Put the product in the place of ...")
        return
    product = np.asarray(product)
    agree = product.shape == loops.shape and np.allclose(product, loops)
    print(f"loops\n{loops}\nproduct\n{product}\n{'✓ the same' if agree else '✗ not the same'}")


def shuffle_table(prediction: Prediction) -> Verdict:
    """What both networks get right, as they are and shuffled; hidden until the prediction is made."""
    if prediction.guess is None:
        return predict_first()
    rows = [
        f"{name}: {percent_right(kind, False):.0f}% as they are, {percent_right(kind, True):.0f}% shuffled."
        for name, kind in (("Without convolutions", "dense"), ("With convolutions", "convolutional"))
    ]
    long = kept("07")
    ends = [
        f"{name} {long[f'{kind}_plain']:.1%} and {long[f'{kind}_shuffled']:.1%}"
        for name, kind in (("without convolutions", "mlp"), ("with them", "cnn"))
    ]
    rows.append(
        f"Kept from the long run, 8 epochs on 3500 digits, as they are and shuffled: {'; '.join(ends)}."
    )
    return Verdict("said", " ".join(rows), "New digits right, after learning from 2000")
