"""lstm: a cell that is added to, and gates that say what enters, what stays and what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from .activation import sigmoid
from .elementwise import Needs
from .op import Spec
from .recurrent import Lengths, affine, closed, empty_steps, or_zeros, order, recurrent_spec


def lstm_spec(
    x: Any, h0: Any, c0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    *, lengths: Lengths = None, reverse: bool = False,
) -> Spec:  # fmt: skip
    inputs = (x, weight_ih, weight_hh, bias_ih, bias_hh)
    return recurrent_spec("lstm", 4, {"h0": h0, "c0": c0}, inputs, lengths, reverse)


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
    """Long short-term memory: four gates from one product, a cell c and what is shown of it, h.

        i, f, g, o = the four blocks of x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh
        i, f, o = sigmoid(i), sigmoid(f), sigmoid(o);  g = tanh(g)
        c_t = f c_(t-1) + i g
        h_t = o tanh(c_t)

    x is (T, N, D), h0 and c0 (N, H), weight_ih (4H, D), weight_hh (4H, H), the biases (4H,): rows of i, f, g,
    o, as in PyTorch. Returns y (T, N, H), all h_t; h_n and c_n (N, H), the last ones.
    Cache: the gates and states of each step, seven times the bytes of y.
    Equals torch.nn.LSTM with one layer and direction.
    Sources: Hochreiter and Schmidhuber, Long short-term memory, 1997; Gers, Schmidhuber and Cummins,
    Learning to forget, 2000 (the gate f).
    """
    x, running = closed(x, lengths)
    y = np.empty((*x.shape[:2], weight_hh.shape[1]), x.dtype, like=x)
    h, c, steps = h0, c0, empty_steps(x)
    for t in order(len(x), reverse):
        a = affine(x[t], weight_ih, bias_ih) + affine(h, weight_hh, bias_hh)  # (N, 4H)
        i, f, g, o = np.split(a, 4, axis=1)  # (N, H) each
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_new = f * c + i * g
        tanh_c = np.tanh(c_new)
        steps[t] = (h, c, i, f, g, o, tanh_c)
        y[t] = np.where(running[t], o * tanh_c, 0)
        h, c = np.where(running[t], o * tanh_c, h), np.where(running[t], c_new, c)
    return (y, h, c), (x, steps, (weight_ih, weight_hh, bias_ih is not None), running, reverse)


def lstm_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 7) -> tuple:
    """Back through time, with two things on the way: dh and dc.

        dh_t = dy_t + da_(t+1) W_hh
        dc_t = dc_(t+1) f_(t+1) + dh_t o (1 - tanh(c_t)^2)
        da_t = [dc_t g i (1 - i), dc_t c_(t-1) f (1 - f), dc_t i (1 - g^2), dh_t tanh(c_t) o (1 - o)]

    dc goes from step to step times f alone, with no weight and no tanh in between: that is the point.
    Then dx_t = da_t W_ih, dW_ih = sum da_t^T x_t, dW_hh = sum da_t^T h_(t-1), db = sum da_t.
    """
    x, steps, (weight_ih, weight_hh, has_bias), running, reverse = cache
    dy, dh, dc = dout
    dh, dc = or_zeros(dh, steps[0][0]), or_zeros(dc, steps[0][1])
    dx, dw_ih, dw_hh = np.zeros_like(x), np.zeros_like(weight_ih), np.zeros_like(weight_hh)
    db = np.zeros_like(weight_hh[:, 0])
    for t in order(len(x), not reverse):
        h, c, i, f, g, o, tanh_c = steps[t]
        dh_t = dh if dy is None else dh + dy[t]
        dc_t = dc + dh_t * o * (1 - tanh_c * tanh_c)
        blocks = (
            dc_t * g * i * (1 - i),
            dc_t * c * f * (1 - f),
            dc_t * i * (1 - g * g),
            dh_t * tanh_c * o * (1 - o),
        )
        da = np.where(running[t], np.concatenate(blocks, axis=1), 0)  # (N, 4H)
        dh, dc = np.where(running[t], da @ weight_hh, dh), np.where(running[t], dc_t * f, dc)
        if needs[0]:
            dx[t] = da @ weight_ih
        dw_ih += da.T @ x[t]
        dw_hh += da.T @ h
        db += da.sum(axis=0)
    return (dx, dh, dc, dw_ih, dw_hh, db, db) if has_bias else (dx, dh, dc, dw_ih, dw_hh)
