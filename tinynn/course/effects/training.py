"""An exercise's function in a network that trains: what comes of it, and whether it ran at all."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...errors import StateError
from ..engine.exercise import Fill
from .moments import Moment
from .networks import train_network

SEEDS = (0, 1, 2)

NETWORK = {
    "01.2": "added", "01.3": "sigmoid", "01.6": "normalised", "02.1": "numbers", "03.5": "by_hand",
    "04.3": "gain", "04.4": "softplus", "05.3": "deep", "05.6": "batches", "06.1": "dropped",
    "07.1": "images", "07.3": "images", "07.4": "images",
    "08.1": "recall", "08.2": "recall",
    "09.1": "recalled", "09.2": "recalled", "09.3": "recalled_gru",
    "10.1": "letters", "10.2": "letters", "10.3": "vowels", "10.4": "letters", "10.7": "pieces",
    "11.2": "repeats", "11.4": "repeats",
    "12.1": "normalised", "12.2": "normalised", "12.3": "rms", "12.5": "two_back",
    "13.1": "next_character", "17.2": "few_repeats",
}  # fmt: skip
"""The network of an exercise, where it is not "relu"."""

OPTIMIZERS_OF = {
    "02.5": ("sgd",), "05.1": ("momentum",), "05.2": ("adam",), "08.1": ("adam",), "08.2": ("adam",),
    "09.1": ("adam",), "09.2": ("adam",), "09.3": ("adam",), "11.2": ("adam",), "11.4": ("adam",),
    "17.2": ("adam",),
}  # fmt: skip
"""The optimisers of an exercise that is about one of them, or whose network learns by one alone."""

GIVEN: dict[str, Callable[[Callable], Callable]] = {
    "01.4": lambda leaky: lambda x, a: leaky(x, 0.1),  # in the place of relu its slope would be 0
}
"""Exercises whose function gets another argument here than in the library's place."""

MESSAGE = 160  # characters of what an exception says


@dataclass
class Run:
    """One training run.

    Attributes
    ----------
    ends : str
        "trained"; "diverged", where the loss was no finite number any more; "stops", where something raised.
    moments : list of Moment
    calls : int
        How often the exercise's function ran.
    message : str
        What was raised.
    """

    ends: str = "trained"
    moments: list[Moment] = field(default_factory=list)
    calls: int = 0
    message: str = ""

    @property
    def final(self) -> float:
        """The share of held-out data that is right at the end; 0 where there was no end."""
        return self.moments[-1].right if self.ends == "trained" else 0.0


WHILE_WRITING = {"13.2", "13.3"}
"""Exercises that stand in the library's place where a text is written: nothing learns by them."""


def can_train(exercise: Any) -> bool:
    """A kernel's mistakes stop it before it can train anything: of those nothing is measured."""
    function = isinstance(exercise, Fill) and not exercise.launches and exercise.id not in WHILE_WRITING
    return function and (exercise.swap is not None or exercise.train is not None)


def optimizers(exercise: Fill) -> tuple[str, ...]:
    return OPTIMIZERS_OF.get(exercise.id, ("sgd", "adam"))


def network_of(exercise: Fill) -> str:
    return NETWORK.get(exercise.id, "relu")


def trained(exercise: Fill, function: Callable, optimizer: str, seed: int) -> Run:
    """Train the exercise's network with `function` in it.

    Raises
    ------
    StateError
        If the function was never called: then the run would say nothing about it.
    """
    run = Run()
    function = exercise.ready(function)

    def counted(*args: Any, **kwargs: Any) -> Any:
        run.calls += 1
        return GIVEN.get(exercise.id, _as_it_is)(function)(*args, **kwargs)

    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # mistakes divide by zero and overflow: that shows in the loss
            run.moments.extend(_moments(exercise, counted, optimizer, seed))
    except Exception as problem:  # a wrong shape, a wrong number of results: anything
        run.ends, run.message = "stops", f"{type(problem).__name__}: {problem}"[:MESSAGE]
    if not run.calls:
        got = f"{exercise.id}: a training that never called its function"
        raise StateError("effects", got, "one that does", "look at the exercise's swap or trains")
    if run.ends == "trained" and not (run.moments and math.isfinite(run.moments[-1].loss)):
        run.ends = "diverged"
    return run


def _as_it_is(function: Callable) -> Callable:
    return function


def _moments(exercise: Fill, function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    if exercise.train is not None:
        yield from exercise.train(function, optimizer, seed)
        return
    assert exercise.swap is not None, f"{exercise.id} says neither swaps nor trains"
    with exercise.swap(function):
        yield from train_network(network_of(exercise), optimizer, seed)
