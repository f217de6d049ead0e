"""lstm on the GPU; how is said in `recurrent_cuda`, one unit's arithmetic in `recurrent_cells_cuda`."""

from __future__ import annotations

from typing import Any

from .elementwise import Needs
from .recurrent import Lengths
from .recurrent_cells_cuda import LSTM
from .recurrent_cuda import run_backward, run_forward


def lstm_forward(
    x: Any,
    h0: Any,
    c0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    lengths: Lengths = None,
    reverse: bool = False,
) -> tuple:
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    y, h, c, cache = run_forward(LSTM, x, h0, c0, weights, lengths, reverse)
    return (y, h, c), cache


def lstm_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 7) -> tuple:
    dy, dh, dc = dout
    return run_backward(dy, dh, dc, cache, needs)
