"""Where a token stands: attention alone cannot tell one order of the tokens from another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functional as F
from ..errors import ShapeError
from ..tensor import Tensor
from . import init
from .checks import number, whole
from .module import Module
from .parameter import as_tensor, empty


def sinusoids(length: int, width: int) -> np.ndarray:
    """(length, width): sin(t w) in even columns and cos(t w) in odd ones, with w from 1 down to 1/10000.

    Source: Vaswani and others, Attention is all you need, 2017.
    """
    frequencies = 10000.0 ** (-np.arange(0, width, 2) / width)
    turned = np.arange(length)[:, None] * frequencies  # (length, ceil(width / 2))
    table = np.empty((length, width), np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(turned), np.cos(turned[:, : width // 2])
    return table


class _Positions(Module):
    def __init__(self, max_len: int, width: int) -> None:
        super().__init__()
        self.max_len = whole(type(self).__name__, "max_len", max_len)
        self.width = whole(type(self).__name__, "width", width)

    def _places(self, x: Tensor, offset: int) -> slice:
        """The rows of the table that x (..., T, D) takes."""
        where, t = type(self).__name__, x.shape[-2] if x.ndim > 1 else 0
        if x.ndim < 2 or x.shape[-1] != self.width:
            raise ShapeError(where, f"x {x.shape}", f"(..., T, {self.width})")
        end = whole(where, "offset", offset, low=0) + t
        if end > self.max_len:
            got, hint = f"positions up to {end - 1}", f"max_len={end}"
            raise ShapeError(where, got, f"positions below max_len={self.max_len}", hint)
        return slice(offset, end)

    def extra_repr(self) -> str:
        return f"{self.max_len}, {self.width}"


class SinusoidalPositions(_Positions):
    """x + a fixed wave for each position: (..., T, D) -> (..., T, D). See `sinusoids`.

    Parameters
    ----------
    max_len, width : int
        The table's rows and columns. It is computed, not saved.
    """

    table: np.ndarray

    def __init__(self, max_len: int, width: int) -> None:
        super().__init__(max_len, width)
        self.register_buffer("table", sinusoids(self.max_len, self.width), persistent=False)

    def forward(self, x: Any, offset: int = 0) -> Tensor:
        x = as_tensor(x)
        return x + self.table[self._places(x, offset)].astype(x.dtype, copy=False)


class LearnedPositions(_Positions):
    """x + a learned vector for each position: (..., T, D) -> (..., T, D).

    Attributes
    ----------
    weight : Parameter, (max_len, width)
        Drawn from the normal distribution with standard deviation 0.02.
    """

    def __init__(self, max_len: int, width: int) -> None:
        super().__init__(max_len, width)
        self.weight = init.normal_(empty(self.max_len, self.width), std=0.02)

    def forward(self, x: Any, offset: int = 0) -> Tensor:
        x = as_tensor(x)
        return x + self.weight[self._places(x, offset)]


class Rotary(Module):
    """Queries or keys (..., T, E) turned by their position, see `tinynn.functional.rotary`."""

    def __init__(self, base: float = 10000.0) -> None:
        super().__init__()
        self.base = number("Rotary", "base", base, 1e-30, hint="base=10000.0")

    def forward(self, x: Any, offset: int = 0) -> Tensor:
        return F.rotary(x, offset, self.base)

    def extra_repr(self) -> str:
        return f"base={self.base}"
