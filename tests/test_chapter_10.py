"""What chapter 10 claims: of words, padding and pieces, and of a student's functions in training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tinynn import backend, manual_seed, nn, ops
from tinynn import functional as F
from tinynn.course import word_pictures, words
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch10 import counting, sigmoid
from tinynn.course.long_runs import kept
from tinynn.data import BPETokenizer, SequenceBatches, Vocabulary, bpe, grammar_sentiment, language_words
from tinynn.models import CharRNN, TextClassifier
from tinynn.tensor import Tensor


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


# -- sentences -------------------------------------------------------------------------------------------


def test_no_word_of_one_clause_tells_its_label():
    texts, y = words.one_clause(4000, 0)
    for word in ("good", "bad", "not", "nobody", "enjoyed", "hated"):
        holding = [k for text, k in zip(texts, y) if word in text.split()]
        assert len(holding) > 50 and 0.35 < np.mean(holding) < 0.65
    assert not any(" but " in text for text in texts)


def test_a_sentence_gets_the_same_answer_alone_and_in_a_batch():
    known, texts = words.vocabulary(), grammar_sentiment(30, 3).texts
    for model in (words.Bag(len(known)), TextClassifier(len(known), 8, 8)):
        together = words.logits(model, known, texts)
        alone = [words.logits(model, known, [text])[0] for text in texts]
        assert together == pytest.approx(np.array(alone), abs=1e-5)


def test_a_bag_guesses_where_order_decides():
    assert 45 < counting.percent_right() < 60


def test_a_row_that_is_never_looked_up_keeps_its_start():
    known = words.vocabulary()
    manual_seed(0)
    model = TextClassifier(len(known), 8, 8)
    before = model.embedding.weight.data.copy()
    texts, y = grammar_sentiment(64, 0)
    words.train_yes_no(model, known, texts, y, epochs=1)
    moved = (model.embedding.weight.data != before).any(axis=1)
    assert not moved[Vocabulary.UNKNOWN] and not moved[Vocabulary.PAD] and moved.sum() > 30


def test_the_loop_of_the_bug_is_right_but_for_its_last_line():
    rows = sigmoid.measured()
    assert {ones for _, _, ones, _ in rows} == {0} and len({accuracy for _, accuracy, _, _ in rows}) == 1
    assert rows[-1][0] < 0.5 * rows[0][0] + 0.05 and rows[-1][3] > 0.8


# -- words -----------------------------------------------------------------------------------------------


def test_a_speller_goes_there_and_back():
    speller = words.Speller(["kiitos", "merci"], ["Finnish", "French"])
    numbers = speller.encode("merci", 1)
    assert numbers[0] == 3 and numbers[-1] == speller.END and max(numbers) < len(speller)
    assert speller.decode(numbers[1:]) == "merci"
    assert speller.decode([2, *numbers[1:]]) == "·merci"


def test_nothing_is_wanted_of_padding():
    seen, wanted = words.shifted(np.array([[2, 7, 8, 1], [3, 9, 1, 0]]), np.array([4, 3]))
    assert seen.tolist() == [[2, 7, 8], [3, 9, 1]]
    assert wanted.tolist() == [[7, 8, 1], [9, 1, -100]]


def test_cold_words_are_alike_and_words_follow_their_seed():
    manual_seed(0)
    speller = words.Speller(["abba", "baba"], ["one"])
    model = CharRNN(len(speller), 8, kind="gru", embedding=4)
    words.learn_to_spell(model, [speller.encode("abba", 0)] * 64, epochs=20, lr=0.05)
    assert set(words.invent(model, speller, "one", 5, temperature=0)) == {"abba"}
    hot = words.invent(model, speller, "one", 20, temperature=3.0)
    assert len(set(hot)) > 5 and hot == words.invent(model, speller, "one", 20, temperature=3.0)


def test_merges_leave_fewer_pieces_and_the_same_words():
    pieces = BPETokenizer.train("\n".join(language_words().train.words[:2000]), 300)
    some = ["praha", "čeština"]
    cut = [word_pictures.in_pieces(some, pieces, joined) for joined in (0, 20, 44)]
    lengths = [sum(map(len, rows)) for rows in cut]
    assert lengths[0] > lengths[1] > lengths[2]
    assert ["".join(row) for row in cut[2]] == some


def test_the_long_run_beats_its_baseline():
    run = kept("10")
    assert run["words-lstm, test"] > run["trigrams, logistic regression"] > 0.6
    assert run["made-up words given to their language"] > 3 / 19


# -- pictures ----------------------------------------------------------------------------------------------


def test_the_pictures_say_in_words_what_they_show():
    known = words.vocabulary()
    table = np.zeros((len(known), 4))
    way = word_pictures.way_of_a_sentence("the film was good", ["i enjoyed this play very"], known, table)
    assert "the 6, film 16" in way.alt and "(2, 5)" in way.alt
    late = word_pictures.read_too_late([100, 50, 40], "Late")
    assert "0 places 100%" in late.alt
    made = word_pictures.invented({"one": ["abba", "ab"]}, {"abba"}, "temperature 1")
    assert "learned from: 1" in made.alt
    sizes = word_pictures.by_size([256, 300], [40.0, 50.0], {"threes": 60.0})
    assert "256 tokens 40%" in sizes.alt and "threes 60%" in sizes.alt


# -- a student's functions -------------------------------------------------------------------------------


def passed(id: str) -> None:
    assert check(id, find(id).worked_answer).kind == "right"


def test_a_students_encoder_pad_and_gradient_train_the_bag_to_the_librarys_numbers():
    known, (texts, y) = words.vocabulary(), words.one_clause(150, 0)

    def run():
        return words.train_yes_no(words.Bag(len(known)), known, texts, y, epochs=1)

    library, ids = run(), ("10.1", "10.2", "10.4")
    for id in ids:
        passed(id)
    badges = [use_mine(id) for id in ids]
    try:
        own = run()
    finally:
        for badge in badges:
            badge.stop()
    assert own == pytest.approx(library, abs=1e-5)
    assert [badge.calls for badge in badges] == [len(texts), 1, len(own)]


def test_a_students_mean_trains_the_speller_to_the_librarys_numbers():
    spelled, y = words.chosen(language_words().train, ["Finnish"])
    speller = words.Speller(spelled, ["Finnish"])
    rows = [speller.encode(word, int(k)) for word, k in zip(spelled[:96], y)]

    def run():
        manual_seed(0)
        return words.learn_to_spell(CharRNN(len(speller), 8, kind="gru", embedding=4), rows, epochs=1)

    library = run()
    passed("10.3")
    with use_mine("10.3") as mine:
        own = run()
    assert mine.calls == len(own) == 3 and own == pytest.approx(library, abs=1e-5)


def test_a_students_mean_leaves_other_reductions_alone():
    scores, wanted = Tensor(np.eye(3, dtype=np.float32)), np.array([0, 1, -100])
    plain = F.cross_entropy(scores, wanted, reduction="sum").item()
    passed("10.3")
    with use_mine("10.3") as mine:
        assert F.cross_entropy(scores, wanted, reduction="sum").item() == plain
        assert mine.calls == 0
        assert F.cross_entropy(scores, wanted).item() == pytest.approx(plain / 2)


def test_a_students_merge_learns_the_librarys_pieces():
    text = "\n".join(language_words().train.words[:300])
    library = BPETokenizer.train(text, 280).merges
    passed("10.7")
    with use_mine("10.7") as mine:
        assert BPETokenizer.train(text, 280).merges == library
    assert mine.calls > 100
    assert bpe._join([1, 2], (1, 2), 9) == [9]


def test_padding_has_no_gradient_under_a_students_function():
    passed("10.4")
    table = nn.Embedding(4, 2, padding_idx=0)
    with use_mine("10.4"):
        table(np.array([[0, 2, 2]])).sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad.data.tolist() == [[0, 0], [0, 0], [2, 2], [0, 0]]
    assert ops.embedding.replacement is None


def test_batches_padded_by_a_student_are_the_librarys():
    rows = [[1, 2, 3], [4], [5, 6]]
    library = [tuple(a.tolist() for a in batch) for batch in SequenceBatches(rows, batch_size=2, seed=0)]
    passed("10.2")
    with use_mine("10.2"):
        own = [tuple(a.tolist() for a in batch) for batch in SequenceBatches(rows, batch_size=2, seed=0)]
    assert own == library
