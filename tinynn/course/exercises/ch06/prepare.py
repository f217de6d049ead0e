"""06.6: standardise without looking ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ....data import Standardise
from ...engine import draw
from ...engine.exercise import Case, Fill, case

scaling = Fill("06.6", "prepare(train, new)", returns="train new", level=1, minutes=6)


@scaling.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, m: int, columns: int, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
        far, wide = rng.normal(0, 3, columns), rng.uniform(0.5, 4, columns)
        new = 1.5 + 2 * rng.normal(size=(m, columns))  # what comes later lies elsewhere, and is spread wider
        return (far + wide * rng.normal(size=(n, columns))).astype(dtype), (far + wide * new).astype(dtype)

    yield case(*draw(4, 2, 3), note="4 rows to learn from, 2 new ones, 3 columns")
    yield case(*draw(20, 5, 2), note="20 rows to learn from, 5 new ones, 2 columns")
    train, new = draw(6, 3, 3)
    train[:, 1] = 2.0
    yield case(train, new, note="the second column is 2 in every row of train")
    train, _ = draw(5, 5, 4)
    yield case(train, train + 10.0, note="the new rows are the old ones, moved up by 10")
    yield case(*draw(8, 1, 2), tags="one", note="one new row")
    yield case(*draw(6, 4, 3, np.float32), tags="float32", note="float32")


@scaling.drawn
def _(rng: np.random.Generator) -> Case:
    n, m, columns = draw.sizes(rng, 3)
    kind = draw.dtype(rng)
    wide = 10.0 ** (rng.uniform(-2, 2, columns) if kind == np.float32 else rng.uniform(-10, 6, columns))
    far = draw.one_of(rng, 0.0, 2.0, -5.0, 0.0 if kind == np.float32 else 1000.0)
    train, new = ((np.clip(rng.normal(size=(k, columns)), -0.9, 0.9) + far) * wide for k in (n, m))
    train[:, :] += wide * 2 * (np.arange(n) % 2)[:, None]  # no column is nearly constant
    constant = (rng.random(columns) < 0.3) | (n == 1)
    train[:, constant] = rng.integers(-3, 9, size=columns)[constant]
    return case(*(draw.laid(rng, a.astype(kind)) for a in (train, draw.one_of(rng, 1.0, 1.0, 100.0) * new)))


@scaling.reference
def _(train, new):
    scale = Standardise().fit(train)
    return scale(train), scale(new)


@scaling.worked
def prepare(train, new):
    mean, std = train.mean(axis=0), train.std(axis=0)  # (columns,) each, of train alone
    std = np.where(std == 0, 1, std).astype(train.dtype)  # a constant column is only shifted
    return (train - mean) / std, (new - mean) / std


@scaling.right
def with_the_librarys(train, new):
    scale = Standardise().fit(train)
    return scale.transform(train), scale.transform(new)


@scaling.right
def column_by_column(train, new):
    a, b = np.array(train), np.array(new)
    for j in range(train.shape[1]):
        middle, spread = train[:, j].mean(), train[:, j].std()
        for part, given in ((a, train), (b, new)):
            part[:, j] = given[:, j] - middle
            if spread > 0:
                part[:, j] /= spread
    return a, b


# -- mistakes: whose statistics, along which axis, and what becomes of them -------------------------------


def _guarded(std: np.ndarray) -> np.ndarray:
    return np.where(std < 1e-9, 1, std)


def _scaled(x: np.ndarray, of: np.ndarray, spread: Callable = np.std) -> np.ndarray:
    return ((x - of.mean(axis=0)) / _guarded(spread(of, axis=0))).astype(x.dtype)


@scaling.mistake
def statistics_of_all(train, new):
    everything = np.concatenate([train, new])
    return _scaled(train, everything), _scaled(new, everything)


@scaling.mistake
def each_by_its_own(train, new):
    return _scaled(train, train), _scaled(new, new)


@scaling.mistake
def statistics_of_new(train, new):
    return _scaled(train, new), _scaled(new, new)


@scaling.mistake
def new_left_as_it_is(train, new):
    return _scaled(train, train), new


@scaling.mistake
def new_only_scaled(train, new):
    return _scaled(train, train), (new / _guarded(train.std(axis=0))).astype(new.dtype)


@scaling.mistake
def new_only_shifted(train, new):
    return _scaled(train, train), new - train.mean(axis=0)


@scaling.mistake
def mean_of_train_std_of_new(train, new):
    later = (new - train.mean(axis=0)) / _guarded(new.std(axis=0))
    return _scaled(train, train), later.astype(new.dtype)


@scaling.mistake
def mean_of_new_std_of_train(train, new):
    later = (new - new.mean(axis=0)) / _guarded(train.std(axis=0))
    return _scaled(train, train), later.astype(new.dtype)


@scaling.mistake
def new_scaled_twice(train, new):
    return _scaled(train, train), _scaled(_scaled(new, train), train)


@scaling.mistake
def along_the_rows(train, new):
    def scaled(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(axis=1, keepdims=True)) / _guarded(x.std(axis=1, keepdims=True)).astype(x.dtype)

    return scaled(train), scaled(new)


@scaling.mistake
def one_number_for_all(train, new):
    middle, spread = train.mean(), train.std()
    return (train - middle) / spread, (new - middle) / spread


@scaling.mistake
def variance_for_std(train, new):
    return _scaled(train, train, np.var), _scaled(new, train, np.var)


@scaling.mistake
def one_less(train, new):
    spread = lambda x, axis: np.std(x, axis=axis, ddof=1)
    return _scaled(train, train, spread), _scaled(new, train, spread)


@scaling.mistake
def no_guard(train, new):
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, std = train.mean(axis=0), train.std(axis=0)
        return (train - mean) / std, (new - mean) / std


@scaling.mistake
def constant_set_to_0(train, new):
    flat = train.std(axis=0) == 0
    later = np.where(flat, 0, _scaled(new, train)).astype(new.dtype)
    return _scaled(train, train), later


@scaling.mistake
def only_shifted(train, new):
    return train - train.mean(axis=0), new - train.mean(axis=0)


@scaling.mistake
def only_scaled(train, new):
    std = _guarded(train.std(axis=0)).astype(train.dtype)
    return train / std, new / std


@scaling.mistake
def median_for_mean(train, new):
    middle, std = np.median(train, axis=0), _guarded(train.std(axis=0))
    return ((train - middle) / std).astype(train.dtype), ((new - middle) / std).astype(new.dtype)


@scaling.mistake
def from_0_to_1(train, new):
    low, high = train.min(axis=0), train.max(axis=0)
    width = _guarded(high - low)
    return ((train - low) / width).astype(train.dtype), ((new - low) / width).astype(new.dtype)


@scaling.mistake
def sign_of_the_mean(train, new):
    mean, std = train.mean(axis=0), _guarded(train.std(axis=0))
    return ((train + mean) / std).astype(train.dtype), ((new + mean) / std).astype(new.dtype)


@scaling.mistake
def bracket_missing(train, new):
    mean, std = train.mean(axis=0), _guarded(train.std(axis=0))
    return (train - mean / std).astype(train.dtype), (new - mean / std).astype(new.dtype)


@scaling.mistake
def returned_swapped(train, new):
    return _scaled(new, train), _scaled(train, train)


@scaling.two("statistics_of_all", "one_number_for_all")
def _(train, new):
    both = np.concatenate([train, new])
    return (train - both.mean()) / both.std(), (new - both.mean()) / both.std()


@scaling.two("statistics_of_all", "variance_for_std")
def _(train, new):
    both = np.concatenate([train, new])
    return _scaled(train, both, np.var), _scaled(new, both, np.var)


@scaling.two("each_by_its_own", "no_guard")
def _(train, new):
    with np.errstate(divide="ignore", invalid="ignore"):
        return tuple((x - x.mean(axis=0)) / x.std(axis=0) for x in (train, new))
