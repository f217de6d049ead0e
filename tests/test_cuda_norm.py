"""CUDA kernels of the norms, run in the interpreter beside the reference."""

from __future__ import annotations

import numpy as np
import pytest
from interpreted import TOLERANCE, agrees, cases_of, drawn, for_size, is_big, launched, poison, run

from tinynn import ops
from tinynn.gpu import launch
from tinynn.ops import norm, norm_cuda, norm_planes_cuda, norm_rows_cuda, sums_cuda

EVERY = cases_of(
    "layer_norm", "rms_norm", "batch_norm", "group_norm", quick=lambda arrays: arrays[0].size < 150
)


@pytest.fixture(autouse=True)
def memory_is_full_of_nan(monkeypatch):
    poison(monkeypatch, norm_cuda, norm_planes_cuda, sums_cuda)


@pytest.mark.parametrize("case", EVERY)
def test_every_case(case):
    with for_size(case):
        agrees(case.op, case.arrays(np.float32), case.params, scale=10 if is_big(case) else 1)


@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (2, 31), (1, 32), (2, 33), (5, 7)])
def test_rows_of_any_length(shape):
    assert "normalise_kept" in agrees("layer_norm", drawn(shape, shape[1:], shape[1:]), {})


def test_rows_without_a_mean():
    assert "normalise_kept" in agrees("rms_norm", drawn((2, 33), (33,)), {})


def test_a_row_too_long_to_keep_is_read_again(monkeypatch):
    monkeypatch.setattr(norm_cuda, "threads_of_rows", lambda d, each: (64, 1))
    monkeypatch.setattr(norm_cuda, "KEPT", 1)
    names = agrees("layer_norm", drawn((2, 65), (65,), (65,)), {})
    assert {"normalise_looped", "gradient_looped"} <= set(names)
    names = agrees("rms_norm", drawn((2, 64), (64,)), {})
    assert {"normalise_kept", "gradient_kept"} <= set(names)


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize(
    "make, grid, block",
    [
        (norm_rows_cuda.make_naive, 1, 8),
        (norm_rows_cuda.make_looped, 5, 64),
        (lambda centre: norm_rows_cuda.make_kept(centre, 2), 5, (64, 1)),
        (lambda centre: norm_rows_cuda.make_kept(centre, 3), 3, (32, 2)),
    ],
)
def test_every_rung_says_the_same(make, grid, block, centre):
    x, w, b = drawn((5, 70), (70,), (70,))
    y, mean, rstd = (np.full(s, np.nan, np.float32) for s in (x.shape, 5, 5))
    launch(make(centre), grid, block, x, w, b, True, True, 0.1, y, mean, rstd)
    expected = (
        norm.layer_norm_forward(x, w, b, eps=0.1)[0]
        if centre
        else norm.rms_norm_forward(x, w, eps=0.1)[0] + b
    )
    np.testing.assert_allclose(y, expected, **TOLERANCE)
    np.testing.assert_allclose(mean, x.mean(axis=1) if centre else np.zeros(5), **TOLERANCE)


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize(
    "make, grid, block",
    [
        (norm_rows_cuda.make_backward_naive, 1, 8),
        (norm_rows_cuda.make_backward_looped, 5, 64),
        (lambda centre: norm_rows_cuda.make_backward_kept(centre, 2), 5, (64, 1)),
        (lambda centre: norm_rows_cuda.make_backward_kept(centre, 3), 3, (32, 2)),
    ],
)
def test_every_rung_pulls_the_same(make, grid, block, centre):
    x, w, dy = drawn((5, 70), (70,), (5, 70))
    pair = (norm.layer_norm_forward, norm.layer_norm_backward) if centre else (
        norm.rms_norm_forward, norm.rms_norm_backward)  # fmt: skip
    expected = pair[1](dy, pair[0](x, w)[1])[0]
    mean = x.mean(axis=1) if centre else np.zeros(5, np.float32)
    rstd = (1 / np.sqrt(((x - mean[:, None]) ** 2).mean(axis=1) + 1e-5)).astype(np.float32)
    dx = np.full(x.shape, np.nan, np.float32)
    launch(make(centre), grid, block, dy, x, w, True, mean, rstd, dx)
    np.testing.assert_allclose(dx, expected, **TOLERANCE)


def test_one_thread_a_channel_says_the_same():
    x, w, b = drawn((3, 5, 7), (5,), (5,))
    y, mean, var, rstd = (np.full(s, np.nan, np.float32) for s in (x.shape, 5, 5, 5))
    launch(norm_planes_cuda.normalise_channel_naive, 2, 4, x, w, b, 1e-5, y, mean, var, rstd)
    expected = norm.batch_norm_forward(x, w, b)[0]
    for got, wanted in zip((y, mean, var), expected, strict=True):
        np.testing.assert_allclose(got, wanted, **TOLERANCE)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 200])
def test_parameter_gradients_are_summed_in_parts(rows, monkeypatch):
    monkeypatch.setattr(norm_cuda, "PARTS", 2)
    x, dy, mean, rstd = drawn((rows, 3), (rows, 3), (rows,), (rows,))
    dw, db = norm_cuda.parameter_gradients(dy, x, mean, rstd)
    expected = (dy * (x - mean[:, None]) * rstd[:, None]).sum(axis=0)
    np.testing.assert_allclose(dw, expected, rtol=3e-5, atol=3e-5)
    np.testing.assert_allclose(db, dy.sum(axis=0), rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize(
    "shape", [(2, 1), (1, 2, 3), (2, 3, 1, 1), (1, 1, 2, 1), (2, 2, 5, 7), (2, 9, 2), (9, 2)]
)
def test_channels_of_any_size(shape):
    agrees("batch_norm", drawn(shape, shape[1:2], shape[1:2]), {})


@pytest.mark.parametrize(
    "shape, groups", [((1, 1), 1), ((1, 6), 3), ((2, 6, 1, 1), 2), ((1, 4, 5, 7), 4), ((1, 2, 130), 1)]
)
def test_groups_of_any_size(shape, groups):
    agrees("group_norm", drawn(shape, shape[1:2], shape[1:2]), {"groups": groups})


@pytest.mark.parametrize(
    "name, shape", [("layer_norm", (4, 6)), ("rms_norm", (4, 6)), ("batch_norm", (3, 2, 4))]
)
def test_a_large_mean_costs_no_digits(name, shape):
    """E[x^2] - E[x]^2 in float32 would leave a variance of about 0 or 8 here."""
    x = drawn(shape)[0] + np.float32(4096)
    agrees(name, [x], {}, scale=300)


def test_arrays_may_lie_anywhere():
    x, w = drawn((3, 5, 2), (10,))
    rows, turned, upstream = x[::-1, ::2], x.transpose(0, 2, 1), drawn((5, 2, 3))[0].T
    agrees("layer_norm", [rows, w[:4:2], w[:4:2]], {}, dout=drawn((2, 3, 3))[0].T)
    agrees("group_norm", [turned], {"groups": 1}, dout=upstream)
    agrees("batch_norm", [turned, w[:4:2]], {}, dout=(upstream, *drawn((2,), (2,))))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_row(bad):
    x, w, b = drawn((3, 9), (9,), (9,))
    x[1, 4] = bad
    y = ops.layer_norm.pair("simt").forward(x, w, b)[0]
    assert np.isnan(y[1]).all() and np.isfinite(y[[0, 2]]).all()


def test_equal_numbers_become_the_bias():
    x, b = np.full((2, 5), 3, np.float32), drawn((5,))[0]
    y = ops.layer_norm.pair("simt").forward(x, np.ones(5, np.float32), b)[0]
    np.testing.assert_array_equal(y, np.stack([b, b]))


def test_float64_runs_the_reference():
    x = np.ones((3, 4))
    with launched() as names:
        assert run(ops.layer_norm.pair("simt"), [x], {}, dout=x)[0].dtype == np.float64
    assert not names


def test_two_runs_agree_bit_for_bit():
    arrays = drawn((9, 6), (6,), (6,))
    first, second = (run(ops.layer_norm.pair("simt"), arrays, {}) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (9, 33), (8, 32)])
def test_sums_of_rows_and_columns(shape):
    (x,) = drawn(shape)
    np.testing.assert_allclose(sums_cuda.sum_columns(x), x.sum(axis=0), **TOLERANCE)
    np.testing.assert_allclose(sums_cuda.sum_rows(x, 0.5), x.sum(axis=1) / 2, **TOLERANCE)


def test_a_block_sums_a_long_row():
    (x,) = drawn((2, 700))
    np.testing.assert_allclose(sums_cuda.sum_rows(x), x.sum(axis=1), rtol=3e-5, atol=3e-5)
