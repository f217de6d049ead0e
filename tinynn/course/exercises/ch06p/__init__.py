"""The project of Part I: an autograd of one's own that trains spirals and digits."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ....data import digits, spirals
from ...engine.call import Call, Outcome, run_each
from ...engine.checker import stopped
from ...engine.kinds import Judged
from ...engine.texts import phrases
from ...engine.verdict import Verdict
from . import answer, graphs
from .wrong import WRONG

DIGITS_SEED = 7


def _draw(*shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(rng.normal(size=shape) for shape in shapes)


PAIR, LAYER = _draw((3,), (3,)), _draw((4, 3), (3, 2), (2,))
ASKED: dict[str, list[tuple[Any, tuple]]] = {
    "06p.1": [
        (f, PAIR) for f in (graphs.product, graphs.twice, graphs.uneven, graphs.two_calls, graphs.deep)
    ],
    "06p.2": [(graphs.rows, _draw(*s)) for s in (((4, 3), (3,)), ((4, 1), (4, 3)), ((2, 4, 3), (3,)))]
    + [(graphs.layer, LAYER)],
    "06p.3": [(graphs.network, LAYER), (graphs.scores, LAYER)]
    + [(graphs.scores, (400 * LAYER[0], LAYER[1], LAYER[2]))],
}


def _say() -> dict[str, str]:
    return phrases("06p")["says"]


def _look(name: str, **about: Any) -> Verdict:
    return Verdict("look", _say()[name].format(**about), names=(name,))


def calls(id: str) -> list[Call]:
    return [Call((build, *arrays)) for build, arrays in ASKED[id]]


def _judge(id: str, outcomes: list[Outcome]) -> Verdict:
    for outcome, (build, arrays) in zip(outcomes, ASKED[id]):
        if not _right(outcome, build, arrays):
            return _about(id, outcomes, outcome, build)
    return Verdict("right", _say()["right"])


def _right(outcome: Outcome, build: Any, arrays: tuple) -> bool:
    grads = _grads(outcome)
    wanted = graphs.slopes(build, arrays)
    return (
        grads is not None
        and not outcome.changed
        and len(grads) == len(wanted)
        and all(g.shape == w.shape and np.allclose(g, w, 1e-4, 1e-4) for g, w in zip(grads, wanted))
    )


def _grads(outcome: Outcome) -> list[np.ndarray] | None:
    """The gradients in what `gradients` returned; None where there are none."""
    try:
        return [np.asarray(g, dtype=float) for g in outcome.value[1]]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None


def _about(id: str, outcomes: list[Outcome], first: Outcome, build: Any) -> Verdict:
    """The mistake by its name; else the first graph that fails."""
    kind = first.problem.kind if first.problem else ""
    if kind == "NotImplementedError":
        return Verdict("open")
    if kind == "RecursionError":
        return _look("recursive")
    for name, wrong in WRONG.items():
        if _alike(outcomes, run_each(wrong, calls(id))):
            return _look(name)
    if first.end != "value":
        return stopped(first)
    if _grads(first) is None:
        return _look("no_pair")
    return _look("other", graph=inspect.getsource(build).strip())


def _alike(some: list[Outcome], others: list[Outcome]) -> bool:
    pairs = [(_grads(a), _grads(b)) for a, b in zip(some, others)]
    return all(
        a is None
        and b is None
        or a is not None
        and b is not None
        and [g.shape for g in a] == [g.shape for g in b]
        and all(np.allclose(g, w, 1e-6, 1e-9, equal_nan=True) for g, w in zip(a, b))
        for a, b in pairs
    )


# -- what the network is asked ---------------------------------------------------------------------------


def _spirals() -> tuple[np.ndarray, ...]:
    (x, y), (new, labels) = spirals(300, seed=0), spirals(300, seed=1)
    return x, y, new, labels


def _digits() -> tuple[np.ndarray, ...]:
    x, y = digits()
    order = np.random.default_rng(DIGITS_SEED).permutation(len(x))
    x, y = x.reshape(len(x), 64)[order], y[order]
    return x[:1400], y[:1400], x[1400:], y[1400:]


def given(name: str) -> tuple[np.ndarray, ...]:
    """Training data and new inputs of "spirals" or "digits": x, y, new. The new labels stay here."""
    return {"spirals": _spirals, "digits": _digits}[name]()[:3]


def _predicted(labels: np.ndarray, goal: float, answer: Any) -> Verdict:
    try:
        got = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return _look("no_classes", n=len(labels))
    if got.shape != labels.shape:
        return _look("scores" if got.ndim == 2 else "no_classes", n=len(labels))
    share = float((got == labels).mean())
    if share >= goal:
        return Verdict("right", _say()["reached"].format(share=share))
    return _look("one_class" if len(np.unique(got)) == 1 else "below", share=share, goal=goal)


# -- declarations ----------------------------------------------------------------------------------------


class Milestone(Judged):
    """A step of the project; its worked answer is the text of the whole."""

    code = ""

    def solution(self) -> str:
        return self.code


def _by_gradients(id: str, level: int) -> None:
    judge = lambda answer, outcomes: _judge(id, outcomes)
    Milestone(
        id, signature="gradients(build, *arrays)", calls=lambda answer: calls(id), judge=judge,
        level=level, minutes=45,
    ).code = inspect.getsource(answer.Tensor) + "\n\n" + inspect.getsource(answer.gradients)  # fmt: skip


def _by_predictions(id: str, name: str, labels: np.ndarray, goal: float, sizes: tuple) -> None:
    judge = lambda answer, outcomes: _predicted(labels, goal, answer)
    one = Milestone(id, calls=lambda answer: [], judge=judge, level=3, minutes=45)
    call = f'predictions = trained(*project.given("{name}"), {sizes}, steps=300)'
    one.code = f"{inspect.getsource(answer.trained)}\n\n{call}"


_by_gradients("06p.1", 2)
_by_gradients("06p.2", 2)
_by_gradients("06p.3", 3)
_by_predictions("06p.4", "spirals", _spirals()[3], 0.9, (2, 32, 3))
_by_predictions("06p.5", "digits", _digits()[3], 0.93, (64, 32, 10))
