"""tinynn: neural networks from nothing, to be read, run and rewritten.

    import tinynn as tn
    from tinynn import nn, optim, functional as F

The parts, from the ground up: `errors`, `backends`, `ops` (pairs of functions on plain arrays),
`tensor` (the tape), `functional`, `nn`, `optim`, `data`, `metrics`, `train`, `checkpoint`, `models`.
`tinynn.course` is the course's machinery and is imported on its own.
"""

import importlib
from typing import Any

from . import functional, nn, ops, optim
from .backends import backend, current_backend
from .gradcheck import gradcheck, gradcheck_pair
from .random import manual_seed
from .tensor import Tensor, apply, is_recording, no_grad, tensor
from .threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

__all__ = [
    "Tensor",
    "apply",
    "backend",
    "current_backend",
    "functional",
    "get_num_threads",
    "gradcheck",
    "gradcheck_pair",
    "is_recording",
    "manual_seed",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "set_num_threads",
    "tensor",
]

_LATER = ("checkpoint", "data", "metrics", "models", "train", "wrappers")


def __getattr__(name: str) -> Any:
    """Load what not every program needs when it is first named: ``tn.data``."""
    if name in _LATER:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
