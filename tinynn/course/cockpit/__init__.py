"""The training cockpit: train, pause, change the learning rate in mid-run, rewind, fork, compare.

pit = cockpit(lambda: MLP(2, 32, 32, 3), spirals(), validation=spirals(seed=1), lr=0.1)
pit                 # the last line of a cell shows the controls
pit.run_to_end()    # or train what is left at once, with or without a page
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...evaluate import Loss
from ...nn import Module
from .machine import Machine, arrays
from .player import Cockpit
from .run import Run, Trainer, Trouble
from .settings import Settings, with_own

__all__ = ["Cockpit", "Run", "Settings", "Trainer", "Trouble", "cockpit"]


def cockpit(
    model: Module | Callable[[], Module],
    data: Any,
    loss_fn: Loss | None = None,
    optimizer: str | type = "sgd",
    lr: float = 0.1,
    batch_size: int = 32,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    epochs: int = 30,
    validation: Any = None,
    seed: int = 0,
) -> Cockpit:
    """Make a training run to drive by hand, with buttons, sliders and pictures, or to run to its end.

    Parameters
    ----------
    model : Module, or a function that makes one
        A function is called once, with the random generator at `seed`. A restart goes back to the
        parameters of the beginning.
    data : (x, y) or Dataset
    loss_fn : callable, optional
        ``loss_fn(output, target)``; cross-entropy for whole-number targets, else the mean squared error.
    optimizer : {"sgd", "momentum", "rmsprop", "adam", "adamw"}, or a class of your own
        "sgd" goes without momentum. A class is called as ``MyAdam(params, lr=...)`` and has a method
        `step`; of `momentum`, `betas` and `weight_decay` it gets what it takes by name.
    lr, momentum, weight_decay : float
        `momentum` is beta 1 of Adam and AdamW.
    batch_size : int
        A new one begins a new pass over the data.
    epochs : int
        The run ends when it has taken as many examples as so many passes do.
    validation : (x, y) or Dataset, optional
        Evaluated after each pass.
    seed : int
        Of the order of the examples, of dropout, and of the weights where `model` is a function.

    Returns
    -------
    Cockpit
        Its methods are its buttons: `play`, `pause`, `step`, `restart`, `rewind`, `fork`, `switch`, `set`.

    Notes
    -----
    With settings that stay, the losses are those of `tinynn.train.fit` with ``Batches(..., seed=seed)``
    after ``manual_seed(seed)``.

    Rewinding restores parameters, buffers, the optimiser's memory, the order of batches and all random
    generators, from copies that are kept every 8 steps: at most 64, and at most 128 MB. When there are
    more, every other one goes and the distance doubles. A step between two is reached by training again
    from the one before, with the settings of then: the same numbers, bit for bit.

    Keys: Tab moves between the controls, Enter or Space presses a button; in a field, type a number and
    press Enter, or use the up and down arrows; the arrow keys also move a slider.
    """
    menu, name = with_own(optimizer)
    x, _ = arrays("data", data)
    settings = Settings(name, lr, batch_size, momentum, weight_decay).checked(menu, len(x))
    machine = Machine(model, data, loss_fn, menu, settings, validation, seed)
    return Cockpit(Trainer(machine, settings, epochs))
