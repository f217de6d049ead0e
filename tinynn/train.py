"""The training loop, as a generator: it yields each step, and you print, plot or stop.

    for step in train(model, Batches(x, y), F.cross_entropy, optimizer, epochs=10, validation=val):
        if step.ends_epoch:
            print(step.epoch, step.loss, step.val_accuracy)

`fit` takes the same arguments, runs to the end and returns the History.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .diverged import DivergedError
from .errors import ArgumentError, DtypeError
from .evaluate import EarlyStopping, Evaluation, Loss, evaluate, is_arrays
from .history import History, Step
from .nn import Module
from .ops.op import describe
from .optim import LRScheduler, Optimizer
from .step import Updater

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

    Notes
    -----
    Batches go to the device of the parameters. On the GPU a step makes one copy back, after backward: a
    vector with the loss, the penalty and the norm of each gradient, which the step's numbers, the clipping
    and the look for NaN need.
    """
    batches = _checked(batches)
    updater = Updater(model, loss_fn, optimizer, schedule, clip_norm, l1, l2)
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ArgumentError("train", f"epochs={epochs!r}", "a whole number of at least 1", "epochs=10")
    stopping = early_stopping
    if stopping is not None and not isinstance(stopping, EarlyStopping):
        stopping = EarlyStopping(stopping)
    if stopping is not None and validation is None:
        raise ArgumentError("train", "early_stopping without validation", "a loss to watch", "validation=val")
    history = History() if history is None else history
    return _steps(updater, batches, int(epochs), validation, stopping, progress, history)


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
    updater: Updater,
    batches: Iterable[Any],
    epochs: int,
    validation: Any,
    stopping: EarlyStopping | None,
    progress: bool,
    history: History,
) -> Iterator[Step]:
    model = updater.model
    history.interrupted = history.stopped_early = False
    model.train()
    bar = _bar(batches, epochs, len(history.loss)) if progress else None
    try:
        for epoch in range(len(history.epoch_ends) + 1, epochs + 1):
            for batch, ends_epoch in _marked(batches, epoch):
                step = updater.step(batch, epoch, len(history.loss) + 1)
                if ends_epoch:
                    step = _end_of_epoch(step, updater, validation)
                    history.stopped_early = stopping is not None and stopping.update(step.val_loss, model)
                history.append(step)
                _show(bar, step, history)
                yield step
            if history.stopped_early:
                break
        if stopping is not None:
            stopping.restore(model)
    finally:
        if bar is not None:
            bar.close()


def _end_of_epoch(step: Step, updater: Updater, validation: Any) -> Step:
    if validation is None:
        return step._replace(ends_epoch=True)
    loss, accuracy = evaluate(updater.model, validation, updater.loss_fn)
    return step._replace(ends_epoch=True, val_loss=loss, val_accuracy=accuracy)


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
