"""What chapter 09 claims: of its task, of gradients along a cell, of a student's cell in the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nn_cases import RECURRENT, flat
from tinynn import backend, manual_seed, nn, ops, tensor
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
    assert abs(count("RNN", 35) / count("LSTM", 16) - 1) < 0.01


# -- gradients -------------------------------------------------------------------------------------------


def share_left(kind: str, keep: float | None = None) -> float:
    norms = recall.reach(kind, 40, keep)
    return float(norms[0] / norms[-1])


def test_gradients_reach_back_where_the_gate_is_open():
    assert share_left("RNN") < 1e-9 < share_left("LSTM", 0) < 1e-5
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


@pytest.fixture
def swapped_in() -> Iterator[list[Any]]:
    """Both halves of the worked cell, and the worked GRU's step, in the library."""
    for id in ("09.1", "09.2", "09.3"):
        assert check(id, worked(id)).kind == "right"
    running = [use_mine(id) for id in ("09.1", "09.2", "09.3")]
    yield running
    for mine in running:
        mine.stop()
    assert not ops.lstm.replacement and not ops.gru.replacement


@pytest.mark.parametrize("name", ["lstm", "lstm, all", "gru", "gru, all"])
def test_a_students_cell_gives_pytorchs_numbers_with_pytorchs_weights(name, swapped_in):
    """Values and gradients; "all" has two layers, two directions, and sequences of different lengths."""
    case = RECURRENT[name]
    with np.load(VECTORS) as file:
        recorded = {
            key.removeprefix(f"{name}/"): file[key] for key in file.files if key.startswith(f"{name}/")
        }
    layer = case.build(nn).to(np.float64)
    layer.load_state_dict(
        {k.removeprefix("before/"): v for k, v in recorded.items() if k.startswith("before/")}
    )
    x, states = case.inputs()
    x, *states = [tensor(a, requires_grad=True) for a in (x, *states)]
    outputs = flat(layer(x, states[0] if len(states) == 1 else tuple(states), lengths=case.lengths))
    rng = np.random.default_rng(6)
    weighted = [(part * tensor(rng.normal(size=part.shape))).sum() for part in outputs]
    sum(weighted[1:], weighted[0]).backward()
    for i, part in enumerate(outputs):
        assert part.data == pytest.approx(recorded[f"out{i}"], abs=1e-9)
    for i, part in enumerate([x, *states]):
        assert part.grad.data == pytest.approx(recorded[f"din{i}"], abs=1e-9)
    for key, p in layer.named_parameters():
        assert p.grad.data == pytest.approx(recorded[f"grad/{key}"], abs=1e-9)
    calls = [mine.calls for mine in swapped_in]
    assert (calls[0] and calls[1] and not calls[2]) if "lstm" in name else (calls[2] and not calls[0])


def test_one_half_alone_runs_beside_the_librarys_other():
    assert check("09.2", worked("09.2")).kind == "right"
    with use_mine("09.2") as back:
        losses = list(recall.batches(recall.Recaller("LSTM", 4), 5, 2))
    assert back.calls == 5 * 2 and len(losses) == 2 and not ops.lstm.replacement


def test_a_students_cell_trains_to_the_librarys_losses(swapped_in):
    def run() -> list[float]:
        manual_seed(0)
        return list(recall.batches(recall.Recaller("LSTM", keep=3), 10, 20, lr=0.02))

    own = run()
    assert [mine.calls for mine in swapped_in[:2]] == [200, 200]
    for mine in swapped_in:
        mine.stop()
    assert own == pytest.approx(run(), abs=1e-3)


# -- the bug, the bias -----------------------------------------------------------------------------------


def test_the_bug_passes_for_one_step_and_no_other_option_does():
    step = loop.lstm_step_backward
    assert max(bug.errors(step, 3)) == 0
    mistakes = find("09.2").mistakes  # type: ignore[attr-defined]
    clean = {name: max(bug.errors(mistakes[name].function, 1)) < bug.ROUNDING for name in bug.bug.options}
    assert clean == {name: name == bug.bug.truth for name in bug.bug.options}
    assert max(bug.errors(mistakes[bug.bug.truth].function, 2)) > 0.1
    assert "below 1e-06" in bug.symptom().splitlines()[1] and len(bug.symptom().splitlines()) == 4


@pytest.mark.slow
def test_the_forget_bias_decides():
    question = find("09.5")
    assert question.outcome < 35  # type: ignore[attr-defined]
    from tinynn.course.exercises.ch09.bias import percent

    assert percent(3) > 90


def test_the_curves_of_two_biases_wait_for_the_prediction(monkeypatch):
    monkeypatch.setattr(prediction, "_locked", {})
    monkeypatch.setattr(recall, "batches", lambda *args, **how: iter([1.4, 1.3]))
    assert recall.two_biases().kind == "open"  # type: ignore[union-attr]
    Prediction("09.5", unit="percent").lock(30)
    assert isinstance(recall.two_biases(), Picture)


# -- pictures --------------------------------------------------------------------------------------------


def test_what_the_cell_holds_is_the_formula():
    first, second, h = plots.held(0.9, 0.5, 1.0)
    assert first[-1] == pytest.approx(0.5 * 0.9**21) and second[-1] == pytest.approx(-0.4 * 0.9**12)
    assert h == pytest.approx(np.tanh(first + second))
    assert not plots.held(0.9, 0, 1)[0].any() and not plots.held(0.9, 1, 0)[2].any()


def test_pictures_say_what_they_show():
    assert "open by 95%" in plots.conveyor(0.95, 0.5, 0.8).alt
    assert "holds 0.05 of the first" in plots.valves(0.9, 0.5, 1).alt
    assert "open 1.0e-02" in plots.survival({"open": [0.01, 0.1, 1.0]}).alt
    table = plots.by_length([5, 10], {"RNN": [[100.0, 90.0], [20.0, 30.0]]}, "Right", 25)
    assert "RNN: 95 at 5, 25 at 10" in table.alt


def test_a_trained_cells_gates_are_those_of_the_library():
    manual_seed(0)
    network = recall.Recaller("LSTM", 4)
    x, _ = recall.marked(3, 6, 0)
    seen = recall.gates(network, x)
    y, (_, c) = network.recurrent(tensor(x))
    assert {v.shape for v in seen.values()} == {(6, 3, 4)}
    assert seen["shown"] == pytest.approx(y.data) and seen["cell"][-1] == pytest.approx(c.data[0], abs=1e-6)
    assert 0 < seen["input"].min() and seen["forget"].max() < 1
    rows = {"input gate": seen["input"][:, 0], "cell": seen["cell"][:, 0]}
    picture = plots.gates_over_time(rows, recall.in_letters(x[:, 0]).split(), 2)
    assert "marked at step 3" in picture.alt and "input gate: 0." in picture.alt


def test_the_long_run_bears_out_the_text():
    long = kept("09")
    shares = {k: dict(zip(long["lengths"], np.mean(v, axis=1))) for k, v in long["shares"].items()}
    assert shares["RNN, 35 units"][20] < 40 < shares["RNN, 35 units"][10]
    assert shares["LSTM, forget bias 5"][80] < 40 < 90 < shares["LSTM, forget 5, input −5"][80]
