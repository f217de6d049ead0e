"""02.7: cross-entropy with smoothed targets; the axis of the classes and the smoothing are one's own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kinds import Variant


def _draw(rng: np.random.Generator) -> dict[str, float]:
    return {"smoothing": float(rng.choice([0.05, 0.12, 0.15, 0.2, 0.3])), "axis": int(rng.integers(2))}


smoothed = Variant("02.7", "smoothed_loss(logits, targets)", returns="loss", draw=_draw, level=3, minutes=12)


@smoothed.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def laid(rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(rows, -1, smoothed.k["axis"]))

    first = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]])
    yield case(laid(first), np.array([0, 1]), note="2 examples, 3 classes")
    yield case(laid(rng.normal(size=(5, 4))), np.array([3, 0, 0, 2, 3]), note="5 examples, 4 classes")
    yield case(
        laid(rng.normal(size=(3, 3))), np.array([2, 2, 0]), tags="square", note="3 examples, 3 classes"
    )
    yield case(laid(rng.normal(size=(1, 4))), np.array([2]), tags="one", note="one example")
    above = np.array([[1000.0, 1001.5, 999.0], [802.0, 800.0, 803.0]])
    yield case(laid(above), np.array([0, 1]), tags="large", note="large scores")
    sure = np.array([[2000.0, 0.0, 3.0], [1.0, 2.0, 0.0]])
    yield case(laid(sure), np.array([2, 1]), tags="large", note="sure of itself, and wrong")
    low = np.array([[-1000.0, -1001.5, -999.0], [0.5, -2.0, 1.0]])
    yield case(laid(low), np.array([0, 2]), tags="large", note="scores far below 0")
    floats = rng.normal(size=(4, 6)).astype(np.float32)
    yield case(laid(floats), np.array([5, 1, 1, 0]), tags="float32", note="float32")


@smoothed.drawn
def _(rng: np.random.Generator) -> Case:
    n, k = draw.sizes(rng, 2)
    kind = draw.dtype(rng)
    logits: np.ndarray = draw.scores(rng, (n, k), 40.0 if kind == np.float32 else 2000.0).astype(kind)
    targets = rng.integers(k, size=n) if rng.random() < 0.8 else np.full(n, draw.one_of(rng, 0, k - 1))
    laid = np.ascontiguousarray(np.moveaxis(logits, -1, smoothed.k["axis"]))
    return case(draw.laid(rng, laid), targets)


@smoothed.reference
def _(logits, targets):
    forward = ops.cross_entropy.pairs["numpy"].forward
    return forward(_rows(logits), targets, label_smoothing=smoothed.k["smoothing"])[0]


@smoothed.worked
def smoothed_loss(logits, targets):
    rows = np.moveaxis(logits, smoothed.k["axis"], -1)  # (N, K), wherever the classes were
    shifted = rows - rows.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, K)
    s = smoothed.k["smoothing"]
    of_the_truth = log_p[np.arange(len(targets)), targets]  # (N,)
    of_all = log_p.mean(axis=1)  # (N,): every class gets a share of s / K
    return -((1 - s) * of_the_truth + s * of_all).mean()


@smoothed.right
def by_targets_spread_out(logits, targets):
    rows, s = _rows(logits), smoothed.k["smoothing"]
    k = rows.shape[1]
    q = np.full_like(rows, s / k)  # (N, K): what is true, smoothed
    q[np.arange(len(targets)), targets] += 1 - s
    return -(q * _log_softmax(rows)).sum() / len(targets)


@smoothed.right
def example_by_example(logits, targets):
    s, losses = smoothed.k["smoothing"], []
    for row, target in zip(_rows(logits), targets):
        level = np.logaddexp.reduce(row)
        losses.append((1 - s) * (level - row[target]) + s * (level - row.mean()))
    return np.mean(losses, dtype=logits.dtype)


def _rows(logits):
    return np.moveaxis(logits, smoothed.k["axis"], -1)


def _log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def _mixed(logits, targets, truth, others):
    """truth * loss of the true class + others * mean loss over the classes, for each example."""
    log_p = _log_softmax(_rows(logits))
    return -truth * log_p[np.arange(len(targets)), targets] - others * log_p.mean(axis=1)


@smoothed.mistake
def not_smoothed(logits, targets):
    return _mixed(logits, targets, 1, 0).mean()


@smoothed.mistake
def spread_over_the_others_only(logits, targets):
    k = logits.shape[smoothed.k["axis"]]
    others = smoothed.k["smoothing"] * k / (k - 1)
    return _mixed(logits, targets, 1 - others, others).mean()


@smoothed.mistake
def true_class_not_reduced(logits, targets):
    return _mixed(logits, targets, 1, smoothed.k["smoothing"]).mean()


@smoothed.mistake
def true_class_without_its_share(logits, targets):
    s, k = smoothed.k["smoothing"], logits.shape[smoothed.k["axis"]]
    return _mixed(logits, targets, 1 - s - s / k, s).mean()


@smoothed.mistake
def shares_swapped(logits, targets):
    s = smoothed.k["smoothing"]
    return _mixed(logits, targets, s, 1 - s).mean()


@smoothed.mistake
def s_to_each_class(logits, targets):
    s, k = smoothed.k["smoothing"], logits.shape[smoothed.k["axis"]]
    return _mixed(logits, targets, 1 - s, s * k).mean()


@smoothed.mistake
def only_the_reduced_part(logits, targets):
    return _mixed(logits, targets, 1 - smoothed.k["smoothing"], 0).mean()


@smoothed.mistake
def added_up(logits, targets):
    s = smoothed.k["smoothing"]
    return _mixed(logits, targets, 1 - s, s).sum()


@smoothed.mistake
def divided_by_classes_too(logits, targets):
    s = smoothed.k["smoothing"]
    return _mixed(logits, targets, 1 - s, s).mean() / logits.shape[smoothed.k["axis"]]


@smoothed.mistake
def one_loss_for_each(logits, targets):
    s = smoothed.k["smoothing"]
    return _mixed(logits, targets, 1 - s, s)


@smoothed.mistake
def probabilities_smoothed(logits, targets):
    rows, s = _rows(logits), smoothed.k["smoothing"]
    p = np.exp(_log_softmax(rows))[np.arange(len(targets)), targets]
    return -np.log((1 - s) * p + s / rows.shape[1]).mean()


@smoothed.mistake
def log_of_softmax(logits, targets):
    rows, s = _rows(logits), smoothed.k["smoothing"]
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    log_p = np.log(e / e.sum(axis=1, keepdims=True))
    truth = log_p[np.arange(len(targets)), targets]
    return -((1 - s) * truth + s * log_p.mean(axis=1)).mean()


@smoothed.mistake
def no_max(logits, targets):
    rows, s = _rows(logits), smoothed.k["smoothing"]
    log_p = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    truth = log_p[np.arange(len(targets)), targets]
    return -((1 - s) * truth + s * log_p.mean(axis=1)).mean()


@smoothed.mistake
def softmax_along_the_other_axis(logits, targets):
    rows, s = _rows(logits), smoothed.k["smoothing"]
    log_p = _log_softmax(rows.T).T
    truth = log_p[np.arange(len(targets)), targets]
    return -((1 - s) * truth + s * log_p.mean(axis=1)).mean()


@smoothed.mistake
def axes_confused(logits, targets):
    rows, s = _rows(logits).T, smoothed.k["smoothing"]
    log_p = _log_softmax(rows)
    truth = log_p[np.arange(len(targets)), targets]
    return -((1 - s) * truth + s * log_p.mean(axis=1)).mean()


@smoothed.mistake
def smoothing_of_others(logits, targets):
    return _mixed(logits, targets, 0.9, 0.1).mean()


# The shares of the truth and of the mean over all classes, by mistake; and how log p goes wrong besides.
SHARES = {
    "not_smoothed": lambda s, k: (1, 0),
    "spread_over_the_others_only": lambda s, k: (1 - s * k / (k - 1), s * k / (k - 1)),
    "true_class_not_reduced": lambda s, k: (1, s),
    "shares_swapped": lambda s, k: (s, 1 - s),
    "s_to_each_class": lambda s, k: (1 - s, s * k),
    "only_the_reduced_part": lambda s, k: (1 - s, 0),
}
LOG_P = {
    "log_of_softmax": lambda rows: np.log(np.exp(_log_softmax(rows))),
    "no_max": lambda rows: rows - np.log(np.exp(rows).sum(axis=1, keepdims=True)),
}


def _joined(log_p_of, shares):
    def loss(logits, targets):
        rows = _rows(logits)
        log_p, (truth, others) = log_p_of(rows), shares(smoothed.k["smoothing"], rows.shape[1])
        losses = -truth * log_p[np.arange(len(targets)), targets]
        return (losses - others * log_p.mean(axis=1) if others else losses).mean()

    return loss


def _summed(shares):
    def loss(logits, targets):
        k = logits.shape[smoothed.k["axis"]]
        return _mixed(logits, targets, *shares(smoothed.k["smoothing"], k)).sum()

    return loss


for _first, _shares in SHARES.items():
    smoothed.two(_first, "added_up")(_summed(_shares))
    for _second, _log_p in LOG_P.items():
        smoothed.two(_first, _second)(_joined(_log_p, _shares))
