"""One training step: loss, backward, and the update, unless a number is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import functional as F
from .diverged import DivergedError, Origin, find_origin
from .errors import ArgumentError, DtypeError, ShapeError, StateError
from .evaluate import Loss, unpacked
from .gpu.arrays import numbers
from .history import Step
from .nn import Module
from .nn.utils import named_generators, scale_grads_
from .ops.op import describe
from .optim import LRScheduler, Optimizer, clip_grad_norm_
from .random import generator
from .tensor import Tensor


class Updater:
    """Makes one step after the other; what it needs is checked once. The parameters are those of `train`."""

    def __init__(
        self,
        model: Module,
        loss_fn: Loss,
        optimizer: Optimizer,
        schedule: LRScheduler | None,
        clip_norm: float | None,
        l1: float,
        l2: float,
    ) -> None:
        self.params = _trainable(model, optimizer)
        if not callable(loss_fn):
            raise DtypeError("train", f"the loss {describe(loss_fn)}", "a function", "F.cross_entropy")
        self.weights = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
        self.keepers = [m for m in model.modules() if any(True for _ in m.buffers(recurse=False))]
        self.generators = [generator(), *(g for _, g in named_generators(model))]
        self.model, self.loss_fn, self.optimizer = model, loss_fn, optimizer
        self.schedule, self.clip_norm = schedule, clip_norm
        self.l1, self.l2 = _penalty("l1", l1), _penalty("l2", l2)

    def step(self, batch: Any, epoch: int, number: int) -> Step:
        """Make one update, or raise a DivergedError and leave parameters and buffers as they were."""
        if not self.model.training:  # whoever looked at the model between two steps may have forgotten
            self.model.train()
        inputs, target = unpacked(batch, device=self.params[0].device)
        drawn = [g.bit_generator.state for g in self.generators]
        buffers = [(m, name, b.copy()) for m in self.keepers for name, b in m.named_buffers(recurse=False)]
        with np.errstate(all="ignore"):  # NumPy would warn of what is reported below
            loss, penalty, norm = self._numbers(*self._losses(inputs, target))
            problem = "gradient" if math.isfinite(loss + penalty) else "loss"
            origin = None if math.isfinite(norm) else self._find_origin(inputs, target, drawn)
        if origin is not None:
            for module, name, before in buffers:  # running statistics have seen the bad batch, twice
                setattr(module, name, before)
            raise DivergedError(problem, number, epoch, origin)
        if self.clip_norm is not None:
            self._clip(self.clip_norm, norm)
        lr = float(self.optimizer.param_groups[0]["lr"])
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        return Step(epoch, number, loss, penalty, norm, lr)

    def _losses(self, inputs: tuple, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of the batch, and the penalty on the weights."""
        loss = _scalar(self.loss_fn(self.model(*inputs), target))
        penalty = Tensor(np.zeros((), loss.dtype, like=loss.data))
        for w in self.weights if self.l1 else ():
            penalty = penalty + self.l1 * F.sum(F.abs(w))
        for w in self.weights if self.l2 else ():
            penalty = penalty + self.l2 * F.sum(w * w)
        return loss, penalty

    def _numbers(self, loss: Tensor, penalty: Tensor) -> tuple[float, float, float]:
        """Loss and penalty as numbers, and the norm of the gradients that they leave.

        A loss that is not finite sends none back, and its norm is NaN. On the GPU nobody waits for the loss
        before backward: the three numbers come down together, in the one copy of a step.
        """
        if loss.device == "cuda":
            self._backward(loss, penalty)
            values = numbers(loss.data, penalty.data, *_squares(self.params))
            return values[0], values[1], _norm(self.params, values[2:])
        values = [float(loss.item()), float(penalty.item())]
        if not math.isfinite(sum(values)):
            return values[0], values[1], math.nan
        self._backward(loss, penalty)
        return values[0], values[1], _norm(self.params, _squares(self.params))

    def _backward(self, loss: Tensor, penalty: Tensor) -> None:
        """Fill in the gradients."""
        self.optimizer.zero_grad()
        (loss + penalty if penalty.requires_grad else loss).backward()

    def _clip(self, max_norm: float, norm: float) -> None:
        if self.params[0].device == "cuda":  # the norm is known, and finding it again would cost a copy
            scale_grads_(self.params, max_norm, norm)
        else:
            clip_grad_norm_(self.params, max_norm)

    def _find_origin(self, inputs: tuple, target: Tensor, drawn: list[Any]) -> Origin:
        """Repeat the step, with the same dropout masks, and leave the gradients as they are."""
        grads = [p.grad for p in self.params]
        for g, state in zip(self.generators, drawn):
            g.bit_generator.state = state
        batch = {f"input {i}": x.data for i, x in enumerate(inputs)} | {"target": target.data}
        origin = find_origin(self.model, batch, lambda: self._backward(*self._losses(inputs, target)))
        for p, grad in zip(self.params, grads):
            p.grad = grad
        return origin


def _penalty(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise ArgumentError("train", f"{name}={value}", "a number of at least 0", f"{name}=1e-4")
    return float(value)


def _trainable(model: Any, optimizer: Any) -> list[Tensor]:
    """What the optimiser moves, after making sure that some of it is the model's."""
    if not isinstance(model, Module):
        raise DtypeError(
            "train", f"the model {describe(model)}", "a Module", "nn.Sequential(nn.Linear(64, 10))"
        )
    if not isinstance(optimizer, Optimizer):
        got = f"the optimiser {describe(optimizer)}"
        raise DtypeError("train", got, "an Optimizer", "optim.Adam(model.parameters())")
    own = {id(p) for p in model.parameters() if p.requires_grad}
    if not own:
        got = "a model without a parameter that requires grad"
        raise StateError("train", got, "at least one", "model.requires_grad_(), or a model with an nn.Linear")
    held = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    if not any(id(p) in own for p in held):
        got = "an optimiser that holds none of the model's parameters"
        raise StateError("train", got, "one made for this model", "optim.Adam(model.parameters())")
    return held


def _scalar(loss: Any) -> Tensor:
    """The loss, if gradients can flow from it."""
    if not isinstance(loss, Tensor):
        raise DtypeError("train", f"a loss of type {type(loss).__name__}", "a Tensor", "F.cross_entropy")
    if loss.size != 1:
        raise ShapeError(
            "train", f"a loss {loss.shape}", "a single number", "reduction='mean', or loss.mean()"
        )
    if not loss.requires_grad:
        got = "a loss without history (under no_grad, or cut off by detach)"
        raise StateError("train", got, "one computed from the parameters by ops", "F.cross_entropy")
    return loss


def _squares(params: list[Tensor]) -> list[Any]:
    """The sum of the squares of each gradient."""
    grads = [p.grad.data.ravel("K") for p in params if p.grad is not None]
    return [np.dot(g, g) for g in grads]


def _norm(params: list[Tensor], squares: list[Any]) -> float:
    """Length of all gradients together; not finite exactly if one of their elements is not."""
    total = math.fsum(map(float, squares))
    if not math.isfinite(total):  # too large to square in float32 is not yet infinite
        grads = [p.grad.data.ravel("K").astype(np.float64) for p in params if p.grad is not None]
        return math.sqrt(sum(numbers(*[np.dot(g, g) for g in grads])))
    return math.sqrt(total)
