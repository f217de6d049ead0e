"""Wrappers around the backend: each is a function ``(op, pair) -> pair`` and touches no op.

with wrapped(meter := Meter()):     counts operations and bytes
with wrapped(shapes_only):          computes shapes, no values
with wrapped(finite):               stops at the first op that makes a NaN or an infinity
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .backends import wrapped
from .errors import NonFiniteError
from .ops.op import Op, Out, Pair

__all__ = ["Meter", "finite", "shapes_only", "wrapped"]


def _arrays(values: Any) -> list[np.ndarray]:
    return [v for v in (values if isinstance(values, (tuple, list)) else (values,)) if v is not None]


class Meter:
    """Counts what the forward passes cost: calls, floating-point operations and bytes, op by op.

    FLOPs are those of the op's shape rule: a multiplication with an addition counts 2, an
    exponential 10. Bytes are those of inputs and outputs, each once.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.flops: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def __call__(self, op: Op, pair: Pair) -> Pair:
        def forward(*arrays: np.ndarray, **params: Any) -> tuple:
            out, cache = pair.forward(*arrays, **params)
            self.calls[op.name] += 1
            self.flops[op.name] += op.check(list(arrays), params).flops
            self.bytes[op.name] += sum(a.size * a.dtype.itemsize for a in (*arrays, *_arrays(out)))
            return out, cache

        def backward(dout: Any, cache: Any, needs: tuple[bool, ...]) -> Any:
            return pair.pull(dout, cache, needs)

        return Pair(forward, backward if pair.backward else None, pair.name)


def _range(a: np.ndarray) -> str:
    return f"{a.shape} from {float(a.min()):.4g} to {float(a.max()):.4g}"


def _phantom(out: Out) -> np.ndarray:
    """An array of a shape without its memory: one zero, seen everywhere."""
    return np.broadcast_to(np.zeros((), out.dtype), out.shape)


def shapes_only(op: Op, pair: Pair) -> Pair:
    """Answer from the shape rule alone: right shapes and dtypes, zeros for values, no work."""

    def forward(*arrays: np.ndarray, **params: Any) -> tuple:
        out = op.check(list(arrays), params).out
        return (_phantom(out) if isinstance(out, Out) else tuple(map(_phantom, out))), None

    return Pair(forward, None, "shapes only")


def finite(op: Op, pair: Pair) -> Pair:
    """Refuse NaN and infinities: names the first op whose output, or gradient, has one."""

    def check(where: str, came_from: Any, values: Any) -> None:
        for v in _arrays(values):
            if v.dtype.kind == "f" and not np.isfinite(v).all():
                bad = int((~np.isfinite(v)).sum())
                sources = ", ".join(_range(a) for a in _arrays(came_from) if a.size)
                got = f"{bad} of {v.size} values NaN or infinite, out of {sources}"
                raise NonFiniteError(where, got, "finite values")

    def forward(*arrays: np.ndarray, **params: Any) -> tuple:
        out, cache = pair.forward(*arrays, **params)
        check(f"{op.name} forward", arrays, out)
        return out, cache

    def backward(dout: Any, cache: Any, needs: tuple[bool, ...]) -> Any:
        grads = pair.pull(dout, cache, needs)
        check(f"{op.name} backward", dout, grads)
        return grads

    return Pair(forward, backward if pair.backward else None, pair.name)
