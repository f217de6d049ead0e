"""Training where the whole way back, the first weights, or the batches are a student's: no op to replace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ... import backend, nn
from ... import functional as F
from ...data import Batches, digits
from ...tensor import Tensor, no_grad
from ..descend import descend
from ..two_layers import share_right
from .moments import OPTIMIZERS, Moment, moments
from .networks import HIDDEN, STEPS, Arrays, points

DEEP = (64, *[64] * 5, 10)
DEEP_RATES = {"sgd": 0.05, "adam": 0.002}
BATCH_RATES = {"sgd": 0.5, "adam": 0.01}

Weights = list[nn.Parameter]


def starting_weights(inputs: int, hidden: int, outputs: int, seed: int = 0) -> list[np.ndarray]:
    """w1, b1, w2, b2 of a network of two layers, about as large as PyTorch would draw them."""
    rng = np.random.default_rng(seed)
    shapes = (hidden, inputs), (hidden,), (outputs, hidden), (outputs,)
    return [rng.normal(0, s[-1] ** -0.5 if len(s) > 1 else 0, s).astype(np.float32) for s in shapes]


class Student:
    """Four weights, moved by an optimiser along the gradients that a function of a student's returns."""

    def __init__(self, gradients: Callable, optimizer: str, seed: int, *lr: float) -> None:
        self.gradients = gradients
        self.weights = [nn.Parameter(w) for w in starting_weights(2, HIDDEN, 3, seed)]
        self.stepper = OPTIMIZERS[optimizer](self.weights, *lr)
        self.held = points(seed + 1000, 600)

    def update(self, x: np.ndarray, t: np.ndarray) -> float:
        loss, *found = self.gradients(x, t, *(w.data.copy() for w in self.weights))
        for w, g in zip(self.weights, found, strict=True):
            w.grad = Tensor(fitting(g, w.data))
        self.stepper.step()
        return float(loss)

    def right(self) -> float:
        return share_right(*self.held, [w.data for w in self.weights])


def fitting(gradient: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`gradient` as the weight's dtype; another shape would be stretched silently, so it is refused."""
    gradient = np.asarray(gradient, weight.dtype)
    if gradient.shape != weight.shape:
        raise ValueError(f"a gradient {gradient.shape} for a weight {weight.shape}")
    return gradient


def with_gradients(function: Callable, optimizer: str, seed: int, steps: int = STEPS) -> Iterator[Moment]:
    """The spirals, all at once; ``function(x, t, *weights)`` gives the loss and four gradients."""
    student, data = Student(function, optimizer, seed), points(seed)
    yield from moments(steps, lambda: student.update(*data), student.right)


def with_batches(
    function: Callable, gradients: Callable, optimizer: str, seed: int, epochs: int = 80
) -> Iterator[Moment]:
    """The spirals, one class after the other; ``function(x, y, 32, epochs, seed)`` makes the batches.

    A step here is an epoch of them, and its loss that of the epoch's last batch.
    """
    x, t = points(seed)
    order = np.argsort(t, kind="stable")
    student = Student(gradients, optimizer, seed, BATCH_RATES[optimizer])
    made = list(function(x[order], t[order], 32, epochs, seed))

    def update() -> float:
        return [student.update(xb, tb) for xb, tb in made.pop(0)][-1]

    yield from moments(min(len(made), epochs), update, student.right)


def with_weights(function: Callable, optimizer: str, seed: int, epochs: int = 10) -> Iterator[Moment]:
    """Six layers with relu between them on the digits; ``function(fan_in, fan_out, seed)`` draws weights."""
    (x, y), (held_x, held_y) = halves(seed)
    with backend("numpy"):
        model = nn.Sequential(*deep_layers(function, seed))
        stepper = OPTIMIZERS[optimizer](model.parameters(), DEEP_RATES[optimizer])
        batches = Batches(x, y, batch_size=32, seed=seed)
        stream = (batch for _ in range(epochs) for batch in batches)

        def update() -> float:
            xb, yb = next(stream)
            loss = F.cross_entropy(model(Tensor(xb)), Tensor(yb))
            return descend(loss, stepper)

        def right() -> float:
            with no_grad():
                return float(np.mean(model(Tensor(held_x)).data.argmax(1) == held_y))

        yield from moments(epochs * len(batches), update, right)


def halves(seed: int) -> tuple[Arrays, Arrays]:
    """The digits as rows of 64, in two halves that `seed` draws: to learn from, and held out."""
    images, labels = (np.asarray(a) for a in digits())
    order = np.random.default_rng(seed).permutation(len(labels))
    x, y = images.reshape(len(images), -1)[order], labels[order]
    half = len(y) // 2
    return (x[:half], y[:half]), (x[half:], y[half:])


def deep_layers(weights: Callable, seed: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(zip(DEEP[:-1], DEEP[1:])):
        layer = nn.Linear(fan_in, fan_out)
        layer.weight.data[...] = fitting(weights(fan_in, fan_out, 100 * seed + i), layer.weight.data)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return layers[:-1]
