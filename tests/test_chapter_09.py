"""What chapter 09 claims: of its task, of gradients along a cell, of a student's cell in the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinynn import backend, gradcheck, manual_seed, nn, ops
from tinynn.course import plots, prediction, recall
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch09 import bug, loop
from tinynn.course.long_runs import kept
from tinynn.course.plots import Picture
from tinynn.course.prediction import Prediction

VECTORS = Path(__file__).with_name("torch_vectors") / "nn.npz"


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


# -- the task --------------------------------------------------------------------------------------------


def test_one_of_the_first_five_steps_is_marked_and_its_symbol_is_the_answer():
    x, y = recall.marked(200, 12, 0)
    assert x.shape == (12, 200, 5) and x.dtype == np.float32
    assert (x[:, :, :4].sum(axis=2) == 1).all() and (x[:, :, 4].sum(axis=0) == 1).all()
    at = x[:, :, 4].argmax(axis=0)
    assert set(at) == set(range(5)) and set(y) == set(range(4))
    assert (x[at, np.arange(200), :4].argmax(axis=1) == y).all()


def test_a_sequence_shorter_than_five_is_marked_too():
    x, _ = recall.marked(50, 2, 0)
    assert (x[:, :, 4].sum(axis=0) == 1).all()


def test_letters_show_the_mark():
    x = np.zeros((3, 5), np.float32)
    x[[0, 1, 2], [3, 0, 1]] = 1
    x[1, 4] = 1
    assert recall.in_letters(x) == "D [A] B"


def test_the_bias_of_the_gate_that_keeps_is_set_and_no_other():
    for kind, rows in (("LSTM", slice(3, 6)), ("GRU", slice(3, 6))):
        manual_seed(0)
        usual = recall.Recaller(kind, 3).recurrent.bias_ih_l0.data.copy()
        manual_seed(0)
        layer = recall.Recaller(kind, 3, keep=2.0).recurrent
        changed = layer.bias_ih_l0.data != usual
        assert changed[rows].all() and changed.sum() == 3
        assert (layer.bias_ih_l0.data[rows] == 2).all() and not layer.bias_hh_l0.data[rows].any()
    assert recall.Recaller("RNN", 3, keep=2.0).recurrent.bias_ih_l0.data.max() < 1


def test_as_many_weights_as_the_comparison_says():
    def count(*how: Any) -> int:
        return sum(p.data.size for p in recall.Recaller(*how).recurrent.parameters())

    assert count("LSTM", 16) == 4 * count("RNN", 16)
    assert abs(count("RNN", 34) / count("LSTM", 16) - 1) < 0.05


# -- gradients -------------------------------------------------------------------------------------------


def share_left(kind: str, keep: float | None = None) -> float:
    norms = recall.reach(kind, 40, keep)
    return float(norms[0] / norms[-1])


def test_gradients_reach_back_where_the_gate_is_open():
    assert share_left("RNN") < 1e-8 < 1e-7 * 0.1 < share_left("LSTM", 0) < 1e-5
    assert share_left("LSTM", 3) > 0.1 and share_left("GRU", 3) > 0.05


def test_reach_is_the_gradient_at_the_state():
    """By central differences of the loss, in one number of the state that a step gets."""
    norms = recall.reach("RNN", 4)
    assert norms.shape == (4,) and (norms > 0).all()
    manual_seed(0)
    network = recall.Recaller("RNN")
    x, y = recall.marked(32, 4, 0)
    layer = network.recurrent.state_dict()
    w, u, b, b_h = (np.asarray(p.data, float) for p in layer.values())
    head = [np.asarray(p.data, float) for p in network.head.parameters()]

    def loss(nudge: np.ndarray) -> float:
        h = np.zeros((32, 16))
        for t, row in enumerate(x.astype(float)):
            h = np.tanh(row @ w.T + (h + (nudge if t == 2 else 0)) @ u.T + b + b_h)
        scores = h @ head[0].T + head[1]
        return float(np.mean(np.log(np.exp(scores).sum(1)) - scores[np.arange(32), y]))

    slopes = np.zeros((32, 16))
    for n, k in np.ndindex(32, 16):
        step = np.zeros((32, 16))
        step[n, k] = 1e-4
        slopes[n, k] = (loss(step) - loss(-step)) / 2e-4
    assert np.linalg.norm(slopes) == pytest.approx(norms[2], rel=1e-3)


# -- a student's cell ------------------------------------------------------------------------------------


def worked(id: str) -> Callable:
    answer = find(id).worked_answer  # type: ignore[attr-defined]
    assert answer is not None
    return answer


def test_the_worked_steps_give_pytorchs_numbers_with_pytorchs_weights():
    kept_numbers = np.load(VECTORS)
    for name, given, ops_of in (("lstm", "09.1", ops.lstm), ("gru", "09.3", ops.gru)):
        before = [kept_numbers[f"{name}/before/{p}_l0"] for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        expected = kept_numbers[f"{name}/out0"]
        inputs = torch_inputs(name, ops_of, before, expected)
        got = by_step(worked(given), name, inputs, before)
        assert got == pytest.approx(expected, abs=1e-9)


def torch_inputs(name: str, op: ops.Op, weights: list[np.ndarray], expected: np.ndarray) -> list[np.ndarray]:
    """x, h0 (and c0) of the recorded case, checked against the recorded output by the library's op."""
    from tests.nn_cases import CASES

    case = next(c for c in CASES if c.name == name)
    x, *states = (np.asarray(a) for a in case.inputs())
    states = [s[0] for s in states] or [np.zeros((x.shape[1], weights[1].shape[1]))] * (2 if name == "lstm" else 1)
    (y, *_), _ = op.pairs["numpy"].forward(x, *states, *weights)
    assert y == pytest.approx(expected, abs=1e-9)
    return [x, *states]


def by_step(step: Callable, name: str, inputs: list[np.ndarray], weights: list[np.ndarray]) -> np.ndarray:
    x, *states = inputs
    w, u, b_x, b_h = weights
    shown = []
    for row in x:
        states = (
            list(step(row, *states, w, u, b_x + b_h)) if name == "lstm" else [step(row, *states, w, u, b_x, b_h)]
        )
        shown.append(states[0])
    return np.array(shown)
