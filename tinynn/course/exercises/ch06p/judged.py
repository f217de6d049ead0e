"""What a milestone asks of a tape, and what is said about its answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...engine.call import Call, Outcome, Problem, run_each
from ...engine.checker import stopped
from ...engine.texts import phrases
from ...engine.verdict import Code, Verdict
from ...project import drawn, graphs
from .wrong import WRONG

DRAWN = 40
"""Random graphs in each check."""
SEED = 6
"""The same ones each time and for everybody: a verdict stays what it was, for a teacher too."""


def _normal(*shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(rng.normal(size=shape) for shape in shapes)


PAIR, LAYER = _normal((3,), (3,)), _normal((4, 3), (3, 2), (2,))
CHOSEN: dict[str, list[tuple[Callable, tuple]]] = {
    "06p.1": [
        (f, PAIR)
        for f in (
            graphs.product, graphs.twice, graphs.uneven, graphs.two_calls, graphs.deep, graphs.doubled
        )
    ],
    "06p.2": [(graphs.rows, _normal(*s)) for s in (((4, 3), (3,)), ((4, 1), (4, 3)), ((2, 4, 3), (3,)))]
    + [(graphs.layer, LAYER)],
    "06p.3": [(graphs.network, LAYER), (graphs.scores, LAYER)]
    + [(graphs.scores, (400 * LAYER[0], LAYER[1], LAYER[2]))],
}  # fmt: skip


MISSING = (
    r"unsupported operand type\(s\) for ([+*@]): 'Tensor' and 'Tensor'"
    r"|'Tensor' object has no attribute '(sum|backward|relu|exp|log_softmax)'"
)
"""What Python says of a method that is not there."""


class Asked(NamedTuple):
    """A computation, its arrays, and what is right: by central differences, or by the library's tape."""

    build: Any
    arrays: tuple[np.ndarray, ...]
    loss: float
    grads: list[np.ndarray]
    by: str

    @property
    def text(self) -> str:
        source = inspect.getsource(self.build) if inspect.isfunction(self.build) else str(self.build)
        return source.strip()

    def right(self, outcome: Outcome) -> bool:
        return not outcome.changed and not self.wrong_about(outcome)

    def wrong_about(self, outcome: Outcome) -> str:
        """What is wrong, as the name of a phrase: "no_pair", "shape", "loss", "other" or ""."""
        grads, loss = gradients_in(outcome), loss_in(outcome)
        if grads is None or loss is None or len(grads) != len(self.grads):
            return "no_pair"
        if not np.isclose(loss, self.loss, 1e-6, 1e-9):
            return "loss"
        if self.first(grads, lambda g, w: g.shape != w.shape) is not None:
            return "shape"
        return "" if self.first(grads, self._differs) is None else "other"

    def first(self, grads: list[np.ndarray], bad: Callable) -> int | None:
        """The position of the first leaf whose gradient is bad."""
        return next((k for k, (g, w) in enumerate(zip(grads, self.grads)) if bad(g, w)), None)

    def _differs(self, got: np.ndarray, wanted: np.ndarray) -> bool:
        close = 1e-4 if self.by == "differences" else 1e-8
        return not np.allclose(got, wanted, rtol=close, atol=close * max(1.0, np.abs(wanted).max(initial=0)))

    def about(self, outcome: Outcome) -> dict[str, Any]:
        """The values of the phrase: a leaf, its shapes, its gradients, the losses."""
        grads, names = gradients_in(outcome) or [], list(inspect.signature(self.build).parameters)
        if not inspect.isfunction(self.build):
            names = list(self.build.leaves)
        k = self.first(grads, lambda g, w: g.shape != w.shape or self._differs(g, w)) or 0
        got = grads[k] if grads else np.zeros(0)
        told = {"leaf": names[k], "shape": got.shape, "wanted": self.grads[k].shape, "loss": self.loss}
        if got.shape == self.grads[k].shape and got.size:
            i = np.unravel_index(np.argmax(np.abs(got - self.grads[k])), got.shape)
            told |= {"at": list(map(int, i)) or "", "got": got[i], "right": self.grads[k][i]}
        return told | {"said": loss_in(outcome), "by": phrases("06p")["says"][f"by_{self.by}"]}


@cache
def asked(id: str) -> list[Asked]:
    """The chosen graphs of a milestone, then the random ones."""
    return [_by_differences(*one) for one in CHOSEN[id]] + at_random(id, DRAWN, SEED)


def at_random(id: str, count: int, seed: int) -> list[Asked]:
    """Random graphs of a milestone, and what the library says of them."""
    found = drawn.draw(id, count, seed)
    return [Asked(g, arrays, *drawn.by_library(g, arrays), "library") for g, arrays in found]


def _by_differences(build: Callable, arrays: tuple) -> Asked:
    loss = float(build(*map(graphs.Plain, arrays)).data)
    return Asked(build, arrays, loss, graphs.slopes(build, arrays), "differences")


def calls(questions: list[Asked]) -> list[Call]:
    return [Call((one.build, *one.arrays)) for one in questions]


# -- answers ---------------------------------------------------------------------------------------------


def gradients_in(outcome: Outcome) -> list[np.ndarray] | None:
    """The gradients in what `gradients` returned; None where there are none."""
    try:
        return [np.asarray(g, dtype=float) for g in outcome.value[1]]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None


def loss_in(outcome: Outcome) -> float | None:
    try:
        return float(outcome.value[0])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None


def judge(questions: list[Asked], outcomes: list[Outcome], known: bool = True) -> Verdict:
    """The mistake by its name; else the smallest graph that fails.

    With `known`, the mistakes of `wrong` are looked for; they are told apart by the chosen graphs.
    """
    failed = [(one, o) for one, o in zip(questions, outcomes) if not one.right(o)]
    if not failed:
        chosen = sum(one.by == "differences" for one in questions)
        name = "right" if chosen else "agrees"
        return Verdict("right", say(name, chosen=chosen, drawn=len(questions) - chosen))
    unfinished = next(((one, o) for one, o in failed if o.end != "value"), None)
    if unfinished and (told := _unfinished(*unfinished)):
        return told
    for name, wrong in WRONG if known else []:
        if _alike(outcomes, run_each(wrong, calls(questions))):
            return look(name)
    if unfinished:
        return stopped(unfinished[1])
    one, outcome = min(failed, key=lambda pair: len(pair[0].text.splitlines()))
    name = one.wrong_about(outcome) or "changed"
    of = say("of", failed=len(failed), all=len(questions))
    shown = Code(one.text, say("smallest"))
    return Verdict("look", f"{say(name, **one.about(outcome))} {of}", "", (shown,), "signature", (name,))


def _unfinished(one: Asked, outcome: Outcome) -> Verdict | None:
    """What an answer that did not come to its end says about the tape; None where nothing special."""
    problem = outcome.problem
    if problem and (name := _unwritten(problem)):
        return Verdict("open", say("unwritten", name=name))
    if problem and problem.kind == "RecursionError":
        return look("recursive")
    return look("paths") if outcome.end == "time" and one.build is graphs.doubled else None


def _unwritten(problem: Problem) -> str:
    """The method or operator of `Tensor` that is missing; "" where none is."""
    if problem.kind == "NotImplementedError":
        return problem.lines[-1].function if problem.lines else "Tensor"
    found = re.match(MISSING, problem.message) if problem.kind in ("TypeError", "AttributeError") else None
    return next(filter(None, found.groups()), "") if found else ""


def _alike(some: list[Outcome], others: list[Outcome]) -> bool:
    pairs = [(gradients_in(a), gradients_in(b)) for a, b in zip(some, others)]
    return all(
        a is None
        and b is None
        or a is not None
        and b is not None
        and [g.shape for g in a] == [g.shape for g in b]
        and all(np.allclose(g, w, 1e-6, 1e-9, equal_nan=True) for g, w in zip(a, b))
        for a, b in pairs
    )


def say(name: str, /, **about: Any) -> str:
    return phrases("06p")["says"][name].format(**about)


def look(name: str, /, **about: Any) -> Verdict:
    return Verdict("look", say(name, **about), diagnosis="mistake", names=(name,))
