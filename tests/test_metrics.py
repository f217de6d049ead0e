"""The metrics give scikit-learn's numbers, and refuse what has no answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.errors import ArgumentError, DtypeError, NonFiniteError, RangeError, ShapeError
from tinynn.metrics import accuracy, confusion_matrix, f1, precision, recall, roc_auc, top_k_accuracy

sk = pytest.importorskip("sklearn.metrics")

THEIRS = {precision: "precision_score", recall: "recall_score", f1: "f1_score"}


@st.composite
def labelled(draw, classes=5):
    n = draw(st.integers(1, 30))
    label = st.integers(0, classes - 1)
    return [np.array(draw(st.lists(label, min_size=n, max_size=n))) for _ in range(2)]


@given(labelled())
def test_accuracy_and_confusion_matrix_are_scikit_learns(pair):
    predicted, true = pair
    assert accuracy(predicted, true) == pytest.approx(sk.accuracy_score(true, predicted))
    expected = sk.confusion_matrix(true, predicted, labels=range(5))
    assert np.array_equal(confusion_matrix(predicted, true, num_classes=5), expected)
    assert confusion_matrix(predicted, true).sum() == len(true)


@pytest.mark.parametrize("ours", THEIRS)
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
@given(pair=labelled())
def test_precision_recall_f1_are_scikit_learns(ours, zero_division, pair):
    predicted, true = pair
    theirs = getattr(sk, THEIRS[ours])
    for average in ("micro", "macro"):
        expected = theirs(true, predicted, average=average, zero_division=zero_division)
        got = ours(predicted, true, average=average, zero_division=zero_division)
        assert got == pytest.approx(expected, nan_ok=True)
    expected = theirs(true, predicted, average=None, labels=range(5), zero_division=zero_division)
    got = ours(predicted, true, average=None, num_classes=5, zero_division=zero_division)
    assert got == pytest.approx(expected, nan_ok=True)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 20), k=st.integers(1, 4))
def test_top_k_is_scikit_learns(seed, n, k):
    rng = np.random.default_rng(seed)
    scores, true = rng.normal(size=(n, 6)), rng.integers(6, size=n)
    expected = sk.top_k_accuracy_score(true, scores, k=k, labels=range(6))
    assert top_k_accuracy(scores, true, k=k) == pytest.approx(expected)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 20))
def test_top_1_is_accuracy_also_where_scores_tie(seed, n):
    rng = np.random.default_rng(seed)
    scores, true = rng.integers(0, 3, (n, 4)).astype(float), rng.integers(4, size=n)
    assert top_k_accuracy(scores, true, k=1) == accuracy(scores, true)
    assert top_k_accuracy(scores, true, k=4) == 1


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_roc_auc_is_scikit_learns_with_ties(rows):
    scores, true = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows], int)
    if len(set(true)) < 2:
        with pytest.raises(ArgumentError, match="at least one of each"):
            roc_auc(scores, true)
        return
    assert roc_auc(scores, true) == pytest.approx(sk.roc_auc_score(true, scores))
    assert roc_auc(-scores, true) == pytest.approx(1 - roc_auc(scores, true))
    wins = scores[true == 1][:, None] - scores[true == 0]
    assert roc_auc(scores, true) == pytest.approx(np.mean((wins > 0) + 0.5 * (wins == 0)))


def test_what_the_largest_score_says_is_the_prediction():
    scores = np.array([[0.1, 2.0, -1.0], [5.0, 5.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    assert accuracy(scores, [1, 0, 0]) == pytest.approx(2 / 3)
    assert confusion_matrix(scores, [1, 0, 0]).tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert precision(scores, [1, 0, 0], average=None).tolist() == [1, 1, 0]
    assert recall(scores, [1, 0, 0], average=None).tolist() == [0.5, 1, 0]


def test_predictions_come_first():
    assert precision([1, 1], [1, 0], average=None)[1] == 0.5
    assert recall([1, 1], [1, 0], average=None)[1] == 1


class Tensorlike:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


@pytest.mark.parametrize("wrap", [list, tuple, np.array, Tensorlike, lambda v: np.array(v, np.uint8)])
def test_anything_numpy_takes_will_do(wrap):
    assert accuracy(wrap([0, 1, 1]), wrap([0, 1, 0])) == pytest.approx(2 / 3)
    assert f1(wrap([0, 1, 1]), wrap([0, 1, 0]), average="micro") == pytest.approx(2 / 3)
    assert roc_auc(wrap([0, 1, 1]), wrap([0, 1, 0])) == 0.75


def test_infinite_scores_have_an_order_too():
    assert roc_auc([np.inf, -np.inf, 0.0], [1, 0, 0]) == 1
    assert top_k_accuracy([[-np.inf, 0.0, np.inf]], [2], k=1) == 1


NAN = np.array([[0.1, 0.9], [np.nan, 0.0]])
WRONG = [
    (lambda: accuracy([0, 1], [0]), ShapeError, "2 predictions and 1 targets"),
    (lambda: accuracy([], []), ShapeError, "empty"),
    (lambda: accuracy(np.zeros((0, 3)), []), ShapeError, "empty"),
    (lambda: accuracy(np.zeros((2, 0)), [0, 0]), ShapeError, "empty"),
    (lambda: accuracy([0.2, 0.8], [0, 1]), DtypeError, r"float64.*Try: np.asarray\(predictions\) > 0.5"),
    (lambda: accuracy([0, 1], [0.0, 1.0]), DtypeError, r"float64.*Try: np.asarray\(targets, int\)"),
    (lambda: accuracy([0, 1], [0.0, np.nan]), DtypeError, "targets of float64"),
    (lambda: accuracy([0, 1], np.eye(2, dtype=int)), ShapeError, r"Try: np.argmax\(targets, axis=1\)"),
    (lambda: accuracy(["a"], ["a"]), DtypeError, "<U1"),
    (lambda: accuracy([[1], [1, 2]], [0, 1]), ShapeError, "predictions"),
    (lambda: accuracy(1, 1), ShapeError, r"Try: np.atleast_1d\(targets\)"),
    (lambda: accuracy(np.zeros((2, 3, 4)), [0, 1]), ShapeError, r"reshape\(-1"),
    (lambda: accuracy(NAN, [0, 1]), NonFiniteError, r"1 NaN .* \[1, 0\]"),
    (lambda: accuracy(np.zeros((2, 3)), [0, 3]), RangeError, "label 3 at 1.*0 to 2"),
    (lambda: accuracy([0, -1], [0, 1]), RangeError, "label -1 at 1"),
    (lambda: confusion_matrix([0, 5], [0, 1], num_classes=3), RangeError, "label 5 at 1.*0 to 2"),
    (lambda: confusion_matrix(np.zeros((2, 3)), [0, 1], num_classes=4), ShapeError, "Try: num_classes=3"),
    (lambda: precision([0], [0], average="weighted"), ArgumentError, "weighted.*Try: average="),
    (lambda: recall([0, 1], [0]), ShapeError, "recall: "),
    (lambda: f1([0], [-2]), RangeError, "f1: "),
    (lambda: top_k_accuracy([0, 1], [0, 1]), ShapeError, r"\(N, K\)"),
    (lambda: top_k_accuracy(np.zeros((2, 3)), [0, 1]), ArgumentError, "k=5 for 3 classes.*Try: k=3"),
    (lambda: top_k_accuracy(np.zeros((2, 3)), [0, 1], k=0), ArgumentError, "k=0"),
    (lambda: top_k_accuracy(NAN, [0, 1], k=1), NonFiniteError, "NaN"),
    (lambda: roc_auc([0.1, np.nan], [0, 1]), NonFiniteError, r"\[1\]"),
    (lambda: roc_auc([0.1, 0.2], [0, 2]), RangeError, "label 2 at 1.*0 to 1"),
    (lambda: roc_auc([0.1, 0.2], [1, 1]), ArgumentError, "2 positive and 0 negative"),
    (lambda: roc_auc([0.1], [0, 1]), ShapeError, "1 scores and 2 targets"),
    (lambda: roc_auc(np.zeros((2, 2)), [0, 1]), ShapeError, r"Try: scores\[:, 1\] - scores\[:, 0\]"),
    (lambda: roc_auc(np.zeros((2, 1)), [0, 1]), ShapeError, r"Try: scores.reshape\(-1\)"),
    (lambda: roc_auc([], []), ShapeError, "empty"),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG)
def test_wrong_calls(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_hints_work():
    predictions, targets = [0.2, 0.8], [0.0, 1.0]
    assert accuracy(np.asarray(predictions) > 0.5, np.asarray(targets, int)) == 1
    assert accuracy([0, 1], np.argmax(np.eye(2, dtype=int), axis=1)) == 1
    assert accuracy(np.atleast_1d(1), np.atleast_1d(1)) == 1
    scores = np.zeros((2, 3))
    assert top_k_accuracy(scores, [0, 1], k=3) == 1
    assert confusion_matrix(scores, [0, 1], num_classes=3).shape == (3, 3)
    assert roc_auc(scores[:, 1] - scores[:, 0], [0, 1]) == 0.5
    assert roc_auc(scores[:, :1].reshape(-1), [0, 1]) == 0.5
