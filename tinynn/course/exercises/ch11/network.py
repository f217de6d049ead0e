"""The network that measures the mistakes of chapter 11: a causal layer that continues what repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import backend, manual_seed, nn
from .... import functional as F
from ....tensor import Tensor, no_grad
from ...descend import descend
from ...effects.moments import OPTIMIZERS, Moment, moments

LETTERS, PERIOD, LENGTH, WIDTH, STEPS = 6, 3, 8, 16, 66


def repeating(seed: int, n: int) -> np.ndarray:
    """(n, LENGTH + 1) letters; three at random, over and over."""
    three = np.random.default_rng(seed).integers(0, LETTERS, (n, PERIOD))
    return np.tile(three, (1, LENGTH // PERIOD + 1))[:, : LENGTH + 1]


class Layer(nn.Module):
    """Letters and places, attention of one head to what came before, and logits of the next letter."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(LETTERS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, LETTERS)

    def forward(self, x: np.ndarray) -> Tensor:
        h = self.letters(x) + self.places(np.arange(x.shape[1]))  # (N, T, D)
        q, k, v = F.split(self.qkv(h), (WIDTH,) * 3, -1)
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True))  # (N, T, LETTERS)


def recalled(optimizer: str, seed: int, texts: int = 64, new: int = 200) -> Iterator[Moment]:
    """Train on what repeats. Right is a letter written from those before it alone: what leaks is no help."""
    seen, held = repeating(seed, texts), repeating(seed + 1000, new)
    known = slice(PERIOD - 1, None)  # before three letters have come nobody can know
    with backend("numpy"):
        manual_seed(seed)
        model = Layer()
        stepper = OPTIMIZERS[optimizer](model.parameters())

        def update() -> float:
            logits = model(seen[:, :-1])[:, known].reshape(-1, LETTERS)
            loss = F.cross_entropy(logits, seen[:, 1:][:, known].reshape(-1))
            return descend(loss, stepper)

        def right() -> float:
            with no_grad():
                ends = range(PERIOD, LENGTH + 1)
                said: list[Any] = [model(held[:, :t]).data[:, -1].argmax(1) for t in ends]
            return float(np.mean([s == held[:, t] for s, t in zip(said, ends)]))

        yield from moments(STEPS, update, right)
