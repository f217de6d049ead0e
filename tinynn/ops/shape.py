"""Ops that move elements and change none. Backward moves the gradients the other way."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, RangeError, ShapeError
from ..gpu.arrays import is_on_gpu, to_device
from .elementwise import unbroadcast
from .op import Out, Spec
from .specs import normalise_axis, require_number, require_same_dtype, size

Shape = tuple[int, ...]

# -- reshape ---------------------------------------------------------------------------------------


def reshape_spec(x: Any, *, shape: Shape) -> Spec:
    known = size(tuple(n for n in shape if n != -1))
    total = size(x.shape)
    free = shape.count(-1)
    if free > 1 or any(n < -1 for n in shape):
        expected = "sizes of 0 or more, and at most one -1"
        raise ArgumentError("reshape", f"shape {shape}", expected, "shape (-1,)")
    if (free and (known == 0 or total % known)) or (not free and known != total):
        got = f"x {x.shape} with {total} elements and shape {shape}"
        expected = f"a shape with {'a divisor of ' if free else ''}{total} elements"
        raise ShapeError("reshape", got, expected, "shape (-1,) to flatten")
    return Spec(Out(tuple(total // known if n == -1 else n for n in shape), x.dtype), 0)


def reshape_forward(x: np.ndarray, shape: Shape) -> tuple[np.ndarray, Shape]:
    """The same elements in the same order; one size may be -1. Cache: the old shape. Equals torch.reshape."""
    return x.reshape(shape), x.shape


def reshape_backward(dy: np.ndarray, shape: Shape) -> tuple:
    """dx = dy in the old shape."""
    return (dy.reshape(shape),)


# -- permute ---------------------------------------------------------------------------------------


def permute_spec(x: Any, *, axes: tuple[int, ...]) -> Spec:
    n = len(x.shape)
    if len({normalise_axis("permute", a, n) for a in axes}) != n or len(axes) != n:
        hint = f"axes {tuple(reversed(range(n)))}"
        raise ShapeError("permute", f"x {x.shape} and axes {axes}", f"each of the {n} axes once", hint)
    return Spec(Out(tuple(x.shape[a] for a in axes), x.dtype), 0)


def permute_forward(x: np.ndarray, axes: tuple[int, ...]) -> tuple:
    """Axis i of y is axis axes[i] of x; y is a view. Cache: the axes. Equals torch.permute."""
    return x.transpose(axes), tuple(a % x.ndim for a in axes)


def permute_backward(dy: np.ndarray, axes: tuple[int, ...]) -> tuple:
    """dx = dy with its axes put back: those of the inverse permutation."""
    return (dy.transpose(sorted(range(len(axes)), key=axes.__getitem__)),)


# -- broadcast_to ----------------------------------------------------------------------------------


def broadcast_to_spec(x: Any, *, shape: Shape) -> Spec:
    if any(n < 0 for n in shape):
        raise ArgumentError("broadcast_to", f"shape {shape}", "sizes of 0 or more")
    pairs = zip(x.shape[::-1], shape[::-1], strict=False)
    if len(x.shape) > len(shape) or any(n not in (1, wanted) for n, wanted in pairs):
        got = f"x {x.shape} and shape {shape}"
        raise ShapeError("broadcast_to", got, "sizes of x that are 1 or the same")
    return Spec(Out(shape, x.dtype), 0)


def broadcast_to_forward(x: np.ndarray, shape: Shape) -> tuple[np.ndarray, Shape]:
    """Copies along axes of size 1, as a view. Cache: the old shape. Equals torch.broadcast_to."""
    return np.broadcast_to(x, shape), x.shape


def broadcast_to_backward(dy: np.ndarray, shape: Shape) -> tuple:
    """dx = the sum of dy over the copies."""
    return (unbroadcast(dy, shape),)


# -- concat ----------------------------------------------------------------------------------------


def _same_dtype(where: str, arrays: tuple) -> np.dtype:
    if not arrays:
        raise ShapeError(where, "no arrays", "at least one", f"{where}([x, y])")
    return require_same_dtype(where, **{f"x{i}": a for i, a in enumerate(arrays)})


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def concat_spec(*arrays: Any, axis: int = 0) -> Spec:
    dtype = _same_dtype("concat", arrays)
    first = arrays[0].shape
    if not first:
        raise ShapeError("concat", "arrays without dimensions", "at least one dimension", "stack([x, y])")
    axis = normalise_axis("concat", axis, len(first))
    for i, a in enumerate(arrays):
        if len(a.shape) != len(first) or _without(a.shape, axis) != _without(first, axis):
            got = f"x0 {first} and x{i} {a.shape}"
            raise ShapeError("concat", got, f"the same sizes except on axis {axis}")
    total = sum(a.shape[axis] for a in arrays)
    return Spec(Out((*first[:axis], total, *first[axis + 1 :]), dtype), 0)


def concat_forward(*arrays: np.ndarray, axis: int = 0) -> tuple:
    """One after the other along an axis that exists. Cache: their sizes along it. Equals torch.cat."""
    return np.concatenate(arrays, axis), ([a.shape[axis] for a in arrays], axis)


def concat_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """Each input gets its piece of dy."""
    sizes, axis = cache
    return tuple(np.split(dy, _borders(sizes), axis))


def _borders(sizes: Sequence[int]) -> list[int]:
    """Where one piece ends and the next begins."""
    return list(itertools.accumulate(sizes[:-1]))


# -- stack -----------------------------------------------------------------------------------------


def stack_spec(*arrays: Any, axis: int = 0) -> Spec:
    dtype = _same_dtype("stack", arrays)
    first = arrays[0].shape
    for i, a in enumerate(arrays):
        if a.shape != first:
            got = f"x0 {first} and x{i} {a.shape}"
            raise ShapeError("stack", got, "the same shape for all", "concat([x, y])")
    axis = normalise_axis("stack", axis, len(first) + 1)
    return Spec(Out((*first[:axis], len(arrays), *first[axis:]), dtype), 0)


def stack_forward(*arrays: np.ndarray, axis: int = 0) -> tuple:
    """One after the other along a new axis. Cache: the axis. Equals torch.stack."""
    return np.stack(arrays, axis), axis


def stack_backward(dy: np.ndarray, axis: int) -> tuple:
    """Each input gets its place of dy along the axis."""
    pieces = np.moveaxis(dy, axis, 0)
    return tuple([pieces[i] for i in range(len(pieces))])


# -- split -----------------------------------------------------------------------------------------


def split_spec(x: Any, *, sizes: tuple[int, ...], axis: int = -1) -> Spec:
    axis = normalise_axis("split", axis, len(x.shape))
    if not sizes or any(n < 0 for n in sizes) or sum(sizes) != x.shape[axis]:
        got = f"x {x.shape} and sizes {sizes} for axis {axis}"
        raise ShapeError("split", got, f"sizes of 0 or more whose sum is {x.shape[axis]}")
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    return Spec(tuple(Out((*before, n, *after), x.dtype) for n in sizes), 0)


def split_forward(x: np.ndarray, sizes: tuple[int, ...], axis: int = -1) -> tuple:
    """Pieces of x one after the other along an axis, as views. Cache: their shapes. Equals torch.split."""
    pieces = tuple(np.split(x, _borders(sizes), axis))
    return pieces, ([piece.shape for piece in pieces], axis)


def split_backward(dys: tuple, cache: tuple) -> tuple:
    """dx = the pieces' gradients side by side, 0 for a piece that got none.

    Gradients that lie side by side in memory already, as attention makes those of q, k and v, stay there.
    """
    shapes, axis = cache
    given = next(dy for dy in dys if dy is not None)
    missing = lambda shape: np.zeros(shape, given.dtype, like=given)
    dys = tuple(missing(s) if dy is None else dy for dy, s in zip(dys, shapes, strict=True))
    together = _side_by_side(dys, axis)
    return (np.concatenate(dys, axis) if together is None else together,)


def _side_by_side(arrays: tuple, axis: int) -> np.ndarray | None:
    """One view of the memory in which `arrays` of NumPy follow each other along an axis, if they do."""
    first, address = arrays[0], 0
    if is_on_gpu(first):
        return None
    for a in arrays:
        following = a.__array_interface__["data"][0]
        if a.strides != first.strides or a.dtype != first.dtype or address not in (0, following):
            return None
        address = following + a.shape[axis] * a.strides[axis]
    total = sum(a.shape[axis] for a in arrays)
    axis %= first.ndim
    if any(abs(stride) < total * first.strides[axis] for stride in first.strides[:axis]):
        return None
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return np.lib.stride_tricks.as_strided(first, shape, first.strides)


# -- index -----------------------------------------------------------------------------------------


def _arrays_in(index: Any) -> list[np.ndarray]:
    """The parts of an index that pick positions one by one, so that one may be picked twice."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [np.asarray(p) if isinstance(p, list) else p for p in parts]
    return [a for a in arrays if isinstance(a, np.ndarray) or is_on_gpu(a)]


def _placed(index: Any, x: Any) -> Any:
    """An index whose arrays lie where x does; positions for bools, which a GPU must count."""
    if not is_on_gpu(x):
        return index
    parts: list = []
    for part in index if isinstance(index, tuple) else (index,):
        part = np.asarray(part) if isinstance(part, list) else part
        if isinstance(part, np.ndarray) and part.dtype.kind == "b":
            parts += [to_device(positions) for positions in np.nonzero(part)]
        else:
            parts.append(to_device(part) if isinstance(part, np.ndarray) else part)
    return tuple(parts)


def _shapes_of(index: Any) -> Any:
    """An index whose arrays of the GPU are replaced by zeros of the host: of the same shape, and in range."""
    if isinstance(index, tuple):
        return tuple([_shapes_of(part) for part in index])
    return np.zeros(index.shape, np.intp) if is_on_gpu(index) else index


def index_spec(x: Any, *, index: Any) -> Spec:
    """The shape is what NumPy makes of the index on a stand-in for x that takes one byte."""
    for part in _arrays_in(index):
        if part.dtype.kind not in "iub":
            got = f"an index of dtype {part.dtype}"
            raise DtypeError("index", got, "integers or bools", "index.astype(np.int64)")
    try:
        shape = np.broadcast_to(np.zeros((), bool), x.shape)[_shapes_of(index)].shape
    except (IndexError, TypeError, ValueError) as error:
        got = f"x {x.shape} and index {index!r}"[:120]
        raise RangeError("index", f"{got} ({error})", "positions inside x") from None
    return Spec(Out(shape, x.dtype), 0)


def index_forward(x: np.ndarray, index: Any) -> tuple:
    """y = x[index], as in NumPy: numbers, slices, None, ..., and arrays of integers or bools.

    Cache: the index and the shape of x.
    """
    index = _placed(index, x)
    return x[index], (x.shape, index)


def index_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx[index] += dy: each picked position gets the gradients of all the places it was copied to."""
    shape, index = cache
    dx = np.zeros_like(dy, shape=shape)  # of one picked element dy is a scalar
    if _arrays_in(index):
        np.add.at(dx, index, dy)
    else:
        dx[index] = dy
    return (dx,)


# -- pad -------------------------------------------------------------------------------------------


def pad_spec(x: Any, *, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Spec:
    if len(widths) != len(x.shape) or any(len(w) != 2 for w in widths):
        got = f"x {x.shape} and {len(widths)} pairs of widths"
        raise ShapeError("pad", got, "(before, after) for each axis")
    require_number("pad", "value", value, nan=True)
    if any(n < 0 for pair in widths for n in pair):
        raise ArgumentError("pad", f"widths {widths}", "widths of 0 or more", "x[:, 1:-1] to cut")
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
    return Spec(Out(shape, x.dtype), 0)


def pad_forward(x: np.ndarray, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> tuple:
    """x with `value` around it, one pair of widths (before, after) for each axis, as numpy.pad.

    Cache: where x lies in y.
    """
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))
    return np.pad(x, widths, constant_values=value), inside


def pad_backward(dy: np.ndarray, inside: tuple[slice, ...]) -> tuple:
    """dx = dy where x lies in y."""
    return (dy[inside],)
