"""Chapter 03: a student's pairs train a network, and what looks right is told from what is right."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import tinynn
from tinynn import nn, optim, tensor
from tinynn.course import backward
from tinynn.course import backward_pictures as pictures
from tinynn.course.check import check, use_mine, yours
from tinynn.course.engine.exercise import find
from tinynn.data import spirals

# -- what a student writes -------------------------------------------------------------------------------


def linear_backward(dy, x, w):
    return dy @ w, dy.T @ x, dy.sum(axis=0)


def relu_backward(dy, x):
    return dy * (x > 0)


def softmax_cross_entropy_backward(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), targets] -= 1
    return p / len(p)


def network_gradients(x, t, w1, b1, w2, b2):
    """Made of the three functions above, as the text of 03.5 allows."""
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(len(x)), t].mean()
    dh, dw2, db2 = linear_backward(softmax_cross_entropy_backward(logits, t), h, w2)
    _, dw1, db1 = linear_backward(relu_backward(dh, z), x, w1)
    return loss, dw1, db1, dw2, db2


PAIRS = {"03.1": linear_backward, "03.2": relu_backward, "03.3": softmax_cross_entropy_backward}


def test_a_network_trains_on_spirals_from_a_students_functions_alone():
    assert check("03.5", network_gradients).kind == "right"
    mine = backward.Counted(yours("03.5"))
    assert mine.function is network_gradients
    (x, t), (new_x, new_t) = spirals(300), spirals(600, seed=1)
    weights = backward.starting_weights()
    before = backward.share_right(new_x, new_t, weights)
    for _ in range(1200):
        _, *gradients = mine(x, t, *weights)
        weights = [w - 0.5 * dw for w, dw in zip(weights, gradients)]
    assert mine.calls == 1200
    assert all(w.dtype == np.float32 for w in weights)
    assert before < 0.6 and backward.share_right(new_x, new_t, weights) > 0.85


def test_the_badges_count_the_calls_of_a_students_pairs():
    for id, function in PAIRS.items():
        assert check(id, function).kind == "right"
    with tinynn.backend("numpy"):
        badges = {id: use_mine(id) for id in PAIRS}
        tinynn.manual_seed(0)
        network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
        optimiser = optim.SGD(network.parameters(), lr=0.5)
        x, t = spirals(30)
        losses = []
        for _ in range(20):
            loss = nn.CrossEntropyLoss()(network(tensor(x)), t)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        for badge in badges.values():
            badge.stop()
    assert {id: badge.calls for id, badge in badges.items()} == {"03.1": 40, "03.2": 20, "03.3": 20}
    assert losses[-1] < losses[0]


# -- checked against differences -------------------------------------------------------------------------


def test_a_right_pair_a_wrong_one_and_one_with_a_hole(capsys):
    def forward(x):
        return np.tanh(x), np.tanh(x)

    def right(dy, y):
        return dy * (1 - y**2)

    def wrong(dy, y):
        return dy * (1 - y)

    def hole(dy, y):
        return dy * ...

    x, dy = np.array([-1.0, 0.5, 2.0]), np.array([1.0, -2.0, 0.5])
    said = {}

    def too_few_brackets(dy, y):
        return dy * 1 - y**2

    for function in (right, wrong, hole, too_few_brackets):
        backward.compare(forward, function, x, dy)
        said[function.__name__] = capsys.readouterr().out
    assert said["right"].count("✓") == 3 and "✗" not in said["right"]
    assert said["wrong"].count("✗") == 3 and "Not the same yet." in said["wrong"]
    assert "Right only where dy is 1" in said["too_few_brackets"]
    assert "hole" in said["hole"] and "dy * ..." in said["hole"] and "✓" not in said["hole"]


WRONG = {"A": {"dw1", "db1"}, "B": {"dw1", "db1"}, "C": set(), "D": {"db1", "db2"}}


@pytest.mark.parametrize("letter", WRONG)
def test_of_the_four_networks_the_check_finds_what_the_loss_hides(letter, capsys):
    function = backward.four_networks()[letter]
    errors = backward.check_network(function, find("03.4").true)
    assert {name for name, error in errors.items() if error > backward.CLOSE} == WRONG[letter]
    assert list(errors) == ["dw1", "db1", "dw2", "db2"]
    backward.print_errors(errors)
    assert capsys.readouterr().out.count("✗") == len(WRONG[letter])


def test_the_losses_of_a_and_c_cannot_be_told_apart():
    x, t = spirals(300)
    ends = {}
    for letter in "AC":
        weights = backward.starting_weights()
        for _ in range(400):
            loss, *gradients = backward.four_networks()[letter](x, t, *weights)
            weights = [w - 0.5 * dw for w, dw in zip(weights, gradients)]
        ends[letter] = float(loss)
    assert abs(ends["A"] - ends["C"]) < 0.05 < 0.3 < 1.1 - ends["C"]


def test_the_symptom_of_03_6_shows_rounding_as_rounding():
    lines = find("03.6").symptom().splitlines()
    rounded = {line.split()[0] for line in lines if "below 1e-06" in line}
    assert rounded == {"dw2", "db2"}


def test_a_letter_is_judged_and_nothing_is_run():
    for letter, kind in {"b": "right", "e": "look"}.items():
        verdict = check("03.6", letter)
        assert verdict.kind == kind and "process" not in str(verdict)


# -- pictures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [-4, 0, 4])
def test_the_pull_is_belief_less_truth(score):
    p = math.exp(score) / (math.exp(score) + math.e + 1)
    alt = pictures.pull(score).alt
    assert f"Gradient: cat −{1 - p:.2f}," in alt and f"Loss {-math.log(p):.2f}." in alt


def test_a_pull_of_nothing_has_no_minus():
    assert "−" not in pictures.pull(8).alt


def test_differences_have_a_best_step_and_float32_never_comes_close():
    double, single = pictures.errors_by_step(np.float64), pictures.errors_by_step(np.float32)
    assert double.min() < 1e-8 and double[0] > 1e3 * double.min() and double[-1] > 1e3 * double.min()
    assert 1e-6 < single.min() < 1e-2 and single[0] > 0.5
    assert "float32" in pictures.step_sizes().alt


def test_every_picture_says_what_it_shows():
    x, t = spirals(30)
    weights = backward.starting_weights(2, 8, 3)
    assert "Wanted: dx (N, I), dw (O, I) and db (O,)" in pictures.linear_shapes().alt
    assert "30 points" in pictures.learned([1.1, 0.9], weights, x, t).alt
    assert "A from 1.10 to 0.90" in pictures.loss_curves({"A": [1.1, 0.9], "B": [1.0, 1.0]}).alt


@pytest.mark.slow
def test_the_box_compiles_the_loops_of_the_chapter(capsys):
    pytest.importorskip("numba")
    nbformat = pytest.importorskip("nbformat")
    from pathlib import Path

    path = next((Path(__file__).parent.parent / "chapters").glob("03_*.ipynb"))
    source = next(c.source for c in nbformat.read(path, 4).cells if c.source.startswith("COMPILE = False"))
    names = {"np": np, "backward": backward, "yours": lambda id: softmax_cross_entropy_backward}
    exec(source.replace("COMPILE = False", "COMPILE = True", 1), names)
    said = capsys.readouterr().out
    assert said.count("ms a call") == 3 and "the loops, compiled" in said
    with pytest.raises(AssertionError, match="disagree"):
        backward.compiled_beside(names["loops"], lambda logits, targets: 2 * logits)
