"""A diagnosis claims no more than what was seen; what comes besides a mistake is told besides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.test_diagnose import cubed, elementwise, fill, judged, number, rows, softmax
from tinynn.course.engine.call import Line, Odd, Outcome, Problem, run_each
from tinynn.course.engine.exercise import Case, Fill, case
from tinynn.course.engine.shown import shortly

# -- large, small, a single row ----------------------------------------------------------------------------


def test_of_overflow_it_is_spoken_where_it_shows_and_else_only_of_what_was_seen() -> None:
    finite = judged(rows, lambda x: softmax(x) + (np.abs(x) > 500))
    assert finite.names == ("finite_large",) and "finite, but wrong" in finite.why
    assert "overflow" not in str(finite) and "nan" not in str(finite)
    lost = judged(rows, lambda x: np.where(np.abs(x) > 500, np.inf * (x - x), softmax(x) + 0 * x))
    assert lost.names == ("wrong_only_large",) and "overflows" in lost.why


def numbers(rng: np.random.Generator) -> Iterator[Case]:
    for value in (0.5, 2.0, -1.5):
        yield case(value)
    yield case(1e4, tags="large")
    yield case(1e-9, tags="small")


bounded = fill(11, "f(x)", "y", numbers, lambda x: x / (1 + abs(x)))


def test_an_exception_about_overflow_shows_it_too() -> None:
    def raising(x):
        return x / (1 + abs(x)) + 0 * math.exp(abs(x))

    said = judged(bounded, raising)
    assert said.diagnosis == "exception" and "not numerically stable" in said.why

    def index(x):
        return x / (1 + abs(x)) if abs(x) < 1000 else [][0]

    assert not [words for words in ("stable", "finite") if words in judged(bounded, index).why]


def test_wrong_on_small_numbers() -> None:
    assert judged(bounded, lambda x: x / (1 + abs(x)) * (abs(x) > 1e-6)).names == ("wrong_only_small",)


def lonely(rng: np.random.Generator) -> Iterator[Case]:
    """A case called "one" that is not alone in having a single row, or that has other axes as well."""
    for shape in ((3, 2), (4, 2), (1, 4)):
        yield case(rng.normal(size=shape))
    yield case(rng.normal(size=(1, 1)), tags="one")


def ranks(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((3, 2), (4, 2)):
        yield case(rng.normal(size=shape))
    yield case(np.array(0.7), tags="one")


def single(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((3, 2), (4, 2), (1, 4)):
        yield case(rng.normal(size=shape), tags="one" if shape[0] == 1 else "")


@pytest.mark.parametrize(("cases", "said"), [(lonely, False), (ranks, False), (single, True)])
def test_a_single_row_is_blamed_only_where_nothing_else_is_special(cases: Any, said: bool) -> None:
    exercise = fill(12, "f(x)", "y", cases, np.sin)

    def wrong(x):
        return np.sin(x) + np.cos(3 * x) ** 2 * (x.size in (1, 4))

    told = judged(exercise, wrong if cases is single else lambda x: np.sin(x) + (x.size == 1) * x**2)
    assert ("single row" in told.why) == said


def test_what_is_right_but_for_a_millionth_has_no_factor() -> None:
    said = judged(elementwise, lambda x, dy: cubed(x, dy) * (1 + 3e-6))
    assert said.names == ("nearly",) and "times what it should be" not in said.why


def test_right_within_the_wide_tolerance_of_float32_is_no_sign() -> None:
    exercise = fill(13, "f(x)", "y", in_single, np.sin)
    said = judged(exercise, lambda x: np.sin(x) + 1e-6 * np.cos(7 * x) * (x < 5))
    assert said.diagnosis == "nothing"
    assert "a large one" in said.why and "in float32" not in said.why


def in_single(rng: np.random.Generator) -> Iterator[Case]:
    yield case(rng.normal(size=(1, 1)))
    yield case(rng.normal(size=(1, 1)) + 9, note="a large one")
    yield case(rng.normal(size=(1, 1)).astype(np.float32), tags="float32", note="in float32")


# -- several answers are right -----------------------------------------------------------------------------


def sets(rng: np.random.Generator) -> Iterator[Case]:
    for n in (4, 6, 9):
        yield case([int(i) for i in rng.permutation(n)])


def any_order() -> Fill:
    exercise = fill(14, "shuffled(ids)", "order", sets, sorted)
    exercise.accept(lambda got, wanted, args: sorted(got) == sorted(args[0]))
    return exercise


def test_two_results_are_compared_with_each_other_and_not_by_what_is_accepted() -> None:
    said = judged(any_order(), lambda ids: ids + ids[:1])
    assert said.names == () and said.diagnosis == "nothing"


def test_where_any_order_will_do_two_orders_are_no_mistake() -> None:
    rng = np.random.default_rng(0)
    assert judged(any_order(), lambda ids: rng.permutation(ids).tolist()).kind == "right"
    assert judged(any_order(), lambda ids: rng.permutation(ids + [99]).tolist()).names == ()
    assert judged(any_order(), lambda ids: rng.permutation(ids + [99] * (len(ids) > 6)).tolist()).names == ()


def test_state_is_named_where_the_second_result_is_not_accepted() -> None:
    kept: list[int] = []

    def grows(ids):
        kept.append(1)
        return ids + [0] * (len(kept) > 4)  # strided is the fourth, again the fifth

    assert judged(any_order(), grows).names == ("state",)


# -- besides -----------------------------------------------------------------------------------------------


def with_mistake() -> Fill:
    exercise = fill(15, "slope(x, dy)", "dx", *_parts(elementwise))
    exercise.mistake(forgot_the_cube)
    return exercise


def _parts(exercise: Fill) -> tuple[Any, Any]:
    return exercise._cases, exercise.true


def forgot_the_cube(x, dy):
    return np.sin(2 * x) * dy


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_a_mistake_is_named_though_another_dtype_comes_back(dtype: str) -> None:
    def answer(x, dy):
        y = np.sin(2 * x) * dy
        return y.astype(dtype) if x.dtype == np.float32 and dtype == "float64" else y

    said = judged(with_mistake(), answer)
    assert said.names == ("forgot_the_cube",)
    assert ("Besides, it gives float64" in str(said)) == (dtype == "float64")


def test_a_mistake_is_named_though_all_is_computed_in_float32() -> None:
    def answer(x, dy):
        return fast_sine(x.astype(np.float32), dy.astype(np.float32))

    exercise = with_mistake()
    exercise.mistake(fast_sine)
    said = judged(exercise, answer)
    assert said.names == ("fast_sine",) and "Besides, it gives float32 where float64 came in" in str(said)


def fast_sine(x, dy):
    return np.sin(50 * x) * dy


def test_a_mistake_and_a_changed_argument() -> None:
    def answer(x, dy):
        y = forgot_the_cube(x, dy)
        x += 1
        return y

    said = judged(with_mistake(), answer)
    assert said.names == ("forgot_the_cube",) and "Besides, it changes its argument `x`" in str(said)


def test_what_belongs_to_the_mistake_is_not_told_besides() -> None:
    exercise = with_mistake()
    exercise.mistake(forgot_and_overwrites)
    said = judged(exercise, forgot_and_overwrites)
    assert said.names == ("forgot_and_overwrites",) and "Besides" not in str(said)


def forgot_and_overwrites(x, dy):
    y = forgot_the_cube(x, dy)
    dy *= 0
    return y


def test_right_numbers_in_another_dtype_are_no_mistake_of_the_bank() -> None:
    exercise = with_mistake()
    exercise.mistake(overwrites)
    said = judged(exercise, lambda x, dy: cubed(x.astype(float), dy))
    assert said.names == ("other_dtype",)


def overwrites(x, dy):
    y = cubed(x, dy)
    dy *= 0
    return y


# -- words -------------------------------------------------------------------------------------------------


def test_a_function_is_shown_by_its_name() -> None:
    assert shortly(cubed) == "cubed"
    shown = shortly(Odd("function", "<function f at 0x7f3a5c0d1e10>"))
    assert shown == "function: <function f>"


def test_a_number_is_due_where_a_number_is_due() -> None:
    said = judged(number, lambda x, dy: [1.0, 2.0])
    assert said.names == ("list_for_number",) and "array" not in said.why
    assert "a number is due" in judged(number, lambda x, dy: "1").why
    assert "an array is due" in judged(elementwise, lambda x, dy: "1").why


@pytest.mark.parametrize("end", ["time", "memory"])
def test_the_line_that_was_running_is_shown(end: str) -> None:
    line = Line(7, "    while True:", "slope", {"x": "array (3, 2) float64"})
    first, *others = run_each(cubed, elementwise.calls(None))
    stopped = Outcome(end, problem=Problem("Running", "", (line,)))
    said = elementwise.judge(None, [first, stopped, *[Outcome("skipped")] * (len(others) - 1)])
    assert said.diagnosis == "limit" and "It was at your line 7: `while True:`." in said.why
    assert "It was at your line 7, in `slope`" in str(said) and "array (3, 2) float64" in str(said)
