"""The small networks in which the effect of a mistake is measured: their data, their layers, their loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ... import backend, manual_seed, nn
from ... import functional as F
from ...data import moons, spirals
from ...optim import Optimizer
from ...tensor import Tensor, no_grad
from ..descend import descend
from .moments import OPTIMIZERS, Moment, moments

STEPS, HIDDEN = 500, 64
CLOSE = 0.1  # a number predicted to within this much counts as right

Arrays = tuple[np.ndarray, np.ndarray]


@cache
def points(seed: int, n: int = 300) -> Arrays:
    """Spirals of three classes."""
    x, t = spirals(n, seed=seed)
    return np.asarray(x), np.asarray(t)


@cache
def half_circles(seed: int, n: int = 300) -> Arrays:
    """Two classes: less wound than the spirals, which a smooth activation is slow to learn by descent."""
    x, t = moons(n, 0.15, seed)
    return np.asarray(x), np.asarray(t)


@cache
def waves(seed: int, n: int = 300) -> Arrays:
    """Two smooth functions of two numbers: (n, 2) and (n, 2)."""
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 2)).astype(np.float32)
    a, b = x.T
    return x, np.stack([np.sin(2 * a) * np.cos(b), a * b], axis=1)


class AddedBias(nn.Module):
    """A linear layer of two ops: a product, and a bias that is added to each row."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        layer = nn.Linear(inputs, outputs)
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Any) -> Tensor:
        return F.matmul(x, self.weight.transpose(0, 1)) + self.bias


class Gain(nn.Module):
    """Every hidden unit times a number of its own."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(np.ones(units, np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain


class Network(NamedTuple):
    """What is between input and output, what it learns from, what is minimised, and how right it is."""

    layers: Callable[[], list[nn.Module]]
    data: Callable[..., Arrays] = points
    loss: Callable[..., Tensor] = F.cross_entropy
    outputs: int = 3
    linear: Callable[[int, int], nn.Module] = nn.Linear
    sgd: float = 1.0  # the rate of gradient descent

    def build(self) -> nn.Sequential:
        return nn.Sequential(self.linear(2, HIDDEN), *self.layers(), self.linear(HIDDEN, self.outputs))

    def optimizer(self, name: str, params: Any) -> Optimizer:
        return OPTIMIZERS[name](params, self.sgd) if name == "sgd" else OPTIMIZERS[name](params)

    def right(self, y: np.ndarray, t: np.ndarray) -> float:
        """The share of rows whose class is right, or whose number is close."""
        hits = y.argmax(1) == t if t.ndim == 1 else np.abs(y - t) < CLOSE
        return float(np.mean(hits))


NETWORKS = {
    "relu": Network(lambda: [nn.ReLU()]),
    "added": Network(lambda: [nn.ReLU()], linear=AddedBias),
    "sigmoid": Network(lambda: [nn.Sigmoid()], half_circles, outputs=2, sgd=2.0),
    "softplus": Network(lambda: [nn.Softplus()], half_circles, outputs=2, sgd=2.0),
    "normalised": Network(lambda: [nn.LayerNorm(HIDDEN), nn.ReLU()], sgd=0.5),
    "rms": Network(lambda: [nn.RMSNorm(HIDDEN, eps=1e-5), nn.ReLU()], sgd=0.5),
    "dropped": Network(lambda: [nn.ReLU(), nn.Dropout(0.2)]),
    "gain": Network(lambda: [nn.ReLU(), Gain(HIDDEN)]),
    "numbers": Network(lambda: [nn.ReLU()], waves, F.mse_loss, outputs=2, sgd=0.3),
}
"""Their words, and the measure of what is right, stand in en/effects.toml under the same names."""


def train_network(name: str, optimizer: str, seed: int, steps: int = STEPS) -> Iterator[Moment]:
    """Train one of `NETWORKS` on all its data at once, with what the library's ops are made of now."""
    network = NETWORKS[name]
    x, t = network.data(seed)
    held_x, held_t = network.data(seed + 1000, 600)
    with backend("numpy"):
        manual_seed(seed)
        model = network.build()
        stepper = network.optimizer(optimizer, model.parameters())

        def update() -> float:
            loss = network.loss(model(Tensor(x)), Tensor(t))
            return descend(loss, stepper)

        def right() -> float:
            model.eval()
            with no_grad():
                y = model(Tensor(held_x)).data
            model.train()
            return network.right(y, held_t)

        yield from moments(steps, update, right)
