"""The losses' kernels: every option, rows of few and of many classes, and what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from against_reference import compare, compare_case, poison, same
from cases import BIG, CASES

from tinynn import ops
from tinynn.ops import loss_cuda, loss_pairs_cuda

CLASSES = ("cross_entropy", "nll_loss")
PAIRS = ("mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits")
slow = pytest.mark.slow
SPECIAL = [np.nan, np.inf, -np.inf, 1e30]
SPECIAL += [pytest.param(value, marks=slow) for value in (-1e30, 100.0, -100.0, 1e-42)]


@pytest.fixture(autouse=True)
def small_blocks_on_poisoned_outputs(monkeypatch):
    monkeypatch.setattr(loss_cuda, "TOTAL", 64)
    monkeypatch.setattr(loss_pairs_cuda, "BLOCK", 32)
    with poison(loss_cuda, loss_pairs_cuda):
        yield


def small_teams(monkeypatch):
    """Every row to a block of two warps."""
    monkeypatch.setattr(loss_cuda, "IN_REGISTERS", 0)
    monkeypatch.setattr(loss_cuda, "BLOCK", 64)


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def labels(high, *shape):
    return np.random.default_rng(1).integers(0, high, shape)


@pytest.mark.parametrize("case", [c for c in CASES if c.op == "cross_entropy"], ids=lambda c: c.id)
def test_cross_entropy_is_the_reference_s(case):
    compare_case(case)


@pytest.mark.parametrize("case", [c for c in CASES if c.op == "nll_loss"], ids=lambda c: c.id)
def test_nll_loss_is_the_reference_s(case):
    compare_case(case)


@slow
@pytest.mark.parametrize("case", [c for c in BIG if c.op in CLASSES], ids=lambda c: c.id)
def test_large_inputs(case, monkeypatch):
    monkeypatch.undo()  # the library's sizes
    compare_case(case, rtol=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_many_classes_go_to_a_block(reduction, label_smoothing, monkeypatch):
    small_teams(monkeypatch)
    params = {"reduction": reduction, "label_smoothing": label_smoothing, "ignore_index": 1}
    names = compare("cross_entropy", [normal(3, 301), np.array([300, 1, 77])], params)
    assert names == ["cross_entropy", "total_loss", "cross_entropy_backward"]


@pytest.mark.parametrize("kernel", ["warp", "block"])
@pytest.mark.parametrize("value", SPECIAL, ids=str)
def test_special_values_do_what_they_do_in_the_reference(kernel, value, monkeypatch):
    """In a logit that is the target, in one that is not, in all, and where the target does not count."""
    if kernel == "block":
        small_teams(monkeypatch)
    x, targets = normal(6, 35), np.array([3, 4, 34, 0, 8, 2])
    x[0, 3] = x[1, 0] = x[4, 1] = value
    x[2], x[3, 1:] = value, value
    for smoothing in (0.0, 0.1):
        params = {"reduction": "none", "ignore_index": 8, "label_smoothing": smoothing}
        compare("cross_entropy", [x, targets], params, rtol=1e-4)
    compare("nll_loss", [x, targets], {"reduction": "none", "ignore_index": 8})


def test_masked_classes_have_no_gradient():
    x, targets = normal(3, 40), np.array([1, 39, 2])
    x[:, 7:30] = -np.inf
    loss, cache = loss_cuda.cross_entropy_forward(x, targets)
    dx, _ = loss_cuda.cross_entropy_backward(np.ones((), np.float32), cache)
    assert np.isfinite(loss) and (dx[:, 7:30] == 0).all() and np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("op", CLASSES)
def test_targets_of_every_kind_of_integer(op, dtype):
    compare(op, [normal(5, 4), labels(4, 5).astype(dtype)], {"ignore_index": 2})


def test_the_mean_counts_what_is_not_ignored():
    x, targets = normal(70, 3), labels(3, 70)
    wanted, _ = ops.cross_entropy.pair("numpy").forward(x[targets != 1], targets[targets != 1])
    loss, _ = loss_cuda.cross_entropy_forward(x, targets, ignore_index=1)
    same(loss, wanted)


def test_nll_loss_with_smoothing_runs_the_reference():
    assert compare("nll_loss", [normal(5, 4), labels(4, 5)], {"label_smoothing": 0.1}) == []


def test_the_same_numbers_give_the_same_bits():
    x, targets = normal(70, 5), labels(5, 70)
    assert loss_cuda.cross_entropy_forward(x, targets)[0] == loss_cuda.cross_entropy_forward(x, targets)[0]


# -- two arrays of one shape -------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if c.op in PAIRS], ids=lambda c: c.id)
def test_losses_of_two_arrays_are_the_reference_s(case):
    compare_case(case)


@pytest.mark.parametrize("op", PAIRS)
@pytest.mark.parametrize("blocks", [2, pytest.param(1, marks=slow), pytest.param(1024, marks=slow)])
def test_sums_of_any_number_of_blocks(op, blocks, monkeypatch):
    """More elements than threads, and sums of more blocks than a block has threads."""
    monkeypatch.setattr(loss_pairs_cuda, "MOST", blocks)
    arrays = [normal(11, 103), np.random.default_rng(1).random((11, 103)).astype(np.float32)]
    names = compare(op, arrays, {"reduction": "mean"})
    assert names == ["losses", "add_up", "slopes"]


@pytest.mark.parametrize("op", PAIRS)
@pytest.mark.parametrize("value", SPECIAL, ids=str)
def test_special_values_in_losses_of_two_arrays(op, value):
    for place in (0, 1):
        arrays = [normal(7), np.linspace(0, 1, 7, dtype=np.float32)]
        arrays[place][3] = value
        compare(op, arrays, {"reduction": "none"})


def test_huber_s_delta_and_gradients_nobody_needs():
    x, target = normal(40), np.zeros(40, np.float32)
    compare("huber_loss", [x, target], {"reduction": "sum", "delta": 0.25})
    _, cache = loss_cuda.huber_loss_forward(x, target)
    dx, none = loss_cuda.huber_loss_backward(np.ones((), np.float32), cache, (True, False))
    assert none is None and np.isfinite(dx).all()


@pytest.mark.parametrize("label", [-1, 3])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_a_label_out_of_range_gives_nan_and_reads_nothing_outside(name, label):
    x = np.log(np.full((2, 3), 1 / 3, np.float32))
    losses, _ = ops.catalogue[name].pair("simt").forward(x, np.array([1, label]), reduction="none")
    assert np.isfinite(losses[0]) and np.isnan(losses[1])
