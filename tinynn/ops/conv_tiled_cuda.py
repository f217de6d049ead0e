"""Convolution as a matrix product whose patches are never stored (implicit GEMM).

y[o, pixel] = sum over k of w[o, k] patch[k, pixel], where k counts channels and taps, (c, p, q), and a
column of `patch` holds what the kernel meets at one pixel. A block computes a tile of M = ROWS COLUMNS
channels by P pixels in steps of K: it lays a tile of weights and a tile of patches into shared memory, and
each of its P threads then adds to ROWS x COLUMNS sums in registers. So each number from shared memory is
used ROWS or COLUMNS times, and each number from memory P or M times. Thread t lays out the patch of pixel t:
neighbours read neighbours, and where a pixel lies is worked out once. A tile is fetched into registers first,
all numbers at once, while slower warps still compute with the tile before.

The gradient to the image is the same product with the roles of channels exchanged; only where a tap looks
changes:

    forward     pixel i, tap p meets row  i stride - pad + p dilation
    backward    pixel i, tap p meets row (i + pad - p dilation) / stride, where that is whole

The kernel's size and the divisor are constants of the compiler, so that no division remains in the loop.
"""

from __future__ import annotations

import functools
from typing import Any

from ..gpu import Kernel, blocks, cuda, empty, float32, int32, launch, uint32
from .conv import Geometry
from .sums_cuda import given, sum_columns

NOWHERE = -(1 << 30)  # the row of a pixel that does not exist: no tap leads from there into an image
Tile = tuple[int, int, int, int]


def tile_of(channels: int, columns: int = 128) -> Tile:
    """ROWS and COLUMNS of a thread, P and K of a tile, for so many channels by so many pixels, or taps.

    The first layers of a network have few channels, and 64 by 128 would be mostly empty.
    """
    rows = 8 if channels > 32 else 4 if channels > 16 else 2
    return rows, 8, 128 if columns > 64 else 64 if columns > 32 else 32, 8


@functools.cache
def make_gather(KH: int, KW: int, DIV_H: int, DIV_W: int, ROWS: int, COLUMNS: int, P: int, K: int) -> Kernel:
    """The product for kernels of KH x KW taps. P must divide K ROWS COLUMNS, and COLUMNS must divide P."""
    TAPS, M, ACROSS, SHARE = KH * KW, ROWS * COLUMNS, P // COLUMNS, K * ROWS * COLUMNS // P
    WIDE = M + max(32 // K, 1)  # so that the threads that store a tile of weights meet different banks

    @cuda.jit
    def gather(
        x, weight, bias, biased, y, depth, rows, height, width, oh, ow, apart_m, apart_c,
        step_h, step_w, before_h, before_w, dh, dw,
    ):  # fmt: skip
        """y[n, g, m, i, j] = bias[m] + sum over (c, p, q) of weight[g, m, c, p, q] x[n, g, c, h, w].

        h = (i step - before + p d) / DIV, w likewise. x and y in one row, `depth` and `rows` channels in
        each group. Block P threads; grid (tiles of pixels, tiles of channels, groups). 2 M P operations for
        each of depth TAPS steps of a tile, and 4 (M + P) bytes, most of them from the cache.
        """
        a, b = cuda.shared.array((K, WIDE), float32), cuda.shared.array((K, P), float32)
        sums, mine = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array(ROWS, float32)
        got_a, got_b = cuda.local.array(SHARE, float32), cuda.local.array(K, float32)
        t, area, g = uint32(cuda.threadIdx.x), uint32(oh * ow), uint32(cuda.blockIdx.z)
        places = uint32(uint32(y.size) // uint32(uint32(rows) * uint32(cuda.gridDim.z)))
        place, plane = uint32(cuda.blockIdx.x * P + t), uint32(height * width)
        n = uint32(place // area)
        i = uint32(uint32(place - n * area) // uint32(ow))
        top = int32(int32(i) * step_h - before_h) if place < places else int32(NOWHERE)
        left = int32(int32(place - n * area - i * uint32(ow)) * step_w - before_w)
        image = uint32(uint32(n * uint32(cuda.gridDim.z) + g) * uint32(depth) * plane)
        tall, broad = uint32(height * DIV_H), uint32(width * DIV_W)
        first_m = uint32(cuda.blockIdx.y * M)
        for r in range(ROWS):
            for s in range(COLUMNS):
                sums[r, s] = float32(0)
        k0 = uint32(0)
        while k0 < uint32(depth * TAPS):
            for e in range(SHARE):  # the weights: K neighbours of a channel by K threads
                m, k = (t + uint32(e * P)) // uint32(K), uint32(k0 + (t + uint32(e * P)) % uint32(K))
                c, m = uint32(k // uint32(TAPS)), uint32(first_m + m)
                at = uint32(uint32(g * uint32(rows * depth * TAPS)) + k - c * uint32(TAPS))
                at = uint32(at + uint32(m * uint32(apart_m)) + uint32(c * uint32(apart_c)))
                inside = m < uint32(rows) and c < uint32(depth)
                got_a[e] = weight[at] if inside else float32(0)
            for e in range(K):  # the patch of pixel t; in uint32 a place before the first is a large number
                c = uint32(uint32(k0 + uint32(e)) // uint32(TAPS))
                tap = uint32(uint32(k0 + uint32(e)) - uint32(c * uint32(TAPS)))
                h = uint32(int32(top + int32(tap // uint32(KW)) * dh))
                w = uint32(int32(left + int32(tap % uint32(KW)) * dw))
                inside = h < tall and w < broad and c < uint32(depth)
                if DIV_H > 1 or DIV_W > 1:
                    inside = inside and h % uint32(DIV_H) == 0 and w % uint32(DIV_W) == 0
                got_b[e] = float32(0)
                if inside:
                    at = uint32(uint32(h // uint32(DIV_H)) * uint32(width) + w // uint32(DIV_W))
                    got_b[e] = x[uint32(uint32(image + uint32(c * plane)) + at)]
            cuda.syncthreads()  # all have done with the tiles before
            for e in range(SHARE):
                a[(t + uint32(e * P)) % uint32(K), (t + uint32(e * P)) // uint32(K)] = got_a[e]
            for e in range(K):
                b[e, t] = got_b[e]
            cuda.syncthreads()
            for d in range(K):
                for r in range(ROWS):
                    mine[r] = a[d, t // uint32(ACROSS) + uint32(r * COLUMNS)]
                for s in range(COLUMNS):
                    other = b[d, t % uint32(ACROSS) + uint32(s * ACROSS)]
                    for r in range(ROWS):
                        sums[r, s] += mine[r] * other
            k0 = uint32(k0 + uint32(K))
        first_m = uint32(first_m + t // uint32(ACROSS))
        for r in range(ROWS):
            m = uint32(first_m + uint32(r * COLUMNS))
            mine[r] = bias[uint32(g * uint32(rows) + m)] if biased and m < uint32(rows) else float32(0)
        for s in range(COLUMNS):
            place = uint32(cuda.blockIdx.x * P + t % uint32(ACROSS) + uint32(s * ACROSS))
            n = uint32(place // area)
            to = uint32(uint32(n * uint32(cuda.gridDim.z) + g) * uint32(rows) + first_m)
            to = uint32(to * area + place - n * area)
            end = uint32(rows) if place < places else uint32(0)
            for r in range(ROWS):
                if uint32(first_m + uint32(r * COLUMNS)) < end:
                    y[uint32(to + uint32(r * COLUMNS) * area)] = sums[r, s] + mine[r]

    return gather


@functools.cache
def make_meet(KH: int, KW: int, ROWS: int, COLUMNS: int, P: int, K: int) -> Kernel:
    """The gradient to the weights: tiles of ROWS COLUMNS channels by P of (channel, tap), K places a step.

    K must divide P, and P / K must divide ROWS COLUMNS.
    """
    TAPS, M, ACROSS, TEAMS = KH * KW, ROWS * COLUMNS, P // COLUMNS, P // K
    SHARE, WIDE_M, WIDE_P = M // TEAMS, M + 1, P + 1  # one more: threads that store meet different banks

    @cuda.jit
    def meet(x, dy, parts, each, groups, depth, rows, height, width, oh, ow, sh, sw, ph, pw, dh, dw):
        """parts[b, (g, o, c, p, q)] = sum of dy[n, g, o, i, j] x[n, g, c, s i + d p - pad, ...].

        Part b sums over `each` places (n, i, j); `sum_columns` adds the parts. x and dy in one row.
        K threads side by side read K neighbouring places. Block P threads; grid (tiles of (c, p, q), tiles
        of o, groups times parts). 2 M P operations for each place of a tile, and 4 (M + P) bytes.
        """
        a, b = cuda.shared.array((K, WIDE_M), float32), cuda.shared.array((K, WIDE_P), float32)
        sums, mine = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array(ROWS, float32)
        got_a, got_b = cuda.local.array(SHARE, float32), cuda.local.array(K, float32)
        t, area, plane = uint32(cuda.threadIdx.x), uint32(oh * ow), uint32(height * width)
        part = uint32(uint32(cuda.blockIdx.z) // uint32(groups))
        g = uint32(cuda.blockIdx.z - part * uint32(groups))
        team, lane = t // uint32(K), t % uint32(K)
        first_m, first_k = uint32(cuda.blockIdx.y * M), uint32(cuda.blockIdx.x * P)
        start = uint32(part * uint32(each))
        end = min(uint32(start + uint32(each)), uint32(uint32(dy.size) // uint32(groups * rows)))
        for r in range(ROWS):
            for s in range(COLUMNS):
                sums[r, s] = float32(0)
        while start < end:
            place = uint32(start + lane)
            n = uint32(place // area)
            i = uint32(uint32(place - n * area) // uint32(ow))
            top = int32(int32(i) * sh - ph) if place < end else int32(NOWHERE)
            left = int32(int32(place - n * area - i * uint32(ow)) * sw - pw)
            channel = uint32(n * uint32(groups) + g)
            to = uint32(uint32(channel * uint32(rows) + first_m + team) * area + place - n * area)
            for e in range(SHARE):  # dy: K places of a channel by K threads
                inside = place < end and uint32(first_m + team + uint32(e * TEAMS)) < uint32(rows)
                got_a[e] = dy[uint32(to + uint32(e * TEAMS) * area)] if inside else float32(0)
            image = uint32(channel * uint32(depth) * plane)
            for e in range(K):  # patches: P numbers for each place
                k = uint32(first_k + team + uint32(e * TEAMS))
                c = uint32(k // uint32(TAPS))
                tap = uint32(k - uint32(c * uint32(TAPS)))
                h = uint32(int32(top + int32(tap // uint32(KW)) * dh))
                w = uint32(int32(left + int32(tap % uint32(KW)) * dw))
                inside = h < uint32(height) and w < uint32(width) and c < uint32(depth)
                got_b[e] = float32(0)
                if inside:
                    got_b[e] = x[uint32(uint32(image + uint32(c * plane)) + uint32(h * uint32(width) + w))]
            cuda.syncthreads()  # all have done with the tiles before
            for e in range(SHARE):
                a[lane, team + uint32(e * TEAMS)] = got_a[e]
            for e in range(K):
                b[lane, team + uint32(e * TEAMS)] = got_b[e]
            cuda.syncthreads()
            for d in range(K):
                for r in range(ROWS):
                    mine[r] = a[d, t // uint32(ACROSS) + uint32(r * COLUMNS)]
                for s in range(COLUMNS):
                    other = b[d, t % uint32(ACROSS) + uint32(s * ACROSS)]
                    for r in range(ROWS):
                        sums[r, s] += mine[r] * other
            start = uint32(start + uint32(K))
        first_m, first_k = uint32(first_m + t // uint32(ACROSS)), uint32(first_k + t % uint32(ACROSS))
        wide = uint32(depth * TAPS)
        to = uint32(uint32(uint32(g * uint32(rows)) + first_m) * wide + first_k)
        for s in range(COLUMNS):
            end = uint32(rows) if uint32(first_k + uint32(s * ACROSS)) < wide else uint32(0)
            for r in range(ROWS):
                if uint32(first_m + uint32(r * COLUMNS)) < end:
                    parts[part, uint32(to + uint32(s * ACROSS) + uint32(r * COLUMNS) * wide)] = sums[r, s]

    return meet


def correlate(x: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    """y = conv(x, weight) + bias."""
    out, depth = weight.shape[0] // g.groups, weight.shape[1]
    taps = g.kernel[0] * g.kernel[1]
    y, (shift, biased) = empty((x.shape[0], weight.shape[0], *g.places), x), given(bias, x)
    sizes = (depth, out, *g.image, *g.places, depth * taps, taps, *g.stride, *g.before, *g.dilation)
    _gather(x, weight, shift, biased, y, sizes, (1, 1), g)
    return y


def spread(dy: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    """dx of y = conv(x, weight), plus a bias: what conv_transpose2d computes."""
    out, depth = weight.shape[0] // g.groups, weight.shape[1]
    taps = g.kernel[0] * g.kernel[1]
    dx, (shift, biased) = empty((dy.shape[0], depth * g.groups, *g.image), dy), given(bias, dy)
    back = (1, 1, *[-b for b in g.before], *[-d for d in g.dilation])
    sizes = (out, depth, *g.places, *g.image, taps, depth * taps, *back)
    _gather(dy, weight, shift, biased, dx, sizes, g.stride, g)
    return dx


def _gather(
    x: Any, weight: Any, shift: Any, biased: bool, y: Any, sizes: tuple, divisors: tuple, g: Geometry
) -> None:
    rows, places = sizes[1], y.size // y.shape[1]
    tile = tile_of(rows)
    grid = (blocks(places, tile[2]), blocks(rows, tile[0] * tile[1]), g.groups)
    kernel = make_gather(*g.kernel, *divisors, *tile)
    launch(kernel, grid, tile[2], x.ravel(), weight.ravel(), shift, biased, y.ravel(), *sizes)


BLOCKS = 512  # so many blocks keep a large GPU busy


def meet(x: Any, dy: Any, weight: Any, g: Geometry) -> Any:
    """dw = dy times the pixels that each tap met, summed over examples and places."""
    out, depth, taps = weight.shape[0] // g.groups, weight.shape[1], g.kernel[0] * g.kernel[1]
    rows, columns, p, step = tile_of(out, depth * taps)
    tiles = blocks(depth * taps, p), blocks(out, rows * columns)
    each, count = parts_of(dy.size // dy.shape[1], tiles[0] * tiles[1] * g.groups, step)
    parts = empty((count, weight.size), dy)
    kernel = make_meet(*g.kernel, rows, columns, p, step)
    sizes = (g.groups, depth, out, *g.image, *g.places, *g.stride, *g.before, *g.dilation)
    launch(kernel, (*tiles, g.groups * count), p, x.ravel(), dy.ravel(), parts, each, *sizes)
    return (parts if count == 1 else sum_columns(parts)).reshape(weight.shape)


def parts_of(places: int, tiles: int, step: int) -> tuple[int, int]:
    """How many places a part has, a multiple of `step`, and how many parts there are."""
    parts = max(1, min(BLOCKS // tiles, places // (16 * step)))
    each = step * blocks(places, parts * step)
    return each, blocks(places, each)
