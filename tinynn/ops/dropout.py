"""dropout: each element is kept with probability 1 - p and scaled by 1 / (1 - p), or set to 0.

Which ones is a function of a seed and the element's number alone (a counter-based generator), so the
mask is the same on every backend and with any number of threads, and need not be stored.

Sources: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, Dropout, 2014; the mixing
function is the output step of SplitMix64: Steele, Lea and Flood, Fast splittable pseudorandom number
generators, 2014.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from .op import Out, Spec
from .specs import require_float, require_number, size

GOLDEN = 0x9E3779B97F4A7C15


def uniform(seed: int, n: int, like: Any = None) -> np.ndarray:
    """`n` numbers in [0, 1), the i-th a hash of (seed, i); float32, multiples of 2^-24; where `like` lies."""
    z = np.arange(1, n + 1, dtype=np.uint64, like=like) * np.uint64(GOLDEN) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def check_probability(p: float) -> None:
    require_number("dropout", "p", p)
    if not 0 <= p < 1:
        raise ArgumentError("dropout", f"p={p}", "a probability from 0 up to but not including 1", "p=0.5")


def dropout_spec(x: Any, *, p: float, **_: Any) -> Spec:
    check_probability(p)
    return Spec(Out(x.shape, require_float("dropout", x.dtype)), size(x.shape))


def dropout_forward(x: np.ndarray, p: float, seed: int) -> tuple:
    """y = x kept / (1 - p), with kept 0 where `uniform` is below p, else 1.

    Cache: kept, 1 byte an element. Equals torch.nn.functional.dropout.
    """
    kept = uniform(seed, x.size, x).reshape(x.shape) >= np.float32(p)
    return x * kept * (1 / (1 - p)), (kept, p)


def dropout_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy kept / (1 - p)."""
    kept, p = cache
    return (dy * kept * (1 / (1 - p)),)
