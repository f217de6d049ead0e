"""What chapter 05 claims: of its starts, its ravine, its patients, and of a student's Adam in the cockpit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinynn import backend, nn, optim
from tinynn.course import patients, prediction, training
from tinynn.course.check import check, use_mine
from tinynn.course.cockpit import cockpit
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch05.training import by_adam
from tinynn.course.plots import Picture
from tinynn.course.prediction import Prediction
from tinynn.data import spirals


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


# -- starts and batches ----------------------------------------------------------------------------------


def test_values_vanish_stay_or_explode():
    small, kept, large = (training.values_by_layer(s)[-1].std() for s in (0.01, np.sqrt(2 / 256), 0.2))
    assert small < 1e-6 and 0.3 < kept < 3 and large > 100


def test_a_network_starts_as_drawn_or_as_linear_layers_do():
    drawn = training.network((64, 32, 10), training.he_weights)
    layers = [layer for layer in drawn if isinstance(layer, nn.Linear)]
    assert [layer.weight.data.shape for layer in layers] == [(32, 64), (10, 32)]
    assert layers[0].weight.data.std() == pytest.approx(np.sqrt(2 / 64), rel=0.1)
    assert not layers[0].bias.data.any()
    usual = next(iter(training.network((64, 32, 10))))
    assert usual.weight.data.std() == pytest.approx(np.sqrt(1 / 64 / 3), rel=0.1)


def test_a_smaller_batch_points_further_away():
    x, y = training.batch(300)
    off = {n: training.degrees_off(training.network((64, 32, 10)), x, y, n, draws=5) for n in (1, 30, 300)}
    assert off[300] < 0.1 < off[30] < off[1] < 120


def test_the_table_of_batches_waits_for_the_prediction():
    asked = Prediction("Which of them, in a test?", ["1", "32"])
    assert training.batch_table({32: (141, 0.85, 53.0)}, asked).kind == "open"
    asked.lock("32")
    assert "141 steps, each about 53 degrees off" in str(training.batch_table({32: (141, 0.85, 53.0)}, asked))


# -- the ravine ------------------------------------------------------------------------------------------


@given(degrees=st.floats(0, 90), a=st.floats(-3, 3), b=st.floats(-3, 3))
@settings(max_examples=30)
def test_the_gradient_of_a_turned_ravine_is_its_slope(degrees, a, b):
    ravine, h = training.Ravine(degrees), 1e-5
    slope = [ravine(a + h, b) - ravine(a - h, b), ravine(a, b + h) - ravine(a, b - h)]
    assert ravine.gradient(np.array([a, b])) == pytest.approx(np.array(slope) / (2 * h), abs=1e-3)


def steps(make, degrees: float) -> int:
    ravine = training.Ravine(degrees)
    found = training.arrival(ravine, training.path(ravine, make))
    assert found is not None
    return found


def test_turning_the_ravine_costs_adam_and_not_momentum():
    momentum = lambda p: optim.SGD(p, lr=0.01, momentum=0.9)
    adam = lambda p: optim.Adam(p, lr=0.2)
    assert steps(momentum, 0) == steps(momentum, 45) < steps(lambda p: optim.SGD(p, lr=0.018), 0)
    assert 2 * steps(adam, 0) < steps(adam, 45)


def test_who_does_not_arrive_has_no_number():
    ravine = training.Ravine()
    stays = np.array([[-4.0, 1.0]] * 5)
    assert training.arrival(ravine, stays) is None
    assert training.arrival(ravine, 0 * stays) == 0
    assert training.arrival(ravine, np.array([[-4.0, 1], [0, 0], [-4, 1], [0, 0], [0, 0]])) == 3


def test_the_picture_says_how_many_steps_each_needs():
    makers = {"descent": lambda p: optim.SGD(p, lr=0.018), "Adam": lambda p: optim.Adam(p, lr=0.2)}
    picture = training.crossing(training.Ravine(45), makers, "45°")
    assert "Steps to the floor: descent 185, Adam" in picture.alt
    assert picture.axes[0].get_ylim()[0] < training.Ravine(45).begin[1]


# -- patients --------------------------------------------------------------------------------------------


def test_each_patient_has_its_symptom():
    a, b, c, d = (np.array(patients.examine(p)) for p in patients.PATIENTS.values())
    assert np.abs(a - np.log(10)).max() < 0.5 and np.diff(a).std() > 0.01  # stays and trembles
    assert b.min() < 1 and b[b.argmin() :].max() > 3  # falls, then shoots up
    assert c[1:5].max() > c[0] + 0.3 and c[-1] < 0.01  # goes up first, then recovers
    assert d[4] > 2.2 and d[30] > 1 and d[-1] < 0.2  # falls late


def test_a_shared_memory_is_slower_and_nothing_else():
    own = patients.steps_to_memorise(id)
    assert own < 20 and own < patients.steps_to_memorise(lambda p: p.shape) < 100


def test_descent_shows_a_factor_and_adam_hides_it():
    shown, hidden = (patients.with_a_factor(train) for train in (patients.by_descent, by_adam))
    right, wrong = (run["training"][-1] for run in shown.values())
    assert right < 0.5 and wrong > 5
    right, wrong = (run["training"][-1] for run in hidden.values())
    assert wrong == pytest.approx(right, rel=0.1)


def test_the_picture_under_adam_waits_for_the_prediction(monkeypatch):
    monkeypatch.setattr(prediction, "_locked", {})
    assert patients.factor_under_adam().kind == "open"
    Prediction("05.5", unit="percent").lock(30)
    assert isinstance(patients.factor_under_adam(), Picture)


# -- a student's functions -------------------------------------------------------------------------------


def test_a_students_adam_drives_the_cockpit_to_the_librarys_numbers():
    def run():
        model = lambda: training.network((2, 64, 64, 3), training.he_weights)
        pit = cockpit(model, spirals(300), optimizer="adam", lr=0.01, epochs=3)
        pit.run_to_end()
        return pit.losses

    library = run()
    assert check("05.2", find("05.2").worked_answer).kind == "right"
    with use_mine("05.2") as mine:
        own = run()
    assert mine.calls == 6 * len(own)
    assert own == pytest.approx(library, abs=1e-3)


def test_every_students_schedule_beats_its_own_peak():
    declared = find("05.4")
    before = declared.student
    for seed in range(40):
        declared.for_seed(seed)
        rates = [declared.worked_answer(t) for t in range(declared.k["total"])]
        assert training.noisy_bowl(rates)[-1] < training.noisy_bowl([max(rates)] * len(rates))[-1]
    declared.for_seed(before)
