"""13.1: pieces of a stream of tokens, and their targets, which are the same one token later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ....data import Windows
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.places import in_place_of
from .training import characters

shifted = Fill("13.1", "windows(tokens, starts, length)", returns="x y", level=1, minutes=5)


@shifted.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    letters = np.array([4, 7, 7, 2, 9, 5, 1, 3])
    yield case(letters, np.array([0, 3]), 3, note="8 tokens, pieces of 3 from places 0 and 3")
    yield case(rng.integers(0, 50, 20), np.array([5, 0, 11]), 4, note="20 tokens, three pieces of 4")
    yield case(letters, np.array([4, 4]), 3, note="the last piece that fits, twice")
    yield case(letters, np.array([2]), 1, tags="one", note="one piece of a single token")
    yield case(
        rng.integers(0, 90, 16),
        np.array([1, 9, 3]),
        3,
        tags="square",
        note="as many pieces as tokens in each",
    )


@shifted.drawn
def _(rng: np.random.Generator) -> Case:
    length = draw.size(rng, most=20)
    tokens = rng.integers(0, draw.one_of(rng, 3, 100), length + 1 + draw.size(rng, most=60))
    starts = rng.integers(0, len(tokens) - length, draw.size(rng, most=9))
    return case(tokens, starts, length)


def _cut(tokens: Any, starts: Any, length: int, by: int = 0) -> np.ndarray:
    """(N, T): pieces that begin `by` places behind the starts; what is beyond the end is the last token."""
    at = np.asarray(starts)[:, None] + np.arange(length) + by
    return tokens[np.clip(at, 0, len(tokens) - 1)]


@shifted.reference
def _(tokens, starts, length):
    return _cut(tokens, starts, length), _cut(tokens, starts, length, 1)


@shifted.worked
def windows(tokens, starts, length):
    at = starts[:, None] + np.arange(length)  # (N, 1) + (T,) -> (N, T): places in the stream
    return tokens[at], tokens[at + 1]  # the target of each token is the one behind it


@shifted.right
def piece_by_piece(tokens, starts, length):
    x = np.stack([tokens[s : s + length] for s in starts])
    y = np.stack([tokens[s + 1 : s + length + 1] for s in starts])
    return x, y


@shifted.right
def one_longer_and_cut(tokens, starts, length):
    pieces = np.lib.stride_tricks.sliding_window_view(tokens, length + 1)[starts]
    return pieces[:, :-1].copy(), pieces[:, 1:].copy()


# -- mistakes --------------------------------------------------------------------------------------------


@shifted.mistake
def not_shifted(tokens, starts, length):
    return _cut(tokens, starts, length), _cut(tokens, starts, length)


@shifted.mistake
def shifted_back(tokens, starts, length):
    return _cut(tokens, starts, length), _cut(tokens, starts, length, -1)


@shifted.mistake
def two_ahead(tokens, starts, length):
    return _cut(tokens, starts, length), _cut(tokens, starts, length, 2)


@shifted.mistake
def a_piece_ahead(tokens, starts, length):
    return _cut(tokens, starts, length), _cut(tokens, starts, length, length)


@shifted.mistake
def inputs_shifted(tokens, starts, length):
    return _cut(tokens, starts, length, 1), _cut(tokens, starts, length)


@shifted.mistake
def one_target_each(tokens, starts, length):
    return _cut(tokens, starts, length), _cut(tokens, starts, length, 1)[:, -1]


@shifted.mistake
def rolled_in_the_piece(tokens, starts, length):
    x = _cut(tokens, starts, length)
    return x, np.roll(x, -1, axis=1)


@shifted.mistake
def too_short(tokens, starts, length):
    x = _cut(tokens, starts, length)
    return x[:, :-1], x[:, 1:]


@shifted.mistake
def turned(tokens, starts, length):
    return _cut(tokens, starts, length).T, _cut(tokens, starts, length, 1).T


@shifted.mistake
def places(tokens, starts, length):
    at = starts[:, None] + np.arange(length)
    return at, at + 1


@shifted.mistake
def starts_not_used(tokens, starts, length):
    first = np.arange(len(starts))
    return _cut(tokens, first, length), _cut(tokens, first, length, 1)


@shifted.two("not_shifted", "turned")
def _(tokens, starts, length):
    return _cut(tokens, starts, length).T, _cut(tokens, starts, length).T


@shifted.swaps
def _(function: Callable) -> AbstractContextManager:
    """Where `Windows` cuts its batches."""

    def batch(self: Windows, rows: np.ndarray, i: int, key: int | None) -> tuple[np.ndarray, ...]:
        first = np.random.default_rng([key, 1]).integers(self.length) if key is not None else 0
        starts = np.minimum(rows * self.length + first, len(self.tokens) - 1 - self.length)
        x, y = function(self.tokens, starts, self.length)
        return np.asarray(x), np.asarray(y)

    return in_place_of(Windows, "_batch", batch)


@shifted.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert shifted.swap is not None
    with shifted.swap(function):
        yield from characters(optimizer, seed)
