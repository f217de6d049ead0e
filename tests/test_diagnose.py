"""What is said about wrong answers that nobody banked: named for what they are, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.course.engine.call import Line, Outcome, Problem, run_each
from tinynn.course.engine.compare import Tolerance, agree, difference, leak
from tinynn.course.engine.exercise import Case, Fill, _registered, case, find
from tinynn.course.engine.verdict import Verdict
from tinynn.tensor import Tensor


def judged(exercise: Fill, function: Callable) -> Verdict:
    return exercise.judge(function, run_each(function, exercise.calls(function)))


# -- exercises made for these tests ----------------------------------------------------------------------


def fill(
    number: int, signature: str, returns: str, cases: Callable, reference: Callable, **more: Any
) -> Fill:
    exercise = Fill(f"99.{number}", signature, returns=returns, level=1, minutes=1, **more)
    exercise.cases(cases)
    exercise.reference(reference)
    _registered.pop(exercise.id)  # the catalogue is for the course's own
    return exercise


def matrices(rng: np.random.Generator) -> Iterator[Case]:
    for n, i in ((3, 2), (2, 4), (5, 3)):
        yield case(rng.normal(size=(n, i)) + 0.5, rng.normal(size=(n, i)))
    yield case(rng.normal(size=(3, 3)), np.ones((3, 3)), tags="square ones")
    yield case(*(rng.normal(size=(1, 4)) for _ in range(2)), tags="one")
    yield case(*(rng.normal(size=(4, 3)).astype(np.float32) for _ in range(2)), tags="float32")


def cubed(x, dy):
    return (x**3 + 2 * x) * dy


def sums(x, dy):
    return (x * dy).sum(axis=0)


def total(x, dy):
    return (x * dy).sum()


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_matrix(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((2, 3), (4, 2), (3, 5)):
        yield case(rng.normal(size=shape))
    yield case(1000 + 10 * rng.normal(size=(2, 4)), tags="large")
    yield case(rng.normal(size=(4, 3)).astype(np.float32), tags="float32")


def lists(rng: np.random.Generator) -> Iterator[Case]:
    for n in (3, 5, 8):
        yield case([int(i) for i in rng.permutation(n) + 10])


elementwise = fill(1, "slope(x, dy)", "dx", matrices, cubed)
columns = fill(2, "sums(x, dy)", "s", matrices, sums)
number = fill(3, "total(x, dy)", "loss", matrices, total)
rows = fill(4, "softmax(x)", "y", one_matrix, softmax)
in_order = fill(5, "in_order(ids)", "order", lists, sorted)
linear = find("03.1")
assert isinstance(linear, Fill)


# -- each generic signature, applied to a reference, is named for what it is -----------------------------


calls_made: list[int] = []


def counting(x, dy):
    calls_made.append(1)
    return cubed(x, dy) * (1 if len(calls_made) == 1 else 2)


def changing(x, dy):
    y = cubed(x, dy)
    x *= 2
    return y


def leaking(x, dy):
    return cubed(x.astype(float), dy)


SIGNATURES = [
    (elementwise, lambda x, dy: 2 * cubed(x, dy), "factor", "`2`"),
    (elementwise, lambda x, dy: cubed(x, dy) / np.sqrt(2), "factor", "`1/sqrt(2)`"),
    (elementwise, lambda x, dy: cubed(x, dy) / len(x), "mean_for_sum", "`1/x.shape[0]`"),
    (elementwise, lambda x, dy: cubed(x, dy) * x.shape[1], "sum_for_mean", "`x.shape[1]`"),
    (elementwise, lambda x, dy: cubed(x, dy) / np.sqrt(x.shape[1]), "factor", "`1/sqrt(x.shape[1])`"),
    (elementwise, lambda x, dy: cubed(x, dy) / x.size, "mean_for_sum", "`1/x.size`"),
    (elementwise, lambda x, dy: cubed(x, dy) * 0.7321, "factor", "`0.7321`"),
    (elementwise, lambda x, dy: cubed(x, dy) / np.linalg.norm(x), "factor_by_input", ""),
    (elementwise, lambda x, dy: -cubed(x, dy), "sign", ""),
    (elementwise, lambda x, dy: cubed(x, dy).T, "transposed", ""),
    (elementwise, lambda x, dy: cubed(x, dy) + 1, "offset", "`1`"),
    (elementwise, lambda x, dy: cubed(x, dy)[::-1], "reversed_axis", "axis 0"),
    (elementwise, lambda x, dy: np.roll(cubed(x, dy), 1, axis=0), "rolled_on", "axis 0"),
    (elementwise, lambda x, dy: np.abs(cubed(x, dy)), "absolute", ""),
    (elementwise, lambda x, dy: np.maximum(cubed(x, dy), 0), "negative_lost", ""),
    (elementwise, lambda x, dy: cubed(x, dy) ** 2, "squared", ""),
    (elementwise, lambda x, dy: np.round(cubed(x, dy), 2), "rounded", "2 digits"),
    (elementwise, lambda x, dy: cubed(x, dy) * (1 + 1e-5 * np.sin(x)), "nearly", ""),
    (elementwise, lambda x, dy: x**3 + 2 * x, "no_upstream", "`dy`"),
    (elementwise, lambda x, dy: cubed(x, dy) * x, "factor_too_many", "`x`"),
    (elementwise, lambda x, dy: cubed(x, dy) + 3 * x, "more_of_argument", "`3`"),
    (elementwise, lambda x, dy: cubed(x, dy) - x, "less_of_argument", "`x`"),
    (elementwise, lambda x, dy: cubed(dy, x), "exchanged", "`x` and `dy`"),
    (elementwise, lambda x, dy: np.zeros_like(x), "all_the_same", "0"),
    (elementwise, lambda x, dy: dy, "echo", "`dy`"),
    (elementwise, lambda x, dy: np.sin(x).cumsum(0) + 7, "ignored", "`dy`"),
    (elementwise, lambda x, dy: cubed(x, dy).tolist(), "list_right", ""),
    (elementwise, lambda x, dy: Tensor(cubed(x, dy)), "Tensor_right", ""),
    (elementwise, lambda x, dy: (cubed(x, dy),), "one_tuple", ""),
    (elementwise, lambda x, dy: (cubed(x, dy), x), "tuple_right", "Number 1"),
    (elementwise, lambda x, dy: (v for v in cubed(x, dy)), "generator", ""),
    (elementwise, lambda x, dy: cubed(x, dy).sum, "method", ""),
    (elementwise, lambda x, dy: cubed(x, dy).ravel(), "reshaped", ""),
    (elementwise, lambda x, dy: cubed(x, dy)[:, None], "axis_kept", "axis of length 1"),
    (elementwise, lambda x, dy: cubed(x, dy).sum(0), "summed_too_far", "axis 0"),
    (elementwise, lambda x, dy: cubed(x, dy).mean(), "averaged_all", ""),
    (elementwise, lambda x, dy: cubed(x, dy) * np.sum(x, 1, keepdims=True), "factor_by_line", "each row"),
    (elementwise, lambda x, dy: cubed(x, dy) - x.mean(0), "offset_by_line", "each column"),
    (elementwise, leaking, "other_dtype", "float64"),
    (elementwise, changing, "mutates", "`x`"),
    (elementwise, lambda x, dy: (x**3 + 2 * x) * np.sin(dy) / np.sin(1), "right_only_ones", "all ones"),
    (elementwise, lambda x, dy: np.where(dy > 0, np.inf, cubed(x, dy)), "not_finite", "infinity"),
    (elementwise, lambda x, dy: tuple(x.shape) + (1,), "tuple_of_numbers", ""),
    (columns, lambda x, dy: x * dy, "not_summed", "axis 0"),
    (columns, lambda x, dy: sums(x, dy)[None], "axis_kept", "(1, 2)"),
    (columns, lambda x, dy: sums(x, dy)[:, None] * np.ones(len(sums(x, dy))), "broadcast", "diagonal"),
    (columns, lambda x, dy: np.tile(sums(x, dy), (7, 1)), "repeated", "axis 0"),
    (number, lambda x, dy: np.array([total(x, dy)]), "array_for_number", "(1,)"),
    (number, lambda x, dy: x * dy, "not_summed_all", ""),
    (number, lambda x, dy: (x * dy).mean(), "mean_for_sum", "`1/x.size`"),
    (number, lambda x, dy: 4.25, "all_the_same", "4.25"),
    (rows, lambda x: softmax(x.T).T, "other_axis", ""),
    (rows, lambda x: np.exp(x) / np.exp(x).sum(1)[:, None], "wrong_only_large", "not numerically stable"),
    (rows, lambda x: np.log(softmax(x)), "logarithm", ""),
    (rows, lambda x: np.exp(x - x.max(1, keepdims=True)), "factor_by_line", "each row"),
    (in_order, lambda ids: sorted(ids)[::-1], "reversed", ""),
    (linear, lambda dy, x, w: (dy.sum(0), dy @ w, dy.T @ x), "permuted", "db, dx, dw"),
    (linear, lambda dy, x, w: (dy @ w, dy.T @ x), "other_parts_right", "`dx`, `dw`"),
    (linear, lambda dy, x, w: dy @ w, "one_part_right", "`dx`"),
    (linear, lambda dy, x, w: list(dy @ w), "no_parts", "One thing comes back"),
    (linear, lambda dy, x, w: (v for v in (dy @ w, dy.T @ x, dy.sum(0))), "generator", ""),
    (linear, lambda dy, x, w: (dy @ w, None, dy.sum(0)), "empty_part", "`dw`"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "function", "name", "words"), SIGNATURES)
def test_signature_is_named_for_what_it_is(exercise, function, name, words) -> None:
    said = judged(exercise, function)
    assert said.kind == "look"
    assert said.names == ((name,) if name else ())
    assert words in said.why


def test_state_between_calls_is_seen_on_the_second_call() -> None:
    calls_made.clear()
    kept: dict[bytes, int] = {}

    def remembers(x, dy):
        kept[x.tobytes()] = kept.get(x.tobytes(), 0) + 1
        return cubed(x, dy) * (1 if kept[x.tobytes()] < 3 else 2)  # strided is the second, again the third

    assert judged(elementwise, remembers).names == ("state",)


def test_two_results_for_one_input() -> None:
    rng = np.random.default_rng(0)
    assert judged(elementwise, lambda x, dy: rng.normal(size=x.shape)).names == ("random",)


def test_ambiguous_factors_are_both_named() -> None:
    exercise = fill(6, "f(x)", "y", lambda rng: (case(rng.normal(size=(3, 2))) for _ in range(3)), np.sin)
    said = judged(exercise, lambda x: np.sin(x) / 3)
    assert "1/3" in said.why and "1/x.shape[0]" in said.why


# -- nothing is named where nothing is known -------------------------------------------------------------


@given(a=st.floats(0.3, 3), b=st.floats(-2, 2), c=st.integers(1, 5))
def test_a_smooth_wrong_function_is_rejected_and_not_named(a: float, b: float, c: int) -> None:
    said = judged(elementwise, lambda x, dy: np.sin(a * x + b) * np.cos(c * dy) + a * x * dy)
    assert (said.kind, said.diagnosis, said.names) == ("look", "nothing", ())


@given(seed=st.integers(0, 10**6))
def test_random_coefficients_in_the_linear_layer_are_not_named(seed: int) -> None:
    a, b, c = np.random.default_rng(seed).uniform(0.3, 2, size=3)
    said = judged(linear, lambda dy, x, w: (np.tanh(dy @ w + a), np.sin(b * dy.T @ x), np.exp(c * dy.sum(0))))
    assert (said.kind, said.diagnosis) == ("look", "nothing")


def test_where_it_differs_is_said_though_no_cause_is_named() -> None:
    def last_row(x, dy):
        y = cubed(x, dy)
        y[-1] = np.sin(y[-1])
        return y

    def below_zero(x, dy):
        return np.where(x < 0, np.sin(x), cubed(x, dy))

    assert "only row -1, the last" in judged(elementwise, last_row).why
    assert "only where `x < 0`" in judged(elementwise, below_zero).why


# -- two at once, part by part ---------------------------------------------------------------------------


def test_parts_have_a_diagnosis_each_and_the_right_one_is_said_to_be_right() -> None:
    said = judged(linear, lambda dy, x, w: (dy @ w, -(dy.T @ x), dy))
    assert said.diagnosis == "parts" and said.names == ("sign", "db_not_summed")
    assert "as expected: `dx`" in str(said).splitlines()[0]


def test_one_part_known_and_another_not() -> None:
    said = judged(linear, lambda dy, x, w: (np.sin(dy @ w), x.T @ dy, dy.sum(0)))
    assert said.names == ("unknown", "dw_transposed")
    assert "`dx` differs in a way that is not recognised" in said.why


def test_a_mistake_with_a_factor_on_top() -> None:
    exercise = fill(7, "softmax(x)", "y", one_matrix, softmax)
    exercise.mistake(mistake := lambda x: np.exp(x - x.max()) / 7 + x)
    assert judged(exercise, mistake).names == ("<lambda>",)
    said = judged(exercise, lambda x: -2 * mistake(x))
    assert said.diagnosis == "composed" and said.names == ("<lambda>", "factor")


# -- exceptions, limits, not begun -----------------------------------------------------------------------


def outcomes(end: str, problem: Problem | None = None) -> list[Outcome]:
    return [Outcome(end, problem=problem) for _ in linear.calls(None)]


def test_an_exception_is_shown_at_its_line_with_shapes_and_what_it_usually_means() -> None:
    line = Line(3, "    dx = dy @ x", "linear_backward", {"dy": "array (3, 4) float64"})
    message = "matmul: Input operand 1 has a mismatch in its core dimension 0"
    said = linear.judge(None, outcomes("raised", Problem("ValueError", message, (line,))))
    for words in ("ValueError", "line 3", "dx = dy @ x", "array (3, 4) float64", "the last axis of `a`"):
        assert words in str(said)
    assert said.diagnosis == "exception"


@pytest.mark.parametrize("end", ["time", "memory", "died"])
def test_limits_say_what_they_usually_mean(end: str) -> None:
    said = linear.judge(None, outcomes(end))
    assert said.diagnosis == "limit" and said.names == (end,) and said.why


@pytest.mark.parametrize("value", [None, ..., (None, None, None)])
def test_a_stub_is_open(value: Any) -> None:
    assert judged(linear, lambda dy, x, w: value).kind == ("look" if value is None else "open")
    assert linear.judge(None, run_each(lambda dy, x, w: value, linear.asked)).kind == "open"


def test_a_stub_that_says_so_is_open() -> None:
    def stub(dy, x, w):
        raise NotImplementedError

    assert judged(linear, stub).kind == "open"


def test_a_forgotten_return_and_a_print_for_it() -> None:
    assert judged(linear, lambda dy, x, w: None).names == ("returns_none",)
    printed = [Outcome("value", None, printed="[1. 2.]") for _ in linear.asked]
    assert linear.judge(linear.true, printed).names == ("prints",)


def test_a_mistake_that_raises_on_the_same_inputs_is_named_and_another_is_not() -> None:
    assert judged(linear, linear.mistakes["w_transposed"].function).names == ("w_transposed",)
    assert judged(linear, lambda dy, x, w: (dy @ x, dy.T @ x, dy.sum(0))).diagnosis == "exception"


# -- what is right ---------------------------------------------------------------------------------------


def test_other_rounding_is_right() -> None:
    def other_order(x):
        e = np.exp((x - x.min(axis=1, keepdims=True)) - np.ptp(x, axis=1, keepdims=True))
        return e / np.cumsum(e[:, ::-1], axis=1)[:, -1:]

    assert judged(rows, other_order).kind == "right"
    assert judged(number, lambda x, dy: float(np.float64(total(x, dy)))).kind == "right"
    assert judged(linear, lambda dy, x, w: list(linear.true(dy, x, w))).kind == "right"


def test_agree_is_strict_about_shapes_and_not_about_kinds_of_number() -> None:
    assert agree(2, np.array(2.0)) and agree(np.array(2), 2.0) and agree((1, [2]), [1, (2,)])
    assert not agree(np.ones((3, 1)), np.ones(3)) and not agree(np.ones(1), 1.0)
    assert agree(np.array([np.nan, np.inf, 1]), np.array([np.nan, np.inf, 1 + 1e-12]))
    assert not agree(np.array([np.inf]), np.array([-np.inf])) and not agree(np.nan, 0.0)
    assert agree({"a": [1, 2]}, {"a": (1, 2)}) and not agree({"a": 1}, {"b": 1})
    assert not agree([1, 2], [2, 1]) and not agree(None, 0) and not agree("1", 1)
    assert agree(1e-17, 0.0) and not agree(1e-17, 0.0, Tolerance(floor=1e-30))


def test_a_leaked_dtype_is_found_in_parts() -> None:
    single, double = np.ones(2, np.float32), np.ones(2)
    assert leak((single, double), (single, single)) == "float64" and leak(double, double) is None


@given(st.integers(1, 4), st.integers(2, 4), st.data())
def test_difference_counts_and_finds_the_first(n: int, m: int, data: st.DataObject) -> None:
    wanted = np.arange(n * m, dtype=float).reshape(n, m) + 1
    flat = data.draw(st.sets(st.integers(0, n * m - 1), min_size=1))
    got = wanted.copy()
    got.flat[list(flat)] += 0.5
    found = difference(got, wanted)
    assert found is not None and found.number == len(flat) and found.largest == 0.5
    assert found.first == np.unravel_index(min(flat), (n, m))
    assert difference(wanted, wanted) is None
