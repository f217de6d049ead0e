"""A function to write for a compiler: judged in plain Python, then run compiled, then under watch for races.

Numba compiles once for each kind of argument, and an exercise has dozens of inputs in a dozen kinds. So the
inputs go to the lines as plain Python runs them, whatever decorator stands above, and one case of the sort
that is met in practice goes to the compiled function.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ...backends import has_numba
from .call import Call, Outcome, run_each
from .compare import FLOAT32, agree
from .exercise import Case, Fill
from .stopped import told
from .texts import phrases
from .verdict import Code, Text, Verdict

LINES = 12  # of a compiler's message
FILE = re.compile(r"\S+\.py \((\d+)\)")  # a notebook's cell has no file that somebody could open


class Compiled(Fill):
    """A `Fill` whose answers are also compiled.

    Parameters
    ----------
    parallel : bool
        Whether the task asks for a parallel loop: then its rounds may not touch each other's elements.
    """

    def __init__(self, *args: Any, parallel: bool = False, **fill: Any) -> None:
        super().__init__(*args, **fill)
        self.parallel = parallel
        self.faces = ("python", "compiled", "watched") if parallel else ("python", "compiled")
        self._work: Callable[[np.random.Generator], Case] | None = None

    def at_work(self, make: Callable[[np.random.Generator], Case]) -> Callable:
        """The case for the compiled function: float32, as in practice."""
        self._work = make
        return make

    @cached_property
    def work(self) -> Case:
        assert self._work is not None, f"{self.id} has no case for the compiled function"
        return self._work(np.random.default_rng(self.seed))

    @property
    def further(self) -> list[Call]:
        """A call for each of the other faces."""
        numbers = [i for i, face in enumerate(self.faces) if face != "python"]
        return [Call(self.work.args, self.work.kwargs, i) for i in numbers]

    def calls(self, answer: Any) -> list[Call]:
        return [*self.asked, *(self.further if has_numba() else [])]

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        verdict = super().judge(answer, outcomes[: len(self.asked)])
        if verdict.kind != "right":
            return verdict
        wanted = run_each(self.true, [Call(self.work.args, self.work.kwargs)])[0]  # type: ignore[arg-type]
        steps = {"compiled": compiled_told, "watched": watched_told}
        for call, outcome in zip(self.further, outcomes[len(self.asked) :]):
            found = steps[self.faces[call.function]](outcome, wanted.value)
            if found is not None:
                return found
        return verdict

    def solution(self) -> str:
        """The worked answer below its decorator."""
        return f"@njit{'(parallel=True)' * self.parallel}\n{super().solution()}"

    def ready(self, function: Callable) -> Callable:
        """Compiled, where it is not yet: with bounds checked, as nobody has looked at its options."""
        code = getattr(function, "__code__", None)
        any_arguments = code is None or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        if not has_numba() or hasattr(function, "py_func") or any_arguments:  # compiled, or not to be
            return function
        return _checked(function)


@lru_cache(64)  # whoever trains with it several times compiles it once
def _checked(function: Callable) -> Callable:
    from numba import njit

    return njit(boundscheck=True)(function)


def compiled_told(outcome: Outcome, wanted: Any) -> Verdict | None:
    """The verdict on a compiled run that went wrong; None where it is right."""
    say = phrases("kinds")["compiled"]
    if outcome.end == "raised" and outcome.problem is not None:
        lines = FILE.sub(r"line \1", outcome.problem.message).strip().splitlines()
        message = Code("\n".join(lines[:LINES]), say["message"])
        refused = outcome.problem.kind in ("TypingError", "UnsupportedError", "LoweringError")
        text, blocks = (say["refused"], (message,)) if refused else (say["raised"], told(outcome.problem))
        headline = say["headline"].format(kind=outcome.problem.kind)
        return Verdict("look", text, headline, tuple(blocks), "exception", ("compiled",))
    if outcome.end != "value":
        limit = phrases("engine")["limits"][outcome.end]
        return Verdict("look", limit["means"], limit["headline"], (), "limit", ("compiled",))
    if not agree(outcome.value, wanted, FLOAT32):
        return Verdict("look", say["other"], say["other_headline"], (), "signature", ("compiled",))
    return None


def watched_told(outcome: Outcome, wanted: Any = None) -> Verdict | None:
    """The verdict on a run under watch: no parallel loop, or a race; None where all is well."""
    say = phrases("kinds")["compiled"]
    if outcome.end != "value" or not isinstance(outcome.value, dict):
        return None  # something in it cannot be watched: what it computes was right
    if not outcome.value["loops"]:
        return Verdict("look", say["no_loop"], say["no_loop_headline"], (), "signature", ("serial",))
    return race_told(outcome.value["races"])


def race_told(races: list[dict[str, Any]]) -> Verdict | None:
    """The verdict on what `Watched` found; None where nothing races."""
    if not races:
        return None
    say = phrases("kinds")["compiled"]
    race = races[0]
    element = f"{race['array'] or 'array'}[{', '.join(map(str, race['index']))}]"
    one, other = race["rounds"]
    text = say["race"].format(element=element, one=one, other=other)
    blocks = [Code(race["line"], say["line"])] if race["line"] else []
    return Verdict(
        "look", text, say["race_headline"], (*blocks, Text(say["race_look"])), "signature", ("race",)
    )
