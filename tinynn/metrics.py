"""How good are the answers? Accuracy, precision, recall, F1, confusion matrix, top-k, ROC-AUC.

Every function takes what the network said first and the truth second, as PyTorch's losses do
(scikit-learn has them the other way round):

    accuracy(logits, targets)

`predictions` are class indices (N,) or scores (N, K), whose largest counts, the first of equals;
`targets` are class indices (N,). Lists, arrays and Tensors will do. Empty input, lengths that
differ, labels out of range and NaN are errors. The numbers are scikit-learn's.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tinynn.errors import ArgumentError, DtypeError, NonFiniteError, RangeError, ShapeError

Average = Literal["micro", "macro"] | None


def accuracy(predictions: Any, targets: Any) -> float:
    """Return the share of examples whose prediction is the target."""
    predicted, targets, _ = _classes("accuracy", predictions, targets)
    return float(np.mean(predicted == targets))


def confusion_matrix(predictions: Any, targets: Any, num_classes: int | None = None) -> np.ndarray:
    """Count the examples of class i that were taken for class j.

    Returns
    -------
    int64 (K, K)
        Row i is the true class, column j the predicted one. K is `num_classes`, otherwise the number
        of scores, otherwise the largest label plus 1.
    """
    predicted, targets, classes = _classes("confusion_matrix", predictions, targets, num_classes)
    return np.bincount(targets * classes + predicted, minlength=classes**2).reshape(classes, classes)


def precision(
    predictions: Any,
    targets: Any,
    average: Average = "macro",
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> float | np.ndarray:
    """Return the share of right ones among those taken for a class: ``TP / (TP + FP)``.

    Parameters
    ----------
    predictions : int (N,) or scores (N, K)
    targets : int (N,)
    average : {"macro", "micro", None}
        "macro" is the plain mean over the classes that occur in predictions or targets; "micro" counts
        all classes together, which is the accuracy; None returns one number a class, (K,).
    num_classes : int, optional
        K, see `confusion_matrix`.
    zero_division : float
        The value for a class where the fraction is 0 / 0: here one that was never predicted. NaN
        leaves such a class out of the mean.
    """
    hits, said, true = _tally("precision", predictions, targets, num_classes)
    return _average("precision", hits, said, said + true > 0, average, zero_division)


def recall(
    predictions: Any,
    targets: Any,
    average: Average = "macro",
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> float | np.ndarray:
    """Return the share of a class that was found: ``TP / (TP + FN)``.

    Parameters as in `precision`; 0 / 0 is a class that does not occur in the targets.
    """
    hits, said, true = _tally("recall", predictions, targets, num_classes)
    return _average("recall", hits, true, said + true > 0, average, zero_division)


def f1(
    predictions: Any,
    targets: Any,
    average: Average = "macro",
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> float | np.ndarray:
    """Return the harmonic mean of precision and recall: ``2 TP / (2 TP + FP + FN)``.

    Parameters as in `precision`; 0 / 0 is a class that occurs neither in predictions nor in targets.
    """
    hits, said, true = _tally("f1", predictions, targets, num_classes)
    return _average("f1", 2 * hits, said + true, said + true > 0, average, zero_division)


def top_k_accuracy(scores: Any, targets: Any, k: int = 5) -> float:
    """Return the share of examples whose target is among the k highest scores.

    Of equal scores the lower class counts as higher, as in `accuracy`, which is the case k = 1.

    Parameters
    ----------
    scores : float (N, K)
    targets : int (N,)
    k : int
        From 1 to K.
    """
    where = "top_k_accuracy"
    scores = _array(where, "scores", scores)
    if scores.ndim != 2:
        raise ShapeError(where, f"scores {scores.shape}", "(N, K), a score for each class", "accuracy(...)")
    _, targets, classes = _classes(where, scores, targets)
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= classes:
        got = f"k={k} for {classes} classes"
        raise ArgumentError(where, got, f"1 <= k <= {classes}", f"k={min(5, classes)}")
    own = scores[np.arange(len(targets)), targets][:, None]  # (N, 1)
    earlier = np.arange(classes) < targets[:, None]  # (N, K)
    rank = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return float(np.mean(rank < k))


def roc_auc(scores: Any, targets: Any) -> float:
    """Return the chance that a positive example has a higher score than a negative one, ties half.

    ``(R - P (P + 1) / 2) / (P Q)`` with R the sum of the ranks of the P positive among all P + Q
    scores, equal scores sharing their mean rank: the area under the ROC curve, exactly.

    Parameters
    ----------
    scores : float (N,)
        Of the positive class: probabilities or logits, only their order counts.
    targets : int (N,)
        0 or 1, both present.

    Notes
    -----
    Source: J. A. Hanley, B. J. McNeil, The Meaning and Use of the Area under a Receiver Operating
    Characteristic (ROC) Curve (1982).
    """
    where = "roc_auc"
    scores, targets = _array(where, "scores", scores), _labels(where, "targets", targets)
    if scores.ndim != 1:
        hint = "scores[:, 1] - scores[:, 0]" if scores.shape[1:] == (2,) else "scores.reshape(-1)"
        raise ShapeError(where, f"scores {scores.shape}", "(N,), the positive class's score", hint)
    _same_length(where, "scores", scores, targets)
    _no_nan(where, scores)
    _in_range(where, targets, 2)
    positive = targets == 1
    p, q = int(positive.sum()), int((~positive).sum())
    if p == 0 or q == 0:
        raise ArgumentError(where, f"{p} positive and {q} negative targets", "at least one of each")
    _, index, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[index]  # (N,)
    return float((rank[positive].sum() - p * (p + 1) / 2) / (p * q))


def _average(
    where: str,
    top: np.ndarray,
    bottom: np.ndarray,
    present: np.ndarray,
    average: Average,
    zero_division: float,
) -> float | np.ndarray:
    if average == "micro":
        return float(top.sum() / bottom.sum())
    per_class = np.full(len(top), float(zero_division))
    np.divide(top, bottom, out=per_class, where=bottom > 0)
    if average is None:
        return per_class
    if average != "macro":
        raise ArgumentError(where, f"average={average!r}", '"macro", "micro" or None', 'average="macro"')
    counted = per_class[present & ~np.isnan(per_class)]
    return float(counted.mean()) if counted.size else float("nan")


def _tally(where: str, predictions: Any, targets: Any, num_classes: int | None) -> tuple[np.ndarray, ...]:
    """Return for each class how often it was right, said and true, (K,) each."""
    predicted, targets, classes = _classes(where, predictions, targets, num_classes)
    found = (predicted[predicted == targets], predicted, targets)
    return tuple(np.bincount(labels, minlength=classes) for labels in found)


def _classes(
    where: str, predictions: Any, targets: Any, num_classes: int | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return predicted and true class of each example and the number of classes, all checked."""
    targets = _labels(where, "targets", targets)
    predictions = _array(where, "predictions", predictions)
    _same_length(where, "predictions", predictions, targets)
    if predictions.ndim == 2:
        if num_classes not in (None, predictions.shape[1]):
            got = f"predictions {predictions.shape} and num_classes={num_classes}"
            raise ShapeError(where, got, "a score for each class", f"num_classes={predictions.shape[1]}")
        _no_nan(where, predictions)
        num_classes, predicted = predictions.shape[1], predictions.argmax(axis=1)
    else:
        predicted = _labels(where, "predictions", predictions)
    if num_classes is None:
        num_classes = int(max(predicted.max(), targets.max())) + 1
    _in_range(where, targets, num_classes)
    _in_range(where, predicted, num_classes)
    return predicted, targets, num_classes


def _array(where: str, name: str, value: Any) -> np.ndarray:
    try:
        result = np.asarray(value)
    except (TypeError, ValueError) as problem:
        raise ShapeError(where, f"{name}: {problem}", "an array or what np.asarray takes") from None
    if result.dtype.kind not in "fiub":
        raise DtypeError(where, f"{name} of {result.dtype}", "numbers")
    if result.size == 0:
        raise ShapeError(where, f"empty {name} {result.shape}", "at least one example")
    if result.ndim not in (1, 2):
        hint = f"{name}.reshape(-1, {name}.shape[-1])" if result.ndim > 2 else f"np.atleast_1d({name})"
        raise ShapeError(where, f"{name} {result.shape}", "(N,) or (N, K)", hint)
    return result


def _labels(where: str, name: str, value: Any) -> np.ndarray:
    labels = _array(where, name, value)
    if labels.ndim != 1:
        raise ShapeError(where, f"{name} {labels.shape}", "class indices (N,)", f"np.argmax({name}, axis=1)")
    if labels.dtype.kind == "f":
        hint = f"np.asarray({name}, int)" if name == "targets" else f"np.asarray({name}) > 0.5"
        raise DtypeError(where, f"{name} of {labels.dtype}", "class indices, whole numbers", hint)
    return labels.astype(np.int64)


def _same_length(where: str, name: str, values: np.ndarray, targets: np.ndarray) -> None:
    if len(values) != len(targets):
        got = f"{len(values)} {name} and {len(targets)} targets"
        raise ShapeError(where, got, "as many of one as of the other")


def _in_range(where: str, labels: np.ndarray, classes: int) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        first = wrong[0]
        raise RangeError(where, f"label {labels[first]} at {first}", f"labels from 0 to {classes - 1}")


def _no_nan(where: str, scores: np.ndarray) -> None:
    wrong = np.argwhere(np.isnan(scores))
    if wrong.size:
        place = ", ".join(map(str, wrong[0]))
        got = f"{len(wrong)} NaN among the scores, the first at [{place}]"
        raise NonFiniteError(where, got, "numbers", "np.isnan(scores) to find them")
