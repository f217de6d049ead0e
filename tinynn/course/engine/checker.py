"""*Be the checker*: the student writes inputs, and wrong implementations fall to them or stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .call import Call, Odd, Outcome, run_each
from .compare import FLOAT32, Tolerance, agree, leak
from .evidence import accepted
from .exercise import Exercise, Fill, source_of
from .stopped import running, told
from .texts import phrases
from .verdict import Verdict

SIZE = 1_000
"""Elements that an input may have, and its largest whole number. All implementations run in the notebook's
process, and a wrong one may well broadcast each argument against the others."""


class Checker(Exercise):
    """Inputs to write, on which right implementations agree and wrong ones are found out.

    Parameters
    ----------
    id, level, minutes
        See `Exercise`.
    name : str
        Of the student's function: ``name()`` returns a list of inputs. An input is a tuple of arguments, or
        the argument itself where there is one alone.
    of : Fill
        Whose function the inputs are for.
    wrong : tuple of str, optional
        Which of its mistakes to find; all of them if left out.
    extra : dict of str to callable, optional
        Further wrong implementations.
    at_most : int
        Inputs that may be given: with few, each must earn its place.
    needed : float
        Share of the wrong implementations that must fall.
    """

    kind = "checker"

    def __init__(
        self,
        id: str,
        name: str,
        *,
        of: Fill,
        level: int,
        minutes: int,
        wrong: tuple[str, ...] | None = None,
        extra: dict[str, Callable] | None = None,
        at_most: int = 5,
        needed: float = 0.8,
    ) -> None:
        super().__init__(id, level=level, minutes=minutes)
        self.signature = f"{name}()"
        self.of, self.at_most, self.needed = of, at_most, needed
        self._wrong, self._extra = wrong, dict(extra or {})
        self.worked_answer: Callable | None = None

    def worked(self, function: Callable) -> Callable:
        """Inputs that find every wrong implementation: a decorator."""
        self.worked_answer = function
        return function

    @property
    def wrong(self) -> dict[str, Callable]:
        """The implementations to find, by name."""
        names = self._wrong if self._wrong is not None else tuple(self.of.mistakes)
        unknown = set(names) - self.of.mistakes.keys()
        if unknown:
            raise ArgumentError("Checker", f"wrong={sorted(unknown)}", f"mistakes of {self.of.id}")
        return {name: self.of.mistakes[name].function for name in names} | self._extra

    @property
    def right(self) -> list[Callable]:
        """The implementations that every input must leave standing; the reference first."""
        worked = [self.of.worked_answer] if self.of.worked_answer else []
        assert self.of.true is not None
        return [self.of.true, *worked, *self.of.rights]

    def calls(self, answer: Any) -> list[Call]:
        return [Call(())]

    def solution(self) -> str:
        assert self.worked_answer is not None, f"{self.id} has no worked answer"
        return source_of(self.worked_answer)

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Verdict:
        say = phrases("kinds")["checker"]
        (outcome,) = outcomes
        if outcome.end != "value":
            return stopped(outcome)
        refused, inputs = self._inputs(outcome.value)
        if refused:
            return Verdict("look", refused)
        no_test = self._no_test(inputs)
        if no_test:
            return Verdict("look", no_test, say["no_test"])
        return self._count(self.fallen(inputs))

    # -- reading what the student's function returned -------------------------------------------------

    def _inputs(self, value: Any) -> tuple[str, list[Call]]:
        """What is wrong with the list of inputs, or ""; the inputs as calls."""
        say = phrases("kinds")["checker"]
        if value is None:
            return say["none"].format(name=self.name), []
        if not isinstance(value, list):
            return say["no_list"].format(name=self.name, kind=_kind(value)), []
        if not value:
            return say["empty"], []
        if len(value) > self.at_most:
            return say["too_many"].format(n=len(value), at_most=self.at_most), []
        calls = [self._call(v) for v in value]
        for i, call in enumerate(calls):
            problem = self._misfit(call)
            if problem:
                return say["input"].format(i=i + 1, problem=problem), []
        return "", calls

    def _call(self, value: Any) -> Call:
        args = value if isinstance(value, tuple) else (value,)
        like = self.of.inputs[0].args
        return Call(tuple(_as_array(a, like[i] if i < len(like) else None) for i, a in enumerate(args)))

    def _misfit(self, call: Call) -> str:
        """Why this input cannot be handed to the function at all; "" where it can."""
        say = phrases("kinds")["checker"]
        signature = inspect.signature(self.right[-1])
        try:
            signature.bind(*call.args)
        except TypeError:
            names = ", ".join(signature.parameters)
            has, wanted = (_arguments(n) for n in (len(call.args), len(signature.parameters)))
            return say["arguments"].format(n=has, wanted=wanted, names=names, signature=self.of.signature)
        return next(filter(None, map(_unfit, call.args)), "") or _too_large(call.args)

    # -- running --------------------------------------------------------------------------------------

    def _no_test(self, inputs: list[Call]) -> str:
        """The first input on which right implementations raise or disagree, in words; "" if there is none."""
        say = phrases("kinds")["checker"]
        wanted, *others = [run_each(function, inputs) for function in self.right]
        for i, outcome in enumerate(wanted):
            if outcome.problem is not None:
                text = f"{outcome.problem.kind}: {outcome.problem.message}"
                return say["raises"].format(i=i + 1, signature=self.of.signature, problem=text)
            if not all(self._agree(outcome, other[i], inputs[i]) for other in others):
                return say["disagree"].format(i=i + 1)
        return ""

    def fallen(self, inputs: list[Call]) -> dict[str, bool]:
        """For each wrong implementation, whether one of `inputs` finds it out."""
        wanted = run_each(self.right[0], inputs)

        def found(function: Callable) -> bool:
            return not all(map(self._agree, wanted, run_each(function, inputs), inputs))

        return {name: found(function) for name, function in self.wrong.items()}

    def _agree(self, wanted: Outcome, got: Outcome, call: Call) -> bool:
        """Whether `got` is as good as `wanted`: right values, the same arguments left alone."""
        if not wanted.end == got.end == "value" or wanted.changed != got.changed:
            return False
        if self.of.same is not None:
            return accepted(self.of.same, got.value, wanted.value, call.args)
        leaks = self.of.dtype_matters and leak(got.value, wanted.value)
        return not leaks and agree(got.value, wanted.value, _tolerance(call))

    def _count(self, fallen: dict[str, bool]) -> Verdict:
        say = phrases("kinds")["checker"]
        down = [name for name, fell in fallen.items() if fell]
        up = [name for name, fell in fallen.items() if not fell]
        headline = say["count"].format(n=len(down), of=len(fallen))
        text = say["down"].format(names=", ".join(map(in_words, down))) if down else say["none_down"]
        if up:
            text += " " + say["stands" if len(up) == 1 else "stand"].format(n=len(up)) + self._nudge(up)
        return Verdict("right" if len(down) >= self.needed * len(fallen) else "look", text, headline)

    def _nudge(self, standing: list[str]) -> str:
        """A word on the first one standing that has one, without its name."""
        own = self.words.get("standing", {})
        looks = self.of.words.get("mistakes", {})
        nudges = (own.get(name) or looks.get(name, {}).get("look") for name in standing)
        return next((f" {phrases('kinds')['checker']['nudge']} {n}" for n in nudges if n), "")


def in_words(name: str) -> str:
    """A name in code as words: ``mean_over_batch`` is "mean over batch"."""
    return name.replace("_", " ")


def _arguments(n: int) -> str:
    say = phrases("kinds")["checker"]
    return say["one"] if n == 1 else say["many"].format(n=n)


def _tolerance(call: Call) -> Tolerance:
    """Right implementations round differently: by this much, for inputs of this size."""
    arrays = [a for a in call.args if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size]
    if any(a.dtype == np.float32 for a in arrays):
        return FLOAT32
    largest = max((float(np.abs(a[np.isfinite(a)]).max(initial=0)) for a in arrays), default=0.0)
    return Tolerance(1e-6, 1e-14 * max(1.0, largest))


def _as_array(value: Any, like: Any) -> Any:
    """A list or number as the array it stands for, where the function takes an array of floats there."""
    if not isinstance(like, np.ndarray) or not isinstance(value, (list, int, float, np.ndarray)):
        return value
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return value
    whole_for_float = like.dtype.kind == "f" and array.dtype.kind in "iu"
    return array.astype(like.dtype) if whole_for_float else array


def _unfit(value: Any) -> str:
    say = phrases("kinds")["checker"]
    if isinstance(value, Odd):
        return say["odd"].format(kind=value.kind)
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biuf":
        return say["odd"].format(kind=f"array of {value.dtype}")
    if isinstance(value, (tuple, list)):
        return next(filter(None, map(_unfit, value)), "")
    return say["large"].format(size=SIZE) if isinstance(value, int) and abs(value) > SIZE else ""


def _too_large(args: tuple) -> str:
    return phrases("kinds")["checker"]["large"].format(size=SIZE) if _elements(args) > SIZE else ""


def _elements(value: Any) -> int:
    """How many numbers and other things are in it."""
    if isinstance(value, dict):
        return sum(map(_elements, value.values()))
    if isinstance(value, (tuple, list)):
        return sum(map(_elements, value))
    return value.size if isinstance(value, np.ndarray) else 1


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, Odd) else type(value).__name__


def stopped(outcome: Outcome) -> Verdict:
    """The verdict on a function that gave no value."""
    if outcome.end == "raised" and outcome.problem is not None:
        headline = phrases("kinds")["stopped"]["raised"].format(kind=outcome.problem.kind)
        return Verdict("look", "", headline, tuple(told(outcome.problem)), "exception")
    say = phrases("engine")["limits"][outcome.end]
    where = tuple(running(outcome.problem)) if outcome.problem else ()
    return Verdict("look", f"{say['means']} {say['look']}", say["headline"], where, "limit")
