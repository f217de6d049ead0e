"""Sequences as arrays: padding, batches of equal lengths, and windows of one long text.

    x, lengths = pad_sequence([[5, 6], [7]])                   # [[5, 6], [7, 0]] and [2, 1]
    for xb, lengths, yb in SequenceBatches(sentences, labels, batch_size=32): ...
    for xb, yb in Windows(tokens, length=64, batch_size=32): ...       # yb is xb one step later

The three loaders are `Batches`: a new order every epoch, resumable in its midst.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn.data._check import whole
from tinynn.data.batches import Batches
from tinynn.errors import ArgumentError, DtypeError, ShapeError


def pad_sequence(
    sequences: Sequence[Any], value: float = 0, length: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Lay sequences of different lengths into one array, the short ones filled up at the end.

    Parameters
    ----------
    sequences : list of array_like (T_i, ...)
        At least one; all alike behind the first dimension.
    value : number
        What to fill up with: 0 for tokens, -100 for targets that `F.cross_entropy` is to ignore.
    length : int, optional
        T; the longest sequence where it is not given. A longer sequence is an error, never cut.

    Returns
    -------
    padded : (N, T, ...)
    lengths : int64 (N,)

    Notes
    -----
    Equals ``torch.nn.utils.rnn.pad_sequence(..., batch_first=True)``. `mask` tells what is not padding.
    """
    rows = [_row(i, s) for i, s in enumerate(sequences)]
    if not rows:
        raise ShapeError("pad_sequence", "no sequences", "at least one", "pad_sequence([[1, 2], [3]])")
    lengths = np.array([len(row) for row in rows], np.int64)  # (N,)
    longest = int(lengths.max())
    if length is not None and whole("pad_sequence", "length", length, 1, f"length={longest}") < longest:
        got = f"sequence {lengths.argmax()} of length {longest} and length={length}"
        hint = f"length={longest}, or [s[:{length}] for s in sequences]"
        raise ArgumentError("pad_sequence", got, f"sequences of at most {length}", hint)
    filled = [row for row in rows if len(row)] or rows  # an empty list has no dtype to speak of
    if len({row.shape[1:] for row in filled}) > 1:
        shapes = ", ".join(str(row.shape) for row in filled[:3])
        raise ShapeError("pad_sequence", f"sequences {shapes}", "one shape behind the first dimension")
    dtype = np.result_type(*{row.dtype for row in filled})
    shape = (len(rows), longest if length is None else length, *filled[0].shape[1:])
    padded = np.full(shape, value, dtype)  # (N, T, ...)
    for to, row in zip(padded, rows):
        to[: len(row)] = row if len(row) else to[:0]
    return padded, lengths


def mask(lengths: Any, length: int | None = None) -> np.ndarray:
    """Return bool (N, T): True where row n, of `lengths` (N,), has a token, False where it is filled up."""
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ShapeError(
            "mask", f"lengths {lengths.dtype} {lengths.shape}", "whole numbers (N,)", "mask([2, 1])"
        )
    width = int(lengths.max(initial=0)) if length is None else length
    return np.arange(width) < lengths[:, None]  # (N, T)


def _row(i: int, sequence: Any) -> np.ndarray:
    try:
        row = np.asarray(sequence)
    except (TypeError, ValueError):
        row = np.asarray(None)
    if row.dtype.kind not in "fiub" or row.ndim == 0:
        hint = "vocabulary.encode(sentence) for each" if isinstance(sequence, str) else None
        got = f"sequence {i} of type {type(sequence).__name__}"
        raise DtypeError("pad_sequence", got, "numbers (T,) or (T, ...)", hint)
    return row


class SequenceBatches(Batches):
    """Batches of sequences, each no longer than its longest: ``(xb, lengths, *others)``.

    The sequences of a batch come from the same bucket: `pool` batches' worth of the shuffled
    examples, sorted by length. So little is padding, and the order is new every epoch all the same.

    Parameters
    ----------
    sequences : list of array_like (T_i, ...)
    *arrays : array_like (N, ...)
        What goes with them: labels.
    pool : int
        Batches in a bucket; 1 does not sort.
    value : number
        What to fill up with, see `pad_sequence`.
    **options
        batch_size, shuffle, drop_last, seed, transform: as in `Batches`.
    """

    def __init__(
        self, sequences: Sequence[Any], *arrays: Any, pool: int = 20, value: float = 0, **options: Any
    ) -> None:
        padded, lengths = pad_sequence(sequences, value)
        self.pool = whole("SequenceBatches", "pool", pool, 1, "pool=20")
        super().__init__(padded, lengths, *arrays, **options)

    def _order(self, key: int | None) -> np.ndarray:
        order = super()._order(key)
        if not self.shuffle or self.pool == 1:
            return order
        size, lengths = self.batch_size, self.arrays[1]
        buckets = np.split(order, range(size * self.pool, self.n, size * self.pool))
        order = np.concatenate([b[np.argsort(lengths[b], kind="stable")] for b in buckets])
        full = order[: self.n // size * size].reshape(
            -1, size
        )  # the batches in a new order, the short one last
        mixed = np.random.default_rng([key or 0, 1]).permutation(full)
        return np.concatenate([mixed.ravel(), order[full.size :]])

    def _batch(self, rows: np.ndarray, i: int, key: int | None) -> tuple[np.ndarray, ...]:
        x, lengths, *others = super()._batch(rows, i, key)
        return (x[:, : max(lengths.max(), 1)], lengths, *others)

    def _signature(self) -> dict[str, Any]:
        return super()._signature() | {"pool": self.pool}


class Windows(Batches):
    """Pieces of one long text to learn the next token from: x (N, T) and y (N, T), which is x one step later.

    Every epoch cuts the text at other places, since it begins at a token drawn at random, and each piece
    comes up once. ``shuffle=False`` cuts at the start and goes from left to right.

    Parameters
    ----------
    tokens : int (L,)
    length : int
        T, of each piece; L must be larger.
    batches : int, optional
        End an epoch after so many batches, of all pieces drawn at random.
    **options
        batch_size, shuffle, drop_last, seed: as in `Batches`.
    """

    def __init__(self, tokens: Any, length: int, batches: int | None = None, **options: Any) -> None:
        self.tokens, self.length = _stream("Windows", tokens, length, 1), int(length)
        n = (len(self.tokens) - 1) // self.length
        super().__init__(np.arange(n), **options)
        self.batches = None if batches is None else whole("Windows", "batches", batches, 1, "batches=100")

    def __len__(self) -> int:
        return min(super().__len__(), self.batches or len(self.tokens))

    def _batch(self, rows: np.ndarray, i: int, key: int | None) -> tuple[np.ndarray, ...]:
        first = np.random.default_rng([key, 1]).integers(self.length) if key is not None else 0
        starts = np.minimum(rows * self.length + first, len(self.tokens) - 1 - self.length)
        at = starts[:, None] + np.arange(self.length)  # (N, T)
        return self.tokens[at], self.tokens[at + 1]

    def _signature(self) -> dict[str, Any]:
        return super()._signature() | {"length": self.length, "batches": self.batches}


class Streams(Batches):
    """A text as `batch_size` streams side by side, a piece of each at a time: x and y (N, T), in order.

    Row n of a batch goes on where row n of the batch before ended, so that a recurrent net can keep
    its state from batch to batch and send gradients back through T steps only (truncated
    back-propagation through time). What is left over at the end of the text is not used.

    Parameters
    ----------
    tokens : int (L,)
    length : int
        T, of each piece; the last may be shorter.
    batch_size : int
        N, how many streams.
    """

    def __init__(self, tokens: Any, length: int, batch_size: int = 32) -> None:
        rows = whole("Streams", "batch_size", batch_size, 1, "batch_size=32")
        stream = _stream("Streams", tokens, length, rows)
        each = (len(stream) - 1) // rows
        x, y = (part[: rows * each].reshape(rows, each) for part in (stream, stream[1:]))  # (N, L/N)
        super().__init__(x.T, y.T, batch_size=length, shuffle=False)

    def _batch(self, rows: np.ndarray, i: int, key: int | None) -> tuple[np.ndarray, ...]:
        return tuple(np.ascontiguousarray(a.T) for a in super()._batch(rows, i, key))  # (N, T)


def _stream(where: str, tokens: Any, length: int, rows: int) -> np.ndarray:
    stream = np.asarray(tokens)
    if stream.ndim != 1 or stream.dtype.kind not in "iu":
        hint = "tokenizer.encode(text)"
        raise DtypeError(where, f"tokens {stream.dtype} {stream.shape}", "whole numbers (L,)", hint)
    length = whole(where, "length", length, 1, "length=64")
    if len(stream) <= rows * length:
        got = f"{len(stream)} tokens for length={length}" + f" and batch_size={rows}" * (rows > 1)
        hint = f"length={max((len(stream) - 1) // rows, 1)}"
        raise ArgumentError(where, got, f"at least {rows * length + 1}, one more than is read at once", hint)
    return stream
