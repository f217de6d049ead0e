"""A student's step inside the library, whose ops run whole sequences: the loop over time around it.

The two halves of an LSTM's step are two exercises, 09.1 and 09.2. Either may be a student's while the other
is the library's: the loop asks `steps` which of them run, and both badges count.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .... import ops
from ....ops.activation import sigmoid
from ....ops.recurrent import affine, closed, or_zeros, order
from ...engine.places import Parts

steps = Parts()  # "forward" and "backward"


def half(part: str, function: Callable) -> AbstractContextManager:
    """A student's function as the forward or the backward half of the LSTM's step, until the block ends."""
    return steps.replaced(part, function, lambda: ops.lstm.using(forward, backward))


# -- the library's own step ------------------------------------------------------------------------------


def lstm_step(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> tuple[Any, Any]:
    """One step of the library's LSTM, (N, D) and two (N, H); its second bias is 0."""
    (_, h, c), _ = ops.lstm.pairs["numpy"].forward(x[None], h, c, w, u, b, np.zeros_like(b))
    return h, c


def gates_of(x: Any, h: Any, w: Any, u: Any, b: Any) -> tuple[Any, ...]:
    """i, f, g and o, (N, H) each."""
    i, f, g, o = np.split(affine(x, w, b) + h @ u.T, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_step_backward(
    dh: Any, dc: Any, i: Any, f: Any, g: Any, o: Any, c: Any, c_new: Any
) -> tuple[Any, Any]:
    """The gradients of the four blocks of scores, (N, 4H), and of the old cell, by the library's backward."""
    h = np.zeros_like(c)
    eye = np.eye(4 * c.shape[1], dtype=c.dtype)  # weights of 1 from the scores: dx is then da
    scores = np.zeros_like(c, shape=(1, len(c), 4 * c.shape[1]))
    weights = (eye, np.zeros_like(c, shape=(len(eye), c.shape[1])), False)
    steps = [(h, c, i, f, g, o, np.tanh(c_new))]
    cache = (scores, steps, weights, np.ones((1, 1, 1), bool), False)
    da, _, dc_old, *_ = ops.lstm.pairs["numpy"].pull((None, dh, dc), cache, (True,) * 7)
    return da[0], dc_old


def gru_step(x: Any, h: Any, w: Any, u: Any, b: Any, b_h: Any) -> Any:
    """One step of the library's GRU."""
    (_, h), _ = ops.gru.pairs["numpy"].forward(x[None], h, w, u, b, b_h)
    return h


# -- whole sequences -------------------------------------------------------------------------------------


def forward(x, h0, c0, w, u, b_ih=None, b_hh=None, lengths=None, reverse=False):
    """`ops.lstm` by a step at a time; the two biases come to the student as their sum."""
    step = steps.of("forward") or lstm_step
    b = np.zeros_like(w[:, 0]) if b_ih is None else b_ih + b_hh
    x, running = closed(x, lengths)
    y, kept = np.zeros((*x.shape[:2], u.shape[1]), x.dtype), {}
    h, c = h0, c0
    for t in order(len(x), reverse):
        h_new, c_new = step(x[t], h, c, w, u, b)
        kept[t] = (h, c, *gates_of(x[t], h, w, u, b), c_new)
        y[t] = np.where(running[t], h_new, 0)
        h, c = np.where(running[t], h_new, h), np.where(running[t], c_new, c)
    return (y, h, c), (x, kept, w, u, b_ih is not None, running, reverse)


def backward(dout, cache):
    """Through time from the last step to the first; da is all that a step says to its product."""
    step = steps.of("backward") or lstm_step_backward
    x, kept, w, u, has_bias, running, reverse = cache
    dy, dh, dc = dout
    dh, dc = or_zeros(dh, kept[0][0]), or_zeros(dc, kept[0][1])
    dx, dw, du, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros_like(u[:, 0])
    for t in order(len(x), not reverse):
        h, c, i, f, g, o, c_new = kept[t]
        dh_t = dh if dy is None else dh + dy[t]
        da, dc_old = step(dh_t, dc, i, f, g, o, c, c_new)  # (N, 4H) and (N, H)
        da = np.where(running[t], da, 0).astype(x.dtype)
        dh, dc = np.where(running[t], da @ u, dh), np.where(running[t], dc_old, dc)
        dx[t] = da @ w
        dw, du, db = dw + da.T @ x[t], du + da.T @ h, db + da.sum(axis=0)
    return (dx, dh, dc, dw, du, db, db) if has_bias else (dx, dh, dc, dw, du)


def gru_forward(step: Callable) -> Callable:
    """`ops.gru`'s forward by a step at a time, with the cache that the library's backward reads."""

    def forward(x, h0, w, u, b_ih=None, b_hh=None, lengths=None, reverse=False):
        b, b_h = (np.zeros_like(w[:, 0]) if bias is None else bias for bias in (b_ih, b_hh))
        x, running = closed(x, lengths)
        y, steps, h = np.zeros((*x.shape[:2], u.shape[1]), x.dtype), [None] * len(x), h0
        for t in order(len(x), reverse):
            new = step(x[t], h, w, u, b, b_h)
            steps[t] = (h, *_gru_gates(x[t], h, w, u, b, b_h))  # type: ignore[call-overload]
            y[t] = np.where(running[t], new, 0)
            h = np.where(running[t], new, h)
        return (y, h), (x, steps, (w, u, b_ih is not None), running, reverse)

    return forward


def _gru_gates(x: Any, h: Any, w: Any, u: Any, b: Any, b_h: Any) -> tuple[Any, ...]:
    """r, z, n, and the state's part of n."""
    r_x, z_x, n_x = np.split(affine(x, w, b), 3, axis=1)
    r_h, z_h, n_h = np.split(affine(h, u, b_h), 3, axis=1)
    r = sigmoid(r_x + r_h)
    return r, sigmoid(z_x + z_h), np.tanh(n_x + r * n_h), n_h
