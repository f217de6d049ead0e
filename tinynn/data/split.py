"""Parts that never meet: train_val_test_split; and Standardise, which learns from the first part only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinynn.data._check import aligned, array
from tinynn.data.dataset import Dataset
from tinynn.errors import ArgumentError, DtypeError, NonFiniteError, ShapeError, StateError
from tinynn.random import Seed, as_generator


class Split(NamedTuple):
    """Three parts of one set: to learn from, to choose by, and to report on once."""

    train: Dataset
    val: Dataset
    test: Dataset


def train_val_test_split(
    x: Any,
    y: Any,
    val: float = 0.15,
    test: float = 0.15,
    stratify: bool = True,
    seed: Seed = 0,
) -> Split:
    """Deal the examples at random into three parts; every example is in exactly one.

    ``train, val, test = train_val_test_split(*digits())``

    Parameters
    ----------
    x, y : array_like (N, ...)
    val, test : float
        Fractions of all examples, 0 for an empty part; training gets the rest.
    stratify : bool
        Keep the share of each class in each part as near to equal as whole numbers allow, and at
        least one of each class in each part that is not empty. Needs class labels y (N,).
    seed : int, np.random.Generator or None

    Raises
    ------
    ArgumentError
        For fractions that leave nothing to train on and for a class with fewer members than parts.
    ShapeError, DtypeError
        For arrays that do not align and for labels that are no classes.
    """
    where = "train_val_test_split"
    x, y = array(where, "x", x), array(where, "y", y)
    n = aligned(where, [x, y])
    fractions = _fractions(where, val, test)
    rng = as_generator(seed)
    groups = _classes(where, y) if stratify else [np.arange(n)]
    _enough(where, groups, y, int((fractions > 0).sum()), stratify)
    parts = _deal(groups, fractions, rng)
    return Split(*(Dataset(x[rows], y[rows]) for rows in map(rng.permutation, parts)))


def _deal(groups: list[np.ndarray], fractions: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Cut each shuffled group by the fractions and join the pieces part by part."""
    pieces: list[list[np.ndarray]] = []
    owed = np.zeros(len(fractions))  # rounding so far, paid back by later groups
    for group in groups:
        counts = _apportion(len(group), fractions, owed)
        owed += fractions * len(group) - counts
        pieces.append(np.split(rng.permutation(group), np.cumsum(counts)[:-1]))
    return [np.concatenate(part) for part in zip(*pieces, strict=True)]


def _apportion(n: int, fractions: np.ndarray, owed: np.ndarray) -> np.ndarray:
    """Split n into whole numbers near fractions * n, at least one where the fraction is not zero."""
    used = fractions > 0
    ideal = fractions * n
    counts = np.where(used, np.maximum(np.floor(ideal), 1), 0).astype(int)
    while counts.sum() > n:
        counts[np.argmax(np.where(counts > 1, counts - ideal, -np.inf))] -= 1
    while counts.sum() < n:
        counts[np.argmax(np.where(used, ideal - counts + owed, -np.inf))] += 1
    return counts


def _fractions(where: str, val: float, test: float) -> np.ndarray:
    hint = "val=0.15, test=0.15"
    if not (val >= 0 and test >= 0 and val + test < 1):
        wanted = "fractions of at least 0, together below 1"
        raise ArgumentError(where, f"val={val} and test={test}", wanted, hint)
    return np.array([1 - val - test, val, test], dtype=float)


def _classes(where: str, y: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each class."""
    if y.ndim != 1:
        raise ShapeError(where, f"y {y.shape}", "class labels (N,) to stratify by", "stratify=False")
    if y.dtype.kind in "fc":
        raise DtypeError(where, f"y of {y.dtype}", "class labels to stratify by", "stratify=False")
    _, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.split(np.argsort(index, kind="stable"), np.cumsum(counts)[:-1])


def _enough(where: str, groups: list[np.ndarray], y: np.ndarray, parts: int, stratify: bool) -> None:
    smallest = min(groups, key=len)
    if len(smallest) < parts:
        what = f"class {y[smallest[0]]}" if stratify else "all of the data"
        got = f"{len(smallest)} example{'s' * (len(smallest) > 1)} in {what}"
        hint = "stratify=False" if stratify else "val=0, test=0"
        raise ArgumentError(where, got, f"at least one for each of {parts} parts", hint)


class Standardise:
    """Shift and scale each feature to mean 0 and standard deviation 1 over the training data.

    ``z = (x - mean) / std``

    ``scale = Standardise().fit(train.x)``, then ``scale(train.x)``, ``scale(val.x)``, ``scale(test.x)``:
    what a network is judged by must not have helped to prepare it.

    A feature is one column of (N, features) and one channel of (N, C, H, W), in general dimension 1.
    A constant feature becomes 0, and `inverse` brings it back. Floats keep their dtype, whole
    numbers become float32; mean and std are taken in float64.

    Attributes
    ----------
    mean, std : float64 (1, features, 1, ...)
        Set by `fit`; std is 1 for a constant feature.
    """

    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def fit(self, x: Any) -> Standardise:
        """Learn mean and std of each feature from `x` (N, features, ...) and return self."""
        x = _numbers("Standardise.fit", x)
        aligned("Standardise.fit", [x])
        if not np.isfinite(x).all():
            got = f"x with {np.count_nonzero(~np.isfinite(x))} values NaN or infinite"
            raise NonFiniteError("Standardise.fit", got, "finite numbers", "np.nan_to_num(x)")
        over = (0, *range(2, x.ndim))
        constant = x.max(over, keepdims=True) == x.min(over, keepdims=True)
        # A mean of equal numbers can miss them by a rounding error, and a std miss 0: both are known here.
        mean, std = x.mean(over, np.float64, keepdims=True), x.std(over, np.float64, keepdims=True)
        self.mean = np.where(constant, x[:1].min(over, keepdims=True), mean)  # (1, features, 1, ...)
        self.std = np.where(constant, 1.0, std)
        return self

    def transform(self, x: Any) -> np.ndarray:
        """Return (x - mean) / std with the training data's mean and std."""
        x, mean, std = self._ready("Standardise", x)
        return (x - mean) / std

    __call__ = transform

    def inverse(self, z: Any) -> np.ndarray:
        """Return z * std + mean, which undoes `transform`."""
        z, mean, std = self._ready("Standardise.inverse", z)
        return z * std + mean

    def _ready(self, where: str, x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.mean is None or self.std is None:
            hint = "scale = Standardise().fit(x_train); scale(x)"
            raise StateError(where, "no mean and std yet", "a call of fit first", hint)
        x = _numbers(where, x)
        if x.ndim != self.mean.ndim or x.shape[1] != self.mean.shape[1]:
            wanted = ("N", str(self.mean.shape[1]), "H", "W")[: self.mean.ndim]
            raise ShapeError(where, f"x {x.shape}", f"({', '.join(wanted)}) as in fit")
        return x, self.mean.astype(x.dtype), self.std.astype(x.dtype)


def _numbers(where: str, x: Any) -> np.ndarray:
    x = array(where, "x", x)
    if x.ndim < 2:
        raise ShapeError(where, f"x {x.shape}", "(N, features) or (N, C, H, W)", "x[:, None] for one feature")
    if x.dtype.kind not in "fiub":
        raise DtypeError(where, f"x of {x.dtype}", "numbers")
    return x if x.dtype.kind == "f" else x.astype(np.float32)
