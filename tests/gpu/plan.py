"""What the run does, in which order, and how long each step may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from tinynn import ops

from . import contests

TRAININGS = ("MLP", "CNN", "LSTM", "GPT")


class Item(NamedTuple):
    """One request to a worker, and where its answer is written.

    `worker` names the process: items of one worker run one after the other in it, and share what it compiled.
    """

    part: str
    name: str
    worker: str
    seconds: float

    @property
    def request(self) -> dict[str, Any]:
        return {"do": self.part, "name": self.name}


FAMILIES = {
    "elementwise": "add sub mul div pow neg exp log sqrt abs clip maximum where cast",
    "activation": "relu leaky_relu sigmoid tanh gelu silu softplus dropout",
    "product": "matmul linear embedding rotary",
    "rows": "softmax log_softmax nll_loss cross_entropy layer_norm rms_norm batch_norm group_norm",
    "image": "conv1d conv2d conv_transpose2d max_pool2d avg_pool2d adaptive_avg_pool2d",
    "sequence": "rnn gru lstm",
    "attention": "scaled_dot_product_attention",
    "update": "sgd_update rmsprop_update adam_update adamw_update ema_update",
}
"""Ops that are compared in one process. What is named nowhere goes into the last one, "other"."""


def family(op: str) -> str:
    return next((name for name, members in FAMILIES.items() if op in members.split()), "other")


def compare_items() -> list[Item]:
    """Every op of the catalogue: those with kernels first, the references on CuPy's arrays after them."""
    names = sorted(ops.catalogue, key=lambda name: "cuda" not in ops.catalogue[name].kernels)
    return [Item("compare", name, family(name), 60) for name in names]


def train_items() -> list[Item]:
    return [Item("train", name, f"train {name}", 75) for name in TRAININGS]


def timing_items(aims: bool) -> list[Item]:
    """Kernels that an aim is about, or all others; then the training steps, course size before large."""
    chosen = [c for c in contests.contests() if bool(c.aim) == aims]
    return [Item("kernel", c.name, "timing", 30) for c in chosen]


def step_items() -> list[Item]:
    from . import steps

    return [Item("step", name, "timing", 40) for name in steps.STEPS]


CHECK = Item("check", "machine", "timing", 100)
CEILINGS = Item("ceilings", "ceilings", "timing", 60)
OVERHEAD = Item("overhead", "launch", "timing", 40)
MEMORY = Item("memory", "attention", "timing", 40)
SANITIZER = Item("sanitizer", "compute-sanitizer", "here", 80)


def everything() -> list[Item]:
    """All items but the check."""
    timed = [*timing_items(aims=True), MEMORY, *step_items(), SANITIZER, *timing_items(aims=False)]
    return [*compare_items(), *train_items(), CEILINGS, OVERHEAD, *timed]


class Budget:
    """Seconds that are left of a run."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.start, self.seconds = clock, clock(), seconds

    def left(self, keep: float = 0.0) -> float:
        """What is left, less what is kept for others."""
        return self.start + self.seconds - keep - self.clock()

    def passed(self) -> float:
        return self.clock() - self.start
