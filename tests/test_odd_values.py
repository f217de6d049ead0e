"""Whatever a student's function gives back is rejected with words, and no step of the diagnosis raises."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.diagnoses import fills
from tests.test_diagnose import cubed, elementwise, judged
from tinynn.course.engine import diagnose
from tinynn.course.engine.call import Odd, run_each
from tinynn.course.engine.evidence import Evidence
from tinynn.course.engine.exercise import Exercise, Fill, catalogue

dtypes = st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", "c16", "O", "U3"])
shapes = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(10**20, 10**400)
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=3)
    | st.builds(object)
    | st.builds(Odd, st.sampled_from(["Tensor", "function"]), st.text(max_size=3), st.none())
    | st.builds(np.zeros, shapes, dtypes)
    | st.builds(np.float32, st.floats(width=32))
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(st.text(max_size=2) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=8,
)


def changed(value: Any, how: Any) -> Any:
    """A right value with one of its parts replaced by `how`."""
    if isinstance(value, (tuple, list)) and value:
        return type(value)([*value[:-1], how])
    return {**value, "odd": how} if isinstance(value, dict) else how


def rejected_with_words(exercise: Fill, value: Any) -> None:
    """The value as it is, and inside of what is right. A step that raises is not made silent here."""
    with patch.object(diagnose, "tried", lambda step, evidence: step(evidence)):
        for function in (lambda *a, **k: value, lambda *a, **k: changed(exercise.true(*a, **k), value)):
            said = judged(exercise, function)
            assert said.kind in ("look", "open") and str(said) and said._repr_html_()


every_fill = pytest.mark.parametrize("exercise", fills(), ids=lambda e: e.id)
quick = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


@every_fill
@quick
@example(value=[[1.0, 2.0], [3.0]])
@example(value=[[(np.zeros((3, 2)), np.zeros(3)), (np.zeros((2, 2)), np.zeros(2))]])
@example(value=(None, np.zeros(0), 10**400))
@given(value=values)
def test_no_step_raises_on_what_comes_back_and_all_is_rejected(exercise: Fill, value: Any) -> None:
    rejected_with_words(exercise, value)


@pytest.mark.slow
@every_fill
@settings(quick, max_examples=100)
@given(value=values)
def test_no_step_raises_on_very_many_values(exercise: Fill, value: Any) -> None:
    rejected_with_words(exercise, value)


@pytest.mark.parametrize("exercise", catalogue().values(), ids=list(catalogue()))
@quick
@example(value=10**400)
@example(value=[None, []])
@given(value=values)
def test_every_kind_of_exercise_says_something(exercise: Exercise, value: Any) -> None:
    answer = (lambda *a, **k: value) if exercise.wants_function else value
    said = exercise.judge(answer, run_each(answer, exercise.calls(answer)))
    assert said is not None and str(said)


def test_a_step_that_raises_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(evidence: Evidence) -> None:
        raise ValueError("a ragged list")

    def double(x, dy):
        return 2 * cubed(x, dy)

    monkeypatch.setattr(diagnose, "STEPS", (raises, *diagnose.STEPS))
    assert judged(elementwise, double).names == ("factor",)
    monkeypatch.setattr(diagnose, "STEPS", (raises,))
    assert judged(elementwise, double).diagnosis == "nothing"
