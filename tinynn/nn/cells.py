"""RNNCell, GRUCell and LSTMCell: one step of a recurrent layer, for loops of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F
from ..errors import DtypeError, ShapeError
from ..ops.specs import require_choice, require_flag
from ..tensor import Tensor
from .checks import whole
from .module import Module
from .parameter import as_tensor, empty
from .recurrent import draw_initial


class _Cell(Module):
    gates = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__()
        where = type(self).__name__
        self.input_size = whole(where, "input_size", input_size)
        self.hidden_size = whole(where, "hidden_size", hidden_size)
        require_flag(where, "bias", bias, "bias=True")
        rows = self.gates * self.hidden_size
        self.weight_ih, self.weight_hh = empty(rows, self.input_size), empty(rows, self.hidden_size)
        self.bias_ih = empty(rows) if bias else None
        self.bias_hh = empty(rows) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values, uniformly from -1/sqrt(hidden_size) to 1/sqrt(hidden_size)."""
        draw_initial(self, self.hidden_size)

    def _parameters(self) -> tuple[Any, Any, Any, Any]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _fit(self, x: Tensor, states: Any) -> list[Tensor]:
        """The states, zeros for None, after a look at the shapes."""
        where = type(self).__name__
        if x.ndim != 2 or x.shape[1] != self.input_size:
            layer = f"nn.{where.removesuffix('Cell')}({x.shape[-1] if x.ndim else 1}, {self.hidden_size})"
            cell = f"nn.{where}({x.shape[-1] if x.ndim else 1}, {self.hidden_size})"
            hint = f"{layer} for sequences (T, N, D)" if x.ndim == 3 else cell if x.ndim == 2 else None
            raise ShapeError(where, f"x {x.shape}", f"x (N, D) with D = {self.input_size}", hint)
        shape = (len(x), self.hidden_size)
        zeros = np.zeros(shape, self.weight_hh.dtype, like=self.weight_hh.data)
        parts = [as_tensor(zeros if part is None else part) for part in states]
        for part in parts:
            if part.shape != shape:
                raise ShapeError(where, f"a state {part.shape} for x {x.shape}", f"(N, H) = {shape}")
        return parts

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias_ih is not None else ", bias=False")


class RNNCell(_Cell):
    """One step of `RNN`: x (N, D) and h (N, H), zeros if left out, give the next h. Equals torch.nn.RNNCell.

    The parameters are weight_ih (H, D), weight_hh (H, H), bias_ih and bias_hh (H,).
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh"
    ) -> None:
        require_choice("RNNCell", "nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, bias)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, hx: Any = None) -> Tensor:
        x = as_tensor(x)
        (h,) = self._fit(x, [hx])
        return F.rnn_cell(x, h, *self._parameters(), nonlinearity=self.nonlinearity)


class GRUCell(_Cell):
    """One step of `GRU`: x (N, D) and h (N, H), zeros if left out, give the next h. Equals torch.nn.GRUCell.

    Its parameters have three blocks of H rows: r, z, n.
    """

    gates = 3

    def forward(self, x: Any, hx: Any = None) -> Tensor:
        x = as_tensor(x)
        (h,) = self._fit(x, [hx])
        return F.gru_cell(x, h, *self._parameters())


class LSTMCell(_Cell):
    """One step of `LSTM`: x (N, D) and (h, c), or zeros, give the next (h, c). Equals torch.nn.LSTMCell.

    Its parameters have four blocks of H rows: i, f, g, o.
    """

    gates = 4

    def forward(self, x: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        x = as_tensor(x)
        if hx is not None and not (isinstance(hx, (tuple, list)) and len(hx) == 2):
            raise DtypeError(
                "LSTMCell", f"hx as a {type(hx).__name__}", "h and c, the two states", "hx=(h, c)"
            )
        h, c = self._fit(x, hx or (None, None))
        return F.lstm_cell(x, (h, c), *self._parameters())
