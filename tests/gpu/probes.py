"""Small kernels that ask a machine whether launches work, and what one costs."""

from __future__ import annotations

from tinynn.gpu import cuda, float32


@cuda.jit
def probe(x, y, scale, yes, shift, n, more):
    """y = scale x + shift + 1, with an argument of every kind that launches take."""
    i = cuda.grid(1)
    if i < n and yes[0] and not yes[1]:
        y[i] = scale[()] * x[i] + shift
        if more:
            y[i] += float32(1)


@cuda.jit
def add_one(x, y, n):
    i = cuda.grid(1)
    if i < n:
        y[i] = x[i] + float32(1)


@cuda.jit
def nothing(a):
    """An empty kernel: what remains is the launch."""


@cuda.jit
def nothing_of_four(a, b, c, d, n, scale):
    """An empty kernel with the arguments of an ordinary one."""
