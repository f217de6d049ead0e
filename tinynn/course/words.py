"""Chapter 10: sentences and words as rows of numbers, models that read them, and words that are made up.

The exercises are in `exercises/ch10`, the pictures in `word_pictures.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from .. import functional as F
from .. import manual_seed, nn, optim
from ..data import (
    Batches,
    BPETokenizer,
    SequenceBatches,
    Vocabulary,
    Words,
    grammar_sentiment,
    mask,
    pad_sequence,
)
from ..models import CharRNN
from ..models.sampling import sample
from ..recipes.words import Letters, TrigramBag, trigrams
from ..tensor import Tensor, no_grad
from ..train import evaluate, fit
from .descend import descend

Labelled = tuple[tuple[str, ...], np.ndarray]

# -- sentences -------------------------------------------------------------------------------------------


@cache
def vocabulary() -> Vocabulary:
    """Of the sentences that the chapter learns from."""
    return Vocabulary.train(grammar_sentiment(2000, seed=0).texts)


def one_clause(n: int, seed: int) -> Labelled:
    """Those of n sentences that have no "but", and their labels."""
    texts, y = grammar_sentiment(n, seed)
    kept = [" but " not in text for text in texts]
    return tuple(t for t, k in zip(texts, kept) if k), y[kept]


class Bag(nn.Module):
    """A bag of words: the mean of their rows, padding left out, and a linear layer: one logit a sentence."""

    def __init__(self, vocabulary: int, width: int = 16, seed: int = 0) -> None:
        super().__init__()
        manual_seed(seed)
        self.table = nn.Embedding(vocabulary, width, padding_idx=Vocabulary.PAD)
        self.out = nn.Linear(width, 1)

    def forward(self, x: Any, lengths: Any) -> Tensor:
        kept = mask(lengths, x.shape[1]).astype(np.float32)[:, :, None]  # (N, T, 1)
        rows = (self.table(x) * kept).sum(dim=1)  # (N, T, D) -> (N, D)
        return self.out(rows / np.asarray(lengths, np.float32)[:, None]).reshape(-1)  # (N,)


def train_yes_no(
    model: nn.Module, known: Any, texts: Sequence[str], y: np.ndarray, epochs: int, lr: float = 0.02,
    seed: int = 0,
) -> list[float]:  # fmt: skip
    """Train a model that gives one logit a text, by Adam; the loss of each step.

    Parameters
    ----------
    model : Module
        ``model(x, lengths=lengths)``, x (N, T), gives (N,).
    known : Vocabulary or alike
        ``known.encode(text)``.
    """
    batches = SequenceBatches(
        [known.encode(t) for t in texts], y.astype(np.float32), batch_size=32, seed=seed
    )
    optimiser, losses = optim.Adam(model.parameters(), lr=lr), []
    for _ in range(epochs):
        for x, lengths, labels in batches:
            loss = F.binary_cross_entropy_with_logits(model(x, lengths=lengths), labels)
            losses.append(descend(loss, optimiser))
    return losses


def logits(model: nn.Module, known: Any, texts: Sequence[str]) -> np.ndarray:
    """What the model says of each text, (N,)."""
    x, lengths = pad_sequence([known.encode(t) for t in texts])
    with no_grad():
        return model(x, lengths=lengths).data


def right_share(model: nn.Module, known: Any, texts: Sequence[str], y: np.ndarray) -> float:
    """The share of texts whose logit has the right sign."""
    return float(np.mean((logits(model, known, texts) > 0) == y))


# -- languages -------------------------------------------------------------------------------------------


class LettersOf(Letters):
    """`Letters`, asked about one word at a time as a `Vocabulary` is about a sentence."""

    def encode(self, word: str) -> np.ndarray:
        return np.array(self((word,))[0], np.int64)  # (T,)


class Guess:
    """Which language is this word? One score for each token and language; a word's tokens add theirs up.

    Parameters
    ----------
    cut : callable
        ``cut(words)`` gives the tokens of each word: numbers below `size`, 0 for padding.
    """

    def __init__(self, cut: Callable[[Sequence[str]], list], size: int) -> None:
        self.cut, self.size = cut, size

    def train(self, words: Words, epochs: int = 3, lr: float = 0.03, decay: float = 0.1) -> Guess:
        manual_seed(0)
        self.names = words.names
        self.model = TrigramBag(self.size, len(words.names))
        x, _ = pad_sequence(self.cut(words.words))
        optimiser = optim.AdamW(self.model.parameters(), lr, weight_decay=decay)
        batches = Batches(x, words.y, batch_size=256, seed=0)
        fit(self.model, batches, F.cross_entropy, optimiser, epochs=epochs, progress=False)
        return self

    def right(self, words: Words) -> float:
        """The share of words whose language it says."""
        x, _ = pad_sequence(self.cut(words.words))
        return float(evaluate(self.model, (x, words.y), F.cross_entropy).accuracy or 0.0)

    def says(self, words: Sequence[str], among: Sequence[str]) -> np.ndarray:
        """For each word the place in `among` of the likeliest of these languages."""
        x, _ = pad_sequence([row if len(row) else [0] for row in self.cut(words)])
        with no_grad():
            scores = self.model(x).data  # (N, K)
        return scores[:, [self.names.index(name) for name in among]].argmax(axis=1)


def by_pieces(words: Words, size: int) -> tuple[Guess, BPETokenizer]:
    """A `Guess` by byte pairs, `size` tokens in all, and their tokenizer; both learned from `words`."""
    pieces = BPETokenizer.train("\n".join(words.words), size)
    cut = lambda some: [pieces.encode(word) + 1 for word in some]  # 0 is the padding
    return Guess(cut, len(pieces) + 1).train(words), pieces


def by_trigrams(words: Words) -> Guess:
    """The baseline: every three letters in a row, ends marked, have a number of their own."""
    _, index = trigrams(words.words)
    return Guess(lambda some: trigrams(tuple(some), index)[0], len(index) + 1).train(words)


def chosen(words: Words, languages: Sequence[str]) -> Labelled:
    """The words of some languages, and the place of each one's language among them."""
    kept = [(w, languages.index(words.names[k])) for w, k in zip(*words) if words.names[k] in languages]
    return tuple(w for w, _ in kept), np.array([k for _, k in kept])


# -- words that are made up ------------------------------------------------------------------------------


class Speller:
    """Numbers for letters, after a number for each language: 0 is padding, 1 the end of a word."""

    PAD, END = 0, 1

    def __init__(self, words: Sequence[str], languages: Sequence[str]) -> None:
        self.languages = tuple(languages)
        self.letters = sorted(set("".join(words)))
        first = 2 + len(self.languages)
        self.index = {c: i for i, c in enumerate(self.letters, start=first)}

    def __len__(self) -> int:
        return 2 + len(self.languages) + len(self.letters)

    def encode(self, word: str, language: int) -> list[int]:
        """The language, the letters, the end."""
        return [2 + language, *(self.index[c] for c in word), self.END]

    def decode(self, numbers: Sequence[int]) -> str:
        """The letters up to the end; what is no letter is a dot."""
        first, word = 2 + len(self.languages), ""
        for k in numbers:
            if k == self.END:
                break
            word += self.letters[k - first] if k >= first else "·"
        return word


def shifted(x: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a speller reads, (N, T - 1), and what it is to say: the letter after each, -100 for padding."""
    return x[:, :-1], np.where(mask(lengths - 1, x.shape[1] - 1), x[:, 1:], -100)


def learn_to_spell(
    model: CharRNN, rows: Sequence[Sequence[int]], epochs: int, lr: float = 0.01
) -> list[float]:
    """Train by Adam, with a rate that falls along a cosine; the loss of each step."""
    batches = SequenceBatches(rows, batch_size=32, seed=0)
    optimiser, losses = optim.Adam(model.parameters(), lr=lr), []
    schedule = optim.CosineAnnealingLR(optimiser, epochs * len(batches))
    for _ in range(epochs):
        for x, lengths in batches:
            seen, wanted = shifted(x, lengths)  # (N, T) each
            scores, _ = model(seen)  # (N, T, V)
            loss = F.cross_entropy(scores.transpose(1, 2), wanted)  # classes on axis 1
            losses.append(descend(loss, optimiser))
            schedule.step()
    return losses


def spelling_loss(model: CharRNN, rows: Sequence[Sequence[int]]) -> float:
    """The mean loss of a letter, padding left out."""
    seen, wanted = shifted(*pad_sequence(rows))
    with no_grad():
        return float(F.cross_entropy(model(seen)[0].transpose(1, 2), wanted).item())


def invent(
    model: CharRNN, speller: Speller, language: str, n: int = 12, temperature: float = 1.0, seed: int = 0,
    longest: int = 20,
) -> list[str]:  # fmt: skip
    """Draw n words letter by letter, all at once, each beginning with the number of its language."""
    rng, state, drawn = np.random.default_rng(seed), None, []
    tokens = np.full((n, 1), 2 + speller.languages.index(language))  # (N, 1)
    with no_grad():
        for _ in range(longest):
            scores, state = model(tokens, state)  # (N, 1, V)
            tokens = sample(scores.data[:, 0], temperature, generator=rng)[:, None]
            drawn.append(tokens[:, 0])
    return [speller.decode(row) for row in np.stack(drawn, axis=1)]  # (N, longest)
