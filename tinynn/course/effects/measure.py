"""Measuring: every mistake of every exercise that trains, under each optimiser, with each seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from threadpoolctl import threadpool_limits

from ..engine.evidence import Evidence
from ..engine.exercise import Fill, catalogue
from ..engine.factors import factor
from .store import RIGHT
from .training import SEEDS, Run, can_train, network_of, optimizers, trained

FACTORS = ("factor", "mean_for_sum", "sum_for_mean")  # signatures of one number, which the sizes may decide
NEARLY = 0.9  # the share of the right answer's result that counts as having got there


def exercises() -> dict[str, Fill]:
    """Those that say how a network trains with their function."""
    return {id: e for id, e in catalogue().items() if isinstance(e, Fill) and can_train(e)}


def implementations(exercise: Fill) -> dict[str, Any]:
    """The right answer and every mistake, by name."""
    return {RIGHT: exercise.worked_answer} | {name: m.function for name, m in exercise.mistakes.items()}


def measure(exercise: Fill, tick: Callable[[float], Any] = lambda share: None) -> dict[str, Any]:
    """What the file keeps of one exercise; ``tick(share)`` is called with each share of an implementation."""
    runs: dict[str, dict[str, Any]] = {}
    steps: list[int] = []
    for optimizer in optimizers(exercise):
        right: list[Run] = []
        for name, function in implementations(exercise).items():
            found = with_all_seeds(exercise, function, optimizer)
            right = right or found
            runs.setdefault(optimizer, {})[name] = short(name, summary(found, right))
            tick(1 / len(optimizers(exercise)))
        steps = [moment.step for moment in right[0].moments]
    return {"network": network_of(exercise), "steps": steps, "factors": factors(exercise), "runs": runs}


def by_id(id: str) -> dict[str, Any]:
    """The same, for a process of its own: what travels there is the id."""
    return measure(exercises()[id])


def with_all_seeds(exercise: Fill, function: Callable, optimizer: str) -> list[Run]:
    """One run for each seed, on one thread: sums come out the same however many there are."""
    with threadpool_limits(1):
        return [trained(exercise, function, optimizer, seed) for seed in SEEDS]


def short(name: str, kept: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, and without curves that stand with the right answer already."""
    twin = "" if name == RIGHT else kept.get("alike", "")
    left_out = {"all": ("loss", "right"), "weights": ("right",), "": ()}[twin]
    return {key: value for key, value in kept.items() if value not in ("", []) and key not in left_out}


def summary(runs: list[Run], right: list[Run]) -> dict[str, Any]:
    """What is kept of one implementation's runs, beside the right answer's with the same seeds."""
    ends = sorted(run.ends for run in runs)[len(runs) // 2]
    shown = sorted((run for run in runs if run.ends == ends), key=lambda run: run.final)
    middle = shown[len(shown) // 2]
    goal = NEARLY * sorted(run.final for run in right)[len(right) // 2]
    return {
        "ends": ends,
        "final": [round(100 * run.final, 1) for run in runs],
        "reached": [_first(run, goal) for run in runs],
        "first": [_short(run.moments[0].loss) if run.moments else None for run in runs],
        "step": middle.moments[-1].step if middle.moments else 0,
        "loss": [_short(m.loss) for m in middle.moments if math.isfinite(m.loss)],
        "right": [round(100 * m.right) for m in middle.moments if math.isfinite(m.loss)],
        "alike": _alike(runs, right),
        "calls": middle.calls,
        "message": middle.message,
    }


def _first(run: Run, goal: float) -> int | None:
    """The first step at which `goal` was reached."""
    return next((m.step for m in run.moments if m.right >= goal), None)


def _short(loss: float) -> float | None:
    """Three digits; None for what is no finite number."""
    return float(f"{loss:.3g}") if math.isfinite(loss) else None


def _alike(runs: list[Run], right: list[Run]) -> str:
    """ "all" where the runs are the right answer's, bit for bit; "weights" where what they get right is."""
    if any(run.ends != "trained" for run in runs):
        return ""
    pairs = list(zip(runs, right))
    if all(a.moments == b.moments for a, b in pairs):
        return "all"
    return "weights" if all(_rights(a) == _rights(b) for a, b in pairs) else ""


def _rights(run: Run) -> list[float]:
    return [m.right for m in run.moments]


def factors(exercise: Fill) -> list[str]:
    """The mistakes that give one positive number times what is right, in every case and every part."""
    return [name for name, outcomes in exercise.known.items() if _is_factor(Evidence(exercise, outcomes))]


def _is_factor(evidence: Evidence) -> bool:
    wrong = [part for part in evidence.parts if not part.right]
    found = [factor(part) for part in wrong]
    return bool(wrong) and all(f is not None and f.name in FACTORS for f in found)
