"""What a recipe says, and Run, which follows it: from a seed or from a checkpoint to a measured network."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import checkpoint, optim
from ..data import Batches
from ..nn import Module
from ..random import manual_seed
from ..train import History, train

SAVE_EVERY = 1.0  # seconds between two checkpoints on the way


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A data set, a network and the settings to train it with. Each kind says how, below.

    Attributes
    ----------
    about : str
    epochs, batch_size, lr, weight_decay
        AdamW's; the rate rises over the share `warmup` of all steps, then falls along a cosine.
    clip_norm : float, optional
    figure : str
        What is measured on the test part, ``written`` by a format.
    unit : str
        What the data is counted in.
    """

    about: str
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.01
    clip_norm: float | None = None
    warmup: float = 0.0

    figure = "test accuracy"
    written = "{:.2%}"
    unit = "examples"

    def split(self) -> Any:
        """Return train, val and test, the same for every seed."""
        raise NotImplementedError

    def model(self) -> Module:
        """Return the network, with the weights it begins with."""
        raise NotImplementedError

    @property
    def usual(self) -> dict[str, Any]:
        """The settings of a `Run` that changes none of them."""
        return {"seed": 0, "epochs": self.epochs, "lr": self.lr, "batch_size": self.batch_size}

    def optimizer(self, model: Module, lr: float) -> optim.Optimizer:
        """Return what updates the network."""
        return optim.AdamW(model.parameters(), lr, weight_decay=self.weight_decay)

    def loss(self) -> Callable:
        raise NotImplementedError

    def batches(self, part: Any, batch_size: int) -> Batches:
        """Return what to train on."""
        raise NotImplementedError

    def watched(self, part: Any) -> Any:
        """Return what to evaluate after each epoch."""
        raise NotImplementedError

    def measure(self, model: Module, part: Any) -> float:
        """Return the figure on what was held out."""
        raise NotImplementedError

    def beside(self, model: Module, data: Any) -> Iterator[str]:
        """Lines to print beside the figure: what simpler methods reach on the same test part."""
        yield from ()

    def show(self, model: Module, text: str | None, examples: int) -> None:
        """For a network that reads text: print what it says of `text`, or of what was held out."""
        raise NotImplementedError


@contextmanager
def between_steps() -> Iterator[list[int]]:
    """Ctrl-C waits for the end of the step: the list is no longer empty then. A second one does not wait."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():  # signals arrive in the main thread only
        yield asked
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


class Run:
    """One training of a recipe.

    Parameters
    ----------
    recipe : Recipe
    settings : dict
        recipe, seed, epochs, lr, batch_size.
    device : {"cpu", "cuda"}
        Where it trains. A run may go on, from its checkpoint, on the other.
    """

    def __init__(self, recipe: Recipe, settings: dict[str, Any], device: str = "cpu") -> None:
        self.settings, self.recipe = settings, recipe
        manual_seed(settings["seed"])
        self.data, self.epochs = recipe.split(), settings["epochs"]
        model, history = recipe.model().to(device), History()
        optimizer = recipe.optimizer(model, settings["lr"])
        batches = recipe.batches(self.data.train, settings["batch_size"])
        schedule = _schedule(optimizer, max(self.epochs * len(batches), 1), recipe.warmup)
        self.parts: dict[str, Any] = {"model": model, "optimizer": optimizer, "schedule": schedule}
        self.parts |= {"batches": batches, "history": history}

    def train(self, out: Path | None, progress: bool) -> None:
        """Run to the end, and save now and then, and at the end, if there is a file to save to."""
        saved = time.monotonic()
        steps = train(
            self.parts["model"], self.parts["batches"], self.recipe.loss(), self.parts["optimizer"],
            epochs=self.epochs, validation=self.recipe.watched(self.data.val),
            schedule=self.parts["schedule"], clip_norm=self.recipe.clip_norm,
            history=self.parts["history"], progress=progress,
        )  # fmt: skip
        with between_steps() as asked_to_stop:
            for step in steps:
                if out and step.ends_epoch and time.monotonic() - saved > SAVE_EVERY:
                    self.save(out)
                    saved = time.monotonic()
                if asked_to_stop:
                    break
        if out:
            self.save(out)
        if asked_to_stop:
            raise KeyboardInterrupt

    def test(self) -> float:
        """The recipe's figure on the part that was held out."""
        return self.recipe.measure(self.parts["model"], self.data.test)

    def beside(self) -> Iterator[str]:
        return self.recipe.beside(self.parts["model"], self.data)

    def save(self, out: Path) -> None:
        step = len(self.parts["history"].loss)
        checkpoint.save(out, step=step, extra={"settings": self.settings}, **self.parts)


def _schedule(optimizer: optim.Optimizer, steps: int, warmup: float) -> optim.LRScheduler:
    rising = int(warmup * steps)
    if rising:
        return optim.WarmupCosine(optimizer, rising, steps)
    return optim.CosineAnnealingLR(optimizer, steps)
