"""gru, compiled; how is said in `kernel_recurrent`.

A step needs four blocks of H numbers: what the inputs contribute to r, z and n, and what the state
contributes to n, which r multiplies before the two meet. They lie side by side as n_h, r, z, n, so that the
state's product writes to the first three blocks and the inputs' product to the last three. The recurrent
weight is turned to the same order: its rows for n come first.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .elementwise import Needs
from .gru import gru_backward as numpy_gru_backward
from .gru import gru_forward as numpy_gru_forward
from .kernel import FLOAT32, kernel, share, split, unsigned
from .kernel_math import ONE, ZERO, sigmoid, tanh
from .kernel_recurrent import (
    FLOPS,
    NONE,
    THREE,
    add_upstream,
    after,
    all_lengths,
    before,
    blocks,
    compilable,
    final,
    input_products,
    keep_or_show,
    laid,
    laid_out,
    room_for_output,
    states,
    thin_product,
    upstream,
    weight_gradients,
)  # fmt: skip
from .recurrent import Lengths, without_padding


def turned(rows: np.ndarray) -> np.ndarray:
    """Rows r, z, n as n, r, z."""
    h = len(rows) // 3
    return np.concatenate([rows[2 * h :], rows[: 2 * h]])


def turned_back(rows: np.ndarray) -> np.ndarray:
    h = len(rows) // 3
    return np.concatenate([rows[h:], rows[:h]])


def four_biases(bias_ih: np.ndarray | None, bias_hh: np.ndarray | None, hidden: int) -> np.ndarray:
    """The biases of n_h, r, z and n."""
    bias = np.zeros(4 * hidden, FLOAT32)
    if bias_ih is not None and bias_hh is not None:
        bias[hidden:] = bias_ih
        bias[: 3 * hidden] += turned(bias_hh)
    return bias


@share
def _gru_steps(lo, hi, a, w, lengths, reverse, before, after, y):
    """Take the sequences lo to hi through all steps; a[t] becomes n_h, r, z, n of step t."""
    steps, hidden = after.shape[0], after.shape[2]
    columns = range(unsigned(0), unsigned(hidden))
    _, r, z, n_, _ = blocks(hidden)
    for s in range(steps):
        t = steps - 1 - s if reverse else s
        thin_product(before[t, lo:hi], w, ONE, a[t, lo:hi, : w.shape[1]])
        for n in range(lo, hi):
            for j in range(r, n_):
                a[t, n, j] = sigmoid(a[t, n, j])
            for j in columns:
                a[t, n, n_ + j] = tanh(a[t, n, n_ + j] + a[t, n, r + j] * a[t, n, j])
            for j in columns:
                v = a[t, n, n_ + j]
                after[t, n, j] = v + a[t, n, z + j] * (before[t, n, j] - v)
            keep_or_show(t, n, t < lengths[n], before, after, y)


@kernel(f"f4[:, ::1], f4[:, ::1], f4[::1], f4[:, :], i8[::1], b1, {THREE}, {THREE}, {THREE}, {THREE}")
def _gru(team, x, weight_ih, bias, w, lengths, reverse, a, before, after, y):
    steps, batch, hidden = after.shape
    input_products(team, x, weight_ih, bias, hidden, a.reshape(steps * batch, 4 * hidden))
    work = steps * hidden * (6 * hidden / FLOPS + 2)
    split(_gru_steps, team, batch, work, (a, w, lengths, reverse, before, after, y))


def gru_forward(
    x: np.ndarray,
    h0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None = None,
    bias_hh: np.ndarray | None = None,
    lengths: Lengths = None,
    reverse: bool = False,
) -> tuple:
    inputs = x, h0, weight_ih, weight_hh, bias_ih, bias_hh
    if not compilable(*inputs):
        return numpy_gru_forward(*inputs, lengths, reverse)
    x, h0, weight_ih, weight_hh, bias_ih, bias_hh = laid(without_padding(x, lengths), *inputs[1:])
    steps, batch, features = x.shape
    hidden = weight_hh.shape[1]
    length, w = all_lengths(lengths, steps, batch), turned(weight_hh)
    gates, h = empty((steps, batch, 4 * hidden)), states(h0, steps, reverse)
    y, shown = room_for_output(h, lengths, reverse)
    _gru(
        x.reshape(-1, features), weight_ih, four_biases(bias_ih, bias_hh, hidden), laid_out(w, steps), length,
        reverse, gates, before(h, reverse), after(h, reverse), shown,
    )  # fmt: skip
    cache = (x, h, gates, (weight_ih, w, bias_ih is not None), length, reverse, "compiled")
    return (y, final(h, reverse)), cache


@share
def _gru_back(lo, hi, w, lengths, reverse, a, before, dy, dh, sent, da):
    """Take the gradients of the sequences lo to hi back through all steps.

    da[t] becomes dn r, dr, dz, dn: the gradients of n_h, r, z, n before their activations.
    """
    steps, hidden = before.shape[0], before.shape[2]
    columns = range(unsigned(0), unsigned(hidden))
    first, r, z, n_, end = blocks(hidden)
    for s in range(steps):
        t = s if reverse else steps - 1 - s
        for n in range(lo, hi):
            if t >= lengths[n]:
                for j in range(first, end):
                    da[t, n, j] = ZERO
                continue
            add_upstream(t, n, dy, dh)
            for j in columns:
                v = a[t, n, n_ + j]
                da[t, n, n_ + j] = dh[n, j] * (ONE - a[t, n, z + j]) * (ONE - v * v)
            for j in columns:
                v = a[t, n, z + j]
                da[t, n, z + j] = dh[n, j] * (before[t, n, j] - a[t, n, n_ + j]) * v * (ONE - v)
            for j in columns:
                da[t, n, j] = da[t, n, n_ + j] * a[t, n, r + j]
            for j in columns:
                v = a[t, n, r + j]
                da[t, n, r + j] = da[t, n, n_ + j] * a[t, n, j] * v * (ONE - v)
            for j in columns:
                dh[n, j] *= a[t, n, z + j]
        thin_product(da[t, lo:hi, : w.shape[0]], w, ZERO, sent[lo:hi])
        for n in range(lo, hi):
            if t < lengths[n]:
                for j in columns:
                    dh[n, j] += sent[n, j]


@kernel(
    f"f4[:, ::1], {THREE}, f4[:, ::1], f4[:, ::1], i8[::1], b1, {THREE}, {THREE}, f4[:, ::1], f4[:, ::1], "
    f"{THREE}, f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1]"
)
def _gru_backward(team, x, before, weight_ih, w, lengths, reverse, a, dy, dh, sent, da, dx, dw_ih, dw_hh, db):
    steps, batch, hidden = before.shape
    work = steps * hidden * (6 * hidden / FLOPS + 2)
    split(_gru_back, team, batch, work, (w, lengths, reverse, a, before, dy, dh, sent, da))
    rows = steps * batch
    weight_gradients(
        team,
        da.reshape(rows, 4 * hidden),
        hidden,
        x,
        before.reshape(rows, hidden),
        weight_ih,
        dx,
        dw_ih,
        dw_hh,
        db,
    )


def gru_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 6) -> tuple:
    if cache[-1] != "compiled":
        return numpy_gru_backward(dout, cache, needs)
    x, h, gates, (weight_ih, w, has_bias), length, reverse, _ = cache
    features, hidden = x.shape[2], h.shape[2]
    dy, dh = upstream(dout[0], dout[1], h[0])
    da, sent, db = empty(gates.shape), empty(dh.shape), empty((4 * hidden,))
    dx, dw_ih, dw_hh = empty(x.shape) if needs[0] else None, empty(weight_ih.shape), empty(w.shape)
    _gru_backward(
        x.reshape(-1, features), before(h, reverse), weight_ih, w, length, reverse, gates, dy, dh, sent, da,
        NONE if dx is None else dx.reshape(-1, features), dw_ih, dw_hh, db,
    )  # fmt: skip
    grads = (dx, dh, dw_ih, turned_back(dw_hh))
    return (*grads, db[hidden:], turned_back(db[: 3 * hidden])) if has_bias else grads
