"""What chapter 08 claims: of rivals, of gradients and cures, of a student's functions in the library."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tinynn import backend, manual_seed, nn, ops
from tinynn.course import forgetful, plots, prediction, recurrence
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch08 import bug, clip_inputs, decay
from tinynn.course.exercises.ch08.clip import clipping
from tinynn.course.prediction import Prediction
from tinynn.errors import ArgumentError
from tinynn.tensor import Tensor


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


@pytest.fixture(scope="module")
def data() -> recurrence.Series:
    return recurrence.series()


# -- the series and its rivals ---------------------------------------------------------------------------


def test_the_numbers_are_scaled_by_the_training_years_alone(data):
    assert data.z[:221].mean() == pytest.approx(0, abs=1e-5) and data.z[:221].std() == pytest.approx(1)
    assert data.unscaled(data.z) == pytest.approx(data.counts, abs=1e-3)


def test_no_forecast_reads_the_year_that_it_is_for(data):
    """A year that changes leaves all forecasts up to its own as they were."""
    changed = data._replace(counts=data.counts.copy(), z=data.z.copy())
    changed.counts[280], changed.z[280] = 500, 9
    manual_seed(0)
    net = recurrence.Forecaster()
    for make in (
        recurrence.last_year,
        lambda d: recurrence.linear(d, 9),
        lambda d: recurrence.forecast(net, d),
    ):
        before, after = make(data), make(changed)
        assert np.array_equal(before[12:281], after[12:281])
        assert before[281] != after[281]


def test_the_linear_formula_is_fitted_on_the_training_years(data):
    later = data._replace(z=np.where(np.arange(309) < 221, data.z, 0).astype(np.float32))
    assert np.array_equal(recurrence.linear(data, 2)[2:222], recurrence.linear(later, 2)[2:222])


def test_the_windows_hold_each_year_beside_the_next(data):
    x, y = recurrence.windows(data)
    assert x.shape == y.shape == (44, 45, 1)
    assert np.array_equal(x[1:], y[:-1]) and y[-1, -1, 0] in data.z[:221]


def test_the_order_of_the_linear_formula_is_chosen_on_the_middle_part(data):
    errors = {n: recurrence.error(data, recurrence.linear(data, n), "validation") for n in range(1, 13)}
    assert min(errors, key=errors.get) == 9


def test_the_net_beats_last_year_and_is_near_the_linear_formula(data):
    net = recurrence.error(data, recurrence.forecast(recurrence.trained(0, data), data), "test")
    assert net < 0.65 * recurrence.error(data, recurrence.last_year(data), "test")
    assert 0.75 < net / recurrence.error(data, recurrence.linear(data, 9), "test") < 1.15


# -- gradients -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["as usual", "gated"])
def test_the_sizes_on_the_way_back_are_those_of_the_librarys_layer(start):
    """The gradient at the state before the first step, by the op's own way back."""
    manual_seed(0)
    layer, x = recurrence.layer(start), np.random.default_rng(0).normal(size=(7, 3, 2)).astype(np.float32)
    sizes = recurrence.sizes_back(layer, x)
    h0 = Tensor(np.zeros((1, 3, 16), np.float32), requires_grad=True)
    towards = np.random.default_rng(1).normal(size=(3, 16))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    _, last = layer(Tensor(x), h0)
    (last[0] * Tensor(towards.astype(np.float32))).sum().backward()
    again = recurrence.sizes_back(layer, np.concatenate([0 * x[:1], x]))
    assert sizes[-1] == pytest.approx(1) and len(again) == 8
    _, before = layer(Tensor(0 * x[:1]))
    h1 = Tensor(before.data, requires_grad=True)
    _, last = layer(Tensor(x), h1)
    (last[0] * Tensor(towards.astype(np.float32))).sum().backward()
    assert again[0] == pytest.approx(np.linalg.norm(h1.grad.data[0], axis=1).mean(), rel=1e-4)


def test_no_stretch_keeps_the_gradient_of_quiet_and_of_loud_inputs():
    assert recurrence.stretched(1.0, 0.1)[0] > 0.1 > 0.01 > recurrence.stretched(1.0, 2.0)[0]
    assert recurrence.stretched(2.0, 0.1)[0] > 10 and recurrence.stretched(0.5, 0.1)[0] < 1e-5


def test_the_usual_start_loses_the_gradient_and_an_orthogonal_one_does_not():
    x, _ = recurrence.recall_batch(np.random.default_rng(0), 32, 60)
    manual_seed(0)
    first = {s: recurrence.sizes_back(recurrence.layer(s), x)[0] for s in ("as usual", "orthogonal", "gated")}
    assert first["as usual"] < 1e-8 and min(first["orthogonal"], first["gated"]) > 0.01


def test_the_orthogonal_start_recalls_what_the_usual_one_does_not():
    assert recurrence.recall("as usual", 60, 1)[1] < 0.7 < 0.95 < recurrence.recall("orthogonal", 60, 1)[1]


def test_training_takes_the_gradient_from_the_identity_and_a_small_rate_does_not():
    x, _ = recurrence.recall_batch(np.random.default_rng(0), 32, 60)
    left = {
        (start, lr): recurrence.sizes_back(recurrence.recall(start, 60, 1, 50, lr)[2], x)[0]
        for start, lr in (("identity", 0.01), ("identity", 0.001), ("gated", 0.01))
    }
    assert left["identity", 0.01] < 1e-6 < 1e-4 < left["identity", 0.001] < 0.1 < left["gated", 0.01]


def test_a_weight_of_1_loses_a_gradient_within_a_few_steps():
    assert 3 <= decay.steps_until_gone() <= 8
    assert decay.shares(1.0, 20, linear=True) == pytest.approx(np.ones(21))


def test_what_one_unit_keeps_waits_for_the_prediction(monkeypatch):
    monkeypatch.setattr(prediction, "_locked", {})
    assert forgetful.weight_of_one().kind == "open"
    Prediction("08.4", unit="steps").lock(20)
    assert isinstance(forgetful.weight_of_one(), plots.Picture)


def test_clipping_holds_a_run_that_is_lost_without_it(data):
    clip = clipping.worked_answer
    with np.errstate(all="ignore"):
        lost = recurrence.descent(data, clip, None)
        held, creeping = (recurrence.descent(data, clip, c) for c in (1, 0.01))
    assert len(lost) < 80 and not lost[-1] < recurrence.LOST
    assert len(held) == 80 and held[-1] < 0.2 < creeping[-1]


def test_longer_segments_have_a_gradient_nearer_to_the_whole(data):
    manual_seed(0)
    net = recurrence.Forecaster()
    whole = recurrence.gradient_in_segments(net, data, 220)
    off = [
        recurrence.degrees_between(whole, recurrence.gradient_in_segments(net, data, n)) for n in (1, 11, 44)
    ]
    assert off[0] > 10 > off[1] > off[2]


# -- mistakes --------------------------------------------------------------------------------------------


def test_a_dropped_future_fails_the_memory_and_hides_in_the_forecast(data):
    losses = {name: np.mean(run[-20:]) for name, run in forgetful.recall_with_mistakes(16).items()}
    assert losses["right"] < 0.1 and min(losses["A"], losses["B"]) > 0.5
    found = forgetful.sunspots_with_mistakes(data)
    assert found["future dropped"] < 1.2 * found["right"] < found["overwritten"]


def test_the_numbers_wait_for_the_prediction(monkeypatch):
    monkeypatch.setattr(prediction, "_locked", {})
    asked = Prediction("Which, in a test of 08?", ["a", "b"])
    assert forgetful.table({"right": 16.0}, asked).kind == "open"
    asked.lock("a")
    assert "right: 16.0" in str(forgetful.table({"right": 16.0}, asked))


def test_one_option_alone_fits_the_picture_of_loud_and_quiet():
    assert [name for name in bug.bug.options if bug.fits(name)] == [bug.bug.truth]


def test_the_seven_agree_on_the_easy_input_and_fall_to_the_worked_ones():
    easy = ([np.array([0.0, 5.0])], 1.0)
    wrong = clip_inputs.inputs.wrong
    assert len(wrong) == 7
    for name, function in wrong.items():
        assert np.allclose(function(*easy)[0], [0, 1]), name
    assert check("08.6", clip_inputs.inputs.worked_answer).kind == "right"
    assert check("08.6", lambda: [easy]).kind == "look"


# -- a student's functions -------------------------------------------------------------------------------


@pytest.mark.parametrize(("id", "calls"), [("08.1", 3 * 44), ("08.2", 3)])
def test_a_students_function_trains_the_net_to_the_librarys_numbers(id, calls, data):
    def run() -> list[float]:
        manual_seed(0)
        return recurrence.fit(recurrence.Forecaster(), data, steps=3)

    library = run()
    assert check(id, find(id).worked_answer).kind == "right"
    with use_mine(id) as mine:
        own = run()
    assert mine.calls == calls and own == pytest.approx(library, abs=1e-4)
    assert not ops.rnn.replacement


@pytest.mark.parametrize("id", ["08.1", "08.2"])
def test_with_both_outputs_and_without_a_bias_the_gradients_are_the_librarys(id):
    def gradients() -> list[np.ndarray]:
        manual_seed(0)
        layer = nn.RNN(2, 3, bias=False)
        x = Tensor(np.random.default_rng(0).normal(size=(4, 2, 2)).astype(np.float32), requires_grad=True)
        y, last = layer(x)
        (y.sum() + 3 * last.sum()).backward()
        return [x.grad.data, *[p.grad.data for p in layer.parameters()]]

    library, exercise = gradients(), find(id)
    with exercise.swap(exercise.worked_answer):
        for own, wanted in zip(gradients(), library):
            assert own == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("id", ["08.1", "08.2"])
def test_what_a_students_function_cannot_do_is_said(id):
    exercise = find(id)
    with exercise.swap(exercise.worked_answer), pytest.raises(ArgumentError, match="tanh, forward"):
        nn.RNN(2, 3, nonlinearity="relu")(np.zeros((4, 2, 2), np.float32))


# -- pictures --------------------------------------------------------------------------------------------


def test_pictures_say_what_they_show(data):
    unrolled = plots.unrolled([0.001, 0.1, 1.0], "Three")
    assert "3 steps" in unrolled.alt and "1 at the last state and 0.001 at the first" in unrolled.alt
    back = plots.gradients_back({"a": [1.0, 0.5], "none": [1.0, 0.0]}, "Back")
    assert "a: 1 at first, 0.5 after 1 step" in back.alt
    series = plots.forecasts(data.years, data.counts, {"b": data.counts}, "Spots", [(1921, "later")])
    assert "Sunspots of 1700 to 2008, from 0 to 190" in series.alt and "later from 1921" in series.alt
    for picture in (unrolled, back, series):
        assert len(picture.png()) > 5000
