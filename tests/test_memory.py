"""Memory that is used again is never handed out while anybody can still see it."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule

from tinynn import memory

pooled = pytest.mark.skipif(not memory.FREE, reason="this interpreter does not count references exactly")
LARGE = memory.SMALL


@pytest.fixture(autouse=True)
def fresh_pool():
    gc.collect()  # what an earlier test left in a cycle
    memory.clear()
    yield
    memory.clear()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (7,), (LARGE,), (3, LARGE // 2, 1), (5, LARGE + 13)])
def test_empty_is_like_numpys(shape, dtype):
    ours, theirs = memory.empty(shape, dtype), np.empty(shape, dtype)
    assert (ours.shape, ours.dtype, ours.strides) == (theirs.shape, theirs.dtype, theirs.strides)
    assert ours.flags.carray and type(ours) is np.ndarray
    ours[...] = 1
    assert ours.all()


@pooled
def test_a_dropped_array_leaves_its_memory_to_the_next_one():
    first = memory.empty((LARGE,))
    where = address(first)
    assert where % memory.ALIGN == 0
    second = memory.empty((LARGE,))
    assert address(second) != where
    del first
    assert address(memory.empty((2, LARGE // 2))) == where


HOLDERS = {
    "itself": lambda a: a,
    "a slice": lambda a: a[10:20],
    "a slice of a slice": lambda a: a[5:][3:9],
    "another shape": lambda a: a.reshape(2, -1).T,
    "another dtype": lambda a: a.view(np.uint8),
    "a memoryview": lambda a: memoryview(a)[4:8],
    "what NumPy makes of a memoryview": lambda a: np.frombuffer(memoryview(a), np.float32),
    "a broadcast view": lambda a: np.broadcast_to(a, (3, *a.shape)),
    "an iterator": lambda a: np.nditer(a),
    "a flat iterator": lambda a: a.flat,
    "a subclass": lambda a: a.view(np.matrix),
    "a masked array": lambda a: np.ma.masked_array(a, copy=False),
    "ctypes": lambda a: np.ctypeslib.as_ctypes(a),
    "a closure": lambda a: lambda: a,
}


@pooled
@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_memory_seen_through_anything_is_not_handed_out(hold):
    array = memory.empty((LARGE,))
    where = address(array)
    holder = hold(array)
    del array
    assert address(memory.empty((LARGE,))) != where
    del holder
    assert address(memory.empty((LARGE,))) == where


@pooled
def test_a_tensor_and_a_tape_hold_their_memory():
    import tinynn as tn

    x = tn.tensor(np.full(LARGE, 2.0, np.float32), requires_grad=True)
    y = tn.functional.tanh(x) * tn.functional.sigmoid(x)
    for _ in range(5):
        memory.empty((LARGE,))[...] = np.nan
    y.sum().backward()
    for _ in range(5):
        memory.empty((LARGE,))[...] = np.nan
    t, s = np.tanh(2.0), 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(x.grad.data, (1 - t * t) * s + t * s * (1 - s), rtol=1e-5)


class Holders(RuleBasedStateMachine):
    """Arrays come, are filled with a number of their own, seen through views, and go, in any order."""

    views = Bundle("views")

    def __init__(self):
        super().__init__()
        self.number = 0

    @rule(target=views, size=st.sampled_from([LARGE, LARGE + 1, 2 * LARGE, 100]))
    def allocate(self, size):
        array = memory.empty((size,))
        self.number += 1
        array[:] = self.number
        return array, self.number

    @rule(target=views, view=views, start=st.integers(0, 50), step=st.sampled_from([1, 3, -1]))
    def look(self, view, start, step):
        array, number = view
        return array.reshape(-1)[start:][::step], number

    @rule(target=views, view=consumes(views))
    def look_through_a_memoryview(self, view):
        array, number = view
        return np.asarray(memoryview(array)), number

    @rule(target=views, view=views)
    def hold_twice(self, view):
        return multiple(view, view)

    @rule(view=consumes(views))
    def drop(self, view):
        self.intact(view)

    @rule()
    def clear(self):
        memory.clear()

    @rule(view=views)
    def intact(self, view):
        array, number = view
        assert (array == number).all()


Holders.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_contents_never_change_under_a_holder = pooled(Holders.TestCase)


@pooled
def test_threads_never_get_the_same_memory():
    wrong = []

    def work(number):
        for _ in range(300):
            arrays = [memory.empty((LARGE,)) for _ in range(3)]
            for array in arrays:
                array[:] = number
            wrong.extend(1 for array in arrays if not (array == number).all())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pooled
def test_a_finaliser_that_allocates_does_not_hang():
    class Greedy(np.ndarray):
        def __del__(self):
            memory.empty((LARGE,))[:] = 0

    for _ in range(20):
        memory.empty((LARGE,)).view(Greedy)
        memory.clear()


@pooled
def test_the_pool_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "limit", 3 * LARGE * 4)
    before = memory.stats()["held"]
    kept = [memory.empty((LARGE,)) for _ in range(10)]
    assert before < memory.stats()["held"] <= memory.limit
    for n, array in enumerate(kept):
        array[:] = n
    assert all((array == n).all() for n, array in enumerate(kept))
    del kept, array
    memory.empty((2 * LARGE,))  # does not fit beside the free ones, which go
    assert memory.stats()["held"] <= memory.limit


@pooled
def test_many_arrays_of_one_size_cost_no_long_search():
    kept = [memory.empty((LARGE,)) for _ in range(memory.SCAN + 20)]
    assert memory.stats()["buffers"] <= memory.SCAN + 1
    del kept


@pooled
def test_clear_gives_back_what_is_free_and_stats_count():
    kept = memory.empty((LARGE,))
    memory.empty((LARGE,))
    found = memory.stats()
    assert found["buffers"] == 2 and found["free"] == found["held"] // 2
    memory.clear()
    found = memory.stats()
    assert found["buffers"] == 1 and found["free"] == 0
    del kept


def test_without_exact_counts_it_is_numpys(monkeypatch):
    monkeypatch.setattr(memory, "FREE", 0)
    before = memory.stats()["buffers"]
    assert memory.empty((LARGE,)).base is None
    assert memory.stats()["buffers"] == before
