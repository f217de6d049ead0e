"""Races found without luck, and functions that are judged in Python, compiled, and under watch."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn.course.check import check
from tinynn.course.engine.call import Call
from tinynn.course.engine.exercise import find
from tinynn.course.engine.faces import FACES, seen_as
from tinynn.course.engine.runner import run
from tinynn.course.engine.watched import Watched
from tinynn.course.race.clock import seconds_a_call

prange = range  # stands for Numba's where no test compiles
X = np.arange(1.0, 8.0, dtype=np.float32)

numba = pytest.importorskip("numba")


def in_turns(function):
    """The same code with Numba's `prange` among its globals."""
    return type(function)(function.__code__, {"np": np, "prange": numba.prange, "numba": numba})


# -- what is watched -----------------------------------------------------------------------------------------


def one_cell(x):
    out = np.zeros(1, x.dtype)
    for i in prange(len(x)):
        out[0] += x[i]
    return out


def neighbours(x):
    y = np.zeros_like(x)
    for i in prange(len(x) - 1):
        y[i] += x[i]
        y[i + 1] += x[i]
    return y


def overlapping_slices(x):
    y = np.empty(len(x))
    for i in prange(3):
        y[2 * i : 2 * i + 3] = i
    return y


def reads_what_another_writes(x):
    y = x.copy()
    for i in prange(1, len(x)):
        y[i] = y[i - 1] + x[i]
    return y


def into_a_view(x):
    y = np.zeros((2, len(x)))
    row = y[0]
    for i in prange(len(x)):
        row += x[i]
    return y


def through_out(x):
    y = np.zeros(len(x))
    for _ in prange(2):
        np.add(x, 1, out=y)
    return y


def by_flat_view(x):
    y = np.zeros((2, 3))
    for i in prange(4):
        y.reshape(-1)[i // 2] += 1
    return y


RACES = [one_cell, neighbours, overlapping_slices, reads_what_another_writes, into_a_view, through_out,
         by_flat_view]  # fmt: skip


@pytest.mark.parametrize("function", RACES)
def test_two_rounds_on_one_element_are_found(function):
    seen = Watched(in_turns(function))(X)
    assert seen["races"] and seen["loops"] == 1
    np.testing.assert_array_equal(seen["value"], function(X))
    one, other = seen["races"][0]["rounds"]
    assert one != other


def its_own_element(x):
    y = np.empty_like(x)
    for i in prange(len(x)):
        total = np.float32(0)
        for v in x[: i + 1]:
            total += v
        y[i] = total
    return y


def its_own_row(x):
    y = np.zeros((len(x), 3))
    for i in prange(len(x)):
        y[i] += x.sum()
        y[i, 1:] *= y[i, :1]
        y.T[0, i] = np.max(x) + float(x[i])
    return y


def one_loop_after_the_other(x):
    y = np.zeros_like(x)
    for i in prange(len(x)):
        y[i] = x[i]
    for i in prange(len(x)):
        y[len(x) - 1 - i] += 1
    return y


def parallel_inside_parallel(x):
    y = np.zeros((2, 1))
    for i in prange(2):
        for j in prange(3):
            y[i, 0] += x[j]
    return y


def touched_before_and_after(x):
    y = np.zeros(2)
    y[0] = 5
    for i in numba.prange(2):
        y[i] += 1
    y[0] += y[1]
    return y


@pytest.mark.parametrize(
    "function",
    [
        its_own_element,
        its_own_row,
        one_loop_after_the_other,
        parallel_inside_parallel,
        touched_before_and_after,
    ],
)
def test_rounds_that_own_what_they_write_do_not_race(function):
    seen = Watched(in_turns(function))(X)
    assert seen["races"] == [] and seen["loops"] >= 1
    wanted = type(function)(function.__code__, {"np": np, "prange": range, "numba": numba})(X)
    np.testing.assert_allclose(seen["value"], wanted)


def test_the_array_the_element_and_the_line_are_told():
    race = Watched(in_turns(one_cell))(X)["races"][0]
    assert (race["array"], race["index"], race["rounds"]) == ("out", (0,), (0, 1))
    assert race["line"] == "out[0] += x[i]"


def test_a_race_in_a_helper_is_found_and_the_function_is_as_before():
    def add(out, v):
        out[0] += v

    def total(x):
        out = np.zeros(1)
        for i in prange(len(x)):
            helper(out, x[i])  # noqa: F821
        return out

    names = {"np": np, "prange": numba.prange, "helper": add}
    function = type(total)(total.__code__, names)
    assert Watched(function)(X)["races"]
    assert names["prange"] is numba.prange and names["np"] is np and function(X) == X.sum()


# -- faces ---------------------------------------------------------------------------------------------------


def test_a_face_is_put_on_the_only_function():
    assert set(FACES) == {"python", "watched", "compiled"}
    function = numba.njit(lambda x: x + 1)
    plain, watched = seen_as([function], ("python", "watched"))
    assert plain is function.py_func and watched(2) == {"value": 3, "loops": 0, "races": []}
    assert seen_as([plain, function], ()) == [plain, function]


def beyond(x):
    return x[len(x)]


def test_compiled_an_index_out_of_range_is_an_error():
    (compiled,) = seen_as([beyond], ("compiled",))
    with pytest.raises(IndexError):
        compiled(X)


def test_faces_travel_to_the_worker():
    calls = [Call((X,), function=0), Call((X,), function=1)]
    ran = run([in_turns(one_cell)], calls, faces=("python", "watched"))
    assert ran.where == "worker" and [o.end for o in ran.outcomes] == ["value", "value"]
    assert ran.outcomes[1].value["races"][0]["array"] == "out"


# -- verdicts on a function for a compiler -------------------------------------------------------------------


def racing_sums(x, parts):
    sums = np.zeros(parts, x.dtype)
    n = len(x)
    for i in prange(n):
        p = 0
        while (p + 1) * n // parts <= i:
            p += 1
        sums[p] += x[i]
    return sums


def test_right_numbers_by_a_race_are_refused_and_told():
    said = check("14.4", numba.njit(parallel=True)(in_turns(racing_sums)))
    assert said.kind == "look" and said.names == ("race",)
    assert "`sums[0]` is touched by round 0" in str(said) and "sums[p] += x[i]" in str(said)


def test_right_numbers_without_a_parallel_loop_are_refused():
    said = check("14.4", find("14.4").worked_answer)
    assert said.kind == "look" and said.names == ("serial",)


def test_the_worked_answers_are_right_compiled_or_not():
    said = check("14.4", numba.njit(parallel=True)(in_turns(find("14.4").worked_answer)))
    assert said.kind == "right", said
    for id in ("14.1", "14.3"):
        exercise = find(id)
        assert check(id, exercise.worked_answer).kind == "right"
        assert check(id, numba.njit(exercise.worked_answer)).kind == "right"
        assert exercise.solution().startswith("@njit\ndef ")


def lists(a, b):
    rows = [[sum(p * q for p, q in zip(r, c)) for c in b.T] for r in a]
    return np.array(rows, dtype=a.dtype)


def test_what_numba_cannot_compile_is_told_with_its_message():
    said = check("14.1", lists)
    assert said.kind == "look" and said.names == ("compiled",)
    assert "Right in Python" in said.headline and "compiler says" in str(said)


def test_a_right_function_is_used_compiled():
    exercise = find("14.1")
    ready = exercise.ready(exercise.worked_answer)
    assert hasattr(ready, "py_func") and exercise.ready(ready) is ready
    a = np.random.default_rng(0).random((60, 60), dtype=np.float32)
    np.testing.assert_allclose(ready(a, a), a @ a, rtol=1e-4)
    assert seconds_a_call(lambda: ready(a, a), 1) * 10 < seconds_a_call(lambda: ready.py_func(a, a), 1)
