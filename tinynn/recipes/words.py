"""Which language is this word? Logistic regression on its trigrams, and an LSTM that reads its letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import functional as F
from .. import nn, optim
from ..data import Batches, SequenceBatches, Words, WordSplit, language_words, pad_sequence
from ..gpu.arrays import to_host
from ..nn.utils import beside_parameters
from ..random import manual_seed
from ..tensor import Tensor, no_grad, plain_array
from ..train import evaluate, fit
from .recipe import Recipe

PAD, UNKNOWN, FIRST = 0, 1, 2  # numbers of letters: filling, one that training never saw, the first known


class Letters:
    """Words as numbers, one a letter; a letter that the training words lack is UNKNOWN."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.index = {c: i for i, c in enumerate(sorted(set("".join(words))), start=FIRST)}

    def __len__(self) -> int:
        return len(self.index) + FIRST

    def __call__(self, words: tuple[str, ...]) -> list[list[int]]:
        return [[self.index.get(c, UNKNOWN) for c in word] for word in words]


def trigrams(words: tuple[str, ...], index: dict[str, int] | None = None) -> tuple[list, dict[str, int]]:
    """The trigram around each letter, the word's two ends marked, as numbers; PAD for an unknown one."""
    cut = [[f"^{w}$"[i : i + 3] for i in range(len(w))] for w in words]
    if index is None:
        index = {t: i for i, t in enumerate(sorted({t for row in cut for t in row}), start=1)}
    return [[index.get(t, PAD) for t in row] for row in cut], index


class Spelling:
    """Words as pairs of numbers, (T, 2): at each place the letter, and the trigram around it."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.letters = Letters(words)
        _, self.trigrams = trigrams(words)

    def __call__(self, words: tuple[str, ...]) -> list[np.ndarray]:
        around, _ = trigrams(words, self.trigrams)
        return [np.stack(pair, axis=1) for pair in zip(self.letters(words), around)]


class TrigramBag(nn.Module):
    """Logistic regression on a bag of trigrams: the sum of a row of weights for each, and a bias."""

    def __init__(self, trigrams: int, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Embedding(trigrams, classes, padding_idx=PAD)
        nn.init.zeros_(self.weight.weight)
        self.bias = nn.Parameter(np.zeros(classes, np.float32))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Any) -> Tensor:
        return self.dropout(self.weight(x)).sum(dim=1) + self.bias  # (N, K)


class WordNet(nn.Module):
    """Wide and deep: letters and trigrams (N, T, 2) -> languages (N, K).

    The wide part looks trigrams up and knows no others. The deep part is an LSTM from either end; Linear
    sees each direction's state after its last letter, and the largest value of each feature along the word,
    where that is positive: filling, which is 0, cannot win. Their scores are added.

    Source: Cheng et al., Wide & deep learning for recommender systems, 2016.
    """

    def __init__(
        self, letters: int, trigrams: int, classes: int, embedding: int, hidden: int, dropout: float,
        wide_dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.wide = TrigramBag(trigrams, classes, wide_dropout)
        self.embedding = nn.Embedding(letters, embedding, padding_idx=PAD)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(4 * hidden, classes)

    def forward(self, x: Any, lengths: Any) -> Tensor:
        letters, around = np.moveaxis(plain_array(x), -1, 0)  # (N, T) each
        vectors = self.dropout(self.embedding(letters))  # (N, T, E)
        y, (h, _) = self.lstm(vectors, lengths=plain_array(lengths))  # y (N, T, 2 H), h (2, N, H)
        features = F.concat([h[0], h[1], F.max(F.relu(y), dim=1)], dim=1)  # (N, 4 H)
        return self.out(self.dropout(features)) + self.wide(around)  # (N, K)


@dataclass(frozen=True, kw_only=True)
class WordRecipe(Recipe):
    """Languages of words, by their letters."""

    embedding: int
    hidden: int
    dropout: float
    wide_dropout: float = 0.0
    wide_lr: float = 1.0  # times the rate of the rest
    wide_decay: float = 0.01
    letter_dropout: float = 0.0  # share of places that are made unknown in training
    label_smoothing: float = 0.0

    unit = "words"

    def split(self) -> WordSplit:
        return language_words()

    def model(self) -> nn.Module:
        words = self.split().train
        known = Spelling(words.words)
        sizes = len(known.letters), len(known.trigrams) + 1, len(words.names)
        return WordNet(*sizes, self.embedding, self.hidden, self.dropout, self.wide_dropout)

    def optimizer(self, model: nn.Module, lr: float) -> optim.Optimizer:
        """The wide part has a rate and a decay of its own: most of its rows are met a few times only."""
        named = list(model.named_parameters())
        deep = [p for name, p in named if not name.startswith("wide.")]
        wide = [p for name, p in named if name.startswith("wide.")]
        own: dict[str, Any] = {"params": wide, "lr": self.wide_lr * lr, "weight_decay": self.wide_decay}
        return optim.AdamW([{"params": deep}, own], lr, weight_decay=self.weight_decay)

    def loss(self) -> nn.CrossEntropyLoss:
        return nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)

    def batches(self, part: Words, batch_size: int) -> Batches:
        hide = self._hide if self.letter_dropout else None
        rows = Spelling(part.words)(part.words)
        return SequenceBatches(rows, part.y, batch_size=batch_size, transform=hide)

    def _hide(self, x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        hidden = (generator.random(x.shape[:2]) < self.letter_dropout) & (x[..., 0] != PAD)
        return np.where(hidden[..., None], (UNKNOWN, PAD), x)

    def watched(self, part: Words) -> tuple[np.ndarray, ...]:
        known = Spelling(self.split().train.words)
        return (*pad_sequence(known(part.words)), part.y)

    def measure(self, model: nn.Module, part: Words) -> float:
        accuracy = evaluate(model, self.watched(part), self.loss()).accuracy
        assert accuracy is not None
        return accuracy

    def beside(self, model: nn.Module, data: WordSplit) -> Iterator[str]:
        decay, accuracy = trigram_baseline(data)
        yield f"logistic regression on letter trigrams, weight decay {decay:g}: test accuracy {accuracy:.2%}"
        most = np.bincount(data.train.y).argmax()
        yield f"always {data.train.names[most]}: test accuracy {np.mean(data.test.y == most):.2%}"

    def show(self, model: nn.Module, text: str | None, examples: int) -> None:
        """Print for each word the language and how sure the network is."""
        train, _, test = self.split()
        words = tuple(text.lower().split()) if text else test.words
        x, lengths = pad_sequence(Spelling(train.words)(words))
        model.eval()
        with no_grad():
            logits = model(beside_parameters(model, x), beside_parameters(model, lengths))
            p = to_host(F.softmax(logits).data)  # (N, K)
        if not text:
            right = p.argmax(1) == test.y
            print(f"{right.sum()} of {len(right)} right that were held out: {right.mean():.2%}")
        width = max(map(len, words[:40]))
        rows = range(len(words)) if text else np.random.default_rng(0).permutation(len(words))[:examples]
        for i in rows:
            k = p[i].argmax()
            truth = "" if text or test.y[i] == k else f", is {train.names[test.y[i]]}"
            print(f"{words[i]:{width}}  {train.names[k]} ({p[i, k]:.0%}){truth}")


# -- the baseline ------------------------------------------------------------------------------------


DECAYS = (0.01, 0.03, 0.1, 0.3, 1.0)


def trigram_baseline(data: WordSplit, epochs: int = 20) -> tuple[float, float]:
    """Train with each weight decay; return the one that does best on validation, and its test accuracy."""
    rows, index = trigrams(data.train.words)
    parts = [(pad_sequence(trigrams(part.words, index)[0])[0], part.y) for part in data[1:]]
    results = []
    for decay in DECAYS:
        manual_seed(0)
        model = TrigramBag(len(index) + 1, len(data.train.names))
        batches = Batches(pad_sequence(rows)[0], data.train.y, batch_size=256)
        optimizer = optim.AdamW(model.parameters(), 0.02, weight_decay=decay)
        schedule = optim.CosineAnnealingLR(optimizer, epochs * len(batches))
        fit(model, batches, F.cross_entropy, optimizer, epochs=epochs, schedule=schedule, progress=False)
        val, test = (evaluate(model, part, F.cross_entropy).accuracy or 0.0 for part in parts)
        results.append((val, decay, test))
    _, decay, test = max(results)
    return decay, test
