"""The small networks in which the mistakes of chapter 10 are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from .... import backend, manual_seed, nn
from .... import functional as F
from ....data import BPETokenizer, SequenceBatches, Vocabulary, language_words, mask
from ....tensor import Tensor, no_grad
from ...descend import descend
from ...effects.moments import OPTIMIZERS, Moment, moments

LANGUAGES = ("Finnish", "Polish")
KNOWN = 30  # entries of the table of letters: the rare ones are unknown
PIECES = 272  # bytes, and 16 merges: one that makes tokens longer doubles them at each
VOWELS = "aeiouyäöóęą"
STEPS, BATCH = 100, 64

Words = tuple[tuple[str, ...], np.ndarray]


@cache
def two_languages(part: str) -> Words:
    """The Finnish and the Polish words of one part, and 0 or 1 for each."""
    words, y, names = (getattr(part_of, name) for part_of in [getattr(language_words(), part)]
                       for name in ("words", "y", "names"))  # fmt: skip
    kept = [(w, LANGUAGES.index(names[k])) for w, k in zip(words, y) if names[k] in LANGUAGES]
    return tuple(w for w, _ in kept), np.array([k for _, k in kept])


def steps(batches: SequenceBatches) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches without an end."""
    while True:
        yield from batches


def training(
    rows: Callable[[str], Words], classes: int, score: Callable[..., Tensor], loss: Callable,
    right: Callable[..., Any], optimizer: str, seed: int, rate: float,
) -> Iterator[Moment]:  # fmt: skip
    """Train a table of scores: a row of `classes` numbers for each token.

    Parameters
    ----------
    rows : callable
        ``rows(part)`` gives the tokens of every word, and its labels.
    score : callable
        ``score(table(x), lengths)``: what the looked-up rows (N, T, K) say.
    loss, right : callable
        Of the scores, the labels, the lengths and the tokens.
    """
    with backend("numpy"):
        manual_seed(seed)
        tokens, y = rows("train")
        held, held_y = rows("test")
        table = nn.Embedding(1 + max(int(np.max(row)) for row in (*tokens, *held)), classes)
        nn.init.zeros_(table.weight)  # type: ignore[type-var]
        stepper = OPTIMIZERS[optimizer](table.parameters(), rate)
        batches = steps(SequenceBatches(tokens, y, batch_size=BATCH, seed=seed))
        whole = SequenceBatches(held, held_y, batch_size=len(held), shuffle=False)

        def update() -> float:
            x, lengths, labels = next(batches)
            value = loss(score(table(x), lengths), labels, lengths, x)
            return descend(value, stepper)

        def share() -> float:
            ((x, lengths, labels),) = whole
            with no_grad():
                return float(np.mean(right(score(table(x), lengths).data, labels, lengths, x)))

        yield from moments(STEPS, update, share)


def of_words(rows: Callable[[str], Words], optimizer: str, seed: int) -> Iterator[Moment]:
    """Finnish or Polish? The rows of a word's tokens are added up; padding is left out."""

    def score(found: Tensor, lengths: np.ndarray) -> Tensor:
        kept = mask(lengths, found.shape[1]).astype(np.float32)
        return (found * kept[:, :, None]).sum(dim=1)  # (N, K)

    return training(
        rows, 2, score, lambda s, y, *_: F.cross_entropy(s, y), lambda s, y, *_: s.argmax(1) == y,
        optimizer, seed, 0.5 if optimizer == "sgd" else 0.1,
    )  # fmt: skip


def by_letters(optimizer: str, seed: int) -> Iterator[Moment]:
    """`of_words`, cut into letters; those beyond `KNOWN` entries are unknown."""
    letters = Vocabulary.train([list(w) for w in two_languages("train")[0]], size=KNOWN)
    return of_words(lambda part: _in_rows(part, lambda w: letters.encode(list(w))), optimizer, seed)


def by_pieces(optimizer: str, seed: int) -> Iterator[Moment]:
    """`of_words`, cut into byte pairs, which are learned from the training words."""
    pieces = BPETokenizer.train("\n".join(two_languages("train")[0]), PIECES)
    return of_words(lambda part: _in_rows(part, pieces.encode), optimizer, seed)


def vowels(optimizer: str, seed: int) -> Iterator[Moment]:
    """Which letters are vowels? A loss for each letter; padding has none."""
    letters = Vocabulary.train([list(w) for w in two_languages("train")[0]])

    def truth(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        vowel = np.isin(x, [letters.index[v] for v in VOWELS])
        return np.where(mask(lengths, x.shape[1]), vowel, -100)  # (N, T)

    def right(s: np.ndarray, _: Any, lengths: np.ndarray, x: np.ndarray) -> np.ndarray:
        return (s.argmax(2) == truth(x, lengths))[mask(lengths, x.shape[1])]

    return training(
        lambda part: _in_rows(part, lambda w: letters.encode(list(w))), 2, lambda found, _: found,
        lambda s, _, lengths, x: F.cross_entropy(s.transpose(1, 2), truth(x, lengths)), right,
        optimizer, seed, 10.0 if optimizer == "sgd" else 0.1,
    )  # fmt: skip


def _in_rows(part: str, encode: Callable[[str], Any]) -> Any:
    words, y = two_languages(part)
    return [encode(w) for w in words], y
