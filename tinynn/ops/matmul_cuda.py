"""matmul and linear on the GPU: BLAS by default, and any rung of our own ladder on request.

Arrays of a GPU are multiplied by CuPy's ``np.matmul``, which is NVIDIA's cuBLAS: years of work by many
people went into it. The ladder of `matmul_ladder_cuda` exists to be read and raced:

    with matmul_cuda.product("tiled"):
        model(x)                        # every product of this block by that rung

In the interpreter, where no cuBLAS is, the best rung runs. Either way an operand that lies transposed is
taken as it lies, and a stack that is shorter than the other is used again, without copies.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..gpu import Kernel, contiguous, cuda, empty, float32, is_on_gpu
from .elementwise import Needs, unbroadcast
from .matmul_ladder_cuda import Rung, make_blocked, make_buffered, make_naive, make_tiled
from .specs import size

NAMES = ("naive", "tiled", "blocked", "buffered", "blas")
TILES = {"small": (8, 16, 8, 2, 2), "middle": (64, 64, 8, 4, 4), "large": (128, 128, 8, 8, 8)}
MANY = 64  # tiles of a product below which smaller ones keep more of a GPU at work

_asked: list[str] = []


@contextmanager
def product(name: str) -> Iterator[None]:
    """Make every product inside of a ``with`` block by this rung of the ladder, or by BLAS.

    Parameters
    ----------
    name : {"naive", "tiled", "blocked", "buffered", "blas"}
        In the interpreter "blas" is NumPy's.
    """
    if name not in NAMES:
        raise ArgumentError("product", repr(name), " or ".join(map(repr, NAMES)), 'product("tiled")')
    _asked.append(name)
    try:
        yield
    finally:
        _asked.pop()


def chosen(x: Any) -> str:
    """Who makes the products of arrays that lie where `x` lies."""
    return _asked[-1] if _asked else "blas" if is_on_gpu(x) else "buffered"


@functools.cache
def rung(name: str, tiles: str, ta: bool, tb: bool, finish: Kernel | None = None) -> Rung:
    """A rung of the ladder, made when it is first asked for. Only the best one can `finish`."""
    if name == "naive":
        return make_naive(TA=ta, TB=tb)
    if name == "tiled":
        return make_tiled(TA=ta, TB=tb)
    if name == "blocked":
        return make_blocked(*TILES[tiles], TA=ta, TB=tb)
    return make_buffered(*TILES[tiles], TA=ta, TB=tb, FINISH=finish)


def fitting(m: int, n: int, z: int = 1) -> str:
    """The largest tiles of which a product (z, m, n) has `MANY`, so that the whole GPU has work."""
    for name in ("large", "middle"):
        rows, columns = TILES[name][:2]
        if z * math.ceil(m / rows) * math.ceil(n / columns) >= MANY:
            return name
    return "small"


def stacks(a: Any, b: Any, ta: bool = False, tb: bool = False, z: int = 1, divs: tuple = (1, 1)) -> Any:
    """c = a b for stacks of matrices (A, M, K) and (B, K, N), c (z, M, N); see `matmul_ladder_cuda`."""
    m, n = a.shape[2 if ta else 1], b.shape[1 if tb else 2]
    c = empty((z, m, n), a)
    rung(chosen(a), fitting(m, n, z), ta, tb)(a, b, c, *divs)
    return c


def dot(a: Any, b: Any, ta: bool = False, tb: bool = False) -> Any:
    """c = a b for two matrices, either of which may lie transposed; by BLAS where it is chosen."""
    if chosen(a) == "blas":
        return np.matmul(a.T if ta else a, b.T if tb else b)
    return stacks(a[None], b[None], ta, tb)[0]


# -- matmul ----------------------------------------------------------------------------------------


def _stack(x: Any, batch: tuple[int, ...]) -> tuple[Any, int]:
    """x (..., R, C) as (X, R, C), and how many matrices of `batch` in a row use the same one of them.

    That is all there is to say where the axes that x shares with `batch` are neighbours: (2, 1) of (2, 3)
    uses each of its 2 matrices 3 times in a row, (3,) of (2, 3) its 3 in turn. Else x is copied.
    """
    own = (1,) * (len(batch) - x.ndim + 2) + x.shape[:-2]
    kept = [i for i, (mine, wanted) in enumerate(zip(own, batch)) if mine == wanted > 1]
    if not kept:
        return x.reshape(1, *x.shape[-2:]), 1
    first, end = kept[0], kept[-1] + 1
    if own[first:end] != batch[first:end]:
        x = contiguous(np.broadcast_to(x, batch + x.shape[-2:]))
        first, end = 0, len(batch)
    return x.reshape(-1, *x.shape[-2:]), size(batch[end:])


def _matrices(x: Any, y: Any) -> tuple[Any, Any, tuple[int, ...]]:
    """x (..., M, K) and y (..., K, N) with vectors as matrices, and the axes of the batch.

    Where all share one y, the rows of every matrix of x stand in one: a single product, without a batch.
    """
    a = x[None, :] if x.ndim == 1 else x
    b = y[:, None] if y.ndim == 1 else y
    if size(b.shape[:-2]) == 1:
        return a.reshape(-1, a.shape[-1]), b.reshape(b.shape[-2:]), ()
    return a, b, np.broadcast_shapes(a.shape[:-2], b.shape[:-2])


def matmul_forward(x: Any, y: Any) -> Any:
    """Cache: x and y. Stacks of matrices go to the reference where BLAS is chosen."""
    a, b, batch = _matrices(x, y)
    shape = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), *x.shape[-2:-1], *y.shape[-1:][: y.ndim - 1])
    if not batch:
        return dot(a, b).reshape(shape), (x, y)
    if chosen(x) == "blas":
        return NotImplemented
    (a, a_div), (b, b_div) = _stack(a, batch), _stack(b, batch)
    return stacks(a, b, z=size(batch), divs=(a_div, b_div)).reshape(shape), (x, y)


def matmul_backward(dz: Any, cache: tuple, needs: Needs = (True, True)) -> tuple:
    """dx = dz y^T and dy = x^T dz, with x and y read as they lie."""
    x, y = cache
    a, b, batch = _matrices(x, y)
    dz = dz.reshape(*batch, a.shape[-2], b.shape[-1])
    dx = dy = None
    if not batch:
        dx = dot(dz, b, tb=True).reshape(x.shape) if needs[0] else None
        dy = dot(a, dz, ta=True).reshape(y.shape) if needs[1] else None
        return dx, dy
    (sa, a_div), (sb, b_div), (sz, _) = _stack(a, batch), _stack(b, batch), _stack(dz, batch)
    z = size(batch)
    if needs[0]:
        dx = stacks(sz, sb, tb=True, z=z, divs=(1, b_div)).reshape(*batch, *a.shape[-2:])
        dx = unbroadcast(dx, a.shape).reshape(x.shape)
    if needs[1]:
        dy = stacks(sa, sz, ta=True, z=z, divs=(a_div, 1)).reshape(*batch, *b.shape[-2:])
        dy = unbroadcast(dy, b.shape).reshape(y.shape)
    return dx, dy


# -- linear ----------------------------------------------------------------------------------------


@cuda.jit(device=True)
def plus_bias(total, bias, j):
    """What the best rung writes in place of a total."""
    return total + bias[j]


def make_finish(activation: Callable) -> Kernel:
    """activation(total + bias_j), for a device function of one number."""

    @cuda.jit(device=True)
    def finish(total, bias, j):
        return activation(total + bias[j])

    return finish


@cuda.jit(device=True)
def relu(x):
    return max(x, float32(0))


@cuda.jit(device=True)
def tanh(x):
    """By one exponential: under fastmath math.tanh becomes tanh.approx, right to 11 bits only."""
    e = math.exp(float32(-2) * abs(x))
    t = (float32(1) - e) / (float32(1) + e)
    return t if x >= float32(0) else -t


@cuda.jit(device=True)
def gelu(x):
    """The tanh form of GELU (Hendrycks and Gimpel, Gaussian error linear units, 2016)."""
    return float32(0.5) * x * (float32(1) + tanh(float32(0.7978845608) * (x + float32(0.044715) * x * x * x)))


FINISH = {None: plus_bias, "relu": make_finish(relu), "tanh": make_finish(tanh), "gelu": make_finish(gelu)}


def linear_act(x: Any, weight: Any, bias: Any, activation: str | None = None) -> Any:
    """y = activation(x W^T + b) in one kernel, the best rung: y is written once and never read again.

    By itself each of bias and activation reads and writes all of y. x (N, in), weight (out, in),
    bias (out,), all float32; activation None, "relu", "tanh" or "gelu" (by its tanh form).
    """
    if activation not in FINISH:
        raise ArgumentError("linear_act", repr(activation), " or ".join(map(repr, FINISH)), '"relu"')
    y = empty((1, len(x), len(weight)), x)
    best = rung("buffered", fitting(*y.shape[1:]), False, True, FINISH[activation])
    best(x[None], weight[None], y, 1, 1, bias)
    return y[0]


def linear_forward(x: Any, weight: Any, bias: Any = None) -> tuple:
    """y = x W^T + b for all rows of x in one product; our best rung adds the bias as it writes.

    Cache: x and weight.
    """
    rows = x.reshape(-1, x.shape[-1])  # (N, in)
    if bias is not None and chosen(x) == "buffered":
        y = linear_act(rows, weight, bias)
    else:
        y = dot(rows, weight, tb=True)  # (N, out)
        y = y if bias is None else np.add(y, bias, out=y)
    return y.reshape(*x.shape[:-1], len(weight)), (x, weight, bias is not None)


def linear_backward(dy: Any, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    """dx = dy W, dW = dy^T x and db = sum dy over the rows."""
    x, weight, has_bias = cache
    rows, x_rows = dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1])  # (N, out), (N, in)
    dx = dot(rows, weight).reshape(x.shape) if needs[0] else None
    dw = dot(rows, x_rows, ta=True) if needs[1] else None
    return (dx, dw, rows.sum(axis=0)) if has_bias else (dx, dw)
