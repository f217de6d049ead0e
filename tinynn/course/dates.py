"""Dates to ISO: what is learned from, a small reader and writer, and how its attention is scored.

The writer of the dates says which character is from which field, so the right alignment is known: each
digit of "1987-05-03" belongs to the year, the month or the day, and so do characters of "3 de mayo de 1987".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np

from .. import functional as F
from .. import manual_seed, no_grad, ops, optim
from ..data import AlignedDate, aligned_dates, pad_sequence
from ..models import Seq2Seq
from .descend import descend

PAD, START, CHARACTERS = 0, 1, 2  # the first number of a character
ISO = "yyyy-MM-dd"  # the field of each character that is written
WRITTEN = len(ISO)


class Dates:
    """Dates of some languages, as numbers: one for each character.

    Every tenth day belongs to the test, whatever language writes it: no day is in both parts.

    Attributes
    ----------
    train, test : list of AlignedDate
    characters : str
        Each once; the number of a character is its place plus 2.
    """

    def __init__(self, languages: Sequence[str], n: int, seed: int = 0) -> None:
        rows = aligned_dates(n, tuple(languages), seed)
        self.test = [row for row in rows if _is_for_test(row)]
        self.train = [row for row in rows if not _is_for_test(row)]
        self.characters = "".join(sorted({c for row in rows for c in row.text + row.iso}))
        self._number = {c: i + CHARACTERS for i, c in enumerate(self.characters)}
        self.x, self.y = self.source(self.train), self.target(self.train)

    @property
    def vocabulary(self) -> int:
        return len(self.characters) + CHARACTERS

    def source(self, rows: Sequence[AlignedDate]) -> np.ndarray:
        """(N, S) numbers of the texts' characters, 0 behind the end."""
        return pad_sequence([self._numbers(row.text) for row in rows])[0]

    def target(self, rows: Sequence[AlignedDate]) -> np.ndarray:
        """(N, 11): a start, then the ten characters of ISO's date."""
        return np.array([[START, *self._numbers(row.iso)] for row in rows])

    def _numbers(self, text: str) -> list[int]:
        return [self._number[c] for c in text]

    def text(self, numbers: Any) -> str:
        """The characters that were written, "?" for what is none."""
        return "".join(self.characters[i - CHARACTERS] if i >= CHARACTERS else "?" for i in numbers)

    def batches(self, steps: int, size: int = 64, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """`steps` batches of dates at random: (size, S) as long as its longest text, and (size, 11)."""
        rng = np.random.default_rng(seed)
        for _ in range(steps):
            chosen = rng.integers(len(self.x), size=size)
            x = self.x[chosen]
            yield x[:, : (x != PAD).sum(axis=1).max()], self.y[chosen]


def _is_for_test(row: AlignedDate) -> bool:
    return date.fromisoformat(row.iso).toordinal() % 10 == 0


# -- learning ----------------------------------------------------------------------------------------------


def reader(dates: Dates, width: int = 32, heads: int = 1, layers: int = 1) -> Seq2Seq:
    """An encoder that reads the text, and a decoder that writes and looks at it; from the same start."""
    manual_seed(0)
    return Seq2Seq(dates.vocabulary, dates.x.shape[1], layers, heads, width, dropout=0.0)


def loss_of(model: Seq2Seq, x: np.ndarray, y: np.ndarray) -> Any:
    """The mean cross-entropy of the ten characters, each written after the true ones before it."""
    logits = model(x, y[:, :-1], padding=x == PAD)  # (N, 10, V)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y[:, 1:].reshape(-1))


def training(model: Seq2Seq, dates: Dates, steps: int, lr: float = 0.01) -> Iterator[float]:
    """The loss of each step of Adam, whose rate falls to 0 on a straight line."""
    optimiser = optim.Adam(model.parameters(), lr=lr)
    for step, (x, y) in enumerate(dates.batches(steps)):
        optimiser.param_groups[0]["lr"] = lr * (1 - step / steps)
        loss = loss_of(model, x, y)
        yield descend(loss, optimiser)


def written(model: Seq2Seq, dates: Dates, rows: Sequence[AlignedDate]) -> list[str]:
    """What the model writes, from nothing but the text."""
    x = dates.source(rows)
    numbers = model.generate(x, START, count=WRITTEN, padding=x == PAD)
    return [dates.text(row[1:]) for row in numbers]


def share_exact(model: Seq2Seq, dates: Dates, rows: Sequence[AlignedDate]) -> float:
    """The share of dates whose ten characters are all right."""
    said = written(model, dates, rows)
    return float(np.mean([text == row.iso for text, row in zip(said, rows)]))


def slips(said: Sequence[str], rows: Sequence[AlignedDate]) -> tuple[np.ndarray, float]:
    """How often each of the ten characters is wrong; of the wrong digits of years and days, the share that
    stands in the text's same field, at another place.
    """
    wrong = np.array([[a != b for a, b in zip(text, row.iso)] for text, row in zip(said, rows)])
    own = [
        text[i] in [c for c, field in zip(row.text, row.fields) if field == ISO[i]]
        for text, row, missed in zip(said, rows, wrong)
        for i in np.flatnonzero(missed)
        if ISO[i] in "yd"
    ]
    return wrong.sum(axis=0), float(np.mean(own)) if own else 1.0


# -- attention ---------------------------------------------------------------------------------------------


def cross_weights(model: Seq2Seq, dates: Dates, rows: Sequence[AlignedDate]) -> np.ndarray:
    """How much each written character looks at each read one, in the last layer: (N, heads, 10, S)."""
    x, y = dates.source(rows), dates.target(rows)
    model.eval()
    with no_grad(), weights_seen() as seen:
        model(x, y[:, :-1], padding=x == PAD)
    model.train()
    return seen[-1]  # the decoder's attention to the text comes last


@contextmanager
def weights_seen() -> Iterator[list[np.ndarray]]:
    """The weights of every attention that runs meanwhile, as the library computes it."""
    op = ops.scaled_dot_product_attention
    library, seen = op.pairs["numpy"], []

    def forward(*inputs: np.ndarray, **options: Any) -> tuple:
        y, cache = library.forward(*inputs, **options)
        seen.append(cache[4])
        return y, cache

    with op.using(forward, library.backward):
        yield seen


def belongs(row: AlignedDate) -> np.ndarray:
    """(10, S): whether a character of the text is from the field of the written one. No row for a dash."""
    return np.array([[of == field for field in row.fields] if of != "-" else [False] * len(row.text)
                     for of in ISO])  # fmt: skip


def share_on_field(weights: np.ndarray, rows: Sequence[AlignedDate]) -> float:
    """The alignment score: the share of attention that falls on characters of the right field.

    The mean over the eight digits of all dates, and over heads; `weights` is (N, heads, 10, S).
    """
    return float(share_by_character(weights, rows)[_digits()].mean())


def share_by_character(weights: np.ndarray, rows: Sequence[AlignedDate]) -> np.ndarray:
    """`share_on_field` of each of the ten written characters by itself; 0 for the dashes."""
    own = [w[..., : len(row.text)] * belongs(row) for w, row in zip(weights, rows)]
    return np.mean([w.sum(axis=-1).reshape(-1, WRITTEN).mean(axis=0) for w in own], axis=0)


def by_chance(rows: Sequence[AlignedDate]) -> float:
    """`share_on_field` of who looks at all characters of the text alike."""
    return float(np.mean([belongs(row)[_digits()].mean() for row in rows]))


def _digits() -> list[int]:
    return [i for i, of in enumerate(ISO) if of != "-"]
