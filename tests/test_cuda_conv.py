"""CUDA kernels of the convolutions, run in the interpreter beside the reference."""

from __future__ import annotations

import numpy as np
import pytest
from interpreted import TOLERANCE, agrees, cases_of, drawn, for_size, is_big, launched, poison, run

from tinynn import ops
from tinynn.gpu import simt
from tinynn.ops import conv, conv_cuda, sums_cuda
from tinynn.ops import conv_tiled_cuda as tiled

EVERY = cases_of(
    "conv1d", "conv2d", "conv_transpose2d", quick=lambda arrays: arrays[0].size * arrays[1].size < 1500
)
LIBRARY_TILE = tiled.tile_of


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """Tiles of 4 channels by 8 pixels, so that small images have several; memory full of NaN."""
    monkeypatch.setattr(tiled, "tile_of", lambda *sizes: (2, 2, 8, 4))
    monkeypatch.setattr(conv_cuda, "THREADS", 32)
    poison(monkeypatch, conv_cuda, tiled, sums_cuda)


@pytest.mark.parametrize("case", EVERY)
def test_every_case(case, monkeypatch):
    if is_big(case):
        use_the_librarys_tiles(monkeypatch)
    with for_size(case):
        agrees(case.op, case.arrays(np.float32), case.params, scale=30 if is_big(case) else 1)


def use_the_librarys_tiles(monkeypatch):
    monkeypatch.setattr(tiled, "tile_of", LIBRARY_TILE)


@pytest.mark.slow
@pytest.mark.parametrize("out", [3, 17, 33])
def test_the_librarys_tiles(out, monkeypatch):
    use_the_librarys_tiles(monkeypatch)
    names = agrees("conv2d", drawn((1, 2, 4, 5), (out, 2, 3, 2), (out,)), {"padding": 1})
    assert {"gather", "meet"} <= set(names)


CONVOLUTIONS = {
    "a pixel": ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    "images of one pixel": ((3, 5, 1, 1), (2, 5, 1, 1), {}),
    "a kernel as large as the image": ((2, 2, 3, 2), (5, 2, 3, 2), {}),
    "a kernel larger than the image": ((1, 2, 2, 1), (3, 2, 4, 3), {"padding": (1, 1)}),
    "a row": ((1, 3, 1, 9), (2, 3, 1, 3), {"padding": (0, 1)}),
    "a column": ((1, 3, 9, 1), (2, 3, 3, 1), {"stride": (2, 1)}),
    "channels that leave tiles half full": ((1, 3, 4, 3), (5, 3, 2, 2), {}),
    "groups that leave tiles half full": ((1, 10, 2, 4), (10, 5, 1, 2), {"groups": 2}),
    "pixels that nobody meets": ((1, 2, 8, 9), (3, 2, 2, 2), {"stride": 3}),
    "strides and holes": (
        (1, 2, 9, 8),
        (3, 2, 3, 2),
        {"stride": (2, 3), "dilation": (2, 3), "padding": (2, 1)},
    ),
    "same, of an even kernel": ((1, 2, 4, 5), (2, 2, 2, 4), {"padding": "same", "dilation": (3, 1)}),
    "depthwise": ((2, 2, 6, 5), (2, 1, 3, 2), {"groups": 2, "padding": 1}),
    "depthwise, two of each": ((1, 3, 5, 4), (6, 1, 2, 3), {"groups": 3, "stride": 2}),
    "depthwise, many of each": ((1, 2, 3, 3), (10, 1, 2, 2), {"groups": 2}),
}


@pytest.mark.parametrize("x, weight, params", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_odd_sizes(x, weight, params):
    agrees("conv2d", drawn(x, weight, weight[:1]), params)


TRANSPOSED = {
    "a pixel": ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    "a pixel becomes a kernel": ((2, 3, 1, 1), (3, 5, 3, 2), {}),
    "strides that leave gaps": ((1, 3, 3, 2), (3, 2, 1, 2), {"stride": 3, "output_padding": (2, 1)}),
    "holes": ((1, 2, 3, 4), (2, 3, 2, 3), {"dilation": (3, 2), "padding": (1, 2), "stride": (2, 1)}),
    "groups": ((1, 10, 2, 2), (10, 5, 2, 1), {"groups": 2, "stride": 2, "padding": 1}),
    "depthwise": ((1, 3, 3, 2), (3, 1, 4, 4), {"groups": 3, "stride": 2, "padding": 1}),
}


@pytest.mark.parametrize("x, weight, params", TRANSPOSED.values(), ids=TRANSPOSED)
def test_odd_sizes_transposed(x, weight, params):
    channels = weight[1] * params.get("groups", 1)
    agrees("conv_transpose2d", drawn(x, weight, (channels,)), params)


@pytest.mark.parametrize("x, weight, params", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_plain_kernels_say_the_same(x, weight, params):
    x, weight, bias = drawn(x, weight, weight[:1])
    numbers = [params.get(k, v) for k, v in (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1))]
    g = conv.geometry(x, weight, *numbers)
    y = conv.correlate(x, weight, g)
    (dy,) = drawn(y.shape)
    with simt.settings(checks=False):  # the depthwise sizes run with them
        got = (
            conv_cuda.correlate_plain(x, weight, bias, g),
            conv_cuda.pull_plain(dy, weight, None, g),
            conv_cuda.weights_plain(x, dy, weight, g),
        )
    expected = y + bias[:, None, None], conv.spread(dy, weight, g), conv.meet(x, dy, weight, g)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, **TOLERANCE)


def test_which_kernels_run():
    depthwise = agrees("conv2d", drawn((1, 3, 4, 4), (3, 1, 2, 2)), {"groups": 3})
    assert depthwise == ["convolve_plain", "spread_plain", "meet_plain"]
    whole = agrees("conv2d", drawn((1, 3, 4, 4), (3, 3, 2, 2), (3,)), {})
    assert whole[:3] == ["gather", "gather", "meet"]


def test_parts_of_the_sum_are_added(monkeypatch):
    """With steps this small the 147 places make two parts, of which the last is not full."""
    monkeypatch.setattr(tiled, "BLOCKS", 40)
    names = agrees("conv2d", drawn((3, 1, 7, 7), (2, 1, 1, 1)), {})
    assert names == ["gather", "gather", "meet", "column_sums"]


@pytest.mark.parametrize("places", [1, 7, 8, 33, 1000, 12345])
@pytest.mark.parametrize("tiles", [1, 5, 511, 512, 9999])
@pytest.mark.parametrize("step", [1, 8])
def test_parts_cover_all_places(places, tiles, step):
    each, count = tiled.parts_of(places, tiles, step)
    assert each % step == 0 and each * (count - 1) < places <= each * count


@pytest.mark.parametrize("needs", [(False, True, True), (True, False, True), (False, False, True)])
def test_what_nobody_needs_is_not_computed(needs):
    arrays, pair = drawn((1, 2, 4, 4), (3, 2, 2, 2), (3,)), ops.conv2d.pair("simt")
    y, cache = pair.forward(*arrays)
    with launched() as names:
        gradients = pair.pull(np.ones_like(y), cache, needs)
    assert [g is not None for g in gradients[:2]] == list(needs[:2])
    assert ("gather" in names, "meet" in names) == needs[:2]


def test_arrays_may_lie_anywhere():
    x, w, b, dy = drawn((4, 5, 6, 3), (2, 2, 3, 4), (4,), (5, 5, 2, 2))
    image, weight = x.transpose(0, 3, 1, 2)[::2], w.transpose(1, 3, 2, 0)[:, ::-1][:, 1:]
    upstream = dy.transpose(2, 3, 0, 1)[:, ::-1]
    assert not any(a.flags.c_contiguous for a in (image, weight, b[::2], upstream))
    agrees("conv2d", [image, weight, b[::2]], {"padding": (1, 0)}, dout=upstream)


def test_nan_stays_in_its_image():
    x, w, b = drawn((3, 1, 3, 3), (2, 1, 2, 2), (2,))
    x[1, 0, 1, 1] = np.nan
    y = ops.conv2d.pair("simt").forward(x, w, b)[0]
    assert np.isnan(y[1]).all() and np.isfinite(y[[0, 2]]).all()
    agrees("conv2d", [x, w, b], {"padding": 1})


def test_the_two_convolutions_are_adjoint():
    """<conv2d(x), y> = <x, conv_transpose2d(y)> for one weight."""
    x, w = drawn((1, 2, 5, 4), (3, 2, 3, 2))
    params = {"stride": 2, "padding": 1}
    there, _ = ops.conv2d.pair("simt").forward(x, w, **params)
    (y,) = drawn(there.shape, seed=3)
    back, _ = ops.conv_transpose2d.pair("simt").forward(y, w, **params, output_padding=(0, 0))
    assert back.shape == x.shape
    assert (there * y).sum() == pytest.approx((x * back).sum(), rel=1e-4)


def test_too_large_an_array_runs_the_reference(monkeypatch):
    monkeypatch.setattr(conv_cuda, "MOST", 50)
    arrays = drawn((1, 2, 6, 6), (3, 2, 2, 2))
    with launched() as names:
        got = run(ops.conv2d.pair("simt"), arrays, {})
    assert not names
    for a, b in zip(got, run(ops.conv2d.pair("numpy"), arrays, {}), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_runs_agree_bit_for_bit():
    arrays = drawn((1, 3, 4, 3), (2, 3, 2, 2), (2,))
    first, second = (run(ops.conv2d.pair("simt"), arrays, {"padding": 1}) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
