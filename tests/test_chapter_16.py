"""What chapter 16 claims: of barriers, tiles, tails and banks, and of a student's kernels in training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.diagnoses import verdict
from tinynn import backend, nn, optim, tensor
from tinynn import functional as F
from tinynn.course import mine, plots, together
from tinynn.course.check import use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch16 import conflicts, detective, loads
from tinynn.data import rings
from tinynn.errors import ArgumentError, KernelError
from tinynn.gpu import cuda, float32, launch


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


X = np.array([3, 1, 7, 0, 4, 1, 6, 3], np.float32)


@cuda.jit
def turned(x, y):
    s = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    y[t] = s[7 - t]


@cuda.jit
def hasty(x, y):
    s = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    y[t] = s[7 - t]


# -- barriers --------------------------------------------------------------------------------------------


def printed(kernel, capsys: pytest.CaptureFixture) -> list[str]:
    together.in_three_orders(kernel, 1, 8, X, np.zeros(8, np.float32))
    return [line.partition("[")[2] for line in capsys.readouterr().out.splitlines()]


def test_with_a_barrier_the_order_of_threads_is_nothing_and_without_it_half_is_lost(
    capsys: pytest.CaptureFixture,
) -> None:
    assert len(set(printed(turned, capsys))) == 1
    without = printed(hasty, capsys)
    assert len(set(without)) == 3 and [line.count("nan") for line in without] == [4, 4, 4]
    assert together.outcome(turned, 1, 8, X, X) == "nothing"
    assert together.outcome(hasty, 1, 8, X, X) == "race"


def test_a_barrier_in_a_branch_is_found() -> None:
    @cuda.jit
    def for_some(x, y):
        t = cuda.threadIdx.x
        if t < 4:
            cuda.syncthreads()
        y[t] = x[t]

    assert together.outcome(for_some, 1, 8, X, X) == "barrier"


def test_the_detectives_evidence_names_the_two_lines_and_only_one_order_is_wrong() -> None:
    told, forward, backward = detective.evidence()
    assert "m = s[0]" in told and "s[t] = math.exp(x[t] - m)" in told
    e = np.exp(detective.X - detective.X.max())
    assert backward == pytest.approx(e / e.sum()) and not np.allclose(forward, backward, atol=0.05)
    assert "cuda.syncthreads" not in detective.symptom()
    assert [detective.missing.judge(x, []).kind for x in "abcde"] == ["look", "look", "right", "look", "look"]


@pytest.mark.parametrize("line", [1, 2, 3, 4, 5])
def test_each_of_the_detectives_barriers_is_needed(line: int) -> None:
    """With all five nothing is found; without any one of them a race is."""

    def kernel(skipped: int):
        @cuda.jit
        def five(x, y):
            s = cuda.shared.array(8, float32)
            t = cuda.threadIdx.x
            s[t] = x[t]
            if skipped != 1:
                cuda.syncthreads()
            for half in (4, 2, 1):
                if t < half:
                    s[t] = max(s[t], s[t + half])
                if skipped != 2:
                    cuda.syncthreads()
            m = s[0]
            if skipped != 3:
                cuda.syncthreads()
            s[t] = x[t] - m
            if skipped != 4:
                cuda.syncthreads()
            for half in (4, 2, 1):
                if t < half:
                    s[t] += s[t + half]
                if skipped != 5:
                    cuda.syncthreads()
            y[t] = s[0]

        return five

    assert together.outcome(kernel(0), 1, 8, X, X) == "nothing"
    assert together.outcome(kernel(line), 1, 8, X, X) == "race"


# -- trees, tiles, banks ---------------------------------------------------------------------------------


def test_a_tree_takes_the_logarithm_of_steps() -> None:
    assert [together.steps_of_a_tree(n) for n in (1, 2, 8, 256)] == [0, 1, 3, 8]
    assert plots.tree(X).alt.endswith("thread 0 adds the number 1 further on, and 25 stand in front.")


def test_tiles_divide_the_loads() -> None:
    assert [together.loads_each(tile) for tile in (0, 2, 4, 8)] == [8, 4, 2, 1]
    assert loads.loads_of_a_number() == 64 / 16


def test_the_pictures_of_a_walk_say_what_lies_outside() -> None:
    assert "zeros stand there" in together.walked(2).alt and "zeros" not in together.walked(0).alt


def test_tiles_with_a_tail_that_keeps_its_numbers_are_wrong_and_nothing_is_found() -> None:
    @cuda.jit
    def dot(x, y, out):
        tx, ty = cuda.shared.array(4, float32), cuda.shared.array(4, float32)
        t, total = cuda.threadIdx.x, float32(0)
        for k0 in range(0, x.size, 4):
            if k0 + t < x.size:
                tx[t], ty[t] = x[k0 + t], y[k0 + t]
            cuda.syncthreads()
            for k in range(4):
                total += tx[k] * ty[k]
            cuda.syncthreads()
        if t == 0:
            out[0] = total

    ones, out = np.ones(6, np.float32), np.zeros(1, np.float32)
    launch(dot, 1, 4, ones, ones, out)
    assert out[0] == 8


def test_a_column_in_the_banks() -> None:
    assert [together.column_of_a_tile(w).ways for w in (32, 33, 34, 40)] == [32, 1, 2, 8]
    assert conflicts.padded.judge((8, "b"), []).kind == "right"


def test_a_second_barrier_forgotten_is_named_by_the_shapes_that_show_it() -> None:
    told = verdict(find("16.2"), find("16.2").mistakes["no_barrier_before_the_next_tile"].function)
    assert told.names == ("no_barrier_before_the_next_tile",) and "a race" in told.headline


# -- in training -----------------------------------------------------------------------------------------


def trained(steps: int) -> float:
    points, classes = rings(8)
    inputs, target = tensor(points), tensor(np.eye(2, dtype=np.float32)[classes])
    rng = np.random.default_rng(0)
    w1, w2 = (nn.Parameter(rng.normal(size=s).astype(np.float32)) for s in ((2, 8), (8, 2)))
    optimiser = optim.SGD([w1, w2], lr=1.0)
    for _ in range(steps):
        shares = F.softmax(F.relu(inputs @ w1) @ w2)
        loss = -(target * shares.log()).sum() / len(points)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


def test_kernels_train_to_the_librarys_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    library = trained(4)
    for id in ("16.1", "16.2", "16.3"):
        monkeypatch.setitem(mine._passed, id, find(id).worked_answer)
    with use_mine("16.1") as added, use_mine("16.2") as product, use_mine("16.3") as softmax:
        own = trained(4)
    assert own == pytest.approx(library, abs=1e-4)
    assert (added.calls, product.calls, softmax.calls) == (8, 8, 4)  # 16 numbers: two launches a sum


@pytest.mark.parametrize(
    ("id", "use"),
    [
        ("16.1", lambda x: x.sum(dim=0)),
        ("16.2", lambda x: x.reshape(1, 2, 2) @ x),
        ("16.3", lambda x: F.softmax(x, dim=0)),
    ],
)
def test_what_the_kernel_does_not_do_is_refused(id, use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mine._passed, id, find(id).worked_answer)
    with use_mine(id), pytest.raises((ArgumentError, KernelError)):
        use(tensor(np.ones((2, 2), np.float32)))
