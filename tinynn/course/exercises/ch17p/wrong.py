"""Wrong results that people compute, each known by its name: functions of a matrix, by operation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...ladder.tasks import TASKS

Wrong = list[tuple[str, Callable[[np.ndarray], np.ndarray]]]

exact = TASKS["logsumexp"].exact
sums = TASKS["running_sums"].exact
blur = TASKS["blur"].exact


def _by(largest: Callable[[np.ndarray], np.ndarray], added: bool = True) -> Callable:
    """Log-sum-exp with another number subtracted, (R, 1); not `added` again at the end."""

    def function(x: np.ndarray) -> np.ndarray:
        top = np.broadcast_to(largest(x), (len(x), 1)).astype(np.float32)
        y = np.log(np.exp(x - top).sum(1)) + (top[:, 0] if added else 0)
        return np.asarray(y)

    return function


def _window(x: np.ndarray, mode: str = "constant", by: int | None = 9, cross: bool = False) -> np.ndarray:
    """The 3 by 3 sum of x, whose border is made in NumPy's `mode`, divided `by`; None: by who is there."""
    wide = np.pad(x.astype(float), 1, mode=mode)  # type: ignore[call-overload]
    shifts = [(i, j) for i in range(3) for j in range(3) if not cross or 1 in (i, j)]
    parts = lambda a: sum(a[i : i + x.shape[0], j : j + x.shape[1]] for i, j in shifts)
    return np.asarray(parts(wide) / (parts(np.pad(np.ones(x.shape), 1)) if by is None else by))


def _in_place(x: np.ndarray) -> np.ndarray:
    """Row after row into the array itself: neighbours that are blurred already."""
    y = x.astype(float)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = y[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].mean()
    return y


def _without_itself(x: np.ndarray) -> np.ndarray:
    """The mean of the neighbours alone; 0 where there are none."""
    neighbours = _window(np.ones(x.shape), by=1) - 1
    return np.asarray((_window(x, by=1) - x) / np.maximum(neighbours, 1))


WRONG: dict[str, Wrong] = {
    "logsumexp": [
        ("no_largest", _by(lambda x: np.zeros((1, 1)))),
        ("not_added", _by(lambda x: x.max(1, keepdims=True), added=False)),
        ("from_zero", _by(lambda x: np.maximum(x.max(1, keepdims=True), 0))),
        ("of_all", _by(lambda x: np.full((1, 1), x.max()))),
        ("no_log", lambda x: np.exp(exact(x))),
        ("mean", lambda x: exact(x) - np.log(x.shape[1])),
        ("columns", lambda x: exact(x.T)),
        ("largest_alone", lambda x: x.max(1)),
        ("first_missing", lambda x: exact(x[:, 1:]) if x.shape[1] > 1 else np.full(len(x), -np.inf)),
        ("last_missing", lambda x: exact(x[:, :-1]) if x.shape[1] > 1 else np.full(len(x), -np.inf)),
    ],
    "running_sums": [
        ("columns", lambda x: sums(x.T).T),
        ("without_itself", lambda x: sums(x) - x),
        ("not_reset", lambda x: sums(x.reshape(1, -1)).reshape(x.shape)),
        ("whole", lambda x: np.broadcast_to(x.astype(float).sum(1, keepdims=True), x.shape)),
        ("backwards", lambda x: sums(x[:, ::-1])[:, ::-1]),
        ("pairs", lambda x: x + np.pad(x, ((0, 0), (1, 0)))[:, :-1]),
        ("mean", lambda x: sums(x) / np.arange(1, x.shape[1] + 1)),
        ("piece_alone", lambda x: np.hstack([sums(x[:, j : j + 32]) for j in range(0, x.shape[1], 32)])),
    ],
    "blur": [
        ("by_nine", _window),
        ("not_divided", lambda x: _window(x, by=1)),
        ("around", lambda x: _window(x, "wrap")),
        ("repeated", lambda x: _window(x, "edge")),
        ("cross", lambda x: _window(x, by=None, cross=True)),
        ("in_place", _in_place),
        ("without_itself", _without_itself),
        ("row_alone", lambda x: np.vstack([blur(row[None]) for row in x])),
        ("column_alone", lambda x: np.hstack([blur(column[:, None]) for column in x.T])),
    ],
}  # fmt: skip


Bytes = list[tuple[str, Callable[[int, int], float]]]


def bytes_of(name: str) -> Bytes:
    """Wrong counts of the least traffic of an operation, by name."""
    task = TASKS[name]
    out = lambda r, c: int(np.prod(task.shape(r, c)))
    found: Bytes = [
        ("elements", lambda r, c: r * c + out(r, c)),
        ("doubles", lambda r, c: 8 * (r * c + out(r, c))),
        ("output_left_out", lambda r, c: 4 * r * c),
        ("input_left_out", lambda r, c: 4 * out(r, c)),
        ("twice", lambda r, c: 4 * (2 * r * c + out(r, c))),
        ("sectors", lambda r, c: 32 * -(-r * c // 8) + 32 * -(-out(r, c) // 8)),
    ]
    if name == "logsumexp":
        found.insert(0, ("as_large", lambda r, c: 8 * r * c))
    if name == "blur":
        found.insert(0, ("every_use", lambda r, c: 4 * (9 * r * c + r * c)))
    return found
