"""rnn, compiled; how is said in `kernel_recurrent`."""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .elementwise import Needs
from .kernel import FLOAT32, kernel, share, split, unsigned
from .kernel_math import ONE, ZERO, tanh
from .kernel_recurrent import (
    FLOPS,
    NONE,
    THREE,
    add_upstream,
    after,
    all_lengths,
    before,
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
from .recurrent import rnn_backward as numpy_rnn_backward
from .recurrent import rnn_forward as numpy_rnn_forward


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


@kernel(f"f4[:, ::1], f4[:, ::1], f4[::1], f4[:, :], i8[::1], b1, b1, {THREE}, {THREE}, {THREE}")
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
        return numpy_rnn_forward(*inputs, lengths, reverse, nonlinearity)
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
        return numpy_rnn_backward(dout, cache, needs)
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
