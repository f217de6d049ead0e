"""Functions of numbers for kernels: the GPU's own on a GPU, NumPy's in the interpreter.

The compiler takes `math`'s functions, which for a float32 compute in float32. In the interpreter they would
compute in float64, and raise an error where a GPU gives infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp as math_exp
from math import tanh as math_tanh
from typing import Any

import numpy as np

from ..gpu import Kernel, cuda, float32


class Function(Kernel):
    """A device function with a twin that the interpreter calls in its place."""

    def __init__(self, compiled: Callable, interpreted: Callable, fastmath: bool = True) -> None:
        super().__init__(compiled, device=True, fastmath=fastmath)
        self.interpreted = interpreted

    def __call__(self, *args: Any) -> Any:
        return self.interpreted(*args)


exp = Function(lambda x: math_exp(x), np.exp)
tanh = Function(lambda x: math_tanh(x), np.tanh, fastmath=False)  # the fast one has eleven bits


@cuda.jit(device=True)
def sigmoid(x):
    """1 / (1 + e^-x); e^-x may be infinite, which gives 0."""
    return float32(1) / (float32(1) + exp(-x))
