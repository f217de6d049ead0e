"""Sequences whose answer is known exactly, since a rule makes them: copy, sort, add, sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynn.data._check import whole
from tinynn.errors import ArgumentError
from tinynn.random import Seed, as_generator

Pairs = list[tuple[str, str]]


def copy_pairs(n: int = 1000, length: int = 10, letters: str = "abcdefgh", seed: Seed = 0) -> Pairs:
    """Return `n` pairs of a text of 1 to `length` letters and the same text."""
    return [(text, text) for text in _texts("copy_pairs", n, length, letters, seed)]


def sort_pairs(n: int = 1000, length: int = 10, letters: str = "abcdefgh", seed: Seed = 0) -> Pairs:
    """Return `n` pairs of a text of 1 to `length` letters and its letters in the order of the alphabet."""
    return [(text, "".join(sorted(text))) for text in _texts("sort_pairs", n, length, letters, seed)]


def add_pairs(n: int = 1000, digits: int = 3, seed: Seed = 0) -> Pairs:
    """Return `n` pairs such as ("407+85", "492"), numbers of 1 to `digits` digits.

    The number of digits is drawn first, evenly, then the number: small numbers come up too.
    """
    n, digits = whole("add_pairs", "n", n, 1, "n=1000"), whole("add_pairs", "digits", digits, 1, "digits=3")
    rng = as_generator(seed)
    if digits > 18:
        raise ArgumentError("add_pairs", f"digits={digits}", "at most 18, what int64 holds", "digits=18")
    numbers = [[int(rng.integers(10**d)) for d in row] for row in rng.integers(1, digits + 1, (n, 2))]
    return [(f"{a}+{b}", f"{a + b}") for a, b in numbers]


def _texts(where: str, n: int, length: int, letters: str, seed: Seed) -> list[str]:
    n, length = whole(where, "n", n, 1, "n=1000"), whole(where, "length", length, 1, "length=10")
    if not letters or len(set(letters)) != len(letters):
        raise ArgumentError(where, f"letters={letters!r}", "each letter once", "letters='abcdefgh'")
    rng = as_generator(seed)
    alphabet = np.array(list(letters))
    return ["".join(rng.choice(alphabet, size)) for size in rng.integers(1, length + 1, n)]


# -- sentences -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Sentences:
    """Sentences and their labels, 1 where the speaker is pleased: ``texts, y = grammar_sentiment()``."""

    texts: tuple[str, ...]
    y: np.ndarray

    def __iter__(self) -> Iterator[Any]:
        return iter((self.texts, self.y))

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Sentences({len(self.texts)} sentences, {int(self.y.sum())} of them pleased)"


THINGS = "film book concert dinner lecture hotel song play".split()
WHOLES = "the this that our".split()
GOOD = "good great lovely funny clever warm charming fine".split()
BAD = "bad dull awful slow clumsy cold tiring poor".split()
DEGREES = ["", "", "very", "rather", "really", "quite"]
LIKED, DISLIKED = "liked enjoyed loved".split(), "hated regretted disliked".split()
DENIALS = ["was not", "wasn't", "was never"]


def grammar_sentiment(n: int = 2000, seed: Seed = 0) -> Sentences:
    """Return `n` sentences out of a small grammar, with their true sentiment: no text that anybody wrote.

    ``the film was not very good`` is 0 and ``i did not hate the dull film`` 1. A sentence is one clause,
    or two joined by "but", of which the second decides. A clause praises or blames; "not", "never" or
    "nobody said that" turns it round, and so no word tells the label by itself: a sum over words cannot
    do better than guess at the denied ones. Half of the clauses are denied, half of the labels are 1.

    Parameters
    ----------
    n : int
    seed : int, np.random.Generator or None
    """
    n = whole("grammar_sentiment", "n", n, 1, "n=2000")
    rng = as_generator(seed)
    y = rng.permutation(np.arange(n) % 2)
    return Sentences(tuple(_sentence(bool(k), rng) for k in y), y.astype(np.int64))


def _sentence(pleased: bool, rng: np.random.Generator) -> str:
    clause = _clause(pleased, rng)
    return f"{_clause(bool(rng.integers(2)), rng)} but {clause}" if rng.random() < 0.4 else clause


def _clause(pleased: bool, rng: np.random.Generator) -> str:
    """A clause that says so: praise, or blame that is denied, and the other way round."""
    pick = lambda words: words[rng.integers(len(words))]
    denied = bool(rng.integers(2))
    praise = pleased != denied
    thing = f"{pick(WHOLES)} {pick(THINGS)}"
    if rng.random() < 0.3:
        verb = pick(LIKED if praise else DISLIKED)
        return f"nobody {verb} {thing}" if denied else f"i {verb} {thing}"
    quality = f"{pick(DEGREES)} {pick(GOOD if praise else BAD)}".strip()
    if denied and rng.random() < 0.3:
        return f"nobody said that {thing} was {quality}"
    return f"{thing} {pick(DENIALS) if denied else 'was'} {quality}"
