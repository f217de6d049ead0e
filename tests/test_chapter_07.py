"""What chapter 07 claims: of digits that move, of wrong ways back, and of a student's convolution."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import tinynn
from tinynn import backend, nn, ops
from tinynn import functional as F
from tinynn.course import convolution, prediction
from tinynn.course import convolution_pictures as pictures
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch07.bug import bug, outcomes, symptom
from tinynn.course.exercises.ch07.places import APART
from tinynn.course.filter_editor import FILTERS, FilterEditor, laid_on
from tinynn.course.long_runs import kept
from tinynn.course.prediction import Prediction
from tinynn.data import mnist
from tinynn.tensor import Tensor

PARTS = ("07.1", "07.3", "07.4")


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


def trained(steps: int = 5) -> list[float]:
    tinynn.manual_seed(0)
    known, _ = convolution.small_digits(100, 10)
    return convolution.learn(convolution.small_network(), known, steps=steps, batch_size=8)


# -- a student's functions in the library's place --------------------------------------------------------


def worked(id: str) -> Callable:
    answer = find(id).worked_answer
    assert answer is not None
    return answer


@pytest.mark.parametrize("order", [PARTS, PARTS[::-1], ("07.3",)])
def test_the_worked_answers_train_as_the_library_does_in_any_order(order):
    wanted, badges = trained(), []
    for id in order:
        assert check(id, worked(id)).kind == "right"
        badges.append(use_mine(id))
    got = trained()
    calls = {mine.exercise.id: mine.calls for mine in badges}
    for mine in badges:
        mine.stop()
    assert calls == {id: {"07.1": 10}.get(id, 5) for id in order}
    np.testing.assert_allclose(got, wanted, rtol=1e-3)
    assert not ops.conv2d.replacement and not ops.max_pool2d.replacement


def test_one_part_stays_where_the_other_goes():
    for id in ("07.1", "07.3"):
        check(id, worked(id))
    first, second = use_mine("07.1"), use_mine("07.3")
    first.stop()
    before = second.calls
    trained(2)
    assert (first.calls, second.calls - before) == (0, 2)
    second.stop()


@pytest.mark.parametrize(
    "settings",
    [{"dilation": 2}, {"groups": 2}, {"padding": "same"}, {"stride": (1, 2)}, {"padding": (0, 1)}],
    ids=str,
)
def test_what_the_exercises_do_not_speak_of_runs_as_before(settings):
    def never(*args):
        raise AssertionError("called")

    x = np.random.default_rng(0).normal(size=(2, 2, 6, 6))
    w = np.random.default_rng(1).normal(size=(2, 2 // settings.get("groups", 1), 3, 3))
    wanted = F.conv2d(x, w, **settings).data
    with find("07.1").swap(never), find("07.3").swap(never):
        images = Tensor(x, requires_grad=True)
        got = F.conv2d(images, w, **settings)
        got.sum().backward()
    np.testing.assert_array_equal(got.data, wanted)


def test_pools_the_exercise_does_not_speak_of_run_as_before():
    def never(*args):
        raise AssertionError("called")

    x = Tensor(np.random.default_rng(0).normal(size=(1, 1, 6, 6)), requires_grad=True)
    with find("07.4").swap(never):
        for settings in ({"padding": 1}, {"dilation": 2}, {"kernel_size": (2, 3)}, {"ceil_mode": True}):
            F.max_pool2d(x, **({"kernel_size": 3} | settings)).sum().backward()


# -- claims ----------------------------------------------------------------------------------------------


def test_overwriting_trains_nearly_as_well_and_its_gradient_is_far_off():
    found = convolution.right_and_overwritten()
    assert min(share for _, share in found.values()) > 85
    assert abs(found["right"][1] - found["overwritten"][1]) < 6
    gradients = convolution.gradients_of_a_digit()
    assert (
        np.abs(gradients["right"] - gradients["overwritten"]).max() > 0.5 * np.abs(gradients["right"]).max()
    )


def test_overwritten_is_a_moved_copy_of_dy_by_one_weight():
    rng = np.random.default_rng(0)
    dy, w = rng.normal(size=(1, 1, 5, 5)), rng.normal(size=(1, 1, 3, 3))
    dx = find("07.3").mistakes["overwritten"].function(dy, w, (1, 1, 7, 7), 1, 0)
    np.testing.assert_allclose(dx[..., :5, :5][..., :4, :4], (dy * w[0, 0, 0, 0])[..., :4, :4])


def test_maps_move_with_the_image():
    layer, x = nn.Conv2d(1, 8, 5), mnist().x[:5]
    there, here = layer(convolution.moved(x, 3)).data[..., 3:], layer(x).data[..., :-3]
    np.testing.assert_allclose(there, here, atol=1e-5)


def test_shuffling_is_one_permutation_for_all_images():
    x = np.arange(2 * 784, dtype=np.float32).reshape(2, 1, 28, 28)
    once = convolution.shuffled(x)
    np.testing.assert_array_equal(np.sort(once.reshape(2, -1)), x.reshape(2, -1))
    np.testing.assert_array_equal(once[1] - once[0], np.full((1, 28, 28), 784))


@pytest.mark.slow
def test_the_shuffle_costs_convolutions_and_nobody_else():
    plain, after = (convolution.percent_right("dense", change) for change in (False, True))
    assert abs(plain - after) < 3
    plain, after = (convolution.percent_right("convolutional", change) for change in (False, True))
    assert plain > 88 and after < plain - 15


def test_the_long_run_is_what_the_chapter_says():
    long = kept("07")
    assert long["cnn_right"] > 0.97 and len(long["wrong"]) == round(1000 * (1 - long["cnn_right"]))
    assert long["cnn_plain"] - long["cnn_shuffled"] > 0.05 > abs(long["mlp_plain"] - long["mlp_shuffled"])
    assert np.shape(long["filters"]) == (32, 3, 3)
    labels = mnist().y[np.array(long["wrong"])]
    assert not np.any(labels == np.array(long["wrong_said"]))


def test_the_table_of_shuffles_waits_for_the_prediction(monkeypatch):
    monkeypatch.setattr(prediction, "_locked", {})
    monkeypatch.setattr(convolution, "percent_right", lambda kind, shuffle: 60.0 if shuffle else 90.0)
    asked = Prediction("07.6", unit="percent")
    assert convolution.shuffle_table(asked).kind == "open"
    asked.lock(30)
    assert "With convolutions: 90% as they are, 60% shuffled." in str(convolution.shuffle_table(asked))


# -- exercises -------------------------------------------------------------------------------------------


def test_every_student_gets_settings_that_tell_the_mistakes_apart():
    places = find("07.2")
    seen, before = set(), places.student
    try:
        for seed in range(60):
            places.for_seed(seed)
            if (settings := tuple(places.k.values())) not in seen:
                seen.add(settings)
                results = [tuple(float(o.value) for o in known) for known in places.known.values()]
                right = tuple(float(o.value) for o in places.wanted)
                assert len({right, *results}) == len(results) + 1, settings
    finally:
        places.for_seed(before)
    assert seen == set(APART)


def test_of_the_bugs_only_the_right_one_looks_like_its_picture():
    found = outcomes()
    assert set(found) == {"right", *bug.options}
    sizes = {name: image.shape[0] for name, image in found.items()}
    assert (sizes["right"], sizes["no_padding"], sizes["stride_of_3"]) == (28, 26, 10)
    np.testing.assert_allclose(found["kernel_flipped"], found["right"])  # nine equal numbers
    np.testing.assert_allclose(found["rows_and_columns"], found["right"].T, atol=1e-6)
    assert abs(np.corrcoef(found["reshaped"].ravel(), found["right"].ravel())[0, 1]) < 0.5
    assert "no digit can be seen" in symptom().alt


# -- pictures and the editor -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 5])
def test_the_row_of_a_window_makes_its_number(place):
    i, j = divmod(place, 3)
    total = int((pictures.IMAGE[i : i + 3, j : j + 3] * pictures.FILTER).sum())
    picture = pictures.sliding(place)
    written = next(t.get_text() for t in picture.axes[0].texts if t.get_text().startswith("this place"))
    left = written.split(":")[1].split("=")[0].replace("·", "*").replace("−", "-")
    assert eval(left) == total
    assert f"number {place} is {str(total).replace('-', '−')};" in picture.alt


def test_how_often_a_pixel_is_used():
    assert pictures.counts(5, 3, 1).tolist()[2] == [3, 6, 9, 6, 3]
    assert pictures.counts(5, 3, 2).tolist()[2] == [2, 2, 4, 2, 2]
    assert "[3, 6, 9, 6, 3]" in pictures.used().alt


def test_a_hole_is_told_and_so_is_a_wrong_product(capsys):
    for product, said in ((..., "a hole left"), (np.eye(2), "✓ the same"), (np.ones(4), "✗ not the same")):
        convolution.beside(np.eye(2), product)
        assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_does_what_its_name_says(name):
    image = np.zeros((7, 7), np.float32)
    image[2:5, 2:5] = 1
    result = laid_on(image, FILTERS[name]).alt
    assert {"one pixel": "largest 1", "sum of all": "largest 9", "moved": "largest 1"}.get(
        name, "sum 0"
    ) in result


def test_the_editor_draws_what_stands_in_its_fields(page):
    editor = FilterEditor({"a": np.eye(5, dtype=np.float32), "b": np.ones((5, 5), np.float32)})
    editor._ipython_display_()
    assert "sum 0" in editor._places[1].contents[-1]["text/plain"]
    editor.start.value = "sum of all"
    assert editor.kernel.tolist() == np.ones((3, 3)).tolist()
    editor.fields[4].value = 5
    assert "with the sum 13" in editor._places[1].contents[-1]["text/plain"]
    editor.which.value = "b"
    assert "largest 13" in editor._places[1].contents[-1]["text/plain"]
    editor.fields[0].value = float("nan")
    assert np.isfinite(editor.kernel).all()
