"""GPT: a decoder that predicts each token from those before it, and writes on from a prompt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ArgumentError, ShapeError
from ..nn import (
    Dropout,
    Embedding,
    KeyValueCache,
    LayerNorm,
    LearnedPositions,
    Linear,
    Module,
    ModuleList,
    RMSNorm,
    SelfAttention,
    SinusoidalPositions,
    init,
)
from ..nn.checks import number, whole
from ..nn.parameter import as_tensor
from ..nn.utils import beside_parameters
from ..random import Seed, as_generator
from ..tensor import Tensor, no_grad
from .sampling import sample

NORMS: dict[str, Any] = {"layer": LayerNorm, "rms": RMSNorm}
POSITIONS = ("learned", "sinusoidal", "rotary")


class GELUNet(Module):
    """Two linear layers with gelu between them, four times as wide inside."""

    def __init__(self, width: int, bias: bool = True) -> None:
        super().__init__()
        self.fc, self.proj = Linear(width, 4 * width, bias), Linear(4 * width, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(F.gelu(self.fc(x)))


class SwiGLUNet(Module):
    """proj(silu(gate x) up x), with as many weights as the other. Source: Shazeer, GLU variants, 2020."""

    def __init__(self, width: int, bias: bool = True) -> None:
        super().__init__()
        hidden = 8 * math.ceil(8 * width / 3 / 8)  # two thirds of 4 width, a multiple of 8
        self.gate, self.up = Linear(width, hidden, bias), Linear(width, hidden, bias)
        self.proj = Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(F.silu(self.gate(x)) * self.up(x))


NETS: dict[str, Any] = {"gelu": GELUNet, "swiglu": SwiGLUNet}


class Block(Module):
    """x + attention(norm(x)), then x + net(norm(x))."""

    def __init__(
        self, width: int, attention: SelfAttention, norm: str, mlp: str, bias: bool, dropout: float
    ) -> None:
        super().__init__()
        self.norm1, self.attention = NORMS[norm](width), attention
        self.norm2, self.mlp = NORMS[norm](width), NETS[mlp](width, bias)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), cache))
        return x + self.dropout(self.mlp(self.norm2(x)))


class GPT(Module):
    """A decoder-only transformer: tokens (N, T) -> logits (N, T, V) of each next token.

    Parameters
    ----------
    vocabulary : int
        V, how many tokens there are.
    context : int
        The longest sequence it takes.
    layers, heads, width : int
    kv_heads : int, optional
        Heads of keys and values, fewer than those of queries; by default as many.
    norm : {"layer", "rms"}
    positions : {"learned", "sinusoidal", "rotary"}
    mlp : {"gelu", "swiglu"}
    tied : bool
        Whether the embedding's table is also the output layer's weight.
    bias : bool
        Of the linear layers.
    dropout : float
        Of attention weights, embeddings, and what each part adds.

    Attributes
    ----------
    config : dict
        What was passed, as plain values: ``GPT(**config)`` builds the same model again.

    Notes
    -----
    Weights begin normal with standard deviation 0.02, those that add to the residual smaller by
    sqrt(2 layers). Source: Radford, Wu, Child, Luan, Amodei and Sutskever, Language models are
    unsupervised multitask learners, 2019.

    Examples
    --------
    >>> GPT(65, context=64, layers=2, heads=2, width=32)(np.zeros((3, 10), np.int64)).shape
    (3, 10, 65)
    """

    def __init__(
        self,
        vocabulary: int,
        context: int = 64,
        layers: int = 4,
        heads: int = 4,
        width: int = 128,
        *,
        kv_heads: int | None = None,
        norm: str = "layer",
        positions: str = "learned",
        mlp: str = "gelu",
        tied: bool = True,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, value, choices in (
            ("norm", norm, NORMS), ("positions", positions, POSITIONS), ("mlp", mlp, NETS),
        ):  # fmt: skip
            if value not in choices:
                hint = f"{name}={next(iter(choices))!r}"
                raise ArgumentError("GPT", f"{name}={value!r}", ", ".join(choices), hint)
        self.context = whole("GPT", "context", context)
        dropout = number("GPT", "dropout", dropout, 0, 1, hint="dropout=0.1")
        base = 10000.0 if positions == "rotary" else None
        self.config = {
            "vocabulary": vocabulary, "context": context, "layers": layers, "heads": heads, "width": width,
            "kv_heads": kv_heads, "norm": norm, "positions": positions, "mlp": mlp, "tied": tied,
            "bias": bias, "dropout": dropout,
        }  # fmt: skip
        self.embed = Embedding(vocabulary, width)
        table = {"learned": LearnedPositions, "sinusoidal": SinusoidalPositions}.get(positions)
        self.positions = table(context, width) if table else None
        self.dropout = Dropout(dropout)
        self.blocks = ModuleList(
            Block(width, SelfAttention(width, heads, kv_heads, base, dropout, bias), norm, mlp, bias, dropout)
            for _ in range(whole("GPT", "layers", layers))
        )
        self.norm, self.out = NORMS[norm](width), Linear(width, vocabulary, bias=False)
        self._initialise(layers)
        if tied:
            self.out.weight = self.embed.weight

    def _initialise(self, layers: int) -> None:
        for path, p in self.named_parameters():
            if p.ndim == 2:
                init.normal_(p, std=0.02 / math.sqrt(2 * layers) if path.endswith("proj.weight") else 0.02)
            elif path.endswith("bias"):
                init.zeros_(p)

    def forward(self, tokens: Any, caches: list[KeyValueCache] | None = None) -> Tensor:
        """Logits (N, T, V). With `caches`, one a block, the tokens follow those seen before."""
        tokens = as_tensor(tokens)
        start = caches[0].length if caches else 0
        if tokens.ndim != 2 or start + tokens.shape[1] > self.context:
            got = f"tokens {tokens.shape}" + (f" after {start}" if start else "")
            hint = f"tokens[:, -{self.context}:]" if tokens.ndim == 2 and not start else None
            hint = "tokens[None] for one sequence" if tokens.ndim == 1 else hint
            raise ShapeError("GPT", got, f"(N, T), not beyond the context of {self.context}", hint)
        x = self.embed(tokens)  # (N, T, D)
        x = self.dropout(x if self.positions is None else self.positions(x, start))
        for i, block in enumerate(self.blocks):
            x = block(x, caches[i] if caches else None)
        return self.out(self.norm(x))  # (N, T, V)

    def generate(
        self,
        tokens: Any,
        count: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: Seed = None,
        use_cache: bool = True,
    ) -> np.ndarray:
        """The tokens (N, T), at least one, and `count` more, each drawn as `sample` says: (N, T + count).

        In evaluation and without a tape. With `use_cache`, keys and values of earlier tokens are kept;
        without it all is computed anew for each token: the same tokens, slower.
        """
        tokens = np.asarray(tokens)
        count = whole("GPT.generate", "count", count, low=0)
        if tokens.ndim != 2 or tokens.shape[1] == 0:
            hint = "tokens[None] for one sequence" if tokens.ndim == 1 and tokens.size else None
            raise ShapeError("GPT.generate", f"tokens {tokens.shape}", "(N, T), with at least one each", hint)
        if tokens.shape[1] + count > self.context:
            room = self.context - tokens.shape[1]
            got = f"{tokens.shape[1]} tokens and {count} more"
            hint = f"count={room}" if room > 0 else f"tokens[:, -{max(1, self.context - count)}:]"
            raise ShapeError("GPT.generate", got, f"at most the context of {self.context}", hint)
        rng, training = as_generator(generator), self.training
        caches = [KeyValueCache(self.context) for _ in self.blocks] if use_cache else None
        seen = 0
        self.eval()
        try:
            with no_grad():
                for _ in range(count):
                    logits = self(beside_parameters(self, tokens[:, seen:]), caches).data[:, -1]
                    seen = tokens.shape[1] if use_cache else 0
                    new = sample(logits, temperature, top_k, top_p, rng)
                    tokens = np.concatenate([tokens, new[:, None].astype(tokens.dtype)], axis=1)
        finally:
            self.train(training)
        return tokens
