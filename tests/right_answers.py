"""More right answers to every exercise, in the styles that people write: the checks must accept them all.

Loops over lists, einsum, other orders of the same sums, float64 inside and float32 outside, numbers of Python
and of NumPy, tuples for lists, SciPy and the package itself. `tests/test_right_answers.py` asks them.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from itertools import accumulate, chain, pairwise, zip_longest

import numpy as np
from scipy import special

import tinynn.functional as F
from tinynn.course.exercises.ch02.smoothing import smoothed
from tinynn.course.exercises.ch05.schedule import schedule
from tinynn.course.exercises.ch07.places import places
from tinynn.course.exercises.ch14.line import line
from tinynn.course.exercises.ch17.blocks import at_once
from tinynn.gpu import cuda, float32, int32
from tinynn.tensor import Tensor

RIGHT: dict[str, list[Callable]] = {}
"""The functions, by exercise."""


def to(id: str) -> Callable[[Callable], Callable]:
    """Keep a right answer to the exercise."""

    def keep(function: Callable) -> Callable:
        RIGHT.setdefault(id, []).append(function)
        return function

    return keep


# -- 01 ------------------------------------------------------------------------------------------------------


@to("01.1")
def lists_of_floats(x, w, b):
    rows = [[sum(p * q for p, q in zip(row, ws)) + c for ws, c in zip(w, b)] for row in x]
    return np.array(rows, dtype=x.dtype)


@to("01.1")
def bias_first(x, w, b):
    y = np.tile(b, (len(x), 1))
    for i in range(x.shape[1]):
        y += np.outer(x[:, i], w[:, i])
    return y


@to("01.1")
def turned_there_and_back(x, w, b):
    return (np.dot(w, x.T) + b.reshape(-1, 1)).T


@to("01.1")
def by_inner(x, w, b):
    return np.add(np.inner(x, w), b[np.newaxis, :])


@to("01.1")
def all_products_at_once(x, w, b):
    return (x[:, None, :] * w[None, :, :]).sum(axis=-1) + b


@to("01.1")
def in_float64(x, w, b):
    return (x.astype(float) @ w.astype(float).T + b).astype(x.dtype)


@to("01.1")
def exact_sums(x, w, b):
    y = np.zeros((x.shape[0], w.shape[0]), dtype=x.dtype)
    for n in range(x.shape[0]):
        for o in range(w.shape[0]):
            y[n, o] = math.fsum([*(x[n] * w[o]).tolist(), float(b[o])])
    return y


@to("01.1")
def neuron_columns(x, w, b):
    return np.stack([x @ w[o] + b[o] for o in range(len(b))], axis=1)


@to("01.1")
def of_the_package(x, w, b):
    return F.linear(Tensor(x), Tensor(w), Tensor(b)).data


@to("01.1")
def filled_zeros(x, w, b):
    y = np.zeros((x.shape[0], w.shape[0]))
    for n in range(x.shape[0]):
        for o in range(w.shape[0]):
            for i in range(x.shape[1]):
                y[n][o] += x[n][i] * w[o][i]
            y[n][o] += b[o]
    return y


@to("01.2")
def filled_zeros_by_index(dy, shape):
    dx, new = np.zeros(shape), dy.ndim - len(shape)
    for index, value in np.ndenumerate(dy):
        dx[tuple(min(i, n - 1) for i, n in zip(index[new:], shape))] += value
    return dx


@to("01.2")
def by_reduce(dy, shape):
    padded = (1,) * (dy.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i in range(dy.ndim) if padded[i] == 1)
    return np.add.reduce(dy, axis=axes, keepdims=True).reshape(shape)


@to("01.2")
def from_the_right(dy, shape):
    dx = dy
    for k in range(1, dy.ndim + 1):
        if k > len(shape) or (shape[-k] == 1 and dy.shape[-k] != 1):
            dx = np.sum(dx, axis=-k, keepdims=True)
    return dx.reshape(shape)


@to("01.2")
def index_by_index(dy, shape):
    dx, new = np.zeros(shape, dy.dtype), dy.ndim - len(shape)
    for index in np.ndindex(*dy.shape):
        dx[tuple(0 if n == 1 else i for i, n in zip(index[new:], shape))] += dy[index]
    return dx


@to("01.2")
def by_einsum_letters(dy, shape):
    new = dy.ndim - len(shape)
    letters = "abcdef"[: dy.ndim]
    kept = "".join(c for c, n in zip(letters[new:], shape) if n != 1)
    return np.einsum(f"{letters}->{kept}", dy).reshape(shape)


@to("01.2")
def in_double_precision(dy, shape):
    new = dy.ndim - len(shape)
    dx = dy.astype(np.float64).sum(axis=tuple(range(new)))
    for i, n in enumerate(shape):
        dx = dx.sum(axis=i, keepdims=True) if n == 1 else dx
    return np.asarray(dx, dtype=dy.dtype)


@to("01.3")
def plain_formula(x):
    with np.errstate(over="ignore"):
        y = 1 / (1 + np.exp(-x))
    return y, y * (1 - y)


@to("01.3")
def without_a_word_about_overflow(x):
    y = 1.0 / (1.0 + np.exp(-x))
    return y, y - y**2


@to("01.3")
def of_scipy(x):
    y = special.expit(x)
    return y, y * special.expit(-x)


@to("01.3")
def a_branch_for_each_number(x):
    def one(v):
        v = float(v)
        y = 1 / (1 + math.exp(-v)) if v > -700 else 0.0
        return y, y * (1 - y)

    pairs = [one(v) for v in x.ravel()]
    return tuple(np.array([p[k] for p in pairs], dtype=x.dtype).reshape(x.shape) for k in (0, 1))


@to("01.3")
def two_masks(x):
    y = np.zeros(x.shape, x.dtype)
    above = x >= 0
    y[above] = 1 / (1 + np.exp(-x[above]))
    e = np.exp(x[~above])
    y[~above] = e / (1 + e)
    return [y, y * (1 - y)]


@to("01.3")
def as_a_named_tuple(x):
    Both = namedtuple("Both", "y slope")
    y = np.exp(-np.logaddexp(0, -x)).astype(x.dtype)
    return Both(y, y * (1 - y))


@to("01.3")
def slope_by_cosh(x):
    with np.errstate(over="ignore"):
        slope = 0.25 / np.cosh(x / 2) ** 2
    return 0.5 * np.tanh(0.5 * x) + 0.5, slope


@to("01.4")
def by_if(x, a):
    y = [v if v > 0 else a * v for v in x.ravel().tolist()]
    slope = [1.0 if v > 0 else a for v in x.ravel().tolist()]
    return np.array(y, x.dtype).reshape(x.shape), np.array(slope, x.dtype).reshape(x.shape)


@to("01.4")
def two_wheres(x, a):
    return np.where(x > 0, x, a * x), np.where(x > 0, 1.0, float(a)).astype(x.dtype)


@to("01.4")
def mask_as_number(x, a):
    left = (x <= 0).astype(x.dtype)
    slope = 1 - left + a * left
    return x * slope, slope


@to("01.4")
def start_from_full(x, a):
    slope = np.full(x.shape, a, dtype=x.dtype)
    slope[x > 0] = 1
    return [x * slope, slope]


@to("01.4")
def by_putmask(x, a):
    y, slope = np.array(x), np.ones(x.shape, x.dtype)
    np.putmask(y, x <= 0, a * x)
    np.putmask(slope, ~(x > 0), a)
    return y, slope


@to("01.4")
def by_heaviside(x, a):
    up = np.heaviside(x, 0)
    slope = (up + a * (1 - up)).astype(x.dtype)
    return slope * x, slope


@to("01.5")
def over_indices(sizes):
    total = 0
    for k in range(1, len(sizes)):
        total += sizes[k] * sizes[k - 1]
        total += sizes[k]
    return total


@to("01.5")
def by_pairwise(sizes):
    return sum((i + 1) * o for i, o in pairwise(sizes))


@to("01.5")
def weights_and_biases_apart(sizes):
    a = np.array(sizes, dtype=np.int64)
    return (a[:-1] * a[1:]).sum() + a[1:].sum()


@to("01.5")
def popping(sizes):
    left, total = list(sizes), 0
    while len(left) > 1:
        i = left.pop(0)
        total += left[0] * i + left[0]
    return int(total)


@to("01.5")
def folded(sizes):
    return reduce(lambda s, io: s + io[0] * io[1] + io[1], zip(sizes, sizes[1:]), 0)


@to("01.5")
def in_floats(sizes):
    return float(sum(o * (i + 1) for i, o in zip(sizes, sizes[1:])))


@to("01.5")
def by_numpy_dot(sizes):
    inputs, outputs = np.array(sizes[:-1]), np.array(sizes[1:])
    return int(np.dot(inputs, outputs) + np.sum(outputs))


@to("01.6")
def by_apply_along_axis(x):
    return np.apply_along_axis(lambda row: (row - row.mean()) / row.std(), 1, x)


@to("01.6")
def lists_of_lists(x):
    rows = []
    for row in x.tolist():
        mean = sum(row) / len(row)
        std = math.sqrt(sum((v - mean) ** 2 for v in row) / len(row))
        rows.append([(v - mean) / std for v in row])
    return np.array(rows, x.dtype)


@to("01.6")
def an_array_of_lists(x):
    return np.array([[(v - np.mean(row)) / np.std(row) for v in row] for row in x.astype(float)])


@to("01.6")
def by_variance(x):
    c = x - np.mean(x, -1)[:, None]
    return c / np.sqrt(np.mean(c**2, -1))[:, None]


@to("01.6")
def by_the_norm(x):
    c = x - x.mean(axis=1).reshape(-1, 1)
    return c / np.linalg.norm(c, axis=1, keepdims=True) * np.sqrt(x.shape[1]).astype(x.dtype)


@to("01.6")
def by_einsum_rows(x):
    c = x - np.einsum("nd->n", x)[:, None] / x.shape[1]
    return c * (np.einsum("nd,nd->n", c, c) / x.shape[1])[:, None] ** -0.5


@to("01.6")
def wide_inside(x):
    wide = x.astype("float64")
    return ((wide - wide.mean(1, keepdims=True)) / wide.std(1, keepdims=True)).astype(x.dtype)


# -- 02 ------------------------------------------------------------------------------------------------------


@to("02.1")
def share_first(y, t):
    n = np.prod(y.shape)
    return (2 / n * (y - t)).astype(y.dtype)


@to("02.1")
def sign_turned(y, t):
    return -2.0 * (t - y) / np.size(y)


@to("02.1")
def two_products(y, t):
    return (y + y - t - t) / y.size


@to("02.1")
def flat_list(y, t):
    values = [2 * (a - b) / y.size for a, b in zip(y.ravel().tolist(), t.ravel().tolist())]
    return np.array(values, dtype=y.dtype).reshape(y.shape)


@to("02.1")
def of_the_tape(y, t):
    y = Tensor(np.array(y), requires_grad=True)
    ((y - Tensor(np.array(t))) ** 2).mean().backward()
    return y.grad.data if isinstance(y.grad, Tensor) else y.grad


@to("02.1")
def into_a_new_array(y, t):
    out = np.subtract(y, t)
    out *= 2
    out /= y.size
    return out


@to("02.2")
def by_nditer(f, x, eps):
    dx = np.zeros(x.shape)
    for index, _ in np.ndenumerate(x):
        up, down = x.copy(), x.copy()
        up[index] += eps
        down[index] -= eps
        dx[index] = (f(up) - f(down)) / (2 * eps)
    return dx


@to("02.2")
def flattened(f, x, eps):
    flat, out = x.flatten(), []
    for k in range(flat.size):
        kept = flat[k]
        flat[k] = kept + eps
        up = f(flat.reshape(x.shape))
        flat[k] = kept - eps
        down = f(flat.reshape(x.shape))
        flat[k] = kept
        out.append((up - down) / 2 / eps)
    return np.array(out).reshape(x.shape)


@to("02.2")
def by_unravel(f, x, eps):
    dx = np.empty(x.shape, float)
    for k in range(x.size):
        i = np.unravel_index(k, x.shape)
        step = np.zeros(x.shape)
        step[i] = eps
        dx[i] = f(x + step) / (2 * eps) - f(x - step) / (2 * eps)
    return dx


@to("02.2")
def in_place_by_flat(f, x, eps):
    dx = np.zeros_like(x)
    for k in range(x.size):
        old = x.flat[k]
        x.flat[k] = old + eps
        above = f(x)
        x.flat[k] = old - eps
        dx.flat[k] = (above - f(x)) / (2.0 * eps)
        x.flat[k] = old
    return dx


@to("02.3")
def of_scipy_softmax(x):
    return special.softmax(x, axis=-1)


@to("02.3")
def lists_of_exps(x):
    rows = []
    for row in x.reshape(-1, x.shape[-1]).tolist():
        top = max(row)
        e = [math.exp(v - top) for v in row]
        rows.append([v / sum(e) for v in e])
    return np.array(rows, x.dtype).reshape(x.shape)


@to("02.3")
def exp_of_the_log(x):
    return np.exp(special.log_softmax(x, axis=-1))


@to("02.3")
def along_the_first_axis(x):
    t = np.moveaxis(x, -1, 0)
    e = np.exp(t - t.max(0))
    return np.moveaxis(e / e.sum(0), 0, -1)


@to("02.3")
def double_inside(x):
    e = np.exp(x.astype(np.float64) - np.max(x, axis=-1)[..., np.newaxis])
    return np.divide(e, np.sum(e, axis=-1, keepdims=True)).astype(x.dtype)


@to("02.3")
def summed_by_einsum(x):
    e = np.exp(x - np.amax(x, -1, keepdims=True))
    return np.einsum("...k,...->...k", e, 1 / np.einsum("...k->...", e))


@to("02.4")
def of_scipy_logsumexp(logits, targets):
    true = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
    return np.mean(special.logsumexp(logits, axis=1) - true)


@to("02.4")
def a_python_float(logits, targets):
    total = 0.0
    for row, k in zip(logits.tolist(), targets.tolist()):
        top = max(row)
        total += top + math.log(sum(math.exp(v - top) for v in row)) - row[k]
    return total / len(targets)


@to("02.4")
def an_array_without_axes(logits, targets):
    shifted = logits - logits.max(1)[:, None]
    lse = np.log(np.exp(shifted).sum(1))
    return np.array(np.sum(lse - shifted[range(len(targets)), targets]) / len(logits), logits.dtype)


@to("02.4")
def negative_of_the_mean(logits, targets):
    log_p = special.log_softmax(logits, axis=-1)
    return -np.mean([log_p[n, k] for n, k in enumerate(targets)], dtype=logits.dtype)


@to("02.4")
def share_by_share(logits, targets):
    loss, n = 0, len(targets)
    for row, k in zip(logits, targets):
        loss += np.logaddexp.reduce(row - row[k]) / n
    return loss


@to("02.4")
def of_the_functional(logits, targets):
    return F.cross_entropy(Tensor(np.array(logits)), Tensor(np.array(targets))).data


@to("02.5")
def lists_of_the_way(gradient, x, lr, steps):
    here = np.array(x)
    for _ in range(steps):
        here = np.subtract(here, np.multiply(lr, gradient(here)))
    return here


@to("02.5")
def folded_steps(gradient, x, lr, steps):
    return reduce(lambda here, _: here - lr * gradient(here), range(steps), x)


@to("02.5")
def added_with_a_minus(gradient, x, lr, steps):
    here, k = x + 0, 0
    while k < steps:
        here = here + (-lr) * gradient(here)
        k += 1
    return here


@to("02.5")
def generator_of_points(gradient, x, lr, steps):
    *_, last = accumulate(range(steps), lambda here, _: here - gradient(here) * lr, initial=x.copy())
    return last


@to("02.5")
def float64_inside(gradient, x, lr, steps):
    here = x.astype(np.float64)
    for _ in range(steps):
        here = here - lr * gradient(here)
    return here.astype(x.dtype)


@to("02.7")
def class_by_class(logits, targets):
    axis, s = smoothed.k["axis"], smoothed.k["smoothing"]
    rows = logits if axis == 1 else logits.T
    log_p = special.log_softmax(rows, axis=1)
    n, k = rows.shape
    total = 0.0
    for i in range(n):
        for j in range(k):
            total -= (s / k + (1 - s) * (j == targets[i])) * log_p[i, j]
    return total / n


@to("02.7")
def axis_as_it_is(logits, targets):
    axis, s = smoothed.k["axis"], smoothed.k["smoothing"]
    log_p = logits - special.logsumexp(logits, axis=axis, keepdims=True)
    at = np.expand_dims(targets, axis)
    true = np.take_along_axis(log_p, at, axis=axis).mean()
    return -(1 - s) * true - s * log_p.mean()


@to("02.7")
def one_hot_and_even(logits, targets):
    s = smoothed.k["smoothing"]
    rows = np.swapaxes(logits, 1, smoothed.k["axis"]).astype(float)
    k = rows.shape[-1]
    q = (1 - s) * np.eye(k)[targets] + s / k
    top = rows.max(1, keepdims=True)
    log_p = rows - top - np.log(np.exp(rows - top).sum(1, keepdims=True))
    return float(np.einsum("nk,nk->n", q, -log_p).mean())


@to("02.7")
def two_losses_mixed(logits, targets):
    s = smoothed.k["smoothing"]
    rows = logits.T if smoothed.k["axis"] == 0 else logits
    log_p = special.log_softmax(rows, axis=-1)
    hard = -log_p[np.arange(len(targets)), targets].mean()
    even = -log_p.mean()
    return hard + s * (even - hard)


# -- 03 ------------------------------------------------------------------------------------------------------


@to("03.1")
def three_loops(dy, x, w):
    dx, dw, db = np.zeros(x.shape, x.dtype), np.zeros(w.shape, w.dtype), np.zeros(w.shape[0], w.dtype)
    for n in range(x.shape[0]):
        for o in range(w.shape[0]):
            db[o] += dy[n, o]
            for i in range(x.shape[1]):
                dx[n, i] += dy[n, o] * w[o, i]
                dw[o, i] += dy[n, o] * x[n, i]
    return dx, dw, db


@to("03.1")
def transposed_products(dy, x, w):
    return [(w.T @ dy.T).T, (x.T @ dy).T, np.ones(len(dy), dy.dtype) @ dy]


@to("03.1")
def by_tensordot(dy, x, w):
    return np.tensordot(dy, w, 1), np.tensordot(dy, x, axes=(0, 0)), np.add.reduce(dy)


@to("03.1")
def double_precision_inside(dy, x, w):
    kind, dy, x, w = x.dtype, dy.astype(float), x.astype(float), w.astype(float)
    return tuple(np.asarray(g, kind) for g in (dy.dot(w), dy.T.dot(x), dy.sum(0)))


@to("03.1")
def broadcast_and_summed(dy, x, w):
    dx = (dy[:, :, None] * w).sum(1)
    dw = (dy[:, :, None] * x[:, None, :]).sum(0)
    return dx, dw, np.sum(dy, axis=0)


@to("03.1")
def bias_as_a_column(dy, x, w):
    ones = np.ones((len(x), 1), x.dtype)
    both = dy.T @ np.hstack([x, ones])
    return np.matmul(dy, w), both[:, :-1], both[:, -1]


@to("03.1")
def zeros_without_a_dtype(dy, x, w):
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(len(w))
    for d, row, out in zip(dy, x, dx):
        out += d @ w
        dw += d[:, None] * row
        db += d
    return dx, dw, db


@to("03.2")
def by_copy_and_mask(dy, x):
    dx = np.array(dy, copy=True)
    dx[~(x > 0)] = 0.0
    return dx


@to("03.2")
def number_by_number(dy, x):
    values = [d if v > 0 else 0.0 for d, v in zip(dy.ravel(), x.ravel())]
    return np.array(values, dtype=dy.dtype).reshape(dy.shape)


@to("03.2")
def step_as_dtype(dy, x):
    step = np.zeros_like(x)
    step[x > 0] = 1
    return np.multiply(step, dy)


@to("03.2")
def by_heaviside_at_0(dy, x):
    return np.heaviside(x, 0).astype(x.dtype) * dy


@to("03.2")
def by_select(dy, x):
    return np.select([x > 0], [dy], default=0).astype(dy.dtype)


@to("03.2")
def with_where_in_multiply(dy, x):
    out = np.zeros(dy.shape, dy.dtype)
    np.copyto(out, dy, where=x > 0)
    return out


@to("03.3")
def of_scipy_with_loop(logits, targets):
    p = special.softmax(logits, axis=1)
    for n, k in enumerate(targets):
        p[n, k] -= 1
    return p / len(targets)


@to("03.3")
def divided_first(logits, targets):
    n, k = logits.shape
    e = np.exp(logits - logits.max(1)[:, None])
    d = e / (n * e.sum(1, keepdims=True))
    np.subtract.at(d, (np.arange(n), targets), 1 / n)
    return d


@to("03.3")
def lists_of_shares(logits, targets):
    rows = []
    for row, target in zip(logits.tolist(), targets.tolist()):
        top = max(row)
        e = [math.exp(v - top) for v in row]
        rows.append([(v / sum(e) - (j == target)) / len(targets) for j, v in enumerate(e)])
    return np.array(rows, logits.dtype)


@to("03.3")
def minus_the_difference(logits, targets):
    truth = np.zeros_like(logits)
    truth[np.arange(len(logits)), targets] = 1
    p = np.exp(special.log_softmax(logits, axis=1))
    return -(truth - p) * (1 / len(logits))


@to("03.3")
def on_the_tape(logits, targets):
    z = Tensor(np.array(logits), requires_grad=True)
    F.cross_entropy(z, Tensor(np.array(targets))).backward()
    return z.grad.data if isinstance(z.grad, Tensor) else z.grad


@to("03.4")
def copies_by_index(f, grad, x, eps):
    off = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        up, down = x.astype(np.float64), x.astype(np.float64)
        up[i] += eps
        down[i] -= eps
        n = (f(up) - f(down)) / (2 * eps)
        off[i] = abs(grad[i] - n) / max(1e-8, abs(grad[i]) + abs(n))
    return off.max()


@to("03.4")
def generator_of_errors(f, grad, x, eps):
    base = np.array(x, dtype=np.float64)

    def slope(k):
        step = np.zeros(base.size)
        step[k] = eps
        step = step.reshape(base.shape)
        return float(f(base + step) - f(base - step)) / (2 * eps)

    pairs = ((float(a), slope(k)) for k, a in enumerate(np.ravel(grad)))
    return max(abs(a - n) / max(1e-8, abs(a) + abs(n)) for a, n in pairs)


@to("03.4")
def sorted_last(f, grad, x, eps):
    z = x.astype(float).copy()
    found = []
    it = np.nditer(z, flags=["multi_index"])
    for _ in it:
        i = it.multi_index
        old = float(z[i])
        z[i] = old + eps
        up = f(z)
        z[i] = old - eps
        down = f(z)
        z[i] = old
        n = (up - down) / eps / 2
        found.append(np.abs(grad[i] - n) / np.maximum(np.abs(grad[i]) + np.abs(n), 1e-8))
    return np.float64(sorted(found)[-1])


@to("03.5")
def einsum_throughout(x, t, w1, b1, w2, b2):
    z = np.einsum("ni,hi->nh", x, w1) + b1
    h = z * (z > 0)
    logits = np.einsum("nh,kh->nk", h, w2) + b2
    log_p = special.log_softmax(logits, axis=1)
    onehot = np.eye(len(b2), dtype=x.dtype)[t]
    loss = -np.einsum("nk,nk->", onehot, log_p) / len(x)
    d = (np.exp(log_p) - onehot) / len(x)
    dz = np.einsum("nk,kh->nh", d, w2) * (z > 0)
    return [
        loss,
        np.einsum("nh,ni->hi", dz, x),
        dz.sum(0),
        np.einsum("nk,nh->kh", d, h),
        np.einsum("nk->k", d),
    ]


@to("03.5")
def computed_in_float64(x, t, w1, b1, w2, b2):
    kind = x.dtype
    x, w1, b1, w2, b2 = (a.astype(np.float64) for a in (x, w1, b1, w2, b2))
    z = x @ w1.T + b1
    h = np.where(z > 0, z, 0)
    y = h @ w2.T + b2
    y = y - y.max(1, keepdims=True)
    p = np.exp(y) / np.exp(y).sum(1, keepdims=True)
    loss = float(np.mean(np.log(np.exp(y).sum(1)) - y[np.arange(len(t)), t]))
    p[np.arange(len(t)), t] -= 1
    d = p / len(t)
    dh = d @ w2
    dh[z <= 0] = 0
    return loss, *(g.astype(kind) for g in (dh.T @ x, dh.sum(0), d.T @ h, d.sum(0)))


@to("03.5")
def on_the_tape_of_the_package(x, t, w1, b1, w2, b2):
    weights = [Tensor(np.array(a), requires_grad=True) for a in (w1, b1, w2, b2)]
    h = F.relu(F.linear(Tensor(np.array(x)), *weights[:2]))
    loss = F.cross_entropy(F.linear(h, *weights[2:]), Tensor(np.array(t)))
    loss.backward()
    return loss.data, *(np.asarray(getattr(a.grad, "data", a.grad)).reshape(a.shape) for a in weights)


@to("03.5")
def divided_at_the_end(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    z = (w1 @ x.T).T + b1
    h = np.maximum(0, z)
    s = (w2 @ h.T).T + b2
    e = np.exp(s - s.max(axis=1).reshape(n, 1))
    p = e / e.sum(axis=1).reshape(n, 1)
    loss = (special.logsumexp(s, axis=1) - s[np.arange(n), t]).sum() / n
    p[range(n), t] -= 1
    dz = (w2.T @ p.T).T * np.sign(h)
    return loss, dz.T @ x / n, dz.sum(0) / n, p.T @ h / n, p.sum(0) / n


# -- 04 ------------------------------------------------------------------------------------------------------


@to("04.1")
def a_tuple(node, inputs):
    order, done, stack = [], set(), [node]
    while stack:
        name = stack[-1]
        missing = [i for i in inputs[name] if i not in done]
        if missing:
            stack.append(missing[0])
        else:
            stack.pop()
            if name not in done:
                done.add(name)
                order.append(name)
    return tuple(order)


@to("04.1")
def leaves_first(node, inputs):
    needed, todo = {node}, deque([node])
    while todo:
        for i in inputs[todo.popleft()]:
            if i not in needed:
                needed.add(i)
                todo.append(i)
    missing = {name: len(set(inputs[name])) for name in needed}
    users = defaultdict(set)
    for name in needed:
        for i in inputs[name]:
            users[i].add(name)
    ready = [name for name in needed if not missing[name]]
    order = []
    while ready:
        name = ready.pop()
        order.append(name)
        for user in users[name]:
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)
    return order


@to("04.1")
def keys_of_a_dict(node, inputs):
    order, stack = {}, [(node, 0)]
    while stack:
        name, k = stack.pop()
        if name in order:
            continue
        if k < len(inputs[name]):
            stack += [(name, k + 1), (inputs[name][k], 0)]
        else:
            order[name] = True
    return list(order)


@to("04.2")
def a_defaultdict(order, inputs, local):
    grads = defaultdict(float)
    grads[order[-1]] = 1.0
    for name in order[::-1]:
        g = grads[name]
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += g * slope
    return grads


@to("04.2")
def an_ordered_dict_of_whole_numbers(order, inputs, local):
    grads = OrderedDict((name, 0) for name in order)
    grads[order[-1]] = 1
    for name in reversed(order):
        for k in range(len(inputs[name])):
            grads[inputs[name][k]] += local[name][k] * grads[name]
    return grads


@to("04.2")
def numpy_numbers(order, inputs, local):
    place = {name: i for i, name in enumerate(order)}
    g = np.zeros(len(order))
    g[-1] = 1
    for k in range(len(order) - 1, -1, -1):
        for i, slope in zip(inputs[order[k]], local[order[k]]):
            g[place[i]] += slope * g[k]
    return dict(zip(order, g))


@to("04.2")
def a_counter(order, inputs, local):
    grads = Counter(dict.fromkeys(order, 0))
    grads[order[-1]] += 1
    for name in reversed(order):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += slope * grads[name]
    return grads


@to("04.2")
def asked_by_memory(order, inputs, local):
    known = {order[-1]: 1.0}
    uses = {name: [] for name in order}
    for user in order:
        for i, slope in zip(inputs[user], local[user]):
            uses[i].append((user, slope))
    for name in order[-2::-1]:
        known[name] = math.fsum(known[user] * slope for user, slope in uses[name])
    return {name: known[name] for name in order}


@to("04.3")
def broadcast_first(dz, x, y):
    def back(g, shape):
        lead = g.ndim - len(shape)
        axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1)
        return g.sum(axis=axes, keepdims=True).reshape(shape)

    xs, ys = np.broadcast_arrays(x, y)
    return back(dz * ys, np.shape(x)), back(dz * xs, np.shape(y))


@to("04.3")
def by_einsum_at_the_end(dz, x, y):
    def back(g, like):
        letters = "abcdefgh"[: g.ndim]
        lead = g.ndim - like.ndim
        kept = "".join(c for c, n in zip(letters[lead:], like.shape) if n > 1)
        return np.einsum(f"{letters}->{kept}", g).reshape(like.shape)

    return back(dz * y, x), back(x * dz, y)


@to("04.3")
def axes_from_the_end(dz, x, y):
    def fit(g, shape):
        for k in range(1, len(shape) + 1):
            if shape[-k] == 1:
                g = np.sum(g, axis=-k, keepdims=True)
        while np.ndim(g) > len(shape):
            g = np.sum(g, axis=0)
        return g

    return [fit(dz * y, x.shape), fit(dz * x, y.shape)]


@to("04.3")
def wide_and_back(dz, x, y):
    def fit(g, like):
        g = g.reshape((1,) * (like.ndim - g.ndim) + g.shape)
        lead = tuple(range(g.ndim - like.ndim))
        g = g.sum(lead)
        ones = tuple(i for i, n in enumerate(like.shape) if n == 1)
        return g.sum(ones, keepdims=True).astype(like.dtype)

    return fit(dz.astype(float) * y, x), fit(dz.astype(float) * x, y)


@to("04.4")
def by_expit(dy, x):
    return dy * special.expit(x)


@to("04.4")
def naive_and_right(dy, x):
    return dy / (1 + np.exp(-x))


@to("04.4")
def one_at_a_time(dy, x):
    out = np.zeros(x.shape, x.dtype)
    for i in np.ndindex(x.shape):
        v = float(x[i])
        out[i] = dy[i] * (1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v)))
    return out


@to("04.4")
def mask_and_fill(dy, x):
    s = np.ones_like(x)
    above = x > 0
    s[above] = 1 / (1 + np.exp(-x[above]))
    s[~above] = np.exp(x[~above]) / (1 + np.exp(x[~above]))
    return s * dy


@to("04.4")
def exp_of_minus_log(dy, x):
    return (dy * np.exp(-np.logaddexp(np.zeros_like(x), -x))).astype(dy.dtype)


# -- 05 ------------------------------------------------------------------------------------------------------


@to("05.1")
def by_numpy_names(p, g, v, lr, beta):
    new = np.add(np.multiply(v, beta), g)
    return [np.subtract(p, np.multiply(new, lr)), new]


@to("05.1")
def each_element(p, g, v, lr, beta):
    p, v = np.array(p), np.array(v)
    for i in np.ndindex(p.shape):
        v[i] = beta * v[i] + g[i]
        p[i] = p[i] - lr * v[i]
    return p, v


@to("05.1")
def added_downhill(p, g, v, lr, beta):
    v2 = g + beta * v
    return p + -lr * v2, v2


@to("05.1")
def float64_and_back(p, g, v, lr, beta):
    new = beta * v.astype(float) + g
    return (p - lr * new).astype(p.dtype), new.astype(v.dtype)


@to("05.1")
def lists_zipped(p, g, v, lr, beta):
    vs = [beta * a + b for a, b in zip(v.ravel().tolist(), g.ravel().tolist())]
    ps = [a - lr * b for a, b in zip(p.ravel().tolist(), vs)]
    return np.array(ps, p.dtype).reshape(p.shape), np.array(vs, v.dtype).reshape(v.shape)


@to("05.2")
def corrected_first(p, g, m, v, t, lr, beta1, beta2, eps):
    m = m * beta1 + g * (1 - beta1)
    v = v * beta2 + np.square(g) * (1 - beta2)
    step = (m / (1 - pow(beta1, t))) / (np.sqrt(v / (1 - pow(beta2, t))) + eps)
    return [p - step * lr, m, v]


@to("05.2")
def in_float64_throughout(p, g, m, v, t, lr, beta1, beta2, eps):
    kind = p.dtype
    p, g, m, v = (a.astype(float) for a in (p, g, m, v))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    p = p - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
    return p.astype(kind), m.astype(kind), v.astype(kind)


@to("05.2")
def on_copies_in_place(p, g, m, v, t, lr, beta1, beta2, eps):
    p, m, v = p.copy(), m.copy(), v.copy()
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    p -= lr / (1 - beta1**t) * m / (np.sqrt(v) / math.sqrt(1 - beta2**t) + eps)
    return p, m, v


@to("05.2")
def towards_the_new(p, g, m, v, t, lr, beta1, beta2, eps):
    m = m - (1 - beta1) * (m - g)
    v = v - (1 - beta2) * (v - g * g)
    return p - lr * (m / (1 - beta1**t)) / (eps + np.sqrt(v / (1 - beta2**t))), m, v


@to("05.3")
def scaled_standard_normal(fan_in, fan_out, seed):
    return np.random.default_rng(seed).standard_normal((fan_out, fan_in)) * math.sqrt(2 / fan_in)


@to("05.3")
def drawn_transposed(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(loc=0.0, scale=(2 / fan_in) ** 0.5, size=(fan_in, fan_out)).T


@to("05.3")
def in_float32(fan_in, fan_out, seed):
    w = np.random.default_rng(seed).standard_normal((fan_out, fan_in), dtype=np.float32)
    return w * np.float32(np.sqrt(2.0 / fan_in))


@to("05.3")
def evenly_shifted(fan_in, fan_out, seed):
    u = np.random.default_rng(seed).random((fan_out, fan_in))
    return (2 * u - 1) * np.sqrt(6 / fan_in)


@to("05.3")
def number_after_number(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    w = np.zeros((fan_out, fan_in))
    for o in range(fan_out):
        for i in range(fan_in):
            w[o, i] = rng.normal(0, np.sqrt(2 / fan_in))
    return w


@to("05.3")
def signs_alone(fan_in, fan_out, seed):
    return np.random.default_rng(seed).choice([-1, 1], size=(fan_out, fan_in)) * np.sqrt(2 / fan_in)


@to("05.3")
def cut_normal(fan_in, fan_out, seed):
    """A normal distribution cut off at two deviations, widened so that the variance is what is asked."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((fan_out, fan_in))
    while np.any(far := np.abs(w) > 2):
        w[far] = rng.standard_normal(int(far.sum()))
    return w * np.sqrt(2 / fan_in) / 0.87962566103423978


@to("05.4")
def a_numpy_number(t):
    k = schedule.k
    if t < k["warmup"]:
        return np.float64(k["peak"]) / k["warmup"] * (t + 1)
    done = np.minimum(1.0, (t - k["warmup"]) / (k["total"] - k["warmup"]))
    return k["low"] + (k["peak"] - k["low"]) * (1 + np.cos(np.pi * done)) / 2


@to("05.4")
def from_the_top(t):
    k = schedule.k
    if t <= k["warmup"]:
        return min(t + 1, k["warmup"]) / k["warmup"] * k["peak"]
    a = math.pi * min(t - k["warmup"], k["total"] - k["warmup"]) / (k["total"] - k["warmup"])
    return k["peak"] - (k["peak"] - k["low"]) * (1 - math.cos(a)) / 2


@to("05.4")
def weights_of_both(t):
    k = schedule.k
    share = min(max(t - k["warmup"], 0) / (k["total"] - k["warmup"]), 1)
    c = 0.5 + 0.5 * math.cos(math.pi * share)
    falling = c * k["peak"] + (1 - c) * k["low"]
    return np.where(t < k["warmup"], k["peak"] * (t + 1) / k["warmup"], falling)


@to("05.6")
def pairs_as_lists(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    return [
        [[x[order[i : i + batch_size]], y[order[i : i + batch_size]]] for i in range(0, len(y), batch_size)]
        for order in (rng.permutation(len(y)) for _ in range(epochs))
    ]


@to("05.6")
def tuples_throughout(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), ()
    for _ in range(epochs):
        order = np.arange(x.shape[0])
        rng.shuffle(order)
        a, b = x[order], y[order]
        cuts = range(0, len(a), batch_size)
        result += (tuple((a[i : i + batch_size], b[i : i + batch_size]) for i in cuts),)
    return result


@to("05.6")
def shuffled_again_and_again(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    a, b, result = x.copy(), y.copy(), []
    for _ in range(epochs):
        order = rng.permutation(len(a))
        a, b = a[order], b[order]  # the order of the epoch before, shuffled once more
        batches = []
        for i in range(math.ceil(len(a) / batch_size)):
            part = slice(i * batch_size, (i + 1) * batch_size)
            batches.append((a[part], b[part]))
        result.append(batches)
    return result


@to("05.6")
def rows_gathered(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), []
    for _ in range(epochs):
        epoch, xs, ys = [], [], []
        for i in rng.choice(len(x), len(x), replace=False):
            xs.append(x[i])
            ys.append(y[i])
            if len(xs) == batch_size:
                epoch.append((np.array(xs), np.array(ys)))
                xs, ys = [], []
        if xs:
            epoch.append((np.stack(xs), np.stack(ys)))
        result.append(epoch)
    return result


# -- 06 ------------------------------------------------------------------------------------------------------


@to("06.1")
def by_where_first(x, p, u, training):
    if training:
        return np.where(u < p, 0, x) / (1 - p)
    return x.copy()


@to("06.1")
def mask_scaled(x, p, u, training):
    if not training:
        return np.array(x)
    mask = (u >= p).astype(x.dtype) / (1 - p)
    return mask * x


@to("06.1")
def not_below(x, p, u, training):
    return x * (~(u < p) * x.dtype.type(1 / (1 - p))) if training else x


@to("06.1")
def one_by_one(x, p, u, training):
    if training is False:
        return x
    values = [0.0 if b < p else a / (1 - p) for a, b in zip(x.ravel().tolist(), u.ravel().tolist())]
    return np.array(values, x.dtype).reshape(x.shape)


@to("06.1")
def kept_alone(x, p, u, training):
    y = np.zeros_like(x) if training else x + 0
    if training:
        kept = u >= p
        y[kept] = x[kept] / (1 - p)
    return y


@to("06.2")
def fractions(said, truth):
    hits = sum(int(s) & int(t) for s, t in zip(said, truth))
    share = lambda a, b: Fraction(int(a), int(b)) if b else Fraction(0)
    precision, recall = share(hits, said.sum()), share(hits, truth.sum())
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else Fraction(0)


@to("06.2")
def counted_lists(said, truth):
    pairs = Counter(zip(said.tolist(), truth.tolist()))
    tp, fp, fn = pairs[1, 1], pairs[1, 0], pairs[0, 1]
    p = tp / (tp + fp) if tp + fp > 0 else 0
    r = tp / (tp + fn) if tp + fn > 0 else 0
    return [p, r, 2 * p * r / (p + r) if p + r > 0 else 0]


@to("06.2")
def nan_to_0(said, truth):
    with np.errstate(all="ignore"):
        hits = np.float64((said & truth).sum())
        p, r = np.nan_to_num(hits / said.sum()), np.nan_to_num(hits / truth.sum())
        return p, r, np.nan_to_num(2 * p * r / (p + r))


@to("06.2")
def an_array_of_three(said, truth):
    hits = float(np.dot(said, truth))
    p = hits / max(1, np.count_nonzero(said))
    r = hits / max(1, np.count_nonzero(truth))
    return p, r, 0.0 if hits == 0 else 2 / (1 / p + 1 / r)


@to("06.2")
def masks_indexed(said, truth):
    flagged, positive = said.astype(bool), truth.astype(bool)
    precision = truth[flagged].mean() if flagged.any() else 0.0
    recall = said[positive].mean() if positive.any() else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return precision, recall, f1


@to("06.6")
def transposed_columns(train, new):
    a, b = [], []
    for column, later in zip(train.T, new.T):
        mean, std = column.mean(), column.std()
        std = std if std > 0 else 1
        a.append((column - mean) / std)
        b.append((later - mean) / std)
    return np.stack(a, axis=1), np.stack(b, axis=1)


@to("06.6")
def by_masked_division(train, new):
    mean, std = train.mean(0), train.std(0)
    out = []
    for part in (train, new):
        shifted = part - mean
        np.divide(shifted, std, out=shifted, where=std != 0)
        out.append(shifted)
    return tuple(out)


@to("06.6")
def float64_within(train, new):
    t = train.astype(float)
    mean, std = t.mean(axis=0), t.std(axis=0)
    std[std == 0] = 1
    return ((t - mean) / std).astype(train.dtype), ((new - mean) / std).astype(new.dtype)


@to("06.6")
def constant_by_comparison(train, new):
    constant = (train == train[0]).all(axis=0)
    std = np.where(constant, train.dtype.type(1), train.std(axis=0))
    return [(part - train.mean(axis=0)) / std for part in (train, new)]


@to("06.6")
def by_sums_of_squares(train, new):
    n = len(train)
    mean = train.sum(axis=0) / n
    centred = train - mean
    std = np.sqrt(np.square(centred).sum(axis=0) / n).astype(train.dtype)
    std[std == 0] = 1
    return centred / std, (new - mean) / std


# -- 07 ------------------------------------------------------------------------------------------------------


@to("07.1")
def seven_loops(x, w, b, stride, padding):
    (n, c, h, width), (o, _, kh, kw) = x.shape, w.shape
    rows, columns = (h + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    y = np.zeros((n, o, rows, columns), dtype=x.dtype)
    for m, f, i, j in np.ndindex(*y.shape):
        total = float(b[f])
        for k, p, q in np.ndindex(c, kh, kw):
            r, s = i * stride + p - padding, j * stride + q - padding
            if 0 <= r < h and 0 <= s < width:
                total += float(x[m, k, r, s]) * float(w[f, k, p, q])
        y[m, f, i, j] = total
    return y


@to("07.1")
def windows_collected_first(x, w, b, stride, padding):
    kh, kw = w.shape[-2:]
    x = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    rows = range(0, x.shape[2] - kh + 1, stride)
    columns = range(0, x.shape[3] - kw + 1, stride)
    cut = [x[:, :, i : i + kh, j : j + kw].reshape(len(x), -1) for i in rows for j in columns]
    y = np.stack(cut, axis=1) @ w.reshape(len(w), -1).T + b  # (N, places, O)
    return y.transpose(0, 2, 1).reshape(len(x), len(w), len(rows), len(columns))


@to("07.1")
def of_the_package_conv(x, w, b, stride, padding):
    return F.conv2d(Tensor(x), Tensor(w), Tensor(b), stride, padding).data


@to("07.1")
def zeros_with_the_image_inside(x, w, b, stride, padding):
    n, c, h, width = x.shape
    wide = np.zeros((n, c, h + 2 * padding, width + 2 * padding), x.dtype)
    wide[:, :, padding : padding + h, padding : padding + width] = x
    filters, out = len(w), []
    for f in range(filters):
        rows = []
        for top in range(0, wide.shape[2] - w.shape[2] + 1, stride):
            row = []
            for left in range(0, wide.shape[3] - w.shape[3] + 1, stride):
                window = wide[:, :, top : top + w.shape[2], left : left + w.shape[3]]
                row.append((window * w[f]).sum(axis=(1, 2, 3)) + b[f])
            rows.append(row)
        out.append(rows)
    return np.array(out).transpose(3, 0, 1, 2)


@to("07.2")
def by_trying(n, kernel):
    k, count, top = places.k, 0, 0
    while top + k["dilation"] * (kernel - 1) < n + 2 * k["padding"]:
        count, top = count + 1, top + k["stride"]
    return count


@to("07.2")
def by_fractions(n, kernel):
    k = places.k
    room = Fraction(n + 2 * k["padding"] - k["dilation"] * (kernel - 1) - 1, k["stride"])
    return math.floor(room) + 1 if room >= 0 else 0


@to("07.2")
def of_an_array(n, kernel):
    k = places.k
    tops = np.arange(0, n + 2 * k["padding"], k["stride"])
    return np.sum(tops + k["dilation"] * (kernel - 1) < n + 2 * k["padding"])


@to("07.3")
def pixel_by_pixel(dy, w, shape, stride, padding):
    dx = np.zeros(shape)
    rows, columns = dy.shape[2:]
    for n, c, r, s in np.ndindex(*shape):
        for o, p, q in np.ndindex(len(w), *w.shape[2:]):
            i, a = divmod(r + padding - p, stride)
            j, b = divmod(s + padding - q, stride)
            if a == b == 0 and 0 <= i < rows and 0 <= j < columns:
                dx[n, c, r, s] += dy[n, o, i, j] * w[o, c, p, q]
    return dx


@to("07.3")
def each_number_of_dy(dy, w, shape, stride, padding):
    n, c, h, width = shape
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dtype=dy.dtype)
    for m, o, i, j in np.ndindex(*dy.shape):
        top, left = i * stride, j * stride
        dx[m, :, top : top + w.shape[2], left : left + w.shape[3]] += dy[m, o, i, j] * w[o]
    return dx[:, :, padding:, padding:][:, :, :h, :width].copy()


@to("07.3")
def by_the_tape(dy, w, shape, stride, padding):
    x = Tensor(np.zeros(shape, dy.dtype), requires_grad=True)
    F.conv2d(x, Tensor(w), None, stride, padding).backward(Tensor(dy))
    return x.grad.data


@to("07.3")
def transposed_convolution(dy, w, shape, stride, padding):
    extra = tuple(
        n - ((m - 1) * stride - 2 * padding + k) for n, m, k in zip(shape[2:], dy.shape[2:], w.shape[2:])
    )
    return F.conv_transpose2d(Tensor(dy), Tensor(w), None, stride, padding, extra).data


@to("07.4")
def nested_lists(dy, x, size, stride):
    dx = np.zeros(x.shape, x.dtype)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    places = [(i * stride + p, j * stride + q) for p in range(size) for q in range(size)]
                    r, s = max(places, key=lambda at: x[n, c, at[0], at[1]])
                    dx[n, c, r, s] += dy[n, c, i, j]
    return dx


@to("07.4")
def tap_after_tap(dy, x, size, stride):
    rows, columns = dy.shape[2:]
    dx, open_still = np.zeros(x.shape), np.ones(dy.shape, bool)
    taps = [
        np.s_[:, :, p : p + stride * (rows - 1) + 1 : stride, q : q + stride * (columns - 1) + 1 : stride]
        for p in range(size)
        for q in range(size)
    ]
    largest = np.max([x[tap] for tap in taps], axis=0)
    for tap in taps:
        wins = open_still & (x[tap] == largest)
        dx[tap] += np.where(wins, dy, 0)
        open_still &= ~wins
    return dx


@to("07.4")
def added_at(dy, x, size, stride):
    dx = np.zeros_like(x)
    cut = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    best = cut.reshape(*dy.shape, -1).argmax(axis=-1)
    n, c, i, j = np.indices(dy.shape)
    np.add.at(dx, (n, c, i * stride + best // size, j * stride + best % size), dy)
    return dx


@to("07.4")
def max_pool_by_the_tape(dy, x, size, stride):
    pixels = Tensor(np.array(x), requires_grad=True)
    F.max_pool2d(pixels, size, stride).backward(Tensor(dy))
    return pixels.grad.data


# -- 09 ------------------------------------------------------------------------------------------------------


@to("09.1")
def row_by_row_lstm(x, h, c, w, u, b):
    k = h.shape[1]
    shown, cells = np.empty_like(c), np.empty_like(c)
    for n in range(len(x)):
        a = w @ x[n] + u @ h[n] + b
        i, f, o = (special.expit(a[j * k : (j + 1) * k]) for j in (0, 1, 3))
        cells[n] = f * c[n] + i * np.tanh(a[2 * k : 3 * k])
        shown[n] = o * np.tanh(cells[n])
    return shown, cells


@to("09.1")
def three_sigmoids_at_once(x, h, c, w, u, b):
    a = np.einsum("nd,kd->nk", x, w) + np.einsum("nh,kh->nk", h, u) + b
    i, f, g, o = a.reshape(len(x), 4, -1).transpose(1, 0, 2)
    i, f, o = special.expit(np.stack([i, f, o]))
    new = i * np.tanh(g)
    new += f * c
    return [np.tanh(new) * o, new]


@to("09.1")
def lstm_in_float64(x, h, c, w, u, b):
    x64, h64, c64, w64, u64, b64 = (a.astype(np.float64) for a in (x, h, c, w, u, b))
    a = (w64 @ x64.T + u64 @ h64.T).T + b64
    i, f, g, o = np.hsplit(a, 4)
    c64 = c64 / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return (np.tanh(c64) / (1 + np.exp(-o))).astype(x.dtype), c64.astype(x.dtype)


@to("09.1")
def lstm_cell_of_the_package(x, h, c, w, u, b):
    given = (Tensor(w), Tensor(u), Tensor(b), Tensor(np.zeros_like(b)))
    h, c = F.lstm_cell(Tensor(x), (Tensor(h), Tensor(c)), *given)
    return h.data, c.data


@to("09.2")
def number_by_number_backward(dh, dc, i, f, g, o, c, c_new):
    n, k = dh.shape
    da, old = np.zeros((n, 4 * k), dh.dtype), np.zeros((n, k), dh.dtype)
    for r in range(n):
        for j in range(k):
            t = np.tanh(c_new[r, j])
            d = dc[r, j] + dh[r, j] * o[r, j] * (1 - t * t)
            da[r, j] = d * g[r, j] * i[r, j] * (1 - i[r, j])
            da[r, k + j] = d * c[r, j] * f[r, j] * (1 - f[r, j])
            da[r, 2 * k + j] = d * i[r, j] * (1 - g[r, j] * g[r, j])
            da[r, 3 * k + j] = dh[r, j] * t * o[r, j] * (1 - o[r, j])
            old[r, j] = d * f[r, j]
    return da, old


@to("09.2")
def gates_and_slopes_stacked(dh, dc, i, f, g, o, c, c_new):
    t = np.tanh(c_new)
    d = dc + dh * o * (1 - t) * (1 + t)
    into = np.stack([d * g, d * c, d * i, dh * t], axis=1)  # (N, 4, H)
    slopes = np.stack([i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)], axis=1)
    return (into * slopes).reshape(len(dh), -1), f * d


@to("09.2")
def backward_in_float64(dh, dc, i, f, g, o, c, c_new):
    kind = dh.dtype
    dh, dc, i, f, g, o, c, c_new = (a.astype(float) for a in (dh, dc, i, f, g, o, c, c_new))
    t = np.tanh(c_new)
    d = np.add(dc, np.multiply(dh * o, 1 - np.square(t)))
    da = np.c_[d * g * (i - i**2), d * c * (f - f**2), d * i * (1 - g**2), dh * t * (o - o**2)]
    return da.astype(kind), np.multiply(d, f).astype(kind)


@to("09.3")
def row_by_row_gru(x, h, w, u, b_x, b_h):
    k, rows = h.shape[1], []
    for one, state in zip(x, h):
        a, s = w @ one + b_x, u @ state + b_h
        r, z = special.expit(a[:k] + s[:k]), special.expit(a[k : 2 * k] + s[k : 2 * k])
        rows.append(z * state + (1 - z) * np.tanh(a[2 * k :] + r * s[2 * k :]))
    return np.array(rows)


@to("09.3")
def blocks_of_einsum(x, h, w, u, b_x, b_h):
    k = h.shape[1]
    a = np.einsum("nd,gkd->gnk", x, w.reshape(3, k, -1)) + b_x.reshape(3, 1, k)
    s = np.einsum("nj,gkj->gnk", h, u.reshape(3, k, k)) + b_h.reshape(3, 1, k)
    r, z = special.expit(a[:2] + s[:2])
    n = np.tanh(a[2] + r * s[2])
    return h + (1 - z) * (n - h)


@to("09.3")
def gru_in_float64(x, h, w, u, b_x, b_h):
    kind = x.dtype
    x, h, w, u, b_x, b_h = (a.astype(float) for a in (x, h, w, u, b_x, b_h))
    a, s = np.dot(x, w.T) + b_x, np.dot(h, u.T) + b_h
    (r_a, z_a, n_a), (r_s, z_s, n_s) = np.hsplit(a, 3), np.hsplit(s, 3)
    stays = 1 / (1 + np.exp(-(z_a + z_s)))
    n = np.tanh(n_a + n_s / (1 + np.exp(-(r_a + r_s))))
    return (stays * h + n - stays * n).astype(kind)


@to("09.3")
def gru_cell_of_the_package(x, h, w, u, b_x, b_h):
    return F.gru_cell(*(Tensor(a) for a in (x, h, w, u, b_x, b_h))).data


# -- 10 ------------------------------------------------------------------------------------------------------


@to("10.1")
def looked_up_by_a_function(words, index):
    def number(word):
        return index[word] if word in index else 1

    return list(map(number, words))


@to("10.1")
def with_a_default_for_all(words, index):
    table = defaultdict(lambda: 1, index)
    return [table[word] for word in words]


@to("10.1")
def asking_forgiveness(words, index):
    def number(word):
        try:
            return np.int64(index[word])
        except KeyError:
            return np.int64(1)

    return np.array([number(word) for word in words])


@to("10.2")
def filled_from_both_sides(rows, value):
    width = max(len(row) for row in rows)
    x = [np.pad(np.array(row), (0, width - len(row)), constant_values=value) for row in rows]
    mask = [np.pad(np.ones(len(row), bool), (0, width - len(row))) for row in rows]
    return np.stack(x), np.stack(mask)


@to("10.2")
def padded_place_by_place(rows, value):
    width = sorted(map(len, rows))[-1]
    x, mask = np.empty((len(rows), width), np.int64), np.empty((len(rows), width), bool)
    for n, t in np.ndindex(x.shape):
        mask[n, t] = t < len(rows[n])
        x[n, t] = rows[n][t] if mask[n, t] else value
    return x, mask


@to("10.2")
def turned_and_back(rows, value):
    columns = list(zip_longest(*rows, fillvalue=None))
    mask = np.array([[k is not None for k in column] for column in columns]).T
    return np.array([[value if k is None else k for k in column] for column in columns]).T, mask


@to("10.3")
def weighted_by_shares(losses, mask):
    shares = mask.astype(losses.dtype) / np.count_nonzero(mask)
    return np.sum(losses * shares), shares


@to("10.3")
def averaged_by_numpy(losses, mask):
    return np.average(losses, weights=mask), np.divide(mask, mask.sum())


@to("10.3")
def mean_where(losses, mask):
    return losses.mean(where=mask, dtype=float), np.where(mask, 1.0 / mask.sum(), 0.0)


@to("10.3")
def places_in_one_row(losses, mask):
    flat, kept = losses.ravel(), np.flatnonzero(mask)
    gradient = np.zeros(flat.shape)
    for i in kept:
        gradient[i] += 1 / kept.size
    return math.fsum(flat[kept].tolist()) / kept.size, gradient.reshape(losses.shape)


@to("10.4")
def row_by_row_of_the_table(dy, indices, rows):
    return np.stack([dy[indices == k].sum(axis=0) for k in range(rows)]).astype(dy.dtype)


@to("10.4")
def column_by_column_counted(dy, indices, rows):
    flat, g = indices.ravel(), dy.reshape(-1, dy.shape[2])
    columns = [np.bincount(flat, weights=g[:, d], minlength=rows) for d in range(g.shape[1])]
    return np.array(columns).T.astype(dy.dtype)


@to("10.4")
def one_hot_by_einsum(dy, indices, rows):
    return np.einsum("ntv,ntd->vd", np.eye(rows, dtype=dy.dtype)[indices], dy)


@to("10.4")
def sorted_then_added(dy, indices, rows):
    dw = np.zeros((rows, dy.shape[-1]), dtype=dy.dtype)
    for k, g in zip(indices.flatten().tolist(), dy.reshape(-1, dy.shape[-1])):
        dw[k] = dw[k] + g
    return dw


@to("10.7")
def by_recursion_over_the_rest(tokens, pair, new):
    joined = []
    while tokens:
        hit = tuple(tokens[:2]) == tuple(pair)
        joined, tokens = [*joined, new if hit else tokens[0]], tokens[2 if hit else 1 :]
    return joined


@to("10.7")
def skipping_with_a_flag(tokens, pair, new):
    joined, skip = [], False
    for i, token in enumerate(tokens):
        if skip:
            skip = False
        elif token == pair[0] and tokens[i + 1 : i + 2] == [pair[1]]:
            joined.append(new)
            skip = True
        else:
            joined.append(token)
    return joined


@to("10.7")
def with_an_iterator(tokens, pair, new):
    joined, rest = [], deque(tokens)
    while rest:
        token = rest.popleft()
        if rest and (token, rest[0]) == pair:
            rest.popleft()
            token = new
        joined.append(token)
    return joined


@to("11.1")
def as_lists_of_rows(q, k, v):
    shape = (*q.shape[:-1], k.shape[-2])
    p = np.zeros(shape, q.dtype)
    for i in np.ndindex(shape[:-1]):
        scores = [float(np.dot(q[i], key)) / math.sqrt(q.shape[-1]) for key in k[i[:-1]]]
        e = [math.exp(s - max(scores)) for s in scores]
        p[i] = [share / sum(e) for share in e]
    return np.matmul(p, v), p


@to("11.1")
def queries_scaled_first(q, k, v):
    q = q * q.dtype.type(1 / np.sqrt(q.shape[-1]))
    scores = np.matmul(q, np.moveaxis(k, -1, -2))
    scores -= scores.max(-1)[..., None]
    p = np.exp(scores)
    p /= p.sum(-1, keepdims=True)
    return [np.matmul(p, v), p]


@to("11.1")
def log_of_the_total(q, k, v):
    scores = q.astype(np.float64) @ np.swapaxes(k, -2, -1) / np.sqrt(q.shape[-1])
    p = np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))
    return (p @ v).astype(q.dtype), p.astype(q.dtype)


@to("11.2")
def with_no_number_put_right(q, k, v, mask):
    scores = np.where(mask, q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = np.nan_to_num(e / e.sum(axis=-1, keepdims=True))
    return p @ v, p


@to("11.2")
def lowest_number_and_mask(q, k, v, mask):
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    scores = np.where(mask, scores, np.finfo(scores.dtype).min)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True) * mask
    return np.matmul(p, v), p


@to("11.2")
def added_mask(q, k, v, mask):
    seen = np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))
    scores = np.einsum("...te,...se->...ts", q, k) / q.shape[-1] ** 0.5
    scores[~seen] = -np.inf
    p = np.zeros_like(scores)
    some = seen.any(axis=-1)
    rows = scores[some]
    rows = np.exp(rows - rows.max(axis=-1, keepdims=True))
    p[some] = rows / rows.sum(axis=-1, keepdims=True)
    return p @ v, p


@to("11.3")
def head_by_head_in_place(q, k, v, heads):
    y = np.empty_like(q)
    width = q.shape[2] // heads
    for n in range(len(q)):
        for start in range(0, q.shape[2], width):
            own = np.s_[n, :, start : start + width]
            scores = q[own] @ k[own].T / width**0.5
            e = np.exp(scores - scores.max(axis=1, keepdims=True))
            y[own] = (e / e.sum(axis=1, keepdims=True)) @ v[own]
    return y


@to("11.3")
def by_array_split(q, k, v, heads):
    parts = zip(*(np.split(x, heads, axis=2) for x in (q, k, v)))
    found = []
    for qh, kh, vh in parts:
        scores = np.einsum("nte,nse->nts", qh, kh) / math.sqrt(qh.shape[2])
        e = np.exp(scores - scores.max(axis=2)[..., None])
        found.append(np.einsum("nts,nse->nte", e / e.sum(axis=2)[..., None], vh))
    return np.concatenate(found, axis=2)


@to("11.3")
def heads_beside_examples(q, k, v, heads):
    n, t, d = q.shape
    q, k, v = (np.moveaxis(x.reshape(n, -1, heads, d // heads), 2, 1) for x in (q, k, v))
    q, k, v = (x.reshape(n * heads, -1, d // heads) for x in (q, k, v))
    scores = q @ np.swapaxes(k, 1, 2) * (d // heads) ** -0.5
    e = np.exp(scores - scores.max(-1, keepdims=True))
    y = e @ v / e.sum(-1, keepdims=True)
    return np.moveaxis(y.reshape(n, heads, t, -1), 1, 2).reshape(n, t, d)


@to("11.4")
def with_jacobians(dy, q, k, v, p):
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    root = math.sqrt(q.shape[-1])
    for i in np.ndindex(p.shape[:-1]):
        n = i[:-1]
        ds = (np.diag(p[i]) - np.outer(p[i], p[i])) @ (v[n] @ dy[i])
        dq[i] = ds @ k[n] / root
        dk[n] += np.outer(ds, q[i]) / root
        dv[n] += np.outer(p[i], dy[i])
    return dq, dk, dv


@to("11.4")
def scaled_operands(dy, q, k, v, p):
    root = q.shape[-1] ** 0.5
    dp = np.matmul(dy, np.moveaxis(v, -1, -2))
    ds = p * (dp - np.einsum("...s,...s->...", dp, p)[..., None])
    return ds @ (k / root), np.moveaxis(ds, -1, -2) @ (q / root), np.moveaxis(p, -1, -2) @ dy


@to("11.4")
def float64_between(dy, q, k, v, p):
    kind = dy.dtype
    dy, q, k, v, p = (a.astype(np.float64) for a in (dy, q, k, v, p))
    dp = dy @ v.swapaxes(-1, -2)
    ds = (p * dp - p * (p * dp).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    grads = ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ dy
    return tuple(g.astype(kind) for g in grads)


assert all(chain(RIGHT.values()))

# -- 08 ------------------------------------------------------------------------------------------------------


@to("08.1")
def lists_of_units(x, h, w_ih, w_hh, b):
    def unit(row, state, p, q, c):
        return math.tanh(sum(map(float, row * p)) + sum(map(float, state * q)) + float(c))

    return np.array([[unit(r, s, p, q, c) for p, q, c in zip(w_ih, w_hh, b)] for r, s in zip(x, h)])


@to("08.1")
def state_by_einsum(x, h, w_ih, w_hh, b):
    return np.tanh(np.einsum("nd,hd->nh", x, w_ih) + np.einsum("nk,hk->nh", h, w_hh) + b)


@to("08.1")
def step_by_the_library(x, h, w_ih, w_hh, b):
    return F.rnn_cell(x, h, w_ih, w_hh, b, np.zeros_like(b)).data


@to("08.1")
def tanh_by_exponentials(x, h, w_ih, w_hh, b):
    a = np.clip((b + np.dot(h, w_hh.T) + np.dot(x, w_ih.T)).astype(float), -30, 30)
    return 2 / (1 + np.exp(-2 * a)) - 1


@to("08.2")
def through_time_by_the_tape(dy, x, h, w_ih, w_hh):
    """Gradients of sum(y * dy), the bias read off the states."""
    leaves = [Tensor(a, requires_grad=True) for a in (x, h[0], w_ih, w_hh)]
    b = Tensor(np.zeros(len(w_ih), x.dtype), requires_grad=True)
    state, loss = leaves[1], Tensor(np.zeros((), x.dtype))
    for t in range(len(x)):
        a = F.linear(leaves[0][t], leaves[2], b) + F.linear(state, leaves[3])
        bias = np.arctanh(h[t + 1].astype(float)) - a.data
        state = F.tanh(a + Tensor(bias.astype(x.dtype)))
        loss = loss + (state * Tensor(dy[t])).sum()
    loss.backward()
    return tuple(leaf.grad.data for leaf in (*leaves, b))


@to("08.2")
def sequence_by_sequence(dy, x, h, w_ih, w_hh):
    dx, dh0 = np.zeros(x.shape), np.zeros(h[0].shape)
    dw_ih, dw_hh, db = np.zeros(w_ih.shape), np.zeros(w_hh.shape), np.zeros(len(w_hh))
    for n in range(x.shape[1]):
        future = np.zeros(len(w_hh))
        for t in range(len(x))[::-1]:
            da = (1 - h[t + 1, n]) * (1 + h[t + 1, n]) * (dy[t, n] + future)
            dx[t, n] = w_ih.T @ da
            dw_ih += np.outer(da, x[t, n])
            dw_hh += np.outer(da, h[t, n])
            db += da
            future = w_hh.T @ da
        dh0[n] = future
    return dx, dh0, dw_ih, dw_hh, db


@to("08.2")
def sums_by_einsum(dy, x, h, w_ih, w_hh):
    das, dh = [], 0
    for d, after in zip(dy[::-1], h[:0:-1]):
        das.insert(0, (d + dh) * (1 - after * after))
        dh = das[0] @ w_hh
    da = np.array(das)
    return (
        np.einsum("tnh,hd->tnd", da, w_ih), dh, np.einsum("tnh,tnd->hd", da, x),
        np.einsum("tnh,tnk->hk", da, h[:-1]), da.sum((0, 1)),
    )  # fmt: skip


@to("08.3")
def by_exact_sums(grads, max_norm):
    norm = math.sqrt(math.fsum(float(v) ** 2 for g in grads for v in g.ravel()))
    return [g.copy() if norm <= max_norm else g / (norm / max_norm) for g in grads]


@to("08.3")
def as_pytorch_does(grads, max_norm):
    norm = np.sqrt(sum(np.vdot(g, g) for g in grads))
    return [g * min(1, max_norm / (norm + 1e-6)) for g in grads]


@to("08.3")
def by_hypot(grads, max_norm):
    norm = math.hypot(*[float(v) for g in grads for v in np.nditer(g)])
    return tuple(g * np.float64(max_norm / norm) for g in grads) if norm > max_norm else tuple(grads)


# -- 12 ------------------------------------------------------------------------------------------------------


@to("12.1")
def turned_so_that_rows_are_columns(x, weight, bias, eps):
    flat = x.reshape(-1, x.shape[-1]).astype(float).T
    rstd = 1 / np.sqrt(flat.var(axis=0) + eps)
    x_hat = ((flat - flat.mean(axis=0)) * rstd).T.reshape(x.shape)
    rstd = rstd.reshape(*x.shape[:-1], 1)
    return tuple(a.astype(x.dtype) for a in (x_hat * weight + bias, x_hat, rstd))


@to("12.1")
def a_list_of_rows(x, weight, bias, eps):
    rows, scales = [], []
    for row in x.reshape(-1, x.shape[-1]).astype(float).tolist():
        mean = math.fsum(row) / len(row)
        scales.append((math.fsum((v - mean) ** 2 for v in row) / len(row) + eps) ** -0.5)
        rows.append([(v - mean) * scales[-1] for v in row])
    x_hat = np.array(rows, x.dtype).reshape(x.shape)
    return x_hat * weight + bias, x_hat, np.array(scales, x.dtype).reshape(*x.shape[:-1], 1)


@to("12.1")
def of_the_package_and_by_hand(x, weight, bias, eps):
    y = F.layer_norm(Tensor(x), x.shape[-1:], Tensor(weight), Tensor(bias), eps).data
    c = x - np.add.reduce(x, -1, keepdims=True) / x.shape[-1]
    rstd = (np.mean(np.square(c), -1, keepdims=True) + eps) ** -0.5
    return [y, np.multiply(c, rstd), rstd]


@to("12.2")
def a_row_at_a_time(dy, x_hat, rstd, weight):
    dx, dw, db = np.zeros_like(dy), np.zeros_like(weight), np.zeros_like(weight)
    for i, (g, h) in enumerate(zip(dy, x_hat)):
        d = g * weight
        dx[i] = (d - d.mean() - h * np.dot(d, h) / len(h)) * rstd[i]
        dw += g * h
        db += g
    return dx, dw, db


@to("12.2")
def three_sums_of_einsum(dy, x_hat, rstd, weight):
    n = dy.shape[1]
    g = np.einsum("nd,d->nd", dy, weight)
    dx = n * g - np.einsum("nd->n", g)[:, None] - x_hat * np.einsum("nd,nd->n", g, x_hat)[:, None]
    return rstd / n * dx, np.einsum("nd,nd->d", dy, x_hat), np.einsum("nd->d", dy)


@to("12.2")
def wide_inside_and_back(dy, x_hat, rstd, weight):
    g, h, r, w = (a.astype(np.float64) for a in (dy, x_hat, rstd, weight))
    d = g * w
    dx = r * (d - d.sum(1, keepdims=True) / d.shape[1] - h * np.average(d * h, axis=1)[:, None])
    return tuple(a.astype(dy.dtype) for a in (dx, np.sum(g * h, 0), np.add.reduce(g)))


@to("12.3")
def by_vecdot(x, weight, eps):
    return x * (np.einsum("...d,...d->...", x, x) / x.shape[-1] + eps)[..., None] ** -0.5 * weight


@to("12.3")
def of_the_package_rms(x, weight, eps):
    return F.rms_norm(Tensor(x), x.shape[-1:], Tensor(weight), eps).data


@to("12.3")
def lists_of_squares(x, weight, eps):
    rows = []
    for row in x.reshape(-1, x.shape[-1]).astype(float).tolist():
        root = math.sqrt(sum(v * v for v in row) / len(row) + eps)
        rows.append([v / root for v in row])
    return (np.array(rows).reshape(x.shape) * weight).astype(x.dtype)


@to("12.4")
def every_number_by_itself(length, width):
    rows = [
        [(math.cos if j % 2 else math.sin)(t / 10000 ** ((j - j % 2) / width)) for j in range(width)]
        for t in range(length)
    ]
    return np.array(rows)


@to("12.4")
def parts_of_complex_numbers(length, width):
    z = np.exp(1j * np.outer(np.arange(length), np.logspace(0, -4, width // 2, endpoint=False)))
    return np.dstack([z.imag, z.real]).reshape(length, width)


@to("12.4")
def one_position_after_the_other(length, width):
    """Every hand goes on by its own angle."""
    turn = np.exp(1j * 10000.0 ** (-np.arange(0, width, 2) / width))
    table, z = np.empty((length, width)), np.ones(width // 2, complex)
    for t in range(length):
        table[t, ::2], table[t, 1::2] = z.imag, z.real
        z = z * turn
    return table


@to("12.5")
def pair_by_pair(x, positions, base):
    y, half = np.array(x, dtype=float), x.shape[-1] // 2
    for e in range(half):
        for t, p in enumerate(positions):
            c, s = math.cos(p * base ** (-2 * e / (2 * half))), math.sin(p * base ** (-e / half))
            y[..., t, e] = x[..., t, e] * c - x[..., t, e + half] * s
            y[..., t, e + half] = x[..., t, e + half] * c + x[..., t, e] * s
    return y


@to("12.5")
def by_matrices_of_turns(x, positions, base):
    half = x.shape[-1] // 2
    a = np.outer(positions, np.exp(-np.log(base) * np.arange(half) / half))
    turns = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])  # (2, 2, T, E / 2)
    pairs = np.stack([x[..., :half], x[..., half:]])  # (2, ..., T, E / 2)
    return np.concatenate(list(np.einsum("ijte,j...te->i...te", turns, pairs)), axis=-1)


@to("12.5")
def in_and_out_of_neighbours(x, positions, base):
    half = x.shape[-1] // 2
    z = np.stack(np.split(x, 2, axis=-1), axis=-1).astype(float)  # (..., T, E / 2, 2)
    z = np.ascontiguousarray(z).view(complex)[..., 0] * np.exp(
        1j * positions[:, None] / np.power(base, np.arange(half) / half)
    )
    return np.concatenate([z.real, z.imag], -1).astype(x.dtype)


@to("12.6")
def with_a_layer_of_one_each(x, mix, w_out, w_gate, w_up, w_down, eps):
    def norm(v):
        return v / np.sqrt(np.square(v).sum(1)[:, None] / v.shape[1] + eps)

    def linear(v, w):
        return np.dot(v, w.T)

    def silu(z):
        return z * special.expit(z)

    x = x + linear(mix.dot(norm(x)), w_out)
    return x + linear(silu(linear(norm(x), w_gate)) * linear(norm(x), w_up), w_down)


@to("12.6")
def of_the_package_block(x, mix, w_out, w_gate, w_up, w_down, eps):
    x, mix, *w = (Tensor(np.ascontiguousarray(a)) for a in (x, mix, w_out, w_gate, w_up, w_down))
    norm = lambda v: F.rms_norm(v, v.shape[-1:], None, eps)
    x = x + F.linear(F.matmul(mix, norm(x)), w[0])
    n = norm(x)
    return (x + F.linear(F.silu(F.linear(n, w[1])) * F.linear(n, w[2]), w[3])).data


@to("12.6")
def both_branches_in_one_product(x, mix, w_out, w_gate, w_up, w_down, eps):
    rms = lambda v: np.sqrt((v**2).mean(1, keepdims=True) + eps)
    stream = np.array(x, float)
    stream += mix @ (stream / rms(stream)) @ w_out.T
    gate, up = np.split(stream / rms(stream) @ np.concatenate([w_gate, w_up]).T, 2, axis=1)
    return stream + (gate * up / (1 + np.exp(-gate))) @ w_down.T


# -- 13 ------------------------------------------------------------------------------------------------------


@to("13.1")
def lists_of_pieces(tokens, starts, length):
    stream = tokens.tolist()
    cut = lambda by: np.array([stream[s + by : s + by + length] for s in starts.tolist()])
    return cut(0), cut(1)


@to("13.1")
def targets_by_a_shorter_stream(tokens, starts, length):
    at = np.add.outer(starts, np.arange(length))
    return np.take(tokens, at), np.take(tokens[1:], at)


@to("13.1")
def filled_by_column(tokens, starts, length):
    x = np.empty((len(starts), length), tokens.dtype)
    y = np.empty_like(x)
    for t in range(length):
        x[:, t], y[:, t] = tokens[starts + t], tokens[starts + t + 1]
    return [x, y]


@to("13.2")
def by_partition(logits, temperature, top_k, u):
    kept = np.sort(np.argpartition(logits, -top_k)[-top_k:])
    p = np.zeros(logits.shape)
    p[kept] = special.softmax(logits[kept] / temperature)
    return p, kept[np.argmax(p[kept].cumsum() > u)]


@to("13.2")
def by_ranks(logits, temperature, top_k, u):
    ranks = np.argsort(np.argsort(logits)[::-1])
    z = np.where(ranks < top_k, (logits - logits.max()) / temperature, -np.inf)
    p = np.exp(z) / np.exp(z).sum()
    return [p, int((p.cumsum() <= u).sum())]


@to("13.2")
def in_lists(logits, temperature, top_k, u):
    z = [v / temperature for v in logits.tolist()]
    least, most = sorted(z, reverse=True)[top_k - 1], max(z)
    e = [math.exp(v - most) if v >= least else 0.0 for v in z]
    p = [v / sum(e) for v in e]
    return np.array(p), next(i for i, total in enumerate(accumulate(p)) if total > u)


@to("13.3")
def mask_added(q, k, v, keys, values, turn):
    s, t = keys.shape[-2], q.shape[-2]
    keys = np.concatenate((keys, turn(k, s)), -2)
    values = np.concatenate((values, v), -2)
    scores = np.einsum("...te,...se->...ts", turn(q, s), keys) / math.sqrt(q.shape[-1])
    scores = scores + np.triu(np.full((t, s + t), -np.inf), s + 1)
    return special.softmax(scores, axis=-1) @ values, keys, values


@to("13.3")
def token_by_token(q, k, v, keys, values, turn):
    rows = []
    for t in range(q.shape[-2]):
        at, one = keys.shape[-2], slice(t, t + 1)
        keys = np.append(keys, turn(k[..., one, :], at), axis=-2)
        values = np.append(values, v[..., one, :], axis=-2)
        e = turn(q[..., one, :], at) @ np.swapaxes(keys, -1, -2) / q.shape[-1] ** 0.5
        rows.append(special.softmax(e, -1) @ values)
    return np.concatenate(rows, -2), keys, values


@to("13.3")
def of_the_package_with_a_mask(q, k, v, keys, values, turn):
    s = keys.shape[-2]
    keys, values = np.concatenate([keys, turn(k, s)], -2), np.concatenate([values, v], -2)
    may = np.tri(q.shape[-2], keys.shape[-2], s, dtype=bool)
    y = F.scaled_dot_product_attention(*map(Tensor, (turn(q, s), keys, values)), may)
    return y.data, keys, values


# -- 14 ------------------------------------------------------------------------------------------------------


@to("14.1")
def lists_of_rows(a, b):
    columns = list(zip(*b.tolist()))
    return np.array([[sum(p * q for p, q in zip(row, c)) for c in columns] for row in a.tolist()], a.dtype)


@to("14.1")
def outer_products(a, b):
    z = np.zeros((len(a), b.shape[1]), dtype=a.dtype)
    for k in range(len(b)):
        z += np.outer(a[:, k], b[k])
    return z


@to("14.1")
def by_einsum_of_rows(a, b):
    return np.einsum("ik,kj->ij", a, b)


@to("14.1")
def jki_in_float64(a, b):
    z = np.zeros((a.shape[0], b.shape[1]))
    for j in range(b.shape[1]):
        for k in range(a.shape[1]):
            for i in range(a.shape[0]):
                z[i][j] += a[i][k] * b[k][j]
    return z.astype(a.dtype)


@to("14.3")
def lists_with_math(x):
    rows = []
    for row in x.tolist():
        e = [math.exp(v - max(row)) for v in row]
        rows.append([v / sum(e) for v in e])
    return np.array(rows, np.float32)


@to("14.3")
def softmax_of_scipy(x):
    return special.softmax(x, axis=1)


@to("14.3")
def whole_array_at_once(x):
    e = np.exp(x - x.max(axis=1)[:, None])
    return e / np.sum(e, axis=1)[:, None]


@to("14.3")
def scaled_by_the_inverse(x):
    p = x.copy()
    for i in range(len(p)):
        largest = -np.inf
        for v in p[i]:
            largest = v if v > largest else largest
        total = 0.0
        for j in range(p.shape[1]):
            p[i, j] = np.exp(p[i, j] - largest)
            total += float(p[i, j])
        p[i] *= np.float32(1 / total)
    return p


@to("14.4")
def by_reduceat(x, parts):
    bounds = [p * len(x) // parts for p in range(parts + 1)]
    return np.array([math.fsum(x[a:b].tolist()) for a, b in pairwise(bounds)], dtype=x.dtype)


@to("14.4")
def which_block_has_me(x, parts):
    sums, n = np.zeros(parts, x.dtype), len(x)
    for p in range(parts):
        for i in range(n):
            if p * n // parts <= i < (p + 1) * n // parts:
                sums[p] += x[i]
    return sums


@to("14.4")
def differences_of_running_sums(x, parts):
    running = [0.0, *accumulate(x.astype(float).tolist())]
    ends = [len(x) * p // parts for p in range(parts + 1)]
    return np.array([running[b] - running[a] for a, b in pairwise(ends)]).astype(x.dtype)


@to("14.5")
def by_divmod(i, j):
    k = line.k
    return divmod(k["start"] + k["each"] * j + k["each"] * k["columns"] * i, 64)[0]


@to("14.5")
def by_counting_lines(i, j):
    k = line.k
    byte, found = k["start"] + (i * k["columns"] + j) * k["each"], 0
    while byte >= 64:
        byte, found = byte - 64, found + 1
    return found


@to("14.5")
def of_numpys_numbers(i, j):
    k = line.k
    strides = np.array([k["columns"] * k["each"], k["each"]])
    return np.floor_divide(k["start"] + strides @ np.array([i, j]), 64)


# -- 15 ------------------------------------------------------------------------------------------------------


@to("15.1")
def relu_by_an_else(x, y):
    i = cuda.grid(1)
    if i < len(x):
        if x[i] > 0:
            y[i] = x[i]
        else:
            y[i] = 0


@to("15.1")
def relu_through_a_name(x, y):
    i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.blockDim.x
    if i < x.shape[0]:
        value = x[i]
        y[i] = (value + abs(value)) / 2


@to("15.1")
@cuda.jit
def relu_with_the_decorator(x, y):
    i = cuda.grid(1)
    if not i >= x.size:
        y[i] = max(0, x[i])


@to("15.2")
def layer_with_a_while(x, w, b, y):
    o, n = cuda.grid(2)
    if o >= y.shape[1] or n >= y.shape[0]:
        return
    i, total = 0, 0
    while i < w.shape[1]:
        total += w[o, i] * x[n, i]
        i += 1
    y[n, o] = b[o] + total


@to("15.2")
def layer_by_rows(x, w, b, y):
    o, n = cuda.grid(2)
    if n < x.shape[0]:
        if o < w.shape[0]:
            row, weights, total = x[n], w[o], float32(0)
            for i in range(row.size):
                total += row[i] * weights[i]
            y[n, o] = total + b[o]


@to("15.2")
def layer_with_strides(x, w, b, y):
    first, n = cuda.grid(2)
    step_o, step_n = cuda.gridsize(2)
    while n < y.shape[0]:
        for o in range(first, y.shape[1], step_o):
            total = b[o]
            for i in range(x.shape[1] - 1, -1, -1):
                total += x[n, i] * w[o, i]
            y[n, o] = total
        n += step_n


@to("15.3")
def descend_counting_rounds(p, g, lr):
    threads = cuda.blockDim.x * cuda.gridDim.x
    for k in range((p.size + threads - 1) // threads):
        i = k * threads + cuda.grid(1)
        if i < p.size:
            p[i] = p[i] - g[i] * lr


@to("15.3")
def descend_from_the_end(p, g, lr):
    i = p.size - 1 - cuda.grid(1)
    while i >= 0:
        p[i] -= lr * g[i]
        i -= cuda.gridsize(1)


@to("15.3")
def descend_in_one_thread(p, g, lr):
    if cuda.grid(1) == 0:
        for i in range(len(p)):
            p[i] -= lr * g[i]


@to("15.4")
def tally_by_subtraction(labels, counts):
    i = cuda.grid(1)
    if i < labels.shape[0]:
        cuda.atomic.sub(counts, labels[i], -1)


@to("15.4")
def tally_of_one_class_a_thread(labels, counts):
    k = cuda.grid(1)
    while k < len(counts):
        total = 0
        for i in range(len(labels)):
            total += labels[i] == k
        counts[k] = total
        k += cuda.gridsize(1)


@to("15.4")
def tally_with_a_name(labels, counts):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i < labels.size:
        k = labels[i]
        cuda.atomic.add(counts, k, int32(1))


# -- 16 ------------------------------------------------------------------------------------------------------


@to("16.1")
def block_sum_in_a_for(x, sums):
    s = cuda.shared.array(8, float32)
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    s[cuda.threadIdx.x] = 0
    if i < len(x):
        s[cuda.threadIdx.x] = x[i]
    for half in (4, 2, 1):
        cuda.syncthreads()
        if cuda.threadIdx.x < half:
            s[cuda.threadIdx.x] += s[cuda.threadIdx.x + half]
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x] = s[0]


@to("16.1")
def block_sum_by_a_shared_atomic(x, sums):
    s = cuda.shared.array(1, float32)
    if cuda.threadIdx.x == 0:
        s[0] = 0
    cuda.syncthreads()
    if cuda.grid(1) < x.size:
        cuda.atomic.add(s, 0, x[cuda.grid(1)])
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x] = s[0]


@to("16.2")
def matmul_by_number_of_tiles(a, b, c):
    s = cuda.shared.array((2, 4, 4), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.grid(2)
    total = 0
    for step in range((a.shape[1] + 3) // 4):
        s[0, y, x] = s[1, y, x] = 0
        if row < a.shape[0] and step * 4 + x < a.shape[1]:
            s[0, y, x] = a[row, step * 4 + x]
        if step * 4 + y < b.shape[0] and column < b.shape[1]:
            s[1, y, x] = b[step * 4 + y, column]
        cuda.syncthreads()
        for k in range(4):
            total += s[0, y, k] * s[1, k, x]
        cuda.syncthreads()
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total


@to("16.2")
def matmul_with_a_tile_turned_on_its_way(a, b, c):
    ta, tb = cuda.shared.array((4, 5), float32), cuda.shared.array((4, 5), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.grid(2)
    total = float32(0)
    for k0 in range(0, b.shape[0], 4):
        cuda.syncthreads()
        ta[x, y] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[k, y] * tb[k, x]
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@to("16.3")
def softmax_online(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m, total = float32(-1e30), float32(0)
    for j in range(lane, x.shape[1], 32):
        new = max(m, x[row, j])
        total = total * math.exp(m - new) + math.exp(x[row, j] - new)
        m = new
    for step in (1, 2, 4, 8, 16):
        other = cuda.shfl_xor_sync(0xFFFFFFFF, m, step)
        more = cuda.shfl_xor_sync(0xFFFFFFFF, float32(total), step)
        new = max(m, other)
        total = total * math.exp(m - new) + more * math.exp(other - new)
        m = new
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@to("16.3")
def softmax_through_the_output(x, y):
    row, lane = cuda.blockIdx.x, cuda.laneid
    m = x[row, 0]
    j = lane
    while j < x.shape[1]:
        m = max(m, x[row, j])
        j += 32
    for k in range(5):
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, 1 << k))
    total, j = float32(0), lane
    while j < x.shape[1]:
        y[row, j] = math.exp(x[row, j] - m)
        total += y[row, j]
        j += 32
    for k in range(5):
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, 1 << k)
    j = lane
    while j < x.shape[1]:
        y[row, j] /= total
        j += 32


@to("16.1")
def block_sum_with_the_grown_half(x, sums):
    s = cuda.shared.array(16, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if i < x.size:
        s[t] = x[i]
    else:
        s[t] = float32(0)
    cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half >= 1:
        mine = s[t] + s[t + half] if t < half else s[t]
        cuda.syncthreads()
        s[t] = mine
        cuda.syncthreads()
        half = half // 2
    if t == 7:
        sums[cuda.blockIdx.x] = s[0]


@to("16.2")
def matmul_with_numbers_of_its_own(a, b, c):
    ta, tb = cuda.shared.array(16, float32), cuda.shared.array(16, float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.blockIdx.x * cuda.blockDim.x + x, cuda.blockIdx.y * cuda.blockDim.y + y
    total, k0 = float32(0), 0
    while k0 < a.shape[1]:
        here = min(4, a.shape[1] - k0)  # the tail is not multiplied: no zeros are needed
        if i < a.shape[0] and x < here:
            ta[4 * y + x] = a[i, k0 + x]
        if j < b.shape[1] and y < here:
            tb[4 * y + x] = b[k0 + y, j]
        cuda.syncthreads()
        if i < c.shape[0] and j < c.shape[1]:
            for k in range(here):
                total += ta[4 * y + k] * tb[4 * k + x]
        cuda.syncthreads()
        k0 += 4
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@to("16.3")
def softmax_in_one_thread(x, y):
    row = cuda.blockIdx.x
    if cuda.threadIdx.x == 0:
        m, total = x[row, 0], float32(0)
        for j in range(1, x.shape[1]):
            m = max(m, x[row, j])
        for j in range(x.shape[1]):
            y[row, j] = math.exp(x[row, j] - m)
            total += y[row, j]
        for j in range(x.shape[1]):
            y[row, j] = y[row, j] / total


# -- 17 ------------------------------------------------------------------------------------------------------


@to("17.1")
def merged_in_log_space(m1, l1, m2, l2):
    with np.errstate(divide="ignore"):
        total = np.logaddexp(m1 + np.log(l1), m2 + np.log(l2))
    m = np.maximum(m1, m2)
    return m, np.where(np.isinf(m), 0, np.exp(total - np.where(np.isinf(m), 0, m)))


@to("17.1")
def merged_by_lists(m1, l1, m2, l2):
    pairs = []
    for a, s, b, t in zip(m1.ravel(), l1.ravel(), m2.ravel(), l2.ravel()):
        m = max(a, b)
        pairs.append((m, 0.0) if m == -math.inf else (m, s * math.exp(a - m) + t * math.exp(b - m)))
    m, total = zip(*pairs)
    return np.reshape(m, m1.shape), np.reshape(total, m1.shape)


@to("17.1")
def merged_where_either_is_empty(m1, l1, m2, l2):
    m, total = m1.copy(), l1.copy()
    new = (l1 == 0) & (l2 > 0)
    m[new], total[new] = m2[new], l2[new]
    both = (l1 > 0) & (l2 > 0)
    top = np.maximum(m1[both], m2[both])
    m[both] = top
    total[both] = l1[both] * np.exp(m1[both] - top) + l2[both] * np.exp(m2[both] - top)
    return m, total


@to("17.2")
def tiles_from_the_end(q, k, v, size, causal):
    m = np.full((len(q), 1), -1e300)
    l, y = np.zeros((len(q), 1)), np.zeros((len(q), v.shape[1]))
    for j in reversed(range(0, len(k), size)):
        s = np.einsum("te,se->ts", q, k[j : j + size]) / math.sqrt(q.shape[1])
        open_ = np.arange(j, j + s.shape[1])[None] <= np.arange(len(q))[:, None] if causal else s == s
        new = np.maximum(m, np.where(open_, s, -1e300).max(1, keepdims=True))
        e = np.where(open_, np.exp(np.minimum(s - new, 0)), 0)
        l, y = l * np.exp(m - new) + e.sum(1, keepdims=True), y * np.exp(m - new) + e @ v[j : j + size]
        m = new
    return y / l, (m + np.log(l))[:, 0]


@to("17.2")
def causal_skips_what_is_closed(q, k, v, size, causal):
    y, lse = np.zeros((len(q), v.shape[1])), np.zeros(len(q))
    for i, row in enumerate(q):
        keys, values = (k[: i + 1], v[: i + 1]) if causal else (k, v)
        m, l, out = float("-inf"), 0.0, 0.0
        for j in range(0, len(keys), size):
            s = keys[j : j + size] @ row * q.shape[1] ** -0.5
            before, m = m, max(m, *s)
            e = np.exp(s - m)
            l = math.exp(before - m) * l + e.sum()
            out = math.exp(before - m) * out + (e[:, None] * values[j : j + size]).sum(0)
        y[i], lse[i] = out / l, m + math.log(l)
    return y, lse


@to("17.2")
def states_merged_in_pairs(q, k, v, size, causal):
    parts = []
    for j in range(0, len(k), size):
        s = (q / q.shape[1] ** 0.5) @ k[j : j + size].T
        if causal:
            s[np.arange(j, j + s.shape[1])[None] > np.arange(len(q))[:, None]] = -np.inf
        m = s.max(1)
        e = np.exp(s - np.where(np.isinf(m), 0, m)[:, None])
        parts.append((m, e.sum(1), e @ v[j : j + size]))

    def merge(a, b):
        m = np.maximum(a[0], b[0])
        around = np.where(np.isinf(m), 0, m)
        f, g = np.exp(a[0] - around), np.exp(b[0] - around)
        return m, a[1] * f + b[1] * g, a[2] * f[:, None] + b[2] * g[:, None]

    m, l, y = reduce(merge, parts)
    return y / l[:, None], m + np.log(l)


@to("17.5")
def blocks_by_lists(registers, shared, threads):
    warps = math.ceil(threads / 32)
    limits = [32, 64 // warps, 16384 // (registers * 32) * 4 // warps]
    limits.append(at_once.k["memory"] // (1024 + shared))
    return sorted(limits)[0] * at_once.k["multiprocessors"]


@to("17.5")
def blocks_with_an_if(registers, shared, threads):
    warps = (threads + 31) // 32
    n = 4 * (512 // registers)
    n = n if n < 64 else 64
    n = min(n // warps, 32)
    if n * (shared + 1024) > at_once.k["memory"]:
        n = at_once.k["memory"] // (shared + 1024)
    return np.int64(n * at_once.k["multiprocessors"])


@to("17.5")
def blocks_one_by_one(registers, shared, threads):
    warps, blocks = len(range(0, threads, 32)), 0
    fits = 16384 // (32 * registers) * 4
    while blocks < 32 and (blocks + 1) * warps <= min(64, fits):
        if (blocks + 1) * (shared + 1024) > at_once.k["memory"]:
            break
        blocks += 1
    return float(blocks * at_once.k["multiprocessors"])
