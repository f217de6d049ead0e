"""What the drawn inputs are worth: right answers with one small change are rejected, right ones never."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tests.diagnoses import fills, right_answers, verdict
from tests.mutants import mutants, tally, wider
from tinynn.course.engine.call import run_each
from tinynn.course.engine.evidence import Evidence
from tinynn.course.engine.exercise import DRAWS, Fill

FILLS = {exercise.id: exercise for exercise in fills()}
every_fill = pytest.mark.parametrize("exercise", FILLS.values(), ids=FILLS)

LET_PASS: dict[str, set[str]] = {}
"""Mutants that are wrong on some input, and that no check finds: by exercise, each with its reason."""


@every_fill
def test_inputs_are_drawn_and_are_the_same_every_time(exercise: Fill) -> None:
    drawn = exercise.draws(DRAWS)
    assert len(drawn) == DRAWS and all("drawn" in c.tags for c in drawn)
    again = exercise.draws(DRAWS)
    assert all(_alike(a.args[0], b.args[0]) for a, b in zip(drawn, again) if not callable(a.args[0]))
    assert len(exercise.all_inputs) == len(exercise.inputs) + exercise.draws_asked + 1


def _alike(a: Any, b: Any) -> bool:
    """Equal, in lists of arrays of different sizes as well."""
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_alike, a, b))
    return np.array_equal(a, b)


def test_a_difference_that_only_drawn_inputs_show_is_shown_on_the_smallest() -> None:
    exercise = FILLS["03.2"]
    said = verdict(exercise, lambda dy, x: dy * (x > 0) if x.size < 30 else dy * (x >= 0) * (x != x.flat[0]))
    assert said.kind == "look" and "drawn at random" in str(said)
    assert said.diagnosis == "nothing", said


def test_a_function_is_changed_in_one_place_at_a_time() -> None:
    worked = FILLS["03.2"].worked_answer
    assert worked is not None
    made = {m.what: m.function for m in mutants(worked)}
    dy, x = np.array([2.0, 3.0]), np.array([0.0, -1.0])
    assert made["compared by GtE"](dy, x).tolist() == [2.0, 0.0]
    assert made["left alone"](dy, x).tolist() == [2.0, 3.0]
    assert worked(dy, x).tolist() == [0.0, 0.0]


def many(exercise: Fill) -> int:
    """Inputs for each mutant; of kernels, which are interpreted, as many as a check asks."""
    return exercise.draws_asked if exercise.launches else 300


@pytest.mark.slow
@pytest.mark.timeout(900)
@every_fill
def test_every_mutant_that_is_wrong_somewhere_is_rejected(exercise: Fill) -> None:
    passed = {f"{m.of}: {m.what}" for m in tally(exercise, many(exercise)).let_pass}
    assert passed <= LET_PASS.get(exercise.id, set())


@pytest.mark.slow
@every_fill
def test_right_answers_are_right_on_many_more_inputs(exercise: Fill) -> None:
    """Tolerances are fair: another order of operations passes on inputs of every size."""
    wide = wider(exercise, many(exercise))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, function in right_answers(exercise).items():
            failing = Evidence(wide, run_each(function, wide.asked)).failing
            assert not failing, (name, failing[0])
