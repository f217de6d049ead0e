"""Convolution as matrix products: a few rows of places at a time, sized to the cache, in each thread.

The pixels that the taps meet are gathered into a matrix (im2col), a row for each place, which BLAS
multiplies by the weight. Gathering all of a batch would fill memory with K H W copies of the image; 64 K
numbers at a time stay in a core's second cache, where the product finds them, and where backward adds the
gradient's rows back to the image (col2im).

There are two orders of gathering, by the order in which x lies in memory (`kernel_order`):

* channels last, as every convolution leaves its result: for each place, runs of KW C neighbours;
* C order, as a batch of images comes: for each channel and tap, runs of one row of places. With few
  channels (1 or 3) these runs are ten times as long as those of the other order.

Up to a million multiplications, OpenBLAS's AVX-512 kernels read their matrices where they lie instead of
packing them first. So a product is kept that small where rows of places allow it: the weight's gradient of
a first layer (27 by 32) then runs at 90 GFLOP/s instead of 40, that of 32 to 64 channels at 98 instead of 82.

Measured in one thread on a busy machine, processor time in milliseconds, forward / backward, batch 64:
1 to 32 channels on 28 x 28 0.48 / 0.36 (no dx), 32 to 64 on 13 x 13 3.3 / 6.5, of which the products alone
take 3.2 / 6.3 at 90 GFLOP/s. A step of the digit network of `tests/bench` takes 18 to 23, of the CIFAR-shaped
one 27; PyTorch's, in turn, 31 to 40 and 44 to 54. Left on the table: fewer multiplications (Winograd's way
for 3 x 3), products of a group at a time (depthwise convolutions are many thin ones), and dx of one large
image, which one thread computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..memory import empty
from ..threads import get_num_threads
from . import conv as reference
from .conv import Geometry, as_rows, geometry, transposed_geometry
from .elementwise import Needs
from .kernel import FLOAT32, OPTIONS, kernel, plain, share, split, unsigned
from .kernel_blas import product
from .kernel_order import channels_last, dense, is_channels_last, pixels
from .kernel_runs import add_run, clear_run, copy_run

FLOPS = 100.0  # that one thread does in a nanosecond, about
BLOCK = 1 << 16  # numbers of the gathered matrix at most: 256 KB, a quarter of a core's second cache
SMALL = 1_000_000  # multiplications up to which OpenBLAS, with AVX-512, does not pack its matrices first
ZERO, ONE = np.float32(0), np.float32(1)
NONE, NONE_2D = np.empty(0, FLOAT32), np.empty((0, 0), FLOAT32)
NONE_3D = np.empty((0, 0, 0), FLOAT32)

SIZES = "UniTuple(intp, 16)"
"""N, C, H, W of the image, O, H, W of the places, KH, KW, strides, paddings, dilations, groups."""


# -- gathering: (count OW, K) with K = (KH, KW, C) from channels last, or (K, count OW) from C order ----


gather = njit(**OPTIONS)  # not inlined: kernels have several calls, and each would be compiled anew


@gather
def _rows_of_pixels(image, room, row, count, group, sizes, back):
    """Gather, or with `back` add to the image, what `count` rows of places from `row` on meet."""
    _, c, h, w, _, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw, groups = sizes
    run = c // groups
    for r in range(count):
        n, i = (row + r) // oh, (row + r) % oh
        for p in range(kh):
            y = i * sh - ph + p * dh
            if y < 0 or y >= h:
                if not back:
                    for j in range(ow):
                        clear_run(room, ((r * ow + j) * kh + p) * kw * run, kw * run)
                continue
            line = (n * h + y) * w * c + group * run
            for j in range(ow):
                to, left = ((r * ow + j) * kh + p) * kw * run, j * sw - pw
                if dw == 1 and groups == 1 and left >= 0 and left + kw <= w:
                    if back:
                        add_run(room, to, image, line + left * c, kw * c)
                    else:
                        copy_run(image, line + left * c, room, to, kw * c)
                    continue
                for q in range(kw):
                    x = left + q * dw
                    if x < 0 or x >= w:
                        if not back:
                            clear_run(room, to + q * run, run)
                    elif back:
                        add_run(room, to + q * run, image, line + x * c, run)
                    else:
                        copy_run(image, line + x * c, room, to + q * run, run)


@gather
def _rows_of_places(image, room, row, count, group, sizes, back):
    """The same for an image in C order, with a row of the matrix for each channel and tap."""
    _, c, h, w, _, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw, groups = sizes
    run = c // groups
    for k in range(run * kh * kw):
        channel, p, q = group * run + k // (kh * kw), k // kw % kh, k % kw
        shift = q * dw - pw  # place j meets pixel j sw + shift
        first = min(ow, max(0, (-shift + sw - 1) // sw))
        last = max(first, min(ow, (w - 1 - shift) // sw + 1))
        for r in range(count):
            n, i = (row + r) // oh, (row + r) % oh
            y, to = i * sh - ph + p * dh, (k * count + r) * ow
            if y < 0 or y >= h:
                if not back:
                    clear_run(room, to, ow)
                continue
            line = ((n * c + channel) * h + y) * w + shift
            if back:
                for j in range(unsigned(first), unsigned(last)):
                    image[unsigned(line) + j * unsigned(sw)] += room[unsigned(to) + j]
                continue
            clear_run(room, to, first)
            if sw == 1:
                copy_run(image, line + first, room, to + first, last - first)
            else:
                for j in range(unsigned(first), unsigned(last)):
                    room[unsigned(to) + j] = image[unsigned(line) + j * unsigned(sw)]
            clear_run(room, to + last, ow - last)


# -- forward --------------------------------------------------------------------------------------------


@share
def _places(lo, hi, image, weight, bias, y, rooms, planes, sizes):
    """y = gathered @ weight + bias, in parts lo to hi, each with a room of its own to gather in."""
    oh, ow, groups, k = sizes[5], sizes[6], sizes[15], weight.shape[0]
    rows, parts, block = sizes[0] * oh, rooms.shape[0], max(1, rooms.shape[1] // max(1, ow * k))
    of = weight.shape[1] // groups
    for part in range(lo, hi):
        row, end, room = rows * part // parts, rows * (part + 1) // parts, rooms[part]
        while row < end:
            count = min(block, end - row)
            n = count * ow
            result = y[row * ow : row * ow + n]
            for i in range(n if bias.size else 0):
                copy_run(bias, 0, y, (row * ow + i) * bias.size, bias.size)
            beta = ONE if bias.size else ZERO
            for g in range(groups):
                part_of_y, w = result[:, g * of : (g + 1) * of], weight[:, g * of : (g + 1) * of]
                if planes:
                    _rows_of_places(image, room, row, count, g, sizes, False)
                    product(room[: k * n].reshape(k, n).T, w, beta, part_of_y)
                else:
                    _rows_of_pixels(image, room, row, count, g, sizes, False)
                    product(room[: n * k].reshape(n, k), w, beta, part_of_y)
            row += count


@kernel(f"f4[::1], f4[:, ::1], f4[::1], f4[:, ::1], f4[:, ::1], b1, {SIZES}")
def _convolve(team, image, weight, bias, y, rooms, planes, sizes):
    work = y.shape[0] * weight.size * 2 / FLOPS
    split(
        _places, team, rooms.shape[0], work / rooms.shape[0], (image, weight, bias, y, rooms, planes, sizes)
    )


# -- backward -------------------------------------------------------------------------------------------


@share
def _images(lo, hi, image, weight, dy, dx, dws, dbs, rooms, planes, sizes):
    """dx, and this part's share of dw and db, for the images of parts lo to hi."""
    n, oh, ow, groups, k = sizes[0], sizes[5], sizes[6], sizes[15], weight.shape[1]
    parts, block = rooms.shape[0], max(1, rooms.shape[1] // max(1, ow * k))
    several, pixels = max(1, block // oh), sizes[1] * sizes[2] * sizes[3]
    of = weight.shape[0] // groups
    for part in range(lo, hi):
        room, first = rooms[part], n * part // parts
        end = n * (part + 1) // parts
        if dws.size:
            clear_run(dws[part].reshape(-1), 0, weight.size)
        if dbs.size:
            clear_run(dbs[part], 0, dbs.shape[1])
        while first < end:
            images = min(several, end - first)
            if dx.size:
                clear_run(dx, first * pixels, images * pixels)
            row, stop = first * oh, (first + images) * oh
            while row < stop:
                count = min(block, stop - row)
                m = count * ow
                rows = dy[row * ow : row * ow + m]
                if dbs.size:
                    db = dbs[part]
                    for i in range(m):
                        for j in range(unsigned(db.size)):
                            db[j] += rows[i, j]
                for g in range(groups):
                    d, w = rows[:, g * of : (g + 1) * of], weight[g * of : (g + 1) * of]
                    if dws.size:
                        dw = dws[part, g * of : (g + 1) * of]
                        if planes:
                            _rows_of_places(image, room, row, count, g, sizes, False)
                            product(d.T, room[: k * m].reshape(k, m).T, ONE, dw)
                        else:
                            _rows_of_pixels(image, room, row, count, g, sizes, False)
                            product(d.T, room[: m * k].reshape(m, k), ONE, dw)
                    if dx.size:
                        if planes:
                            product(w.T, d.T, ZERO, room[: k * m].reshape(k, m))
                            _rows_of_places(dx, room, row, count, g, sizes, True)
                        else:
                            product(d, w, ZERO, room[: m * k].reshape(m, k))
                            _rows_of_pixels(dx, room, row, count, g, sizes, True)
                row += count
            first += images


@kernel(f"f4[::1], f4[:, ::1], f4[:, ::1], f4[::1], f4[:, :, ::1], f4[:, ::1], f4[:, ::1], b1, {SIZES}")
def _pull(team, image, weight, dy, dx, dws, dbs, rooms, planes, sizes):
    work = dy.shape[0] * weight.size * 2.0 * ((dx.size > 0) + (dws.size > 0)) / FLOPS
    args = (image, weight, dy, dx, dws, dbs, rooms, planes, sizes)
    split(_images, team, rooms.shape[0], work / rooms.shape[0], args)
    for part in range(1, rooms.shape[0]):  # the sums of the parts, in order, into the first
        if dws.size:
            add_run(dws[part].reshape(-1), 0, dws[0].reshape(-1), 0, weight.size)
        if dbs.size:
            add_run(dbs[part], 0, dbs[0], 0, dbs.shape[1])


# -- from Python ----------------------------------------------------------------------------------------


def _lies_in_planes(x: np.ndarray) -> bool:
    """Whether to gather by rows of places: x is in C order."""
    return x.flags.c_contiguous


def _memory(x: np.ndarray) -> np.ndarray:
    """The image as it lies in memory, in one of the two orders."""
    return x.ravel("K")


def _sizes(n: int, channels: int, g: Geometry, out: int) -> tuple[int, ...]:
    return (n, channels, *g.image, out, *g.places, *g.kernel, *g.stride, *g.before, *g.dilation, g.groups)


def _matrix(weight: np.ndarray, planes: bool) -> np.ndarray:
    """(O, K) with K in the order in which pixels are gathered."""
    return (weight if planes else np.ascontiguousarray(weight.transpose(0, 2, 3, 1))).reshape(len(weight), -1)


def _rooms(parts: int, g: Geometry, k: int, out: int) -> np.ndarray:
    """Room for as many rows of places as make a small product, if one does; else as fit into the cache."""
    row = g.places[1] * k
    rows = min(SMALL // (row * (out // g.groups)) or BLOCK // row, BLOCK // row)
    return empty((parts, max(rows, 1) * row))


def _image(*shape: int) -> np.ndarray:
    """An array (N, C, H, W) with its channels last in memory."""
    n, c, h, w = shape
    return empty((n, h, w, c)).transpose(0, 3, 1, 2)


def _forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, g: Geometry) -> np.ndarray:
    n, out, planes = x.shape[0], weight.shape[0], _lies_in_planes(x)
    y, w = _image(n, out, *g.places), np.ascontiguousarray(_matrix(weight, planes).T)  # (K, O)
    parts = min(get_num_threads(), n * g.places[0])
    _convolve(
        _memory(x), w, NONE if bias is None else bias, pixels(y).reshape(-1, out),
        _rooms(parts, g, w.shape[0], out), planes, _sizes(n, x.shape[1], g, out),
    )  # fmt: skip
    return y


def _backward(
    x: np.ndarray, weight: np.ndarray, dy: np.ndarray, g: Geometry, needs: Needs, planes: bool
) -> tuple:
    """(dx, dw, db) of y = conv(x, weight) + bias, each None where it is not needed."""
    n, out, channels = dy.shape[0], weight.shape[0], weight.shape[1] * g.groups
    w, parts = _matrix(weight, planes), min(get_num_threads(), n)
    shape = (n, channels, *g.image)
    dx = (empty(shape) if planes else _image(*shape)) if needs[0] else None
    dws = empty((parts, *w.shape)) if needs[1] else NONE_3D
    dbs = empty((parts, out)) if needs[2] else NONE_2D
    _pull(
        _memory(x) if needs[1] else NONE, w, pixels(channels_last(dy)).reshape(-1, out),
        NONE if dx is None else _memory(dx), dws, dbs,
        _rooms(parts, g, w.shape[1], out), planes, _sizes(n, channels, g, out),
    )  # fmt: skip
    return dx, _as_weight(dws, weight, planes) if needs[1] else None, dbs[0] if needs[2] else None


def _as_weight(dws: np.ndarray, weight: np.ndarray, planes: bool) -> np.ndarray:
    out, c, kh, kw = weight.shape
    if planes:
        return dws[0].reshape(weight.shape)
    return np.ascontiguousarray(dws[0].reshape(out, kh, kw, c).transpose(0, 3, 1, 2))


def _fits(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> bool:
    """Whether the kernels take these: x in one of the two orders, parameters in C order."""
    parameters = plain(weight) and (bias is None or plain(bias))
    return parameters and dense(x) and (x.flags.c_contiguous or is_channels_last(x))


def conv2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple:
    if not _fits(x, weight, bias):
        return reference.conv2d_forward(x, weight, bias, stride, padding, dilation, groups)
    g = geometry(x, weight, stride, padding, dilation, groups)
    return _forward(x, weight, bias, g), (x, weight, bias is not None, g, "numba")


def conv2d_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    if len(cache) == 4:
        return reference.conv2d_backward(dy, cache, needs)
    x, weight, has_bias, g, _ = cache
    wanted = (*needs[:2], has_bias and needs[2])
    dx, dw, db = _backward(x, weight, dy, g, wanted, _lies_in_planes(x))
    return (dx, dw, db) if has_bias else (dx, dw)


def conv1d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple:
    s, p, d = as_rows(stride, padding, dilation)
    y, cache = conv2d_forward(x[:, :, None], weight[:, :, None], bias, s, p, d, groups)
    return y[:, :, 0], cache


def conv1d_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    dx, dw, *db = conv2d_backward(dy[:, :, None], cache, needs)
    return (None if dx is None else dx[:, :, 0], None if dw is None else dw[:, :, 0], *db)


# -- conv_transpose2d: the passes of a convolution that leads from y to x, in each other's place --------


def conv_transpose2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> tuple:
    if not _fits(x, weight, bias):
        return reference.conv_transpose2d_forward(
            x, weight, bias, stride, padding, output_padding, groups, dilation
        )
    g = transposed_geometry(x, weight, stride, padding, output_padding, groups, dilation)
    y, _, _ = _backward(NO_IMAGE, weight, x, g, (True, False, False), planes=False)
    if bias is not None:
        pixels(y)[...] += bias
    return y, (x, weight, bias is not None, g, "numba")


NO_IMAGE = np.empty((0, 0, 0, 0), FLOAT32)


def conv_transpose2d_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    if len(cache) == 4:
        return reference.conv_transpose2d_backward(dy, cache, needs)
    x, weight, has_bias, g, _ = cache
    dy = channels_last(dy)
    dx = _forward(dy, weight, None, g) if needs[0] else None
    dw = _backward(dy, weight, x, g, (False, True, False), _lies_in_planes(dy))[1] if needs[1] else None
    return (dx, dw, pixels(dy).sum(axis=(0, 1, 2))) if has_bias else (dx, dw)
