"""Training a recurrent network a step of which is a student's: the task of chapter 09, on short sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from ... import backend, manual_seed
from ..recall import Recaller, batches, share_right
from .moments import Moment, moments

LENGTH, STEPS, RATE, HELD = 5, 80, 0.03, 200

Swap = Callable[[], AbstractContextManager]


def with_lstm(swap: Swap, optimizer: str, seed: int) -> Iterator[Moment]:
    """An LSTM with what `swap` makes in force; the optimiser is Adam, whatever its name."""
    return _trained("LSTM", swap, seed)


def with_gru(swap: Swap, optimizer: str, seed: int) -> Iterator[Moment]:
    """A GRU with what `swap` makes in force."""
    return _trained("GRU", swap, seed)


def _trained(kind: str, swap: Swap, seed: int) -> Iterator[Moment]:
    manual_seed(seed)
    network = Recaller(kind)
    stream = batches(network, LENGTH, STEPS, seed, RATE)
    with backend("numpy"), swap():
        yield from moments(STEPS, lambda: next(stream), lambda: share_right(network, LENGTH, HELD))
