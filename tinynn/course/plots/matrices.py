"""Matrices whose rows and columns have names: who is taken for whom, what looks at what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from ... import metrics
from ...errors import ArgumentError, ShapeError
from .given import counted, floats, labels_of, listed, number
from .style import GREY, RIGHT, VALUE, WRONG, Picture, style

CLASSES_WRITTEN, WEIGHTS_WRITTEN = 20, 8  # rows up to which numbers stand in the fields
HEADS = 4  # attention maps side by side


def confusion_matrix(
    labels: Any, predicted: Any, names: Sequence[Any] | None = None, title: str = "What is taken for what"
) -> Picture:
    """How often each class (row) is taken for each (column): right answers blue, wrong ones orange.

    A colour is pale up to half of its row, and strong above. Numbers are counts; an empty field is a zero.

    Parameters
    ----------
    labels, predicted : (N,) int
    names : list, optional
        What the classes are called; their numbers if left out.
    """
    counts = _counts(labels, predicted)
    side = 1.6 + min(0.42 * max(len(counts), 3), 9)
    picture = Picture(side, side)
    draw_confusion(picture.add_subplot(), labels, predicted, names, title)
    picture.alt = confusion_in_words(labels, predicted, names, title)
    return picture


def draw_confusion(
    ax: Axes, labels: Any, predicted: Any, names: Sequence[Any] | None = None, title: str = ""
) -> None:
    """Draw `confusion_matrix` on `ax`."""
    counts = _counts(labels, predicted)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = np.where(np.eye(len(counts), dtype=bool)[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    written = len(counts) <= CLASSES_WRITTEN
    _draw_fields(ax, shares, colours, written)
    for (i, j), n in np.ndenumerate(counts):
        if n and written:
            weight = "bold" if i == j else "normal"
            ax.text(j, i, str(n), ha="center", va="center", fontsize=9, fontweight=weight,
                    color="white" if shares[i, j] > 0.5 else GREY)  # fmt: skip
    style(ax, title, "the network says", "it is").grid(visible=False)
    called = _called(names, len(counts), "names")
    _name_sides(ax, called, called)


def confusion_in_words(
    labels: Any, predicted: Any, names: Sequence[Any] | None = None, title: str = ""
) -> str:
    """How many are right, class by class, and the most frequent mistakes."""
    counts = _counts(labels, predicted)
    called = _called(names, len(counts), "names")
    start = f"{title}. " if title else ""
    total, right = counts.sum(), np.trace(counts)
    each = [f"{called[i]} {counts[i, i]} of {row.sum()}" for i, row in enumerate(counts) if row.sum()]
    text = f"{start}{right} of {total} right: {listed(each)}." if total else f"{start}No examples."
    wrong = [(int(n), i, j) for (i, j), n in np.ndenumerate(counts) if n and i != j]
    wrong.sort(key=lambda entry: -entry[0])
    most = [f"{called[j]} instead of {called[i]}, {counted(n, 'time')}" for n, i, j in wrong[:5]]
    return text + (f" Most frequent mistakes: {'; '.join(most)}." if most else "")


def _counts(labels: Any, predicted: Any) -> np.ndarray:
    y = labels_of("confusion_matrix", labels, np.size(labels))
    said = labels_of("confusion_matrix", predicted, len(y))
    if not len(y):
        return np.zeros((1, 1), int)
    return metrics.confusion_matrix(said, y, int(max(y.max(), said.max())) + 1)


def attention_map(
    weights: Any, queries: Sequence[Any] | None = None, keys: Sequence[Any] | None = None, title: str = ""
) -> Picture:
    """How much each token (row) looks at each token (column), one map a head.

    Parameters
    ----------
    weights : (T_q, T_k) or (heads, T_q, T_k)
        Shares from 0 to 1, such that each row adds up to 1.
    queries, keys : list of str, optional
        Tokens of the rows and of the columns; `queries` serve as both when there are as many.
    """
    heads = _heads(weights)
    across = min(len(heads), HEADS)
    down = -(-len(heads) // across)
    side = min(max(0.3 * max(heads.shape[1:]) + 0.9, 2.0), 9.0 / across if across > 1 else 6.0)
    picture = Picture(side * across, (side + 0.35) * down)
    for n, head in enumerate(heads):
        name = f"{title} head {n}".strip() if len(heads) > 1 else title
        draw_attention(picture.add_subplot(down, across, n + 1), head, queries, keys, name)
    picture.alt = attention_in_words(weights, queries, keys, title)
    return picture


def draw_attention(
    ax: Axes, weights: Any, queries: Sequence[Any] | None = None, keys: Sequence[Any] | None = None,
    title: str = "",
) -> None:  # fmt: skip
    """Draw one head's `attention_map` on `ax`."""
    (head,) = _heads(weights)
    rows, columns = _tokens(head, queries, keys)
    written = max(head.shape) <= WEIGHTS_WRITTEN
    _draw_fields(ax, np.clip(head, 0, 1), np.array(to_rgb(VALUE)), written)
    if written:
        for (i, j), w in np.ndenumerate(head):
            if abs(w) >= 0.005 or np.isnan(w):
                ax.text(j, i, f"{w:.2f}".lstrip("0"), ha="center", va="center", fontsize=8,
                        color="white" if w > 0.5 else GREY)  # fmt: skip
    style(ax, title, "looks at", "token").grid(visible=False)
    _name_sides(ax, rows, columns)


def attention_in_words(
    weights: Any, queries: Sequence[Any] | None = None, keys: Sequence[Any] | None = None, title: str = ""
) -> str:
    """For each head, the token that each token looks at most."""
    heads = _heads(weights)
    rows, columns = _tokens(heads[0], queries, keys)
    text = f"{title}. " if title else ""
    text += f"Attention of {counted(len(rows), 'token')} to {len(columns)}, {counted(len(heads), 'head')}"
    for n, head in enumerate(heads[:8]):
        tops = [(q, int(np.nanargmax(row)), row) for q, row in zip(rows, head) if not np.isnan(row).all()]
        most = [f"{q} to {columns[k]} {number(row[k])}" for q, k, row in tops]
        ahead = head[np.triu_indices(len(head), 1, head.shape[1])]
        masked = "; nothing looks ahead" if ahead.size and not ahead.any() else ""
        text += f". Head {n}, most of each: {listed(most)}{masked}"
    return text + "."


def _heads(weights: Any) -> np.ndarray:
    heads = floats("attention_map", "weights", weights)
    heads = heads[None] if heads.ndim == 2 else heads
    if heads.ndim != 3 or not heads.size:
        expected = "(T_q, T_k) or (heads, T_q, T_k), none of them 0"
        raise ShapeError("attention_map", f"weights {np.shape(weights)}", expected, "weights[0] of a batch")
    return heads


def _tokens(head: np.ndarray, queries: Any, keys: Any) -> tuple[list[str], list[str]]:
    keys = queries if keys is None and head.shape[0] == head.shape[1] else keys
    return _called(queries, head.shape[0], "queries"), _called(keys, head.shape[1], "keys")


def _called(names: Sequence[Any] | None, count: int, what: str) -> list[str]:
    if names is None:
        return [str(i) for i in range(count)]
    if len(names) < count or (len(names) > count and what != "names"):
        raise ArgumentError(what, f"{len(names)} of them", f"{count}, one for each row or column")
    return [str(name) for name in names[:count]]


def _draw_fields(ax: Axes, shares: np.ndarray, colours: np.ndarray, written: bool) -> None:
    """A field a number, the stronger the larger; what is no number stays empty.

    Under a number the colour jumps at one half, from pale to strong: in between neither grey nor white
    reads on it.
    """
    amount = np.nan_to_num(shares)
    image = np.zeros((*shares.shape, 4))
    image[..., :3], image[..., 3] = colours, 0.9 * amount
    if written:
        image[..., 3] = np.where(amount > 0.5, 0.75 + 0.2 * amount, 0.3 * np.sqrt(amount))
    ax.imshow(image, interpolation="nearest")


def _name_sides(ax: Axes, rows: list[str], columns: list[str]) -> None:
    long = max(map(len, columns)) > 2
    ax.set_xticks(range(len(columns)), columns, rotation=90 if long else 0)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[["top", "right"]].set_visible(True)
    for spine in ax.spines.values():
        spine.set_color(GREY)
