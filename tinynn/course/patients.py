"""Chapter 05's patients: loops in which one thing is broken on purpose, and what Adam hides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import functional as F
from .. import nn, ops, optim, tensor
from ..tensor import Tensor
from .engine.verdict import Verdict
from .plots import GREY, RUNS, Picture, losses, losses_in_words, style
from .prediction import Prediction, predict_first
from .training import batch, he_weights, network

SICK = (64, *[64] * 4, 10)  # five layers


def patient_a(network, x, y, steps):
    """What is wrong with this loop?"""
    rng = np.random.default_rng(0)
    optimiser = optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        scores = network(tensor(rng.permutation(x)))
        loss = F.cross_entropy(scores, rng.permutation(y))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()


def patient_b(network, x, y, steps):
    """What is wrong with this loop?"""
    optimiser = optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        loss = F.cross_entropy(network(tensor(x)), y)
        loss.backward()
        optimiser.step()
        yield loss.item()


def patient_c(network, x, y, steps):
    """What is wrong with this loop?"""
    optimiser = Uncorrected(network.parameters(), lr=0.01)
    for _ in range(steps):
        loss = F.cross_entropy(network(tensor(x)), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()


def patient_d(network, x, y, steps):
    """What is wrong with this loop?"""
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01, generator=0)
    optimiser = optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        loss = F.cross_entropy(network(tensor(x)), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()


class Uncorrected(optim.Adam):
    """Adam without its bias correction: every step counts as the billionth, where 1 - beta ** t is 1."""

    def op_settings(self, group: dict[str, Any], step: int) -> dict[str, Any]:
        return super().op_settings(group, 10**9)


PATIENTS = {"A": patient_a, "B": patient_b, "C": patient_c, "D": patient_d}


def examine(patient: Callable[..., Iterator[float]], steps: int = 100) -> list[float]:
    """The losses of a patient on one batch of 32 digits, from the same five layers each time."""
    return list(patient(network(SICK, he_weights), *batch(), steps))


def ward(seen: dict[str, dict[str, list[float]]]) -> Picture:
    """A small picture for each patient, with the healthy one's curve behind it."""
    picture = Picture(9, 4.6)
    healthy, sick = seen["healthy"]["training"], {k: v for k, v in seen.items() if k != "healthy"}
    for ax, (name, parts) in zip(picture.subplots(2, 2, sharex=True, sharey=True).flat, sick.items()):
        style(ax, f"Patient {name}", "training step", "loss")
        ax.plot(healthy, "--", color=GREY, linewidth=1.5, label="healthy")
        ax.plot(parts["training"], "-", color=RUNS[0], linewidth=1.8, label=name)
        ax.set_ylim(0, 6)
        ax.label_outer()
        ax.legend(fontsize=9, labelcolor=GREY, frameon=False, loc="upper right")
    picture.alt = losses_in_words(seen, "Losses of four patients and a healthy one")
    return picture


def source(function: Callable) -> str:
    """The lines of `function`, as they stand in its file."""
    return inspect.getsource(function).rstrip()


def steps_to_memorise(memory_of: Callable[[Tensor], Any], enough: float = 0.01, most: int = 200) -> int:
    """Steps of Adam until one batch is known by heart, where m and v belong to ``memory_of(parameter)``."""
    model, (x, y) = network(SICK, he_weights), batch()
    update = ops.adam_update.pairs["numpy"].forward
    kept: dict[Any, tuple[np.ndarray, np.ndarray]] = {}
    for t in range(1, most + 1):
        loss = F.cross_entropy(model(tensor(x)), y)
        if loss.item() < enough:
            return t - 1
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            zeros = np.zeros_like(p.data), np.zeros_like(p.data)
            m, v = kept.setdefault(memory_of(p), zeros)
            update(p.data, p.grad.data, m, v, lr=0.01, t=t)  # type: ignore[union-attr]
    return most


# -- what Adam hides -------------------------------------------------------------------------------------


def with_a_factor(train: Callable) -> dict[str, dict[str, list[float]]]:
    """Losses on the spirals with right gradients, and with gradients 300 times too large."""
    from .exercises.ch03.network import network as declared

    gradients: dict[str, Any] = {
        "right gradients": declared.worked_answer,
        "300 times too large": declared.mistakes["not_a_mean"].function,
    }
    with np.errstate(all="ignore"):
        return {name: {"training": train(function)[0]} for name, function in gradients.items()}


def by_descent(gradients: Callable) -> tuple[list[float], float]:
    """Spirals, all at once, by plain descent: the loss of each step, and the accuracy at the end."""
    from .exercises.ch05.training import by_descent  # the declarations load when they are asked for

    return by_descent(gradients)


def factor_under_adam() -> Picture | Verdict:
    """The picture for Adam, once exercise 05.5 has its prediction: it would give the answer away."""
    if Prediction("05.5").guess is None:
        return predict_first()
    from .exercises.ch05.training import by_adam

    return losses(with_a_factor(by_adam), "Adam on the spirals: one line covers the other", log=True)
