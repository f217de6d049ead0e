"""One update of a network, for loops of which it is not the lesson."""

from __future__ import annotations

from ..optim import Optimizer, clip_grad_norm_
from ..tensor import Tensor


def descend(loss: Tensor, optimizer: Optimizer, max_norm: float | None = None) -> float:
    """Take one step down this loss, and give its value.

    With `max_norm` the gradients of all parameters are clipped to that norm first.
    """
    optimizer.zero_grad()
    loss.backward()
    if max_norm is not None:
        clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], max_norm)
    optimizer.step()
    return float(loss.item())
