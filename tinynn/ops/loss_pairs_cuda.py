"""Losses of two arrays of one shape on the GPU: one scalar function each for the loss and for its slope.

Forward reads both arrays once and, for a mean or a sum, writes one number a block: 8 bytes an element.
Backward reads them again instead of a difference that was kept. Sums have a fixed order: each thread adds
its elements, each block its threads, and one block at last all blocks.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ..gpu import Kernel, blocks, cuda, empty, float32, launch
from ..gpu import uint32 as u
from .elementwise import Needs
from .team_cuda import WARP, ZERO, team

ONE, HALF = float32(1), float32(0.5)
BLOCK, MOST = 256, 1024  # threads of a block, and blocks of a sum

# -- a loss and its slope in x, of one element; delta is huber's -------------------------------------


@cuda.jit(device=True)
def squared(x, t, delta):
    return (x - t) * (x - t)


@cuda.jit(device=True)
def squared_slope(x, t, delta):
    return (x - t) + (x - t)


@cuda.jit(device=True)
def absolute(x, t, delta):
    return abs(x - t)


@cuda.jit(device=True)
def absolute_slope(x, t, delta):
    """The sign of d: 1, -1, or d itself, which is then 0 or NaN."""
    d = x - t
    return ONE if d > ZERO else (-ONE if d < ZERO else d)


@cuda.jit(device=True)
def huber(x, t, delta):
    d = abs(x - t)
    return HALF * d * d if d <= delta else delta * (d - HALF * delta)


@cuda.jit(device=True)
def huber_slope(x, t, delta):
    d = x - t
    return delta if d > delta else (-delta if d < -delta else d)


@cuda.jit(device=True)
def logistic(x, t, delta):
    return max(x, ZERO) - x * t + math.log1p(math.exp(-abs(x)))


@cuda.jit(device=True)
def logistic_slope(x, t, delta):
    """sigmoid(x) - t, without an exponential that overflows."""
    e = math.exp(-abs(x))
    return (ONE if x >= ZERO else e) / (ONE + e) - t


# -- kernels ---------------------------------------------------------------------------------------


@functools.cache
def make_losses(T: int, loss: Kernel, EACH: bool) -> Kernel:
    """T threads a block, each every so many elements: sums[block], or with EACH every loss by itself."""
    team_sum, _ = team(T)

    @cuda.jit
    def losses(x, target, delta, out):
        parts = cuda.shared.array(WARP, float32)
        i, total = u(cuda.grid(1)), ZERO
        while i < u(x.size):
            if EACH:
                out[i] = loss(x[i], target[i], delta)
            else:
                total += loss(x[i], target[i], delta)
            i += u(cuda.gridDim.x * cuda.blockDim.x)
        if not EACH:
            total = team_sum(total, parts)
            if cuda.threadIdx.x == 0:
                out[cuda.blockIdx.x] = total

    return losses


@functools.cache
def make_add_up(T: int) -> Kernel:
    """One block of T threads: out[0] = the sum of all sums / n."""
    team_sum, _ = team(T)

    @cuda.jit
    def add_up(sums, n, out):
        parts = cuda.shared.array(WARP, float32)
        i, total = u(cuda.threadIdx.x), ZERO
        while i < u(sums.size):
            total += sums[i]
            i += u(T)
        total = team_sum(total, parts)
        if cuda.threadIdx.x == 0:
            out[0] = total / float32(n)

    return add_up


@functools.cache
def make_slopes(slope: Kernel, LOGITS: bool, TARGET: bool) -> Kernel:
    """One thread an element: dx = slope dloss, and dtarget = -dx, or -x dloss where x are logits.

    dout holds one number for each element, or one for all.
    """

    @cuda.jit
    def slopes(x, target, delta, n, dout, dx, dtarget):
        i = u(cuda.grid(1))
        if i < u(x.size):
            dloss = dout[i if dout.size > 1 else u(0)] / float32(n)
            dx[i] = slope(x[i], target[i], delta) * dloss
            if TARGET:
                dtarget[i] = -x[i] * dloss if LOGITS else -dx[i]

    return slopes


def make_pair(loss: Kernel, slope: Kernel, *, logits: bool = False) -> tuple[Callable, Callable]:
    """Forward and backward of a loss. Cache: x and target."""

    def forward(x: Any, target: Any, reduction: str, delta: float = 1.0) -> tuple:
        a, b, each = x.reshape(-1), target.reshape(-1), reduction == "none"
        n = x.size if reduction == "mean" else 1
        grid = min(blocks(x.size, BLOCK), MOST)
        out = empty(x.size if each else grid, x)
        launch(make_losses(BLOCK, loss, each), grid, BLOCK, a, b, delta, out)
        if not each:
            sums, out = out, empty(1, x)
            launch(make_add_up(BLOCK), 1, BLOCK, sums, n, out)
        return out.reshape(x.shape if each else ()), (a, b, delta, n, x.shape)

    def backward(dout: Any, cache: tuple, needs: Needs = (True, True)) -> tuple:
        x, target, delta, n, shape = cache
        dx = empty(x.size, x)
        dtarget = empty(x.size, x) if needs[1] else dx  # dx stands in for what is not written
        kernel = make_slopes(slope, logits, needs[1])
        launch(kernel, blocks(x.size, BLOCK), BLOCK, x, target, delta, n, dout.reshape(-1), dx, dtarget)
        return dx.reshape(shape), dtarget.reshape(shape) if needs[1] else None

    return forward, backward


_mse, mse_loss_backward = make_pair(squared, squared_slope)
_l1, l1_loss_backward = make_pair(absolute, absolute_slope)
_huber, huber_loss_backward = make_pair(huber, huber_slope)
_bce, binary_cross_entropy_with_logits_backward = make_pair(logistic, logistic_slope, logits=True)


def mse_loss_forward(x: Any, target: Any, reduction: str = "mean") -> tuple:
    """loss = (x - target)^2."""
    return _mse(x, target, reduction)


def l1_loss_forward(x: Any, target: Any, reduction: str = "mean") -> tuple:
    """loss = |x - target|."""
    return _l1(x, target, reduction)


def huber_loss_forward(x: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> tuple:
    """loss = d^2 / 2 up to |d| = delta, delta (|d| - delta / 2) beyond, with d = x - target."""
    return _huber(x, target, reduction, float(delta))


def binary_cross_entropy_with_logits_forward(x: Any, target: Any, reduction: str = "mean") -> tuple:
    """loss = max(x, 0) - x target + ln(1 + exp(-|x|))."""
    return _bce(x, target, reduction)
