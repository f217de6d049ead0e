"""03.3: the gradient of softmax and cross-entropy together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

loss = Fill("03.3", "softmax_cross_entropy_backward(logits, targets)", returns="dlogits", level=2, minutes=8)


@loss.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([[1.0, 2.0, 0.0], [0.5, -1.0, 1.5]]), np.array([1, 0]), note="2 rows, 3 classes")
    yield case(rng.normal(size=(5, 3)), np.array([2, 0, 2, 1, 0]), note="5 rows, 3 classes")
    yield case(rng.normal(size=(4, 4)), np.array([3, 3, 0, 1]), tags="square", note="4 rows, 4 classes")
    yield case(rng.normal(size=(1, 4)), np.array([2]), tags="one", note="a batch of one")
    large = np.array([[1000.0, 998.0, 0.0], [3.0, -2000.0, 4.0]])
    yield case(large, np.array([1, 2]), tags="large", note="scores in the thousands")
    behind = np.array([[40.0, 0.0, -5.0], [0.0, 3.0, 900.0]])
    yield case(behind, np.array([2, 0]), tags="large", note="the true class is far behind")
    x = rng.normal(size=(3, 5)).astype(np.float32)
    yield case(x, np.array([4, 0, 1]), tags="float32", note="float32")


@loss.drawn
def _(rng: np.random.Generator) -> Case:
    n, k = draw.sizes(rng, 2)
    kind = draw.dtype(rng)
    logits: np.ndarray = draw.scores(rng, (n, k), 90.0 if kind == np.float32 else 5000.0).astype(kind)
    targets = rng.integers(k, size=n) if rng.random() < 0.8 else np.full(n, draw.one_of(rng, 0, k - 1))
    return case(draw.laid(rng, logits), targets)


@loss.reference
def _(logits, targets):
    pair = ops.cross_entropy.pairs["numpy"]
    out, cache = pair.forward(logits, targets)
    return pair.pull(np.ones_like(out), cache, (True, False))[0]


@loss.worked
def softmax_cross_entropy_backward(logits, targets):
    n = len(logits)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))  # (N, K): the largest is exp(0)
    p = e / e.sum(axis=1, keepdims=True)  # (N, K): each row sums to 1
    p[np.arange(n), targets] -= 1  # one element in each row: what is believed less what is true
    return p / n  # the loss is the mean over N rows


@loss.right
def by_one_hot(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    truth = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return (np.exp(log_p) - truth) / len(targets)


@loss.right
def row_by_row(logits, targets):
    dlogits = np.zeros_like(logits)
    for n, (row, target) in enumerate(zip(logits, targets)):
        weights = np.exp(row - row.max())
        dlogits[n] = weights / weights.sum()
        dlogits[n, target] -= 1
    return dlogits / len(logits)


@loss.right
def by_comparison(logits, targets):
    e = np.exp(logits - np.max(logits, axis=-1)[:, None])
    is_target = targets[:, None] == np.arange(logits.shape[1])
    return (e / e.sum(-1)[:, None] - is_target.astype(logits.dtype)) / logits.shape[0]


def _softmax(x, axis=1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _truth(logits, targets):
    return np.eye(logits.shape[1], dtype=logits.dtype)[targets]


@loss.mistake
def not_a_mean(logits, targets):
    return _softmax(logits) - _truth(logits, targets)


@loss.mistake
def sign(logits, targets):
    return (_truth(logits, targets) - _softmax(logits)) / len(logits)


@loss.mistake
def minus_one_in_whole_columns(logits, targets):
    p = _softmax(logits)
    p[:, targets] -= 1
    return p / len(logits)


@loss.mistake
def minus_one_in_whole_rows(logits, targets):
    p = _softmax(logits)
    p[targets] -= 1
    return p / len(logits)


@loss.mistake
def minus_one_everywhere(logits, targets):
    return (_softmax(logits) - 1) / len(logits)


@loss.mistake
def overflows(logits, targets):
    e = np.exp(logits)
    return (e / e.sum(axis=1, keepdims=True) - _truth(logits, targets)) / len(logits)


@loss.mistake
def target_class_only(logits, targets):
    return (_softmax(logits) - 1) * _truth(logits, targets) / len(logits)


@loss.mistake
def stops_at_the_probabilities(logits, targets):
    return -_truth(logits, targets) / _softmax(logits) / len(logits)


@loss.mistake
def no_softmax(logits, targets):
    return (logits - _truth(logits, targets)) / len(logits)


@loss.mistake
def truth_forgotten(logits, targets):
    return _softmax(logits) / len(logits)


@loss.mistake
def mean_over_all(logits, targets):
    return (_softmax(logits) - _truth(logits, targets)) / logits.size


@loss.mistake
def softmax_over_the_batch(logits, targets):
    return (_softmax(logits, axis=0) - _truth(logits, targets)) / len(logits)


@loss.mistake
def labels_as_numbers(logits, targets):
    return (_softmax(logits) - targets[:, None].astype(logits.dtype)) / len(logits)


@loss.mistake
def truth_inside_the_softmax(logits, targets):
    return _softmax(logits - _truth(logits, targets)) / len(logits)


@loss.mistake
def log_probabilities(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return (log_p - _truth(logits, targets)) / len(logits)


@loss.mistake
def one_softmax_for_all(logits, targets):
    e = np.exp(logits - logits.max())
    return (e / e.sum() - _truth(logits, targets)) / len(logits)


@loss.mistake
def largest_of_all_rows(logits, targets):
    e = np.exp(logits - logits.max())
    return (e / e.sum(axis=1, keepdims=True) - _truth(logits, targets)) / len(logits)


@loss.mistake
def set_to_minus_one(logits, targets):
    p = _softmax(logits)
    p[np.arange(len(p)), targets] = -1
    return p / len(logits)


@loss.mistake
def truth_alone_divided(logits, targets):
    return _softmax(logits) - _truth(logits, targets) / len(logits)


@loss.mistake
def belief_alone_divided(logits, targets):
    return _softmax(logits) / len(logits) - _truth(logits, targets)


@loss.two("not_a_mean", "overflows")
def _(logits, targets):
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True) - _truth(logits, targets)


@loss.two("not_a_mean", "sign")
def _(logits, targets):
    return _truth(logits, targets) - _softmax(logits)


@loss.two("not_a_mean", "minus_one_in_whole_columns")
def _(logits, targets):
    p = _softmax(logits)
    p[:, targets] -= 1
    return p


@loss.two("not_a_mean", "softmax_over_the_batch")
def _(logits, targets):
    return _softmax(logits, axis=0) - _truth(logits, targets)


@loss.two("overflows", "softmax_over_the_batch")
def _(logits, targets):
    e = np.exp(logits)
    return (e / e.sum(axis=0, keepdims=True) - _truth(logits, targets)) / len(logits)


@loss.swaps
def _(function):
    def forward(logits, targets, **params):
        out, _ = ops.cross_entropy.pairs["numpy"].forward(logits, targets, **params)
        return out, (logits, targets)

    def backward(dout, cache):
        return dout * function(*cache), None

    return ops.cross_entropy.using(forward, backward)
