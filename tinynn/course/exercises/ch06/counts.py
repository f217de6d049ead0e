"""06.2: precision, recall and F1; 06.4: inputs that find wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .... import metrics
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.kinds import Checker

counts = Fill(
    "06.2", "precision_recall_f1(said, truth)", returns="precision recall f1", level=1, minutes=7,
    chained=True, dtype_matters=False,
)  # fmt: skip


@counts.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def pair(said: str, truth: str) -> tuple[np.ndarray, np.ndarray]:
        return np.array(list(map(int, said))), np.array(list(map(int, truth)))

    yield case(*pair("11100000", "10011100"), note="8 examples: 3 flagged, 4 positive, 1 of them flagged")
    yield case(*pair("1111100010", "1001000001"), note="10 examples, 6 flagged, 3 positive")
    yield case((rng.random(200) < 0.3).astype(int), (rng.random(200) < 0.1).astype(int), note="200 examples")
    yield case(*pair("01101", "01101"), note="all right")
    yield case(*pair("11000", "00011"), note="flagged and positive, and none of them right")
    yield case(*pair("00000", "01001"), note="nothing is flagged: precision is 0 / 0")
    yield case(*pair("01001", "00000"), note="no positives: recall is 0 / 0")
    yield case(*pair("00000", "00000"), note="neither: all three are 0 / 0")
    yield case(*pair("1", "1"), tags="one", note="one example")


@counts.drawn
def _(rng: np.random.Generator) -> Case:
    n = draw.size(rng, most=400)
    flagged, positive = (draw.one_of(rng, 0.0, 0.03, 0.5, 0.9, 1.0) for _ in range(2))
    said, truth = (rng.random(n) < flagged).astype(int), (rng.random(n) < positive).astype(int)
    return case(said, truth if rng.random() < 0.8 else said)


@counts.reference
def _(said, truth):
    measures = (metrics.precision, metrics.recall, metrics.f1)
    by_class = [np.asarray(m(said, truth, average=None, num_classes=2)) for m in measures]  # (2,) each
    return tuple(float(values[1]) for values in by_class)


@counts.worked
def precision_recall_f1(said, truth):
    hits = np.sum((said == 1) & (truth == 1))  # flagged, and rightly
    precision = hits / said.sum() if said.sum() else 0.0
    recall = hits / truth.sum() if truth.sum() else 0.0
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return precision, recall, f1


@counts.right
def with_a_loop(said, truth):
    tp = fp = fn = 0
    for s, t in zip(said, truth):
        tp += s == 1 and t == 1
        fp += s == 1 and t == 0
        fn += s == 0 and t == 1
    share = lambda a, b: a / b if b else 0.0
    return share(tp, tp + fp), share(tp, tp + fn), share(2 * tp, 2 * tp + fp + fn)


@counts.right
def at_least_one_below(said, truth):
    hits = (said * truth).sum()
    return (
        float(hits / max(said.sum(), 1)),
        float(hits / max(truth.sum(), 1)),
        float(2 * hits / max(said.sum() + truth.sum(), 1)),
    )


# -- mistakes --------------------------------------------------------------------------------------------


def _share(a: float, b: float, nothing: float = 0.0) -> float:
    return float(a / b) if b else nothing


def _harmonic(p: float, r: float, nothing: float = 0.0) -> float:
    return _share(2 * p * r, p + r, nothing)


def _three(
    said: np.ndarray, truth: np.ndarray, mean: Callable = _harmonic, nothing: float = 0.0
) -> tuple[float, float, float]:
    hits = float(np.sum(said * truth))
    p, r = _share(hits, said.sum(), nothing), _share(hits, truth.sum(), nothing)
    return p, r, mean(p, r)


@counts.mistake
def swapped(said, truth):
    p, r, f = _three(said, truth)
    return r, p, f


@counts.mistake
def plain_mean(said, truth):
    return _three(said, truth, lambda p, r: (p + r) / 2)


@counts.mistake
def without_the_2(said, truth):
    return _three(said, truth, lambda p, r: _share(p * r, p + r))


@counts.mistake
def geometric_mean(said, truth):
    return _three(said, truth, lambda p, r: (p * r) ** 0.5)


@counts.mistake
def sum_of_both(said, truth):
    return _three(said, truth, lambda p, r: p + r)


@counts.mistake
def product_of_both(said, truth):
    return _three(said, truth, lambda p, r: p * r)


@counts.mistake
def smaller_of_both(said, truth):
    return _three(said, truth, min)


@counts.mistake
def harmonic_upside_down(said, truth):
    return _three(said, truth, lambda p, r: _share(p + r, 2 * p * r))


@counts.mistake
def no_guard(said, truth):
    with np.errstate(invalid="ignore", divide="ignore"):
        hits = np.sum(said * truth)
        p, r = np.float64(hits) / said.sum(), np.float64(hits) / truth.sum()
        return float(p), float(r), float(2 * p * r / (p + r))


@counts.mistake
def one_for_nothing(said, truth):
    hits = float(np.sum(said * truth))
    p, r = _share(hits, said.sum(), 1.0), _share(hits, truth.sum(), 1.0)
    return p, r, _share(2 * hits, said.sum() + truth.sum(), 1.0)


@counts.mistake
def one_without_hits(said, truth):
    p, r, f = _three(said, truth)
    return (p, r, f) if f else (0.0, 0.0, 1.0)


@counts.mistake
def accuracy_for_precision(said, truth):
    _, r, _ = _three(said, truth)
    p = float(np.mean(said == truth))
    return p, r, _harmonic(p, r)


@counts.mistake
def accuracy_for_f1(said, truth):
    p, r, _ = _three(said, truth)
    return p, r, float(np.mean(said == truth))


@counts.mistake
def divided_by_all(said, truth):
    hits = float(np.mean(said * truth))
    return hits, hits, hits


@counts.mistake
def the_other_class(said, truth):
    return _three(1 - said, 1 - truth)


@counts.mistake
def agreement_counted_as_hits(said, truth):
    hits = float(np.sum(said == truth))
    p, r = _share(hits, said.sum()), _share(hits, truth.sum())
    return p, r, _harmonic(p, r)


@counts.mistake
def specificity_for_recall(said, truth):
    p, _, _ = _three(said, truth)
    r = _share(float(np.sum((1 - said) * (1 - truth))), float(np.sum(1 - truth)))
    return p, r, _harmonic(p, r)


@counts.mistake
def false_alarms_for_misses(said, truth):
    hits, alarms = float(np.sum(said * truth)), float(np.sum(said * (1 - truth)))
    p, r = _share(hits, said.sum()), _share(hits, truth.sum() + alarms)
    return p, r, _harmonic(p, r)


@counts.mistake
def hits_per_false_alarm(said, truth):
    hits = float(np.sum(said * truth))
    p, r = _share(hits, float(np.sum(said * (1 - truth)))), _share(hits, float(np.sum((1 - said) * truth)))
    return p, r, _harmonic(p, r)


@counts.mistake
def whole_numbers(said, truth):
    hits = int(np.sum(said * truth))
    p, r = float(hits // max(said.sum(), 1)), float(hits // max(truth.sum(), 1))
    return p, r, _harmonic(p, r)


@counts.mistake
def precision_alone(said, truth):
    p, _, _ = _three(said, truth)
    return p, p, p


@counts.mistake
def flagged_share(said, truth):
    _, r, _ = _three(said, truth)
    p = float(np.mean(said))
    return p, r, _harmonic(p, r)


@counts.two("swapped", "plain_mean")
def _(said, truth):
    p, r, f = _three(said, truth, lambda p, r: (p + r) / 2)
    return r, p, f


@counts.two("swapped", "one_for_nothing")
def _(said, truth):
    p, r, f = counts.mistakes["one_for_nothing"].function(said, truth)
    return r, p, f


def _unguarded(said: np.ndarray, truth: np.ndarray, mean: Callable) -> tuple[float, float, float]:
    with np.errstate(invalid="ignore", divide="ignore"):
        hits = np.float64(np.sum(said * truth))
        p, r = hits / said.sum(), hits / truth.sum()
        return float(p), float(r), float(mean(p, r))


@counts.two("no_guard", "plain_mean")
def _(said, truth):
    return _unguarded(said, truth, lambda p, r: (p + r) / 2)


@counts.two("no_guard", "without_the_2")
def _(said, truth):
    return _unguarded(said, truth, lambda p, r: p * r / (p + r))


@counts.two("swapped", "no_guard")
def _(said, truth):
    p, r, f = counts.mistakes["no_guard"].function(said, truth)
    return r, p, f


# -- be the checker ----------------------------------------------------------------------------------------

check_counts = Checker(
    "06.4",
    "inputs_for_f1",
    of=counts,
    wrong=(
        "swapped",
        "plain_mean",
        "geometric_mean",
        "smaller_of_both",
        "accuracy_for_f1",
        "accuracy_for_precision",
        "the_other_class",
        "specificity_for_recall",
        "no_guard",
        "one_for_nothing",
    ),
    at_most=2,
    needed=1.0,
    level=2,
    minutes=7,
)


@check_counts.worked
def inputs_for_f1():
    usual = np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([1, 0, 0, 1, 0, 0, 0, 0])
    nothing = np.array([0, 0, 0, 0]), np.array([0, 1, 0, 0])
    return [usual, nothing]
