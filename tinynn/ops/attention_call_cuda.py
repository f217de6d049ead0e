"""What one call of attention means to the kernels: its mask, its numbers, and the tiles that it runs in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import uint64

from .attention_parts_cuda import ADDED_MASK, BOOL_MASK, NO_MASK


class Masked(NamedTuple):
    """A mask as kernels read it: its numbers in a row, and how far apart neighbours along each axis lie.

    0 where one number serves a whole axis.
    """

    kind: int
    numbers: Any
    by_example: Any
    by_head: Any
    by_query: Any
    by_key: Any

    @property
    def arguments(self) -> tuple:
        return self[1:]


def masked_by(attn_mask: Any, like: Any) -> Masked:
    """The mask with the strides of (N, H, T, S), 0 where one number serves a whole axis."""
    zero = np.uint32(0)
    if attn_mask is None:
        return Masked(NO_MASK, like.reshape(-1), zero, zero, zero, zero)  # never read
    shape, strides, step = (1,) * (4 - attn_mask.ndim) + attn_mask.shape, [], 1
    for n in reversed(shape):
        strides.append(np.uint32(step if n > 1 else 0))
        step *= n
    kind = BOOL_MASK if attn_mask.dtype == np.bool_ else ADDED_MASK
    return Masked(kind, attn_mask.reshape(-1), *reversed(strides))


class Settings(NamedTuple):
    """What one call means, for forward and backward alike."""

    masked: Masked
    scale: float
    causal: bool
    heads: int  # of queries, in one example
    dropout: float
    seed: int

    @property
    def chance(self) -> tuple:
        """What dropout goes by."""
        return float(self.dropout), uint64(self.seed)

    def numbers(self, group: int) -> tuple:
        """The last arguments of every tiled kernel."""
        counts = np.uint32(self.heads), np.uint32(group)
        return float(self.scale), int(self.causal), *counts, *self.chance

    @property
    def kind(self) -> tuple[int, bool]:
        return self.masked.kind, self.dropout > 0


class Tiles(NamedTuple):
    """Rows and columns of a tile, the widest head, and how a block's threads stand."""

    rows: int
    columns: int
    width: int
    ty: int
    tx: int

    @property
    def block(self) -> tuple[int, int]:
        return self.tx, self.ty
