"""What happened during training: one record for each step, and the lists they add up to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .errors import ArgumentError, KeysError

STEPS = ("loss", "penalty", "grad_norm", "lr")
EPOCHS = ("epoch_ends", "val_loss", "val_accuracy")
FLAGS = ("interrupted", "stopped_early")


class Step(NamedTuple):
    """One update of the parameters.

    Attributes
    ----------
    epoch, step : int
        Both count from 1; `step` goes on counting from epoch to epoch.
    loss : float
        Mean loss of the batch, without the penalties, so that it compares with `val_loss`.
    penalty : float
        What L1 and L2 added to it.
    grad_norm : float
        Length of the gradient of all parameters together, before clipping.
    lr : float
        Learning rate of the first parameter group in this step.
    ends_epoch : bool
        Whether this was the last step of its epoch.
    val_loss, val_accuracy : float or None
        At the end of an epoch, where there is validation data; accuracy only for class labels.
    """

    epoch: int
    step: int
    loss: float
    penalty: float
    grad_norm: float
    lr: float
    ends_epoch: bool = False
    val_loss: float | None = None
    val_accuracy: float | None = None


class Best(NamedTuple):
    """A best value and the epoch (or step) it belongs to, counted from 1."""

    at: int
    value: float


class History:
    """Plain lists, ready to plot: ``plt.plot(history.loss)``.

    Attributes
    ----------
    loss, penalty, grad_norm, lr : list of float
        One entry a step, see `Step`.
    epoch_ends : list of int
        The step that each complete epoch ended with.
    val_loss, val_accuracy : list of float or None
        One entry a complete epoch; None where nothing was measured.
    interrupted, stopped_early : bool
        Whether Ctrl-C, or early stopping, ended the run.
    """

    def __init__(self) -> None:
        self.loss: list[float] = []
        self.penalty: list[float] = []
        self.grad_norm: list[float] = []
        self.lr: list[float] = []
        self.epoch_ends: list[int] = []
        self.val_loss: list[float | None] = []
        self.val_accuracy: list[float | None] = []
        self.interrupted = self.stopped_early = False

    def append(self, step: Step) -> None:
        """Write a step down."""
        for name in STEPS:
            getattr(self, name).append(getattr(step, name))
        if step.ends_epoch:
            self.epoch_ends.append(step.step)
            self.val_loss.append(step.val_loss)
            self.val_accuracy.append(step.val_accuracy)

    @property
    def train_loss(self) -> list[float]:
        """Mean loss over the steps of each complete epoch, taken while the parameters were changing."""
        starts = [0, *self.epoch_ends]
        return [math.fsum(self.loss[a:b]) / (b - a) for a, b in zip(starts, self.epoch_ends)]

    def last(self, name: str = "loss") -> float | None:
        """The newest value of a list, or None if nothing was measured."""
        return next((value for value in reversed(self._list(name)) if value is not None), None)

    def best(self, name: str = "val_loss") -> Best | None:
        """The largest accuracy, or the smallest of anything else, and when it first came up; NaN never is."""
        largest = name == "val_accuracy"
        values = enumerate(self._list(name), start=1)
        found = [Best(at, value) for at, value in values if value is not None and not math.isnan(value)]
        return min(found, key=lambda b: -b.value if largest else b.value, default=None)

    def _list(self, name: str) -> list[Any]:
        names = (*STEPS, *EPOCHS, "train_loss")
        if name not in names:
            raise ArgumentError(
                "History", repr(name), "one of " + ", ".join(names), "history.best('val_loss')"
            )
        return getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Copies of the lists, ready for JSON."""
        return {name: list(getattr(self, name)) for name in STEPS + EPOCHS} | {
            name: getattr(self, name) for name in FLAGS
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> History:
        """The history that `to_dict` was called on."""
        history = cls()
        history.load_state_dict(values)
        return history

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the lists as JSON text, and write it to `path` if given; NaN is written as NaN."""
        text = json.dumps(self.to_dict())
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, text: str) -> History:
        """The history that `to_json` was called on."""
        return cls.from_dict(json.loads(text))

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: as `to_dict`, the long lists as arrays."""
        return self.to_dict() | {name: np.array(getattr(self, name), np.float64) for name in STEPS}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the lists that `state_dict` or `to_dict` returned."""
        wanted = {*STEPS, *EPOCHS, *FLAGS}
        if not isinstance(state, Mapping) or set(state) != wanted:
            got = f"the keys {sorted(state)}" if isinstance(state, Mapping) else f"a {type(state).__name__}"
            raise KeysError(
                "History", got, f"the keys {sorted(wanted)}", "History.from_dict(history.to_dict())"
            )
        lists = {name: np.asarray(state[name], object).tolist() for name in STEPS + EPOCHS}
        vars(self).update(lists | {name: bool(state[name]) for name in FLAGS})

    def __repr__(self) -> str:
        parts = [f"{len(self.loss)} steps", f"{len(self.epoch_ends)} epochs"]
        for name in ("loss", "val_loss", "val_accuracy"):
            value = self.last(name)
            parts += [] if value is None else [f"{name}={value:.4g}"]
        parts += [name.replace("_", " ") for name in FLAGS if getattr(self, name)]
        return f"History({', '.join(parts)})"
