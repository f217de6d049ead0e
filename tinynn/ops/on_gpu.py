"""Lays one rule around every pair of CUDA kernels: what they take, and who answers for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gpu import contiguous
from .op import Pair


def for_gpu(kernels: Pair, reference: Pair) -> Pair:
    """The pair that runs `kernels` on what they take, and else `reference`, on the same device.

    Kernels see arrays that are in C order and not empty, their floats float32. Others are brought into
    C order by a copy, but for updates, which must change the very array. Everything else (float64, arrays
    without elements, or parameters for which a forward returns NotImplemented) runs the reference, which
    on a GPU runs on CuPy's arrays. A cache remembers which of the two made it.
    """
    in_place = kernels.backward is None

    def forward(*arrays: Any, **params: Any) -> tuple[Any, Any]:
        if all(map(_takes, arrays)) and not (in_place and any(map(_scattered, arrays))):
            result = kernels.forward(*map(_ready, arrays), **params)
            if result is not NotImplemented:
                return result if in_place else (result[0], (kernels, result[1]))
        out, cache = reference.forward(*arrays, **params)
        return out, cache if in_place else (reference, cache)

    def backward(dout: Any, cache: Any, needs: tuple[bool, ...] | None = None) -> Any:
        pair, cache = cache
        if pair is kernels:
            dout = tuple(map(_ready, dout)) if isinstance(dout, tuple) else _ready(dout)
        if needs is None:
            return pair.backward(dout, cache)
        return pair.pull(dout, cache, needs)

    return Pair(forward, None if in_place else backward, kernels.name)


def _takes(x: Any) -> bool:
    return x is None or (x.size > 0 and (x.dtype == np.float32 or x.dtype.kind != "f"))


def _scattered(x: Any) -> bool:
    return x is not None and not x.flags.c_contiguous


def _ready(x: Any) -> Any:
    return x if x is None else contiguous(x)
