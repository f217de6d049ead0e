"""cross_entropy and nll_loss on the GPU; the losses of two arrays of one shape are in `loss_pairs_cuda`.

cross_entropy reads the logits once forward and once backward, and writes only the gradient: between the two
it keeps 8 bytes a row (the row's largest logit and the logarithm of its sum of exponentials), where the
reference keeps log_p, as many bytes as the logits. Classes on another axis than the last are brought there
by a copy. What a mean divides by, the number of targets that count, stays on the GPU as well: no number
comes back to the host in a step.

Sums have a fixed order: the same inputs give the same loss, bit for bit. A label that is out of range makes
the loss NaN: nobody looks at labels on the GPU, and no kernel reads outside (``wrapped(checked)`` names it).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..gpu import Kernel, blocks, contiguous, cuda, empty, float32, int32, launch
from ..gpu import uint32 as u
from .loss_pairs_cuda import (
    binary_cross_entropy_with_logits_backward,
    binary_cross_entropy_with_logits_forward,
    huber_loss_backward,
    huber_loss_forward,
    l1_loss_backward,
    l1_loss_forward,
    mse_loss_backward,
    mse_loss_forward,
)
from .softmax_cuda import IN_REGISTERS, ROWS, log, make_statistics
from .specs import size
from .team_cuda import WARP, ZERO, team

__all__ = [
    "binary_cross_entropy_with_logits_backward",
    "binary_cross_entropy_with_logits_forward",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "huber_loss_backward",
    "huber_loss_forward",
    "l1_loss_backward",
    "l1_loss_forward",
    "mse_loss_backward",
    "mse_loss_forward",
    "nll_loss_backward",
    "nll_loss_forward",
]

ONE = float32(1)
NAN = float32(math.nan)
BLOCK = 256  # threads that share a row of more classes than a warp is for
TOTAL = 1024  # threads of the one block that adds the losses
CHUNK = 4  # numbers that a thread asks for before it looks at the first


@functools.cache
def make_cross_entropy(T: int) -> Kernel:
    """A team of T threads a row of logits x (N, K): loss = m + log sum_j exp(x_j - m) - x_target.

    statistics[:, row] holds m and the logarithm. With smoothing s the loss is (1 - s) times this, plus s
    times the mean of -log p, for which the row is read again. 4 bytes an element read.
    """
    statistics_of = make_statistics(T)
    team_sum, _ = team(T)

    @cuda.jit
    def cross_entropy(x, targets, ignored, smoothing, losses, statistics):
        parts = cuda.shared.array(WARP, float32)
        row, n, j = (
            u(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y),
            u(x.shape[1]),
            u(cuda.threadIdx.x),
        )
        if row >= u(x.shape[0]):
            return
        m, total = statistics_of(x, row, parts)
        shift, others = log(total), ZERO
        if smoothing > ZERO:
            while j < n:
                others += x[row, j] - m
                j += u(T)
            others = team_sum(others, parts) / float32(n) - shift  # the mean of log p
        if cuda.threadIdx.x == 0:
            loss, target = ZERO, targets[row]
            if target != ignored and (target < 0 or target >= int32(n)):
                loss = NAN
            elif target != ignored:
                loss = (shift - (x[row, target] - m)) * (ONE - smoothing)
                if smoothing > ZERO:
                    loss -= smoothing * others
            losses[row], statistics[0, row], statistics[1, row] = loss, m, shift

    return cross_entropy


@functools.cache
def make_cross_entropy_backward(T: int) -> Kernel:
    """A team of T threads a row: dx_j = (p_j - q_j) w, with p = exp(x - m - logarithm) and w = dloss.

    q is 1 - s on the target and s / K everywhere; w is 0 where the target does not count.
    8 bytes an element, one read and one written.
    """

    @cuda.jit
    def cross_entropy_backward(x, targets, ignored, smoothing, statistics, share, dout, dx):
        mine = cuda.local.array(CHUNK, float32)
        row, n, j = (
            u(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y),
            u(x.shape[1]),
            u(cuda.threadIdx.x),
        )
        if row >= u(x.shape[0]):
            return
        m, shift, target = statistics[0, row], statistics[1, row], targets[row]
        w = ZERO if target == ignored else dout[row if dout.shape[0] > 1 else u(0)] * share[1]
        everywhere, chosen = smoothing / float32(n), ONE - smoothing
        while j < n:
            for k in range(u(CHUNK)):  # all loads first: none may pass a store, which could change x
                i = j + u(k) * u(T)
                mine[k] = math.exp((x[row, i] - m) - shift) if i < n else ZERO
            for k in range(u(CHUNK)):
                i = j + u(k) * u(T)
                if i < n:
                    dx[row, i] = (mine[k] - (everywhere + chosen if int32(i) == target else everywhere)) * w
            j += u(T * CHUNK)

    return cross_entropy_backward


@functools.cache
def make_total(T: int) -> Kernel:
    """One block of T threads: out[0] = sum of losses / c and out[1] = 1 / c, for c what a mean divides by.

    c is the number of targets that count, or 1 where the sum is wanted.
    """
    team_sum, _ = team(T)

    @cuda.jit
    def total_loss(losses, targets, ignored, mean, out):
        parts = cuda.shared.array(WARP, float32)
        i, total, count = u(cuda.threadIdx.x), ZERO, ZERO
        while i < u(losses.size):
            total += losses[i]
            count += ZERO if targets[i] == ignored else ONE
            i += u(T)
        total, count = team_sum(total, parts), team_sum(count, parts)
        if cuda.threadIdx.x == 0:
            count = count if mean == 1 else ONE
            out[0], out[1] = total / count, ONE / count

    return total_loss


def reduced(losses: Any, targets: Any, ignored: int, reduction: str, shape: tuple[int, ...]) -> tuple:
    """The output of a loss, and (2,): its value again and the factor of each single gradient."""
    out = empty(2, losses)
    launch(make_total(TOTAL), 1, TOTAL, losses, targets, ignored, int(reduction == "mean"), out)
    return losses.reshape(shape) if reduction == "none" else out[:1].reshape(()), out


def rows_of(x: Any) -> Any:
    """x (N, K, ...) as rows (N ..., K), the classes of one example in each; (K,) as one row."""
    x = np.moveaxis(x, 1, -1) if x.ndim > 2 else x
    return contiguous(x).reshape(-1, x.shape[-1])


def as_integers(targets: Any) -> Any:
    """Targets as one row of int32 or int64, the two types that kernels are compiled for."""
    return (
        targets.reshape(-1) if targets.dtype in (np.int32, np.int64) else targets.reshape(-1).astype(np.int64)
    )


def team_for(n_rows: int, n_classes: int) -> tuple[int, Any, Any]:
    """Threads of a team, grid and block: a warp a row, or a block for a row of many classes."""
    if n_classes <= IN_REGISTERS:
        return WARP, blocks(n_rows, ROWS), (WARP, ROWS)
    return BLOCK, n_rows, BLOCK


def cross_entropy_forward(
    logits: Any, targets: Any, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
) -> tuple:
    """Cache: logits and targets, and 8 bytes for each example."""
    x, wanted = rows_of(logits), as_integers(targets)
    losses, statistics = empty(len(x), x), empty((2, len(x)), x)
    T, grid, block = team_for(*x.shape)
    smoothing = float(label_smoothing)
    launch(make_cross_entropy(T), grid, block, x, wanted, ignore_index, smoothing, losses, statistics)
    out, share = reduced(losses, wanted, ignore_index, reduction, targets.shape)
    return out, (x, wanted, ignore_index, smoothing, statistics, share, logits.shape)


def cross_entropy_backward(dout: Any, cache: tuple) -> tuple:
    """dlogits = (p - q) dloss, for q the (smoothed) target; the targets have no gradient."""
    x, targets, ignored, smoothing, statistics, share, shape = cache
    T, grid, block = team_for(*x.shape)
    dx, dout = empty(x.shape, x), dout.reshape(-1)
    kernel = make_cross_entropy_backward(T)
    launch(kernel, grid, block, x, targets, ignored, smoothing, statistics, share, dout, dx)
    if len(shape) < 3:
        return dx.reshape(shape), None
    return contiguous(np.moveaxis(dx.reshape(shape[0], *shape[2:], shape[1]), -1, 1)), None


# -- nll_loss --------------------------------------------------------------------------------------


@cuda.jit
def nll(log_p, targets, ignored, losses):
    """One thread an example of log_p (N, K, S): loss = -log_p[n, target, s]."""
    i = u(cuda.grid(1))
    if i < u(targets.size):
        s, target, loss = u(log_p.shape[2]), targets[i], ZERO
        if target != ignored:
            there = target >= 0 and target < int32(log_p.shape[1])
            loss = -log_p[i // s, target, i % s] if there else NAN
        losses[i] = loss


@cuda.jit
def nll_backward(targets, ignored, share, dout, dlog_p):
    """One thread an element of dlog_p (N, K, S): -dloss at the target, else 0."""
    i = u(cuda.grid(1))
    if i < u(dlog_p.size):
        s, k = u(dlog_p.shape[2]), u(dlog_p.shape[1])
        example = i // (s * k) * s + i % s
        target = targets[example]
        chosen = target != ignored and int32(i // s % k) == target
        dlog_p[i // (s * k), i // s % k, i % s] = (
            -share[1] * dout[example if dout.shape[0] > 1 else u(0)] if chosen else ZERO
        )


def nll_loss_forward(
    log_p: Any, targets: Any, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
) -> Any:
    """Cache: the targets. With smoothing the reference runs."""
    if label_smoothing:
        return NotImplemented
    n, k = log_p.shape[:2] if log_p.ndim > 1 else (1, len(log_p))
    shape = (n, k, size(log_p.shape[2:]))
    wanted = as_integers(targets)
    losses = empty(wanted.shape, log_p)
    launch(nll, blocks(losses.size, 128), 128, log_p.reshape(shape), wanted, ignore_index, losses)
    out, share = reduced(losses, wanted, ignore_index, reduction, targets.shape)
    return out, (wanted, ignore_index, share, shape, log_p.shape)


def nll_loss_backward(dout: Any, cache: tuple) -> tuple:
    """dlog_p = -q dloss, for q the target; the targets have no gradient."""
    targets, ignored, share, shape, like = cache
    d = empty(shape, share)
    launch(nll_backward, blocks(d.size, 256), 256, targets, ignored, share, dout.reshape(-1), d)
    return d.reshape(like), None
