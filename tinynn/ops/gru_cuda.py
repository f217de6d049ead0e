"""gru on the GPU; how is said in `recurrent_cuda`, one unit's arithmetic in `recurrent_cells_cuda`."""

from __future__ import annotations

from typing import Any

from .elementwise import Needs
from .recurrent import Lengths
from .recurrent_cells_cuda import GRU
from .recurrent_cuda import run_backward, run_forward


def gru_forward(
    x: Any,
    h0: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    lengths: Lengths = None,
    reverse: bool = False,
) -> tuple:
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    y, h, _, cache = run_forward(GRU, x, h0, None, weights, lengths, reverse)
    return (y, h), cache


def gru_backward(dout: tuple, cache: tuple, needs: Needs = (True,) * 6) -> tuple:
    dx, dh, _, *grads = run_backward(dout[0], dout[1], None, cache, needs)
    return dx, dh, *grads
