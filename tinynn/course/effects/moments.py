"""A training run as it is looked at: some thirty moments, each with the loss and how much is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ...optim import SGD, Adam, Optimizer

LOOKS = 33

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda params, lr=1.0: SGD(params, lr),
    "momentum": lambda params, lr=0.1: SGD(params, lr, momentum=0.9),
    "adam": lambda params, lr=0.02: Adam(params, lr),
}
"""At rates with which the right implementations do well."""


class Moment(NamedTuple):
    """After `step` updates: the loss before the last of them, and the share of held-out data now right."""

    step: int
    loss: float
    right: float


def moments(steps: int, update: Callable[[], float], right: Callable[[], float]) -> Iterator[Moment]:
    """Make `steps` updates; ``update()`` gives the loss. A loss that is not finite is the last moment."""
    every = max(1, steps // LOOKS)
    for step in range(1, steps + 1):
        with np.errstate(all="ignore"):  # what overflows is the loss, and that is looked at
            loss = update()
            if not math.isfinite(loss):
                yield Moment(step, loss, math.nan)
                return
            if step in (1, steps) or step % every == 0:
                yield Moment(step, loss, right())
