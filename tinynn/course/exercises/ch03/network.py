"""03.5: a network of two layers, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ....ops import cross_entropy, linear, relu
from ...effects.by_hand import with_gradients
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case

network = Fill(
    "03.5",
    "network_gradients(x, t, w1, b1, w2, b2)",
    returns="loss dw1 db1 dw2 db2",
    level=3,
    minutes=12,
)


@network.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, i: int, h: int, k: int, dtype: Any = np.float64) -> list[np.ndarray]:
        shapes: list[tuple[int, ...]] = [(n, i), (h, i), (h,), (k, h), (k,)]
        x, *weights = (rng.normal(size=s).astype(dtype) for s in shapes)
        return [x, np.arange(n) * 2 % k, *weights]

    tiny = [a.round(1) for a in draw(2, 2, 4, 3)]
    yield case(*tiny, note="2 rows, 2 inputs, 4 hidden units, 3 classes")
    yield case(*draw(5, 2, 6, 3), note="5 rows, 2 inputs, 6 hidden units, 3 classes")
    yield case(*draw(4, 4, 4, 4), tags="square", note="everything 4 by 4")
    yield case(*draw(1, 3, 5, 2), tags="one", note="a batch of one")
    yield case(*draw(4, 3, 1, 2), note="a single hidden unit")
    x, t, w1, b1, w2, b2 = draw(3, 2, 5, 4)
    yield case(1000 * x, t, w1, b1, w2, b2, tags="large", note="inputs, and so scores, in the thousands")
    yield case(*draw(6, 3, 4, 2, np.float32), tags="float32", note="float32")


@network.drawn
def _(rng: np.random.Generator) -> Case:
    n, i, h, k = draw.sizes(rng, 4)
    shapes: list[tuple[int, ...]] = [(n, i), (h, i), (h,), (k, h), (k,)]
    kind = draw.dtype(rng)
    x, *weights = (draw.numbers(rng, s, "usual usual above") for s in shapes)
    x = x * draw.one_of(rng, 1.0, 1.0, 0.01, 30.0 if kind == np.float64 else 1.0)
    targets = rng.integers(k, size=n) if rng.random() < 0.8 else np.full(n, draw.one_of(rng, 0, k - 1))
    w1, b1, w2, b2 = weights
    logits = np.maximum(x @ w1.T + b1, 0) @ w2.T + b2
    if kind == np.float32 and cross_entropy.pairs["numpy"].forward(logits, targets)[0] < 0.01:
        targets = logits.argmin(axis=1)  # 1 less a share of nearly 1 has few digits in float32
    x, *weights = (draw.laid(rng, a.astype(kind)) for a in (x, *weights))
    return case(x, targets, *weights)


@network.reference
def _(x, t, w1, b1, w2, b2):
    def run(op, *inputs):
        return op.pairs["numpy"].forward(*inputs)

    def pull(op, dy, cache):
        return op.pairs["numpy"].backward(dy, cache)

    z, c1 = run(linear, x, w1, b1)
    h, c2 = run(relu, z)
    logits, c3 = run(linear, h, w2, b2)
    loss, c4 = run(cross_entropy, logits, t)
    dlogits, _ = pull(cross_entropy, np.ones_like(loss), c4)
    dh, dw2, db2 = pull(linear, dlogits, c3)
    (dz,) = pull(relu, dh, c2)
    _, dw1, db1 = pull(linear, dz, c1)
    return loss, dw1, db1, dw2, db2


@network.worked
def network_gradients(x, t, w1, b1, w2, b2):
    n = len(x)
    z = x @ w1.T + b1  # (N, H)
    h = np.maximum(z, 0)  # (N, H)
    logits = h @ w2.T + b2  # (N, K)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, K)
    loss = -log_p[np.arange(n), t].mean()

    dlogits = np.exp(log_p)  # (N, K)
    dlogits[np.arange(n), t] -= 1
    dlogits /= n  # the loss is a mean
    dw2, db2 = dlogits.T @ h, dlogits.sum(axis=0)  # (K, H), (K,)
    dz = dlogits @ w2 * (z > 0)  # (N, H): through w2, then through relu
    dw1, db1 = dz.T @ x, dz.sum(axis=0)  # (H, I), (H,)
    return loss, dw1, db1, dw2, db2


@network.right
def row_by_row(x, t, w1, b1, w2, b2):
    n, loss = len(x), 0
    dw1, db1, dw2, db2 = np.zeros_like(w1), np.zeros_like(b1), np.zeros_like(w2), np.zeros_like(b2)
    for row, k in zip(x, t):
        h = np.maximum(w1 @ row + b1, 0)
        y = w2 @ h + b2
        e = np.exp(y - y.max())
        loss += (np.log(e.sum()) + y.max() - y[k]) / n
        d = e / e.sum() / n
        d[k] -= 1 / n
        dh = np.where(h > 0, w2.T @ d, 0)
        dw2, db2 = dw2 + np.outer(d, h), db2 + d
        dw1, db1 = dw1 + np.outer(dh, row), db1 + dh
    return loss, dw1, db1, dw2, db2


@network.right
def by_ones(x, t, w1, b1, w2, b2):
    """The biases as one more input that is always 1."""
    ones = np.ones((len(x), 1), x.dtype)
    x1 = np.concatenate([x, ones], axis=1)
    h = np.clip(x1 @ np.concatenate([w1, b1[:, None]], axis=1).T, 0, None)
    h1 = np.concatenate([h, ones], axis=1)
    y = h1 @ np.concatenate([w2, b2[:, None]], axis=1).T
    top = y.max(1)
    log_sum = top + np.log(np.exp(y - top[:, None]).sum(1))
    truth = np.eye(len(w2), dtype=x.dtype)[t]
    loss = np.mean(log_sum - (y * truth).sum(1))
    dy = (np.exp(y - log_sum[:, None]) - truth) / len(x)
    d2, d1 = dy.T @ h1, ((dy @ w2) * (h > 0)).T @ x1
    return loss, d1[:, :-1], d1[:, -1], d2[:, :-1], d2[:, -1]


# -- mistakes: each changes one line of what follows ---------------------------------------------------------


def _forward(x, t, w1, b1, w2, b2):
    z = x @ w1.T + b1
    return z, *_loss(np.maximum(z, 0), t, w2, b2)


def _loss(h, t, w2, b2):
    """h, the losses of the rows, and the gradient of their sum with respect to the scores."""
    logits = h @ w2.T + b2
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    d = np.exp(log_p)
    d[np.arange(len(t)), t] -= 1
    return h, -log_p[np.arange(len(t)), t], d


def _backward(x, z, h, d, w2):
    dz = d @ w2 * (z > 0)
    return dz.T @ x, dz.sum(0), d.T @ h, d.sum(0)


@network.mistake
def not_a_mean(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, z, h, d, w2)


@network.mistake
def sums(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.sum(), *_backward(x, z, h, d, w2)


@network.mistake
def relu_forgotten_on_the_way_back(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, np.ones_like(z), h, d / len(x), w2)


@network.mistake
def mask_of_dh(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    d = d / len(x)
    return losses.mean(), *_backward(x, d @ w2, h, d, w2)


@network.mistake
def mask_of_the_scores(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, h @ w2.T + b2, h, d / len(x), w2)


@network.mistake
def no_relu_at_all(x, t, w1, b1, w2, b2):
    z = x @ w1.T + b1
    h, losses, d = _loss(z, t, w2, b2)
    return losses.mean(), *_backward(x, np.ones_like(z), h, d / len(x), w2)


@network.mistake
def dw2_from_before_relu(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, z, z, d / len(x), w2)


@network.mistake
def w2_already_updated(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    d = d / len(x)
    return losses.mean(), *_backward(x, z, h, d, w2 - 0.1 * (d.T @ h))


@network.mistake
def db_not_summed(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    d = d / len(x)
    dw1, _, dw2, _ = _backward(x, z, h, d, w2)
    return losses.mean(), dw1, d @ w2 * (z > 0), dw2, d


@network.mistake
def db_over_units(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    d = d / len(x)
    dw1, _, dw2, _ = _backward(x, z, h, d, w2)
    return losses.mean(), dw1, (d @ w2 * (z > 0)).sum(1), dw2, d.sum(1)


@network.mistake
def db_averaged(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    dw1, db1, dw2, db2 = _backward(x, z, h, d / len(x), w2)
    return losses.mean(), dw1, db1 / len(x), dw2, db2 / len(x)


@network.mistake
def no_softmax(x, t, w1, b1, w2, b2):
    z, h, losses, _ = _forward(x, t, w1, b1, w2, b2)
    d = h @ w2.T + b2
    d[np.arange(len(t)), t] -= 1
    return losses.mean(), *_backward(x, z, h, d / len(x), w2)


@network.mistake
def sign(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, z, h, -d / len(x), w2)


@network.mistake
def softmax_overflows(x, t, w1, b1, w2, b2):
    z, h, _, _ = _forward(x, t, w1, b1, w2, b2)
    e, rows = np.exp(h @ w2.T + b2), np.arange(len(t))
    p = e / e.sum(1, keepdims=True)
    loss = -np.log(p[rows, t]).mean()
    p[rows, t] -= 1
    return loss, *_backward(x, z, h, p / len(x), w2)


@network.mistake
def times_h(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    d = d / len(x)
    dz = d @ w2 * h
    return losses.mean(), dz.T @ x, dz.sum(0), d.T @ h, d.sum(0)


@network.mistake
def biases_forgotten(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, 0 * b1, w2, 0 * b2)
    return losses.mean(), *_backward(x, z, h, d / len(x), w2)


@network.mistake
def relu_on_the_scores(x, t, w1, b1, w2, b2):
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = np.maximum(h @ w2.T + b2, 0)
    _, losses, d = _loss(logits, t, np.eye(len(w2), dtype=w2.dtype), 0 * b2)
    return losses.mean(), *_backward(x, z, h, d * (logits > 0) / len(x), w2)


@network.mistake
def log_of_a_probability(x, t, w1, b1, w2, b2):
    z, h, _, d = _forward(x, t, w1, b1, w2, b2)
    p = (d + np.eye(len(w2), dtype=w2.dtype)[t])[np.arange(len(t)), t]
    return -np.log(p).mean(), *_backward(x, z, h, d / len(x), w2)


@network.two("not_a_mean", "relu_forgotten_on_the_way_back")
def _(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, np.ones_like(z), h, d, w2)


@network.two("not_a_mean", "mask_of_dh")
def _(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    return losses.mean(), *_backward(x, d @ w2, h, d, w2)


@network.two("relu_forgotten_on_the_way_back", "db_averaged")
def _(x, t, w1, b1, w2, b2):
    z, h, losses, d = _forward(x, t, w1, b1, w2, b2)
    dw1, db1, dw2, db2 = _backward(x, np.ones_like(z), h, d / len(x), w2)
    return losses.mean(), dw1, db1 / len(x), dw2, db2 / len(x)


@network.two("not_a_mean", "softmax_overflows")
def _(x, t, w1, b1, w2, b2):
    loss, *gradients = softmax_overflows(x, t, w1, b1, w2, b2)
    return loss, *(g * len(x) for g in gradients)


@network.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    """The spirals, all at once: the function gives the loss and the gradients of all weights."""
    return with_gradients(function, optimizer, seed)
