"""The recurrent ops, compiled: what `rnn`, `gru` and `lstm` share, and the kernels of `rnn`.

The inputs of all steps are multiplied by their weight beforehand, in one large product. Then each thread
takes some of the sequences through all steps, with no barrier between steps. Backward does the same the
other way round, and leaves the weights' gradients to the end: they are one large product over all steps.

What a step costs is its product, a thin one: the rows of a thread's sequences, 16 say, by the weight. BLAS
copies ("packs") the weight for each product, which takes as long as the product itself; products of less
than a million multiplications it computes from where the numbers lie. So `thin_product` cuts a product into
blocks below that size, and the weight is laid out once, transposed, for all steps. Measured in one thread,
16 x 256 by 256 x 1024: 54 GFLOP/s as one product, 112 in blocks.

A step's arithmetic goes over its row in several short loops, each with at most one array to write: a loop
over all of them is not vectorised, since nothing tells the compiler that they do not overlap.
"""

from __future__ import annotations

import math

import numpy as np

from ..memory import empty
from . import recurrent as reference
from .elementwise import Needs
from .kernel import FLOAT32, integers, kernel, plain, ready, share, split, unsigned
from .kernel_blas import product
from .kernel_math import ONE, ZERO, tanh
from .recurrent import Lengths, without_padding

FLOPS = 100.0  # that one thread does in a nanosecond, about
HUNDRED = 100
SMALL = 1_000_000  # multiplications: what OpenBLAS computes without packing
DEPTH = 256
NONE = np.empty((0, 0), FLOAT32)


# -- products ---------------------------------------------------------------------------------------


@share
def thin_product(a, b, beta, c):
    """c = a @ b + beta c for an `a` of few rows, in blocks that BLAS does not pack."""
    m, k = a.shape
    n = b.shape[1]
    depth = min(k, DEPTH)
    width = SMALL // max(1, m * depth) // 64 * 64
    if width == 0 or m * n * k <= SMALL:
        product(a, b, beta, c)
    else:
        for j in range(0, n, width):
            right = min(j + width, n)
            for i in range(0, k, depth):
                below = min(i + depth, k)
                product(a[:, i:below], b[i:below, j:right], beta if i == 0 else ONE, c[:, j:right])


@share
def _lay_rows(lo, hi, x, weight, bias, first, a):
    """a = bias in all columns, plus x W^T in those from `first` on."""
    for i in range(lo, hi):
        for j in range(unsigned(0), unsigned(a.shape[1])):
            a[i, j] = bias[j]
    product(x[lo:hi], weight.T, ONE, a[lo:hi, first:])


@share
def input_products(team, x, weight, bias, first, a):
    """What the inputs contribute to every step, (T N, columns)."""
    split(_lay_rows, team, x.shape[0], 2 * weight.size / FLOPS, (x, weight, bias, first, a))


@share
def _transpose(lo, hi, w, out):
    for top in range(lo * 16, min(hi * 16, w.shape[0]), 16):
        for left in range(0, w.shape[1], 16):
            for j in range(unsigned(left), unsigned(min(left + 16, w.shape[1]))):
                for i in range(unsigned(top), unsigned(min(top + 16, w.shape[0]))):
                    out[j, i] = w[i, j]


@kernel("f4[:, ::1], f4[:, ::1]")
def _transposed(team, w, out):
    split(_transpose, team, (w.shape[0] + 15) // 16, 16 * w.shape[1] * 0.7, (w, out))


FEW = 4  # steps for which it does not pay to lay the weight out anew


def laid_out(weight: np.ndarray, steps: int) -> np.ndarray:
    """The transpose of a recurrent weight, in memory too if there are steps enough."""
    if steps < FEW:
        return weight.T
    out = empty(weight.shape[::-1])
    _transposed(weight, out)
    return out


@share
def _gradient_shares(lo, hi, da, da_first, x, before, weight, dx, dw_ih, dw_hh, db):
    """Each thread a share, counted in hundredths, of every gradient.

    da (T N, rows) holds what arrived at each row of the weights; the columns of `weight_ih` begin at
    `da_first`, those of `weight_hh` at 0.
    """
    n = dx.shape[0]
    a, b = n * lo // HUNDRED, n * hi // HUNDRED
    rows_ih = dw_ih.shape[0]
    if dx.size:
        product(da[a:b, da_first : da_first + rows_ih], weight, ZERO, dx[a:b])
    a, b = rows_ih * lo // HUNDRED, rows_ih * hi // HUNDRED
    product(da[:, da_first + a : da_first + b].T, x, ZERO, dw_ih[a:b])
    rows_hh = dw_hh.shape[0]
    a, b = rows_hh * lo // HUNDRED, rows_hh * hi // HUNDRED
    product(da[:, a:b].T, before, ZERO, dw_hh[a:b])
    a, b = db.size * lo // HUNDRED, db.size * hi // HUNDRED
    db[a:b] = 0
    for i in range(da.shape[0]):
        for j in range(unsigned(a), unsigned(b)):
            db[j] += da[i, j]


@share
def weight_gradients(team, da, da_first, x, before, weight, dx, dw_ih, dw_hh, db):
    work = 2.0 * da.size * (x.shape[1] + before.shape[1]) / FLOPS
    args = (da, da_first, x, before, weight, dx, dw_ih, dw_hh, db)
    split(_gradient_shares, team, HUNDRED, work / HUNDRED, args)


# -- states: (T + 1, N, H), the first one and that after each step; in reverse the first is the last -----


def states(first: np.ndarray, steps: int, reverse: bool) -> np.ndarray:
    """Room for the state before and after each step, with the first one in its place."""
    room = empty((steps + 1, *first.shape))
    room[steps if reverse else 0] = first
    return room


def after(room: np.ndarray, reverse: bool) -> np.ndarray:
    """The state after each step, (T, N, H)."""
    return room[:-1] if reverse else room[1:]


def before(room: np.ndarray, reverse: bool) -> np.ndarray:
    """The state that each step finds, (T, N, H)."""
    return room[1:] if reverse else room[:-1]


def final(room: np.ndarray, reverse: bool) -> np.ndarray:
    """The last state; a copy, so that who keeps it does not keep the whole sequence."""
    return room[0 if reverse else -1].copy()


def all_lengths(lengths: Lengths, steps: int, batch: int) -> np.ndarray:
    return np.full(batch, steps, np.int64) if lengths is None else integers(np.asarray(lengths))


def compilable(*arrays: np.ndarray | None) -> bool:
    return all(a is None or (a.dtype == FLOAT32 and a.size) for a in arrays)


def laid(*arrays: np.ndarray | None) -> list:
    """The inputs as kernels take them: x is a transposed view where the batch comes first."""
    return [a if a is None or plain(a) else ready(a) for a in arrays]


@share
def keep_or_show(t, n, running, before, after, y):
    """After a step: a sequence that has ended keeps its state and shows 0; one that runs shows its state.

    y is empty where all sequences are equally long: then the states are the output.
    """
    for j in range(unsigned(0), unsigned(y.shape[2])):
        y[t, n, j] = after[t, n, j] if running else ZERO
    if not running:
        for j in range(unsigned(0), unsigned(after.shape[2])):
            after[t, n, j] = before[t, n, j]


@share
def add_upstream(t, n, dy, dh):
    """dh_t = dy_t + what the next step sent; dy is empty where nobody used the output."""
    for j in range(unsigned(0), unsigned(dy.shape[2])):
        dh[n, j] += dy[t, n, j]


def room_for_output(room: np.ndarray, lengths: Lengths, reverse: bool) -> tuple[np.ndarray, np.ndarray]:
    """(y, what the kernel writes to): y is the states themselves if no sequence ends early."""
    if lengths is None:
        return after(room, reverse), np.empty((0, 0, 0), FLOAT32)
    y = empty((room.shape[0] - 1, *room.shape[1:]))
    return y, y


def upstream(dy: np.ndarray | None, dlast: np.ndarray | None, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(dy, empty if there is none; what arrives at the last state, a copy to work in)."""
    dy = np.empty((0, 0, 0), FLOAT32) if dy is None else ready(dy)
    return dy, np.zeros_like(like) if dlast is None else np.array(dlast, FLOAT32, order="C")


# -- rnn --------------------------------------------------------------------------------------------


@share
def _rnn_steps(lo, hi, w, lengths, reverse, is_tanh, before, after, y):
    """Take the sequences lo to hi through all steps; `after` comes with what the inputs contribute.

    before[t] is after[t - 1], or after[t + 1] in reverse.
    """
    steps, columns = after.shape[0], range(unsigned(0), unsigned(after.shape[2]))
    for s in range(steps):
        t = steps - 1 - s if reverse else s
        thin_product(before[t, lo:hi], w, ONE, after[t, lo:hi])
        for n in range(lo, hi):
            if is_tanh:
                for j in columns:
                    after[t, n, j] = tanh(after[t, n, j])
            else:
                for j in columns:
                    after[t, n, j] = ZERO if after[t, n, j] <= ZERO else after[t, n, j]  # NaN stays
            keep_or_show(t, n, t < lengths[n], before, after, y)


THREE = "f4[:, :, ::1]"


@kernel(
    "f4[:, ::1], f4[:, ::1], f4[::1], f4[:, :], i8[::1], b1, b1, "
    f"{THREE}, {THREE}, {THREE}"
)
def _rnn(team, x, weight_ih, bias, w, lengths, reverse, is_tanh, before, after, y):
    steps, batch, hidden = after.shape
    input_products(team, x, weight_ih, bias, 0, after.reshape(steps * batch, hidden))
    work = steps * hidden * (2 * hidden / FLOPS + 0.5)
    split(_rnn_steps, team, batch, work, (w, lengths, reverse, is_tanh, before, after, y))


def rnn_forward(
    x: np.ndarray,
    h0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None = None,
    bias_hh: np.ndarray | None = None,
    lengths: Lengths = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple:
    inputs = x, h0, weight_ih, weight_hh, bias_ih, bias_hh
    if not compilable(*inputs):
        return reference.rnn_forward(*inputs, lengths, reverse, nonlinearity)
    x, h0, weight_ih, weight_hh, bias_ih, bias_hh = laid(without_padding(x, lengths), *inputs[1:])
    steps, batch, features = x.shape
    bias = np.zeros(len(weight_hh), FLOAT32) if bias_ih is None else bias_ih + bias_hh
    length = all_lengths(lengths, steps, batch)
    h = states(h0, steps, reverse)
    y, shown = room_for_output(h, lengths, reverse)
    _rnn(
        x.reshape(-1, features), weight_ih, bias, laid_out(weight_hh, steps), length, reverse,
        nonlinearity == "tanh", before(h, reverse), after(h, reverse), shown,
    )  # fmt: skip
    weights = (weight_ih, weight_hh, bias_ih is not None)
    return (y, final(h, reverse)), (x, h, weights, length, reverse, nonlinearity, "compiled")


@share
def _rnn_back(lo, hi, w, lengths, reverse, is_tanh, after, dy, dh, sent, da):
    """Take the gradients of the sequences lo to hi back through all steps: da for each, dh at the end."""
    steps, columns = after.shape[0], range(unsigned(0), unsigned(after.shape[2]))
    for s in range(steps):
        t = s if reverse else steps - 1 - s
        for n in range(lo, hi):
            if t >= lengths[n]:
                for j in columns:
                    da[t, n, j] = ZERO
            else:
                add_upstream(t, n, dy, dh)
                if is_tanh:
                    for j in columns:
                        da[t, n, j] = dh[n, j] * (ONE - after[t, n, j] * after[t, n, j])
                else:
                    for j in columns:
                        da[t, n, j] = dh[n, j] if after[t, n, j] > ZERO else ZERO
        thin_product(da[t, lo:hi], w, ZERO, sent[lo:hi])
        for n in range(lo, hi):
            if t < lengths[n]:
                for j in columns:
                    dh[n, j] = sent[n, j]


@kernel(
    f"f4[:, ::1], {THREE}, f4[:, ::1], f4[:, ::1], i8[::1], b1, b1, {THREE}, {THREE}, f4[:, ::1], "
    f"f4[:, ::1], {THREE}, f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1]"
)
def _rnn_backward(
    team, x, before, weight_ih, w, lengths, reverse, is_tanh, after, dy, dh, sent, da, dx, dw_ih, dw_hh, db
):
    steps, batch, hidden = after.shape
    work = steps * hidden * (2 * hidden / FLOPS + 0.5)
    split(_rnn_back, team, batch, work, (w, lengths, reverse, is_tanh, after, dy, dh, sent, da))
    rows = steps * batch
    weight_gradients(
        team, da.reshape(rows, hidden), 0, x, before.reshape(rows, hidden), weight_ih, dx, dw_ih, dw_hh, db
    )


def rnn_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 6) -> tuple:
    if cache[-1] != "compiled":
        return reference.rnn_backward(dout, cache, needs)
    x, h, (weight_ih, weight_hh, has_bias), length, reverse, nonlinearity, _ = cache
    steps, batch, features = x.shape
    dy, dh = upstream(dout[0], dout[1], h[0])
    da, sent, db = empty((steps, batch, len(weight_hh))), empty(dh.shape), empty((len(weight_hh),))
    dx, dw_ih, dw_hh = empty(x.shape) if needs[0] else None, empty(weight_ih.shape), empty(weight_hh.shape)
    _rnn_backward(
        x.reshape(-1, features), before(h, reverse), weight_ih, weight_hh, length, reverse,
        nonlinearity == "tanh", after(h, reverse), dy, dh, sent, da,
        NONE if dx is None else dx.reshape(-1, features), dw_ih, dw_hh, db,
    )  # fmt: skip
    return (dx, dh, dw_ih, dw_hh, db, db) if has_bias else (dx, dh, dw_ih, dw_hh)
