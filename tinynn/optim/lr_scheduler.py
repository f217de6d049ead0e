"""Schedules: the learning rate as a function of how many steps were made.

    schedule = WarmupCosine(optimizer, warmup_steps=100, total_steps=2000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

A schedule owns the learning rate: each of its steps writes it anew into every group.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError, DtypeError, KeysError
from ..nn.checks import number, whole
from ..ops.op import describe
from .optimizer import Optimizer


class LRScheduler:
    """Base of all schedules: counts steps and writes what `factor` or `rate` says into the groups.

    Attributes
    ----------
    last_epoch : int
        How many steps were made (PyTorch's name).
    base_lrs : list of float
        Learning rate of each group at the start.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DtypeError(
                type(self).__name__, describe(optimizer), "an optimiser", "Adam(model.parameters())"
            )
        self.optimizer, self.last_epoch = optimizer, 0
        self.base_lrs = [float(group["lr"]) for group in optimizer.param_groups]
        self._write()

    def rate(self, t: int, base_lr: float) -> float:
        """Learning rate after t steps of a group that started at `base_lr`."""
        raise NotImplementedError

    def _write(self) -> None:
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=False):
            group["lr"] = self.rate(self.last_epoch, base_lr)

    def step(self) -> None:
        """One step on."""
        self.last_epoch += 1
        self._write()

    def get_last_lr(self) -> list[float]:
        """Learning rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The count and the rates at the start, as plain numbers. The settings belong to the constructor."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue at the step that `state_dict` was taken, and set the learning rate of that step."""
        where = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, Mapping) or set(state_dict) != set(self.state_dict()):
            raise KeysError(where, describe(state_dict), "last_epoch and base_lrs", "schedule.state_dict()")
        last_epoch = whole(where, "last_epoch", state_dict["last_epoch"], 0)
        base_lrs = [number(where, "base_lr", lr, hint="base_lr=1e-3") for lr in state_dict["base_lrs"]]
        if len(base_lrs) != len(self.base_lrs):
            raise KeysError(where, f"rates of {len(base_lrs)} groups", f"{len(self.base_lrs)} groups")
        self.last_epoch, self.base_lrs = last_epoch, base_lrs
        self._write()

    def __repr__(self) -> str:
        rates = ", ".join(f"{lr:.4g}" for lr in self.get_last_lr())
        return f"{type(self).__name__}(step {self.last_epoch}, lr {rates})"


def between(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine, as `share` goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class StepLR(LRScheduler):
    """lr = base_lr gamma^(t // step_size). Equals torch.optim.lr_scheduler.StepLR."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = whole("StepLR", "step_size", step_size)
        self.gamma = number("StepLR", "gamma", gamma, hint="gamma=0.1")
        super().__init__(optimizer)

    def rate(self, t: int, base_lr: float) -> float:
        return base_lr * self.gamma ** (t // self.step_size)


class CosineAnnealingLR(LRScheduler):
    """lr falls from base_lr to eta_min along half a cosine of T_max steps, and then rises again.

    Equals torch.optim.lr_scheduler.CosineAnnealingLR.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = whole("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = number("CosineAnnealingLR", "eta_min", eta_min, hint="eta_min=0.0")
        super().__init__(optimizer)

    def rate(self, t: int, base_lr: float) -> float:
        return between(base_lr, self.eta_min, t / self.T_max)


class LinearLR(LRScheduler):
    """A warm-up: lr goes straight from start_factor to end_factor times base_lr in total_iters steps.

    Equals torch.optim.lr_scheduler.LinearLR.
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor = number("LinearLR", "start_factor", start_factor, hint="start_factor=0.1")
        self.end_factor = number("LinearLR", "end_factor", end_factor, hint="end_factor=1.0")
        self.total_iters = whole("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, t: int, base_lr: float) -> float:
        share = min(t / self.total_iters, 1)
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


class WarmupCosine(LRScheduler):
    """lr rises straight for `warmup_steps`, then falls to `min_lr` along half a cosine, and stays there.

    The first step is made with base_lr / warmup_steps. PyTorch composes this of LinearLR and
    CosineAnnealingLR with SequentialLR.

    Parameters
    ----------
    optimizer : Optimizer
    warmup_steps : int
        May be 0.
    total_steps : int
        Warm-up and fall together.
    min_lr : float
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, total_steps: int, min_lr: float = 0.0
    ) -> None:
        self.warmup_steps = whole("WarmupCosine", "warmup_steps", warmup_steps, 0)
        self.total_steps = whole("WarmupCosine", "total_steps", total_steps)
        self.min_lr = number("WarmupCosine", "min_lr", min_lr, hint="min_lr=0.0")
        if self.total_steps <= self.warmup_steps:
            raise ArgumentError(
                "WarmupCosine", f"warmup_steps={warmup_steps} of total_steps={total_steps}", "fewer than all",
                f"warmup_steps={self.total_steps // 10}",
            )  # fmt: skip
        super().__init__(optimizer)

    def rate(self, t: int, base_lr: float) -> float:
        if t < self.warmup_steps:
            return base_lr * (t + 1) / self.warmup_steps
        share = (t - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return between(base_lr, self.min_lr, min(share, 1))


class OneCycleLR(LRScheduler):
    """lr rises to max_lr and falls far below the start; momentum goes the other way.

    Equals torch.optim.lr_scheduler.OneCycleLR with two phases.

    Parameters
    ----------
    optimizer : Optimizer
        Its own lr is replaced; its momentum (SGD, RMSprop) or first beta (Adam) too if `cycle_momentum`.
    max_lr : float
    total_steps : int
    pct_start : float, 0 to below 1
        Share of the steps that rise.
    anneal_strategy : {"cos", "linear"}
    cycle_momentum : bool
    base_momentum, max_momentum : float
        Momentum at the top of the learning rate, and at both ends.
    div_factor, final_div_factor : float
        lr starts at max_lr / div_factor and ends at that over final_div_factor.

    Notes
    -----
    Source: Smith and Topin, Super-convergence: very fast training of neural networks using large learning
    rates, 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        name = "OneCycleLR"
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(
                name, f"anneal_strategy={anneal_strategy!r}", "'cos' or 'linear'", "anneal_strategy='cos'"
            )
        self.max_lr = number(name, "max_lr", max_lr, hint="max_lr=0.1")
        self.total_steps = whole(name, "total_steps", total_steps)
        self.pct_start = number(name, "pct_start", pct_start, 0, 1, hint="pct_start=0.3")
        self.base_momentum = number(name, "base_momentum", base_momentum, 0, 1, hint="base_momentum=0.85")
        self.max_momentum = number(name, "max_momentum", max_momentum, 0, 1, hint="max_momentum=0.95")
        self.start_lr = self.max_lr / number(name, "div_factor", div_factor, 1e-30, hint="div_factor=25.0")
        self.end_lr = self.start_lr / number(
            name, "final_div_factor", final_div_factor, 1e-30, hint="final_div_factor=1e4"
        )
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        super().__init__(optimizer)

    def _anneal(self, t: int, ends: float, top: float, last: float) -> float:
        """From `ends` at the first step over `top` to `last` at the last one."""
        peak = self.pct_start * self.total_steps - 1
        if t <= peak:
            start, end, share = ends, top, t / peak if peak else 1.0
        else:
            start, end, share = top, last, (t - peak) / (self.total_steps - 1 - peak)
        return between(start, end, share) if self.anneal_strategy == "cos" else start + (end - start) * share

    def rate(self, t: int, base_lr: float) -> float:
        return self._anneal(min(t, self.total_steps - 1), self.start_lr, self.max_lr, self.end_lr)

    def _write(self) -> None:
        super()._write()
        if not self.cycle_momentum:
            return
        t = min(self.last_epoch, self.total_steps - 1)
        momentum = self._anneal(t, self.max_momentum, self.base_momentum, self.max_momentum)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            elif "momentum" in group:
                group["momentum"] = momentum
