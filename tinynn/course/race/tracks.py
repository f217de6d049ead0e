"""What is raced: for each op its inputs at size n, the sizes, and the plain Python version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import ops
from ...errors import ArgumentError
from ...ops import Op
from . import plain

Arrays = list[np.ndarray]
Inputs = Callable[[int, np.random.Generator], Sequence[np.ndarray]]


class Track(NamedTuple):
    """An op with inputs of every size.

    Parameters
    ----------
    op : Op
    inputs : callable
        ``inputs(n, rng)``: the arrays at size n.
    shapes : str
        The inputs' shapes in words. Results measured elsewhere belong here if theirs say the same.
    sizes : tuple of int
    plain : callable, optional
        The op on lists of Python numbers.
    """

    op: Op
    inputs: Inputs
    shapes: str
    sizes: tuple[int, ...]
    plain: Callable[..., Any] | None = None

    def arrays(self, n: int) -> Arrays:
        """The inputs at size `n`: the same numbers at every call."""
        return [np.asarray(a) for a in self.inputs(n, np.random.default_rng(0))]


ELEMENTS = (10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)
ROWS = (1, 10, 100, 1000, 10_000, 50_000)
SIDES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def _one(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, n)]


def _two(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, n), _normal(rng, n)]


def _rows(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, n, 64)]


def _square(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, n, n), _normal(rng, n, n)]


def _layer(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, 64, n), _normal(rng, n, n), _normal(rng, n)]


def _labelled(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, n, 64), rng.integers(0, 64, n)]


def _scaled(n: int, rng: np.random.Generator) -> Arrays:
    return [_normal(rng, n, 64), _normal(rng, 64), _normal(rng, 64)]


TRACKS = {
    track.op.name: track
    for track in [
        Track(ops.add, _two, "x (n,), y (n,)", ELEMENTS, plain.add),
        Track(ops.mul, _two, "x (n,), y (n,)", ELEMENTS, plain.mul),
        Track(ops.relu, _one, "x (n,)", ELEMENTS, plain.relu),
        Track(ops.gelu, _one, "x (n,)", ELEMENTS, plain.gelu),
        Track(ops.sum, _one, "x (n,)", ELEMENTS, plain.sum),
        Track(ops.matmul, _square, "x (n, n), y (n, n)", SIDES, plain.matmul),
        Track(ops.linear, _layer, "x (64, n), weight (n, n), bias (n,)", SIDES, plain.linear),
        Track(ops.softmax, _rows, "x (n, 64)", ROWS, plain.softmax),
        Track(ops.log_softmax, _rows, "x (n, 64)", ROWS, plain.log_softmax),
        Track(ops.cross_entropy, _labelled, "x (n, 64), targets (n,)", ROWS, plain.cross_entropy),
        Track(ops.layer_norm, _scaled, "x (n, 64), weight (64,), bias (64,)", ROWS, plain.layer_norm),
    ]
}


def find(op: str | Op, sizes: Sequence[int] | None, inputs: Inputs | None) -> Track:
    """The track for `op`, with the sizes and inputs that were asked for.

    Raises
    ------
    ArgumentError
        For an op that is not known here and comes without inputs, and for sizes that are none.
    """
    name = op if isinstance(op, str) else op.name
    found = op if isinstance(op, Op) else ops.catalogue.get(op)
    known = TRACKS.get(name)
    if known is not None and known.op is found and inputs is None:
        return known._replace(sizes=_sizes(known.sizes if sizes is None else sizes))
    if found is None or inputs is None:
        hint = 'race("softmax"); or inputs=lambda n, rng: [rng.random(n, np.float32)] for another op'
        raise ArgumentError("race", repr(op), ", ".join(TRACKS), hint)
    return Track(found, inputs, "inputs of your own", _sizes(ELEMENTS[:6] if sizes is None else sizes))


def _sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in sizes)
    if not len(sizes) or not whole:
        raise ArgumentError("race", f"sizes={list(sizes)}", "whole numbers from 1 on", "sizes=[10, 1000]")
    return tuple(sorted({int(n) for n in sizes}))
