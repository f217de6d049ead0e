"""softmax and log_softmax: each way to share out rows, on rows of every length, and on what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from against_reference import compare, compare_case, poison, same
from cases import BIG, CASES

from tinynn import ops
from tinynn.gpu import cuda, launch
from tinynn.ops import softmax_cuda, team_cuda

OPS = ("softmax", "log_softmax")
slow = pytest.mark.slow
SPECIAL = [np.nan, np.inf, -np.inf, 1e30]
SPECIAL += [pytest.param(value, marks=slow) for value in (0.0, -1e30, 100.0, -100.0, 1e-42)]
KERNELS = ("warp", "online", "naive")


@pytest.fixture(autouse=True)
def poisoned_outputs():
    with poison(softmax_cuda):
        yield


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def small_blocks(monkeypatch):
    """Every row along the last axis to a block of two warps."""
    monkeypatch.setattr(softmax_cuda, "IN_REGISTERS", 0)
    monkeypatch.setattr(softmax_cuda, "BLOCK", 64)


@pytest.mark.parametrize("case", [c for c in CASES if c.op in OPS], ids=lambda c: c.id)
def test_pairs_are_the_reference_s(case):
    compare_case(case)


@slow
@pytest.mark.parametrize("case", [c for c in BIG if c.op in OPS], ids=lambda c: c.id)
def test_pairs_are_the_reference_s_on_large_inputs(case):
    compare_case(case)


@pytest.mark.parametrize("op", OPS)
def test_length_and_axis_choose_the_kernel(op):
    chosen = {
        "warp": compare(op, [normal(2, 40)], {}) + compare(op, [normal(2, 5, 1)], {"axis": 1}),
        "naive": compare(op, [normal(3, 5, 2)], {"axis": -2}),
        "online": compare(op, [normal(2, 1030)], {"axis": 1}),
    }
    for name, ran in chosen.items():
        backward = {"online": "block"}.get(name, name)
        assert set(ran) == {f"softmax_{name}", f"softmax_{backward}_backward"}


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("n", [1, 33, *[pytest.param(n, marks=slow) for n in (31, 32, 64, 65, 300)]])
def test_rows_of_every_length_and_every_kernel_agree(op, n):
    """The three ways on the same rows: forward and backward, with teams of one warp and of two."""
    log, x, dy = op == "log_softmax", normal(3, n), normal(3, n)
    reference = ops.catalogue[op].pair("numpy")
    y, cache = reference.forward(x)
    (dx,) = reference.backward(dy, cache)

    def run(make, grid, block, *arrays):
        out = np.full_like(arrays[0], np.nan)
        launch(make, grid, block, *arrays, out)
        return out.reshape(3, n)

    columns = [a.reshape(3, n, 1) for a in (x, y, dy)]
    per = softmax_cuda.per_thread(n)
    same(run(softmax_cuda.make_naive(log), 1, 32, columns[0]), y)
    same(run(softmax_cuda.make_naive_backward(log), 1, 32, *columns[1:]), dx)
    same(run(softmax_cuda.make_warp(per, log), 2, (32, 2), x), y)
    same(run(softmax_cuda.make_warp_backward(per, log), 2, (32, 2), y, dy), dx)
    for T in (32, 64):
        same(run(softmax_cuda.make_online(T, log), 3, T, x), y)
        same(run(softmax_cuda.make_block_backward(T, log), 3, T, y, dy), dx)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("value", SPECIAL, ids=str)
def test_special_values_do_what_they_do_in_the_reference(kernel, value, monkeypatch):
    """One alone, a row full of them, and all but one."""
    x = normal(5, 35)
    if kernel == "online":
        small_blocks(monkeypatch)
    x[1, 7] = x[2, 0] = value
    x[3], x[4, 1:] = value, value
    x, params = (x[:, :, None].repeat(2, 2), {"axis": 1}) if kernel == "naive" else (x, {})
    for op in OPS:
        ran = compare(op, [x], params, rtol=1e-4 if abs(value) == 1e30 else 3e-5)
        assert f"softmax_{kernel}" in ran


def test_masks_of_minus_infinity_give_probability_zero(monkeypatch):
    rows = normal(5, 300)
    rows[:, 7:290] = -np.inf
    rows[2, :299] = -np.inf
    for small in (False, True):
        if small:
            small_blocks(monkeypatch)
        p, _ = softmax_cuda.softmax_forward(rows)
        assert (p[rows == -np.inf] == 0).all() and p[2, -1] == 1
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


def test_the_same_numbers_give_the_same_bits(monkeypatch):
    small_blocks(monkeypatch)
    x = normal(3, 700)
    first, again = softmax_cuda.softmax_forward(x)[0], softmax_cuda.softmax_forward(x)[0]
    assert (first == again).all()


@pytest.mark.parametrize("T", [32, 96, pytest.param(1024, marks=slow)])
def test_a_team_agrees_on_its_sum_and_its_largest(T):
    total, largest = team_cuda.team(T)

    @cuda.jit
    def agree(x, out):
        i, parts = cuda.threadIdx.x, cuda.shared.array(32, np.float32)
        out[0, i] = total(x[i], parts)
        out[1, i] = largest(x[i], parts)
        out[2, i] = total(out[0, i], parts)  # a second sum does not disturb the first

    x, out = -np.abs(normal(T)), np.full((3, T), np.nan, np.float32)
    launch(agree, 1, T, x, out)
    np.testing.assert_allclose(out[0], x.sum(), rtol=1e-5)
    assert (out[1] == x.max()).all()
    np.testing.assert_allclose(out[2], T * x.sum(), rtol=1e-5)
