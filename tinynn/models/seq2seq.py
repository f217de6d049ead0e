"""An encoder reads one sequence, a decoder writes another and looks at what the encoder made of the first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ShapeError
from ..gpu.arrays import to_host
from ..nn import (
    Dropout,
    Embedding,
    LayerNorm,
    Module,
    SinusoidalPositions,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    init,
)
from ..nn.checks import whole
from ..nn.parameter import as_tensor
from ..nn.utils import beside_parameters
from ..tensor import Tensor, no_grad


class Seq2Seq(Module):
    """A transformer with encoder and decoder: source (N, S), target (N, T) -> logits (N, T, V).

    Parameters
    ----------
    vocabulary, context : int
        V, of both sequences, and the longest sequence it takes.
    layers : int
        Of the encoder and of the decoder each.
    heads, width : int
    dropout : float

    Attributes
    ----------
    config : dict
        What was passed, as plain values: ``Seq2Seq(**config)`` builds the same model again.

    Notes
    -----
    One table embeds both sequences and is the output layer's weight. Layers normalise first, so that
    training needs no warm-up. Source: Vaswani and others, Attention is all you need, 2017.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int = 64,
        layers: int = 2,
        heads: int = 4,
        width: int = 128,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.config = {
            "vocabulary": vocabulary, "context": context, "layers": layers, "heads": heads, "width": width,
            "dropout": dropout,
        }  # fmt: skip
        self.context, self.width = whole("Seq2Seq", "context", context), width
        options = {"batch_first": True, "norm_first": True}
        encoder = TransformerEncoderLayer(width, heads, 4 * width, dropout, "gelu", **options)
        decoder = TransformerDecoderLayer(width, heads, 4 * width, dropout, "gelu", **options)
        self.embed, self.positions = Embedding(vocabulary, width), SinusoidalPositions(context, width)
        self.dropout = Dropout(dropout)
        self.encoder = TransformerEncoder(encoder, layers, LayerNorm(width))
        self.decoder = TransformerDecoder(decoder, layers, LayerNorm(width))
        init.normal_(self.embed.weight, std=1 / math.sqrt(width))
        for module in (*self.encoder.layers, *self.decoder.layers):  # copies of one layer begin alike
            for p in module.parameters():
                if p.ndim == 2:
                    init.xavier_uniform_(p)

    def _embedded(self, tokens: Any) -> Tensor:
        tokens = as_tensor(tokens)
        if tokens.ndim != 2 or tokens.shape[1] > self.context:
            hint = f"tokens[:, :{self.context}]" if tokens.ndim == 2 else "tokens[None] for one sequence"
            raise ShapeError("Seq2Seq", f"tokens {tokens.shape}", f"(N, T) with T up to {self.context}", hint)
        return self.dropout(self.positions(self.embed(tokens) * math.sqrt(self.width)))  # (N, T, D)

    def encode(self, source: Any, padding: Any = None) -> Tensor:
        """(N, S, D); `padding` (N, S) is True where there is no token."""
        return self.encoder(self._embedded(source), src_key_padding_mask=padding)

    def decode(self, target: Any, memory: Tensor, padding: Any = None) -> Tensor:
        """Logits of each next token (N, T, V), from the tokens so far and what `encode` returned."""
        x = self.decoder(self._embedded(target), memory, tgt_is_causal=True, memory_key_padding_mask=padding)
        return F.linear(x, self.embed.weight)

    def forward(self, source: Any, target: Any, padding: Any = None) -> Tensor:
        """Position t of the logits predicts token t + 1 of the target; `padding` is the source's."""
        return self.decode(target, self.encode(source, padding), padding)

    def generate(
        self, source: Any, start: int, stop: int | None = None, count: int | None = None, padding: Any = None
    ) -> np.ndarray:
        """The likeliest token each time, from the token `start` on: (N, 1 + up to `count`).

        Ends early when every sequence has written `stop`; what follows a `stop` is `stop` again.
        """
        most = self.context - 1 if count is None else whole("Seq2Seq.generate", "count", count, low=0)
        if most >= self.context:
            got, hint = f"count={most}", f"count={self.context - 1}"
            raise ShapeError("Seq2Seq.generate", got, f"less than the context of {self.context}", hint)
        training = self.training
        self.eval()
        try:
            with no_grad():
                source = beside_parameters(self, source)
                padding = None if padding is None else beside_parameters(self, padding)
                memory = self.encode(source, padding)
                tokens = np.full((memory.shape[0], 1), start, np.int64)
                done = np.zeros(len(tokens), bool)
                for _ in range(most):
                    logits = self.decode(beside_parameters(self, tokens), memory, padding)
                    new = to_host(logits.data[:, -1].argmax(axis=1))
                    new = np.where(done, start if stop is None else stop, new)
                    tokens = np.concatenate([tokens, new[:, None]], axis=1)
                    done |= new == stop if stop is not None else False
                    if done.all():
                        break
        finally:
            self.train(training)
        return tokens
