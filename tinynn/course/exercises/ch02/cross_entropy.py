"""02.4: cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

entropy = Fill("02.4", "cross_entropy(logits, targets)", returns="loss", level=2, minutes=10)


@entropy.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]]), np.array([0, 1]), note="2 examples, 3 classes")
    yield case(rng.normal(size=(5, 4)), np.array([3, 0, 0, 2, 3]), note="5 examples, 4 classes")
    yield case(rng.normal(size=(3, 3)), np.array([2, 2, 0]), tags="square", note="3 examples, 3 classes")
    yield case(rng.normal(size=(1, 4)), np.array([2]), tags="one", note="one example")
    yield case(np.zeros((3, 5)), np.array([4, 1, 0]), note="all scores equal")
    above = np.array([[1000.0, 1001.5, 999.0], [802.0, 800.0, 803.0]])
    yield case(above, np.array([0, 1]), tags="large", note="large scores")
    apart = np.array([[1000.0, 1001.5, 999.0], [-800.0, -802.0, -803.0]])
    yield case(apart, np.array([1, 2]), tags="large", note="large scores above and below 0")
    sure = np.array([[2000.0, 0.0, 3.0], [1.0, 2.0, 0.0]])
    yield case(sure, np.array([2, 1]), tags="large", note="sure of itself, and wrong")
    right = np.array([[900.0, 0.0, 3.0], [1.0, 2.0, 0.0], [0.0, -5.0, 800.0]])
    yield case(
        right, np.array([0, 1, 2]), tags="large", note="sure of itself, and right: a loss of exactly 0"
    )
    floats = rng.normal(size=(4, 6)).astype(np.float32)
    yield case(floats, np.array([5, 1, 1, 0]), tags="float32", note="float32")


@entropy.drawn
def _(rng: np.random.Generator) -> Case:
    n, k = draw.sizes(rng, 2)
    kind = draw.dtype(rng)
    logits: np.ndarray = draw.scores(rng, (n, k), 40.0 if kind == np.float32 else 2000.0).astype(kind)
    targets = rng.integers(k, size=n) if rng.random() < 0.8 else np.full(n, draw.one_of(rng, 0, k - 1))
    return case(draw.laid(rng, logits), targets)


@entropy.reference
def _(logits, targets):
    return ops.cross_entropy.pairs["numpy"].forward(logits, targets)[0]


@entropy.worked
def cross_entropy(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)  # (N, K) - (N, 1)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, K)
    of_the_truth = log_p[np.arange(len(targets)), targets]  # (N,): one from each row
    return -of_the_truth.mean()


@entropy.right
def by_one_hot(logits, targets):
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]  # (N, K)
    return -(one_hot * log_p).sum() / len(targets)


@entropy.right
def row_by_row(logits, targets):
    losses = []
    for row, target in zip(logits, targets):
        behind = row - row[target]  # how far each class is above the true one
        top = max(behind.max(), 0)
        losses.append(top + np.log(np.exp(behind - top).sum()))
    return np.mean(losses, dtype=logits.dtype)


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _unstable_softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


def _log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def _of_truth(values, targets):
    """One of each row."""
    return values[np.arange(len(targets)), targets]


@entropy.mistake
def log_of_softmax(logits, targets):
    return -np.log(_of_truth(_softmax(logits), targets)).mean()


@entropy.mistake
def no_max(logits, targets):
    return (np.log(np.exp(logits).sum(axis=1)) - _of_truth(logits, targets)).mean()


@entropy.mistake
def no_max_in_softmax(logits, targets):
    return -np.log(_of_truth(_unstable_softmax(logits), targets)).mean()


@entropy.mistake
def max_over_all(logits, targets):
    shifted = logits - logits.max()
    return (np.log(np.exp(shifted).sum(axis=1)) - _of_truth(shifted, targets)).mean()


@entropy.mistake
def one_hot_times_log_of_softmax(logits, targets):
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return -(one_hot * np.log(_softmax(logits))).sum() / len(targets)


def _with_eps(name, eps):
    def loss(logits, targets):
        return -np.log(_of_truth(_softmax(logits), targets) + logits.dtype.type(eps)).mean()

    loss.__name__ = name
    return loss


for _name, _eps in (("tiny", 1e-15), ("small", 1e-12), ("moderate", 1e-9), ("large", 1e-8)):
    entropy.mistake(_with_eps(f"{_name}_number_in_the_log", _eps))


@entropy.mistake
def added_up(logits, targets):
    return -_of_truth(_log_softmax(logits), targets).sum()


@entropy.mistake
def divided_by_classes_too(logits, targets):
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return -(one_hot * _log_softmax(logits)).mean()


@entropy.mistake
def divided_by_classes(logits, targets):
    return -_of_truth(_log_softmax(logits), targets).sum() / logits.shape[1]


@entropy.mistake
def one_loss_for_each(logits, targets):
    return -_of_truth(_log_softmax(logits), targets)


@entropy.mistake
def minus_forgotten(logits, targets):
    return _of_truth(_log_softmax(logits), targets).mean()


@entropy.mistake
def log_to_base_2(logits, targets):
    return -_of_truth(_log_softmax(logits), targets).mean() / np.log(logits.dtype.type(2))


@entropy.mistake
def log_to_base_10(logits, targets):
    return -_of_truth(_log_softmax(logits), targets).mean() / np.log(logits.dtype.type(10))


@entropy.mistake
def every_target_in_every_row(logits, targets):
    return -_log_softmax(logits)[:, targets].mean()


@entropy.mistake
def targets_as_rows(logits, targets):
    return -_log_softmax(logits)[targets].mean()


@entropy.mistake
def all_classes_counted(logits, targets):
    return -_log_softmax(logits).mean()


@entropy.mistake
def likeliest_instead_of_target(logits, targets):
    return -_log_softmax(logits).max(axis=1).mean()


@entropy.mistake
def entropy_of_the_output(logits, targets):
    p = _softmax(logits)
    return -(p * _log_softmax(logits)).sum(axis=1).mean()


@entropy.mistake
def no_log(logits, targets):
    return -_of_truth(_softmax(logits), targets).mean()


@entropy.mistake
def share_of_the_others(logits, targets):
    return (1 - _of_truth(_softmax(logits), targets)).mean()


@entropy.mistake
def no_softmax(logits, targets):
    return -np.log(_of_truth(logits, targets)).mean()


@entropy.mistake
def scores_alone(logits, targets):
    return -_of_truth(logits, targets).mean()


@entropy.mistake
def softmax_twice(logits, targets):
    return -_of_truth(_log_softmax(_softmax(logits)), targets).mean()


@entropy.mistake
def softmax_over_the_batch(logits, targets):
    return -_of_truth(_log_softmax(logits.T).T, targets).mean()


@entropy.mistake
def softmax_over_everything(logits, targets):
    return -_of_truth(logits - np.logaddexp.reduce(logits.ravel()), targets).mean()


@entropy.mistake
def total_over_all_rows(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum()) - _of_truth(shifted, targets)).mean()


@entropy.mistake
def first_example_only(logits, targets):
    return -_log_softmax(logits)[0, targets[0]]


@entropy.mistake
def log_of_the_mean(logits, targets):
    return -np.log(_of_truth(_softmax(logits), targets).mean())


@entropy.mistake
def squared_error(logits, targets):
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return ((_softmax(logits) - one_hot) ** 2).mean()


@entropy.mistake
def each_class_yes_or_no(logits, targets):
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return (np.maximum(logits, 0) - logits * one_hot + np.log1p(np.exp(-np.abs(logits)))).mean()


@entropy.mistake
def max_not_added_back(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum(axis=1)) - _of_truth(logits, targets)).mean()


@entropy.mistake
def classes_counted_from_1(logits, targets):
    return -_of_truth(_log_softmax(logits), targets - 1).mean()


@entropy.mistake
def error_rate(logits, targets):
    return (logits.argmax(axis=1) != targets).mean(dtype=logits.dtype)


@entropy.mistake
def log_of_the_others(logits, targets):
    return -np.log(1 - _of_truth(_softmax(logits), targets)).mean()


@entropy.mistake
def other_classes_charged_too(logits, targets):
    p, one_hot = _softmax(logits), np.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return -(one_hot * np.log(p) + (1 - one_hot) * np.log(1 - p)).sum(axis=1).mean()


@entropy.swaps
def _(function):
    def forward(logits, targets, **options):
        _, cache = ops.cross_entropy.pairs["numpy"].forward(logits, targets, **options)
        return function(logits, targets), cache

    return ops.cross_entropy.using(forward, ops.cross_entropy.pairs["numpy"].backward)
