"""Exercises and what is said about an answer: `check`, `hint`, `predict`.

An exercise is declared once, by `declare`: its name, a judge that turns an answer into a `Verdict`, and
hints from a question to almost the answer. Nothing here raises because of a student's answer.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from .engine.verdict import Verdict, Verdicts

# What a part of an exception's message usually means.
USUAL = {
    "function_or_method": "A function stands there by its name alone: call it with `()`.",
    "out of bounds": "Positions count from 0, so the last one is the size minus 1.",
    "truth value of an array": "Many numbers stand where one is needed: `.sum()` makes one of them.",
    "object is not callable": "Parentheses call a function; to take a part of an array, write `[` and `]`.",
    "is not defined": "Is the name spelt as where it gets its value? Has that cell run?",
}


@dataclass(frozen=True)
class Exercise:
    """See `declare`."""

    name: str
    judge: Callable[[Any], Verdict | Verdicts]
    hints: tuple[str, ...]


_exercises: dict[str, Exercise] = {}
_hints_given: dict[str, int] = {}


def declare(name: str, judge: Callable[[Any], Verdict | Verdicts], *hints: str) -> None:
    """Add an exercise: ``judge(answer)`` never sees an answer of None, and may let exceptions pass."""
    _exercises[name] = Exercise(name, judge, hints)


class Interrupted(KeyboardInterrupt):
    """An interrupt in a student's function, shown as one sentence instead of a page of library code."""

    def _render_traceback_(self) -> list[str]:  # IPython asks for this
        return [str(self)]


def check(name: str, answer: Any) -> Verdict | Verdicts:
    """Say what is right about `answer`, or which mistake it shows.

    Parameters
    ----------
    name : str
        Of the exercise, as its heading says: "00.1".
    answer : function or value
        None counts as not tried yet. An exception in a function of yours is shown with its line.
    """
    exercise = _find("check", name)
    if answer is None:
        return Verdict("open")
    try:
        return exercise.judge(answer)
    except Exception as problem:
        return Verdict("look", _where_it_stopped(problem), f"It stopped with {type(problem).__name__}")
    except KeyboardInterrupt as problem:  # raised again, so that the cells below do not run
        raise Interrupted(_where_it_was(problem)) from None


def hint(name: str) -> Verdict:
    """The next hint for exercise `name`; after the last one, the last one again."""
    exercise = _find("hint", name)
    if not exercise.hints:
        return Verdict("said", "This exercise has no hints.", "No hint")
    i = min(_hints_given.get(name, 0), len(exercise.hints) - 1)
    _hints_given[name] = i + 1
    return Verdict("said", exercise.hints[i], f"Hint {i + 1} of {len(exercise.hints)}")


def _find(where: str, name: str) -> Exercise:
    if name not in _exercises:
        names = ", ".join(map(repr, sorted(_exercises))) or "none: import the chapter's exercises first"
        raise ArgumentError(where, repr(name), f"an exercise: {names}")
    return _exercises[name]


def _where_it_stopped(problem: Exception) -> str:
    """The message and the last line of the student's own code: library code is not where to look."""
    own = _own_line(problem) or (traceback.extract_tb(problem.__traceback__)[-1].line or "")
    line = f"\nIt happened at your line `{own}`." if own else ""
    usual = next((f" {advice}" for sign, advice in USUAL.items() if sign in str(problem)), "")
    return f"{problem}{line}{usual}"


def _where_it_was(problem: BaseException) -> str:
    line = _own_line(problem)
    where = f" It was at your line\n    {line}" if line else ""
    return (
        f"Interrupted before your function came to its end.{where}\n"
        "A while loop ends when its condition turns false: does a line in it change that?\n"
        "Nothing else is lost. Mend the function and run the cell again."
    )


def _own_line(problem: BaseException) -> str:
    """The last line of the student's own code that was running."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [f.line for f in frames if "ipykernel" in f.filename or f.filename.startswith("<")]
    return own[-1] or "" if own else ""


def predict(guess: float | None, outcome: float, unit: str = "percent", close: float = 10) -> Verdict:
    """Hold a guess made beforehand against what came out.

    The outcome stays hidden while `guess` is None: a prediction is worth something before, not after.

    Parameters
    ----------
    guess : float or None
    outcome : float
    unit : str
        What is counted. A guess in "percent" is from 0 to 100.
    close : float
        Differences up to this count as close.
    """
    if guess is None:
        todo = "Put a number in the place of `None` and run the cell again."
        return Verdict("open", todo, "No prediction yet")
    if isinstance(guess, bool) or not isinstance(guess, (int, float)):
        return Verdict("look", f"You wrote `{guess!r}`. Write a number, such as `50`.", "Not a number")
    if unit == "percent" and not 0 <= guess <= 100:
        return Verdict("look", f"You wrote `{guess:g}`. A percentage is from 0 to 100.", "Not a percentage")
    apart = abs(guess - outcome)
    text = f"You predicted {guess:g} {unit}. It is {outcome:.0f} {unit}."
    if apart <= close:
        return Verdict("said", text, "Close")
    return Verdict("said", f"{text} What did you expect that did not happen?", "Not close")
