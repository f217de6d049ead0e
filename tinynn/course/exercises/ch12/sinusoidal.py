"""12.4: sinusoidal positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

waves = Fill(
    "12.4",
    "sinusoidal(length, width)",
    returns="table",
    level=2,
    minutes=7,
    tolerance=1e-6,
    dtype_matters=False,
)


@waves.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(3, 4, note="3 positions, 4 numbers for each")
    yield case(4, 4, tags="square", note="4 positions, 4 numbers for each")
    yield case(7, 2, note="7 positions, a single pair of columns")
    yield case(1, 6, tags="one", note="one position")
    yield case(12, 8, note="12 positions, 8 numbers for each")
    yield case(200, 16, tags="large", note="200 positions, 16 numbers for each")


@waves.drawn
def _(rng: np.random.Generator) -> Case:
    return case(draw.size(rng, most=60), 2 * draw.size(rng, most=20))


def _table(length: int, width: int, **how: Any) -> np.ndarray:
    """The right table, or one with a part of it changed."""
    t = how.get("positions", np.arange)(length)
    w = how.get("frequencies", lambda width: 10000.0 ** (-np.arange(0, width, 2) / width))(width)
    turned = t[:, None] * w
    first, second = how.get("pair", lambda a: (np.sin(a), np.cos(a)))(turned)
    table = np.empty((length, width))
    table[:, 0::2], table[:, 1::2] = first, second
    return table


@waves.reference
def _(length, width):
    return _table(length, width)


@waves.worked
def sinusoidal(length, width):
    t = np.arange(length)[:, None]  # (length, 1)
    w = 10000.0 ** (-np.arange(0, width, 2) / width)  # (width / 2,): from 1 downwards
    table = np.zeros((length, width))
    table[:, 0::2] = np.sin(t * w)  # (length, width / 2)
    table[:, 1::2] = np.cos(t * w)
    return table


@waves.right
def stacked(length, width):
    turned = np.outer(np.arange(length), np.exp(-np.log(10000.0) * np.arange(0, width, 2) / width))
    return np.stack([np.sin(turned), np.cos(turned)], axis=-1).reshape(length, width)


@waves.right
def column_by_column(length, width):
    table = np.zeros((length, width), np.float32)
    for j in range(width):
        for t in range(length):
            angle = t / 10000 ** (j // 2 * 2 / width)
            table[t, j] = np.cos(angle) if j % 2 else np.sin(angle)
    return table


@waves.mistake
def positions_from_1(length, width):
    return _table(length, width, positions=lambda n: np.arange(1, n + 1))


@waves.mistake
def halves(length, width):
    table = _table(length, width)
    return np.concatenate([table[:, 0::2], table[:, 1::2]], axis=1)


@waves.mistake
def cosine_first(length, width):
    return _table(length, width, pair=lambda a: (np.cos(a), np.sin(a)))


@waves.mistake
def sines_only(length, width):
    return _table(length, width, pair=lambda a: (np.sin(a), np.sin(a)))


@waves.mistake
def a_frequency_each(length, width):
    turned = np.arange(length)[:, None] * 10000.0 ** (-np.arange(width) / width)
    return np.where(np.arange(width) % 2, np.cos(turned), np.sin(turned))


@waves.mistake
def pairs_counted_by_one(length, width):
    return _table(length, width, frequencies=lambda d: 10000.0 ** (-np.arange(d // 2) / d))


@waves.mistake
def exponent_doubled(length, width):
    return _table(length, width, frequencies=lambda d: 10000.0 ** (-2 * np.arange(0, d, 2) / d))


@waves.mistake
def divided_by_the_pairs_less_1(length, width):
    return _table(length, width, frequencies=lambda d: 10000.0 ** (-np.arange(d // 2) / max(d // 2 - 1, 1)))


@waves.mistake
def faster_and_faster(length, width):
    return _table(length, width, frequencies=lambda d: 10000.0 ** (np.arange(0, d, 2) / d))


@waves.mistake
def one_frequency(length, width):
    return _table(length, width, frequencies=lambda d: np.ones(d // 2))


@waves.mistake
def base_1000(length, width):
    return _table(length, width, frequencies=lambda d: 1000.0 ** (-np.arange(0, d, 2) / d))


@waves.mistake
def in_degrees(length, width):
    return _table(length, width, pair=lambda a: (np.sin(np.deg2rad(a)), np.cos(np.deg2rad(a))))


@waves.mistake
def whole_turns(length, width):
    return _table(length, width, pair=lambda a: (np.sin(2 * np.pi * a), np.cos(2 * np.pi * a)))


@waves.mistake
def positions_as_columns(length, width):
    return _table(length, width).T


@waves.mistake
def divided_by_the_length(length, width):
    return _table(length, width, positions=lambda n: np.arange(n) / n)


@waves.two("positions_from_1", "cosine_first")
def _(length, width):
    return _table(
        length, width, positions=lambda n: np.arange(1, n + 1), pair=lambda a: (np.cos(a), np.sin(a))
    )


@waves.two("positions_from_1", "halves")
def _(length, width):
    table = _table(length, width, positions=lambda n: np.arange(1, n + 1))
    return np.concatenate([table[:, 0::2], table[:, 1::2]], axis=1)
