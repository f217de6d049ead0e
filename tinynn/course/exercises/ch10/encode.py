"""10.1: words as numbers, those that are not known among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np

from ....data import Vocabulary
from ....data.tokenizers import split_words
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.places import in_place_of
from .training import by_letters

encoder = Fill("10.1", "encode(words, index)", returns="numbers", level=1, minutes=4, dtype_matters=False)


def table_of(*words: str) -> dict[str, int]:
    """The numbers of words: 0 and 1 are taken by padding and unknown."""
    return {w: i for i, w in enumerate(words, start=2)}


@encoder.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    small = table_of("the", "was", "film", "good")
    yield case("the film was good".split(), small, note="four known words")
    yield case("the play was good".split(), small, note="`play` is not known")
    yield case("good good film".split(), small, note="a word twice")
    yield case("dull dull play the".split(), small, note="three words in a row that are not known")
    yield case(["film"], small, tags="one", note="one word")
    yield case(["play"], small, tags="one", note="one word, and not a known one")
    other = {"was": 7, "the": 3, "film": 12}
    yield case("the film was dull".split(), other, note="numbers with gaps, in no order")


WORDS = "the this our film book play song was not good dull very nobody liked but".split()


@encoder.drawn
def _(rng: np.random.Generator) -> Case:
    known = [str(w) for w in rng.permutation(WORDS)[: rng.integers(1, len(WORDS))]]
    numbers = rng.choice(np.arange(2, 60), len(known), replace=False)
    index = {w: int(k) for w, k in zip(known, numbers)}
    return case([str(w) for w in rng.choice(WORDS, draw.size(rng, most=30))], index)


@encoder.reference
def _(words, index):
    return [index.get(word, Vocabulary.UNKNOWN) for word in words]


@encoder.worked
def encode(words, index):
    return [index.get(word, 1) for word in words]  # 1 where the word is not in the table


@encoder.right
def with_a_loop(words, index):
    numbers = []
    for word in words:
        if word in index:
            numbers.append(index[word])
        else:
            numbers.append(1)
    return numbers


@encoder.right
def as_an_array(words, index):
    numbers = np.ones(len(words), np.int64)
    for i, word in enumerate(words):
        if word in index:
            numbers[i] = index[word]
    return numbers


# -- mistakes --------------------------------------------------------------------------------------------


@encoder.mistake
def unknown_left_out(words, index):
    return [index[w] for w in words if w in index]


@encoder.mistake
def unknown_as_padding(words, index):
    return [index.get(w, 0) for w in words]


@encoder.mistake
def unknown_as_minus_one(words, index):
    return [index.get(w, -1) for w in words]


@encoder.mistake
def unknown_beyond_the_table(words, index):
    return [index.get(w, len(index) + 2) for w in words]


@encoder.mistake
def unknown_raises(words, index):
    return [index[w] for w in words]


@encoder.mistake
def unknown_as_the_word_before(words, index):
    numbers, last = [], 1
    for w in words:
        last = index.get(w, last)
        numbers.append(last)
    return numbers


@encoder.mistake
def stops_at_the_unknown(words, index):
    numbers = []
    for w in words:
        if w not in index:
            break
        numbers.append(index[w])
    return numbers


@encoder.mistake
def places_for_numbers(words, index):
    known = list(index)
    return [known.index(w) if w in index else 1 for w in words]


@encoder.mistake
def places_in_the_sentence(words, index):
    return [i if w in index else 1 for i, w in enumerate(words)]


@encoder.mistake
def each_word_once(words, index):
    return [index.get(w, 1) for w in dict.fromkeys(words)]


@encoder.mistake
def sorted_numbers(words, index):
    return sorted(index.get(w, 1) for w in words)


@encoder.two("unknown_as_padding", "each_word_once")
def _(words, index):
    return [index.get(w, 0) for w in dict.fromkeys(words)]


@encoder.swaps
def _(function: Callable) -> AbstractContextManager:
    def encode(self: Vocabulary, sentence: str | list[str]) -> np.ndarray:
        return np.array(function(split_words(sentence), self.index), np.int64)

    return in_place_of(Vocabulary, "encode", encode)


@encoder.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert encoder.swap is not None
    with encoder.swap(function):
        yield from by_letters(optimizer, seed)
