"""BERT: an encoder that reads a text with holes in both directions and fills them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ArgumentError, ShapeError
from ..nn import (
    Dropout,
    Embedding,
    LayerNorm,
    LearnedPositions,
    Linear,
    Module,
    Parameter,
    TransformerEncoder,
    TransformerEncoderLayer,
    init,
)
from ..nn.checks import number, whole
from ..nn.parameter import as_tensor
from ..random import Seed, as_generator
from ..tensor import Tensor


class BERT(Module):
    """A bidirectional encoder: tokens (N, T) -> logits (N, T, V) of the token at each place.

    Parameters
    ----------
    vocabulary, context : int
        V, and the longest sequence it takes.
    layers, heads, width : int
    types : int
        How many kinds of tokens `types` in a call may name (first and second sentence); 0 for none.
    dropout : float

    Attributes
    ----------
    config : dict
        What was passed, as plain values: ``BERT(**config)`` builds the same model again.

    Notes
    -----
    The output layer's weight is the embedding's table.
    Source: Devlin, Chang, Lee and Toutanova, BERT, 2019.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int = 64,
        layers: int = 4,
        heads: int = 4,
        width: int = 128,
        *,
        types: int = 0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.config = {
            "vocabulary": vocabulary, "context": context, "layers": layers, "heads": heads, "width": width,
            "types": types, "dropout": dropout,
        }  # fmt: skip
        self.context = whole("BERT", "context", context)
        self.embed, self.positions = Embedding(vocabulary, width), LearnedPositions(context, width)
        self.types = Embedding(types, width) if whole("BERT", "types", types, low=0) else None
        self.norm, self.dropout = LayerNorm(width), Dropout(dropout)
        layer = TransformerEncoderLayer(width, heads, 4 * width, dropout, "gelu", batch_first=True)
        self.encoder = TransformerEncoder(layer, layers)
        self.dense, self.head_norm = Linear(width, width), LayerNorm(width)
        self.bias = Parameter(np.zeros(vocabulary, np.float32))
        for p in self.parameters():
            if p.ndim == 2:
                init.normal_(p, std=0.02)

    def encode(self, tokens: Any, padding: Any = None, types: Any = None) -> Tensor:
        """(N, T, D): each token in its context. `padding` (N, T) is True where there is no token."""
        tokens = as_tensor(tokens)
        if tokens.ndim != 2 or tokens.shape[1] > self.context:
            hint = f"tokens[:, :{self.context}]" if tokens.ndim == 2 else "tokens[None] for one sequence"
            raise ShapeError("BERT", f"tokens {tokens.shape}", f"(N, T) with T up to {self.context}", hint)
        x = self.positions(self.embed(tokens))  # (N, T, D)
        if types is not None:
            if self.types is None:
                raise ArgumentError(
                    "BERT", "types for a model without them", "no types", "BERT(..., types=2)"
                )
            x = x + self.types(types)
        return self.encoder(self.dropout(self.norm(x)), src_key_padding_mask=padding)

    def forward(self, tokens: Any, padding: Any = None, types: Any = None) -> Tensor:
        """Logits (N, T, V); see `mask_tokens` for what to learn from them."""
        x = self.head_norm(F.gelu(self.dense(self.encode(tokens, padding, types))))
        return F.linear(x, self.embed.weight, self.bias)


def mask_tokens(
    tokens: Any, mask: int, vocabulary: int, share: float = 0.15, generator: Seed = None
) -> tuple[np.ndarray, np.ndarray]:
    """(input, target) for learning to fill holes: a share of the tokens is to be guessed.

    Of those, eight in ten become the token `mask`, one in ten a random token, and one in ten stays, so
    that the model does not rely on seeing `mask`. The target is -100, which cross_entropy ignores,
    everywhere else.
    """
    tokens = np.asarray(tokens)
    share = number("mask_tokens", "share", share, 0, 1, hint="share=0.15")
    rng = as_generator(generator)
    chosen, how = rng.random(tokens.shape) < share, rng.random(tokens.shape)
    random = rng.integers(0, vocabulary, tokens.shape)
    seen = np.where(chosen & (how < 0.8), mask, np.where(chosen & (how >= 0.9), random, tokens))
    return seen.astype(tokens.dtype), np.where(chosen, tokens, -100)
