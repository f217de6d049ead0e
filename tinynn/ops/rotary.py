"""Rotary position embedding: queries and keys are turned by angles that grow with their position.

Element e of the first half of a head and element e of the second are one pair (most released models pair
them so; the paper pairs neighbours, which is the same up to the order of the elements). The product of a
turned query and a turned key depends on the distance of their positions alone.

Source: Su, Lu, Pan, Murtadha, Wen and Liu, RoFormer, 2021.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..gpu.arrays import is_on_gpu, to_device
from .op import Out, Spec, describe
from .specs import require_float, require_number, size


def rotary_spec(x: Any, *, offset: int = 0, base: float = 10000.0) -> Spec:
    if len(x.shape) < 2 or x.shape[-1] % 2 or x.shape[-1] == 0:
        hint = f"width {x.shape[-1] + 1}" if len(x.shape) > 1 else None
        raise ShapeError("rotary", f"x {x.shape}", "x (..., T, E) with an even width E", hint)
    if isinstance(offset, bool) or not isinstance(offset, (int, np.integer)) or offset < 0:
        raise ArgumentError("rotary", f"offset as {describe(offset)}", "a position of 0 or more", "offset=0")
    require_number("rotary", "base", base)
    if base <= 0:
        raise ArgumentError("rotary", f"base={base}", "a number above 0", "base=10000.0")
    return Spec(Out(x.shape, require_float("rotary", x.dtype)), 3 * size(x.shape))


@functools.lru_cache(16)
def angles(t: int, width: int, offset: int, base: float, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin, (T, E / 2) each, of the angle position base^(-2 e / E) for pair e."""
    frequencies = float(base) ** (-np.arange(0, width, 2) / width)
    turned = np.arange(offset, offset + t)[:, None] * frequencies
    return np.cos(turned).astype(dtype), np.sin(turned).astype(dtype)


@functools.lru_cache(16)
def angles_on_gpu(*which: Any) -> tuple[Any, Any]:
    """`angles`, copied to the GPU once."""
    cos, sin = angles(*which)
    return to_device(cos), to_device(sin)


def turn(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """(a, b) -> (a cos - b sin, b cos + a sin) for the halves a and b of the last axis."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def rotary_forward(x: np.ndarray, offset: int = 0, base: float = 10000.0) -> tuple:
    """y = x (..., T, E), the pair (x_e, x_(e + E/2)) of position t turned by (offset + t) base^(-2 e / E).

    Cache: cos and sin, T E / 2 numbers each, shared by all calls with the same sizes.
    """
    found = angles_on_gpu if is_on_gpu(x) else angles
    cos, sin = found(x.shape[-2], x.shape[-1], offset, base, x.dtype)
    return turn(x, cos, sin), (cos, sin)


def rotary_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy turned back."""
    cos, sin = cache
    return (turn(dy, cos, -sin),)
