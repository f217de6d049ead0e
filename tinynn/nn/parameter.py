"""Parameter: a tensor that belongs to a module."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor


class Parameter(Tensor):
    """A tensor that a Module counts among its parameters. Equals torch.nn.Parameter.

    Parameters
    ----------
    data : array_like or Tensor
        Kept without a copy where it is an array; Python floats become float32.
    requires_grad : bool
        False freezes it: no gradient, and no optimiser changes it.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.data if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def empty(*shape: int) -> Parameter:
    """A float32 parameter that waits for its initial values."""
    return Parameter(np.empty(shape, np.float32))


def as_tensor(x: Any) -> Tensor:
    """`x` itself, or a list or array as a Tensor, for layers that look at the shape before they compute."""
    return x if isinstance(x, Tensor) else Tensor(x)
