"""When numbers stop being numbers: where NaN or infinity came up first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from .backends import wrapped
from .errors import NonFiniteError
from .gpu.arrays import to_host
from .nn import Module
from .ops.op import describe
from .wrappers import finite


class Origin(NamedTuple):
    """Where the first value that is not finite appeared, and what is known about it."""

    op: str
    details: str


class DivergedError(NonFiniteError):
    """Loss or gradient turned NaN or infinite; the parameters hold their values from before the step.

    Attributes
    ----------
    problem : {"loss", "gradient"}
    step, epoch : int
        As in `Step`, counted from 1.
    op : str
        Where it came up first: ``"log forward"``, ``"exp backward"``, ``"the inputs of the batch"``.
    """

    def __init__(self, problem: str, step: int, epoch: int, origin: Origin) -> None:
        self.problem, self.step, self.epoch, self.origin, self.op = problem, step, epoch, origin, origin.op
        got = f"a {problem} that is not finite at step {step} (epoch {epoch}), first in {origin.op}"
        expected = "finite numbers (the parameters keep their values from before this step)"
        hint = "a smaller learning rate, clip_norm=1.0, or a look at this batch"
        super().__init__("train", f"{got}: {origin.details}", expected, hint)

    def __reduce__(self) -> tuple:
        return type(self), (self.problem, self.step, self.epoch, self.origin)


def find_origin(model: Module, batch: Mapping[str, np.ndarray], again: Callable[[], object]) -> Origin:
    """Look at the batch, then at the parameters, then at each op, while `again` repeats the step."""
    for name, array in batch.items():
        if not to_host(np.isfinite(array).all()):
            return Origin(f"the {name} of the batch", describe(array))
    for name, p in model.named_parameters():
        if not to_host(np.isfinite(p.data).all()):
            return Origin(f"the parameter {name}", "since before this step")
    try:
        with wrapped(finite):
            again()
    except NonFiniteError as problem:
        return Origin(problem.where, problem.got)
    return Origin("no op alone", "a sum of gradients, or of loss and penalty, or code outside the ops")
