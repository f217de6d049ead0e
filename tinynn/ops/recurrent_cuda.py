"""rnn on the GPU, and what it shares with gru and lstm: products by BLAS, the loop over time by kernels.

The inputs of all steps meet their weight in one product beforehand, and the weights' gradients are one
product over all steps at the end. In between runs the loop over time, in one of three ways (`way_for`):

* up to 64 units (and 256 rows of the weight) a block keeps the weight in registers, a sequence a launch;
* up to 2 MB a block reads the weight from the L2 cache at every step, a whole sequence a launch: a
  multiprocessor gets about 64 bytes a cycle, 16,000 cycles for the megabyte of an lstm with 256 units;
* larger weights are read by all multiprocessors together, a step a launch.

With few sequences a block takes one: as many blocks as sequences run side by side, and a step is short.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..gpu import blocks, cuda, empty, float32, is_on_gpu, launch, to_device, zeros
from .elementwise import Needs
from .recurrent import Lengths
from .recurrent_cells_cuda import RNN
from .recurrent_sequence_cuda import DEEP, Cell, make_sequence, make_sequence_back
from .recurrent_steps_cuda import make_step, make_step_back

WARP, MOST_THREADS = 32, 512
KEPT_UNITS, KEPT_ROWS = (
    (8, 16, 32, 64),
    256,
)  # what registers hold: a row of 64 numbers in each of 256 threads
STREAMED = 1 << 21  # bytes of a weight that every block reads at every step
STREAMED_UNITS = (128, 256, 512, 1024)
SMALL, LARGE = (8, 4, 1), (32, 8, 2)  # units, sequences and sequences a thread in a block of one step
FILLS = 128  # blocks that fill a large GPU once: beyond, a block takes more sequences


class Way(NamedTuple):
    """How the loop over time runs."""

    units: int  # that the kernel is made for; 0: a step a launch
    rows: int  # sequences of a block
    kept: bool  # whether the weight stays in registers
    threads: int
    tall: int  # units with padding: rows of zeros save the kernels a question


def way_for(gates: int, batch: int, hidden: int) -> Way:
    """The way for a layer of `hidden` units; larger batches give a block up to four sequences."""
    rows = next((r for r in (1, 2) if batch <= r * FILLS), 4)
    threads = min(MOST_THREADS, WARP * blocks(gates * hidden, WARP))
    if hidden <= KEPT_UNITS[-1] and gates * hidden <= KEPT_ROWS:
        units = next(k for k in KEPT_UNITS if hidden <= k)
        return Way(units, rows, True, threads, units)
    if 4 * gates * hidden * hidden <= STREAMED and hidden <= STREAMED_UNITS[-1]:
        units = next(k for k in STREAMED_UNITS if hidden <= k)
        return Way(units, min(rows, 1024 // units), False, threads, blocks(hidden, DEEP) * DEEP)
    return Way(0, 0, False, 0, hidden)


# -- what the loop needs ------------------------------------------------------------------------------


@cuda.jit
def clear_padding(x, lengths, out):
    """out = x (T, N D), 0 where a sequence has ended, whatever was there (even NaN). 8 bytes a number."""
    i, step = cuda.grid(1), cuda.gridsize(1)
    steps, width = x.shape[0], x.shape[1]
    features = width // lengths.size
    while i < steps * width:
        t, place = i // width, i % width
        out[t, place] = x[t, place] if t < lengths[place // features] else float32(0)
        i += step


def lengths_beside(x: Any, lengths: Lengths) -> Any:
    """The lengths as int32 where x lies; T for all if there are none."""
    if lengths is None:
        all_of_them = empty((x.shape[1],), like=x, dtype=np.int32)
        all_of_them.fill(x.shape[0])
        return all_of_them
    if is_on_gpu(lengths):
        return lengths.astype(np.int32)
    host = np.ascontiguousarray(lengths, np.int32)
    return to_device(host) if is_on_gpu(x) else host


def without_padding(x: Any, lengths: Any) -> Any:
    flat = x.reshape(x.shape[0], -1)
    out = empty(flat.shape, like=x)
    launch(
        clear_padding,
        min(1024, blocks(x.size, 256)),
        min(256, WARP * blocks(x.size, WARP)),
        flat,
        lengths,
        out,
    )
    return out.reshape(x.shape)


def states(first: Any, steps: int, reverse: bool) -> tuple[Any, Any]:
    """(states before each step, states after each step), (T, N, H) both, with the first one in its place."""
    room = empty((steps + 1, *first.shape), like=first)
    room[steps if reverse else 0] = first
    return (room[1:], room[:-1]) if reverse else (room[:-1], room[1:])


def last_of(after: Any, reverse: bool) -> Any:
    """The last state; a copy, so that who keeps it does not keep the whole sequence."""
    return after[0 if reverse else -1].copy()


def in_columns(weight: Any, tall: int) -> Any:
    """W (G H, H) as (tall, G H), with zeros below: neighbouring threads read neighbouring numbers."""
    out = zeros((tall, len(weight)), like=weight)
    out[: weight.shape[1]] = weight.T
    return out


def in_blocks(weight: Any, gates: int, tall: int) -> Any:
    """W (G H, H) as (G tall, H), with zeros below each gate's rows."""
    hidden = weight.shape[1]
    if tall == hidden:
        return weight
    out = zeros((gates, tall, hidden), like=weight)
    out[:, :hidden] = weight.reshape(gates, hidden, hidden)
    return out.reshape(gates * tall, hidden)


# -- forward ------------------------------------------------------------------------------------------


def run_forward(
    cell: Cell, x: Any, h0: Any, c0: Any, weights: tuple, lengths: Lengths, reverse: bool
) -> tuple:
    """(y, h_n, c_n or None, cache) of a layer of these cells."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    (steps, batch, features), hidden = x.shape, weight_hh.shape[1]
    ends = lengths_beside(x, lengths)
    x = x if lengths is None else without_padding(x, ends)
    a = np.matmul(x.reshape(-1, features), weight_ih.T).reshape(steps, batch, -1)
    a = a if bias_ih is None else np.add(a, bias_ih, out=a)
    bias = zeros((len(weight_hh),), like=x) if bias_hh is None else bias_hh
    h_before, h_after = states(h0, steps, reverse)
    c_before, c_after = states(c0, steps, reverse) if cell.has_c else (h_before, h_after)
    extra = empty(h_after.shape, like=x) if cell.apart else a
    y = h_after if lengths is None else empty(h_after.shape, like=x)
    way = way_for(cell.gates, batch, hidden)
    start = (h0, c0 if cell.has_c else h0)
    outputs, wt = (extra, h_after, c_after, y), in_columns(weight_hh, way.tall)
    if way.units:
        launch(
            make_sequence(cell, way.units, way.rows, way.kept), blocks(batch, way.rows), way.threads,
            a, wt, bias, *start, ends, int(reverse), *outputs,
        )  # fmt: skip
    else:
        for t in range(steps - 1, -1, -1) if reverse else range(steps):
            launch(
                *stepping(make_step, cell, batch, hidden),
                a, wt, bias, h_before[t], c_before[t], ends, t, *outputs,
            )  # fmt: skip
    cache = (x, weights, cell, a, extra, (h_before, h_after, c_before, c_after), ends, reverse)
    return y, last_of(h_after, reverse), last_of(c_after, reverse) if cell.has_c else None, cache


def stepping(make: Any, cell: Cell, batch: int, hidden: int) -> tuple:
    """(kernel, grid, block) of one step."""
    tx, ty, rows = SMALL if hidden <= SMALL[0] else LARGE
    return make(cell, tx, ty, rows), (blocks(hidden, tx), blocks(batch, ty * rows)), (tx, ty)


# -- backward -----------------------------------------------------------------------------------------


def run_backward(dy: Any, dh: Any, dc: Any, cache: tuple, needs: Needs) -> tuple:
    """(dx, dh0, dc0, dW_ih, dW_hh, db_ih, db_hh); dx is None if nobody needs it."""
    x, (weight_ih, weight_hh, bias_ih, _), cell, a, extra, rooms, ends, reverse = cache
    (steps, batch, _), hidden = x.shape, weight_hh.shape[1]
    like = rooms[0][0]
    da = empty(a.shape, like=x)
    da_h = empty(a.shape, like=x) if cell.apart else da
    dh, dc = (np.zeros_like(like) if g is None else g.copy() for g in (dh, dc))
    upstream = (rooms[0] if dy is None else dy, int(dy is not None))
    way = way_for(cell.gates, batch, hidden)
    if way.units:
        dh0, dc0 = empty(dh.shape, like=x), empty(dh.shape, like=x)
        w = in_blocks(weight_hh, cell.gates, way.tall)
        launch(
            make_sequence_back(cell, way.units, way.rows, way.kept), blocks(batch, way.rows), way.threads,
            a, w, ends, int(reverse), extra, *rooms, *upstream, dh, dc, da, da_h, dh0, dc0,
        )  # fmt: skip
        dh, dc = dh0, dc0
    else:
        came = -1
        for t in [*(range(steps) if reverse else range(steps - 1, -1, -1)), -1]:
            launch(
                *stepping(make_step_back, cell, batch, hidden),
                a, weight_hh, ends, t, came, extra, *rooms, *upstream, da, da_h, dh, dc,
            )  # fmt: skip
            came = t
    dx, *grads = products(x, da, da_h, rooms[0], weight_ih, needs)
    return dx, dh, dc, *(grads if bias_ih is not None else grads[:2])


def products(x: Any, da: Any, da_h: Any, before: Any, weight_ih: Any, needs: Needs) -> tuple:
    """(dx, dW_ih, dW_hh, db_ih, db_hh): what all steps give, each in one product or sum."""
    x2, da, da_h, before = (m.reshape(-1, m.shape[2]) for m in (x, da, da_h, before))
    dx = np.matmul(da, weight_ih).reshape(x.shape) if needs[0] else None
    return dx, np.matmul(da.T, x2), np.matmul(da_h.T, before), da.sum(axis=0), da_h.sum(axis=0)


# -- rnn ----------------------------------------------------------------------------------------------


def rnn_forward(
    x: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    lengths: Lengths = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple:
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    y, h, _, cache = run_forward(RNN[nonlinearity], x, h0, None, weights, lengths, reverse)
    return (y, h), cache


def rnn_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 6) -> tuple:
    dx, dh, _, *grads = run_backward(dout[0], dout[1], None, cache, needs)
    return dx, dh, *grads
