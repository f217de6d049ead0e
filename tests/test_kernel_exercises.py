"""Exercises whose answer is a CUDA kernel: launched in several orders, judged by what is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import strict

from tests.diagnoses import verdict
from tinynn.course import mine
from tinynn.course.check import check, use_mine, yours
from tinynn.course.engine import kernels, runner
from tinynn.course.engine.call import run_each
from tinynn.course.engine.exercise import find
from tinynn.errors import KernelError
from tinynn.gpu import cuda, float32, launch
from tinynn.gpu.poison import poison, quietened, unwritten

RELU, LAYER, STEP, TALLY = (find(f"15.{n}") for n in (1, 2, 3, 4))


def said(exercise: Any, kernel: Callable) -> str:
    return str(verdict(exercise, kernel))


def test_an_unknown_bug_is_told_in_the_interpreters_words_with_the_line_of_the_student() -> None:
    def reads_its_neighbour(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = max(x[i + 1], float32(0))

    text = said(RELU, reads_its_neighbour)
    assert "an index that its array does not have" in text.splitlines()[0]
    assert "`y[i] = max(x[i + 1], float32(0))`" in text and "thread 0 of block 1" in text


def test_the_names_at_a_line_of_a_kernel_are_told_with_their_shapes() -> None:
    def reads_its_neighbour(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = max(x[i + 1], float32(0))

    (told,) = runner.run([reads_its_neighbour], RELU.calls(None)[:1]).outcomes
    assert told.problem is not None and told.problem.lines[-1].names["x"] == "array (5,) float32"


def test_a_known_mistake_is_named_and_the_finding_stands_beside_it() -> None:
    result = verdict(TALLY, TALLY.mistakes["races"].function)
    assert result.names == ("races",) and "a race" in result.headline
    assert "cuda.atomic for a sum" in str(result) and "three steps" in str(result)


def test_cells_that_no_thread_writes_are_told() -> None:
    text = said(RELU, RELU.mistakes["thread_for_element"].function)
    assert "`nan` stands where no thread wrote" in text


def test_a_nan_that_a_thread_computed_is_none_that_nobody_wrote() -> None:
    def zero_by_zero(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = (x[i] - x[i]) / (x[i] - x[i])

    text = said(RELU, zero_by_zero)
    assert "nan" in text and "where no thread wrote" not in text


def test_what_depends_on_the_order_of_threads_is_wrong_without_a_race() -> None:
    def first_come(labels, counts):
        i = cuda.grid(1)
        if i < labels.size and cuda.atomic.add(counts, labels[i], 1) == i:
            cuda.atomic.add(counts, labels[i], 1)

    assert "order of the threads" in verdict(TALLY, first_come).headline


@pytest.mark.parametrize("endless", ["touches memory", "computes"])
def test_a_kernel_without_end_ends_soon(endless: str) -> None:
    def loops(p, g, lr):
        i = cuda.grid(1)
        while i < p.size:
            p[i] -= lr * g[i]

    def spins(p, g, lr):
        i = cuda.grid(1)
        while i >= 0:
            i += 1

    began = time.process_time()
    assert "without end" in said(STEP, loops if endless == "touches memory" else spins)
    assert time.process_time() - began < 10  # the bank included


def test_threads_that_wait_for_each_other_are_told() -> None:
    def barrier_for_some(x, y):
        i = cuda.grid(1)
        if i < x.size:
            cuda.syncthreads()
            y[i] = max(x[i], float32(0))

    assert "not every thread reaches" in verdict(RELU, barrier_for_some).headline


def test_a_kernel_with_other_parameters_is_not_launched() -> None:
    assert "is launched as `relu(x, y)`" in said(RELU, lambda x: None)


@pytest.mark.parametrize("exception", [NotImplementedError, NotImplementedError("later")])
def test_what_says_that_it_is_not_begun_counts_as_that(exception: Any) -> None:
    def later(x, y):
        raise exception

    assert verdict(RELU, later).kind == "open"


def test_other_exceptions_are_told_with_the_thread() -> None:
    def divides(x, y):
        y[cuda.grid(1)] = 1 // 0

    text = said(RELU, divides)
    assert "stopped with an exception" in text and "ZeroDivisionError" in text


def test_a_kernel_travels_to_the_worker_with_its_decorator() -> None:
    @cuda.jit
    def decorated(x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = max(x[i], float32(0))

    decorated.__dict__["compiled"] = lambda: None  # what no pickle takes
    ran = runner.run([decorated], RELU.calls(decorated))
    assert ran.where == "worker" and RELU.judge(decorated, ran.outcomes).kind == "right"
    assert check("15.1", decorated).kind == "right"


def test_a_wrong_kernel_is_told_with_its_line_from_the_worker() -> None:
    assert check("15.1", RELU.mistakes["no_guard"].function).names == ("no_guard",)


def test_the_worked_answer_is_shown_under_its_decorator() -> None:
    assert RELU.solution().startswith("@cuda.jit\ndef relu(x, y):\n")


# -- on a GPU ------------------------------------------------------------------------------------------------


@pytest.fixture
def device() -> Iterator[Any]:
    """The strict array in CuPy's place: its launches run in the interpreter, by way of `to_device`."""
    with strict.standing_in():
        yield strict


def test_where_there_is_a_gpu_it_is_asked_too(device: Any) -> None:
    once = RELU.calls(None)[0].through
    outcomes = run_each(RELU.worked_answer, [c._replace(through=once) for c in RELU.asked])
    assert RELU.judge(None, outcomes).kind == "right" and once.left == 0


def test_a_gpu_that_disagrees_is_told(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "to_host", lambda a: np.asarray(device.asnumpy(a)) + 1)
    outcomes = run_each(RELU.worked_answer, RELU.calls(None))
    assert "GPU disagrees" in RELU.judge(None, outcomes).headline


def test_what_the_interpreter_refuses_never_reaches_a_gpu(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple] = []
    monkeypatch.setattr(kernels, "_must_agree_on_gpu", lambda *args: asked.append(args[2]))
    run_each(RELU.mistakes["no_guard"].function, RELU.calls(None))
    assert asked and all(len(args[0]) in (8, 1) for args in asked)  # as many threads as elements


# -- in the library's place ----------------------------------------------------------------------------------


def test_a_passed_kernel_is_handed_over_as_what_launches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.array([-1.0, 2.0], np.float32)
    monkeypatch.setitem(mine._passed, "15.1", RELU.worked_answer)
    assert yours("15.1")(x, grid=1, block=4).tolist() == [0, 2]
    monkeypatch.delitem(mine._passed, "15.1")
    assert yours("15.1")(x, grid=1, block=4).tolist() == [0, 2]


def test_kernels_stand_in_for_ops_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinynn import functional as F
    from tinynn import tensor

    x, w = np.ones((3, 2), np.float32), -np.ones((4, 2), np.float32)
    for exercise in (RELU, LAYER):
        monkeypatch.setitem(mine._passed, exercise.id, exercise.worked_answer)
    with use_mine("15.1") as first, use_mine("15.2") as second:
        y = F.relu(F.linear(tensor(x), tensor(w)))
    assert (first.calls, second.calls) == (1, 1) and not y.data.any() and y.shape == (3, 4)


def test_two_arrays_made_in_one_line_bear_their_names() -> None:
    @cuda.jit
    def hasty(x, y):
        left, right = cuda.shared.array(4, float32), cuda.shared.array(4, float32)
        t = cuda.threadIdx.x
        left[t], right[t] = x[t], x[t]
        y[t] = right[3 - t]

    with pytest.raises(KernelError, match=r"race in shared memory: thread \d of block 0 writes right\["):
        launch(hasty, 1, 4, np.ones(4, np.float32), np.zeros(4, np.float32))


def test_cells_that_nobody_wrote_are_known_in_either_form() -> None:
    for dtype in ("f2", "f4", "f8"):
        cells = poison(np.empty(3, dtype))
        cells[0] = np.nan
        assert unwritten(cells).tolist() == unwritten(quietened(cells)).tolist() == [False, True, True]
        assert np.isnan(cells).all()
