"""embedding: look rows up by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, RangeError, ShapeError
from .op import Out, Spec, describe
from .specs import require_float, require_int


def embedding_spec(indices: Any, weight: Any, *, padding_idx: int | None = None) -> Spec:
    require_int("embedding", "indices", indices)
    if len(weight.shape) != 2:
        raise ShapeError("embedding", f"weight {weight.shape}", "weight (V, D)")
    check_padding_idx("embedding", padding_idx, weight.shape[0])
    return Spec(Out((*indices.shape, weight.shape[1]), require_float("embedding", weight.dtype, "weight")), 0)


def check_padding_idx(where: str, padding_idx: Any, rows: int) -> None:
    """Refuse what is neither None nor the number of a row; negative numbers count from the end."""
    if padding_idx is None:
        return
    if isinstance(padding_idx, (bool, np.bool_)) or not isinstance(padding_idx, (int, np.integer)):
        got = f"padding_idx as {describe(padding_idx)}"
        raise ArgumentError(where, got, "the number of a row, or None", "padding_idx=0")
    if not -rows <= padding_idx < rows:
        expected = f"a row from {-rows} to {rows - 1}"
        raise RangeError(where, f"padding_idx={padding_idx} for {rows} rows", expected, "padding_idx=0")


def embedding_check(indices: Any, weight: Any, **_: Any) -> None:
    if indices.size and not (indices.min() >= 0 and indices.max() < len(weight)):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        got, expected = f"index {wrong} for {len(weight)} rows", f"indices from 0 to {len(weight) - 1}"
        raise RangeError("embedding", got, expected)


def embedding_forward(indices: np.ndarray, weight: np.ndarray, padding_idx: int | None = None) -> tuple:
    """y = weight[indices]: indices (N, T) or any shape, weight (V, D), y (N, T, D).

    The row `padding_idx`, which stands for no symbol, is looked up like any other but has no gradient.
    Cache: the indices. Equals torch.nn.functional.embedding.
    """
    return weight[indices], (indices, weight.shape, padding_idx)


def embedding_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dweight[indices] += dy, but for the row of the padding; the indices have no gradient."""
    indices, shape, padding_idx = cache
    dw = np.zeros(shape, dy.dtype, like=dy)
    np.add.at(dw, indices, dy)  # a row that was looked up twice gets both gradients
    if padding_idx is not None:
        dw[padding_idx] = 0
    return None, dw
