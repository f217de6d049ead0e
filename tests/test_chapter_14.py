"""What chapter 14 claims: of times, orders of loops, races, and of a student's functions at work."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np
import pytest

from tinynn import backend, optim, tensor
from tinynn import functional as F
from tinynn.course import fast, fast_pictures, training
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch14.line import line
from tinynn.course.race.clock import Timing
from tinynn.data import Batches
from tinynn.errors import ArgumentError

numba = pytest.importorskip("numba")


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


# -- times -----------------------------------------------------------------------------------------------


def test_all_take_turns_after_a_call_that_is_not_counted():
    calls = []
    times = fast.timed(
        {"a": lambda: calls.append("a") or sum(range(300_000)), "b": lambda: calls.append("b")}, 3
    )
    assert calls[:2] == ["a", "a"] and list(times) == ["a", "b"] and len(times) == 2
    assert times["a"].rounds == 3 and times.ratio("a", "b") > 10
    assert times.factors()["a"] == 1


def test_times_are_told_and_drawn():
    times = fast.Times({"slow": Timing(0, 0.2, 0.1, 0.3, 3), "fast": Timing(0, 0.004, 0.003, 0.005, 3)})
    assert repr(times).splitlines()[1].split() == "fast 4.0 ms (3.0 ms to 5.0 ms) 50x".split()
    assert "slow 1.0; fast 50" in times.picture("A title").alt
    assert "The roof of memory is at 100." in times.picture("A title", roof=0.002).alt
    longer = times.longer("slow", 10)
    assert longer["slow"].median == pytest.approx(2) and longer["fast"] == times["fast"]


def test_nothing_to_time_is_refused():
    with pytest.raises(ArgumentError, match="no calls"):
        fast.timed({})


def test_three_orders_of_the_loops_give_one_product_and_walk_differently():
    a, b = np.random.default_rng(0).random((2, 9, 9))
    for loops in fast.ORDERS.values():
        z = np.zeros((9, 9))
        loops(a, b, z)
        np.testing.assert_allclose(z, a @ b)
    assert fast.orders(200).ratio("i, j, k", "i, k, j") > 1.5
    assert fast.SIDE**3 == 27e6 and "27 million" in find("14.2").words["task"]


@pytest.mark.slow
def test_the_fourth_call_compiles_once_more():
    one, two, three, four, five, six = fast.six_calls()
    assert one > 3 * min(two, three) and four > 3 * min(five, six)
    assert fast.calls_told().count("softmax(x / t)") == 3


# -- types -----------------------------------------------------------------------------------------------


def test_types_show_a_leak():
    @numba.njit
    def total_of(x):
        total = 0.0
        for i in range(len(x)):
            total += x[i]
        return total

    with pytest.raises(ArgumentError, match="not compiled yet"):
        fast.types_of(total_of)
    total_of(np.ones(3, np.float32))
    assert fast.types_of(total_of) == {"i": "int64", "total": "float64", "x": "array(float32, 1d, C)"}


# -- races -----------------------------------------------------------------------------------------------


def test_two_of_twenty_orders_are_right():
    ends = fast.sums_by_order()
    assert len(ends) == 20 and set(ends.values()) == {5, 7, 12}
    assert [order for order, total in ends.items() if total == 12] == ["AAABBB", "BBBAAA"]


def test_the_picture_of_an_order_says_what_is_lost():
    assert "In memory at the end: 7, 5 is lost" in fast_pictures.taking_turns("AABABB").alt
    assert "12, right" in fast_pictures.taking_turns("BBBAAA").alt
    with pytest.raises(ArgumentError, match="AABABB"):
        fast.turns("AAB")


def test_races_says_what_it_found():
    @numba.njit(parallel=True)
    def racy(x):
        out = np.zeros(1, x.dtype)
        for i in numba.prange(len(x)):
            out[0] += x[i]
        return out

    @numba.njit(parallel=True)
    def owned(x):
        for i in numba.prange(len(x)):
            x[i] += 1
        return x

    assert "`out[0]` is touched by round 0" in str(fast.races(racy, np.ones(3)))
    x = np.ones(3)
    said = fast.races(owned, x)
    assert said.kind == "said" and "No race" in said.headline


def test_a_number_that_rounds_of_a_parallel_loop_set_does_not_get_out():
    """Part 6 says so of Numba; one thread or many makes no difference."""

    @numba.njit(parallel=True)
    def largest_of(x):
        largest = x[0]
        for i in numba.prange(len(x)):
            if x[i] > largest:
                largest = x[i]
        return largest

    @numba.njit(parallel=True)
    def by_max(x):
        largest = x[0]
        for i in numba.prange(len(x)):
            largest = max(largest, x[i])
        return largest

    x = np.linspace(1, 2, 1000)
    assert largest_of(x) == 1 and by_max(x) == 2


# -- lines -----------------------------------------------------------------------------------------------


def test_lines_fetched_by_stride():
    assert [fast_pictures.lines_fetched(s) for s in fast_pictures.STRIDES] == [1, 2, 4, 8, 16]
    assert "4 lines of 64 bytes fetched" in fast_pictures.walk(4).alt
    with pytest.raises(ArgumentError, match="one of 1, 2, 4, 8, 16"):
        fast_pictures.walk(3)


@pytest.mark.parametrize("seed", range(0, 60, 7))
def test_every_students_array_tells_the_mistakes_apart(seed):
    try:
        line.for_seed(seed)
        values = [tuple(float(o.value) for o in outcomes) for outcomes in line.known.values()]
        right = tuple(float(o.value) for o in line.wanted)
        assert len({right, *values}) == len(values) + 1
        rows, columns = line.k["rows"], line.k["columns"]
        buffer = np.zeros(rows * columns * line.k["each"] + 64, np.uint8)
        place = np.ndarray((rows, columns), f"f{line.k['each']}", buffer)
        down, right_one = place.strides
        byte = line.k["start"] + 3 * down + 4 * right_one
        assert line.worked_answer(3, 4) == byte // 64
    finally:
        line.for_seed(0)


# -- a student's functions at work ---------------------------------------------------------------------------


def losses() -> list[float]:
    x, y = training.batch(300)
    network = training.network((64, 16, 10), training.he_weights)
    optimiser, told = optim.SGD(network.parameters(), lr=0.1), []
    for xb, yb in Batches(x, y, batch_size=32, seed=0):
        loss = F.cross_entropy(network(tensor(xb)), yb)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        told.append(loss.item())
    return told


def test_a_students_product_and_softmax_train_to_the_librarys_losses():
    library = losses()
    for id in ("14.1", "14.3"):
        assert check(id, find(id).worked_answer).kind == "right"
        assert list(fast.passed(id)) == ["yours"]
    with use_mine("14.1") as product, use_mine("14.3") as softmax:
        own = losses()
    assert (product.calls, softmax.calls) == (6 * len(own), len(own))
    assert own == pytest.approx(library, abs=1e-3)


def test_until_it_has_passed_nobody_takes_part(monkeypatch):
    monkeypatch.setattr(fast.mine, "_passed", {})
    assert fast.passed("14.4") == {}


def test_the_start_says_machine_threads_and_day():
    assert "thread" in fast.start() and fast.start()[-10:].count("-") == 2


def test_importing_the_chapters_helpers_compiles_nothing():
    source = ast.parse(open(fast.__file__, encoding="utf-8").read())
    at_the_top = [n for n in source.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert "numba" not in {getattr(n, "module", "") for n in at_the_top}
