"""02.6: inputs that tell a softmax from seven that are none."""

from __future__ import annotations

import numpy as np

from ...engine.kinds import Checker
from .softmax import probabilities


def largest_starts_at_0(x):
    largest = np.maximum(x.max(axis=-1, keepdims=True), 0)
    e = np.exp(x - largest)
    return e / e.sum(axis=-1, keepdims=True)


def equals_counted_once(x):
    largest = x.max(axis=-1, keepdims=True)
    e = np.exp(x - largest)
    others = np.where(x < largest, e, 0).sum(axis=-1, keepdims=True)
    return e / (1 + others)


def small_shares_dropped(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return np.where(p < 1e-3, 0, p).astype(x.dtype)


def total_of_the_first_row(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    first = e[(0,) * (x.ndim - 1)]
    return e / first.sum()


inputs = Checker(
    "02.6",
    "softmax_inputs",
    of=probabilities,
    wrong=("no_max", "max_over_all", "axis_1"),
    extra={
        f.__name__: f
        for f in (largest_starts_at_0, equals_counted_once, small_shares_dropped, total_of_the_first_row)
    },
    at_most=5,
    needed=0.8,
    level=2,
    minutes=10,
)


@inputs.worked
def softmax_inputs():
    return [
        np.array([[1000.0, 1001.0, 999.0], [0.0, 1.0, 3.0]]),  # exp overflows; each row needs its own maximum
        np.array([[-1000.0, -1001.0, -999.0]]),  # every exp is 0 unless the row's own maximum is subtracted
        np.array([[2.0, 2.0, -1.0]]),  # two that share the first place
        np.array([[0.0, 10.0]]),  # a share of 0.00005, which counts as well
        np.arange(24.0).reshape(2, 3, 4) ** 0.5,  # the last axis is not axis 1
    ]
