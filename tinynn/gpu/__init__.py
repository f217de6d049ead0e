"""The one door to CUDA: kernels, launches, device memory, and what to do where there is no GPU.

    @cuda.jit
    def double(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = x[i] + x[i]

    launch(double, blocks(x.size, 256), 256, x, y)

Where the arrays lie decides where a kernel runs: arrays of the GPU (CuPy's) on the GPU, NumPy's arrays in
the interpreter (`tinynn.gpu.simt`), thread by thread on the CPU. Importing this package imports neither
Numba's compiler nor CuPy, and raises nothing where there is no GPU; `require` says what is missing.

Kernels are float32: the type that a GPU computes fastest. A Python float among a launch's arguments becomes
a float32, a Python int an int32, so that no arithmetic is done in float64 unasked.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from numpy import float32, int32, int64, uint32

from .arrays import contiguous, empty, is_on_gpu, memory, to_device, to_host, where_is, zeros
from .door import available, elapsed, require, synchronize
from .kernel import Kernel, blocks, launch

if TYPE_CHECKING:
    from . import cuda

__all__ = [
    "Kernel",
    "available",
    "blocks",
    "contiguous",
    "cuda",
    "elapsed",
    "empty",
    "float32",
    "int32",
    "int64",
    "is_on_gpu",
    "launch",
    "memory",
    "require",
    "synchronize",
    "to_device",
    "to_host",
    "uint32",
    "where_is",
    "zeros",
]


def __getattr__(name: str) -> Any:
    """Load `cuda`, and the interpreter behind it, when it is first named: no tensor needs it."""
    if name == "cuda":
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
