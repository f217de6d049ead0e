"""Wrappers around the backend: each is a function ``(op, pair) -> pair`` and touches no op.

with wrapped(meter := Meter()):     counts operations and bytes
with wrapped(shapes_only):          computes shapes, no values
with wrapped(finite):               stops at the first op that makes a NaN or an infinity
with wrapped(checked):              looks at values on the GPU too: labels and indices out of range
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .backends import wrapped
from .errors import NonFiniteError
from .gpu.arrays import is_on_gpu, numbers, to_host
from .ops.op import Op, Out, Pair

__all__ = ["Meter", "checked", "finite", "shapes_only", "wrapped"]


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
    low, high = numbers(a.min(), a.max())
    return f"{a.shape} from {low:.4g} to {high:.4g}"


def _phantom(out: Out, like: Any) -> np.ndarray:
    """An array of a shape without its memory: one zero, seen everywhere, where `like` lies."""
    return np.broadcast_to(np.zeros((), out.dtype, like=like), out.shape)


def shapes_only(op: Op, pair: Pair) -> Pair:
    """Answer from the shape rule alone: right shapes and dtypes, zeros for values, no work."""

    def forward(*arrays: np.ndarray, **params: Any) -> tuple:
        out = op.check(list(arrays), params).out
        like = next((a for a in arrays if a is not None), None)
        return _phantom(out, like) if isinstance(out, Out) else tuple(_phantom(o, like) for o in out), None

    return Pair(forward, None, "shapes only")


def finite(op: Op, pair: Pair) -> Pair:
    """Refuse NaN and infinities: names the first op whose output, or gradient, has one.

    On the GPU this waits for every op, and copies one number of each.
    """

    def check(where: str, came_from: Any, values: Any) -> None:
        for v in _arrays(values):
            if v.dtype.kind == "f" and not to_host(np.isfinite(v).all()):
                bad = int(to_host((~np.isfinite(v)).sum()))
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


def checked(op: Op, pair: Pair) -> Pair:
    """Look at values on the GPU as on the CPU: a label or index out of range is an error with its message.

    Without it nobody looks on the GPU, which would cost a copy to the host and a wait at every call.
    """
    if op.check_values is None:
        return pair
    check = op.check_values

    def forward(*arrays: Any, **params: Any) -> tuple:
        if any(map(is_on_gpu, arrays)):
            check(*[a if a is None else to_host(a) for a in arrays], **params)
        return pair.forward(*arrays, **params)

    def backward(dout: Any, cache: Any, needs: tuple[bool, ...]) -> Any:
        return pair.pull(dout, cache, needs)

    return Pair(forward, backward if pair.backward else None, pair.name)
