"""The training loop, as a generator: it yields each step, and you print, plot or stop.

    for step in train(model, Batches(x, y), F.cross_entropy, optimizer, epochs=10, validation=val):
        if step.ends_epoch:
            print(step.epoch, step.loss, step.val_accuracy)

`fit` takes the same arguments, runs to the end and returns the History.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from . import functional as F
from .diverged import DivergedError, Origin, find_origin
from .errors import ArgumentError, DtypeError, ShapeError, StateError
from .evaluate import EarlyStopping, Evaluation, Loss, evaluate, is_arrays, unpacked
from .history import History, Step
from .nn import Module
from .ops.op import describe
from .optim import LRScheduler, Optimizer, clip_grad_norm_
from .random import generator
from .tensor import Tensor

__all__ = ["DivergedError", "EarlyStopping", "Evaluation", "History", "Step", "evaluate", "fit", "train"]


def train(
    model: Module,
    batches: Iterable[Any],
    loss_fn: Loss,
    optimizer: Optimizer,
    *,
    epochs: int = 1,
    validation: Any = None,
    schedule: LRScheduler | None = None,
    clip_norm: float | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    early_stopping: int | EarlyStopping | None = None,
    progress: bool = True,
    history: History | None = None,
) -> Iterator[Step]:
    """Train `model`, one update for each step asked for.

    Each step: ``loss_fn(model(*inputs), target) + penalty``, backward, clip, ``optimizer.step()``,
    ``schedule.step()``. It is complete when it is yielded: break, save a checkpoint, or go on.

    Parameters
    ----------
    model : Module
        Left in training mode: call ``model.eval()`` before predicting, or use `evaluate`.
    batches : iterable of (inputs, ..., target)
        Iterated once an epoch: `Batches`, a list.
    loss_fn : callable
        ``loss_fn(output, target)``, a single number. Label smoothing belongs here, weight decay into
        the optimiser, dropout into the model.
    optimizer : Optimizer
    epochs : int
        How many in all, those in `history` included.
    validation : Dataset, (inputs, target) or iterable of batches, optional
        Evaluated after each epoch, see `evaluate`.
    schedule : LRScheduler, optional
        Moves on after every step, so its lengths count steps.
    clip_norm : float, optional
        Largest gradient norm, see `clip_grad_norm_`.
    l1, l2 : float
        Adds ``l1 sum |w| + l2 sum w^2`` over the weights: parameters of two or more dimensions, not
        biases nor the scales of normalisation. With SGD, l2 equals a weight decay of 2 l2 on those.
    early_stopping : int or EarlyStopping, optional
        Patience in epochs. Where it is given, the run ends, early or not, with the weights of the
        epoch of smallest validation loss; a run that is broken off keeps its latest.
    progress : bool
        Show a bar.
    history : History, optional
        Filled as training goes; one that holds steps is continued.

    Raises
    ------
    DivergedError
        When loss or gradient is NaN or infinite, before the parameters change.
    """
    run = _Run(model, batches, loss_fn, optimizer, schedule, clip_norm, l1, l2)
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ArgumentError("train", f"epochs={epochs!r}", "a whole number of at least 1", "epochs=10")
    stopping = early_stopping
    if stopping is not None and not isinstance(stopping, EarlyStopping):
        stopping = EarlyStopping(stopping)
    if stopping is not None and validation is None:
        raise ArgumentError("train", "early_stopping without validation", "a loss to watch", "validation=val")
    return _steps(run, int(epochs), validation, stopping, progress, History() if history is None else history)


def fit(
    model: Module,
    batches: Iterable[Any],
    loss_fn: Loss,
    optimizer: Optimizer,
    *,
    history: History | None = None,
    **options: Any,
) -> History:
    """Run `train` to the end and return its History.

    Takes the arguments of `train`. Ctrl-C ends it early: the model keeps what it has learnt, and the
    history says ``interrupted``.
    """
    history = History() if history is None else history
    try:
        for _ in train(model, batches, loss_fn, optimizer, history=history, **options):
            pass
    except KeyboardInterrupt:
        history.interrupted = True
    return history


def _steps(
    run: _Run, epochs: int, validation: Any, stopping: EarlyStopping | None, progress: bool, history: History
) -> Iterator[Step]:
    history.interrupted = history.stopped_early = False
    run.model.train()
    bar = _bar(run.batches, epochs, len(history.loss)) if progress else None
    try:
        for epoch in range(len(history.epoch_ends) + 1, epochs + 1):
            for batch, ends_epoch in _marked(run.batches, epoch):
                step = run.step(batch, epoch, len(history.loss) + 1)
                if ends_epoch:
                    step = _end_of_epoch(step, run, validation)
                    history.stopped_early = stopping is not None and stopping.update(step.val_loss, run.model)
                history.append(step)
                _show(bar, step, history)
                yield step
            if history.stopped_early:
                break
        if stopping is not None:
            stopping.restore(run.model)
    finally:
        if bar is not None:
            bar.close()


def _end_of_epoch(step: Step, run: _Run, validation: Any) -> Step:
    if validation is None:
        return step._replace(ends_epoch=True)
    loss, accuracy = evaluate(run.model, validation, run.loss_fn)
    return step._replace(ends_epoch=True, val_loss=loss, val_accuracy=accuracy)


class _Run:
    """What one step needs, checked once."""

    def __init__(
        self,
        model: Module,
        batches: Iterable[Any],
        loss_fn: Loss,
        optimizer: Optimizer,
        schedule: LRScheduler | None,
        clip_norm: float | None,
        l1: float,
        l2: float,
    ) -> None:
        self.params = _trainable(model, optimizer)
        self.weights = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
        self.keepers = [m for m in model.modules() if any(True for _ in m.buffers(recurse=False))]
        self.generators = [generator(), *_generators(model)]
        self.model, self.batches, self.loss_fn, self.optimizer = model, _checked(batches), loss_fn, optimizer
        self.schedule, self.clip_norm = schedule, clip_norm
        self.l1, self.l2 = _penalty("l1", l1), _penalty("l2", l2)

    def step(self, batch: Any, epoch: int, number: int) -> Step:
        """Make one update, or raise a DivergedError and leave parameters and buffers as they were."""
        if not self.model.training:  # whoever looked at the model between two steps may have forgotten
            self.model.train()
        inputs, target = unpacked(batch)
        drawn = [g.bit_generator.state for g in self.generators]
        buffers = [(m, name, b.copy()) for m in self.keepers for name, b in m.named_buffers(recurse=False)]
        with np.errstate(all="ignore"):  # NumPy would warn of what is reported below
            loss, penalty = self._losses(inputs, target)
            problem, norm = "loss", math.nan
            if math.isfinite(loss.item() + penalty.item()):
                problem, norm = "gradient", self._backward(loss, penalty)
            origin = None if math.isfinite(norm) else self._find_origin(inputs, target, drawn)
        if origin is not None:
            for module, name, before in buffers:  # running statistics have seen the bad batch, twice
                setattr(module, name, before)
            raise DivergedError(problem, number, epoch, origin)
        if self.clip_norm is not None:
            clip_grad_norm_(self.params, self.clip_norm)
        lr = float(self.optimizer.param_groups[0]["lr"])
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
        return Step(epoch, number, float(loss.item()), float(penalty.item()), norm, lr)

    def _losses(self, inputs: tuple, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of the batch, and the penalty on the weights."""
        loss = _scalar(self.loss_fn(self.model(*inputs), target))
        penalty = Tensor(np.zeros((), loss.dtype))
        for w in self.weights if self.l1 else ():
            penalty = penalty + self.l1 * F.sum(F.abs(w))
        for w in self.weights if self.l2 else ():
            penalty = penalty + self.l2 * F.sum(w * w)
        return loss, penalty

    def _backward(self, loss: Tensor, penalty: Tensor) -> float:
        """Fill in the gradients and return their norm."""
        self.optimizer.zero_grad()
        (loss + penalty if penalty.requires_grad else loss).backward()
        return _norm(self.params)

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


# -- batches -----------------------------------------------------------------------------------------


def _checked(batches: Any) -> Iterable[Any]:
    if is_arrays(batches) or not isinstance(batches, Iterable):
        got = "all examples at once" if is_arrays(batches) else describe(batches)
        raise DtypeError("train", got, "an iterable of batches", "Batches(x, y, batch_size=64)")
    return batches


def _marked(batches: Iterable[Any], epoch: int) -> Iterator[tuple[Any, bool]]:
    """Each batch, and whether it is the last of its epoch.

    Looks one batch ahead only where it must: `Batches` counts a batch as done once it is handed out,
    and a checkpoint must not skip one.
    """
    iterator, end = iter(batches), object()
    resumed = hasattr(batches, "state_dict")
    batch = next(iterator, end)
    if batch is end and not resumed:
        got = f"no batches in epoch {epoch}"
        raise ArgumentError(
            "train", got, "batches that can be iterated once an epoch", "Batches(x, y), or a list"
        )
    left = _left(batches)
    while batch is not end:
        left -= 1
        if left > 0:
            yield batch, False
            batch = next(iterator, end)
        else:
            following = next(iterator, end)
            yield batch, following is end
            batch = following


def _left(batches: Any) -> int:
    """How many batches are left when the first has just been taken, that one included; 0 if nobody knows."""
    if not hasattr(batches, "__len__"):
        return 0
    state = batches.state_dict() if hasattr(batches, "state_dict") else {}
    return len(batches) - (state.get("position") or 1) + 1


# -- model, loss, gradient ------------------------------------------------------------------------------


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


def _generators(model: Module) -> list[np.random.Generator]:
    """Generators that modules keep for themselves."""
    values = (value for module in model.modules() for value in vars(module).values())
    return [value for value in values if isinstance(value, np.random.Generator)]


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


def _norm(params: list[Tensor]) -> float:
    """Length of all gradients together; not finite exactly if one of their elements is not."""
    grads = [p.grad.data.ravel("K") for p in params if p.grad is not None]
    squares = sum(float(np.dot(g, g)) for g in grads)
    if not math.isfinite(squares):  # too large to square in float32 is not yet infinite
        return float(np.linalg.norm([np.linalg.norm(g.astype(np.float64)) for g in grads]))
    return math.sqrt(squares)


# -- the bar ----------------------------------------------------------------------------------------------


def _bar(batches: Any, epochs: int, done: int) -> Any:
    from tqdm import tqdm  # plain text everywhere: tqdm.auto would load ipywidgets

    total = epochs * len(batches) if hasattr(batches, "__len__") else None
    return tqdm(total=total, initial=done, unit="step", dynamic_ncols=True)


def _show(bar: Any, step: Step, history: History) -> None:
    if bar is None:
        return
    if step.ends_epoch or step.step % 20 == 1:
        accuracy = history.last("val_accuracy")
        seen = "" if accuracy is None else f", validation {accuracy:.1%}"
        bar.set_description_str(f"epoch {step.epoch}", refresh=False)
        bar.set_postfix_str(f"loss {step.loss:.4f}{seen}", refresh=False)
    bar.update()
