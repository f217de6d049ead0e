"""dropout on the GPU: the mask is a hash of the seed and the element's number, and is never stored."""

from __future__ import annotations

from typing import Any

from numpy import uint64

from ..gpu import cuda, empty, float32, int32
from .dropout import GOLDEN
from .kernel_cuda import launch_over
from .map_cuda import exact

A, B, STEP = uint64(0xBF58476D1CE4E5B9), uint64(0x94D049BB133111EB), uint64(GOLDEN)
S27, S30, S31, S40, FIRST = map(uint64, (27, 30, 31, 40, 1))
UNIT = float32(2.0**-24)


@exact(device=True)
def hashed(seed, i):
    """Number i of `dropout.uniform`: three products of 64 bits, which wrap around."""
    z = seed + STEP * (i + FIRST)
    z = (z ^ (z >> S30)) * A
    z = (z ^ (z >> S27)) * B
    z = z ^ (z >> S31)
    return float32(int32(z >> S40)) * UNIT


@exact
def dropout(x, p, scale, seed, y):
    """y = x kept scale, with kept 0 where the element's number is below p, else 1.

    A thread takes the elements i, i + step, ... and makes each one's random number in registers.
    Moves 4 + 4 bytes an element; a stored mask would add one byte now and one in backward.
    """
    i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(x.size)
    while i + step < n:
        j = i + step
        a, b = x[i], x[j]
        y[i] = a * (float32(0) if hashed(seed, i) < p else float32(1)) * scale  # NaN stays NaN
        y[j] = b * (float32(0) if hashed(seed, j) < p else float32(1)) * scale
        i = j + step
    if i < n:
        y[i] = x[i] * (float32(0) if hashed(seed, i) < p else float32(1)) * scale


def _masked(x: Any, p: float, seed: int) -> Any:
    y = empty(x.shape, x)
    flat = x.reshape(-1), float(p), 1 / (1 - p), uint64(seed), y.reshape(-1)
    launch_over(dropout, x.size, *flat, each=2)
    return y


def dropout_forward(x: Any, p: float, seed: int) -> tuple:
    """Cache: p and the seed, no memory."""
    return _masked(x, p, seed), (p, seed)


def dropout_backward(dy: Any, cache: tuple) -> tuple:
    """dx = dy kept / (1 - p): the same kernel, which makes the same mask."""
    return (_masked(dy, *cache),)
