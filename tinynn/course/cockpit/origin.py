"""What went into the first op that made a NaN or an infinity."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np

from ...backends import wrapped
from ...errors import NonFiniteError
from ...evaluate import Loss, unpacked
from ...nn import Module
from ...ops.op import Op, Pair
from ...optim import Optimizer
from ...wrappers import finite

SHOWN = 4  # numbers of an input that are shown


class Input(NamedTuple):
    """One input of an op, and the numbers in it that are furthest from 0."""

    name: str
    shape: tuple[int, ...]
    low: float
    high: float
    largest: list[float]

    @classmethod
    def of(cls, name: str, array: np.ndarray) -> Input:
        flat = array.reshape(-1).astype(np.float64)
        order = np.argsort(-np.abs(flat), kind="stable")[:SHOWN]
        return cls(name, array.shape, float(flat.min()), float(flat.max()), [float(v) for v in flat[order]])


class FirstBad:
    """A wrapper (see `tinynn.wrappers`) that keeps the inputs of the op at which `finite` stops."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []

    def __call__(self, op: Op, pair: Pair) -> Pair:
        checked = finite(op, pair)

        def forward(*arrays: np.ndarray, **params: Any) -> tuple:
            before = [a.copy() for a in arrays]  # an update changes its inputs in place
            try:
                return checked.forward(*arrays, **params)
            except NonFiniteError:
                self._keep(_names(op, len(before)), before)
                raise

        def backward(dout: Any, cache: Any, needs: tuple[bool, ...]) -> Any:
            try:
                return checked.pull(dout, cache, needs)
            except NonFiniteError:
                parts = dout if isinstance(dout, (tuple, list)) else (dout,)
                self._keep(["upstream gradient"] * len(parts), [d for d in parts if d is not None])
                raise

        return Pair(forward, backward if checked.backward else None, checked.name)

    def _keep(self, names: list[str], arrays: list[np.ndarray]) -> None:
        self.inputs = [Input.of(name, a) for name, a in zip(names, arrays) if a is not None and a.size]


def _names(op: Op, count: int) -> list[str]:
    """The inputs' names in the op's shape rule, which for some ops ends in a star."""
    parameters = inspect.signature(op.spec).parameters.values()
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return [*names, *(f"input {i + 1}" for i in range(len(names), count))][:count]


def first_inputs(model: Module, loss_fn: Loss, batch: Any, optimizer: Optimizer, update: bool) -> list[Input]:
    """Repeat a step up to the first bad number; empty if no single op makes one."""
    inputs, target = unpacked(batch)
    watch = FirstBad()
    model.train()
    try:
        with np.errstate(all="ignore"), wrapped(watch):
            optimizer.zero_grad()
            loss_fn(model(*inputs), target).backward()
            if update:
                optimizer.step()
    except NonFiniteError:
        pass
    return watch.inputs
