"""gru: a state that is partly kept and partly replaced; one gate decides how much, another what is asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .activation import sigmoid
from .elementwise import Needs
from .op import Spec
from .recurrent import Lengths, affine, closed, empty_steps, or_zeros, order, recurrent_spec


def gru_spec(
    x: Any, h0: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    *, lengths: Lengths = None, reverse: bool = False,
) -> Spec:  # fmt: skip
    return recurrent_spec("gru", 3, {"h0": h0}, (x, weight_ih, weight_hh, bias_ih, bias_hh), lengths, reverse)


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
    """Gated recurrent unit: r says how much of the old state the proposal n may see, z how much of it stays.

        r_x, z_x, n_x = the three blocks of x_t W_ih^T + b_ih
        r_h, z_h, n_h = the three blocks of h_(t-1) W_hh^T + b_hh
        r = sigmoid(r_x + r_h);  z = sigmoid(z_x + z_h)
        n = tanh(n_x + r n_h)
        h_t = (1 - z) n + z h_(t-1)

    r acts on n_h with its bias, as in PyTorch (the paper lets it act on h before the product).
    x is (T, N, D), h0 (N, H), weight_ih (3H, D), weight_hh (3H, H), the biases (3H,): rows of r, z, n.
    Returns y (T, N, H), all h_t, and h_n (N, H), the last.
    Cache: the state, the gates and the state's product of each step, seven times the bytes of y.
    Equals torch.nn.GRU with one layer and direction.
    Source: Cho and others, Learning phrase representations using RNN encoder-decoder, 2014.
    """
    x, running = closed(x, lengths)
    y = np.empty((*x.shape[:2], weight_hh.shape[1]), x.dtype, like=x)
    h, steps = h0, empty_steps(x)
    for t in order(len(x), reverse):
        r_x, z_x, n_x = np.split(affine(x[t], weight_ih, bias_ih), 3, axis=1)  # (N, H) each
        r_h, z_h, n_h = np.split(affine(h, weight_hh, bias_hh), 3, axis=1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = np.tanh(n_x + r * n_h)
        new = (1 - z) * n + z * h
        steps[t] = (h, r, z, n, n_h)
        y[t] = np.where(running[t], new, 0)
        h = np.where(running[t], new, h)
    return (y, h), (x, steps, (weight_ih, weight_hh, bias_ih is not None), running, reverse)


def gru_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 6) -> tuple:
    """Back through time; the two products have gradients of their own, since r stands between them.

        dh_t = dy_t + dh_(t+1) z_(t+1) + da_h_(t+1) W_hh
        dn = dh_t (1 - z) (1 - n^2);  dz = dh_t (h_(t-1) - n) z (1 - z);  dr = dn n_h r (1 - r)
        da_x = [dr, dz, dn];  da_h = [dr, dz, dn r]

    Then dx_t = da_x W_ih, dW_ih = sum da_x^T x_t, dW_hh = sum da_h^T h_(t-1), and the biases the sums.
    """
    x, steps, (weight_ih, weight_hh, has_bias), running, reverse = cache
    dy, dh = dout
    dh = or_zeros(dh, steps[0][0])
    dx, dw_ih, dw_hh = np.zeros_like(x), np.zeros_like(weight_ih), np.zeros_like(weight_hh)
    db_ih, db_hh = np.zeros_like(weight_ih[:, 0]), np.zeros_like(weight_hh[:, 0])
    for t in order(len(x), not reverse):
        h, r, z, n, n_h = steps[t]
        dh_t = dh if dy is None else dh + dy[t]
        dn = dh_t * (1 - z) * (1 - n * n)
        dz = dh_t * (h - n) * z * (1 - z)
        dr = dn * n_h * r * (1 - r)
        da_x = np.where(running[t], np.concatenate([dr, dz, dn], axis=1), 0)  # (N, 3H)
        da_h = np.where(running[t], np.concatenate([dr, dz, dn * r], axis=1), 0)
        dh = np.where(running[t], dh_t * z + da_h @ weight_hh, dh)
        if needs[0]:
            dx[t] = da_x @ weight_ih
        dw_ih += da_x.T @ x[t]
        dw_hh += da_h.T @ h
        db_ih += da_x.sum(axis=0)
        db_hh += da_h.sum(axis=0)
    return (dx, dh, dw_ih, dw_hh, db_ih, db_hh) if has_bias else (dx, dh, dw_ih, dw_hh)
