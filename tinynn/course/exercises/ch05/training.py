"""Short training runs that chapter 05's exercises show their mistakes in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .... import backend, nn, ops
from .... import functional as F
from ....data import Batches, digits, spirals
from ....optim import SGD
from ....tensor import Tensor, no_grad
from ....train import DivergedError, train
from ..ch03.network import starting_weights

Run = tuple[list[float], float]
"""The loss of each step, and the accuracy at the end."""

DEEP = (64, *[64] * 5, 10)


def deep_network(weights: Callable, epochs: int = 4, lr: float = 0.03) -> Run:
    """Six layers with relu between them on the digits; ``weights(fan_in, fan_out, seed)`` draws them."""
    x, y = digits()
    x = x.reshape(len(x), -1)
    with backend("numpy"):
        model = nn.Sequential(*_layers(weights))
        losses: list[float] = []
        batches = Batches(x, y, batch_size=32, seed=0)
        try:
            for step in train(
                model, batches, F.cross_entropy, SGD(model.parameters(), lr), epochs=epochs, progress=False
            ):
                losses.append(step.loss)
        except DivergedError:
            losses.append(float("nan"))
        with no_grad():
            scores = model(Tensor(x)).data
    return losses, float(np.mean(scores.argmax(1) == y))


def _layers(weights: Callable) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(zip(DEEP[:-1], DEEP[1:])):
        layer = nn.Linear(fan_in, fan_out)
        layer.weight.data[...] = weights(fan_in, fan_out, i)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return layers[:-1]


def in_batches(epochs_of: Callable, epochs: int = 200, lr: float = 0.3) -> Run:
    """Spirals, in the batches of ``epochs_of(x, y, batch_size, epochs, seed)``, by gradient descent."""
    from ..ch03.network import network_gradients

    x, t = (np.asarray(a) for a in spirals(300))
    order = np.argsort(t, kind="stable")  # as data often come: one class after the other
    x, t = x[order], t[order]
    weights, losses = starting_weights(2, 64, 3), []
    for batches in epochs_of(x, t, 32, epochs, 0):
        for xb, tb in batches:
            loss, *gradients = network_gradients(xb, tb, *weights)
            weights = [w - lr * g for w, g in zip(weights, gradients)]
            losses.append(float(loss))
    return losses, accuracy(x, t, weights)


def by_adam(gradients: Callable, steps: int = 600, lr: float = 0.01) -> Run:
    """Spirals, all at once, by Adam, with the gradients that ``gradients(x, t, *weights)`` returns."""
    x, t = (np.asarray(a) for a in spirals(300))
    weights, losses = starting_weights(2, 64, 3), []
    state = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    update = ops.adam_update.pairs["numpy"].forward
    for step in range(1, steps + 1):
        loss, *found = gradients(x, t, *weights)
        for w, g, (m, v) in zip(weights, found, state):
            update(w, g.astype(w.dtype), m, v, lr=lr, t=step)
        losses.append(float(loss))
    return losses, accuracy(x, t, weights)


def accuracy(x: np.ndarray, t: np.ndarray, weights: list[np.ndarray]) -> float:
    """The share of rows whose largest score is that of the right class, in a network of two layers."""
    w1, b1, w2, b2 = weights
    scores = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    return float(np.mean(scores.argmax(1) == t))
