"""Every exercise of the course: its bank of mistakes, its right answers, its words, its id."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diagnoses import Row, fills, right_answers, row, table, trial, verdict
from tinynn.course.engine.call import copied
from tinynn.course.engine.exercise import Exercise, Fill, catalogue, source_of
from tinynn.course.engine.texts import phrases
from tinynn.tensor import Tensor

FILLS = {exercise.id: exercise for exercise in fills()}
ALL = dict(catalogue())
IDS = Path(__file__).with_name("exercise_ids.txt")

FEWER_MISTAKES: dict[str, str] = {}
"""Exercises with fewer than five named mistakes, each with its reason."""

every_fill = pytest.mark.parametrize("exercise", FILLS.values(), ids=FILLS)
every_one = pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [row(exercise) for exercise in FILLS.values()]


# -- the bank --------------------------------------------------------------------------------------------


def test_every_banked_mistake_is_rejected_and_named(rows: list[Row]) -> None:
    shown = "\n".join(table(rows))
    banked = sum(len(r.exercise.mistakes) for r in rows)
    assert not [r for r in rows if r.accepted or r.refused], shown
    assert sum(len(r.themselves) for r in rows) >= 0.95 * banked, shown


@every_fill
def test_there_are_mistakes_and_right_answers_enough(exercise: Fill) -> None:
    assert len(exercise.mistakes) >= 5 or exercise.id in FEWER_MISTAKES
    assert len(right_answers(exercise)) >= 4, "a reference, a worked answer and two written differently"


@every_fill
def test_the_parts_that_come_back_have_plain_names(exercise: Fill) -> None:
    assert all(name.isidentifier() for name in exercise.returns), exercise.returns


@every_fill
def test_two_mistakes_at_once_are_both_named(exercise: Fill) -> None:
    for names, function in exercise.both.items():
        said = verdict(exercise, function)
        assert said.kind == "look" and set(names) <= set(said.names) or said.diagnosis == "mistake", (
            names,
            said,
        )


@every_fill
def test_nothing_is_begun_in_a_function_that_only_says_so(exercise: Fill) -> None:
    def stub(*args):
        raise NotImplementedError

    assert verdict(exercise, stub).kind == "open"


# -- generic signatures, applied to the reference --------------------------------------------------------


def mapped(exercise: Fill, change: Callable[[Any], Any]) -> Callable:
    """The reference with every part that it gives changed."""

    def changed(*args: Any, **kwargs: Any) -> Any:
        value = exercise.true(*args, **kwargs)  # type: ignore[misc]
        return type(value)(map(change, value)) if len(exercise.returns) > 1 else change(value)

    return changed


def parts(exercise: Fill) -> list[Any]:
    """All parts of all right results."""
    values = [outcome.value for outcome in exercise.wanted[: len(exercise.inputs)]]
    return [p for v in values for p in (v if len(exercise.returns) > 1 else [v])]


def of_floats(exercise: Fill) -> bool:
    """Whether every part of every result is a float or an array of floats, and not all are the same."""
    numbers = [isinstance(p, (float, np.ndarray)) for p in parts(exercise)]
    kinds = [np.asarray(p).dtype.kind if n else "" for p, n in zip(parts(exercise), numbers)]
    return set(kinds) == {"f"} and exercise.same is None


def of_arrays(exercise: Fill) -> bool:
    return of_floats(exercise) and all(np.ndim(p) for p in parts(exercise))


def overwriting(exercise: Fill) -> Callable:
    """The reference, which then writes into its first array."""

    def changed(*args: Any, **kwargs: Any) -> Any:
        value = copied(exercise.true(*args, **kwargs))  # type: ignore[misc]
        for a in args:
            if isinstance(a, np.ndarray) and a.size and a.flags.writeable:
                a += a.dtype.type(1)
                break
        return value

    return changed


MUTANTS: list[tuple[str, Callable[[Fill], bool], Callable[[Any], Any]]] = [
    ("sign", of_floats, lambda a: -a),
    ("factor", of_floats, lambda a: np.float32(3.7) * a if np.asarray(a).dtype == np.float32 else 3.7 * a),
    ("list_right", of_arrays, lambda a: a.tolist()),
    ("Tensor_right", of_arrays, Tensor),
    ("axis_kept", of_arrays, lambda a: a[..., None]),
    ("returns_none", of_floats, lambda a: None),
    ("generator", of_arrays, lambda a: (v for v in np.atleast_1d(a))),
]


@pytest.mark.parametrize(("name", "applies", "change"), MUTANTS, ids=[m[0] for m in MUTANTS])
def test_a_signature_alone_is_named_for_what_it_is(name: str, applies: Callable, change: Callable) -> None:
    """Or as the banked mistake that does the very same."""
    tried = [exercise for exercise in FILLS.values() if applies(exercise)]
    if name == "returns_none":  # a kernel returns nothing: there it is one that writes nothing
        tried = [exercise for exercise in tried if not exercise.launches]
    assert len(tried) >= 5
    for exercise in tried:
        function = mapped(exercise, change) if name != "returns_none" else lambda *args: None
        said = verdict(exercise, function)
        assert said.kind == "look", exercise
        assert said.names == (name,) or said.diagnosis == "mistake", (exercise, said)


def test_a_changed_argument_alone_is_named() -> None:
    for exercise in FILLS.values():
        if any(isinstance(a, np.ndarray) for c in exercise.inputs for a in c.args):
            said = verdict(exercise, overwriting(exercise))
            assert said.names == ("mutates",) or said.diagnosis == "mistake", (exercise, said)


# -- words -----------------------------------------------------------------------------------------------


@every_one
def test_words_are_there(exercise: Exercise) -> None:
    words = exercise.words
    assert words["title"] and words["task"] and words["explanation"]
    assert len(exercise.hints) == (1 if exercise.id == "00.3" else 3)  # it holds five questions
    assert exercise.level in (1, 2, 3) and 1 <= exercise.minutes <= (300 if "p." in exercise.id else 45)


@every_fill
def test_each_mistake_has_its_words_and_words_their_mistake(exercise: Fill) -> None:
    words = exercise.words.get("mistakes", {})
    assert set(words) == set(exercise.mistakes)
    for name, said in words.items():
        assert said["means"] and said["look"] and said["means"] != said["look"], name


@every_fill
def test_the_worked_answer_is_called_as_the_signature_says(exercise: Fill) -> None:
    worked = exercise.worked_answer
    assert worked is not None and worked.__name__ == exercise.name
    inside = exercise.signature.split("(", 1)[1].rstrip(")")
    assert [p.name for p in inspect.signature(worked).parameters.values()] == [
        part.split("=")[0].strip() for part in inside.split(",")
    ]


@every_fill
def test_what_is_shown_never_holds_the_answer(exercise: Fill) -> None:
    """Neither the worked answer's lines nor the reference's stand in what a mistake is told."""
    lines = [line.split("#")[0].strip() for line in exercise.solution().splitlines()]
    telling = [
        line.removeprefix("return ") for line in lines if len(line) > 25 and not line.startswith("def ")
    ]
    for mistake in exercise.mistakes.values():
        text = str(verdict(exercise, mistake.function))
        own = source_of(mistake.function)  # the interpreter shows a kernel's line as it was handed in
        assert not [line for line in telling if line in text and line not in own], mistake.name


def test_every_signature_has_its_words() -> None:
    said = phrases("engine")["signatures"]
    assert all("means" in words for words in said.values())
    assert {name for name, _, _ in MUTANTS} <= set(said)


def test_ids_never_change() -> None:
    """Records, submissions and texts point at them. New ones are added to the file."""
    kept = IDS.read_text(encoding="utf-8").split()
    assert sorted(kept) == sorted(ALL), f"write new ids into {IDS.name}; none may go"


# -- the command -----------------------------------------------------------------------------------------


def test_the_trial_counts_rejected_named_and_silent(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(
        "import numpy as np\n"
        "def flipped(dy, x, w): return -dy @ w, dy.T @ x, dy.sum(0)\n"
        "def odd(dy, x, w): return np.sin(dy @ w), dy.T @ x, dy.sum(0)\n"
        "def right(dy, x, w): return dy @ w, dy.T @ x, dy.sum(0)\n"
        "ANSWERS = {'03.1': [(flipped, 'a minus'), (odd, 'a sine'), (right, 'nothing')]}\n",
        encoding="utf-8",
    )
    lines = list(trial(str(file)))
    assert lines[-1].split() == "rejected: 2 accepted: 1 named: 1 silent: 1 crashed: 0".split()
    assert any("a minus" in line for line in lines) and any("signature sign" in line for line in lines)


def test_a_crash_is_counted_and_ends_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name for name in ("one.py", "two.py")]
    for file in files:
        file.write_text("ANSWERS = {'03.1': [(lambda dy, x, w: 0, 'a zero')]}\n", encoding="utf-8")

    def judge(answer: Any, outcomes: Any) -> Any:
        raise RuntimeError("lost")

    monkeypatch.setattr(FILLS["03.1"], "judge", judge)
    lines = list(trial(*map(str, files)))
    assert lines[-1].split() == "rejected: 0 accepted: 0 named: 0 silent: 0 crashed: 2".split()
    assert sum("crashed:   RuntimeError: lost" in line for line in lines) == 2


def test_the_table_names_what_is_confused_missed_or_accepted() -> None:
    exercise = FILLS["03.1"]

    @wraps(exercise.true)
    def right(*args: Any) -> Any:
        return exercise.true(*args)

    bad = Row(exercise, [], {"a": ("b",)}, ["c"], ["d"], ["e"])
    text = "\n".join(table([bad]))
    for remark in ("a is named b", "c is not named", "d is accepted, and wrong", "e is rejected, and right"):
        assert remark in text
    assert verdict(exercise, right).kind == "right"
