"""05.6: batches in a new order every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ....data import Batches
from ...effects.by_hand import with_batches
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case

batches = Fill(
    "05.6",
    "shuffled_batches(x, y, batch_size, epochs, seed)",
    returns="epochs",
    level=2,
    minutes=8,
    dtype_matters=False,
    seeded=160,  # 6 examples for 5 epochs, or 27 for one: no two such orders are the same by chance
)


@batches.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def data(n: int) -> list[np.ndarray]:
        return [np.arange(n * 2).reshape(n, 2) / 10, np.arange(n) + 100]

    yield case(*data(5), 2, 1, 1, note="5 examples, batches of 2, 1 epoch; row i of x belongs to y = 100 + i")
    yield case(*data(12), 4, 3, 0, note="12 examples, batches of 4, 3 epochs")
    yield case(*data(10), 3, 2, 7, note="10 examples, batches of 3, 2 epochs")
    yield case(*data(9), 20, 2, 3, note="9 examples and batches of 20: one batch holds them all")
    yield case(*data(20), 1, 2, 5, note="20 examples, one at a time")
    yield case(*data(30), 8, 2, 5, note="30 examples, batches of 8, 2 epochs")
    yield case(*data(30), 8, 2, 6, note="the same with another seed")
    yield case(*data(30), 8, 2, 5, note="the same with the first seed again")


@batches.drawn
def _(rng: np.random.Generator) -> Case:
    n = draw.one_of(rng, draw.size(rng), 10, 40)
    x = np.arange(n)[:, None] + rng.random((n, draw.size(rng, most=5)))  # no two rows alike
    size = draw.one_of(rng, 1, n, n + 5, draw.size(rng), max(1, n // 2))
    epochs, seed = draw.one_of(rng, 1, 2, 5), draw.one_of(rng, 0, 1, 2, int(rng.integers(10_000)))
    return case(rng.permutation(x).astype(draw.dtype(rng)), rng.integers(4, size=n), size, epochs, seed)


ENOUGH = 9  # examples of which no order is drawn by chance that should not be: one in 9! = 362880


@batches.accept
def _(got: Any, wanted: Any, args: tuple) -> bool:
    """Every epoch: each example once, with its y, batches of the right sizes, an order of its own."""
    x, y, batch_size, epochs, _ = args
    if not isinstance(got, (list, tuple)) or len(got) != epochs:
        return False
    orders = [_order(epoch, x, y, batch_size) for epoch in got]
    if any(sorted(order) != list(range(len(x))) for order in orders):
        return False
    seen = [*orders, list(range(len(x)))]
    return len(x) < ENOUGH or len(set(map(tuple, seen))) == epochs + 1 and all(map(_mixed, orders))


def _mixed(order: list[int]) -> bool:
    """Whether neighbours were parted: a row turned round, or begun elsewhere, is not dealt at random."""
    steps = np.diff(order) % len(order)
    together = max(np.sum(steps == 1), np.sum(steps == len(order) - 1))
    return len(order) < 2 * ENOUGH or bool(together < len(order) / 2)


def _order(epoch: Any, x: np.ndarray, y: np.ndarray, batch_size: int) -> list[int]:
    """Which examples an epoch holds, one after the other; empty where a batch is not as it should be."""
    sizes = [min(batch_size, len(y) - start) for start in range(0, len(y), batch_size)]
    if [(len(xb), len(yb)) for xb, yb in epoch] != [(n, n) for n in sizes]:
        return []
    place = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(x))}  # no two rows are alike
    rows = [np.ascontiguousarray(row, x.dtype) for xb, _ in epoch for row in xb]
    order = [place.get(row.tobytes(), -1) for row in rows]
    labels = [label for _, yb in epoch for label in yb]
    return order if np.array_equal(y[order], labels) else []


@batches.measured
def _(value: list, args: tuple) -> dict[str, Any]:
    """Of each epoch how many rows its batches have; of the first, which rows of x and y they are."""
    x = args[0]
    labels = [label for _, yb in value[0] for label in np.asarray(yb).tolist()]
    return {
        "epochs": len(value),
        "sizes of the batches": [[len(xb) for xb, _ in epoch] for epoch in value],
        "rows of x in the first epoch": [_places(x, xb) for xb, _ in value[0]],
        "numbers in its y": labels,
    }


def _places(x: np.ndarray, rows: np.ndarray) -> list[int]:
    """Where each of the rows stands in x, -1 for what is no row of it."""
    found = [np.flatnonzero((x == row).all(axis=1)) for row in rows]
    return [int(places[0]) if len(places) else -1 for places in found]


@batches.reference
def _(x, y, batch_size, epochs, seed):
    of_the_library = Batches(x, y, batch_size=batch_size, seed=seed)
    return [[(xb, yb) for xb, yb in of_the_library] for _ in range(epochs)]


@batches.worked
def shuffled_batches(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(epochs):
        order = rng.permutation(len(x))  # a new one every epoch, the same for x and y
        starts = range(0, len(x), batch_size)
        rows = [order[start : start + batch_size] for start in starts]  # the last may be shorter
        result.append([(x[r], y[r]) for r in rows])
    return result


@batches.right
def shuffled_numbers(x, y, batch_size, epochs, seed):
    rng, result = np.random.RandomState(seed), []
    for _ in range(epochs):
        left, epoch = list(range(len(y))), []
        rng.shuffle(left)
        while left:
            take, left = left[:batch_size], left[batch_size:]
            epoch += [(x[take], y[take])]
        result.append(epoch)
    return result


@batches.right
def split_copies(x, y, batch_size, epochs, seed):
    result = []
    for epoch in range(epochs):
        order = np.argsort(np.random.default_rng([seed, epoch]).random(len(x)))
        cuts = np.arange(batch_size, len(x), batch_size)
        result.append(list(zip(np.split(x[order], cuts), np.split(y[order], cuts))))
    return result


def _cut(x: np.ndarray, y: np.ndarray, batch_size: int, stop: int | None = None) -> list:
    """Batches of `x` and `y` in the order in which they are."""
    return [(x[s : s + batch_size], y[s : s + batch_size]) for s in range(0, stop or len(y), batch_size)]


@batches.mistake
def shuffled_apart(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    return [_cut(rng.permutation(x), rng.permutation(y), batch_size) for _ in range(epochs)]


@batches.mistake
def only_x_shuffled(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    return [_cut(x[rng.permutation(len(x))], y, batch_size) for _ in range(epochs)]


@batches.mistake
def last_batch_dropped(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), []
    for _ in range(epochs):
        order = rng.permutation(len(x))[: len(x) // batch_size * batch_size]
        result.append(_cut(x[order], y[order], batch_size))
    return result


@batches.mistake
def same_order_every_epoch(x, y, batch_size, epochs, seed):
    order = np.random.default_rng(seed).permutation(len(x))
    return [_cut(x[order], y[order], batch_size) for _ in range(epochs)]


@batches.mistake
def not_shuffled(x, y, batch_size, epochs, seed):
    return [_cut(x, y, batch_size) for _ in range(epochs)]


@batches.mistake
def batches_shuffled_only(x, y, batch_size, epochs, seed):
    rng, cut = np.random.default_rng(seed), _cut(x, y, batch_size)
    return [[cut[i] for i in rng.permutation(len(cut))] for _ in range(epochs)]


@batches.mistake
def drawn_with_repeats(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), []
    for _ in range(epochs):
        order = rng.integers(0, len(x), len(x))
        result.append(_cut(x[order], y[order], batch_size))
    return result


@batches.mistake
def first_batch_only(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), []
    for _ in range(epochs):
        rows = rng.permutation(len(x))[:batch_size]
        result.append([(x[rows], y[rows])])
    return result


@batches.mistake
def number_of_batches(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), []
    for _ in range(epochs):
        rows = np.array_split(rng.permutation(len(x)), batch_size)
        result.append([(x[r], y[r]) for r in rows])
    return result


@batches.mistake
def epochs_run_together(x, y, batch_size, epochs, seed):
    return sum(shuffled_batches(x, y, batch_size, epochs, seed), [])


@batches.mistake
def one_epoch(x, y, batch_size, epochs, seed):
    return shuffled_batches(x, y, batch_size, 1, seed)


@batches.mistake
def overlapping(x, y, batch_size, epochs, seed):
    rng, result = np.random.default_rng(seed), []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        rows = [order[start : start + batch_size] for start in range(len(x))]
        result.append([(x[r], y[r]) for r in rows])
    return result


@batches.mistake
def row_numbers(x, y, batch_size, epochs, seed):
    rows = np.arange(len(x))
    return shuffled_batches(rows, rows, batch_size, epochs, seed)


@batches.mistake
def y_first(x, y, batch_size, epochs, seed):
    return shuffled_batches(y, x, batch_size, epochs, seed)


@batches.mistake
def x_alone(x, y, batch_size, epochs, seed):
    return [[xb for xb, _ in epoch] for epoch in shuffled_batches(x, y, batch_size, epochs, seed)]


@batches.two("shuffled_apart", "last_batch_dropped")
def _(x, y, batch_size, epochs, seed):
    rng, n = np.random.default_rng(seed), len(x) // batch_size * batch_size
    return [_cut(rng.permutation(x)[:n], rng.permutation(y)[:n], batch_size) for _ in range(epochs)]


@batches.two("same_order_every_epoch", "last_batch_dropped")
def _(x, y, batch_size, epochs, seed):
    order = np.random.default_rng(seed).permutation(len(x))[: len(x) // batch_size * batch_size]
    return [_cut(x[order], y[order], batch_size) for _ in range(epochs)]


@batches.two("not_shuffled", "last_batch_dropped")
def _(x, y, batch_size, epochs, seed):
    n = len(x) // batch_size * batch_size
    return [_cut(x[:n], y[:n], batch_size) for _ in range(epochs)]


@batches.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    """The network of 03.5 on the spirals, whose classes come one after the other."""
    from ..ch03.network import network_gradients

    return with_batches(function, network_gradients, optimizer, seed)
