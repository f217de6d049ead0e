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
from itertools import accumulate, chain, pairwise

import numpy as np
from scipy import special

import tinynn.functional as F
from tinynn.course.exercises.ch02.smoothing import smoothed
from tinynn.course.exercises.ch05.schedule import schedule
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


assert all(chain(RIGHT.values()))


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
