"""Computations that a tape is asked about, and their slopes by central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Plain:
    """Forward only; remembers the values from which somebody went backward."""

    roots: list[float] = []

    def __init__(self, data: Any) -> None:
        self.data = np.asarray(data, dtype=float)

    def __add__(self, other: Plain) -> Plain:
        return Plain(self.data + other.data)

    def __mul__(self, other: Plain) -> Plain:
        return Plain(self.data * other.data)

    def __matmul__(self, other: Plain) -> Plain:
        return Plain(self.data @ other.data)

    def sum(self) -> Plain:
        return Plain(self.data.sum())

    def relu(self) -> Plain:
        return Plain(np.maximum(self.data, 0))

    def exp(self) -> Plain:
        return Plain(np.exp(self.data))

    def log_softmax(self) -> Plain:
        z = self.data - self.data.max(axis=1, keepdims=True)
        return Plain(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))

    def backward(self) -> None:
        Plain.roots.append(float(self.data))


def value(build: Callable, arrays: tuple) -> float:
    """The sum of all values from which `build` and its caller go backward: what leaves add up."""
    Plain.roots = []
    build(*map(Plain, arrays)).backward()
    return sum(Plain.roots)


def slopes(build: Callable, arrays: tuple, h: float = 1e-5) -> list[np.ndarray]:
    """The gradient by each array, one element at a time."""
    found = [np.zeros(a.shape) for a in arrays]
    for k, a in enumerate(arrays):
        for i in np.ndindex(a.shape):
            up, down = a.copy(), a.copy()
            up[i], down[i] = a[i] + h, a[i] - h
            ends = [value(build, (*arrays[:k], b, *arrays[k + 1 :])) for b in (up, down)]
            found[k][i] = (ends[0] - ends[1]) / (2 * h)
    return found


def product(x, y):
    return (x * y).sum()


def twice(x, y):
    h = x * y
    return (h * h + h).sum()


def uneven(x, y):
    h = x * y
    return (h * (h * x + y) + x).sum()


def two_calls(x, y):
    h = (x * y).sum()
    h.backward()
    return h * h


def deep(x, y):
    for _ in range(1500):
        x = x + y
    return (x * y).sum()


def doubled(x, y):
    for _ in range(40):
        x = x + x
    return (x * y).sum()


def rows(x, y):
    return (x * y * x).sum()


def layer(x, w, b):
    h = x @ w + b
    return (h * h).sum()


def network(x, w, b):
    h = (x @ w + b).relu()
    return (h * h + h.exp()).sum()


def scores(x, w, b):
    h = x @ w + b
    return (h.log_softmax() * h).sum()
