"""MultiheadAttention with PyTorch's parameters, and SelfAttention for decoders that write from a prompt."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ArgumentError, DtypeError, ShapeError
from ..ops.attention import attention_weights
from ..tensor import Tensor, plain_array
from . import init
from .checks import number, whole
from .layers import Linear
from .module import Module
from .parameter import Parameter, as_tensor, empty


def divide_heads(where: str, width: int, heads: int) -> int:
    """E, the width of a head."""
    if width % heads:
        fitting = max(n for n in range(1, heads + 1) if width % n == 0)
        raise ArgumentError(
            where, f"width {width} and {heads} heads", "heads that divide the width", f"{fitting} heads"
        )
    return width // heads


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(N, T, H E) -> (N, H, T, E), a view."""
    n, t, width = x.shape
    return x.reshape(n, t, heads, width // heads).permute(0, 2, 1, 3)


def merge_heads(y: Tensor) -> Tensor:
    """(N, H, T, E) -> (N, T, H E); no copy where attention laid y out as (N, T, H, E)."""
    n, h, t, e = y.shape
    return y.permute(0, 2, 1, 3).reshape(n, t, h * e)


class MultiheadAttention(Module):
    """Attention in several heads side by side. Equals torch.nn.MultiheadAttention.

    Parameters
    ----------
    embed_dim : int
        D, the width of queries, keys, values and output.
    num_heads : int
        Divides D; a head is E = D / num_heads wide.
    dropout : float
        Share of the weights dropped in training.
    bias : bool
    batch_first : bool
        True takes and gives (N, T, D); the default, as PyTorch's, is (T, N, D). (T, D) works either way.

    Attributes
    ----------
    in_proj_weight : Parameter, (3 D, D)
        Of queries, keys and values, in this order; xavier_uniform_.
    in_proj_bias : Parameter, (3 D,), or None
        Zeros at first, as is the bias of out_proj.
    out_proj : Linear

    Notes
    -----
    PyTorch's kdim, vdim, add_bias_kv and add_zero_attn are not here.
    Source: Vaswani and others, Attention is all you need, 2017.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        where = "MultiheadAttention"
        self.embed_dim, self.num_heads = (
            whole(where, "embed_dim", embed_dim),
            whole(where, "num_heads", num_heads),
        )
        divide_heads(where, self.embed_dim, self.num_heads)
        self.dropout = number(where, "dropout", dropout, 0, 1, hint="dropout=0.1")
        self.batch_first = batch_first
        self.in_proj_weight = init.xavier_uniform_(empty(3 * embed_dim, embed_dim))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, np.float32)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(y, weights or None): queries (T, N, D), keys and values (S, N, D), or batch first.

        Parameters
        ----------
        key_padding_mask : (N, S)
            bool, True for a key that nobody may look at; or floats, added to the scores.
        attn_mask : (T, S) or (N H, T, S)
            bool, True where a query may *not* look, the contrary of scaled_dot_product_attention, as in
            PyTorch; or floats, added to the scores.
        need_weights : bool
            Return the weights too, (N, T, S), or (N, H, T, S) without `average_attn_weights`. They are
            stored then; False is faster.
        is_causal : bool
            Query i looks at keys 0 .. i. (PyTorch takes it as a hint and wants the mask as well.)

        A query that may look at nothing gets weights 0; PyTorch gives NaN with need_weights, 0 without.
        """
        alone = as_tensor(query).ndim == 2
        query, key, value = self._same(query, key, value)
        q, k, v = (split_heads(x, self.num_heads) for x in self._project(query, key, value))
        mask = self._mask(key_padding_mask, attn_mask, q.shape, k.shape[-2], q.dtype)
        p = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            weights = F.dropout(attention_weights(F, q, k, mask, is_causal), p)
            y = F.matmul(weights, v)
            weights = weights.mean(dim=1) if average_attn_weights else weights
        else:
            y = F.scaled_dot_product_attention(q, k, v, mask, p, is_causal)
        y = self.out_proj(merge_heads(y))  # (N, T, D)
        if alone:
            return y[0], None if weights is None else weights[0]
        return (y if self.batch_first else y.transpose(0, 1)), weights

    def _same(self, *inputs: Any) -> tuple[Tensor, ...]:
        """The three inputs as (N, T, D); what came as one object stays one, for one product."""
        seen: dict[int, Tensor] = {}
        for x in inputs:
            if id(x) not in seen:
                seen[id(x)] = self._batch_first(as_tensor(x))
        return tuple(seen[id(x)] for x in inputs)

    def _batch_first(self, x: Tensor) -> Tensor:
        d = self.embed_dim
        if x.ndim not in (2, 3) or x.shape[-1] != d:
            axes = f"(N, T, {d})" if self.batch_first else f"(T, N, {d})"
            hint = f"nn.MultiheadAttention({x.shape[-1]}, 1)" if x.ndim in (2, 3) and x.shape[-1] else None
            raise ShapeError("MultiheadAttention", f"an input {x.shape}", f"{axes}, or (T, {d})", hint)
        return x.reshape(1, *x.shape) if x.ndim == 2 else x if self.batch_first else x.transpose(0, 1)

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values; in one product where they come of one input."""
        w, b, d = self.in_proj_weight, self.in_proj_bias, self.embed_dim
        if query is key and key is value:
            return F.split(F.linear(query, w, b), (d, d, d), -1)
        weights = F.split(w, (d, d, d))
        biases = (None,) * 3 if b is None else F.split(b, (d, d, d))
        return tuple(F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))

    def _mask(self, padding: Any, mask: Any, q: tuple, keys: int, dtype: Any) -> np.ndarray | None:
        """Both masks as scaled_dot_product_attention takes one."""
        n, h, t, _ = q
        parts = []
        if padding is not None:
            parts.append(_fitted("key_padding_mask", padding, {(n, keys): (n, 1, 1, keys)}))
        if mask is not None:
            shapes = {(t, keys): (1, 1, t, keys), (n * h, t, keys): (n, h, t, keys)}
            parts.append(_fitted("attn_mask", mask, shapes))
        if not parts:
            return None
        if all(part.dtype == np.bool_ for part in parts):
            return ~(parts[0] if len(parts) == 1 else parts[0] | parts[1])
        added = [np.where(m, -np.inf, 0) if m.dtype == np.bool_ else m for m in parts]
        return (added[0] if len(added) == 1 else added[0] + added[1]).astype(dtype, copy=False)

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}, dropout={self.dropout}, batch_first={self.batch_first}"


def _fitted(name: str, mask: Any, shapes: dict[tuple, tuple]) -> np.ndarray:
    """A mask in one of the shapes it may have, seen with four axes."""
    array = plain_array(mask)
    if array.dtype.kind not in "bf":
        hint = f"{name}.astype(bool), with True for what is left out"
        raise DtypeError("MultiheadAttention", f"{name} of dtype {array.dtype}", "bool or floats", hint)
    if array.shape not in shapes:
        expected = " or ".join(map(str, shapes))
        turned = f"{name}.T" if array.ndim == 2 and array.shape[::-1] in shapes else None
        raise ShapeError("MultiheadAttention", f"{name} {array.shape}", expected, turned)
    return array.reshape(shapes[array.shape])


class KeyValueCache:
    """Keys and values of the tokens a SelfAttention has seen, so that a new token costs one row.

    Attributes
    ----------
    length : int
        How many tokens it holds, which is the position of the next one.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity, self.length = whole("KeyValueCache", "capacity", capacity), 0
        self._room: list[np.ndarray] = []

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values (N, H, T, E) and return those of all tokens so far."""
        end = self.length + k.shape[2]
        if end > self.capacity:
            got = f"{k.shape[2]} tokens after {self.length}"
            raise ShapeError("KeyValueCache", got, f"at most {self.capacity} in all", f"KeyValueCache({end})")
        if not self._room:
            shape = lambda x: (*x.shape[:2], self.capacity, x.shape[3])
            self._room = [np.empty(shape(x), x.dtype, like=x.data) for x in (k, v)]
        for room, x in zip(self._room, (k, v), strict=True):
            room[:, :, self.length : end] = x.data
        self.length = end
        return Tensor(self._room[0][:, :, :end]), Tensor(self._room[1][:, :, :end])


class SelfAttention(Module):
    """Causal attention of a sequence to itself, as the decoders of language models have it.

    Parameters
    ----------
    width, heads : int
        D and H; a head is E = D / H wide.
    kv_heads : int, optional
        Heads of keys and values, each for H / kv_heads heads of queries; by default H.
    rotary : float, optional
        Base of the rotary position embedding; None leaves positions to the input.
    dropout : float
        Share of the weights dropped in training.
    bias : bool

    Attributes
    ----------
    qkv : Linear, (D -> D + 2 kv_heads E)
    proj : Linear, (D -> D)
    """

    def __init__(
        self,
        width: int,
        heads: int,
        kv_heads: int | None = None,
        rotary: float | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        where = "SelfAttention"
        self.heads = whole(where, "heads", heads)
        self.kv_heads = self.heads if kv_heads is None else whole(where, "kv_heads", kv_heads)
        if self.heads % self.kv_heads:
            fitting = max(n for n in range(1, self.kv_heads + 1) if self.heads % n == 0)
            got, hint = f"{self.heads} heads and kv_heads={self.kv_heads}", f"kv_heads={fitting}"
            raise ArgumentError(where, got, "kv_heads that divide the heads", hint)
        head = divide_heads(where, whole(where, "width", width), self.heads)
        self.rotary = (
            None if rotary is None else number(where, "rotary", rotary, 1e-30, hint="rotary=10000.0")
        )
        if rotary is not None and head % 2:
            raise ArgumentError(
                where, f"rotary with heads {head} wide", "an even width", f"heads={self.heads * head}"
            )
        self.dropout = number(where, "dropout", dropout, 0, 1, hint="dropout=0.1")
        self.sizes = (width, self.kv_heads * head, self.kv_heads * head)
        self.qkv, self.proj = Linear(width, sum(self.sizes), bias), Linear(width, width, bias)

    def forward(self, x: Any, cache: KeyValueCache | None = None) -> Tensor:
        """(N, T, D) -> (N, T, D). With a cache, x follows the tokens in it; no gradient flows to those."""
        q, k, v = F.split(self.qkv(x), self.sizes, -1)
        q, k, v = split_heads(q, self.heads), split_heads(k, self.kv_heads), split_heads(v, self.kv_heads)
        start = cache.length if cache else 0
        if self.rotary is not None:
            q, k = F.rotary(q, start, self.rotary), F.rotary(k, start, self.rotary)
        if cache is not None:
            k, v = cache.extend(k, v)
        # PyTorch's is_causal counts from the first key; queries that follow a cache count from the last
        mask = np.tri(q.shape[2], k.shape[2], start, bool, like=q.data) if start else None
        p = self.dropout if self.training else 0.0
        grouped = self.kv_heads != self.heads
        y = F.scaled_dot_product_attention(q, k, v, mask, p, is_causal=not start, enable_gqa=grouped)
        return self.proj(merge_heads(y))

    def extra_repr(self) -> str:
        return f"heads={self.heads}, kv_heads={self.kv_heads}, rotary={self.rotary}, dropout={self.dropout}"
