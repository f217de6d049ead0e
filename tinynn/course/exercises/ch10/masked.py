"""10.3: a mean that leaves padding out, and its gradient; 10.8: inputs that find wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.kinds import Checker
from .training import vowels

masked = Fill(
    "10.3", "masked_mean(losses, mask)", returns="loss dlosses", level=2, minutes=6, dtype_matters=False
)


@masked.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*lengths: int, width: int = 0) -> tuple[np.ndarray, np.ndarray]:
        mask = np.arange(width or max(lengths)) < np.array(lengths)[:, None]
        return rng.exponential(size=mask.shape).round(1) + 0.1, mask

    losses = np.array([[1.0, 3.0, 2.0], [6.0, 9.0, 9.0]])
    yield case(losses, np.array([[True, True, True], [True, False, False]]), note="3 places and 1")
    yield case(*draw(1, 4, 2), note="rows of 1, 4 and 2 places")
    yield case(*draw(3, 3), note="no padding")
    yield case(*draw(2, 1, width=5), note="whole columns of padding")
    yield case(*draw(2, 0, 3), note="a row of padding alone")
    yield case(*draw(1, width=3), tags="one", note="one place counts")
    yield case(*draw(2, 4, 1, 3), tags="square", note="as many rows as columns")
    losses, mask = draw(2, 5, 3)
    yield case(losses.astype(np.float32), mask, tags="float32", note="float32")


@masked.drawn
def _(rng: np.random.Generator) -> Case:
    n, t = draw.sizes(rng, 2, most=20)
    (losses,) = draw.arrays(rng, (n, t), kinds="above")
    mask = np.arange(t) < rng.integers(0, t + 1, n)[:, None]
    if rng.random() < 0.3:  # holes, as where letters are hidden from the loss
        mask = rng.random((n, t)) < 0.5
    mask[rng.integers(n), 0] = True
    return case(losses, draw.laid(rng, mask))


@masked.reference
def _(losses, mask):
    count = mask.sum()
    return float((losses * mask).sum() / count), (mask / count).astype(losses.dtype)


@masked.worked
def masked_mean(losses, mask):
    count = mask.sum()  # the places that count
    loss = (losses * mask).sum() / count
    dlosses = mask / count  # (N, T): each of them has the same share, padding has none
    return loss, dlosses


@masked.right
def by_picking(losses, mask):
    dlosses = np.zeros_like(losses)
    dlosses[mask] = 1 / len(losses[mask])
    return losses[mask].mean(), dlosses


@masked.right
def place_by_place(losses, mask):
    total, count = 0.0, 0
    for i in np.ndindex(losses.shape):
        if mask[i]:
            total, count = total + float(losses[i]), count + 1
    return total / count, np.where(mask, 1 / count, 0.0).astype(losses.dtype)


# -- mistakes --------------------------------------------------------------------------------------------


def _true(losses: Any, mask: Any) -> tuple[float, np.ndarray]:
    return float(losses[mask].mean()), (mask / mask.sum()).astype(losses.dtype)


@masked.mistake
def padding_counted(losses, mask):
    return losses.mean(), np.full_like(losses, 1 / losses.size)


@masked.mistake
def divided_by_all_places(losses, mask):
    return (losses * mask).mean(), (mask / mask.size).astype(losses.dtype)


@masked.mistake
def divided_by_rows(losses, mask):
    return (losses * mask).sum() / len(losses), (mask / len(losses)).astype(losses.dtype)


@masked.mistake
def mean_of_the_rows_means(losses, mask):
    counts = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    shares = mask / counts / len(losses)
    return (losses * shares).sum(), shares.astype(losses.dtype)


@masked.mistake
def mask_turned_round(losses, mask):
    other = ~mask if not mask.all() else mask
    return (losses * other).sum() / max(other.sum(), 1), (other / max(other.sum(), 1)).astype(losses.dtype)


@masked.mistake
def sum_for_mean(losses, mask):
    return (losses * mask).sum(), mask.astype(losses.dtype)


@masked.mistake
def gradient_for_padding_too(losses, mask):
    return _true(losses, mask)[0], np.full_like(losses, 1 / mask.sum())


@masked.mistake
def gradient_not_divided(losses, mask):
    return _true(losses, mask)[0], mask.astype(losses.dtype)


@masked.mistake
def gradient_divided_by_all(losses, mask):
    return _true(losses, mask)[0], (mask / mask.size).astype(losses.dtype)


@masked.mistake
def losses_in_the_gradient(losses, mask):
    return _true(losses, mask)[0], (losses * mask / mask.sum()).astype(losses.dtype)


@masked.mistake
def a_loss_for_each_row(losses, mask):
    counts = np.maximum(mask.sum(axis=1), 1)
    return (losses * mask).sum(axis=1) / counts, _true(losses, mask)[1]


@masked.two("padding_counted", "gradient_not_divided")
def _(losses, mask):
    return losses.mean(), mask.astype(losses.dtype)


@masked.two("divided_by_all_places", "gradient_for_padding_too")
def _(losses, mask):
    return (losses * mask).mean(), np.full_like(losses, 1 / mask.sum())


@masked.swaps
def _(function: Callable) -> Any:
    plain = ops.cross_entropy.pairs["numpy"]
    assert plain.backward is not None
    own_backward = plain.backward

    def forward(logits, targets, *, reduction="mean", ignore_index=-100, label_smoothing=0.0):
        rest = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
        if reduction != "mean":
            out, cache = plain.forward(logits, targets, reduction=reduction, **rest)
            return out, (None, cache)
        losses, cache = plain.forward(logits, targets, reduction="none", **rest)
        places = (targets != ignore_index).reshape(len(targets), -1)  # (N, T)
        loss, dlosses = function(losses.reshape(places.shape), places)
        shares = np.asarray(dlosses).astype(losses.dtype).reshape(losses.shape)
        return np.asarray(loss).astype(losses.dtype), (shares, cache)

    def backward(dout, cache):
        shares, rest = cache
        return own_backward(dout if shares is None else dout * shares, rest)

    return ops.cross_entropy.using(forward, backward)


@masked.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert masked.swap is not None
    with masked.swap(function):
        yield from vowels(optimizer, seed)


# -- be the checker ----------------------------------------------------------------------------------------

check_masked = Checker(
    "10.8",
    "inputs_for_masked_mean",
    of=masked,
    wrong=(
        "padding_counted",
        "divided_by_all_places",
        "divided_by_rows",
        "mean_of_the_rows_means",
        "mask_turned_round",
        "sum_for_mean",
        "gradient_for_padding_too",
        "losses_in_the_gradient",
    ),
    at_most=1,
    needed=1.0,
    level=2,
    minutes=6,
)


@check_masked.worked
def inputs_for_masked_mean():
    losses = np.array([[1.0, 3.0, 2.0], [6.0, 9.0, 5.0]])
    mask = np.array([[True, True, True], [True, False, False]])
    return [
        (losses, mask)
    ]  # rows of different lengths, and losses in the padding that are none of the others
