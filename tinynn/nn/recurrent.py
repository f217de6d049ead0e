"""RNN, GRU and LSTM: layers over sequences, and how to cut back-propagation through time.

A long sequence is read in segments. The state goes from one to the next, so that nothing is forgotten; its
history does not, so that backward stops at the segment's border ("truncated back-propagation through time"):

    state = None
    for x, target in segments:                      # x (T, N, D): the next T steps of N sequences
        y, state = lstm(x, detached(state))         # the numbers of the state, without its history
        loss = criterion(head(y), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

Without `detached`, the second backward would come to a tape that the first one has used, and says so.
"""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F
from ..errors import DtypeError, ShapeError
from ..ops.op import describe
from ..ops.recurrent import check_lengths
from ..ops.specs import require_choice, require_flag
from ..tensor import Tensor
from . import init
from .checks import number, whole
from .module import Module
from .parameter import as_tensor, empty


def detached(state: Any) -> Any:
    """The same state without its history: a Tensor, a tuple of them, or None, which stays None."""
    if isinstance(state, (tuple, list)):
        return tuple(detached(part) for part in state)
    if state is None or isinstance(state, Tensor):
        return state if state is None else state.detach()
    raise DtypeError(
        "detached", describe(state), "a Tensor, a tuple of Tensors, or None", "y, state = rnn(x)"
    )


def draw_initial(module: Module, hidden_size: int) -> None:
    bound = 1 / math.sqrt(hidden_size)
    for p in module.parameters():
        init.uniform_(p, -bound, bound)


class _Recurrent(Module):
    """What the three layers share: parameters under PyTorch's names, layers, directions, states."""

    gates = 1  # blocks of rows in the weights
    states: tuple[str, ...] = ("h0",)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        where = type(self).__name__
        self.input_size = whole(where, "input_size", input_size)
        self.hidden_size = whole(where, "hidden_size", hidden_size)
        self.num_layers = whole(where, "num_layers", num_layers)
        for name, flag in (("bias", bias), ("batch_first", batch_first), ("bidirectional", bidirectional)):
            require_flag(where, name, flag, f"{name}=True")
        self.bias, self.batch_first, self.bidirectional = bool(bias), bool(batch_first), bool(bidirectional)
        self.dropout = number(where, "dropout", dropout, 0, 1, hint="dropout=0.2")
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                self._make_parameters(self.input_size if layer == 0 else self._width, suffix)
        self.reset_parameters()

    @property
    def _width(self) -> int:
        """Features that a layer gives to the next: one state for each direction."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse") if self.bidirectional else (f"_l{layer}",)

    def _make_parameters(self, features: int, suffix: str) -> None:
        rows = self.gates * self.hidden_size
        setattr(self, f"weight_ih{suffix}", empty(rows, features))
        setattr(self, f"weight_hh{suffix}", empty(rows, self.hidden_size))
        if self.bias:
            setattr(self, f"bias_ih{suffix}", empty(rows))
            setattr(self, f"bias_hh{suffix}", empty(rows))

    def _parameters_of(self, suffix: str) -> list[Any]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, name + suffix, None) for name in names]

    def reset_parameters(self) -> None:
        """Draw new initial values, uniformly from -1/sqrt(hidden_size) to 1/sqrt(hidden_size)."""
        draw_initial(self, self.hidden_size)

    # -- running -----------------------------------------------------------------------------------

    def forward(self, x: Any, hx: Any = None, *, lengths: Any = None) -> tuple[Tensor, Any]:
        x = as_tensor(x)
        self._fit(x)
        x = F.transpose(x, 0, 1) if self.batch_first else x  # (T, N, D)
        if lengths is not None:
            check_lengths(type(self).__name__, lengths, *x.shape[:2])
        given, last, place = self._given(hx, x.shape[1]), [], 0
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self._suffixes(layer):
                state = [part if part is None else part[place] for part in given]  # (N, H) each
                y, *state = self._run(x, state, suffix, lengths)
                outputs.append(y)
                last.append(state)
                place += 1
            x = outputs[0] if len(outputs) == 1 else F.concat(outputs, dim=2)  # (T, N, directions H)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        final = tuple(F.stack(parts) for parts in zip(*last))  # (layers directions, N, H) each
        return F.transpose(x, 0, 1) if self.batch_first else x, final if len(final) > 1 else final[0]

    def _run(self, x: Tensor, state: list, suffix: str, lengths: Any) -> tuple:
        op = getattr(F, type(self).op_name)
        reverse = suffix.endswith("_reverse")
        return op(
            x, *state, *self._parameters_of(suffix), lengths=lengths, reverse=reverse, **self._options()
        )

    op_name = "rnn"

    def _options(self) -> dict[str, Any]:
        return {}

    def _fit(self, x: Tensor) -> None:
        where, axes = type(self).__name__, "(N, T, D)" if self.batch_first else "(T, N, D)"
        if x.ndim != 3:
            one = ("x[None]" if self.batch_first else "x[:, None]") + " for one sequence (T, D)"
            raise ShapeError(where, f"x {x.shape}", f"x {axes}", one if x.ndim == 2 else None)
        if x.shape[2] != self.input_size:
            hint = f"nn.{where}({x.shape[2]}, {self.hidden_size})"
            raise ShapeError(where, f"x {x.shape}", f"x {axes} with D = {self.input_size}", hint)

    def _given(self, hx: Any, batch: int) -> list:
        """The initial states as a list; None for zeros."""
        if hx is None:
            return [None] * len(self.states)
        where, wanted = type(self).__name__, " and ".join(self.states)
        several = isinstance(hx, (tuple, list))
        if several != (len(self.states) > 1) or (several and len(hx) != len(self.states)):
            hint = "hx=(h0, c0)" if len(self.states) > 1 else "hx=h0"
            raise DtypeError(where, f"hx as a {type(hx).__name__}", f"{wanted} of the states", hint)
        parts = [as_tensor(part) for part in hx] if several else [as_tensor(hx)]
        shape = (self.num_layers * (2 if self.bidirectional else 1), batch, self.hidden_size)
        for name, part in zip(self.states, parts):
            if part.shape != shape:
                turned = part.shape == (shape[1], shape[0], shape[2])
                expected = f"(layers directions, N, H) = {shape}, also with batch_first"
                raise ShapeError(
                    where, f"{name} {part.shape}", expected, f"{name}.transpose(0, 1)" if turned else None
                )
        return parts

    def extra_repr(self) -> str:
        options = {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        changed = [f"{k}={getattr(self, k)}" for k, v in options.items() if getattr(self, k) != v]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


class RNN(_Recurrent):
    """h_t = tanh(x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh), over whole sequences. Equals torch.nn.RNN.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    num_layers : int
        Each further layer reads the states of the one below.
    nonlinearity : {"tanh", "relu"}
    bias : bool
    batch_first : bool
        x and y are (N, T, ...) rather than (T, N, ...). States stay (layers directions, N, H).
    dropout : float, 0 to below 1
        Between layers, in training.
    bidirectional : bool
        A second set of weights reads each sequence from its end; y has both states side by side.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter, (H, D), (H, H), (H,), (H,)
        Of layer 0; the other direction's end in ``_reverse``. PyTorch's names, layouts and initial values.

    Notes
    -----
    ``y, h_n = rnn(x, hx, lengths=lengths)``: x (T, N, D), hx the first states or None for zeros; y (T, N,
    directions H) and h_n (layers directions, N, H). `lengths`, N integers, say where each sequence ends
    (in PyTorch: `pack_padded_sequence`); beyond, y is 0, and h_n is the state at each sequence's own end.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
    ) -> None:  # fmt: skip
        require_choice("RNN", "nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        self.nonlinearity = nonlinearity

    def _options(self) -> dict[str, Any]:
        return {"nonlinearity": self.nonlinearity}


class GRU(_Recurrent):
    """Gated recurrent units over whole sequences; weights (3H, ...) of r, z, n. Equals torch.nn.GRU.

    Parameters and results are those of `RNN`, without `nonlinearity`.
    """

    gates, op_name = 3, "gru"


class LSTM(_Recurrent):
    """Long short-term memory over whole sequences; weights (4H, ...) of i, f, g, o. Equals torch.nn.LSTM.

    Parameters are those of `RNN`, without `nonlinearity`. The state is a pair:
    ``y, (h_n, c_n) = lstm(x, (h0, c0))``.
    """

    gates, op_name, states = 4, "lstm", ("h0", "c0")
