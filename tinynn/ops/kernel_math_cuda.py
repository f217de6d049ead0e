"""Functions of numbers for kernels: the GPU's own on a GPU, NumPy's in the interpreter.

The compiler takes `math`'s functions, which for a float32 compute in float32. In the interpreter they would
compute in float64, and raise an error where a GPU gives infinity or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..gpu import Kernel, cuda, float32


class Function(Kernel):
    """A function of `math` for kernels, with a twin that the interpreter calls in its place."""

    def __init__(self, name: str, interpreted: Callable, fastmath: bool = False) -> None:
        function = getattr(math, name)
        super().__init__(lambda x: function(x), device=True, fastmath=fastmath)
        self.__name__, self.interpreted = name, interpreted

    def __call__(self, *args: Any) -> Any:
        return self.interpreted(*args)


exp, log, log1p = Function("exp", np.exp), Function("log", np.log), Function("log1p", np.log1p)
sqrt = Function("sqrt", np.sqrt)
tanh = Function("tanh", np.tanh)  # with fastmath it has eleven bits
erf = Function("erf", lambda x: float32(math.erf(x)))
fast_exp = Function("exp", np.exp, fastmath=True)


@cuda.jit(device=True)
def sigmoid(x):
    """1 / (1 + e^-x); e^-x may be infinite, which gives 0."""
    return float32(1) / (float32(1) + fast_exp(-x))
