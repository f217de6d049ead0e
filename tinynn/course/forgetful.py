"""Chapter 08: nets whose way back through time has a mistake, and what a single unit keeps of a gradient."""

from __future__ import annotations

from typing import Any

from .engine.verdict import Verdict
from .exercises.ch08.backward import through_time
from .exercises.ch08.decay import shares
from .plots import gradients_back
from .prediction import Prediction, predict_first
from .recurrence import Series, error, forecast, last_year, recall, trained

MISTAKES = {"A": "overwritten", "B": "future_dropped"}


def wrong(name: str) -> Any:
    """The library on a way back that has this mistake of 08.2: a context manager."""
    assert through_time.swap is not None
    return through_time.swap(through_time.mistakes[name].function)


def recall_with_mistakes(steps: int) -> dict[str, list[float]]:
    """The losses of a right net, and of A and B, that learn which sign came first."""
    losses = {"right": recall("as usual", steps)[0]}
    for patient, name in MISTAKES.items():
        with wrong(name):
            losses[patient] = recall("as usual", steps)[0]
    return losses


def sunspots_with_mistakes(data: Series) -> dict[str, float]:
    """The test errors of the chapter's net with a right way back and with two wrong ones."""
    found = {"right": error(data, forecast(trained(0, data), data), "test")}
    for name in ("future_dropped", "overwritten"):
        with wrong(name):
            found[name.replace("_", " ")] = error(data, forecast(trained(0, data), data), "test")
    return {**found, "last year again": error(data, last_year(data), "test")}


def table(found: dict[str, float], prediction: Prediction) -> Verdict:
    """The test errors in words; hidden until the prediction is made."""
    if prediction.guess is None:
        return predict_first()
    said = ", ".join(f"{name}: {value:.1f}" for name, value in found.items())
    return Verdict("said", f"{said}.", "Error on the years to judge by, in sunspots")


def weight_of_one() -> Any:
    """What one unit lets through, step by step; hidden until the number of 08.4 is predicted."""
    if Prediction("08.4", unit="steps").guess is None:
        return predict_first()
    curves = {
        "w = 1, no tanh": shares(1.0, 20, linear=True),
        "w = 1": shares(1.0, 20),
        "w = 0.5": shares(0.5, 20),
        "w = 2": shares(2.0, 20),
    }
    return gradients_back(curves, "What is left of a gradient of 1 in one unit")


def share_left(steps: int, weight: float = 1.0) -> float:
    """The share of a gradient that is left after so many steps back through one unit."""
    return float(shares(weight)[steps])
