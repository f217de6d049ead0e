"""Chapter 10 at full length: the language of a word by a recipe, and made-up words in 19 languages."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import manual_seed
from ...data import WordSplit, language_words
from ...models import CharRNN
from ...recipes.catalogue import RECIPES
from ...recipes.recipe import Run
from ...recipes.words import trigram_baseline
from ..words import Speller, by_trigrams, invent, learn_to_spell

SPELLING_EPOCHS, HIDDEN, DRAWN = 8, 128, 60
TEMPERATURE = 0.7


def run() -> dict[str, Any]:
    """Learn from the training words; the figures are of the test words and of words drawn at the end."""
    data = language_words()
    decay, by_three = trigram_baseline(data)
    return {
        **guess(),
        "trigrams, logistic regression": by_three,
        "its weight decay": decay,
        **spell(data),
    }


def guess() -> dict[str, Any]:
    """The recipe words-lstm: an LSTM and a table of trigrams, trained as one."""
    recipe = RECIPES["words-lstm"]
    training = Run(recipe, recipe.usual)
    training.train(None, progress=True)
    model = training.parts["model"]
    model.eval()
    return {
        "words-lstm, test": recipe.measure(model, training.data.test),
        "words-lstm, validation": recipe.measure(model, training.data.val),
    }


def spell(data: WordSplit) -> dict[str, Any]:
    """A GRU that makes words up in every language, and how many the trigrams give to the right one."""
    train = data.train
    speller = Speller(train.words, train.names)
    rows = [speller.encode(word, int(k)) for word, k in zip(train.words, train.y)]
    manual_seed(0)
    model = CharRNN(len(speller), HIDDEN, kind="gru", embedding=32)
    learn_to_spell(model, rows, SPELLING_EPOCHS, lr=0.005)
    drawn = {name: invent(model, speller, name, DRAWN, TEMPERATURE) for name in train.names}
    judge, old = by_trigrams(train), set(train.words)
    hits = [judge.says(words, train.names) == k for k, words in enumerate(drawn.values())]
    return {
        "made-up words given to their language": float(np.mean(hits)),
        "made-up words that exist": float(np.mean([w in old for words in drawn.values() for w in words])),
        "words": {name: words[:8] for name, words in drawn.items()},
    }
