"""10.2: rows of different lengths in one array, and which of its places are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ....data import mask as mask_of
from ....data import pad_sequence, sequences
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.places import in_place_of
from .training import by_letters

padding = Fill("10.2", "pad(rows, value)", returns="x mask", level=1, minutes=6, dtype_matters=False)


@padding.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case([[5, 6, 7], [8]], 0, note="3 tokens and 1, filled up with 0")
    yield case([[4], [9, 3], [7, 2, 6, 8]], 0, note="1, 2 and 4 tokens")
    yield case([[5, 6], [7, 8]], 0, tags="square", note="equal lengths: nothing to fill up")
    yield case([[3, 3], [4, 5, 3, 3, 6]], 3, note="filled up with 3, which is a token as well")
    yield case([[2, 9, 4], [7, 5]], -100, note="filled up with -100")
    yield case([[6, 2, 5]], 0, tags="one", note="a single row")


@padding.drawn
def _(rng: np.random.Generator) -> Case:
    lengths = rng.integers(1, draw.size(rng, most=20) + 1, draw.size(rng, most=15))
    rows = [[int(k) for k in rng.integers(0, 9, n)] for n in lengths]
    return case(rows, draw.one_of(rng, 0, 0, -100, 1, 5))


@padding.reference
def _(rows, value):
    x, lengths = pad_sequence(rows, value)
    return x, mask_of(lengths)


@padding.worked
def pad(rows, value):
    longest = max(len(row) for row in rows)
    x = np.full((len(rows), longest), value)  # (N, T)
    mask = np.zeros((len(rows), longest), bool)  # (N, T)
    for n, row in enumerate(rows):
        x[n, : len(row)] = row
        mask[n, : len(row)] = True
    return x, mask


@padding.right
def with_lists(rows, value):
    longest = max(map(len, rows))
    x = [list(row) + [value] * (longest - len(row)) for row in rows]
    mask = [[True] * len(row) + [False] * (longest - len(row)) for row in rows]
    return np.array(x), np.array(mask)


@padding.right
def by_broadcasting(rows, value):
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max()) < lengths[:, None]
    x = np.full(mask.shape, value)
    x[mask] = np.concatenate(rows)
    return x, mask


# -- mistakes --------------------------------------------------------------------------------------------


def _padded(rows: Any, value: int) -> tuple[np.ndarray, np.ndarray]:
    """The right answer, for mistakes to start from."""
    lengths = np.array([len(row) for row in rows])
    mask = np.arange(lengths.max()) < lengths[:, None]
    x = np.full(mask.shape, value)
    x[mask] = np.concatenate(rows)
    return x, mask


@padding.mistake
def filled_in_front(rows, value):
    x, mask = _padded([row[::-1] for row in rows], value)
    return x[:, ::-1], mask[:, ::-1]


@padding.mistake
def cut_to_the_shortest(rows, value):
    shortest = min(len(row) for row in rows)
    return np.array([row[:shortest] for row in rows]), np.ones((len(rows), shortest), bool)


@padding.mistake
def mask_from_the_numbers(rows, value):
    x, _ = _padded(rows, value)
    return x, x != value


@padding.mistake
def mask_turned_round(rows, value):
    x, mask = _padded(rows, value)
    return x, ~mask


@padding.mistake
def mask_one_short(rows, value):
    x, _ = _padded(rows, value)
    return x, np.arange(x.shape[1]) < np.array([len(row) - 1 for row in rows])[:, None]


@padding.mistake
def mask_one_long(rows, value):
    x, _ = _padded(rows, value)
    return x, np.arange(x.shape[1]) <= np.array([len(row) for row in rows])[:, None]


@padding.mistake
def mask_all_true(rows, value):
    x, mask = _padded(rows, value)
    return x, np.ones_like(mask)


@padding.mistake
def always_filled_with_0(rows, value):
    return _padded(rows, 0)


@padding.mistake
def last_token_repeated(rows, value):
    x, mask = _padded(rows, value)
    return np.array([list(r) + [r[-1]] * (x.shape[1] - len(r)) for r in rows]), mask


@padding.mistake
def one_column_too_many(rows, value):
    x, mask = _padded(rows, value)
    return np.pad(x, ((0, 0), (0, 1)), constant_values=value), np.pad(mask, ((0, 0), (0, 1)))


@padding.mistake
def columns_first(rows, value):
    x, mask = _padded(rows, value)
    return x.T, mask.T


@padding.mistake
def lengths_for_mask(rows, value):
    x, mask = _padded(rows, value)
    return x, mask.sum(axis=1)


@padding.two("always_filled_with_0", "mask_turned_round")
def _(rows, value):
    x, mask = _padded(rows, 0)
    return x, ~mask


@padding.two("filled_in_front", "mask_all_true")
def _(rows, value):
    x, mask = _padded([row[::-1] for row in rows], value)
    return x[:, ::-1], np.ones_like(mask)


@padding.swaps
def _(function: Callable) -> AbstractContextManager:
    def padded(rows: Any, value: int = 0, length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        x, mask = function([np.asarray(row).tolist() for row in rows], value)
        return np.asarray(x), np.asarray(mask).sum(axis=1)

    return in_place_of(sequences, "pad_sequence", padded)  # where `SequenceBatches` looks it up


@padding.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert padding.swap is not None
    with padding.swap(function):
        yield from by_letters(optimizer, seed)
