"""Examples in a random order, each beside its label."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.call import Call, Odd, Outcome
from ...engine.kinds import Judged, stopped
from ...engine.texts import phrases
from ...engine.verdict import Verdict

ASKED = ((60, 7), (60, 8), (45, 7))  # sizes and seeds: an order that is always the same is not a random one


def _numbered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images that hold their own number, and the same numbers as labels: (n, 64), (n,)."""
    return np.repeat(np.arange(n, dtype=np.float32)[:, None], 64, axis=1), np.arange(n)


def _calls(answer: Any) -> list[Call]:
    return [Call((*_numbered(n), np.random.default_rng(seed))) for n, seed in ASKED]


def _judge(answer: Any, outcomes: list[Outcome]) -> Verdict:
    for outcome, (n, _) in zip(outcomes, ASKED):
        verdict = _mixed_once(outcome, n)
        if verdict is not None:
            return verdict
    orders = [np.asarray(outcome.value[1]) for outcome in outcomes]
    if np.array_equal(orders[0], orders[1]):
        return _look("same_order")
    return Verdict("right", _say()["right"])


def _mixed_once(outcome: Outcome, n: int) -> Verdict | None:
    """The verdict on a call that went wrong; None on one that went well."""
    if outcome.end != "value":
        return stopped(outcome)
    if set(outcome.changed) & {0, 1}:
        return _look("in_place")
    if outcome.value is None:
        return Verdict("open", _say()["none"])
    if not isinstance(outcome.value, tuple) or len(outcome.value) != 2:
        return _look("no_pair")
    x, y = map(_as_array, outcome.value)
    if x.shape[1:] != (64,) or y.ndim != 1:
        return _look("other_shapes", x=x.shape, y=y.shape, n=n)
    name = _what_happened(x[:, 0].astype(int), y.astype(int), n)
    return _look(name, n=n, x=len(x), y=len(y)) if name else None


def _as_array(value: Any) -> np.ndarray:
    """A list is as good as an array; what is neither has no shape that fits."""
    try:
        array = np.asarray(value.value if isinstance(value, Odd) else value, dtype=float)
    except (TypeError, ValueError):
        return np.zeros(())
    return array if np.isfinite(array).all() else np.zeros(())


def _what_happened(x: np.ndarray, y: np.ndarray, n: int) -> str:
    """What is wrong with the order in which images and labels came out; "" if nothing is."""
    whole = np.arange(n)
    if len(x) != n or len(y) != n:
        return "lost"
    if not np.array_equal(np.sort(x), whole) or not np.array_equal(np.sort(y), whole):
        return "repeats"
    if np.array_equal(x, y):
        return "" if (x != whole).any() else "old_order"
    if np.array_equal(y, whole):
        return "images_only"
    return "labels_only" if np.array_equal(x, whole) else "two_orders"


def _say() -> dict[str, str]:
    return phrases("00")["00.2"]["says"]


def _look(name: str, **about: Any) -> Verdict:
    return Verdict("look", _say()[name].format(**about), names=(name,))


exercise = Judged("00.2", signature="mixed(x, y, rng)", calls=_calls, judge=_judge, level=2, minutes=8)


@exercise.worked
def mixed(x, y, rng):
    order = rng.permutation(len(x))  # one order, used for both
    return x[order], y[order]
