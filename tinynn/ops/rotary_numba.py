"""rotary in one pass, read from a view of a layer's output and written as (N, T, H, E).

NumPy's pair makes six arrays of half the size on the way.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .kernel import FLOAT32, kernel, ready, share, split, unsigned
from .rotary import angles
from .rotary import rotary_backward as numpy_rotary_backward
from .rotary import rotary_forward as numpy_rotary_forward


@share
def _turn_rows(lo, hi, x, cos, sin, back, y):
    heads, half = y.shape[2], cos.shape[1]
    for row in range(lo, hi):
        n, t = row // y.shape[1], row % y.shape[1]
        for h in range(heads):
            for e in range(unsigned(half)):
                a, b = x[n, t, h, e], x[n, t, h, e + unsigned(half)]
                c, s = cos[t, e], -sin[t, e] if back else sin[t, e]
                y[n, t, h, e] = a * c - b * s
                y[n, t, h, e + unsigned(half)] = b * c + a * s


@kernel("f4[:, :, :, :], f4[:, ::1], f4[:, ::1], b1, f4[:, :, :, ::1]")
def _turn(team, x, cos, sin, back, y):
    rows = y.shape[0] * y.shape[1]
    split(_turn_rows, team, rows, 0.6 * y.shape[2] * y.shape[3] + 5, (x, cos, sin, back, y))


def _turned(x: np.ndarray, cos: np.ndarray, sin: np.ndarray, back: bool) -> np.ndarray:
    x = x if x.flags.behaved else ready(x)
    rows = x[(None,) * (4 - x.ndim)].transpose(0, 2, 1, 3)  # (N, T, H, E)
    y = empty(rows.shape)
    _turn(rows, cos, sin, back, y)
    return y.transpose(0, 2, 1, 3).reshape(x.shape)


def _takes(x: np.ndarray) -> bool:
    return x.dtype == FLOAT32 and x.ndim <= 4 and x.size > 0


def rotary_forward(x: np.ndarray, offset: int = 0, base: float = 10000.0) -> tuple:
    if not _takes(x):
        return numpy_rotary_forward(x, offset, base)
    cos, sin = angles(x.shape[-2], x.shape[-1], offset, base, x.dtype)
    return _turned(x, cos, sin, False), (cos, sin)


def rotary_backward(dy: np.ndarray, cache: tuple) -> tuple:
    if not _takes(dy):
        return numpy_rotary_backward(dy, cache)
    cos, sin = cache
    return (_turned(dy, cos, sin, True),)
