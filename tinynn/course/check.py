"""What a student calls about an exercise: `check`, `hint`, `solution`, `task`, and the rest by its own file.

Exercises are declared in `tinynn.course.exercises` and run by `tinynn.course.engine`. Nothing here raises
because of a student's answer.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np

from . import effects, mine
from .cards import Task, Worked, constants
from .engine import runner, untouched
from .engine.exercise import Exercise, catalogue, find, whole_id
from .engine.kinds import PredictExplain, Variant
from .engine.record import record, seed_of
from .engine.texts import phrases
from .engine.verdict import Text, Verdict, Verdicts
from .mine import badge, use_mine, yours
from .opening import opening
from .prediction import committed, predict
from .progress import progress

__all__ = [
    "Verdict", "Verdicts", "badge", "check", "hint", "opening", "predict", "progress", "solution", "student",
    "task", "use_mine", "yours",
]  # fmt: skip

if "ipykernel" in sys.modules:  # in a notebook the first check should find its worker ready
    runner.start()


def check(id: Any, answer: Any = None) -> Verdict | Verdicts:
    """Say what is right about `answer`, or which mistake it shows.

    Parameters
    ----------
    id : str
        As the exercise's heading says: "00.1".
    answer : function or value
        None, ``...`` and a function that does nothing yet count as not tried yet.
    """
    if not isinstance(id, (str, int, float)) or isinstance(id, bool):
        return _without_id(id, answer)
    if _is_teachers(id):
        say = phrases("check")["check"]
        return Verdict("said", say["teachers"].format(id=whole_id(id)), say["teachers_headline"])
    exercise = _find(id)
    if isinstance(exercise, PredictExplain):
        answer = committed(exercise, answer)
    verdict, notes = _refused(exercise, answer) or _judged(exercise, answer)
    return _with_notes(verdict, [*notes, *_remembered(exercise, answer, verdict), *constants(exercise)])


def _is_teachers(id: Any) -> bool:
    """Whether an exercise is a teacher's own, whose declaration is not here: chapters 90 to 99."""
    return re.fullmatch(r"9\d\.\d+", whole_id(id)) is not None and whole_id(id) not in catalogue()


def _without_id(id: Any, answer: Any) -> Verdict:
    say = phrases("check")["check"]
    name = getattr(id, "__name__", "your_function")
    meant = answer if isinstance(answer, str) else "03.1"
    return Verdict("look", say["no_id"].format(id=meant, name=name), say["no_id_headline"])


def _find(id: Any, where: str = "check") -> Exercise:
    """The exercise, with this student's constants where it has some."""
    exercise = find(id, where)
    return exercise.for_seed(record().seed()) if isinstance(exercise, Variant) else exercise


def _refused(exercise: Exercise, answer: Any) -> tuple[Verdict, list[str]] | None:
    """What is said without running anything: nothing is there yet, or it is no function."""
    say = phrases("check")["check"]
    if answer is None or answer is ...:
        return Verdict("open"), []
    if not exercise.wants_function:
        return None
    name = exercise.name
    if isinstance(answer, str):
        return Verdict(
            "look", say["text"].format(value=answer, id=exercise.id, name=name), say["no_function"]
        ), []
    if not callable(answer):
        text = say["value"].format(value=_described(answer), id=exercise.id, name=name)
        return Verdict("look", text, say["no_function"]), []
    if untouched.untouched(answer):
        own = getattr(answer, "__name__", name)  # a project's functions bear names of the student's own
        return Verdict("open", say["untouched"].format(name=own)), []
    line = untouched.gap(answer)
    return (Verdict("open", say["gap"].format(line=line)), []) if line else None


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, (tuple, list)) and len(value) <= 4:
        return f"a {type(value).__name__} of " + ", ".join(map(_described, value))
    text = repr(value)
    return f"`{text}`" if len(text) <= 60 else f"a {type(value).__name__}"


def _judged(exercise: Exercise, answer: Any) -> tuple[Verdict | Verdicts, list[str]]:
    try:
        calls = exercise.calls(answer)
        if not calls:  # a letter or a number: there is nothing to run
            return exercise.judge(answer, []), []
        ways: dict[str, Any] = {"faces": exercise.faces} if exercise.faces else {}
        ran = runner.run([answer], calls, **ways)
        return effects.told(exercise, exercise.judge(answer, ran.outcomes)), list(ran.notes)
    except Exception as problem:  # what a student returns can be anything
        say = phrases("check")["check"]
        text = say["failed"].format(problem=f"{type(problem).__name__}: {problem}")
        return Verdict("look", text, say["failed_headline"]), []


def _remembered(exercise: Exercise, answer: Any, verdict: Verdict | Verdicts) -> list[str]:
    """Write the attempt down, and let a right function take its place; what there is to say about it."""
    kind, names = _in_short(verdict)
    given = untouched.source(answer) if callable(answer) else repr(answer)
    if kind != "open" and not _is_stub(exercise, answer):
        record().attempt(exercise.id, kind, names, given)
    said = mine.checked(exercise, answer, kind) if callable(answer) else []
    said += record().notes
    record().notes.clear()
    return said


def _is_stub(exercise: Exercise, answer: Any) -> bool:
    """Whether it is what the chapter came with, though that does something."""
    stub = exercise.words.get("stub", "")
    return bool(stub) and callable(answer) and untouched.same_code(answer, stub)


def _in_short(verdict: Verdict | Verdicts) -> tuple[str, tuple[str, ...]]:
    """One kind and the names of the mistakes: of several verdicts the worst counts."""
    if isinstance(verdict, Verdict):
        mistakes = verdict.diagnosis not in ("exception", "limit", "nothing")
        return verdict.kind, verdict.names if mistakes else ()
    kinds = [v.kind for v in verdict if v.kind != "said"]
    worst = "look" if "look" in kinds else "right" if set(kinds) == {"right"} else "open"
    return worst, tuple(name for v in verdict for name in v.names)


def _with_notes(verdict: Verdict | Verdicts, notes: list[str]) -> Verdict | Verdicts:
    if not notes:
        return verdict
    if isinstance(verdict, Verdict):
        return verdict.and_also(*map(Text, notes))
    return Verdicts([*verdict[:-1], verdict[-1].and_also(*map(Text, notes))])


def hint(id: str) -> Verdict:
    """The next hint for exercise `id`; after the last one, the last one again. Those taken are remembered."""
    say = phrases("check")["hint"]
    exercise = _find(id, "hint")
    count = len(exercise.hints)
    if not count:
        return Verdict("said", say["none"], say["none_headline"])
    n = min(record().hints(exercise.id) + 1, count)
    record().took_hint(exercise.id, n)
    last = f" {say['last'].format(id=exercise.id)}" if n == count else ""
    return Verdict("said", exercise.hints[n - 1] + last, say["headline"].format(n=n, of=count))


def solution(id: str, insist: bool = False) -> Worked | Verdict:
    """The worked answer with its explanation, after a try of your own, all hints, or ``insist=True``."""
    exercise = _find(id, "solution")
    if not insist and not _earned(exercise):
        say = phrases("check")["solution"]
        return Verdict("open", say["first"].format(id=exercise.id), say["first_headline"])
    record().saw_solution(exercise.id)
    return Worked(exercise)


def _earned(exercise: Exercise) -> bool:
    """An attempt that ran, or every hint: what the chapter came with is no attempt, and is not recorded."""
    hints = len(exercise.hints)
    return bool(record().attempts(exercise.id)) or 0 < hints <= record().hints(exercise.id)


def student(name: str) -> Verdict:
    """Draw the constants of your variants from your name, so that they are the same on every computer."""
    say = phrases("check")["student"]
    if not isinstance(name, str) or not name.strip():
        return Verdict("open", say["none"], say["headline"])
    record().set_seed(seed_of(name))
    return Verdict("said", say["set"].format(name=name.strip()), say["headline"])


def task(id: str) -> Task:
    """What exercise `id` asks, with this student's constants; a symptom and its options where it has them."""
    return Task(_find(id, "task"))
