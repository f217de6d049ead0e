"""Activations as modules, for Sequential. The functions of the same names are in `functional`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..errors import ArgumentError
from ..tensor import Tensor
from .checks import number
from .module import Module


class ReLU(Module):
    """max(x, 0). Equals torch.nn.ReLU."""

    def forward(self, x: Any) -> Tensor:
        return F.relu(x)


class LeakyReLU(Module):
    """x if x > 0 else negative_slope x. Equals torch.nn.LeakyReLU."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = number(
            "LeakyReLU", "negative_slope", negative_slope, hint="negative_slope=0.01"
        )

    def forward(self, x: Any) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Module):
    """1 / (1 + exp(-x)). Equals torch.nn.Sigmoid."""

    def forward(self, x: Any) -> Tensor:
        return F.sigmoid(x)


class Tanh(Module):
    """Hyperbolic tangent. Equals torch.nn.Tanh."""

    def forward(self, x: Any) -> Tensor:
        return F.tanh(x)


class GELU(Module):
    """x times the probability that a standard normal is below x. Equals torch.nn.GELU."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ArgumentError(
                "GELU", f"approximate={approximate!r}", "'none' or 'tanh'", "approximate='tanh'"
            )
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        return F.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x sigmoid(x). Equals torch.nn.SiLU."""

    def forward(self, x: Any) -> Tensor:
        return F.silu(x)


class Softplus(Module):
    """ln(1 + exp(x)). Equals torch.nn.Softplus."""

    def forward(self, x: Any) -> Tensor:
        return F.softplus(x)


class Softmax(Module):
    """exp(x) over its sum along `dim`. Equals torch.nn.Softmax, with the last axis as default."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """log(softmax(x)), without overflow. Equals torch.nn.LogSoftmax, with the last axis as default."""

    def forward(self, x: Any) -> Tensor:
        return F.log_softmax(x, self.dim)
