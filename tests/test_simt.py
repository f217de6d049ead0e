"""The interpreter of kernels: right ones pass, planted bugs are named, intrinsics mean what CUDA says."""

from __future__ import annotations

import gc
import math
import pickle
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import greenlet
import numpy as np
import pytest
from simt_bugs import BUGS, Bug
from simt_kernels import FULL, RIGHT, Right

from tinynn.errors import ArgumentError, DtypeError, KernelError, StateError
from tinynn.gpu import cuda, empty, launch, resources, simt
from tinynn.gpu.simt import Finding

ORDERS = ["forward", "reversed", 1, 2]


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_right_kernels_pass_in_every_order(case: Right):
    for order in ORDERS:
        with simt.settings(order=order):
            got, want = case.run()
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5, err_msg=f"order {order}")


# -- planted mistakes ----------------------------------------------------------------------------------------


def caught(bug: Bug, order: str | int = "forward") -> Finding:
    with simt.settings(order=order, **bug.settings), pytest.raises(KernelError) as raised:
        bug.run()
    finding = raised.value.finding
    assert finding.kind == bug.kind, raised.value
    return finding


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.kernel.__name__)
def test_planted_bugs_are_caught_by_kind_line_and_thread(bug: Bug):
    finding = caught(bug)
    threads, lines = {finding.thread} - {-1}, {finding.line}
    if bug.kind == "race":
        assert finding.other is not None
        threads, lines = threads | {finding.other.thread}, lines | {finding.other.line}
    assert lines <= bug.lines(), finding
    assert threads == bug.threads, finding
    assert finding.block == bug.at, finding


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.kernel.__name__)
def test_planted_bugs_are_caught_in_every_order(bug: Bug):
    for order in ORDERS[1:]:
        finding = caught(bug, order)
        assert finding.line in bug.lines(), (order, finding)
        assert bug.kind != "race" or finding.other.line in bug.lines(), (order, finding)


def test_there_are_enough_of_each():
    assert len(RIGHT) >= 40 and len(BUGS) >= 40
    assert {bug.kind for bug in BUGS} == set(simt.KINDS)
    disguises = Counter(bug.kind for bug in BUGS)
    assert min(disguises.values()) >= 3, disguises


@pytest.mark.parametrize("bug", BUGS[::4], ids=lambda bug: bug.kernel.__name__)
def test_messages_are_one_sentence_by_the_template(bug: Bug):
    with simt.settings(**bug.settings), pytest.raises(KernelError) as raised:
        bug.run()
    text, finding = str(raised.value), raised.value.finding
    assert text == str(finding) and "\n" not in text
    place = rf"kernel {bug.kernel.__name__}(, in \w+)?, line {finding.line} `.+`: got .+; expected .+\."
    assert re.match(place, text)
    assert bug.kind == "output" or "thread" in text


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.kernel.__name__)
def test_collected_findings_hold_the_mistake_and_the_launch_goes_on(bug: Bug):
    with simt.settings(**{"steps": 20_000} | bug.settings), simt.collected() as findings:
        bug.run()
    assert bug.kind in {f.kind for f in findings}, findings
    assert len({(f.kind, f.line, f.other and f.other.line) for f in findings}) == len(findings)


def test_no_finding_is_collected_of_right_kernels():
    with simt.collected() as findings:
        for case in RIGHT[::5]:
            case.run()
    assert findings == []


# -- what each name of cuda means ----------------------------------------------------------------------------


def of_each_thread(function: Callable[[], Any], threads: Any = 32, grid: Any = 1) -> list:
    """What a function gives in each thread."""
    given: list = []

    @cuda.jit
    def kernel():
        given.append((cuda.blockIdx.x, cuda.threadIdx.z, cuda.threadIdx.y, cuda.threadIdx.x, function()))

    launch(kernel, grid, threads)
    return [value for *_, value in sorted(given, key=lambda item: item[:4])]


LANES = list(range(32))


def lane() -> np.int32:
    return np.int32(cuda.laneid)


def test_shuffles_by_index_are_modulo_32():
    assert of_each_thread(lambda: cuda.shfl_sync(FULL, lane(), 5)) == [5] * 32
    assert of_each_thread(lambda: cuda.shfl_sync(FULL, lane(), lane() + 33)) == LANES[1:] + [0]
    assert of_each_thread(lambda: cuda.shfl_sync(FULL, lane(), -1)) == [31] * 32


def test_shuffles_up_and_down_give_their_own_value_at_the_edge():
    assert of_each_thread(lambda: cuda.shfl_up_sync(FULL, lane(), 3)) == [0, 1, 2] + LANES[:-3]
    assert of_each_thread(lambda: cuda.shfl_down_sync(FULL, lane(), 3)) == LANES[3:] + [29, 30, 31]
    assert of_each_thread(lambda: cuda.shfl_up_sync(FULL, lane(), 0)) == LANES
    assert of_each_thread(lambda: cuda.shfl_down_sync(FULL, lane(), 32)) == LANES


def test_shuffles_by_xor():
    assert of_each_thread(lambda: cuda.shfl_xor_sync(FULL, lane(), 1)) == [i ^ 1 for i in LANES]
    assert of_each_thread(lambda: cuda.shfl_xor_sync(FULL, lane(), 31)) == LANES[::-1]


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32, np.float64])
def test_shuffles_keep_the_type(dtype: type):
    values = of_each_thread(lambda: cuda.shfl_sync(FULL, dtype(cuda.laneid), 7))
    assert {type(v) for v in values} == {dtype}


def test_each_warp_has_its_own_lanes():
    values = of_each_thread(lambda: cuda.shfl_sync(FULL, np.int32(cuda.threadIdx.x), 1), threads=96)
    assert values == [1] * 32 + [33] * 32 + [65] * 32


def test_a_lane_that_is_not_there_gives_no_value_and_does_no_harm_unused():
    values = of_each_thread(lambda: cuda.shfl_down_sync(FULL, lane(), 8) + np.float32(1), threads=20)
    assert values[:12] == LANES[9:21]
    assert {type(v).__name__ for v in values[12:]} == {"Undefined"}


def test_an_undefined_value_goes_through_arithmetic_and_compares_false():
    def undefined() -> Any:
        v = cuda.shfl_sync(FULL, lane(), 30)
        w = -((np.float32(2) * v / 3 - 1 + v) ** 2)
        return type(w).__name__, bool(w < 1 or w > 1 or w == 1), math.isnan(np.float32(w))

    assert of_each_thread(undefined, threads=20) == [("Undefined", False, True)] * 20


def test_votes():
    even = lambda: cuda.laneid % 2 == 0
    assert of_each_thread(lambda: cuda.all_sync(FULL, True)) == [True] * 32
    assert of_each_thread(lambda: cuda.all_sync(FULL, even())) == [False] * 32
    assert of_each_thread(lambda: cuda.any_sync(FULL, cuda.laneid == 31)) == [True] * 32
    assert of_each_thread(lambda: cuda.any_sync(FULL, 0)) == [False] * 32
    assert of_each_thread(lambda: cuda.ballot_sync(FULL, even())) == [0x55555555] * 32


def test_ballots_are_int32_with_the_sign_in_lane_31():
    assert of_each_thread(lambda: cuda.ballot_sync(FULL, True)) == [-1] * 32
    assert of_each_thread(lambda: cuda.popc(cuda.ballot_sync(FULL, True))) == [32] * 32
    assert of_each_thread(lambda: cuda.ffs(cuda.ballot_sync(FULL, cuda.laneid == 31))) == [32] * 32
    assert of_each_thread(lambda: cuda.ballot_sync(FULL, True), threads=20) == [(1 << 20) - 1] * 20


def test_masks_name_the_lanes_that_meet():
    def halves() -> Any:
        mask = 0x0000FFFF if cuda.laneid < 16 else 0xFFFF0000
        return cuda.ballot_sync(mask, cuda.laneid % 16 == 0), cuda.all_sync(mask, cuda.laneid < 16)

    assert of_each_thread(halves) == [(1, True)] * 16 + [(1 << 16, False)] * 16


def test_matches():
    values = of_each_thread(lambda: cuda.match_any_sync(FULL, np.int32(cuda.laneid // 16)))
    assert values == [0xFFFF] * 16 + [-65536] * 16
    nan = np.float32(np.nan)
    assert of_each_thread(lambda: cuda.match_any_sync(0xFF, nan), threads=8) == [0xFF] * 8
    assert of_each_thread(lambda: cuda.match_all_sync(0xFF, np.int32(4)), threads=8) == [(0xFF, True)] * 8
    assert of_each_thread(lambda: cuda.match_all_sync(0xFF, lane()), threads=8) == [(0, False)] * 8


def test_active_lanes_are_those_that_come_together():
    def odd() -> int:
        return cuda.activemask() if cuda.laneid % 2 else 0

    assert of_each_thread(odd, threads=8) == [0, 0b10101010] * 4
    assert of_each_thread(cuda.lanemask_lt, threads=4) == [0, 1, 3, 7]


def test_barriers_that_count():
    third = lambda: int(cuda.threadIdx.x % 3 == 0)
    assert of_each_thread(lambda: cuda.syncthreads_count(third()), threads=40) == [14] * 40
    assert of_each_thread(lambda: cuda.syncthreads_and(third()), threads=40) == [0] * 40
    assert of_each_thread(lambda: cuda.syncthreads_or(third()), threads=40) == [1] * 40
    assert of_each_thread(lambda: cuda.syncthreads_and(7), threads=40) == [1] * 40
    assert of_each_thread(cuda.syncthreads, threads=40) == [None] * 40


def test_places_in_block_and_grid():
    assert of_each_thread(lambda: cuda.grid(1), threads=4, grid=3) == list(range(12))
    assert of_each_thread(lambda: cuda.gridsize(1), threads=4, grid=3) == [12] * 12
    places = of_each_thread(lambda: (cuda.grid(2), cuda.grid(3), cuda.gridsize(2)), (2, 3, 2), (2, 1, 1))
    assert places[0] == ((0, 0), (0, 0, 0), (4, 3))
    assert places[-1] == ((3, 2), (3, 2, 1), (4, 3))
    assert of_each_thread(lambda: (cuda.blockDim.x, cuda.gridDim.x, cuda.warpsize), 2) == [(2, 1, 32)] * 2
    numbers = of_each_thread(lambda: simt.thread().number, (2, 3, 2))
    assert numbers == list(range(12))  # x runs fastest


def test_bits():
    assert cuda.popc(0b1011) == 3 and cuda.popc(np.int32(-1)) == 32 and cuda.popc(-1) == 64
    assert cuda.clz(np.int32(1)) == 31 and cuda.clz(1) == 63 and cuda.clz(np.uint32(0)) == 32
    assert cuda.ffs(0) == 0 and cuda.ffs(8) == 4 and cuda.ffs(np.int32(-(2**31))) == 32
    assert cuda.brev(np.uint32(1)) == 1 << 31 and cuda.brev(np.int32(-1)) == FULL and cuda.brev(1) == 1 << 63


def test_fma_rounds_once():
    a = np.float32(1 + 2**-12)
    assert cuda.fma(a, a, np.float32(-1)) == np.float32(2**-11 + 2**-24) != a * a - np.float32(1)
    b = 1 + 2.0**-30
    assert cuda.fma(b, b, -1.0) == 2.0**-29 + 2.0**-60 != b * b - 1.0
    assert type(cuda.fma(a, a, a)) is np.float32
    assert np.isinf(cuda.fma(np.float32(np.inf), a, a)) and math.isnan(cuda.fma(0.0, math.inf, 1.0))


def test_selp_and_cbrt():
    assert cuda.selp(True, 1, 2) == 1 and cuda.selp(0, 1, 2) == 2
    assert math.isclose(cuda.cbrt(np.float32(27)), 3, rel_tol=1e-6)


ATOMICS = [
    ("add", np.float32, 2, 3, 5), ("add", np.int32, 2**31 - 1, 1, -(2**31)), ("add", np.uint32, 0, -1, FULL),
    ("sub", np.float32, 2, 3, -1), ("sub", np.uint32, 0, 1, FULL),
    ("max", np.float32, 2, 3, 3), ("max", np.int32, 2, -3, 2),
    ("min", np.float32, 2, 3, 2), ("min", np.int64, 2, -3, -3),
    ("exch", np.int32, 2, 3, 3), ("and_", np.int32, 6, 3, 2), ("or_", np.uint32, 6, 3, 7),
    ("xor", np.int32, 6, 3, 5),
    ("inc", np.uint32, 2, 3, 3), ("inc", np.uint32, 3, 3, 0), ("inc", np.uint32, 9, 3, 0),
    ("dec", np.uint32, 2, 3, 1), ("dec", np.uint32, 0, 3, 3), ("dec", np.uint32, 9, 3, 3),
]  # fmt: skip


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize(("name", "dtype", "old", "value", "new"), ATOMICS)
def test_atomics(name: str, dtype: type, old: int, value: int, new: int, checks: bool):
    @cuda.jit
    def kernel(x, before):
        s = cuda.shared.array(1, dtype)
        s[0] = old
        before[0] = getattr(cuda.atomic, name)(x, (1, 0), value)
        before[1] = getattr(cuda.atomic, name)(s, 0, value)
        before[2] = s[0]

    x, before = np.full((2, 2), old, dtype), np.zeros(3, dtype)
    with simt.settings(checks=checks):
        launch(kernel, 1, 1, x, before)
    assert x.tolist() == [[old, old], [new, old]]
    assert before.tolist() == [old, old, new]


@pytest.mark.parametrize(("expected", "after"), [(2, 7), (3, 2)])
def test_compare_and_swap(expected: int, after: int):
    @cuda.jit
    def kernel(x, before):
        before[0] = cuda.atomic.cas(x, 0, expected, 7)
        before[1] = cuda.atomic.compare_and_swap(x, 100, 9)

    x, before = np.array([2], np.int32), np.zeros(2, np.int32)
    launch(kernel, 1, 1, x, before)
    assert x[0] == after and before.tolist() == [2, after]


def test_stores_wrap_around_and_cut_off_as_a_gpu_does():
    @cuda.jit
    def kernel(i, u, f, b):
        i[0], i[1], i[2] = 2**31, -2.7, float("nan")
        u[0], u[1] = -1, 2**40 + 5
        f[0], f[1] = 1e300, 0.1
        b[0], b[1] = 3, 0

    i, u, f, b = np.zeros(3, np.int32), np.zeros(2, np.uint8), np.zeros(2, np.float32), np.zeros(2, bool)
    launch(kernel, 1, 1, i, u, f, b)
    assert i.tolist() == [-(2**31), -2, -(2**31)] and u.tolist() == [255, 5]
    assert f.tolist() == [math.inf, np.float32(0.1)] and b.tolist() == [True, False]


def test_elements_are_numpy_scalars_and_whole_numbers_python_s():
    kinds = {}

    @cuda.jit
    def kernel(x, k, n, f, flag):
        kinds.update(x=type(x[0]), k=type(k[0]), n=type(n + 1), f=type(f), flag=type(flag))
        kinds["attributes"] = x.shape, x.size, x.ndim, x.dtype, x.strides, x.T.shape, len(x), x.nbytes
        kinds["row"] = repr(x[1:])

    launch(kernel, 1, 1, np.zeros((2, 3), np.float32)[:, 0], np.zeros(1, np.uint8), 3, 0.5, True)
    assert kinds["x"] is np.float32 and kinds["k"] is np.uint8 and kinds["n"] is int
    assert kinds["f"] is np.float32 and kinds["flag"] is bool
    assert kinds["attributes"] == ((2,), 2, 1, np.float32, (12,), (2,), 2, 8)
    assert kinds["row"] == "x: global array of float32 (1,)"


# -- options -------------------------------------------------------------------------------------------------


@cuda.jit
def double(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] + x[i]


def order_of(order: str | int) -> list[tuple[int, int]]:
    seen = []

    @cuda.jit
    def kernel():
        seen.append((int(cuda.blockIdx.x), cuda.threadIdx.x))

    with simt.settings(order=order):
        launch(kernel, 3, 4)
    return seen


def test_orders():
    forward = [(b, t) for b in range(3) for t in range(4)]
    assert order_of("forward") == forward and order_of("reversed") == forward[::-1]
    assert order_of(1) == order_of(1) != forward
    assert sorted(order_of(1)) == forward and order_of(1) != order_of(2)


@pytest.mark.parametrize(
    "wrong",
    [{"order": "backward"}, {"order": True}, {"watch": 3}, {"steps": 0}, {"patience": -1}, {"check": 1}],
)
def test_wrong_settings_are_refused(wrong: dict):
    with pytest.raises(ArgumentError, match="simt.settings"), simt.settings(**wrong):
        pass


def test_settings_nest_and_end():
    x, y = np.ones(4, np.float32), np.zeros(8, np.float32)
    with simt.settings(order="reversed"):
        with simt.settings(outputs="y"), pytest.raises(KernelError, match="no thread wrote"):
            launch(double, 1, 8, x, y)
        launch(double, 1, 8, x, y)
    simt.run(double, (1, 1, 1), (8, 1, 1), (x, y), order=3)
    with pytest.raises(KernelError):
        simt.run(double, (1, 1, 1), (8, 1, 1), (x, y), outputs=[y])
    with pytest.raises(ArgumentError, match="'z'"):
        simt.run(double, (1, 1, 1), (8, 1, 1), (x, y), outputs="z")


def test_outputs_may_be_parts_of_arrays():
    whole = np.zeros((6, 2), np.float32)
    with simt.settings(outputs=[whole[:, 1]]):
        launch(double, 1, 8, np.ones(6, np.float32), whole[:, 1])
    assert whole.tolist() == [[0, 2]] * 6


def test_without_checks_arrays_are_numpy_s():
    kinds = []

    @cuda.jit
    def kernel(x):
        s = cuda.shared.array(4, np.float32)
        kinds.append((type(x), type(s)))
        x[-1] = 1

    x = np.zeros(3, np.float32)
    with simt.settings(checks=False):
        launch(kernel, 1, 1, x)
    assert kinds == [(np.ndarray, np.ndarray)] and x.tolist() == [0, 0, 1]


def test_watch_is_told_every_access():
    told: list[simt.Access] = []

    @cuda.jit
    def kernel(x, total):
        tile = cuda.shared.array((2, 2), np.float32)
        mine = cuda.local.array(1, np.float32)
        t = cuda.threadIdx.x
        tile[t, 1] = x[t, 2]
        mine[0] = tile[t, 1]
        for _ in range(2):
            cuda.atomic.add(total, 0, mine[0])

    x, total = np.ones((3, 4), np.float32), np.zeros(1, np.float32)
    with simt.settings(watch=told.append):
        launch(kernel, 1, 2, x, total)
    first = kernel.function.__code__.co_firstlineno
    assert total[0] == 4
    second = [(a.line - first, a.space, a.kind, a.array, a.cell, a.nth) for a in told if a.thread == 1]
    assert second == [
        (5, "global", "load", "x", 6, 0), (5, "shared", "store", "tile", 3, 0),
        (6, "shared", "load", "tile", 3, 0), (6, "local", "store", "mine", 0, 0),
        (8, "local", "load", "mine", 0, 0), (8, "global", "atomic", "total", 0, 0),
        (8, "local", "load", "mine", 0, 1), (8, "global", "atomic", "total", 0, 1),
    ]  # fmt: skip
    assert {(a.kernel, a.itemsize, a.block) for a in told} == {("kernel", 4, (0, 0, 0))}
    assert len({a.instruction for a in told if a.line == first + 5}) == 2


def test_what_is_wrong_is_found_while_watched_too():
    for bug in BUGS[::6]:
        with simt.settings(watch=lambda access: None):
            assert caught(bug).line in bug.lines()


def test_memory_of_empty_is_known_as_unwritten_until_somebody_writes_it():
    for dtype in (np.float32, np.float64, np.float16, np.int32, np.uint32, np.int64):
        x, y = empty(4, np.zeros(1), dtype), np.zeros(4, dtype)
        with pytest.raises(KernelError) as raised:
            launch(double, 1, 4, x, y)
        assert raised.value.finding.kind == "unwritten"
        x[:] = 1  # NumPy's writes count
        launch(double, 1, 4, x, y)
    assert np.isnan(empty(3, np.zeros(1))).all()


# -- taking down ---------------------------------------------------------------------------------------------


def greenlets() -> int:
    gc.collect()
    # by type: isinstance would ask a dead weak proxy, which some library may have left, for its class
    return sum(issubclass(type(o), greenlet.greenlet) and bool(o) for o in gc.get_objects())


def test_an_interrupt_ends_all_threads_and_the_next_launch_runs():
    ended = []

    @cuda.jit
    def kernel(x):
        try:
            cuda.syncthreads()
            if cuda.threadIdx.x == 5:
                raise KeyboardInterrupt
            cuda.syncthreads()
        finally:
            ended.append(cuda.threadIdx.x)

    before = greenlets()
    with pytest.raises(KeyboardInterrupt):
        launch(kernel, 1, 8, np.zeros(1))
    assert len(ended) == 8 and greenlets() == before
    with pytest.raises(StateError, match="outside a kernel"):
        cuda.threadIdx.x  # noqa: B018
    x, y = np.ones(4, np.float32), np.zeros(4, np.float32)
    launch(double, 1, 4, x, y)
    assert y.tolist() == [2] * 4


def test_findings_leave_no_greenlets():
    before = greenlets()
    for bug in BUGS[::5]:
        with simt.settings(**bug.settings), pytest.raises(KernelError):
            bug.run()
        with simt.settings(**{"steps": 10_000} | bug.settings), simt.collected():
            bug.run()
    assert greenlets() == before


def test_names_of_cuda_outside_a_kernel():
    for use in (lambda: cuda.grid(1), cuda.syncthreads, lambda: cuda.laneid, lambda: cuda.blockDim.y):
        with pytest.raises(StateError, match="outside a kernel"):
            use()
    assert not hasattr(cuda, "no_such_name")


def test_a_kernel_cannot_launch():
    @cuda.jit
    def kernel(x):
        double[1, 4](x, x)

    with pytest.raises(KernelError, match="from inside a kernel"):
        launch(kernel, 1, 1, np.zeros(4))


def test_a_refused_launch_leaves_nothing_behind():
    with pytest.raises(DtypeError, match="object"):
        launch(double, 1, 1, np.array([None]), np.zeros(1))
    with pytest.raises(StateError, match="outside a kernel"):
        cuda.grid(1)
    launch(double, 1, 1, np.zeros(1), np.zeros(1))


def test_who_watches_cannot_launch():
    x, y = np.zeros(1), np.zeros(1)
    with simt.settings(watch=lambda access: launch(double, 1, 1, x, y)):
        with pytest.raises(KernelError, match="from inside a kernel"):
            launch(double, 1, 1, x, y)


def test_syncwarps_of_overlapping_masks_make_a_chain():
    """Lanes 0 and 1 meet, then 1 and 2: so 0 comes before 2, though they never met."""

    @cuda.jit
    def kernel(y, meets):
        s = cuda.shared.array(1, np.float32)
        t = cuda.threadIdx.x
        if t == 0:
            s[0] = 1.0
        if t < 2 and meets > 0:
            cuda.syncwarp(0b011)
        if t > 0 and meets > 1:
            cuda.syncwarp(0b110)
        if t == 2:
            y[0] = s[0]

    for order in ORDERS:
        with simt.settings(order=order):
            launch(kernel, 1, 3, np.zeros(1, np.float32), 2)
            for meets in (0, 1):
                with pytest.raises(KernelError, match="a race in shared memory"):
                    launch(kernel, 1, 3, np.zeros(1, np.float32), meets)


def test_two_threads_of_python_take_turns():
    wrong = []

    def work() -> None:
        try:
            for case in RIGHT[:20:4]:
                got, want = case.run()
                np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)
        except Exception as error:
            wrong.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_errors_travel_between_processes():
    with pytest.raises(KernelError) as raised:
        launch(double, 1, 8, np.zeros(8), np.zeros(4))
    copy = pickle.loads(pickle.dumps(raised.value))
    assert str(copy) == str(raised.value) and copy.finding == raised.value.finding
    assert isinstance(copy, RuntimeError)


def test_a_kernel_of_course_size_runs_in_well_under_two_seconds():
    """4 blocks of 64 threads, 50 accesses each, all checks on; computing time, whoever else is at work."""

    @cuda.jit
    def kernel(x, y):
        s = cuda.shared.array(64, np.float32)
        t = cuda.threadIdx.x
        s[t] = x[cuda.grid(1)]
        for k in range(12):
            cuda.syncthreads()
            v = s[(t + k) % 64]
            cuda.syncthreads()
            s[t] += v
        y[cuda.grid(1)] = s[t]

    x, y = np.zeros(256, np.float32), np.zeros(256, np.float32)
    start = time.process_time()
    launch(kernel, 4, 64, x, y)
    assert time.process_time() - start < 0.7


def test_a_device_function_may_call_itself():
    @cuda.jit
    def kernel(out):
        out[cuda.threadIdx.x] = factorial(cuda.threadIdx.x)

    out = np.zeros(6, np.int32)
    launch(kernel, 1, 6, out)
    assert out.tolist() == [1, 1, 2, 6, 24, 120]


@cuda.jit(device=True)
def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


@pytest.mark.slow
@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_right_kernels_compile_for_a_gpu(case: Right):
    """What the interpreter takes, Numba takes too."""
    pytest.importorskip("numba_cuda")
    with resources.recorded() as launches:
        case.run()
    for launched in launches:
        assert resources.compiled(launched, "sm_80").registers > 0
