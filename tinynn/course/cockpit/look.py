"""What the pictures need to know of a network. Looking changes nothing: no mode, no buffer, no generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...nn import Dropout, Flatten, Identity, Module
from ...tensor import Tensor, no_grad
from .machine import Machine
from .run import Run

PROBED = 256  # examples whose activations are shown
JUDGED = 500  # images among which the worst mistakes are looked for


@contextmanager
def looking(machine: Machine) -> Iterator[None]:
    """Evaluation mode, without a tape; afterwards all is as before."""
    modes = [(module, module.training) for module in machine.model.modules()]
    machine.model.eval()
    try:
        with no_grad(), np.errstate(all="ignore"), machine.randomness(kept=False):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def scores(machine: Machine, x: np.ndarray) -> np.ndarray:
    """What the model says of `x`, before any softmax."""
    with looking(machine):
        return machine.model(Tensor(x)).data


def activations(machine: Machine) -> dict[str, np.ndarray]:
    """What each layer puts out for some examples: its own output, or that of the activation after it."""
    found: dict[str, np.ndarray] = {}
    names = {module: name for name, module in machine.layers}
    current = ""

    def after(module: Module, args: tuple, output: Any) -> None:
        nonlocal current
        current = names.get(module, current)
        if current and isinstance(output, Tensor):
            found[current] = output.data

    with ExitStack() as stack:
        for module in machine.model.modules():
            if not module.own_modules() and not isinstance(module, (Flatten, Identity, Dropout)):
                stack.enter_context(module.register_forward_hook(after))
        scores(machine, machine.x[:PROBED])
    titles = layer_titles(machine)
    return {titles[name]: values for name, values in found.items()}


def norms(machine: Machine, run: Run, at: int) -> dict[str, float]:
    """The gradient's length in each layer, in the step before `at`."""
    lengths = run.records[at - 1].norms if at else [0.0] * len(machine.layers)
    return dict(zip(layer_titles(machine).values(), lengths))


def layer_titles(machine: Machine) -> dict[str, str]:
    """Path of each layer with parameters to what a picture calls it: its number and its kind."""
    return {
        name: f"{i} {type(module).__name__}" if len(machine.layers) > 1 else type(module).__name__
        for i, (name, module) in enumerate(machine.layers, start=1)
    }


class Mistakes(NamedTuple):
    """Images, labels, and what the network takes them for and how surely."""

    images: np.ndarray
    labels: np.ndarray
    said: np.ndarray
    sure: np.ndarray


def mistakes(machine: Machine) -> Mistakes:
    """Answers to some images: of the validation data, or of the training data where there is none."""
    x, y = machine.validation or (machine.x, machine.y)
    x, y = x[:JUDGED], y[:JUDGED]
    found = scores(machine, x).astype(np.float64)
    shares = np.exp(found - found.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return Mistakes(x[:, 0] if x.ndim == 4 else x, y, shares.argmax(axis=1), shares.max(axis=1))


def kind_of_data(machine: Machine) -> str:
    """What can be shown of the data: "plane", "images" or nothing."""
    x = machine.x
    if machine.classes and x.ndim == 2 and x.shape[1] == 2 and machine.y.ndim == 1:
        return "plane"
    grey = x.ndim == 3 or (x.ndim == 4 and x.shape[1] == 1)
    return "images" if machine.classes and machine.y.ndim == 1 and grey else ""
