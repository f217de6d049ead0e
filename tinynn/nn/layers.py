"""Linear, Embedding, Dropout and the layers that only reshape. Initial values are PyTorch's defaults."""

from __future__ import annotations

import math
from typing import Any

from .. import functional as F
from ..errors import ShapeError
from ..ops.embedding import check_padding_idx
from ..tensor import Tensor
from . import init
from .checks import number, whole
from .module import Module
from .parameter import as_tensor, empty


class Linear(Module):
    """y = x W^T + b. Equals torch.nn.Linear.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool

    Attributes
    ----------
    weight : Parameter, (out_features, in_features)
        Drawn, like the bias, uniformly from -1/sqrt(in_features) to 1/sqrt(in_features).
    bias : Parameter, (out_features,), or None
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features = whole("Linear", "in_features", in_features)
        self.out_features = whole("Linear", "out_features", out_features)
        self.weight = empty(self.out_features, self.in_features)
        self.bias = empty(self.out_features) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.in_features)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        return F.linear(x, self.weight, self.bias)  # (..., in) -> (..., out)

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


class Flatten(Module):
    """One axis in place of all from `start_dim` on: (N, C, H, W) -> (N, C H W). Equals torch.nn.Flatten."""

    def __init__(self, start_dim: int = 1) -> None:
        super().__init__()
        self.start_dim = whole("Flatten", "start_dim", start_dim, low=0)

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        if x.ndim <= self.start_dim:
            raise ShapeError(
                "Flatten", f"x {x.shape}", f"more than {self.start_dim} dimensions", "x[None] for one example"
            )
        return F.reshape(x, *x.shape[: self.start_dim], math.prod(x.shape[self.start_dim :]))

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}"


class Identity(Module):
    """Returns what it gets. Equals torch.nn.Identity."""

    def forward(self, x: Any) -> Any:
        return x


class Dropout(Module):
    """In training, sets each element to 0 with probability p and scales the rest. Equals torch.nn.Dropout.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout, 2014.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = number("Dropout", "p", p, 0, 1, hint="p=0.5")

    def forward(self, x: Any) -> Tensor:
        return F.dropout(as_tensor(x), self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Embedding(Module):
    """A table of vectors: indices (...) -> (..., D). Equals torch.nn.Embedding.

    Parameters
    ----------
    num_embeddings : int
        V, how many rows the table has.
    embedding_dim : int
        D, how long each is.
    padding_idx : int, optional
        The row of the padding: zeros at first, and no gradient ever, so that it stays as it is.

    Attributes
    ----------
    weight : Parameter, (V, D)
        Drawn from the standard normal distribution.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        super().__init__()
        self.num_embeddings = whole("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = whole("Embedding", "embedding_dim", embedding_dim)
        check_padding_idx("Embedding", padding_idx, self.num_embeddings)
        self.padding_idx = None if padding_idx is None else int(padding_idx) % self.num_embeddings
        self.weight = init.normal_(empty(self.num_embeddings, self.embedding_dim))
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, indices: Any) -> Tensor:
        return F.embedding(indices, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
