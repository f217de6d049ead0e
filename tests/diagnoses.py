"""The table of diagnoses: which banked mistakes are recognised, and what is said of other wrong answers.

    python -m tests.diagnoses                    the table of all exercises
    python -m tests.diagnoses --answers FILES    each wrong answer in the files, beside its writer's words

A file holds ``ANSWERS = {"03.1": [(function, "what is wrong, in the writer's words"), ...]}``.
"""

from __future__ import annotations

import argparse
import runpy
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tinynn.course.engine.call import run_each
from tinynn.course.engine.exercise import Exercise, Fill, catalogue, find
from tinynn.course.engine.verdict import Verdict


class Row(NamedTuple):
    """What the table says about one exercise."""

    exercise: Fill
    themselves: list[str]
    confused: dict[str, tuple[str, ...]]  # recognised as other mistakes, or not told apart from them
    missed: list[str]  # rejected, and not named
    accepted: list[str]  # not rejected
    refused: list[str]  # right answers that are rejected


def fills() -> list[Fill]:
    """The exercises with a function to write, variants among them."""
    return [e for e in catalogue().values() if isinstance(e, Fill)]


def verdict(exercise: Fill, function: Callable) -> Verdict:
    """The verdict on a function, run in this process."""
    return exercise.judge(function, run_each(function, exercise.calls(function)))


def right_answers(exercise: Fill) -> dict[str, Callable]:
    named = {"the reference": exercise.true, "the worked answer": exercise.worked_answer}
    return {name: f for name, f in named.items() if f} | {f.__name__: f for f in exercise.rights}


def row(exercise: Fill) -> Row:
    """Every banked mistake and every right answer of one exercise, judged."""
    said = {name: verdict(exercise, m.function) for name, m in exercise.mistakes.items()}
    wrong = {name: v for name, v in said.items() if v.kind == "look"}
    named = {name: v.names for name, v in wrong.items() if v.diagnosis == "mistake"}
    refused = [n for n, f in right_answers(exercise).items() if verdict(exercise, f).kind != "right"]
    return Row(
        exercise,
        themselves=[name for name in named if named[name] == (name,)],
        confused={name: names for name, names in named.items() if names != (name,)},
        missed=[name for name in wrong if name not in named],
        accepted=[name for name in said if name not in wrong],
        refused=refused,
    )


def table(rows: list[Row]) -> Iterator[str]:
    """The table as lines: a row an exercise, the sums below."""
    head = f"{'':6} {'exercise':42} mistakes  as itself  confused  missed  accepted  right answers  rejected"
    yield head
    counts = [_counts(r) for r in rows]
    for r, numbers in zip(rows, counts):
        yield _line(r.exercise.id, r.exercise.title, numbers)
    yield _line("", f"{len(rows)} exercises", [sum(column) for column in zip(*counts)])
    for r in rows:
        yield from (f"  {r.exercise.id}: {text}" for text in _remarks(r))


def _counts(r: Row) -> list[int]:
    parts = (r.themselves, r.confused, r.missed, r.accepted)
    return [sum(map(len, parts)), *map(len, parts), len(right_answers(r.exercise)), len(r.refused)]


def _line(id: str, title: str, numbers: list[int]) -> str:
    widths = (8, 9, 8, 6, 8, 13, 8)
    return f"{id:6} {title[:42]:42} " + "  ".join(f"{n:{w}}" for n, w in zip(numbers, widths))


def _remarks(r: Row) -> Iterator[str]:
    yield from (f"{name} is named {' or '.join(names)}" for name, names in r.confused.items())
    yield from (f"{name} is not named" for name in r.missed)
    yield from (f"{name} is accepted, and wrong" for name in r.accepted)
    yield from (f"{name} is rejected, and right" for name in r.refused)


# -- wrong answers that nobody banked ------------------------------------------------------------------------

SECONDS = 20.0
"""Of processor time for one answer and its verdict: here nothing else stops a loop without end."""


class TooLong(BaseException):
    """No `Exception`: those of an answer are caught, and are its outcome."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises `TooLong` after so much processor time, where the system has a clock for that."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise TooLong(f"{seconds:g} seconds of processor time were not enough")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


GUESSES = ("", "nothing")
"""Diagnoses that name no cause: none is needed, or none was recognised."""


def answers(path: str) -> dict[str, list[tuple[Callable, str]]]:
    """The wrong answers in a file."""
    return runpy.run_path(path)["ANSWERS"]


class Judged(NamedTuple):
    """One answer: its function's name, the writer's words, and the verdict or why there is none."""

    exercise: Exercise
    name: str
    words: str
    said: Verdict | None
    crash: str = ""

    @property
    def result(self) -> str:
        """One of `RESULTS`."""
        if self.said is None:
            return "crashed"
        if self.said.kind != "look":
            return "accepted"
        return "silent" if self.said.diagnosis in GUESSES else "named"


RESULTS = ("accepted", "named", "silent", "crashed")


def judged(given: dict[str, list[tuple[Callable, str]]]) -> Iterator[Judged]:
    """Every answer, judged. A crash is one of the results: it ends no run."""
    for id, wrong in given.items():
        exercise = find(id)
        assert isinstance(exercise, Fill), f"{id} has no function to write"
        yield from (_judged(exercise, function, words) for function, words in wrong)


def _judged(exercise: Fill, function: Callable, words: str) -> Judged:
    try:
        with within(SECONDS):
            return Judged(exercise, function.__name__, words, verdict(exercise, function))
    except (Exception, TooLong) as problem:
        crash = f"{type(problem).__name__}: {problem}"
        return Judged(exercise, function.__name__, words, None, crash)


def trial(*paths: str) -> Iterator[str]:
    """The verdicts on the answers of some files, beside their writers' words; the sums below."""
    counts = dict.fromkeys(RESULTS, 0)
    for path in paths:
        for one in judged(answers(path)):
            counts[one.result] += 1
            yield from _about(one)
    counts = {"rejected": counts["named"] + counts["silent"]} | counts
    yield "  ".join(f"{name}: {count}" for name, count in counts.items())


def _about(one: Judged) -> Iterator[str]:
    yield f"{one.exercise.id}  {one.exercise.title}: {one.name}"
    yield f"    wrong:     {one.words}"
    if one.said is None:
        yield f"    crashed:   {one.crash}\n"
        return
    yield f"    headline:  {str(one.said).splitlines()[0]}"
    yield f"    diagnosis: {one.said.diagnosis or one.said.kind} {', '.join(one.said.names)}"
    yield f"    {one.said.why}\n"


def main(arguments: Any = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", metavar="FILE", nargs="+", help="Python files with ANSWERS")
    given = parser.parse_args(arguments)
    for line in trial(*given.answers) if given.answers else table([row(e) for e in fills()]):
        print(line)


if __name__ == "__main__":
    main()
