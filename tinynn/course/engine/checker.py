"""*Be the checker*: the student writes inputs, and wrong implementations fall to them or stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .call import Call, Odd, Outcome, run_each
from .exercise import Exercise, Fill, source_of
from .texts import phrases

SIZE = 10_000  # elements an input array may have, and the largest whole number: all runs in the notebook
TOLERANCE = 1e-6  # two right implementations round differently, by less than this


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
        self.name, self.of, self.at_most, self.needed = name, of, at_most, needed
        self._wrong, self._extra = wrong, dict(extra or {})
        self.worked_answer: Callable | None = None

    @property
    def signature(self) -> str:
        return f"{self.name}()"

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

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        from .verdict import Verdict

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
            wanted = ", ".join(signature.parameters)
            return say["arguments"].format(n=len(call.args), wanted=wanted, signature=self.of.signature)
        return next(filter(None, map(_unfit, call.args)), "")

    # -- running --------------------------------------------------------------------------------------

    def _no_test(self, inputs: list[Call]) -> str:
        """The first input on which right implementations raise or disagree, in words; "" if there is none."""
        say = phrases("kinds")["checker"]
        wanted, *others = [run_each(function, inputs) for function in self.right]
        for i, outcome in enumerate(wanted):
            if outcome.problem is not None:
                text = f"{outcome.problem.kind}: {outcome.problem.message}"
                return say["raises"].format(i=i + 1, signature=self.of.signature, problem=text)
            if not all(agree(outcome, other[i], self.of.dtype_matters) for other in others):
                return say["disagree"].format(i=i + 1)
        return ""

    def fallen(self, inputs: list[Call]) -> dict[str, bool]:
        """For each wrong implementation, whether one of `inputs` finds it out."""
        wanted = run_each(self.right[0], inputs)

        def found(function: Callable) -> bool:
            got = run_each(function, inputs)
            return not all(agree(a, b, self.of.dtype_matters) for a, b in zip(wanted, got))

        return {name: found(function) for name, function in self.wrong.items()}

    def _count(self, fallen: dict[str, bool]) -> Any:
        from .verdict import Verdict

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


def agree(a: Outcome, b: Outcome, dtype_matters: bool = True) -> bool:
    """Whether two implementations did the same: values close, the same arguments left alone."""
    return a.end == b.end == "value" and a.changed == b.changed and close(a.value, b.value, dtype_matters)


def close(a: Any, b: Any, dtype_matters: bool = True) -> bool:
    """Whether two plain values are the same but for rounding. An array is no number and no list."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return (not dtype_matters or a.dtype == b.dtype) and _close_arrays(a, b)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(close(x, y, dtype_matters) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k], dtype_matters) for k in a)
    if isinstance(a, (int, float, np.ndarray)) and isinstance(b, (int, float, np.ndarray)):
        return _close_arrays(np.asarray(a), np.asarray(b))
    return type(a) is type(b) and a == b


def _close_arrays(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    half = np.float32 in (a.dtype, b.dtype)
    scale = np.abs(a[np.isfinite(a)]).max(initial=0)
    return np.allclose(a, b, rtol=1e-4 if half else TOLERANCE, atol=1e-6 * scale + 1e-300, equal_nan=True)


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
    size = value.size if isinstance(value, np.ndarray) else abs(value) if isinstance(value, int) else 0
    return say["large"].format(size=SIZE) if size > SIZE else ""


def _kind(value: Any) -> str:
    return value.kind if isinstance(value, Odd) else type(value).__name__


def stopped(outcome: Outcome) -> Any:
    """The verdict on a function that gave no value."""
    from .verdict import Verdict

    say, problem = phrases("kinds")["stopped"], outcome.problem
    line = problem.lines[-1] if problem and problem.lines else None
    where = "\n" + say["line"].format(n=line.number, line=line.text.strip()) if line else ""
    if outcome.end != "raised" or problem is None:
        return Verdict("look", say[outcome.end] + where, say["headline"])
    usual = phrases("kinds")["usual"].values()
    advice = next((f" {u['means']}" for u in usual if u["sign"] in problem.message), "")
    headline = say["raised"].format(kind=problem.kind)
    return Verdict("look", problem.message + where + advice, headline)
