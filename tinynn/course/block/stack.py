"""A deep stack on digits: with and without residuals, the norm before, behind or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import functional as F
from ... import manual_seed, nn, optim, tensor
from ...data import Batches, digits
from ...tensor import Tensor, no_grad
from ..descend import descend

WIDTH = 64
NORMS: dict[str, Callable[[], nn.Module]] = {
    "no norm": nn.Identity,
    "batch norm": lambda: nn.BatchNorm1d(WIDTH),
    "layer norm": lambda: nn.LayerNorm(WIDTH),
    "RMS norm": lambda: nn.RMSNorm(WIDTH, eps=1e-5),
}
WAYS = ("plain", "residual", "pre-norm", "post-norm")


class Layer(nn.Module):
    """One part of the stack: f is a linear layer, ReLU, and another linear layer.

    Parameters
    ----------
    way : {"plain", "residual", "pre-norm", "post-norm"}
        f(x), x + f(x), x + f(norm(x)), or norm(x + f(x)).
    norm : str
        One of `NORMS`.
    """

    def __init__(self, way: str, norm: str = "layer norm") -> None:
        super().__init__()
        self.way = way
        self.norm = NORMS[norm]() if "norm" in way else nn.Identity()
        self.inner, self.outer = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def f(self, x: Tensor) -> Tensor:
        return self.outer(F.relu(self.inner(x)))

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "plain":
            return self.f(x)
        if self.way == "post-norm":
            return self.norm(x + self.f(x))
        return x + self.f(self.norm(x))


class Stack(nn.Module):
    """Digits (N, 64) -> scores (N, 10) through `depth` layers of a kind; pre-norm has a norm at the end."""

    def __init__(self, way: str, depth: int, norm: str = "layer norm") -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(way, norm) for _ in range(depth))
        self.last = NORMS[norm]() if way == "pre-norm" else nn.Identity()
        self.out = nn.Linear(WIDTH, 10)

    def forward(self, x: Any) -> Tensor:
        x = tensor(x)
        for layer in self.layers:
            x = layer(x)
        return self.out(self.last(x))

    def along_the_way(self, x: Any) -> list[Tensor]:
        """What enters the stack, then what leaves each layer: depth + 1 arrays (N, 64)."""
        found = [tensor(x)]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return found


def standardised(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first n digits, all pixels with mean 0 and variance 1 together: (n, 64) and (n,)."""
    data = digits()
    x = data.x.reshape(len(data.x), 64)
    return ((x - x.mean()) / x.std())[:n].astype(np.float32), data.y[:n]


def build(way: str, depth: int, norm: str = "layer norm", seed: int = 0) -> Stack:
    manual_seed(seed)
    return Stack(way, depth, norm)


def train(
    model: nn.Module, x: np.ndarray, y: np.ndarray, steps: int, lr: float, batch_size: int = 32, seed: int = 0
) -> list[float]:
    """Train with Adam on batches; the loss of each step."""
    losses: list[float] = []
    optimiser = optim.Adam(model.parameters(), lr=lr)
    batches = Batches(x, y, batch_size=batch_size, seed=seed, drop_last=True)
    while len(losses) < steps:
        for xb, yb in batches:
            loss = F.cross_entropy(model(xb), yb)
            losses.append(descend(loss, optimiser))
            if len(losses) == steps:
                break
    return losses


def share_right(model: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """In evaluation: batch norm takes its running statistics."""
    model.eval()
    with no_grad():
        right = float(np.mean(model(x).data.argmax(axis=1) == y))
    model.train()
    return right


def sizes(model: Stack, x: np.ndarray) -> tuple[list[float], list[float]]:
    """Root mean squares: of the stream at the entry and behind each layer, and of what each layer adds."""
    with no_grad():
        stream = [part.data for part in model.along_the_way(x)]
    return [_rms(a) for a in stream], [_rms(b - a) for a, b in zip(stream, stream[1:])]


def _rms(a: np.ndarray) -> float:
    return float(np.sqrt(np.mean(a * a)))


def gradients(model: Stack, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The gradients of the loss by each layer's first weights, from the first layer to the last."""
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()
    return [layer.inner.weight.grad.data for layer in model.layers]  # type: ignore[attr-defined]


def share_in_batches(model: nn.Module, x: np.ndarray, y: np.ndarray, size: int = 32) -> float:
    """The share right where the examples come in batches of their order, in the mode that the model is in."""
    with no_grad():
        said = [model(x[i : i + size]).data.argmax(axis=1) for i in range(0, len(x), size)]
    return float(np.mean(np.concatenate(said) == y))
