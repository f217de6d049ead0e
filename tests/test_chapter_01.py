"""Chapter 01's data, its broken function, its networks and its pictures; the blocks of `plots`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from tinynn.course import neuron, plots, start
from tinynn.course.plots.blocks import result
from tinynn.errors import ArgumentError, ShapeError

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple)


# -- data and what is broken -----------------------------------------------------------------------------


def test_the_two_numbers_are_the_mean_ink_of_the_two_boxes():
    images, is_eight = start.threes_and_eights(start.seen_and_new()[0])
    x, labels = neuron.two_numbers()
    np.testing.assert_allclose(x[:, 0], images[:, 2:4, 1:3].mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(x[:, 1], images[:, 4:6, 1:3].mean(axis=(1, 2)), rtol=1e-6)
    assert np.array_equal(labels == 1, is_eight)


def test_the_good_neuron_is_good_and_doubling_changes_no_answer():
    x, labels = neuron.two_numbers()
    said = x @ [2, 3] - 1 > 0
    assert 0.88 < np.mean(said == labels) < 0.95 and np.mean((x @ [1, 1] - 1 > 0) == labels) < 0.6
    assert np.array_equal(said, x @ [4, 6] - 2 > 0)


def test_the_broken_function_says_half_for_every_neuron_and_the_truth_for_a_row():
    x, labels = neuron.two_numbers()
    for w, b in (([2, 3], -1), ([-2, -3], 1), ([0, 0], -1)):
        y = x @ w + b
        assert 0.48 < neuron.share_of_right_answers(y[:, None], labels) < 0.52
        assert neuron.share_of_right_answers(y, labels) == np.mean((y > 0) == labels)


def test_wrong_spellings_are_refused_on_sizes_that_differ_and_run_on_equal_ones():
    differ, equal = neuron.spelt(4, 3, 2), neuron.spelt(3, 3, 3)
    first, *others = differ
    assert differ[first] == "runs, 8 of 8 numbers right" and equal[first] == "runs, 9 of 9 numbers right"
    assert {differ[other] for other in others} == {"refused"}
    assert all(equal[other].startswith("runs") and "9 of 9" not in equal[other] for other in others)


# -- networks --------------------------------------------------------------------------------------------


def test_without_a_bend_two_layers_do_no_better_than_one_and_with_it_three_neurons_are_enough():
    one, two = neuron.trained(0, starts=1), neuron.trained(50, bent=False, starts=1)
    assert abs(neuron.right_of(one) - neuron.right_of(two)) < 0.05 and neuron.right_of(two) < 0.7
    assert neuron.right_of(neuron.trained(3)) > 0.95 > neuron.right_of(neuron.trained(2))


# -- pictures --------------------------------------------------------------------------------------------


def test_every_picture_of_the_chapter_says_what_it_shows():
    images, is_eight = start.threes_and_eights(start.seen_and_new()[0])
    x, labels = neuron.two_numbers()
    model = neuron.network(2, True, 0)
    pictures = {
        neuron.boxes(images[:3], labels[:3]): f"an 8 with {x[0, 0]:.2f}",
        neuron.one_neuron([0.5, 0.25], [2, 4], -1): "0.5 times 2 + 0.25 times 4 + −1 makes 1",
        neuron.border(x, labels, 2, 3, -1): "y = 2 x1 + 3 x2 − 1: 89.3% right",
        neuron.activations(): "relu, y from 0 to 4, slope 0, 1 and 1",
        neuron.ring_points(): "240 points on two rings",
        neuron.fences({"two": model}, lines=True): "where each hidden neuron bends",
    }
    for picture, words in pictures.items():
        assert words in picture.alt
        assert picture.png(40).startswith(b"\x89PNG")


def test_the_marked_number_of_a_product_is_written_out():
    x, w, b = np.array([[1.0, 0], [2, -1], [0, 3]]), np.array([[1.0, 2], [0.5, 4]]), np.array([10.0, -1])
    picture = plots.matrix_product(x, w, b, example=2, neuron=1)
    assert "y[2, 1] = 0·0.5 + 3·4 + (−1) = 11" in picture.alt
    assert picture.png(40).startswith(b"\x89PNG")
    drawn = [text.get_text() for text in picture.axes[0].texts]
    assert {"x  (N, I) = (3, 2)", "w  (O, I) = (2, 2)", "b  (O,) = (2,)", "y  (N, O) = (3, 2)"} <= set(drawn)


@pytest.mark.parametrize(
    ("x", "w", "b", "where"),
    [
        (np.ones((2, 3)), np.ones((2, 2)), np.ones(2), {}),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones(3), {}),
        (np.ones((7, 3)), np.ones((2, 3)), np.ones(2), {}),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones(2), {"example": 2}),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones(2), {"neuron": -1}),
    ],
)
def test_a_product_that_cannot_be_drawn_is_refused(x, w, b, where):
    with pytest.raises((ShapeError, ArgumentError), match="matrix_product"):
        plots.matrix_product(x, w, b, **where)


@given(SHAPES, SHAPES)
def test_broadcasting_shows_the_shape_and_the_numbers_that_numpy_makes(first, second):
    made = result(first, second)
    picture = plots.broadcasting([(first, second)])
    drawn = [text.get_text() for text in picture.axes[0].texts]
    if made is None:
        assert "refused" in drawn and "do not fit" in picture.alt
        return
    assert f"make {made}" in picture.alt
    a, b = (np.broadcast_to(np.arange(np.prod(s)).reshape(s), made) for s in (first, second))
    sums = [text for text in drawn if "+" in text and text[0].isdigit()]
    assert sums == [f"{i}+{j}" for i, j in zip(a.ravel(), b.ravel())]


def test_shapes_with_three_axes_or_too_long_ones_are_not_drawn():
    for shape in ((2, 2, 2), (7,), ()):
        with pytest.raises(ArgumentError, match="broadcasting"):
            plots.broadcasting([((2, 2), shape)])
