"""Kinds of exercise besides filling in a function; *be the checker* has a file of its own."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .call import Call, Outcome
from .checker import Checker, in_words, stopped
from .compare import numeric
from .exercise import Exercise, Fill, source_of
from .texts import phrases
from .verdict import Verdict

__all__ = ["Checker", "Judged", "NameTheBug", "PredictExplain", "Variant", "in_words", "stopped"]

LETTERS = "abcdefgh"


def choice(answer: Any) -> str:
    """What a student wrote for a letter, bare: "(b)", "B." and "b" are the same; "" where it is no text."""
    return answer.strip().strip("().").lower() if isinstance(answer, str) else ""


class Choice(Exercise):
    """One of several statements is true.

    Words in TOML, under ``["03.6".options.NAME]``: `says`, the statement, and `why` it is true or is not.
    """

    def __init__(self, id: str, *, options: tuple[str, ...], truth: str, level: int, minutes: int) -> None:
        super().__init__(id, level=level, minutes=minutes)
        if truth not in options or not 2 <= len(options) <= len(LETTERS):
            raise ArgumentError(type(self).__name__, f"truth={truth!r}", f"one of {options}", options[0])
        self.options, self.truth = options, truth

    def calls(self, answer: Any) -> list[Call]:
        return []

    def solution(self) -> str:
        return f"{self.letter(self.truth)}: {self.says(self.truth)}"

    def letter(self, name: str) -> str:
        return LETTERS[self.options.index(name)]

    def says(self, name: str) -> str:
        return self._option(name).get("says", in_words(name))

    def _option(self, name: str) -> dict[str, str]:
        return self.words.get("options", {}).get(name, {})

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Letters and statements."""
        return [(self.letter(name), self.says(name)) for name in self.options]

    def chosen(self, answer: Any) -> str | None:
        """The option that `answer` names, by letter or by name; None if there is none."""
        text = choice(answer).replace(" ", "_")
        by_letter = dict(zip(LETTERS, self.options))
        return by_letter.get(text) or (text if text in self.options else None)

    def about(self, name: str) -> Any:
        """The verdict on having chosen `name`."""
        why = self._option(name).get("why", "")
        if name == self.truth:
            return Verdict("right", " ".join(filter(None, [why, self.words.get("explanation", "")])))
        return Verdict("look", why or phrases("kinds")["choice"]["not_it"])

    def unknown(self, answer: Any) -> Any:
        """The verdict on what is no option."""
        say = phrases("kinds")["choice"]
        letters = ", ".join(f'"{letter}"' for letter, _ in self.choices)
        return Verdict(
            "look", say["unknown"].format(answer=shortly(answer), letters=letters), say["headline"]
        )


class NameTheBug(Choice):
    """A symptom is shown, the student says which mistake it comes from: ``check("03.6", "b")``.

    Parameters
    ----------
    options : tuple of str
    truth : str
        The option that is right.
    symptom : callable
        Gives a Picture or text. It is called when the question is shown.
    """

    kind = "name the bug"

    def __init__(
        self,
        id: str,
        *,
        options: tuple[str, ...],
        truth: str,
        symptom: Callable[[], Any],
        level: int,
        minutes: int,
    ) -> None:
        super().__init__(id, options=options, truth=truth, level=level, minutes=minutes)
        self.symptom = symptom

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        name = self.chosen(answer)
        return self.unknown(answer) if name is None else self.about(name)


class PredictExplain(Choice):
    """A prediction, then what came out, then why: ``check("05.7", (40, "b"))``.

    The outcome is told to whoever has predicted. Only the explanation is right or wrong.

    Parameters
    ----------
    outcome : callable
        Gives the number that comes out.
    unit : str
        What is counted. A guess in "percent" is from 0 to 100.
    close : float
        Differences up to this count as close.
    options, truth
        The explanations, and the right one.
    """

    kind = "predict and explain"

    def __init__(
        self,
        id: str,
        *,
        outcome: Callable[[], float],
        unit: str,
        close: float,
        options: tuple[str, ...],
        truth: str,
        level: int,
        minutes: int,
    ) -> None:
        super().__init__(id, options=options, truth=truth, level=level, minutes=minutes)
        self._outcome, self.unit, self.close = outcome, unit, close

    @cached_property
    def outcome(self) -> float:
        return float(self._outcome())

    def parts(self, answer: Any) -> tuple[Any, Any]:
        """The prediction and the letter of the reason."""
        pair = isinstance(answer, (tuple, list)) and len(answer) == 2
        return (answer[0], answer[1]) if pair else (answer, None)

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        say = phrases("kinds")["predict"]
        guess, letter = self.parts(answer)
        if guess is None or guess is ...:
            return Verdict("open", say["first"], say["none"])
        refused = not_a_guess(guess, self.unit)
        if refused:
            return refused
        told = laid_over(guess, self.outcome, self.unit, self.close)
        if letter is None or letter is ...:
            return Verdict("said", f"{told.text} {say['explain'].format(guess=f'{guess:g}')}", told.headline)
        name = self.chosen(letter)
        if name is None:
            return self.unknown(letter)
        about = self.about(name)
        return Verdict(about.kind, f"{told.text} {about.text}", about.headline)


def not_a_guess(guess: Any, unit: str) -> Any:
    """The verdict on what is no prediction; None if it is one."""
    say = phrases("kinds")["predict"]
    number = isinstance(guess, (int, float, np.integer, np.floating)) and not isinstance(guess, bool)
    if not number or not numeric(guess) or math.isinf(guess):
        return Verdict("look", say["number"].format(guess=shortly(guess)), say["no_number"])
    if math.isnan(guess) or unit == "percent" and not 0 <= guess <= 100:
        return Verdict("look", say["percentage"].format(guess=f"{guess:g}"), say["no_percentage"])
    return None


def laid_over(guess: float, outcome: float, unit: str, close: float) -> Any:
    """What was predicted beside what came out."""
    say = phrases("kinds")["predict"]
    shown = f"{outcome:.0f}" if close >= 1 else f"{outcome:.3g}"
    text = say["told"].format(guess=f"{guess:g}", outcome=shown, unit=unit).replace(" .", ".")  # no unit
    if abs(guess - outcome) <= close:
        return Verdict("said", text, say["close"])
    return Verdict("said", f"{text} {say['why']}", say["not_close"])


def shortly(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


class Variant(Fill):
    """A function to write whose constants differ from student to student.

    Parameters
    ----------
    draw : callable
        ``draw(rng)`` gives the constants by name. The declared functions read them as ``E.k["warmup"]``, and
        the task's words hold ``{warmup}``.
    """

    kind = "variant"

    def __init__(
        self, id: str, signature: str, *, draw: Callable[[np.random.Generator], dict[str, Any]], **fill: Any
    ) -> None:
        super().__init__(id, signature, **fill)
        self.draw = draw
        self.student = 0
        self.k: dict[str, Any] = {}
        self.for_seed(0)

    def for_seed(self, seed: int) -> Variant:
        """Draw the constants of the student with this seed; every exercise draws others from it."""
        if self.k and seed == self.student:
            return self
        self.student = seed
        self.k = self.draw(np.random.default_rng([seed, zlib.crc32(self.id.encode())]))
        for name in [n for n in self.__dict__ if isinstance(getattr(Fill, n, None), cached_property)]:
            del self.__dict__[name]
        return self

    @property
    def words(self) -> dict[str, Any]:
        """The words with the constants put in."""
        return _filled(super().words, self.k)

    def solution(self) -> str:
        """The worked answer with the student's constants where the declaration reads ``E.k["warmup"]``."""
        code = super().solution()
        for name, value in self.k.items():
            code = re.sub(rf"""\b\w+\.k\[["']{name}["']\]""", repr(value), code)
        return code


def _filled(value: Any, constants: dict[str, Any]) -> Any:
    """`value` with ``{name}`` replaced where `name` is a constant; other braces stay."""
    if isinstance(value, str):
        for name, constant in constants.items():
            value = value.replace("{" + name + "}", str(constant))
        return value
    if isinstance(value, dict):
        return {k: _filled(v, constants) for k, v in value.items()}
    return [_filled(v, constants) for v in value] if isinstance(value, list) else value


class Judged(Exercise):
    """An exercise with a judge of its own.

    Parameters
    ----------
    calls : callable
        ``calls(answer)`` gives the calls to make of the answer, none where it is a value.
    judge : callable
        ``judge(answer, outcomes)`` gives the verdict.
    signature : str
        Of the function to write; "" where the answer is a value.
    """

    kind = "judged"

    def __init__(
        self,
        id: str,
        *,
        calls: Callable[[Any], list[Call]],
        judge: Callable[[Any, list[Outcome]], Any],
        level: int,
        minutes: int,
        signature: str = "",
    ) -> None:
        super().__init__(id, level=level, minutes=minutes)
        self._calls, self._judge, self.signature = calls, judge, signature
        self.worked_answer: Any = None

    def worked(self, answer: Any) -> Any:
        """The worked answer, a function or a value: a decorator or a call."""
        self.worked_answer = answer
        return answer

    def calls(self, answer: Any) -> list[Call]:
        return self._calls(answer)

    def judge(self, answer: Any, outcomes: list[Outcome]) -> Any:
        return self._judge(answer, outcomes)

    def solution(self) -> str:
        assert self.worked_answer is not None, f"{self.id} has no worked answer"
        return source_of(self.worked_answer) if callable(self.worked_answer) else repr(self.worked_answer)
