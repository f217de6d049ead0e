"""01.2: broadcasting backwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ....ops.elementwise import unbroadcast as summed
from ...engine import draw
from ...engine.exercise import Case, Fill, case

backwards = Fill("01.2", "unbroadcast(dy, shape)", returns="dx", level=2, minutes=10, dtype_matters=False)


@backwards.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(rng.normal(size=(2, 3)), (3,), note="a bias (3,) was added to (2, 3)")
    yield case(rng.normal(size=(2, 3)), (2, 1), note="a column (2, 1) was added to (2, 3)")
    yield case(rng.normal(size=(2, 3)), (2, 3), note="nothing was stretched")
    yield case(rng.normal(size=(2, 3)), (), note="one number was added to (2, 3)")
    yield case(rng.normal(size=(2, 3, 4)), (4,), note="a bias (4,) was added to (2, 3, 4)")
    yield case(rng.normal(size=(2, 4, 3)), (4, 1), note="a new axis in front, and one of size 1 at the end")
    yield case(rng.normal(size=(2, 3, 4)), (1, 3, 1), note="two axes of size 1")
    yield case(rng.normal(size=(3, 3)), (3, 1), tags="square", note="a column added to a square")
    yield case(rng.normal(size=(4, 1)), (1,), tags="one", note="an axis of size 1 that was never stretched")
    yield case(np.ones((5, 2)), (2,), tags="ones", note="an upstream gradient of ones")
    yield case(rng.normal(size=(5, 4)).astype(np.float32), (1, 4), tags="float32", note="float32")


@backwards.drawn
def _(rng: np.random.Generator) -> Case:
    full = draw.shape(rng, least=1, most=5)
    small = tuple(1 if rng.random() < 0.4 else n for n in full[int(rng.integers(len(full) + 1)) :])
    return case(*draw.arrays(rng, full), small if rng.random() < 0.8 else full)


@backwards.reference
def _(dy, shape):
    return summed(dy, shape)


@backwards.worked
def unbroadcast(dy, shape):
    while dy.ndim > len(shape):  # axes that broadcasting put in front
        dy = dy.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1:  # this axis was stretched; its size of 1 stays
            dy = dy.sum(axis=i, keepdims=True)
    return dy  # of `shape`


@backwards.right
def in_one_sum(dy, shape):
    new = dy.ndim - len(shape)
    stretched = tuple(new + i for i, n in enumerate(shape) if n != dy.shape[new + i])
    return dy.sum(axis=tuple(range(new)) + stretched).reshape(shape)


@backwards.right
def added_one_by_one(dy, shape):
    where = np.broadcast_to(np.arange(np.prod(shape, dtype=int)).reshape(shape), dy.shape)
    dx = np.zeros(np.prod(shape, dtype=int), dy.dtype)
    np.add.at(dx, where.ravel(), dy.ravel())  # every copy adds to its original
    return dx.reshape(shape)


@backwards.mistake
def new_axes_only(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.sum(axis=0)
    return dy


@backwards.mistake
def ones_only(dy, shape):
    new = dy.ndim - len(shape)
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.sum(axis=new + i, keepdims=True)
    return dy


@backwards.mistake
def compared_from_the_left(dy, shape):
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.sum(axis=i, keepdims=True)
    while dy.ndim > len(shape):
        dy = dy.sum(axis=-1)
    return dy


@backwards.mistake
def size_1_axis_lost(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.sum(axis=0)
    return dy.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1))


@backwards.mistake
def new_axes_kept(dy, shape):
    new = dy.ndim - len(shape)
    stretched = tuple(new + i for i, n in enumerate(shape) if n == 1)
    return dy.sum(axis=tuple(range(new)) + stretched, keepdims=True)


@backwards.mistake
def averaged(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.mean(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.mean(axis=i, keepdims=True)
    return dy


@backwards.mistake
def one_copy_taken(dy, shape):
    while dy.ndim > len(shape):
        dy = dy[0]
    return dy[tuple(slice(0, n) for n in shape)]


@backwards.mistake
def one_new_axis_at_most(dy, shape):
    if dy.ndim > len(shape):
        dy = dy.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.sum(axis=i, keepdims=True)
    return dy


@backwards.mistake
def axes_move_up(dy, shape):
    for i in range(dy.ndim - len(shape)):
        dy = dy.sum(axis=i)
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.sum(axis=i, keepdims=True)
    return dy


@backwards.mistake
def one_size_1_axis_at_most(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.sum(axis=0)
    return dy.sum(axis=shape.index(1), keepdims=True) if 1 in shape else dy


@backwards.mistake
def always_over_rows(dy, shape):
    return dy.sum(axis=0)


@backwards.mistake
def only_a_bias(dy, shape):
    return dy if dy.shape == shape else dy.sum(axis=0)


@backwards.mistake
def total_everywhere(dy, shape):
    return np.full(shape, dy.sum())


@backwards.mistake
def reshaped(dy, shape):
    return dy.reshape(shape)


@backwards.mistake
def always_over_the_last_axis(dy, shape):
    return dy.sum(axis=-1)


@backwards.mistake
def every_axis_of_another_size_from_the_left(dy, shape):
    axes = tuple(i for i, n in enumerate(shape) if n != dy.shape[i])
    return dy.sum(axis=axes, keepdims=True).reshape(shape)


@backwards.mistake
def stretched_averaged(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.mean(axis=i, keepdims=True)
    return dy


@backwards.mistake
def largest_taken(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.max(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            dy = dy.max(axis=i, keepdims=True)
    return dy


@backwards.mistake
def last_copy_kept(dy, shape):
    while dy.ndim > len(shape):
        dy = dy[-1]
    return dy[tuple(slice(-n, None) for n in shape)]


@backwards.two("averaged", "size_1_axis_lost")
def _(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.mean(axis=0)
    return dy.mean(axis=tuple(i for i, n in enumerate(shape) if n == 1))


@backwards.two("averaged", "new_axes_only")
def _(dy, shape):
    while dy.ndim > len(shape):
        dy = dy.mean(axis=0)
    return dy


@backwards.two("new_axes_only", "one_new_axis_at_most")
def _(dy, shape):
    return dy.sum(axis=0) if dy.ndim > len(shape) else dy


@backwards.swaps
def _(function):
    def backward(dz, cache):
        return tuple(function(dz, shape) for shape in cache)

    return ops.add.using(ops.add.pairs["numpy"].forward, backward)
