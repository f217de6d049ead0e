"""lstm, compiled; how is said in `kernel_recurrent`.

The cache holds gates, states and cells, six times the bytes of y; backward computes tanh(c) again.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .elementwise import Needs
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
from .lstm import lstm_backward as numpy_lstm_backward
from .lstm import lstm_forward as numpy_lstm_forward
from .recurrent import Lengths, without_padding


@share
def _lstm_steps(lo, hi, a, w, lengths, reverse, before, after, c_before, c_after, y):
    """Take the sequences lo to hi through all steps; a[t] becomes the gates i, f, g, o of step t."""
    steps, hidden = after.shape[0], after.shape[2]
    columns = range(unsigned(0), unsigned(hidden))
    i, f, g, o, end = blocks(hidden)
    for s in range(steps):
        t = steps - 1 - s if reverse else s
        thin_product(before[t, lo:hi], w, ONE, a[t, lo:hi])
        for n in range(lo, hi):
            for j in range(i, g):
                a[t, n, j] = sigmoid(a[t, n, j])
            for j in range(g, o):
                a[t, n, j] = tanh(a[t, n, j])
            for j in range(o, end):
                a[t, n, j] = sigmoid(a[t, n, j])
            for j in columns:
                c_after[t, n, j] = a[t, n, f + j] * c_before[t, n, j] + a[t, n, i + j] * a[t, n, g + j]
            for j in columns:
                after[t, n, j] = a[t, n, o + j] * tanh(c_after[t, n, j])
            keep_or_show(t, n, t < lengths[n], before, after, y)
            if t >= lengths[n]:
                for j in columns:
                    c_after[t, n, j] = c_before[t, n, j]


@kernel(
    "f4[:, ::1], f4[:, ::1], f4[::1], f4[:, :], i8[::1], b1, "
    f"{THREE}, {THREE}, {THREE}, {THREE}, {THREE}, {THREE}"
)
def _lstm(team, x, weight_ih, bias, w, lengths, reverse, a, before, after, c_before, c_after, y):
    steps, batch, hidden = after.shape
    input_products(team, x, weight_ih, bias, 0, a.reshape(steps * batch, 4 * hidden))
    work = steps * hidden * (8 * hidden / FLOPS + 3)
    split(_lstm_steps, team, batch, work, (a, w, lengths, reverse, before, after, c_before, c_after, y))


def lstm_forward(
    x: np.ndarray,
    h0: np.ndarray,
    c0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None = None,
    bias_hh: np.ndarray | None = None,
    lengths: Lengths = None,
    reverse: bool = False,
) -> tuple:
    inputs = x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh
    if not compilable(*inputs):
        return numpy_lstm_forward(*inputs, lengths, reverse)
    x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh = laid(without_padding(x, lengths), *inputs[1:])
    steps, batch, features = x.shape
    bias = np.zeros(len(weight_hh), FLOAT32) if bias_ih is None else bias_ih + bias_hh
    length = all_lengths(lengths, steps, batch)
    gates = empty((steps, batch, len(weight_hh)))
    h, c = states(h0, steps, reverse), states(c0, steps, reverse)
    y, shown = room_for_output(h, lengths, reverse)
    _lstm(
        x.reshape(-1, features), weight_ih, bias, laid_out(weight_hh, steps), length, reverse, gates,
        before(h, reverse), after(h, reverse), before(c, reverse), after(c, reverse), shown,
    )  # fmt: skip
    cache = (x, h, c, gates, (weight_ih, weight_hh, bias_ih is not None), length, reverse, "compiled")
    return (y, final(h, reverse), final(c, reverse)), cache


@share
def _lstm_back(lo, hi, w, lengths, reverse, a, c_before, c_after, dy, dh, dc, sent, da):
    """Take the gradients of the sequences lo to hi back through all steps: da for each, then dh and dc."""
    steps, hidden = c_after.shape[0], c_after.shape[2]
    columns = range(unsigned(0), unsigned(hidden))
    i, f, g, o, end = blocks(hidden)
    for s in range(steps):
        t = s if reverse else steps - 1 - s
        for n in range(lo, hi):
            if t >= lengths[n]:
                for j in range(i, end):
                    da[t, n, j] = ZERO
                continue
            add_upstream(t, n, dy, dh)
            for j in columns:
                da[t, n, o + j] = tanh(c_after[t, n, j])
            for j in columns:
                v = da[t, n, o + j]
                dc[n, j] += dh[n, j] * a[t, n, o + j] * (ONE - v * v)
            for j in columns:
                v = a[t, n, o + j]
                da[t, n, o + j] = dh[n, j] * da[t, n, o + j] * v * (ONE - v)
            for j in columns:
                v = a[t, n, i + j]
                da[t, n, i + j] = dc[n, j] * a[t, n, g + j] * v * (ONE - v)
            for j in columns:
                v = a[t, n, f + j]
                da[t, n, f + j] = dc[n, j] * c_before[t, n, j] * v * (ONE - v)
            for j in columns:
                v = a[t, n, g + j]
                da[t, n, g + j] = dc[n, j] * a[t, n, i + j] * (ONE - v * v)
            for j in columns:
                dc[n, j] *= a[t, n, f + j]
        thin_product(da[t, lo:hi], w, ZERO, sent[lo:hi])
        for n in range(lo, hi):
            if t < lengths[n]:
                for j in columns:
                    dh[n, j] = sent[n, j]


@kernel(
    f"f4[:, ::1], {THREE}, f4[:, ::1], f4[:, ::1], i8[::1], b1, {THREE}, {THREE}, {THREE}, {THREE}, "
    f"f4[:, ::1], f4[:, ::1], f4[:, ::1], {THREE}, f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1]"
)
def _lstm_backward(
    team,
    x,
    before,
    weight_ih,
    w,
    lengths,
    reverse,
    a,
    c_before,
    c_after,
    dy,
    dh,
    dc,
    sent,
    da,
    dx,
    dw_ih,
    dw_hh,
    db,
):
    steps, batch, hidden = before.shape
    work = steps * hidden * (8 * hidden / FLOPS + 3)
    split(_lstm_back, team, batch, work, (w, lengths, reverse, a, c_before, c_after, dy, dh, dc, sent, da))
    rows = steps * batch
    weight_gradients(
        team,
        da.reshape(rows, 4 * hidden),
        0,
        x,
        before.reshape(rows, hidden),
        weight_ih,
        dx,
        dw_ih,
        dw_hh,
        db,
    )


def lstm_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 7) -> tuple:
    if cache[-1] != "compiled":
        return numpy_lstm_backward(dout, cache, needs)
    x, h, c, gates, (weight_ih, weight_hh, has_bias), length, reverse, _ = cache
    features = x.shape[2]
    dy, dh = upstream(dout[0], dout[1], h[0])
    _, dc = upstream(None, dout[2], c[0])
    da, sent, db = empty(gates.shape), empty(dh.shape), empty((len(weight_hh),))
    dx, dw_ih, dw_hh = empty(x.shape) if needs[0] else None, empty(weight_ih.shape), empty(weight_hh.shape)
    _lstm_backward(
        x.reshape(-1, features), before(h, reverse), weight_ih, weight_hh, length, reverse, gates,
        before(c, reverse), after(c, reverse), dy, dh, dc, sent, da,
        NONE if dx is None else dx.reshape(-1, features), dw_ih, dw_hh, db,
    )  # fmt: skip
    return (dx, dh, dc, dw_ih, dw_hh, db, db) if has_bias else (dx, dh, dc, dw_ih, dw_hh)
