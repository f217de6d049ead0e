"""09.4: inputs that tell a step of an LSTM from ten that are none."""

from __future__ import annotations

import numpy as np

from ....ops.activation import sigmoid
from ...engine.kinds import Checker
from .lstm import lstm


def cell_cut_at_one(x, h, c, w, u, b):
    """A cell that cannot hold more than 1: nobody sees it until something large is to be kept."""
    i, f, g, o = np.split(x @ w.T + h @ u.T + b, 4, axis=1)
    c = np.clip(sigmoid(f) * c + sigmoid(i) * np.tanh(g), -1, 1)
    return sigmoid(o) * np.tanh(c), c


def first_row_for_all(x, h, c, w, u, b):
    """The gates of the first example, used for the whole batch."""
    i, f, g, o = np.split((x @ w.T + h @ u.T + b)[:1], 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


inputs = Checker(
    "09.4",
    "inputs_for_lstm",
    of=lstm,
    wrong=(
        "order_i_f_o_g",
        "sigmoid_on_g",
        "tanh_on_f",
        "c_shown_without_tanh",
        "old_c_dropped",
        "i_from_f",
        "h_not_asked",
        "sigmoid_overflows",
    ),
    extra={f.__name__: f for f in (cell_cut_at_one, first_row_for_all)},
    at_most=2,
    needed=1.0,
    level=2,
    minutes=7,
)


@inputs.worked
def inputs_for_lstm():
    rng = np.random.default_rng(0)
    x, h, c = (rng.normal(size=(3, 2)) for _ in range(3))
    w, u, b = (rng.normal(size=s) for s in ((8, 2), (8, 2), (8,)))
    usual = (x, h, 5 * c, w, u, b)  # several rows, and a cell beyond 1
    large = (10_000 * x, h, c, w, u, b)  # scores on which exp overflows
    return [usual, large]
