"""What chapter 11 claims: of dates and their alignment, pictures, a student's pair in the library."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np
import pytest

import tinynn
from tinynn import functional as F
from tinynn import tensor
from tinynn.course import attention_pictures as pictures
from tinynn.course import dates as iso
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch11 import maps
from tinynn.course.exercises.ch11.attend import softmax
from tinynn.course.exercises.ch11.scale import largest_weight
from tinynn.data import AlignedDate, aligned_dates
from tinynn.data.words import NAMES
from tinynn.models import Seq2Seq

ROW = AlignedDate("May 3, 1987", "1987-05-03", "MMM d  yyyy")


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with tinynn.backend("numpy"):
        yield


@pytest.fixture(scope="module")
def data() -> iso.Dates:
    return iso.Dates(("en", "hu"), 400)


# -- dates -----------------------------------------------------------------------------------------------


def test_no_day_is_in_both_parts(data):
    days = [{row.iso for row in part} for part in (data.train, data.test)]
    assert not days[0] & days[1] and len(data.train) + len(data.test) == 400
    assert all(datetime.date.fromisoformat(day).toordinal() % 10 == 0 for day in days[1])


def test_numbers_go_back_to_their_characters(data):
    for row, x, y in zip(data.train[:20], data.x, data.y):
        assert data.text(x[x != iso.PAD]) == row.text and data.text(y[1:]) == row.iso
    assert (data.y[:, 0] == iso.START).all() and data.text([iso.START]) == "?"


def test_a_batch_is_as_long_as_its_longest_text(data):
    for x, y in data.batches(5, size=3):
        assert x.shape[1] == (x != iso.PAD).sum(axis=1).max() and y.shape == (3, 11)


# -- the alignment ---------------------------------------------------------------------------------------


def test_a_digit_belongs_to_the_characters_of_its_field():
    own = iso.belongs(ROW)
    assert own.shape == (10, len(ROW.text))
    assert ["".join(c for c, mine in zip(ROW.text, line) if mine) for line in own] == [
        "1987", "1987", "1987", "1987", "", "May", "May", "", "3", "3",
    ]  # fmt: skip


def test_who_looks_at_its_field_scores_1_and_who_looks_everywhere_scores_chance():
    own = iso.belongs(ROW)
    perfect = own / np.maximum(own.sum(axis=1, keepdims=True), 1)
    evenly = np.full((1, 2, 10, 40), 1 / len(ROW.text))  # what is behind the text does not count
    assert iso.share_on_field(perfect[None, None], [ROW]) == pytest.approx(1)
    assert iso.share_on_field(evenly, [ROW]) == pytest.approx(iso.by_chance([ROW]))
    assert iso.by_chance([ROW]) == pytest.approx((4 * 4 + 2 * 3 + 2 * 1) / 8 / 11)
    assert iso.share_by_character(perfect[None, None], [ROW]).round(9).tolist() == [1] * 4 + [
        0,
        1,
        1,
        0,
        1,
        1,
    ]


def test_a_slip_is_counted_at_its_place():
    wrong, same_field = iso.slips(["1978-05-33", "1987-06-03"], [ROW, ROW])
    assert wrong.tolist() == [0, 0, 1, 1, 0, 0, 1, 0, 1, 0] and same_field == 1
    assert iso.slips(["1987-05-04"], [ROW])[1] == 0
    assert iso.slips([ROW.iso], [ROW])[1] == 1


def test_the_weights_that_are_seen_are_those_of_the_cross_attention(data):
    model, rows = iso.reader(data), data.test[:5]
    w = iso.cross_weights(model, data, rows)
    assert w.shape == (5, 1, 10, data.source(rows).shape[1])
    assert w.sum(axis=-1) == pytest.approx(1, abs=1e-5)
    for one, row in zip(w, rows):
        assert not one[..., len(row.text) :].any()  # padding
    assert model.training


@pytest.mark.slow
def test_a_short_run_aligns():
    data = iso.Dates(("en", "es", "hu"), 6000)
    model = iso.reader(data)
    with tinynn.backend("numba"):
        losses = list(iso.training(model, data, 300))
        w = iso.cross_weights(model, data, data.test)
        assert losses[-1] < 0.5 and iso.share_exact(model, data, data.test) > 0.4
    assert iso.share_on_field(w, data.test) > 0.6 > 0.35 > iso.by_chance(data.test)


# -- a student's pair ------------------------------------------------------------------------------------


def losses(model: Seq2Seq, data: iso.Dates, steps: int = 2) -> list[float]:
    return [loss for _, loss in zip(range(steps), iso.training(model, data, 10))]


@pytest.mark.parametrize("ids", [("11.2",), ("11.4",), ("11.2", "11.4"), ("11.4", "11.2")])
def test_a_students_attention_trains_the_model_as_the_librarys_does(data, ids):
    library = losses(iso.reader(data), data)
    for id in ids:
        assert check(id, find(id).worked_answer).kind == "right"
    badges = [use_mine(id) for id in ids]
    own = losses(iso.reader(data), data)
    for mine in badges:
        mine.stop()
    assert [mine.calls for mine in badges] == [6] * len(ids)  # three attentions a step
    assert own == pytest.approx(library, abs=1e-3)
    losses(iso.reader(data), data, 1)
    assert [mine.calls for mine in badges] == [6] * len(ids)


@pytest.mark.parametrize("options", [{"scale": 0.3}, {"dropout_p": 0.5, "generator": 1}, {"is_causal": True}])
def test_what_the_function_has_no_argument_for_is_done_around_it(options):
    rng = np.random.default_rng(0)
    q, k, v = (tensor(a, requires_grad=True) for a in rng.normal(size=(3, 2, 4, 5, 6)))
    mask = rng.random((5, 5)) < 0.7
    wanted = F.scaled_dot_product_attention(q, k, v, mask, **options)
    wanted.sum().backward()
    expected = [wanted.data, *(x.grad.data for x in (q, k, v))]
    for x in (q, k, v):
        x.grad = None
    with find("11.2").swap(find("11.2").worked_answer), find("11.4").swap(find("11.4").worked_answer):
        y = F.scaled_dot_product_attention(q, k, v, mask, **options)
        y.sum().backward()
    for got, right in zip([y.data, *(x.grad.data for x in (q, k, v))], expected):
        assert got == pytest.approx(right, abs=1e-9)


def test_shared_heads_and_added_masks_too():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(2, 2, 5, 6))
    with find("11.2").swap(find("11.2").worked_answer):
        shared = F.scaled_dot_product_attention(q, k, k, enable_gqa=True).data
        added = F.scaled_dot_product_attention(q, q, q, rng.normal(size=(5, 5))).data
    rng = np.random.default_rng(0)
    rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(2, 2, 5, 6))
    assert shared == pytest.approx(F.scaled_dot_product_attention(q, k, k, enable_gqa=True).data)
    assert added == pytest.approx(F.scaled_dot_product_attention(q, q, q, rng.normal(size=(5, 5))).data)


# -- what the chapter says -------------------------------------------------------------------------------


def test_by_the_root_every_width_begins_alike():
    by_root = [largest_weight(width, 0.5) for width in (4, 64, 256)]
    assert max(by_root) - min(by_root) < 8 and largest_weight(256) > 85 > 15 > largest_weight(256, 1)


def test_only_one_of_the_options_fits_the_second_map():
    seen = maps.wrong(maps.bug.truth)
    others = [maps.wrong(name) for name in maps.bug.options if name != maps.bug.truth]
    assert seen.sum(axis=0) == pytest.approx(1) and not np.triu(seen, 1).any()
    assert all(np.abs(other - seen).max() > 0.1 for other in others)
    assert maps.wrong("mask_after_softmax")[-1].sum() == pytest.approx(1) != pytest.approx(seen[-1].sum())
    assert maps.wrong("diagonal_masked")[0].sum() == 0
    assert "Rows of with the mistake" in maps.symptom().alt


def test_a_long_key_beats_a_nearer_one():
    for length, first in ((1.5, False), (3, True)):
        p = pictures.weights_in_the_plane(45, 1.5, length)[2]
        assert p.sum() == pytest.approx(1) and (p[0] > p[1]) is np.bool_(first)
    assert pictures.weights_in_the_plane(45, 0, 1.5)[2] == pytest.approx(0.25)
    assert "Weights: a 0.38, b 0.49" in pictures.plane(45, 1.5, 1.5).alt


def test_four_matrices_are_in_the_words_too():
    q, k, v = np.random.default_rng(0).normal(size=(3, 3, 4))
    picture = pictures.in_a_row(q, k, v, np.tri(3, dtype=bool), ["a", "b", "c"])
    p = softmax(np.where(np.tri(3, dtype=bool), q @ k.T / 2, -np.inf))
    assert "a: 1.00, 0.00, 0.00" in picture.alt and f"{p[2, 0]:.2f}, {p[2, 1]:.2f}" in picture.alt
    assert len(picture.axes) == 4


def test_the_picture_of_an_alignment_says_how_much_is_framed():
    own = iso.belongs(ROW)
    perfect = own / np.maximum(own.sum(axis=1, keepdims=True), 1)
    assert "100% falls" in pictures.alignment(perfect, ROW).alt
    assert pictures.several_alignments([(ROW, perfect)] * 2, "Twice").alt.count("100% falls") == 2


def test_numbers_are_short():
    shown = [pictures.number(x) for x in (0.5, -0.25, 1.234, -2.7, 0.001, -0.001, -np.inf)]
    assert shown == [".50", "−.25", "1.23", "−2.70", "0", "0", "−∞"]


def test_dates_of_all_languages_have_years_months_and_days():
    for row in aligned_dates(600, tuple(NAMES), seed=3):
        assert {"y", "M", "d"} <= set(row.fields) <= set("yMdE ") and len(row.fields) == len(row.text)
