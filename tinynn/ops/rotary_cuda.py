"""rotary on the GPU: a thread turns a pair of numbers; backward turns it back."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..gpu import arrays, blocks, cuda, empty, is_on_gpu, launch, to_device, uint32
from .rotary import angles

THREADS, MOST = 256, 4096  # of a block; blocks of a grid


@cuda.jit
def turn_pairs(x, cos, sin, back, y):
    """(a, b) -> (a cos - b sin, b cos + a sin) for the halves a and b of each row of x (rows, E).

    Row r is at position r mod T; cos and sin are (T, E / 2) and stay in the caches. A thread takes a pair
    and goes on in strides of the grid. Bytes: 16 a pair, 6 FLOPs.
    """
    i, step = uint32(cuda.grid(1)), uint32(cuda.gridsize(1))
    half, positions = uint32(cos.shape[1]), uint32(cos.shape[0])
    pairs = uint32(x.shape[0]) * half
    while i < pairs:
        row, e = i // half, i % half
        t = row % positions
        a, b, c, s = x[row, e], x[row, e + half], cos[t, e], sin[t, e]
        s = -s if back else s
        y[row, e], y[row, e + half] = a * c - b * s, b * c + a * s
        i += step


@functools.lru_cache(16)
def _on_gpu(library: Any, *sizes: Any) -> tuple[Any, Any]:
    """The angles' cos and sin on the GPU, copied once; `library` keeps those of a stand-in apart."""
    cos, sin = angles(*sizes, np.dtype(np.float32))
    return to_device(cos), to_device(sin)


def _turned(x: Any, cos: Any, sin: Any, back: bool) -> Any:
    y = empty(x.shape, like=x)
    grid = min(MOST, blocks(x.size // 2, THREADS))
    flat = (a.reshape(-1, a.shape[-1]) for a in (x, y))
    launch(
        turn_pairs, grid, min(THREADS, 32 * blocks(x.size // 2, 32)), next(flat), cos, sin, back, next(flat)
    )
    return y


def rotary_forward(x: Any, offset: int = 0, base: float = 10000.0) -> tuple:
    sizes = x.shape[-2], x.shape[-1], offset, base
    cos, sin = _on_gpu(arrays.library(), *sizes) if is_on_gpu(x) else angles(*sizes, x.dtype)
    return _turned(x, cos, sin, False), (cos, sin)


def rotary_backward(dy: Any, cache: tuple) -> tuple:
    cos, sin = cache
    return (_turned(dy, cos, sin, True),)
