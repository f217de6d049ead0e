"""What the compiled recurrent ops share: products, states, gradients of weights.

The inputs of all steps are multiplied by their weight beforehand, in one large product. Then each thread
takes some of the sequences through all steps, with no barrier between steps. Backward does the same the
other way round, and leaves the weights' gradients to the end: they are one large product over all steps.

What a step costs is its product, a thin one: the rows of a thread's sequences, 16 say, by the weight. BLAS
copies ("packs") the weight for each product, which takes as long as the product itself; products of less
than a million multiplications it computes from where the numbers lie. So `thin_product` cuts a product into
blocks below that size, and the weight is laid out once, transposed, for all steps. Measured in one thread,
16 x 256 by 256 x 1024: 54 GFLOP/s as one product, 112 in blocks. The long products at the end go
the same way while their result is small: 256 x 2048 by 2048 x 64 took 75 GFLOP/s whole and 112 in blocks.

A step's arithmetic goes over its row in several short loops, each with at most one array to write: a loop
over all of them is not vectorised, since nothing tells the compiler that they do not overlap. Indices are
unsigned throughout. Twice an unsigned number is signed in Numba, though: with such bounds the arithmetic of
the LSTM's forward took 1.3 ms instead of 0.5 (32 sequences of 64 steps, H 64).

Measured: processor time of a training step with Adam in one thread, 32 sequences of 64 steps of 64 features,
in milliseconds, and PyTorch 2.13 in one thread, in turn, best of many on a busy machine:

            H 64           H 256
    rnn     1.6 / 5.4      11 / 20
    gru     3.6 / 13.9     39 / 60
    lstm    5.3 / 7.8      49 / 49

Left on the table: for H = 256 the weights' gradients, 18 of the LSTM's 49 ms, run at three quarters of what a
large product reaches (in blocks they were slower: 8 MB of gradients go through the caches for each). And with
fewer sequences than threads some threads have nothing to do; cutting the gates among them instead would need
a barrier at every step.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .kernel import FLOAT32, integers, kernel, plain, ready, share, split, unsigned
from .kernel_blas import product
from .kernel_math import ONE, ZERO
from .recurrent import Lengths

FLOPS = 100.0  # that one thread does in a nanosecond, about
HUNDRED = 100
THREE = "f4[:, :, ::1]"
SMALL = 1_000_000  # multiplications: what OpenBLAS computes without packing
DEPTH = 256
TILED = 1 << 16  # numbers of a result that stays in the nearest caches
NONE = np.empty((0, 0), FLOAT32)


# -- products ---------------------------------------------------------------------------------------


@share
def thin_product(a, b, beta, c):
    """c = a @ b + beta c for an `a` of few rows, in blocks that BLAS does not pack."""
    m, k = a.shape
    n = b.shape[1]
    depth = min(k, DEPTH)
    width = SMALL // max(1, m * depth) // 64 * 64
    if width == 0 or m * n * k <= SMALL:
        product(a, b, beta, c)
    else:
        for j in range(0, n, width):
            right = min(j + width, n)
            for i in range(0, k, depth):
                below = min(i + depth, k)
                product(a[:, i:below], b[i:below, j:right], beta if i == 0 else ONE, c[:, j:right])


@share
def long_product(a, b, c):
    """c = a @ b for an `a` of very many columns: in blocks too if c is small, else as BLAS would do it."""
    m, k = a.shape
    n = b.shape[1]
    if m * n > TILED:
        product(a, b, ZERO, c)
    else:
        for top in range(0, m, 64):
            bottom = min(top + 64, m)
            for left in range(0, n, 64):
                right = min(left + 64, n)
                for i in range(0, k, 240):
                    end, beta = min(i + 240, k), ZERO if i == 0 else ONE
                    product(a[top:bottom, i:end], b[i:end, left:right], beta, c[top:bottom, left:right])


@share
def _lay_rows(lo, hi, x, weight, bias, first, a):
    """a = bias in all columns, plus x W^T in those from `first` on."""
    for i in range(lo, hi):
        for j in range(unsigned(0), unsigned(a.shape[1])):
            a[i, j] = bias[j]
    product(x[lo:hi], weight.T, ONE, a[lo:hi, first:])


@share
def input_products(team, x, weight, bias, first, a):
    """What the inputs contribute to every step, (T N, columns)."""
    split(_lay_rows, team, x.shape[0], 2 * weight.size / FLOPS, (x, weight, bias, first, a))


@share
def _transpose(lo, hi, w, out):
    for top in range(lo * 16, min(hi * 16, w.shape[0]), 16):
        for left in range(0, w.shape[1], 16):
            for j in range(unsigned(left), unsigned(min(left + 16, w.shape[1]))):
                for i in range(unsigned(top), unsigned(min(top + 16, w.shape[0]))):
                    out[j, i] = w[i, j]


@kernel("f4[:, ::1], f4[:, ::1]")
def _transposed(team, w, out):
    split(_transpose, team, (w.shape[0] + 15) // 16, 16 * w.shape[1] * 0.7, (w, out))


FEW = 4  # steps for which it does not pay to lay the weight out anew


def laid_out(weight: np.ndarray, steps: int) -> np.ndarray:
    """The transpose of a recurrent weight, in memory too if there are steps enough."""
    if steps < FEW:
        return weight.T
    out = empty(weight.shape[::-1])
    _transposed(weight, out)
    return out


@share
def _gradient_shares(lo, hi, da, da_first, x, before, weight, dx, dw_ih, dw_hh, db):
    """Each thread a share, counted in hundredths, of every gradient.

    da (T N, rows) holds what arrived at each row of the weights; the columns of `weight_ih` begin at
    `da_first`, those of `weight_hh` at 0.
    """
    n = dx.shape[0]
    a, b = n * lo // HUNDRED, n * hi // HUNDRED
    rows_ih = dw_ih.shape[0]
    if dx.size:
        product(da[a:b, da_first : da_first + rows_ih], weight, ZERO, dx[a:b])
    a, b = rows_ih * lo // HUNDRED, rows_ih * hi // HUNDRED
    long_product(da[:, da_first + a : da_first + b].T, x, dw_ih[a:b])
    rows_hh = dw_hh.shape[0]
    a, b = rows_hh * lo // HUNDRED, rows_hh * hi // HUNDRED
    long_product(da[:, a:b].T, before, dw_hh[a:b])
    a, b = db.size * lo // HUNDRED, db.size * hi // HUNDRED
    db[a:b] = 0
    for i in range(da.shape[0]):
        for j in range(unsigned(a), unsigned(b)):
            db[j] += da[i, j]


@share
def weight_gradients(team, da, da_first, x, before, weight, dx, dw_ih, dw_hh, db):
    work = 2.0 * da.size * (x.shape[1] + before.shape[1]) / FLOPS
    args = (da, da_first, x, before, weight, dx, dw_ih, dw_hh, db)
    split(_gradient_shares, team, HUNDRED, work / HUNDRED, args)


# -- states: (T + 1, N, H), the first one and that after each step; in reverse the first is the last -----


def states(first: np.ndarray, steps: int, reverse: bool) -> np.ndarray:
    """Room for the state before and after each step, with the first one in its place."""
    room = empty((steps + 1, *first.shape))
    room[steps if reverse else 0] = first
    return room


def after(room: np.ndarray, reverse: bool) -> np.ndarray:
    """The state after each step, (T, N, H)."""
    return room[:-1] if reverse else room[1:]


def before(room: np.ndarray, reverse: bool) -> np.ndarray:
    """The state that each step finds, (T, N, H)."""
    return room[1:] if reverse else room[:-1]


def final(room: np.ndarray, reverse: bool) -> np.ndarray:
    """The last state; a copy, so that who keeps it does not keep the whole sequence."""
    return room[0 if reverse else -1].copy()


def all_lengths(lengths: Lengths, steps: int, batch: int) -> np.ndarray:
    return np.full(batch, steps, np.int64) if lengths is None else integers(np.asarray(lengths))


def compilable(*arrays: np.ndarray | None) -> bool:
    return all(a is None or (a.dtype == FLOAT32 and a.size) for a in arrays)


def laid(*arrays: np.ndarray | None) -> list:
    """The inputs as kernels take them: x is a transposed view where the batch comes first."""
    return [a if a is None or plain(a) else ready(a) for a in arrays]


@share
def blocks(hidden):
    """Where the four blocks of a row begin, and its end; unsigned, so that an index needs no check."""
    return unsigned(0), unsigned(hidden), unsigned(2 * hidden), unsigned(3 * hidden), unsigned(4 * hidden)


@share
def keep_or_show(t, n, running, before, after, y):
    """After a step: a sequence that has ended keeps its state and shows 0; one that runs shows its state.

    y is empty where all sequences are equally long: then the states are the output.
    """
    for j in range(unsigned(0), unsigned(y.shape[2])):
        y[t, n, j] = after[t, n, j] if running else ZERO
    if not running:
        for j in range(unsigned(0), unsigned(after.shape[2])):
            after[t, n, j] = before[t, n, j]


@share
def add_upstream(t, n, dy, dh):
    """dh_t = dy_t + what the next step sent; dy is empty where nobody used the output."""
    for j in range(unsigned(0), unsigned(dy.shape[2])):
        dh[n, j] += dy[t, n, j]


def room_for_output(room: np.ndarray, lengths: Lengths, reverse: bool) -> tuple[np.ndarray, np.ndarray]:
    """(y, what the kernel writes to): y is the states themselves if no sequence ends early."""
    if lengths is None:
        return after(room, reverse), np.empty((0, 0, 0), FLOAT32)
    y = empty((room.shape[0] - 1, *room.shape[1:]))
    return y, y


def upstream(
    dy: np.ndarray | None, dlast: np.ndarray | None, like: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(dy, empty if there is none; what arrives at the last state, a copy to work in)."""
    dy = np.empty((0, 0, 0), FLOAT32) if dy is None else ready(dy)
    return dy, np.zeros_like(like) if dlast is None else np.array(dlast, FLOAT32, order="C")
