"""CUDA kernels of the pools, run in the interpreter beside the reference."""

from __future__ import annotations

import numpy as np
import pytest
from interpreted import agrees, cases_of, drawn, for_size, is_big, launched, poison, run

from tinynn import ops
from tinynn.ops import pool_cuda, sums_cuda

EVERY = cases_of(
    "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", quick=lambda arrays: arrays[0].size < 1000
)


@pytest.fixture(autouse=True)
def memory_is_full_of_nan(monkeypatch):
    monkeypatch.setattr(pool_cuda, "THREADS", 32)
    poison(monkeypatch, pool_cuda, sums_cuda)


@pytest.mark.parametrize("case", EVERY)
def test_every_case(case):
    with for_size(case):
        agrees(case.op, case.arrays(np.float32), case.params, scale=3 if is_big(case) else 1)


WINDOWS = {
    "a pixel": ((1, 1, 1, 1), {"kernel_size": 1}),
    "the whole image": ((2, 3, 4, 3), {"kernel_size": (4, 3)}),
    "a row": ((1, 2, 1, 9), {"kernel_size": (1, 3), "stride": (1, 2)}),
    "windows that share pixels": ((2, 2, 6, 5), {"kernel_size": 3, "stride": 1, "padding": 1}),
    "pixels between windows": ((2, 1, 8, 7), {"kernel_size": 2, "stride": 3}),
    "padding on one axis": ((1, 2, 5, 6), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    "a last window over the edge": ((1, 2, 7, 8), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "over the edge and padded": (
        (1, 2, 7, 6),
        {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True},
    ),
}


@pytest.mark.parametrize("shape, params", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_odd_windows(name, shape, params):
    agrees(name, drawn(shape), params)


@pytest.mark.parametrize("shape, params", WINDOWS.values(), ids=WINDOWS)
def test_padding_need_not_count(shape, params):
    agrees("avg_pool2d", drawn(shape), {**params, "count_include_pad": False})


@pytest.mark.parametrize("dilation", [2, (1, 3), (3, 1)])
def test_windows_with_holes(dilation):
    for params in ({}, {"stride": 1, "padding": 1}, {"stride": (3, 2), "ceil_mode": True}):
        agrees("max_pool2d", drawn((2, 2, 8, 9)), {"kernel_size": 2, "dilation": dilation, **params})


def test_a_window_of_padding_alone():
    """Dilation can lead every tap over the image: the reference's 0, and no gradient."""
    x = drawn((1, 1, 1, 1))[0]
    agrees("max_pool2d", [x], {"kernel_size": 2, "dilation": 2, "padding": 1, "stride": 1})


@pytest.mark.parametrize("size", [1, 2, (1, 3), (5, 1), (5, 7), (9, 4)])
def test_windows_that_share_evenly(size):
    agrees("adaptive_avg_pool2d", drawn((2, 2, 5, 7)), {"output_size": size})


def test_the_mean_of_an_image_is_summed_by_a_block():
    assert "row_sums" in agrees("adaptive_avg_pool2d", drawn((1, 2, 14, 15)), {"output_size": 1})


def test_of_equal_numbers_the_first_wins():
    x = np.zeros((1, 1, 4, 4), np.float32)
    params = {"kernel_size": 3, "stride": 1}
    agrees("max_pool2d", [x], params)
    agrees("max_pool2d", [x - np.inf], params)
    pair = ops.max_pool2d.pair("simt")
    y, cache = pair.forward(x, **params)
    (dx,) = pair.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dx[0, 0, :2, :2], np.ones((2, 2)))
    assert dx.sum() == 4


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_nan_and_infinities(name):
    (x,) = drawn((1, 2, 6, 6))
    x[0, 0, 2, 3], x[0, 0, 2, 2], x[0, 1, 0, 0], x[0, 1, 5, 5] = np.nan, np.nan, np.inf, -np.inf
    agrees(name, [x], {"kernel_size": 3, "stride": 2, "padding": 1})


def test_arrays_may_lie_anywhere():
    x, dy = drawn((6, 5, 4, 2), (2, 5, 3, 2))
    image, upstream = x.transpose(3, 1, 0, 2)[:, ::-1], dy[:, :, ::-1]
    assert not image.flags.c_contiguous and not upstream.flags.c_contiguous
    for name in ("max_pool2d", "avg_pool2d"):
        agrees(name, [image], {"kernel_size": 2}, dout=upstream)
    agrees("adaptive_avg_pool2d", [image], {"output_size": (3, 2)}, dout=upstream)


def test_float64_runs_the_reference():
    with launched() as names:
        out = run(ops.max_pool2d.pair("simt"), [np.ones((1, 1, 2, 2))], {"kernel_size": 2})
    assert out[0].dtype == np.float64 and not names
