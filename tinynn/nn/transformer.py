"""The layers of encoders and decoders, and stacks of them, with PyTorch's parameters and defaults."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .. import functional as F
from ..errors import ArgumentError, DtypeError
from ..ops.op import describe
from ..tensor import Tensor
from .attention import MultiheadAttention
from .checks import whole
from .container import ModuleList
from .layers import Dropout, Linear
from .module import Module
from .norm import LayerNorm
from .parameter import as_tensor

ACTIVATIONS: dict[str, Callable] = {"relu": F.relu, "gelu": F.gelu}


class _Layer(Module):
    """What both kinds of layer share: a feed-forward net, and where the normalisation stands."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        if not callable(activation) and activation not in ACTIVATIONS:
            got, wanted = f"activation={activation!r}", f"{', '.join(map(repr, ACTIVATIONS))}, or a function"
            raise ArgumentError(where, got, wanted, "activation='gelu'")
        hidden = whole(where, "dim_feedforward", dim_feedforward)
        self.norm_first, self.batch_first = norm_first, batch_first
        self.activation = activation if callable(activation) else ACTIVATIONS[activation]
        self._attentions(d_model, nhead, dropout, bias, batch_first)
        self.linear1, self.dropout = Linear(d_model, hidden, bias), Dropout(dropout)
        self.linear2 = Linear(hidden, d_model, bias)
        for i in range(1, self.parts + 1):
            self.add_module(f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias))
        for i in range(1, self.parts + 1):
            self.add_module(f"dropout{i}", Dropout(dropout))

    parts: int

    def _attentions(self, d_model: int, nhead: int, dropout: float, bias: bool, batch_first: bool) -> None:
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)

    def _residual(self, i: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x + part(norm(x)) with norm_first, else norm(x + part(x))."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        return x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def extra_repr(self) -> str:
        return f"norm_first={self.norm_first}"


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward net, each around a residual. Equals torch.nn.TransformerEncoderLayer.

    Parameters
    ----------
    d_model, nhead : int
        D and the number of heads.
    dim_feedforward : int
        Width of the hidden layer.
    dropout : float
        Of attention weights, of the hidden layer and of what each part adds.
    activation : {"relu", "gelu"} or callable
    layer_norm_eps : float
    batch_first : bool
        True takes (N, T, D); the default, as PyTorch's, is (T, N, D).
    norm_first : bool
        Normalise the input of each part, not its sum with the residual: deep stacks train without warm-up.
    bias : bool

    Notes
    -----
    Sources: Vaswani and others, Attention is all you need, 2017; norm_first: Xiong and others, On layer
    normalization in the transformer architecture, 2020.
    """

    parts = 2

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """Masks as MultiheadAttention takes them: True is left out."""

        def attend(x: Tensor) -> Tensor:
            return self.self_attn(
                x, x, x, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )[0]

        x = self._residual(1, as_tensor(src), attend)
        return self._residual(2, x, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to an encoder's output, and a feed-forward net.

    Equals torch.nn.TransformerDecoderLayer. Parameters as for TransformerEncoderLayer.
    """

    parts = 3

    def _attentions(self, d_model: int, nhead: int, dropout: float, bias: bool, batch_first: bool) -> None:
        super()._attentions(d_model, nhead, dropout, bias, batch_first)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """tgt (N, T, D) looks at itself and at memory (N, S, D). With `tgt_is_causal`, no mask is needed."""

        def attend(x: Tensor) -> Tensor:
            return self.self_attn(
                x, x, x, tgt_key_padding_mask, need_weights=False, attn_mask=tgt_mask, is_causal=tgt_is_causal
            )[0]

        def cross(x: Tensor) -> Tensor:
            options = {"need_weights": False, "attn_mask": memory_mask, "is_causal": memory_is_causal}
            return self.multihead_attn(x, memory, memory, memory_key_padding_mask, **options)[0]

        memory = as_tensor(memory)
        x = self._residual(1, as_tensor(tgt), attend)
        x = self._residual(2, x, cross)
        return self._residual(3, x, self._feed_forward)


class _Stack(Module):
    """A layer several times over, each copy with parameters of its own that begin alike, as in PyTorch."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        where = type(self).__name__
        if not isinstance(layer, self.takes):
            raise DtypeError(
                where, describe(layer), f"a {self.takes.__name__}", f"nn.{self.takes.__name__}(64, 4)"
            )
        self.num_layers = whole(where, "num_layers", num_layers)
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(self.num_layers))
        self.norm = norm

    takes: type = Module

    def _finished(self, x: Tensor) -> Tensor:
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of encoder layers, with a norm at the end if given. Equals torch.nn.TransformerEncoder.

    >>> encoder = TransformerEncoder(TransformerEncoderLayer(64, 4, batch_first=True), 6)
    """

    takes = TransformerEncoderLayer

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return self._finished(src)


class TransformerDecoder(_Stack):
    """A stack of decoder layers, with a norm at the end if given. Equals torch.nn.TransformerDecoder."""

    takes = TransformerDecoderLayer

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, **options: Any
    ) -> Tensor:
        """Options are those of TransformerDecoderLayer."""
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask, memory_mask, **options)
        return self._finished(tgt)
