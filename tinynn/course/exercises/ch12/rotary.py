"""12.5: rotary positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case

turning = Fill(
    "12.5", "rotary(x, positions, base)", returns="y", level=3, minutes=9, tolerance=1e-6, dtype_matters=False
)


@turning.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(
        np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), np.arange(3), 10000.0, note="3 rows of one pair"
    )
    yield case(rng.normal(size=(3, 4)).round(1), np.arange(3), 100.0, note="3 rows of two pairs, base 100")
    yield case(rng.normal(size=(4, 4)), np.arange(4), 10000.0, tags="square", note="as many rows as numbers")
    yield case(
        rng.normal(size=(2, 6)), np.array([5, 2]), 10.0, note="positions 5 and 2, three pairs, base 10"
    )
    yield case(rng.normal(size=(1, 8)), np.array([7]), 10000.0, tags="one", note="one row, position 7")
    yield case(rng.normal(size=(2, 3, 3, 4)), np.arange(3), 10000.0, note="2 sequences, 3 heads, 3 rows of 4")
    yield case(rng.normal(size=(3, 4)), -np.arange(3), 50.0, note="turned back: positions below 0")
    yield case(rng.normal(size=(5, 6)).astype(np.float32), np.arange(5), 1e4, tags="float32", note="float32")


@turning.drawn
def _(rng: np.random.Generator) -> Case:
    lead = draw.one_of(rng, (), (), (2,), (1, 3))
    t, e = draw.size(rng, most=20), 2 * draw.size(rng, most=8)
    (x,) = draw.arrays(rng, (*lead, t, e), kinds="usual whole sparse")
    positions = draw.one_of(rng, np.arange(t), np.arange(t) + 3, -np.arange(t), rng.integers(0, 60, size=t))
    return case(x, positions, draw.one_of(rng, 10000.0, 100.0, 10.0, 500000.0))


def _angles(x: Any, positions: Any, base: float) -> np.ndarray:
    width = x.shape[-1]
    return np.asarray(positions)[:, None] * float(base) ** (-np.arange(0, width, 2) / width)  # (T, E / 2)


def _turned(x: Any, a: np.ndarray, sign: int = 1) -> np.ndarray:
    """Halves are pairs, each turned by the angles a (T, E / 2)."""
    half = x.shape[-1] // 2
    first, second, cos, sin = x[..., :half], x[..., half:], np.cos(a), sign * np.sin(a)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


@turning.reference
def _(x, positions, base):
    return _turned(x, _angles(x, positions, base))


@turning.worked
def rotary(x, positions, base):
    half = x.shape[-1] // 2
    w = base ** (-np.arange(half) / half)  # (E / 2,): from 1 downwards
    angle = positions[:, None] * w  # (T, 1) * (E / 2,) -> (T, E / 2)
    a, b = x[..., :half], x[..., half:]  # pair e is (a_e, b_e)
    turned_a = a * np.cos(angle) - b * np.sin(angle)
    turned_b = b * np.cos(angle) + a * np.sin(angle)
    return np.concatenate([turned_a, turned_b], axis=-1)


@turning.right
def as_complex_numbers(x, positions, base):
    half = x.shape[-1] // 2
    z = x[..., :half] + 1j * x[..., half:]
    z = z * np.exp(1j * np.outer(positions, 1 / base ** (2 * np.arange(half) / x.shape[-1])))
    return np.concatenate([z.real, z.imag], axis=-1)


@turning.right
def by_a_rotated_half(x, positions, base):
    """As released models write it."""
    width = x.shape[-1]
    angle = np.tile(np.einsum("t,e->te", positions, 1.0 / base ** (np.arange(0, width, 2) / width)), 2)
    other = np.roll(x, width // 2, axis=-1) * np.repeat([-1, 1], width // 2)
    return x * np.cos(angle) + other * np.sin(angle)


@turning.mistake
def neighbours_paired(x, positions, base):
    a = _angles(x, positions, base)
    y, cos, sin = np.empty(x.shape), np.cos(a), np.sin(a)
    y[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    y[..., 1::2] = x[..., 1::2] * cos + x[..., 0::2] * sin
    return y


@turning.mistake
def laid_back_as_neighbours(x, positions, base):
    y = _turned(x, _angles(x, positions, base))
    return np.stack([y[..., : y.shape[-1] // 2], y[..., y.shape[-1] // 2 :]], axis=-1).reshape(x.shape)


@turning.mistake
def turned_the_other_way(x, positions, base):
    return _turned(x, _angles(x, positions, base), sign=-1)


@turning.mistake
def both_signs_plus(x, positions, base):
    a, half = _angles(x, positions, base), x.shape[-1] // 2
    first, second, cos, sin = x[..., :half], x[..., half:], np.cos(a), np.sin(a)
    return np.concatenate([first * cos + second * sin, second * cos + first * sin], axis=-1)


@turning.mistake
def positions_from_1(x, positions, base):
    return _turned(x, _angles(x, positions + 1, base))


@turning.mistake
def rows_counted(x, positions, base):
    return _turned(x, _angles(x, np.arange(x.shape[-2]), base))


@turning.mistake
def one_frequency(x, positions, base):
    return _turned(x, np.repeat(np.asarray(positions)[:, None] * 1.0, x.shape[-1] // 2, axis=1))


@turning.mistake
def pairs_counted_by_one(x, positions, base):
    half = x.shape[-1] // 2
    return _turned(x, np.outer(positions, base ** (-np.arange(half) / (2 * half))))


@turning.mistake
def exponent_doubled(x, positions, base):
    half = x.shape[-1] // 2
    return _turned(x, np.outer(positions, base ** (-2 * np.arange(half) / half)))


@turning.mistake
def faster_and_faster(x, positions, base):
    half = x.shape[-1] // 2
    return _turned(x, np.outer(positions, base ** (np.arange(half) / half)))


@turning.mistake
def base_not_used(x, positions, base):
    return _turned(x, _angles(x, positions, 10000.0 if base != 10000 else 1000.0))


@turning.mistake
def in_degrees(x, positions, base):
    return _turned(x, np.deg2rad(_angles(x, positions, base)))


@turning.mistake
def second_half_left(x, positions, base):
    half = x.shape[-1] // 2
    return np.concatenate([_turned(x, _angles(x, positions, base))[..., :half], x[..., half:]], axis=-1)


@turning.mistake
def new_first_half_used(x, positions, base):
    a, half = _angles(x, positions, base), x.shape[-1] // 2
    first = x[..., :half] * np.cos(a) - x[..., half:] * np.sin(a)
    return np.concatenate([first, x[..., half:] * np.cos(a) + first * np.sin(a)], axis=-1)


@turning.mistake
def waves_added(x, positions, base):
    a = _angles(x, positions, base)
    return x + np.concatenate([np.sin(a), np.cos(a)], axis=-1)


@turning.mistake
def only_multiplied(x, positions, base):
    a = _angles(x, positions, base)
    return x * np.concatenate([np.cos(a), np.sin(a)], axis=-1)


@turning.two("neighbours_paired", "turned_the_other_way")
def _(x, positions, base):
    return turning.mistakes["neighbours_paired"].function(x, -np.asarray(positions), base)


@turning.two("positions_from_1", "turned_the_other_way")
def _(x, positions, base):
    return _turned(x, _angles(x, positions + 1, base), sign=-1)


@turning.two("positions_from_1", "neighbours_paired")
def _(x, positions, base):
    return turning.mistakes["neighbours_paired"].function(x, positions + 1, base)


@turning.swaps
def _(function):
    """Turned by the positions on the way forward, and by the same positions with a minus on the way back."""

    def forward(x, offset=0, base=10000.0):
        positions = np.arange(offset, offset + x.shape[-2])
        return np.asarray(function(x, positions, base)).astype(x.dtype), (positions, base)

    def backward(dy, cache):
        positions, base = cache
        return (np.asarray(function(dy, -positions, base)).astype(dy.dtype),)

    return ops.rotary.using(forward, backward)


@turning.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    """A small reader that learns to say the letter two places back."""
    from ...block.reader import with_rotary  # whose package holds the chapter's pictures, too

    assert turning.swap is not None
    with turning.swap(function):
        yield from with_rotary(optimizer, seed)
