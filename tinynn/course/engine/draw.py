"""What the inputs drawn at random are made of: sizes, shapes, kinds of numbers, and how they lie in memory.

Everything comes from the generator handed in, so that an exercise has the same inputs at every check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Shape = tuple[int, ...]


def one_of(rng: Rng, *values: Any) -> Any:
    """One of the values, which keeps its type."""
    return values[rng.integers(len(values))]


def dtype(rng: Rng) -> type:
    """float64, and float32 for one input in four."""
    return np.float32 if rng.random() < 0.25 else np.float64


def size(rng: Rng, least: int = 1, most: int = 40) -> int:
    """Mostly small, sometimes beyond any block or threshold that somebody may have written down."""
    end = max(least, min(7, most)) if rng.random() < 0.8 else most
    return int(rng.integers(least, end + 1))


def sizes(rng: Rng, count: int, most: int = 40) -> list[int]:
    """Several sizes; all of them equal, or two of them, more often than by chance."""
    drawn = [size(rng, most=most) for _ in range(count)]
    equal = rng.random()
    if equal < 0.1:
        return drawn[:1] * count
    if equal < 0.3 and count > 1:
        i, j = rng.choice(count, 2, replace=False)
        drawn[i] = drawn[j]
    return drawn


def shape(rng: Rng, least: int = 0, most: int = 4) -> Shape:
    """A shape with `least` to `most` axes, 1 and 2 among their sizes, and some 200 elements at most.

    `least` is 0 only where the task names the shape `()`: what NumPy computes from such an array is a number
    that takes no index, and a right answer that writes into its own result would stop there.
    """
    axes = int(rng.integers(least, most + 1))
    return tuple(size(rng, most={0: 1, 1: 200, 2: 20, 3: 6}.get(axes, 4)) for _ in range(axes))


KINDS: dict[str, Callable[[Rng, Shape], np.ndarray]] = {
    "usual": lambda rng, s: rng.normal(size=s),
    "whole": lambda rng, s: rng.integers(-3, 4, size=s) * 1.0,
    "below": lambda rng, s: -0.1 - rng.exponential(size=s),
    "above": lambda rng, s: 0.1 + rng.exponential(size=s),
    "equal": lambda rng, s: np.full(s, rng.choice([-1.5, 0.5, 2.0])),
    "sparse": lambda rng, s: rng.normal(size=s) * (rng.random(s) < 0.4),
    "wide": lambda rng, s: rng.normal(size=s) * 10.0 ** rng.integers(-6, 4, size=s),
    "tiny": lambda rng, s: rng.normal(size=s) * 10.0 ** -rng.integers(3, 13),
    "huge": lambda rng, s: rng.normal(size=s) * 10.0 ** rng.integers(2, 7),
}
"""Kinds of numbers. "whole" has zeros and repeated values, "sparse" zeros of both signs."""


def numbers(rng: Rng, shape: Shape, kinds: str = "") -> np.ndarray:
    """An array of numbers of one kind, out of `kinds` or of all; the usual ones for one array in three."""
    known = kinds.split() or list(KINDS)
    kind = known[0] if rng.random() < 0.35 else one_of(rng, *known)
    return np.asarray(KINDS[kind](rng, shape))


def laid(rng: Rng, a: np.ndarray) -> np.ndarray:
    """The same array, some of the time lying column by column, or with gaps between its elements."""
    how = rng.random() if a.ndim else 0.0
    if how < 0.7:
        return a
    return np.asfortranarray(a) if how < 0.85 else np.repeat(a, 2, axis=-1)[..., ::2]


def arrays(rng: Rng, *shapes: Shape, kinds: str = "") -> list[np.ndarray]:
    """Arrays of one dtype."""
    kind = dtype(rng)
    return [laid(rng, numbers(rng, s, kinds).astype(kind)) for s in shapes]


def scores(rng: Rng, shape: Shape, most: float = 2000.0) -> np.ndarray:
    """Rows of scores along the last axis, each row somewhere between -`most` / 2 and `most`."""
    base = rng.uniform(-most / 2, most, size=(*shape[:-1], 1)) * (rng.random((*shape[:-1], 1)) < 0.4)
    spread = one_of(rng, 1e-3, 1.0, 1.0, 5.0, 40.0, most / 4)
    return np.clip(base + spread * numbers(rng, shape, "usual whole below above equal"), -most / 2, most)


def graph(rng: Rng, most: int = 14) -> dict[str, list[str]]:
    """Names and what each is computed from, every input before its users; leaves, and names used twice.

    At most some 300 ways lead to a name: who follows each of them is slow, and not wrong.
    """
    names = [str(name) for name in rng.permutation([f"{a}{i}" for i in range(3) for a in "abcdehtwxyz"])]
    names = names[: int(rng.integers(1, most + 1))]
    inputs: dict[str, list[str]] = {}
    ways: dict[str, int] = {}
    for i, name in enumerate(names):
        count = 0 if i == 0 or rng.random() < 0.15 else int(rng.integers(1, 4))
        chosen = [names[int(k)] for k in rng.integers(max(0, i - 5), i, size=count)] if count else []
        inputs[name] = chosen if sum(ways[c] for c in chosen) <= 300 else chosen[:1]
        ways[name] = max(1, sum(ways[c] for c in inputs[name]))
    return inputs


def in_any_order(rng: Rng, items: dict[str, Any]) -> dict[str, Any]:
    """The same dict, put together in another order."""
    return {name: items[name] for name in map(str, rng.permutation(list(items)))}
