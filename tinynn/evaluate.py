"""How well does a model do on data it is not trained on? And EarlyStopping, which acts on the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from .data import Dataset
from .errors import ArgumentError, DtypeError
from .gpu.arrays import numbers
from .nn import Module
from .nn.utils import device_of
from .ops.op import describe
from .tensor import Tensor, no_grad

Loss = Callable[[Any, Any], Tensor]


class Evaluation(NamedTuple):
    """Mean loss, and the share of right answers where targets are class labels."""

    loss: float
    accuracy: float | None


def evaluate(model: Module, data: Any, loss_fn: Loss, batch_size: int = 256) -> Evaluation:
    """Loss and accuracy of `model` on `data`, in evaluation mode and without a tape.

    Parameters
    ----------
    data : Dataset, (inputs, ..., target) or iterable of such batches
    loss_fn : callable
        Returns a mean over its batch; batches are weighted by their number of examples.
    batch_size : int
        How many examples of arrays to take at once.

    Notes
    -----
    Each module is put back into the mode it was in, also after an error. Targets below 0 (padding)
    do not count for the accuracy. Batches go to the device of the model, and one copy a batch comes back.
    """
    device = device_of(model)
    modes = [(module, module.training) for module in model.modules()]
    total, n, hits, counted = 0.0, 0, 0, 0
    model.eval()
    try:
        with no_grad():
            for batch in _cut(data, batch_size):
                inputs, target = unpacked(batch, "evaluate", device)
                output = model(*inputs)
                loss, *right = numbers(_single(loss_fn(output, target)), *_right(output, target))
                total, n = total + loss * len(target), n + len(target)
                if right:
                    hits, counted = hits + int(right[0]), counted + int(right[1])
    finally:
        for module, mode in modes:
            module.training = mode
    if n == 0:
        raise ArgumentError(
            "evaluate", "no examples", "at least one", "a list or Batches, not a generator used up"
        )
    return Evaluation(total / n, hits / counted if counted else None)


def _single(loss: Tensor) -> Any:
    """The array of a loss that is one number."""
    return loss.data if loss.size == 1 else loss.item()  # which says what is wrong


def _right(output: Any, target: Tensor) -> tuple:
    """How many answers are right, of how many that count; nothing where targets are no class labels."""
    if not isinstance(output, Tensor) or target.dtype.kind not in "iu" or output.ndim != target.ndim + 1:
        return ()
    axis = 1 if output.shape[:1] + output.shape[2:] == target.shape else -1
    predicted, counts = output.data.argmax(axis), target.data >= 0
    if predicted.shape != target.shape:
        return ()
    return ((predicted == target.data) & counts).sum(), counts.sum()


def is_arrays(data: Any) -> bool:
    return isinstance(data, Dataset) or (isinstance(data, tuple) and all(hasattr(a, "shape") for a in data))


def _cut(data: Any, size: int) -> Iterable[Any]:
    """Arrays in slices; batches as they are."""
    if not is_arrays(data):
        return data
    arrays = tuple(data)
    return (tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size))


def unpacked(batch: Any, where: str = "train", device: str = "cpu") -> tuple[tuple[Tensor, ...], Tensor]:
    """Inputs and target of a batch, as Tensors on a device."""
    if isinstance(batch, Dataset):
        batch = tuple(batch)
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        got = f"a batch of {len(batch)} array" if isinstance(batch, (tuple, list)) else describe(batch)
        hint = "Batches(x, y), or Batches(x, x) to learn x itself"
        raise DtypeError(where, got, "batches (inputs, ..., target)", hint)
    *inputs, target = ((a if isinstance(a, Tensor) else Tensor(a)).to(device) for a in batch)
    return tuple(inputs), target


class EarlyStopping:
    """Watches the validation loss, keeps the best weights, and says when it has not improved for too long.

    Pass an int to `train` for the usual case; make one yourself to save it in a checkpoint.

    Parameters
    ----------
    patience : int
        How many epochs without an improvement to wait for one.
    min_delta : float
        How much smaller the loss must be to count.

    Notes
    -----
    Source: Prechelt, Early stopping - but when?, 1998.
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        if isinstance(patience, bool) or not isinstance(patience, (int, np.integer)) or patience < 1:
            raise ArgumentError(
                "EarlyStopping", f"patience={patience!r}", "a whole number of epochs", "patience=5"
            )
        self.patience, self.min_delta = int(patience), float(min_delta)
        self.best, self.waited = math.inf, 0
        self.weights: dict[str, np.ndarray] = {}

    def update(self, loss: float | None, model: Module) -> bool:
        """Note the loss of an epoch; True once `patience` epochs brought none better. NaN never is."""
        if loss is not None and loss < self.best - self.min_delta:
            self.best, self.waited, self.weights = loss, 0, model.state_dict()
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, model: Module) -> None:
        """Put the best weights back, if there were any."""
        if self.weights:
            model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited, "weights": dict(self.weights)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        best, waited, weights = float(state["best"]), int(state["waited"]), dict(state["weights"])
        self.best, self.waited, self.weights = best, waited, weights
