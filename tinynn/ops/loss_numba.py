"""cross_entropy in one pass each way: no array of probabilities is kept, only one number for each row.

Measured on two cores, forward and backward, microseconds: (64, 10) 12 against the NumPy pair's 43;
(1024, 1000) 430 in one thread, 220 in two, against 2100. Left on the table: rows as short as ten classes
fill the vector registers badly.
"""

from __future__ import annotations

import math

import numpy as np

from ..memory import empty
from . import loss as reference
from .kernel import integers, kernel, plain, ready, share, split
from .kernel_math import ONE, ZERO, exp, f, row_max


@share
def _rows(lo, hi, x, targets, ignored, smoothing, lse, losses):
    """ln sum_j e^x_j, and the loss it leaves to the target, for each row."""
    x, targets, lse, losses = x[lo:hi], targets[lo:hi], lse[lo:hi], losses[lo:hi]
    bits = x.view(np.int32)
    for i in range(x.shape[0]):
        m = row_max(bits, i)
        total = ZERO
        for j in range(x.shape[1]):
            total += exp(x[i, j] - m)
        lse[i] = m + f(math.log(total))
        if targets[i] == ignored:
            losses[i] = ZERO
            continue
        losses[i] = lse[i] - x[i, targets[i]]
        if smoothing:
            total = ZERO
            for j in range(x.shape[1]):
                total += x[i, j]
            losses[i] = (ONE - smoothing) * losses[i] + smoothing * (lse[i] - total / f(x.shape[1]))


@kernel("f4[:, ::1], i8[::1], i8, f4, b1, f4[::1], f4[::1], f4[::1]")
def _cross_entropy(team, x, targets, ignored, smoothing, mean, lse, losses, summary):
    split(_rows, team, x.shape[0], 0.4 * x.shape[1] + 10, (x, targets, ignored, smoothing, lse, losses))
    total, n = ZERO, 0
    for i in range(losses.size):
        total += losses[i]
        n += targets[i] != ignored
    summary[1] = ONE / f(n) if mean else ONE
    summary[0] = total * summary[1]


@share
def _gradient_rows(lo, hi, dout, x, targets, ignored, smoothing, lse, weight, dx):
    x, targets, lse, dx = x[lo:hi], targets[lo:hi], lse[lo:hi], dx[lo:hi]
    spread = smoothing / f(x.shape[1])
    for i in range(x.shape[0]):
        t = targets[i]
        g = ZERO if t == ignored else weight * dout[lo + i if dout.size > 1 else 0]
        for j in range(x.shape[1]):
            dx[i, j] = g * (exp(x[i, j] - lse[i]) - spread)
        if t != ignored:
            dx[i, t] -= g * (ONE - smoothing)


@kernel("f4[::1], f4[:, ::1], i8[::1], i8, f4, f4[::1], f4, f4[:, ::1]")
def _cross_entropy_backward(team, dout, x, targets, ignored, smoothing, lse, weight, dx):
    args = (dout, x, targets, ignored, smoothing, lse, weight, dx)
    split(_gradient_rows, team, x.shape[0], 0.4 * x.shape[1] + 10, args)


def cross_entropy_forward(
    logits: np.ndarray,
    targets: np.ndarray,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> tuple:
    if not (plain(logits) and logits.ndim == 2):
        return reference.cross_entropy_forward(logits, targets, reduction, ignore_index, label_smoothing)
    targets = integers(targets)
    n = len(logits)
    lse, losses, summary = empty((n,)), empty((n,)), empty((2,))
    _cross_entropy(logits, targets, ignore_index, label_smoothing, reduction == "mean", lse, losses, summary)
    out = losses if reduction == "none" else summary[:1].reshape(())
    return out, (logits, lse, targets, summary[1], ignore_index, label_smoothing)


def cross_entropy_backward(dout: np.ndarray, cache: tuple) -> tuple:
    if len(cache) == 2:
        return reference.cross_entropy_backward(dout, cache)
    logits, lse, targets, weight, ignore_index, smoothing = cache
    dx = empty(logits.shape)
    _cross_entropy_backward(ready(dout).ravel(), logits, targets, ignore_index, smoothing, lse, weight, dx)
    return dx, None
