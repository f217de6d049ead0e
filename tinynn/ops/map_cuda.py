"""Kernels that do one thing to every element, generated from the function of one element.

    @mapped
    def multiply(x, y):
        return x * y

    z = multiply(x, y)          # whole arrays, which broadcast

Each scalar function becomes two kernels. The *flat* one is for arrays of one shape: thread i takes the
elements i, i + step, i + 2 step, ... where step is the number of threads in the grid, so that neighbouring
threads always touch neighbouring memory (coalesced: a warp's 32 loads are one piece of 128 bytes). A
single number is read by all with stride 0. The *strided* one broadcasts over up to three axes: along an
axis on which an input repeats, its stride is 0. Indices are unsigned: for a signed one the compiler adds
code to every access that makes x[-1] the last element. What they are compared with is unsigned too: Numba
compares a uint64 with an int64 in float64.

These kernels wait for memory, not for arithmetic. So they are compiled with exact division, square root
and exponential (``fastmath=False``), which also keeps denormal numbers. Left on the table: loads of 16
bytes a thread (CUDA C's float4), which Numba cannot write; several elements under way take their place.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy import uint64

from ..gpu import Kernel, blocks, contiguous, cuda, empty, launch
from .kernel_cuda import MOST, block_of, launch_over

AXES = 3  # axes of a strided kernel, after neighbours that broadcast alike are joined

exact = functools.partial(cuda.jit, fastmath=False)


# -- arrays of one shape ---------------------------------------------------------------------------


def make_flat_1(f: Kernel) -> Kernel:
    @exact
    def flat(x, out):
        """out = f(x). Four loads under way in a thread. Moves 4 + 4 bytes an element."""
        i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(out.size)
        while i + step + step + step < n:
            j = i + step
            k = j + step
            m = k + step
            a, b, c, d = x[i], x[j], x[k], x[m]
            out[i], out[j], out[k], out[m] = f(a), f(b), f(c), f(d)
            i = m + step
        while i < n:
            out[i] = f(x[i])
            i += step

    return flat


def make_flat_2(f: Kernel) -> Kernel:
    @exact
    def flat(x, sx, y, sy, out):
        """out = f(x, y); a stride of 0 reads one number. Four loads under way. Moves 8 + 4 bytes each."""
        i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(out.size)
        while i + step < n:
            j = i + step
            a, b, c, d = x[i * sx], y[i * sy], x[j * sx], y[j * sy]
            out[i], out[j] = f(a, b), f(c, d)
            i = j + step
        if i < n:
            out[i] = f(x[i * sx], y[i * sy])

    return flat


def make_flat_3(f: Kernel) -> Kernel:
    @exact
    def flat(x, sx, y, sy, z, sz, out):
        """out = f(x, y, z); a stride of 0 reads one number. Moves 12 + 4 bytes an element."""
        i, step, n = uint64(cuda.grid(1)), uint64(cuda.gridsize(1)), uint64(out.size)
        while i < n:
            out[i] = f(x[i * sx], y[i * sy], z[i * sz])
            i += step

    return flat


# -- arrays that broadcast -------------------------------------------------------------------------


def make_strided_2(f: Kernel) -> Kernel:
    @exact
    def strided(x, x0, x1, x2, y, y0, y1, y2, out):
        """out = f(x, y), broadcast over three axes; strides count elements, and are 0 where an input repeats.

        A thread takes one column of a block's rows, and goes on in strides of the grid along each axis: no
        division says where an element lies. Moves 4 bytes an element, and each input once, if caches hold it.
        """
        n0, n1, n2 = uint64(out.shape[0]), uint64(out.shape[1]), uint64(out.shape[2])
        a, depth = uint64(cuda.blockIdx.z), uint64(cuda.gridDim.z)
        while a < n0:
            b, height = uint64(cuda.grid(2)[1]), uint64(cuda.gridsize(2)[1])
            while b < n1:
                c, width = uint64(cuda.grid(2)[0]), uint64(cuda.gridsize(2)[0])
                while c < n2:
                    u, v = x[a * x0 + b * x1 + c * x2], y[a * y0 + b * y1 + c * y2]
                    out[a, b, c] = f(u, v)
                    c += width
                b += height
            a += depth

    return strided


def make_strided_3(f: Kernel) -> Kernel:
    @exact
    def strided(x, x0, x1, x2, y, y0, y1, y2, z, z0, z1, z2, out):
        """out = f(x, y, z), broadcast: as for two."""
        n0, n1, n2 = uint64(out.shape[0]), uint64(out.shape[1]), uint64(out.shape[2])
        a, depth = uint64(cuda.blockIdx.z), uint64(cuda.gridDim.z)
        while a < n0:
            b, height = uint64(cuda.grid(2)[1]), uint64(cuda.gridsize(2)[1])
            while b < n1:
                c, width = uint64(cuda.grid(2)[0]), uint64(cuda.gridsize(2)[0])
                while c < n2:
                    u, v = x[a * x0 + b * x1 + c * x2], y[a * y0 + b * y1 + c * y2]
                    out[a, b, c] = f(u, v, z[a * z0 + b * z1 + c * z2])
                    c += width
                b += height
            a += depth

    return strided


# -- the function of whole arrays ------------------------------------------------------------------

MAKERS = {1: (make_flat_1, None), 2: (make_flat_2, make_strided_2), 3: (make_flat_3, make_strided_3)}
EACH = {1: 4, 2: 2, 3: 1}  # elements of a thread under way, by the number of inputs


class mapped:
    """A function of whole arrays from a function of one to three numbers.

    Parameters
    ----------
    f : callable
        One element's result, in the part of Python that Numba compiles for CUDA.
    """

    def __init__(self, f: Callable) -> None:
        functools.update_wrapper(self, f)
        self.inputs = len(inspect.signature(f).parameters)
        self.scalar = exact(device=True)(f)
        flat, strided = MAKERS[self.inputs]
        self.flat = _named(f"{f.__name__}_flat", flat(self.scalar))
        self.strided = _named(f"{f.__name__}_strided", strided(self.scalar)) if strided else None

    def __call__(self, *arrays: Any, dtype: Any = None) -> Any:
        """`f` of each element of `arrays`, which broadcast; `dtype` of the result is the last one's."""
        shape, sizes, strides = layout(*[a.shape for a in arrays])
        if len(sizes) > AXES:
            arrays = tuple([contiguous(np.broadcast_to(a, shape)) for a in arrays])
            sizes, strides = sizes[:1], tuple([(1,)] * len(arrays))
        out = empty(shape, arrays[0], dtype or arrays[-1].dtype)
        flat = [a.reshape(-1) for a in arrays]
        each = EACH[self.inputs]
        if self.inputs == 1:
            launch_over(self.flat, out.size, *flat, out.reshape(-1), each=each)
        elif len(sizes) < 2:
            pairs = [part for a, s in zip(flat, strides) for part in (a, np.uint32(s[0]))]
            launch_over(self.flat, out.size, *pairs, out.reshape(-1), each=each)
        else:
            self._broadcast(flat, sizes, strides, out)
        return out

    def _broadcast(self, arrays: list, sizes: tuple, strides: tuple, out: Any) -> None:
        assert self.strided is not None
        missing = AXES - len(sizes)
        sizes = (1,) * missing + sizes
        width, height = block_of(*sizes[1:])
        grid = blocks(sizes[2], width), blocks(sizes[1], height), sizes[0]
        args = [part for a, s in zip(arrays, strides) for part in (a, *map(np.uint32, (0,) * missing + s))]
        launch(self.strided, tuple([min(MOST, n) for n in grid]), (width, height), *args, out.reshape(sizes))


def _named(name: str, kernel: Kernel) -> Kernel:
    """The kernel under a name of its own, for messages and profilers."""
    kernel.__name__ = kernel.function.__name__ = name  # type: ignore[attr-defined]
    return kernel


@functools.lru_cache(1024)
def layout(*shapes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Shape of the result, its axes after joining, and each input's strides over those, in elements.

    Neighbouring axes along which the same inputs are stretched become one: with the shapes (8, 3, 4) and
    (4,) the axes are (24, 4) and the strides (4, 1) and (0, 1). Axes of size 1 vanish.
    """
    shape = np.broadcast_shapes(*shapes)
    axes: list[tuple[int, tuple[bool, ...]]] = [(1, (False,) * len(shapes))]
    for axis in range(-len(shape), 0):
        n = shape[axis]
        there = tuple([len(s) >= -axis and s[axis] == n for s in shapes])
        if n > 1 and (axes[-1][1] == there or axes[-1][0] == 1):
            axes[-1] = (axes[-1][0] * n, there)
        elif n > 1:
            axes.append((n, there))
    strides: list[tuple[int, ...]] = []
    for k in range(len(shapes)):
        sizes = [n if there[k] else 1 for n, there in axes]
        strides.append(tuple([prod(sizes[a + 1 :]) if axes[a][1][k] else 0 for a in range(len(axes))]))
    return shape, tuple([n for n, _ in axes]), tuple(strides)
