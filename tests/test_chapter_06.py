"""Chapter 06's table, its cleaning, labelling by hand, and networks that learn too well."""

from __future__ import annotations

import numpy as np
import pytest

from tinynn import nn, ops, tensor
from tinynn.course import pipeline
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch06 import leak, size
from tinynn.data import digits


@pytest.fixture(scope="module")
def dirty():
    rows, truth = pipeline.dirty_table(seed=0)
    return rows, truth, *pipeline.read_table(rows)


# -- the table -------------------------------------------------------------------------------------------


def test_every_pixel_that_is_there_is_read_back_from_each_scanner(dirty):
    rows, truth, ink, _ = dirty
    assert {row["scanner"] for row in rows} == {"A", "B", "C"}
    there = ~np.isnan(ink)
    np.testing.assert_allclose(ink[there], truth.image[there], atol=1e-12)


def test_what_is_missing_is_missing_where_the_truth_says(dirty):
    _, truth, ink, _ = dirty
    np.testing.assert_array_equal(np.isnan(ink).any(axis=1), truth.gap | truth.torn)


def test_labels_are_read_or_missing_and_wrong_only_where_the_truth_says(dirty):
    _, truth, _, labels = dirty
    readable = labels >= 0
    assert (~readable).sum() == 15
    np.testing.assert_array_equal((labels != truth.digit)[readable], truth.wrong_label[readable])


@pytest.mark.parametrize(
    "text, digit",
    [
        ("7", 7),
        (" 7", 7),
        ("7.0", 7),
        ("seven", 7),
        ("Seven", 7),
        ("", -1),
        ("NA", -1),
        ("?", -1),
        ("77", -1),
    ],
)
def test_a_label_as_people_write_it(text, digit):
    assert pipeline.read_label(text) == digit


def test_each_seed_is_another_table_and_the_same_seed_the_same(dirty):
    assert pipeline.dirty_table(seed=0)[0] == dirty[0]
    assert pipeline.dirty_table(seed=1)[0] != dirty[0]


def test_what_comes_later_is_not_in_the_table(dirty):
    later = pipeline.fresh()
    seen = {image.tobytes() for image in dirty[1].image}
    assert not seen & {image.tobytes() for image in later.x}
    assert len(seen) + len(later) == len(digits())


# -- cleaning --------------------------------------------------------------------------------------------


def test_copies_are_found_unless_a_torn_row_is_one_of_the_two(dirty):
    _, truth, ink, _ = dirty
    found = pipeline.copies(ink)
    assert not (found & ~truth.copy).any()
    torn = {truth.image[i].tobytes() for i in np.flatnonzero(truth.torn)}
    for i in np.flatnonzero(truth.copy & ~found):
        assert truth.image[i].tobytes() in torn


def test_a_gap_is_filled_from_around_it_and_the_rest_stays():
    image = np.full((1, 64), 0.5)
    image[0, [0, 27]] = np.nan
    np.testing.assert_allclose(pipeline.filled(image), 0.5)
    other = np.linspace(0, 1, 64)[None]
    np.testing.assert_array_equal(pipeline.filled(other), other)


def test_most_wrong_labels_get_a_small_share(dirty):
    _, truth, ink, labels = dirty
    kept = (labels >= 0) & ~truth.torn & ~pipeline.copies(ink)
    share = pipeline.own_share(pipeline.filled(ink)[kept].astype(np.float32), labels[kept])
    wrong = truth.wrong_label[kept]
    assert np.mean(share[wrong] < 0.1) > 0.75
    assert np.mean(share[~wrong] < 0.1) < 0.03


# -- labelling -------------------------------------------------------------------------------------------


def test_labels_by_hand_take_the_place_of_the_stand_in_and_can_be_taken_back():
    by_hand = pipeline.ByHand(np.zeros((3, 8, 8)), [7, 8, 9])
    by_hand.press(1)
    by_hand.press(2)
    assert by_hand.labels.tolist() == [1, 2, 9] and by_hand.done == 2
    by_hand.back()
    assert by_hand.labels.tolist() == [1, 8, 9]
    for _ in range(5):
        by_hand.press(0)
    assert by_hand.labels.tolist() == [1, 0, 0] and "yours" in by_hand.whose()


def test_the_buttons_label_and_say_so():
    pytest.importorskip("ipywidgets")
    from tinynn.course.pipeline.labelling import _Panel

    by_hand = pipeline.ByHand(np.random.default_rng(0).random((2, 8, 8)), [0, 0])
    by_hand._panel = panel = _Panel(by_hand)
    *digit_buttons, back = panel.box.children[-1].children
    before = panel.image.value
    digit_buttons[4].click()
    assert by_hand.given.tolist() == [4, -1]
    assert panel.image.value != before and "Image 2 of 2" in panel.status.value
    back.click()
    assert by_hand.done == 0 and panel.image.value == before
    assert all(button.tooltip for button in (*digit_buttons, back))


def test_the_vote_of_the_nearest_leaves_the_row_itself_out():
    x = np.array([[0.0], [0.1], [0.2], [0.3], [9.0]])
    assert pipeline.nearest_vote(x, np.array([5, 3, 3, 3, 1]), np.array([0])).tolist() == [3]


@pytest.mark.parametrize(
    "kappa, word", [(-0.1, "poor"), (0, "slight"), (0.5, "moderate"), (1, "almost perfect")]
)
def test_kappa_in_words(kappa, word):
    assert pipeline.in_words(kappa) == word


# -- learning --------------------------------------------------------------------------------------------


def test_with_wrong_labels_a_large_network_comes_apart_and_decay_keeps_it_together():
    loose, held = pipeline.curves(0.2, 128, 0), pipeline.curves(0.2, 128, 1)
    assert loose.val_loss[-1] > 1.1 * min(loose.val_loss)
    assert loose.right[-1] > held.right[-1] + 0.1 and held.val_right[-1] > loose.val_right[-1]


def test_the_best_on_a_small_test_set_promises_too_much():
    right = np.random.default_rng(0).random((20, 1000)) < 0.8  # all networks are equally good
    told, truly = pipeline.winners(right, size=40)
    assert told.mean() > 0.87 and truly.mean() == pytest.approx(0.8, abs=0.02)


def test_printed_digits_are_images_of_all_ten():
    data = pipeline.printed(40)
    assert data.x.shape == (40, 64) and set(data.y) == set(range(10))
    assert 0 <= data.x.min() and data.x.max() <= 1
    ink = data.x.reshape(-1, 8, 8).sum(axis=2)
    assert (ink[:, [0, 1, 6, 7]] > 0.1).all(), "as high as the square"


def test_every_picture_says_in_words_what_it_shows():
    found = pipeline.curves(0.2, 128, 0)
    pictures = [
        pipeline.apart(found, "Title"),
        pipeline.by_size([2, 4], {"right": [0.5, 0.6], "wrong": [0.4, 0.3]}, "Title"),
        pipeline.bars({"real": 0.9, "printed": 0.6}, "Title", "percent"),
        pipeline.winners_picture(np.array([0.9, 0.8]), np.array([0.8, 0.8]), 40),
    ]
    assert all(any(c.isdigit() for c in picture.alt) and len(picture.alt) > 30 for picture in pictures)


# -- exercises -------------------------------------------------------------------------------------------


def test_the_leak_predicts_coin_tosses_and_choosing_after_the_split_does_not(monkeypatch):
    told, later = leak.measured()
    assert told > 80 and abs(later - 50) < 5
    assert f"{told:.0f}%" in leak.symptom() and f"{later:.0f}%" in leak.symptom()
    monkeypatch.setattr(leak, "best_columns", lambda x, y: np.arange(leak.CHOSEN))
    assert abs(leak.measured.__wrapped__()[0] - 50) < 8


def test_the_large_network_knows_its_digits_by_heart_and_still_generalises():
    small, large = size.known_by_heart(32), size.known_by_heart(256)
    assert small[0] == large[0] == 100
    assert 90 < small[1] <= large[1] + 1


def test_a_students_dropout_runs_inside_the_library():
    exercise = find("06.1")
    calls = []

    def mine(x, p, u, training):
        calls.append(training)
        return exercise.worked_answer(x, p, u, training)

    layer, x = nn.Dropout(0.5), tensor(np.ones((4, 100), np.float32), requires_grad=True)
    with exercise.swap(mine):
        y = layer(x)
        y.sum().backward()
    layer.eval()
    assert calls == [True] and set(np.unique(y.data)) == {0.0, 2.0}
    np.testing.assert_array_equal(x.grad.data, y.data)
    assert ops.dropout.pairs["numpy"].forward is not mine
