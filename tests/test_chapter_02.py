"""Chapter 02's data, its broken gradient, what its pictures say, and the student's function by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.course import descent, mine
from tinynn.course.check import check, yours
from tinynn.course.engine.exercise import find
from tinynn.errors import ArgumentError

X, T = descent.dead_pixel()
weight = st.floats(-3, 3)


def loss(w: np.ndarray) -> float:
    return float(((X @ w - T) ** 2).mean())


def right_gradient(w, x, t):
    return 2 * x.T @ (x @ w - t) / len(x)


def test_the_lost_pixel_lies_between_its_neighbours():
    images = descent.seen_and_new()[0].x[:, 0]
    assert X.shape == (len(images), 2) and T.shape == (len(images),)
    np.testing.assert_array_equal(images[:, descent.ROW, descent.COLUMN - 1 : descent.COLUMN + 2],
                                  np.stack([X[:, 0], T, X[:, 1]], axis=1))  # fmt: skip


@given(weight, weight)
def test_the_landscape_is_the_loss_of_every_pair_of_weights(a: float, b: float):
    height = descent.landscape(X, T)
    assert height(a, b) == pytest.approx(loss(np.array([a, b])))
    grid = np.array([[a, b], [b, a]])
    assert height(grid, grid.T).shape == (2, 2)


@given(weight, weight, st.integers(1, 899))
def test_the_broken_gradient_lacks_one_over_n_and_nothing_else(a: float, b: float, n: int):
    w = np.array([a, b])
    broken = descent.mystery_gradient(w, X[:n], T[:n])
    np.testing.assert_allclose(broken / n, right_gradient(w, X[:n], T[:n]), atol=1e-12)


def test_more_examples_make_the_broken_descent_worse_and_the_mended_one_not():
    broken = descent.more_and_more([10, 899], descent.mystery_gradient, lr=0.05)
    mended = descent.more_and_more([10, 899], right_gradient, lr=1.0)
    assert broken[10][-1] < broken[10][0] and broken[899][-1] > 1e6
    assert all(losses[-1] < 0.2 for losses in mended.values())
    assert "899 examples 0.359 to" in descent.growing(broken, "Loss").alt


@pytest.mark.parametrize(("lr", "falls"), [(0.1, True), (1.6, True), (1.75, True), (1.85, False), (2, False)])
def test_the_walk_falls_below_two_over_the_curvature_and_grows_above(lr: float, falls: bool):
    edge = 2 / np.linalg.eigvalsh(2 * X.T @ X / len(X)).max()
    assert (lr < edge) == falls
    places = descent.path(find("02.5").true, lambda w: right_gradient(w, X, T), [-0.5, -1.0], lr, 20)
    assert places.shape == (21, 2)
    assert (loss(places[-1]) < loss(places[0])) == falls
    picture = descent.walk(descent.landscape(X, T), places, lr, (-1.5, 2.5), (-1.5, 2.5))
    assert picture.alt.endswith("growing.") != falls
    assert f"20 steps at a rate of {lr:g}" in picture.alt


def test_the_tangent_from_both_sides_is_nearer_than_from_one():
    said = descent.slopes(lambda w: w**3 / 3 - w, at=0.7, eps=0.8, low=-1, high=2).alt
    assert "true slope −0.51; through one side 0.263; through both sides −0.297" in said


def test_pictures_say_the_numbers_they_show():
    assert "Areas: 0.25, 0.04; their mean is 0.145" in descent.error_squares([0.5, 1], [1, 0.8], "Two").alt
    assert "shares 0.73, 0.27" in descent.shares([2, 1]).alt
    assert "2.30 for 0.1" in descent.minus_log().alt
    curve = descent.curve([2.3, 1.5, 1.0], "Ten", classes=10).alt
    assert "2.3 before the first step and 1 after 2 steps; a dotted line at ln 10, 2.3" in curve


def test_new_digits_are_not_those_to_learn_from():
    x, y, new_x, new_y = descent.digits_in_rows()
    assert x.shape == (len(y), 64) and new_x.shape == (len(new_y), 64) and len(x) + len(new_x) == 1797
    assert not {row.tobytes() for row in x} & {row.tobytes() for row in new_x}


# -- the student's function, called by hand ------------------------------------------------------------


def test_yours_is_the_library_s_function_until_a_check_has_passed(monkeypatch, capsys):
    monkeypatch.setattr(mine, "_passed", {})

    def mse_gradient(y, t):
        return 2 * (y - t) / y.size

    assert yours("02.1") is find("02.1").true
    assert 'mse_gradient: the library\'s own, until check("02.1"' in capsys.readouterr().out
    assert check("2.1", lambda y, t: y - t).kind == "look" and yours("02.1") is find("02.1").true
    assert check("2.1", mse_gradient).kind == "right"
    capsys.readouterr()
    assert yours("2.1") is mse_gradient
    assert capsys.readouterr().out == "mse_gradient: yours\n"


def test_yours_refuses_an_exercise_without_a_function():
    with pytest.raises(ArgumentError, match="an exercise that asks for a function"):
        yours("02.8")
