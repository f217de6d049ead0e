"""What chapter 12 claims: of its stack, its norms, its positions, and of a student's halves of layer norm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinynn import backend, ops, tensor
from tinynn import functional as F
from tinynn.course import block
from tinynn.course.block import reader, results, stack
from tinynn.course.block.cubes import SIDE, SLICES
from tinynn.course.check import check, use_mine
from tinynn.course.engine.exercise import find
from tinynn.course.exercises.ch12 import bug, inputs
from tinynn.course.exercises.ch12.layer_norm import norm
from tinynn.course.long_runs import kept


@pytest.fixture(autouse=True)
def numpy_backend() -> Iterator[None]:
    with backend("numpy"):
        yield


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return block.standardised(600)


# -- the stack -------------------------------------------------------------------------------------------


def test_gradients_vanish_in_the_plain_stack_and_not_where_parts_add(digits):
    spread = {way: [g.std() for g in stack.gradients(stack.build(way, 16), *digits)] for way in block.WAYS}
    assert spread["plain"][0] < 1e-9 < 1e-6 < spread["plain"][-1]
    for way in ("residual", "pre-norm", "post-norm"):
        assert 0.2 < spread[way][0] / spread[way][-1] < 5


def test_each_way_is_its_formula(digits):
    x = tensor(digits[0][:3])
    plain, added, before, behind = (stack.build(way, 1).layers[0] for way in block.WAYS)
    assert np.allclose(plain(x).data, plain.f(x).data)
    assert np.allclose(added(x).data, (x + added.f(x)).data)
    assert np.allclose(before(x).data, (x + before.f(before.norm(x))).data)
    assert np.allclose(behind(x).data, behind.norm(x + behind.f(x)).data)


def test_only_post_norm_keeps_the_stream_at_size_1(digits):
    stream = {way: stack.sizes(stack.build(way, 16), digits[0])[0] for way in ("pre-norm", "post-norm")}
    assert stream["pre-norm"][-1] > 1.2 and stream["post-norm"][1:] == pytest.approx([1] * 16, abs=1e-3)


def test_training_moves_the_stack_and_batch_norm_minds_its_company(digits):
    x, y = digits
    model = stack.build("pre-norm", 4, "batch norm")
    losses = stack.train(model, x[:400], y[:400], steps=60, lr=0.003)
    assert len(losses) == 60 and losses[-1] < losses[0] / 2
    held, order = (x[400:], y[400:]), np.argsort(y[400:], kind="stable")
    model.eval()
    assert stack.share_in_batches(model, *held) == stack.share_in_batches(model, *(a[order] for a in held))
    model.train()
    assert stack.share_in_batches(model, *held) > 0.3 + stack.share_in_batches(
        model, *(a[order] for a in held)
    )


# -- positions -------------------------------------------------------------------------------------------


def test_the_tasks_ask_what_they_say():
    x = np.array([[3, 1, 4, 1, 5]])
    assert reader.back_two(x).tolist() == [[reader.IGNORED, reader.IGNORED, 3, 1, 4]]
    assert reader.reversed_order(x).tolist() == [[5, 1, 4, 1, 3]]


def test_without_positions_shuffled_letters_give_shuffled_outputs_and_with_them_not():
    letters, order = reader.letters(np.random.default_rng(0), 2, 12), np.random.default_rng(1).permutation(12)
    for kind in block.POSITIONS:
        model = reader.build(kind)
        same = np.allclose(model(letters[:, order]).data, model(letters).data[:, order], atol=1e-5)
        assert same == (kind == "none"), kind


@given(m=st.integers(0, 200), n=st.integers(0, 200), by=st.integers(1, 200))
@settings(max_examples=30)
def test_a_score_depends_on_the_distance_alone(m, n, by):
    assert block.score(m + by, n + by) == pytest.approx(block.score(m, n), abs=1e-9)


def test_products_of_sinusoids_depend_on_the_distance_alone():
    table = find("12.4").true(60, 16)
    assert table[5] @ table[12] == pytest.approx(table[40] @ table[47])
    assert table[5] @ table[5] == pytest.approx(8)


@pytest.mark.slow
def test_what_the_chapter_says_of_positions_holds_for_another_seed():
    for kind, task, low, high in (("rotary", "two back", 0.9, 1), ("rotary", "reversed", 0, 0.6)):
        model = reader.build(kind, 7)
        reader.train(model, task, 250, seed=7)
        assert low <= reader.share_right(model, task, reader.LENGTH) <= high


def test_small_runs_of_the_three_comparisons_have_a_share_for_each_seed():
    ticks = []
    found = [
        results.norms_by_batch((16,), 2, 2, lambda: ticks.append(1)),
        results.rates_by_way(["plain"], [0.01], 1, 2, lambda: ticks.append(1)),
        results.positions_by_task(["none"], 2, 2, lambda: ticks.append(1)),
    ]
    shares = [s for f in found for by in f.values() for s in by.values()]
    assert len(ticks) == 8 + 1 + 4 and all(0 <= v <= 1 for s in shares for v in s)
    assert {len(s) for s in shares} == {1, 2}


def test_the_long_run_says_what_the_text_says():
    long = kept("12")
    median = lambda part, kind, setting: np.median(long[part][kind][setting])
    assert median("norms", "batch norm", "batches of 2") < 0.7 * median("norms", "layer norm", "batches of 2")
    assert median("ways", "pre-norm", "rate 0.03") > 0.6 > median("ways", "post-norm", "rate 0.03")
    far = {kind: median("positions", kind, "two back,\nlength 24") for kind in block.POSITIONS}
    assert max(far, key=far.get) == "rotary"
    near = {kind: median("positions", kind, "reversed,\nlength 12") for kind in block.POSITIONS}
    assert near["learned"] > 0.95 and near["sinusoidal"] > 0.95 and near["none"] < near["rotary"] < 0.7


# -- pictures --------------------------------------------------------------------------------------------


def test_each_slice_is_what_the_norm_takes_together():
    """The shaded numbers of the cube are those that change one shaded number, by the library's own ops."""
    cube = np.random.default_rng(0).normal(size=(SIDE, SIDE, SIDE))  # (N, T, D)
    norms = {
        "batch norm": lambda a: ops.batch_norm.forward(a.transpose(0, 2, 1))[0][0].transpose(0, 2, 1),
        "layer norm, RMS norm": lambda a: ops.layer_norm.forward(a)[0],
        "group norm": lambda a: ops.group_norm.forward(a.transpose(0, 2, 1), groups=2)[0].transpose(0, 2, 1),
    }
    for name, (shaded, _) in SLICES.items():
        for place in np.ndindex(cube.shape):
            moved = cube.copy()
            moved[place] += 1
            changed = (norms[name](moved) != norms[name](cube))[0, 0, SIDE - 1]
            assert changed == shaded(*place), (name, place)


def test_pictures_say_what_they_show():
    assert "0.25 to 0.50" in block.pipe([1, 1.5, 2], [0.25, 0.5], "A pipe").alt
    assert "layer norm, RMS norm: one token" in block.three_slices().alt
    assert "at a distance of 3" in block.rotary_picture(7, 4).alt
    assert "16.0 with itself" in block.waves(find("12.4").true(48, 32), 20).alt
    shown = block.by_seed({"a": {"x": [0.2, 0.4]}, "b": {"x": [1.0, 1.0]}}, "Two", "percent right")
    assert "a 30 (x); b 100 (x)" in shown.alt
    assert "GELU and silu" in block.net_shapes().alt


# -- exercises -------------------------------------------------------------------------------------------


def test_both_halves_of_a_students_layer_norm_run_together_and_give_the_librarys_losses(digits):
    library = stack.train(stack.build("pre-norm", 3), *digits, steps=10, lr=0.003)
    for id in ("12.1", "12.2"):
        assert check(id, find(id).worked_answer).kind == "right"
    with use_mine("12.1") as front, use_mine("12.2") as back:
        own = stack.train(stack.build("pre-norm", 3), *digits, steps=10, lr=0.003)
    assert front.calls == back.calls == 40
    assert own == pytest.approx(library, abs=1e-4)


def test_either_half_may_stop_first(digits):
    for id in ("12.1", "12.2"):
        check(id, find(id).worked_answer)
    front, back = use_mine("12.1"), use_mine("12.2")
    front.stop()
    stack.train(stack.build("pre-norm", 1), *digits, steps=2, lr=0.003)
    back.stop()
    stack.train(stack.build("pre-norm", 1), *digits, steps=2, lr=0.003)
    assert (front.calls, back.calls) == (0, 4)


def test_a_students_rotary_turns_forward_and_back():
    assert check("12.5", find("12.5").worked_answer).kind == "right"
    library = reader.train(reader.build("rotary"), "two back", 5)
    with use_mine("12.5") as mine:
        own = reader.train(reader.build("rotary"), "two back", 5)
    assert mine.calls == 5 * 4 and own == pytest.approx(library, abs=1e-4)


def test_a_layer_norm_without_weight_or_bias_runs_on_a_students_half():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    check("12.1", find("12.1").worked_answer)
    a = tensor(x, requires_grad=True)
    with use_mine("12.1") as mine:
        y = F.layer_norm(a, (4,))
        y.sum().backward()
    assert mine.calls == 1 and np.allclose(y.data.mean(axis=-1), 0)


@pytest.mark.parametrize("turned", ["q", "qk", "qkv"])
def test_the_symptom_is_that_of_turned_values(turned):
    for _, scores, output in bug.moved(turned):
        assert (scores > 0.01) == (turned == "q")
        assert (output > 0.01) == (turned != "qk")
    assert "below 0.000001" in bug.symptom()


@pytest.mark.parametrize("option", ["positions_from_1", "neighbours_paired"])
def test_the_other_options_would_change_nothing(option):
    """Both leave scores to the distances: the table would show zeros."""
    q, k = np.random.default_rng(0).normal(size=(2, 6, 8))
    wrong = find("12.5").mistakes[option].function
    at = lambda first: wrong(q, np.arange(6) + first, 1e4) @ wrong(k, np.arange(6) + first, 1e4).T
    assert np.allclose(at(0), at(5))


def test_inputs_that_are_too_kind_find_little():
    assert check("12.8", inputs.layer_norm_inputs).kind == "right"
    kind = lambda: [(np.array([[1.0, 2.0, 3.0]]), np.ones(3), np.zeros(3), 1e-9)]
    assert check("12.8", kind).kind == "look"
    assert set(inputs.inputs.wrong) - set(norm.mistakes) == {
        "second_axis", "variance_from_squares", "size_of_the_weight",
    }  # fmt: skip
