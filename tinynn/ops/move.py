"""The op behind ``tensor.to("cuda")``: the same numbers in the memory of another device."""

from __future__ import annotations

from typing import Any

from ..gpu.arrays import to_device, to_host, where_is
from .op import Op, Out, Spec


def move_spec(x: Any, *, device: str) -> Spec:
    return Spec(Out(x.shape, x.dtype), 0)


def move_forward(x: Any, device: str) -> tuple[Any, str]:
    """y = x on `device`, "cpu" or "cuda". Cache: where x lies. Equals torch.Tensor.to."""
    return (to_device(x) if device == "cuda" else to_host(x)), where_is(x)


def move_backward(dy: Any, device: str) -> tuple:
    """dx = dy, moved back to where x lies."""
    return (to_device(dy) if device == "cuda" else to_host(dy),)


move = Op("to", move_spec, move_forward, move_backward)
