"""Batches: the examples in a new order every epoch, a few at a time, resumable in mid-epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinynn.data._check import aligned, array, whole
from tinynn.errors import ArgumentError, DtypeError, KeysError
from tinynn.random import Seed, as_generator, get_state, set_state

Transform = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Batches:
    """Iterate over aligned arrays in batches; every pass is one epoch in a new order.

    Each epoch draws one number from the generator. The order of that epoch and the randomness of
    its transforms follow from this number alone, so two numbers, that one and the place within the
    epoch, say all there is to know about the rest of the epoch.

    Parameters
    ----------
    *arrays : array_like (N, ...)
        Any number of arrays with the same N: inputs, labels, weights.
    batch_size : int
    shuffle : bool
        False keeps the order of the arrays and draws nothing.
    drop_last : bool
        Leave out the last batch where it is smaller than `batch_size`.
    seed : int, np.random.Generator or None
        None takes part in the shared generator, see `tinynn.manual_seed`.
    transform : callable, optional
        ``transform(xb, generator)`` changes each batch of the first array, see `Compose`.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        For arrays of different or no length and for a `batch_size` that leaves no batch.

    Notes
    -----
    Batches are copies: changing one never changes the data. Equals PyTorch's
    ``torch.utils.data.DataLoader(TensorDataset(x, y), ...)``.
    """

    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 64,
        shuffle: bool = True,
        drop_last: bool = False,
        seed: Seed = None,
        transform: Transform | None = None,
    ) -> None:
        if not arrays:
            raise ArgumentError("Batches", "no arrays", "at least one", "Batches(x, y, batch_size=64)")
        if len(arrays) > 1 and isinstance(arrays[-1], (int, np.integer)):
            hint = f"Batches(x, y, batch_size={arrays[-1]})"
            raise DtypeError("Batches", f"{arrays[-1]} among the arrays", "batch_size by its name", hint)
        self.arrays = [array("Batches", f"array {i}", a) for i, a in enumerate(arrays)]
        self.n = aligned("Batches", self.arrays)
        self.batch_size = whole("Batches", "batch_size", batch_size, 1, "batch_size=64")
        if drop_last and self.n < batch_size:
            got = f"{self.n} examples, batch_size={batch_size} and drop_last=True"
            raise ArgumentError("Batches", got, "at least one full batch", f"batch_size={self.n}")
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        self.transform = _with_generator(transform)
        self.generator = as_generator(seed)
        self.epoch = 0  # epochs begun so far
        self._key: int | None = None  # the number drawn for the epoch under way
        self._position: int | None = None  # batches handed out in it; None between two epochs
        self._resuming = False

    def __len__(self) -> int:
        whole_batches, rest = divmod(self.n, self.batch_size)
        return whole_batches + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        start = self._begin()
        key = self._key
        order = self._order(key)
        for i in range(start, len(self)):
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            # Counted before it is handed out: a state saved while the caller trains on it goes on after it.
            self._key, self._position = key, i + 1
            yield self._batch(rows, i, key)
        self._position = None

    def _begin(self) -> int:
        """Start an epoch, or go on with the one that was loaded; return the batch to start from."""
        if self._resuming:
            self._resuming = False
            if self._position is not None:
                return self._position
        self.epoch += 1
        needs_key = self.shuffle or self.transform is not None
        self._key = int(self.generator.integers(2**63)) if needs_key else None
        self._position = 0
        return 0

    def _order(self, key: int | None) -> np.ndarray:
        return np.random.default_rng(key).permutation(self.n) if self.shuffle else np.arange(self.n)

    def _batch(self, rows: np.ndarray, i: int, key: int | None) -> tuple[np.ndarray, ...]:
        batch = [a[rows] for a in self.arrays]
        if self.transform is not None and key is not None:
            batch[0] = self.transform(batch[0], np.random.default_rng([key, i]))
        return tuple(batch)

    def state_dict(self) -> dict[str, Any]:
        """Return the place in the epoch and the generator's state as plain numbers, ready for JSON.

        Taken inside the loop it counts the batch at hand as done; taken after the loop, the epoch.
        """
        return {
            "epoch": self.epoch,
            "position": self._position,
            "key": self._key,
            "generator": get_state(self.generator),
            "data": self._signature(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken: the next loop yields the batches that would have come.

        The data and settings must be those of the saved run. A state that does not fit raises
        `KeysError` or `ArgumentError` and changes nothing.
        """
        expected = self.state_dict().keys()
        if not isinstance(state, dict) or state.keys() != expected:
            got = f"the keys {sorted(state)}" if isinstance(state, dict) else f"a {type(state).__name__}"
            raise KeysError("Batches.load_state_dict", got, f"the keys {sorted(expected)}")
        if state["data"] != self._signature():
            got, wanted = _differences(state["data"], self._signature())
            raise KeysError("Batches.load_state_dict", f"a state with {got}", wanted)
        epoch, position, key = state["epoch"], state["position"], state["key"]
        for name, value in (("epoch", epoch), ("position", position or 0), ("key", key or 0)):
            whole("Batches.load_state_dict", name, value, 0, "a state that state_dict returned")
        if (position or 0) > len(self) or (self.shuffle and position is not None and key is None):
            got = f"position={position} with key={key}"
            raise KeysError("Batches.load_state_dict", got, f"a place in an epoch of {len(self)} batches")
        set_state(state["generator"], self.generator)
        self.epoch, self._position, self._key, self._resuming = epoch, position, key, True

    def _signature(self) -> dict[str, Any]:
        return {
            "examples": self.n,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "transform": self.transform is not None,
        }

    def __repr__(self) -> str:
        shapes = ", ".join(str(a.shape) for a in self.arrays)
        return f"Batches({shapes}, batch_size={self.batch_size}, shuffle={self.shuffle}: {len(self)} batches)"


def _with_generator(transform: Transform | None) -> Transform | None:
    """Refuse at once a transform that would fail at the first batch for want of a second parameter."""
    if transform is None:
        return None
    hint = "transform=lambda xb, generator: 2 * xb"
    if not callable(transform):
        raise DtypeError("Batches", f"transform of type {type(transform).__name__}", "a function", hint)
    try:
        inspect.signature(transform).bind(None, None)
    except TypeError:
        raise DtypeError("Batches", "a transform of one argument", "transform(xb, generator)", hint) from None
    except ValueError:  # a built-in without a signature: it gets its chance
        pass
    return transform


def _differences(got: dict[str, Any], wanted: dict[str, Any]) -> tuple[str, str]:
    keys = [k for k in wanted if got.get(k) != wanted[k]]
    return ", ".join(f"{k}={got.get(k)}" for k in keys), ", ".join(f"{k}={wanted[k]}" for k in keys)
