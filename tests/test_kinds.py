"""Kinds of exercise besides a function to write: right answers, wrong ones, and what is no answer."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn.course.engine import exercise as declarations
from tinynn.course.engine import texts
from tinynn.course.engine.call import Call, run_each
from tinynn.course.engine.exercise import Fill, case
from tinynn.course.engine.kinds import Checker, Judged, NameTheBug, PredictExplain, Variant
from tinynn.course.engine.verdict import Verdict
from tinynn.errors import ArgumentError

WORDS = {
    "98.1": {"mistakes": {"over_all": {"means": "m", "look": "Which axis is summed over?"}}},
    "98.2": {"standing": {"shifted": "Are all numbers of a row the same?"}, "title": "Inputs"},
    "98.3": {
        "explanation": "That is how it goes.",
        "options": {
            "no_zero_grad": {"says": "Gradients are never set back.", "why": "They grow from step to step."},
            "large_rate": {"says": "The learning rate is too large.", "why": "The loss would jump at once."},
        },
    },
    "98.4": {
        "options": {"chance": {"why": "One in ten by luck."}, "learned": {"why": "Nothing was trained."}}
    },
    "98.5": {"task": "Warm up for {warmup} steps; keep {this}.", "hints": ["{warmup} steps"]},
}


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    """Declarations of a test disappear with it."""
    monkeypatch.setattr(declarations, "_registered", dict(declarations._registered))
    monkeypatch.setattr(texts, "_added", WORDS)


@pytest.fixture
def softmax():
    E = Fill("98.1", "softmax(x)", returns="y", level=1, minutes=5)
    E.cases(lambda rng: iter([case(rng.normal(size=(2, 3)))]))

    @E.reference
    def _(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    @E.worked
    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    @E.right
    def by_log(x):
        m = x.max(axis=1, keepdims=True)
        return np.exp(x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True)))

    @E.mistake
    def over_all(x):
        e = np.exp(x - x.max())
        return e / e.sum()

    @E.mistake
    def overflows(x):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    @E.mistake
    def in_place(x):
        x -= x.max(axis=1, keepdims=True)
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    return E


@pytest.fixture
def checker(softmax):
    def shifted(x):
        return softmax.true(x) + 1e-3 * (x == x[0, 0]).all()

    C = Checker(
        "98.2", "inputs", of=softmax, level=2, minutes=6, at_most=2, needed=0.9, extra={"shifted": shifted}
    )

    @C.worked
    def inputs():
        return [np.array([[0.0, 1000.0], [3.0, 4.0]]), np.zeros((1, 2))]

    return C


def judged(exercise, answer):
    return exercise.judge(answer, run_each(answer, exercise.calls(answer)))


# -- be the checker ------------------------------------------------------------------------------------


def test_inputs_that_find_all_are_right_and_those_found_are_named(checker):
    verdict = judged(checker, checker.worked_answer)
    assert verdict.kind == "right" and verdict.headline == "4 of 4 wrong implementations fell"
    assert verdict.text == "Found: over all, overflows, in place, shifted."
    assert checker.solution().startswith("def inputs():")


def test_what_stands_is_counted_and_nudged_but_not_named(checker):
    verdict = judged(checker, lambda: [np.array([[0.0, 1.0], [3.0, 4.0]])])
    assert verdict.kind == "look" and verdict.headline == "2 of 4 wrong implementations fell"
    assert "2 still stand. About one of them: Are all numbers of a row the same?" in verdict.text
    assert "overflows" not in str(verdict) and "shifted" not in str(verdict)
    verdict = judged(checker, lambda: [np.zeros((1, 2))])
    assert "3 still stand. About one of them: Which axis is summed over?" in verdict.text


def test_as_many_must_fall_as_are_needed(checker):
    checker.needed = 0.5
    assert judged(checker, lambda: [np.array([[0.0, 1.0], [3.0, 4.0]])]).kind == "right"


def test_lists_and_whole_numbers_stand_for_arrays_of_floats(checker):
    assert judged(checker, lambda: [[[0, 1000], [3, 4]], [[0, 0]]]).kind == "right"
    assert judged(checker, lambda: [([[0, 1000], [3, 4]],), ([[0, 0]],)]).kind == "right"


NO_TESTS = {
    "nothing": (lambda: None, "returns `None`"),
    "an array": (lambda: np.ones(3), "type ndarray"),
    "a generator": (lambda: (x for x in [1]), "type generator"),
    "an empty list": (list, "list is empty"),
    "too many": (lambda: [[[1.0]]] * 3, "3 inputs; at most 2"),
    "two arguments": (
        lambda: [(np.ones(2), np.ones(2))],
        "Input 1: `softmax(x)` takes 1 argument, and this input has 2 arguments",
    ),
    "an object": (lambda: [[[1.0]], [object()]], "Input 2"),
    "large": (lambda: [np.zeros((200, 200))], "larger than it need be"),
    "a large number inside": (lambda: [[[1.0], [2.0, [10**9]]]], "larger than it need be"),
    "large in all": (lambda: [[[1.0] * n for n in (499, 502)]], "larger than it need be"),
    "one axis": (lambda: [np.zeros(3)], "Input 1 is refused by a right implementation"),
    "a text": (lambda: ["abc"], "Input 1 is refused by a right implementation"),
    "ragged": (lambda: [[[1.0], [1.0, 2.0]]], "Input 1 is refused by a right implementation"),
}


@pytest.mark.parametrize("answer, words", NO_TESTS.values(), ids=NO_TESTS)
def test_what_is_no_list_of_inputs_is_told(checker, answer, words):
    verdict = judged(checker, answer)
    assert verdict.kind == "look" and words in str(verdict)


def test_an_input_on_which_right_answers_disagree_is_no_test(checker):
    checker.of.rights.append(lambda x: np.where(x > 500, 0.0, checker.of.true(x)))
    verdict = judged(checker, lambda: [[[1.0, 2.0]], [[1.0, 600.0]]])
    assert verdict.kind == "look" and "On input 2 implementations that are right disagree" in verdict.text


def test_an_exception_and_a_limit_are_told(checker):
    verdict = judged(checker, lambda: [1 / 0])
    assert verdict.headline == "It stopped with ZeroDivisionError"
    (endless,) = [o.__class__("time") for o in run_each(lambda: 1, [Call(())])]
    assert checker.judge(None, [endless]).diagnosis == "limit"


def test_a_checker_of_some_mistakes_and_of_unknown_ones(softmax):
    some = Checker("98.6", "inputs", of=softmax, wrong=("overflows",), level=1, minutes=3)
    assert judged(some, lambda: [[[0.0, 1000.0]]]).headline == "1 of 1 wrong implementations fell"
    with pytest.raises(ArgumentError, match="mistakes of 98.1"):
        _ = Checker("98.7", "inputs", of=softmax, wrong=("none_such",), level=1, minutes=3).wrong


def test_where_several_answers_are_right_all_are_accepted(softmax):
    softmax.accept(lambda got, wanted, args: got.shape == wanted.shape)
    C = Checker("98.6", "inputs", of=softmax, level=1, minutes=3)
    assert judged(C, lambda: [[[0.0, 1000.0]]]).headline == "1 of 3 wrong implementations fell"


# -- name the bug --------------------------------------------------------------------------------------


@pytest.fixture
def bug():
    options = ("large_rate", "no_zero_grad")
    return NameTheBug("98.3", options=options, truth="no_zero_grad", symptom=lambda: "", level=1, minutes=3)


@pytest.mark.parametrize("answer", ["b", "B", " b) ", "(b)", "no_zero_grad", "no zero grad"])
def test_a_bug_is_named_by_letter_or_by_name(bug, answer):
    verdict = bug.judge(answer, [])
    assert verdict.kind == "right"
    assert verdict.text == "They grow from step to step. That is how it goes."


def test_another_option_is_told_why_not_and_the_truth_is_kept(bug):
    verdict = bug.judge("a", [])
    assert verdict.kind == "look" and verdict.text == "The loss would jump at once."


@pytest.mark.parametrize("answer", ["c", "", "ab", 1, None, ["b"], len, np.ones(3)])
def test_what_is_no_option_is_told_the_letters(bug, answer):
    verdict = bug.judge(answer, [])
    assert verdict.headline == "Not one of the options" and '"a", "b"' in verdict.text


def test_a_truth_that_is_no_option_is_refused():
    with pytest.raises(ArgumentError, match="one of"):
        NameTheBug("98.3", options=("a", "b"), truth="c", symptom=str, level=1, minutes=1)


def test_the_solution_names_letter_and_statement(bug):
    assert bug.solution() == "b: Gradients are never set back."
    assert bug.calls("b") == []


# -- predict and explain -------------------------------------------------------------------------------


@pytest.fixture
def prediction():
    return PredictExplain("98.4", outcome=lambda: 9.7, unit="percent", close=5, options=("learned", "chance"),
                          truth="chance", level=1, minutes=4)  # fmt: skip


def test_the_outcome_is_told_after_a_prediction_and_then_the_reason_counts(prediction):
    for nothing in (None, (None, None), (None, "b"), (..., "b")):
        assert prediction.judge(nothing, []).kind == "open"
        assert "10 percent" not in str(prediction.judge(nothing, []))
    for first in (12, (12, None), (np.float64(12), ...)):
        verdict = prediction.judge(first, [])
        assert verdict.kind == "said" and verdict.headline == "Close"
        assert "It is 10 percent." in verdict.text and "write the letter" in verdict.text
    assert prediction.judge((50, "b"), []).kind == "right"
    assert prediction.judge((12, "a"), []).kind == "look"
    assert "Nothing was trained." in prediction.judge((12, "a"), []).text


@pytest.mark.parametrize("guess", ["50", True, [5], -1, 101, float("nan"), float("inf")])
def test_what_is_no_prediction_tells_no_outcome(prediction, guess):
    verdict = prediction.judge((guess, "b"), [])
    assert verdict.kind == "look" and "10 percent" not in str(verdict)


def test_an_unknown_reason_is_told(prediction):
    assert prediction.judge((50, "z"), []).headline == "Not one of the options"


# -- variants ------------------------------------------------------------------------------------------


@pytest.fixture
def variant():
    V = Variant("98.5", "scaled(x)", returns="y", draw=lambda rng: {"warmup": int(rng.integers(2, 1000))},
                level=1, minutes=3)  # fmt: skip
    V.cases(lambda rng: iter([case(rng.normal(size=3))]))
    V.reference(lambda x: V.k["warmup"] * x)

    @V.worked
    def scaled(x):
        return V.k["warmup"] * x

    return V


def test_constants_follow_the_seed_in_task_hints_reference_and_solution(variant):
    seen = set()
    for seed in (1, 2, 3):
        k = variant.for_seed(seed).k["warmup"]
        seen.add(k)
        assert variant.words["task"] == f"Warm up for {k} steps; keep {{this}}."
        assert variant.hints == [f"{k} steps"]
        np.testing.assert_allclose(variant.wanted[0].value, k * variant.inputs[0].args[0])
        assert variant.solution().endswith(f"return {k} * x")
    assert len(seen) == 3


def test_a_seed_gives_the_same_constants_again_and_other_exercises_others(variant):
    first = variant.for_seed(7).k
    assert variant.for_seed(8).for_seed(7).k == first
    other = Variant("98.8", "f(x)", returns="y", draw=variant.draw, level=1, minutes=1)
    assert other.for_seed(7).k != first


# -- judged --------------------------------------------------------------------------------------------


def test_a_judge_of_its_own():
    def judge(answer, outcomes):
        return Verdict("right" if outcomes[2].value == 4 else "look")

    def calls(answer):
        return [Call((n,)) for n in range(3)]

    J = Judged("98.9", calls=calls, judge=judge, signature="f(n)", level=1, minutes=1)
    assert judged(J, lambda n: n * n).kind == "right" and judged(J, lambda n: n).kind == "look"
    J.worked([1, 2])
    assert J.solution() == "[1, 2]"
