"""The walk through a tape: the same gradients as backward, a true sentence for each step, nothing changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

import tinynn
from tinynn import functional as F
from tinynn import nn, ops, tensor
from tinynn.backends import has_numba
from tinynn.course import plots
from tinynn.course import stepper as module
from tinynn.course.formulas import BACKWARD, FORWARD
from tinynn.course.record import flow, record
from tinynn.course.stepper import stepper
from tinynn.errors import ArgumentError, DtypeError, ShapeError, StateError
from tinynn.ops.op import Op, Out, Spec

NUMBA = pytest.param("numba", marks=pytest.mark.skipif(not has_numba(), reason="Numba is not installed"))
BACKENDS = ["numpy", NUMBA]


def leaf(value):
    return tensor(value, requires_grad=True)


def scalars():
    a, b, c = leaf(2.0), leaf(3.0), leaf(-4.0)
    y = (a * b + c).relu()
    return y, {"a": a, "b": b, "c": c, "y": y}


def diamond():
    x = leaf(3.0)
    h = x * x
    return (h + 2 * h) * h, {"x": x, "h": h}


def network():
    tinynn.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3))
    x = tensor(np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32))
    h = model(x)
    return F.cross_entropy(h + h.tanh(), np.array([0, 1, 2, 0, 1])), dict(model.named_parameters())


def broadcast():
    w, b = leaf(np.ones((5, 2), np.float32)), leaf(np.array([1.0, 2.0], np.float32))
    return ((w * b + b) * w).sum(), {"w": w, "b": b}


GRAPHS = [scalars, diamond, network, broadcast]


@pytest.fixture(params=BACKENDS)
def backend(request):
    with tinynn.backend(request.param):
        yield


@pytest.mark.parametrize("build", GRAPHS)
def test_at_the_end_the_gradients_are_those_of_backward(build, backend):
    loss, names = build()
    walk = stepper(loss, names)
    walk.go(walk.last)
    loss.backward()
    leaves = {name: x for name, x in names.items() if x.is_leaf}
    assert leaves
    for name, x in leaves.items():
        np.testing.assert_array_equal(walk.gradients[name], x.grad.data)


@st.composite
def programs(draw):
    """Lines of a computation: an op and the two earlier results that it takes."""
    lines = draw(st.integers(1, 9))
    ops_ = st.sampled_from(["add", "mul", "sub", "tanh", "relu", "maximum"])
    return [
        (draw(ops_), draw(st.integers(0, i + 2)), draw(st.integers(0, i + 2))) for i in range(lines)
    ]  # three leaves stand before the first line


@given(programs(), st.sampled_from([(), (3,), (2, 3)]))
def test_any_graph_gives_the_gradients_of_backward(program, shape):
    rng = np.random.default_rng(0)
    leaves = [leaf(rng.normal(size=shape).astype(np.float32)) for _ in range(3)]
    made = list(leaves)
    for op, i, j in program:
        made.append(getattr(F, op)(*(made[i],) if op in ("tanh", "relu") else (made[i], made[j])))
    loss = made[-1].sum() if shape else made[-1] + 0
    walk = stepper(loss, {f"p{i}": x for i, x in enumerate(leaves)})
    walk.go(walk.last)
    loss.backward()
    for i, x in enumerate(leaves):
        if x.grad is None:
            assert f"p{i}" not in walk.gradients
        else:
            np.testing.assert_array_equal(walk.gradients[f"p{i}"], x.grad.data)


def test_neither_the_tape_nor_a_gradient_is_changed():
    loss, names = network()
    for x in names.values():
        x.grad = tensor(np.full(x.shape, 7.0, np.float32))
    walk = stepper(loss, names)
    walk.go(walk.last)
    assert all((x.grad.data == 7).all() for x in names.values())
    assert all(call.node.dout is None for call in record(loss).calls)
    loss.backward()
    assert not all((x.grad.data == 7).all() for x in names.values())


def test_it_outlives_backward_and_an_optimisers_step():
    loss, names = scalars()
    walk = stepper(loss, names)
    loss.backward()
    names["a"].data[...] = 100
    assert walk.forward() == "mul: v1 = a * b = 2 * 3 = 6."
    assert "a = 2" in walk.picture().alt


def test_steps_go_forward_in_the_order_of_creation_and_back_in_reverse():
    walk = stepper(*diamond())
    calls = [step.call.node.order for step in walk.steps if step.call and step.phase == "forward"]
    back = [step.call.node.order for step in walk.steps if step.call and step.phase == "backward"]
    assert calls == sorted(calls) and back == calls[::-1]
    assert walk.steps[0].phase == "start" and walk.last == 2 * len(calls) + 1


def test_the_sentences_of_a_diamond():
    walk = stepper(*diamond())
    assert [walk.sentence, *[walk.forward() for _ in range(walk.last)]] == [
        "Start: x = 3. Nothing is computed yet.",
        "mul: h = x * x = 3 * 3 = 9.",
        "mul: v1 = 2 * h = 2 * 9 = 18.",
        "add: v2 = h + v1 = 9 + 18 = 27.",
        "mul: L = v2 * h = 27 * 9 = 243.",
        "Now backward: the gradient begins at L itself, dL/dL = 1.",
        "mul: dL/dv2 = dL/dL * h = 1 * 9 = 9; v2 has now collected 9; "
        "dL/dh = dL/dL * v2 = 1 * 27 = 27; h has now collected 27.",
        "add: dL/dh += dL/dv2 = 9; h had 27 and has now collected 36; "
        "dL/dv1 = dL/dv2 = 9; v1 has now collected 9.",
        "mul: dL/dh += dL/dv1 * 2 = 9 * 2 = 18; h had 36 and has now collected 54.",
        "mul: dL/dx = dL/dh * x = 54 * 3 = 162; x has now collected 162; "
        "dL/dx += dL/dh * x = 54 * 3 = 162; x had 162 and has now collected 324.",
    ]


def test_a_sentence_about_arrays_gives_small_ones_and_the_range_of_large_ones():
    loss, _ = broadcast()
    walk = stepper(loss)
    assert walk.go(1).startswith("mul: v1 = p1 * p2 = (5, 2), 1 to 2.")
    walk.go(walk.last)
    assert "summed to the shape (2,) of p2; p2 had [5, 5] and has now collected [10, 10]" in walk.sentence


def test_a_batch_of_matrices_and_products_of_vectors_are_told_apart():
    x, w = leaf(np.ones((2, 4, 3), np.float32)), leaf(np.ones((3, 5), np.float32))
    walk = stepper((x @ w).sum(), {"x": x, "w": w})
    assert "dL/dw = x.T @ dL/dv1 = (3, 5), 8 to 8, summed to the shape (3, 5) of w" in walk.go(walk.last)
    v = leaf(np.ones(3, np.float32))
    walk = stepper(v @ v, {"v": v})
    assert "dL/dv = the backward of matmul for dL/dL = [1, 1, 1]" in walk.go(walk.last)
    walk = stepper(F.linear(x, w.T).sum(), {"x": x})
    walk.go(walk.last - 1)
    assert "= (5, 3), 8 to 8, all rows of the batch in one matrix" in walk.sentence


ONE_INPUT = ["exp", "log", "sqrt", "neg", "relu", "tanh", "sigmoid"]
KNOWN = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "max": max}


@pytest.mark.parametrize("op", [*ONE_INPUT, "add", "sub", "mul", "div", "pow", "maximum"])
def test_a_formula_with_numbers_put_in_gives_what_the_op_computes(op):
    numbers = [1.5, 0.75][: 1 if op in ONE_INPUT else 2]
    loss = getattr(F, op)(*[leaf(np.float64(n)) for n in numbers])
    ((call, _, arrivals),) = flow(record(loss), np.float64(3.0))
    assert worked_out(FORWARD.get(op, op + "({0})").format(*numbers)) == pytest.approx(loss.item())
    for formula, arrival in zip(BACKWARD.get(op, ()), arrivals):
        value = worked_out(formula.format(*numbers, y=loss.item(), d=3.0))
        assert value == pytest.approx(arrival.amount.item()), formula


def worked_out(formula):
    return eval(formula.replace("−", "-"), {}, KNOWN)


@pytest.mark.parametrize("bias", [True, False])
def test_the_formulas_of_products_of_matrices_give_what_the_ops_compute(bias):
    rng = np.random.default_rng(0)
    x, w, b = (leaf(rng.normal(size=shape)) for shape in [(4, 3), (2, 3), (2,)])
    out, dout = F.linear(x, w, b if bias else None), rng.normal(size=(4, 2))
    ((_, _, arrivals),) = flow(record(out), dout)
    arrays = {"x": x.data, "w": w.data, "b": b.data, "d": dout}
    for formula, arrival in zip(BACKWARD["linear"], arrivals):
        text = formula.format("x", "w", "b", d="d").replace("d summed over the rows", "d.sum(axis=0)")
        np.testing.assert_allclose(eval(text, {}, arrays), arrival.amount)
    assert len(arrivals) == 2 + bias
    said = stepper(out, {"x": x, "w": w, "b": b, "y": out}, dout).go(1)
    assert said.startswith("linear: y = x @ w.T + b = " if bias else "linear: y = x @ w.T = ")


def test_back_and_forth_stay_within_the_walk():
    walk = stepper(*scalars())
    walk.back()
    assert walk.position == 0
    walk.go(10**6)
    walk.forward()
    assert walk.position == walk.last == 7
    assert walk.gradients == {"y": 1, "v2": 1, "v1": 1, "c": 1, "a": 3, "b": 2}
    walk.go(4)
    assert walk.gradients == {"y": 1}


def test_every_step_has_its_picture_and_says_so():
    walk = stepper(*diamond())
    seen = set()
    for position in range(walk.last + 1):
        walk.go(position)
        picture = walk.picture()
        assert walk.sentence in picture.alt and f"Step {position} of {walk.last}" in picture.alt
        seen.add(picture.png(50))
    assert len(seen) == walk.last + 1
    assert "Gradients so far: L 1, v2 9, h 54, v1 9, x 324." in picture.alt


def lit(picture):
    """Colour and pattern of the lines that are drawn bold."""
    lines = [patch for patch in picture.axes[0].patches if isinstance(patch, PathPatch)]
    return [(to_hex(p.get_edgecolor()), p.get_linestyle()) for p in lines if p.get_linewidth() > 2]


def test_the_lines_that_carry_something_are_bold_and_a_gradient_goes_along_dashed_ones():
    walk = stepper(*diamond())
    walk.go(2)  # v1 = 2 * h
    assert lit(walk.picture()) == 2 * [(plots.VALUE, "-")]
    walk.go(8)  # the same on the way back: 2 is a number, no gradient goes there
    assert lit(walk.picture()) == [(plots.GRADIENT, "--")]


def two_outputs():
    """x -> (2 x, 3 x), as an op of its own."""
    spec = lambda x: Spec((Out(x.shape, x.dtype), Out(x.shape, x.dtype)), 0)
    none = lambda d, x: np.zeros_like(x) if d is None else d
    return Op("two", spec, lambda x: ((2 * x, 3 * x), x), lambda d, x: 2 * none(d[0], x) + 3 * none(d[1], x))


@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
def test_an_op_with_two_outputs_sends_back_what_arrives_at_each(used):
    x = leaf(5.0)
    outputs = tinynn.apply(two_outputs(), x)
    loss = sum((outputs[i] * outputs[i] for i in used), start=tensor(0.0))
    walk = stepper(loss, {"x": x})
    walk.go(walk.last)
    loss.backward()
    assert walk.gradients["x"] == x.grad.data


def test_a_path_that_is_cut_has_no_step_back():
    cut = Op("cut", lambda x: Spec(Out(x.shape, x.dtype), 0), lambda x: (x, None), lambda dout, _: None)
    x = leaf(2.0)
    loss = tinynn.apply(cut, x * 3.0) + x
    walk = stepper(loss, {"x": x})
    walk.go(walk.last)
    assert [s.call.op for s in walk.steps if s.call and s.phase == "backward"] == ["add", "cut"]
    assert walk.gradients["x"] == 1


def test_an_op_that_runs_on_the_students_own_functions_is_walked_too():
    with ops.relu.using(lambda x: (np.maximum(x, 0), x), lambda dout, x: dout * (x > 0)):
        loss, names = scalars()
        walk = stepper(loss, names)
    assert walk.go(walk.last).startswith("mul: dy/da = dy/dv1 * b = 1 * 3 = 3")


# -- refused -----------------------------------------------------------------------------------------------


def test_a_tape_that_backward_used_up_is_refused_and_the_hint_works():
    loss, _ = scalars()
    loss.backward()
    with pytest.raises(StateError, match=r"used up.*Try: stepper\(loss\) before loss.backward\(\)"):
        stepper(loss)
    loss, _ = scalars()
    stepper(loss)
    loss.backward()


def test_what_has_no_tape_is_refused():
    with pytest.raises(StateError, match="without history"):
        stepper(leaf(1.0))
    with pytest.raises(DtypeError, match="expected a tensor"):
        stepper(3.0)
    with pytest.raises(DtypeError, match="a dict of tensors or a module"):
        stepper(scalars()[0], 5)


def test_a_loss_of_many_numbers_wants_a_gradient():
    x = leaf(np.ones(3, np.float32))
    with pytest.raises(ShapeError, match="single number"):
        stepper(x * x)
    walk = stepper(x * x, {"x": x}, gradient=[1.0, 2.0, 3.0])
    walk.go(walk.last)
    np.testing.assert_array_equal(walk.gradients["x"], [2, 4, 6])


def test_a_graph_too_large_to_read_is_refused():
    y = x = leaf(1.0)
    for _ in range(70):
        y = y + x
    with pytest.raises(ArgumentError, match="70 ops and 1 leaves; expected at most 60"):
        stepper(y)


# -- names -------------------------------------------------------------------------------------------------


def test_names_come_from_a_dict_a_module_or_the_variables_of_a_notebook():
    model = nn.Linear(2, 1)
    x = tensor([[1.0, 2.0]])
    loss = model(x).sum()
    assert {v.name for v in record(loss, model).leaves} == {"weight", "bias", "x1"}
    everything = {"_1": loss, "x": x, "n": 3, "again": x, **dict(model.named_parameters())}
    assert {v.name for v in record(loss, everything).leaves} == {"weight", "bias", "x"}


def test_made_up_names_keep_off_those_that_are_taken():
    a, b = leaf(1.0), leaf(2.0)
    assert [v.name for v in record(a * b, {"p1": b}).leaves] == ["p2", "p1"]


# -- widgets -----------------------------------------------------------------------------------------------


@pytest.fixture
def shown(page):
    """A stepper on a page: the stepper, its widgets, and what stands in each place, newest last."""
    pytest.importorskip("ipywidgets")
    walk = stepper(*scalars())
    walk._ipython_display_()
    return walk, walk._panel, page.places


def test_next_back_and_the_slider_move_the_walk_and_what_is_shown(shown):
    walk, panel, (_, sentence, picture, words) = shown
    panel.next.click()
    assert walk.position == panel.slider.value == 1
    assert "mul: v1 = a * b = 2 * 3 = 6." in sentence[-1]["text/html"]
    assert "v1 = 6" in words[-1]["text/plain"]
    assert picture[-1]["image/png"] != picture[0]["image/png"]
    panel.slider.value = 7
    assert walk.position == 7 and "a has now collected 3" in sentence[-1]["text/plain"]
    panel.back.click()
    assert walk.position == panel.slider.value == 6
    assert len(picture) == 4  # one picture a move, the first included


def test_picture_and_words_outlive_the_widgets(shown):
    _, _, (buttons, *others) = shown
    view = "application/vnd.jupyter.widget-view+json"
    assert view in buttons[0] and "Run this cell" in buttons[0]["text/html"]
    assert not any(view in place[0] for place in others)


def test_names_are_escaped_on_the_page(monkeypatch):
    pytest.importorskip("ipywidgets")
    pages = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: pages.append(data))
    x = leaf(1.0)
    stepper(x * x, {"<b>": x})._ipython_display_()
    assert "<b>" not in pages[1]["text/html"] and "&lt;b&gt;" in pages[1]["text/html"]


def test_without_a_notebook_it_says_where_it_stands():
    assert repr(stepper(*diamond())) == "Step 0 of 9, start. Start: x = 3. Nothing is computed yet."
    assert isinstance(stepper(*diamond()), module.Stepper)
