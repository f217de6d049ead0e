"""What chapter 15 claims: of its launches, its races, its memory, and of a student's kernels in training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tinynn
from tests.diagnoses import verdict
from tinynn import backend, nn, optim, tensor
from tinynn import functional as F
from tinynn.course import mine, threads
from tinynn.course.check import use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch15.launches import found_out
from tinynn.course.exercises.ch15.sectors import along_a_row, column, down_a_column, seen
from tinynn.course.lens import look
from tinynn.course.plots import launch_over, launch_over_matrix
from tinynn.data import rings
from tinynn.errors import ArgumentError, KernelError
from tinynn.gpu import blocks, cuda, float32


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


@cuda.jit
def unguarded(x, y):
    i = cuda.grid(1)
    y[i] = x[i] + x[i]


# -- launches --------------------------------------------------------------------------------------------


def test_how_many_threads_are_idle() -> None:
    idle = {size: blocks(14, size) * size - 14 for size in (1, 2, 3, 4, 5, 7, 8, 16)}
    assert idle == {1: 0, 2: 0, 3: 1, 4: 2, 5: 1, 7: 0, 8: 2, 16: 2}
    assert "threads 14 to 15 have no element" in threads.covered(14, 8).alt


@pytest.mark.parametrize(
    ("launch", "words"),
    [
        ((10, 3, 4), "threads 10 to 11 have no element"),
        ((7, 2, 4), "thread 7 has no element"),
        ((8, 2, 4), "each thread has an element"),
        ((9, 2, 4), "elements 8 to 8 have no thread"),
    ],
)
def test_a_picture_of_a_launch_says_what_is_left_over(launch: tuple, words: str) -> None:
    assert words in launch_over(*launch).alt


def test_a_picture_of_two_axes_counts_what_hangs_over() -> None:
    assert "Of 64 threads, 34 hang over" in launch_over_matrix(5, 6, (2, 2), (4, 4)).alt


def test_without_a_guard_somebody_elses_memory_is_written() -> None:
    memory = np.full(16, 7, np.float32)
    y, theirs = memory[:10], memory[10:]
    numbers = np.arange(16, dtype=np.float32)
    unguarded[3, 4](threads.without_end(numbers[:10], 12), threads.without_end(y, 12))
    assert theirs.tolist() == [20, 22, 7, 7, 7, 7] and y[9] == 18
    with pytest.raises(KernelError, match="index 10 into x"):
        unguarded[3, 4](numbers[:10], y)


def test_an_attempt_says_what_is_wrong_or_missing(capsys: pytest.CaptureFixture) -> None:
    @cuda.jit
    def holed(x, y):
        i = ...
        y[i] = x[i]

    x = np.ones(8, np.float32)
    for kernel, size in ((holed, 4), (unguarded, 4), (unguarded, 5)):
        threads.attempt(kernel, 2, size, x, np.zeros(8, np.float32))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Not filled in yet: i = ..." and "nothing wrong" in said[1] and "index 8" in said[2]


def test_a_turned_kernel_is_right_on_a_wide_grid_and_not_on_one_that_fits() -> None:
    @cuda.jit
    def turned(a, t):
        i, j = cuda.grid(2)
        if i < a.shape[0] and j < a.shape[1]:
            t[j, i] = a[i, j]

    a, t = np.arange(30, dtype=np.float32).reshape(5, 6), np.zeros((6, 5), np.float32)
    turned[(2, 2), (4, 4)](a, t)
    assert np.array_equal(t, a.T)
    t = np.full((12, 2), np.nan, np.float32)
    turned[(3, 1), (4, 2)](a.reshape(-1)[:24].reshape(2, 12), t)
    assert np.isnan(t).sum() == 20


# -- races -----------------------------------------------------------------------------------------------


def test_in_step_only_one_of_the_threads_counts() -> None:
    assert threads.all_at_once(np.array([1, 0, 1, 1, 2]), 3).tolist() == [1, 1, 1]


def test_right_for_one_block_only_is_a_race_with_two() -> None:
    @cuda.jit
    def shrink(p):
        i = cuda.threadIdx.x
        while i < p.size:
            p[i] = p[i] / float32(2)
            i += cuda.blockDim.x

    p = np.arange(10, dtype=np.float32)
    shrink[1, 4](p)
    assert p.tolist() == [i / 2 for i in range(10)]
    with pytest.raises(KernelError, match="a race in global memory"):
        shrink[2, 4](p)


# -- memory ----------------------------------------------------------------------------------------------


def test_pieces_move_four_times_as_much_as_strides() -> None:
    @cuda.jit
    def pieces(x, y):
        first = 4 * cuda.grid(1)
        for k in range(4):
            y[first + k] = x[first + k]

    @cuda.jit
    def strides(x, y):
        i = cuda.grid(1)
        for k in range(4):
            y[i + k * cuda.gridsize(1)] = x[i + k * cuda.gridsize(1)]

    x = np.arange(128, dtype=np.float32)
    one, other = (look(k, 1, 32, x, np.zeros_like(x)) for k in (pieces, strides))
    assert one.used == other.used == other.moved == one.moved / 4


def test_a_column_lies_in_as_many_sectors_as_it_has_numbers() -> None:
    row, down = seen(along_a_row).array("a"), seen(down_a_column).array("a")
    assert (row.sectors, down.sectors) == (4, 32) and row.used == down.used == 128 and down.moved == 1024
    assert column.judge((32, "a"), []).kind == "right" and column.judge((4, "b"), []).kind == "look"


# -- be the checker --------------------------------------------------------------------------------------


def test_the_worked_launches_find_all_and_powers_of_two_do_not() -> None:
    assert verdict(found_out, found_out.worked_answer).kind == "right"
    told = verdict(found_out, lambda: [(64, 2, 32), (32, 1, 32)])
    assert told.kind == "look" and "still stand" in str(told)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([(5, 2)], "three whole numbers"),
        ([(5.0, 2, 4)], "three whole numbers"),
        ([5], "three whole numbers"),
        ([(0, 1, 1)], "`n` is 0"),
        ([(5, 1, 257)], "`block` is 257"),
        ([(5, 2, 4)] * 3, "at most 2 count"),
    ],
)
def test_what_is_no_launch_is_refused(given: list, words: str) -> None:
    told = verdict(found_out, lambda: given)
    assert told.kind == "look" and words in str(told)


def test_numbers_of_numpy_are_numbers_too() -> None:
    assert "no launch" not in str(verdict(found_out, lambda: [(np.int64(10), np.int32(2), 4)]))


# -- in training -----------------------------------------------------------------------------------------


def trained(steps: int) -> float:
    points, classes = rings(32)
    tinynn.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 2))
    optimiser = optim.SGD(network.parameters(), lr=1.0)
    for _ in range(steps):
        loss = F.cross_entropy(network(tensor(points)), classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


def test_kernels_train_to_the_librarys_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    library = trained(20)
    for id in ("15.1", "15.2", "15.3"):
        monkeypatch.setitem(mine._passed, id, find(id).worked_answer)
    with use_mine("15.1") as relu, use_mine("15.2") as layer, use_mine("15.3") as step:
        own = trained(20)
    assert own == pytest.approx(library, abs=1e-4)
    assert (relu.calls, layer.calls, step.calls) == (20, 40, 80)


def test_a_step_that_the_kernel_does_not_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mine._passed, "15.3", find("15.3").worked_answer)
    p = nn.Parameter(np.ones(2, np.float32))
    p.grad = tensor(np.ones(2, np.float32))
    with use_mine("15.3"), pytest.raises(ArgumentError, match=r"optim\.SGD\(params, lr=0\.1\)"):
        optim.SGD([p], lr=0.1, momentum=0.9).step()
    with use_mine("15.3"):
        optim.SGD([p], lr=0.1).step()
    assert p.data == pytest.approx([0.9, 0.9])


# -- results of a real GPU -------------------------------------------------------------------------------


def test_kept_times_stand_with_device_and_date_and_their_absence_in_a_sentence(tmp_path: Path) -> None:
    assert "none are shown" in threads.kept_results(tmp_path)
    point = {"n": 1000, "median": 2e-5, "low": 1e-5, "high": 3e-5, "rounds": 7}
    result = {"op": "relu", "inputs": "x (n,)", "points": [point]}
    content = {"format": "tinynn race 1", "device": "a GPU", "date": "2026-01-02", "results": [result]}
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    told = threads.kept_results(tmp_path)
    assert "relu, x (n,), n = 1,000: 20 microseconds on a GPU, measured 2026-01-02" in told
