"""Optimiser steps on the GPU, in place: one kernel, one pass over a parameter and its state.

A kernel reads all that it needs of an element before it writes any: the compiler cannot know that the
arrays do not overlap, and so loads nothing ahead of a store that comes first. What depends on the step's
number alone is computed on the host, in float64, and comes as a float32.
"""

from __future__ import annotations

from typing import Any

from numpy import uint64

from ..gpu import cuda, float32
from .kernel_cuda import launch_over
from .kernel_math_cuda import sqrt
from .map_cuda import exact

ZERO = float32(0)


@exact(device=True)
def decayed(g, p, weight_decay):
    """g + weight_decay p; without decay p is not looked at, since 0 times infinity is NaN."""
    return g + weight_decay * p if weight_decay != ZERO else g


def _step(kernel: Any, arrays: tuple, *numbers: Any) -> tuple:
    """Launch over all elements of a parameter; the arrays are in C order, so flat views change them."""
    launch_over(kernel, arrays[0].size, *[a.reshape(-1) for a in arrays], *numbers)
    return arrays[0], None


# -- SGD -------------------------------------------------------------------------------------------


@exact
def sgd(p, g, lr, weight_decay):
    """p -= lr (g + weight_decay p). A thread takes every step-th element; moves 8 + 4 bytes an element."""
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(p.size)
    while i < n:
        p[i] -= lr * decayed(g[i], p[i], weight_decay)
        i += step


@exact
def sgd_momentum(p, g, m, lr, momentum, nesterov, weight_decay):
    """m = momentum m + g; p -= lr m, or lr (g + momentum m). Moves 12 + 8 bytes an element."""
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(p.size)
    while i < n:
        value, slope, velocity = p[i], g[i], m[i]
        slope = decayed(slope, value, weight_decay)
        velocity = momentum * velocity + slope
        m[i] = velocity
        p[i] = value - lr * (slope + momentum * velocity if nesterov else velocity)
        i += step


def sgd_update_forward(
    p: Any, g: Any, m: Any = None, *, lr: float, momentum: float = 0.0, nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple:  # fmt: skip
    if m is None:
        return _step(sgd, (p, g), float(lr), float(weight_decay))
    numbers = float(lr), float(momentum), bool(nesterov), float(weight_decay)
    return _step(sgd_momentum, (p, g, m), *numbers)


# -- RMSprop ---------------------------------------------------------------------------------------


@exact
def rmsprop(p, g, v, lr, alpha, rest, eps, weight_decay):
    """v = alpha v + rest g^2; p -= lr g / (sqrt(v) + eps). Moves 12 + 8 bytes an element."""
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(p.size)
    while i < n:
        value, slope, square = p[i], g[i], v[i]
        slope = decayed(slope, value, weight_decay)
        square = alpha * square + rest * slope * slope
        v[i] = square
        p[i] = value - lr * (slope / (sqrt(square) + eps))
        i += step


@exact
def rmsprop_momentum(p, g, v, m, lr, alpha, rest, eps, momentum, weight_decay):
    """The same through m = momentum m + g / (sqrt(v) + eps). Moves 16 + 12 bytes an element."""
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(p.size)
    while i < n:
        value, slope, square, velocity = p[i], g[i], v[i], m[i]
        slope = decayed(slope, value, weight_decay)
        square = alpha * square + rest * slope * slope
        velocity = momentum * velocity + slope / (sqrt(square) + eps)
        v[i], m[i], p[i] = square, velocity, value - lr * velocity
        i += step


def rmsprop_update_forward(
    p: Any, g: Any, v: Any, m: Any = None, *, lr: float, alpha: float = 0.99, eps: float = 1e-8,
    momentum: float = 0.0, weight_decay: float = 0.0,
) -> tuple:  # fmt: skip
    numbers = float(lr), float(alpha), float(1 - alpha), float(eps)
    if m is None:
        return _step(rmsprop, (p, g, v), *numbers, float(weight_decay))
    return _step(rmsprop_momentum, (p, g, v, m), *numbers, float(momentum), float(weight_decay))


# -- Adam and AdamW --------------------------------------------------------------------------------


@exact
def adam(p, g, m, v, rate, beta1, rest1, beta2, rest2, growth, eps, weight_decay, shrink):
    """p shrinks, then m = beta1 m + rest1 g; v = beta2 v + rest2 g^2; p -= lr m_hat / (sqrt(v_hat) + eps).

    The corrections of m_hat and v_hat are numbers for all: rate = lr / (1 - beta1^t) and
    growth = 1 / (1 - beta2^t). A thread takes every step-th element: four loads that do not wait for each
    other, one square root, one division. Moves 16 + 12 bytes an element.
    """
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(p.size)
    while i < n:
        value, slope, mean, square = p[i], g[i], m[i], v[i]
        value *= shrink
        slope = decayed(slope, value, weight_decay)
        mean = beta1 * mean + rest1 * slope
        square = beta2 * square + rest2 * slope * slope
        m[i], v[i], p[i] = mean, square, value - rate * mean / (sqrt(square * growth) + eps)
        i += step


def adam_update_forward(
    p: Any, g: Any, m: Any, v: Any, *, lr: float, t: int, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, weight_decay: float = 0.0, shrink: float = 1.0,
) -> tuple:  # fmt: skip
    rate, growth = lr / (1 - beta1**t), 1 / (1 - beta2**t)
    numbers = rate, beta1, 1 - beta1, beta2, 1 - beta2, growth, eps, weight_decay, shrink
    return _step(adam, (p, g, m, v), *map(float, numbers))


def adamw_update_forward(
    p: Any, g: Any, m: Any, v: Any, *, lr: float, t: int, beta1: float = 0.9, beta2: float = 0.999,
    eps: float = 1e-8, weight_decay: float = 0.01,
) -> tuple:  # fmt: skip
    """Adam's kernel without decay, after p has shrunk by lr weight_decay."""
    settings = {"lr": lr, "t": t, "beta1": beta1, "beta2": beta2, "eps": eps}
    return adam_update_forward(p, g, m, v, **settings, shrink=1 - lr * weight_decay)  # type: ignore[arg-type]


# -- running averages ------------------------------------------------------------------------------


@exact
def ema(p, now, momentum):
    """p += momentum (now - p). Moves 8 + 4 bytes an element."""
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(p.size)
    while i < n:
        p[i] += momentum * (now[i] - p[i])
        i += step


def ema_update_forward(p: Any, now: Any, *, momentum: float) -> tuple:
    return _step(ema, (p, now), float(momentum))
