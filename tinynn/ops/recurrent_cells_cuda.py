"""One unit's arithmetic at one step, for rnn, gru and lstm: forward and backward.

forward(p, r, at, step, a, extra, t, n, j, hidden, h, c) -> (h, c)
    finds what its gates add up to in p[r, at], p[r, at + step], ..., and leaves what backward needs in `a`.
backward(..., dh, dc, d, r, at, step) -> (dh, dc)
    leaves the gates' gradients in da (for the inputs' product) and da_h (for the state's), the latter also
    in d[r, at], d[r, at + step], ... for the product that follows; returns what skips that product.
"""

from __future__ import annotations

from ..gpu import cuda, float32, uint32
from .kernel_math_cuda import sigmoid, tanh
from .recurrent_sequence_cuda import Cell

ONE, TWO, THREE = uint32(1), uint32(2), uint32(3)

# -- rnn --------------------------------------------------------------------------------------------


@cuda.jit(device=True)
def rnn_tanh(p, r, at, step, a, extra, t, n, j, hidden, h, c):
    """h = tanh(a)."""
    return tanh(p[r, at]), c


@cuda.jit(device=True)
def rnn_tanh_back(
    a, h_before, h_after, extra, c_before, c_after, da, da_h, t, n, j, hidden, dh, dc, d, r, at, step
):  # fmt: skip
    """da = dh (1 - h^2)."""
    h = h_after[t, n, j]
    value = dh * (float32(1) - h * h)
    da[t, n, j], d[r, at] = value, value
    return float32(0), dc


@cuda.jit(device=True)
def rnn_relu(p, r, at, step, a, extra, t, n, j, hidden, h, c):
    """h = a where a is above 0 (or NaN), else 0."""
    x = p[r, at]
    return (float32(0) if x <= float32(0) else x), c


@cuda.jit(device=True)
def rnn_relu_back(
    a, h_before, h_after, extra, c_before, c_after, da, da_h, t, n, j, hidden, dh, dc, d, r, at, step
):  # fmt: skip
    """da = dh where h is above 0."""
    value = dh if h_after[t, n, j] > float32(0) else float32(0)
    da[t, n, j], d[r, at] = value, value
    return float32(0), dc


# -- gru --------------------------------------------------------------------------------------------


@cuda.jit(device=True)
def gru(p, r, at, step, a, extra, t, n, j, hidden, h, c):
    """r, z = sigmoid; n = tanh(n_x + r n_h); h = (1 - z) n + z h. p holds r, z, n_h, n_x; extra keeps n_h."""
    reset, update = sigmoid(p[r, at]), sigmoid(p[r, at + step])
    n_h = p[r, at + TWO * step]
    new = tanh(p[r, at + THREE * step] + reset * n_h)
    a[t, n, j], a[t, n, hidden + j], a[t, n, TWO * hidden + j] = reset, update, new
    extra[t, n, j] = n_h
    return new + update * (h - new), c


@cuda.jit(device=True)
def gru_back(
    a, h_before, h_after, extra, c_before, c_after, da, da_h, t, n, j, hidden, dh, dc, d, r, at, step
):  # fmt: skip
    """dn = dh (1 - z) (1 - n^2); dz = dh (h - n) z (1 - z); dr = dn n_h r (1 - r); and dh z goes on."""
    reset, update, new = a[t, n, j], a[t, n, hidden + j], a[t, n, TWO * hidden + j]
    dn = dh * (float32(1) - update) * (float32(1) - new * new)
    dz = dh * (h_before[t, n, j] - new) * update * (float32(1) - update)
    dr = dn * extra[t, n, j] * reset * (float32(1) - reset)
    da[t, n, j], da[t, n, hidden + j], da[t, n, TWO * hidden + j] = dr, dz, dn
    da_h[t, n, j], da_h[t, n, hidden + j], da_h[t, n, TWO * hidden + j] = dr, dz, dn * reset
    d[r, at], d[r, at + step], d[r, at + TWO * step] = dr, dz, dn * reset
    return dh * update, dc


# -- lstm -------------------------------------------------------------------------------------------


@cuda.jit(device=True)
def lstm(p, r, at, step, a, extra, t, n, j, hidden, h, c):
    """c = f c + i g;  h = o tanh(c)."""
    i, f = sigmoid(p[r, at]), sigmoid(p[r, at + step])
    g, o = tanh(p[r, at + TWO * step]), sigmoid(p[r, at + THREE * step])
    a[t, n, j], a[t, n, hidden + j] = i, f
    a[t, n, TWO * hidden + j], a[t, n, THREE * hidden + j] = g, o
    c = f * c + i * g
    return o * tanh(c), c


@cuda.jit(device=True)
def lstm_back(
    a, h_before, h_after, extra, c_before, c_after, da, da_h, t, n, j, hidden, dh, dc, d, r, at, step
):  # fmt: skip
    """dc += dh o (1 - tanh(c)^2); then the four gates, each by its own derivative; and dc f goes on."""
    i, f = a[t, n, j], a[t, n, hidden + j]
    g, o = a[t, n, TWO * hidden + j], a[t, n, THREE * hidden + j]
    shown = tanh(c_after[t, n, j])
    dc += dh * o * (float32(1) - shown * shown)
    di, df = dc * g * i * (float32(1) - i), dc * c_before[t, n, j] * f * (float32(1) - f)
    dg, do = dc * i * (float32(1) - g * g), dh * shown * o * (float32(1) - o)
    da[t, n, j], da[t, n, hidden + j] = di, df
    da[t, n, TWO * hidden + j], da[t, n, THREE * hidden + j] = dg, do
    d[r, at], d[r, at + step], d[r, at + TWO * step], d[r, at + THREE * step] = di, df, dg, do
    return float32(0), dc * f


RNN = {
    "tanh": Cell(1, False, False, rnn_tanh, rnn_tanh_back),
    "relu": Cell(1, False, False, rnn_relu, rnn_relu_back),
}
GRU = Cell(3, True, False, gru, gru_back)
LSTM = Cell(4, False, True, lstm, lstm_back)
