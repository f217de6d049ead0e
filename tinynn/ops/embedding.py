"""embedding: look rows up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import RangeError, ShapeError
from .op import Out, Spec
from .specs import require_float, require_int


def embedding_spec(indices: Any, weight: Any) -> Spec:
    require_int("embedding", "indices", indices)
    if len(weight.shape) != 2:
        raise ShapeError("embedding", f"weight {weight.shape}", "weight (V, D)")
    return Spec(Out((*indices.shape, weight.shape[1]), require_float("embedding", weight.dtype, "weight")), 0)


def embedding_check(indices: Any, weight: Any, **_: Any) -> None:
    if indices.size and not (indices.min() >= 0 and indices.max() < len(weight)):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        got, expected = f"index {wrong} for {len(weight)} rows", f"indices from 0 to {len(weight) - 1}"
        raise RangeError("embedding", got, expected)


def embedding_forward(indices: np.ndarray, weight: np.ndarray) -> tuple:
    """y = weight[indices]: indices (N, T) or any shape, weight (V, D), y (N, T, D).

    Cache: the indices. Equals torch.nn.functional.embedding.
    """
    return weight[indices], (indices, weight.shape)


def embedding_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dweight[indices] += dy; the indices have no gradient."""
    indices, shape = cache
    dw = np.zeros(shape, dy.dtype)
    np.add.at(dw, indices, dy)  # a row that was looked up twice gets both gradients
    return None, dw
