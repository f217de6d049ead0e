"""A small transformer that reads in both directions, and tasks that are all about order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ... import backend, manual_seed, nn, optim, tensor
from ... import functional as F
from ...nn.attention import merge_heads, split_heads
from ...tensor import Tensor, no_grad
from ..descend import descend
from ..effects.moments import OPTIMIZERS, Moment, moments

LETTERS, WIDTH, HEADS = 12, 32, 2
LENGTH, LONGER = 12, 24
POSITIONS = ("none", "learned", "sinusoidal", "rotary")
IGNORED = -100
RATES = {"sgd": 0.5, "adam": 0.01}  # for `effects`


def back_two(x: np.ndarray) -> np.ndarray:
    """For each letter (N, T) the one two places before it; the first two are not asked."""
    y = np.full_like(x, IGNORED)
    y[:, 2:] = x[:, :-2]
    return y


def reversed_order(x: np.ndarray) -> np.ndarray:
    """The letters from the last to the first."""
    return np.ascontiguousarray(x[:, ::-1])


TASKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"two back": back_two, "reversed": reversed_order}


class Attention(nn.Module):
    """Attention of all to all; `rotary` turns queries and keys by their positions."""

    def __init__(self, rotary: bool) -> None:
        super().__init__()
        self.rotary = rotary
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (split_heads(part, HEADS) for part in F.split(self.qkv(x), (WIDTH,) * 3, -1))
        if self.rotary:
            q, k = F.rotary(q), F.rotary(k)
        return self.proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))


class Block(nn.Module):
    """x + attention(norm(x)), then x + net(norm(x))."""

    def __init__(self, rotary: bool, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.norm1, self.attention = norm(WIDTH), Attention(rotary)
        self.norm2 = norm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Reader(nn.Module):
    """Letters (N, T) -> scores (N, T, LETTERS), through one block."""

    def __init__(
        self, positions: str, norm: Callable[[int], nn.Module] = nn.LayerNorm, blocks: int = 1
    ) -> None:
        super().__init__()
        tables: dict[str, Any] = {"learned": nn.LearnedPositions, "sinusoidal": nn.SinusoidalPositions}
        self.embed = nn.Embedding(LETTERS, WIDTH)
        self.positions = tables[positions](LONGER, WIDTH) if positions in tables else nn.Identity()
        self.blocks = nn.ModuleList(Block(positions == "rotary", norm) for _ in range(blocks))
        self.norm, self.out = norm(WIDTH), nn.Linear(WIDTH, LETTERS)

    def forward(self, x: np.ndarray) -> Tensor:
        h = self.positions(self.embed(tensor(x)))  # (N, T, D)
        for block in self.blocks:
            h = block(h)
        return self.out(self.norm(h))


def build(positions: str, seed: int = 0, norm: Callable[[int], nn.Module] = nn.LayerNorm) -> Reader:
    manual_seed(seed)
    return Reader(positions, norm)


def letters(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    return rng.integers(LETTERS, size=(n, length))


def train(
    model: nn.Module, task: str, steps: int, lr: float = 0.01, n: int = 32, seed: int = 0
) -> list[float]:
    """Train with Adam on `n` new sequences of LENGTH letters in every step; the loss of each."""
    rng, optimiser = np.random.default_rng(seed), optim.Adam(model.parameters(), lr=lr)
    return [step(model, optimiser, task, rng, n) for _ in range(steps)]


def step(
    model: nn.Module, optimiser: optim.Optimizer, task: str, rng: np.random.Generator, n: int = 32
) -> float:
    x = letters(rng, n, LENGTH)  # (N, T)
    scores = model(x).reshape(-1, LETTERS)  # (N T, LETTERS)
    loss = F.cross_entropy(scores, TASKS[task](x).ravel(), ignore_index=IGNORED)
    return descend(loss, optimiser)


def share_right(model: nn.Module, task: str, length: int, n: int = 100) -> float:
    """Of the letters that are asked, on new sequences of `length`."""
    x = letters(np.random.default_rng(999), n, length)
    y = TASKS[task](x)
    with no_grad():
        said = model(x).data.argmax(axis=-1)
    return float(np.mean((said == y)[y != IGNORED]))


def with_rotary(optimizer: str, seed: int, steps: int = 200) -> Iterator[Moment]:
    """What training brings where positions are rotary and "two back" is learned; see `effects`."""
    with backend("numpy"):
        model, rng = build("rotary", seed), np.random.default_rng(seed)
        stepper = OPTIMIZERS[optimizer](model.parameters(), RATES[optimizer])
        yield from moments(
            steps,
            lambda: step(model, stepper, "two back", rng),
            lambda: share_right(model, "two back", LENGTH),
        )
