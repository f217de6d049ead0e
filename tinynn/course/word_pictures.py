"""The pictures of chapter 10: a sentence on its way into a batch, words in pieces, words made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..data import BPETokenizer, Vocabulary, mask, pad_sequence
from .plots import BLUE, GREY, RED, RUNS, Picture, style
from .plots.style import PATTERNS, write

TEXT: dict[str, Any] = {"color": GREY, "fontsize": 10, "ha": "center", "va": "center"}
BOLD = {**TEXT, "fontweight": "bold"}
STEP = 1.9  # the width of a word's column


def way_of_a_sentence(text: str, others: Sequence[str], known: Vocabulary, table: np.ndarray) -> Picture:
    """Words, their numbers, their rows of the table; then the numbers of a whole batch, and its mask.

    Parameters
    ----------
    text : str
        The sentence that is followed; the first row of the batch.
    others : sequence of str
        The other rows.
    table : (V, D)
        Of which the first four columns are shown.
    """
    words, numbers = text.split(), known.encode(text)
    x, lengths = pad_sequence([numbers, *map(known.encode, others)])
    picture = Picture(7.6, 4.5, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(-3.3, 15.6), ylim=(10.6, -0.6))
    for t, (word, k) in enumerate(zip(words, numbers)):
        _column(ax, 1 + STEP * t, word, int(k), table[k, :4])
    for y, name in ((0.2, "words"), (1.7, "numbers"), (4.05, "rows of\nthe table")):
        ax.text(-3.1, y, name, **{**BOLD, "ha": "left"})
    _grid(ax, 0.1, x, lengths, "batch  x (N, T)", [[str(k) for k in row] for row in x])
    marks = [["✓" if m else "–" for m in row] for row in mask(lengths)]
    _grid(ax, 8.6, x, lengths, "its mask  (N, T)", marks)
    picture.alt = way_in_words(text, others, known)
    return picture


def way_in_words(text: str, others: Sequence[str], known: Vocabulary) -> str:
    pairs = ", ".join(f"{w} {k}" for w, k in zip(text.split(), known.encode(text)))
    x, lengths = pad_sequence([known.encode(t) for t in (text, *others)])
    return (
        f"A sentence from top to bottom: its words, the number of each ({pairs}), and below each number the "
        f"row of the table that has it. Below, the numbers are the first of {len(x)} rows of a batch "
        f"{x.shape}; the sentences have {', '.join(map(str, lengths))} words, and the short ones are filled "
        "up with 0. Beside it the mask: a tick at each word, a dash at each place that was filled up."
    )


def _column(ax: Axes, at: float, word: str, number: int, row: np.ndarray) -> None:
    ax.text(at, 0.2, word, **{**BOLD, "color": BLUE})
    ax.annotate("", (at, 1.25), (at, 0.6), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.text(at, 1.7, str(number), **BOLD)
    ax.annotate("", (at, 2.75), (at, 2.1), arrowprops={"arrowstyle": "->", "color": GREY})
    for i, value in enumerate(row):
        ax.add_patch(Rectangle((at - 0.8, 2.8 + 0.65 * i), 1.6, 0.65, facecolor="none", edgecolor=GREY))
        ax.text(at, 3.125 + 0.65 * i, f"{value:.1f}".replace("-", "−"), **{**TEXT, "fontsize": 9})


def _grid(ax: Axes, left: float, x: np.ndarray, lengths: np.ndarray, name: str, texts: list) -> None:
    """A field for each place of the batch; those that are filled up are dashed and hatched."""
    ax.text(left, 6.6, name, **{**BOLD, "ha": "left"})
    for n, t in np.ndindex(x.shape):
        real = t < lengths[n]
        ax.add_patch(
            Rectangle(
                (left + t, 7.3 + n),
                1,
                1,
                facecolor="none",
                edgecolor=BLUE if n == 0 and real else GREY,
                linestyle="-" if real else ":",
                hatch="" if real else "//",
                linewidth=1,
                alpha=1 if real else 0.5,
            )  # fmt: skip
        )
        ax.text(
            left + t + 0.5, 7.8 + n, texts[n][t], **({**BOLD, "color": BLUE} if n == 0 and real else TEXT)
        )


def read_too_late(right: Sequence[float], title: str) -> Picture:
    """The percentage of sentences that are right, by the places of padding behind the last word."""
    picture = Picture(8, 2.9)
    ax = style(
        picture.subplots(),
        title,
        "empty places between the last word and the state that is read",
        "percent right",
    )
    ax.axhline(50, color=GREY, linestyle=":")
    write(ax, "a coin's", (len(right) - 1, 50), (0, 4), GREY, ha="right")
    ax.plot(right, color=BLUE, marker="o", markersize=4, linewidth=2)
    ax.set_ylim(0, 104)
    shown = ", ".join(f"{k} places {share:.0f}%" for k, share in list(enumerate(right))[::3])
    picture.alt = f"{title}. Percent right by the empty places behind the last word: {shown}."
    return picture


# -- pieces ------------------------------------------------------------------------------------------------


def in_pieces(words: Sequence[str], pieces: BPETokenizer, joined: int) -> list[list[str]]:
    """The pieces of each word after the first `joined` merges; a byte that is no letter alone is a dot."""
    early = BPETokenizer(pieces.merges[:joined])
    return [[early.decode([k]).replace("\ufffd", "·") for k in early.encode(word)] for word in words]


def pieces_picture(words: Sequence[str], pieces: BPETokenizer, joined: int) -> Picture:
    """Words cut as the tokenizer cuts them after `joined` merges, and the merge that came last."""
    cut = in_pieces(words, pieces, joined)
    picture = Picture(7.2, 0.5 + 0.42 * len(words), arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, 46), ylim=(len(words) + 0.15, -1.1))
    for n, row in enumerate(cut):
        at = 1.0
        for piece in row:
            width = 0.9 + 1.25 * len(piece)
            ax.add_patch(
                Rectangle((at, n + 0.06), width, 0.8, facecolor="none", edgecolor=BLUE, linewidth=1.2)
            )
            ax.text(at + width / 2, n + 0.48, piece, **{**TEXT, "fontsize": 11, "family": "monospace"})
            at += width + 0.35
        ax.text(at + 0.8, n + 0.48, str(len(row)), **{**BOLD, "ha": "left"})
    ax.text(1, -0.55, _merge_in_words(pieces, joined), **{**BOLD, "ha": "left"})
    shown = "; ".join(" ".join(row) for row in cut)
    picture.alt = (
        f"{_merge_in_words(pieces, joined)} Words in pieces, with the number of pieces behind each: {shown}."
    )
    return picture


def _merge_in_words(pieces: BPETokenizer, joined: int) -> str:
    if joined == 0:
        return "No merge yet: every byte is a token. A dot is half a letter."
    a, b = pieces.merges[joined - 1]
    left, right = (pieces.decode([k]).replace("\ufffd", "·") for k in (a, b))
    return f"{joined} merges; the last one joined {left!r} and {right!r}."


def by_size(sizes: Sequence[int], right: Sequence[float], lines: Mapping[str, float]) -> Picture:
    """The share of words right by the number of tokens, and other ways to guess as level lines."""
    picture = Picture(8, 3.3)
    ax = style(picture.subplots(), "Words of the validation part, 19 languages", "tokens", "percent right")
    ax.set_xscale("log")
    ax.plot(sizes, right, color=BLUE, marker="o", linewidth=2)
    for size, share in zip(sizes, right):
        write(ax, f"{share:.0f}", (size, share), (0, -15), BLUE, ha="center")
    write(ax, "byte pairs, added up", (sizes[-1], right[-1]), (-40, -22), BLUE, ha="right")
    for (name, share), pattern, colour in zip(lines.items(), PATTERNS[1:], RUNS[1:]):
        ax.axhline(share, color=colour, linestyle=pattern)
        write(ax, f"{name}: {share:.0f}", (sizes[0], share), (0, 4), colour)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set_ylim(0, 100)
    each = ", ".join(f"{size} tokens {share:.0f}%" for size, share in zip(sizes, right))
    levels = ", ".join(f"{name} {share:.0f}%" for name, share in lines.items())
    picture.alt = f"The share of words whose language is right, by byte pairs: {each}. Level lines: {levels}."
    return picture


# -- words that are made up --------------------------------------------------------------------------------


def invented(words: Mapping[str, Sequence[str]], old: set[str], title: str) -> Picture:
    """Made-up words, a column for each language; a word that exists is framed."""
    longest = max(len(column) for column in words.values())
    picture = Picture(7.5, 0.7 + 0.27 * longest, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, len(words)), ylim=(longest + 0.2, -2.0))
    ax.text(0.04, -1.45, title, **{**BOLD, "ha": "left", "fontsize": 11})
    for k, (language, column) in enumerate(words.items()):
        ax.text(k + 0.04, -0.35, language, **{**BOLD, "ha": "left", "color": BLUE})
        for n, word in enumerate(column):
            frame = {"bbox": {"facecolor": "none", "edgecolor": RED, "pad": 1.5}} if word in old else {}
            ax.text(k + 0.05, n + 0.55, word, **{**TEXT, "ha": "left", "fontsize": 11}, **frame)
    shown = "; ".join(f"{language}: {', '.join(column)}" for language, column in words.items())
    known = sum(word in old for column in words.values() for word in column)
    picture.alt = f"{title}. {shown}. Among them are words that were learned from: {known}, framed."
    return picture
