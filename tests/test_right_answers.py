"""No right answer is refused, however it is written: with room to spare, and on many more inputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.diagnoses import fills, right_answers, verdict
from tests.mutants import wider
from tests.right_answers import RIGHT
from tinynn.course.engine import evidence
from tinynn.course.engine.call import run_each
from tinynn.course.engine.evidence import Evidence
from tinynn.course.engine.exercise import Fill

FILLS = {exercise.id: exercise for exercise in fills()}
every_fill = pytest.mark.parametrize("exercise", FILLS.values(), ids=FILLS)

MARGIN = 4.0
"""A right answer on another machine rounds otherwise: here it must pass on a quarter of the tolerance."""


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """Nor are there any in the sandbox: an `exp` that overflows may be right."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def refused(exercise: Fill, answers: dict[str, Callable]) -> dict[str, object]:
    """The first input on which each of the answers fails."""
    asked = {name: Evidence(exercise, run_each(f, exercise.asked)).failing for name, f in answers.items()}
    return {name: failing[0] for name, failing in asked.items() if failing}


def answers_to(exercise: Fill) -> dict[str, Callable]:
    return right_answers(exercise) | {f.__name__: f for f in RIGHT[exercise.id]}


@every_fill
def test_there_are_right_answers_in_many_styles(exercise: Fill) -> None:
    named = [f.__name__ for f in RIGHT[exercise.id]]
    assert len(named) >= 3 and len(answers_to(exercise)) == len(named) + len(right_answers(exercise))


@every_fill
def test_every_right_answer_passes_with_room_to_spare(
    exercise: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evidence.tolerance_of

    def narrow(*args):
        relative, floor = whole(*args)
        return evidence.Tolerance(relative / MARGIN, floor / MARGIN)

    monkeypatch.setattr(evidence, "tolerance_of", narrow)
    assert not refused(exercise, answers_to(exercise))


@pytest.mark.slow
@every_fill
def test_every_right_answer_passes_on_many_more_inputs(exercise: Fill) -> None:
    assert not refused(wider(exercise, 600), answers_to(exercise))


def test_where_the_task_says_nothing_of_dtypes_float64_is_right_and_told() -> None:
    def y_of_zeros(x, w, b):
        y = np.zeros((len(x), len(w)))
        for n, row in enumerate(x):
            y[n] = w @ row + b
        return y

    said = verdict(FILLS["01.1"], y_of_zeros)
    assert said.kind == "right" and "float64 goes out" in str(said) and ".astype(x.dtype)" in str(said)


@every_fill
def test_a_dtype_that_is_asked_for_stands_in_the_task(exercise: Fill) -> None:
    arrays = [c for c in exercise.all_inputs if "float32" in c.tags]
    named = any(word in exercise.words["task"] for word in ("float32", "dtype", "an array like `x`"))
    assert named or not arrays or not exercise.dtype_matters


def test_a_right_answer_with_a_slip_is_refused() -> None:
    slip = {"without b": lambda x, w, b: x @ w.T}
    assert refused(FILLS["01.1"], slip).keys() == slip.keys()
